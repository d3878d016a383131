"""How a broadcast comes into the ledger: its row, its renderings, and a delivery for everybody who is to get it.

These are the steps of one transaction, which the ledger holds.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

from sqlalchemy import ColumnElement, Integer, bindparam, exists, func, literal, or_, select, update

from bot.model.subscription import SubscriptionState
from bot.storage.database import insert
from bot.storage.records import Broadcast, BroadcastKind, BroadcastState, DeliveryState
from bot.storage.tables import Moment, broadcasts, deliveries, renderings, subscriptions

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping, Sequence

    from sqlalchemy import Insert, Update
    from sqlalchemy.ext.asyncio import AsyncConnection

    from bot.model.rendering import Rendering
    from bot.model.subscription import PlatformName, Target
    from bot.storage.records import Choice


def gets_pushes(now: dt.datetime | ColumnElement[dt.datetime]) -> ColumnElement[bool]:
    """Whether a subscription is active and its people are not on holiday."""
    c = subscriptions.c
    return (c.state == SubscriptionState.ACTIVE) & or_(c.paused_until.is_(None), c.paused_until <= now)


_TARGET = ("platform", "chat", "thread")
_FRESH = {"state": DeliveryState.PENDING, "position": 0, "message_ids": [], "attempts": 0, "code": "", "reason": ""}


def failed_in(broadcast_id: int | ColumnElement[int]) -> ColumnElement[bool]:
    """Whether the subscription's delivery of that broadcast failed."""
    c = deliveries.c
    failed = select(c.subscription_id).where(
        c.broadcast_id == broadcast_id, c.state == DeliveryState.FAILED, c.subscription_id.is_not(None)
    )
    return subscriptions.c.id.in_(failed)


def _moved_with_it() -> ColumnElement[bool]:
    """Whether the subscription's target got the episode on a schedule that it has left since."""
    c, other = subscriptions.c, subscriptions.alias()
    is_there_too = exists().where(
        *(other.c[name] == deliveries.c[name] for name in _TARGET),
        other.c.schedule == broadcasts.c.schedule,
        other.c.state != SubscriptionState.ENDED,
    )
    return (
        exists()
        .where(
            _pushed_before(),
            deliveries.c.broadcast_id == broadcasts.c.id,
            *(deliveries.c[name] == c[name] for name in _TARGET),
            deliveries.c.state != DeliveryState.FAILED,
            ~is_there_too,
        )
        .correlate(subscriptions)
    )


def _pushed_before() -> ColumnElement[bool]:
    """Whether a broadcast is another push of the same episode."""
    c = broadcasts.c
    return (
        (c.episode == bindparam("of_episode", type_=Integer))
        & (c.kind == BroadcastKind.PUSH)
        & (c.id != bindparam("of_broadcast", type_=Integer))
    )


def _deliver_to_choice(*conditions: ColumnElement[bool]) -> Insert:
    """A delivery for every subscription with a choice, of those that the conditions hold for."""
    c = subscriptions.c
    head = ["broadcast_id", "rendering_id", "due", "updated"]
    copied = ["subscription_id", "platform", "chat", "thread", "publish"]
    return deliveries.insert().from_select(
        [*head, *copied, *_FRESH],
        select(
            bindparam("of_broadcast", type_=Integer),
            bindparam("of_rendering", type_=Integer),
            bindparam("not_before", type_=Moment),
            bindparam("now", type_=Moment),
            *(c.id, c.platform, c.chat, c.thread, c.publish),
            *(literal(value, deliveries.c[name].type) for name, value in _FRESH.items()),
        ).where(
            c.schedule == bindparam("on_schedule"),
            gets_pushes(bindparam("now", type_=Moment)),
            c.platform == bindparam("on_platform"),
            c.topics == bindparam("with_topics"),
            c.layout == bindparam("in_layout"),
            c.silent == bindparam("made_silent"),
            c.rich == bindparam("made_rich"),
            *conditions,
        ),
    )


def _go_on_where_it_failed() -> Update:
    """Begin a delivery at the message that did not arrive, in the rendering (or its fallback) that it failed with."""
    failed, said = deliveries.alias(), renderings.alias()
    chosen, same = renderings.alias(), renderings.alias()
    return (
        update(deliveries)
        .where(
            deliveries.c.broadcast_id == bindparam("of_broadcast", type_=Integer),
            failed.c.broadcast_id == bindparam("failed_in", type_=Integer),
            failed.c.subscription_id == deliveries.c.subscription_id,
            failed.c.position > 0,
            said.c.id == failed.c.rendering_id,
            chosen.c.id == deliveries.c.rendering_id,
            same.c.id.in_((chosen.c.id, chosen.c.fallback_id)),
            same.c.key == said.c.key,
        )
        .values(rendering_id=same.c.id, position=failed.c.position, message_ids=failed.c.message_ids)
    )


_GO_ON = _go_on_where_it_failed()
_DELIVER_TO_CHOICE = _deliver_to_choice()
_DELIVER_TO_NEW = _deliver_to_choice(~_moved_with_it())
_DELIVER_AGAIN = _deliver_to_choice(failed_in(bindparam("failed_in", type_=Integer)))
_WAS_PUSHED = select(broadcasts.c.id).where(_pushed_before()).limit(1)


async def add_broadcast(
    connection: AsyncConnection,
    *,
    kind: BroadcastKind,
    episode: int,
    title: str,
    schedule: str,
    due: dt.datetime,
    again: bool,
    now: dt.datetime,
    text: str | None = None,
) -> Broadcast | None:
    """Add the broadcast; None when it is there and not to be repeated, or when another process adds it just now."""
    of_before = (broadcasts.c.episode == episode, broadcasts.c.schedule == schedule)
    last = (await connection.execute(select(func.max(broadcasts.c.repeat)).where(*of_before))).scalar()
    if last is not None and not again:
        return None
    # The look above cannot see what another process has not committed yet: the unique row has the last word.
    added = await connection.execute(
        insert(connection, broadcasts)
        .values(
            kind=kind,
            episode=episode,
            title=title,
            schedule=schedule,
            text=text,
            repeat=0 if last is None else last + 1,
            due=due,
            created=now,
            state=BroadcastState.OPEN,
            reason="",
        )
        .on_conflict_do_nothing()
        .returning(broadcasts)
    )
    row = added.one_or_none()
    return None if row is None else Broadcast.of(row)


async def deliver_to_choices(
    connection: AsyncConnection,
    broadcast: Broadcast,
    chosen: Mapping[Choice, Rendering],
    *,
    again: bool = False,
    only_failed_in: int | None = None,
) -> None:
    """Add the renderings, and a delivery for every active subscription with one of the choices, loading none.

    Who got the episode on another schedule and has left that one for this has it, unless it is to come `again`. With
    `only_failed_in`, only for those whose delivery of that other broadcast failed; where the messages are still the
    same, it goes on behind those that had arrived.
    """
    this = {"of_broadcast": broadcast.id, "of_episode": broadcast.episode}
    deliver, more = _DELIVER_TO_CHOICE, {}
    if only_failed_in is not None:
        deliver, more = _DELIVER_AGAIN, {"failed_in": only_failed_in}
    elif not again and (await connection.execute(_WAS_PUSHED, this)).first() is not None:
        deliver, more = _DELIVER_TO_NEW, {"of_episode": broadcast.episode}
    for choice, rendering in chosen.items():
        rendering_id = await _add_rendering(connection, broadcast, choice.platform, rendering)
        await connection.execute(
            deliver,
            {
                **more,
                "of_broadcast": broadcast.id,
                "of_rendering": rendering_id,
                "not_before": broadcast.due,
                "now": broadcast.created,
                "on_schedule": broadcast.schedule,
                "on_platform": choice.platform,
                "with_topics": " ".join(sorted(choice.topics)),
                "in_layout": choice.layout,
                "made_silent": choice.silent,
                "made_rich": choice.rich,
            },
        )
    if only_failed_in is not None:
        await connection.execute(_GO_ON, {"of_broadcast": broadcast.id, "failed_in": only_failed_in})


async def deliver_to_targets(
    connection: AsyncConnection,
    broadcast: Broadcast,
    targets: Sequence[Target],
    rendering: Rendering,
    *,
    publish: bool = False,
) -> None:
    """Add the rendering and a delivery of it to each target of one platform, subscribed or not."""
    rendering_id = await _add_rendering(connection, broadcast, targets[0].platform, rendering)
    await connection.execute(
        deliveries.insert(),
        [
            {
                "broadcast_id": broadcast.id,
                "rendering_id": rendering_id,
                "due": broadcast.due,
                "updated": broadcast.created,
                "platform": target.platform,
                "chat": target.chat,
                "thread": target.thread,
                "publish": publish,
                **_FRESH,
            }
            for target in targets
        ],
    )


async def _add_rendering(
    connection: AsyncConnection, broadcast: Broadcast, platform: PlatformName, rendering: Rendering
) -> int:
    """The id of the rendering in this broadcast, which has it once, however many choices come to it."""
    key = _key(platform, rendering)
    known = select(renderings.c.id).where(renderings.c.broadcast_id == broadcast.id, renderings.c.key == key)
    rendering_id: int | None = (await connection.execute(known)).scalar()
    if rendering_id is None:
        fallback = rendering.fallback
        added = await connection.execute(
            renderings.insert()
            .values(
                broadcast_id=broadcast.id,
                platform=platform,
                key=key,
                title=rendering.title,
                messages=_messages(rendering),
                fallback_id=fallback and await _add_rendering(connection, broadcast, platform, fallback),
            )
            .returning(renderings.c.id)
        )
        rendering_id = added.scalar_one()
    return rendering_id


def _key(platform: PlatformName, rendering: Rendering) -> str:
    """The same for equal renderings."""
    fallback = rendering.fallback and _key(platform, rendering.fallback)
    content = json.dumps([platform, rendering.title, _messages(rendering), fallback], sort_keys=True)
    return hashlib.sha256(content.encode()).hexdigest()


def _messages(rendering: Rendering) -> list[dict[str, Any]]:
    return [{"body": message.body, "used": message.used, "limit": message.limit} for message in rendering.messages]
