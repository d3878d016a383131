"""At a platform's own pace: whether the rate is attained and kept, what that costs, and what it adds to an answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.result import Result

if TYPE_CHECKING:
    from bench.processes import StandIn

ANSWER = 0.05
"""Seconds the stand-in takes for an answer, about as long as Telegram."""
STALL = 0.02
"""Seconds that the event loop stands still now and then."""
WINDOW = 256
"""Sends under way at once: rate × answer × 2 at a thousand a second, and some."""
ON_THEIR_WAY = 0.02
"""Seconds after a refusal in which what had left before it may still arrive."""
AT = "at {:,} messages a second"
COLUMNS = ("", "messages/s", "of the rate", "peak in a second", "refused", "CPU of a core", "added p50", "p90", "p99")


def fast(stand_in: StandIn, *, seconds: int) -> Result:
    """A thousand messages a second, as paid broadcasts may."""
    result = _at(stand_in, "Telegram at 1,000 messages a second", rate=1000, seconds=seconds, core=60)
    result.demand(f"{AT.format(1000)}: latency added, p99", result.raw[0]["added"][2] * 1000, 5, digits=1, unit=" ms")
    return result


def slow(stand_in: StandIn, *, seconds: int) -> Result:
    """Thirty messages a second, the event loop standing still now and then."""
    title = "Telegram at 30 messages a second, the event loop stalled for 20 ms now and then"
    return _at(stand_in, title, rate=30, seconds=seconds, core=6, stall=STALL)


def _at(stand_in: StandIn, title: str, *, rate: int, seconds: int, core: float, stall: float = 0.0) -> Result:
    stand_in.services(delay=ANSWER, limit=rate)
    said = stand_in.block("paced", messages=rate * seconds, in_flight=WINDOW, rate=rate, stall=stall)
    seen = stand_in.report()
    attained = (seen["sends"] - 1) / seen["seconds"]
    used = said["cpu"] / said["seconds"] * 100
    added = [latency - ANSWER for latency in said["latencies"]]
    result = Result(title, COLUMNS, raw=[{**said, **seen, "added": added}])
    result.rows.append(
        (
            "Monday Recap, whole path",
            f"{attained:,.1f}",
            f"{attained / rate:.1%}",
            str(seen["peak"]),
            str(seen["refused"]),
            f"{used:.1f}%",
            *(f"{latency * 1000:.1f} ms" for latency in added),
        )
    )
    at = AT.format(rate)
    result.demand(f"{at}: of the rate missed", 100 - attained / rate * 100, 1, digits=1, unit=" %")
    result.demand(f"{at}: most messages that arrived in any second", seen["peak"], rate, digits=0)
    result.demand(f"{at}: refused with 429", seen["refused"], 0, digits=0)
    result.demand(f"{at}: of one core", used, core, digits=1, unit=" %")
    return result


def flood(stand_in: StandIn, *, seconds: int, retry_after: int = 2) -> Result:
    """After a 429, silence until its time is over."""
    rate = 100
    stand_in.services(delay=ANSWER, flood_at=rate * seconds // 2, retry_after=retry_after)
    said = stand_in.block("paced", messages=rate * seconds, in_flight=WINDOW, rate=rate)
    seen = stand_in.report()
    broken = [late for late in seen["in_pause"] if late > ON_THEIR_WAY]
    result = Result(
        f"After a 429 with retry_after {retry_after}", ("", "sent", "in the pause", "of them already on their way")
    )
    result.raw.append({**said, **seen})
    sent, early = said["tally"].get("sent", 0), len(seen["in_pause"])
    result.rows.append(("Monday Recap, whole path", str(sent), str(early), str(early - len(broken))))
    result.demand("messages inside the pause that a 429 asks for", len(broken), 0, digits=0)
    result.demand("deliveries not made after it", rate * seconds - sent, 0, digits=0)
    return result
