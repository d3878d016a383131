"""The messages of announcement channels that are to be passed on to the channels that follow."""

import datetime as dt
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Table, Update, delete, func, select, update

from bot.model.subscription import PlatformName, Target
from bot.storage.database import LedgerPart
from bot.storage.tables import is_in_chat, publications


@dataclass(frozen=True, slots=True)
class Publication:
    """A message that is to be passed on; `attempts` counts the tries so far."""

    id: int
    target: Target
    message_id: str
    attempts: int


class LedgerPublications(LedgerPart):
    """The publications in the ledger. Every method is one transaction and may raise `LedgerError`."""

    async def next(self, platform: PlatformName) -> Publication | None:
        """Return the publication that has waited longest of those that may be tried now."""
        c = publications.c
        due = select(publications).where(c.platform == platform, c.due <= self._clock())
        rows = await self._database.rows(due.order_by(c.due, c.id).limit(1))
        found = (Publication(row.id, Target(row.platform, row.chat), row.message_id, row.attempts) for row in rows)
        return next(found, None)

    async def waiting(self) -> int:
        """Return how many messages are not yet passed on."""
        return await self._database.scalar(select(func.count()).select_from(publications)) or 0

    async def done(self, publication: Publication) -> None:
        """Remove a publication that was passed on."""
        await self._database.change(delete(publications).where(publications.c.id == publication.id))

    async def drop(self, publication: Publication) -> None:
        """Remove a publication that never will be passed on."""
        await self.done(publication)

    async def put_off(self, publication: Publication, pause: dt.timedelta, *, whole_channel: bool) -> None:
        """Try the publication again after the pause; with `whole_channel`, all of its channel not before either."""
        this = publications.c.id == publication.id
        which = is_in_chat(publications, publication.target) if whole_channel else this
        await self._database.change(putting_off(publications, which, self._clock() + pause, is_tried=not whole_channel))


def putting_off(table: Table, which: ColumnElement[bool], until: dt.datetime, *, is_tried: bool) -> Update:
    """Return the statement that puts these off, and brings none forward; one that `is_tried` counts the attempt."""
    c = table.c
    return update(table).where(which, c.due < until).values(due=until, attempts=c.attempts + int(is_tried))
