"""The files of messages: each goes up to the platform once, with the first message that has it, and then by its id.

While a file goes up, other messages with it wait in the ledger, so that they hold up nobody without it.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import functools
import logging
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from bot.model.rendering import Upload
from bot.model.subscription import PlatformName
from bot.platforms.base import FloodError, Post, SendError, StaleFileError, UploadRefusedError
from bot.storage.records import LedgerError

if TYPE_CHECKING:
    from bot.storage.ledger import Ledger

log = logging.getLogger(__name__)

HELD_BACK = dt.timedelta(seconds=30)
"""Time for which messages wait for a file that goes up, and wait again if it still does. Because a process that dies
lets go of none, it is short."""
MOST_FAILURES = 5
"""Failures of a file after which all get the fallback: with growing pauses, about a minute of a recap's delay."""


class Uploads:
    """The files of one platform's messages. Nothing of them but failures is lost at a restart.

    `flush` records every outcome that waits.
    """

    def __init__(
        self,
        platform: PlatformName,
        ledger: Ledger,
        clock: Callable[[], dt.datetime],
        flush: Callable[[], Awaitable[None]],
    ) -> None:
        self._platform = platform
        self._ledger = ledger
        self._clock = clock
        self._flush = flush
        self._known: dict[str, str] = {}
        self._under_way: set[str] = set()
        self._held_back: defaultdict[str, dict[int, dt.datetime]] = defaultdict(dict)
        self._failures: Counter[str] = Counter()

    async def has_gone_up(self, key: str) -> bool:
        """Return whether the platform has the file.

        Raises:
            LedgerError: the database cannot be used.
        """
        if key not in self._known and (found := await self._ledger.uploads.find(self._platform, key)) is not None:
            self._known[key] = found
        return key in self._known

    def is_given_up(self, key: str) -> bool:
        """Return whether the file failed for good or too often."""
        return self._failures[key] >= MOST_FAILURES

    async def wait_for(self, key: str, rendering_id: int) -> dt.datetime | None:
        """Hold the rendering's first messages back while the file goes up; return until when, or None if it does not.

        Raises:
            LedgerError: the database cannot be used.
        """
        if key not in self._under_way:
            return None
        held, now = self._held_back[key], self._clock()
        if rendering_id not in held or held[rendering_id] <= now:
            held[rendering_id] = now + HELD_BACK
            await self._ledger.uploads.hold_back(rendering_id, held[rendering_id])
        # The file may have come meanwhile.
        return held[rendering_id] if key in self._under_way else now

    def begin(self, upload: Upload | None) -> str | None:
        """Note that the file goes up with a message; return its key, or None without a file or with a known one."""
        if upload is None or upload.key in self._known:
            return None
        self._under_way.add(upload.key)
        return upload.key

    async def end(self, key: str) -> None:
        """Note that the file does not go up any more, and let go of the messages that wait for it."""
        self._under_way.discard(key)
        if held := self._held_back.pop(key, None):
            # Where the database is in trouble, they go when they have waited long enough.
            with contextlib.suppress(LedgerError):
                # Because some may just have been given back, the ledger gets them first; else it would not let them go.
                await self._flush()
                await self._ledger.uploads.let_go(list(held))

    def with_file(self, post: Post) -> Post:
        """Return the post with the platform's id of its file; without one, as the one with which the file goes up."""
        if (upload := post.message.upload) is None:
            return post
        return post._replace(file_id=self._known.get(upload.key), keep=functools.partial(self._keep, upload.key))

    async def _keep(self, key: str, file_id: str) -> None:
        """Remember the platform's id of a file that has gone up."""
        self._known[key] = file_id
        try:
            await self._ledger.uploads.keep(self._platform, key, file_id)
        except LedgerError as error:
            log.warning(
                "%s: a file's id is not kept, so that it goes up again after a restart: %s", self._platform, error
            )

    async def note(self, key: str, error: SendError) -> bool:
        """Note a failure of a message with the file; return True if the file has just been given up."""
        if isinstance(error, StaleFileError):
            self._known.pop(key, None)
            with contextlib.suppress(LedgerError):
                await self._ledger.uploads.forget(self._platform, key)
            return False
        if key in self._known or isinstance(error, FloodError) or self.is_given_up(key):
            # Because the platform has the file, or asks for a pause, this is no failure of the file.
            return False
        self._failures[key] += MOST_FAILURES if isinstance(error, UploadRefusedError) else 1
        return self.is_given_up(key)
