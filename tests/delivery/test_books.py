"""The books of a push: each subscription of its schedule is in the report, whatever happens meanwhile."""

from __future__ import annotations

import asyncio
import dataclasses
import datetime as dt
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import delete

from bot.delivery.report import describe
from bot.model.codes import Code, LeftOut
from bot.model.i18n import Language, words
from bot.model.subscription import SubscriptionState
from bot.storage.records import DeliveryState, Outcome
from bot.storage.tables import deliveries
from tests.delivery.ledger_kit import (
    MONDAY,
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
    from collections.abc import Callable

    from bot.model.facts import Pushed
    from bot.model.subscription import Subscription, Target
    from bot.storage.ledger import Ledger
    from bot.storage.records import Delivery

ENGLISH = words(Language.ENGLISH)
CHANNEL, ADA = telegram(-100), telegram(1)


def declared(target: Target, state: SubscriptionState = SubscriptionState.ACTIVE) -> Subscription:
    """A subscription as the config declares it."""
    return dataclasses.replace(subscription(target), state=state)


async def books(ledger: Ledger) -> Pushed:
    """Close the latest push, and return its outcome."""
    await ledger.finish()
    (over, *_) = await ledger.broadcasts(1)
    return await ledger.notices.outcome(over)


@pytest.mark.parametrize("code", [Code.GONE, Code.NOT_FOUND])
async def test_a_declared_channel_that_is_not_reached_is_in_every_report_until_it_is(
    ledger: Ledger, code: Code
) -> None:
    """Each push tries it, so that its mending needs no command; people who leave are not tried again."""
    await ledger.subscriptions.declare([declared(CHANNEL)])
    await subscribe(ledger, ADA)
    for episode in (1207, 1208):
        await push(ledger, episode=episode)
        for delivery in await due(ledger):
            await ledger.record([failed(delivery, code, "the bot is not in it")])
            lose = ledger.subscriptions.left if code is Code.GONE else ledger.subscriptions.lost
            await lose(delivery.target, "the bot is not in it")
        outcome = await books(ledger)
        assert (outcome.failed, outcome.unaccounted) == (1 if code is Code.GONE or episode > 1207 else 2, 0)
        assert (
            "1 of the config cannot be reached (the bot is not in it). It is tried again at each push. (telegram:-100)"
            in describe(outcome, ENGLISH).text
        )
    await push(ledger, episode=1209)
    (delivery,) = await due(ledger)
    await ledger.record([sent(delivery, "1")])
    assert (await books(ledger)).sent == 1
    (channel,) = await ledger.subscriptions.of(CHANNEL)
    assert channel.state is SubscriptionState.ACTIVE


async def test_a_name_that_nobody_knows_is_tried_and_told_until_it_is_known(ledger: Ledger) -> None:
    """Then its number takes its place, and the name is no failure any more."""
    name = telegram("@nosuch")
    await ledger.subscriptions.declare([declared(name, SubscriptionState.PAUSED)])
    await push(ledger)
    (delivery,) = await due(ledger)
    assert delivery.target == name
    await ledger.record([failed(delivery, Code.NOT_FOUND, "chat not found")])
    await ledger.subscriptions.lost(name, "chat not found")
    assert (await books(ledger)).unserved[0].code == Code.UNREACHED
    await ledger.subscriptions.declare([declared(CHANNEL)])
    await push(ledger, episode=1208)
    assert [each.target for each in await due(ledger)] == [CHANNEL]


async def test_a_declared_channel_that_stays_closed_goes_on_being_told(ledger: Ledger) -> None:
    """For weeks; only what people subscribed themselves ends then."""
    await ledger.subscriptions.declare([declared(CHANNEL)])
    await subscribe(ledger, ADA)
    for target in (CHANNEL, ADA):
        await ledger.subscriptions.pause(target, "no right")
    assert [each.target for each in await ledger.subscriptions.end_paused(MONDAY)] == [ADA]
    await push(ledger)
    assert [each.target for each in await due(ledger)] == [CHANNEL]


async def test_people_who_unsubscribe_where_the_config_declares_it_are_left_alone(ledger: Ledger) -> None:
    """Their choice is no mistake of the config."""
    await ledger.subscriptions.declare([declared(CHANNEL)])
    await ledger.subscriptions.end(CHANNEL, "unsubscribed")
    await ledger.subscriptions.left(CHANNEL, "kicked")
    await push(ledger)
    assert await due(ledger) == []


async def test_sums_that_do_not_add_up_say_so(ledger: Ledger) -> None:
    """A delivery that is gone without a trace is a subscriber of whom nobody knows anything."""
    ada, _bob = await pushed_to(ledger, ADA, telegram(2))
    await ledger._database.change(delete(deliveries).where(deliveries.c.id == ada.id))
    await ledger.record([sent(each, "1") for each in await due(ledger)])
    outcome = await books(ledger)
    assert outcome.unaccounted == 1
    assert "there were 2 subscriptions, and 1 of them are not accounted for" in describe(outcome, ENGLISH).text


PEOPLE = [telegram(number) for number in range(1, 8)]
ANSWERS: dict[str, Callable[[Delivery], Outcome]] = {
    "sent": lambda each: sent(each, "1", "2"),
    "failed": lambda each: failed(each, Code.REFUSED, "a filter"),
    "unknown": lambda each: Outcome(each.id, DeliveryState.UNKNOWN, 2, ("1", None), MONDAY, 0),
    "later": lambda each: later(each, MONDAY),
}
FATES = (*ANSWERS, "unsubscribe", "leave", "lost", "forget", "move", "holiday")


@given(
    kinds=st.lists(st.sampled_from(["all", "topics", "off", "paused", "holiday", "ended", "declared"]), max_size=7),
    fates=st.lists(st.tuples(st.integers(0, 6), st.sampled_from(FATES)), max_size=12),
)
def test_the_books_balance_whatever_happens(kinds: list[str], fates: list[tuple[int, str]]) -> None:
    """Sent, left out, ended, failed and unknown are together the subscriptions of the schedule."""
    asyncio.run(_balance(kinds, fates))


async def _balance(kinds: list[str], fates: list[tuple[int, str]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        async with opened(Path(folder)) as ledger:
            people = PEOPLE[: len(kinds)]
            for target, kind in zip(people, kinds, strict=True):
                await _subscribe(ledger, target, kind)
            choices = await ledger.choices("monday")
            without = {
                each: LeftOut.TOPICS if each.topics == ("nosuch",) else LeftOut.OFF for each in choices if each.topics
            }
            chosen = [each for each in choices if not each.topics]
            await ledger.create_broadcast(
                episode=1207, title="", schedule="monday", due=MONDAY,
                renderings=dict.fromkeys(chosen, rendering("1", "2")), without=without,
            )  # fmt: skip
            for index, fate in fates:
                if index < len(people):
                    await _befall(ledger, people[index], fate)
                (under_way, *_) = await ledger.broadcasts(1)
                assert (await ledger.notices.outcome(under_way)).unaccounted == 0
            while waiting := await due(ledger):
                await ledger.record([sent(each, "1", "2") for each in waiting])
            outcome = await books(ledger)
            assert outcome.unfinished == 0
            assert outcome.unaccounted == 0
            assert outcome.subscribed == sum(kind != "ended" for kind in kinds)
            told = sum(outcome.results.values()) + sum(outcome.left_out.values())
            assert told == outcome.subscribed


async def _subscribe(ledger: Ledger, target: Target, kind: str) -> None:
    topics = {"topics": ("nosuch",), "off": ("off",)}.get(kind, ())
    made = subscription(target, *topics)
    if kind == "holiday":
        made = dataclasses.replace(made, paused_until=MONDAY + dt.timedelta(days=9))
    await ledger.subscriptions.save(made)
    if kind == "paused":
        await ledger.subscriptions.pause(target, "no right")
    if kind == "ended":
        await ledger.subscriptions.end(target, "unsubscribed")


async def _befall(ledger: Ledger, target: Target, fate: str) -> None:
    subscriptions = ledger.subscriptions
    match fate:
        case "unsubscribe":
            await subscriptions.end(target, "unsubscribed")
        case "leave":
            await subscriptions.left(target, "blocked")
        case "lost":
            await subscriptions.lost(target, "chat not found")
        case "forget":
            await subscriptions.forget(target)
        case "move":
            await subscriptions.move(target, str(int(target.chat) % 7 + 1))
        case "holiday":
            for each in await subscriptions.of(target):
                away = dataclasses.replace(each, paused_until=MONDAY + dt.timedelta(days=9))
                await subscriptions.save(away)
        case _:
            waiting = [each for each in await due(ledger) if each.target == target]
            await ledger.record(list(map(ANSWERS[fate], waiting)))
