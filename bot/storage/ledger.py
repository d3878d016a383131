"""The ledger: what was to be sent to whom, and what became of it.

All that must be true stands in the database and nothing in memory: a broadcast exists once because its row is unique,
and a message has one sender because one statement claims it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from sqlalchemy import bindparam, delete, func, select, update

from bot.model.rendering import Message, Rendering
from bot.storage import opening
from bot.storage import outcomes as outcomes_of
from bot.storage.database import Database
from bot.storage.notices import LedgerNotices
from bot.storage.publications import LedgerPublications
from bot.storage.records import (
    Broadcast,
    BroadcastKind,
    BroadcastState,
    Choice,
    Claim,
    Delivery,
    DeliveryState,
    LedgerError,
    Outcome,
    StoredRendering,
    to_one,
)
from bot.storage.subscriptions import LedgerSubscriptions
from bot.storage.tables import (
    BROADCAST_IS_OPEN,
    BROADCAST_IS_UNFINISHED,
    DELIVERIES,
    IS_PENDING,
    IS_UNFINISHED,
    broadcasts,
    deliveries,
    failed_in,
    gets_pushes,
    renderings,
    subscriptions,
)

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Mapping, Sequence

    from sqlalchemy import Connection

    from bot.model.subscription import PlatformName, Target

__all__ = [
    "Broadcast",
    "BroadcastState",
    "Choice",
    "Claim",
    "Delivery",
    "DeliveryState",
    "Ledger",
    "LedgerError",
    "Outcome",
    "StoredRendering",
]

_CHOICE = tuple(subscriptions.c[name] for name in Choice.__dataclass_fields__)
_CHOICES = (
    select(*_CHOICE)
    .where(subscriptions.c.schedule == bindparam("on_schedule"), gets_pushes(bindparam("now")))
    .distinct()
    .order_by(*_CHOICE)
)
_STORED = select(renderings, broadcasts.c.created).join(broadcasts).where(renderings.c.id == bindparam("of_id"))
_NEXT_DUE = (
    select(deliveries.c.due)
    .where(deliveries.c.platform == bindparam("of_platform"), IS_PENDING)
    .order_by(deliveries.c.due)
    # Because PostgreSQL's driver fetches all that a statement finds, which here may be a million.
    .limit(1)
)
_OF_DELIVERY = deliveries.c.id == bindparam("of_id")
_FALLBACK = select(renderings.c.fallback_id).where(renderings.c.id == deliveries.c.rendering_id).scalar_subquery()
_FALL_BACK = (
    update(deliveries)
    .where(_OF_DELIVERY)
    .values(
        rendering_id=_FALLBACK,
        state=DeliveryState.PENDING,
        position=0,
        message_ids=(),
        attempts=0,
        due=bindparam("now"),
        updated=bindparam("now"),
    )
)
_STOP = (
    update(broadcasts)
    .where(broadcasts.c.id == bindparam("of_id"), BROADCAST_IS_OPEN)
    .values(state=BroadcastState.STOPPED, reason=bindparam("why"), finished=bindparam("now"))
)
_FINISH = (
    update(broadcasts)
    .where(BROADCAST_IS_OPEN, ~BROADCAST_IS_UNFINISHED)
    .values(state=BroadcastState.DONE, finished=bindparam("now"))
    .returning(broadcasts)
)
_ANY_OPEN = select(broadcasts.c.id).where(BROADCAST_IS_OPEN).limit(1)
_OF_KEY = (
    select(broadcasts)
    .where(broadcasts.c.episode == bindparam("of_episode"), broadcasts.c.key == bindparam("of_key"))
    .order_by(broadcasts.c.repeat.desc())
    .limit(1)
)
_OF_EPISODES = broadcasts.c.kind != BroadcastKind.NOTICE
_LATEST = select(broadcasts).where(_OF_EPISODES).order_by(broadcasts.c.id.desc()).limit(bindparam("most"))
_OF_BROADCAST = deliveries.c.broadcast_id == bindparam("of_id")
_TALLY = select(deliveries.c.state, func.count()).where(_OF_BROADCAST).group_by(deliveries.c.state)
_LEFT = (
    select(deliveries.c.platform, func.count())
    .where(deliveries.c.broadcast_id.in_(bindparam("of_ids", expanding=True)), IS_UNFINISHED)
    .group_by(deliveries.c.platform)
)
_FAILURES = DELIVERIES.where(
    _OF_BROADCAST, deliveries.c.state.in_((DeliveryState.FAILED, DeliveryState.UNKNOWN))
).order_by(deliveries.c.platform, deliveries.c.chat, deliveries.c.thread)
_RECENT = (
    select(broadcasts.c.episode)
    .where(_OF_EPISODES)
    .group_by(broadcasts.c.episode)
    .order_by(func.max(broadcasts.c.id).desc())
    .limit(bindparam("most"))
)
_FIRST_RECENT = select(func.min(broadcasts.c.id)).where(_OF_EPISODES, broadcasts.c.episode.in_(_RECENT))
_OLD = select(broadcasts.c.id).where(
    ~BROADCAST_IS_OPEN,
    (_OF_EPISODES & broadcasts.c.episode.not_in(_RECENT))
    | (~_OF_EPISODES & (broadcasts.c.id < _FIRST_RECENT.scalar_subquery())),
)


class Ledger:
    """The open ledger. Every method is one transaction and may raise `LedgerError`."""

    def __init__(self, database: Database, clock: Callable[[], dt.datetime]) -> None:
        self._database = database
        self._clock = clock
        self.subscriptions = LedgerSubscriptions(database, clock)
        self.notices = LedgerNotices(database, clock)
        self.publications = LedgerPublications(database, clock)

    @classmethod
    async def open(cls, url: str, clock: Callable[[], dt.datetime]) -> Self:
        """Open the ledger; create it if it is missing, and bring an older one up to date.

        Args:
            url: its address, as `Database.open` takes it.
            clock: the time, aware.

        Raises:
            LedgerError: it cannot be opened, is damaged, in use, no ledger, or newer than the program.
        """
        return cls(await Database.open(url), clock)

    async def close(self) -> None:
        """Close the database."""
        await self._database.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_error: object) -> None:
        await self.close()

    async def choices(self, schedule: str, *, only_failed_in: int | None = None) -> list[Choice]:
        """Return the distinct choices of those who get the schedule's pushes, each of which needs a rendering.

        With `only_failed_in`, only those count whose delivery of that broadcast failed.
        """
        wanted = _CHOICES if only_failed_in is None else _CHOICES.where(failed_in(only_failed_in))
        which = {"on_schedule": schedule, "now": self._clock()}
        rows = await self._database.read(lambda connection: connection.execute(wanted, which).all())
        return [Choice(*row) for row in rows]

    async def create_broadcast(
        self,
        *,
        episode: int,
        title: str,
        schedule: str,
        due: dt.datetime,
        renderings: Mapping[Choice, Rendering],
        again: bool = False,
        only_failed_in: int | None = None,
    ) -> Broadcast | None:
        """Open a broadcast to everybody who gets the schedule's pushes.

        A choice without a rendering gets nothing, and so does a target that got the episode on a schedule that it has
        left. With `again`, the episode is pushed once more. With `only_failed_in`, only those get it whose delivery of
        that broadcast failed.

        Returns:
            None if the episode was pushed on this schedule before and not `again`.
        """
        now = self._clock()

        def step(connection: Connection) -> Broadcast | None:
            broadcast = opening.add_broadcast(
                connection,
                kind=BroadcastKind.PUSH,
                episode=episode,
                title=title,
                key=schedule,
                due=due,
                again=again,
                now=now,
            )
            if broadcast is not None:
                opening.deliver_to_choices(
                    connection, broadcast, renderings, again=again, only_failed_in=only_failed_in
                )
            return broadcast

        return await self._database.write(step)

    async def create_single(
        self, *, episode: int, title: str, target: Target, rendering: Rendering, publish: bool, again: bool = False
    ) -> Broadcast | None:
        """Open a broadcast to one target, subscribed or not; return None if it exists and not `again`."""
        now = self._clock()

        def step(connection: Connection) -> Broadcast | None:
            broadcast = opening.add_broadcast(
                connection,
                kind=BroadcastKind.SINGLE,
                episode=episode,
                title=title,
                key=to_one(target),
                due=now,
                again=again,
                now=now,
            )
            if broadcast is not None:
                opening.deliver_to_targets(connection, broadcast, [target], rendering, publish=publish)
            return broadcast

        return await self._database.write(step)

    async def stored(self, rendering_id: int) -> StoredRendering:
        """Return the rendering with this id, its fallback included."""
        return await self._database.read(lambda connection: _stored(connection, rendering_id))

    async def next_due(self, platform: PlatformName) -> dt.datetime | None:
        """Return when the next pending delivery is due, which may be in the past; None if there is none."""
        return await self._database.read(lambda connection: connection.scalar(_NEXT_DUE, {"of_platform": platform}))

    async def claim(self, platform: PlatformName, limit: int, outcomes: Sequence[Outcome] = ()) -> list[Claim]:
        """Claim up to `limit` messages that may be sent now, those that have waited longest first.

        Each is `sending` from now on, no other process gets it, and the claim counts as an attempt. `outcomes` are
        recorded in the same transaction, because a transaction costs more than all that is in it.
        """
        now = self._clock()

        def step(connection: Connection) -> list[Claim]:
            outcomes_of.record(connection, outcomes, now)
            return outcomes_of.claim(connection, platform, limit, now)

        return await self._database.write(step)

    async def record(self, outcomes: Sequence[Outcome]) -> None:
        """Record the outcomes of deliveries. Cheapest with a hundred at once.

        A delivery that would be pending in a broadcast that is over fails instead.
        """
        now = self._clock()
        await self._database.write(lambda connection: outcomes_of.record(connection, outcomes, now))

    async def fall_back(self, delivery_id: int) -> None:
        """Begin the delivery again with the fallback of its rendering."""
        now = self._clock()

        def step(connection: Connection) -> None:
            connection.execute(_FALL_BACK, {"of_id": delivery_id, "now": now})
            outcomes_of.fail_stopped(connection, deliveries.c.id == delivery_id, now)

        await self._database.write(step)

    async def recover(self, platform: PlatformName, *, hold: bool) -> int:
        """Take back the claims of a process that died. Only for a platform on which nobody is sending.

        Because nobody knows whether those messages arrived, they are pending again, or with `hold` skipped: their ids
        are then None, and a delivery whose last message is skipped is `unknown`.

        Returns:
            The number of claims.
        """
        now = self._clock()

        def step(connection: Connection) -> int:
            left = outcomes_of.interrupted(connection, platform, hold=hold)
            outcomes_of.record(connection, left, now)
            return len(left)

        return await self._database.write(step)

    async def stop(self, broadcast_id: int, reason: str) -> bool:
        """Stop an open broadcast: fail its pending deliveries, and leave messages on their way to their senders.

        Returns:
            True if the broadcast was open.
        """
        now = self._clock()

        def step(connection: Connection) -> bool:
            stopped = connection.execute(_STOP, {"of_id": broadcast_id, "why": reason, "now": now})
            outcomes_of.fail_stopped(connection, deliveries.c.broadcast_id == broadcast_id, now)
            return stopped.rowcount > 0

        return await self._database.write(step)

    async def finish(self) -> list[Broadcast]:
        """Close the broadcasts of which nothing is left to send, and return each to the caller that closed it."""
        # Nobody writes while nothing is open, which is nearly always.
        if not await self.is_anything_open():
            return []
        now = {"now": self._clock()}
        return list(map(Broadcast.of, await self._database.write(lambda each: each.execute(_FINISH, now).all())))

    async def broadcast_of(self, episode: int, key: str) -> Broadcast | None:
        """Return the latest broadcast of the episode with this key, such as the name of a schedule."""
        which = {"of_episode": episode, "of_key": key}
        row = await self._database.read(lambda connection: connection.execute(_OF_KEY, which).one_or_none())
        return None if row is None else Broadcast.of(row)

    async def broadcasts(self, limit: int) -> list[Broadcast]:
        """Return the latest broadcasts of episodes, the newest first."""
        rows = await self._database.read(lambda connection: connection.execute(_LATEST, {"most": limit}).all())
        return list(map(Broadcast.of, rows))

    async def tally(self, broadcast_id: int) -> dict[DeliveryState, int]:
        """Return how many deliveries of the broadcast are in each of all states."""
        rows = await self._database.read(lambda connection: connection.execute(_TALLY, {"of_id": broadcast_id}).all())
        return {**dict.fromkeys(DeliveryState, 0), **dict(rows)}

    async def is_anything_open(self) -> bool:
        """Return whether any push or notice is not over yet."""
        return await self._database.read(lambda connection: connection.scalar(_ANY_OPEN)) is not None

    async def unfinished(self, broadcast_ids: Sequence[int]) -> dict[PlatformName, int]:
        """Return how many deliveries of the broadcasts are still to be made, by platform."""
        these = {"of_ids": broadcast_ids}
        return dict(await self._database.read(lambda connection: connection.execute(_LEFT, these).all()))

    async def failures(self, broadcast_id: int) -> list[Delivery]:
        """Return the deliveries of the broadcast that failed or are `unknown`, by target."""
        this = {"of_id": broadcast_id}
        rows = await self._database.read(lambda connection: connection.execute(_FAILURES, this).all())
        return list(map(Delivery.of, rows))

    async def prune(self, keep_episodes: int = 12) -> None:
        """Delete the deliveries and renderings of all but the episodes pushed last; keep that they were pushed.

        Those of notices go with the pushes that they lie between.
        """

        def step(connection: Connection) -> None:
            for table in (deliveries, renderings):
                connection.execute(delete(table).where(table.c.broadcast_id.in_(_OLD)), {"most": keep_episodes})

        await self._database.write(step)


def _stored(connection: Connection, rendering_id: int) -> StoredRendering:
    row = connection.execute(_STORED, {"of_id": rendering_id}).one()
    fallback = None if row.fallback_id is None else _stored(connection, row.fallback_id).rendering
    messages = tuple(Message(**message) for message in row.messages)
    return StoredRendering(Rendering(row.title, messages, fallback), row.created)
