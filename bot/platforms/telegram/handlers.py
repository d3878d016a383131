"""From an update to an answer: parse, ask the command, render, reply. Nothing is decided here."""

from __future__ import annotations

import logging
import re
from typing import TYPE_CHECKING, Any, TypeAlias

from telegram import CallbackQuery, Chat, ChatMember, MaybeInaccessibleMessage, Update
from telegram.error import TelegramError
from telegram.ext import (
    Application,
    CallbackContext,
    CallbackQueryHandler,
    ChatMemberHandler,
    CommandHandler,
    InlineQueryHandler,
    MessageHandler,
    filters,
)

from bot.commands import (
    COMMANDS,
    SAID,
    START,
    UNKNOWN,
    Answer,
    Command,
    CommandContext,
    Request,
    Verdict,
    answered,
    hello,
    outdated,
    press,
    slow_down,
)
from bot.model.i18n import Language, words
from bot.model.subscription import Target
from bot.platforms.base import Post, SendError
from bot.platforms.telegram import NAME
from bot.platforms.telegram.errors import translate
from bot.platforms.telegram.inline import Sharing
from bot.platforms.telegram.membership import on_membership_change
from bot.platforms.telegram.menus import publish_menus

if TYPE_CHECKING:
    from bot.model.rendering import Rendering
    from bot.platforms.base import Pace
    from bot.platforms.telegram.client import TelegramPlatform

log = logging.getLogger(__name__)

Context: TypeAlias = "CallbackContext[Any, Any, Any, Any]"

# An edited message is not a second command; the library's default would take it for one. Neither is a channel's post
# that Telegram passes on to the group where its readers talk: the bot has answered it in the channel.
_TYPED = (filters.UpdateType.MESSAGE | filters.UpdateType.CHANNEL_POST) & ~filters.IS_AUTOMATIC_FORWARD

# In private chats people talk to nobody else; what they pass on from inline mode is for no answer.
_SAID = filters.UpdateType.MESSAGE & filters.ChatType.PRIVATE & filters.TEXT & ~filters.VIA_BOT

_COMMAND = re.compile(r"/(?P<name>\w*)")
_TYPEABLE = {command.name: command for command in (*COMMANDS, START)}


class Handlers:
    """Registers every command with python-telegram-bot and answers it."""

    def __init__(self, platform: TelegramPlatform, context: CommandContext, pace: Pace, language: Language) -> None:
        self._platform = platform
        self._pace = pace
        self.use(context, language)

    def use(self, context: CommandContext, language: Language) -> None:
        """Answer from this context from now on, and in this language those whose own the bot does not speak."""
        self._context = context
        self._language = language
        self._sharing = Sharing(context, language)

    def register(self) -> None:
        """Add the handlers to the platform's application."""
        application: Application[Any, Any, Any, Any, Any, Any] = self._platform.application
        application.add_handler(CommandHandler(list(_TYPEABLE), self._typed, filters=_TYPED))
        application.add_handler(MessageHandler(_SAID, self._typed))
        application.add_handler(CallbackQueryHandler(self._pressed))
        application.add_handler(InlineQueryHandler(self._inquired))
        application.add_handler(ChatMemberHandler(self._came_or_went, ChatMemberHandler.MY_CHAT_MEMBER))
        application.add_handler(MessageHandler(filters.StatusUpdate.MIGRATE, self._migrated))
        application.add_error_handler(_failed)
        self._platform.on_setup = self._set_up

    async def _set_up(self) -> None:
        await publish_menus(self._platform.bot, self._language)

    async def _typed(self, update: Update, context: Context) -> None:
        message = update.effective_message
        if message is None or message.text is None:
            return
        match self._admit(update):
            case Verdict.SILENCE:
                return
            case Verdict.WARNING:
                await self._say(slow_down(words(self._language_of(update))), _target(message))
                return
        command, typed = _read(message.text, context)
        request = await self._request(update, message, command, typed)
        _answer, rendering = await answered(self._context, command.answer, request, self._platform.render)
        await self._send(rendering, request.target)

    async def _pressed(self, update: Update, _context: Context) -> None:
        query = update.callback_query
        if query is None:
            return
        toast = ""
        try:
            toast = await self._answer_press(update, query)
        finally:
            # Always, or the button goes on turning for the one who pressed it.
            await self._acknowledge(query, toast)

    async def _acknowledge(self, query: CallbackQuery, toast: str) -> None:
        try:
            await self._platform.acknowledge(query.id, toast)
        except SendError as error:
            # Telegram takes it for a quarter of an hour; the answer itself is in the chat.
            log.info("A press could not be acknowledged: %s", error)

    async def _answer_press(self, update: Update, query: CallbackQuery) -> str:
        """Answer a press in the chat; what to say over it."""
        message = query.message
        match self._admit(update):
            case Verdict.SILENCE:
                return ""
            case Verdict.WARNING:
                return slow_down(words(self._language_of(update))).toast
        pressed = press(query.data or "")
        if message is None or pressed is None:
            return outdated(words(self._language_of(update))).toast
        if pressed.command.manages and message.chat.is_forum and not message.is_accessible:
            # Of a message that old Telegram does not say in which topic of the forum it is.
            _ = words(self._language_of(update)).gettext
            return _("This message is too old for its buttons: type /{command} again.").format(
                command=pressed.command.name
            )
        request = await self._request(update, message, pressed.command, pressed.argument, page=pressed.page)
        answer, rendering = await answered(self._context, pressed.command.answer, request, self._platform.render)
        if answer.replaces or not answer.toast:
            await self._send(rendering, request.target, instead_of=message if answer.replaces else None)
        return answer.toast

    async def _inquired(self, update: Update, _context: Context) -> None:
        if update.inline_query is not None:
            await self._sharing.answer(update.inline_query, self._platform)

    async def _came_or_went(self, update: Update, _context: Context) -> None:
        change = update.my_chat_member
        if change is not None and await on_membership_change(change, self._context.subscriptions):
            target = Target(NAME, str(change.chat.id))
            await self._say(hello(self._context, words(self._language)), target)

    async def _migrated(self, update: Update, _context: Context) -> None:
        """A group became a supergroup with another id; the old group says so."""
        message = update.message
        if message is not None and message.migrate_to_chat_id is not None:
            await self._context.subscriptions.move(_target(message), str(message.migrate_to_chat_id))

    def _admit(self, update: Update) -> Verdict:
        """What they get who ask now: people by their id, who hides behind a chat by that of the chat."""
        chat, sender = update.effective_chat, update.effective_sender
        if chat is None or sender is None:
            return Verdict.SILENCE
        shared = None if chat.type == Chat.PRIVATE else f"{NAME}:{chat.id}"
        is_press = update.callback_query is not None
        return self._context.throttle.admit(f"{NAME}:{sender.id}", shared, is_press=is_press)

    async def _request(
        self,
        update: Update,
        message: MaybeInaccessibleMessage,
        command: Command,
        argument: str,
        *,
        page: int | None = None,
    ) -> Request:
        return Request(
            argument=argument,
            target=_target(message),
            language=self._language_of(update),
            may_manage=not command.manages or await self._may_manage(update, message),
            is_private=message.chat.type == Chat.PRIVATE,
            page=page,
        )

    def _language_of(self, update: Update) -> Language:
        user = update.effective_user
        return Language.pick(user.language_code if user else None, self._language)

    async def _say(self, answer: Answer, target: Target) -> None:
        await self._send(self._platform.render(answer.document), target)

    async def _send(
        self, rendering: Rendering, target: Target, *, instead_of: MaybeInaccessibleMessage | None = None
    ) -> None:
        """Send an answer, or put it in the place of a message, as far as Telegram lets one and one is enough."""
        replaced = instead_of if len(rendering.messages) == 1 else None
        for message in rendering.messages:
            await self._pace.answer(target)
            try:
                if replaced is not None and await self._platform.edit(target, str(replaced.message_id), message):
                    return
                await self._platform.send(Post(target=target, title=rendering.title, message=message, nonce=""))
            except SendError as error:
                log.warning("No answer in %s: %s", target, error)
                return

    async def _may_manage(self, update: Update, message: MaybeInaccessibleMessage) -> bool:
        chat = message.chat
        if chat.type == Chat.PRIVATE or update.channel_post is not None:
            # Only a channel's admins can post in it.
            return True
        typed = update.message
        if typed is not None and typed.sender_chat is not None and typed.sender_chat.id == chat.id:
            # An anonymous admin writes in the name of the chat.
            return True
        if update.effective_user is None:
            return False
        try:
            member = await self._platform.bot.get_chat_member(chat.id, update.effective_user.id)
        except TelegramError as error:
            log.warning("Cannot tell who is an admin of %s: %s", chat.id, translate(error))
            return False
        return member.status in {ChatMember.OWNER, ChatMember.ADMINISTRATOR}


def _target(message: MaybeInaccessibleMessage) -> Target:
    thread = getattr(message, "message_thread_id", None) if getattr(message, "is_topic_message", False) else None
    return Target(NAME, str(message.chat.id), thread or 0)


def _read(text: str, context: Context) -> tuple[Command, str]:
    """The command that was typed and what follows it: `/topic@recap_bot tik tok` is `topic` and `tik tok`.

    The library has checked that the bot meant is this one.
    """
    typed = _COMMAND.match(text)
    if typed is None:
        return SAID, text
    return _TYPEABLE.get(typed["name"].lower(), UNKNOWN), " ".join(context.args or ())


async def _failed(update: object, context: Context) -> None:
    # Without the update's text: what people write is nobody's business but theirs.
    kind = type(update).__name__
    log.error("A Telegram %s could not be answered", kind, exc_info=context.error)
