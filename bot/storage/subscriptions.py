"""The subscriptions in the ledger."""

import dataclasses
import datetime as dt
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, and_, case, delete, exists, func, literal, select, tuple_, update

from bot.model.codes import Code, LeftOut
from bot.model.document import Layout
from bot.model.i18n import gettext_noop
from bot.model.subscription import AudioAs, Choices, Origin, PlatformName, Subscription, SubscriptionState, Target
from bot.storage import figures
from bot.storage.database import LedgerPart, insert
from bot.storage.figures import counting
from bot.storage.notices import unname
from bot.storage.opening import leave_out, take_turns
from bot.storage.outcomes import fail_unwanted
from bot.storage.records import DeliveryState, target_of
from bot.storage.tables import (
    BROADCAST_IS_OPEN,
    HAS_ENDED,
    IS_DECLARED,
    IS_PAUSED,
    IS_PENDING,
    IS_UNFINISHED,
    broadcasts,
    deliveries,
    failed_in,
    gets_pushes,
    is_at,
    is_in_chat,
    moves,
    pins,
    publications,
    subscriptions,
)

PUT_AT_ONCE = 500
"""Subscriptions in one statement: fewer values than either database takes at once."""
UNDECLARED = gettext_noop("no longer in the config")
"""The reason of a subscription that ended because the config names it no more."""
FORGOTTEN = "forgotten"
"""The reason of a declared subscription whose people had everything about them deleted."""

_BY_TARGET = (subscriptions.c.platform, subscriptions.c.chat, subscriptions.c.thread, subscriptions.c.schedule)


class LedgerSubscriptions(LedgerPart):
    """The subscriptions in the ledger. Every method is one transaction and may raise `LedgerError`."""

    async def of(self, target: Target) -> list[Subscription]:
        """Return every subscription of the target that has not ended, by schedule."""
        return await self._select(is_at(subscriptions, target), ~HAS_ENDED)

    async def last_ended(self, target: Target) -> Subscription | None:
        """Return the one of the target's ended subscriptions that ended last."""
        c = subscriptions.c
        ended = select(subscriptions).where(is_at(subscriptions, target), HAS_ENDED)
        last = ended.order_by(c.updated.desc(), c.id).limit(1)
        return next(map(_subscription, await self._database.rows(last)), None)

    async def all(self) -> list[Subscription]:
        """Return every subscription there ever was, ended ones too, by target."""
        return await self._select()

    async def count(self, schedule: str, platforms: Collection[PlatformName] | None = None) -> int:
        """Return how many subscriptions of the schedule get pushes, on these platforms or on all."""
        c = subscriptions.c
        active = select(func.count()).where(c.schedule == schedule, gets_pushes(self._clock()))
        if platforms is not None:
            active = active.where(c.platform.in_(platforms))
        count: int = await self._database.scalar(active)
        return count

    async def save(self, subscription: Subscription) -> None:
        """Add the subscription, or give the one of the same target and schedule these choices and this state."""
        await self.save_all([subscription])

    async def save_all(self, these: Iterable[Subscription]) -> None:
        """Save many subscriptions: all of them, or none."""
        now = self._clock()
        await self._database.write(_put, [_row(subscription, now) for subscription in these], now)

    async def end(self, target: Target, reason: str, *, schedule: str | None = None) -> bool:
        """End the target's subscriptions, all or that of one schedule, and fail their pending deliveries.

        Returns:
            True if one was active or paused.
        """
        which = is_at(subscriptions, target)
        if schedule is not None:
            which &= subscriptions.c.schedule == schedule
        return await self._database.write(_end, which, reason, self._clock())

    async def left(self, target: Target, reason: str, *, is_person: bool = False) -> bool:
        """End every subscription of the chat, threads included, until it comes back.

        A declared one is paused, and tried at each push, so that the admins hear of it until the config is mended. A
        person who leaves has chosen to, and no mistake of the config is the cause.

        Returns:
            True if one was active or paused.
        """
        end, which = _end if is_person else _lose, is_in_chat(subscriptions, target)
        return await self._database.write(end, which, reason, self._clock(), has_left=True)

    async def lost(self, target: Target, reason: str) -> None:
        """End the target's subscriptions, because the platform does not know it; pause a declared one as `left`."""
        await self._database.write(_lose, is_at(subscriptions, target), reason, self._clock())

    async def came_back(self, *targets: Target) -> bool:
        """Make active again, with its choices, every subscription that ended because its chat left.

        Returns:
            True if there was one.
        """
        c, chats = subscriptions.c, [(target.platform, target.chat) for target in targets]
        which = tuple_(c.platform, c.chat).in_(chats)
        back = {"state": SubscriptionState.ACTIVE, "reason": "", "has_left": False}
        return await self._count_change(which, c.state != SubscriptionState.ACTIVE, c.has_left, **back) > 0

    async def forget(self, target: Target) -> None:
        """Forget the chat of the target, as `Subscriptions.forget` says.

        Its deliveries are deleted too: a push under way sends nothing more there, and no push exists twice.
        """
        await self._database.write(_forget, target, self._clock())

    async def pause(self, target: Target, reason: str) -> bool:
        """Pause every active subscription of the target; return whether there was one."""
        which = (is_at(subscriptions, target), subscriptions.c.state == SubscriptionState.ACTIVE)
        return await self._change(*which, state=SubscriptionState.PAUSED, reason=reason) > 0

    async def end_paused(self, before: dt.datetime) -> list[Subscription]:
        """End the subscriptions that have been paused since then or longer, and return them as they were.

        A declared one goes on, because each report names it.
        """
        which = (IS_PAUSED, ~IS_DECLARED, subscriptions.c.updated <= before)
        ended = await self._select(*which)
        if ended:
            await self._count_change(*which, state=SubscriptionState.ENDED)
        return ended

    async def resume(self, target: Target) -> bool:
        """Make every paused subscription of the target active again; return whether there was one."""
        return await self._resume(is_at(subscriptions, target)) > 0

    async def resume_failed_in(self, broadcast_id: int) -> int:
        """Make every paused subscription whose delivery of the broadcast failed active again; return their number."""
        return await self._resume(failed_in(broadcast_id))

    async def move(self, old: Target, new_chat: str) -> None:
        """Rewrite the id of the chat, threads included, in its subscriptions and unfinished deliveries.

        Where the new id has a subscription to the same schedule, or a delivery of the same broadcast, that one stays
        and the old one is deleted.
        """
        if new_chat != old.chat:
            await self._database.write(_move, old, new_chat, self._clock())

    async def declare(self, declared: Iterable[Subscription], unsure: Collection[PlatformName] = ()) -> None:
        """Bring the subscriptions in line with those that the config declares, but end none of the `unsure` platforms.

        A new or changed declaration gives the subscription its choices and makes it active. One that stays the same
        changes nothing, so that a restart does not subscribe people back who left or chose otherwise. To bring them
        back, the admin changes the declaration, or takes it out for one start.

        A target that is declared no more loses its subscription, unless its people made it theirs by a command. A
        declaration by a chat's old id means the chat at its new one.
        """
        await self._database.write(_declare, declared, unsure, self._clock())

    async def _select(self, *which: ColumnElement[bool]) -> list[Subscription]:
        wanted = select(subscriptions).where(*which).order_by(*_BY_TARGET)
        return list(map(_subscription, await self._database.rows(wanted)))

    async def _resume(self, which: ColumnElement[bool]) -> int:
        return await self._change(which, IS_PAUSED, state=SubscriptionState.ACTIVE, reason="")

    async def _count_change(self, these: ColumnElement[bool], *which: ColumnElement[bool], **values: object) -> int:
        """Change those among `these`, and count which of these begin or end by that."""
        now = self._clock()

        def step(connection: Connection) -> int:
            with counting(connection, these, now):
                change = update(subscriptions).where(these, *which)
                begun = _begun(literal(now, subscriptions.c.created.type))
                return connection.execute(change.values(updated=now, created=begun, **values)).rowcount

        return await self._database.write(step)

    async def _change(self, *which: ColumnElement[bool], **values: object) -> int:
        return await self._database.change(update(subscriptions).where(*which).values(updated=self._clock(), **values))


def _begun(now: ColumnElement[dt.datetime], is_anew: ColumnElement[bool] = HAS_ENDED) -> ColumnElement[dt.datetime]:
    """Return the moment at which a subscription began that is changed now: the one that the figures have counted."""
    return case((is_anew, now), else_=subscriptions.c.created)


def _subscription(row: Row[Any]) -> Subscription:
    return Subscription(
        target=target_of(row),
        schedule=row.schedule,
        choices=Choices(**{each.name: getattr(row, each.name) for each in dataclasses.fields(Choices)}),
        origin=row.origin,
        state=row.state,
        reason=row.reason,
        paused_until=row.paused_until,
        is_private=row.is_private,
    )


def _row(subscription: Subscription, now: dt.datetime, **declared: str) -> dict[str, object]:
    own = ("schedule", "origin", "state", "reason", "paused_until", "is_private")
    return {
        **subscription.target._asdict(),
        **{each.name: getattr(subscription.choices, each.name) for each in dataclasses.fields(Choices)},
        **{name: getattr(subscription, name) for name in own},
        "has_left": False,
        "updated": now,
        "created": now,
        **declared,
    }


def _put(connection: Connection, rows: Sequence[Mapping[str, object]], now: dt.datetime) -> None:
    key = [column.name for column in _BY_TARGET]
    for first in range(0, len(rows), PUT_AT_ONCE):
        some = rows[first : first + PUT_AT_ONCE]
        put = insert(connection, subscriptions)
        changed = some[0].keys() - {*key, "created"}
        changes: dict[str, ColumnElement[Any]] = {name: put.excluded[name] for name in changed}
        # Because a private chat stays one, a subscription that does not know it changes nothing.
        changes["is_private"] = subscriptions.c.is_private | put.excluded.is_private
        is_anew = HAS_ENDED | (~subscriptions.c.is_private & put.excluded.is_private)
        changes["created"] = _begun(put.excluded.created, is_anew)
        these = tuple_(*_BY_TARGET).in_([tuple(row[name] for name in key) for row in some])
        with counting(connection, these, now):
            connection.execute(put.on_conflict_do_update(index_elements=key, set_=changes), some)


def _lose(
    connection: Connection, which: ColumnElement[bool], reason: str, now: dt.datetime, *, has_left: bool = False
) -> bool:
    """Pause those of the subscriptions that are declared and end the others; return whether one had not ended yet."""
    take_turns(connection)
    declared = which & IS_DECLARED & ~HAS_ENDED
    pause = update(subscriptions).where(declared)
    paused = connection.execute(pause.values(state=SubscriptionState.PAUSED, reason=reason, has_left=True, updated=now))
    _change_code(connection, declared, (Code.GONE, Code.CLOSED, Code.NOT_FOUND), code=Code.UNREACHED, reason=reason)
    ended = _end(connection, which & ~IS_DECLARED, reason, now, has_left=has_left)
    return ended or paused.rowcount > 0


def _change_code(
    connection: Connection, which: ColumnElement[bool], codes: Sequence[Code], *, code: Code, reason: str
) -> None:
    """Give the subscriptions' failures with one of the codes another one in the pushes that are under way."""
    failed = update(deliveries).where(
        deliveries.c.state == DeliveryState.FAILED,
        deliveries.c.code.in_(codes),
        deliveries.c.subscription_id.in_(select(subscriptions.c.id).where(which)),
        deliveries.c.broadcast_id.in_(select(broadcasts.c.id).where(BROADCAST_IS_OPEN)),
    )
    connection.execute(failed.values(code=code, reason=reason))


def _end(
    connection: Connection, which: ColumnElement[bool], reason: str, now: dt.datetime, *, has_left: bool = False
) -> bool:
    """End the subscriptions and fail their pending deliveries; return whether one had not ended yet."""
    take_turns(connection)
    end = update(subscriptions).where(which, ~HAS_ENDED)
    end = end.values(state=SubscriptionState.ENDED, reason=reason, has_left=has_left, updated=now)
    with counting(connection, which, now):
        ended = connection.scalars(end.returning(subscriptions.c.id)).all()
    fail_unwanted(connection, IS_PENDING & deliveries.c.subscription_id.in_(ended), now)
    if has_left:
        # Because a chat that removes the bot refuses its message first and is seen to be gone a moment later, what the
        # report of the push says is that the chat is gone.
        _change_code(connection, which, (Code.CLOSED, Code.NOT_FOUND), code=Code.GONE, reason=reason)
    return bool(ended)


def _forget(connection: Connection, target: Target, now: dt.datetime) -> None:
    take_turns(connection)
    c = deliveries.c
    counts = select(c.broadcast_id, func.count()).where(is_in_chat(deliveries, target)).group_by(c.broadcast_id)
    for broadcast_id, count in connection.execute(counts).all():
        leave_out(connection, broadcast_id, LeftOut.FORGOTTEN, count)
    for table in (deliveries, publications, pins):
        connection.execute(delete(table).where(is_in_chat(table, target)))
    unname(connection, target)
    here = is_in_chat(subscriptions, target)
    _end(connection, here, FORGOTTEN, now)
    figures.forget(connection, target)
    nothing_chosen = {"topics": (), "layout": Layout.DIGEST, "silent": False, "rich": False, "paused_until": None}
    unchosen = {**nothing_chosen, "audio": AudioAs.AS_SCHEDULED, "has_left": False}
    connection.execute(update(subscriptions).where(here).values(**unchosen))
    connection.execute(delete(subscriptions).where(here, ~IS_DECLARED))
    of_the_chat = (moves.c.old_chat == target.chat) | (moves.c.new_chat == target.chat)
    # Without the way from an old id, a declaration of it would be taken for one of another chat.
    connection.execute(delete(moves).where(moves.c.platform == target.platform, of_the_chat, ~exists().where(here)))


def _declare(
    connection: Connection,
    declared: Iterable[Subscription],
    unsure: Collection[PlatformName],
    now: dt.datetime,
) -> None:
    take_turns(connection)
    moved = {(row.platform, row.old_chat): row.new_chat for row in connection.execute(select(moves))}
    was_declared = connection.execute(select(subscriptions).where(IS_DECLARED))
    known = {(target_of(row), row.schedule): row for row in was_declared}
    current = {}
    for subscription in declared:
        target = subscription.target
        target = target._replace(chat=moved.get((target.platform, target.chat), target.chat))
        current[target, subscription.schedule] = dataclasses.replace(subscription, target=target, origin=Origin.CONFIG)
    declarations = {key: _declaration(subscription.choices) for key, subscription in current.items()}
    news = [key for key, said in declarations.items() if key not in known or known[key].declared != said]
    _put(connection, [_row(current[key], now, declared=declarations[key]) for key in news], now)
    for key in known.keys() - current.keys():
        if known[key].platform not in unsure:
            this = subscriptions.c.id == known[key].id
            connection.execute(update(subscriptions).where(this).values(declared=None, updated=now))
            _end(connection, this & (subscriptions.c.origin == Origin.CONFIG), UNDECLARED, now)


def _declaration(choices: Choices) -> str:
    """Return the choices in one spelling, to see whether the config says the same as the last time."""
    # Because a config of before these choices must not count as changed, each is named only if it is made.
    later = {"rich": choices.rich, "audio": choices.audio, "mention": choices.mention, "pin": choices.pin}
    kind = "".join(f" {name}={value}" for name, value in later.items() if value)
    topics = " ".join(sorted(choices.topics))
    return f"{choices.layout} silent={choices.silent} publish={choices.publish}{kind} {topics}"


def _move(connection: Connection, old: Target, new_chat: str, now: dt.datetime) -> None:
    take_turns(connection)
    # Kept one step long: what had moved to the old id has now moved on.
    moved_here = (moves.c.platform == old.platform) & (moves.c.new_chat == old.chat)
    connection.execute(update(moves).where(moved_here).values(new_chat=new_chat))
    move = insert(connection, moves).values(platform=old.platform, old_chat=old.chat, new_chat=new_chat)
    connection.execute(move.on_conflict_do_update(index_elements=["platform", "old_chat"], set_={"new_chat": new_chat}))
    both = is_in_chat(subscriptions, old) | is_in_chat(subscriptions, old._replace(chat=new_chat))
    with counting(connection, both, now):
        _merge_subscriptions(connection, old, new_chat)
    _merge_deliveries(connection, old, new_chat)
    # Because messages stay in the old chat, none of them can be pinned or unpinned any more.
    connection.execute(delete(pins).where(is_in_chat(pins, old)))


def _merge_subscriptions(connection: Connection, old: Target, new_chat: str) -> None:
    leaving, staying = subscriptions.alias(), subscriptions.alias()
    is_twin = and_(*(staying.c[name] == leaving.c[name] for name in ("platform", "thread", "schedule")))
    twins = select(leaving.c.id, leaving.c.declared, staying.c.id.label("twin")).join_from(leaving, staying, is_twin)
    for row in connection.execute(twins.where(is_in_chat(leaving, old), staying.c.chat == new_chat)).all():
        # A declaration of the old id is from now on one of the new, and no news to it.
        declared = func.coalesce(subscriptions.c.declared, row.declared)
        connection.execute(update(subscriptions).where(subscriptions.c.id == row.twin).values(declared=declared))
        of_the_old = deliveries.c.subscription_id == row.id
        connection.execute(update(deliveries).where(of_the_old).values(subscription_id=row.twin))
        connection.execute(delete(subscriptions).where(subscriptions.c.id == row.id))
    connection.execute(update(subscriptions).where(is_in_chat(subscriptions, old)).values(chat=new_chat))


def _merge_deliveries(connection: Connection, old: Target, new_chat: str) -> None:
    c, twin = deliveries.c, deliveries.alias()
    is_twin = and_(*(twin.c[name] == c[name] for name in ("broadcast_id", "platform", "thread")))
    has_twin = exists().where(is_twin, twin.c.chat == new_chat)
    # One broadcast at a time, because its id leads straight to the chat, past everybody else's pending deliveries.
    for broadcast_id in connection.scalars(select(broadcasts.c.id).where(BROADCAST_IS_OPEN)).all():
        unfinished = (c.broadcast_id == broadcast_id) & is_in_chat(deliveries, old) & IS_UNFINISHED
        # Because the messages stay in the old chat, one with the same number in the new one is another message.
        unfinished &= c.corrects.is_(None)
        if merged := connection.execute(delete(deliveries).where(unfinished, has_twin)).rowcount:
            leave_out(connection, broadcast_id, LeftOut.MERGED, merged)
        connection.execute(update(deliveries).where(unfinished).values(chat=new_chat))
