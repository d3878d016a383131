"""A push and the people who leave while it is under way: nothing more comes to them, and the report says what is so."""

from __future__ import annotations

import dataclasses
import datetime as dt
import operator
import re
from typing import TYPE_CHECKING, TypeAlias

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import update

from bot.delivery.report import describe
from bot.model.codes import Code, LeftOut
from bot.model.facts import NeedsRestart, Pushed, Unserved
from bot.model.i18n import Language, words
from bot.platforms.base import NotSentError, TargetClosedError, TargetGoneError
from bot.storage.records import BroadcastState, DeliveryState, Notice
from bot.storage.tables import broadcasts, deliveries, renderings
from tests.delivery.ledger_kit import (
    FAILED,
    MONDAY,
    PENDING,
    TELEGRAM,
    due,
    failed,
    later,
    pushed_to,
    rendering,
    sent,
    subscription,
    telegram,
)
from tests.delivery.worker_kit import Round

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from sqlalchemy import Update

    from bot.storage.ledger import Ledger
    from tests.delivery.ledger_kit import Clock

    Act: TypeAlias = Callable[[Ledger], Awaitable[object]]

ADA = telegram(1)
PUSHED = Pushed(7, 1207, "monday", dt.timedelta(seconds=9))
ENGLISH = words(Language.ENGLISH)
BY_TARGET = operator.attrgetter("target")


async def unsubscribe(ledger: Ledger) -> None:
    """Ada has had enough."""
    await ledger.subscriptions.end(ADA, "unsubscribed")


async def leave(ledger: Ledger) -> None:
    """Ada blocks the bot."""
    await ledger.subscriptions.left(ADA, "blocked")


async def go_on_holiday(ledger: Ledger) -> None:
    """Ada presses "Pause"."""
    away = dataclasses.replace(subscription(ADA), paused_until=MONDAY + dt.timedelta(weeks=1))
    await ledger.subscriptions.save(away)


WAYS_OUT = {unsubscribe: Code.ENDED, leave: Code.GONE, go_on_holiday: Code.PAUSED}


async def fate(ledger: Ledger) -> tuple[DeliveryState, str]:
    """The state of Ada's delivery, and its code."""
    statement = deliveries.select().where(deliveries.c.chat == ADA.chat).order_by(deliveries.c.id)
    row = (await ledger._database.rows(statement))[0]
    return row.state, row.code


@pytest.mark.parametrize(("act", "code"), WAYS_OUT.items())
async def test_who_leaves_while_a_message_is_in_flight_gets_no_retry(ledger: Ledger, act: Act, code: Code) -> None:
    """The platform did not take the message, and its people do not want it any more."""
    (delivery,) = await pushed_to(ledger, ADA)
    await ledger.claim(TELEGRAM, 1)
    await act(ledger)
    await ledger.record([later(delivery, MONDAY)])
    assert await fate(ledger) == (FAILED, code)
    assert await ledger.failures(delivery.broadcast_id) == []
    (ended,) = await ledger.finish()
    outcome = await ledger.notices.outcome(ended)
    assert (outcome.failed, outcome.total, outcome.unserved[0].code) == (0, 1, code)


@pytest.mark.parametrize("act", WAYS_OUT)
async def test_the_second_message_does_not_follow_the_first(ledger: Ledger, act: Act) -> None:
    """What is not sent yet is not sent any more."""
    (delivery,) = await pushed_to(ledger, ADA, texts=("1", "2"))
    await ledger.claim(TELEGRAM, 1)
    await act(ledger)
    await ledger.record([later(delivery, MONDAY)._replace(position=1, message_ids=("11",), attempts=0)])
    assert await ledger.claim(TELEGRAM, 9) == []
    assert await ledger.finish()


@pytest.mark.parametrize(("act", "code"), WAYS_OUT.items())
async def test_a_claim_looks_at_the_subscription_too(ledger: Ledger, act: Act, code: Code) -> None:
    """On PostgreSQL a retry may be recorded in the moment in which a subscription ends: neither sees the other."""
    ada, bob = sorted(await pushed_to(ledger, ADA, telegram(2)), key=BY_TARGET)
    await act(ledger)
    skewed = update(deliveries).where(deliveries.c.id == ada.id).values(state=PENDING, code="not-sent")
    await ledger._database.change(skewed)
    assert [claim.target for claim in await ledger.claim(TELEGRAM, 9)] == [bob.target]
    assert await fate(ledger) == (FAILED, code)
    await ledger.record([sent(bob, "1")])
    assert await ledger.finish()


@pytest.mark.parametrize(
    "stop",
    [
        update(renderings).values(refusal="too long"),
        # As version 0.1.0 stopped a push.
        update(broadcasts).values(state=BroadcastState.STOPPED, reason="too long"),
    ],
)
async def test_a_claim_looks_at_the_message_and_the_broadcast_too(ledger: Ledger, stop: Update) -> None:
    """The same with a push that is stopped in that moment."""
    await pushed_to(ledger, ADA)
    await ledger._database.change(stop)
    assert await ledger.claim(TELEGRAM, 9) == []
    assert await fate(ledger) == (FAILED, Code.STOPPED)


async def test_who_resumes_before_their_turn_gets_it(ledger: Ledger) -> None:
    """A pause that is over again before its first push has no effect."""
    await pushed_to(ledger, ADA)
    await go_on_holiday(ledger)
    await ledger.subscriptions.save(subscription(ADA))
    assert [claim.target for claim in await ledger.claim(TELEGRAM, 9)] == [ADA]


async def test_a_notice_and_a_single_send_need_no_subscription(ledger: Ledger) -> None:
    """They go where the admin sends them."""
    await pushed_to(ledger, ADA)
    await unsubscribe(ledger)
    await ledger.create_single(episode=1207, title="", target=ADA, rendering=rendering("À toi"))
    assert [claim.target for claim in await ledger.claim(TELEGRAM, 9)] == [ADA]


async def test_the_worker_does_not_try_again_where_somebody_left(ledger: Ledger, clock: Clock) -> None:
    """The first try finds no connection; before the second one Ada has unsubscribed."""
    at = Round(ledger, clock)
    await pushed_to(ledger, ADA, telegram(2))
    at.carrier.errors["1"] = [NotSentError("no connection")]
    at.carrier.gate.clear()
    async with at.going():
        await at.carrier.begun(2)
        await unsubscribe(ledger)
        at.carrier.gate.set()
        await at.reaches(sent=1, failed=1)
        clock.advance(minutes=10)
        await at.settled()
    assert at.carrier.taken == {"2": ["Bonjour"]}


async def test_who_blocked_the_bot_comes_back_with_their_choices(ledger: Ledger, clock: Clock) -> None:
    """Whether Telegram said it in answer to the push or by itself."""
    at = Round(ledger, clock)
    await pushed_to(ledger, ADA)
    await ledger.create_single(episode=1206, title="", target=telegram(2), rendering=rendering("Autre"))
    at.carrier.errors["1"] = [TargetGoneError("bot was blocked by the user")]
    async with at.going():
        await at.carrier.tried(2)
        await at.settled()
    assert await ledger.subscriptions.of(ADA) == []
    assert await ledger.subscriptions.came_back(ADA)


async def test_a_server_that_threw_the_bot_out_is_told_as_that(ledger: Ledger, clock: Clock) -> None:
    """Its channel refuses the message first; that the bot is out is heard a moment later."""
    at = Round(ledger, clock)
    await pushed_to(ledger, ADA, telegram(2))
    at.carrier.errors["1"] = [TargetClosedError("Missing Access")]
    at.carrier.errors["2"] = [NotSentError("no connection")]
    async with at.going():
        await at.reaches(failed=1, pending=1)
        await ledger.subscriptions.left(ADA, "the bot was removed from the server")
    assert await fate(ledger) == (FAILED, Code.GONE)


async def test_who_got_it_at_a_second_attempt_is_told_as_served(ledger: Ledger) -> None:
    """What `--only failed` has mended is no failure any more: not in the status, not in a late report."""
    ada, bob, eve = sorted(await pushed_to(ledger, ADA, telegram(2), telegram(3)), key=BY_TARGET)
    await ledger.record([failed(ada, "refused", "a filter"), failed(bob, "refused", "a filter"), sent(eve, "3")])
    (first,) = await ledger.finish()
    assert (await ledger.notices.outcome(first)).failed == 2
    await ledger.create_broadcast(
        episode=1207, title="", schedule="monday", due=MONDAY, again=True, only_failed_in=first.id,
        renderings=dict.fromkeys(await ledger.choices("monday"), rendering("Bonjour")),
    )  # fmt: skip
    retried = {each.target: each for each in await due(ledger)}
    assert set(retried) == {ADA, bob.target}
    await ledger.record([sent(retried[ADA], "4"), failed(retried[bob.target], "refused", "a filter")])
    await ledger.finish()
    outcome = await ledger.notices.outcome(first)
    assert (outcome.sent, outcome.mended, outcome.failed, outcome.total) == (1, 1, 1, 3)
    assert [each.target for each in await ledger.failures(first.id)] == [bob.target]
    assert "1 got it at a later attempt." in describe(outcome, ENGLISH).text


async def test_who_had_nothing_to_get_is_counted_too(ledger: Ledger) -> None:
    """On a holiday, paused, or without a subject on their topics: the report says how many."""
    await ledger.subscriptions.save(subscription(telegram(3), "nosuch"))
    silent = [choice for choice in await ledger.choices("monday") if choice.topics]
    await go_on_holiday(ledger)
    await ledger.subscriptions.save(subscription(telegram(2)))
    await ledger.subscriptions.save(subscription(telegram(4)))
    await ledger.subscriptions.end(telegram(4), "unsubscribed")
    choices = [choice for choice in await ledger.choices("monday") if choice not in silent]
    await ledger.create_broadcast(
        episode=1207, title="", schedule="monday", due=MONDAY, renderings=dict.fromkeys(choices, rendering("Bonjour")),
        without=dict.fromkeys(silent, LeftOut.TOPICS),
    )  # fmt: skip
    await ledger.record([sent(each, "1") for each in await due(ledger)])
    (over,) = await ledger.finish()
    outcome = await ledger.notices.outcome(over)
    assert (outcome.total, outcome.subscribed, outcome.unaccounted) == (1, 3, 0)
    assert outcome.left_out == {LeftOut.TOPICS: 1, LeftOut.HOLIDAY: 1}
    assert "1 was left out: its people have paused the pushes." in describe(outcome, ENGLISH).text


async def test_people_who_left_are_not_tried_again(ledger: Ledger) -> None:
    """Not even those who are back: they left, and nobody failed them."""
    await pushed_to(ledger, ADA)
    await leave(ledger)
    (first,) = await ledger.finish()
    await ledger.subscriptions.came_back(ADA)
    assert not await ledger.choices("monday", only_failed_in=first.id)
    assert "--only failed" not in describe(await ledger.notices.outcome(first), ENGLISH).text


async def test_a_report_comes_once_also_when_the_process_is_killed_at_it(ledger: Ledger) -> None:
    """Nobody can tell whether it arrived; `recap status` says the same. A warning comes rather twice than never."""
    report, warning = (
        Notice(describe(fact, ENGLISH).document) for fact in (PUSHED, NeedsRestart("1", ["storage.url"]))
    )
    await ledger.notices.add(PUSHED.key_on(MONDAY.date()), report, [(rendering("Report"), [ADA])])
    await ledger.notices.add("restart 1", warning, [(rendering("Warning"), [ADA])])
    assert len(await ledger.claim(TELEGRAM, 9)) == 2
    assert await ledger.recover(TELEGRAM, hold=False, hold_reports=True) == 2
    (again,) = await ledger.claim(TELEGRAM, 9)
    assert (await ledger.stored(again.rendering_id)).rendering == rendering("Warning")


NEVER_FINAL = {Code.ERROR, Code.MOVED, Code.UNAUTHORISED}
CAUSES = st.lists(
    st.builds(
        Unserved,
        platform=st.just(TELEGRAM),
        code=st.sampled_from(sorted({*Code} - NEVER_FINAL)),
        reason=st.just(""),
        count=st.integers(1, 9999),
        unknown=st.booleans(),
        # Nobody knows who has what was under way when a database was restored, nor who has a recording in doubt.
    ).filter(lambda each: each.unknown or each.code not in {Code.RESTORED, Code.AUDIO}),
    max_size=8,
    unique_by=lambda each: (each.code, each.unknown),
)


@given(served=st.integers(0, 9999), mended=st.integers(0, 99), causes=CAUSES)
def test_the_sums_of_a_report_add_up(served: int, mended: int, causes: list[Unserved]) -> None:
    """Those whom it reached, and those of each line below, are all there are; one cause has one line."""
    push = Pushed(1, 1207, "monday", dt.timedelta(seconds=9), {TELEGRAM: served}, causes, mended=mended)
    title, first, *lines = describe(push, ENGLISH).text.splitlines()
    if not push.total:
        assert "Nobody is subscribed" in first
        return
    assert re.findall(r"\d+", first)[:2] == [str(served), str(push.total)]
    told = [line.removeprefix("Telegram: ") for line in lines if line.removeprefix("Telegram: ")[0].isdecimal()]
    assert sum(int(line.split()[0]) for line in told) == push.total - served
    sentences = [line.partition(" ")[2] for line in told]
    assert len(sentences) == len(set(sentences))
    assert (title != "Episode 1207 has been pushed") == any(
        each.unknown or each.code not in {Code.GONE, Code.ENDED, Code.PAUSED} for each in causes
    )
