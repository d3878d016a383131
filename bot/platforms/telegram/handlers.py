"""From an update to an answer: parse, ask the desk, render, reply. Nothing is decided here."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, TypeAlias

from telegram import BotCommand, Chat, ChatMember, Message, Update
from telegram.error import TelegramError
from telegram.ext import Application, CallbackContext, CallbackQueryHandler, CommandHandler, filters

from bot.commands import COMMANDS, START, Command, Desk, Request
from bot.i18n import Language, words
from bot.platforms.base import Post, SendError
from bot.platforms.telegram.errors import translate
from bot.subscription import PlatformName, Target

if TYPE_CHECKING:
    from bot.platforms.base import Pace
    from bot.platforms.telegram.client import TelegramPlatform

log = logging.getLogger(__name__)

Context: TypeAlias = "CallbackContext[Any, Any, Any, Any]"

# An edited message is not a second command; the library's default would take it for one.
_TYPED = filters.UpdateType.MESSAGE | filters.UpdateType.CHANNEL_POST

_ALL = {command.name: command for command in (*COMMANDS, START)}


class Handlers:
    """Registers every command with python-telegram-bot and answers it."""

    def __init__(self, platform: TelegramPlatform, desk: Desk, pace: Pace, language: Language) -> None:
        self._platform = platform
        self._desk = desk
        self._pace = pace
        self._language = language

    def register(self) -> None:
        """Add the handlers to the platform's application."""
        application: Application[Any, Any, Any, Any, Any, Any] = self._platform.application
        application.add_handler(CommandHandler(list(_ALL), self._typed, filters=_TYPED))
        application.add_handler(CallbackQueryHandler(self._pressed))
        application.add_error_handler(_failed)
        self._platform.on_setup = self._publish_menu

    async def _publish_menu(self) -> None:
        """Tell Telegram's apps the commands: in the show's language to everybody, and in each that the bot speaks."""
        menus = [(self._language, None), *((language, str(language)) for language in Language)]
        try:
            for language, code in menus:
                _ = words(language).gettext
                menu = [BotCommand(command.name, _(command.summary)) for command in COMMANDS]
                await self._platform.bot.set_my_commands(menu, language_code=code)
        except TelegramError as error:
            # The commands work without their menu.
            log.warning("Telegram did not take the menu of commands: %s", translate(error))

    async def _typed(self, update: Update, context: Context) -> None:
        message = update.effective_message
        if message is None or message.text is None:
            return
        # "/topic@recap_bot tik tok" → "topic"; the library has checked that the bot meant is this one.
        name = message.text[1:].split(maxsplit=1)[0].partition("@")[0].lower()
        await self._answer(update, message, _ALL[name], " ".join(context.args or ()))

    async def _pressed(self, update: Update, _context: Context) -> None:
        query = update.callback_query
        if query is None:
            return
        await query.answer()
        message = query.message
        name, _, argument = (query.data or "").partition(" ")
        command = _ALL.get(name)
        # Data is whatever a client sends: an unknown command is a forgery or a button of an older version.
        if command is None or not isinstance(message, Message):
            return
        await self._answer(update, message, command, argument)

    async def _answer(self, update: Update, message: Message, command: Command, argument: str) -> None:
        target = _target(message)
        user = update.effective_user
        request = Request(
            argument=argument,
            target=target,
            language=Language.pick(user.language_code if user else None, self._language),
            may_manage=not command.manages or await self._may_manage(update, message),
        )
        rendering = self._platform.render(await command.answer(self._desk, request))
        for answer in rendering.messages:
            await self._pace.answer(target)
            try:
                await self._platform.send(Post(target=target, title=rendering.title, message=answer, nonce=""))
            except SendError as error:
                log.warning("No answer to /%s in %s: %s", command.name, target, error)
                return

    async def _may_manage(self, update: Update, message: Message) -> bool:
        chat = message.chat
        if chat.type == Chat.PRIVATE or update.channel_post is not None:
            # Only a channel's admins can post in it.
            return True
        anonymous = message.sender_chat is not None and message.sender_chat.id == chat.id
        if anonymous and update.callback_query is None:
            return True
        if update.effective_user is None:
            return False
        try:
            member = await self._platform.bot.get_chat_member(chat.id, update.effective_user.id)
        except TelegramError as error:
            log.warning("Cannot tell who is an admin of %s: %s", chat.id, translate(error))
            return False
        return member.status in {ChatMember.OWNER, ChatMember.ADMINISTRATOR}


def _target(message: Message) -> Target:
    thread = message.message_thread_id if message.is_topic_message else None
    return Target(PlatformName.TELEGRAM, str(message.chat.id), thread or 0)


async def _failed(update: object, context: Context) -> None:
    # Without the update's text: what people write is nobody's business but theirs.
    kind = type(update).__name__
    log.error("A Telegram %s could not be answered", kind, exc_info=context.error)
