"""How much more the bot needs for a thousand times the people, or for very many channels."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.result import Result

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bench.processes import StandIn

WARM_UP = 400
MIBIBYTES = 200
"""What a push to a million may take."""
OPENING = 15
"""Seconds that opening it may take."""


def people(stand_in: StandIn, sizes: Sequence[int], *, sample: int) -> Result:
    """Pushes to a thousand people and to up to a million, of whom a sample is sent to."""
    result = Result(
        "Subscriptions", ("subscriptions", "broadcast opened in", "peak memory", "CPU a delivery", "of the first")
    )
    costs = []
    for size in sizes:
        stand_in.services()
        said = stand_in.block(
            "sampled", messages=min(sample, size - WARM_UP), warm_up=WARM_UP, in_flight=32, people=size
        )
        costs.append(said["cpu"] / said["messages"] * 1e6)
        result.raw.append({"people": size, **said})
        result.rows.append(
            (
                f"{size:,}",
                f"{said['opened']:.2f} s",
                f"{said['memory']:.0f} MB",
                f"{costs[-1]:.0f} µs",
                f"{costs[-1] / costs[0]:.2f}×",
            )
        )
    largest = result.raw[-1]
    push = f"a push to {sizes[-1]:,} subscriptions"
    result.demand(f"{push}: opened in", largest["opened"], OPENING, digits=1, unit=" s")
    result.demand(f"{push}: peak memory", largest["memory"], MIBIBYTES, digits=0, unit=" MB")
    result.demand(f"{push}: cost of a delivery, of that to {sizes[0]:,}", costs[-1] / costs[0], 1.2, unit="×")
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
