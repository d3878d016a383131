"""What Discord's refusals mean to the core: the JSON error codes of its documentation."""

from __future__ import annotations

import asyncio

import aiohttp
import discord

from bot.platforms.base import (
    ContentError,
    FloodError,
    NotSentError,
    RefusedError,
    SendError,
    TargetClosedError,
    TargetGoneError,
    TargetNotFoundError,
    UnauthorisedError,
    UnknownOutcomeError,
)

NON_TEXT_CHANNEL = 50008
"""A message was sent to a place that takes none by itself, such as a forum."""
ALREADY_PUBLISHED = 40033

NO_ANSWER = (discord.DiscordException, aiohttp.ClientError, asyncio.TimeoutError, OSError)
"""What discord.py lets through: its own errors, and some of the network's that it does not retry."""

REFUSED_AS_WRITTEN = frozenset({50006, 50035})
"""An empty message, an invalid form: the mistake is ours."""
TOO_LATE = frozenset({10008, 10015, 10062, 40060, 50027})
"""What an answer meets whose time is over: dismissed, expired, or given by another process already."""

_MEANINGS: dict[int, type[SendError]] = {
    10003: TargetNotFoundError,  # unknown channel
    10004: TargetGoneError,  # unknown guild
    10013: TargetGoneError,  # unknown user
    50007: TargetGoneError,  # cannot send messages to this user
    50278: TargetGoneError,  # no server in common with this user any more
    50001: TargetClosedError,  # missing access
    50013: TargetClosedError,  # missing permissions
    50083: TargetClosedError,  # the thread is archived and locked
    160005: TargetClosedError,  # the thread is locked
    40067: TargetClosedError,  # the forum wants a tag
    50035: ContentError,  # invalid form body
    50006: ContentError,  # empty message
    40001: UnauthorisedError,
    200000: RefusedError,  # the server's own filter
    200001: RefusedError,
    240000: RefusedError,  # a link that Discord considers harmful
    10008: RefusedError,  # the message with this nonce was deleted
}

OPENING_DMS_TOO_FAST = 40003
DM_PAUSE = 60.0
"""Seconds to wait after Discord said that too many private chats are being opened; it names no time itself."""


def translate(error: BaseException) -> SendError:
    """The core's error for one of `NO_ANSWER`."""
    match error:
        case discord.RateLimited():
            return FloodError("Discord asks for a pause", retry_after=error.retry_after, everything=None)
        case discord.LoginFailure() | discord.ConnectionClosed(code=4004):
            return UnauthorisedError("Discord refuses the token")
        case discord.ConnectionClosed() | discord.PrivilegedIntentsRequired():
            return NotSentError(str(error))
        case discord.HTTPException():
            return _http(error)
        case aiohttp.ClientConnectorError():
            return NotSentError(f"no connection to Discord ({type(error).__name__})")
        case _:
            return UnknownOutcomeError(f"no answer from Discord ({type(error).__name__})")


def _http(error: discord.HTTPException) -> SendError:
    unauthorised, too_many, server_error = 401, 429, 500
    text = f"{error.text or error.status} ({error.code})"
    if error.code == OPENING_DMS_TOO_FAST:
        return FloodError(text, retry_after=DM_PAUSE)
    if error.code in _MEANINGS:
        return _MEANINGS[error.code](text)
    if error.status == unauthorised:
        return UnauthorisedError("Discord refuses the token")
    if error.status == too_many:
        # discord.py has waited and tried five times by now.
        return FloodError(text, retry_after=DM_PAUSE)
    if error.status >= server_error:
        return UnknownOutcomeError(text)
    # Whatever is not known is said of this channel: one delivery fails, and everybody else's go on.
    return RefusedError(text)
