"""The ledger's broadcasts: opened once, with the rendering of everybody's choice, stopped, finished and counted."""

from __future__ import annotations

import dataclasses
import datetime as dt
import itertools
from typing import TYPE_CHECKING

import pytest

from bot.model.document import Layout
from bot.model.rendering import Message, Rendering
from bot.model.subscription import Choices, Subscription, SubscriptionState, Target
from bot.storage.records import BroadcastState, Choice, Delivery, DeliveryState, Outcome, Stopped
from tests.delivery.ledger_kit import (
    DISCORD,
    FAILED,
    MONDAY,
    PENDING,
    SENDING,
    SENT,
    TELEGRAM,
    UNKNOWN,
    Clock,
    by_chat,
    due,
    failed,
    push,
    pushed_to,
    rendering,
    sent,
    subscribe,
    subscription,
    tally,
    telegram,
    with_fallbacks,
)

if TYPE_CHECKING:
    from bot.storage.ledger import Ledger


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
    assert list((await ledger.choices("monday")).items()) == [
        (Choice(DISCORD), 1),
        (Choice(TELEGRAM, silent=True), 1),
        (Choice(TELEGRAM, layout=Layout.SEGMENTS), 1),
        (Choice(TELEGRAM, ("ai", "tiktok")), 2),
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
        delivery.target.chat: ((await ledger.stored(delivery.rendering_id)).rendering.messages, delivery.publish)
        for delivery in await due(ledger)
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
    await ledger.create_single(episode=1207, title="", target=telegram(1), rendering=kept)
    (delivery,) = await due(ledger)
    assert (await ledger.stored(delivery.rendering_id)).rendering == kept


async def test_a_rendering_keeps_its_fallback(ledger: Ledger) -> None:
    """It is stored with what it stands in for, and shared with those who get it anyway."""
    plain = rendering("simple")
    rich = with_fallbacks(rendering("riche"), plain)
    await subscribe(ledger, telegram(1))
    await ledger.subscriptions.save(subscription(telegram(2), silent=True))
    await ledger.create_broadcast(
        episode=1207,
        title="",
        schedule="monday",
        due=MONDAY,
        renderings={Choice(TELEGRAM): rich, Choice(TELEGRAM, silent=True): plain},
    )
    first, second = sorted(await due(ledger), key=lambda each: each.target)
    assert (await ledger.stored(first.rendering_id)).rendering == rich
    await ledger.fall_back(first.id)
    fallen, _ = sorted(await due(ledger), key=lambda each: each.target)
    assert fallen.rendering_id == second.rendering_id


async def test_choices_that_come_to_the_same_share_a_rendering(ledger: Ledger) -> None:
    """Equal renderings of a platform are stored once; those of another platform apart."""
    await ledger.subscriptions.save(subscription(telegram(1), "ai"))
    await subscribe(ledger, telegram(2), Target(DISCORD, "3"))
    await push(ledger)
    on_telegram = {delivery.rendering_id for delivery in await due(ledger)}
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
        code="",
        reason="",
        publish=False,
        pin=False,
    )


async def test_a_broadcast_exists_once(ledger: Ledger) -> None:
    """A second firing of the same schedule for the same episode adds nothing; another schedule is another broadcast."""
    first = await pushed_to(ledger, telegram(1))
    known = {"episode": 1207, "title": "", "due": MONDAY, "renderings": {Choice(TELEGRAM): rendering("encore")}}
    assert await ledger.create_broadcast(schedule="monday", **known) is None  # type: ignore[arg-type] # as named
    assert await due(ledger) == first
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
    assert len(await due(ledger)) == 3


async def test_a_broadcast_to_one_target(ledger: Ledger) -> None:
    """It needs no subscription, exists once per target, and says in its key whom it is for."""
    arguments = {"episode": 1207, "title": "T", "rendering": rendering("Toi")}
    target = telegram(-100, 7)
    single = await ledger.create_single(target=target, **arguments)  # type: ignore[arg-type] # as named
    assert single is not None
    assert single.key == "to telegram:-100:7"
    assert await ledger.create_single(target=target, **arguments) is None  # type: ignore[arg-type] # as named
    assert await ledger.create_single(target=target, again=True, **arguments) is not None  # type: ignore[arg-type] # as named
    (delivery, _again) = await due(ledger)
    assert (delivery.target, delivery.publish, delivery.subscription_id) == (target, False, None)


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


async def refused(ledger: Ledger, *deliveries: Delivery, at: int = 0) -> Stopped | None:
    """Let each of the deliveries be refused for its message at the position; what the ledger makes of it."""
    refusals = [failed(each, "content", "too long")._replace(position=at) for each in deliveries]
    await ledger.record(refusals)
    return await ledger.stop_if_refused(deliveries[0].rendering_id, at)


async def test_a_message_is_refused_when_three_chats_say_so_and_none_has_taken_it(ledger: Ledger) -> None:
    """Then what waits with the same messages fails with the words, once; another rendering and broadcast go on."""
    for chat in range(1, 8):
        await ledger.subscriptions.save(subscription(telegram(chat), silent=chat > 5))
    loud, silent = Choice(TELEGRAM), Choice(TELEGRAM, silent=True)
    chosen = {loud: rendering("long"), silent: rendering("long", "et muet")}
    broadcast = await ledger.create_broadcast(episode=1207, title="", schedule="monday", due=MONDAY, renderings=chosen)
    assert broadcast is not None
    pushed = {each.target.chat: each for each in await due(ledger)}
    other = await push(ledger, episode=1208)
    assert await refused(ledger, pushed["1"]) is None
    assert await refused(ledger, pushed["2"]) is None
    assert not await ledger.is_refused(pushed["1"].rendering_id, 0)
    stopped = await refused(ledger, pushed["3"])
    assert stopped == Stopped(broadcast, "too long", left_out=2)
    assert await ledger.stop_if_refused(pushed["1"].rendering_id, 0) is None
    assert await tally(ledger, broadcast.id) == {FAILED: 5, PENDING: 2}
    assert {each.code for each in await ledger.failures(broadcast.id)} == {"content", "stopped"}
    assert {each.reason for each in await ledger.failures(broadcast.id)} == {"too long"}
    assert await tally(ledger, other.id) == {PENDING: 7}


@pytest.mark.parametrize("taken_in", [SENT, PENDING, SENDING, FAILED])
async def test_a_message_that_somebody_took_is_never_stopped(ledger: Ledger, taken_in: DeliveryState) -> None:
    """However many refuse it, and whatever became of the delivery of the chat that took it."""
    first, *others = await pushed_to(ledger, *map(telegram, range(1, 9)), texts=("un", "deux"))
    ids = ("41", "42") if taken_in is SENT else ("41",)
    await ledger.record([Outcome(first.id, taken_in, len(ids), ids, first.due, 0)])
    assert await refused(ledger, *others) is None
    assert not await ledger.is_refused(first.rendering_id, 0)


async def test_the_same_chat_is_one_voice(ledger: Ledger) -> None:
    """Three topics of one odd forum are one chat; and what other refusals say is not about the message."""
    everywhere = [telegram(-1, 1), telegram(-1, 2), telegram(-1, 3), *map(telegram, range(1, 6))]
    one, two, three, *others = by_chat(await pushed_to(ledger, *everywhere))
    assert await refused(ledger, one, two, three) is None
    await ledger.record([failed(each, "refused", "filtered") for each in others[:3]])
    assert await ledger.stop_if_refused(one.rendering_id, 0) is None


@pytest.mark.parametrize("crashed", [False, True])
async def test_a_stop_reaches_what_was_on_its_way(ledger: Ledger, *, crashed: bool) -> None:
    """A message in flight when its rendering stopped is not tried again, by its sender or after a crash."""
    await pushed_to(ledger, *map(telegram, range(1, 5)))
    *refusing, last = await ledger.claim(TELEGRAM, 4)
    await ledger.record([failed(each, "content", "too long") for each in refusing])
    assert await ledger.stop_if_refused(last.rendering_id, 0)
    if crashed:
        await ledger.recover(TELEGRAM, hold=False)
    else:
        await ledger.record([Outcome(last.id, PENDING, 0, (), MONDAY, 1, "not-sent", "no connection")])
    assert await tally(ledger, last.broadcast_id) == {FAILED: 4}
    assert [each.code for each in await ledger.failures(last.broadcast_id)].count("stopped") == 1


async def test_counts_and_failures(ledger: Ledger) -> None:
    """Every state is counted, and who did not get it is named, but those who left."""
    one, two, three, four, _five = await pushed_to(ledger, *map(telegram, range(1, 6)))
    await ledger.record(
        [
            sent(one, "41"),
            failed(two, "closed", "no rights"),
            failed(three, "refused", "a filter"),
            failed(four, "gone", "blocked"),
        ]
    )
    assert await ledger.tally(one.broadcast_id) == {PENDING: 1, SENDING: 0, SENT: 1, FAILED: 3, UNKNOWN: 0}
    by_target = sorted(each.target.chat for each in (two, three))
    assert [failure.target.chat for failure in await ledger.failures(one.broadcast_id)] == by_target


async def test_the_latest_broadcasts(ledger: Ledger) -> None:
    """They come newest first, as many as asked for."""
    for episode in (1205, 1206, 1207):
        await push(ledger, episode=episode)
    assert [broadcast.episode for broadcast in await ledger.broadcasts(2)] == [1207, 1206]
    assert await ledger.broadcast_of(1205, "friday") is None


async def places(ledger: Ledger, episode: int) -> dict[str, int]:
    """Push an episode to everybody, and return the place of each chat in the order in which they get it."""
    broadcast = await push(ledger, episode=episode)
    waiting = [each for each in await due(ledger, limit=100_000) if each.broadcast_id == broadcast.id]
    assert sorted({each.id for each in waiting}) == [each.id for each in waiting]
    return {each.target.chat: place for place, each in enumerate(waiting)}


async def test_nobody_is_always_last(ledger: Ledger) -> None:
    """Every push has an order of its own over all choices, in which each chat is early and late about as often."""
    people, pushes = 30, 24
    everybody = [subscription(telegram(chat), silent=chat % 2 == 0) for chat in range(people)]
    await ledger.subscriptions.save_all(everybody)
    orders = [await places(ledger, episode) for episode in range(1, pushes + 1)]
    assert len({tuple(order) for order in orders}) == pushes
    for chat in range(people):
        got = [order[str(chat)] for order in orders]
        assert min(got) < people / 4 < people * 3 / 4 <= max(got)
        assert people / 4 < sum(got) / pushes < people * 3 / 4


async def test_the_order_of_a_large_audience_goes_by_parts(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    """With more people than parts, neighbours stay together, and the parts go in an order of each push's own."""
    monkeypatch.setattr("bot.storage.opening.BLOCKS", 8)
    await subscribe(ledger, *map(telegram, range(64)))
    orders = [list(await places(ledger, episode)) for episode in range(1, 9)]
    for order in orders:
        assert sorted(map(int, order)) == list(range(64))
        assert sum(int(after) - int(before) != 1 for before, after in itertools.pairwise(order)) <= 8
    assert len({order[-1] for order in orders}) > 2
