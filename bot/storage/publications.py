"""Messages of announcement channels that are to be passed on to their followers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from sqlalchemy import bindparam, delete, select, update

from bot.model.subscription import PlatformName, Target
from bot.storage.tables import publications

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable

    from sqlalchemy import Row

    from bot.storage.database import Database

_NEXT = (
    select(publications)
    .where(publications.c.platform == bindparam("of_platform"), publications.c.due <= bindparam("now"))
    .order_by(publications.c.due, publications.c.id)
    .limit(1)
)


@dataclass(frozen=True, slots=True)
class Publication:
    """A message that is to be passed on; `attempts` is how often that was tried."""

    id: int
    target: Target
    message_id: str
    attempts: int

    @classmethod
    def of(cls, row: Row[Any]) -> Self:
        """The publication in a row of its table."""
        return cls(row.id, Target(PlatformName(row.platform), row.chat), row.message_id, row.attempts)


class LedgerPublications:
    """The publications in the ledger. Every method is one transaction, and raises `LedgerError` when it cannot be."""

    def __init__(self, database: Database, clock: Callable[[], dt.datetime]) -> None:
        self._database = database
        self._clock = clock

    async def next(self, platform: PlatformName) -> Publication | None:
        """The one that has waited longest of those that may be tried now."""
        async with self._database.reading() as connection:
            row = (await connection.execute(_NEXT, {"of_platform": platform, "now": self._clock()})).one_or_none()
        return None if row is None else Publication.of(row)

    async def over(self, publication: Publication) -> None:
        """It has been passed on, or never will be."""
        async with self._database.writing() as connection:
            await connection.execute(delete(publications).where(publications.c.id == publication.id))

    async def put_off(self, publication: Publication, pause: dt.timedelta, *, whole_channel: bool) -> None:
        """Try it again after the pause; with `whole_channel`, everything else of its channel not before either."""
        due = self._clock() + pause
        this = publications.c.id == publication.id
        there = (publications.c.platform == publication.target.platform) & (
            publications.c.chat == publication.target.chat
        )
        async with self._database.writing() as connection:
            if whole_channel:
                await connection.execute(update(publications).where(there, publications.c.due < due).values(due=due))
            else:
                again = {"due": due, "attempts": publications.c.attempts + 1}
                await connection.execute(update(publications).where(this).values(again))
