"""What to do after a failed send: pure decisions, made from the error and from what was tried before."""

from __future__ import annotations

import datetime as dt
import functools
import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from bot.platforms.base import (
    ContentError,
    FloodError,
    NotSentError,
    Post,
    RenderingRefusedError,
    SendError,
    TargetClosedError,
    TargetGoneError,
    TargetMovedError,
    TargetNotFoundError,
    UnauthorisedError,
    UnknownOutcomeError,
)
from bot.storage.records import Claim, DeliveryState, Outcome

if TYPE_CHECKING:
    from collections.abc import Callable

    from bot.storage.records import StoredRendering

FIRST_PAUSE = dt.timedelta(seconds=2)
LONGEST_PAUSE = dt.timedelta(minutes=10)
"""Beyond this, waiting longer helps no platform and only delays the reader."""
GIVE_UP_AFTER = dt.timedelta(hours=24)
"""A recap that could not be delivered for a whole day is old news, also where the bot was off meanwhile."""

MOST_MOVES = 5
"""Attempts after which a chat that says at each that it has moved on is believed no more."""


@dataclass(frozen=True, slots=True)
class Retry:
    """Try the same message again after a pause."""

    after: dt.timedelta


@dataclass(frozen=True, slots=True)
class Redirect:
    """The chat has a new id: rewrite it and try again at once."""

    chat: str


@dataclass(frozen=True, slots=True)
class Hold:
    """Nobody can tell whether the message arrived, and it must not arrive twice: go on with the next one."""


@dataclass(frozen=True, slots=True)
class Fail:
    """This delivery has failed; the subscription stays as it is."""


@dataclass(frozen=True, slots=True)
class EndSubscription:
    """This delivery has failed because they are gone; the subscription ends."""


@dataclass(frozen=True, slots=True)
class PauseSubscription:
    """This delivery has failed for a reason that the admin can mend; the subscription waits for that."""


@dataclass(frozen=True, slots=True)
class UseFallback:
    """The platform does not take messages of this kind: begin again with the rendering's fallback."""


@dataclass(frozen=True, slots=True)
class StopBroadcast:
    """The message itself is refused: nobody else should get it either."""


@dataclass(frozen=True, slots=True)
class StopPlatform:
    """The token is refused: nothing more can be sent here. The delivery waits for a better one."""


Decision: TypeAlias = (
    Retry | Redirect | Hold | Fail | EndSubscription | PauseSubscription | UseFallback | StopBroadcast | StopPlatform
)


def decide(
    error: SendError, *, attempt: int, age: dt.timedelta, hold: bool, luck: float, fallback: bool = False
) -> Decision:
    """The next step after an error.

    Args:
        error: what the platform said.
        attempt: how often this message was tried, this time included; from 1.
        age: the time since its broadcast was opened.
        hold: whether a message of unknown outcome must not be sent again.
        luck: a number in [0, 1) that spreads the retries of many deliveries over time.
        fallback: whether the message's rendering has one.
    """
    match error:
        case UnauthorisedError():
            return StopPlatform()
        case RenderingRefusedError() if fallback:
            return UseFallback()
        case RenderingRefusedError() | ContentError():
            return StopBroadcast()
        case TargetMovedError() if attempt < MOST_MOVES:
            return Redirect(error.chat)
        case TargetGoneError() | TargetNotFoundError():
            return EndSubscription()
        case TargetClosedError():
            return PauseSubscription()
        case UnknownOutcomeError() if hold:
            return Hold()
        case NotSentError() | UnknownOutcomeError():
            pause = _pause(error, attempt, luck)
            return Retry(pause) if age + pause < GIVE_UP_AFTER else Fail()
        case _:
            return Fail()


def _pause(error: SendError, attempt: int, luck: float) -> dt.timedelta:
    if isinstance(error, FloodError):
        # However long the platform asks for: sending earlier only lengthens it.
        return dt.timedelta(seconds=error.retry_after)
    return backoff(attempt, luck)


def backoff(attempt: int, luck: float) -> dt.timedelta:
    """The pause after the given attempt: doubling from `FIRST_PAUSE` to `LONGEST_PAUSE`, then spread over its half."""
    # The exponent is bounded because a timedelta cannot hold what endless doubling grows to.
    pause = min(LONGEST_PAUSE, FIRST_PAUSE * (1 << min(attempt - 1, 16)))
    return pause * (0.5 + luck / 2)


def given_back(claim: Claim, due: dt.datetime) -> Outcome:
    """As if the message had never been claimed, but not before `due`."""
    attempts = claim.attempts - 1
    return Outcome(claim.id, DeliveryState.PENDING, claim.position, claim.message_ids, due, attempts, claim.code)


def later(claim: Claim, due: dt.datetime, error: SendError) -> Outcome:
    """The same message again, not before `due`."""
    # That a later attempt did not arrive tells nothing of an earlier one.
    in_doubt = is_in_doubt(claim) and isinstance(error, NotSentError)
    return Outcome(
        delivery_id=claim.id,
        state=DeliveryState.PENDING,
        position=claim.position,
        message_ids=claim.message_ids,
        due=due,
        attempts=claim.attempts,
        code=claim.code if in_doubt else error.code,
        reason=str(error),
    )


def failed(claim: Claim, due: dt.datetime, error: SendError) -> Outcome:
    """The delivery ends here."""
    return later(claim, due, error)._replace(state=DeliveryState.FAILED, code=error.code)


def too_late(claim: Claim, due: dt.datetime, *, messages: int) -> Outcome:
    """What becomes of old news that is still there because nothing could be sent: the bot was off, or refused."""
    if is_in_doubt(claim):
        return advanced(claim, due, messages=messages, message_id=None)
    return failed(claim, due, NotSentError("its day was over before it could be sent"))


def advanced(claim: Claim, due: dt.datetime, *, messages: int, message_id: str | None) -> Outcome:
    """On to the next message, not before `due`, or the end of a delivery of so many messages.

    Without an id nobody knows whether this one arrived.
    """
    message_ids = (*claim.message_ids, message_id)
    position = claim.position + 1
    if position < messages:
        state = DeliveryState.PENDING
    else:
        state = DeliveryState.UNKNOWN if None in message_ids else DeliveryState.SENT
    publish = message_id if claim.publish else None
    return Outcome(claim.id, state, position, message_ids, due, attempts=0, publish=publish)


def is_in_doubt(claim: Claim) -> bool:
    """Whether the message may have arrived at an attempt before."""
    return claim.code == UnknownOutcomeError.code


def post(claim: Claim, stored: StoredRendering, leave: Callable[[], bool]) -> Post:
    """The message that the claim is for, on its way."""
    return Post(
        target=claim.target,
        title=stored.rendering.title,
        message=stored.rendering.messages[claim.position],
        nonce=nonce(claim, stored),
        first_id=next(iter(claim.message_ids), None),
        leave=leave,
    )


def nonce(claim: Claim, stored: StoredRendering) -> str:
    """The same for the same message to the same target, always; Discord takes up to 25 characters.

    Discord looks at all that the bot sent anywhere in the last minutes, and deliveries are numbered anew in another
    database: so the moment at which the broadcast was opened is part of it.
    """
    return f"{_mark(stored.opened, claim.rendering_id)}.{claim.id:x}.{claim.position:x}"


@functools.lru_cache(maxsize=256)
def _mark(opened: dt.datetime, rendering_id: int) -> str:
    return hashlib.blake2s(f"{opened.timestamp()}/{rendering_id}".encode(), digest_size=5).hexdigest()
