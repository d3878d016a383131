"""A push to very many people, of whom a sample is sent to: what opening it and each delivery cost.

Because the worker claims ahead of what it sends, the sample is the beginning of the push, with its first claim: the end
of a push to few is without claims.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from bench.contenders.sender import connected, send_by
from bench.pipeline import Counting, courier_of, leased, open_broadcast, subscribed
from bot.model.subscription import PlatformName
from bot.runtime.app import settle_in

if TYPE_CHECKING:
    from bench.block import Block


async def main(block: Block) -> None:
    """Open the push and send the sample."""
    people = block.options["people"]
    async with (
        connected(block) as platform,
        subscribed(block, PlatformName("telegram"), people) as ledger,
    ):
        await block.warms(send_by(block, platform))
        counting = Counting(platform)
        began = time.monotonic()
        await open_broadcast(block, ledger, counting.name)
        block.found["opened"] = time.monotonic() - began
        lease = await leased(ledger, counting.name)
        keeping = asyncio.create_task(lease.keep())
        worker = courier_of(block, counting, ledger, lease=lease)
        settle_in()
        with block.measured(block.messages):
            task = asyncio.create_task(worker.run())
            await counting.reached(block.messages)
        await worker.stop()
        await task
        keeping.cancel()
