"""Where a bot's commands come from and where they are used: in servers it is in, in private, or brought by a person."""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING

from bot.sandbox.discord.world import DirectChannel

if TYPE_CHECKING:
    from bot.sandbox.discord.world import Channel, User


class Install(enum.IntEnum):
    """Discord's numbers for who installed an app."""

    GUILD = 0
    USER = 1


class Context(enum.IntEnum):
    """Discord's numbers for where a command is used."""

    GUILD = 0
    BOT_DM = 1
    PRIVATE_CHANNEL = 2


def context_of(channel: Channel) -> Context:
    """What kind of place the channel is."""
    if channel.guild is not None:
        return Context.GUILD
    return Context.BOT_DM if isinstance(channel, DirectChannel) else Context.PRIVATE_CHANNEL


def owners(user: User, channel: Channel) -> dict[Install, int]:
    """On whose behalf the bot can be used here by this person: the server, 0 for its own conversation, the person."""
    found: dict[Install, int] = {}
    if channel.guild is not None and channel.guild.bot_is_in:
        found[Install.GUILD] = channel.guild.id
    elif isinstance(channel, DirectChannel):
        found[Install.GUILD] = 0
    if user.has_app:
        found[Install.USER] = user.id
    return found
