"""The facts of Discord for the bot."""

# Because few commands need them, discord.py is loaded for a config with Discord, and rich for a preview.
# ruff: noqa: PLC0415

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.model.rendering import Message
from bot.platforms.base import Feature, PlatformRow, TerminalView
from bot.platforms.discord import NAME
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


ROW = PlatformRow(
    name=NAME,
    section=Discord,
    load=_load,
    # Because Discord tells the limits of a channel with every answer, discord.py keeps them.
    limits=lambda _target: (),
    render=render,
    is_silent=lambda message: bool(message.body["flags"] & SUPPRESS_NOTIFICATIONS),
    terminal=_terminal,
    colour="blue",
    # By the sign, the account knows that it must open the private chat with the person.
    private_chat="@{}".format,
    features=frozenset({Feature.EDIT, Feature.PUBLISH, Feature.FIND, Feature.PIN}),
)
