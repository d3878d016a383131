"""The bot's whole path to Discord: ledger, claims, pacing with the limit lifted, sender, recording."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.contenders.discord_sender import connected
from bench.pipeline import push

if TYPE_CHECKING:
    from bench.block import Block


async def main(block: Block) -> None:
    """Push to them all, each in a channel of its own."""
    async with connected(block) as platform:
        await push(block, platform)
