"""The ledger: broadcasts that exist once, deliveries claimed, recorded, recovered, stopped, finished and counted."""

from __future__ import annotations

import dataclasses
import datetime as dt
from typing import TYPE_CHECKING

import pytest

from bot.delivery.ledger import BroadcastState, Choice, Claim, Delivery, DeliveryState, Ledger, Outcome
from bot.document import Layout
from bot.platforms.base import Message, Rendering
from bot.subscription import Choices, Subscription, SubscriptionState, Target
from tests.delivery.ledger_kit import (
    DISCORD,
    MONDAY,
    TELEGRAM,
    Clock,
    due,
    failed,
    later,
    opened,
    push,
    pushed_to,
    rendering,
    sent,
    subscribe,
    subscription,
    telegram,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

PENDING, SENDING, SENT, FAILED, UNKNOWN = DeliveryState


@pytest.fixture
def clock() -> Clock:
    """The ledger's clock, on a Monday morning."""
    return Clock()


@pytest.fixture
async def ledger(tmp_path: Path, clock: Clock) -> AsyncIterator[Ledger]:
    """An empty ledger."""
    async with opened(tmp_path, clock) as ledger:
        yield ledger


async def tally(ledger: Ledger, broadcast_id: int) -> dict[DeliveryState, int]:
    """The states that there are deliveries in."""
    return {state: count for state, count in (await ledger.tally(broadcast_id)).items() if count}


async def pending(ledger: Ledger) -> list[Delivery]:
    """What may be sent on Telegram now."""
    return await due(ledger)


# Broadcasts.


async def test_choices_are_those_of_active_subscriptions(ledger: Ledger) -> None:
    """Each distinct choice on the schedule is there once, whoever else shares it; publishing makes no difference."""
    for chosen in (
        subscription(telegram(1), "tiktok", "ai"),
        subscription(telegram(2), "ai", "tiktok", publish=True),
        subscription(telegram(3), silent=True),
        subscription(Target(DISCORD, "4")),
        subscription(telegram(5), "ended"),
        Subscription(telegram(6), "monday", Choices(layout=Layout.SEGMENTS)),
        subscription(telegram(7), "elsewhere", schedule="friday"),
    ):
        await ledger.subscriptions.save(chosen)
    await ledger.subscriptions.end(telegram(5), "unsubscribed")
    assert await ledger.choices("monday") == [
        Choice(DISCORD),
        Choice(TELEGRAM, silent=True),
        Choice(TELEGRAM, layout=Layout.SEGMENTS),
        Choice(TELEGRAM, ("ai", "tiktok")),
    ]


async def test_everybody_gets_the_rendering_of_their_choice(ledger: Ledger) -> None:
    """Each subscription gets one delivery with its own rendering; a choice without one has nothing to get."""
    await ledger.subscriptions.save(subscription(telegram(1), "ai"))
    await ledger.subscriptions.save(subscription(telegram(2), "ai", publish=True))
    await ledger.subscriptions.save(subscription(telegram(3)))
    for nothing_to_get in (
        subscription(telegram(4), "netflix"),
        subscription(telegram(5), schedule="friday"),
        subscription(telegram(6), silent=True),
        subscription(Target(DISCORD, "7")),
        Subscription(telegram(8), "monday", Choices(layout=Layout.SEGMENTS)),
        dataclasses.replace(subscription(telegram(9)), state=SubscriptionState.PAUSED),
    ):
        await ledger.subscriptions.save(nothing_to_get)
    await ledger.create_broadcast(
        episode=1207,
        title="Épisode 1207",
        schedule="monday",
        due=MONDAY,
        renderings={Choice(TELEGRAM, ("ai",)): rendering("IA"), Choice(TELEGRAM): rendering("Tout", "la suite")},
    )
    got = {
        delivery.target.chat: ((await ledger.parcel(delivery.rendering_id)).rendering.messages, delivery.publish)
        for delivery in await pending(ledger)
    }
    assert got == {
        "1": (rendering("IA").messages, False),
        "2": (rendering("IA").messages, True),
        "3": (rendering("Tout", "la suite").messages, False),
    }


async def test_a_rendering_comes_back_as_it_was(ledger: Ledger) -> None:
    """Title, every message's body and its length are kept, whatever the text."""
    body = {"text": "Été : « œuvre »\u202f! 🎧", "entities": [{"offset": 0, "length": 3}], "silent": None}
    kept = Rendering("L'été", (Message(body, 24, 4096), Message({}, 0, 4096)))
    await ledger.create_single(episode=1207, title="", target=telegram(1), rendering=kept, publish=False)
    (delivery,) = await pending(ledger)
    assert (await ledger.parcel(delivery.rendering_id)).rendering == kept


async def test_a_rendering_keeps_its_fallback(ledger: Ledger) -> None:
    """It is stored beside what it stands in for, and shared with those who get it anyway."""
    plain = rendering("simple")
    rich = dataclasses.replace(rendering("riche"), fallback=plain)
    await subscribe(ledger, telegram(1))
    await ledger.subscriptions.save(subscription(telegram(2), silent=True))
    await ledger.create_broadcast(
        episode=1207,
        title="",
        schedule="monday",
        due=MONDAY,
        renderings={Choice(TELEGRAM): rich, Choice(TELEGRAM, silent=True): plain},
    )
    (first, second) = await pending(ledger)
    assert (await ledger.parcel(first.rendering_id)).rendering == rich
    await ledger.fall_back(first.id)
    (fallen, _) = await pending(ledger)
    assert fallen.rendering_id == second.rendering_id


async def test_choices_that_come_to_the_same_share_a_rendering(ledger: Ledger) -> None:
    """Equal renderings of a platform are stored once; those of another platform apart."""
    await ledger.subscriptions.save(subscription(telegram(1), "ai"))
    await subscribe(ledger, telegram(2), Target(DISCORD, "3"))
    await push(ledger)
    on_telegram = {delivery.rendering_id for delivery in await pending(ledger)}
    on_discord = {delivery.rendering_id for delivery in await due(ledger, DISCORD)}
    assert len(on_telegram) == len(on_discord) == 1
    assert on_telegram != on_discord


async def test_a_new_delivery_has_everything_before_it(ledger: Ledger) -> None:
    """It is pending at its first message, untried, from the moment of the occurrence on."""
    (delivery,) = await pushed_to(ledger, telegram(-100, 7))
    assert delivery == Delivery(
        id=1,
        broadcast_id=1,
        subscription_id=1,
        target=telegram(-100, 7),
        rendering_id=1,
        state=PENDING,
        position=0,
        message_ids=(),
        attempts=0,
        due=MONDAY,
        opened=MONDAY,
        code="",
        reason="",
        publish=False,
    )


async def test_a_broadcast_exists_once(ledger: Ledger) -> None:
    """A second firing of the same schedule for the same episode adds nothing; another schedule is another broadcast."""
    first = await pushed_to(ledger, telegram(1))
    known = {"episode": 1207, "title": "", "due": MONDAY, "renderings": {Choice(TELEGRAM): rendering("encore")}}
    assert await ledger.create_broadcast(schedule="monday", **known) is None  # type: ignore[arg-type] # as named
    assert await pending(ledger) == first
    assert await ledger.create_broadcast(schedule="friday", **known) is not None  # type: ignore[arg-type] # as named


async def test_an_episode_is_pushed_again_only_on_purpose(ledger: Ledger, clock: Clock) -> None:
    """Each repeat is a broadcast of its own, to the same people; the latest is the one that counts."""
    await subscribe(ledger, telegram(1))
    first = await push(ledger, again=True)
    clock.advance(hours=1)
    second = await push(ledger, again=True)
    third = await push(ledger, again=True)
    assert [first.repeat, second.repeat, third.repeat] == [0, 1, 2]
    assert await ledger.broadcast_of(1207, "monday") == third
    assert second.created == MONDAY + dt.timedelta(hours=1)
    assert len(await pending(ledger)) == 3


async def test_a_broadcast_to_one_target(ledger: Ledger) -> None:
    """It needs no subscription, exists once per target, and says in its schedule whom it is for."""
    arguments = {"episode": 1207, "title": "T", "rendering": rendering("Toi"), "publish": True}
    target = telegram(-100, 7)
    single = await ledger.create_single(target=target, **arguments)  # type: ignore[arg-type] # as named
    assert single is not None
    assert single.schedule == "to telegram:-100:7"
    assert await ledger.create_single(target=target, **arguments) is None  # type: ignore[arg-type] # as named
    assert await ledger.create_single(target=target, again=True, **arguments) is not None  # type: ignore[arg-type] # as named
    (delivery, _again) = await pending(ledger)
    assert (delivery.target, delivery.publish, delivery.subscription_id) == (target, True, None)


async def test_a_time_without_a_zone_is_refused(ledger: Ledger) -> None:
    """Nobody can tell which instant it means; and nothing of the broadcast has been kept."""
    with pytest.raises(Exception, match="has no time zone"):
        await ledger.create_broadcast(
            episode=1, title="", schedule="monday", due=MONDAY.replace(tzinfo=None), renderings={}
        )
    assert await ledger.broadcasts(10) == []


async def test_times_come_back_in_utc(ledger: Ledger) -> None:
    """An instant given in any zone is the same instant, in UTC."""
    paris = MONDAY.astimezone(dt.timezone(dt.timedelta(hours=1)))
    opened_one = await ledger.create_broadcast(episode=1, title="", schedule="monday", due=paris, renderings={})
    assert opened_one is not None
    assert opened_one.due == MONDAY
    assert opened_one.due.tzinfo is dt.UTC


# Deliveries.


async def test_the_longest_waiting_come_first(ledger: Ledger, clock: Clock) -> None:
    """Due deliveries come in the order in which they became due, up to the limit; what is due later does not come."""
    one, two, three = await pushed_to(ledger, telegram(1), telegram(2), telegram(3))
    await ledger.record(
        [
            later(one, MONDAY + dt.timedelta(seconds=20)),
            later(two, MONDAY + dt.timedelta(seconds=10)),
            later(three, MONDAY + dt.timedelta(hours=1)),
        ]
    )
    assert await pending(ledger) == []
    assert await ledger.next_due(TELEGRAM) == MONDAY + dt.timedelta(seconds=10)
    clock.advance(seconds=20)
    assert [delivery.id for delivery in await pending(ledger)] == [two.id, one.id]
    assert [delivery.id for delivery in await due(ledger, TELEGRAM, limit=1)] == [two.id]


async def test_platforms_do_not_see_each_other(ledger: Ledger) -> None:
    """What is due is asked for by platform."""
    await subscribe(ledger, telegram(1))
    await push(ledger)
    assert await due(ledger, DISCORD) == []
    assert await ledger.next_due(DISCORD) is None
    assert await ledger.next_due(TELEGRAM) == MONDAY


async def test_a_claim_is_given_once(ledger: Ledger) -> None:
    """A delivery that was claimed is no longer due, cannot be claimed again, and counts the attempt."""
    one, two = await pushed_to(ledger, telegram(1), telegram(2))
    assert await ledger.claim(TELEGRAM, 1) == [
        Claim(one.id, 1, telegram(1), rendering_id=1, position=0, message_ids=(), attempts=1, code="", publish=False)
    ]
    assert [claim.id for claim in await ledger.claim(TELEGRAM, 10)] == [two.id]
    assert await ledger.claim(TELEGRAM, 10) == []
    assert await pending(ledger) == []
    assert await ledger.next_due(TELEGRAM) is None
    await ledger.recover(TELEGRAM, hold=False)
    assert [claim.attempts for claim in await ledger.claim(TELEGRAM, 10)] == [2, 2]


async def test_outcomes_are_recorded_before_the_next_claim(ledger: Ledger) -> None:
    """One transaction does both: what is due again by its outcome may be claimed at once."""
    one, two = await pushed_to(ledger, telegram(1), telegram(2), texts=("a", "b"))
    await ledger.claim(TELEGRAM, 1)
    outcomes = [Outcome(one.id, PENDING, 1, ("41",), MONDAY, 0), sent(two, "42", "43")]
    (claim,) = await ledger.claim(TELEGRAM, 10, outcomes)
    assert (claim.id, claim.position, claim.message_ids) == (one.id, 1, ("41",))
    assert await tally(ledger, one.broadcast_id) == {SENDING: 1, SENT: 1}


async def test_an_outcome_replaces_what_was_known(ledger: Ledger) -> None:
    """Every field of the outcome is the delivery's from then on; a later outcome clears an old error."""
    one, other = await pushed_to(ledger, telegram(1), telegram(2), texts=("a", "b"))
    due = MONDAY - dt.timedelta(seconds=1)
    outcome = Outcome(one.id, PENDING, 1, ("41",), due, 2, "not-sent", "no connection")
    await ledger.record([outcome])
    changed = dataclasses.replace(
        one, position=1, message_ids=("41",), due=due, attempts=2, code="not-sent", reason="no connection"
    )
    assert await pending(ledger) == [changed, other]
    await ledger.record([sent(one, "41", "42")])
    assert await pending(ledger) == [other]
    assert await tally(ledger, one.broadcast_id) == {SENT: 1, PENDING: 1}


async def test_recording_nothing_changes_nothing(ledger: Ledger) -> None:
    """A sender whose batch is empty need not look first."""
    before = await pushed_to(ledger, telegram(1))
    await ledger.record([])
    assert await pending(ledger) == before


# After a crash.


async def test_what_was_in_flight_is_sent_again(ledger: Ledger) -> None:
    """Without hold, the same message is pending again, and it shows that nobody knows whether it had arrived."""
    one, two = await pushed_to(ledger, telegram(1), telegram(2), texts=("a", "b"))
    await ledger.claim(TELEGRAM, 1)
    assert await ledger.recover(TELEGRAM, hold=False) == 1
    again, untouched = await pending(ledger)
    assert (again.id, again.position, again.message_ids, again.code) == (one.id, 0, (), "unknown")
    assert untouched == two
    assert await ledger.recover(TELEGRAM, hold=False) == 0


async def test_what_was_in_flight_is_held_back(ledger: Ledger) -> None:
    """With hold, a delivery goes on behind the message in flight, or ends as unknown if that was its last."""
    one, two = await pushed_to(ledger, telegram(1), telegram(2), texts=("a", "b"))
    await ledger.record([Outcome(two.id, PENDING, 1, ("41",), MONDAY, 0)])
    await ledger.claim(TELEGRAM, 2)
    assert await ledger.recover(TELEGRAM, hold=True) == 2
    (goes_on,) = await pending(ledger)
    assert (goes_on.id, goes_on.position, goes_on.message_ids, goes_on.attempts) == (one.id, 1, (None,), 0)
    (over,) = await ledger.failures(two.broadcast_id)
    assert (over.id, over.state, over.message_ids, over.code) == (two.id, UNKNOWN, ("41", None), "unknown")


async def test_one_platform_recovers_its_own(ledger: Ledger) -> None:
    """A platform that starts later, or twice, takes nothing from one that is sending."""
    (delivery,) = await pushed_to(ledger, telegram(1))
    await ledger.claim(TELEGRAM, 1)
    assert await ledger.recover(DISCORD, hold=False) == 0
    assert await tally(ledger, delivery.broadcast_id) == {SENDING: 1}


# The end of a broadcast.


async def test_a_broadcast_is_done_when_nothing_is_left(ledger: Ledger, clock: Clock) -> None:
    """It is told once, with the time, after the last delivery; neither pending nor sending counts as over."""
    one, two = await pushed_to(ledger, telegram(1), telegram(2))
    await ledger.record([sent(one, "41")])
    assert await ledger.finish() == []
    await ledger.claim(TELEGRAM, 1)
    assert await ledger.finish() == []
    await ledger.record([failed(two, "gone", "blocked")])
    clock.advance(minutes=1)
    (done,) = await ledger.finish()
    assert (done.id, done.state, done.finished) == (one.broadcast_id, BroadcastState.DONE, clock.now)
    assert await ledger.finish() == []
    assert await ledger.broadcasts(10) == [done]


async def test_a_broadcast_to_nobody_is_done_at_once(ledger: Ledger) -> None:
    """With no subscription there is nothing to wait for."""
    broadcast = await push(ledger)
    assert [done.id for done in await ledger.finish()] == [broadcast.id]


async def test_a_stopped_broadcast_sends_nothing_more(ledger: Ledger, clock: Clock) -> None:
    """What was pending fails with the reason; it is stopped once, stays so, and other broadcasts go on."""
    one, two, three = await pushed_to(ledger, telegram(1), telegram(2), telegram(3))
    other = await push(ledger, episode=1208)
    await ledger.claim(TELEGRAM, 1)
    await ledger.record([sent(two, "41")])
    clock.advance(minutes=1)
    assert await ledger.stop(three.broadcast_id, "can't parse entities") is True
    assert await ledger.stop(three.broadcast_id, "something else") is False
    assert await tally(ledger, three.broadcast_id) == {SENDING: 1, SENT: 1, FAILED: 1}
    assert {delivery.broadcast_id for delivery in await pending(ledger)} == {other.id}
    (stopped,) = await ledger.failures(three.broadcast_id)
    assert (stopped.id, stopped.code, stopped.reason) == (three.id, "stopped", "can't parse entities")
    await ledger.record([sent(one, "40")])
    assert await ledger.finish() == []
    known = await ledger.broadcast_of(1207, "monday")
    assert known is not None
    assert (known.state, known.reason, known.finished) == (BroadcastState.STOPPED, "can't parse entities", clock.now)


@pytest.mark.parametrize("crashed", [False, True])
async def test_a_stop_reaches_what_was_on_its_way(ledger: Ledger, *, crashed: bool) -> None:
    """A message in flight when the broadcast stopped is not tried again, by its sender or after a crash."""
    (delivery,) = await pushed_to(ledger, telegram(1))
    await ledger.claim(TELEGRAM, 1)
    await ledger.stop(delivery.broadcast_id, "too long")
    if crashed:
        await ledger.recover(TELEGRAM, hold=False)
    else:
        await ledger.record([later(delivery, MONDAY)])
    (left,) = await ledger.failures(delivery.broadcast_id)
    assert (left.state, left.code, left.reason) == (FAILED, "stopped", "too long")


async def test_counts_and_failures(ledger: Ledger) -> None:
    """Every state is counted, and who did not get it is named."""
    one, two, three, four, _five = await pushed_to(ledger, *map(telegram, range(1, 6)))
    await ledger.record(
        [
            sent(one, "41"),
            failed(two, "closed", "no rights"),
            failed(three, "gone", "blocked"),
            failed(four, "gone", "blocked"),
        ]
    )
    assert await ledger.tally(one.broadcast_id) == {PENDING: 1, SENDING: 0, SENT: 1, FAILED: 3, UNKNOWN: 0}
    assert [failure.target.chat for failure in await ledger.failures(one.broadcast_id)] == ["2", "3", "4"]


async def test_the_latest_broadcasts(ledger: Ledger) -> None:
    """They come newest first, as many as asked for."""
    for episode in (1205, 1206, 1207):
        await push(ledger, episode=episode)
    assert [broadcast.episode for broadcast in await ledger.broadcasts(2)] == [1207, 1206]
    assert await ledger.broadcast_of(1205, "friday") is None
