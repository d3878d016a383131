"""The claims of messages and the outcomes of sending them. Every public function here is a step of a transaction."""

import datetime as dt
import functools
import json
import operator
from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import (
    JSON,
    ColumnElement,
    Connection,
    Integer,
    Row,
    String,
    bindparam,
    case,
    cast,
    column,
    exists,
    func,
    insert,
    literal,
    literal_column,
    or_,
    select,
    type_coerce,
    union_all,
    update,
)
from sqlalchemy.sql.dml import ReturningUpdate

from bot.model.codes import Code
from bot.model.facts import REPORT
from bot.model.i18n import gettext_noop
from bot.model.subscription import PlatformName, Target
from bot.storage.database import insert as insert_or_update
from bot.storage.opening import after_fallback, keep_rendering, take_turns
from bot.storage.records import Broadcast, Claim, DeliveryRank, DeliveryState, Outcome, Stopped
from bot.storage.tables import (
    BROADCAST_IS_OPEN,
    HAS_ENDED,
    IS_PENDING,
    IS_UNFINISHED,
    MOMENT,
    broadcasts,
    deliveries,
    pins,
    publications,
    renderings,
    subscriptions,
)

INTERRUPTED = gettext_noop("the bot was stopped before the platform answered")
"""The reason of a delivery whose message was on its way when the process died."""
ON_HOLIDAY = gettext_noop("its people have paused the pushes")
"""The reason of a delivery that a holiday came before."""
RECALLED = gettext_noop("the recap was recalled")
"""The reason of a push that ends before its end."""

_BROADCAST = broadcasts.c.id == deliveries.c.broadcast_id
_SUBSCRIPTION = subscriptions.c.id == deliveries.c.subscription_id
_IS_ON_HOLIDAY = subscriptions.c.paused_until > bindparam("now", type_=MOMENT)
_STOPPED = (
    select(func.coalesce(renderings.c.refusal, broadcasts.c.reason))
    .join_from(renderings, broadcasts)
    .where(renderings.c.id == deliveries.c.rendering_id, or_(renderings.c.refusal.is_not(None), ~BROADCAST_IS_OPEN))
)
_WHY_STOPPED = _STOPPED.scalar_subquery()
_WHY_ENDED = select(subscriptions.c.reason).where(_SUBSCRIPTION, HAS_ENDED).scalar_subquery()
_SENDING: ColumnElement[str] = literal_column(f"'{DeliveryState.SENDING}'")
_FAILED: ColumnElement[str] = literal_column(f"'{DeliveryState.FAILED}'")
_PENDING: ColumnElement[str] = literal_column(f"'{DeliveryState.PENDING}'")
_IS_UNWANTED = or_(_STOPPED.exists(), exists().where(_SUBSCRIPTION, or_(HAS_ENDED, _IS_ON_HOLIDAY)))
"""True for a delivery of which nothing more is to be sent: its rendering is stopped, its broadcast or subscription is
over, or its people are on holiday. Because another transaction may end it while a retry is recorded, each claim looks
at this too."""

LATELY = dt.timedelta(minutes=1)
"""Time for which a platform's limits of a chat look back."""
LEFT_WITHIN = dt.timedelta(seconds=2)
"""Time after its claim, which is when the row was written, in which a message leaves."""

IN_FRONT = 5
"""Attempts of a message that go before the first messages of others, which takes about a minute. Without an end, chats
to which each attempt fails could take the whole rate of a push for a day."""
CONFIRMED_BY = 3
"""Chats that must refuse a message before the message itself is taken to be at fault: fewer may be odd themselves."""

_BY_RANK = operator.itemgetter(0, 1)
# The places of a claim's columns, because a row looks a name up in ten times the time.
_ID, _STATE = 1, -1

CHANGE_LATER = dt.timedelta(seconds=2)
"""Time after which a change looks again whether what it changes is over: the push, or another change of the same."""
_EARLIER = deliveries.alias("earlier")
_IS_EARLIER = (_EARLIER.c.corrects == deliveries.c.corrects) & (_EARLIER.c.id < deliveries.c.id)
_MUST_WAIT = deliveries.c.corrects.is_not(None) & or_(
    *(
        exists().where(which, _EARLIER.c.state.in_((_PENDING, _SENDING)))
        # One by one, because each has an index of its own.
        for which in (_EARLIER.c.id == deliveries.c.corrects, _IS_EARLIER)
    )
)
"""True for a change of messages that an earlier delivery still sends or changes."""
_CHANGED = deliveries.alias("changed")
# As one text, because each column costs time for every row, and most rows are no change.
_STANDING = (
    select(
        cast(_CHANGED.c.message_ids, String)
        + case((_CHANGED.c.state == _FAILED, literal_column("',false'")), else_=literal_column("',true'"))
    )
    # By whole names, because SQLAlchemy leaves them out behind RETURNING; else a row would be compared with itself.
    .where(literal_column("changed.id") == literal_column("deliveries.corrects"))
    .select_from(_CHANGED)
    .scalar_subquery()
)
"""The messages at the place of a change: their ids, and whether they are all."""


# Because building a statement costs more than running it, those on the path of every message are built once.
@functools.cache
def _claim_of(ranks: tuple[DeliveryRank, ...]) -> ReturningUpdate[Any]:
    """Return the claim of the next messages of the ranks: in the order of the ranks, then by due time."""
    c = deliveries.c
    # Rank by rank, because the index leads to what is due of each; one look at all would read past what is due later.
    of_ranks = (
        select(c.id, _MUST_WAIT.label("must_wait"))
        .where(c.platform == bindparam("of_platform"), c.rank == literal_column(str(int(rank))))
        .where(IS_PENDING, c.due <= bindparam("now"))
        .order_by(c.due, c.id)
        .limit(bindparam("most"))
        # On PostgreSQL two processes that claim at once do not wait for each other; SQLite has one writer anyway.
        .with_for_update(skip_locked=True)
        .subquery()
        for rank in ranks
    )
    in_turn = (
        union_all(*map(select, of_ranks))
        # Both databases look at a rank only if those before it have too few.
        .limit(bindparam("most"))
        .cte("in_turn")
        # Else PostgreSQL may look for them more than once, and take more than it was asked for.
        .prefix_with("MATERIALIZED", dialect="postgresql")
    )
    return (
        update(deliveries)
        .where(c.id == in_turn.c.id)
        .values(
            state=case((_IS_UNWANTED, _FAILED), (in_turn.c.must_wait, _PENDING), else_=_SENDING),
            attempts=c.attempts + case((in_turn.c.must_wait, 0), else_=1),
            due=case((in_turn.c.must_wait, bindparam("later", type_=MOMENT)), else_=c.due),
            updated=bindparam("now"),
        )
        .returning(
            *(c.rank, c.id, c.broadcast_id, c.chat, c.thread, c.rendering_id, c.position),
            # As text, because a column type that decodes in Python takes its time for every row: most hold nothing.
            # By COALESCE, because of a CASE around a subquery SQLite returns nothing here.
            func.coalesce(_STANDING, case((c.position > 0, cast(c.message_ids, String)))),
            *(c.attempts, c.code, c.publish, c.pin, c.corrects),
            type_coerce(c.state, String).label("state"),
        )
    )


_FAIL_UNWANTED = (
    update(deliveries)
    .where(_IS_UNWANTED)
    .values(
        state=DeliveryState.FAILED,
        code=case(
            (_WHY_STOPPED == RECALLED, Code.RECALLED),
            (_WHY_STOPPED.is_not(None), Code.STOPPED),
            (exists().where(_SUBSCRIPTION, HAS_ENDED, subscriptions.c.has_left), Code.GONE),
            (_WHY_ENDED.is_not(None), Code.ENDED),
            else_=Code.PAUSED,
        ),
        reason=func.coalesce(_WHY_STOPPED, _WHY_ENDED, ON_HOLIDAY),
        updated=bindparam("now", type_=MOMENT),
    )
)
_OF_DELIVERY = deliveries.c.id == bindparam("delivery_id")
_FIRST: ColumnElement[int] = literal_column(str(int(DeliveryRank.FIRST)))
_RECORD = (
    update(deliveries)
    .where(_OF_DELIVERY)
    .values(
        rank=case(
            (deliveries.c.rank == _FIRST, _FIRST),
            (deliveries.c.corrects.is_not(None), bindparam("in_correction", type_=Integer)),
            else_=bindparam("in_push", type_=Integer),
        )
    )
)
# Because most messages are the last of their delivery and arrive at once, what that leaves as it was is not written.
# Because entering the driver costs more than a row, all of them are one value: the ids of the messages by delivery.
_BY_DELIVERY = "by_delivery"
_ARRIVED = func.json_each(bindparam(_BY_DELIVERY, type_=JSON)).table_valued(
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
_STANDS = (
    update(deliveries).where(deliveries.c.id == cast(_ARRIVED.c.key, Integer)).values(message_ids=_ARRIVED.c.value)
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


def record_and_claim(
    connection: Connection,
    outcomes: Sequence[Outcome],
    platform: PlatformName,
    most: int,
    now: dt.datetime,
    *,
    ranks: Iterable[DeliveryRank],
) -> list[Claim]:
    """Record the outcomes, mark the next messages of the ranks, by due time, as on their way, and return those."""
    record(connection, outcomes, now)
    of = {"of_platform": platform, "most": most, "now": now, "later": now + CHANGE_LATER}
    # All at once, because each entry into the driver has its cost.
    rows = sorted(connection.execute(_claim_of(tuple(ranks)), of).all(), key=_BY_RANK)
    if unwanted := [row[_ID] for row in rows if row[_STATE] == DeliveryState.FAILED]:
        fail_unwanted(connection, deliveries.c.id.in_(unwanted), now)
    return [_claim(platform, row) for row in rows if row[_STATE] == DeliveryState.SENDING]


def _claim(platform: PlatformName, row: Sequence[Any]) -> Claim:
    """Return the claim; that of a change has the messages that stand at its place."""
    _rank, id_, broadcast, chat, thread, rendering, position, known, attempts, code, publish, pin, corrects, _ = row
    ids, is_whole = (*json.loads(f"[{known}]"), True)[:2] if known else ((), True)
    args = id_, broadcast, Target(platform, chat, thread), rendering, position, tuple(ids), attempts, code, publish
    return Claim(*args, pin, corrects, is_whole)


def lately(connection: Connection, platform: PlatformName, now: dt.datetime) -> list[tuple[Target, dt.timedelta, int]]:
    """Return the chats to which messages left lately, with the time since and how many there may have been."""
    c = deliveries.c
    on_their_way = (c.broadcast_id.in_(select(broadcasts.c.id)), c.state == DeliveryState.SENDING)
    recent = now - LATELY - LEFT_WITHIN
    found = []
    for which in ((c.position > 0, c.updated >= recent), (*on_their_way, c.position == 0, c.updated >= recent)):
        rows = select(c.chat, c.thread, c.updated, c.position, c.state).where(c.platform == platform, *which)
        for chat, thread, updated, position, state in connection.execute(rows):
            ago = max(dt.timedelta(), now - updated - LEFT_WITHIN)
            found.append((Target(platform, chat, thread), ago, position + (state is DeliveryState.SENDING)))
    return found


def record(connection: Connection, outcomes: Sequence[Outcome], now: dt.datetime) -> None:
    """Write the outcomes down. A delivery that would be pending and is no longer wanted fails instead."""
    sent = {each.delivery_id: each.message_ids for each in outcomes if each.state is DeliveryState.SENT}
    if pending := [each.delivery_id for each in outcomes if each.state is DeliveryState.PENDING]:
        of_pending = select(deliveries.c.broadcast_id).where(deliveries.c.id.in_(pending))
        take_turns(connection, broadcasts.c.id.in_(of_pending), with_others=True)
    if sent:
        connection.execute(_RECORD_SENT, {_BY_DELIVERY: sent})
    if others := [each for each in outcomes if each.state is not DeliveryState.SENT]:
        connection.execute(_RECORD, [_values(each, now) for each in others])
    if pending:
        fail_unwanted(connection, deliveries.c.id.in_(pending), now)
    if stands := {each.stands_at: each.message_ids for each in outcomes if each.stands_at is not None}:
        connection.execute(_STANDS, {_BY_DELIVERY: stands})
    for each in outcomes:
        if each.publish is not None:
            published = {"delivery_id": each.delivery_id, "message": each.publish, "from_now": now}
            connection.execute(_PUBLISH, published)
        if each.pin is not None:
            _want_pinned(connection, each, now)


def _want_pinned(connection: Connection, outcome: Outcome, now: dt.datetime) -> None:
    c = deliveries.c
    place = select(c.platform, c.chat, c.thread, literal(outcome.pin), literal(0), literal(now, MOMENT))
    names = ["platform", "chat", "thread", "wanted", "attempts", "due"]
    put = insert_or_update(connection, pins).from_select(names, place.where(c.id == outcome.delivery_id))
    changes = {name: put.excluded[name] for name in names[3:]}
    connection.execute(put.on_conflict_do_update(index_elements=names[:3], set_=changes))


def _values(outcome: Outcome, now: dt.datetime) -> dict[str, Any]:
    values = outcome._asdict()
    # The delivery's columns of these names say something else, and stay.
    del values["publish"], values["pin"], values["stands_at"]
    if outcome.attempts > IN_FRONT:
        ranks = (DeliveryRank.LAST, DeliveryRank.CHANGE)
    else:
        ranks = (DeliveryRank.BEGUN if outcome.position else DeliveryRank.AGAIN, DeliveryRank.CHANGE_BEGUN)
    return {**values, "updated": now, "in_push": ranks[0], "in_correction": ranks[1]}


def fail_unwanted(connection: Connection, which: ColumnElement[bool], now: dt.datetime) -> None:
    """Fail those of the deliveries that are no longer wanted, for the reason that ended the broadcast or subscription.

    A message that is on its way may not be among them.
    """
    connection.execute(_FAIL_UNWANTED.where(which), {"now": now})


def fall_back(connection: Connection, delivery_id: int, now: dt.datetime) -> None:
    """Go on in a rendering whose next message is replaced by its fallback; if of 0.1.0, begin that of the whole."""
    this = deliveries.c.id == delivery_id
    of = select(deliveries.c.position, deliveries.c.message_ids, renderings).join_from(deliveries, renderings)
    row = connection.execute(of.where(this)).one()
    rendering_id, position, message_ids = row.fallback_id, 0, ()
    if rendering_id is None:
        position, message_ids = row.position, row.message_ids
        if row.becomes is None:
            rendering_id = _keep_with_fallback(connection, row, position)
        else:
            after = connection.execute(select(renderings).where(renderings.c.id == row.becomes)).one()
            change = {"replaces": row.replaces, "becomes": _keep_with_fallback(connection, after, position)}
            of_change = (row.broadcast_id, row.platform, row.title, row.messages)
            rendering_id = keep_rendering(connection, *of_change, **change)
    connection.execute(update(deliveries).where(this).values(rendering_id=rendering_id))
    record(connection, [Outcome(delivery_id, DeliveryState.PENDING, position, message_ids, now, attempts=0)], now)


def _keep_with_fallback(connection: Connection, row: Row[Any], position: int) -> int:
    """Return the id of the rendering in which the message at that position is replaced by its fallback."""
    replaced, others = row.messages[position], row.messages[position + 1 :]
    messages = [*row.messages[:position], *replaced["fallback"], *after_fallback(replaced, others)]
    return keep_rendering(connection, row.broadcast_id, row.platform, row.title, messages)


def refusal(connection: Connection, rendering_id: int, position: int) -> str | None:
    """Return the words of a refused message: several chats refused it and none took it; None for any other message."""
    c = deliveries.c
    # By way of the broadcast, because an index leads to its few failures.
    of_push = (
        c.broadcast_id == select(renderings.c.broadcast_id).where(renderings.c.id == rendering_id).scalar_subquery()
    )
    in_push = of_push & (c.rendering_id == rendering_id)
    refused = select(func.count(c.chat.distinct()), func.max(c.reason)).where(
        in_push, c.state == DeliveryState.FAILED, c.code.in_((Code.CONTENT, Code.RENDERING)), c.position == position
    )
    chats, reason = connection.execute(refused).one()
    if chats < CONFIRMED_BY:
        return None
    is_taken = connection.scalar(select(select(c.id).where(in_push, c.position > position).exists()))
    return None if is_taken else str(reason)


def stop_if_refused(connection: Connection, rendering_id: int, position: int, now: dt.datetime) -> Stopped | None:
    """Stop a rendering whose message is refused, and fail its pending deliveries; None if there is nothing to stop."""
    reason = refusal(connection, rendering_id, position)
    if reason is None:
        return None
    of = select(renderings.c.broadcast_id).where(renderings.c.id == rendering_id)
    take_turns(connection, broadcasts.c.id.in_(of))
    is_going = (renderings.c.id == rendering_id) & renderings.c.refusal.is_(None)
    if not connection.execute(update(renderings).where(is_going).values(refusal=reason)).rowcount:
        return None
    # A claimed message of it that has not left is given back, and fails then.
    left = deliveries.c.rendering_id == rendering_id
    left_out: int = connection.execute(select(func.count()).where(left, IS_UNFINISHED)).scalar_one()
    fail_unwanted(connection, IS_PENDING & left, now)
    push = select(broadcasts).join(renderings).where(renderings.c.id == rendering_id)
    return Stopped(Broadcast.of(connection.execute(push).one()), reason, left_out)


def recover(connection: Connection, platform: PlatformName, now: dt.datetime, *, hold: bool, hold_reports: bool) -> int:
    """Repeat the messages that were on their way when the process died, or skip them; return how many."""
    c = deliveries.c
    on_their_way = (
        select(deliveries, func.json_array_length(renderings.c.messages).label("length"), broadcasts.c.key)
        .join_from(deliveries, renderings)
        .join(broadcasts, _BROADCAST)
        # By way of the broadcasts, of which there are few, and the index on their states.
        .where(c.broadcast_id.in_(select(broadcasts.c.id)), c.state == DeliveryState.SENDING, c.platform == platform)
    )
    outcomes = []
    for row in connection.execute(on_their_way):
        state, position, ids, attempts = DeliveryState.PENDING, row.position, row.message_ids, row.attempts
        # A change is in doubt for the worker, which repeats all but a message that it adds.
        if (hold and row.corrects is None) or (hold_reports and row.key.startswith(REPORT)):
            position, ids, attempts = position + 1, (*ids, None), 0
            state = state if position < row.length else DeliveryState.UNKNOWN
        outcomes.append(Outcome(row.id, state, position, ids, row.due, attempts, Code.UNKNOWN, INTERRUPTED))
    record(connection, outcomes, now)
    return len(outcomes)
