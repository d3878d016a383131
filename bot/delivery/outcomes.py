"""How what became of deliveries comes into the ledger. Steps of a transaction, which the ledger holds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import bindparam, select, update

from bot.delivery.records import BroadcastState, Delivery, DeliveryState, Outcome
from bot.delivery.tables import DELIVERIES, broadcasts, deliveries, renderings
from bot.platforms.base import UnknownOutcomeError

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Collection, Sequence

    from sqlalchemy import ColumnElement
    from sqlalchemy.ext.asyncio import AsyncConnection

    from bot.subscription import PlatformName

STOPPED = "stopped"
"""The code of a delivery that was not made because its broadcast was stopped before its turn."""
INTERRUPTED = "the bot was stopped before the platform answered"
"""The reason of a delivery whose message was on its way when the process died."""

_RECORD = update(deliveries).where(deliveries.c.id == bindparam("delivery_id"))


async def record(connection: AsyncConnection, outcomes: Sequence[Outcome], now: dt.datetime) -> None:
    """Write the outcomes down. What would be pending in a stopped broadcast fails like the rest of it."""
    if not outcomes:
        return
    await connection.execute(
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
        await fail_stopped(connection, deliveries.c.id.in_(pending), now)


async def fail_stopped(connection: AsyncConnection, which: ColumnElement[bool], now: dt.datetime) -> None:
    """Fail those of the deliveries that are pending in a stopped broadcast, for the reason that stopped it."""
    stopped = select(broadcasts.c.id).where(broadcasts.c.state == BroadcastState.STOPPED)
    reason = select(broadcasts.c.reason).where(broadcasts.c.id == deliveries.c.broadcast_id).scalar_subquery()
    await connection.execute(
        update(deliveries)
        .where(which, deliveries.c.state == DeliveryState.PENDING, deliveries.c.broadcast_id.in_(stopped))
        .values(state=DeliveryState.FAILED, code=STOPPED, reason=reason, updated=now)
    )


async def interrupted(connection: AsyncConnection, platform: PlatformName, *, hold: bool) -> list[Outcome]:
    """What becomes of the messages that were on their way when the process died: repeated, or with `hold` skipped."""
    on_their_way = DELIVERIES.where(deliveries.c.platform == platform, deliveries.c.state == DeliveryState.SENDING)
    left = [Delivery.of(row) for row in await connection.execute(on_their_way)]
    if not hold:
        return [_repeated(delivery) for delivery in left]
    lengths = await _lengths(connection, {delivery.rendering_id for delivery in left})
    return [_skipped(delivery, lengths[delivery.rendering_id]) for delivery in left]


async def _lengths(connection: AsyncConnection, rendering_ids: Collection[int]) -> dict[int, int]:
    wanted = select(renderings.c.id, renderings.c.messages).where(renderings.c.id.in_(rendering_ids))
    return {row.id: len(row.messages) for row in await connection.execute(wanted)}


def _repeated(delivery: Delivery) -> Outcome:
    return Outcome(
        delivery_id=delivery.id,
        state=DeliveryState.PENDING,
        position=delivery.position,
        message_ids=delivery.message_ids,
        due=delivery.due,
        attempts=delivery.attempts,
        code=UnknownOutcomeError.code,
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
        code=UnknownOutcomeError.code,
        reason=INTERRUPTED,
    )
