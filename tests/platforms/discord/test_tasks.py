"""The end of what the bot does on Discord."""

from __future__ import annotations

import asyncio

from bot.platforms.discord.tasks import TaskTracker


async def test_what_begins_at_the_end_has_its_time_too() -> None:
    """The bot still hears people while it finishes its answers to others."""
    tracker = TaskTracker()
    later: list[asyncio.Task[str]] = []

    @tracker.counted
    async def second() -> str:
        await asyncio.sleep(0.05)
        return "answered"

    @tracker.counted
    async def first() -> None:
        later.append(asyncio.create_task(second()))
        await asyncio.sleep(0)

    beginning = asyncio.create_task(first())
    await asyncio.sleep(0)
    await tracker.finish(within=30)
    assert (beginning.done(), later[0].result()) == (True, "answered")


async def test_what_does_not_end_is_cancelled() -> None:
    """The bot leaves all the same."""
    tracker = TaskTracker()
    answer = asyncio.create_task(tracker.counted(asyncio.Event().wait)())
    await asyncio.sleep(0)
    await tracker.finish(within=0.01)
    assert answer.cancelled()
