"""Installations of an app, by a server or by a person, and the contexts in which its commands are used."""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING

from bot.sandbox.discord.world import DirectChannel

if TYPE_CHECKING:
    from bot.sandbox.discord.world import Channel, User


class Install(enum.IntEnum):
    """Kinds of installation, with Discord's numbers."""

    GUILD = 0
    USER = 1


class Context(enum.IntEnum):
    """Contexts of a command, with Discord's numbers."""

    GUILD = 0
    BOT_DM = 1
    PRIVATE_CHANNEL = 2


def context_of(channel: Channel) -> Context:
    """Return the context of a command in the channel."""
    if channel.guild is not None:
        return Context.GUILD
    return Context.BOT_DM if isinstance(channel, DirectChannel) else Context.PRIVATE_CHANNEL


def owners(user: User, channel: Channel) -> dict[Install, int]:
    """Return the installations through which the person can use the bot in the channel, each with its owner.

    The owner is the id of the server, 0 in the private conversation with the bot, or the id of the person.
    """
    found: dict[Install, int] = {}
    if channel.guild is not None and channel.guild.bot_is_in:
        found[Install.GUILD] = channel.guild.id
    elif isinstance(channel, DirectChannel):
        found[Install.GUILD] = 0
    if user.has_app:
        found[Install.USER] = user.id
    return found
