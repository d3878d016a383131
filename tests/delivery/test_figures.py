"""The figures: sums by day that name nobody, told back week by week, and the results of a year of pushes."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections import Counter
from typing import TYPE_CHECKING, Any
from unittest.mock import AsyncMock

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bot.model.figures import KEPT, WEEKS, Counted, Figures, Group, Kind, Sum
from bot.model.subscription import SubscriptionState, Target
from bot.storage.ledger import Ledger
from bot.storage.records import LedgerError
from bot.storage.tables import metadata
from tests.delivery.ledger_kit import (
    DISCORD,
    MONDAY,
    TELEGRAM,
    Clock,
    due,
    everything,
    failed,
    opened,
    push,
    sent,
    subscribe,
    subscription,
    tally,
    telegram,
)

if TYPE_CHECKING:
    from pathlib import Path

    from sqlalchemy import Connection

PRIVATE, SHARED = Group(TELEGRAM, Kind.PRIVATE), Group(TELEGRAM, Kind.SHARED)
PUSHES = 16
"""A year and more of pushes, every four weeks."""
TIKTOK = Sum(Counted.TOPIC, TELEGRAM, "tiktok")


async def test_who_joins_and_leaves_is_told_by_week_platform_and_kind(ledger: Ledger, clock: Clock) -> None:
    """Each week has its end, the newest that of today; what came before the first count is told of no week."""
    await subscribe(ledger, telegram(1), telegram(2), Target(DISCORD, "3"))
    clock.advance(days=7)
    await ledger.subscriptions.end(telegram(1), "unsubscribed")
    await ledger.subscriptions.left(telegram(2), "blocked", is_person=True)
    await subscribe(ledger, telegram(4))
    clock.advance(days=7)
    await ledger.subscriptions.came_back(telegram(2))
    first, second, third = (await ledger.figures.all()).weeks
    on_discord = Group(DISCORD, Kind.SHARED)
    assert first.monday == MONDAY.date()
    assert (first.subscriptions, first.joined, first.left) == (
        {SHARED: 2, on_discord: 1},
        {SHARED: 2, on_discord: 1},
        {},
    )
    assert (second.subscriptions, second.joined, second.left) == ({SHARED: 1, on_discord: 1}, {SHARED: 1}, {SHARED: 2})
    assert (third.subscriptions, third.joined, third.left) == ({SHARED: 2, on_discord: 1}, {SHARED: 1}, {})


async def test_a_place_that_turns_out_to_be_private_changes_its_kind_alone(ledger: Ledger) -> None:
    """Nobody has come or gone."""
    await ledger.subscriptions.save(subscription(telegram(1)))
    known = (await ledger.subscriptions.all())[0]
    await ledger.subscriptions.save(type(known)(known.target, known.schedule, is_private=True))
    (week,) = (await ledger.figures.all()).weeks
    assert (week.subscriptions, week.joined, week.left) == ({PRIVATE: 1}, {PRIVATE: 1}, {})


async def test_two_chats_that_become_one_leave_one_subscription(ledger: Ledger) -> None:
    """The other one has ended."""
    await subscribe(ledger, telegram(1), telegram(2))
    await ledger.subscriptions.move(telegram(1), "2")
    (week,) = (await ledger.figures.all()).weeks
    assert (week.subscriptions, week.joined, week.left) == ({SHARED: 1}, {SHARED: 2}, {SHARED: 1})


async def test_a_forgotten_chat_is_in_no_figure(ledger: Ledger, clock: Clock) -> None:
    """As if it had never come: its beginning, its end, its topics, and its deliveries."""
    await subscribe(ledger, telegram(1))
    before = (await ledger.figures.all()).weeks
    await ledger.subscriptions.save(subscription(telegram(2), "tiktok"))
    await subscribe(ledger, telegram(3))
    await push(ledger)
    clock.advance(days=1)
    await ledger.subscriptions.end(telegram(3), "unsubscribed")
    for chat in (2, 3):
        await ledger.subscriptions.forget(telegram(chat))
    after = await ledger.figures.all()
    assert after.weeks == before
    assert after.followers == {}
    (pushed,) = after.pushes
    assert (pushed.left_out, sum((pushed.results or {}).values())) == (2, 0)


async def test_no_figure_holds_a_chat(ledger: Ledger) -> None:
    """The tables of sums have no number of anybody, before and after."""
    await ledger.subscriptions.save(subscription(telegram(987654321), "tiktok"))
    ledger.figures.count(TIKTOK)
    await ledger.figures.save()
    kept = await everything(ledger, "figures")
    assert "tiktok" in kept
    assert "987654321" not in kept
    assert "tiktok" not in await everything(ledger, "broadcasts")


async def test_commands_and_topics_are_counted_by_day(ledger: Ledger, clock: Clock) -> None:
    """In memory until they are saved, all at once; a database that takes nothing loses none."""
    for what in (Sum(Counted.ASKED, TELEGRAM, "topic"), TIKTOK, TIKTOK):
        ledger.figures.count(what)
    with pytest.MonkeyPatch.context() as trouble:
        trouble.setattr(ledger.figures._database, "write", AsyncMock(side_effect=LedgerError("the disk is full")))
        with pytest.raises(LedgerError):
            await ledger.figures.save()
    await ledger.figures.save()
    clock.advance(days=1)
    ledger.figures.count(Sum(Counted.ASKED, DISCORD, "latest"))
    assert (await ledger.figures.all()).asked == {"tiktok": 2}
    await ledger.figures.save()
    await ledger.figures.save()
    figures = await ledger.figures.all()
    day = MONDAY.date()
    assert figures.commands == {day: {"topic": 1}, day + dt.timedelta(days=1): {"latest": 1}}


async def test_topics_have_their_followers(ledger: Ledger) -> None:
    """Those that people chose, the most followed first, then those that they only asked for."""
    await ledger.subscriptions.save(subscription(telegram(1), "tiktok", "meta"))
    await ledger.subscriptions.save(subscription(telegram(2), "meta"))
    await ledger.subscriptions.save(subscription(telegram(3), "netflix"))
    await ledger.subscriptions.end(telegram(3), "unsubscribed")
    for topic in ("x", "netflix", "netflix"):
        ledger.figures.count(Sum(Counted.TOPIC, TELEGRAM, topic))
    await ledger.figures.save()
    figures = await ledger.figures.all()
    assert (figures.followers, figures.asked) == ({"meta": 2, "tiktok": 1}, {"x": 1, "netflix": 2})
    assert figures.topics == ["meta", "tiktok", "netflix", "x"]


async def test_a_year_of_pushes_keeps_its_results_when_the_deliveries_are_gone(tmp_path: Path) -> None:
    """Each push with its outcome and its length; the sums of a day leave after two years."""
    async with opened(tmp_path, clock := Clock()) as ledger:
        await a_year_of_pushes(ledger, clock)


async def a_year_of_pushes(ledger: Ledger, clock: Clock) -> None:
    """Push every four weeks to two chats, of which one refuses; the first pushes are too old to be told."""
    await subscribe(ledger, telegram(1), telegram(2))
    pushes = []
    for number in range(PUSHES):
        pushes.append(await push(ledger, episode=1207 + number))
        one, other = await due(ledger)
        clock.advance(seconds=90)
        await ledger.record([sent(one, "1"), failed(other, "refused", "no")])
        await ledger.finish()
        clock.advance(weeks=4)
    before = await ledger.figures.all()
    await ledger.prune()
    assert await tally(ledger, pushes[0].id) == {}
    figures = await ledger.figures.all()
    assert figures == before
    assert [each.episode for each in figures.pushes] == [*range(1207 + PUSHES - 12, 1207 + PUSHES)]
    assert {each.took for each in figures.pushes} == {dt.timedelta(seconds=90)}
    results = {"sent": 1, "sent later": 0, "failed": 1, "unknown": 0, "not wanted any more": 0}
    assert [each.results for each in figures.pushes] == [results] * 12
    assert len(figures.weeks) == WEEKS
    clock.now = MONDAY + KEPT + dt.timedelta(days=1)
    await ledger.prune()
    assert await everything(ledger, "figures") == ""


MOVES = st.lists(
    st.tuples(
        st.sampled_from(
            ["join", "join elsewhere", "end", "left", "back", "lost", "move", "declare", "close", "forget"]
        ),
        st.integers(1, 3),
        st.integers(0, 9),
    ),
    max_size=8,
)


@pytest.fixture
def anew(tmp_path: Path) -> Any:  # noqa: ANN401 - a function of a test
    """Run on an empty ledger with its clock."""
    with asyncio.Runner() as runner:
        clock = Clock()
        ledger = runner.run(Ledger.open(f"sqlite:///{tmp_path / 'recap.db'}", clock))

        def empty(connection: Connection) -> None:
            for table in reversed(metadata.sorted_tables):
                connection.execute(table.delete())

        def run(test: Any) -> None:  # noqa: ANN401 - a coroutine function
            clock.now = MONDAY
            runner.run(ledger._database.write(empty))
            runner.run(test(ledger, clock))

        yield run
        runner.run(ledger.close())


async def make(ledger: Ledger, move: str, chat: int) -> None:
    """Let a chat come or go in one of the ways that there are."""
    subscriptions, target = ledger.subscriptions, telegram(chat)
    match move:
        case "join":
            await subscriptions.save(subscription(target))
        case "join elsewhere":
            await subscriptions.save(subscription(target, schedule="friday"))
        case "end":
            await subscriptions.end(target, "", schedule="monday")
        case "left" | "lost":
            await getattr(subscriptions, move)(target, "")
        case "back":
            await subscriptions.came_back(target)
        case "move":
            await subscriptions.move(target, str(chat % 3 + 1))
        case "declare":
            await subscriptions.declare([subscription(target)])
        case "forget":
            await subscriptions.forget(target)
        case "close":
            await subscriptions.pause(target, "")
            await subscriptions.end_paused(ledger.clock())


def test_the_sums_are_what_the_subscriptions_became(anew: Any) -> None:  # noqa: ANN401 - see there
    """In any order: those that came less those that went are there, and a forgotten chat takes no other along."""

    @settings(max_examples=15, deadline=None)
    @given(MOVES)
    @example([("join", 1, 1), ("end", 1, 7), ("join", 1, 7), ("forget", 1, 0)])
    def in_any_order(moves: list[tuple[str, int, int]]) -> None:
        async def test(ledger: Ledger, clock: Clock) -> None:
            ends: dict[dt.date, int] = {}
            # One that stays, and from which nobody's forgotten moves may take anything away.
            await make(ledger, "join", 9)
            for move, chat, days in moves:
                await make(ledger, move, chat)
                live = sum(each.state is not SubscriptionState.ENDED for each in await ledger.subscriptions.all())
                ends[clock.now.date() - dt.timedelta(days=clock.now.weekday())] = live
                clock.advance(days=days)
            figures: Figures = await ledger.figures.all()
            told = {week.monday: sum(week.subscriptions.values()) for week in figures.weeks}
            if all(move != "forget" for move, _chat, _days in moves):
                assert {monday: told.get(monday, 0) for monday in ends} == ends
            assert min(told.values()) >= 1
            joined, left = (
                sum((Counter(getattr(week, name)) for week in figures.weeks), Counter()) for name in ("joined", "left")
            )
            assert joined.total() - left.total() == sum(figures.weeks[-1].subscriptions.values())

        anew(test)

    in_any_order()


async def test_a_ledger_of_before_begins_with_what_it_has(ledger: Ledger) -> None:
    """Subscriptions that nobody counted are there in the first week that is told."""
    await subscribe(ledger, telegram(1))
    await ledger._database.write(lambda connection: connection.execute(metadata.tables["figures"].delete()))
    (week,) = (await ledger.figures.all()).weeks
    assert (week.subscriptions, week.joined) == ({SHARED: 1}, {})
    assert await due(ledger) == []
