"""The menus of commands that Telegram's apps show when somebody types a slash."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from telegram import BotCommand
from telegram.error import TelegramError

from bot.commands import COMMANDS
from bot.i18n import Language, words
from bot.platforms.telegram.errors import translate

if TYPE_CHECKING:
    from telegram import Bot

log = logging.getLogger(__name__)


async def publish_menus(bot: Bot, default: Language) -> None:
    """Tell Telegram's apps the commands: in the default language to everybody, and in each that the bot speaks."""
    menus = [(default, None), *((language, str(language)) for language in Language)]
    try:
        for language, code in menus:
            _ = words(language).gettext
            menu = [BotCommand(command.name, _(command.summary)) for command in COMMANDS]
            await bot.set_my_commands(menu, language_code=code)
    except TelegramError as error:
        # The commands work without their menu.
        log.warning("Telegram did not take the menu of commands: %s", translate(error))
