"""The courier: mark, send, record; and what becomes of a delivery that fails, without harm to any other."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
from collections import defaultdict
from typing import TYPE_CHECKING
from unittest.mock import AsyncMock

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bot.delivery import progress
from bot.delivery.courier import SMALLEST_WINDOW, Courier
from bot.delivery.events import BroadcastStopped, Event, PausedTooLong, PlatformStopped, TargetNotFound, TargetPaused
from bot.delivery.pacing import ChatLimit, Pacer
from bot.delivery.records import BroadcastState, Claim, DeliveryState
from bot.platforms import base
from bot.platforms.base import Platform, Post, Rendering
from bot.subscription import PlatformName, SubscriptionState, Target
from tests.delivery.ledger_kit import DISCORD, Clock, opened, push, rendering, subscribe, telegram

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from bot.delivery.ledger import Ledger
    from bot.document import Document


class Carrier(Platform):
    """A platform that takes every message, unless a chat was given errors to answer with first."""

    name = PlatformName.TELEGRAM

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger
        self.errors: dict[str, list[base.SendError]] = defaultdict(list)
        self.taken: dict[str, list[str]] = defaultdict(list)
        self.nonces: list[str] = []
        self.states_while_sending: list[int] = []
        self.sends = asyncio.Condition()
        self.gate = asyncio.Event()
        self.gate.set()

    def render(self, document: Document, *, silent: bool = False, rich: bool = False) -> Rendering:
        """Nothing is rendered here."""
        raise NotImplementedError

    async def inspect(self, target: object, *, publish: bool = False) -> None:
        """Nothing is looked at here."""
        raise NotImplementedError

    async def tried(self, times: int) -> None:
        """Wait until so many sends were tried."""
        async with asyncio.timeout(20), self.sends:
            await self.sends.wait_for(lambda: len(self.nonces) >= times)

    async def begun(self, sends: int) -> None:
        """Wait until so many sends have come, whether they are through or not."""
        async with asyncio.timeout(20), self.sends:
            await self.sends.wait_for(lambda: len(self.states_while_sending) >= sends)

    async def send(self, post: Post) -> str:
        """Take the message, or answer with the chat's next error."""
        broadcasts = await self.ledger.broadcasts(1)
        self.states_while_sending.append((await self.ledger.tally(broadcasts[0].id))[DeliveryState.SENDING])
        async with self.sends:
            self.sends.notify_all()
        await self.gate.wait()
        self.nonces.append(post.nonce)
        async with self.sends:
            self.sends.notify_all()
        if self.errors[post.target.chat]:
            raise self.errors[post.target.chat].pop(0)
        self.taken[post.target.chat].append(post.message.body["text"])
        return str(len(self.nonces))


class Round:
    """A courier at work, with what it works with."""

    def __init__(
        self,
        ledger: Ledger,
        clock: Clock,
        *,
        hold: bool = False,
        limits: tuple[ChatLimit, ...] = (),
        window: int = 8,
        rate: int = 1000,
    ) -> None:
        self.ledger = ledger
        self.clock = clock
        self.carrier = Carrier(ledger)
        self.told: list[Event] = []
        self.courier = Courier(
            platform=self.carrier,
            ledger=ledger,
            pacer=Pacer(rate, lambda _target: limits),
            clock=clock,
            window=window,
            hold=hold,
            tell=self.hear,
        )

    async def hear(self, event: Event) -> None:
        """Remember what the admins are to know."""
        self.told.append(event)

    async def tally(self) -> dict[str, int]:
        """The states of the newest broadcast's deliveries that there are."""
        (broadcast,) = await self.ledger.broadcasts(1)
        return {str(state): count for state, count in (await self.ledger.tally(broadcast.id)).items() if count}

    async def reaches(self, **wanted: int) -> None:
        """Wait until the newest broadcast's deliveries are in these states."""
        async with asyncio.timeout(20):
            while await self.tally() != wanted:
                self.courier.wake()
                await asyncio.sleep(0)

    async def settled(self) -> None:
        """Let everybody go on until they wait for something that only the test can bring."""
        for _ in range(100):
            await asyncio.sleep(0)

    @contextlib.asynccontextmanager
    async def going(self) -> AsyncIterator[None]:
        """Let the courier run."""
        task = asyncio.create_task(self.courier.run())
        try:
            yield
        finally:
            await self.courier.stop()
            await task


@pytest.fixture
async def ledger(tmp_path: Path) -> AsyncIterator[tuple[Ledger, Clock]]:
    """A ledger on a real file, with its clock."""
    clock = Clock()
    async with opened(tmp_path, clock) as made:
        yield made, clock


async def test_a_message_is_marked_before_it_leaves_and_recorded_after(ledger: tuple[Ledger, Clock]) -> None:
    """While the platform has it, the ledger says so; afterwards the ledger has the platform's id."""
    work = Round(*ledger)
    await subscribe(work.ledger, telegram(1))
    await push(work.ledger, "un", "deux")
    async with work.going():
        await work.reaches(sent=1)
    assert work.carrier.taken == {"1": ["un", "deux"]}
    assert work.carrier.states_while_sending == [1, 1]
    assert len(set(work.carrier.nonces)) == 2


async def test_a_finished_broadcast_is_closed(ledger: tuple[Ledger, Clock]) -> None:
    """When nothing is left to send, the broadcast is done."""
    work = Round(*ledger)
    await subscribe(work.ledger, telegram(1))
    await push(work.ledger)
    async with work.going():
        await work.reaches(sent=1)
    assert (await work.ledger.broadcasts(1))[0].state is BroadcastState.DONE


@pytest.mark.parametrize(
    ("error", "state", "told"),
    [
        (base.TargetGoneError("blocked"), SubscriptionState.ENDED, []),
        (
            base.TargetNotFoundError("no such chat"),
            SubscriptionState.ENDED,
            [TargetNotFound(telegram(3), "no such chat")],
        ),
        (base.TargetClosedError("no rights"), SubscriptionState.PAUSED, [TargetPaused(telegram(3), "no rights")]),
        (base.RefusedError("filtered"), SubscriptionState.ACTIVE, []),
    ],
)
async def test_one_broken_target_costs_nobody_else_anything(
    ledger: tuple[Ledger, Clock], error: base.SendError, state: SubscriptionState, told: list[Event]
) -> None:
    """It fails with its reason, its subscription gets what it deserves, the admins are told what they can mend."""
    work = Round(*ledger)
    await subscribe(work.ledger, *map(telegram, range(1, 6)))
    await push(work.ledger)
    work.carrier.errors["3"] = [error]
    async with work.going():
        await work.reaches(sent=4, failed=1)
    (failure,) = await work.ledger.failures(1)
    assert (failure.target, failure.code, failure.reason) == (telegram(3), error.code, str(error))
    states = {each.target: each.state for each in await work.ledger.subscriptions.all()}
    assert states.pop(telegram(3)) is state
    assert set(states.values()) == {SubscriptionState.ACTIVE}
    assert work.told == told


async def test_who_is_reached_after_a_day_gets_no_old_news(ledger: tuple[Ledger, Clock]) -> None:
    """The bot was off since the middle of a push: a day later the rest fails, and what was in flight is unknown."""
    book, clock = ledger
    await subscribe(book, *map(telegram, range(1, 4)))
    await push(book)
    assert len(await book.claim(PlatformName.TELEGRAM, 1)) == 1
    clock.advance(hours=24)
    work = Round(book, clock)
    async with work.going():
        await work.reaches(failed=2, unknown=1)
    assert not work.carrier.taken
    assert {each.code for each in await book.failures(1)} == {"not-sent", ""}


async def test_a_subscription_that_is_paused_for_weeks_ends(ledger: tuple[Ledger, Clock]) -> None:
    """Nobody has mended it in four weeks: at the end of the next push, wherever that is, it ends and is told."""
    book, clock = ledger
    paused = [Target(DISCORD, "1"), telegram(1)]
    await subscribe(book, *paused, telegram(2))
    for target in paused:
        await book.subscriptions.pause(target, "no rights")
    clock.advance(weeks=3)
    for episode, told in ((1207, []), (1208, [PausedTooLong(target, "no rights") for target in paused])):
        work = Round(book, clock)
        await push(book, episode=episode)
        async with work.going():
            await work.reaches(sent=1)
        assert work.told == told
        clock.advance(weeks=1)
    states = {each.target: each.state for each in await book.subscriptions.all()}
    assert states == {**dict.fromkeys(paused, SubscriptionState.ENDED), telegram(2): SubscriptionState.ACTIVE}


async def test_what_did_not_arrive_is_sent_again_with_the_same_nonce(ledger: tuple[Ledger, Clock]) -> None:
    """No connection, then no answer: the same message with the same nonce, after a pause, until it is taken."""
    work = Round(*ledger)
    await subscribe(work.ledger, telegram(1))
    await push(work.ledger)
    work.carrier.errors["1"] = [base.NotSentError("no connection"), base.UnknownOutcomeError("no answer")]
    async with work.going():
        for tries in (1, 2):
            await work.carrier.tried(tries)
            await work.reaches(pending=1)
            work.clock.advance(minutes=1)
        await work.reaches(sent=1)
    assert work.carrier.taken == {"1": ["Bonjour"]}
    assert len(work.carrier.nonces) == 3
    assert len(set(work.carrier.nonces)) == 1


async def test_with_hold_a_message_of_unknown_outcome_never_comes_twice(ledger: tuple[Ledger, Clock]) -> None:
    """The next message follows, and the delivery ends as what it is: unknown."""
    work = Round(*ledger, hold=True)
    await subscribe(work.ledger, telegram(1))
    await push(work.ledger, "un", "deux")
    work.carrier.errors["1"] = [base.UnknownOutcomeError("no answer")]
    async with work.going():
        await work.reaches(unknown=1)
    assert work.carrier.taken == {"1": ["deux"]}


async def test_with_hold_a_message_is_not_claimed_before_its_turn(ledger: tuple[Ledger, Clock]) -> None:
    """What a crash finds claimed nobody gets: that is what was on its way, and not what waited for the pace."""
    work = Round(*ledger, hold=True, rate=2)
    await subscribe(work.ledger, *map(telegram, range(1, 4)))
    await push(work.ledger)
    async with work.going():
        await work.reaches(sent=1, pending=2)
        await work.reaches(sent=2, pending=1)
        await work.reaches(sent=3)


async def test_a_chat_that_moved_gets_it_at_its_new_place(ledger: tuple[Ledger, Clock]) -> None:
    """A group that became a supergroup: the id is rewritten, for this push and for all to come."""
    work = Round(*ledger)
    await subscribe(work.ledger, telegram(-5))
    await push(work.ledger)
    work.carrier.errors["-5"] = [base.TargetMovedError("upgraded", chat="-1005")]
    async with work.going():
        await work.reaches(sent=1)
    assert work.carrier.taken in ({"-5": [], "-1005": ["Bonjour"]}, {"-1005": ["Bonjour"]})
    assert [each.target for each in await work.ledger.subscriptions.all()] == [telegram(-1005)]


async def test_a_refused_message_stops_the_broadcast_and_ends_no_subscription(ledger: tuple[Ledger, Clock]) -> None:
    """A bug of ours is nobody's fault: what was not sent stays unsent, and says why."""
    work = Round(*ledger)
    await subscribe(work.ledger, *map(telegram, range(1, 30)))
    await push(work.ledger)
    for chat in range(1, 30):
        work.carrier.errors[str(chat)] = [base.ContentError("message is too long")]
    async with work.going():
        await work.reaches(failed=29)
    assert not any(work.carrier.taken.values())
    (broadcast,) = await work.ledger.broadcasts(1)
    assert (broadcast.state, broadcast.reason) == (BroadcastState.STOPPED, "message is too long")
    assert work.told == [BroadcastStopped(broadcast.id, PlatformName.TELEGRAM, "message is too long")]
    assert {each.state for each in await work.ledger.subscriptions.all()} == {SubscriptionState.ACTIVE}


async def test_a_refused_token_stops_everything_and_loses_nothing(ledger: tuple[Ledger, Clock]) -> None:
    """Nothing more is sent; the deliveries wait for a better token."""
    work = Round(*ledger)
    await subscribe(work.ledger, telegram(1), telegram(2))
    await push(work.ledger)
    for chat in ("1", "2"):
        work.carrier.errors[chat] = [base.UnauthorisedError("token")] * 9
    async with asyncio.timeout(20):
        await work.courier.run()
        await work.courier.stop()
    assert await work.tally() == {"pending": 2}
    assert work.told == [PlatformStopped(PlatformName.TELEGRAM, "token")]


async def test_a_kind_of_message_that_is_refused_gives_way_to_its_fallback(ledger: tuple[Ledger, Clock]) -> None:
    """The delivery begins again with the plainer messages; a rendering without any is a fault of the content."""
    work = Round(*ledger)
    await subscribe(work.ledger, telegram(1))
    rich = dataclasses.replace(rendering("riche"), fallback=rendering("un", "deux"))
    work.carrier.errors["1"] = [base.RenderingRefusedError("no such method")]
    await work.ledger.create_single(episode=1207, title="", target=telegram(1), rendering=rich, publish=False)
    async with work.going():
        await work.reaches(sent=1)
        assert work.carrier.taken == {"1": ["un", "deux"]}
        work.carrier.errors["1"] = [base.RenderingRefusedError("no such method")]
        await push(work.ledger, "simple", episode=1208)
        await work.reaches(failed=1)
    assert work.carrier.taken == {"1": ["un", "deux"]}
    assert isinstance(work.told[0], BroadcastStopped)


async def test_waiting_for_one_chat_holds_up_no_other(ledger: tuple[Ledger, Clock]) -> None:
    """A chat in a flood wait waits alone; it gets its message when the wait is over."""
    work = Round(*ledger)
    await subscribe(work.ledger, *map(telegram, range(1, 20)))
    await push(work.ledger)
    work.carrier.errors["1"] = [base.FloodError("slow down", retry_after=3600)]
    async with work.going():
        await work.reaches(sent=18, pending=1)
    assert work.carrier.taken["1"] == []


async def test_a_courier_that_fails_as_it_winds_down_has_ended_all_the_same(
    ledger: tuple[Ledger, Clock], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever stops it is not left waiting, and the failure is told."""
    work = Round(*ledger)
    failing = AsyncMock(side_effect=RuntimeError("a bug"))
    monkeypatch.setattr(work.ledger, "finish", failing)
    task = asyncio.create_task(work.courier.run())
    async with asyncio.timeout(5):
        await asyncio.wait({task})
        await work.courier.stop()
    with pytest.raises(RuntimeError, match="a bug"):
        await task


async def test_a_pause_of_everything_is_slept_through(
    ledger: tuple[Ledger, Clock], monkeypatch: pytest.MonkeyPatch
) -> None:
    """While nothing may be sent, the courier looks now and then whether it may, and not as often as it can."""
    looks: list[float] = []
    pause = Pacer.pause

    def look(pacer: Pacer) -> float:
        looks.append(pause(pacer))
        return looks[-1]

    monkeypatch.setattr(Pacer, "pause", look)
    work = Round(*ledger)
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


async def test_a_chats_next_message_waits_for_the_chats_limit(ledger: tuple[Ledger, Clock]) -> None:
    """One message a second to one chat: the second is due a second later, and others go meanwhile."""
    work = Round(*ledger, limits=(ChatLimit(1, 1.0),))
    await subscribe(work.ledger, telegram(1), telegram(2))
    await push(work.ledger, "un", "deux")
    async with work.going():
        await work.carrier.tried(2)
        await work.reaches(pending=2)
    assert work.carrier.taken == {"1": ["un"], "2": ["un"]}
    due = await work.ledger.next_due(PlatformName.TELEGRAM)
    assert due is not None
    assert (due - work.clock()).total_seconds() > 0.5


async def test_stopping_finishes_what_is_in_flight_and_begins_nothing(ledger: tuple[Ledger, Clock]) -> None:
    """What the platform already has is recorded; the rest waits in the ledger, as if it had never been claimed."""
    work = Round(*ledger)
    await subscribe(work.ledger, *map(telegram, range(1, 21)))
    await push(work.ledger)
    work.carrier.gate.clear()
    task = asyncio.create_task(work.courier.run())
    await work.carrier.begun(8)
    stopping = asyncio.create_task(work.courier.stop())
    await asyncio.sleep(0)
    work.carrier.gate.set()
    await stopping
    await task
    assert await work.tally() == {"sent": 8, "pending": 12}
    assert {claim.attempts for claim in await work.ledger.claim(PlatformName.TELEGRAM, 20)} == {1}


async def test_stopping_does_not_wait_for_a_platform_that_answers_nothing(
    ledger: tuple[Ledger, Clock], monkeypatch: pytest.MonkeyPatch
) -> None:
    """With as many sends under way as there may be, none of which comes to an end, stopping takes its time and no more.

    What nobody knows the end of stays marked, for the next start.
    """
    monkeypatch.setattr("bot.delivery.courier.DRAIN", 0.05)
    work = Round(*ledger)
    await subscribe(work.ledger, *map(telegram, range(1, 21)))
    await push(work.ledger)
    work.carrier.gate.clear()
    task = asyncio.create_task(work.courier.run())
    await work.carrier.begun(8)
    await work.settled()
    async with asyncio.timeout(10):
        await work.courier.stop()
        await task
    assert await work.tally() == {"sending": 8, "pending": 12}


async def test_a_push_begins_with_few_sends_and_gets_more_with_each_answer(ledger: tuple[Ledger, Clock]) -> None:
    """No hundreds of connections are opened at once; a platform that answers soon has as many as there may be."""
    work = Round(*ledger, window=64)
    await subscribe(work.ledger, *map(telegram, range(1, 301)))
    await push(work.ledger)
    carrier = work.carrier
    carrier.gate.clear()
    async with work.going(), asyncio.timeout(20):
        await carrier.begun(SMALLEST_WINDOW)
        await work.settled()
        assert len(carrier.states_while_sending) == SMALLEST_WINDOW
        carrier.gate.set()
        await carrier.tried(100)
        carrier.gate.clear()
        await carrier.begun(len(carrier.nonces) + 64)
        carrier.gate.set()
        await work.reaches(sent=300)


@given(st.lists(st.tuples(st.integers(1, 10**12), st.integers(1, 10**9), st.integers(0, 99)), min_size=2, unique=True))
@example([(1, 17, 0), (17, 1, 0)])
def test_every_message_has_a_nonce_of_its_own(messages: list[tuple[int, int, int]]) -> None:
    """Discord takes up to 25 characters, and drops the second of two messages that have the same."""
    nonces = {
        progress.nonce(Claim(delivery, 1, telegram(1), of, position, (), 1, "", publish=False))
        for delivery, of, position in messages
    }
    assert len(nonces) == len(messages)
    assert max(map(len, nonces)) <= 25
