"""The notices to the admins: kept once over restarts, and delivered like every other broadcast."""

import datetime as dt
import json
import re
from collections.abc import Iterable, Sequence
from functools import partial

from sqlalchemy import Connection, String, case, exists, func, literal, select, update

from bot.model.codes import TOLD
from bot.model.facts import REPORT, RESTORED, Pushed, Unserved
from bot.model.subscription import Target
from bot.storage import opening
from bot.storage.database import LedgerPart
from bot.storage.opening import Places
from bot.storage.records import (
    CHANGES,
    Broadcast,
    BroadcastKind,
    BroadcastState,
    DeliveryState,
    Fate,
    Gap,
    Notice,
    target_of,
)
from bot.storage.tables import (
    ARRIVED_LATER,
    BROADCAST_IS_UNFINISHED,
    IS_UNFINISHED,
    broadcasts,
    deliveries,
    is_at,
    publications,
    rehearsals,
    renderings,
)

NAMED = 5
"""Targets of one result that a report can name."""

_IS_NOTICE = broadcasts.c.kind == BroadcastKind.NOTICE


class LedgerNotices(LedgerPart):
    """The notices in the ledger. Every method is one transaction and may raise `LedgerError`."""

    async def add(self, key: str, notice: Notice, to: Places) -> bool:
        """Open the notice to these places. Without any, the notice is kept for `recap status`.

        Returns:
            False if a notice with the key was added before.
        """
        added = await self._database.write(
            opening.open_broadcast,
            partial(opening.deliver_to_targets, to=to),
            BroadcastKind.NOTICE,
            episode=notice.episode,
            title=notice.document.title,
            key=key,
            text=notice.text,
            now=self._clock(),
        )
        return added is not None

    async def has_been_sent(self, key: str) -> dt.datetime | None:
        """Return when the notice with this key was added; None if never."""
        c = broadcasts.c
        told: dt.datetime | None = await self._database.scalar(select(c.created).where(_IS_NOTICE, c.key == key))
        return told

    async def gaps(self) -> list[Gap]:
        """Return the times of which the ledger knows nothing, one for each time that it was restored."""
        c = broadcasts.c
        restored = select(c.due, c.created).where(_IS_NOTICE, c.key.startswith(RESTORED))
        return [Gap(*row) for row in await self._database.rows(restored)]

    async def latest(self, limit: int) -> list[Broadcast]:
        """Return the latest notices, the newest first."""
        latest = select(broadcasts).where(_IS_NOTICE).order_by(broadcasts.c.id.desc()).limit(limit)
        return list(map(Broadcast.of, await self._database.rows(latest)))

    async def fates(self, notices: Iterable[Broadcast]) -> dict[int, Fate]:
        """Return the fate of each of these notices by its id."""
        return await self._database.read(_fates, [notice.id for notice in notices])

    async def missed(self, admins: Sequence[Target]) -> dict[Target, str]:
        """Return those of the admins who did not get their last notice that is over, with the platform's words."""
        return await self._database.read(_missed, admins)

    async def unreported(self, since: dt.datetime) -> list[Broadcast]:
        """Return the pushes, corrections and recalls that ended since then and have no report, the oldest first."""
        c, report = broadcasts.c, broadcasts.alias()
        has_report = exists().where(
            report.c.kind == BroadcastKind.NOTICE, report.c.key == literal(REPORT) + c.id.cast(String)
        )
        ended = select(broadcasts).where(
            c.kind.in_((BroadcastKind.PUSH, *CHANGES)), c.state != BroadcastState.OPEN, c.finished >= since
        )
        unreported = ended.where(~has_report, ~BROADCAST_IS_UNFINISHED).order_by(c.id)
        return list(map(Broadcast.of, await self._database.rows(unreported)))

    async def outcome(self, push: Broadcast) -> Pushed:
        """Return the results of a push so far."""
        return await self._database.read(outcome_of, push, self._clock())


def _fates(connection: Connection, notice_ids: Sequence[int]) -> dict[int, Fate]:
    c = deliveries.c
    of_notices = select(deliveries).where(c.broadcast_id.in_(notice_ids)).order_by(c.id)
    fates = {notice_id: Fate([], [], []) for notice_id in notice_ids}
    for row in connection.execute(of_notices):
        fate = fates[row.broadcast_id]
        match row.state:
            case DeliveryState.FAILED:
                fate.missed.append((target_of(row), row.reason))
            case DeliveryState.PENDING | DeliveryState.SENDING:
                fate.waiting.append(target_of(row))
            case _:
                fate.reached.append(target_of(row))
    return fates


def _missed(connection: Connection, admins: Sequence[Target]) -> dict[Target, str]:
    c, missed = deliveries.c, {}
    notices = select(broadcasts.c.id).where(_IS_NOTICE)
    for admin in admins:
        is_over = (is_at(deliveries, admin), ~IS_UNFINISHED, c.broadcast_id.in_(notices))
        last = connection.execute(select(c.state, c.reason).where(*is_over).order_by(c.id.desc()).limit(1)).first()
        if last is not None and last.state is DeliveryState.FAILED:
            missed[admin] = last.reason
    return missed


def outcome_of(connection: Connection, push: Broadcast, now: dt.datetime) -> Pushed:
    """Return the results of a push so far."""
    unserved = []
    c, in_push = deliveries.c, deliveries.c.broadcast_id == push.id
    arrived = select(c.platform, func.count().label("number")).where(in_push, c.state == DeliveryState.SENT)
    not_here = in_push & c.state.in_((DeliveryState.FAILED, DeliveryState.UNKNOWN))
    told = case((c.code.in_(TOLD), c.reason), else_="")
    results = select(c.platform, c.state, c.code, func.count().label("number"), func.max(c.reason).label("reason"))
    by_result = (c.platform, c.state, c.code, told)
    missing = results.where(not_here, ~ARRIVED_LATER).group_by(*by_result).order_by(*by_result)
    for row in connection.execute(missing).all():
        of_result = [c.platform == row.platform, c.state == row.state, c.code == row.code, ~ARRIVED_LATER]
        if row.code in TOLD:
            of_result.append(c.reason == row.reason)
        named = select(deliveries).where(in_push, *of_result).order_by(c.id).limit(NAMED)
        unserved.append(
            Unserved(
                platform=row.platform,
                code=row.code,
                reason=row.reason,
                count=row.number,
                unknown=row.state is DeliveryState.UNKNOWN,
                targets=tuple(map(target_of, connection.execute(named))),
            )
        )
    of_push = rehearsals.c.schedule == push.key, rehearsals.c.episode == push.episode
    return Pushed(
        broadcast=push.id,
        episode=push.episode,
        schedule=push.key,
        took=(push.finished or now) - push.created,
        served={row.platform: row.number for row in connection.execute(arrived.group_by(c.platform))},
        unserved=tuple(unserved),
        left_out=push.left_out,
        subscribed=push.subscribed,
        unfinished=connection.scalar(select(func.count()).where(in_push, IS_UNFINISHED)) or 0,
        mended=connection.scalar(select(func.count()).where(not_here, ARRIVED_LATER)) or 0,
        publishing=connection.scalar(select(func.count()).select_from(publications)) or 0,
        approved_by=connection.scalar(select(rehearsals.c.approved_by).where(*of_push)) or "",
    )


def unname(connection: Connection, target: Target) -> None:
    """Replace a chat's id and name by dots in all notices to the admins, decisions, and all that was sent by hand.

    The dots are as many as the digits, because a notice may still be pending and Telegram counts where its formats
    begin.
    """
    c, name = broadcasts.c, f"{target.platform}:{target.chat}"
    # In Discord's markdown a backslash may stand before the colon, and in JSON two.
    number = rf"({target.platform}\\*:){re.escape(target.chat)}(?!\w)"
    whole = re.compile(rf"(?:([“«])([^“”«»]*)([”»] \\*\[))?{number}")

    def dots(found: re.Match[str]) -> str:
        before, name, after, platform = (group or "" for group in found.groups())
        return f"{before}{_dots(name)}{after}{platform}{_dots(target.chat)}"

    for column in (rehearsals.c.approved_by, rehearsals.c.withheld_by):
        for who in connection.scalars(select(column).distinct().where(column.contains(name, autoescape=True))).all():
            connection.execute(update(rehearsals).where(column == who).values({column: whole.sub(dots, who)}))
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
            messages = json.loads(whole.sub(dots, json.dumps(rendering.messages, ensure_ascii=False)))
            connection.execute(update(renderings).where(renderings.c.id == rendering.id).values(messages=messages))


def _dots(text: str) -> str:
    # Because Telegram counts in UTF-16, a character beyond its first plane is two dots.
    return "•" * (len(text.encode("utf-16-le")) // 2)
