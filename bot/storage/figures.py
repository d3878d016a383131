"""The figures in the ledger: sums by day, without any chat, and the results of pushes whose deliveries are gone."""

import contextlib
import datetime as dt
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

from sqlalchemy import ColumnElement, Connection, delete, exists, func, literal_column, null, select, update

from bot.model.figures import KEPT, WEEK, WEEKS, Counted, Figures, Group, Kind, PushFigures, Sum, monday_of, weeks_until
from bot.model.subscription import PlatformName, Target
from bot.storage.database import Database, LedgerPart, insert
from bot.storage.notices import outcome_of
from bot.storage.records import Broadcast, BroadcastKind, DeliveryState
from bot.storage.tables import HAS_ENDED, IS_PENDING, broadcasts, deliveries, figures, is_in_chat, subscriptions, to_utc

_IS_PUSH = broadcasts.c.kind == BroadcastKind.PUSH
_HAS_DELIVERIES = exists().where(deliveries.c.broadcast_id == broadcasts.c.id)


class Backlog(NamedTuple):
    """The deliveries that wait on each platform, the last messages that arrived there, and the last push that did.

    A platform on which nothing has arrived has no last message.
    """

    waiting: Mapping[PlatformName, int]
    last_sent: Mapping[PlatformName, dt.datetime]
    last_push: dt.datetime | None


class LedgerFigures(LedgerPart):
    """The figures in the ledger. All methods but `count` are one transaction and may raise `LedgerError`."""

    def __init__(self, database: Database, clock: Callable[[], dt.datetime]) -> None:
        super().__init__(database, clock)
        self._counted: Counter[Sum] = Counter()

    def count(self, event: Sum) -> None:
        """Count an event in memory, because a transaction for each would hold up an answer."""
        self._counted[event] += 1

    async def save(self) -> None:
        """Add the events that were counted since the last time to the sums of today."""
        counted, self._counted = self._counted, Counter()
        if counted:
            try:
                await self._database.write(_add, self._clock(), counted)
            except BaseException:
                self._counted.update(counted)
                raise

    async def backlog(self, platforms: Sequence[PlatformName]) -> Backlog:
        """Return what waits, and what arrived last."""
        return await self._database.read(_backlog, platforms)

    async def all(self) -> Figures:
        """Return the figures of the last weeks."""
        return await self._database.read(_all, self._clock())


@contextlib.contextmanager
def counting(connection: Connection, which: ColumnElement[bool], now: dt.datetime) -> Iterator[None]:
    """Add the subscriptions among these that begin or end in the context to the sums of today."""
    before = _live(connection, which)
    yield
    after, sums = _live(connection, which), Counter[Sum]()
    for number in before.keys() | after.keys():
        was, now_is = before.get(number), after.get(number)
        if now_is is None:
            sums[Sum(Counted.LEFT, *before[number])] += 1
        elif was != now_is:
            sums[Sum(Counted.JOINED, *now_is)] += 1
            if was is not None:
                # The place turns out to be of the other kind, as which it then began.
                sums[Sum(Counted.JOINED, *was)] -= 1
    _add(connection, now, sums)


def forget(connection: Connection, target: Target) -> None:
    """Take the last beginning and the end of the chat's subscriptions, which have all ended, out of their days' sums.

    A chat that came and went before leaves those pairs of moves in sums, which name nobody.
    """
    c = figures.c
    for row in connection.execute(select(subscriptions).where(is_in_chat(subscriptions, target))).all():
        for what, moment in ((Counted.JOINED, row.created), (Counted.LEFT, row.updated)):
            of_it = Sum(what, *Group.of(row.platform, is_private=row.is_private))
            this = (c.day == moment.date(), c.what == what, c.platform == of_it.platform, c.name == of_it.name)
            connection.execute(update(figures).where(*this, c.number > 0).values(number=c.number - 1))


def prune(connection: Connection, old: ColumnElement[bool], now: dt.datetime) -> None:
    """Delete the sums that have been kept for long enough, and keep the results of old pushes."""
    connection.execute(delete(figures).where(figures.c.day < to_utc(now).date() - KEPT))
    unkept = select(broadcasts).where(old, _IS_PUSH, broadcasts.c.results.is_(null()), _HAS_DELIVERIES)
    for row in connection.execute(unkept).all():
        results = outcome_of(connection, Broadcast.of(row), now).results
        connection.execute(update(broadcasts).where(broadcasts.c.id == row.id).values(results=results))


def _backlog(connection: Connection, platforms: Sequence[PlatformName]) -> Backlog:
    c = deliveries.c
    pending = select(c.platform, func.count().label("number")).where(IS_PENDING).group_by(c.platform)
    waiting = {row.platform: row.number for row in connection.execute(pending)}
    last_sent = {}
    for name in platforms:
        # One platform at a time, because its index then leads to the last message.
        moment = connection.scalar(
            select(func.max(c.updated)).where(c.platform == name, c.position > literal_column("0"))
        )
        if moment is not None:
            last_sent[name] = moment
    reached = exists().where(c.broadcast_id == broadcasts.c.id, c.state == DeliveryState.SENT)
    pushes = select(broadcasts.c.finished).where(_IS_PUSH, broadcasts.c.finished.is_not(None), reached)
    last = connection.scalar(pushes.order_by(broadcasts.c.id.desc()).limit(1))
    return Backlog({name: waiting.get(name, 0) for name in platforms}, last_sent, last)


def _add(connection: Connection, now: dt.datetime, sums: Mapping[Sum, int]) -> None:
    day = to_utc(now).date()
    # In one order, so that two transactions do not wait for each other.
    for each, count in sorted(sums.items()):
        if count:
            put = insert(connection, figures).values(day=day, number=count, **each._asdict())
            more = {"number": figures.c.number + put.excluded.number}
            connection.execute(put.on_conflict_do_update(index_elements=[*figures.primary_key], set_=more))


def _live(connection: Connection, which: ColumnElement[bool]) -> dict[int, Group]:
    c = subscriptions.c
    # Locked, so that of two transactions that end one at once only the first counts it.
    live = select(c.id, c.platform, c.is_private).where(which, ~HAS_ENDED).with_for_update()
    return {row.id: Group.of(row.platform, is_private=row.is_private) for row in connection.execute(live)}


def _all(connection: Connection, now: dt.datetime) -> Figures:
    today = to_utc(now).date()
    since = monday_of(today) - WEEK * (WEEKS - 1)
    sums = connection.execute(select(figures).where(figures.c.day >= since).order_by(figures.c.day)).all()
    c = subscriptions.c
    by_kind = select(c.platform, c.is_private, func.count().label("number")).where(~HAS_ENDED)
    live = {
        Group.of(row.platform, is_private=row.is_private): row.number
        for row in connection.execute(by_kind.group_by(c.platform, c.is_private))
    }
    followers = Counter[str]()
    chosen = select(c.topics, func.count().label("number")).where(~HAS_ENDED).group_by(c.topics)
    for row in connection.execute(chosen):
        followers.update(dict.fromkeys(row.topics, row.number))
    asked, moves = Counter[str](), []
    commands: defaultdict[dt.date, Counter[str]] = defaultdict(Counter)
    for row in sums:
        match row.what:
            case Counted.TOPIC:
                asked[row.name] += row.number
            case Counted.ASKED:
                commands[row.day][row.name] += row.number
            case _:
                moves.append((row.day, row.what, Group(row.platform, Kind(row.name)), row.number))
    begin = dt.datetime.combine(since, dt.time(), dt.UTC)
    pushes = select(broadcasts).where(_IS_PUSH, broadcasts.c.created >= begin).order_by(broadcasts.c.id)
    return Figures(
        until=today,
        weeks=weeks_until(today, connection.scalar(select(func.min(figures.c.day))) or today, live, moves),
        pushes=[_push(connection, Broadcast.of(row), now) for row in connection.execute(pushes).all()],
        followers=followers,
        asked=asked,
        commands=commands,
    )


def _push(connection: Connection, push: Broadcast, now: dt.datetime) -> PushFigures:
    results = push.results
    if results is None:
        outcome = outcome_of(connection, push, now)
        # Version 0.1.0 deleted the deliveries of old pushes and kept no results.
        results = None if push.subscribed is None and not outcome.total else outcome.results
    return PushFigures(
        episode=push.episode,
        schedule=push.key,
        began=push.created,
        took=None if push.finished is None else push.finished - push.created,
        results=results,
        left_out=sum(push.left_out.values()),
    )
