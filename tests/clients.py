"""The bot's side of the stand-ins: the real client libraries, connected."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, TypeVar

from pydantic import SecretStr

from bot.platforms.discord.client import DiscordPlatform
from bot.platforms.discord.section import Discord
from bot.platforms.telegram.client import TelegramPlatform
from bot.platforms.telegram.section import Telegram

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from bot.sandbox.discord.server import DiscordStandIn
    from bot.sandbox.telegram.server import TelegramStandIn

Client = TypeVar("Client", TelegramPlatform, DiscordPlatform)


def telegram_client(standin: TelegramStandIn) -> TelegramPlatform:
    """A client of this Telegram."""
    return TelegramPlatform(Telegram(token=SecretStr(standin.token), api_url=standin.url))


def discord_client(standin: DiscordStandIn) -> DiscordPlatform:
    """A client of this Discord."""
    token = SecretStr(standin.token)
    return DiscordPlatform(Discord(token=token, api_url=standin.api_url, gateway_url=standin.gateway_url))


def is_ready(client: DiscordPlatform) -> bool:
    """Whether the bot hears commands."""
    return client.gateway.client is not None and client.gateway.client.is_ready()


@contextlib.asynccontextmanager
async def connected(client: Client) -> AsyncIterator[Client]:
    """The client, connected until the context is left."""
    await client.connect()
    try:
        yield client
    finally:
        await client.close()
