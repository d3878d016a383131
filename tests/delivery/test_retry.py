"""Retry: what follows from an error, decided without touching anything."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.delivery import retry
from bot.platforms import base

SOON = dt.timedelta(minutes=1)


def decide(error: base.SendError, *, attempt: int = 1, age: dt.timedelta = SOON, hold: bool = False) -> retry.Decision:
    """The decision, with the middle of luck."""
    return retry.decide(error, attempt=attempt, age=age, hold=hold, luck=0.5)


@pytest.mark.parametrize(
    ("error", "decision"),
    [
        (base.TargetGoneError("blocked"), retry.EndSubscription()),
        (base.TargetNotFoundError("no such chat"), retry.EndSubscription()),
        (base.TargetClosedError("no rights"), retry.PauseSubscription()),
        (base.TargetMovedError("moved", chat="-100"), retry.Redirect("-100")),
        (base.RefusedError("filtered"), retry.Fail()),
        (base.ContentError("too long"), retry.StopBroadcast()),
        (base.RenderingRefusedError("no such method"), retry.StopBroadcast()),
        (base.UnauthorisedError("token"), retry.StopPlatform()),
    ],
)
def test_a_final_error_has_its_own_consequence(error: base.SendError, decision: retry.Decision) -> None:
    """Errors that trying again cannot mend end what they are about, and nothing more."""
    assert decide(error) == decision


def test_a_kind_of_message_that_is_refused_gives_way_to_its_fallback() -> None:
    """Where the rendering has one; without it the content is at fault."""
    error = base.RenderingRefusedError("no such method")
    age = dt.timedelta(minutes=1)
    assert retry.decide(error, attempt=1, age=age, hold=True, luck=0.5, fallback=True) == retry.UseFallback()


def test_what_certainly_did_not_arrive_is_tried_again() -> None:
    """No connection: the same message again, after a pause."""
    assert isinstance(decide(base.NotSentError("no connection")), retry.Retry)


def test_a_flood_wait_is_obeyed_however_long() -> None:
    """The platform's own pause is taken to the second, past every limit of ours but the age of the news."""
    error = base.FloodError("slow down", retry_after=7200)
    assert decide(error, attempt=50) == retry.Retry(dt.timedelta(hours=2))
    assert decide(error, age=retry.GIVE_UP_AFTER - dt.timedelta(hours=1)) == retry.Fail()


def test_a_chat_that_never_stops_moving_is_given_up() -> None:
    """Two ids that point at each other are no place to send to."""
    error = base.TargetMovedError("moved", chat="-100")
    assert decide(error, attempt=retry.MOST_MOVES - 1) == retry.Redirect("-100")
    assert decide(error, attempt=retry.MOST_MOVES) == retry.Fail()


def test_an_unknown_outcome_is_sent_again_unless_it_must_never_come_twice() -> None:
    """`on_unknown` decides."""
    error = base.UnknownOutcomeError("no answer")
    assert isinstance(decide(error), retry.Retry)
    assert decide(error, hold=True) == retry.Hold()


def test_a_recap_that_cannot_be_delivered_for_a_day_is_given_up() -> None:
    """Old news is no news."""
    assert decide(base.NotSentError("no connection"), age=retry.GIVE_UP_AFTER) == retry.Fail()


@given(attempt=st.integers(1, 100_000), luck=st.floats(0, 1, exclude_max=True))
def test_pauses_grow_and_stay_within_their_bounds(attempt: int, luck: float) -> None:
    """Every pause is within its bounds, and none is shorter than the one before it."""
    pause = retry.backoff(attempt, luck)
    assert retry.FIRST_PAUSE / 2 <= pause <= retry.LONGEST_PAUSE
    assert retry.backoff(attempt + 1, luck) >= pause
