"""A push and its correction, both around a platform that does nothing: what each takes in worker and ledger."""

from __future__ import annotations

import asyncio
import contextlib
import time
from typing import TYPE_CHECKING

from bench.pipeline import SCHEDULE, Editing, courier_of, open_broadcast, subscribed
from bot.model.rendering import Message, Rendering
from bot.model.subscription import PlatformName
from bot.runtime.app import settle_in
from bot.storage.corrections import Wanted

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from bench.block import Block
    from bot.storage.ledger import Ledger

TELEGRAM = PlatformName("telegram")
CORRECTED = Message({"text": "Le bon texte"}, used=0, limit=4096)


async def main(block: Block) -> None:
    """Push to everybody, then correct it everywhere; measure both from their opening to their end."""
    async with subscribed(block, TELEGRAM, block.messages) as ledger:
        settle_in()
        with block.measured(block.messages):
            async with delivered(block, ledger, "push"):
                await open_broadcast(block, ledger, TELEGRAM)
            (push,) = await ledger.broadcasts(1)
            after = dict.fromkeys(
                ((choice, False) for choice in await ledger.choices(SCHEDULE)), Rendering("", (CORRECTED,))
            )
            async with delivered(block, ledger, "correction"):
                await ledger.corrections.correct(push, Wanted(after, {TELEGRAM: CORRECTED}, None))


@contextlib.asynccontextmanager
async def delivered(block: Block, ledger: Ledger, name: str) -> AsyncIterator[None]:
    """Deliver what the context opens, and keep the processor time of both under that name."""
    finished, platform = asyncio.Event(), Editing(TELEGRAM)
    used = time.process_time()
    yield
    worker = courier_of(block, platform, ledger, finished=finished.set, editor=platform)
    task = asyncio.create_task(worker.run())
    await finished.wait()
    block.found[name] = time.process_time() - used
    await worker.stop()
    await task
