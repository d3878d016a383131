"""The feed in the ledger, so that every process and every restart shows the same texts."""

from sqlalchemy import Connection, select

from bot.model.feed import FeedVisit, KnownFeed
from bot.storage.database import LedgerPart, insert
from bot.storage.tables import feed


class LedgerFeed(LedgerPart):
    """The feed in the ledger. Every method is one transaction and may raise `LedgerError`."""

    async def visit(self) -> FeedVisit:
        """Return the last request to the feed."""
        return FeedVisit.model_validate(await self._database.scalar(select(feed.c.visit)) or {})

    async def note(self, visit: FeedVisit) -> None:
        """Remember the request."""
        await self._keep(visit=visit.model_dump(mode="json"))

    async def known(self, before: KnownFeed) -> KnownFeed:
        """Return all that is known of the feed; the same object if nothing is new since `before`."""
        if await self._database.scalar(select(feed.c.version)) in {None, before.version}:
            return before
        return KnownFeed.model_validate(await self._database.scalar(select(feed.c.known)))

    async def keep(self, known: KnownFeed) -> None:
        """Remember this of the feed."""
        await self._keep(version=known.version, known=known.model_dump(mode="json"))

    async def _keep(self, **values: object) -> None:
        def step(connection: Connection) -> None:
            put = insert(connection, feed).values({"id": 1, "visit": {}, "version": 0, "known": {}} | values)
            connection.execute(put.on_conflict_do_update(index_elements=["id"], set_=values))

        await self._database.write(step)
