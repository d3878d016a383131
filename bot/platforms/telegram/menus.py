"""The menus of commands that Telegram's apps show when somebody types a slash."""

import itertools
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeAlias

from bot.commands import COMMANDS, Command
from bot.model.i18n import Language, Words, words
from bot.model.rendering import JsonObject
from bot.model.text import shortened
from bot.platforms.telegram.errors import translated
from bot.platforms.telegram.request import ForeignError

Ask: TypeAlias = Callable[[str, JsonObject], Awaitable[Any]]
"""Calls a method of the Bot API, and returns its result."""

_FOR_READERS = tuple(command for command in COMMANDS if not command.manages)
_MENUS: tuple[tuple[str, Sequence[Command]], ...] = (
    ("default", _FOR_READERS),
    ("all_private_chats", COMMANDS),
    ("all_group_chats", _FOR_READERS),
    ("all_chat_administrators", COMMANDS),
)
"""The commands that each kind of chat sees. A menu gives no right: each command checks it."""


LONGEST_DESCRIPTION, LONGEST_SHORT = 512, 120
"""Characters of what an app shows in the empty chat with the bot, and on the bot's page."""


async def publish_menus(ask: Ask, default: Language, show: str) -> None:
    """Tell Telegram's apps the commands and what the bot is, in the default language and in each that the bot speaks.

    Texts that Telegram knows already are not sent.

    Raises:
        SendError: Telegram did not take all of them.
    """
    languages: list[tuple[Language, JsonObject]] = [(default, {})]
    languages += [(language, {"language_code": str(language)}) for language in Language]
    with translated():
        # One after the other, because each at once would take a connection of its own.
        for (scope, commands), (language, code) in itertools.product(_MENUS, languages):
            menu = [(each.name, words(language).gettext(each.summary)) for each in commands]
            where = {"scope": {"type": scope}, **code}
            known = [(each["command"], each["description"]) for each in await ask("getMyCommands", where)]
            if known != menu:
                told = [{"command": name, "description": summary} for name, summary in menu]
                await _tell(ask, "setMyCommands", {"commands": told, **where})
        for language, code in languages:
            about, short = _descriptions(show, words(language))
            if (await ask("getMyDescription", code))["description"] != about:
                await _tell(ask, "setMyDescription", {"description": about, **code})
            if (await ask("getMyShortDescription", code))["short_description"] != short:
                await _tell(ask, "setMyShortDescription", {"short_description": short, **code})


async def _tell(ask: Ask, method: str, body: JsonObject) -> None:
    if await ask(method, body) is not True:
        raise ForeignError


def _descriptions(show: str, catalogue: Words) -> tuple[str, str]:
    about = catalogue.gettext(
        "I bring you the recap of each new episode of {show}: a summary of each subject, with its sources. Here, in a "
        "group or in a channel. You can also ask me for an episode, a topic or some words at any time."
    ).format(show=catalogue.quoted(show))
    short = catalogue.gettext("The recap of {show}: each subject in short, with its sources.")
    short = short.format(show=catalogue.quoted(show))
    return shortened(about, LONGEST_DESCRIPTION), shortened(short, LONGEST_SHORT)
