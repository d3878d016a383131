"""The menus of commands that Telegram's apps show when somebody types a slash."""

import itertools
from collections.abc import Sequence
from http import HTTPStatus

from telegram import (
    Bot,
    BotCommandScope,
    BotCommandScopeAllChatAdministrators,
    BotCommandScopeAllGroupChats,
    BotCommandScopeAllPrivateChats,
    BotCommandScopeDefault,
)

from bot.commands import COMMANDS, Command
from bot.model.i18n import Language, Words, words
from bot.platforms.telegram.errors import translated
from bot.platforms.telegram.request import ForeignError

_FOR_READERS = tuple(command for command in COMMANDS if not command.manages)
_MENUS: tuple[tuple[BotCommandScope, Sequence[Command]], ...] = (
    (BotCommandScopeDefault(), _FOR_READERS),
    (BotCommandScopeAllPrivateChats(), COMMANDS),
    (BotCommandScopeAllGroupChats(), _FOR_READERS),
    (BotCommandScopeAllChatAdministrators(), COMMANDS),
)
"""The commands that each kind of chat sees. A menu gives no right: each command checks it."""


LONGEST_DESCRIPTION, LONGEST_SHORT = 512, 120
"""Characters of what an app shows in the empty chat with the bot, and on the bot's page."""


async def publish_menus(bot: Bot, default: Language, show: str) -> None:
    """Tell Telegram's apps the commands and what the bot is, in the default language and in each that the bot speaks.

    Texts that Telegram knows already are not sent.

    Raises:
        SendError: Telegram did not take all of them.
    """
    languages = [(default, None), *((language, str(language)) for language in Language)]
    with translated():
        # One after the other, because the library would open a connection for each of them.
        for (scope, commands), (language, code) in itertools.product(_MENUS, languages):
            menu = [(each.name, words(language).gettext(each.summary)) for each in commands]
            known = await bot.get_my_commands(scope, language_code=code)
            if [(each.command, each.description) for each in known] != menu:
                _check(await bot.set_my_commands(menu, scope, language_code=code))
        for language, code in languages:
            about, short = _descriptions(show, words(language))
            if (await bot.get_my_description(code)).description != about:
                _check(await bot.set_my_description(about, code))
            if (await bot.get_my_short_description(code)).short_description != short:
                _check(await bot.set_my_short_description(short, code))


def _check(taken: object) -> None:
    if taken is not True:
        raise ForeignError(HTTPStatus.OK)


def _descriptions(show: str, catalogue: Words) -> tuple[str, str]:
    about = catalogue.gettext(
        "I bring you the recap of each new episode of {show}: a summary of each subject, with its sources. Here, in a "
        "group or in a channel. You can also ask me for an episode, a topic or some words at any time."
    ).format(show=catalogue.quoted(show))
    short = catalogue.gettext("The recap of {show}: each subject in short, with its sources.")
    short = short.format(show=catalogue.quoted(show))
    texts = ((about, LONGEST_DESCRIPTION), (short, LONGEST_SHORT))
    first, second = (text if len(text) <= longest else f"{text[: longest - 1]}…" for text, longest in texts)
    return first, second
