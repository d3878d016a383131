"""The outbox: messages are claimed ahead or not, and what became of them is recorded together, soon, and all of it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from bot.delivery.outbox import Outbox
from bot.delivery.pacing import Pacer
from bot.storage.records import DeliveryRank, DeliveryState, LedgerError, Outcome
from tests.delivery.ledger_kit import MONDAY, TELEGRAM, Clock, push, subscribe, tally, telegram
from tests.delivery.worker_kit import failing_once
from tests.waiting import PATIENCE

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from bot.storage.ledger import Ledger


def outbox(
    ledger: Ledger,
    clock: Clock,
    *,
    rate: int = 200,
    hold: bool = False,
    pacer: Pacer | None = None,
    on_recorded: Callable[[Sequence[Outcome]], None] = lambda _outcomes: None,
) -> Outbox:
    """An outbox of that pace."""
    return Outbox(
        platform=TELEGRAM,
        ledger=ledger,
        pacer=pacer or Pacer(rate),
        clock=clock,
        hold=hold,
        ranks=lambda: tuple(DeliveryRank),
        on_recorded=on_recorded,
    )


def sent(delivery_id: int) -> Outcome:
    """The delivery has arrived."""
    return Outcome(delivery_id, DeliveryState.SENT, 1, ("7",), MONDAY, attempts=0)


async def settled() -> None:
    """Let every task go on until it waits for the ledger's disk."""
    for _ in range(10):
        await asyncio.sleep(0)


async def pushed(ledger: Ledger, people: int) -> int:
    """Open a push to so many people; its id."""
    await subscribe(ledger, *map(telegram, range(1, people + 1)))
    return (await push(ledger)).id


@pytest.mark.parametrize(("hold", "rate", "claimed"), [(False, 200, 40), (True, 1000, 20)])
async def test_with_hold_nothing_is_claimed_ahead(
    ledger: Ledger, clock: Clock, *, hold: bool, rate: int, claimed: int
) -> None:
    """Twenty at a time. Without `hold` the next twenty are claimed before these have left, with it they are not."""
    broadcast = await pushed(ledger, 60)
    box = outbox(ledger, clock, rate=rate, hold=hold)
    assert await box.fetch()
    assert await tally(ledger, broadcast) == {"sending": 20, "pending": 40}
    box.take()
    await box._until_claimed()
    assert await tally(ledger, broadcast) == {"sending": claimed, "pending": 60 - claimed}


async def test_with_hold_a_message_is_claimed_when_its_turn_has_come(ledger: Ledger, clock: Clock) -> None:
    """Only where nothing is claimed yet: what is claimed must go out as soon as it can."""
    await pushed(ledger, 1)
    pacer = Pacer(1)
    held, free = (outbox(ledger, clock, hold=hold, pacer=pacer) for hold in (True, False))
    assert (held.until_turn, free.until_turn) == (0.0, 0.0)
    assert pacer.turn_at_once(telegram(9)) is not None
    assert held.until_turn > 0.0
    assert free.until_turn == 0.0
    assert await held.fetch()
    assert held.until_turn == 0.0


async def test_what_was_given_back_is_as_if_it_had_never_been_claimed(ledger: Ledger, clock: Clock) -> None:
    """The attempt does not count, and what was taken is still on its way."""
    broadcast = await pushed(ledger, 3)
    box = outbox(ledger, clock)
    assert await box.fetch()
    first = box.take()
    await box.give_back()
    assert box.first is None
    assert await tally(ledger, broadcast) == {"sending": 1, "pending": 2}
    assert {claim.attempts for claim in await ledger.claim(TELEGRAM, 3)} == {first.attempts}


async def test_a_claim_records_what_waits_in_its_own_transaction(
    ledger: Ledger, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of the two, neither happens without the other; what could not be recorded is recorded by the next claim."""
    broadcast = await pushed(ledger, 2)
    box = outbox(ledger, clock, rate=10)
    recorded = failing_once(monkeypatch, "record")
    assert await box.fetch()
    box.settle(sent(box.take().id))
    troubles = failing_once(monkeypatch, "claim")
    with pytest.raises(LedgerError):
        await box.fetch()
    assert not troubles
    assert await tally(ledger, broadcast) == {"sending": 1, "pending": 1}
    assert await box.fetch()
    assert box.is_settled
    assert await tally(ledger, broadcast) == {"sending": 1, "sent": 1}
    assert recorded, "the claims have recorded it, and nothing else"


@pytest.mark.parametrize("at_once", [False, True])
async def test_what_could_not_be_recorded_is_recorded_by_the_next_look(
    ledger: Ledger, clock: Clock, monkeypatch: pytest.MonkeyPatch, *, at_once: bool
) -> None:
    """Also when nothing else happens any more: at the end of a push nothing does."""
    monkeypatch.setattr("bot.delivery.outbox.RECORD_WITHIN", 0.0)
    broadcast = await pushed(ledger, 1)
    failed = asyncio.Event()
    box = outbox(ledger, clock, on_recorded=lambda outcomes: None if outcomes else failed.set())
    assert await box.fetch()
    troubles = failing_once(monkeypatch, "record")
    box.settle(sent(box.take().id))
    if at_once:
        with pytest.raises(LedgerError):
            await box.flush()
    else:
        async with asyncio.timeout(PATIENCE):
            await failed.wait()
    assert not troubles
    assert await tally(ledger, broadcast) == {"sending": 1}
    assert not await box.fetch()
    assert box.is_settled
    assert await tally(ledger, broadcast) == {"sent": 1}


class SlowLedger:
    """A ledger whose disk takes its time."""

    def __init__(self) -> None:
        self.recorded: list[int] = []
        self.changed = asyncio.Condition()
        self.begun = asyncio.Event()
        self.disk = asyncio.Event()

    async def record(self, outcomes: Sequence[Outcome]) -> None:
        """Write them down when the disk is ready."""
        self.begun.set()
        await self.disk.wait()
        self.recorded += [outcome.delivery_id for outcome in outcomes]
        async with self.changed:
            self.changed.notify_all()


async def test_what_comes_while_others_are_written_down_is_written_down_next(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without anything that happens besides: at the end of a push nothing does."""
    monkeypatch.setattr("bot.delivery.outbox.RECORD_WITHIN", 0.0)
    ledger = SlowLedger()
    box = outbox(ledger, clock)  # type: ignore[arg-type]  # all that it does is record
    box.settle(sent(1))
    await ledger.begun.wait()
    for number in range(2, 6):
        box.settle(sent(number))
        await settled()
    ledger.disk.set()
    async with asyncio.timeout(PATIENCE), ledger.changed:
        await ledger.changed.wait_for(lambda: len(ledger.recorded) >= 5)
    assert ledger.recorded == [1, 2, 3, 4, 5]
