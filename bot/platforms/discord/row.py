"""The facts of Discord for the bot."""

# Because few commands need them, discord.py is loaded for a config with Discord, and rich for a preview.
# ruff: noqa: PLC0415

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.model.rendering import Message
from bot.platforms.base import ChatLimit, Feature, PlatformRow, TerminalView
from bot.platforms.discord import EDITS, NAME
from bot.platforms.discord.render import SUPPRESS_NOTIFICATIONS, render
from bot.platforms.discord.section import Discord

if TYPE_CHECKING:
    from bot.platforms.discord.client import DiscordPlatform
    from bot.platforms.discord.handlers import Handlers


def _load() -> tuple[type[DiscordPlatform], type[Handlers]]:
    from bot.platforms.discord.client import DiscordPlatform
    from bot.platforms.discord.handlers import Handlers

    return DiscordPlatform, Handlers


def _terminal(message: Message) -> TerminalView:
    from bot.platforms.discord.terminal import view

    return view(message)


EDITS_OF_CHANNEL = (ChatLimit(3, 6.0),)
"""Edits of messages older than an hour in one channel. Because Discord does not announce this limit, all keep it."""


ROW = PlatformRow(
    name=NAME,
    section=Discord,
    load=_load,
    # Because Discord tells the other limits of a channel with every answer, discord.py keeps them.
    limits=lambda target: EDITS_OF_CHANNEL if target.chat.endswith(EDITS) else (),
    render=render,
    is_silent=lambda message: bool(message.body["flags"] & SUPPRESS_NOTIFICATIONS),
    terminal=_terminal,
    colour="blue",
    # By the sign, the account knows that it must open the private chat with the person.
    private_chat="@{}".format,
    features=frozenset({Feature.EDIT, Feature.PUBLISH, Feature.FIND, Feature.PIN}),
)
