"""Telegram's refusals as errors of the core.

Telegram describes a 400 in words only; the words below are those of the Bot API server's and TDLib's sources.
"""

import contextlib
import datetime as dt
import re
from collections.abc import Iterator

import httpx
from telegram.error import (
    BadRequest,
    ChatMigrated,
    Conflict,
    Forbidden,
    InvalidToken,
    NetworkError,
    RetryAfter,
    TelegramError,
    TimedOut,
)

from bot.model.i18n import gettext as _
from bot.model.problems import reason_of
from bot.platforms.base import (
    ContentError,
    FloodError,
    NotSentError,
    PreviewError,
    RefusedError,
    RenderingRefusedError,
    SendError,
    TargetClosedError,
    TargetGoneError,
    TargetMovedError,
    TargetNotFoundError,
    UnauthorisedError,
    UnknownOutcomeError,
    foreign,
    in_brief,
    pause_in,
)
from bot.platforms.telegram.request import ForeignError, NeverSentError, ServerError

_NO_CONNECTION = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError)
"""Errors of the library's own requests before a request is written."""
_MEANINGS: dict[type[SendError], str] = {
    TargetNotFoundError: "chat not found|user not found|peer_id_invalid|chat_id is empty"
    # A person who never wrote to the bot.
    "|can't initiate conversation",
    TargetGoneError: "chat was deleted|chat was deactivated|user_deactivated|user is deactivated|bot was kicked"
    "|bot was blocked|user_is_blocked|bot is not a member|can't send messages to bots",
    # `_forbidden` stands for chat_write_forbidden, chat_send_plain_forbidden and their like.
    TargetClosedError: "not enough rights|have no rights|need administrator rights|chat_admin_required|chat_restricted"
    "|_forbidden|message thread not found|topic_closed|topic_deleted",
    PreviewError: "webpage_|media_empty|failed to get http url content|wrong type of the web page content",
    ContentError: "can't parse|too[ _]long|(text|message) is empty|non-empty|utf-(8|16)|entity|entities|inline keyboard"
    "|button_|reply_markup|expected",
}
"""The meaning of a refusal by an expression in its words; the first that fits counts."""


class RivalError(NotSentError):
    """A poll that Telegram ended, because another program polls with the same token."""


class WebhookError(NotSentError):
    """A poll that Telegram refuses, because another program has set a webhook with the same token."""


_CONFLICTS: dict[str, type[NotSentError]] = {"webhook": WebhookError, "other getupdates": RivalError}
"""The meaning of a 409 by the words in it."""


def translate(error: TelegramError) -> SendError:
    """Return the core's error for one of python-telegram-bot's."""
    # Because BadRequest and TimedOut are subclasses of NetworkError there, the order of the cases matters.
    match error:
        case RetryAfter(retry_after=dt.timedelta() as pause):
            # The sentences of these two are the library's own, in English.
            return FloodError(_("Telegram asks for a pause"), retry_after=pause.total_seconds(), everything=None)
        case ChatMigrated():
            return TargetMovedError(_("the group has become a supergroup"), chat=str(error.new_chat_id))
        case ForeignError():
            return foreign(
                "Telegram",
                error.status,
                error.payload,
                _("be https://api.telegram.org or the address of your own Bot API server"),
                error.wait,
            )
        case InvalidToken():
            # A 401, or a 404, which says that the token is not even of the right form.
            return UnauthorisedError(_("Telegram refuses the token"))
        case Forbidden() | BadRequest():
            meanings = (each for each, words in _MEANINGS.items() if re.search(words, error.message, re.IGNORECASE))
            # Because an unknown refusal counts for this chat alone, all other deliveries go on.
            return next(meanings, RefusedError)(in_brief(error.message))
        case Conflict():
            meaning = next((each for words, each in _CONFLICTS.items() if words in error.message.lower()), NotSentError)
            return meaning(in_brief(error.message))
        case NetworkError() if isinstance(error, NeverSentError) or isinstance(error.__cause__, _NO_CONNECTION):
            reason = reason_of(error, in_brief(error.message))
            return NotSentError(_("no connection to Telegram ({reason})").format(reason=reason))
        case TimedOut():
            return UnknownOutcomeError(_("no answer from Telegram in time"))
        case ServerError(wait=asked) if asked is not None:
            failure = UnknownOutcomeError(in_brief(error.message))
            failure.retry_after = pause_in(asked)
            return failure
        case _:
            return UnknownOutcomeError(reason_of(error, in_brief(error.message)))


@contextlib.contextmanager
def translated() -> Iterator[None]:
    """Raise the errors of `translate` in place of python-telegram-bot's, whose text may hold a refused token.

    An answer that the library cannot read in the context is in another form than Telegram's.
    """
    try:
        yield
    except TelegramError as error:
        raise translate(error) from None
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        # The library reads an answer without a look at its types.
        raise translate(ForeignError()) from error


def translate_rich(error: TelegramError) -> SendError:
    """Return the core's error after a rich message was sent.

    Returns:
        RenderingRefusedError if only this kind of message is refused: the server is older than Bot API 10.1, or cannot
        take the content, or cannot fetch a picture, or the bot may write in the chat but send no pictures.
    """
    # A 404 says so for a method that the server does not know; a 401 never does.
    if isinstance(error, InvalidToken) and "not found" in error.message.lower():
        # The token was of the right form when the bot connected.
        return RenderingRefusedError(_("this server knows no rich messages"))
    return translate_kind(error)


def translate_kind(error: TelegramError) -> SendError:
    """Return the core's error after a message of a special kind was sent, which this chat or content may rule out."""
    meaning = translate(error)
    is_about_media = isinstance(meaning, TargetClosedError) and "rights to send" in str(meaning)
    is_about_content = isinstance(error, BadRequest) and isinstance(meaning, ContentError | NotSentError | RefusedError)
    return RenderingRefusedError(str(meaning)) if is_about_content or is_about_media else meaning
