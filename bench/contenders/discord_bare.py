"""discord.py as it comes: `channel.send` of a view, to as many channels as are asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import discord
from discord.http import Route

from tests.platforms.discord.view import layout_view

if TYPE_CHECKING:
    from bench.block import Block

TOKEN = "bench.opens.nothing"  # noqa: S105 - it opens nothing
CHANNELS = 100
"""Channels that are sent to in turn, unless the scenario says otherwise."""


async def main(block: Block) -> None:
    """Send them all."""
    Route.BASE = block.url
    discord.VoiceClient.warn_nacl = discord.VoiceClient.warn_dave = False
    channels = block.options.get("channels", CHANNELS)
    view = layout_view(block.material["discord"]["body"]["components"])
    view.stop()
    async with discord.Client(intents=discord.Intents.none()) as client:
        await client.login(TOKEN)

        async def send(number: int) -> None:
            await client.get_partial_messageable(1 + number % channels).send(view=view)

        await block.sends(send)
