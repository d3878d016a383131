"""Writers on PostgreSQL that meet: a retry that is recorded in the very instant in which somebody ends it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, TypeAlias

import pytest
from sqlalchemy import text

from bot.delivery import retry
from bot.model.codes import Code
from bot.platforms.base import NotSentError
from bot.storage import outcomes
from bot.storage.ledger import Ledger
from bot.storage.records import NEVER
from tests.delivery import postgres
from tests.delivery.ledger_kit import (
    MONDAY,
    PENDING,
    SENDING,
    TELEGRAM,
    failed,
    opened,
    pushed_to,
    tally,
    telegram,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from sqlalchemy import Connection

    from bot.storage.records import Claim

End: TypeAlias = Callable[[Ledger, "Claim"], Awaitable[object]]


async def recall(ledger: Ledger, _claim: Claim) -> None:
    """Recall the newest push."""
    newest = (await ledger.corrections.sent(NEVER))[-1].broadcast
    await ledger.corrections.recall(newest, {})


ENDS: dict[str, End] = {
    "unsubscribe": lambda ledger, claim: ledger.subscriptions.end(claim.target, "unsubscribed"),
    "left": lambda ledger, claim: ledger.subscriptions.left(claim.target, "the bot was removed"),
    "forget": lambda ledger, claim: ledger.subscriptions.forget(claim.target),
    "recall": recall,
    "stop": lambda ledger, claim: ledger.stop_if_refused(claim.rendering_id, claim.position),
}


@pytest.fixture
async def ledgers(postgresql: str) -> AsyncIterator[tuple[Ledger, Ledger]]:
    """The ledgers of two processes on one empty database."""
    postgres.empty(postgresql)
    async with opened(postgresql) as one, opened(postgresql) as other:
        yield one, other


async def met(recording: Ledger, claim: Claim, ending: Awaitable[object]) -> None:
    """Record a retry of the claim, and begin its end before the record is committed."""
    loop, recorded = asyncio.get_running_loop(), asyncio.Event()
    retried = retry.postpone(claim, MONDAY, NotSentError("no connection"))
    waits = text(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        " AND pg_stat_clear_snapshot() IS NOT NULL"
    )

    def record(connection: Connection) -> None:
        outcomes.record(connection, [retried], MONDAY)
        loop.call_soon_threadsafe(recorded.set)
        while not (ended.done() or connection.scalar(waits)):
            connection.execute(text("SELECT pg_stat_clear_snapshot(), pg_sleep(0.002)"))

    async def end() -> None:
        await recorded.wait()
        await ending

    ended = asyncio.create_task(end())
    async with asyncio.timeout(20):
        await asyncio.gather(recording._database.write(record), ended)


@pytest.mark.parametrize("end", ENDS.values(), ids=ENDS)
async def test_a_retry_recorded_in_the_instant_of_its_end_is_not_left_to_be_sent(
    ledgers: tuple[Ledger, Ledger], end: End
) -> None:
    """The end waits for the record and sees it, whatever ends it and from whichever machine."""
    one, other = ledgers
    first, *_others = await pushed_to(one, *map(telegram, range(1, 5)))
    claims = await one.claim(TELEGRAM, 4)
    await one.record([failed(claim, Code.CONTENT, "can't parse entities") for claim in claims[1:]])
    await met(one, claims[0], end(other, claims[0]))
    assert {PENDING, SENDING} & (await tally(one, first.broadcast_id)).keys() == set()
    assert await one.claim(TELEGRAM, 4) == []


async def test_a_claim_takes_no_more_than_it_asks_for_beside_others(ledgers: tuple[Ledger, Ledger]) -> None:
    """Of claims at the same time each gets other messages."""
    one, other = ledgers
    await pushed_to(one, *map(telegram, range(1, 31)))
    taken = await asyncio.gather(*(ledger.claim(TELEGRAM, 7) for ledger in (one, other) * 2))
    assert all(0 < len(claims) <= 7 for claims in taken)
    claimed = [claim.id for claims in taken for claim in claims]
    assert len(set(claimed)) == len(claimed)
