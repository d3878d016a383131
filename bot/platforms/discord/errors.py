"""The core's errors for Discord's refusals, by the JSON error codes of Discord's documentation."""

import asyncio
import contextlib
import json
from collections.abc import Iterator
from http import HTTPStatus

import aiohttp
import discord

from bot.model.i18n import gettext as _
from bot.model.problems import reason_of
from bot.platforms.base import (
    ContentError,
    FilteredError,
    FloodError,
    NotSentError,
    RefusedError,
    SendError,
    TargetClosedError,
    TargetGoneError,
    TargetNotFoundError,
    UnauthorisedError,
    UnknownOutcomeError,
    foreign,
    in_brief,
    pause_in,
)

NON_TEXT_CHANNEL = 50008
"""The code after a message to a place that takes none by itself, such as a forum."""
ALREADY_PUBLISHED = 40033
UNKNOWN_CHANNEL = 10003
UNKNOWN_MESSAGE = 10008
ARCHIVED = 50083
ALREADY_ANSWERED = 40060
INVALID_FORM = 50035
LOCKED = 160005
PINNED_NO_MORE = frozenset({UNKNOWN_MESSAGE, UNKNOWN_CHANNEL, ARCHIVED})
"""The codes after a message or a post that was deleted is unpinned, or an archived post, which archiving unpins."""

POST_ENDED = frozenset({UNKNOWN_CHANNEL, ARCHIVED, LOCKED})
"""The codes after a message to a post of a forum that somebody has deleted or locked since its first message."""

NO_ANSWER = (discord.DiscordException, aiohttp.ClientError, asyncio.TimeoutError, OSError)
"""The errors of a request: discord.py's own, and some of the network's that it does not retry."""


class ExpiredError(RefusedError):
    """An answer after the time for answers, or after another process's answer."""


_MEANINGS: dict[int, type[SendError]] = {
    UNKNOWN_CHANNEL: TargetNotFoundError,
    10004: TargetGoneError,  # unknown guild
    10013: TargetGoneError,  # unknown user
    50007: TargetGoneError,  # cannot send messages to this user
    50278: TargetGoneError,  # no server in common with this user any more
    50001: TargetClosedError,  # missing access
    50013: TargetClosedError,  # missing permissions
    ARCHIVED: TargetClosedError,  # and locked, because a message opens a thread that is only archived
    LOCKED: TargetClosedError,
    40067: TargetClosedError,  # the forum wants a tag
    INVALID_FORM: ContentError,
    50006: ContentError,  # empty message
    40001: UnauthorisedError,
    50014: UnauthorisedError,  # invalid authentication token
    40333: NotSentError,  # a trouble in Discord's own network, told with the status 403
    200000: FilteredError,  # the server's own filter
    200001: FilteredError,
    240000: FilteredError,  # a link that Discord considers harmful
    UNKNOWN_MESSAGE: RefusedError,  # the message with this nonce was deleted
    60003: RefusedError,  # the server wants two-factor authentication of the bot's owner
    10015: ExpiredError,  # the interaction never had a first answer
    10062: ExpiredError,  # no first answer within 3 seconds
    50027: ExpiredError,  # further messages after 15 minutes
    ALREADY_ANSWERED: ExpiredError,
}

TOO_SOON = frozenset({40003, 20016, 20028, 30046})
"""The codes after too many new private chats, after a message into a channel in slow mode, after too many edits of
messages that were passed on to followers, and after too many edits of messages older than an hour."""
_TRY_AGAIN = (HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.CONFLICT)
"""Statuses of refusals for a trouble that may be over at the next attempt."""


class UnservedError(aiohttp.ClientError):
    """An answer or a failure after which discord.py would repeat the request at a pace of its own."""

    def __init__(self, meaning: SendError) -> None:
        super().__init__(str(meaning))
        self.meaning = meaning


def without_repeats() -> aiohttp.TraceConfig:
    """Return the trace of requests with which discord.py repeats none of them."""
    trace = aiohttp.TraceConfig()
    trace.on_request_end.append(_after_answer)
    # Because Discord sends nobody elsewhere, a redirection is answered by something before it, and not followed.
    trace.on_request_redirect.append(_after_answer)
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
        raise NotSentError(_("the connection to Discord is closed, or being renewed"))
    try:
        yield
    except NO_ANSWER as error:
        raise translate(error) from error


@contextlib.contextmanager
def in_post() -> Iterator[None]:
    """Take the refusals of a post that has ended for its own: its forum is there, and takes the next recap.

    Raises:
        RefusedError: the post has ended.
    """
    try:
        yield
    except discord.HTTPException as error:
        if error.code in POST_ENDED:
            raise RefusedError(_("somebody has deleted or locked the post ({code})").format(code=error.code)) from error
        raise


@contextlib.contextmanager
def reading() -> Iterator[None]:
    """Take an answer that cannot be read in the context for one in another form than Discord's."""
    try:
        yield
    except NO_ANSWER:
        # Before the others, because some of these are a ValueError too.
        raise
    except (LookupError, TypeError, ValueError, AttributeError, RecursionError) as error:
        raise UnservedError(not_discord()) from error


def id_in(answer: object) -> str:
    """Return the id of the object that Discord has answered with."""
    match answer:
        case {"id": int() | str() as number} if str(number).isdecimal():
            return str(number)
    raise UnservedError(not_discord())


def translate(error: BaseException) -> SendError:
    """Return the core's error for one of `NO_ANSWER`."""
    match error:
        case UnservedError():
            return error.meaning
        case discord.RateLimited():
            # From earlier answers, discord.py knows that the route of this chat is used up.
            return FloodError(_("Discord asks for a pause"), retry_after=error.retry_after)
        case discord.LoginFailure() | discord.ConnectionClosed(code=4004):
            return UnauthorisedError(_("Discord refuses the token"))
        case discord.ConnectionClosed() | discord.PrivilegedIntentsRequired():
            return NotSentError(str(error))
        case discord.HTTPException(code=code, status=status):
            if code not in _MEANINGS and status == HTTPStatus.UNAUTHORIZED:
                return UnauthorisedError(_("Discord refuses the token"))
            # Because an unknown refusal counts for this channel alone, all other deliveries go on.
            otherwise = NotSentError if status in _TRY_AGAIN else RefusedError
            return _MEANINGS.get(code, otherwise)(f"{in_brief(error.text) or 'HTTP'} ({code or status})")
        case aiohttp.ClientHttpProxyError(status=status):
            return NotSentError(_("no connection to Discord (the proxy answers {status})").format(status=status))
        case aiohttp.ClientConnectorError():
            reason = reason_of(error, type(error).__name__)
            return NotSentError(_("no connection to Discord ({reason})").format(reason=reason))
        case TimeoutError():
            return UnknownOutcomeError(_("no answer from Discord in time"))
        case _:
            reason = reason_of(error, type(error).__name__)
            return UnknownOutcomeError(_("no answer from Discord ({reason})").format(reason=reason))


async def _after_answer(
    _session: object, _context: object, sent: aiohttp.TraceRequestEndParams | aiohttp.TraceRequestRedirectParams
) -> None:
    response = sent.response
    if response.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        response.release()
        told = _("Discord answers with an error of its own ({status})").format(status=response.status)
        failure = UnknownOutcomeError(told)
        if wait := response.headers.get("Retry-After"):
            failure.retry_after = pause_in(wait)
        raise UnservedError(failure)
    if response.status >= HTTPStatus.MULTIPLE_CHOICES:
        payload = b""
        # An answer that breaks off has told by then that it is a refusal.
        with contextlib.suppress(aiohttp.ClientError):
            payload = await response.read()
        if meaning := _unserved(response, payload):
            raise UnservedError(meaning)


async def _after_failure(_session: object, _context: object, sent: aiohttp.TraceRequestExceptionParams) -> None:
    if isinstance(sent.exception, aiohttp.ClientOSError):
        raise UnservedError(translate(sent.exception))


def _unserved(response: aiohttp.ClientResponse, payload: bytes) -> SendError | None:
    """Return the meaning of a refusal that is not Discord's, or that asks for a pause; None for all others."""
    asks_for_pause, wait = response.status == HTTPStatus.TOO_MANY_REQUESTS, response.headers.get("Retry-After")
    try:
        answer = json.loads(payload)
    except (ValueError, RecursionError):
        answer = None
    match answer:
        # If both tell the pause, only the body has all of it; a refused write may be without `global`.
        case {"message": str(words), **rest} if asks_for_pause:
            return FloodError(
                in_brief(words),
                retry_after=pause_in(rest.get("retry_after", wait)),
                everything=rest.get("global") is True,
            )
        case {"message": str(words), "code": int(code), **rest}:
            if code in TOO_SOON or (code == INVALID_FORM and "TOO_MANY_MESSAGES" in json.dumps(rest.get("errors"))):
                return FloodError(f"{in_brief(words)} ({code})", retry_after=pause_in(rest.get("retry_after", wait)))
            try:
                discord.HTTPException(response, answer)
            except (AttributeError, TypeError, RecursionError):
                # Of places of the mistakes in a form that discord.py cannot read, the code still tells what is refused.
                return translate(discord.HTTPException(response, {"message": words, "code": code}))
            return None
    # Cloudflare's ban of the whole address is a page without JSON.
    return not_discord(payload, response.status, wait)


def not_discord(payload: bytes = b"", status: int = HTTPStatus.OK, wait: str | None = None) -> SendError:
    """Return the error for an answer in another form than Discord's."""
    return foreign("Discord", status, payload, _("end in /api/v10"), wait)
