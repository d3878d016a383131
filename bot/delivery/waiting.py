"""The wait that an event ends early."""

import asyncio
import contextlib


async def wait_for_event(event: asyncio.Event, seconds: float) -> None:
    """Wait until the event is set, for so many seconds at most.

    Because `asyncio.wait_for` of Python 3.11 may lose a cancellation, this does without.
    """
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()
