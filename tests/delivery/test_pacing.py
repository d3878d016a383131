"""Pacing: no sliding window ever sees more than its limit, answers go first, and a chat's limit is its own."""

from __future__ import annotations

import asyncio
import itertools
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.delivery.pacing import WINDOW, ChatLimit, Pacer
from bot.subscription import PlatformName, Target

HERE = Target(PlatformName.TELEGRAM, "1")
THERE = Target(PlatformName.TELEGRAM, "2")


class Stopwatch:
    """A clock that stands still until it is told to go on."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        """The time, in seconds."""
        return self.now


def most_in_a_second(moments: list[float]) -> int:
    """The most moments in any sliding second, by trying the second that begins at each of them."""
    return max(sum(start <= moment < start + 1 for moment in moments) for start in moments)


async def test_no_sliding_second_sees_more_than_the_rate() -> None:
    """However many wait, at most `rate` go in any second, and nearly as many do."""
    rate = 40
    pacer = Pacer(rate)
    moments: list[float] = []

    async def one() -> None:
        await pacer.acquire()
        moments.append(time.monotonic())

    started = time.monotonic()
    await asyncio.gather(*(one() for _ in range(2 * rate)))
    assert most_in_a_second(moments) <= rate
    # Two seconds, and room for a busy machine.
    assert time.monotonic() - started < 3


async def test_sends_are_spread_over_the_second() -> None:
    """No burst and then silence: in a tenth of a second about a tenth of the rate."""
    pacer = Pacer(50)
    moments: list[float] = []
    for _ in range(30):
        await pacer.acquire()
        moments.append(time.monotonic())
    assert max(sum(start <= moment < start + 0.1 for moment in moments) for start in moments) <= 5 + 4


async def test_a_stalled_loop_is_not_made_good_by_a_burst() -> None:
    """A loop that stood still may catch up a little, but never past the rate in any sliding second."""
    rate = 50
    pacer = Pacer(rate)
    moments: list[float] = []
    for index in range(3 * rate):
        await pacer.acquire()
        moments.append(time.monotonic())
        if index == rate // 2:
            time.sleep(0.1)  # noqa: ASYNC251 - standing still is what is tested
    assert most_in_a_second(moments) <= rate


async def test_answers_go_before_every_push_that_waits() -> None:
    """Somebody who asks in the middle of a push is next."""
    pacer = Pacer(20)
    order: list[str] = []

    async def go(name: str, *, urgent: bool) -> None:
        await pacer.acquire(urgent=urgent)
        order.append(name)

    pushes = [asyncio.create_task(go("push", urgent=False)) for _ in range(5)]
    await asyncio.sleep(0)  # all of them wait, but for the first, who may go
    await go("answer", urgent=True)
    await asyncio.gather(*pushes)
    assert order.index("answer") == 1


async def test_a_pause_lets_nothing_out() -> None:
    """While the platform has asked for a pause, not one message leaves, answers included."""
    pacer = Pacer(1000)
    pacer.pause(0.2)
    started = time.monotonic()
    await asyncio.gather(pacer.acquire(), pacer.acquire(urgent=True))
    assert time.monotonic() - started >= 0.2


async def test_a_cancelled_wait_takes_nobodys_turn() -> None:
    """Whoever gives up waiting leaves the turn to the others."""
    pacer = Pacer(1)
    await pacer.acquire()
    gave_up = asyncio.create_task(pacer.acquire())
    await asyncio.sleep(0)
    gave_up.cancel()
    with pytest.raises(asyncio.CancelledError):
        await gave_up
    async with asyncio.timeout(1.5):
        await pacer.acquire()


async def test_whoever_gives_up_at_the_last_moment_takes_nobodys_turn_either() -> None:
    """A turn that was given and not taken is given again."""
    pacer = Pacer(1)
    await pacer.acquire()
    gave_up = asyncio.create_task(pacer.acquire())
    await asyncio.sleep(0)
    asyncio.get_running_loop().call_later(WINDOW + 0.02, gave_up.cancel)
    # Both timers are due when the loop comes back: the turn is given, and given up before it is taken.
    time.sleep(WINDOW + 0.05)  # noqa: ASYNC251 - as said
    with pytest.raises(asyncio.CancelledError):
        await gave_up
    async with asyncio.timeout(1.5):
        await pacer.acquire()


def test_a_chat_waits_for_its_own_limit_alone() -> None:
    """After a message to one chat, that chat waits and another does not."""
    clock = Stopwatch()
    pacer = Pacer(30, lambda _target: (ChatLimit(1, 1.0),), clock)
    pacer.note(HERE)
    assert pacer.delay(HERE) == pytest.approx(1.0)
    assert pacer.delay(THERE) == 0
    clock.now += 1.0
    assert pacer.delay(HERE) == 0


def test_a_chat_that_asked_for_a_pause_is_left_alone() -> None:
    """A flood wait of one chat delays that chat, and is forgotten afterwards."""
    clock = Stopwatch()
    pacer = Pacer(30, now=clock)
    pacer.leave_alone(HERE, 40)
    assert pacer.delay(HERE) == pytest.approx(40)
    assert pacer.delay(THERE) == 0
    clock.now += 41
    assert pacer.delay(HERE) == 0


@given(st.lists(st.floats(0, 30), min_size=1, max_size=120))
def test_obeying_the_delay_keeps_every_window_of_a_chat(pauses: list[float]) -> None:
    """Whoever waits as long as told never sends more than the limit in any sliding window."""
    clock = Stopwatch()
    pacer = Pacer(30, lambda _target: (ChatLimit(1, 1.0), ChatLimit(20, 60.0)), clock)
    sent: list[float] = []
    for pause in pauses:
        clock.now += pause
        clock.now += pacer.delay(HERE)
        pacer.note(HERE)
        sent.append(clock.now)
    slack = 1e-6
    assert all(later - earlier >= 1 - slack for earlier, later in itertools.pairwise(sent))
    assert all(later - earlier >= 60 - slack for earlier, later in zip(sent, sent[20:], strict=False))
