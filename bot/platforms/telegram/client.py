"""The client of Telegram: sends messages, and receives commands by long polling."""

import asyncio
import contextlib
import datetime as dt
import functools
import io
import logging
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

from telegram import Bot, Chat, ChatFullInfo, ChatMember, ChatMemberRestricted
from telegram.error import InvalidToken, TelegramError
from telegram.ext import Application, ApplicationBuilder

from bot.commands import AnswerFile
from bot.config import BY_ENVIRONMENT, Network
from bot.content.links import Web
from bot.model.document import Document
from bot.model.facts import Ability
from bot.model.i18n import gettext as _
from bot.model.i18n import gettext_noop
from bot.model.rendering import FieldsCache, JsonObject, Message, Rendering, Upload, as_json, joined
from bot.model.subscription import NO_CHOICES, Choices, Target
from bot.platforms.abilities import Editor, Pinner
from bot.platforms.base import Account, Post, SendError, TargetClosedError, TargetGoneError
from bot.platforms.telegram import NAME
from bot.platforms.telegram.audio import as_media, form_of, media_form_of, opened, translate_audio, with_audio
from bot.platforms.telegram.errors import translate, translate_rich, translated
from bot.platforms.telegram.polling import POLL_GRACE, POLL_TIMEOUT, Polling
from bot.platforms.telegram.render import render
from bot.platforms.telegram.request import CERTIFICATES, ApiSender, Form, QuietRequest, note_wait
from bot.platforms.telegram.rich import RICH_MESSAGE, render_rich
from bot.platforms.telegram.section import Telegram

log = logging.getLogger(__name__)

SEND_CONNECTIONS = 256
"""Connections: rate × latency × 2 is 200 at a thousand messages a second; the rest is for answers meanwhile."""
SEND_TIMEOUT = 20.0
"""Seconds to wait for an answer: many, because past them nobody can tell whether a message arrived."""
DOWNLOAD_WITHIN = 600.0
"""Seconds for a recording on its way from the web: 50 MB at two thirds of a megabit a second."""
LAST_ANSWERS = 3.0
"""Seconds that answers under way may take when the bot stops."""
_NO_PIN = gettext_noop("the bot may not pin here: make it an admin that may pin messages, or take pin out")
_NO_PIN_IN_CHANNEL = gettext_noop("the bot may not pin here: let it edit messages of this channel, or take pin out")
_NOT_EDITABLE = ("message to edit not found", "message can't be edited", "message_id_invalid")
"""Refusals of an edit: the message was deleted meanwhile, is too old, or is not the bot's own."""
_NOT_MODIFIED = "message is not modified"


class TelegramPlatform(Account, Editor, Pinner):
    """Telegram through one bot account.

    `application` is python-telegram-bot's: handlers register with it before `listen`, beside which `on_setup` runs.
    """

    name = NAME
    deletes_within = dt.timedelta(hours=48)
    """The Bot API's description of `deleteMessage`."""

    def __init__(self, config: Telegram, network: Network = BY_ENVIRONMENT) -> None:
        self.on_setup: Callable[[], Coroutine[Any, Any, None]] = functools.partial(asyncio.sleep, 0)
        base = config.api_url.rstrip("/")
        token = config.token.get_secret_value()
        proxy = network.proxy_for(base)
        self._network = network
        self._sender = ApiSender(f"{base}/bot{token}", SEND_CONNECTIONS, read_timeout=SEND_TIMEOUT, proxy=proxy)
        # Because httpx would trust certifi's certificates alone, it is given the machine's, which the sender trusts.
        same: dict[str, Any] = {
            "proxy": proxy,
            "httpx_kwargs": {"trust_env": False, "verify": CERTIFICATES, "event_hooks": {"response": [note_wait]}},
        }
        self._questions = QuietRequest(read_timeout=SEND_TIMEOUT, **same)
        self._paid: JsonObject = {"allow_paid_broadcast": True} if config.allow_paid_broadcast else {}
        self._fields = FieldsCache()
        self._new_fields = FieldsCache(_as_edit)
        self.application: Application[Any, Any, Any, Any, Any, Any] = (
            ApplicationBuilder()
            .token(token)
            .base_url(f"{base}/bot")
            .request(self._questions)
            .get_updates_request(self._questions)
            .job_queue(None)
            .build()
        )
        self._polls = ApiSender(f"{base}/bot{token}", 1, read_timeout=POLL_TIMEOUT + POLL_GRACE, proxy=proxy)
        # Because the app sets both callbacks afterwards, each is looked up when it is called.
        self.polling = Polling(
            self._polls,
            self.application,
            tell=lambda fact: self.tell(fact),  # noqa: PLW0108
            on_heard=lambda reason: self.on_ability(Ability.LISTENING, reason),
        )

    @property
    def bot(self) -> Bot:
        """python-telegram-bot's client of the API. Its `repr` shows the token: never log it."""
        bot: Bot = self.application.bot
        return bot

    @property
    def username(self) -> str:
        """The bot's name on Telegram; empty before `connect`."""
        try:
            return self.bot.username
        except RuntimeError:
            return ""

    @property
    def updates(self) -> int:
        """The updates that were handled, as `Account.updates` says."""
        return self.polling.taken

    @property
    def has_rival(self) -> bool:
        """Whether another program polls too, as `Account.has_rival` says."""
        return self.polling.has_rival

    def render(self, document: Document, *, silent: bool = False, rich: bool = False) -> Rendering:
        """Return the document as Telegram messages, rich ones with classic ones as their fallback."""
        draw = functools.partial(render_rich if rich else render, username=self.username)
        return with_audio(document, draw, silent=silent)

    async def send(self, post: Post) -> str:
        """Send one message and return its id, as `Platform.send` says."""
        ids = self._ids(post)
        if post.message.upload is not None:
            return await self._send_audio(post, post.message.upload, ids)
        is_rich = RICH_MESSAGE in post.message.body
        method = "sendRichMessage" if is_rich else "sendMessage"
        try:
            return str(await self._sender.send(method, joined(ids, self._fields(post.message)), post.leave))
        except TelegramError as error:
            raise (translate_rich if is_rich else translate)(error) from error

    def _ids(self, post: Post) -> JsonObject:
        ids: JsonObject = {"chat_id": address(post.target), **self._paid}
        if post.target.thread:
            # Because Telegram knows no thread id for the General topic of a forum, 0 stands for that topic here.
            ids = {**ids, "message_thread_id": post.target.thread}
        if post.reply_to is not None:
            # A recap is worth reading without the recording that somebody has deleted meanwhile.
            reply = {"message_id": int(post.reply_to), "allow_sending_without_reply": True}
            ids = {**ids, "reply_parameters": reply}
        return ids

    async def _send_audio(self, post: Post, upload: Upload, ids: JsonObject) -> str:
        """Send a recording or a picture by the id that Telegram gave the file, else the file itself."""
        method, field = ("sendPhoto", "photo") if upload.is_picture else ("sendAudio", "audio")
        try:
            if post.file_id is not None:
                body = as_json({**ids, **post.message.body, field: post.file_id})
                return str(await self._sender.send(method, body, post.leave))
            async with opened(upload, lambda: Web(network=self._network, timeout=DOWNLOAD_WITHIN)) as file:
                form = await asyncio.to_thread(form_of, ids, post.message, file, upload)
                message_id, file_id = await self._sender.upload(method, form, post.leave)
        except TelegramError as error:
            raise translate_audio(error) from error
        await post.keep(file_id)
        return str(message_id)

    async def send_file(self, post: Post, file: AnswerFile) -> str:
        """Send a file whose caption is the message, and return the message's id, as `Platform.send` says."""
        fields = {**self._ids(post), **_as_caption(post.message.body)}
        form = Form(fields, {"document": (file.name, io.BytesIO(file.content))})
        with translated():
            message_id, _file_id = await self._sender.upload("sendDocument", form, post.leave)
        return str(message_id)

    async def download(self, file_id: str, limit: int) -> bytes:
        """Return a file that somebody sent, at most `limit` bytes and some more.

        Raises:
            SendError: Telegram does not give the file.
        """
        with translated():
            found = await self._sender.call("getFile", as_json({"file_id": file_id}))
            return await self._sender.download(found["file_path"], limit)

    async def edit(
        self,
        target: Target,
        message_id: str,
        message: Message,
        *,
        leave: Callable[[], bool] | None = None,
        first_id: str | None = None,  # noqa: ARG002 - Telegram has no posts
        title: str | None = None,  # noqa: ARG002 - likewise
        is_caption: bool = False,
    ) -> bool:
        """Replace a message that the bot sent, as `Editor.edit` says."""
        is_rich, ids = RICH_MESSAGE in message.body, {"chat_id": address(target), "message_id": int(message_id)}
        fields = as_json(_as_caption(message.body)) if is_caption else self._new_fields(message)
        method = "editMessageCaption" if is_caption else "editMessageText"
        try:
            await self._sender.call(method, joined(ids, fields), leave or (lambda: True))
        except TelegramError as error:
            text = error.message.lower()
            if _NOT_MODIFIED in text or any(phrase in text for phrase in _NOT_EDITABLE):
                return _NOT_MODIFIED in text
            raise (translate_rich if is_rich else translate)(error) from error
        return True

    async def exchange(self, post: Post, message_id: str) -> None:
        """Put another recording in the place of a sent one, as `Editor.exchange` says."""
        ids: JsonObject = {"chat_id": address(post.target), "message_id": int(message_id)}
        method, upload = "editMessageMedia", post.message.upload
        try:
            if upload is None or post.file_id is not None:
                body = as_json({**ids, "media": as_media(post.message.body, post.file_id or "")})
                await self._sender.call(method, body, post.leave)
                return
            async with opened(upload, lambda: Web(network=self._network, timeout=DOWNLOAD_WITHIN)) as file:
                form = await asyncio.to_thread(media_form_of, ids, post.message, file, upload)
                _message_id, file_id = await self._sender.upload(method, form, post.leave)
        except TelegramError as error:
            if not any(phrase in error.message.lower() for phrase in (_NOT_MODIFIED, *_NOT_EDITABLE)):
                raise translate_audio(error) from error
        else:
            await post.keep(file_id)

    async def delete(
        self,
        target: Target,
        message_id: str,
        *,
        leave: Callable[[], bool] | None = None,
        first_id: str | None = None,  # noqa: ARG002 - Telegram has no posts
    ) -> bool:
        """Delete a message that the bot sent, as `Editor.delete` says."""
        ids = {"chat_id": address(target), "message_id": int(message_id)}
        try:
            await self.call("deleteMessage", ids, leave or (lambda: True))
        except SendError as error:
            text = str(error).lower()
            if "message can't be deleted" not in text and "message to delete not found" not in text:
                raise
            return "not found" in text
        return True

    async def pin(
        self,
        target: Target,
        message_id: str,
        leave: Callable[[], bool],
        last: str | None = None,  # noqa: ARG002 - a chat has room for many
    ) -> None:
        """Pin a message, as `Pinner.pin` says."""
        ids = {"chat_id": address(target), "message_id": int(message_id), "disable_notification": True}
        await self.call("pinChatMessage", ids, leave)

    async def unpin(self, target: Target, message_id: str, leave: Callable[[], bool]) -> None:
        """Unpin a message, as `Pinner.unpin` says."""
        try:
            await self.call("unpinChatMessage", {"chat_id": address(target), "message_id": int(message_id)}, leave)
        except SendError as error:
            if "message to unpin not found" not in str(error).lower():
                raise

    async def call(self, method: str, body: JsonObject, leave: Callable[[], bool] = lambda: True) -> Any:  # noqa: ANN401 - each method has a result of its own
        """Call a method of the Bot API and return its result, unread.

        Raises:
            SendError: Telegram refused the call, or did not answer.
        """
        with translated():
            return await self._sender.call(method, as_json(body), leave)

    async def inspect(self, target: Target, choices: Choices = NO_CHOICES) -> Sequence[str]:
        """Check that the bot may write to the target and pin there, as `Platform.inspect` says."""
        with translated():
            chat = await self.bot.get_chat(address(target))
            if chat.type == Chat.PRIVATE:
                await self._knock(target)
                return ()
            member = await self.bot.get_chat_member(chat.id, self.bot.id)
        if member.status in {ChatMember.LEFT, ChatMember.BANNED}:
            raise TargetGoneError(_("the bot is not a member there"))
        if isinstance(member, ChatMemberRestricted) and not member.can_send_messages:
            raise TargetClosedError(_("the bot may not write in this group: lift its restriction, or make it an admin"))
        may_all_write = chat.permissions is None or chat.permissions.can_send_messages is not False
        if member.status == ChatMember.MEMBER and not may_all_write:
            raise TargetClosedError(_("only admins may write in this group: make the bot one"))
        if chat.type == Chat.CHANNEL and not getattr(member, "can_post_messages", False):
            raise TargetClosedError(_("the bot may not post in this channel: make it an admin that may post messages"))
        if not choices.pin or _may_pin(chat, member):
            return ()
        return [_(_NO_PIN_IN_CHANNEL if chat.type == Chat.CHANNEL else _NO_PIN)]

    async def _knock(self, target: Target) -> None:
        """Show for a moment that the bot types, because Telegram tells who blocked the bot at a write only.

        Raises:
            TelegramError: the person has blocked the bot, or never written to it.
        """
        # A server that knows no such method answers as to a wrong token, which the request before this one refutes.
        with contextlib.suppress(InvalidToken):
            await self._sender.call("sendChatAction", as_json({"chat_id": address(target), "action": "typing"}))

    async def name_of(self, target: Target) -> str:
        """Return the title of the group or channel, as `Platform.name_of` says."""
        with translated():
            chat = await self.bot.get_chat(address(target))
        return chat.title or ""

    async def resolve(self, target: Target) -> Target:
        """Return the target with the chat's number for its `@name`, as `Account.resolve` says."""
        if not target.chat.startswith("@"):
            return target
        with translated():
            chat = await self.bot.get_chat(target.chat)
        return target._replace(chat=str(chat.id))

    async def connect(self) -> None:
        """Check the token and learn the bot's name, as `Account.connect` says."""
        with self.noting(Ability.CONNECTED), translated():
            await self.application.initialize()

    async def identify(self) -> None:
        """Ask for the bot's own account, as `Account.identify` says."""
        with translated():
            await self.bot.get_me()

    async def listen(self) -> None:
        """Receive commands until cancelled; poll again after a pause while Telegram does not answer.

        Raises:
            SendError: Telegram refuses the token.
        """
        setup = asyncio.create_task(self.on_setup(), name="telegram menu")
        try:
            # Because the library's own loop ends without an error after a refused token, the bot has one of its own.
            await self.polling.run()
        finally:
            setup.cancel()
            # Because an answer may be tried again and again, the time is limited; else it would hold up the end.
            await self.polling.finish(LAST_ANSWERS)
            await asyncio.wait({setup})

    async def close(self) -> None:
        """Confirm the updates that were received, and close the connections."""
        await self.polling.confirm()
        await self.application.shutdown()
        # Because the application shuts down nothing after a failed `connect`, its requests are shut down here too.
        await self._questions.shutdown()
        await self._polls.close()
        await self._sender.close()


def _as_edit(body: JsonObject) -> JsonObject:
    """Return the fields of a message without that for a new one alone."""
    return {key: value for key, value in body.items() if key != "disable_notification"}


def _as_caption(body: JsonObject) -> JsonObject:
    """Return the fields of a message as those of the text below a recording."""
    kept = {"caption": body["text"], "caption_entities": body.get("entities", ())}
    return kept | {key: body[key] for key in ("reply_markup",) if key in body}


def _may_pin(chat: ChatFullInfo, member: ChatMember) -> bool:
    """Return whether the bot may pin: an admin with the right, or a member where all may."""
    if chat.type == Chat.CHANNEL:
        return bool(getattr(member, "can_edit_messages", False))
    may_all_pin = chat.permissions is not None and bool(chat.permissions.can_pin_messages)
    return member.status == ChatMember.OWNER or bool(getattr(member, "can_pin_messages", may_all_pin))


def address(target: Target) -> int | str:
    """Return the target's chat as the Bot API takes it."""
    return target.chat if target.chat.startswith("@") else int(target.chat)
