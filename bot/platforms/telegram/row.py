"""Telegram's row in the registry."""

# Because they cost memory, the library is loaded when a config switches Telegram on, and rich for a preview.
# ruff: noqa: PLC0415

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from bot.model.rendering import Message
from bot.platforms.base import ChatLimit, Feature, PlatformRow, TerminalView
from bot.platforms.telegram import NAME
from bot.platforms.telegram.render import render
from bot.platforms.telegram.section import Telegram

if TYPE_CHECKING:
    from bot.platforms.telegram.client import TelegramPlatform
    from bot.platforms.telegram.handlers import Handlers

PRIVATE = (ChatLimit(1, 1.0),)
"""Telegram's FAQ: no more than one message a second in one chat."""
GROUP = (*PRIVATE, ChatLimit(20, 60.0))
"""The same, and no more than twenty messages a minute in a group; channels are counted like groups."""

_EXTRAS = ("cryptography", "click")
"""Packages of which the bot has no use on Telegram.

python-telegram-bot imports the first for Telegram Passport, and httpx the second for its command line with rich, if
they are installed. Without them an idle bot takes 5 megabytes less in the container, and 14 where
cryptography is installed.
"""


def _load() -> tuple[type[TelegramPlatform], type[Handlers]]:
    # Because the import system takes a module that is None for one that is not installed, both libraries leave out
    # what they would do with it. A module that is loaded already stays. If a library came to need one of the extras,
    # this import would fail with its name, at the start of each bot on Telegram, and the name goes from `_EXTRAS`.
    absent = [name for name in _EXTRAS if name not in sys.modules]
    sys.modules.update(dict.fromkeys(absent))  # type: ignore[arg-type] # the type leaves that meaning of None out
    try:
        from bot.platforms.telegram.client import TelegramPlatform
        from bot.platforms.telegram.handlers import Handlers
    finally:
        for name in absent:
            del sys.modules[name]
    return TelegramPlatform, Handlers


def _terminal(message: Message) -> TerminalView:
    from bot.platforms.telegram.terminal import view

    return view(message)


ROW = PlatformRow(
    name=NAME,
    section=Telegram,
    load=_load,
    limits=lambda target: PRIVATE if Telegram.is_private(target.chat) else GROUP,
    render=render,
    is_silent=lambda message: bool(message.body.get("disable_notification")),
    terminal=_terminal,
    colour="cyan",
    # A person's private chat has the person's id.
    private_chat=str,
    features=frozenset({Feature.RICH, Feature.THREADS, Feature.EDIT, Feature.PIN, Feature.AUDIO}),
    has_menu_of_show=True,
)
