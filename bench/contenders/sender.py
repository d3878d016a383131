"""The bot's sender alone: `TelegramPlatform.send`, without ledger and pacing."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from pydantic import SecretStr

from bench.contenders.floor import TOKEN
from bot.model.rendering import Message
from bot.model.subscription import PlatformName, Target
from bot.platforms.base import Post
from bot.platforms.telegram.client import TelegramPlatform
from bot.platforms.telegram.section import Telegram

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from bench.block import Block


@contextlib.asynccontextmanager
async def connected(block: Block) -> AsyncIterator[TelegramPlatform]:
    """The platform, connected to the stand-in."""
    platform = TelegramPlatform(Telegram(token=SecretStr(TOKEN), api_url=block.url))
    await platform.connect()
    try:
        yield platform
    finally:
        await platform.close()


def send_by(block: Block, platform: TelegramPlatform) -> Callable[[int], Awaitable[str]]:
    """What sends the one message to the chat of a number."""
    message = Message(block.material["telegram"]["body"], used=0, limit=4096)

    def send(number: int) -> Awaitable[str]:
        target = Target(PlatformName("telegram"), str(number + 1))
        return platform.send(Post(target, "Épisode 1207", message, nonce=""))

    return send


async def main(block: Block) -> None:
    """Send them all."""
    async with connected(block) as platform:
        await block.sends(send_by(block, platform))
