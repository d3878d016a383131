"""The bot at work while a test looks on: in the test's own process, and in one of its own."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from bot.runtime.app import App


@contextlib.asynccontextmanager
async def at_work(app: App) -> AsyncIterator[None]:
    """The whole bot, as `recap run` runs it, until the context is left."""
    stop = asyncio.Event()
    task = asyncio.create_task(app.run(stop))
    try:
        yield
    finally:
        stop.set()
        await task


LOOK_EVERY = 0.002
"""Seconds between two looks at whether this process stands still."""


@dataclass
class Lag:
    """The longest time for which this process stood still, in seconds: its stand-ins see late what comes meanwhile."""

    longest: float = 0.0

    @property
    def second(self) -> float:
        """The part of a second in which all that was seen certainly left within one."""
        return max(LOOK_EVERY, 1.0 - self.longest)


@contextlib.asynccontextmanager
async def noting_lag() -> AsyncIterator[Lag]:
    """Note the lag until the context is left."""
    lag = Lag()

    async def note() -> None:
        while True:
            asleep = time.monotonic() + LOOK_EVERY
            await asyncio.sleep(LOOK_EVERY)
            lag.longest = max(lag.longest, time.monotonic() - asleep)

    noting = asyncio.create_task(note())
    try:
        yield lag
    finally:
        noting.cancel()


@contextlib.asynccontextmanager
async def as_process(config: Path, **environment: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """`recap run` with this config, writing to the file `log` beside it; killed if it still runs at the end."""
    with (config.parent / "log").open("ab") as log:
        running = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "bot", "run", "--config", str(config),
            env=os.environ | environment, stdout=log, stderr=log,
        )  # fmt: skip
        try:
            yield running
        finally:
            if running.returncode is None:
                running.kill()
            await running.wait()
