"""What a worker has claimed and not begun to send: fetched ahead, so that no message has to wait for the ledger."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable

    from bot.delivery.pacing import Pacer
    from bot.delivery.recorder import Recorder
    from bot.model.subscription import PlatformName
    from bot.storage.ledger import Ledger
    from bot.storage.records import Claim

CLAIM_AHEAD = 0.1
"""Seconds of the pace that are claimed at a time."""
CLAIM_AHEAD_HOLDING = 0.02
"""The same where a message in doubt is held back: what a crash finds claimed, nobody gets. None are fetched early."""
MOST_CLAIMS = 200
"""Messages that are claimed at a time at most: fewer than the outcomes that are recorded at a time, because a claim
records those there are, and then one transaction does for both."""


class Claims:
    """The claimed messages of one platform, those that wait longest first.

    Args:
        platform: whose they are.
        ledger: where they are claimed.
        recorder: what it has is recorded with each claim.
        pacer: how many are wanted.
        clock: the time, aware, in UTC.
        holds: whether a message in doubt is held back now.
    """

    def __init__(
        self,
        *,
        platform: PlatformName,
        ledger: Ledger,
        recorder: Recorder,
        pacer: Pacer,
        clock: Callable[[], dt.datetime],
        holds: Callable[[], bool],
    ) -> None:
        self._platform = platform
        self._ledger = ledger
        self._recorder = recorder
        self._pacer = pacer
        self._clock = clock
        self._holds = holds
        self._claimed: deque[Claim] = deque()
        self._refill: asyncio.Task[None] | None = None
        self._dry = True
        self.until_due: float | None = None
        """Seconds until something was due when `fetch` last found nothing; None when nothing was there at all."""

    def __len__(self) -> int:
        return len(self._claimed)

    @property
    def first(self) -> Claim:
        """The next message, which stays here."""
        return self._claimed[0]

    def take(self) -> Claim:
        """The next message; the ones after it are fetched in time."""
        claim = self._claimed.popleft()
        if self._refill is None and not self._dry and len(self._claimed) < MOST_CLAIMS:
            self._fetch_ahead()
        return claim

    def put_back(self, claim: Claim) -> None:
        """Have the message be the next again."""
        self._claimed.appendleft(claim)

    def drain(self) -> list[Claim]:
        """All of them; none is here any more."""
        claims = list(self._claimed)
        self._claimed.clear()
        return claims

    async def fetch(self) -> bool:
        """See to it that what is due is here; whether there is any.

        Raises:
            LedgerError: the database cannot be used.
        """
        if not self._claimed and self._refill is None and not (self._dry and await self._nothing_is_due()):
            self._start_refill()
        if not self._claimed:
            await self.settle()
        return bool(self._claimed)

    async def settle(self) -> None:
        """Wait until nothing is being claimed.

        Raises:
            LedgerError: the database cannot be used.
        """
        if self._refill is not None:
            try:
                # Not cancelled with whoever waits for it: what it claims must not be forgotten.
                await asyncio.shield(self._refill)
            except Exception:
                self._refill = None
                raise

    @property
    def _batch(self) -> int:
        ahead = CLAIM_AHEAD_HOLDING if self._holds() else CLAIM_AHEAD
        return min(MOST_CLAIMS, max(1, round(self._pacer.rate * ahead)))

    async def _nothing_is_due(self) -> bool:
        due = await self._ledger.next_due(self._platform)
        self.until_due = None if due is None else (due - self._clock()).total_seconds()
        return self.until_due is None or self.until_due > 0

    def _fetch_ahead(self) -> None:
        if len(self._claimed) < self._batch and not self._holds():
            self._start_refill()

    def _start_refill(self) -> None:
        self._refill = asyncio.create_task(self._claim(), name=f"{self._platform} claims")

    async def _claim(self) -> None:
        batch = self._batch
        async with self._recorder.taking() as outcomes:
            claims = await self._ledger.claim(self._platform, batch, outcomes)
        self._dry = len(claims) < batch
        self._claimed.extend(claims)
        self._refill = None
