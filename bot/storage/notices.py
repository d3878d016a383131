"""Notices to the admins, in the ledger: told once, kept over restarts, delivered like everything else."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from sqlalchemy import String, exists, func, literal, select, update

from bot.model.facts import REPORT, Pushed, Unserved
from bot.model.subscription import PlatformName, Target
from bot.storage import opening
from bot.storage.records import Broadcast, BroadcastKind, BroadcastState, DeliveryState
from bot.storage.tables import broadcasts, deliveries, renderings

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Iterable, Sequence

    from sqlalchemy import Exists
    from sqlalchemy.ext.asyncio import AsyncConnection

    from bot.model.rendering import Rendering
    from bot.storage.database import Database
    from bot.storage.records import Notice

NAMED = 5
"""Targets of one result that a report can name."""


class LedgerNotices:
    """The notices in the ledger. Every method is one transaction.

    All of them raise `LedgerError` when the database cannot be used.
    """

    def __init__(self, database: Database, clock: Callable[[], dt.datetime]) -> None:
        self._database = database
        self._clock = clock

    async def add(self, key: str, notice: Notice, to: Iterable[tuple[Rendering, Sequence[Target]]]) -> bool:
        """Open the notice to these targets, of one platform per rendering; False when one of the key was told before.

        Without any targets it is still kept, for `recap status`.
        """
        now = self._clock()
        async with self._database.writing() as connection:
            broadcast = await opening.add_broadcast(
                connection,
                kind=BroadcastKind.NOTICE,
                episode=notice.episode,
                title=notice.document.title,
                schedule=key,
                text=notice.text,
                due=now,
                again=False,
                now=now,
            )
            if broadcast is not None:
                for rendering, targets in to:
                    await opening.deliver_to_targets(connection, broadcast, targets, rendering)
        return broadcast is not None

    async def has_been_sent(self, key: str) -> dt.datetime | None:
        """When the notice of this key was told; None when it was not."""
        wanted = select(broadcasts.c.created).where(
            broadcasts.c.kind == BroadcastKind.NOTICE, broadcasts.c.schedule == key
        )
        async with self._database.reading() as connection:
            return (await connection.execute(wanted.limit(1))).scalar()

    async def latest(self, limit: int) -> list[Broadcast]:
        """The latest notices, the newest first."""
        wanted = (
            select(broadcasts)
            .where(broadcasts.c.kind == BroadcastKind.NOTICE)
            .order_by(broadcasts.c.id.desc())
            .limit(limit)
        )
        async with self._database.reading() as connection:
            return [Broadcast.of(row) for row in await connection.execute(wanted)]

    async def unreported(self, since: dt.datetime) -> list[Broadcast]:
        """The pushes that ended since then and of which no report was made, the oldest first."""
        report = broadcasts.alias("report")
        has_report = exists().where(
            report.c.kind == BroadcastKind.NOTICE,
            report.c.schedule == literal(REPORT) + broadcasts.c.id.cast(String),
        )
        wanted = (
            select(broadcasts)
            .where(
                broadcasts.c.kind == BroadcastKind.PUSH,
                broadcasts.c.state != BroadcastState.OPEN,
                broadcasts.c.finished >= since,
                ~has_report,
                ~_unfinished(),
            )
            .order_by(broadcasts.c.id)
        )
        async with self._database.reading() as connection:
            return [Broadcast.of(row) for row in await connection.execute(wanted)]

    async def outcome(self, push: Broadcast) -> Pushed:
        """What has become of a push so far."""
        c = deliveries.c
        mine, sort = c.broadcast_id == push.id, (c.platform, c.state, c.code)
        counted = select(*sort, func.count().label("number"), func.max(c.reason).label("reason"))
        named = select(c.platform, c.chat, c.thread).where(mine).order_by(c.id).limit(NAMED)
        served: dict[PlatformName, int] = {}
        unserved = []
        async with self._database.reading() as connection:
            for row in (await connection.execute(counted.where(mine).group_by(*sort).order_by(*sort))).all():
                platform, state = PlatformName(row.platform), DeliveryState(row.state)
                if state is DeliveryState.SENT:
                    served[platform] = served.get(platform, 0) + row.number
                elif state in {DeliveryState.FAILED, DeliveryState.UNKNOWN}:
                    these = named.where(c.platform == platform, c.state == state, c.code == row.code)
                    found = await connection.execute(these)
                    unserved.append(
                        Unserved(
                            platform=platform,
                            code=row.code,
                            reason=row.reason,
                            count=row.number,
                            unknown=state is DeliveryState.UNKNOWN,
                            targets=tuple(Target(platform, one.chat, one.thread) for one in found),
                        )
                    )
        return Pushed(
            broadcast=push.id,
            episode=push.episode,
            schedule=push.schedule,
            took=(push.finished or self._clock()) - push.created,
            stopped=push.reason,
            served=served,
            unserved=tuple(unserved),
        )


async def unname(connection: AsyncConnection, target: Target) -> None:
    """Take a chat's id out of all that the admins were told, and sent there by hand: dots stand in its place.

    They are as many, because a notice may still be on its way, and Telegram counts where its words begin.
    """
    c, name = broadcasts.c, f"{target.platform}:{target.chat}"
    # In Discord's markdown a backslash may stand before the colon, and in JSON two.
    whole = re.compile(rf"({target.platform}\\*:){re.escape(target.chat)}(?!\w)")
    dots = rf"\g<1>{'•' * len(target.chat)}"
    mentions = c.text.contains(name, autoescape=True) | c.schedule.contains(name, autoescape=True)
    named = select(c.id, c.schedule, c.text).where(c.kind != BroadcastKind.PUSH, mentions)
    for row in (await connection.execute(named)).all():
        text, key = row.text and whole.sub(dots, row.text), whole.sub(dots, row.schedule)
        # Two keys may have differed by the id alone.
        key = key if key == row.schedule else f"{key} {row.id}"
        await connection.execute(update(broadcasts).where(c.id == row.id).values(text=text, schedule=key))
        its_own = renderings.c.broadcast_id == row.id
        for rendering in (await connection.execute(select(renderings).where(its_own))).all():
            messages = json.loads(whole.sub(dots, json.dumps(rendering.messages)))
            this = renderings.c.id == rendering.id
            await connection.execute(update(renderings).where(this).values(messages=messages))


def _unfinished() -> Exists:
    """Whether the broadcast has a message under way: a stopped one may, for a moment."""
    return exists().where(
        deliveries.c.broadcast_id == broadcasts.c.id,
        deliveries.c.state.in_((DeliveryState.PENDING, DeliveryState.SENDING)),
    )
