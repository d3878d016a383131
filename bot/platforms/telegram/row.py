"""What the bot knows of Telegram."""

# The library is loaded when a config switches Telegram on, and rich when a preview is drawn.
# ruff: noqa: PLC0415

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from bot.platforms.base import ChatLimit, Feature, PlatformRow
from bot.platforms.telegram import NAME
from bot.platforms.telegram.render import render
from bot.platforms.telegram.section import Telegram

if TYPE_CHECKING:
    from bot.model.rendering import Message
    from bot.model.subscription import Target
    from bot.platforms.base import TerminalView
    from bot.platforms.telegram.client import TelegramPlatform
    from bot.platforms.telegram.handlers import Handlers

PRIVATE = (ChatLimit(1, 1.0),)
"""Telegram's FAQ: no more than one message a second in one chat."""
GROUP = (ChatLimit(1, 1.0), ChatLimit(20, 60.0))
"""The same, and no more than twenty messages a minute in a group; channels are counted like groups."""


_EXTRAS = ("apscheduler.executors", "cryptography", "httpx._main")
"""Modules for jobs, passports and a command line. python-telegram-bot and httpx import them if they are installed.

The bot has no use for them; they would take 15 megabytes.
"""


def _load() -> tuple[type[TelegramPlatform], type[Handlers]]:
    absent = [name for name in _EXTRAS if name not in sys.modules]
    # The import system takes such a module for one that is not installed.
    sys.modules.update(dict.fromkeys(absent))  # type: ignore[arg-type] # the type leaves that meaning of None out
    try:
        from bot.platforms.telegram.client import TelegramPlatform
        from bot.platforms.telegram.handlers import Handlers
    finally:
        for name in absent:
            del sys.modules[name]
    return TelegramPlatform, Handlers


def _limits(target: Target) -> tuple[ChatLimit, ...]:
    # Telegram gives people positive ids; groups and channels have negative ones or a name.
    return PRIVATE if target.chat.isdigit() else GROUP


def _is_silent(message: Message) -> bool:
    return bool(message.body.get("disable_notification"))


def _terminal(message: Message) -> TerminalView:
    from bot.platforms.telegram.terminal import view

    return view(message)


ROW = PlatformRow(
    name=NAME,
    section=Telegram,
    load=_load,
    limits=_limits,
    render=render,
    is_silent=_is_silent,
    terminal=_terminal,
    colour="cyan",
    # A person's private chat has the person's id.
    private_chat=str,
    features=frozenset({Feature.RICH, Feature.THREADS, Feature.EDIT}),
    has_menu_of_show=True,
)
