"""The recorder: what became of the messages is written down soon, together, and all of it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from bot.delivery.recorder import Recorder
from bot.storage.records import DeliveryState, Outcome
from tests.delivery.ledger_kit import MONDAY

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pytest


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


def outcome(number: int) -> Outcome:
    """The delivery has arrived."""
    return Outcome(number, DeliveryState.SENT, 1, ("7",), MONDAY, attempts=0)


async def test_what_comes_while_others_are_written_down_is_written_down_next(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without anything that happens besides: at the end of a push nothing does."""
    monkeypatch.setattr("bot.delivery.recorder.RECORD_WITHIN", 0.0)
    ledger = SlowLedger()
    recorder = Recorder(ledger, lambda _outcomes: None)  # type: ignore[arg-type]  # all that it does is record
    recorder.add(outcome(1))
    await ledger.begun.wait()
    for number in range(2, 6):
        recorder.add(outcome(number))
        for _ in range(10):
            await asyncio.sleep(0)
    ledger.disk.set()
    async with asyncio.timeout(5), ledger.changed:
        await ledger.changed.wait_for(lambda: len(ledger.recorded) >= 5)
    assert ledger.recorded == [1, 2, 3, 4, 5]
