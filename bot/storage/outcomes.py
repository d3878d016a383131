"""How messages leave the ledger and how what became of them comes back. Steps of a transaction of the ledger's."""

from __future__ import annotations

import operator
from typing import TYPE_CHECKING

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
from bot.storage.records import BroadcastState, Claim, Delivery, DeliveryState, Outcome
from bot.storage.tables import DELIVERIES, PENDING, Moment, broadcasts, deliveries, publications, renderings

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Collection, Sequence

    from sqlalchemy import ColumnElement, Connection

    from bot.model.subscription import PlatformName

INTERRUPTED = "the bot was stopped before the platform answered"
"""The reason of a delivery whose message was on its way when the process died."""

_BY_ID = operator.itemgetter(0)

# Statements on the path of every message are built once; building one costs more than running it.
_IN_TURN = (
    select(deliveries.c.id)
    .where(deliveries.c.platform == bindparam("of_platform"), PENDING, deliveries.c.due <= bindparam("now"))
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
# Most messages are the last of their delivery and arrive at once: what that leaves as it was is not written. All of
# them are one value, the ids of the messages by delivery, and one statement: entering the driver costs more than a row.
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
        # No sooner than what waits in the same channel already: the limit that it waits for is the channel's.
        func.coalesce(_DUE_IN_CHANNEL, bindparam("from_now", type_=Moment)),
    ).where(_OF_DELIVERY),
)


def claim(connection: Connection, platform: PlatformName, most: int, now: dt.datetime) -> list[Claim]:
    """Mark the messages that are next as on their way, those that wait longest first."""
    # All at once: the driver is entered once for them, and not for each.
    rows = connection.execute(_CLAIM, {"of_platform": platform, "most": most, "now": now}).all()
    return [
        Claim(id_, broadcast, Target(platform, chat, thread), of, position, tuple(known or ()), attempts, code, publish)
        for id_, broadcast, chat, thread, of, position, known, attempts, code, publish in sorted(rows, key=_BY_ID)
    ]


def record(connection: Connection, outcomes: Sequence[Outcome], now: dt.datetime) -> None:
    """Write the outcomes down. What would be pending in a broadcast that is over fails like the rest of it."""
    sent = {each.delivery_id: each.message_ids for each in outcomes if each.state is DeliveryState.SENT}
    if sent:
        connection.execute(_RECORD_SENT, {"ids_by_delivery": sent})
    if others := [each for each in outcomes if each.state is not DeliveryState.SENT]:
        _record_others(connection, others, now)
    published = [outcome for outcome in outcomes if outcome.publish is not None]
    for outcome in published:
        message = {"delivery_id": outcome.delivery_id, "message": outcome.publish, "from_now": now}
        connection.execute(_PUBLISH, message)


def _record_others(connection: Connection, outcomes: Sequence[Outcome], now: dt.datetime) -> None:
    connection.execute(
        _RECORD,
        [
            {
                "delivery_id": outcome.delivery_id,
                "state": outcome.state,
                "position": outcome.position,
                "message_ids": outcome.message_ids,
                "due": outcome.due,
                "attempts": outcome.attempts,
                "code": outcome.code,
                "reason": outcome.reason,
                "updated": now,
            }
            for outcome in outcomes
        ],
    )
    pending = [outcome.delivery_id for outcome in outcomes if outcome.state is DeliveryState.PENDING]
    if pending:
        fail_stopped(connection, deliveries.c.id.in_(pending), now)


def fail_stopped(connection: Connection, which: ColumnElement[bool], now: dt.datetime) -> None:
    """Fail those of the deliveries that are pending in a broadcast that is over, for the reason that stopped it."""
    over = select(broadcasts.c.id).where(broadcasts.c.state != BroadcastState.OPEN)
    reason = select(broadcasts.c.reason).where(broadcasts.c.id == deliveries.c.broadcast_id).scalar_subquery()
    connection.execute(
        update(deliveries)
        .where(which, deliveries.c.state == DeliveryState.PENDING, deliveries.c.broadcast_id.in_(over))
        .values(state=DeliveryState.FAILED, code=Code.STOPPED, reason=reason, updated=now)
    )


def interrupted(connection: Connection, platform: PlatformName, *, hold: bool) -> list[Outcome]:
    """What becomes of the messages that were on their way when the process died: repeated, or with `hold` skipped."""
    on_their_way = DELIVERIES.where(
        # By way of the broadcasts, of which there are few, and the index on their states.
        deliveries.c.broadcast_id.in_(select(broadcasts.c.id)),
        deliveries.c.state == DeliveryState.SENDING,
        deliveries.c.platform == platform,
    )
    left = [Delivery.of(row) for row in connection.execute(on_their_way)]
    if not hold:
        return [_repeated(delivery) for delivery in left]
    lengths = _lengths(connection, {delivery.rendering_id for delivery in left})
    return [_skipped(delivery, lengths[delivery.rendering_id]) for delivery in left]


def _lengths(connection: Connection, rendering_ids: Collection[int]) -> dict[int, int]:
    wanted = select(renderings.c.id, renderings.c.messages).where(renderings.c.id.in_(rendering_ids))
    return {row.id: len(row.messages) for row in connection.execute(wanted)}


def _repeated(delivery: Delivery) -> Outcome:
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
    return Outcome(
        delivery_id=delivery.id,
        state=DeliveryState.PENDING if position < length else DeliveryState.UNKNOWN,
        position=position,
        message_ids=(*delivery.message_ids, None),
        due=delivery.due,
        attempts=0,
        code=Code.UNKNOWN,
        reason=INTERRUPTED,
    )
