"""The bot's whole path: ledger, claims, pacing with the limit lifted, sender, recording."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.contenders.sender import connected
from bench.pipeline import LIFTED, push

if TYPE_CHECKING:
    from bench.block import Block


async def main(block: Block) -> None:
    """Push to them all."""
    async with connected(block) as platform:
        await push(block, platform, rate=block.options.get("rate", LIFTED))
