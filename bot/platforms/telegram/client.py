"""The way to and from Telegram: sends messages, receives commands by long polling."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
from typing import TYPE_CHECKING, NoReturn

from telegram import Bot, Chat, ChatMember, ChatMemberRestricted, Update
from telegram.error import BadRequest, TelegramError, TimedOut
from telegram.ext import Application, ApplicationBuilder

from bot.platforms.base import (
    Account,
    FloodError,
    PerMessageCache,
    SendError,
    TargetClosedError,
    TargetGoneError,
    UnauthorisedError,
)
from bot.platforms.telegram import NAME
from bot.platforms.telegram.errors import translate, translate_rich
from bot.platforms.telegram.render import render
from bot.platforms.telegram.request import AiohttpRequest
from bot.platforms.telegram.rich import RICH_MESSAGE, render_rich

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from typing import Any

    from bot.model.document import Document
    from bot.model.rendering import JsonObject, Message, Rendering
    from bot.model.subscription import Target
    from bot.platforms.base import Post
    from bot.platforms.telegram.section import Telegram

log = logging.getLogger(__name__)

SEND_CONNECTIONS = 256
"""Rate × latency × 2 is 200 at a thousand messages a second; the rest is for answers meanwhile."""
SEND_TIMEOUT = 20.0
"""Seconds to wait for an answer to a send. Past it nobody can tell whether the message arrived, so patience pays."""
POLL_TIMEOUT = 30
"""Seconds a long poll stays open at Telegram when there is nothing new."""
LONGEST_PAUSE = 30.0
"""Seconds between polls of a Telegram that does not answer."""
_NOT_MODIFIED = "message is not modified"
_NOT_EDITABLE = ("message to edit not found", "message can't be edited", "message_id_invalid")
"""Deleted meanwhile, too old, or not the bot's own."""
POLL_GRACE = 5.0
"""Seconds that its answer may take beyond them; also the longest that stopping waits for a Telegram that is away."""
SEND_MESSAGE = "sendMessage"
SEND_RICH = "sendRichMessage"
"""Bot API 10.1; a server of one's own may be older."""
UPDATES = [
    Update.MESSAGE,
    Update.CHANNEL_POST,
    Update.CALLBACK_QUERY,
    Update.INLINE_QUERY,
    Update.MY_CHAT_MEMBER,
]


class TelegramPlatform(Account):
    """Telegram through one bot account.

    `application` is python-telegram-bot's, for the handlers to register with before `listen`; `on_setup` is awaited
    when the bot is about to listen.
    """

    name = NAME

    def __init__(self, config: Telegram) -> None:
        self.on_setup: Callable[[], Awaitable[None]] | None = None
        base = config.api_url.rstrip("/")
        self._sends = AiohttpRequest(connection_pool_size=SEND_CONNECTIONS, read_timeout=SEND_TIMEOUT, pool_timeout=5.0)
        self._polls = AiohttpRequest(connection_pool_size=1, read_timeout=POLL_GRACE)
        self._offset = 0
        # With every push and with no answer: only pushes come in numbers that are worth a fee.
        paid = {"allow_paid_broadcast": True} if config.allow_paid_broadcast else {}
        self._fields = PerMessageCache(lambda message: _fields({**message.body, **paid}))
        self.application: Application[Any, Any, Any, Any, Any, Any] = (
            ApplicationBuilder()
            .token(config.token.get_secret_value())
            .base_url(f"{base}/bot")
            .base_file_url(f"{base}/file/bot")
            .request(self._sends)
            .get_updates_request(self._polls)
            # One at a time would let a slow answer hold up every other person's.
            .concurrent_updates(True)  # noqa: FBT003 - the builder's own way of saying it
            .build()
        )

    @property
    def bot(self) -> Bot:
        """python-telegram-bot's client of the API. Its `repr` shows the token: never log it."""
        bot: Bot = self.application.bot
        return bot

    @property
    def username(self) -> str:
        """The bot's name on Telegram; empty until Telegram has told it."""
        try:
            return self.bot.username
        except RuntimeError:
            return ""

    def render(self, document: Document, *, silent: bool = False, rich: bool = False) -> Rendering:
        """The document as Telegram messages, rich ones with classic ones as their fallback."""
        classic = render(document, silent=silent, username=self.username)
        if not rich:
            return classic
        return render_rich(document, classic=classic, silent=silent, username=self.username)

    async def send(self, post: Post) -> str:
        """Send one message and return its id.

        Raises:
            SendError: as `Platform.send` says.
        """
        # The General topic of a forum has no thread id of its own, and 0 stands for it.
        thread = post.target.thread or None
        body = addressed(self._fields(post.message), address(post.target), thread)
        is_rich = RICH_MESSAGE in post.message.body
        try:
            # Not by way of the library's `Bot`, which looks at every value of every message again.
            message_id = await self._sends.send(
                f"{self.bot.base_url}/{SEND_RICH if is_rich else SEND_MESSAGE}", body, post.leave
            )
        except TelegramError as error:
            raise (translate_rich(error) if is_rich else translate(error)) from error
        return str(message_id)

    async def edit(self, target: Target, message_id: str, message: Message) -> bool:
        """Put the message in the place of one that the bot sent; whether that one is there to be replaced.

        Raises:
            SendError: as `Platform.send` says.
        """
        body = {key: value for key, value in message.body.items() if key != "disable_notification"}
        try:
            await self.bot.edit_message_text(
                chat_id=address(target), message_id=int(message_id), text=body.pop("text"), api_kwargs=body
            )
        except BadRequest as error:
            said = error.message.lower()
            if _NOT_MODIFIED in said:
                return True
            if any(phrase in said for phrase in _NOT_EDITABLE):
                return False
            raise translate(error) from error
        except TelegramError as error:
            raise translate(error) from error
        return True

    async def inspect(
        self,
        target: Target,
        *,
        publish: bool = False,  # noqa: ARG002 - Telegram's channels publish to nobody else
    ) -> None:
        """Look whether the bot may write to the target.

        Raises:
            SendError: as `Platform.inspect` says.
        """
        try:
            chat = await self.bot.get_chat(address(target))
            if chat.type == Chat.PRIVATE:
                return
            member = await self.bot.get_chat_member(chat.id, self.bot.id)
        except TelegramError as error:
            raise translate(error) from error
        if member.status in {ChatMember.LEFT, ChatMember.BANNED}:
            raise TargetGoneError("the bot is not a member there")
        if isinstance(member, ChatMemberRestricted) and not member.can_send_messages:
            raise TargetClosedError("the bot may not write in this group: lift its restriction, or make it an admin")
        if chat.type == Chat.CHANNEL and not getattr(member, "can_post_messages", False):
            raise TargetClosedError("the bot may not post in this channel: make it an admin that may post messages")

    async def resolve(self, target: Target) -> Target:
        """The target with the chat's number for its `@name`, so that one chat cannot be subscribed under both.

        Raises:
            SendError: Telegram does not know the name, or cannot be asked now.
        """
        if not target.chat.startswith("@"):
            return target
        try:
            chat = await self.bot.get_chat(target.chat)
        except TelegramError as error:
            raise translate(error) from error
        return target._replace(chat=str(chat.id))

    async def connect(self) -> None:
        """Make sending possible.

        Raises:
            SendError: the token is refused, or Telegram cannot be reached.
        """
        try:
            await self.application.initialize()
        except TelegramError as error:
            # Without its cause: the library puts a refused token into the text of that error.
            raise translate(error) from None

    async def listen(self) -> None:
        """Receive commands until cancelled, patient with a Telegram that cannot be reached.

        Raises:
            SendError: the token is refused.
        """
        if self.on_setup is not None:
            await self.on_setup()
        try:
            # A forgotten one would get all the updates.
            await self.bot.delete_webhook()
        except TelegramError as error:
            raise translate(error) from None
        await self.application.start()
        try:
            # The library's own loop would end after a refused token with nobody told.
            await self._poll()
        finally:
            await self.application.stop()

    async def close(self) -> None:
        """Confirm what was received, and close the connections."""
        if self._offset:
            with contextlib.suppress(TelegramError):
                await self.bot.get_updates(offset=self._offset, timeout=0, read_timeout=1.0)
        await self.application.shutdown()
        for request in (self._sends, self._polls):
            # Where connecting failed, the application thinks that it has nothing to close.
            await request.shutdown()

    async def _poll(self) -> NoReturn:
        failures = 0
        while True:
            try:
                updates = await self.bot.get_updates(offset=self._offset, timeout=POLL_TIMEOUT, allowed_updates=UPDATES)
            except TelegramError as error:
                failures += 1
                pause = _pause(translate(error), failures)
                log.log(logging.INFO if isinstance(error, TimedOut) else logging.WARNING, "Telegram polling: %s", error)
                await asyncio.sleep(pause)
                continue
            failures = 0
            for update in updates:
                await self.application.update_queue.put(update)
                self._offset = update.update_id + 1


def address(target: Target) -> int | str:
    """The target's chat as the Bot API takes it."""
    return target.chat if target.chat.startswith("@") else int(target.chat)


def addressed(fields: bytes, chat: int | str, thread: int | None = None) -> bytes:
    """The JSON object `fields`, which is not empty, with the chat and the thread that the message goes to."""
    whom = b"%d" % chat if isinstance(chat, int) else json.dumps(chat).encode()
    if thread is None:
        return b'{"chat_id":%b,%b' % (whom, fields[1:])
    return b'{"chat_id":%b,"message_thread_id":%d,%b' % (whom, thread, fields[1:])


def _fields(body: JsonObject) -> bytes:
    """What every subscriber's request says alike."""
    return json.dumps(body, separators=(",", ":")).encode()


def _pause(error: SendError, failures: int) -> float:
    """Seconds to wait after so many failed polls in a row.

    Raises:
        UnauthorisedError: waiting does not help.
    """
    if isinstance(error, UnauthorisedError):
        raise error from None
    if isinstance(error, FloodError):
        return error.retry_after
    return min(LONGEST_PAUSE, 2.0 ** min(failures, 10) / 2)
