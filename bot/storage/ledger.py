"""The ledger: what was to be sent to whom, and what became of it.

All that must be true stands in the database and nothing in memory: a broadcast exists once because its row is unique,
and a message has one sender because one statement claims it.
"""

import dataclasses
import datetime as dt
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from types import MappingProxyType
from typing import Any, Self

from sqlalchemy import Connection, Select, bindparam, delete, exists, func, select, union_all, update

from bot.model.codes import NO_FAILURES, LeftOut
from bot.model.correction import Text
from bot.model.rehearsal import Permit
from bot.model.rendering import JsonObject, Message, Rendering, Upload
from bot.model.subscription import PlatformName, SubscriptionState, Target
from bot.storage import figures, opening
from bot.storage import outcomes as outcomes_of
from bot.storage.clock import SteadyClock
from bot.storage.corrections import LedgerCorrections, keep_text
from bot.storage.database import Database, LedgerPart
from bot.storage.feed import LedgerFeed
from bot.storage.figures import LedgerFigures
from bot.storage.heartbeat import LedgerHeartbeat
from bot.storage.leases import Lease, Leases, SharedLeases
from bot.storage.notices import LedgerNotices
from bot.storage.pins import LedgerPins
from bot.storage.processes import LedgerProcesses
from bot.storage.publications import LedgerPublications
from bot.storage.records import (
    CHANGES,
    EPISODES,
    Broadcast,
    BroadcastKind,
    BroadcastState,
    Choice,
    Claim,
    Delivery,
    DeliveryRank,
    DeliveryState,
    Outcome,
    Revision,
    Stopped,
    StoredRendering,
    to_one,
)
from bot.storage.rehearsals import LedgerRehearsals, may_go
from bot.storage.subscriptions import LedgerSubscriptions
from bot.storage.tables import (
    ARRIVED_LATER,
    BROADCAST_IS_OPEN,
    BROADCAST_IS_UNFINISHED,
    CHOICE_COLUMNS,
    IS_DECLARED,
    IS_PAUSED,
    IS_PENDING,
    IS_UNFINISHED,
    broadcasts,
    choices,
    count_by_choice,
    deliveries,
    failed_in,
    gets_pushes,
    renderings,
    subscriptions,
    texts,
)
from bot.storage.uploads import LedgerUploads

KEPT_EPISODES = 12
"""Episodes whose deliveries are kept: a quarter of a year, in which the team may look back at who got what."""

_OF_EPISODES = broadcasts.c.kind.in_(EPISODES)
_ABOUT_EPISODES = broadcasts.c.kind.in_((*EPISODES, *CHANGES))


class Ledger(LedgerPart):
    """The open ledger. Every method is one transaction and may raise `LedgerError`."""

    def __init__(self, database: Database, clock: SteadyClock) -> None:
        super().__init__(database, clock)
        self.clock = clock
        """The time by which deliveries wait and grow old."""
        self.heartbeat = LedgerHeartbeat(database, clock)
        self.leases = Leases()
        self.processes: LedgerProcesses | None = None
        """The processes that share the ledger; None on SQLite, which one process has."""
        self.subscriptions = LedgerSubscriptions(database, clock)
        self.for_people = LedgerSubscriptions(database.for_people(), clock)
        """The same subscriptions for a person who waits: in trouble an error comes within five seconds."""
        self.figures = LedgerFigures(database, clock)
        self.notices = LedgerNotices(database, clock)
        self.publications = LedgerPublications(database, clock)
        self.rehearsals = LedgerRehearsals(database, clock)
        self.corrections = LedgerCorrections(database, clock)
        self.pins = LedgerPins(database, clock)
        self.uploads = LedgerUploads(database, clock)
        self.feed = LedgerFeed(database, clock)

    @classmethod
    async def open(cls, url: str, clock: Callable[[], dt.datetime]) -> Self:
        """Open the ledger; create it if it is missing, and bring an older one up to date.

        Args:
            url: its address, as `Database.open` takes it.
            clock: the time, aware.

        Raises:
            LedgerError: it cannot be opened, is damaged, in use, no ledger, or newer than the program.
        """
        database = await Database.open(url)
        ledger = cls(database, SteadyClock.by(clock))
        if database.is_shared:
            # A clock that a test turns by hand is not the machine's.
            ledger.processes = LedgerProcesses(database, ledger.clock, follows=isinstance(clock, SteadyClock))
            ledger.heartbeat = ledger.processes
            ledger.leases = SharedLeases(database.beside(), ledger.clock.elapsed, ledger.processes.name)
        try:
            await ledger.heartbeat.resume()
        except BaseException:
            await ledger.close()
            raise
        return ledger

    def under(self, lease: Lease) -> Self:
        """Return the same ledger, whose writings are undone unless this process still holds the lease."""
        if not self.is_shared:
            return self
        return type(self)(self._database.under(lease.check), self.clock)

    @property
    def is_shared(self) -> bool:
        """Whether processes on several machines may use the ledger."""
        return self._database.is_shared

    def observe(self, observer: Callable[[str, float], None]) -> None:
        """Have the observer hear of each transaction, as `Database.observers` says."""
        self._database.observers.append(observer)

    async def keep_place(self) -> None:
        """Keep what the open file alone knows while it is not in its place, as `Database.keep_place` does."""
        await self._database.keep_place()

    def check_copies(self) -> None:
        """Raise an error if an admin has to choose between the database and a copy of it, as `Database` says."""
        self._database.check_copies()

    async def close(self) -> None:
        """Close the database."""
        await self.leases.close()
        await self._database.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_error: object) -> None:
        await self.close()

    async def choices(self, schedule: str, *, only_failed_in: int | None = None) -> dict[Choice, int]:
        """Return the distinct choices of those who get the schedule's pushes, each with how many share it.

        With `only_failed_in`, only those count whose delivery of that broadcast failed.
        """
        wanted = count_by_choice().where(subscriptions.c.schedule == schedule, gets_pushes(self._clock()))
        if only_failed_in is not None:
            wanted = wanted.where(failed_in(only_failed_in))
        counts: Counter[Choice] = Counter()
        for *chosen, count in await self._database.rows(wanted.order_by(*CHOICE_COLUMNS)):
            counts[Choice(*chosen)] += count
        return counts

    async def create_broadcast(
        self,
        *,
        episode: int,
        title: str,
        schedule: str,
        due: dt.datetime,
        renderings: Mapping[Choice, Rendering],
        without: Mapping[Choice, LeftOut] = MappingProxyType({}),
        permit: Permit | None = None,
        again: bool = False,
        only_failed_in: int | None = None,
        show: str = "",
        text: Text | None = None,
    ) -> Broadcast | None:
        """Open a broadcast to everybody who gets the schedule's pushes.

        A choice without a rendering gets nothing, for the reason in `without`, and so does a target that got the
        episode on a schedule that it has left. With `again`, the episode is pushed once more. With `only_failed_in`,
        only those get it whose delivery of that broadcast failed.

        Returns:
            None if the episode was pushed on this schedule before and not `again`, or if the push has no `permit`.
        """
        now = self._clock()

        def deliver(connection: Connection, push: Broadcast) -> None:
            opening.deliver_to_choices(
                connection, push, chosen=renderings, without=without, again=again, only_failed_in=only_failed_in
            )
            if text is not None:
                keep_text(connection, push.id, text)

        def step(connection: Connection) -> Broadcast | None:
            if permit is not None and not may_go(connection, schedule, episode, permit):
                return None
            return opening.open_broadcast(
                connection,
                deliver,
                BroadcastKind.PUSH,
                episode=episode,
                title=title,
                key=schedule,
                now=now,
                due=due,
                again=again,
                show=show,
            )

        return await self._database.write(step)

    async def create_single(
        self,
        *,
        episode: int,
        title: str,
        target: Target,
        rendering: Rendering,
        choice: Choice | None = None,
        again: bool = False,
        show: str = "",
        text: Text | None = None,
    ) -> Broadcast | None:
        """Open a broadcast to one target, subscribed or not; return None if it exists and not `again`."""

        def deliver(connection: Connection, single: Broadcast) -> None:
            opening.deliver_to_targets(connection, single, [(rendering, [target])], choice)
            if text is not None:
                keep_text(connection, single.id, text)

        return await self._database.write(
            opening.open_broadcast,
            deliver,
            BroadcastKind.SINGLE,
            episode=episode,
            title=title,
            key=to_one(target),
            now=self._clock(),
            again=again,
            show=show,
        )

    async def stored(self, rendering_id: int) -> StoredRendering:
        """Return the rendering with this id, its messages' fallbacks included."""
        return await self._database.read(_stored, rendering_id)

    async def next_due(
        self, platform: PlatformName, ranks: Sequence[DeliveryRank] = tuple(DeliveryRank)
    ) -> dt.datetime | None:
        """Return when the next pending delivery of the ranks is due, perhaps in the past; None if there is none."""
        first = _first_due(tuple(ranks))
        due: dt.datetime | None = await self._database.read(
            lambda connection: connection.scalar(first, {"platform": platform})
        )
        return due

    async def claim(
        self,
        platform: PlatformName,
        limit: int,
        outcomes: Sequence[Outcome] = (),
        ranks: Sequence[DeliveryRank] = tuple(DeliveryRank),
    ) -> list[Claim]:
        """Claim up to `limit` messages that may be sent now, by rank, then those that have waited longest.

        Each is `sending` from now on, no other process gets it, and the claim counts as an attempt. `outcomes` are
        recorded in the same transaction, because a transaction costs more than all that is in it.
        """
        claim = outcomes_of.record_and_claim
        return await self._database.write(claim, outcomes, platform, limit, self._clock(), ranks=ranks)

    async def lately(self, platform: PlatformName) -> list[tuple[Target, dt.timedelta, int]]:
        """Return the chats to which messages left within the last minute.

        Each with the time since the last of them left, and how many there may have been.
        """
        return await self._database.read(outcomes_of.lately, platform, self._clock())

    async def record(self, outcomes: Sequence[Outcome]) -> None:
        """Record the outcomes of deliveries. Cheapest with a hundred at once.

        A delivery that would be pending fails instead if nobody wants it any more: its rendering is stopped, its
        broadcast or subscription is over, or its people are on holiday. Because messages that have left must not leave
        again, a file that is not in its place takes outcomes too.
        """
        await self._database.write_anywhere(outcomes_of.record, outcomes, self._clock())

    async def fall_back(self, delivery_id: int) -> None:
        """Go on with the delivery in a rendering whose next message is replaced by its fallback."""
        await self._database.write(outcomes_of.fall_back, delivery_id, self._clock())

    async def recover(self, platform: PlatformName, *, hold: bool, hold_reports: bool = False) -> int:
        """Take back the claims of a process that died. Only for a platform on which nobody is sending.

        Because nobody knows whether those messages arrived, they are pending again, or with `hold` skipped: their ids
        are then None, and a delivery whose last message is skipped is `unknown`. With `hold_reports`, only the reports
        of pushes are skipped, because `recap status` shows what they say and an admin would read them twice.

        Returns:
            The number of claims.
        """
        now = self._clock()
        return await self._database.write(outcomes_of.recover, platform, now, hold=hold, hold_reports=hold_reports)

    async def is_refused(self, rendering_id: int, position: int) -> bool:
        """Return whether several chats refused the rendering's message at the position, and none took it."""
        return await self._database.read(outcomes_of.refusal, rendering_id, position) is not None

    async def stop_if_refused(self, rendering_id: int, position: int) -> Stopped | None:
        """Stop the rendering if its message is refused: fail its pending deliveries. Other renderings go on.

        Returns:
            None if the message is not refused, or the rendering was stopped before.
        """
        return await self._database.write(outcomes_of.stop_if_refused, rendering_id, position, self._clock())

    async def finish(self) -> list[Broadcast]:
        """Close the broadcasts of which nothing is left to send, and return each to the caller that closed it."""
        # Nobody writes while nothing is open, which is nearly always.
        if not await self.is_anything_open():
            return []
        return await self._database.write(_finish, self._clock())

    async def broadcast_of(self, episode: int, key: str) -> Broadcast | None:
        """Return the latest broadcast of the episode with this key, such as the name of a schedule."""
        c = broadcasts.c
        every = select(broadcasts).where(c.episode == episode, c.key == key)
        return next(map(Broadcast.of, await self._database.rows(every.order_by(c.repeat.desc()).limit(1))), None)

    async def broadcasts(self, limit: int) -> list[Broadcast]:
        """Return the latest broadcasts of episodes, the newest first."""
        latest = select(broadcasts).where(_OF_EPISODES).order_by(broadcasts.c.id.desc()).limit(limit)
        return list(map(Broadcast.of, await self._database.rows(latest)))

    async def tally(self, broadcast_id: int) -> dict[DeliveryState, int]:
        """Return how many deliveries of the broadcast are in each of all states."""
        c = deliveries.c
        counts = select(c.state, func.count()).where(c.broadcast_id == broadcast_id).group_by(c.state)
        return {**dict.fromkeys(DeliveryState, 0), **dict(await self._database.rows(counts))}

    async def is_anything_open(self) -> bool:
        """Return whether any push or notice is not over yet."""
        return await self._database.scalar(select(broadcasts.c.id).where(BROADCAST_IS_OPEN).limit(1)) is not None

    async def unfinished(self, broadcast_ids: Sequence[int]) -> dict[PlatformName, int]:
        """Return how many deliveries of the broadcasts are still to be made, by platform."""
        c = deliveries.c
        counts = select(c.platform, func.count()).where(c.broadcast_id.in_(broadcast_ids), IS_UNFINISHED)
        return dict(await self._database.rows(counts.group_by(c.platform)))

    async def failures(self, broadcast_id: int) -> list[Delivery]:
        """Return the deliveries of the broadcast that failed or are `unknown`, and did not arrive later, by target."""
        c = deliveries.c
        failed = select(deliveries).where(
            c.broadcast_id == broadcast_id,
            c.state.in_((DeliveryState.FAILED, DeliveryState.UNKNOWN)),
            c.code.not_in(NO_FAILURES),
            ~ARRIVED_LATER,
        )
        return list(map(Delivery.of, await self._database.rows(failed.order_by(c.platform, c.chat, c.thread))))

    async def prune(self, keep_episodes: int = KEPT_EPISODES, correctable: dt.timedelta = dt.timedelta()) -> None:
        """Delete the deliveries and renderings of all but the episodes pushed last; keep that they were pushed.

        Those of an episode that may still be corrected stay. Those of notices go with the pushes that they lie between.
        The figures keep the results of the pushes, and lose the sums of days long ago.
        """
        c, since = broadcasts.c, self._clock() - correctable
        latest = select(c.episode).where(_OF_EPISODES).group_by(c.episode)
        last = latest.order_by(func.max(c.id).desc()).limit(keep_episodes)
        kept = c.episode.in_(last) | c.episode.in_(latest.having(func.max(c.created) > since))
        first_kept = select(func.min(c.id)).where(_OF_EPISODES, kept).scalar_subquery()
        is_old = (_ABOUT_EPISODES & ~kept) | (~_ABOUT_EPISODES & (c.id < first_kept))
        old = select(c.id).where(~BROADCAST_IS_OPEN, is_old)

        def step(connection: Connection) -> None:
            figures.prune(connection, c.id.in_(old), self._clock())
            for table in (deliveries, renderings, choices, texts):
                connection.execute(delete(table).where(table.c.broadcast_id.in_(old)))

        await self._database.write(step)


@cache
def _first_due(ranks: tuple[DeliveryRank, ...]) -> Select[Any]:
    """Return the query for the first due of the ranks on a `platform`; to write it anew takes longer than it runs."""
    c = deliveries.c
    # By rank, because the index leads to the first of each; else every pending delivery would be read.
    firsts = union_all(
        *(
            select(func.min(c.due).label("due")).where(c.platform == bindparam("platform"), c.rank == rank, IS_PENDING)
            for rank in ranks
        )
    ).subquery()
    return select(func.min(firsts.c.due))


def _finish(connection: Connection, now: dt.datetime) -> list[Broadcast]:
    finish = update(broadcasts).where(BROADCAST_IS_OPEN, ~BROADCAST_IS_UNFINISHED)
    done = finish.values(state=BroadcastState.DONE, finished=now).returning(broadcasts)
    ended = list(map(Broadcast.of, connection.execute(done).all()))
    c = deliveries.c
    # Because a declared chat is tried although its subscription is paused, one that took the push is paused no more.
    for push in (each for each in ended if each.kind is BroadcastKind.PUSH):
        took_it = (c.subscription_id == subscriptions.c.id, c.broadcast_id == push.id, c.state == DeliveryState.SENT)
        paused = (subscriptions.c.schedule == push.key, IS_PAUSED, IS_DECLARED)
        again = update(subscriptions).where(*paused, exists().where(*took_it))
        connection.execute(again.values(state=SubscriptionState.ACTIVE, reason="", has_left=False, updated=now))
    return ended


def _stored(connection: Connection, rendering_id: int) -> StoredRendering:
    of_broadcast = broadcasts.c.created, broadcasts.c.seed, broadcasts.c.kind
    stored = select(renderings, *of_broadcast).join(broadcasts).where(renderings.c.id == rendering_id)
    row = connection.execute(stored).one()
    messages = tuple(map(_message, row.messages))
    revision = None
    if row.kind in CHANGES:
        before = _stored(connection, row.replaces) if row.replaces is not None else None
        after = _stored(connection, row.becomes) if row.becomes is not None else None
        revision = _revision(messages[0], before, after, row.becomes)
        messages = after.rendering.messages if after is not None else ()
    if row.fallback_id is not None:
        instead = _stored(connection, row.fallback_id).rendering.messages
        messages = tuple(dataclasses.replace(message, fallback=instead) for message in messages)
    seed = f"{row.seed} {row.key}" if row.seed else f"{row.created.timestamp()}/{rendering_id}"
    return StoredRendering(Rendering(row.title, messages), row.created, seed, row.seed is not None, revision)


def _revision(
    withdrawn: Message, before: StoredRendering | None, after: StoredRendering | None, becomes: int | None
) -> Revision:
    stood, stands = (each.rendering.messages if each is not None else () for each in (before, after))
    pairs = enumerate(zip(stood, stands, strict=False))
    unchanged = {place for place, (old, new) in pairs if (old.body, old.upload) == (new.body, new.upload)}
    known = [each for each in (before, after) if each is not None]
    has_recording = any(each.has_upload for each in known)
    renames = len({each.rendering.title for each in known}) > 1 or before is None
    sent = min(each.opened for each in known)
    return Revision(frozenset(unchanged), withdrawn, becomes, sent, renames=renames, has_recording=has_recording)


def _message(kept: JsonObject) -> Message:
    upload = Upload(**kept["upload"]) if "upload" in kept else None
    return Message(**{**kept, "fallback": tuple(map(_message, kept.get("fallback", ()))), "upload": upload})
