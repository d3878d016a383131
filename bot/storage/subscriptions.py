"""The subscriptions in the ledger."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, exists, func, select, tuple_, update

from bot.model.document import Layout
from bot.model.facts import Code
from bot.model.subscription import Choices, Origin, PlatformName, Subscription, SubscriptionState, Target
from bot.storage.database import insert
from bot.storage.notices import unname
from bot.storage.opening import failed_in, gets_pushes
from bot.storage.records import BroadcastState, DeliveryState
from bot.storage.tables import broadcasts, deliveries, moves, publications, subscriptions

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Collection, Iterable, Mapping

    from sqlalchemy import ColumnElement, Row, Table
    from sqlalchemy.ext.asyncio import AsyncConnection

    from bot.storage.database import Database

UNDECLARED = "no longer in the config"
"""The reason of a subscription that ended because the config names it no more."""
FORGOTTEN = "forgotten"
"""The reason of a declared subscription whose people had everything about them deleted."""


class LedgerSubscriptions:
    """The subscriptions, for the commands, the workers and the config. Every method is one transaction.

    All of them raise `LedgerError` when the database cannot be used.
    """

    def __init__(self, database: Database, clock: Callable[[], dt.datetime]) -> None:
        self._database = database
        self._clock = clock

    async def of(self, target: Target) -> list[Subscription]:
        """Every subscription of the target that has not ended, by schedule."""
        return await self._select(*_at(subscriptions, target), subscriptions.c.state != SubscriptionState.ENDED)

    async def last_ended(self, target: Target) -> Subscription | None:
        """Of the target's subscriptions that have ended, the one that did last."""
        c = subscriptions.c
        ended = select(subscriptions).where(*_at(subscriptions, target), c.state == SubscriptionState.ENDED)
        async with self._database.reading() as connection:
            row = (await connection.execute(ended.order_by(c.updated.desc(), c.id).limit(1))).first()
        return None if row is None else _subscription(row)

    async def all(self) -> list[Subscription]:
        """Every subscription there ever was, ended ones too, by target."""
        return await self._select()

    async def count(self, schedule: str, platforms: Collection[PlatformName] | None = None) -> int:
        """Return how many subscriptions of the schedule get pushes on the platforms, or on all."""
        c = subscriptions.c
        active = select(func.count()).where(c.schedule == schedule, gets_pushes(self._clock()))
        if platforms is not None:
            active = active.where(c.platform.in_(platforms))
        async with self._database.reading() as connection:
            return (await connection.execute(active)).scalar_one()

    async def save(self, subscription: Subscription) -> None:
        """Add the subscription, or give the one of the same target and schedule these choices and this state."""
        await self.save_all([subscription])

    async def save_all(self, these: Iterable[Subscription]) -> None:
        """The same for many: all of them are saved, or none."""
        async with self._database.writing() as connection:
            for subscription in these:
                await self._put(connection, subscription)

    async def end(self, target: Target, reason: str, *, schedule: str | None = None) -> bool:
        """End the target's subscriptions, all or that of one schedule; whether there was any to end.

        What is pending for them is not sent: a way out works at once.
        """
        async with self._database.writing() as connection:
            of_schedule = () if schedule is None else (subscriptions.c.schedule == schedule,)
            return await self._end(connection, (*_at(subscriptions, target), *of_schedule), reason)

    async def left(self, target: Target, reason: str) -> bool:
        """The whole chat of the target left: end its subscriptions until it comes back; whether there was any."""
        async with self._database.writing() as connection:
            return await self._end(connection, _in_chat(subscriptions, target), reason, has_left=True)

    async def came_back(self, *targets: Target) -> bool:
        """Make active again what ended because a chat left, with the choices it had; whether there was any."""
        c = subscriptions.c
        chats = [(target.platform, target.chat) for target in targets]
        change = (
            update(subscriptions)
            .where(tuple_(c.platform, c.chat).in_(chats), c.state == SubscriptionState.ENDED, c.has_left)
            .values(state=SubscriptionState.ACTIVE, reason="", has_left=False, updated=self._clock())
        )
        async with self._database.writing() as connection:
            return (await connection.execute(change)).rowcount > 0

    async def forget(self, target: Target) -> None:
        """Forget the chat of the target, as `Subscriptions.forget` says.

        Its deliveries go too: a push that is under way finds nothing more to send there, and no push exists twice.
        """
        async with self._database.writing() as connection:
            await connection.execute(delete(deliveries).where(*_in_chat(deliveries, target)))
            await connection.execute(delete(publications).where(*_in_chat(publications, target)))
            await unname(connection, target)
            here = _in_chat(subscriptions, target)
            await self._end(connection, here, FORGOTTEN)
            await connection.execute(
                update(subscriptions)
                .where(*here)
                .values(topics="", layout=Layout.DIGEST, silent=False, rich=False, paused_until=None, has_left=False)
            )
            await connection.execute(delete(subscriptions).where(*here, subscriptions.c.declared.is_(None)))
            of_the_chat = (moves.c.old_chat == target.chat) | (moves.c.new_chat == target.chat)
            # Without the way from an old id, a declaration of it would be taken for one of another chat.
            await connection.execute(
                delete(moves).where(moves.c.platform == target.platform, of_the_chat, ~exists().where(*here))
            )

    async def pause(self, target: Target, reason: str) -> bool:
        """Pause every active subscription of the target; whether there was any."""
        return await self._change(target, SubscriptionState.ACTIVE, SubscriptionState.PAUSED, reason)

    async def end_paused(self, before: dt.datetime) -> list[Subscription]:
        """End the subscriptions that have been paused since then or longer; those that it ended."""
        c = subscriptions.c
        too_long = (c.state == SubscriptionState.PAUSED, c.updated <= before)
        ended = await self._select(*too_long)
        if ended:
            end = update(subscriptions).where(*too_long).values(state=SubscriptionState.ENDED, updated=self._clock())
            async with self._database.writing() as connection:
                await connection.execute(end)
        return ended

    async def resume(self, target: Target) -> bool:
        """Make every paused subscription of the target active again; whether there was any. Ended ones stay ended."""
        return await self._change(target, SubscriptionState.PAUSED, SubscriptionState.ACTIVE, "")

    async def resume_failed_in(self, broadcast_id: int) -> int:
        """Make those paused ones active again whose delivery of the broadcast failed; how many there were."""
        change = (
            update(subscriptions)
            .where(failed_in(broadcast_id), subscriptions.c.state == SubscriptionState.PAUSED)
            .values(state=SubscriptionState.ACTIVE, reason="", updated=self._clock())
        )
        async with self._database.writing() as connection:
            return (await connection.execute(change)).rowcount

    async def move(self, old: Target, new_chat: str) -> None:
        """The platform gave the chat of `old` a new id: rewrite it in its subscriptions and unfinished deliveries.

        The whole chat moved, so all of its threads go along. Where the new id has a subscription to the same
        schedule, or a delivery of the same broadcast, that one stays and the old one goes.
        """
        if new_chat == old.chat:
            return
        async with self._database.writing() as connection:
            await _remember_move(connection, old, new_chat)
            await _merge_subscriptions(connection, old, new_chat)
            await _merge_deliveries(connection, old, new_chat)

    async def declare(self, declared: Iterable[Subscription], unsure: Collection[PlatformName] = ()) -> None:
        """Bring the subscriptions in line with those that the config declares, but end none of the `unsure` platforms.

        A declaration speaks when it is new or has changed: then the subscription gets its choices and becomes
        active, whatever it was. As long as it stays the same, what happened since stays too: people of a chat who
        left or chose otherwise are not subscribed back by a restart of the bot. To bring them back, the admin changes
        the declaration, or takes it out for one start.

        A target that is declared no more loses its subscription, unless somebody made it theirs by a command. A
        declaration by a chat's old id means the chat, wherever it moved.
        """
        async with self._database.writing() as connection:
            current = await _at_new_ids(connection, declared)
            known = await _declarations(connection)
            for key, subscription in current.items():
                declaration = _declaration(subscription.choices)
                if key not in known or known[key].declared != declaration:
                    await self._put(connection, subscription, declared=declaration)
            for key in known.keys() - current.keys():
                if known[key].platform not in unsure:
                    await self._undeclare(connection, known[key].id)

    async def _select(self, *conditions: ColumnElement[bool]) -> list[Subscription]:
        c = subscriptions.c
        wanted = select(subscriptions).where(*conditions).order_by(c.platform, c.chat, c.thread, c.schedule)
        async with self._database.reading() as connection:
            return [_subscription(row) for row in await connection.execute(wanted)]

    async def _change(self, target: Target, old: SubscriptionState, new: SubscriptionState, reason: str) -> bool:
        change = (
            update(subscriptions)
            .where(*_at(subscriptions, target), subscriptions.c.state == old)
            .values(state=new, reason=reason, updated=self._clock())
        )
        async with self._database.writing() as connection:
            return (await connection.execute(change)).rowcount > 0

    async def _put(self, connection: AsyncConnection, subscription: Subscription, **declared: str) -> None:
        target, choices, now = subscription.target, subscription.choices, self._clock()
        key = {
            "platform": target.platform,
            "chat": target.chat,
            "thread": target.thread,
            "schedule": subscription.schedule,
        }
        changes = {
            "topics": _joined(choices.topics),
            "layout": choices.layout,
            "silent": choices.silent,
            "publish": choices.publish,
            "rich": choices.rich,
            "origin": subscription.origin,
            "state": subscription.state,
            "reason": subscription.reason,
            "paused_until": subscription.paused_until,
            "has_left": False,
            "updated": now,
            **declared,
        }
        put = insert(connection, subscriptions).values(**key, **changes, created=now)
        await connection.execute(put.on_conflict_do_update(index_elements=list(key), set_=changes))

    async def _end(
        self,
        connection: AsyncConnection,
        conditions: Iterable[ColumnElement[bool]],
        reason: str,
        *,
        has_left: bool = False,
    ) -> bool:
        now = self._clock()
        end = (
            update(subscriptions)
            .where(*conditions, subscriptions.c.state != SubscriptionState.ENDED)
            .values(state=SubscriptionState.ENDED, reason=reason, has_left=has_left, updated=now)
            .returning(subscriptions.c.id)
        )
        ended = (await connection.execute(end)).scalars().all()
        await connection.execute(
            update(deliveries)
            .where(deliveries.c.subscription_id.in_(ended), deliveries.c.state == DeliveryState.PENDING)
            .values(state=DeliveryState.FAILED, code=Code.ENDED, reason=reason, updated=now)
        )
        return bool(ended)

    async def _undeclare(self, connection: AsyncConnection, subscription_id: int) -> None:
        this = subscriptions.c.id == subscription_id
        await connection.execute(update(subscriptions).where(this).values(declared=None, updated=self._clock()))
        await self._end(connection, (this, subscriptions.c.origin == Origin.CONFIG), UNDECLARED)


_Key = tuple[Target, str]


def _at(table: Table, target: Target) -> tuple[ColumnElement[bool], ...]:
    return *_in_chat(table, target), table.c.thread == target.thread


def _in_chat(table: Table, target: Target) -> tuple[ColumnElement[bool], ...]:
    return table.c.platform == target.platform, table.c.chat == target.chat


def _joined(topics: Iterable[str]) -> str:
    return " ".join(sorted(topics))


def _subscription(row: Row[Any]) -> Subscription:
    return Subscription(
        target=_target(row),
        schedule=row.schedule,
        choices=Choices(tuple(row.topics.split()), Layout(row.layout), row.silent, row.publish, row.rich),
        origin=Origin(row.origin),
        state=SubscriptionState(row.state),
        reason=row.reason,
        paused_until=row.paused_until,
    )


def _target(row: Row[Any]) -> Target:
    return Target(PlatformName(row.platform), row.chat, row.thread)


def _declaration(choices: Choices) -> str:
    """The choices in one spelling, to see whether the config says the same as the last time."""
    # What is rich alone says so: a config that never heard of it must not be news.
    kind = " rich=True" if choices.rich else ""
    return f"{choices.layout} silent={choices.silent} publish={choices.publish}{kind} {_joined(choices.topics)}"


async def _declarations(connection: AsyncConnection) -> Mapping[_Key, Row[Any]]:
    rows = await connection.execute(select(subscriptions).where(subscriptions.c.declared.is_not(None)))
    return {(_target(row), row.schedule): row for row in rows}


async def _at_new_ids(connection: AsyncConnection, declared: Iterable[Subscription]) -> dict[_Key, Subscription]:
    moved = {(row.platform, row.old_chat): row.new_chat for row in await connection.execute(select(moves))}
    current = {}
    for subscription in declared:
        target = subscription.target
        chat = moved.get((target.platform, target.chat), target.chat)
        now_at = dataclasses.replace(subscription, target=target._replace(chat=chat), origin=Origin.CONFIG)
        current[now_at.target, now_at.schedule] = now_at
    return current


async def _remember_move(connection: AsyncConnection, old: Target, new_chat: str) -> None:
    # Kept one step long: what had moved to the old id has now moved on.
    await connection.execute(
        update(moves).where(moves.c.platform == old.platform, moves.c.new_chat == old.chat).values(new_chat=new_chat)
    )
    move = insert(connection, moves).values(platform=old.platform, old_chat=old.chat, new_chat=new_chat)
    await connection.execute(
        move.on_conflict_do_update(index_elements=["platform", "old_chat"], set_={"new_chat": new_chat})
    )


async def _merge_subscriptions(connection: AsyncConnection, old: Target, new_chat: str) -> None:
    leaving, staying = subscriptions.alias("leaving"), subscriptions.alias("staying")
    twins = (
        select(leaving.c.id, leaving.c.declared, staying.c.id.label("twin"))
        .join_from(
            leaving,
            staying,
            (staying.c.platform == leaving.c.platform)
            & (staying.c.thread == leaving.c.thread)
            & (staying.c.schedule == leaving.c.schedule),
        )
        .where(leaving.c.platform == old.platform, leaving.c.chat == old.chat, staying.c.chat == new_chat)
    )
    for row in (await connection.execute(twins)).all():
        stays = subscriptions.c.id == row.twin
        # A declaration of the old id is from now on one of the new, and no news to it.
        declared = func.coalesce(subscriptions.c.declared, row.declared)
        await connection.execute(update(subscriptions).where(stays).values(declared=declared))
        of_the_old = deliveries.c.subscription_id == row.id
        await connection.execute(update(deliveries).where(of_the_old).values(subscription_id=row.twin))
        await connection.execute(delete(subscriptions).where(subscriptions.c.id == row.id))
    here = (subscriptions.c.platform == old.platform, subscriptions.c.chat == old.chat)
    await connection.execute(update(subscriptions).where(*here).values(chat=new_chat))


async def _merge_deliveries(connection: AsyncConnection, old: Target, new_chat: str) -> None:
    being_sent = select(broadcasts.c.id).where(broadcasts.c.state == BroadcastState.OPEN)
    twin = deliveries.alias("twin")
    # One broadcast at a time, because its id leads straight to the chat, past everybody else's pending deliveries.
    for broadcast_id in (await connection.execute(being_sent)).scalars().all():
        unfinished = (
            deliveries.c.broadcast_id == broadcast_id,
            deliveries.c.platform == old.platform,
            deliveries.c.chat == old.chat,
            deliveries.c.state.in_((DeliveryState.PENDING, DeliveryState.SENDING)),
        )
        is_there_already = exists().where(
            twin.c.broadcast_id == deliveries.c.broadcast_id,
            twin.c.platform == deliveries.c.platform,
            twin.c.chat == new_chat,
            twin.c.thread == deliveries.c.thread,
        )
        await connection.execute(delete(deliveries).where(*unfinished, is_there_already))
        await connection.execute(update(deliveries).where(*unfinished).values(chat=new_chat))
