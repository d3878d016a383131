"""Queue of updates for `getUpdates`."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections import deque
from collections.abc import Callable, Collection
from http import HTTPStatus
from typing import TYPE_CHECKING

from bot.sandbox.shared.changes import Changes
from bot.sandbox.telegram.errors import ApiError

if TYPE_CHECKING:
    from bot.sandbox.shared.webserver import Json

KEPT = dt.timedelta(hours=24)
"""Time for which the server keeps an unfetched update."""
UPDATES_MAX = 100
"""Updates in one answer."""
_FIRST_ID = 100_000_001
_TERMINATED = "Conflict: terminated by other getUpdates request; make sure that only one bot instance is running"

_WEBHOOK = (
    "Conflict: can't use getUpdates method while webhook is active; use deleteWebhook to delete the webhook first"
)


class UpdateQueue:
    """Updates that no `getUpdates` with a higher offset has confirmed.

    Unlike the real server, the queue answers the first of two polls at once, not after three seconds.
    """

    def __init__(self, clock: Callable[[], dt.datetime], changes: Changes) -> None:
        self._clock = clock
        self._changes = changes
        self._queue: deque[tuple[dt.datetime, int, Json]] = deque()
        self.next_id = _FIRST_ID
        self._allowed: Collection[str] = ()
        self._poll: asyncio.Future[None] | None = None
        self.webhook = ""
        """The address of a webhook that another program has set, beside which no poll is answered."""

    @property
    def pending(self) -> list[Json]:
        """The unconfirmed updates."""
        return [update for *_, update in self._queue]

    @property
    def polled(self) -> bool:
        """Whether a poll is waiting for updates."""
        return self._poll is not None

    def set_webhook(self, address: str) -> None:
        """Send the updates to an address of another program from now on, and end the poll that waits."""
        self.webhook = address
        if self._poll is not None and not self._poll.done():
            self._poll.set_exception(ApiError(HTTPStatus.CONFLICT, _WEBHOOK))

    def push(self, kind: str, content: Json) -> None:
        """Queue an update if the bot has asked for its kind."""
        if self._allowed and kind not in self._allowed:
            return
        self.push_as_is({"update_id": self.next_id, kind: content})

    def push_as_is(self, update: Json) -> None:
        """Queue an update as it is, however odd. The queue counts it as `next_id`, also without that number in it."""
        self._queue.append((self._clock(), self.next_id, update))
        self.next_id += 1
        if self._poll is not None and not self._poll.done():
            self._poll.set_result(None)

    async def poll(self, offset: int, limit: int, timeout: float, allowed: Collection[str] | None) -> list[Json]:  # noqa: ASYNC109 - the parameter's name in the API
        """Return the updates from `offset` on, at the first one or after the time-out; confirm those before.

        `allowed` are the kinds to queue from now on: None changes nothing, and an empty list is the default.

        Raises:
            ApiError: another poll began meanwhile, or there is a webhook.
        """
        if self.webhook:
            raise ApiError(HTTPStatus.CONFLICT, _WEBHOOK)
        self._confirm(offset)
        if allowed is not None:
            self._allowed = allowed
        if not self._queue and timeout > 0:
            await self._wait(timeout)
        return [update for *_, update in self._queue][:limit]

    def _confirm(self, offset: int) -> None:
        before = len(self._queue)
        oldest = self._clock() - KEPT
        while self._queue and (self._queue[0][1] < offset or self._queue[0][0] < oldest):
            self._queue.popleft()
        if len(self._queue) != before:
            self._changes.notify()

    async def _wait(self, seconds: float) -> None:
        if self._poll is not None and not self._poll.done():
            self._poll.set_exception(ApiError(HTTPStatus.CONFLICT, _TERMINATED))
        poll = self._poll = asyncio.get_running_loop().create_future()
        self._changes.notify()
        try:
            async with asyncio.timeout(seconds):
                await poll
        except TimeoutError:
            return
        finally:
            if self._poll is poll:
                self._poll = None
                self._changes.notify()
