"""The messages of announcement channels that are to be passed on to the channels that follow."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from sqlalchemy import bindparam, delete, select, update

from bot.model.subscription import Target
from bot.storage.tables import is_in_chat, publications

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable

    from sqlalchemy import Row

    from bot.model.subscription import PlatformName
    from bot.storage.database import Database

_NEXT = (
    select(publications)
    .where(publications.c.platform == bindparam("of_platform"), publications.c.due <= bindparam("now"))
    .order_by(publications.c.due, publications.c.id)
    .limit(1)
)
_OF_ID = publications.c.id == bindparam("of_id")
_REMOVE = delete(publications).where(_OF_ID)
_PUT_OFF = update(publications).values(due=bindparam("until"))
_PUT_OFF_ONE = _PUT_OFF.where(_OF_ID).values(attempts=publications.c.attempts + 1)
_PUT_OFF_SOONER = _PUT_OFF.where(publications.c.due < bindparam("until"))


@dataclass(frozen=True, slots=True)
class Publication:
    """A message that is to be passed on; `attempts` counts the tries so far."""

    id: int
    target: Target
    message_id: str
    attempts: int

    @classmethod
    def of(cls, row: Row[Any]) -> Self:
        """Return the publication in a row of its table."""
        return cls(row.id, Target(row.platform, row.chat), row.message_id, row.attempts)


class LedgerPublications:
    """The publications in the ledger. Every method is one transaction and may raise `LedgerError`."""

    def __init__(self, database: Database, clock: Callable[[], dt.datetime]) -> None:
        self._database = database
        self._clock = clock

    async def next(self, platform: PlatformName) -> Publication | None:
        """Return the publication that has waited longest of those that may be tried now."""
        which = {"of_platform": platform, "now": self._clock()}
        row = await self._database.read(lambda connection: connection.execute(_NEXT, which).one_or_none())
        return None if row is None else Publication.of(row)

    async def over(self, publication: Publication) -> None:
        """Remove a publication that was passed on or never will be."""
        await self._database.write(lambda connection: connection.execute(_REMOVE, {"of_id": publication.id}))

    async def put_off(self, publication: Publication, pause: dt.timedelta, *, whole_channel: bool) -> None:
        """Try the publication again after the pause; with `whole_channel`, all of its channel not before either."""
        values: dict[str, object] = {"until": self._clock() + pause}
        put_off = _PUT_OFF_SOONER.where(is_in_chat(publications, publication.target))
        if not whole_channel:
            put_off, values = _PUT_OFF_ONE, {**values, "of_id": publication.id}
        await self._database.write(lambda connection: connection.execute(put_off, values))
