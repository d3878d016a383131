"""What the bot knows of Discord."""

# The library is loaded when a config switches Discord on, and rich when a preview is drawn.
# ruff: noqa: PLC0415

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.platforms.base import Feature, PlatformRow
from bot.platforms.discord import NAME
from bot.platforms.discord.render import SUPPRESS_NOTIFICATIONS, render
from bot.platforms.discord.section import Discord

if TYPE_CHECKING:
    from bot.model.rendering import Message
    from bot.model.subscription import Target
    from bot.platforms.base import ChatLimit, TerminalView
    from bot.platforms.discord.client import DiscordPlatform
    from bot.platforms.discord.handlers import Handlers


def _load() -> tuple[type[DiscordPlatform], type[Handlers]]:
    from bot.platforms.discord.client import DiscordPlatform
    from bot.platforms.discord.handlers import Handlers

    return DiscordPlatform, Handlers


def _limits(_target: Target) -> tuple[ChatLimit, ...]:
    # Discord tells the limits of a channel with every answer, and discord.py keeps them.
    return ()


def _is_silent(message: Message) -> bool:
    return bool(message.body["flags"] & SUPPRESS_NOTIFICATIONS)


def _terminal(message: Message) -> TerminalView:
    from bot.platforms.discord.terminal import view

    return view(message)


ROW = PlatformRow(
    name=NAME,
    section=Discord,
    load=_load,
    limits=_limits,
    render=render,
    is_silent=_is_silent,
    terminal=_terminal,
    colour="blue",
    # The private chat is opened for the person, whom the account tells by the sign.
    private_chat="@{}".format,
    features=frozenset({Feature.EDIT, Feature.PUBLISH, Feature.FIND}),
)
