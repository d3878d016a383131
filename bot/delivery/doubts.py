"""The doubts about messages: one that several chats refuse and none takes is stopped for all others."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from typing import TYPE_CHECKING

from bot.model.facts import MessageRefused, Tell
from bot.storage.records import EPISODES, Claim

if TYPE_CHECKING:
    from bot.model.subscription import PlatformName
    from bot.storage.ledger import Ledger

log = logging.getLogger(__name__)


class Doubts:
    """The renderings on one platform with a message that chats refuse, of which nothing leaves meanwhile.

    `flush` records the outcomes of what has been sent, and `tell` hears of messages that are refused for good.
    """

    def __init__(
        self, platform: PlatformName, ledger: Ledger, flush: Callable[[], Awaitable[None]], tell: Tell
    ) -> None:
        self._platform = platform
        self._ledger = ledger
        self._flush = flush
        self._tell = tell
        self._renderings: set[int] = set()
        self._under_way: Counter[int] = Counter()
        self._answered = asyncio.Event()

    def __contains__(self, rendering_id: int) -> bool:
        return rendering_id in self._renderings

    @contextlib.contextmanager
    def awaiting(self, rendering_id: int) -> Iterator[None]:
        """Count a message of the rendering as on its way in the context."""
        self._under_way[rendering_id] += 1
        try:
            yield
        finally:
            self._under_way[rendering_id] -= 1
            self._answered.set()

    async def judge(self, claim: Claim) -> None:
        """Stop the rendering if several chats have refused the message and, of all to whom it went, none takes it.

        Raises:
            LedgerError: the database cannot be used.
        """
        if not await self._ledger.is_refused(claim.rendering_id, claim.position):
            return
        # Because a chat may still take a message that is on its way, those are awaited, and no other leaves meanwhile.
        self._renderings.add(claim.rendering_id)
        try:
            while self._under_way[claim.rendering_id]:
                self._answered.clear()
                await self._answered.wait()
            await self._flush()
            refused = await self._ledger.stop_if_refused(claim.rendering_id, claim.position)
            if not await self._ledger.is_refused(claim.rendering_id, claim.position):
                self._renderings.discard(claim.rendering_id)
        except BaseException:
            self._renderings.discard(claim.rendering_id)
            raise
        if refused is not None:
            push, reason, left_out = refused
            log.error("%s refuses the message itself: %s", self._platform, reason)
            if push.kind in EPISODES:
                await self._tell(MessageRefused(push.id, push.episode, self._platform, reason, left_out))

    def clear(self) -> None:
        """Forget all doubts, because no broadcast is open any more."""
        self._renderings.clear()
        self._under_way.clear()
