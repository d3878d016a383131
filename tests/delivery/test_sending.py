"""The one way out: turns, floods, repeats and order, the same for every kind of request."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

import pytest

from bot.delivery.pacing import Pacer
from bot.delivery.sending import PacedSender
from bot.model.subscription import PlatformName, Target
from bot.platforms.base import (
    ChatLimit,
    FloodError,
    NotSentError,
    Rank,
    RefusedError,
    SendError,
    SendRequest,
    UnknownOutcomeError,
)

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
    async with asyncio.timeout(1):
        await met.ended.wait()
    await asyncio.gather(first, sender.send(SendRequest(THERE, other, rank)))
    assert min(met.times[1], other.times[0]) - met.times[0] >= 0.3


async def test_what_the_platform_exempts_waits_for_nothing() -> None:
    """A first answer on Discord must come within three seconds, and no limit counts it."""
    pacer = Pacer(1)
    pacer.note_flood(FloodError("slow down", retry_after=60, everything=True), HERE)
    async with asyncio.timeout(1):
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
    async with asyncio.timeout(2):
        await PacedSender(pacer).send(SendRequest(HERE, Attempts(NotSentError("")), worth=1.0, leaves=True))
    assert pacer.delay(HERE) > 50


async def test_a_pause_that_begins_before_the_request_is_written_is_kept() -> None:
    """The request is not written, and that is no failed attempt."""
    pacer = Pacer(100)
    moments: list[float] = []

    async def call(leave: Callable[[], bool]) -> None:
        if not moments:
            pacer.note_flood(FloodError("slow down", retry_after=0.2, everything=True), THERE)
        moments.append(time.monotonic())
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
