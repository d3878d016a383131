"""The bot's whole path at a pace, as in life: how long each send takes, while now and then the event loop stalls."""

from __future__ import annotations

import asyncio
import random
import time
from typing import TYPE_CHECKING

from bench.contenders.sender import connected
from bench.pipeline import Around, push
from bot.model.subscription import PlatformName

if TYPE_CHECKING:
    from bench.block import Block
    from bot.platforms.base import Platform, Post


class Timed(Around):
    """Sends through another platform and remembers how long that took."""

    def __init__(self, through: Platform) -> None:
        super().__init__(PlatformName("telegram"))
        self._through = through
        self.seconds: list[float] = []

    async def send(self, post: Post) -> str:
        """Send it."""
        began = time.perf_counter()
        try:
            return await self._through.send(post)
        finally:
            self.seconds.append(time.perf_counter() - began)


async def main(block: Block) -> None:
    """Push to them all at the rate."""
    async with connected(block) as platform:
        timed = Timed(platform)
        stalling = asyncio.create_task(_stall(block.options.get("stall", 0.0)))
        await push(block, timed, rate=block.options["rate"])
        stalling.cancel()
    inside = sorted(timed.seconds)
    block.found["latencies"] = [inside[int(len(inside) * part)] for part in (0.5, 0.9, 0.99)]


async def _stall(seconds: float) -> None:
    """Hold up the event loop every half second or so, as a slow answer or a busy machine does."""
    while seconds:
        await asyncio.sleep(random.uniform(0.2, 0.8))  # noqa: S311 - guards nothing
        time.sleep(seconds)  # noqa: ASYNC251 - that is the point
