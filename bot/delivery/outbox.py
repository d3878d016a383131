"""The outbox: one platform's messages between the ledger and the platform, claimed, sent and settled.

The promise of delivery rests on these rules:

1. A message is marked before it leaves. The outbox hands out a message only after the ledger has marked it as on its
   way, so that a process that dies leaves a trace of each message whose outcome nobody knows.
2. Outcomes are recorded together, and with the next claim, because a transaction costs more than all that is in it.
3. Outcomes that cannot be recorded are kept, and recorded before later ones. Meanwhile no message can be claimed.
4. With `hold`, a message is claimed only when its turn has come. A crash leaves every claimed message in doubt, and
   with `hold` a message in doubt is not sent again.
"""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import logging
import math
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from typing import TYPE_CHECKING

from bot.delivery import retry
from bot.delivery.pacing import Pacer
from bot.model.subscription import PlatformName
from bot.storage.records import Claim, DeliveryRank, LedgerError, Outcome

if TYPE_CHECKING:
    from bot.storage.ledger import Ledger

log = logging.getLogger(__name__)

CLAIM_AHEAD = 0.1
"""Seconds of the pace that are claimed at a time, so that no message waits for the ledger."""
CLAIM_AHEAD_HOLDING = 0.02
"""The same with `hold`: the messages whose turn comes within the time of one transaction."""
MOST_CLAIMS = 200
"""Messages claimed at a time at most: fewer than `BATCH`, so that a claim comes before the outcomes are a batch."""
RECORD_WITHIN = 0.1
"""Seconds after which an outcome is recorded at the latest."""
BATCH = 250
"""Outcomes that are recorded before that time is over."""


class Outbox:
    """The messages of one platform that are claimed and not yet sent, and the outcomes that are not yet recorded.

    Args:
        platform: the platform's name.
        ledger: stores the messages and the outcomes.
        pacer: the platform's pace, which says how many messages to claim.
        clock: the time, aware, in UTC.
        hold: whether a message in doubt stays unsent.
        ranks: returns the ranks of the messages that may leave now.
        on_recorded: called with outcomes after the ledger has them, and with none after a failure to record.
    """

    def __init__(
        self,
        platform: PlatformName,
        ledger: Ledger,
        pacer: Pacer,
        clock: Callable[[], dt.datetime],
        *,
        hold: bool,
        ranks: Callable[[], Sequence[DeliveryRank]],
        on_recorded: Callable[[Sequence[Outcome]], None],
    ) -> None:
        self._platform = platform
        self._ledger = ledger
        self._pacer = pacer
        self._clock = clock
        self._hold = hold
        self._on_recorded = on_recorded
        self._ranks = ranks
        self._claimed: deque[Claim] = deque()
        self._claiming: asyncio.Task[None] | None = None
        self._is_dry = True
        self.until_due = math.inf
        """Seconds until the next message was due when `fetch` last found none."""
        self._outcomes: list[Outcome] = []
        self._at_ledger = asyncio.Lock()
        self._timer: asyncio.TimerHandle | None = None
        self._recording: asyncio.Task[None] | None = None
        self._is_stuck = False

    # Claim

    @property
    def until_turn(self) -> float:
        """Seconds until a message may be claimed: 0 unless a message in doubt stays unsent."""
        return self._pacer.until_free() if self._hold and not self._claimed else 0.0

    async def fetch(self) -> bool:
        """Claim the messages that are due, unless messages are claimed already.

        Returns:
            True if there is a message to take.

        Raises:
            LedgerError: the database cannot be used.
        """
        if not self._claimed and self._claiming is None:
            if self._is_dry:
                due = await self._ledger.next_due(self._platform, self._ranks())
                self.until_due = math.inf if due is None else (due - self._clock()).total_seconds()
            if not self._is_dry or self.until_due <= 0:
                self._claim_soon()
        if not self._claimed:
            await self._until_claimed()
        if not self._claimed and self._is_stuck:
            await self.flush()
        return bool(self._claimed)

    def _batch(self) -> int:
        ahead = CLAIM_AHEAD_HOLDING if self._hold else CLAIM_AHEAD
        return min(MOST_CLAIMS, max(1, round(self._pacer.rate * ahead)))

    def _claim_soon(self) -> None:
        self._claiming = asyncio.create_task(self._claim(), name=f"{self._platform} claims")

    async def _claim(self) -> None:
        batch = self._batch()
        async with self._taking_outcomes() as outcomes:
            claims = await self._ledger.claim(self._platform, batch, outcomes, self._ranks())
        self._is_dry = len(claims) < batch
        self._claimed.extend(claims)
        self._claiming = None

    async def _until_claimed(self) -> None:
        if self._claiming is not None:
            try:
                # Because the task's claims must not be lost, a caller that is cancelled leaves the task running.
                await asyncio.shield(self._claiming)
            except Exception:
                self._claiming = None
                raise

    # Send

    @property
    def first(self) -> Claim | None:
        """The next message, which stays in the outbox; None without any."""
        return self._claimed[0] if self._claimed else None

    def take(self) -> Claim:
        """Hand out the next message, and claim those after it in time."""
        claim = self._claimed.popleft()
        if self._claiming is None and not self._is_dry and not self._hold and len(self._claimed) < self._batch():
            self._claim_soon()
        return claim

    def put_back(self, claim: Claim) -> None:
        """Make the message the next one again."""
        self._claimed.appendleft(claim)

    async def give_back(self) -> None:
        """Return every claimed message to the ledger as if it had never been claimed, and record every outcome.

        Raises:
            LedgerError: the database cannot be used; the outcomes are kept.
        """
        await self._until_claimed()
        while self._claimed:
            self._outcomes.append(retry.give_back(self._claimed.popleft(), self._clock()))
        await self.flush()

    # Settle

    @property
    def is_settled(self) -> bool:
        """Whether every outcome is in the ledger."""
        return not self._outcomes and not self._at_ledger.locked()

    def settle(self, outcome: Outcome) -> None:
        """Record the outcome soon, together with others."""
        self._outcomes.append(outcome)
        if len(self._outcomes) >= BATCH:
            self._record_soon()
        elif self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(RECORD_WITHIN, self._record_soon)

    async def flush(self) -> None:
        """Record every outcome that waits at once.

        Raises:
            LedgerError: the database cannot be used; the outcomes are kept.
        """
        async with self._taking_outcomes() as outcomes:
            if outcomes:
                await self._ledger.record(outcomes)

    @contextlib.asynccontextmanager
    async def _taking_outcomes(self) -> AsyncIterator[Sequence[Outcome]]:
        """Yield the outcomes that wait, for one transaction to record; keep them if it fails."""
        async with self._at_ledger:
            self._stop_timer()
            outcomes, self._outcomes = self._outcomes, []
            try:
                yield outcomes
            except BaseException:
                self._outcomes = [*outcomes, *self._outcomes]
                self._is_stuck = True
                raise
            self._is_stuck = False
        if outcomes:
            self._on_recorded(outcomes)
            if (observer := self._pacer.observer) is not None:
                observer.recorded(outcomes)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _record_soon(self) -> None:
        self._stop_timer()
        if self._recording is None or self._recording.done():
            self._recording = asyncio.create_task(self._record_or_keep(), name=f"{self._platform} outcomes")
        else:
            # Because the running transaction began without the newest outcomes, they wait for the next one.
            self._timer = asyncio.get_running_loop().call_later(RECORD_WITHIN, self._record_soon)

    async def _record_or_keep(self) -> None:
        try:
            await self.flush()
        except LedgerError as error:
            # The next fetch tries again; the worker logs the error of that.
            log.debug("%d outcomes wait to be recorded: %s", len(self._outcomes), error)
            self._on_recorded(())
