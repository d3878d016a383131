"""The one way out: turns, floods, repeats and order, the same for every kind of request."""

from __future__ import annotations

import asyncio
import contextlib
import time
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.delivery.pacing import Pacer
from bot.delivery.sending import PacedSender
from bot.model.subscription import PlatformName, Target
from bot.platforms.base import (
    ChatLimit,
    Entry,
    FloodError,
    NotSentError,
    Rank,
    RefusedError,
    SendError,
    SendRequest,
    UnknownOutcomeError,
)
from bot.storage.leases import Lease
from tests.waiting import PATIENCE

if TYPE_CHECKING:
    from collections.abc import Callable

HERE, THERE = (Target(PlatformName("telegram"), chat) for chat in ("1", "2"))


class Attempts:
    """A call that fails with each of the errors in turn, and then succeeds. It notes when it was made."""

    def __init__(self, *errors: SendError) -> None:
        self.errors = list(errors)
        self.times: list[float] = []
        self.ended = asyncio.Event()

    async def __call__(self, _leave: Callable[[], bool]) -> str:
        """Fail, or return an id."""
        self.times.append(time.monotonic())
        self.ended.set()
        if self.errors:
            raise self.errors.pop(0)
        return "7"


@pytest.mark.parametrize("error", [NotSentError("no connection"), UnknownOutcomeError("502")], ids=str)
@pytest.mark.parametrize("rank", Rank)
async def test_what_may_pass_is_tried_again(error: SendError, rank: Rank) -> None:
    """Whatever is sent, until it has arrived."""
    call = Attempts(error, error)
    assert await PacedSender(Pacer(100)).send(SendRequest(HERE, call, rank, worth=5.0)) == "7"
    assert len(call.times) == 3


@pytest.mark.parametrize(
    ("error", "hold", "worth"),
    [
        (RefusedError("no links here"), False, 5.0),
        (UnknownOutcomeError("502"), True, 5.0),
        (NotSentError("no connection"), False, 0.0),
        (FloodError("slow down", retry_after=60), False, 5.0),
    ],
    ids=["refused", "in doubt, and held", "worth one attempt", "a longer pause than it is worth"],
)
async def test_what_no_repeat_can_mend_is_raised_at_once(error: SendError, *, hold: bool, worth: float) -> None:
    """The caller decides what to do instead."""
    call = Attempts(error)
    with pytest.raises(type(error)):
        await PacedSender(Pacer(100)).send(SendRequest(HERE, call, worth=worth, hold=hold))
    assert len(call.times) == 1


async def test_repeats_end_when_nobody_waits_any_more() -> None:
    """After the time that it is worth, the last error is raised."""
    call = Attempts(*(NotSentError(str(number)) for number in range(100)))
    began = time.monotonic()
    with pytest.raises(NotSentError):
        await PacedSender(Pacer(100)).send(SendRequest(HERE, call, worth=0.5))
    assert time.monotonic() - began < 0.5
    assert 4 <= len(call.times) <= 10


@pytest.mark.parametrize("rank", [Rank.UNCOUNTED, Rank.ANSWER, Rank.PUSH])
async def test_a_flood_holds_for_everybody(rank: Rank) -> None:
    """The one who met it and the others wait as long as the platform asked."""
    sender = PacedSender(Pacer(100))
    met, other = Attempts(FloodError("slow down", retry_after=0.3, everything=True)), Attempts()
    first = asyncio.create_task(sender.send(SendRequest(HERE, met, rank, worth=5.0)))
    async with asyncio.timeout(PATIENCE):
        await met.ended.wait()
    await asyncio.gather(first, sender.send(SendRequest(THERE, other, rank)))
    assert min(met.times[1], other.times[0]) - met.times[0] >= 0.3


async def test_what_the_platform_exempts_waits_for_nothing() -> None:
    """A first answer on Discord must come within three seconds, and no limit counts it."""
    pacer = Pacer(1)
    pacer.note_flood(FloodError("slow down", retry_after=60, everything=True), HERE)
    async with asyncio.timeout(PATIENCE):
        for _ in range(3):
            await PacedSender(pacer).send(SendRequest(HERE, Attempts(), Rank.EXEMPT))


async def test_every_attempt_takes_a_turn() -> None:
    """Repeats count as the first attempt does."""
    pacer = Pacer(100, lambda _target: (ChatLimit(1, 0.2),))
    call = Attempts(UnknownOutcomeError("502"), UnknownOutcomeError("502"))
    await PacedSender(pacer).send(SendRequest(HERE, call, worth=1.0))
    assert all(later - earlier >= 0.2 for earlier, later in zip(call.times, call.times[1:], strict=False))


async def test_what_certainly_did_not_leave_costs_no_turn() -> None:
    """A call that asks for leave itself, and finds no connection, gives its turn back."""
    pacer = Pacer(100, lambda _target: (ChatLimit(1, 60.0),))
    async with asyncio.timeout(PATIENCE):
        await PacedSender(pacer).send(SendRequest(HERE, Attempts(NotSentError("")), worth=1.0, leaves=True))
    assert pacer.delay(HERE) > 50


async def test_a_pause_that_begins_before_the_request_is_written_is_kept() -> None:
    """The request is not written, and that is no failed attempt."""
    pacer = Pacer(100)
    moments: list[float] = []

    async def call(leave: Callable[[], bool]) -> None:
        moments.append(time.monotonic())
        if len(moments) == 1:
            pacer.note_flood(FloodError("slow down", retry_after=0.2, everything=True), THERE)
        if not leave():
            raise NotSentError("withdrawn")

    await PacedSender(pacer).send(SendRequest(HERE, call, leaves=True))
    assert moments[1] - moments[0] >= 0.2


async def test_answers_in_order_do_not_mix() -> None:
    """Three answers of several messages to one chat come one after the other; another chat does not wait for them."""
    sender, said = PacedSender(Pacer(200)), []

    async def answer(target: Target, name: str) -> None:
        async with sender.in_order(target):
            for part in range(3):
                await sender.send(SendRequest(target, Attempts(NotSentError("")) if part == 1 else Attempts(), worth=3))
                said.append(f"{name}{part}")

    await asyncio.gather(*(answer(HERE, name) for name in "abc"), answer(THERE, "x"))
    assert [each for each in said if each[0] != "x"] == [f"{name}{part}" for name in "abc" for part in range(3)]
    assert said.index("x2") < said.index("c0")


class Line:
    """A line of answers, and the questions that have a place in it."""

    def __init__(self, rate: int = 100) -> None:
        self.sender = PacedSender(Pacer(rate))
        self.places = contextlib.ExitStack()

    def ask(self, question: str, target: Target = HERE, *, changes: bool = False) -> Entry:
        """Ask, and keep the place."""
        return self.places.enter_context(self.sender.in_line(target, question, changes=changes))


async def test_a_question_that_is_repeated_while_its_answer_waits_is_answered_once() -> None:
    """By the same chat; after the answer, and by another chat, it is a question again."""
    line = Line()
    assert [line.ask(each) for each in ("/latest", "/topics", "/latest")] == [
        Entry.ADMITTED,
        Entry.ADMITTED,
        Entry.REPEATED,
    ]
    assert line.ask("/latest", THERE) is Entry.ADMITTED
    line.places.close()
    assert line.ask("/latest") is Entry.ADMITTED


async def test_a_change_is_made_again_if_something_came_between() -> None:
    """Who subscribes, leaves and subscribes again is subscribed."""
    line = Line()
    asked = ["/subscribe", "/subscribe", "/unsubscribe", "/subscribe"]
    assert [line.ask(each, changes=True) for each in asked] == [
        Entry.ADMITTED,
        Entry.REPEATED,
        Entry.ADMITTED,
        Entry.ADMITTED,
    ]


async def test_the_line_has_an_end(caplog: pytest.LogCaptureFixture) -> None:
    """As many wait as the rate lets out in twenty seconds, and never more than memory allows; the log says it once."""
    for rate, length in ((1, 20), (30, 600), (1000, 1000)):
        line = Line(rate)
        entries = [line.ask("/latest", HERE._replace(chat=str(chat))) for chat in range(1500)]
        assert entries == [Entry.ADMITTED] * length + [Entry.FULL] * (1500 - length)
    assert len([record for record in caplog.records if "more is asked" in record.message]) == 3


async def test_a_few_chats_do_not_fill_the_line() -> None:
    """Half of it is for chats that have no place yet, and no chat has more than a group may get in a minute."""
    line = Line(30)
    chats = [HERE._replace(chat=str(chat)) for chat in range(60)]
    for number in range(30):
        for chat in chats:
            line.ask(str(number), chat)
    assert line.ask("/help", THERE._replace(chat="-5")) is Entry.ADMITTED
    alone = Line(1000)
    assert [alone.ask(str(number)) for number in range(21)].count(Entry.ADMITTED) == 20


@given(st.lists(st.tuples(st.integers(0, 3), st.sampled_from("ab"), st.booleans(), st.booleans()), max_size=60))
async def test_every_place_is_given_back(asked: list[tuple[int, str, bool, bool]]) -> None:
    """In any order of asking and being answered; afterwards the line is as empty as it was."""
    sender = PacedSender(Pacer(1))
    places: list[contextlib.ExitStack] = []
    for chat, question, changes, is_answered in asked:
        place = contextlib.ExitStack()
        place.enter_context(sender.in_line(HERE._replace(chat=str(chat)), question, changes=changes))
        places.append(place)
        if is_answered:
            places.pop(len(places) // 2).close()
    for place in places:
        place.close()
    assert (sender._waiting, sender._lines) == (0, {})


class Lost(Lease):
    """A lease that another process may have."""

    def is_held(self) -> bool:
        """It is over."""
        return False


@pytest.mark.parametrize("leaves", [True, False])
async def test_without_the_lease_no_message_leaves(*, leaves: bool) -> None:
    """Neither one whose turn came just before, nor any later one: whoever asks is told at once, and nothing waits."""
    pacer = Pacer(100)
    turn = await pacer.turn(HERE)
    assert turn is not None
    assert turn.leave()
    pacer.lease = Lost("telegram")
    sent = []

    async def call(leave: Callable[[], bool]) -> None:
        if leave():
            sent.append(HERE)
        raise NotSentError("it may not leave")

    with pytest.raises(NotSentError):
        await PacedSender(pacer).send(SendRequest(HERE, call, worth=5.0, leaves=leaves))
    held = await pacer.turn(THERE)
    assert held is not None
    assert not held.leave()
    assert held.refused
    assert sent == []
    pacer.lease = Lease("telegram")
    assert held.refused
    free = await pacer.turn(THERE)
    assert free is not None
    assert free.leave()
