"""The files that a platform has, and the deliveries that wait until it has one."""

import datetime as dt
from collections.abc import Collection

from sqlalchemy import Connection, delete, select, update

from bot.model.subscription import PlatformName
from bot.storage.database import LedgerPart, insert
from bot.storage.tables import IS_PENDING, deliveries, uploads


class LedgerUploads(LedgerPart):
    """The uploads in the ledger. Every method is one transaction and may raise `LedgerError`."""

    async def find(self, platform: PlatformName, key: str) -> str | None:
        """Return the platform's id of the file with that key; None if the platform has none."""
        c = uploads.c
        found: str | None = await self._database.scalar(select(c.file_id).where(c.platform == platform, c.key == key))
        return found

    async def keep(self, platform: PlatformName, key: str, file_id: str) -> None:
        """Remember the platform's id of a file."""

        def step(connection: Connection) -> None:
            put = insert(connection, uploads).values(platform=platform, key=key, file_id=file_id)
            changed = {"file_id": file_id}
            connection.execute(put.on_conflict_do_update(index_elements=["platform", "key"], set_=changed))

        await self._database.write(step)

    async def forget(self, platform: PlatformName, key: str) -> None:
        """Forget an id that the platform does not take any more."""
        await self._database.change(delete(uploads).where(uploads.c.platform == platform, uploads.c.key == key))

    async def hold_back(self, rendering_id: int, until: dt.datetime) -> None:
        """Send no first message of the rendering before that time, because its file is on its way."""
        c = deliveries.c
        first = (c.rendering_id == rendering_id, IS_PENDING, c.position == 0, c.due < until)
        await self._database.change(update(deliveries).where(*first).values(due=until))

    async def let_go(self, rendering_ids: Collection[int]) -> None:
        """Send the first messages of the renderings now, because the file is there, or will not be."""
        c, now = deliveries.c, self._clock()
        first = (c.rendering_id.in_(rendering_ids), IS_PENDING, c.position == 0, c.due > now)
        await self._database.change(update(deliveries).where(*first).values(due=now))
