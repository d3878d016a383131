"""The bot's sender to Discord alone: `DiscordPlatform.send`, without ledger and pacing."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from pydantic import SecretStr

from bench.contenders.discord_bare import CHANNELS, TOKEN
from bot.model.rendering import Message
from bot.model.subscription import PlatformName, Target
from bot.platforms.base import Post
from bot.platforms.discord.client import DiscordPlatform
from bot.platforms.discord.section import Discord

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from bench.block import Block


@contextlib.asynccontextmanager
async def connected(block: Block) -> AsyncIterator[DiscordPlatform]:
    """The platform, logged in at the stand-in."""
    platform = DiscordPlatform(Discord(token=SecretStr(TOKEN), api_url=block.url))
    await platform.connect()
    try:
        yield platform
    finally:
        await platform.close()


async def main(block: Block) -> None:
    """Send them all."""
    channels = block.options.get("channels", CHANNELS)
    message = Message(block.material["discord"]["body"], used=0, limit=4000)
    async with connected(block) as platform:

        async def send(number: int) -> None:
            target = Target(PlatformName("discord"), str(1 + number % channels))
            await platform.send(Post(target, "Épisode 1207", message, nonce=str(number)))

        await block.sends(send)
