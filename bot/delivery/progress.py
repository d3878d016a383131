"""What a delivery becomes after a step: pure, and the same for every platform."""

from __future__ import annotations

import functools
import hashlib
from typing import TYPE_CHECKING

from bot.platforms.base import NotSentError, Post, SendError, UnknownOutcomeError
from bot.storage.records import Claim, DeliveryState, Outcome

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable

    from bot.storage.records import StoredRendering


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
