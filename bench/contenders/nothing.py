"""The bot's whole path around a sender that sends nothing: what ledger, pacing and bookkeeping cost by themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.pipeline import Around, push
from bot.model.subscription import PlatformName

if TYPE_CHECKING:
    from bench.block import Block


async def main(block: Block) -> None:
    """Push to nobody at all."""
    await push(block, Around(PlatformName("telegram")))
