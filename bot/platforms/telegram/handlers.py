"""Handlers of updates: parse, ask the command, render, reply. Nothing is decided here."""

import logging
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, TypeAlias, TypeVar

import telegram
from telegram import Chat, ChatMember, ChatMemberRestricted, Document, MaybeInaccessibleMessage, Update
from telegram.ext import (
    Application,
    CallbackContext,
    CallbackQueryHandler,
    ChatMemberHandler,
    InlineQueryHandler,
    MessageHandler,
    filters,
)

from bot.commands import (
    ADMIN,
    LARGEST_FILE,
    SAID,
    UNKNOWN,
    Answer,
    AnswerFile,
    AttachedFile,
    Command,
    CommandContext,
    Press,
    Request,
    Verdict,
    answered,
    busy,
    command_named,
    hello,
    no_voice,
    outdated,
    press,
    slow_down,
    sorry,
    welcomed,
)
from bot.model.i18n import Language, Words, words
from bot.model.problems import ExpectedError
from bot.model.rendering import JsonObject, Message, Rendering
from bot.model.subscription import Target
from bot.platforms.base import (
    SPEECHLESS,
    Entry,
    Post,
    PreviewError,
    Rank,
    Sender,
    SendError,
    SendRequest,
    TargetClosedError,
    TargetMovedError,
)
from bot.platforms.menu import offer_menu
from bot.platforms.telegram import NAME, inline
from bot.platforms.telegram.client import TelegramPlatform
from bot.platforms.telegram.errors import translated
from bot.platforms.telegram.menus import publish_menus
from bot.platforms.telegram.polling import KINDS

log = logging.getLogger(__name__)

T = TypeVar("T")
Context: TypeAlias = "CallbackContext[Any, Any, Any, Any]"

# Because an edited message is not a second command, both kinds are named; the library's default would take edited ones
# too. A channel's post that Telegram passes on to the group where its readers talk was answered in the channel.
_TYPED = (filters.UpdateType.MESSAGE | filters.UpdateType.CHANNEL_POST) & ~filters.IS_AUTOMATIC_FORWARD

# In private chats people talk to nobody but the bot. A message that they share by inline mode asks nothing.
_SAID = filters.UpdateType.MESSAGE & filters.ChatType.PRIVATE & (filters.TEXT | filters.Document.ALL) & ~filters.VIA_BOT

WORTH = 20.0
"""Seconds for which somebody waits for an answer."""
INLINE_WORTH = 5.0
"""Seconds for which somebody waits for the results of inline mode. Nothing is lost: people who type on ask again."""
RIGHTS_WORTH = 5.0
"""Seconds in which Telegram may tell whether somebody is an admin, of those for which that person waits."""
_IS_ADMIN = {
    ChatMember.OWNER: True,
    ChatMember.ADMINISTRATOR: True,
    **dict.fromkeys((ChatMember.MEMBER, ChatMember.RESTRICTED, ChatMember.LEFT, ChatMember.BANNED), False),
}
PRESS_WORTH = 900.0
"""Seconds for which Telegram takes the acknowledgement of a press."""

_PRESENCE = {
    **dict.fromkeys((ChatMember.MEMBER, ChatMember.ADMINISTRATOR, ChatMember.OWNER), True),
    **dict.fromkeys((ChatMember.LEFT, ChatMember.BANNED), False),
}


class Handlers:
    """The handlers of every command, registered with python-telegram-bot."""

    def __init__(self, platform: TelegramPlatform, context: CommandContext, sender: Sender, language: Language) -> None:
        self._platform = platform
        self._sender = sender
        self.use(context, language)

    def use(self, context: CommandContext, language: Language) -> None:
        """Answer from this context from now on. The language is for people whose own the bot does not speak."""
        self._context = context
        self._language = language

    def register(self) -> None:
        """Add the handlers to the platform's application."""
        application: Application[Any, Any, Any, Any, Any, Any] = self._platform.application
        application.add_handler(MessageHandler((_TYPED & filters.Regex("^/")) | _SAID, self._typed))
        application.add_handler(CallbackQueryHandler(self._pressed))
        application.add_handler(InlineQueryHandler(self._inquired))
        application.add_handler(MessageHandler(filters.UpdateType.GUEST_MESSAGE, self._called))
        application.add_handler(ChatMemberHandler(self._came_or_went, ChatMemberHandler.MY_CHAT_MEMBER))
        application.add_handler(MessageHandler(filters.StatusUpdate.MIGRATE, self._migrated))
        application.add_error_handler(_failed)
        self._platform.on_setup = lambda: offer_menu(
            lambda: publish_menus(self._platform.call, self._language, self._context.show), self._platform.on_ability
        )

    async def _typed(self, update: Update, _context: Context) -> None:
        message = update.effective_message
        if message is None or (read := self._read(update, message)) is None:
            return
        command, typed = read
        changes = command.manages or command in {SAID, ADMIN}
        # Because rights are a person's and a language may be, one person's question is not another's. The sender of a
        # message in the name of a chat is that chat.
        asker = update.effective_sender if changes else self._language_of(update)
        question = (asker, message.text or message.message_id)
        with self._sender.in_line(_target(message), question, changes=changes) as entry:
            if entry is not Entry.ADMITTED:
                return
            try:
                await self._answer_typed(update, message, command, typed)
            except Exception:
                await self._say(sorry(self._words_for(update)), _target(message))
                raise

    def _read(self, update: Update, message: telegram.Message) -> tuple[Command, str] | None:
        """Return the command of a message and its argument; None for a message that asks nothing of the bot."""
        is_private = message.chat.type == Chat.PRIVATE
        person = update.effective_user
        may_run = is_private and person is not None and self._context.is_admin(NAME, person.id)
        if message.text is None:
            # For others this bot knows no files.
            return (ADMIN, "") if may_run else None
        read = _read(message.text, self._platform.username)
        if read is not None and read[0] is ADMIN and not may_run:
            read = None
        # Other bots of a group have commands too.
        return read or ((UNKNOWN, "") if is_private else None)

    async def _answer_typed(
        self, update: Update, message: MaybeInaccessibleMessage, command: Command, typed: str
    ) -> None:
        match self._admit(update):
            case Verdict.SILENCE:
                return
            case Verdict.WARNING:
                await self._say(slow_down(self._words_for(update)), _target(message))
                return
        request = await self._request(update, message, command, typed)
        answer, rendering = await answered(self._context, command.answer, request, self._platform.render)
        refusal = await self._send(rendering, request.target, file=answer.file)
        if command.manages and isinstance(refusal, TargetClosedError):
            await self._tell_elsewhere(update, request, refusal)
        elif refusal is not None and not isinstance(refusal, SPEECHLESS):
            await self._say(sorry(request.words), request.target)

    async def _pressed(self, update: Update, _context: Context) -> None:
        query = update.callback_query
        if query is None:
            return
        message, pressed = query.message, press(query.data or "")
        place = Target(NAME, str(query.from_user.id)) if message is None else _target(message)
        question = (query.from_user.id, message and message.message_id, query.data)
        with self._sender.in_line(place, question, changes=pressed is None or pressed.command.manages) as entry:
            word = sorry if entry is Entry.ADMITTED else busy
            toast = "" if entry is Entry.REPEATED else word(self._words_for(update)).toast
            try:
                if entry is Entry.ADMITTED:
                    toast = await self._answer_press(update, message, pressed)
            finally:
                # Because the button looks pressed for minutes until then, each press is acknowledged, once at least.
                body = {"callback_query_id": query.id, "text": toast}
                worth = PRESS_WORTH if entry is Entry.ADMITTED else 0.0
                chat = update.effective_chat.id if update.effective_chat else 0
                await self._call("answerCallbackQuery", body, chat, worth, "A press could not be acknowledged")

    async def _answer_press(
        self, update: Update, message: MaybeInaccessibleMessage | None, pressed: Press | None
    ) -> str:
        """Answer a press in the chat, and return the toast to show over the chat."""
        match self._admit(update):
            case Verdict.SILENCE:
                return ""
            case Verdict.WARNING:
                return slow_down(self._words_for(update)).toast
        if message is None or pressed is None:
            return outdated(self._words_for(update)).toast
        if pressed.command.manages and message.chat.is_forum and not message.is_accessible:
            # Because Telegram does not tell the topic of a message that old, the answer could go to another topic.
            _ = self._words_for(update).gettext
            return _("This message is too old for its buttons: type /{command} again.").format(
                command=pressed.command.typed or pressed.command.name
            )
        request = await self._request(update, message, pressed.command, pressed.argument, pressed.page)
        answer, rendering = await answered(self._context, pressed.command.answer, request, self._platform.render)
        if answer.toast and not answer.replaces:
            return answer.toast
        refusal = await self._send(rendering, request.target, message if answer.replaces else None, file=answer.file)
        if pressed.command.manages and isinstance(refusal, TargetClosedError):
            return (await self._note_closed(update, request, refusal)).toast
        return answer.toast if refusal is None or isinstance(refusal, SPEECHLESS) else sorry(request.words).toast

    async def _inquired(self, update: Update, _context: Context) -> None:
        query = update.inline_query
        if query is not None:
            body = inline.results(self._context, query, self._platform.username, words(self._language))
            failure = "An inline query was not answered"
            await self._call("answerInlineQuery", body, query.from_user.id, INLINE_WORTH, failure)

    async def _called(self, update: Update, _context: Context) -> None:
        """Answer a message that names the bot in a chat without it, by the one message that Telegram takes there."""
        message = update.guest_message
        if message is not None and message.guest_query_id and self._admit(update) is Verdict.ANSWER:
            name = f"@{self._platform.username}".lower()
            asked = " ".join(word for word in (message.text or "").split() if word.lower() != name)
            result = inline.guest_result(self._context, asked, self._platform.username, words(self._language))
            body = {"guest_query_id": message.guest_query_id, "result": result}
            await self._call("answerGuestQuery", body, message.chat.id, WORTH, "A message as a guest was not answered")

    async def _came_or_went(self, update: Update, _context: Context) -> None:
        """End the chat's subscriptions where the bot was removed or blocked, and bring them back where it is back.

        A group where the bot is new gets a greeting. A channel does not, because all of its readers would get it.
        There, and where the bot may not write, the person who has brought the bot hears what is to be done.
        """
        change = update.my_chat_member
        if change is None:
            return
        chat, member = change.chat, change.new_chat_member
        target, subscriptions = Target(NAME, str(chat.id)), self._context.subscriptions
        is_present = _is_present(member)
        if is_present is None:
            return
        if not is_present:
            is_person = chat.type == Chat.PRIVATE
            await subscriptions.left(target, "blocked" if is_person else "removed", is_person=is_person)
            return
        is_new = not _is_present(change.old_chat_member) and not await subscriptions.came_back(target)
        if not is_new or chat.type == Chat.PRIVATE:
            return
        # Because the person has just brought the bot here, a word in private says what comes next where none may here.
        catalogue = words(Language.pick(change.from_user.language_code, self._language))
        private, place = Target(NAME, str(change.from_user.id)), chat.title or ""
        if chat.type == Chat.CHANNEL:
            may_post = getattr(member, "can_post_messages", False)
            said = welcomed(self._context, catalogue, place) if may_post else no_voice(catalogue, place)
            await self._say(said, private)
            return
        is_mute = not getattr(member, "can_send_messages", True)
        greeting = hello(self._context, self._words_for(update))
        if is_mute or isinstance(await self._say(greeting, target), TargetClosedError):
            await self._say(no_voice(catalogue, place), private)

    async def _migrated(self, update: Update, _context: Context) -> None:
        """Move the subscriptions of a group that became a supergroup with another id, as the old group says."""
        message = update.message
        if message is not None and message.migrate_to_chat_id is not None:
            await self._context.subscriptions.move(_target(message), str(message.migrate_to_chat_id))

    def _admit(self, update: Update) -> Verdict:
        """Return the throttle's verdict on the asker."""
        chat, sender = update.effective_chat, update.effective_sender
        if chat is None or sender is None:
            return Verdict.SILENCE
        shared = None if chat.type == Chat.PRIVATE else f"{NAME}:{chat.id}"
        is_press = update.callback_query is not None
        return self._context.throttle.admit(f"{NAME}:{sender.id}", shared, is_press=is_press)

    async def _request(
        self, update: Update, message: MaybeInaccessibleMessage, command: Command, typed: str, page: int | None = None
    ) -> Request:
        return Request(
            argument=typed,
            target=_target(message),
            language=self._language_of(update),
            may_manage=not command.manages or await self._may_manage(update, message),
            is_private=message.chat.type == Chat.PRIVATE,
            page=page,
            person=update.effective_user.id if update.effective_user else 0,
            person_name=update.effective_user.full_name if update.effective_user else "",
            file=self._file_of(message),
        )

    def _file_of(self, message: MaybeInaccessibleMessage) -> AttachedFile | None:
        document: Document | None = getattr(message, "document", None)
        if document is None:
            return None

        async def download(_leave: Callable[[], bool]) -> bytes:
            return await self._platform.download(document.file_id, LARGEST_FILE)

        request = SendRequest(_target(message), download, Rank.UNCOUNTED, WORTH)
        return AttachedFile(document.file_name or "", document.file_size or 0, partial(self._sender.send, request))

    def _language_of(self, update: Update) -> Language:
        """Return the person's language in private; elsewhere that of the show, in which the pushes come there too.

        Because a press changes a panel for everybody in the place, the panel keeps one language.
        """
        chat, user = update.effective_chat, update.effective_user
        is_private = chat is not None and chat.type == Chat.PRIVATE
        return Language.pick(user.language_code if user and is_private else None, self._language)

    def _words_for(self, update: Update) -> Words:
        return words(self._language_of(update))

    async def _say(self, answer: Answer, target: Target) -> SendError | None:
        return await self._send(self._platform.render(answer.document), target)

    async def _send(
        self,
        rendering: Rendering,
        target: Target,
        instead_of: MaybeInaccessibleMessage | None = None,
        file: AnswerFile | None = None,
    ) -> SendError | None:
        """Send an answer whole, or replace a message by it if one message is enough and Telegram allows that.

        A `file` comes with the last message.

        Returns:
            The reason why the answer could not be given.
        """
        async with self._sender.in_order(target):
            try:
                replaced = instead_of if len(rendering.messages) == 1 else None
                if replaced is not None and await self._edit(rendering.messages[0], target, str(replaced.message_id)):
                    return None
                for position, message in enumerate(rendering.messages, start=1):
                    with_it = file if position == len(rendering.messages) else None
                    target = await self._follow(Post(target, rendering.title, message, nonce=""), with_it)
            except SendError as error:
                log.warning("No answer in %s: %s", target, error)
                return error
        return None

    async def _follow(self, post: Post, file: AnswerFile | None) -> Target:
        """Send one message, also to the supergroup that its group has just become, and return its target."""
        try:
            await self._sender.send(self._sending(post, file))
        except TargetMovedError as moved:
            # The group's own word about this comes beside the command, and may be handled after it.
            await self._context.subscriptions.move(post.target, moved.chat)
            post = post._replace(target=post.target._replace(chat=moved.chat))
            await self._sender.send(self._sending(post, file))
        return post.target

    def _sending(self, post: Post, file: AnswerFile | None) -> SendRequest[str]:
        attempts = _attempt(post.message, partial(self._post, post, file))
        return SendRequest(post.target, attempts, worth=WORTH, leaves=True)

    async def _note_closed(self, update: Update, request: Request, refusal: TargetClosedError) -> Answer:
        """Pause the subscription of a place that does not take the answer about it; return the word about that."""
        await self._context.subscriptions.pause(request.target, str(refusal))
        chat = update.effective_chat
        return no_voice(request.words, (chat and chat.title) or "")

    async def _tell_elsewhere(self, update: Update, request: Request, refusal: TargetClosedError) -> None:
        """Tell the person in private, or else the rest of the chat, that the place does not let the bot write."""
        answer = await self._note_closed(update, request, refusal)
        person = update.effective_user
        private = Target(NAME, str(person.id if person else 0))
        rendering = self._platform.render(answer.document)
        if person is None or await self._send(rendering, private) is not None:
            await self._send(rendering, request.target._replace(thread=0))

    async def _post(self, post: Post, file: AnswerFile | None, message: Message, leave: Callable[[], bool]) -> str:
        post = post._replace(message=message, leave=leave)
        return await (self._platform.send(post) if file is None else self._platform.send_file(post, file))

    async def _edit(self, message: Message, target: Target, message_id: str) -> bool:
        """Return True if the message now stands in the place of another; False if the chat may still get it anew."""
        edit = _attempt(message, lambda message, _leave: self._platform.edit(target, message_id, message))
        try:
            return await self._sender.send(SendRequest(target, edit, worth=WORTH))
        except SPEECHLESS:
            raise
        except SendError as error:
            log.info("No edit in %s, but a message: %s", target, error)
            return False

    async def _call(self, method: str, body: JsonObject, chat: int, worth: float, failure: str) -> None:
        """Call a method that sends no message, as long as the answer is worth it; a failure is only logged."""
        target = Target(NAME, str(chat))
        request = SendRequest(target, lambda _leave: self._platform.call(method, body), Rank.UNCOUNTED, worth)
        try:
            await self._sender.send(request)
        except SendError as error:
            log.info("%s: %s", failure, error)

    async def _may_manage(self, update: Update, message: MaybeInaccessibleMessage) -> bool | None:
        """Return whether the person is an admin of the chat; None if Telegram does not tell."""
        chat, person = message.chat, update.effective_user
        # Only a channel's admins can post in it.
        if chat.type == Chat.PRIVATE or update.channel_post:
            return True
        # An anonymous admin writes in the name of the chat. The name of another chat gives no right.
        if update.message and update.message.sender_chat:
            return bool(update.message.sender_chat == chat)
        if person is None:
            return False

        async def look(_leave: Callable[[], bool]) -> ChatMember:
            with translated():
                return await self._platform.bot.get_chat_member(chat.id, person.id)

        try:
            member = await self._sender.send(SendRequest(_target(message), look, Rank.UNCOUNTED, RIGHTS_WORTH))
        except SendError as error:
            log.warning("Cannot tell who is an admin of %s: %s", chat.id, error)
            return None
        return _IS_ADMIN.get(member.status)


def _attempt(
    message: Message, call: Callable[[Message, Callable[[], bool]], Awaitable[T]]
) -> Callable[[Callable[[], bool]], Awaitable[T]]:
    """Return the attempts to send a message: without its preview from the first on that failed because of it."""

    async def attempt(leave: Callable[[], bool]) -> T:
        nonlocal message
        try:
            return await call(message, leave)
        except PreviewError:
            message = next(iter(message.fallback), message)
            raise

    return attempt


def _is_present(member: ChatMember) -> bool | None:
    """Return whether the member is in the chat; None if Telegram says it in a word that nobody here knows."""
    return member.is_member if isinstance(member, ChatMemberRestricted) else _PRESENCE.get(member.status)


def _target(message: MaybeInaccessibleMessage) -> Target:
    thread = getattr(message, "message_thread_id", None) if getattr(message, "is_topic_message", False) else None
    return Target(NAME, str(message.chat.id), thread or 0)


def _read(text: str, username: str) -> tuple[Command, str] | None:
    """Return the command and its argument; None for a command that the bot does not have, or of another bot.

    Telegram sees no command in a word with an accent, so the text itself is read.
    """
    if not text.startswith("/"):
        return SAID, text
    first, *rest = text.split()
    name, _, bot = first.removeprefix("/").partition("@")
    command = ADMIN if name.lower() == ADMIN.name else command_named(name)
    return None if command is None or bot.lower() not in {"", username.lower()} else (command, " ".join(rest))


async def _failed(update: object, context: Context) -> None:
    # Because people's words are private, the log names the kind of the update alone.
    kind = next((kind for kind in KINDS if getattr(update, kind, None)), "update")
    # Because the admin can mend an expected error, its sentence is enough; a bug gets its traceback.
    trace = None if isinstance(context.error, ExpectedError) else context.error
    reason = type(trace).__name__ if trace else context.error
    log.error("A %s of Telegram could not be handled: %s", kind, reason, exc_info=trace)
