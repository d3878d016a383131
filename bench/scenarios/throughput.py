"""How many messages go out, and what each costs: everybody side by side, in shuffled blocks."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bench.processes import aiogram_python
from bench.result import Bar, Result, Spread

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bench.processes import StandIn

WARM_UP = 0.1
"""The part of the messages that are sent first and not counted."""
IN_FLIGHT = 32


@dataclass(frozen=True)
class Contender:
    """Somebody who sends. `share` is the part of the messages that one so slow is given, `metrics` what it does."""

    name: str
    label: str
    share: float = 1.0
    metrics: str = ""


FLOOR = Contender("floor", "bare aiohttp, prebuilt bytes (the floor)")
SENDER = Contender("sender", "Monday Recap's sender alone")
WHOLE = Contender("whole", "Monday Recap, whole path")
WHOLE_FLOOR = Contender("whole_floor", "the same path around the floor's sender")
NOTHING = Contender("nothing", "the same path, sending nothing")
AIOGRAM = Contender("aiogram_loop", "aiogram, broadcast loop", share=0.5)
PTB = Contender("ptb", "python-telegram-bot, default", share=0.2)
TELEGRAM = (FLOOR, SENDER, WHOLE, WHOLE_FLOOR, NOTHING, AIOGRAM, PTB)

DISCORD_BARE = Contender("discord_bare", "discord.py, bare channel.send")
DISCORD_SENDER = Contender("discord_sender", "Monday Recap's sender alone")
DISCORD_WHOLE = Contender("discord_whole", "Monday Recap, whole path")
DISCORD = (DISCORD_BARE, DISCORD_SENDER, DISCORD_WHOLE)

NO_METRICS = Contender("metrics", "the path with no place for metrics", metrics="out")
METRICS_OFF = Contender("metrics", "Monday Recap, metrics off", metrics="off")
METRICS_ON = Contender("metrics", "Monday Recap, metrics on", metrics="on")


@dataclass(frozen=True)
class Measured:
    """One block."""

    cpu: float
    """Microseconds a message."""
    ledger: float
    """The part of them that threads beside the event loop's took: the ledger has one, and nothing else does."""
    rate: float
    """Messages a second."""
    memory: float
    """Mebibytes at the peak."""
    server: float
    """The part of the time in which the stand-in was busy."""


def telegram(stand_in: StandIn, *, messages: int, rounds: int, aiogram: bool) -> Result:
    """Telegram: the floor, both libraries, and the bot in its parts."""
    contenders = [each for each in TELEGRAM if aiogram or each is not AIOGRAM]
    found = compete(stand_in, contenders, messages=messages, rounds=rounds)
    result = table("Telegram", found, FLOOR)
    cost = {each: Spread.of(_costs(found, each, FLOOR)).median for each in contenders}
    ledger = Spread.of([each.ledger for each in found[WHOLE]]).median
    result.demand("Telegram, whole path, of the floor's cost", cost[WHOLE], 1.5, unit="×")
    result.demand("of the same path around the floor's sender", cost[WHOLE] / cost[WHOLE_FLOOR], 1.1, unit="×")
    result.demand("the ledger's share of it", ledger * 100, 9, digits=1, unit=" %")
    return result


def discord(stand_in: StandIn, *, messages: int, rounds: int) -> Result:
    """Discord: discord.py's own send, and the bot in its parts."""
    found = compete(stand_in, DISCORD, messages=messages, rounds=rounds)
    result = table("Discord", found, DISCORD_BARE)
    cost = Spread.of(_costs(found, DISCORD_WHOLE, DISCORD_BARE)).median
    result.demand("Discord, whole path, of channel.send's cost", cost, 1.35, unit="×")
    return result


def metrics(stand_in: StandIn, *, messages: int, rounds: int) -> Result:
    """The path that sends nothing: with metrics, without, and with no place in it for them."""
    found = compete(stand_in, (NO_METRICS, METRICS_OFF, METRICS_ON), messages=messages, rounds=rounds)
    result = table("Metrics", found, NO_METRICS)
    off, on = (Spread.of(_costs(found, each, NO_METRICS)).median for each in (METRICS_OFF, METRICS_ON))
    result.demand("metrics off, of the path with no place for them", off, 1.05, unit="×")
    result.demand("metrics on, of the same", on, 1.1, unit="×")
    return result


def compete(
    stand_in: StandIn, contenders: Sequence[Contender], *, messages: int, rounds: int
) -> dict[Contender, list[Measured]]:
    """Give everybody a block in each round, in another order each time."""
    found: dict[Contender, list[Measured]] = {contender: [] for contender in contenders}
    for _ in range(rounds):
        for contender in random.sample(contenders, len(contenders)):
            found[contender].append(measure(stand_in, contender, messages))
    return found


def measure(stand_in: StandIn, contender: Contender, messages: int) -> Measured:
    """One block of one contender."""
    stand_in.services()
    share = int(messages * contender.share)
    said = stand_in.block(
        contender.name,
        messages=share,
        warm_up=int(share * WARM_UP),
        in_flight=IN_FLIGHT,
        python=aiogram_python() if contender is AIOGRAM else "",
        metrics=contender.metrics,
    )
    return Measured(
        cpu=said["cpu"] / said["messages"] * 1e6,
        ledger=1 - said["cpu_of_loop"] / said["cpu"],
        rate=said["messages"] / said["seconds"],
        memory=said["memory"],
        server=stand_in.report()["busy"],
    )


def table(title: str, found: dict[Contender, list[Measured]], floor: Contender) -> Result:
    """Everybody's figures as ratios to the floor's of the same round."""
    result = Result(
        title, ("", "CPU of floor", "CPU/1,000 messages", "messages/s", "of floor", "peak memory", "of floor")
    )
    memory = Spread.of([each.memory for each in found[floor]]).median
    for contender, blocks in sorted(found.items(), key=lambda item: Spread.of(_costs(found, item[0], floor)).median):
        cost = Spread.of(_costs(found, contender, floor))
        pace = [each.rate / other.rate for each, other in zip(blocks, found[floor], strict=True)]
        peak = Spread.of([each.memory for each in blocks])
        result.bars.append(Bar(contender.label, cost))
        result.rows.append(
            (
                contender.label,
                cost.text(2, "×"),
                Spread.of([each.cpu for each in blocks]).text(0, " ms"),
                Spread.of([each.rate for each in blocks]).text(),
                Spread.of(pace).text(2, "×"),
                peak.text(0, " MB"),
                f"{peak.median / memory:.2f}×",
            )
        )
        result.ratios.append(
            (contender.label, cost.text(2, "×"), Spread.of(pace).text(2, "×"), f"{peak.median / memory:.2f}×")
        )
        result.raw.append({"contender": contender.name, "blocks": [vars(each) for each in blocks]})
    busy = max(each.server for each in found[floor])
    result.notes.append(f"the stand-in was busy {busy:.0%} of the time at most while the floor was measured")
    return result


def _costs(found: dict[Contender, list[Measured]], contender: Contender, floor: Contender) -> list[float]:
    return [each.cpu / other.cpu for each, other in zip(found[contender], found[floor], strict=True)]
