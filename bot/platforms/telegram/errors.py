"""What Telegram's refusals mean to the core.

Telegram describes a 400 in words only; the words below are those of the Bot API server's and TDLib's sources.
"""

from __future__ import annotations

import datetime as dt

import httpx
from telegram.error import BadRequest, ChatMigrated, Forbidden, InvalidToken, RetryAfter, TelegramError

from bot.platforms.base import (
    ContentError,
    FloodError,
    NotSentError,
    SendError,
    TargetClosedError,
    TargetGoneError,
    TargetMovedError,
    TargetNotFoundError,
    UnauthorisedError,
    UnknownOutcomeError,
)

_NOT_FOUND = ("chat not found", "user not found", "peer_id_invalid", "chat_id is empty")
_GONE = ("chat was deleted", "group chat was deactivated", "user_deactivated", "bot was kicked", "bot was blocked")
_CLOSED = (
    "not enough rights",
    "have no rights",
    "need administrator rights",
    "chat_write_forbidden",
    "chat_restricted",
    "message thread not found",
    "topic_closed",
    "topic_deleted",
    "chat_admin_required",
)

# The connection was never made, or never handed out: the request cannot have been written.
_CERTAINLY_NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError)


def translate(error: TelegramError) -> SendError:
    """The core's error for one of python-telegram-bot's.

    Order matters: in python-telegram-bot BadRequest and TimedOut are subclasses of NetworkError.
    """
    match error:
        case RetryAfter(retry_after=dt.timedelta() as pause):
            return FloodError(error.message, retry_after=pause.total_seconds())
        case ChatMigrated():
            return TargetMovedError(error.message, chat=str(error.new_chat_id))
        case InvalidToken():
            return UnauthorisedError("Telegram refuses the token")
        case Forbidden():
            return TargetGoneError(error.message)
        case BadRequest():
            return _bad_request(error.message)
        case _ if isinstance(error.__cause__, _CERTAINLY_NOT_SENT):
            return NotSentError(error.message)
        case _:
            return UnknownOutcomeError(error.message)


def _bad_request(message: str) -> SendError:
    said = message.lower()
    for meaning, phrases in (
        (TargetNotFoundError, _NOT_FOUND),
        (TargetGoneError, _GONE),
        (TargetClosedError, _CLOSED),
    ):
        if any(phrase in said for phrase in phrases):
            return meaning(message)
    return ContentError(message)
