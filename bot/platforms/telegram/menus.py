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
from bot.model.i18n import Language, words
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


async def publish_menus(bot: Bot, default: Language) -> None:
    """Tell Telegram's apps the commands, in the default language and in each that the bot speaks.

    Menus that Telegram knows already are not sent.

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
                taken: object = await bot.set_my_commands(menu, scope, language_code=code)
                if taken is not True:
                    raise ForeignError(HTTPStatus.OK)
