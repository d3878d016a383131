"""When the worker sends: whom it waits for and whom not, how many sends are under way at once, and how it stops."""

from __future__ import annotations

import asyncio
import itertools
from typing import TYPE_CHECKING, Any
from unittest.mock import AsyncMock

import pytest

from bot.delivery.pacing import Pacer
from bot.delivery.worker import SMALLEST_WINDOW
from bot.model.subscription import PlatformName
from bot.platforms import base
from bot.platforms.base import ChatLimit
from bot.storage.ledger import Ledger
from bot.storage.records import BroadcastState
from tests.delivery.ledger_kit import Clock, push, subscribe, telegram, until_written
from tests.delivery.worker_kit import Round
from tests.waiting import PATIENCE

if TYPE_CHECKING:
    from bot.storage.records import Claim


async def test_waiting_for_one_chat_holds_up_no_other(ledger: Ledger, clock: Clock) -> None:
    """A chat in a flood wait waits alone; it gets its message when the wait is over."""
    work = Round(ledger, clock)
    await subscribe(work.ledger, *map(telegram, range(1, 20)))
    await push(work.ledger)
    work.carrier.errors["1"] = [base.FloodError("slow down", retry_after=3600)]
    async with work.going():
        await work.reaches(sent=18, pending=1)
    assert work.carrier.taken["1"] == []


async def test_a_courier_that_fails_as_it_winds_down_has_ended_all_the_same(
    ledger: Ledger, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever stops it is not left waiting, and the failure is told."""
    work = Round(ledger, clock)
    failing = AsyncMock(side_effect=RuntimeError("a bug"))
    monkeypatch.setattr(Ledger, "finish", failing)
    task = asyncio.create_task(work.worker.run())
    async with asyncio.timeout(PATIENCE):
        await asyncio.wait({task})
        await work.worker.stop()
    with pytest.raises(RuntimeError, match="a bug"):
        await task


async def test_a_pause_of_everything_is_slept_through(
    ledger: Ledger, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While nothing may be sent, the worker looks now and then whether it may, and not as often as it can."""
    looks: list[float] = []
    pause = Pacer.pause

    def look(pacer: Pacer) -> float:
        looks.append(pause(pacer))
        return looks[-1]

    monkeypatch.setattr(Pacer, "pause", look)
    work = Round(ledger, clock)
    await subscribe(work.ledger, telegram(1))
    await push(work.ledger)
    work.carrier.errors["1"] = [base.FloodError("slow down", retry_after=3600, everything=True)]
    async with work.going():
        await work.carrier.tried(1)
        await work.reaches(pending=1)
        looks.clear()
        for _ in range(1000):
            await asyncio.sleep(0)
        assert len(looks) < 10


async def test_a_chats_next_message_waits_for_the_chats_limit(ledger: Ledger, clock: Clock) -> None:
    """One message a second to one chat: the second is due a second later, and others go meanwhile."""
    work = Round(ledger, clock, limits=(ChatLimit(1, 1.0),))
    await subscribe(work.ledger, telegram(1), telegram(2))
    await push(work.ledger, "un", "deux")
    async with work.going():
        await work.carrier.tried(2)
        await work.reaches(pending=2)
    assert work.carrier.taken == {"1": ["un"], "2": ["un"]}
    due = await work.ledger.next_due(PlatformName("telegram"))
    assert due is not None
    assert (due - work.clock()).total_seconds() > 0.5


async def test_stopping_finishes_what_is_in_flight_and_begins_nothing(ledger: Ledger, clock: Clock) -> None:
    """What the platform already has is recorded; the rest waits in the ledger, as if it had never been claimed."""
    work = Round(ledger, clock)
    task = await work.all_under_way(20)
    stopping = asyncio.create_task(work.worker.stop())
    await asyncio.sleep(0)
    work.carrier.gate.set()
    await stopping
    await task
    assert await work.tally() == {"sent": 8, "pending": 12}
    assert {claim.attempts for claim in await work.ledger.claim(PlatformName("telegram"), 20)} == {1}


async def test_stopping_does_not_wait_for_a_platform_that_answers_nothing(
    ledger: Ledger, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With as many sends under way as there may be, none of which comes to an end, stopping takes its time and no more.

    What nobody knows the end of stays marked, for the next start.
    """
    monkeypatch.setattr("bot.delivery.worker.DRAIN", 0.05)
    work = Round(ledger, clock)
    task = await work.all_under_way(20)
    await work.settled()
    async with asyncio.timeout(PATIENCE):
        await work.worker.stop()
        await task
    assert await work.tally() == {"sending": 8, "pending": 12}


async def test_stopping_leaves_no_question_after_the_token_behind(
    ledger: Ledger, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A platform that refuses the token, and never answers whether it means that, is asked no longer."""
    monkeypatch.setattr("bot.delivery.worker.DRAIN", 0.05)
    work, asked = Round(ledger, clock), asyncio.Event()

    async def ask() -> None:
        asked.set()
        await asyncio.Event().wait()

    work.worker._identify = ask
    work.carrier.errors["1"] = [base.UnauthorisedError("token")]
    await subscribe(ledger, telegram(1))
    await push(ledger)
    task = asyncio.create_task(work.worker.run())
    async with asyncio.timeout(PATIENCE):
        await asked.wait()
        await work.worker.stop()
        await task
    assert "telegram token" not in {each.get_name() for each in asyncio.all_tasks()}


async def test_a_courier_that_is_cut_short_begins_nothing_more(
    ledger: Ledger, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While it waits for what is being claimed, to give it back, those that end must not go on with the next."""
    monkeypatch.setattr("bot.delivery.outbox.CLAIM_AHEAD", 0.01)
    work = Round(ledger, clock)
    claim, calls, slowly = Ledger.claim, itertools.count(), asyncio.Event()

    async def slow(book: Ledger, *what: Any) -> list[Claim]:  # noqa: ANN401 - whatever it is
        if next(calls):
            await slowly.wait()
        return await claim(book, *what)

    monkeypatch.setattr(Ledger, "claim", slow)
    task = await work.all_under_way(30)
    task.cancel()
    await work.settled()
    work.carrier.gate.set()
    await work.carrier.tried(8)
    await work.settled()
    slowly.set()
    await asyncio.wait({task})
    assert len(work.carrier.nonces) == 8
    assert await work.tally() == {"sent": 8, "pending": 22}


async def test_a_push_begins_with_few_sends_and_gets_more_with_each_that_arrives(ledger: Ledger, clock: Clock) -> None:
    """No hundreds of connections are opened at once; a platform that answers soon has as many as there may be.

    These are those of a second, also at the rate of a config that was changed meanwhile.
    """
    work = Round(ledger, clock, window=0, rate=SMALLEST_WINDOW)
    work.worker._pacer.change_rate(1000)
    await subscribe(work.ledger, *map(telegram, range(1, 301)))
    await push(work.ledger)
    carrier = work.carrier
    carrier.gate.clear()
    async with work.going(), asyncio.timeout(20):
        await carrier.begun(SMALLEST_WINDOW)
        await work.settled()
        assert carrier.begun_sends == SMALLEST_WINDOW
        carrier.gate.set()
        await carrier.tried(100)
        carrier.gate.clear()
        await carrier.begun(len(carrier.nonces) + 64)
        carrier.gate.set()
        await work.reaches(sent=300)


async def test_the_next_push_begins_with_few_sends_again(ledger: Ledger, clock: Clock) -> None:
    """However many there were at the end of the push before: the connections have been closed since."""
    work = Round(ledger, clock, window=64)
    await subscribe(work.ledger, *map(telegram, range(1, 121)))
    await push(work.ledger)
    carrier = work.carrier
    async with work.going(), asyncio.timeout(20):
        await work.reaches(sent=120)

        async def is_over() -> bool:
            work.worker.wake()
            return (await work.ledger.broadcasts(1))[0].state is BroadcastState.DONE

        await until_written(ledger, is_over)
        carrier.gate.clear()
        await push(work.ledger, episode=1208)
        work.worker.wake()
        await carrier.begun(120 + SMALLEST_WINDOW)
        await work.settled()
        assert carrier.begun_sends == 120 + SMALLEST_WINDOW
        carrier.gate.set()
        await work.reaches(sent=120)
