"""Pacing: no sliding window ever sees more than its limit, answers go first, and a chat's limit is its own."""

from __future__ import annotations

import asyncio
import datetime as dt
import itertools
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.delivery.pacing import CLOSER, PACE, SAME_FLOOD, Pacer, Turn
from bot.model.subscription import PlatformName, Target
from bot.platforms.base import ChatLimit, FloodError, NotSentError

HERE = Target(PlatformName("telegram"), "1")
THERE = Target(PlatformName("telegram"), "2")
PRIVATE = (ChatLimit(1, 1.0),)
_CHATS = itertools.count(1000)


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


def somebody() -> Target:
    """A chat that nothing was sent to yet."""
    return Target(PlatformName("telegram"), str(next(_CHATS)))


async def wait_to_go(pacer: Pacer, target: Target) -> float:
    """Let one pushed message leave: 0 when it has, else the seconds for which its chat is to be left alone."""
    while (turn := await pacer.turn(target)) is not None:
        if turn.leave():
            return 0.0
    return pacer.delay(target)


async def answer(pacer: Pacer, target: Target) -> None:
    """Let one answer leave."""
    (await pacer.answer(target)).leave()


async def test_no_sliding_second_sees_more_than_the_rate() -> None:
    """However many wait, at most `rate` go in any second, and nearly as many do."""
    rate = 40
    pacer = Pacer(rate)
    moments: list[float] = []

    async def one() -> None:
        await wait_to_go(pacer, somebody())
        moments.append(time.monotonic())

    started = time.monotonic()
    await asyncio.gather(*(one() for _ in range(2 * rate)))
    assert most_in_a_second(moments) <= rate
    # Two seconds, and room for a busy machine.
    assert time.monotonic() - started < 3


@given(st.lists(st.tuples(st.floats(0, 0.4), st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=150))
async def test_a_message_counts_when_it_leaves_however_late_after_its_turn(
    steps: list[tuple[float, int, int]],
) -> None:
    """Turns are given and messages leave at any moments: no sliding second sees more than the rate."""
    clock = Stopwatch()
    pacer = Pacer(3, now=clock)
    turns: list[Turn] = []
    left: list[float] = []
    for pause, wanted, leaving in steps:
        clock.now += pause
        for _ in range(wanted):
            asking = asyncio.create_task(pacer.turn(somebody()))
            await asyncio.sleep(0)
            if not asking.done():
                asking.cancel()
                await asyncio.wait({asking})
            elif (turn := asking.result()) is not None:
                turns.append(turn)
        for turn in turns[:leaving]:
            assert turn.leave()
            left.append(clock.now)
        del turns[:leaving]
    assert not left or most_in_a_second(left) <= pacer.rate


async def test_sends_are_spread_over_the_second() -> None:
    """No burst and then silence: in a tenth of a second about a tenth of the rate."""
    pacer = Pacer(50)
    moments: list[float] = []
    for _ in range(30):
        await wait_to_go(pacer, somebody())
        moments.append(time.monotonic())
    assert max(sum(start <= moment < start + 0.1 for moment in moments) for start in moments) <= 5 + 4


async def test_a_stalled_loop_is_not_made_good_by_a_burst() -> None:
    """A loop that stood still may catch up a little, but never past the rate in any sliding second."""
    rate = 50
    pacer = Pacer(rate)
    moments: list[float] = []
    for index in range(3 * rate):
        await wait_to_go(pacer, somebody())
        moments.append(time.monotonic())
        if index == rate // 2:
            time.sleep(0.1)  # noqa: ASYNC251 - standing still is what is tested
    assert most_in_a_second(moments) <= rate


def grants(pacer: Pacer, clock: Stopwatch, milliseconds: int) -> list[int]:
    """How many messages leave in each of the next milliseconds when more want to than may."""
    granted = []
    for _ in range(milliseconds):
        clock.now += 0.001
        granted.append(0)
        while (turn := pacer.turn_at_once(somebody())) is not None:
            assert turn.leave()
            granted[-1] += 1
    return granted


def test_lost_time_is_made_good_a_little_closer_together() -> None:
    """A loop that stood still does not let out at once all that waited, and has made good what it lost soon after."""
    clock = Stopwatch()
    pacer = Pacer(1000, now=clock)
    grants(pacer, clock, 100)
    clock.now += 0.04
    after = grants(pacer, clock, 250)
    assert max(after) <= 5
    assert sum(after[:20]) <= 20 / CLOSER + 5
    assert sum(after) == pytest.approx((250 + 40) / PACE, abs=5)


def test_nobody_makes_good_the_time_in_which_nothing_was_to_be_sent() -> None:
    """The first messages of a push are no further apart than all others, and no closer."""
    clock = Stopwatch()
    pacer = Pacer(1000, now=clock)
    grants(pacer, clock, 100)
    clock.now += 3600
    assert sum(grants(pacer, clock, 100)) == pytest.approx(100 / PACE, abs=2)


async def test_whoever_need_not_wait_takes_nobodys_turn() -> None:
    """Not that of an answer or a push that waits; and a chat's limit holds for them too."""
    clock = Stopwatch()
    pacer = Pacer(1000, lambda _target: PRIVATE, now=clock)
    turn = pacer.turn_at_once(HERE)
    assert turn is not None
    assert turn.leave()
    clock.now += 0.5
    assert pacer.turn_at_once(HERE) is None
    for wait in (pacer.answer, pacer.turn):
        while pacer.turn_at_once(somebody()) is not None:
            pass
        waiting = asyncio.create_task(wait(somebody()))
        await asyncio.sleep(0)
        clock.now += 0.5
        assert pacer.turn_at_once(somebody()) is None
        waiting.cancel()
        await asyncio.wait({waiting})


async def test_answers_go_before_every_push_that_waits() -> None:
    """Somebody who asks in the middle of a push is next."""
    pacer = Pacer(20)
    order: list[str] = []

    async def go(name: str, *, urgent: bool) -> None:
        await (answer(pacer, somebody()) if urgent else wait_to_go(pacer, somebody()))
        order.append(name)

    pushes = [asyncio.create_task(go("push", urgent=False)) for _ in range(5)]
    await asyncio.sleep(0)  # all of them wait, but for the first, who may go
    await go("answer", urgent=True)
    await asyncio.gather(*pushes)
    assert order.index("answer") == 1


async def test_pushes_keep_a_fifth_of_the_rate_however_much_is_asked() -> None:
    """Four answers pass a push that waits, and then it is the push's turn."""
    # Slow enough for a busy machine to have all of them wait before the first one's turn.
    pacer = Pacer(20)
    order: list[str] = []

    async def go(name: str) -> None:
        await (answer(pacer, somebody()) if name == "answer" else wait_to_go(pacer, somebody()))
        order.append(name)

    await wait_to_go(pacer, somebody())
    async with asyncio.TaskGroup() as everybody:
        for name in ["push"] * 5 + ["answer"] * 20:
            everybody.create_task(go(name))
    assert order == ([*["answer"] * 4, "push"] * 5)


async def test_a_pause_lets_nothing_out() -> None:
    """While the platform has asked for a pause, pushes go back to the ledger and answers wait until it is over."""
    pacer = Pacer(1000)
    pacer.note_flood(FloodError("slow down", retry_after=0.2, everything=True), somebody())
    started = time.monotonic()
    assert await wait_to_go(pacer, somebody()) == pytest.approx(0.2, abs=0.05)
    await answer(pacer, somebody())
    assert time.monotonic() - started >= 0.2


async def test_the_longest_of_several_pauses_holds() -> None:
    """Requests that were on their way together are refused one after the other, and ask for less and less."""
    clock = Stopwatch()
    pacer = Pacer(30, now=clock)
    for retry_after in (40.0, 5.0):
        pacer.note_flood(FloodError("slow down", retry_after=retry_after, everything=True), somebody())
    clock.now += 6
    assert await wait_to_go(pacer, somebody()) == pytest.approx(34)


async def test_a_cancelled_wait_takes_nobodys_turn() -> None:
    """Whoever gives up waiting leaves the turn to the others."""
    pacer = Pacer(1)
    await wait_to_go(pacer, somebody())
    gave_up = asyncio.create_task(wait_to_go(pacer, somebody()))
    await asyncio.sleep(0)
    gave_up.cancel()
    with pytest.raises(asyncio.CancelledError):
        await gave_up
    async with asyncio.timeout(1.5):
        await wait_to_go(pacer, somebody())


async def test_whoever_gives_up_at_the_last_moment_takes_nobodys_turn_either() -> None:
    """A turn that was given and not taken is given again."""
    pacer = Pacer(1)
    await wait_to_go(pacer, somebody())
    gave_up = asyncio.create_task(wait_to_go(pacer, somebody()))
    await asyncio.sleep(0)
    asyncio.get_running_loop().call_later(PACE + 0.02, gave_up.cancel)
    # Both timers are due when the loop comes back: the turn is given, and given up before it is taken.
    time.sleep(PACE + 0.05)  # noqa: ASYNC251 - as said
    with pytest.raises(asyncio.CancelledError):
        await gave_up
    async with asyncio.timeout(1.5):
        await wait_to_go(pacer, somebody())


async def test_a_pause_that_comes_between_a_turn_and_its_use_still_holds() -> None:
    """A refusal that arrives just after a turn was given: whoever got it is sent back like everybody else."""
    pacer = Pacer(20)
    await wait_to_go(pacer, somebody())
    told = asyncio.create_task(wait_to_go(pacer, somebody()))
    await asyncio.sleep(0)
    flood = FloodError("slow down", retry_after=0.2, everything=True)
    asyncio.get_running_loop().call_later(0.07, pacer.note_flood, flood, HERE)
    # Both timers are due when the loop comes back: the turn is given, and the pause begins before it is taken.
    time.sleep(0.1)  # noqa: ASYNC251 - as said
    assert await told == pytest.approx(0.2, abs=0.05)


async def test_a_pause_sends_back_the_pushes_that_wait() -> None:
    """At once: the ledger keeps them until it is over, and another process may have them."""
    pacer = Pacer(1)
    await answer(pacer, somebody())
    waiting = asyncio.create_task(pacer.turn(HERE))
    await asyncio.sleep(0)
    pacer.note_flood(FloodError("slow down", retry_after=5, everything=True), THERE)
    await asyncio.sleep(0)
    assert waiting.result() is None


async def test_an_answer_that_a_pause_holds_up_leaves_its_turn() -> None:
    """A pause that begins when the turn is given: after it the answer takes another one, and no rate is lost."""
    clock = Stopwatch()
    pacer = Pacer(1, now=clock)
    await answer(pacer, somebody())
    waiting = asyncio.create_task(pacer.answer(HERE))
    await asyncio.sleep(0)
    clock.now += 2
    pacer.change_rate(1)
    pacer.note_flood(FloodError("slow down", retry_after=5, everything=True), THERE)
    await asyncio.sleep(0)
    assert not waiting.done()
    clock.now += 6
    pacer.change_rate(1)
    await asyncio.sleep(0)
    assert waiting.result().leave()


async def test_a_turn_that_is_not_used_is_somebody_elses() -> None:
    """Given back, it counts nowhere; once the message has left, it cannot be given back."""
    clock = Stopwatch()
    pacer = Pacer(1, lambda _target: PRIVATE, clock)
    turn = await pacer.turn(HERE)
    assert turn is not None
    turn.give_back()
    assert pacer.delay(HERE) == 0
    clock.now += PACE
    turn = await pacer.turn(HERE)
    assert turn is not None
    assert turn.leave()
    turn.give_back()
    assert pacer.delay(HERE) > 0


async def test_a_chat_waits_for_its_own_limit_alone() -> None:
    """After a message to one chat, a push to that chat is sent back with its wait, and another chat is served."""
    clock = Stopwatch()
    pacer = Pacer(30, lambda _target: PRIVATE, clock)
    assert await wait_to_go(pacer, HERE) == 0
    clock.now += 0.1
    assert await wait_to_go(pacer, HERE) == pytest.approx(0.9, abs=0.05)
    assert await wait_to_go(pacer, THERE) == 0
    clock.now += 1.0
    assert await wait_to_go(pacer, HERE) == 0


async def test_a_chat_that_fell_behind_while_waiting_is_sent_back_too() -> None:
    """An answer took the chat's turn: the push that waited for the rate is not sent on top of it."""
    pacer = Pacer(20, lambda _target: PRIVATE)
    await wait_to_go(pacer, THERE)
    push = asyncio.create_task(wait_to_go(pacer, HERE))
    await asyncio.sleep(0)
    await answer(pacer, HERE)
    assert await push > 0.5


async def test_a_burst_of_answers_in_one_chat_keeps_nobody_waiting() -> None:
    """None of them is dropped; they come at the chat's pace, and everybody else is served meanwhile."""
    pacer = Pacer(100, lambda _target: (ChatLimit(1, 0.3),))
    order: list[str] = []

    async def ask(target: Target) -> None:
        await answer(pacer, target)
        order.append(target.chat)

    started = time.monotonic()
    burst = [asyncio.create_task(ask(HERE)) for _ in range(3)]
    await asyncio.sleep(0)
    await asyncio.gather(ask(THERE), wait_to_go(pacer, somebody()))
    assert time.monotonic() - started < 0.3
    assert order == ["1", "2"]
    await asyncio.gather(*burst)
    assert order == ["1", "2", "1", "1"]
    assert time.monotonic() - started >= 0.6


async def test_chats_with_answers_to_get_take_turns() -> None:
    """Whoever asks ten things at once is answered once before the next person is, and not ten times."""
    pacer = Pacer(50)
    order: list[str] = []

    async def ask(target: Target) -> None:
        await answer(pacer, target)
        order.append(target.chat)

    await asyncio.gather(*(ask(HERE) for _ in range(5)), ask(THERE))
    assert order.index("2") <= 2


# What the platform asks for.


async def test_a_chat_that_asked_for_a_pause_is_left_alone() -> None:
    """A flood wait of one chat delays that chat, and is over afterwards."""
    clock = Stopwatch()
    pacer = Pacer(30, now=clock)
    pacer.note_flood(FloodError("slow down", retry_after=40), HERE)
    assert await wait_to_go(pacer, HERE) == pytest.approx(40)
    assert await wait_to_go(pacer, THERE) == 0
    clock.now += 41
    assert await wait_to_go(pacer, HERE) == 0


async def flooded(pacer: Pacer, clock: Stopwatch, target: Target, retry_after: float) -> None:
    """Send to the target, and be told to wait without being told for whom."""
    assert await wait_to_go(pacer, target) == 0
    pacer.note_flood(FloodError("slow down", retry_after=retry_after, everything=None), target)
    clock.now += 0.1


def is_let_out(pacer: Pacer) -> bool:
    """Whether a push to anybody else would go now."""
    return pacer._paused_until <= pacer._now()


async def test_a_wait_for_nobody_in_particular_means_all_when_it_cannot_be_the_chats() -> None:
    """A chat that got nothing else within the minute cannot have had too much."""
    clock = Stopwatch()
    pacer = Pacer(30, lambda _target: PRIVATE, clock)
    await flooded(pacer, clock, HERE, 5)
    assert not is_let_out(pacer)
    clock.now += 5
    assert is_let_out(pacer)


async def test_a_wait_for_nobody_in_particular_is_the_chats_when_it_had_several_messages() -> None:
    """Its own limit is the likelier reason; nobody else waits."""
    clock = Stopwatch()
    pacer = Pacer(30, lambda _target: PRIVATE, clock)
    await wait_to_go(pacer, HERE)
    clock.now += 2
    await flooded(pacer, clock, HERE, 5)
    assert is_let_out(pacer)
    assert pacer.delay(HERE) > 4


async def test_a_long_wait_is_the_chats_until_another_chat_is_told_the_same() -> None:
    """A group's slow mode may last an hour and is nobody else's; two chats at once are the bot's own doing."""
    clock = Stopwatch()
    pacer = Pacer(30, lambda _target: PRIVATE, clock)
    await flooded(pacer, clock, HERE, 3600)
    assert is_let_out(pacer)
    clock.now += SAME_FLOOD
    await flooded(pacer, clock, THERE, 3600)
    assert is_let_out(pacer)
    await flooded(pacer, clock, somebody(), 3600)
    assert not is_let_out(pacer)


@given(st.lists(st.floats(0, 30), min_size=1, max_size=120))
async def test_obeying_the_delay_keeps_every_window_of_a_chat(pauses: list[float]) -> None:
    """Whoever waits as long as told never sends more than the limit in any sliding window."""
    clock = Stopwatch()
    pacer = Pacer(30, lambda _target: (ChatLimit(1, 1.0), ChatLimit(20, 60.0)), clock)
    sent: list[float] = []
    for pause in pauses:
        clock.now += pause
        while wait := await wait_to_go(pacer, HERE):
            clock.now += wait
        sent.append(clock.now)
    slack = 1e-6
    assert all(later - earlier >= 1 - slack for earlier, later in itertools.pairwise(sent))
    assert all(later - earlier >= 60 - slack for earlier, later in zip(sent, sent[20:], strict=False))


def test_a_platform_is_silent_only_while_it_is_asked() -> None:
    """A refusal and a pause are answers; an old failure that nothing followed says nothing."""
    watch = Stopwatch()
    pacer = Pacer(10, now=watch)
    pacer.note_end(NotSentError("no connection"))
    watch.now += 600
    pacer.note_end(NotSentError("no connection"))
    assert pacer.unanswered() == 600.0
    pacer.note_end(FloodError("wait", retry_after=9))
    assert pacer.unanswered() == 0.0
    watch.now += 100
    pacer.note_end(NotSentError("no connection"))
    watch.now += 5000
    assert pacer.unanswered() == 0.0


def test_messages_of_an_earlier_process_count_in_each_chats_minute() -> None:
    """A group has had its twenty, some in another thread; it gets the next when the oldest are a minute old."""
    watch = Stopwatch()
    pacer = Pacer(1000, lambda _target: (ChatLimit(20, 60.0),), watch)
    earlier = [(HERE, dt.timedelta(seconds=10), 12), (HERE._replace(thread=7), dt.timedelta(seconds=50), 8)]
    pacer.remember([*earlier, (THERE, dt.timedelta(seconds=5), 19)])
    assert pacer.delay(HERE) == pytest.approx(10, abs=0.1)
    assert pacer.delay(THERE) == 0
    watch.now += 11
    assert pacer.delay(HERE) == 0


@given(st.lists(st.tuples(st.floats(0, 3), st.integers(1, 3)), max_size=8))
async def test_messages_of_an_earlier_process_count_in_the_rate(earlier: list[tuple[float, int]]) -> None:
    """However late the earlier process sent, no sliding second sees more than the rate of both together."""
    watch = Stopwatch()
    pacer = Pacer(5, now=watch)
    pacer.remember((somebody(), dt.timedelta(seconds=ago), count) for ago, count in earlier)
    # By an earlier process that kept the rate too.
    left = [watch.now - ago for ago, count in earlier for _ in range(count)]
    before = max((most_in_a_second(left),) if left else (0,))
    for _ in range(12):
        # And a little, for the sums of floats.
        watch.now += pacer.until_free() + 1e-6
        turn = pacer.turn_at_once(somebody())
        assert turn is not None
        turn.leave()
        left.append(watch.now)
    assert most_in_a_second(left) <= max(pacer.rate, before)
