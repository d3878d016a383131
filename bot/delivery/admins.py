"""The notifier: tells the admins, by way of the ledger and the workers, what they must hear."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from bot.storage.records import LedgerError

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Mapping, Sequence

    from bot.delivery.report import Reporter
    from bot.model.subscription import PlatformName, Target
    from bot.platforms.base import Platform
    from bot.storage.ledger import Ledger
    from bot.storage.records import Notice

log = logging.getLogger(__name__)


class AdminNotifier:
    """Tells every notice once, to all admins, and to the log whether there are any or not.

    Args:
        ledger: keeps what was told.
        platforms: render the notices.
        admins: the admins' targets on each platform.
        reporter: writes the reports.
        told: called when something new is to be delivered.
    """

    def __init__(
        self,
        *,
        ledger: Ledger,
        platforms: Mapping[PlatformName, Platform],
        admins: Mapping[PlatformName, Sequence[Target]],
        reporter: Reporter,
        on_new: Callable[[], None] = lambda: None,
    ) -> None:
        self._ledger = ledger
        self._platforms = platforms
        self._admins = admins
        self._on_new = on_new
        self._keys: set[str] = set()
        self.reporter = reporter

    async def tell(self, notice: Notice, *, but: PlatformName | None = None) -> bool:
        """Tell the admins, but not those on the platform that the notice says is out of reach; False: told before.

        A database that cannot be used is no reason to fail: the log has it then.
        """
        if notice.key in self._keys:
            # The clock looks every minute, and asks no database about what it has told.
            return False
        to = [
            (self._platforms[name].render(notice.document), list(dict.fromkeys(targets)))
            for name, targets in self._admins.items()
            if targets and name != but and name in self._platforms
        ]
        try:
            is_new = await self._ledger.notices.add(notice, to)
        except LedgerError as error:
            log.warning("%s (the admins cannot be told: %s)", notice.text, error)
            return False
        self._keys.add(notice.key)
        if is_new:
            log.log(logging.WARNING if notice.alarming else logging.INFO, "%s", notice.text)
            self._on_new()
        return is_new

    async def report(self, since: dt.datetime) -> None:
        """Tell what became of the pushes that have ended since then and were not reported yet.

        Raises:
            LedgerError: the database cannot be used.
        """
        for push in await self._ledger.notices.unreported(since):
            await self.tell(self.reporter.pushed(await self._ledger.notices.outcome(push)))
