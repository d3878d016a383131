"""The Bot API's rules besides text: parameters of a request, keyboards, commands, inline results."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bot.sandbox.telegram.errors import bad_request
from bot.sandbox.telegram.text import formatted, is_link

if TYPE_CHECKING:
    from bot.sandbox.shared.webserver import Json

CALLBACK_DATA_MAX_BYTES = 64
CAPTION_MAX = 1024
"""Code points of a caption."""
DOWNLOAD_MAX = 20 << 20
"""Bytes of a file that a bot downloads."""
UPLOAD_MAX = 50 << 20
"""Bytes of a file that a bot uploads."""
ABOUT_MAX, ABOUT_SHORT_MAX = 512, 120
"""Characters of the bot's description, and of the short one."""
ANSWER_TEXT_MAX = 200
"""Characters of the notification that answers a press of a button."""
COMMANDS_MAX = 100
DESCRIPTION_MAX = 256
COMMAND_MAX = 32
_COMMAND_NAME = re.compile(r"[a-z0-9_]+")
_LANGUAGE = re.compile(r"(?:[a-z]{2})?")
INLINE_RESULTS_MAX = 50
INLINE_CACHE_SECONDS = 300
"""Default of `cache_time`."""
INLINE_OFFSET_MAX_BYTES = 64
_INLINE_ID_MAX_BYTES = 64

_BUTTON_KINDS = frozenset({"url", "callback_data", "switch_inline_query", "switch_inline_query_current_chat"})
"""Kinds of button that the stand-in knows."""
_SCOPES = frozenset({"default", "all_private_chats", "all_group_chats", "all_chat_administrators"})
"""Scopes of menus that the stand-in knows: those without a chat."""


@dataclass(frozen=True, slots=True)
class Uploaded:
    """A file of a form. Of a large one the stand-in keeps the name and the size alone."""

    name: str
    size: int
    data: bytes = b""


class Arguments:
    """Parameters of one request in any form. `request` is its place in the log of requests.

    A form holds texts only, with JSON inside for structures; a JSON body may hold either.
    """

    def __init__(self, values: Mapping[str, Any], request: int) -> None:
        self._values = values
        self.request = request

    def text(self, name: str) -> str:
        """Return a text, empty if missing."""
        value = self._values.get(name)
        if value is None:
            return ""
        return value if isinstance(value, str) else json.dumps(value)

    def file(self, name: str) -> Uploaded | None:
        """Return a file of the form; None if there is none."""
        value = self._values.get(name)
        return value if isinstance(value, Uploaded) else None

    def flag(self, name: str) -> bool:
        """Return a truth value, false if missing."""
        return self.text(name).lower() in {"true", "yes", "1"}

    def number(self, name: str, default: int = 0, low: int = 0, high: int = (1 << 53) - 1) -> int:
        """Return a whole number, moved into its range; the default if missing or not a number."""
        try:
            return min(max(int(self.text(name)), low), high)
        except ValueError:
            return default

    def structure(self, name: str, what: str) -> Any:  # noqa: ANN401 - JSON is whatever it holds
        """Return the value of JSON, None if missing. `what` names the parameter in the refusal.

        Raises:
            ApiError: the text is not JSON.
        """
        value = self._values.get(name)
        if not isinstance(value, str) or not value:
            return value or None
        try:
            return json.loads(value)
        except ValueError:
            raise bad_request(f"Can't parse {what} JSON object") from None


def markup(arguments: Arguments) -> Json | None:
    """Return the request's keyboard as the server stores it, or None.

    Raises:
        ApiError: the server refuses the keyboard.
    """
    keyboard = arguments.structure("reply_markup", "reply keyboard markup")
    if keyboard is None:
        return None
    if not isinstance(keyboard, dict):
        raise bad_request("Object expected as reply markup")
    for row in keyboard.get("inline_keyboard", ()):
        if not isinstance(row, list):
            raise bad_request('Field "inline_keyboard" of the InlineKeyboardMarkup must be an Array of Arrays')
        for button in row:
            _check_button(button)
    return keyboard


def _check_button(button: object) -> None:
    if not isinstance(button, dict):
        raise bad_request("Can't parse inline keyboard button: InlineKeyboardButton must be an Object")
    if "text" not in button:
        raise bad_request("Can't parse inline keyboard button: Can't find field \"text\"")
    if not _BUTTON_KINDS & button.keys():
        raise bad_request("Can't parse inline keyboard button: Text buttons are unallowed in the inline keyboard")
    if not button["text"].strip():
        raise bad_request("Inline keyboard button text must be non-empty")
    if "url" in button and not is_link(button["url"]):
        raise bad_request(f"Inline keyboard button URL '{button['url']}' is invalid: Wrong HTTP URL")
    if len(button.get("callback_data", "").encode()) > CALLBACK_DATA_MAX_BYTES:
        raise bad_request("BUTTON_DATA_INVALID")


def link_preview(arguments: Arguments) -> Json | None:
    """Return the request's options for the preview of a link, or None.

    Raises:
        ApiError: the options are not an object, or name an address that is no link.
    """
    options = arguments.structure("link_preview_options", "link preview options")
    if options is None:
        return None
    if not isinstance(options, dict):
        raise bad_request("Object expected as link preview options")
    if options.get("url") and not is_link(options["url"]):
        raise bad_request("WEBPAGE_URL_INVALID")
    return options


def bot_commands(arguments: Arguments) -> list[Json]:
    """Return the commands of a menu.

    Raises:
        ApiError: the server refuses one of them, or their number.
    """
    commands = arguments.structure("commands", "commands") or []
    if len(commands) > COMMANDS_MAX:
        raise bad_request("BOT_COMMANDS_TOO_MUCH")
    return [_bot_command(command) for command in commands]


def _bot_command(command: Json) -> Json:
    name, description = command["command"].strip().removeprefix("/"), command["description"].strip()
    for what, text, high in (("Command", name, COMMAND_MAX), ("Command description", description, DESCRIPTION_MAX)):
        if not text:
            raise bad_request(f"{what} must be non-empty")
        if len(text) > high:
            raise bad_request(f"{what} length must not exceed {high}")
    if not _COMMAND_NAME.fullmatch(name):
        raise bad_request("BOT_COMMAND_INVALID")
    return {"command": name, "description": description}


def scope(arguments: Arguments) -> Json:
    """Return the scope of a menu of commands.

    Raises:
        ApiError: the stand-in does not know the scope.
    """
    value = arguments.structure("scope", "BotCommandScope") or {"type": "default"}
    if value.get("type") not in _SCOPES:
        raise bad_request("Can't parse BotCommandScope: Unsupported type specified")
    return {"type": value["type"]}


def language(arguments: Arguments) -> str:
    """Return the language of a menu of commands, empty for the menu of all other languages.

    Raises:
        ApiError: the language is not two letters.
    """
    code = arguments.text("language_code")
    if not _LANGUAGE.fullmatch(code):
        raise bad_request("Invalid language code specified")
    return code


def inline_results(arguments: Arguments, given: list[Json] | None = None) -> list[Json]:
    """Return the results that answer an inline query, or the `given` ones, checked only if they are articles.

    Raises:
        ApiError: the number, an id, the offset or an article breaks a rule.
    """
    results = given or arguments.structure("results", "inline query results") or []
    if len(results) > INLINE_RESULTS_MAX:
        raise bad_request("RESULTS_TOO_MUCH")
    ids = [str(result.get("id", "")) for result in results]
    if not all(1 <= len(identifier.encode()) <= _INLINE_ID_MAX_BYTES for identifier in ids):
        raise bad_request("RESULT_ID_INVALID")
    if len(set(ids)) < len(ids):
        raise bad_request("RESULT_ID_DUPLICATE")
    for result in results:
        if result.get("type") == "article":
            _check_article(result)
    if len(arguments.text("next_offset").encode()) > INLINE_OFFSET_MAX_BYTES:
        raise bad_request("NEXT_OFFSET_INVALID")
    return results


def _check_article(result: Json) -> None:
    content = result.get("input_message_content")
    if not result.get("title") or not isinstance(content, dict):
        raise bad_request("Can't parse InlineQueryResult: it needs a title and a content")
    formatted(content.get("message_text", ""), content.get("entities"))
    for row in result.get("reply_markup", {}).get("inline_keyboard", ()):
        for button in row:
            _check_button(button)


def no_markup_language(arguments: Arguments) -> None:
    """Refuse texts in HTML or Markdown; this limit is the stand-in's, not the Bot API's.

    Raises:
        ApiError: the request has a parse mode.
    """
    mode = arguments.text("parse_mode")
    if mode.lower() not in {"", "none"}:
        raise bad_request(f"This stand-in takes entities only, not parse_mode {mode}")
