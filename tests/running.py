"""The bot at work while a test looks on: in the test's own process, and in one of its own."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
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
