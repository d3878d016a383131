"""Outcomes on their way into the ledger: recorded together, because a transaction costs more than all that is in it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from typing import TYPE_CHECKING

from bot.storage.records import LedgerError, Outcome

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence

    from bot.storage.ledger import Ledger

log = logging.getLogger(__name__)

RECORD_WITHIN = 0.1
"""Seconds after which an outcome is recorded at the latest."""
BATCH = 250
"""Outcomes that are recorded at once, before that time is over."""


class Recorder:
    """Collects outcomes and records them.

    What cannot be recorded is kept and recorded with the next ones.

    Args:
        ledger: takes them.
        recorded: called with outcomes that the ledger has now.
    """

    def __init__(self, ledger: Ledger, recorded: Callable[[Sequence[Outcome]], None]) -> None:
        self._ledger = ledger
        self._recorded = recorded
        self._outcomes: list[Outcome] = []
        self._at_ledger = asyncio.Lock()
        self._timer: asyncio.TimerHandle | None = None
        self._flushing: asyncio.Task[None] | None = None
        self._is_stuck = False

    @property
    def is_stuck(self) -> bool:
        """Whether outcomes are kept because recording them failed."""
        return self._is_stuck and bool(self._outcomes)

    @property
    def is_empty(self) -> bool:
        """Whether every outcome is in the ledger."""
        return not self._outcomes and not self._at_ledger.locked()

    def add(self, outcome: Outcome) -> None:
        """Record the outcome soon, together with others."""
        self._outcomes.append(outcome)
        if len(self._outcomes) >= BATCH:
            self._flush_soon()
        elif self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(RECORD_WITHIN, self._flush_soon)

    async def add_now(self, outcome: Outcome) -> None:
        """Record the outcome, and all that wait, at once.

        Raises:
            LedgerError: the database cannot be used; the outcome is kept.
        """
        self._outcomes.append(outcome)
        await self.flush()

    async def flush(self) -> None:
        """Record all that wait.

        Raises:
            LedgerError: the database cannot be used; they are kept.
        """
        async with self.taking() as outcomes:
            if outcomes:
                await self._ledger.record(outcomes)

    @contextlib.asynccontextmanager
    async def taking(self) -> AsyncIterator[Sequence[Outcome]]:
        """The outcomes that wait, for a transaction that records them; they are kept when that fails."""
        async with self._at_ledger:
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None
            outcomes, self._outcomes = self._outcomes, []
            try:
                yield outcomes
            except BaseException:
                self._outcomes = [*outcomes, *self._outcomes]
                raise
        if outcomes:
            self._recorded(outcomes)

    def _flush_soon(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._flushing is None or self._flushing.done():
            self._flushing = asyncio.create_task(self._flush_kept(), name="outcomes")
        else:
            # The one under way took what there was when it began; what has come since waits for the next.
            self._timer = asyncio.get_running_loop().call_later(RECORD_WITHIN, self._flush_soon)

    async def _flush_kept(self) -> None:
        try:
            await self.flush()
        except LedgerError as error:
            # Whoever is woken meets the same trouble, and says so.
            self._is_stuck = True
            log.debug("%d outcomes wait to be recorded: %s", len(self._outcomes), error)
            self._recorded(())
