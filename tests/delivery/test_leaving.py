"""Leaving and coming back, holidays, and being forgotten, in the ledger."""

from __future__ import annotations

import dataclasses
import datetime as dt
from typing import TYPE_CHECKING

from bot.model.subscription import SubscriptionState
from tests.delivery.ledger_kit import (
    MONDAY,
    TELEGRAM,
    due,
    everything,
    later,
    push,
    rendering,
    sent,
    subscribe,
    subscription,
    telegram,
)

if TYPE_CHECKING:
    from bot.storage.ledger import Ledger
    from tests.delivery.ledger_kit import Clock


async def test_who_left_comes_back_with_the_same_choices(ledger: Ledger) -> None:
    """A whole chat leaves and comes back, threads and all; what is pending for it meanwhile is not sent."""
    here, topic, elsewhere = telegram(-1), telegram(-1, thread=7), telegram(2)
    for target in (here, topic, elsewhere):
        await ledger.subscriptions.save(subscription(target, "tiktok", silent=True))
    await push(ledger)
    assert await ledger.subscriptions.left(here, "kicked")
    assert [each.target for each in await due(ledger)] == [elsewhere]
    assert not await ledger.subscriptions.left(here, "kicked")

    assert await ledger.subscriptions.came_back(here)
    for target in (here, topic):
        assert await ledger.subscriptions.of(target) == [subscription(target, "tiktok", silent=True)]
    assert not await ledger.subscriptions.came_back(here)


async def test_who_unsubscribed_does_not_come_back(ledger: Ledger) -> None:
    """Neither by coming back, nor by leaving first: a way out is for good."""
    await subscribe(ledger, telegram(1), telegram(2))
    await ledger.subscriptions.end(telegram(1), "unsubscribed")
    await ledger.subscriptions.left(telegram(1), "blocked")
    await ledger.subscriptions.left(telegram(2), "blocked")
    await ledger.subscriptions.save(subscription(telegram(2)))
    await ledger.subscriptions.end(telegram(2), "unsubscribed")
    for target in (telegram(1), telegram(2)):
        assert not await ledger.subscriptions.came_back(target)
        assert await ledger.subscriptions.of(target) == []


async def test_nothing_is_pushed_during_a_holiday(ledger: Ledger, clock: Clock) -> None:
    """Until the day comes, to the minute; then pushes go on by themselves."""
    until = clock.now + dt.timedelta(days=7)
    away = dataclasses.replace(subscription(telegram(1)), paused_until=until)
    await ledger.subscriptions.save(away)
    assert await ledger.subscriptions.of(telegram(1)) == [away]
    assert await ledger.choices("monday") == {}
    assert await ledger.subscriptions.count("monday") == 0
    await ledger.subscriptions.save(subscription(telegram(2)))
    await push(ledger, episode=1207)
    assert [each.target for each in await due(ledger)] == [telegram(2)]
    clock.now = until
    await push(ledger, episode=1208)
    assert telegram(1) in [each.target for each in await due(ledger)]


async def test_rich_messages_are_a_choice_of_their_own(ledger: Ledger) -> None:
    """Who chose them gets a rendering of their own."""
    await ledger.subscriptions.save(subscription(telegram(1), rich=True))
    await ledger.subscriptions.save(subscription(telegram(2)))
    plain, rich = await ledger.choices("monday")
    assert (plain.rich, rich.rich) == (False, True)
    await ledger.create_broadcast(
        episode=1207, title="", schedule="monday", due=MONDAY, renderings={rich: rendering("Riche")}
    )
    assert [each.target for each in await due(ledger)] == [telegram(1)]


async def test_what_is_forgotten_is_nowhere_in_the_database(ledger: Ledger) -> None:
    """No table holds the chat's id any more, in whatever state its deliveries were."""
    chat = "-1009876543210"
    one, another, neighbour = telegram(chat), telegram(chat, thread=7), telegram(5)
    await subscribe(ledger, one, another, neighbour)
    await push(ledger)
    first, second, elsewhere = sorted(await due(ledger), key=lambda each: each.target == neighbour)
    await ledger.claim(TELEGRAM, 3)
    await ledger.record([later(second, MONDAY), later(elsewhere, MONDAY)])
    for target in (one, another):
        await ledger.create_single(episode=1207, title="", target=target, rendering=rendering("Encore"))
    await ledger.subscriptions.move(telegram(-5), chat)
    await ledger.record([later(second, MONDAY)._replace(publish="4711")])
    for table in ("subscriptions", "deliveries", "broadcasts", "moves", "publications"):
        assert chat in await everything(ledger, table)
    await ledger.subscriptions.forget(one)
    # What was on its way ends without a trace.
    await ledger.record([sent(first, "1")._replace(publish="1"), later(second, MONDAY)])
    assert [each.target for each in await due(ledger)] == [neighbour]
    assert [each.target for each in await ledger.subscriptions.all()] == [neighbour]
    assert not await ledger.subscriptions.came_back(one)
    assert chat not in await everything(ledger)


async def test_a_declared_channel_that_is_forgotten_stays_out(ledger: Ledger) -> None:
    """The config names its id anyway; without a trace of the declaration the next start would subscribe it again."""
    declared = [subscription(telegram(-1), "tiktok")]
    await ledger.subscriptions.declare(declared)
    await ledger.subscriptions.forget(telegram(-1))
    await ledger.subscriptions.declare(declared)
    assert await ledger.subscriptions.of(telegram(-1)) == []
    (left,) = await ledger.subscriptions.all()
    assert left.choices.topics == ()


async def test_a_forgotten_channel_that_is_declared_by_an_old_id_stays_out_too(ledger: Ledger) -> None:
    """The config goes on naming the group by the id that it had before it became a supergroup."""
    declared = [subscription(telegram(-1))]
    await ledger.subscriptions.declare(declared)
    await ledger.subscriptions.move(telegram(-1), "-1001")
    await ledger.subscriptions.forget(telegram(-1001))
    await ledger.subscriptions.declare(declared)
    assert await ledger.subscriptions.of(telegram(-1)) == []
    assert await ledger.subscriptions.of(telegram(-1001)) == []


async def test_a_declared_channel_that_comes_back_is_active_at_once(ledger: Ledger) -> None:
    """Not as late as the next push, and as one that the bot knows: no greeting is due."""
    await ledger.subscriptions.declare([subscription(telegram(-1))])
    await ledger.subscriptions.left(telegram(-1), "kicked")
    assert await ledger.subscriptions.came_back(telegram(-1))
    assert [each.state for each in await ledger.subscriptions.all()] == [SubscriptionState.ACTIVE]
