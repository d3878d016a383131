"""The ledger's deliveries: claimed once, the longest waiting first, recorded, and recovered after a crash."""

from __future__ import annotations

import dataclasses
import datetime as dt
from typing import TYPE_CHECKING

import pytest
from sqlalchemy.engine import make_url

from bot.storage.outcomes import IN_FRONT, _claim_of
from bot.storage.records import Claim, DeliveryRank, Outcome
from tests.delivery.ledger_kit import (
    DISCORD,
    MONDAY,
    PENDING,
    SENDING,
    SENT,
    TELEGRAM,
    UNKNOWN,
    Clock,
    due,
    later,
    push,
    pushed_to,
    rendering,
    sent,
    subscribe,
    tally,
    telegram,
)

if TYPE_CHECKING:
    from bot.storage.ledger import Ledger


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
    assert await due(ledger) == []
    assert await ledger.next_due(TELEGRAM) == MONDAY + dt.timedelta(seconds=10)
    clock.advance(seconds=20)
    assert [delivery.id for delivery in await due(ledger)] == [two.id, one.id]
    assert [delivery.id for delivery in await due(ledger, TELEGRAM, limit=1)] == [two.id]


async def test_a_recap_is_read_as_one(ledger: Ledger, clock: Clock) -> None:
    """First what is for one alone, then further messages, then first ones whose turn had come, then the others."""
    begun, tried, waiting, troubled = await pushed_to(ledger, *map(telegram, range(1, 5)), texts=("a", "b"))
    clock.advance(seconds=9)
    alone = await ledger.create_single(episode=1, title="", target=telegram(5), rendering=rendering("c"))
    assert alone is not None
    await ledger.record(
        [
            later(tried, clock())._replace(attempts=IN_FRONT),
            Outcome(begun.id, PENDING, 1, ("41",), clock(), 0),
            later(troubled, clock())._replace(position=1, message_ids=("41",), attempts=IN_FRONT + 1),
        ]
    )
    (single,) = [each for each in await due(ledger) if each.broadcast_id == alone.id]
    in_order = [single.id, begun.id, tried.id, waiting.id, troubled.id]
    assert [each.id for each in await due(ledger)] == in_order
    assert [claim.id for claim in await ledger.claim(TELEGRAM, 2)] == in_order[:2]
    assert [claim.id for claim in await ledger.claim(TELEGRAM, 9)] == in_order[2:]


async def test_what_is_for_one_alone_stays_first(ledger: Ledger) -> None:
    """However often it was tried."""
    (other,) = await pushed_to(ledger, telegram(1))
    await ledger.create_single(episode=1, title="", target=telegram(5), rendering=rendering("c"))
    single, _other = await due(ledger)
    await ledger.record([later(single, MONDAY)._replace(attempts=IN_FRONT + 1), later(other, MONDAY)])
    assert [each.id for each in await due(ledger)] == [single.id, other.id]


async def test_the_soonest_of_any_rank_is_waited_for(ledger: Ledger) -> None:
    """The next one due is found whatever its rank."""
    ranks = await pushed_to(ledger, *map(telegram, range(1, 4)), texts=("a", "b"))
    for number, delivery in enumerate(ranks):
        later_by = MONDAY + dt.timedelta(seconds=90)
        await ledger.record([later(each, later_by)._replace(position=each is ranks[0]) for each in ranks])
        await ledger.record([later(delivery, MONDAY + dt.timedelta(seconds=number))])
        assert await ledger.next_due(TELEGRAM) == MONDAY + dt.timedelta(seconds=number)


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
        Claim(one.id, 1, one.target, rendering_id=1, position=0, message_ids=(), attempts=1, code="", publish=False)
    ]
    assert [claim.id for claim in await ledger.claim(TELEGRAM, 10)] == [two.id]
    assert await ledger.claim(TELEGRAM, 10) == []
    assert await due(ledger) == []
    assert await ledger.next_due(TELEGRAM) is None
    await ledger.recover(TELEGRAM, hold=False)
    assert [claim.attempts for claim in await ledger.claim(TELEGRAM, 10)] == [2, 2]


@pytest.mark.parametrize("url", ["sqlite://", "postgresql+psycopg://"])
def test_the_words_of_a_claim_are_made_once(url: str) -> None:
    """No list in the statement is of another length each time, because SQLAlchemy would write it anew at each claim."""
    dialect = make_url(url).get_dialect()()
    assert not _claim_of(tuple(DeliveryRank)).compile(dialect=dialect).post_compile_params


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
    moment = MONDAY - dt.timedelta(seconds=1)
    outcome = Outcome(one.id, PENDING, 1, ("41",), moment, 2, "not-sent", "no connection")
    await ledger.record([outcome])
    changed = dataclasses.replace(
        one, position=1, message_ids=("41",), due=moment, attempts=2, code="not-sent", reason="no connection"
    )
    assert await due(ledger) == [changed, other]
    await ledger.record([sent(one, "41", "42")])
    assert await due(ledger) == [other]
    assert await tally(ledger, one.broadcast_id) == {SENT: 1, PENDING: 1}


async def test_recording_nothing_changes_nothing(ledger: Ledger) -> None:
    """A sender whose batch is empty need not look first."""
    before = await pushed_to(ledger, telegram(1))
    await ledger.record([])
    assert await due(ledger) == before


async def test_what_was_in_flight_is_sent_again(ledger: Ledger) -> None:
    """Without hold, the same message is pending again, and it shows that nobody knows whether it had arrived."""
    one, two = await pushed_to(ledger, telegram(1), telegram(2), texts=("a", "b"))
    await ledger.claim(TELEGRAM, 1)
    assert await ledger.recover(TELEGRAM, hold=False) == 1
    again, untouched = await due(ledger)
    assert (again.id, again.position, again.message_ids, again.code) == (one.id, 0, (), "unknown")
    assert untouched == two
    assert await ledger.recover(TELEGRAM, hold=False) == 0


async def test_what_was_in_flight_is_held_back(ledger: Ledger) -> None:
    """With hold, a delivery goes on behind the message in flight, or ends as unknown if that was its last."""
    one, two = await pushed_to(ledger, telegram(1), telegram(2), texts=("a", "b"))
    await ledger.record([Outcome(two.id, PENDING, 1, ("41",), MONDAY, 0)])
    await ledger.claim(TELEGRAM, 2)
    assert await ledger.recover(TELEGRAM, hold=True) == 2
    (goes_on,) = await due(ledger)
    assert (goes_on.id, goes_on.position, goes_on.message_ids, goes_on.attempts) == (one.id, 1, (None,), 0)
    (over,) = await ledger.failures(two.broadcast_id)
    assert (over.id, over.state, over.message_ids, over.code) == (two.id, UNKNOWN, ("41", None), "unknown")


async def test_one_platform_recovers_its_own(ledger: Ledger) -> None:
    """A platform that starts later, or twice, takes nothing from one that is sending."""
    (delivery,) = await pushed_to(ledger, telegram(1))
    await ledger.claim(TELEGRAM, 1)
    assert await ledger.recover(DISCORD, hold=False) == 0
    assert await tally(ledger, delivery.broadcast_id) == {SENDING: 1}
