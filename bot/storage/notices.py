"""The notices to the admins: kept once over restarts, and delivered like every other broadcast."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from sqlalchemy import String, bindparam, exists, func, literal, select, update

from bot.model.facts import REPORT, Pushed, Unserved
from bot.storage import opening
from bot.storage.records import Broadcast, BroadcastKind, BroadcastState, DeliveryState, target_of
from bot.storage.tables import BROADCAST_IS_UNFINISHED, broadcasts, deliveries, renderings

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Iterable, Sequence

    from sqlalchemy import Connection, Select

    from bot.model.rendering import Rendering
    from bot.model.subscription import PlatformName, Target
    from bot.storage.database import Database
    from bot.storage.records import Notice

NAMED = 5
"""Targets of one result that a report can name."""

_IS_NOTICE = broadcasts.c.kind == BroadcastKind.NOTICE
_TOLD_AT = select(broadcasts.c.created).where(_IS_NOTICE, broadcasts.c.key == bindparam("of_key")).limit(1)
_LATEST = select(broadcasts).where(_IS_NOTICE).order_by(broadcasts.c.id.desc()).limit(bindparam("most"))
_REPORTS = broadcasts.alias()
_HAS_REPORT = exists().where(
    _REPORTS.c.kind == BroadcastKind.NOTICE, _REPORTS.c.key == literal(REPORT) + broadcasts.c.id.cast(String)
)
_UNREPORTED = (
    select(broadcasts)
    .where(
        broadcasts.c.kind == BroadcastKind.PUSH,
        broadcasts.c.state != BroadcastState.OPEN,
        broadcasts.c.finished >= bindparam("since"),
        ~_HAS_REPORT,
        ~BROADCAST_IS_UNFINISHED,
    )
    .order_by(broadcasts.c.id)
)
_RESULT = (deliveries.c.platform, deliveries.c.state, deliveries.c.code)
_RESULTS = (
    select(*_RESULT, func.count().label("number"), func.max(deliveries.c.reason).label("reason"))
    .where(deliveries.c.broadcast_id == bindparam("of_broadcast"))
    .group_by(*_RESULT)
    .order_by(*_RESULT)
)
_WITH_RESULT: Select[Any] = (
    select(deliveries.c.platform, deliveries.c.chat, deliveries.c.thread)
    .where(
        deliveries.c.broadcast_id == bindparam("of_broadcast"),
        *(column == bindparam(f"with_{column.name}") for column in _RESULT),
    )
    .order_by(deliveries.c.id)
    .limit(NAMED)
)


class LedgerNotices:
    """The notices in the ledger. Every method is one transaction and may raise `LedgerError`."""

    def __init__(self, database: Database, clock: Callable[[], dt.datetime]) -> None:
        self._database = database
        self._clock = clock

    async def add(self, key: str, notice: Notice, to: Iterable[tuple[Rendering, Sequence[Target]]]) -> bool:
        """Open the notice to these targets, of one platform per rendering.

        Without any targets, the notice is kept for `recap status`.

        Returns:
            False if a notice with the key was added before.
        """
        now = self._clock()
        return await self._database.write(lambda connection: _add(connection, key, notice, to, now))

    async def has_been_sent(self, key: str) -> dt.datetime | None:
        """Return when the notice with this key was added; None if never."""
        return await self._database.read(lambda connection: connection.scalar(_TOLD_AT, {"of_key": key}))

    async def latest(self, limit: int) -> list[Broadcast]:
        """Return the latest notices, the newest first."""
        rows = await self._database.read(lambda connection: connection.execute(_LATEST, {"most": limit}).all())
        return list(map(Broadcast.of, rows))

    async def unreported(self, since: dt.datetime) -> list[Broadcast]:
        """Return the pushes that ended since then and have no report, the oldest first."""
        rows = await self._database.read(lambda connection: connection.execute(_UNREPORTED, {"since": since}).all())
        return list(map(Broadcast.of, rows))

    async def outcome(self, push: Broadcast) -> Pushed:
        """Return the results of a push so far."""
        served, unserved = await self._database.read(lambda connection: _results(connection, push.id))
        return Pushed(
            broadcast=push.id,
            episode=push.episode,
            schedule=push.key,
            took=(push.finished or self._clock()) - push.created,
            stopped=push.reason,
            served=served,
            unserved=tuple(unserved),
        )


def _add(
    connection: Connection, key: str, notice: Notice, to: Iterable[tuple[Rendering, Sequence[Target]]], now: dt.datetime
) -> bool:
    broadcast = opening.add_broadcast(
        connection,
        kind=BroadcastKind.NOTICE,
        episode=notice.episode,
        title=notice.document.title,
        key=key,
        text=notice.text,
        due=now,
        now=now,
    )
    if broadcast is None:
        return False
    for rendering, targets in to:
        opening.deliver_to_targets(connection, broadcast, targets, rendering)
    return True


def _results(connection: Connection, broadcast_id: int) -> tuple[dict[PlatformName, int], list[Unserved]]:
    served: dict[PlatformName, int] = {}
    unserved = []
    this = {"of_broadcast": broadcast_id}
    for row in connection.execute(_RESULTS, this).all():
        if row.state is DeliveryState.SENT:
            served[row.platform] = served.get(row.platform, 0) + row.number
        elif row.state in {DeliveryState.FAILED, DeliveryState.UNKNOWN}:
            result = {"with_platform": row.platform, "with_state": row.state, "with_code": row.code}
            unserved.append(
                Unserved(
                    platform=row.platform,
                    code=row.code,
                    reason=row.reason,
                    count=row.number,
                    unknown=row.state is DeliveryState.UNKNOWN,
                    targets=tuple(map(target_of, connection.execute(_WITH_RESULT, {**this, **result}))),
                )
            )
    return served, unserved


def unname(connection: Connection, target: Target) -> None:
    """Replace a chat's id by dots in all notices to the admins and all that was sent there by hand.

    The dots are as many as the digits, because a notice may still be pending and Telegram counts where its formats
    begin.
    """
    c, name = broadcasts.c, f"{target.platform}:{target.chat}"
    # In Discord's markdown a backslash may stand before the colon, and in JSON two.
    whole = re.compile(rf"({target.platform}\\*:){re.escape(target.chat)}(?!\w)")
    dots = rf"\g<1>{'•' * len(target.chat)}"
    mentions = c.text.contains(name, autoescape=True) | c.key.contains(name, autoescape=True)
    named = select(c.id, c.key.label("key"), c.text).where(c.kind != BroadcastKind.PUSH, mentions)
    for row in connection.execute(named).all():
        key = whole.sub(dots, row.key)
        # Two keys may have differed by the id alone.
        key = key if key == row.key else f"{key} {row.id}"
        connection.execute(
            update(broadcasts).where(c.id == row.id).values(text=row.text and whole.sub(dots, row.text), key=key)
        )
        for rendering in connection.execute(select(renderings).where(renderings.c.broadcast_id == row.id)).all():
            messages = json.loads(whole.sub(dots, json.dumps(rendering.messages)))
            connection.execute(update(renderings).where(renderings.c.id == rendering.id).values(messages=messages))
