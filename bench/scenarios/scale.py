"""How much more the bot needs for a thousand times the people, or for very many channels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bench.result import Result, Spread

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bench.processes import StandIn

WARM_UP = 400
TIMES = 3
"""Pushes to each size, of which the one in the middle counts, because a sample takes less than a second."""
MIBIBYTES = 200
"""What a push to a million may take."""
OPENING = 15
"""Seconds that opening it may take."""
SLOWER = 1.5
"""The last claims of a push, of its first ones. Medians of a few milliseconds vary by a fifth."""


def people(stand_in: StandIn, sizes: Sequence[int], *, sample: int, drained: int, server: str) -> Result:
    """Pushes to a thousand people and to up to a million, of whom a sample is sent to, and one that is claimed whole.

    With the address of a PostgreSQL server, the same there, to fewer people.
    """
    result = Result(
        "Subscriptions",
        ("database", "subscriptions", "broadcast opened in", "peak memory", "CPU a delivery", "of the first"),
    )
    for database, url in {"SQLite": "", "PostgreSQL": server}.items() if server else [("SQLite", "")]:
        of_size = [size for size in sizes if size <= drained or not url]
        pushes = [_push(stand_in, size, sample, url) for size in of_size]
        costs = [said["cpu"] / said["messages"] * 1e6 for said in pushes]
        for size, said, cost in zip(of_size, pushes, costs, strict=True):
            result.raw.append({"database": database, "people": size, **said})
            result.rows.append(
                (
                    *(database, f"{size:,}", f"{said['opened']:.2f} s", f"{said['memory']:.0f} MB"),
                    *(f"{cost:.0f} µs", f"{cost / costs[0]:.2f}×"),
                )
            )
        push = f"{database}, a push to {of_size[-1]:,} subscriptions"
        result.demand(f"{push}: opened in", pushes[-1]["opened"], OPENING, digits=1, unit=" s")
        result.demand(f"{push}: peak memory", pushes[-1]["memory"], MIBIBYTES, digits=0, unit=" MB")
        result.demand(f"{push}: cost of a delivery, of that to {of_size[0]:,}", costs[-1] / costs[0], 1.2, unit="×")
        said = stand_in.block("drained", messages=drained, server=url)
        result.raw.append({"database": database, "drained": drained, **said})
        result.notes.append(
            f"{database}: {drained:,} deliveries claimed and recorded in {said['seconds']:.1f} s; "
            f"a claim takes {said['first'] * 1e3:.1f} ms at first and {said['last'] * 1e3:.1f} ms at last"
        )
        whole = f"{database}, a push to {drained:,} subscriptions"
        result.demand(f"{whole}: its last claims, of its first", said["last"] / said["first"], SLOWER, unit="×")
    return result


def _push(stand_in: StandIn, size: int, sample: int, server: str) -> dict[str, Any]:
    stand_in.services()
    found = [
        stand_in.block("sampled", messages=sample, warm_up=WARM_UP, in_flight=32, people=size, server=server)
        for _ in range(TIMES)
    ]
    return sorted(found, key=lambda said: float(said["cpu"]))[TIMES // 2]


def correction(stand_in: StandIn, *, messages: int, rounds: int) -> Result:
    """A correction of very many messages beside their push; the platform's share, which is alike, is left out."""
    result = Result("A correction", ("messages", "CPU a message of the push", "of the correction", "of the push's"))
    found = [stand_in.block("corrected", messages=messages, in_flight=32) for _ in range(rounds)]
    ratio = Spread.of([said["correction"] / said["push"] for said in found])
    costs = (Spread.of([said[name] / messages * 1e6 for said in found]) for name in ("push", "correction"))
    result.rows.append((f"{messages:,}", *(each.text(0, " µs") for each in costs), ratio.text(2, "×")))
    result.raw += found
    result.demand(f"a correction of {messages:,} messages, of their push", ratio.median, 1.0, unit="×")
    return result


def channels(stand_in: StandIn, sizes: Sequence[int]) -> Result:
    """Discord: a message to each of very many channels."""
    result = Result("Discord channels", ("", *(f"{size:,} channels" for size in sizes), "last of the first"))
    contenders = {"discord_bare": "discord.py, bare channel.send", "discord_sender": "Monday Recap"}
    ratios = []
    for contender, label in contenders.items():
        costs = []
        for size in sizes:
            stand_in.services()
            said = stand_in.block(contender, messages=size, in_flight=32, channels=size)
            costs.append(said["cpu"] / said["messages"] * 1e6)
        ratios.append(costs[-1] / costs[0])
        result.rows.append((label, *(f"{cost:,.0f} µs" for cost in costs), f"{ratios[-1]:.2f}×"))
        result.raw.append({"contender": contender, "costs": costs})
    result.demand(
        f"a message to each of {sizes[-1]:,} Discord channels, of one to {sizes[0]:,} "
        f"(discord.py by itself: {ratios[0]:.1f}×)",
        ratios[-1],
        1.2,
        unit="×",
    )
    return result
