"""A push to very many people, of whom a sample is sent to: what opening it and each delivery cost."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from bench.contenders.sender import connected
from bench.pipeline import Around, courier_of, open_broadcast, subscribed
from bot.subscription import PlatformName

if TYPE_CHECKING:
    from bench.block import Block
    from bot.platforms.base import Platform, Post


class Counting(Around):
    """Sends through another platform and lets others wait until so many are sent."""

    def __init__(self, through: Platform) -> None:
        super().__init__(PlatformName.TELEGRAM)
        self._through = through
        self._sent = 0
        self._awaited: dict[int, asyncio.Event] = {}

    async def send(self, post: Post) -> str:
        """Send it."""
        message_id = await self._through.send(post)
        self._sent += 1
        if self._sent in self._awaited:
            self._awaited[self._sent].set()
        return message_id

    async def reached(self, number: int) -> None:
        """Wait until so many are sent."""
        await self._awaited.setdefault(number, asyncio.Event()).wait()


async def main(block: Block) -> None:
    """Open the push and send the sample."""
    people = block.options["people"]
    async with (
        connected(block) as platform,
        subscribed(block.folder / "recap.db", PlatformName.TELEGRAM, people) as ledger,
    ):
        counting = Counting(platform)
        began = time.monotonic()
        await open_broadcast(block, ledger, counting.name)
        block.found["opened"] = time.monotonic() - began
        courier = courier_of(block, counting, ledger)
        task = asyncio.create_task(courier.run())
        await counting.reached(block.warm_up)
        with block.measured(block.messages):
            await counting.reached(block.warm_up + block.messages)
        await courier.stop()
        await task
