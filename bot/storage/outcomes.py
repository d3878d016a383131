"""The claims of messages and the outcomes of sending them. Every public function here is a step of a transaction."""

from __future__ import annotations

import operator
from typing import TYPE_CHECKING, Any

from sqlalchemy import (
    JSON,
    Integer,
    String,
    bindparam,
    case,
    cast,
    column,
    func,
    insert,
    literal,
    literal_column,
    select,
    update,
)

from bot.model.facts import Code
from bot.model.subscription import Target
from bot.storage.records import Claim, Delivery, DeliveryState, Outcome
from bot.storage.tables import (
    BROADCAST_IS_OPEN,
    DELIVERIES,
    IS_PENDING,
    MOMENT,
    broadcasts,
    deliveries,
    publications,
    renderings,
)

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Sequence

    from sqlalchemy import ColumnElement, Connection

    from bot.model.subscription import PlatformName

INTERRUPTED = "the bot was stopped before the platform answered"
"""The reason of a delivery whose message was on its way when the process died."""

_BY_ID = operator.itemgetter(0)

# Because building a statement costs more than running it, those on the path of every message are built once.
_IN_TURN = (
    select(deliveries.c.id)
    .where(deliveries.c.platform == bindparam("of_platform"), IS_PENDING, deliveries.c.due <= bindparam("now"))
    .order_by(deliveries.c.due, deliveries.c.id)
    .limit(bindparam("most"))
    # On PostgreSQL two processes that claim at once do not wait for each other; SQLite has one writer anyway.
    .with_for_update(skip_locked=True)
)
_CLAIM = (
    update(deliveries)
    .where(deliveries.c.id.in_(_IN_TURN))
    .values(state=DeliveryState.SENDING, attempts=deliveries.c.attempts + 1, updated=bindparam("now"))
    .returning(
        deliveries.c.id,
        deliveries.c.broadcast_id,
        deliveries.c.chat,
        deliveries.c.thread,
        deliveries.c.rendering_id,
        deliveries.c.position,
        # At the first message, where most are, there is nothing to decode.
        case((deliveries.c.position > 0, deliveries.c.message_ids)),
        deliveries.c.attempts,
        deliveries.c.code,
        deliveries.c.publish,
    )
)
_OF_DELIVERY = deliveries.c.id == bindparam("delivery_id")
_RECORD = update(deliveries).where(_OF_DELIVERY)
# Because most messages are the last of their delivery and arrive at once, what that leaves as it was is not written.
# Because entering the driver costs more than a row, all of them are one value: the ids of the messages by delivery.
_ARRIVED = func.json_each(bindparam("ids_by_delivery", type_=JSON)).table_valued(
    column("key", String), column("value", JSON), name="arrived"
)
_RECORD_SENT = (
    update(deliveries)
    .where(deliveries.c.id == cast(_ARRIVED.c.key, Integer))
    .values(
        state=literal_column(f"'{DeliveryState.SENT}'"),
        position=func.json_array_length(_ARRIVED.c.value),
        message_ids=_ARRIVED.c.value,
        code=literal_column("''"),
        reason=literal_column("''"),
    )
)
_DUE_IN_CHANNEL = (
    select(func.max(publications.c.due))
    .where(publications.c.platform == deliveries.c.platform, publications.c.chat == deliveries.c.chat)
    .correlate(deliveries)
    .scalar_subquery()
)
_PUBLISH = insert(publications).from_select(
    ["platform", "chat", "message_id", "attempts", "due"],
    select(
        deliveries.c.platform,
        deliveries.c.chat,
        bindparam("message", type_=String),
        literal(0),
        # Because the limit is the channel's, no sooner than what waits in the same channel already.
        func.coalesce(_DUE_IN_CHANNEL, bindparam("from_now", type_=MOMENT)),
    ).where(_OF_DELIVERY),
)


_IS_STOPPED = deliveries.c.broadcast_id.in_(select(broadcasts.c.id).where(~BROADCAST_IS_OPEN))
_WHY_STOPPED = select(broadcasts.c.reason).where(broadcasts.c.id == deliveries.c.broadcast_id).scalar_subquery()
_FAIL_STOPPED = (
    update(deliveries)
    .where(IS_PENDING, _IS_STOPPED)
    .values(state=DeliveryState.FAILED, code=Code.STOPPED, reason=_WHY_STOPPED, updated=bindparam("now"))
)
_ON_THEIR_WAY = DELIVERIES.where(
    # By way of the broadcasts, of which there are few, and the index on their states.
    deliveries.c.broadcast_id.in_(select(broadcasts.c.id)),
    deliveries.c.state == DeliveryState.SENDING,
    deliveries.c.platform == bindparam("of_platform"),
)


def claim(connection: Connection, platform: PlatformName, most: int, now: dt.datetime) -> list[Claim]:
    """Mark the messages that have waited longest as on their way, and return them."""
    # All at once, because each entry into the driver has its cost.
    rows = connection.execute(_CLAIM, {"of_platform": platform, "most": most, "now": now}).all()
    return [
        Claim(id_, broadcast, Target(platform, chat, thread), of, position, known or (), attempts, code, publish)
        for id_, broadcast, chat, thread, of, position, known, attempts, code, publish in sorted(rows, key=_BY_ID)
    ]


def record(connection: Connection, outcomes: Sequence[Outcome], now: dt.datetime) -> None:
    """Write the outcomes down. A delivery that would be pending in a broadcast that is over fails instead."""
    sent = {each.delivery_id: each.message_ids for each in outcomes if each.state is DeliveryState.SENT}
    if sent:
        connection.execute(_RECORD_SENT, {"ids_by_delivery": sent})
    if others := [each for each in outcomes if each.state is not DeliveryState.SENT]:
        connection.execute(_RECORD, [_values(each, now) for each in others])
    if pending := [each.delivery_id for each in others if each.state is DeliveryState.PENDING]:
        fail_stopped(connection, deliveries.c.id.in_(pending), now)
    for each in outcomes:
        if each.publish is not None:
            published = {"delivery_id": each.delivery_id, "message": each.publish, "from_now": now}
            connection.execute(_PUBLISH, published)


def _values(outcome: Outcome, now: dt.datetime) -> dict[str, Any]:
    values = outcome._asdict()
    # The delivery's column of this name says something else, and stays.
    del values["publish"]
    return {**values, "updated": now}


def fail_stopped(connection: Connection, which: ColumnElement[bool], now: dt.datetime) -> None:
    """Fail those of the deliveries that are pending in a broadcast that is over, for the reason that stopped it."""
    connection.execute(_FAIL_STOPPED.where(which), {"now": now})


def interrupted(connection: Connection, platform: PlatformName, *, hold: bool) -> list[Outcome]:
    """Return the outcomes of the messages that were on their way when the process died.

    Each is repeated, or skipped with `hold`.
    """
    left = [Delivery.of(row) for row in connection.execute(_ON_THEIR_WAY, {"of_platform": platform})]
    if not hold:
        return [_left(each) for each in left]
    wanted = renderings.c.id.in_({each.rendering_id for each in left})
    messages = select(renderings.c.id, renderings.c.messages).where(wanted)
    lengths = {row.id: len(row.messages) for row in connection.execute(messages)}
    return [_skipped(each, lengths[each.rendering_id]) for each in left]


def _left(delivery: Delivery) -> Outcome:
    return Outcome(
        delivery_id=delivery.id,
        state=DeliveryState.PENDING,
        position=delivery.position,
        message_ids=delivery.message_ids,
        due=delivery.due,
        attempts=delivery.attempts,
        code=Code.UNKNOWN,
        reason=INTERRUPTED,
    )


def _skipped(delivery: Delivery, length: int) -> Outcome:
    position = delivery.position + 1
    return _left(delivery)._replace(
        state=DeliveryState.PENDING if position < length else DeliveryState.UNKNOWN,
        position=position,
        message_ids=(*delivery.message_ids, None),
        attempts=0,
    )
