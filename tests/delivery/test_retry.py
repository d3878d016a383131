"""Retry: what follows from an error, decided without touching anything."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.delivery import retry
from bot.delivery.retry import Step
from bot.model.codes import Code
from bot.model.subscription import PlatformName, Target
from bot.platforms import base
from bot.storage.records import Claim, DeliveryState

SOON = dt.timedelta(minutes=1)
LAST = Claim(1, 1, Target(PlatformName("telegram"), "1"), 1, 1, ("41",), 2, Code.UNKNOWN, publish=False)
"""The last of two messages, which may have arrived at the attempt before."""


def decide(error: base.SendError, *, attempt: int = 1, age: dt.timedelta = SOON, hold: bool = False) -> retry.Decision:
    """The decision, with the middle of luck."""
    return retry.decide(error, attempt=attempt, age=age, hold=hold, luck=0.5)


@pytest.mark.parametrize(
    ("error", "step"),
    [
        (base.TargetGoneError("blocked"), Step.END_SUBSCRIPTION),
        (base.TargetNotFoundError("no such chat"), Step.END_SUBSCRIPTION),
        (base.TargetClosedError("no rights"), Step.PAUSE_SUBSCRIPTION),
        (base.TargetMovedError("moved", chat="-100"), Step.REDIRECT),
        (base.RefusedError("filtered"), Step.FAIL),
        (base.ContentError("too long"), Step.DOUBT_MESSAGE),
        (base.RenderingRefusedError("no such method"), Step.DOUBT_MESSAGE),
        (base.UnauthorisedError("token"), Step.STOP_PLATFORM),
    ],
)
def test_a_final_error_has_its_own_consequence(error: base.SendError, step: Step) -> None:
    """Errors that trying again cannot mend end what they are about, and nothing more."""
    assert decide(error).step is step


def test_a_kind_of_message_that_is_refused_gives_way_to_its_fallback() -> None:
    """Where the rendering has one; without it the content is at fault."""
    error = base.RenderingRefusedError("no such method")
    age = dt.timedelta(minutes=1)
    assert retry.decide(error, attempt=1, age=age, hold=True, luck=0.5, fallback=True).step is Step.USE_FALLBACK


def test_what_certainly_did_not_arrive_is_tried_again() -> None:
    """No connection: the same message again, after a pause."""
    assert decide(base.NotSentError("no connection")).step is Step.RETRY


def test_a_flood_wait_is_obeyed_however_long() -> None:
    """The platform's own pause is taken to the second, past every limit of ours but the age of the news."""
    error = base.FloodError("slow down", retry_after=7200)
    assert decide(error, attempt=50) == retry.Decision(Step.RETRY, dt.timedelta(hours=2))
    assert decide(error, age=retry.GIVE_UP_AFTER - dt.timedelta(hours=1)).step is Step.FAIL


def test_a_flood_wait_of_no_time_is_none() -> None:
    """A platform that refuses and asks for no pause gets one all the same: it would refuse all day at the full rate."""
    assert decide(base.FloodError("slow down", retry_after=0.0), attempt=5).pause >= 8 * retry.FIRST_PAUSE


def test_a_chat_that_never_stops_moving_is_given_up() -> None:
    """Two ids that point at each other are no place to send to."""
    error = base.TargetMovedError("moved", chat="-100")
    assert decide(error, attempt=retry.MOST_MOVES - 1) == retry.Decision(Step.REDIRECT, chat="-100")
    assert decide(error, attempt=retry.MOST_MOVES).step is Step.FAIL


def test_an_unknown_outcome_is_sent_again_unless_it_must_never_come_twice() -> None:
    """`on_unknown` decides."""
    error = base.UnknownOutcomeError("no answer")
    assert decide(error).step is Step.RETRY
    assert decide(error, hold=True).step is Step.HOLD


def test_a_recap_that_cannot_be_delivered_for_a_day_is_given_up() -> None:
    """Old news is no news."""
    assert decide(base.NotSentError("no connection"), age=retry.GIVE_UP_AFTER).step is Step.FAIL


def test_old_news_in_doubt_may_have_arrived_and_an_old_change_has_failed() -> None:
    """A change stands where it stood: nobody gets a message more by it, nor less."""
    monday = dt.datetime(2024, 11, 4, 7, tzinfo=dt.UTC)
    pushed = retry.expire(LAST, monday, messages=2)
    assert (pushed.state, pushed.message_ids) == (DeliveryState.UNKNOWN, ("41", None))
    changed = retry.expire(LAST._replace(corrects=7), monday, messages=2)
    assert (changed.state, changed.message_ids, changed.code) == (DeliveryState.FAILED, ("41",), Code.NOT_SENT)


def test_the_first_message_that_arrives_is_pinned() -> None:
    """Where the first one of all is in doubt, the second; and no other after it."""
    monday = dt.datetime(2024, 11, 4, 7, tzinfo=dt.UTC)
    second = LAST._replace(message_ids=(None,), pin=True)
    assert retry.advance(second, monday, messages=3, message_id="42").pin == "42"
    third = second._replace(position=2, message_ids=(None, "42"))
    assert retry.advance(third, monday, messages=3, message_id="43").pin is None


@given(attempt=st.integers(1, 100_000), luck=st.floats(0, 1, exclude_max=True))
def test_pauses_grow_and_stay_within_their_bounds(attempt: int, luck: float) -> None:
    """Every pause is within its bounds, and none is shorter than the one before it."""
    pause = retry.backoff(attempt, luck)
    assert retry.FIRST_PAUSE / 2 <= pause <= retry.LONGEST_PAUSE
    assert retry.backoff(attempt + 1, luck) >= pause
