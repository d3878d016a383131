"""The core's errors for Discord's refusals, by the JSON error codes of Discord's documentation."""

import asyncio
import contextlib
from collections.abc import Iterator
from http import HTTPStatus

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
"""The code after a message to a place that takes none by itself, such as a forum."""
ALREADY_PUBLISHED = 40033
ALREADY_ANSWERED = 40060

NO_ANSWER = (discord.DiscordException, aiohttp.ClientError, asyncio.TimeoutError, OSError)
"""The errors of a request: discord.py's own, and some of the network's that it does not retry."""


class ExpiredError(RefusedError):
    """An answer after the time for answers, or after another process's answer."""


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
    10015: ExpiredError,  # the interaction never had a first answer
    10062: ExpiredError,  # no first answer within 3 seconds
    50027: ExpiredError,  # further messages after 15 minutes
    ALREADY_ANSWERED: ExpiredError,
}

OPENING_DMS_TOO_FAST = 40003
DM_PAUSE = 60.0
"""Seconds to wait where Discord names none: after too many new private chats, or a ban of the address by its proxy."""


class UnservedError(aiohttp.ClientError):
    """An answer or a failure after which discord.py would repeat the request at a pace of its own."""

    def __init__(self, meaning: SendError) -> None:
        super().__init__(str(meaning))
        self.meaning = meaning


def without_repeats() -> aiohttp.TraceConfig:
    """Return the trace of requests with which discord.py repeats none of them."""
    trace = aiohttp.TraceConfig()
    trace.on_request_end.append(_after_answer)
    trace.on_request_exception.append(_after_failure)
    return trace


@contextlib.contextmanager
def reaching(client: discord.Client) -> Iterator[None]:
    """Translate the errors of the client's requests in the context.

    Raises:
        SendError: a request failed, or the client is closed.
    """
    if client.is_closed():
        # Because the session is closed too, a request would raise a RuntimeError.
        raise NotSentError("the connection to Discord is closed, or being renewed")
    try:
        yield
    except NO_ANSWER as error:
        raise translate(error) from error


def translate(error: BaseException) -> SendError:
    """Return the core's error for one of `NO_ANSWER`."""
    match error:
        case UnservedError():
            return error.meaning
        case discord.RateLimited():
            # From earlier answers, discord.py knows that the route of this chat is used up.
            return FloodError("Discord asks for a pause", retry_after=error.retry_after)
        case discord.LoginFailure() | discord.ConnectionClosed(code=4004):
            return UnauthorisedError("Discord refuses the token")
        case discord.ConnectionClosed() | discord.PrivilegedIntentsRequired():
            return NotSentError(str(error))
        case discord.HTTPException(code=code, status=status):
            text = f"{error.text or status} ({code})"
            if code == OPENING_DMS_TOO_FAST:
                return FloodError(text, retry_after=DM_PAUSE)
            if code not in _MEANINGS and status == HTTPStatus.UNAUTHORIZED:
                return UnauthorisedError("Discord refuses the token")
            # Because an unknown refusal counts for this channel alone, all other deliveries go on.
            return _MEANINGS.get(code, RefusedError)(text)
        case aiohttp.ClientConnectorError():
            return NotSentError(f"no connection to Discord ({type(error).__name__})")
        case _:
            return UnknownOutcomeError(f"no answer from Discord ({type(error).__name__})")


async def _after_answer(_session: object, _context: object, sent: aiohttp.TraceRequestEndParams) -> None:
    status = sent.response.status
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        sent.response.release()
        raise UnservedError(UnknownOutcomeError(f"Discord answers with an error of its own ({status})"))
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        raise UnservedError(await _flood(sent.response))


async def _after_failure(_session: object, _context: object, sent: aiohttp.TraceRequestExceptionParams) -> None:
    if isinstance(sent.exception, aiohttp.ClientOSError):
        raise UnservedError(translate(sent.exception))


async def _flood(response: aiohttp.ClientResponse) -> FloodError:
    """Return the pause that a 429 asks for. Only the body has the whole of it."""
    try:
        asked = await response.json()
        return FloodError(asked["message"], retry_after=asked["retry_after"], everything=asked["global"])
    except (aiohttp.ClientError, LookupError, TypeError, ValueError):
        # Cloudflare's ban of the whole address is a page without JSON.
        pause = response.headers.get("Retry-After", "")
        return FloodError("Discord's proxy refuses this address", retry_after=float(pause or DM_PAUSE), everything=True)
