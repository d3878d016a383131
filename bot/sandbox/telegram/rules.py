"""What the Bot API accepts besides text: parameters of a request, keyboards, commands, inline results."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from bot.sandbox.telegram.errors import bad_request
from bot.sandbox.telegram.text import formatted, is_link

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bot.sandbox.telegram.model import Json

CALLBACK_DATA_MAX_BYTES = 64
ANSWER_TEXT_MAX = 200
"""Characters of the notification that answers a press of a button."""
COMMANDS_MAX = 100
DESCRIPTION_MAX = 256
COMMAND_MAX = 32
_COMMAND_NAME = re.compile(r"[a-z0-9_]+")
_LANGUAGE = re.compile(r"(?:[a-z]{2})?")
INLINE_RESULTS_MAX = 50
INLINE_CACHE_SECONDS = 300
"""How long results may be reused unless the bot says otherwise."""
INLINE_OFFSET_MAX_BYTES = 64
_INLINE_ID_MAX_BYTES = 64

_BUTTON_KINDS = frozenset(
    {
        "url",
        "callback_data",
        "callback_game",
        "pay",
        "switch_inline_query",
        "switch_inline_query_chosen_chat",
        "switch_inline_query_current_chat",
        "login_url",
        "web_app",
        "copy_text",
    }
)


class Arguments:
    """The parameters of one request, however they were sent. `request` is its place in the log of requests.

    A form holds texts only, with JSON inside for what has structure; a JSON body may hold both forms.
    """

    def __init__(self, values: Mapping[str, Any], request: int) -> None:
        self._values = values
        self.request = request

    def text(self, name: str) -> str:
        """A text; what is missing is empty."""
        value = self._values.get(name)
        if value is None:
            return ""
        return value if isinstance(value, str) else json.dumps(value)

    def flag(self, name: str) -> bool:
        """A truth; what is missing is false."""
        return self.text(name).lower() in {"true", "yes", "1"}

    def number(self, name: str, default: int = 0, low: int = 0, high: int = (1 << 53) - 1) -> int:
        """A whole number, moved into its range; what is missing or no number is the default."""
        try:
            return min(max(int(self.text(name)), low), high)
        except ValueError:
            return default

    def structure(self, name: str, what: str) -> Any:  # noqa: ANN401 - JSON is whatever it holds
        """What JSON holds; None when it is missing. `what` names it in the refusal.

        Raises:
            ApiError: it is not JSON.
        """
        value = self._values.get(name)
        if not isinstance(value, str) or not value:
            return value or None
        try:
            return json.loads(value)
        except ValueError:
            raise bad_request(f"Can't parse {what} JSON object") from None


def markup(arguments: Arguments) -> Json | None:
    """The request's keyboard as it would be stored; None for none.

    Raises:
        ApiError: the server refuses it.
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
    """The request's options for the preview of a link.

    Raises:
        ApiError: they are not an object.
    """
    options = arguments.structure("link_preview_options", "link preview options")
    if options is None or isinstance(options, dict):
        return options
    raise bad_request("Object expected as link preview options")


def bot_commands(arguments: Arguments) -> list[Json]:
    """The commands of a menu.

    Raises:
        ApiError: the server refuses one of them, or their number.
    """
    commands = arguments.structure("commands", "commands") or []
    if not isinstance(commands, list):
        raise bad_request("Expected an Array of BotCommand")
    if len(commands) > COMMANDS_MAX:
        raise bad_request("BOT_COMMANDS_TOO_MUCH")
    return [_bot_command(command) for command in commands]


def _bot_command(command: object) -> Json:
    if not isinstance(command, dict):
        raise bad_request("Can't parse BotCommand: expected an Object")
    for key in ("command", "description"):
        if key not in command:
            raise bad_request(f"Can't parse BotCommand: Can't find field \"{key}\"")
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
    """The scope of a menu of commands: who sees it.

    Raises:
        ApiError: there is no such scope, or it lacks its chat or user.
    """
    value = arguments.structure("scope", "BotCommandScope") or {"type": "default"}
    if not isinstance(value, dict):
        raise bad_request("Can't parse BotCommandScope: BotCommandScope must be an Object")
    match value.get("type"):
        case "default" | "all_private_chats" | "all_group_chats" | "all_chat_administrators" as kind:
            return {"type": kind}
        case "chat" | "chat_administrators" | "chat_member" as kind:
            needed = ("chat_id", "user_id") if kind == "chat_member" else ("chat_id",)
        case _:
            raise bad_request("Can't parse BotCommandScope: Unsupported type specified")
    for key in needed:
        if not value.get(key):
            raise bad_request(f"Can't parse BotCommandScope: Can't find field \"{key}\"")
    return {"type": kind} | {key: value[key] for key in needed}


def language(arguments: Arguments) -> str:
    """The language of a menu of commands; empty for all that have none of their own.

    Raises:
        ApiError: it is not two letters.
    """
    code = arguments.text("language_code")
    if not _LANGUAGE.fullmatch(code):
        raise bad_request("Invalid language code specified")
    return code


def inline_results(arguments: Arguments) -> list[Json]:
    """The results that answer an inline query. Of the kinds of result only articles are looked into.

    Raises:
        ApiError: there are too many, their ids are missing, too long or the same, or an article could not be sent.
    """
    results = arguments.structure("results", "inline query results") or []
    if not isinstance(results, list):
        raise bad_request("Expected an Array of inline query results")
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
    """Refuse texts in HTML or Markdown: this is the stand-in's own limit, not the Bot API's.

    Raises:
        ApiError: there is a parse mode.
    """
    mode = arguments.text("parse_mode")
    if mode.lower() not in {"", "none"}:
        raise bad_request(f"This stand-in takes entities only, not parse_mode {mode}")
