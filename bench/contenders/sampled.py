"""A push to very many people, of whom a sample is sent to: what opening it and each delivery cost."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from bench.contenders.sender import connected
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
        counting = Counting(platform)
        began = time.monotonic()
        await open_broadcast(block, ledger, counting.name)
        block.found["opened"] = time.monotonic() - began
        lease = await leased(ledger, counting.name)
        keeping = asyncio.create_task(lease.keep())
        worker = courier_of(block, counting, ledger, lease=lease)
        task = asyncio.create_task(worker.run())
        await counting.reached(block.warm_up)
        settle_in()
        with block.measured(block.messages):
            await counting.reached(block.warm_up + block.messages)
        await worker.stop()
        await task
        keeping.cancel()
