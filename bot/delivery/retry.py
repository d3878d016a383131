"""What to do after a failed send: pure decisions, made from the error and from what was tried before."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TypeAlias

from bot.platforms.base import (
    ContentError,
    FloodError,
    NotSentError,
    RenderingRefusedError,
    SendError,
    TargetClosedError,
    TargetGoneError,
    TargetMovedError,
    TargetNotFoundError,
    UnauthorisedError,
    UnknownOutcomeError,
)

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
