"""The opening of a broadcast: its row, its renderings, and a delivery for each of its targets.

Every function here is a step of a transaction.
"""

import dataclasses
import datetime as dt
import hashlib
import json
import operator
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    ColumnElement,
    Connection,
    FromClause,
    ScalarSelect,
    Select,
    String,
    bindparam,
    case,
    cast,
    column,
    exists,
    func,
    literal,
    select,
    update,
)

from bot.model.codes import LeftOut
from bot.model.rendering import Message, Rendering
from bot.model.subscription import PlatformName, SubscriptionState, Target
from bot.storage.database import insert
from bot.storage.records import CHANGES, Broadcast, BroadcastKind, BroadcastState, Choice, DeliveryRank, DeliveryState
from bot.storage.tables import (
    BROADCAST_IS_OPEN,
    CHOICE_COLUMNS,
    HAS_ENDED,
    Coded,
    broadcasts,
    choices,
    count_by_choice,
    deliveries,
    failed_in,
    gets_pushes,
    have_same_target,
    renderings,
    subscriptions,
    to_utc,
)

_Messages: TypeAlias = list[dict[str, Any]]
"""Messages as the database keeps them."""
Places: TypeAlias = Sequence[tuple[Rendering, Sequence[Target]]]
"""Renderings, each with the targets of one platform that get it."""

# A choice, the id of its rendering and its own, as a list under any key. One value holds all, because there may be
# thousands.
_LISTS = func.json_each(bindparam("chosen", type_=JSON)).table_valued(column("key", String), column("value", JSON))

_COLUMNS = [*CHOICE_COLUMNS, deliveries.c.rendering_id, deliveries.c.choice_id]
# Else each list would be taken apart again for each of its subscriptions.
_PARTS = (cast(_LISTS.c.value[at].as_string(), kept.type).label(kept.name) for at, kept in enumerate(_COLUMNS))
_CHOSEN = select(*_PARTS).cte("chosen").prefix_with("MATERIALIZED")

_PRIME = 2**31 - 1
"""Above every number of a block, and small enough for products to fit into the databases' 64 bits."""
LONG_AGO = dt.timedelta(days=1)
"""Time after which no limit of a platform looks back at a message."""
BLOCKS = 1000
"""Parts of a large audience that are put into another order at each push. Within a part the order stays, because a
database that inserts a million rows in no order at all takes six times as long."""


_RANKS = {BroadcastKind.PUSH: DeliveryRank.LAST, **dict.fromkeys(CHANGES, DeliveryRank.CHANGE)}


def open_broadcast(
    connection: Connection,
    deliver: Callable[[Connection, Broadcast], None],
    kind: BroadcastKind,
    *,
    episode: int,
    title: str,
    key: str,
    now: dt.datetime,
    due: dt.datetime | None = None,
    again: bool = False,
    text: str | None = None,
    show: str = "",
) -> Broadcast | None:
    """Add the broadcast, due now or later, and its deliveries. The nonces of its messages tell shows apart.

    Returns:
        None if it exists and is not to be repeated, or if another process adds it at the same time.
    """
    c = broadcasts.c
    last = connection.scalar(select(func.max(c.repeat)).where(c.episode == episode, c.key == key))
    if last is not None and not again:
        return None
    repeat = 0 if last is None else last + 1
    # Because the look above does not see what another process has not committed yet, the unique row decides.
    added = connection.execute(
        insert(connection, broadcasts)
        .values(
            kind=kind,
            episode=episode,
            title=title,
            key=key,
            text=text,
            repeat=repeat,
            seed=_seed(show, kind, episode, key, repeat),
            # Because the machine's clock, by which schedules go, may be ahead of the ledger's.
            due=min(to_utc(due or now), now),
            created=now,
            state=BroadcastState.OPEN,
            reason="",
        )
        .on_conflict_do_nothing()
        .returning(broadcasts)
    )
    row = added.one_or_none()
    if row is None:
        return None
    broadcast = Broadcast.of(row)
    deliver(connection, broadcast)
    return Broadcast.of(connection.execute(select(broadcasts).where(c.id == broadcast.id)).one())


def _fresh(broadcast: Broadcast) -> dict[str, object]:
    """Return what every new delivery of the broadcast begins with."""
    return {
        "broadcast_id": broadcast.id,
        "state": DeliveryState.PENDING,
        "position": 0,
        "message_ids": (),
        "attempts": 0,
        "due": broadcast.due,
        "code": "",
        "reason": "",
        "updated": broadcast.created,
        "rank": _RANKS.get(broadcast.kind, DeliveryRank.FIRST),
    }


def deliver_to_choices(
    connection: Connection,
    broadcast: Broadcast,
    *,
    chosen: Mapping[Choice, Rendering],
    without: Mapping[Choice, LeftOut],
    again: bool = False,
    only_failed_in: int | None = None,
) -> None:
    """Add the renderings, and a delivery for every subscription with one of the choices, loading none.

    The order of the deliveries, in which they are claimed, is another one at each push, so that nobody is always last.
    A target that got the episode on a schedule that it has left gets it only with `again`. With `only_failed_in`, only
    those get it whose delivery of that broadcast failed, and the messages that had arrived are skipped if unchanged.
    `without` has the reasons of choices without a rendering.
    """
    c, fresh = subscriptions.c, _fresh(broadcast)
    audience = [c.schedule == broadcast.key, ~HAS_ENDED]
    if only_failed_in is not None:
        audience.append(failed_in(only_failed_in))
    wanted, may_be_served = [*audience, gets_pushes(broadcast.created)], False
    if only_failed_in is None and not again:
        others = select(broadcasts.c.id).where(_is_other_push(broadcast)).limit(1)
        if may_be_served := connection.execute(others).first() is not None:
            wanted.append(~_moved_with_it(broadcast))
    deliver = deliveries.insert().from_select(
        [*fresh, "rendering_id", "choice_id", "subscription_id", *Target._fields, "publish", "pin"],
        select(
            *(literal(value, deliveries.c[name].type) for name, value in fresh.items()),
            *(_CHOSEN.c.rendering_id, _CHOSEN.c.choice_id, c.id, c.platform, c.chat, c.thread, c.publish, c.pin),
        )
        .where(*(each == _CHOSEN.c[each.name] for each in CHOICE_COLUMNS), *wanted)
        .order_by(_place(connection, broadcast), c.id),
    )
    rows = {
        str(number): [
            *(_as_json(each, getattr(choice, each.name)) for each in CHOICE_COLUMNS),
            _add_rendering(connection, broadcast, choice.platform, rendering),
            _keep_choice(connection, broadcast, choice),
        ]
        for number, (choice, rendering) in enumerate(chosen.items())
    }
    connection.execute(deliver, {"chosen": rows})
    if only_failed_in is not None:
        _go_on_where_it_failed(connection, broadcast, only_failed_in)
    fates: dict[Choice, str] = {**dict.fromkeys(chosen, ""), **without}
    counted = _counted(connection, broadcast, audience, fates)
    if may_be_served:
        of_it = select(func.count()).where(deliveries.c.broadcast_id == broadcast.id)
        counted[LeftOut.SERVED] = counted[""] - connection.execute(of_it).scalar_one()
    this = update(broadcasts).where(broadcasts.c.id == broadcast.id)
    left_out = {why: count for why, count in counted.items() if why and count}
    subscribed = counted.total() - counted[LeftOut.SERVED]
    connection.execute(this.values(left_out=left_out, subscribed=subscribed))


def _counted(
    connection: Connection,
    broadcast: Broadcast,
    audience: Sequence[ColumnElement[bool]],
    fates: Mapping[Choice, str],
) -> Counter[str]:
    """Return how many subscriptions a push leaves out for each reason, and under an empty one how many it wants."""
    conditions = (gets_pushes(broadcast.created), subscriptions.c.paused_until > broadcast.created)
    counts = (func.count(case((condition, 1))) for condition in conditions)
    counted: Counter[str] = Counter()
    for *chosen, wanted, paused, found in connection.execute(count_by_choice(*counts).where(*audience)):
        counted[fates.get(Choice(*chosen), LeftOut.LATE)] += wanted
        counted[LeftOut.HOLIDAY] += paused
        counted[LeftOut.CLOSED] += found - wanted - paused
    return counted


def take_turns(
    connection: Connection, which: ColumnElement[bool] = BROADCAST_IS_OPEN, *, with_others: bool = False
) -> None:
    """Have every other transaction that takes its turn at these broadcasts wait for the end of this one.

    Two that do so `with_others` wait for each other not. Without this, a retry that is recorded and an end of what it
    belongs to could each miss what the other writes, because each sees what was before both.
    """
    # Because one transaction at a time writes to an SQLite file, there is nobody to wait for.
    if connection.dialect.name != "sqlite":
        rows = select(broadcasts.c.id).where(which).order_by(broadcasts.c.id)
        connection.execute(rows.with_for_update(read=with_others))


def leave_out(connection: Connection, broadcast_id: int, why: LeftOut, count: int) -> None:
    """Note that so many deliveries of a broadcast are deleted, so that its sums go on adding up."""
    this = broadcasts.c.id == broadcast_id
    # Because two transactions may leave out at once, the row is locked first.
    kept = connection.execute(select(broadcasts.c.left_out).where(this).with_for_update()).scalar_one()
    left_out = {**kept, why: kept.get(why, 0) + count}
    connection.execute(update(broadcasts).where(this, broadcasts.c.subscribed.is_not(None)).values(left_out=left_out))


def _as_json(kept: Column[Any], value: object) -> object:
    return kept.type.encode(value) if isinstance(kept.type, Coded) else value


def _place(connection: Connection, broadcast: Broadcast) -> ColumnElement[int]:
    """Return the place of a subscription in the order of the broadcast: a hash of both."""
    size = (connection.scalar(select(func.max(subscriptions.c.id))) or 0) // BLOCKS + 1
    of_broadcast = hashlib.sha256(f"{broadcast.episode} {broadcast.key} {broadcast.repeat}".encode()).digest()
    factor, shift = (int.from_bytes(half) for half in (of_broadcast[:16], of_broadcast[16:]))
    number = cast(subscriptions.c.id, BigInteger) // size
    return (number * (factor % (_PRIME - 1) + 1) + shift % _PRIME) % _PRIME


def _is_other_push(broadcast: Broadcast) -> ColumnElement[bool]:
    """Return whether a broadcast is another push of the same episode."""
    c = broadcasts.c
    return (c.episode == broadcast.episode) & (c.kind == BroadcastKind.PUSH) & (c.id != broadcast.id)


def _moved_with_it(broadcast: Broadcast) -> ColumnElement[bool]:
    """Return whether the subscription's target got the episode on a schedule that it has left since."""
    other = subscriptions.alias()
    is_there_too = exists().where(
        have_same_target(other, deliveries),
        other.c.schedule == broadcasts.c.key,
        other.c.state != SubscriptionState.ENDED,
    )
    got_it = exists().where(
        _is_other_push(broadcast),
        deliveries.c.broadcast_id == broadcasts.c.id,
        have_same_target(deliveries, subscriptions),
        deliveries.c.state != DeliveryState.FAILED,
        ~is_there_too,
    )
    return got_it.correlate(subscriptions)


def _go_on_where_it_failed(connection: Connection, broadcast: Broadcast, failed_in: int) -> None:
    """Begin deliveries behind the messages that had arrived, as long as the episode begins with the same ones."""
    c, failed = deliveries.c, deliveries.alias()
    is_next = (
        (c.broadcast_id == broadcast.id)
        & (failed.c.broadcast_id == failed_in)
        & (failed.c.subscription_id == c.subscription_id)
        & (failed.c.position > 0)
    )
    change = deliveries.alias("change")
    corrected = select(renderings.c.becomes).join_from(change, renderings).where(change.c.id == last_change(failed))
    stands = func.coalesce(corrected.scalar_subquery(), failed.c.rendering_id)
    ways = select(stands, failed.c.position, c.rendering_id).where(is_next).distinct()
    for before, position, chosen in connection.execute(ways).all():
        arrived = _kept_messages(connection, before)[:position]
        if rest := _rest(arrived, _kept_messages(connection, chosen)):
            of = connection.execute(select(renderings).where(renderings.c.id == chosen)).one()
            going_on = keep_rendering(connection, broadcast.id, of.platform, of.title, [*arrived, *rest])
            is_this_way = (stands == before) & (failed.c.position == position)
            go_on = update(deliveries).where(is_next, is_this_way, c.rendering_id == chosen)
            connection.execute(go_on.values(rendering_id=going_on, position=position, message_ids=failed.c.message_ids))


def _kept_messages(connection: Connection, rendering_id: int) -> _Messages:
    messages: _Messages = connection.execute(
        select(renderings.c.messages).where(renderings.c.id == rendering_id)
    ).scalar_one()
    return messages


def _rest(arrived: _Messages, messages: _Messages) -> _Messages:
    """Return those of the messages that are left after the ones that arrived, some perhaps as fallbacks.

    Returns:
        An empty list if others arrived, or if none is left.
    """
    if not arrived or not messages:
        return [] if arrived else messages
    first, *others = messages
    for way in filter(None, ([first], first.get("fallback"))):
        if arrived[: len(way)] == way[: len(arrived)]:
            # The last one to arrive may be in the middle of a fallback.
            following = others if way == [first] else after_fallback(first, others)
            rest = _rest(arrived[len(way) :], [*way[len(arrived) :], *following])
            if rest:
                return rest
    return []


def after_fallback(replaced: Mapping[str, Any], others: _Messages) -> _Messages:
    """Return those of the other messages that still follow when one is replaced by its fallback."""
    return [] if "upload" in replaced else others


def deliver_to_targets(connection: Connection, broadcast: Broadcast, to: Places, choice: Choice | None = None) -> None:
    """Add the renderings, and a delivery to each of their targets, subscribed or not."""
    for rendering, targets in to:
        rendering_id = _add_rendering(connection, broadcast, targets[0].platform, rendering)
        same = {**_fresh(broadcast), "rendering_id": rendering_id, "publish": False, "pin": False}
        if choice is not None:
            same["choice_id"] = _keep_choice(connection, broadcast, choice)
        connection.execute(deliveries.insert(), [{**same, **target._asdict()} for target in targets])


def deliver_changes(
    connection: Connection,
    broadcast: Broadcast,
    alike: Select[Any],
    ways: Mapping[tuple[int, ...], tuple[int, int]],
) -> None:
    """Add a delivery that changes the messages of each of these.

    All for which `alike` finds the same values take the same way: the rendering of the change, and the position from
    which it begins.
    """
    c = deliveries.c
    same = {**_fresh(broadcast), "pin": False}
    del same["position"]
    # Because nothing has left yet, the row is none of those that a restarted process takes for recent.
    same["updated"] = broadcast.created - LONG_AGO
    by = alike.selected_columns
    parts = (_LISTS.c.value[at].as_integer().label(f"part_{at}") for at in range(len(by) + 2))
    *keys, rendering_id, position = select(*parts).cte("ways").prefix_with("MATERIALIZED").c
    added = alike.where(*map(operator.eq, keys, by)).with_only_columns(
        *(literal(value, c[name].type) for name, value in same.items()),
        *(rendering_id, position, c.id, c.platform, c.chat, c.thread, c.publish),
        maintain_column_froms=True,
    )
    names = [*same, "rendering_id", "position", "corrects", *Target._fields, "publish"]
    rows = {str(number): [*key, *way] for number, (key, way) in enumerate(ways.items())}
    # In one statement, because a place that has its change is in the state of those that wait for another.
    connection.execute(deliveries.insert().from_select(names, added), {"chosen": rows})


def last_change(of: FromClause) -> ScalarSelect[int]:
    """Return the id of the last change of a delivery's messages; null before the first."""
    c = deliveries.alias("each_change").c
    return select(c.id).where(c.corrects == of.c.id).order_by(c.id.desc()).limit(1).correlate(of).scalar_subquery()


def _keep_choice(connection: Connection, broadcast: Broadcast, choice: Choice) -> int:
    add = choices.insert().values(broadcast_id=broadcast.id, choice=choice)
    new: int = connection.execute(add.returning(choices.c.id)).scalar_one()
    return new


def _add_rendering(connection: Connection, broadcast: Broadcast, platform: PlatformName, rendering: Rendering) -> int:
    messages = [*map(as_kept, rendering.messages)]
    return keep_rendering(connection, broadcast.id, platform, rendering.title, messages)


def keep_rendering(
    connection: Connection,
    broadcast_id: int,
    platform: PlatformName,
    title: str,
    messages: _Messages,
    **change: int | None,
) -> int:
    """Return the id of the rendering, which a broadcast has once, however many ways lead to it.

    That of a `change` names the rendering that it `replaces`, and that which it `becomes`.
    """
    whole = [platform, title, messages, *([change] if change else [])]
    key = hashlib.sha256(json.dumps(whole, sort_keys=True).encode()).hexdigest()
    c, of = renderings.c, {"broadcast_id": broadcast_id, "key": key, **change}
    known: int | None = connection.scalar(select(c.id).where(c.broadcast_id == broadcast_id, c.key == key))
    if known is not None:
        return known
    added = renderings.insert().values(platform=platform, title=title, messages=messages, **of)
    new: int = connection.execute(added.returning(c.id)).scalar_one()
    return new


def as_kept(message: Message) -> dict[str, Any]:
    """Return the message as the database keeps it."""
    kept: dict[str, Any] = {"body": message.body, "used": message.used, "limit": message.limit}
    if message.upload is not None:
        kept["upload"] = dataclasses.asdict(message.upload)
    return {**kept, "fallback": [*map(as_kept, message.fallback)]} if message.fallback else kept


def _seed(*push: str | int) -> str:
    """Return what the nonces of a push begin from.

    It is of nothing that another database would number in another way, so that the same push has the same nonces there.
    Because a key may name a chat, which may ask to be forgotten, it is a digest.
    """
    return hashlib.blake2s(json.dumps(push).encode(), digest_size=16).hexdigest()
