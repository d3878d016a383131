"""Methods of the Bot API that the stand-in knows.

Each method ignores unknown parameters, as the real server does.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from bot.sandbox.telegram import rules
from bot.sandbox.telegram.access import Access, check_may_write, reach
from bot.sandbox.telegram.errors import ApiError, bad_request
from bot.sandbox.telegram.model import ChatType, Menu, Message, Status
from bot.sandbox.telegram.rich import rich_text
from bot.sandbox.telegram.rules import Arguments
from bot.sandbox.telegram.text import formatted
from bot.sandbox.telegram.updates import UPDATES_MAX
from bot.sandbox.telegram.world import TelegramWorld

if TYPE_CHECKING:
    from bot.sandbox.shared.webserver import Json

POLL_MAX_SECONDS = 50
"""Longest time-out of a long poll."""
DELETABLE = dt.timedelta(hours=48)
"""Age up to which a bot may delete a message without an administrator's right."""
_NOT_MODIFIED = (
    "message is not modified: specified new message content and reply markup are exactly the same as a current "
    "content and reply markup of the message"
)
_QUERY_GONE = "query is too old and response timeout expired or query ID is invalid"
_ABILITIES = {"can_join_groups": True, "supports_inline_queries": True, "supports_guest_queries": True}
"""Abilities of the bot in `getMe`."""


class Methods:
    """Methods on a world. `names` maps the methods' names in small letters to their spelling."""

    def __init__(self, world: TelegramWorld) -> None:
        self._world = world
        self._methods: dict[str, Callable[[Arguments], Any]] = {
            "getMe": self._get_me,
            "getUpdates": self._get_updates,
            "deleteWebhook": self._delete_webhook,
            "getWebhookInfo": self._get_webhook,
            "sendMessage": self._send_message,
            "sendRichMessage": self._send_rich,
            "sendAudio": self._send_audio,
            "sendPhoto": self._send_photo,
            "sendDocument": self._send_document,
            "getFile": self._get_file,
            "editMessageText": self._edit_text,
            "editMessageCaption": self._edit_caption,
            "editMessageMedia": self._edit_media,
            "deleteMessage": self._delete_message,
            "pinChatMessage": self._pin,
            "unpinChatMessage": self._unpin,
            "sendChatAction": self._send_action,
            "answerCallbackQuery": self._answer_callback,
            "answerInlineQuery": self._answer_inline,
            "setMyCommands": self._set_commands,
            "getMyCommands": self._get_commands,
            "setMyDescription": self._set_description,
            "getMyDescription": self._get_description,
            "setMyShortDescription": self._set_short,
            "getMyShortDescription": self._get_short,
            "answerGuestQuery": self._answer_guest,
            "getChat": self._get_chat,
            "getChatMember": self._get_member,
        }
        self.names = {name.lower(): name for name in self._methods}

    def call(self, name: str, arguments: Arguments) -> Any:  # noqa: ANN401 - each method has a result of its own
        """Return the result of a method, or an awaitable of the result for `getUpdates`.

        Raises:
            ApiError: the server refuses.
        """
        method = self._methods.get(name)
        if method is None:
            raise ApiError(HTTPStatus.NOT_FOUND, "Not Found: method not found")
        return method(arguments)

    def _get_me(self, _arguments: Arguments) -> Json:
        return self._world.bot.wire() | _ABILITIES

    async def _get_updates(self, arguments: Arguments) -> list[Json]:
        return await self._world.updates.poll(
            offset=arguments.number("offset"),
            limit=arguments.number("limit", UPDATES_MAX, low=1, high=UPDATES_MAX),
            timeout=arguments.number("timeout", high=POLL_MAX_SECONDS),
            allowed=arguments.structure("allowed_updates", "allowed updates"),
        )

    def _delete_webhook(self, _arguments: Arguments) -> bool:
        self._world.updates.webhook = ""
        return True

    def _get_webhook(self, _arguments: Arguments) -> Json:
        return {"url": self._world.updates.webhook, "has_custom_certificate": False, "pending_update_count": 0}

    def _send_message(self, arguments: Arguments) -> Json:
        return self._send(arguments, *_text(arguments))

    def _send_rich(self, arguments: Arguments) -> Json:
        html, text = rich_text(arguments)
        return self._send(arguments, text, (), html)

    def _send_photo(self, arguments: Arguments) -> Json:
        given = arguments.file("photo")
        if given is None:
            size = self._world.files.get(arguments.text("photo"))
            if size is None:
                raise bad_request("wrong file identifier/HTTP URL specified")
        else:
            file_id = f"file-{len(self._world.files) + 1}"
            size = {"file_id": file_id, "file_unique_id": file_id, "file_size": given.size, "width": 90, "height": 90}
            self._world.files[file_id] = size
        return {**self._send(arguments, arguments.text("caption"), ()), "photo": [size]}

    def _send_audio(self, arguments: Arguments) -> Json:
        named = {name: arguments.text(name) for name in ("title", "performer")}
        file_id = "" if arguments.file("audio") else arguments.text("audio")
        audio = self._audio(arguments, file_id, named | {"duration": arguments.number("duration")})
        self._check_may_send_audio(arguments)
        sent = self._send(arguments, "", (), audio=audio)
        self._world.files[audio["file_id"]] = audio
        return sent

    def _audio(self, arguments: Arguments, file_id: str, shown: Json) -> Json:
        """Return the recording that comes along, as it is `shown`, or the one of that id, as it was shown at first."""
        given = arguments.file("audio")
        if given is None:
            if file_id not in self._world.files:
                raise bad_request("wrong file identifier/HTTP URL specified")
            return self._world.files[file_id]
        if given.size > rules.UPLOAD_MAX:
            raise ApiError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "Request Entity Too Large")
        new = f"file-{len(self._world.files) + 1}"
        audio = {"file_id": new, "file_unique_id": new, "file_size": given.size, "file_name": given.name}
        said = {name: value for name, value in shown.items() if value != ""}
        return audio | said | {"thumbnail": arguments.file("thumbnail") is not None}

    def _send_document(self, arguments: Arguments) -> Json:
        given = arguments.file("document")
        if given is None:
            raise bad_request("there is no document in the request")
        text, entities = formatted(arguments.text("caption"), arguments.structure("caption_entities", "entities"))
        if len(text) > rules.CAPTION_MAX:
            raise bad_request("message caption is too long")
        return self._send(arguments, text, entities, document=self._world.keep_file(given.name, given.data))

    def _get_file(self, arguments: Arguments) -> Json:
        found = self._world.files.get(arguments.text("file_id"))
        if found is None:
            raise bad_request("invalid file_id")
        if found["file_size"] > rules.DOWNLOAD_MAX:
            raise bad_request("file is too big")
        return {**found, "file_path": f"documents/{found['file_id']}"}

    def _check_may_send_audio(self, arguments: Arguments) -> None:
        chat = reach(self._world, arguments.text("chat_id"), Access.WRITE)
        bot = chat.member(self._world.bot)
        if bot.status is Status.RESTRICTED and "can_send_audios" not in bot.rights:
            raise bad_request("not enough rights to send audios to the chat")

    def _send(
        self,
        arguments: Arguments,
        text: str,
        entities: tuple[Json, ...],
        html: str = "",
        **media: Json,
    ) -> Json:
        reply_markup = rules.markup(arguments)
        preview = rules.link_preview(arguments)
        chat = reach(self._world, arguments.text("chat_id"), Access.WRITE)
        thread = check_may_write(chat, chat.member(self._world.bot), arguments.number("message_thread_id"))
        in_channel = chat.type is ChatType.CHANNEL
        message = Message(
            id=0,
            chat=chat,
            date=self._world.clock(),
            text=text,
            entities=entities,
            sender=None if in_channel else self._world.bot,
            sender_chat=chat if in_channel else None,
            thread=thread,
            link_preview_options=preview,
            reply_markup=reply_markup,
            disable_notification=arguments.flag("disable_notification"),
            protect_content=arguments.flag("protect_content"),
            by_bot=True,
            request=arguments.request,
            rich=html,
            audio=media.get("audio"),
            document=media.get("document"),
            reply_to=(arguments.structure("reply_parameters", "reply parameters") or {}).get("message_id"),
        )
        return self._world.record(message).wire()

    def _edit_text(self, arguments: Arguments) -> Json:
        is_rich = bool(arguments.text("rich_message"))
        html, (text, entities) = "", ("", ()) if is_rich else _text(arguments)
        if is_rich:
            html, text = rich_text(arguments)
        reply_markup = rules.markup(arguments)
        preview = rules.link_preview(arguments)
        message = self._to_edit(arguments)
        if message.document or message.audio is not None:
            raise bad_request("there is no text in the message to edit")
        if (text, entities, reply_markup) == (message.text, message.entities, message.reply_markup):
            raise bad_request(_NOT_MODIFIED)
        message.text, message.entities, message.link_preview_options = text, entities, preview
        message.rich = html
        message.reply_markup, message.request = reply_markup, arguments.request
        message.edit_date = self._world.clock()
        self._world.changes.notify()
        return message.wire()

    def _edit_caption(self, arguments: Arguments) -> Json:
        rules.no_markup_language(arguments)
        caption = formatted(arguments.text("caption"), arguments.structure("caption_entities", "entities"))
        reply_markup, message = rules.markup(arguments), self._to_edit(arguments)
        if message.audio is None:
            raise bad_request("there is no caption in the message to edit")
        if (*caption, reply_markup) == (message.text, message.entities, message.reply_markup):
            raise bad_request(_NOT_MODIFIED)
        message.text, message.entities = caption
        message.reply_markup, message.request = reply_markup, arguments.request
        message.edit_date = self._world.clock()
        self._world.changes.notify()
        return message.wire()

    def _edit_media(self, arguments: Arguments) -> Json:
        media, message = arguments.structure("media", "input media"), self._to_edit(arguments)
        if media.get("type") != "audio" or message.audio is None:
            raise bad_request("can't use the media of the specified type in the message")
        named = {name: media.get(name, "") for name in ("title", "performer")}
        audio = self._audio(arguments, media.get("media", ""), named | {"duration": media.get("duration", 0)})
        if audio["file_id"] == message.audio["file_id"]:
            raise bad_request(_NOT_MODIFIED)
        self._world.files[audio["file_id"]] = message.audio = audio
        message.text, message.entities, message.request = "", (), arguments.request
        message.edit_date = self._world.clock()
        self._world.changes.notify()
        return message.wire()

    def _to_edit(self, arguments: Arguments) -> Message:
        if arguments.text("inline_message_id"):
            raise bad_request("MESSAGE_ID_INVALID")
        message = self._message(arguments, Access.EDIT, "message to edit")
        if not message.by_bot:
            raise bad_request("message can't be edited")
        return message

    def _message(self, arguments: Arguments, access: Access, what: str) -> Message:
        chat = reach(self._world, arguments.text("chat_id"), access)
        message = chat.history.get(arguments.number("message_id"))
        if message is None or message.deleted:
            raise bad_request(f"{what} not found")
        return message

    def _delete_message(self, arguments: Arguments) -> bool:
        message = self._message(arguments, Access.WRITE, "message to delete")
        chat = message.chat
        young = self._world.clock() - message.date < DELETABLE
        own = message.by_bot or chat.type is ChatType.PRIVATE
        if not (own and young) and "can_delete_messages" not in chat.member(self._world.bot).rights:
            raise bad_request("message can't be deleted")
        message.deleted = True
        self._world.changes.notify()
        return True

    def _pin(self, arguments: Arguments) -> bool:
        self._to_pin(arguments, "message to pin").pinned = True
        return True

    def _unpin(self, arguments: Arguments) -> bool:
        message = self._to_pin(arguments, "message to unpin")
        if not message.pinned:
            raise bad_request("message to unpin not found")
        message.pinned = False
        return True

    def _to_pin(self, arguments: Arguments, what: str) -> Message:
        message = self._message(arguments, Access.WRITE, what)
        chat, bot = message.chat, message.chat.member(self._world.bot)
        right = "can_edit_messages" if chat.type is ChatType.CHANNEL else "can_pin_messages"
        if chat.type is not ChatType.PRIVATE and right not in bot.rights:
            raise bad_request("not enough rights to manage pinned messages in the chat")
        self._world.changes.notify()
        return message

    def _send_action(self, arguments: Arguments) -> bool:
        chat = reach(self._world, arguments.text("chat_id"), Access.WRITE)
        check_may_write(chat, chat.member(self._world.bot), arguments.number("message_thread_id"))
        return True

    def _answer_callback(self, arguments: Arguments) -> bool:
        press = self._world.presses.get(arguments.text("callback_query_id"))
        if press is None:
            raise bad_request(_QUERY_GONE)
        text = arguments.text("text")
        if len(text) > rules.ANSWER_TEXT_MAX:
            raise bad_request("MESSAGE_TOO_LONG")
        press.answer = {"text": text, "show_alert": arguments.flag("show_alert"), "url": arguments.text("url")}
        self._world.changes.notify()
        return True

    def _answer_inline(self, arguments: Arguments) -> bool:
        inquiry = self._world.inquiries.get(arguments.text("inline_query_id"))
        results = rules.inline_results(arguments)
        if inquiry is None:
            raise bad_request(_QUERY_GONE)
        inquiry.answer = {
            "results": results,
            "next_offset": arguments.text("next_offset"),
            "cache_time": arguments.number("cache_time", rules.INLINE_CACHE_SECONDS),
            "is_personal": arguments.flag("is_personal"),
            "button": arguments.structure("button", "inline query results button"),
        }
        self._world.changes.notify()
        return True

    def _set_commands(self, arguments: Arguments) -> bool:
        commands = rules.bot_commands(arguments)
        scope, language = rules.scope(arguments), rules.language(arguments)
        menus = self._world.menus
        menus[:] = [menu for menu in menus if (menu.scope, menu.language) != (scope, language)]
        if commands:
            menus.append(Menu(scope, language, commands))
        self._world.changes.notify()
        return True

    def _get_commands(self, arguments: Arguments) -> list[Json]:
        wanted = rules.scope(arguments), rules.language(arguments)
        return next((menu.commands for menu in self._world.menus if (menu.scope, menu.language) == wanted), [])

    def _set_description(self, arguments: Arguments) -> bool:
        return self._describe(arguments, "description", rules.ABOUT_MAX)

    def _set_short(self, arguments: Arguments) -> bool:
        return self._describe(arguments, "short_description", rules.ABOUT_SHORT_MAX)

    def _describe(self, arguments: Arguments, key: str, high: int) -> bool:
        text = arguments.text(key)
        if len(text) > high:
            raise bad_request(f"{key.upper()}_TOO_LONG")
        self._world.about[key, rules.language(arguments)] = text
        self._world.changes.notify()
        return True

    def _get_description(self, arguments: Arguments) -> Json:
        return {"description": self._world.about.get(("description", rules.language(arguments)), "")}

    def _get_short(self, arguments: Arguments) -> Json:
        return {"short_description": self._world.about.get(("short_description", rules.language(arguments)), "")}

    def _answer_guest(self, arguments: Arguments) -> Json:
        asked = self._world.calls.pop(arguments.text("guest_query_id"), None)
        (result,) = rules.inline_results(arguments, [arguments.structure("result", "inline query result")])
        if asked is None:
            raise bad_request(_QUERY_GONE)
        content, markup = result["input_message_content"], result.get("reply_markup")
        answer = Message(0, asked.chat, self._world.clock(), content["message_text"], reply_markup=markup)
        answer.entities, answer.by_bot, answer.sender = tuple(content.get("entities", ())), True, self._world.bot
        self._world.record(answer)
        return {"inline_message_id": f"guest-{answer.id}"}

    def _get_chat(self, arguments: Arguments) -> Json:
        return reach(self._world, arguments.text("chat_id"), Access.READ).wire_full()

    def _get_member(self, arguments: Arguments) -> Json:
        user_id = arguments.number("user_id")
        if user_id == 0:
            raise bad_request("invalid user_id specified")
        own = user_id == self._world.bot.id
        chat = reach(self._world, arguments.text("chat_id"), Access.READ if own else Access.MEMBERS)
        user = self._world.bot if own else self._world.users.get(user_id)
        if user is None:
            raise bad_request("PARTICIPANT_ID_INVALID")
        return chat.member(user).wire(chat.type)


def _text(arguments: Arguments) -> tuple[str, tuple[Json, ...]]:
    rules.no_markup_language(arguments)
    return formatted(arguments.text("text"), arguments.structure("entities", "entities"))
