"""The worker: mark, send, record; and what becomes of a delivery that fails, without harm to any other."""

from __future__ import annotations

import asyncio
import datetime as dt
from typing import TYPE_CHECKING

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bot.delivery import retry
from bot.model.facts import MessageRefused, PausedTooLong
from bot.model.subscription import PlatformName, SubscriptionState, Target
from bot.platforms import base
from bot.platforms.abilities import Finder
from bot.storage.records import BroadcastState, Claim, StoredRendering
from tests.delivery import postgres
from tests.delivery.ledger_kit import (
    DISCORD,
    MONDAY,
    TELEGRAM,
    Clock,
    due,
    file_in,
    opened,
    push,
    rendering,
    sent,
    subscribe,
    telegram,
    until_written,
    with_fallbacks,
)
from tests.delivery.worker_kit import Round
from tests.waiting import until

if TYPE_CHECKING:
    from pathlib import Path

    from bot.storage.ledger import Ledger


async def test_a_message_is_marked_before_it_leaves_and_recorded_after(ledger: Ledger, clock: Clock) -> None:
    """While the platform has it, the ledger says so; afterwards the ledger has the platform's id."""
    work = Round(ledger, clock)
    await subscribe(work.ledger, telegram(1))
    await push(work.ledger, "un", "deux")
    work.carrier.looks = True
    async with work.going():
        await work.reaches(sent=1)
    assert work.carrier.taken == {"1": ["un", "deux"]}
    assert work.carrier.states_while_sending == [1, 1]
    assert len(set(work.carrier.nonces)) == 2


async def test_a_finished_broadcast_is_closed(ledger: Ledger, clock: Clock) -> None:
    """When nothing is left to send, the broadcast is done."""
    work = Round(ledger, clock)
    await subscribe(work.ledger, telegram(1))
    await push(work.ledger)
    async with work.going():
        await work.reaches(sent=1)
    assert (await work.ledger.broadcasts(1))[0].state is BroadcastState.DONE


async def test_a_broadcast_whose_last_message_ends_with_the_bot_is_closed(ledger: Ledger, clock: Clock) -> None:
    """Stopped while it is on its way: what was sent is recorded, and the push is over before the bot leaves."""
    work = Round(ledger, clock, window=1)
    task = await work.all_under_way(1)
    stopping = asyncio.create_task(work.worker.stop())
    await work.settled()
    work.carrier.gate.set()
    await asyncio.gather(stopping, task)
    assert await work.tally() == {"sent": 1}
    assert (await work.ledger.broadcasts(1))[0].state is BroadcastState.DONE


@pytest.mark.parametrize(
    ("error", "state"),
    [
        (base.TargetGoneError("blocked"), SubscriptionState.ENDED),
        (base.TargetNotFoundError("no such chat"), SubscriptionState.ENDED),
        (base.TargetClosedError("no rights"), SubscriptionState.PAUSED),
        (base.RefusedError("filtered"), SubscriptionState.ACTIVE),
    ],
)
async def test_one_broken_target_costs_nobody_else_anything(
    ledger: Ledger, clock: Clock, error: base.SendError, state: SubscriptionState
) -> None:
    """It fails with its reason, and its subscription gets what it deserves."""
    work = Round(ledger, clock)
    await subscribe(work.ledger, *map(telegram, range(1, 6)))
    await push(work.ledger)
    work.carrier.errors["3"] = [error]
    async with work.going():
        await work.reaches(sent=4, failed=1)
    (broadcast,) = await work.ledger.broadcasts(1)
    (cause,) = (await work.ledger.notices.outcome(broadcast)).unserved
    assert (cause.targets, cause.code, cause.reason) == ((telegram(3),), error.code, str(error))
    states = {each.target: each.state for each in await work.ledger.subscriptions.all()}
    assert states.pop(telegram(3)) is state
    assert set(states.values()) == {SubscriptionState.ACTIVE}


async def test_who_is_reached_after_a_day_gets_no_old_news(ledger: Ledger, clock: Clock) -> None:
    """The bot was off since the middle of a push: a day later the rest fails, and what was in flight is unknown."""
    await subscribe(ledger, *map(telegram, range(1, 4)))
    await push(ledger)
    assert len(await ledger.claim(PlatformName("telegram"), 1)) == 1
    clock.advance(hours=24)
    work = Round(ledger, clock)
    async with work.going():
        await work.reaches(failed=2, unknown=1)
    assert not work.carrier.taken
    assert {each.code for each in await ledger.failures(1)} == {"not-sent", ""}


async def test_a_claimed_message_whose_day_ends_before_its_turn_is_not_sent(ledger: Ledger, clock: Clock) -> None:
    """Its turn is free as soon as the message before has left: even then, old news stays unsent and says why."""
    work = Round(ledger, clock, window=1)
    task = await work.all_under_way(3)
    clock.advance(hours=24)
    while work.worker._pacer.until_free():  # noqa: ASYNC110 - only the clock ends it
        await asyncio.sleep(0)
    work.carrier.gate.set()
    await work.reaches(sent=1, failed=2)
    await work.worker.stop()
    await task
    assert len(work.carrier.nonces) == 1
    assert {each.reason for each in await ledger.failures(1)} == {"its day was over before it could be sent"}


async def test_a_pause_finds_no_message_claimed(ledger: Ledger, clock: Clock) -> None:
    """Messages that wait for its end wait in the ledger, where an unsubscription still reaches them."""
    work = Round(ledger, clock, window=1)
    task = await work.all_under_way(3)
    flood = base.FloodError("slow down", retry_after=600, everything=True)
    work.worker._pacer.note_flood(flood, telegram(9))
    work.carrier.gate.set()
    await work.reaches(sent=1, pending=2)
    waiting, _other = await due(ledger)
    await ledger.subscriptions.end(waiting.target, "unsubscribed")
    assert await work.tally() == {"sent": 1, "failed": 1, "pending": 1}
    await work.worker.stop()
    await task


async def test_a_subscription_that_is_paused_for_weeks_ends(ledger: Ledger, clock: Clock) -> None:
    """Nobody has mended it in four weeks: at the end of the next push, wherever that is, it ends and is told."""
    paused = [Target(DISCORD, "1"), telegram(1)]
    await subscribe(ledger, *paused, telegram(2))
    for target in paused:
        await ledger.subscriptions.pause(target, "no rights")
    clock.advance(weeks=3)
    for episode, told in ((1207, []), (1208, [PausedTooLong(target, "no rights") for target in paused])):
        work = Round(ledger, clock)
        await push(ledger, episode=episode)
        async with work.going():
            await work.reaches(sent=1)
        assert work.told == told
        clock.advance(weeks=1)
    states = {each.target: each.state for each in await ledger.subscriptions.all()}
    assert states == {**dict.fromkeys(paused, SubscriptionState.ENDED), telegram(2): SubscriptionState.ACTIVE}


async def test_what_did_not_arrive_is_sent_again_with_the_same_nonce(ledger: Ledger, clock: Clock) -> None:
    """No connection, then no answer: the same message with the same nonce, after a pause, until it is taken."""
    work = Round(ledger, clock)
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


class Sight(Finder):
    """Looks for messages, and finds them from a certain look on."""

    def __init__(self, *found: str | None) -> None:
        self._found = list(found)

    async def find(self, _post: base.Post, since: dt.datetime) -> str | None:
        """The next of what there is to find."""
        assert since == MONDAY
        return self._found.pop(0)

    @property
    def is_done(self) -> bool:
        """Whether every look was taken."""
        return not self._found


async def test_a_message_in_doubt_stays_in_doubt_when_a_later_attempt_was_not_sent(
    ledger: Ledger, clock: Clock
) -> None:
    """It may have arrived at the first attempt: it is looked for before the third, found, and not sent again."""
    sight = Sight(None, "41")
    work = Round(ledger, clock, finder=sight)
    await subscribe(work.ledger, telegram(1))
    await push(work.ledger)
    work.carrier.errors["1"] = [base.UnknownOutcomeError("no answer"), base.NotSentError("no connection")]
    async with work.going():
        for tries in (1, 2):
            await work.carrier.tried(tries)
            await work.reaches(pending=1)
            work.clock.advance(minutes=1)
        await work.reaches(sent=1)
    assert sight.is_done
    assert not any(work.carrier.taken.values())
    assert len(work.carrier.nonces) == 2


async def test_with_hold_a_message_of_unknown_outcome_never_comes_twice(ledger: Ledger, clock: Clock) -> None:
    """The next message follows, and the delivery ends as what it is: unknown."""
    work = Round(ledger, clock, hold=True)
    await subscribe(work.ledger, telegram(1))
    await push(work.ledger, "un", "deux")
    work.carrier.errors["1"] = [base.UnknownOutcomeError("no answer")]
    async with work.going():
        await work.reaches(unknown=1)
    assert work.carrier.taken == {"1": ["deux"]}


async def test_with_hold_a_message_is_not_claimed_before_its_turn(ledger: Ledger, clock: Clock) -> None:
    """What a crash finds claimed nobody gets: that is what was on its way, and not what waited for the pace."""
    work = Round(ledger, clock, hold=True, rate=2)
    await subscribe(work.ledger, *map(telegram, range(1, 4)))
    await push(work.ledger)
    async with work.going():
        await work.reaches(sent=1, pending=2)
        await work.reaches(sent=2, pending=1)
        await work.reaches(sent=3)


async def test_a_chat_that_moved_gets_it_at_its_new_place(ledger: Ledger, clock: Clock) -> None:
    """A group that became a supergroup: the id is rewritten, for this push and for all to come."""
    work = Round(ledger, clock)
    await subscribe(work.ledger, telegram(-5))
    await push(work.ledger)
    work.carrier.errors["-5"] = [base.TargetMovedError("upgraded", chat="-1005")]
    async with work.going():
        await work.reaches(sent=1)
    assert work.carrier.taken in ({"-5": [], "-1005": ["Bonjour"]}, {"-1005": ["Bonjour"]})
    assert [each.target for each in await work.ledger.subscriptions.all()] == [telegram(-1005)]


async def test_a_message_that_nobody_takes_is_stopped_and_told_and_ends_no_subscription(
    ledger: Ledger, clock: Clock
) -> None:
    """Three chats refuse it and none takes it: the others are spared it, and the admins hear of it at once."""
    work = Round(ledger, clock, window=2)
    await subscribe(work.ledger, *map(telegram, range(1, 30)))
    broadcast = await push(work.ledger)
    for chat in range(1, 30):
        work.carrier.errors[str(chat)] = [base.ContentError("message is too long")]
    async with work.going():
        await work.reaches(failed=29)
    assert not any(work.carrier.taken.values())
    assert len(work.carrier.nonces) < 10
    spared = 29 - len(work.carrier.nonces)
    assert [each.code for each in await work.ledger.failures(broadcast.id)].count("stopped") == spared
    (told,) = work.told
    assert isinstance(told, MessageRefused)
    assert (told.broadcast, told.reason) == (broadcast.id, "message is too long")
    assert told.left_out == spared
    assert {each.state for each in await work.ledger.subscriptions.all()} == {SubscriptionState.ACTIVE}


async def test_what_is_on_its_way_is_awaited_before_a_message_is_called_refused(ledger: Ledger, clock: Clock) -> None:
    """Three odd chats answer first and a slow one takes it: everybody else gets it, and nobody is told of a refusal."""
    work = Round(ledger, clock, window=4)
    await subscribe(work.ledger, *map(telegram, range(1, 30)))
    await push(work.ledger)
    chats, slow = [each.target.chat for each in await due(ledger)], asyncio.Event()
    for chat in chats[:3]:
        work.carrier.errors[chat] = [base.ContentError("can't parse entities")]
    # Those after the slow one too: if a refusal is recorded before the others, they are on their way by then.
    work.carrier.gates |= dict.fromkeys(chats[3:], slow)
    work.carrier.gate.clear()
    async with work.going():
        await work.carrier.begun(4)
        work.carrier.gate.set()
        await until(lambda: 1 in work.worker._doubts)
        slow.set()

        async def is_over() -> bool:
            clock.advance(seconds=1)
            work.worker.wake()
            return await work.tally() == {"failed": 3, "sent": 26}

        await until_written(ledger, is_over)
    assert work.told == []


async def test_a_refusal_counts_over_a_restart(ledger: Ledger, clock: Clock) -> None:
    """Two chats refused it before and one after: all that counts stands in the ledger."""
    await subscribe(ledger, *map(telegram, range(1, 30)))
    broadcast = await push(ledger)
    before = await ledger.claim(PlatformName("telegram"), 2)
    await ledger.record([retry.fail(claim, clock(), base.ContentError("too long")) for claim in before])
    work = Round(ledger, clock, window=1)
    for chat in range(1, 30):
        work.carrier.errors[str(chat)] = [base.ContentError("too long")]
    async with work.going():
        await work.reaches(failed=29)
    assert len(work.carrier.nonces) == 1
    assert [type(fact) for fact in work.told] == [MessageRefused]
    assert [each.code for each in await ledger.failures(broadcast.id)].count("content") == 3


async def test_a_refused_token_stops_everything_and_loses_nothing(ledger: Ledger, clock: Clock) -> None:
    """Nothing more is sent; the deliveries wait for a better token."""
    work = Round(ledger, clock)
    await subscribe(work.ledger, telegram(1), telegram(2))
    await push(work.ledger)
    for chat in ("1", "2"):
        work.carrier.errors[chat] = [base.UnauthorisedError("token")] * 9
    async with asyncio.timeout(20):
        with pytest.raises(base.UnauthorisedError, match="token"):
            await work.worker.run()
        await work.worker.stop()
    assert await work.tally() == {"pending": 2}


async def test_a_kind_of_message_that_is_refused_gives_way_to_its_fallback(ledger: Ledger, clock: Clock) -> None:
    """The plainer messages replace that one alone; a message without any is a fault of the content."""
    work = Round(ledger, clock)
    await subscribe(work.ledger, telegram(1))
    plain = rendering("annonce"), rendering("un", "deux"), rendering("fin")
    rich = with_fallbacks(rendering("Annonce", "Image", "Fin"), *plain)
    work.carrier.refused["Image"] = base.RenderingRefusedError("no picture")
    await work.ledger.create_single(episode=1207, title="", target=telegram(1), rendering=rich)
    async with work.going():
        await work.reaches(sent=1)
        assert work.carrier.taken == {"1": ["Annonce", "un", "deux", "Fin"]}
        work.carrier.errors["1"] = [base.RenderingRefusedError("no such method")]
        await push(work.ledger, "simple", episode=1208)
        await work.reaches(failed=1)
    assert work.carrier.taken == {"1": ["Annonce", "un", "deux", "Fin"]}
    assert [each.code for each in await work.ledger.failures(2)] == ["rendering"]


@given(
    st.lists(
        st.tuples(st.text(max_size=3), st.integers(1, 10**12), st.integers(0, 12), st.integers(0, 12)),
        min_size=2,
        unique=True,
    )
)
@example([("a", 1, 17, 0), ("a", 1, 1, 70)])
@example([("a 1", 2, 0, 0), ("a", 12, 0, 0)])
def test_every_message_has_a_nonce_of_its_own(messages: list[tuple[str, int, int, int]]) -> None:
    """Discord takes up to 25 characters, and drops the second of two messages that have the same, wherever they go."""
    nonces = set()
    for seed, chat, thread, position in messages:
        claim = Claim(1, 1, telegram(chat, thread), 1, position, (), 1, "", publish=False)
        nonces.add(retry.make_nonce(claim, StoredRendering(rendering("Bonjour"), MONDAY, seed)))
    assert len(nonces) == len(messages)
    assert max(map(len, nonces)) <= 25


async def test_the_same_push_has_the_same_nonces_in_every_database(postgresql: str, tmp_path: Path) -> None:
    """After a copy, and on a server that forgot the push; a push that the admin repeats has others."""
    postgres.empty(postgresql)
    found = []
    people = [telegram(1), telegram(2), telegram(2, 7)]
    for url in (file_in(tmp_path), postgresql):
        async with opened(url) as each:
            # Other ids, and perhaps another order.
            await subscribe(each, *people)
            people = [telegram(9), *people[::-1]]
            for again in (False, True):
                await push(each, "Un", "Deux", again=again)
                claims = await each.claim(TELEGRAM, 9)
                stored = await each.stored(claims[0].rendering_id)
                found.append({claim.target: retry.make_nonce(claim, stored) for claim in claims})
                await each.record([sent(claim, "1", "2") for claim in claims])
    assert found[0].items() < found[2].items()
    assert found[1].items() < found[3].items()
    nonces = [nonce for each in found[2:] for nonce in each.values()]
    assert len(set(nonces)) == len(nonces) == 8
