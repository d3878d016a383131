"""The opening of a broadcast: its row, its renderings, and a delivery for each of its targets.

Every function here is a step of a transaction.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

from sqlalchemy import Integer, bindparam, exists, func, literal, select, update

from bot.model.subscription import SubscriptionState
from bot.storage.database import insert
from bot.storage.records import Broadcast, BroadcastKind, BroadcastState, DeliveryState
from bot.storage.tables import (
    MOMENT,
    broadcasts,
    deliveries,
    failed_in,
    gets_pushes,
    renderings,
    subscriptions,
)

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping, Sequence

    from sqlalchemy import ColumnElement, Connection, Insert, Update

    from bot.model.rendering import Rendering
    from bot.model.subscription import PlatformName, Target
    from bot.storage.records import Choice


_TARGET = ("platform", "chat", "thread")
_OF_BROADCAST = bindparam("of_broadcast", type_=Integer)
_NOW = bindparam("now", type_=MOMENT)
_FRESH: dict[str, Any] = {
    "state": DeliveryState.PENDING,
    "position": 0,
    "message_ids": (),
    "attempts": 0,
    "code": "",
    "reason": "",
}


def _moved_with_it() -> ColumnElement[bool]:
    """Return whether the subscription's target got the episode on a schedule that it has left since."""
    c, other = subscriptions.c, subscriptions.alias()
    is_there_too = exists().where(
        *(other.c[name] == deliveries.c[name] for name in _TARGET),
        other.c.schedule == broadcasts.c.key,
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
    """Return whether a broadcast is another push of the same episode."""
    c = broadcasts.c
    return (c.episode == bindparam("of_episode")) & (c.kind == BroadcastKind.PUSH) & (c.id != _OF_BROADCAST)


def _deliver_to_choice(*conditions: ColumnElement[bool]) -> Insert:
    """Add a delivery for every subscription with a choice for which the conditions hold."""
    c = subscriptions.c
    head = ["broadcast_id", "rendering_id", "due", "updated"]
    copied = ["subscription_id", "platform", "chat", "thread", "publish"]
    return deliveries.insert().from_select(
        [*head, *copied, *_FRESH],
        select(
            *(_OF_BROADCAST, bindparam("of_rendering", type_=Integer), bindparam("not_before", type_=MOMENT), _NOW),
            *(c.id, c.platform, c.chat, c.thread, c.publish),
            *(literal(value, deliveries.c[name].type) for name, value in _FRESH.items()),
        ).where(
            c.schedule == bindparam("on_schedule"),
            gets_pushes(_NOW),
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
            deliveries.c.broadcast_id == _OF_BROADCAST,
            failed.c.broadcast_id == bindparam("failed_in"),
            failed.c.subscription_id == deliveries.c.subscription_id,
            failed.c.position > 0,
            said.c.id == failed.c.rendering_id,
            chosen.c.id == deliveries.c.rendering_id,
            same.c.id.in_((chosen.c.id, chosen.c.fallback_id)),
            same.c.key == said.c.key,
        )
        .values(rendering_id=same.c.id, position=failed.c.position, message_ids=failed.c.message_ids)
    )


_DELIVER_TO_CHOICE = _deliver_to_choice()
_DELIVER_TO_NEW = _deliver_to_choice(~_moved_with_it())
_DELIVER_AGAIN = _deliver_to_choice(failed_in(bindparam("failed_in", type_=Integer)))
_GO_ON = _go_on_where_it_failed()
_WAS_PUSHED = select(broadcasts.c.id).where(_pushed_before()).limit(1)
_LAST_REPEAT = select(func.max(broadcasts.c.repeat)).where(
    broadcasts.c.episode == bindparam("of_episode"), broadcasts.c.key == bindparam("of_key")
)
_SAME_RENDERING = select(renderings.c.id).where(
    renderings.c.broadcast_id == _OF_BROADCAST, renderings.c.key == bindparam("of_key")
)


def add_broadcast(
    connection: Connection,
    *,
    kind: BroadcastKind,
    episode: int,
    title: str,
    key: str,
    due: dt.datetime,
    now: dt.datetime,
    again: bool = False,
    text: str | None = None,
) -> Broadcast | None:
    """Add the broadcast.

    Returns:
        None if it exists and is not to be repeated, or if another process adds it at the same time.
    """
    last = connection.scalar(_LAST_REPEAT, {"of_episode": episode, "of_key": key})
    if last is not None and not again:
        return None
    # Because the look above does not see what another process has not committed yet, the unique row decides.
    added = connection.execute(
        insert(connection, broadcasts)
        .values(
            kind=kind,
            episode=episode,
            title=title,
            key=key,
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


def deliver_to_choices(
    connection: Connection,
    broadcast: Broadcast,
    chosen: Mapping[Choice, Rendering],
    *,
    again: bool = False,
    only_failed_in: int | None = None,
) -> None:
    """Add the renderings, and a delivery for every active subscription with one of the choices, loading none.

    A target that got the episode on a schedule that it has left gets it only with `again`. With `only_failed_in`, only
    those get it whose delivery of that broadcast failed, and the messages that had arrived are skipped if unchanged.
    """
    this = {"of_broadcast": broadcast.id, "of_episode": broadcast.episode}
    deliver, more = _DELIVER_TO_CHOICE, {}
    if only_failed_in is not None:
        deliver, more = _DELIVER_AGAIN, {"failed_in": only_failed_in}
    elif not again and connection.execute(_WAS_PUSHED, this).first() is not None:
        deliver, more = _DELIVER_TO_NEW, {"of_episode": broadcast.episode}
    for choice, rendering in chosen.items():
        connection.execute(
            deliver,
            {
                **more,
                "of_broadcast": broadcast.id,
                "of_rendering": _add_rendering(connection, broadcast, choice.platform, rendering),
                "not_before": broadcast.due,
                "now": broadcast.created,
                "on_schedule": broadcast.key,
                "on_platform": choice.platform,
                "with_topics": choice.topics,
                "in_layout": choice.layout,
                "made_silent": choice.silent,
                "made_rich": choice.rich,
            },
        )
    if only_failed_in is not None:
        connection.execute(_GO_ON, {"of_broadcast": broadcast.id, "failed_in": only_failed_in})


def deliver_to_targets(
    connection: Connection,
    broadcast: Broadcast,
    targets: Sequence[Target],
    rendering: Rendering,
    *,
    publish: bool = False,
) -> None:
    """Add the rendering and a delivery of it to each target of one platform, subscribed or not."""
    same = {
        "broadcast_id": broadcast.id,
        "rendering_id": _add_rendering(connection, broadcast, targets[0].platform, rendering),
        "due": broadcast.due,
        "updated": broadcast.created,
        "publish": publish,
        **_FRESH,
    }
    connection.execute(deliveries.insert(), [{**same, **target._asdict()} for target in targets])


def _add_rendering(connection: Connection, broadcast: Broadcast, platform: PlatformName, rendering: Rendering) -> int:
    """Return the id of the rendering, which a broadcast has once, however many choices lead to it."""
    key, fallback = _key(platform, rendering), rendering.fallback
    known: int | None = connection.scalar(_SAME_RENDERING, {"of_broadcast": broadcast.id, "of_key": key})
    if known is not None:
        return known
    added = renderings.insert().values(
        broadcast_id=broadcast.id,
        platform=platform,
        key=key,
        title=rendering.title,
        messages=_messages(rendering),
        fallback_id=fallback and _add_rendering(connection, broadcast, platform, fallback),
    )
    new: int = connection.execute(added.returning(renderings.c.id)).scalar_one()
    return new


def _key(platform: PlatformName, rendering: Rendering) -> str:
    """Return a digest that equal renderings share."""
    fallback = rendering.fallback and _key(platform, rendering.fallback)
    content = json.dumps([platform, rendering.title, _messages(rendering), fallback], sort_keys=True)
    return hashlib.sha256(content.encode()).hexdigest()


def _messages(rendering: Rendering) -> list[dict[str, Any]]:
    return [{"body": message.body, "used": message.used, "limit": message.limit} for message in rendering.messages]
