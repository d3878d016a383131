"""The pure part of a delivery: the decision after an error, and the outcome of each attempt."""

import datetime as dt
import enum
import hashlib
from collections.abc import Callable
from typing import NamedTuple

from bot.model.codes import Code
from bot.model.i18n import gettext as _
from bot.platforms.base import (
    ContentError,
    NotSentError,
    Post,
    PreviewError,
    RenderingRefusedError,
    SendError,
    TargetClosedError,
    TargetGoneError,
    TargetMovedError,
    TargetNotFoundError,
    UnauthorisedError,
    UnknownOutcomeError,
    UnverifiableError,
)
from bot.storage.records import Claim, DeliveryState, Outcome, StoredRendering

FIRST_PAUSE = dt.timedelta(seconds=2)
LONGEST_PAUSE = dt.timedelta(minutes=10)
"""A longer pause helps no platform and only delays the reader."""
GIVE_UP_AFTER = dt.timedelta(hours=24)
"""The age from which a broadcast is old news and no message of it is sent, also if the bot was off meanwhile."""
MOST_MOVES = 5
"""Attempts after which a delivery to a chat fails if each attempt was answered with a new id."""


class Step(enum.StrEnum):
    """The step after an error, by its word in the log."""

    RETRY = "Retry"
    """Try the same message again after a pause."""
    REDIRECT = "Redirect"
    """Rewrite the target to the chat's new id and try again at once."""
    HOLD = "Hold"
    """Go on with the next message, because this one may have arrived and must not arrive twice."""
    FAIL = "Fail"
    """Fail the delivery; leave the subscription as it is."""
    END_SUBSCRIPTION = "EndSubscription"
    """Fail the delivery and end the subscription, because the chat is gone."""
    PAUSE_SUBSCRIPTION = "PauseSubscription"
    """Fail the delivery and pause the subscription, because an admin can mend the cause."""
    USE_FALLBACK = "UseFallback"
    """Send the message's fallback in its place, because the platform does not take messages of this kind."""
    DOUBT_MESSAGE = "DoubtMessage"
    """Fail the delivery, and stop the rendering if the ledger shows that several chats refuse and none takes it."""
    STOP_PLATFORM = "StopPlatform"
    """Send nothing more on this platform, because it refuses the token. The delivery waits for a valid one."""


class Decision(NamedTuple):
    """A step; `pause` is the time before a retry, `chat` the chat's new id for a redirection."""

    step: Step
    pause: dt.timedelta = dt.timedelta()
    chat: str = ""


def decide(
    error: SendError,
    *,
    attempt: int,
    age: dt.timedelta,
    hold: bool,
    luck: float,
    fallback: bool = False,
    worth: dt.timedelta = GIVE_UP_AFTER,
) -> Decision:
    """Return the next step after an error.

    Args:
        error: the platform's answer.
        attempt: how often this message was tried, this time included; from 1.
        age: the time since its broadcast was opened, or since the first attempt where there is no broadcast.
        hold: whether a message of unknown outcome must not be sent again.
        luck: a number in [0, 1) that spreads the retries of many deliveries over time.
        fallback: whether the message has one.
        worth: the age at which no further attempt is of use.
    """
    match error:
        case UnauthorisedError():
            return Decision(Step.STOP_PLATFORM)
        case RenderingRefusedError() | PreviewError() if fallback:
            return Decision(Step.USE_FALLBACK)
        case RenderingRefusedError() | ContentError():
            return Decision(Step.DOUBT_MESSAGE)
        case TargetMovedError() if attempt < MOST_MOVES:
            return Decision(Step.REDIRECT, chat=error.chat)
        case TargetGoneError() | TargetNotFoundError():
            return Decision(Step.END_SUBSCRIPTION)
        case TargetClosedError():
            return Decision(Step.PAUSE_SUBSCRIPTION)
        case UnknownOutcomeError() if hold or isinstance(error, UnverifiableError):
            return Decision(Step.HOLD)
        case NotSentError() | UnknownOutcomeError():
            # Because a send before its end would lengthen a platform's pause, no limit of ours shortens it.
            pause = dt.timedelta(seconds=error.retry_after) or backoff(attempt, luck, worth)
            if age + pause < worth:
                return Decision(Step.RETRY, pause)
    return Decision(Step.FAIL)


def backoff(attempt: int, luck: float, worth: dt.timedelta = GIVE_UP_AFTER) -> dt.timedelta:
    """Return the pause after an attempt: it doubles from `FIRST_PAUSE` to `LONGEST_PAUSE`, less up to its half.

    A request that is `worth` little time begins with a shorter pause, so that five attempts fit into that time.
    """
    # The exponent has a bound, because endless doubling exceeds the largest timedelta.
    pause = min(LONGEST_PAUSE, min(FIRST_PAUSE, worth / 32) * (1 << min(attempt - 1, 16)))
    return pause * (0.5 + luck / 2)


def give_back(claim: Claim, due: dt.datetime) -> Outcome:
    """Return the delivery as if the message had never been claimed, but not due before `due`."""
    attempts = claim.attempts - 1
    return Outcome(claim.id, DeliveryState.PENDING, claim.position, claim.message_ids, due, attempts, claim.code)


def postpone(claim: Claim, due: dt.datetime, error: SendError) -> Outcome:
    """Return the delivery with the same message again, not before `due`."""
    # Because a later attempt that did not arrive tells nothing of an earlier one, the message stays in doubt; else
    # Discord, which looks for messages in doubt, would send it twice.
    code = claim.code if is_in_doubt(claim) and isinstance(error, NotSentError) else error.code
    attempts, reason = claim.attempts, str(error)
    return Outcome(claim.id, DeliveryState.PENDING, claim.position, claim.message_ids, due, attempts, code, reason)


def fail(claim: Claim, due: dt.datetime, error: SendError) -> Outcome:
    """Return the failed delivery."""
    return postpone(claim, due, error)._replace(state=DeliveryState.FAILED, code=error.code)


def expire(claim: Claim, due: dt.datetime, *, messages: int) -> Outcome:
    """Return the outcome of old news, which is still pending because the bot was off or the platform refused it."""
    if is_in_doubt(claim) and claim.corrects is None:
        return advance(claim, due, messages=messages, message_id=None)
    return fail(claim, due, NotSentError(_("its day was over before it could be sent")))


def advance(
    claim: Claim, due: dt.datetime, *, messages: int, message_id: str | None, has_upload: bool = False
) -> Outcome:
    """Return the delivery at its next message, not before `due`, or at its end after so many messages.

    Without an id, this message may or may not have arrived. With `has_upload`, the first message brings a file and is
    no part of the recap itself.
    """
    message_ids = (*claim.message_ids, message_id)
    position, code = claim.position + 1, ""
    if position < messages:
        state = DeliveryState.PENDING
    else:
        state = DeliveryState.UNKNOWN if None in message_ids else DeliveryState.SENT
        code = Code.AUDIO if has_upload and None not in message_ids[1:] and state is DeliveryState.UNKNOWN else ""
    publish = message_id if claim.publish else None
    is_pinned = claim.pin and position > has_upload and not any(claim.message_ids[has_upload:])
    return Outcome(claim.id, state, position, message_ids, due, 0, code, "", publish, message_id if is_pinned else None)


def is_in_doubt(claim: Claim) -> bool:
    """Return whether the message may have arrived at an earlier attempt."""
    return claim.code == UnknownOutcomeError.code


def make_post(claim: Claim, stored: StoredRendering, leave: Callable[[], bool]) -> Post:
    """Return the claimed message as the platform takes it."""
    first_id = claim.message_ids[0] if claim.message_ids else None
    title, message = stored.rendering.title, stored.rendering.messages[claim.position]
    reply_to = first_id if stored.has_upload else None
    return Post(claim.target, title, message, make_nonce(claim, stored), first_id, None, leave, reply_to)


def make_nonce(claim: Claim, stored: StoredRendering) -> str:
    """Return the same word, of at most Discord's 25 characters, for each attempt of a message and for no other message.

    Discord compares the nonces of all messages of the last minutes. Because a copied database, or a server that has
    lost the last seconds, may number its deliveries anew, no id is part of the nonce.
    """
    if stored.lasts:
        return hashlib.blake2s(f"{stored.seed} {claim.target} {claim.position}".encode(), digest_size=12).hexdigest()
    # Messages of version 0.1.0 keep the nonces with which they may have been sent.
    return f"{hashlib.blake2s(stored.seed.encode(), digest_size=5).hexdigest()}.{claim.id:x}.{claim.position:x}"
