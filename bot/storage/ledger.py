"""The ledger: what was to be sent to whom, and what became of it.

Whatever must be true stands in the database and nothing in memory: a broadcast exists once because its row is
unique, and a message has one sender because claiming it is one statement.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from sqlalchemy import bindparam, delete, exists, func, select, update

from bot.model.document import Layout
from bot.model.rendering import Message, Rendering
from bot.model.subscription import PlatformName, Target
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
from bot.storage.tables import DELIVERIES, PENDING, broadcasts, deliveries, renderings, subscriptions

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Mapping, Sequence

    from sqlalchemy import Connection

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

_OF_EPISODES = broadcasts.c.kind != BroadcastKind.NOTICE
_NEXT_DUE = (
    select(deliveries.c.due)
    .where(deliveries.c.platform == bindparam("of_platform"), PENDING)
    .order_by(deliveries.c.due)
    # All that a statement finds is fetched at once, which here may be a million.
    .limit(1)
)


class Ledger:
    """The open ledger. Every method is one transaction: all of it has happened, or nothing.

    All of them raise `LedgerError` when the database cannot be used.
    """

    def __init__(self, database: Database, clock: Callable[[], dt.datetime]) -> None:
        self._database = database
        self._clock = clock
        self.subscriptions = LedgerSubscriptions(database, clock)
        self.notices = LedgerNotices(database, clock)
        self.publications = LedgerPublications(database, clock)

    @classmethod
    async def open(cls, url: str, clock: Callable[[], dt.datetime]) -> Self:
        """Open the ledger; make it if there is none, and bring an older one up to date.

        Args:
            url: where it is, `sqlite:///` and a path.
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
        """The distinct choices among those who get the schedule's pushes: a rendering is needed for each.

        With `only_failed_in`, among those of them whose delivery of that broadcast failed.
        """
        c = subscriptions.c
        conditions = [] if only_failed_in is None else [opening.failed_in(only_failed_in)]
        distinct = (
            select(c.platform, c.topics, c.layout, c.silent, c.rich)
            .where(c.schedule == schedule, opening.gets_pushes(self._clock()), *conditions)
            .distinct()
            .order_by(c.platform, c.topics, c.layout, c.silent, c.rich)
        )
        async with self._database.reading() as connection:
            return [
                Choice(PlatformName(row.platform), tuple(row.topics.split()), Layout(row.layout), row.silent, row.rich)
                for row in await connection.execute(distinct)
            ]

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

        A choice without a rendering has nothing to get, and who got the episode on a schedule that they have left has
        it. With `again`, the episode is pushed once more; without, None
        says that it was pushed on this schedule before. With `only_failed_in`, only those get it whose delivery of
        that broadcast failed.
        """
        async with self._database.writing() as connection:
            broadcast = await opening.add_broadcast(
                connection,
                kind=BroadcastKind.PUSH,
                episode=episode,
                title=title,
                schedule=schedule,
                due=due,
                again=again,
                now=self._clock(),
            )
            if broadcast is not None:
                await opening.deliver_to_choices(
                    connection, broadcast, renderings, again=again, only_failed_in=only_failed_in
                )
        return broadcast

    async def create_single(
        self, *, episode: int, title: str, target: Target, rendering: Rendering, publish: bool, again: bool = False
    ) -> Broadcast | None:
        """Open a broadcast to one target, subscribed or not. None when it got the episode in this way before."""
        now, schedule = self._clock(), to_one(target)
        async with self._database.writing() as connection:
            broadcast = await opening.add_broadcast(
                connection,
                kind=BroadcastKind.SINGLE,
                episode=episode,
                title=title,
                schedule=schedule,
                due=now,
                again=again,
                now=now,
            )
            if broadcast is not None:
                await opening.deliver_to_targets(connection, broadcast, [target], rendering, publish=publish)
        return broadcast

    async def stored(self, rendering_id: int) -> StoredRendering:
        """What the deliveries with this rendering are made of."""
        wanted = select(renderings, broadcasts.c.created).join(broadcasts).where(renderings.c.id == rendering_id)
        async with self._database.reading() as connection:
            row = (await connection.execute(wanted)).one()
        fallback = None if row.fallback_id is None else (await self.stored(row.fallback_id)).rendering
        messages = tuple(Message(**message) for message in row.messages)
        return StoredRendering(Rendering(row.title, messages, fallback), row.created)

    async def next_due(self, platform: PlatformName) -> dt.datetime | None:
        """When the next pending delivery is due, which may be in the past; None when there is none."""
        async with self._database.reading() as connection:
            return (await connection.execute(_NEXT_DUE, {"of_platform": platform})).scalar()

    async def claim(self, platform: PlatformName, limit: int, outcomes: Sequence[Outcome] = ()) -> list[Claim]:
        """Take up to `limit` messages that may be sent now, those that wait longest first: they are the caller's.

        Each is `sending` from now on and nobody else gets it; the claim counts as an attempt. `outcomes` are recorded
        in the same transaction, which costs more than all that is in it.
        """
        now = self._clock()

        def step(connection: Connection) -> list[Claim]:
            outcomes_of.record(connection, outcomes, now)
            return outcomes_of.claim(connection, platform, limit, now)

        return await self._database.transact(step)

    async def record(self, outcomes: Sequence[Outcome]) -> None:
        """Write down what deliveries have become. Cheapest with a hundred at once.

        What would be pending in a broadcast that is over by now fails like the rest of it.
        """
        now = self._clock()
        await self._database.transact(lambda connection: outcomes_of.record(connection, outcomes, now))

    async def fall_back(self, delivery_id: int) -> None:
        """Have the delivery begin again, with its rendering's fallback."""
        now, this = self._clock(), deliveries.c.id == delivery_id
        fallback = select(renderings.c.fallback_id).where(renderings.c.id == deliveries.c.rendering_id)
        begin_again = (
            update(deliveries)
            .where(this)
            .values(
                rendering_id=fallback.scalar_subquery(),
                state=DeliveryState.PENDING,
                position=0,
                message_ids=[],
                attempts=0,
                due=now,
                updated=now,
            )
        )

        def step(connection: Connection) -> None:
            connection.execute(begin_again)
            outcomes_of.fail_stopped(connection, this, now)

        await self._database.transact(step)

    async def recover(self, platform: PlatformName, *, hold: bool) -> int:
        """Take back the claims of a process that died; how many there were.

        Nobody knows whether those messages arrived. Without `hold` they are pending again, at the same message. With
        it they go on behind that message, whose id is None, and are `unknown` if it was their last. Only for a
        platform on which nobody is sending.
        """
        now = self._clock()

        def step(connection: Connection) -> int:
            left = outcomes_of.interrupted(connection, platform, hold=hold)
            outcomes_of.record(connection, left, now)
            return len(left)

        return await self._database.transact(step)

    async def stop(self, broadcast_id: int, reason: str) -> bool:
        """Stop an open broadcast: nothing of it is sent any more; whether it was open.

        Messages on their way may still arrive, and their outcomes are recorded as usual.
        """
        now = self._clock()

        def step(connection: Connection) -> bool:
            stopped = connection.execute(
                update(broadcasts)
                .where(broadcasts.c.id == broadcast_id, broadcasts.c.state == BroadcastState.OPEN)
                .values(state=BroadcastState.STOPPED, reason=reason, finished=now)
            )
            outcomes_of.fail_stopped(connection, deliveries.c.broadcast_id == broadcast_id, now)
            return stopped.rowcount > 0

        return await self._database.transact(step)

    async def finish(self) -> list[Broadcast]:
        """Close the broadcasts of which nothing is left to send; each is returned once, to whoever closed it."""
        left = exists().where(
            deliveries.c.broadcast_id == broadcasts.c.id,
            deliveries.c.state.in_((DeliveryState.PENDING, DeliveryState.SENDING)),
        )
        over = (
            update(broadcasts)
            .where(broadcasts.c.state == BroadcastState.OPEN, ~left)
            .values(state=BroadcastState.DONE, finished=self._clock())
            .returning(broadcasts)
        )
        # Nobody writes while nothing is open, which is nearly always.
        open_ones = select(broadcasts.c.id).where(broadcasts.c.state == BroadcastState.OPEN).limit(1)
        async with self._database.reading() as connection:
            if (await connection.execute(open_ones)).one_or_none() is None:
                return []
        async with self._database.writing() as connection:
            return [Broadcast.of(row) for row in await connection.execute(over)]

    async def broadcast_of(self, episode: int, schedule: str) -> Broadcast | None:
        """The latest broadcast of the episode on the schedule, if there was any."""
        wanted = (
            select(broadcasts)
            .where(broadcasts.c.episode == episode, broadcasts.c.schedule == schedule)
            .order_by(broadcasts.c.repeat.desc())
            .limit(1)
        )
        async with self._database.reading() as connection:
            row = (await connection.execute(wanted)).one_or_none()
        return None if row is None else Broadcast.of(row)

    async def broadcasts(self, limit: int) -> list[Broadcast]:
        """The latest broadcasts of episodes, the newest first."""
        wanted = select(broadcasts).where(_OF_EPISODES).order_by(broadcasts.c.id.desc()).limit(limit)
        async with self._database.reading() as connection:
            return [Broadcast.of(row) for row in await connection.execute(wanted)]

    async def tally(self, broadcast_id: int) -> dict[DeliveryState, int]:
        """How many deliveries of the broadcast are in each state; every state is there."""
        counted = (
            select(deliveries.c.state, func.count().label("number"))
            .where(deliveries.c.broadcast_id == broadcast_id)
            .group_by(deliveries.c.state)
        )
        async with self._database.reading() as connection:
            numbers = {row.state: row.number for row in await connection.execute(counted)}
        return {state: numbers.get(state, 0) for state in DeliveryState}

    async def is_anything_open(self) -> bool:
        """Whether any push or notice is not over yet."""
        wanted = select(broadcasts.c.id).where(broadcasts.c.state == BroadcastState.OPEN).limit(1)
        async with self._database.reading() as connection:
            return (await connection.execute(wanted)).first() is not None

    async def unfinished(self, broadcast_ids: Sequence[int]) -> dict[PlatformName, int]:
        """How many deliveries of the broadcasts are still to be made, by platform."""
        c = deliveries.c
        counted = (
            select(c.platform, func.count().label("number"))
            .where(c.broadcast_id.in_(broadcast_ids), c.state.in_((DeliveryState.PENDING, DeliveryState.SENDING)))
            .group_by(c.platform)
        )
        async with self._database.reading() as connection:
            return {PlatformName(row.platform): row.number for row in await connection.execute(counted)}

    async def failures(self, broadcast_id: int) -> list[Delivery]:
        """The deliveries of the broadcast that failed or that nobody knows the end of, by target."""
        c = deliveries.c
        wanted = DELIVERIES.where(
            c.broadcast_id == broadcast_id, c.state.in_((DeliveryState.FAILED, DeliveryState.UNKNOWN))
        ).order_by(c.platform, c.chat, c.thread)
        async with self._database.reading() as connection:
            return [Delivery.of(row) for row in await connection.execute(wanted)]

    async def prune(self, keep_episodes: int = 12) -> None:
        """Forget who got the broadcasts of all but the episodes pushed last; that they were pushed is remembered.

        Notices to the admins go with the pushes that they lie between.
        """
        last = func.max(broadcasts.c.id)
        episodes = select(broadcasts.c.episode).where(_OF_EPISODES).group_by(broadcasts.c.episode)
        recent = episodes.order_by(last.desc()).limit(keep_episodes)
        first = select(func.min(broadcasts.c.id)).where(_OF_EPISODES, broadcasts.c.episode.in_(recent))
        old = select(broadcasts.c.id).where(
            broadcasts.c.state != BroadcastState.OPEN,
            (_OF_EPISODES & broadcasts.c.episode.not_in(recent))
            | (~_OF_EPISODES & (broadcasts.c.id < first.scalar_subquery())),
        )
        async with self._database.writing() as connection:
            await connection.execute(delete(deliveries).where(deliveries.c.broadcast_id.in_(old)))
            await connection.execute(delete(renderings).where(renderings.c.broadcast_id.in_(old)))
