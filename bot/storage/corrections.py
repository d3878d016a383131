"""Corrections and recalls in the ledger: the changes of messages that a broadcast has brought to people.

The broadcast's own deliveries say what stands at each place: the rendering, and the ids of its messages. A correction
is a broadcast of its own, each delivery of which changes the messages of one of those, with all rules of deliveries.
"""

import datetime as dt
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, TypeAlias

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    String,
    case,
    delete,
    exists,
    func,
    literal,
    or_,
    select,
    update,
)

from bot.model.codes import Code
from bot.model.correction import Text
from bot.model.i18n import gettext_noop
from bot.model.rendering import STANDING, JsonObject, Message, Rendering
from bot.model.subscription import PlatformName
from bot.storage import opening
from bot.storage.database import LedgerPart, insert
from bot.storage.outcomes import RECALLED, fail_unwanted
from bot.storage.records import CHANGES, EPISODES, Broadcast, BroadcastKind, BroadcastState, Choice, DeliveryState
from bot.storage.tables import (
    BROADCAST_IS_OPEN,
    IS_PENDING,
    IS_UNFINISHED,
    broadcasts,
    choices,
    deliveries,
    pins,
    publications,
    renderings,
    texts,
)

SUPERSEDED = gettext_noop("a later change has taken its place")
"""The reason of a correction that ends before its end."""

After: TypeAlias = Mapping[tuple[Choice, bool], Rendering]
"""The messages that are to stand for a choice, where the recording stands before them, and where it does not."""

_CHANGE = deliveries.alias("change")
_HAS_BEGUN = or_(deliveries.c.position > 0, IS_UNFINISHED)
_IS_GONE = exists().where(
    _CHANGE.c.corrects == deliveries.c.id,
    _CHANGE.c.state == DeliveryState.SENT,
    _CHANGE.c.broadcast_id.in_(select(broadcasts.c.id).where(broadcasts.c.kind == BroadcastKind.RECALL)),
)


class Sent(NamedTuple):
    """A broadcast that brought an episode to people, with the text that stands; that of version 0.1.0 is not known."""

    broadcast: Broadcast
    text: Text | None


class Wanted(NamedTuple):
    """The messages that are to stand `after` a correction.

    The `withdrawn` message of a platform stands in place of each that is to go and that the platform keeps. Without a
    `text`, this is a part of a correction, after which the text of the episode is not everywhere the new one.
    """

    after: After
    withdrawn: Mapping[PlatformName, Message]
    text: Text | None


class Way(NamedTuple):
    """The change of deliveries that are `alike`: `number` take it.

    Each `changes` so many messages, from that `position` on.
    """

    choice: Choice
    alike: tuple[int, ...]
    title: str
    after: list[Any]
    number: int
    changes: int
    position: int


class LedgerCorrections(LedgerPart):
    """The corrections in the ledger. Every method is one transaction and may raise `LedgerError`."""

    async def sent(self, since: dt.datetime, episode: int | None = None) -> list[Sent]:
        """Return the broadcasts since then that brought an episode and were not recalled, the oldest first."""
        return await self._database.read(_sent, since, episode)

    async def is_recalled(self, broadcast: Broadcast) -> bool:
        """Return whether the broadcast was recalled."""
        recall = select(broadcasts.c.id).where(broadcasts.c.key == f"{BroadcastKind.RECALL} {broadcast.id}").limit(1)
        return broadcast.reason == RECALLED or await self._database.scalar(recall) is not None

    async def is_whole(self, correction: Broadcast) -> bool:
        """Return whether a correction was made on every platform, after which the text is everywhere the new one."""
        text = select(texts.c.broadcast_id).where(texts.c.broadcast_id == correction.id)
        return await self._database.scalar(text) is not None

    async def looks(self, broadcast_id: int) -> set[tuple[Choice, bool]]:
        """Return the choices for which the broadcast was rendered, with whether a recording stands before the rest."""
        return await self._database.read(_looks, broadcast_id)

    async def count(self, episode: int) -> int:
        """Return the number of corrections of the episode so far."""
        b = broadcasts.c
        of_episode = select(func.count()).where(b.episode == episode, b.kind == BroadcastKind.CORRECTION)
        return await self._database.scalar(of_episode) or 0

    async def note_text(self, sent: Broadcast, text: Text) -> None:
        """Note that the messages of the broadcast say this text."""
        await self._database.write(keep_text, sent.id, text)

    async def under_way(self) -> list[Broadcast]:
        """Return the corrections and recalls that are not over, the oldest first."""
        going_on = select(broadcasts).where(broadcasts.c.kind.in_(CHANGES), BROADCAST_IS_OPEN)
        return list(map(Broadcast.of, await self._database.rows(going_on.order_by(broadcasts.c.id))))

    async def plan(self, broadcast_id: int, after: After) -> list[Way]:
        """Return the changes that bring the broadcast's messages to those."""
        return await self._database.read(_plan, broadcast_id, after)

    async def unknown(self, broadcast_id: int) -> int:
        """Return the number of deliveries of which nobody knows for which choice they were made: those of 0.1.0."""
        c = deliveries.c
        counted = select(func.count()).where(c.broadcast_id == broadcast_id, c.choice_id.is_(None), _HAS_BEGUN)
        return await self._database.scalar(counted) or 0

    async def correct(self, sent: Broadcast, wanted: Wanted) -> Broadcast | None:
        """Open the correction that brings the broadcast's messages to those; a correction under way ends.

        Deliveries that have not begun send the new messages at once.

        Returns:
            None if nothing is to be changed, or if a correction to the same text is under way.
        """
        return await self._database.for_people().write(_correct, sent, wanted, self._clock())

    async def recall(self, sent: Broadcast, withdrawn: Mapping[PlatformName, Message]) -> Broadcast | None:
        """Stop the broadcast, and open its recall; return None if nothing is left of it anywhere."""
        return await self._database.for_people().write(_recall, sent, withdrawn, self._clock())


def _sent(connection: Connection, since: dt.datetime, episode: int | None) -> list[Sent]:
    c, recall = broadcasts.c, broadcasts.alias()
    is_recalled = exists().where(recall.c.key == literal(f"{BroadcastKind.RECALL} ") + c.id.cast(String))
    wanted = select(broadcasts).where(c.kind.in_(EPISODES), c.created >= since, ~is_recalled)
    if episode is not None:
        wanted = wanted.where(c.episode == episode)
    found = list(map(Broadcast.of, connection.execute(wanted.order_by(c.id))))
    kept = select(texts).where(texts.c.broadcast_id.in_([each.id for each in found]))
    by_broadcast = {row.broadcast_id: Text(row.digest, row.parts) for row in connection.execute(kept)}
    return [Sent(each, by_broadcast.get(each.id)) for each in found]


def _looks(connection: Connection, broadcast_id: int) -> set[tuple[Choice, bool]]:
    c = deliveries.c
    kept = select(c.choice_id, c.rendering_id).where(c.broadcast_id == broadcast_id, _HAS_BEGUN).distinct()
    of_id = select(choices.c.id, choices.c.choice).where(choices.c.broadcast_id == broadcast_id)
    chosen = {row.id: row.choice for row in connection.execute(of_id)}
    of_broadcast = select(renderings.c.id, renderings.c.messages).where(renderings.c.broadcast_id == broadcast_id)
    uploads = {row.id: _has_recording(row.messages) for row in connection.execute(of_broadcast)}
    rows = connection.execute(kept.where(c.choice_id.is_not(None)))
    return {look for row in rows for look in ((chosen[row.choice_id], uploads[row.rendering_id]),)}


def _has_recording(messages: Sequence[JsonObject]) -> bool:
    return bool(messages) and "upload" in messages[0]


def _alike(broadcast_id: int) -> Select[Any]:
    """Return the query for what decides on the way of each delivery that has begun: the same leads to the same way."""
    c = deliveries.c
    last = _CHANGE.c.id == opening.last_change(deliveries)
    return (
        select(
            c.rendering_id.label("own"),
            c.choice_id.label("for_choice"),
            func.coalesce(renderings.c.becomes, c.rendering_id).label("stands"),
            # Where the last change was begun and did not come to its end, nobody knows what stands.
            case((_CHANGE.c.state != DeliveryState.SENT, 1), else_=0).label("is_mixed"),
        )
        .select_from(
            deliveries.outerjoin(_CHANGE, last).outerjoin(renderings, _CHANGE.c.rendering_id == renderings.c.id)
        )
        .where(c.broadcast_id == broadcast_id, c.choice_id.is_not(None), _HAS_BEGUN)
    )


def _plan(connection: Connection, broadcast_id: int, after: After) -> list[Way]:
    alike = _alike(broadcast_id)
    names = alike.selected_columns.keys()
    groups = alike.add_columns(func.count().label("number")).group_by(*names).order_by(*names)
    of_id = select(choices.c.id, choices.c.choice).where(choices.c.broadcast_id == broadcast_id)
    chosen = {row.id: row.choice for row in connection.execute(of_id)}
    of_broadcast = select(renderings.c.id, renderings.c.messages).where(renderings.c.broadcast_id == broadcast_id)
    before = {row.id: row.messages for row in connection.execute(of_broadcast)}
    ways = []
    for row in connection.execute(groups):
        choice, messages = chosen[row.for_choice], before[row.stands]
        recording = messages[:1] if _has_recording(messages) else []
        rendering = after.get((choice, bool(recording)))
        if rendering is None:
            continue
        wanted = json.loads(json.dumps([*map(opening.as_kept, rendering.messages)]))
        if recording and (not wanted or wanted[0]["upload"]["key"] == STANDING):
            # Without another one, the recording stays as it is.
            wanted[:1] = recording
        common = min(len(messages), len(wanted))
        changed = [i for i in range(common) if row.is_mixed or not _is_same(messages[i], wanted[i])]
        changes = len(changed) + abs(len(messages) - len(wanted))
        if changes or row.is_mixed:
            position = changed[0] if changed else common
            ways.append(Way(choice, tuple(row[:-1]), rendering.title, wanted, row.number, changes, position))
    return ways


def _is_same(message: JsonObject, other: JsonObject) -> bool:
    """Return whether people see the same; a fallback is seen only where it has taken the place of its message."""
    return all(message.get(part) == other.get(part) for part in ("body", "upload"))


def _correct(connection: Connection, sent: Broadcast, wanted: Wanted, now: dt.datetime) -> Broadcast | None:
    text = wanted.text
    opening.take_turns(connection, broadcasts.c.id == sent.id)
    under_way = (broadcasts.c.key == f"{BroadcastKind.CORRECTION} {sent.id}") & BROADCAST_IS_OPEN
    if text is not None:
        same = select(texts).join(broadcasts).where(under_way, texts.c.digest == text.digest)
        if connection.execute(same).first() is not None:
            return None
        keep_text(connection, sent.id, text)
    _stop(connection, under_way, SUPERSEDED, now)
    ways = _plan(connection, sent.id, wanted.after)
    if not ways:
        return None

    def deliver(connection: Connection, correction: Broadcast) -> None:
        c, changes = deliveries.c, {}
        if text is not None:
            keep_text(connection, correction.id, text)
        for way in ways:
            own, choice_id, before, is_mixed = way.alike
            platform = way.choice.platform
            becomes = opening.keep_rendering(connection, sent.id, platform, way.title, way.after)
            if way.after:
                unsent = (c.broadcast_id == sent.id) & IS_PENDING & (c.position == 0) & (c.code != Code.UNKNOWN)
                unsent &= (c.rendering_id == own) & (c.choice_id == choice_id)
                connection.execute(update(deliveries).where(unsent).values(rendering_id=becomes))
            instead = [opening.as_kept(wanted.withdrawn[platform])]
            change = {"replaces": None if is_mixed else before, "becomes": becomes}
            rendering_id = opening.keep_rendering(connection, correction.id, platform, way.title, instead, **change)
            changes[way.alike] = rendering_id, way.position
        opening.deliver_changes(connection, correction, _alike(sent.id), changes)

    return _open(connection, BroadcastKind.CORRECTION, sent, deliver, now)


def _recall(
    connection: Connection, sent: Broadcast, withdrawn: Mapping[PlatformName, Message], now: dt.datetime
) -> Broadcast | None:
    b, c = broadcasts.c, deliveries.c
    _stop(connection, b.id == sent.id, RECALLED, now)
    _stop(connection, b.key == f"{BroadcastKind.CORRECTION} {sent.id}", SUPERSEDED, now)
    _forget_follow_ups(connection, sent.id)
    standing = (c.broadcast_id == sent.id) & _HAS_BEGUN & ~_IS_GONE
    ways = select(c.rendering_id, c.platform).where(standing, c.platform.in_(withdrawn)).distinct()
    found = connection.execute(ways.order_by(c.rendering_id)).all()
    if not found:
        return None

    def deliver(connection: Connection, recall: Broadcast) -> None:
        changes: dict[tuple[int, ...], tuple[int, int]] = {}
        for before, platform in found:
            instead = [opening.as_kept(withdrawn[platform])]
            change = opening.keep_rendering(connection, recall.id, platform, sent.title, instead, replaces=before)
            changes[before,] = change, 0
        opening.deliver_changes(connection, recall, select(c.rendering_id).where(standing), changes)

    return _open(connection, BroadcastKind.RECALL, sent, deliver, now)


def _open(
    connection: Connection,
    kind: BroadcastKind,
    sent: Broadcast,
    deliver: Callable[[Connection, Broadcast], None],
    now: dt.datetime,
) -> Broadcast | None:
    key = f"{kind} {sent.id}"
    return opening.open_broadcast(
        connection, deliver, kind, episode=sent.episode, title=sent.title, key=key, now=now, again=True
    )


def _stop(connection: Connection, which: ColumnElement[bool], reason: str, now: dt.datetime) -> None:
    """End the open ones of the broadcasts; messages on their way arrive all the same."""
    opening.take_turns(connection, which & BROADCAST_IS_OPEN)
    stop = update(broadcasts).where(which, BROADCAST_IS_OPEN)
    stopped = stop.values(state=BroadcastState.STOPPED, reason=reason, finished=now).returning(broadcasts.c.id)
    ids = connection.scalars(stopped).all()
    fail_unwanted(connection, IS_PENDING & deliveries.c.broadcast_id.in_(ids), now)


def keep_text(connection: Connection, broadcast_id: int, text: Text) -> None:
    """Note that the broadcast's messages say this text."""
    values = {"digest": text.digest, "parts": text.parts}
    put = insert(connection, texts).values(broadcast_id=broadcast_id, **values)
    connection.execute(put.on_conflict_do_update(index_elements=["broadcast_id"], set_=values))


def _forget_follow_ups(connection: Connection, broadcast_id: int) -> None:
    """Publish and pin none of the broadcast's messages any more."""
    c = deliveries.c
    for table, message in ((publications, publications.c.message_id), (pins, pins.c.wanted)):
        same_chat = (table.c.platform == c.platform) & (table.c.chat == c.chat)
        waiting = select(c.platform, c.chat, message.label("message"), c.message_ids).join_from(
            deliveries, table, same_chat
        )
        for platform, chat, waits, ids in connection.execute(waiting.where(c.broadcast_id == broadcast_id)).all():
            if waits is not None and waits in ids:
                this = (table.c.platform == platform) & (table.c.chat == chat) & (message == waits)
                end = delete(table) if table is publications else update(table).values(wanted=None)
                connection.execute(end.where(this))
