"""The rehearsals in the ledger: the texts that the team saw before its pushes, and the decisions on the pushes."""

import dataclasses
import datetime as dt
from functools import partial

from sqlalchemy import ColumnElement, Connection, exists, select, update

from bot.model.rehearsal import Hold, Instruction, Permit, Planned, Rehearsal
from bot.model.subscription import Target
from bot.storage import opening
from bot.storage.database import LedgerPart, insert
from bot.storage.opening import Places
from bot.storage.records import Broadcast, BroadcastKind, DeliveryState, target_of
from bot.storage.tables import IS_UNFINISHED, broadcasts, deliveries, rehearsals


class LedgerRehearsals(LedgerPart):
    """The rehearsals in the ledger. Every method is one transaction and may raise `LedgerError`."""

    async def of(self, schedule: str, episode: int) -> Rehearsal:
        """Return all that is known of the episode before its push on the schedule, perhaps nothing."""
        return await self._database.read(_read, schedule, episode)

    async def show(self, seen: Rehearsal, title: str, to: Places) -> Broadcast | None:
        """Show a text at these places, and note that it was the last one shown.

        Returns:
            None if another process has shown it since `seen` was read.
        """
        return await self._database.write(_show, seen, title, to, self._clock())

    async def is_under_way(self, rehearsal: Rehearsal) -> bool:
        """Return whether a message of the last rehearsal is still to be sent."""
        left = select(deliveries.c.id).join(broadcasts).where(_is_of(rehearsal), IS_UNFINISHED).limit(1)
        return await self._database.scalar(left) is not None

    async def refusals(self, rehearsal: Rehearsal) -> list[tuple[Target, str]]:
        """Return the places that did not get the last rehearsal, with the platform's words."""
        missed = (
            select(deliveries).join(broadcasts).where(_is_of(rehearsal), deliveries.c.state == DeliveryState.FAILED)
        )
        rows = await self._database.rows(missed.order_by(deliveries.c.id))
        return [(target_of(row), row.reason) for row in rows]

    async def decide(self, push: Planned, decision: Instruction, who: str) -> Rehearsal | None:
        """Note the person's decision on the push.

        Returns:
            None if the push has begun before. An approval of another text is taken then: `send --again` waits for it.
        """
        return await self._database.for_people().write(_decide, push, decision, who)


def may_go(connection: Connection, schedule: str, episode: int, permit: Permit) -> bool:
    """Return whether the push may be opened, and keep decisions waiting until it is.

    An approval of another text is taken back, because the report of the push names who approved.
    """
    rehearsal = _locked(connection, schedule, episode)
    if rehearsal.hold(permit) is not None:
        return False
    if rehearsal.approved != permit.digest:
        _write(connection, dataclasses.replace(rehearsal, approved="", approved_by=""))
    return True


def _read(connection: Connection, schedule: str, episode: int) -> Rehearsal:
    this = select(rehearsals).where(_is_row(schedule, episode))
    row = connection.execute(this).one_or_none()
    return Rehearsal(schedule, episode) if row is None else Rehearsal(*row)


def _locked(connection: Connection, schedule: str, episode: int) -> Rehearsal:
    # Because a row that is not there cannot be locked, there is one from the first look on.
    empty = dataclasses.asdict(Rehearsal(schedule, episode))
    connection.execute(insert(connection, rehearsals).values(empty).on_conflict_do_nothing())
    this = select(rehearsals).where(_is_row(schedule, episode)).with_for_update()
    return Rehearsal(*connection.execute(this).one())


def _write(connection: Connection, rehearsal: Rehearsal) -> None:
    this = update(rehearsals).where(_is_row(rehearsal.schedule, rehearsal.episode))
    connection.execute(this.values(dataclasses.asdict(rehearsal)))


def _is_row(schedule: str, episode: int) -> ColumnElement[bool]:
    return (rehearsals.c.schedule == schedule) & (rehearsals.c.episode == episode)


def _is_of(rehearsal: Rehearsal) -> ColumnElement[bool]:
    c = broadcasts.c
    return (c.episode == rehearsal.episode) & (c.key == rehearsal.key) & (c.kind == BroadcastKind.REHEARSAL)


def _show(connection: Connection, seen: Rehearsal, title: str, to: Places, now: dt.datetime) -> Broadcast | None:
    last = _locked(connection, seen.schedule, seen.episode)
    if last.number != seen.number:
        return None
    shown = dataclasses.replace(
        last, number=last.number + 1, digest=seen.digest, parts=seen.parts, before=last.parts, rehearsed=seen.rehearsed
    )
    _write(connection, shown)
    deliver, kind = partial(opening.deliver_to_targets, to=to), BroadcastKind.REHEARSAL
    return opening.open_broadcast(connection, deliver, kind, episode=seen.episode, title=title, key=shown.key, now=now)


def _decide(connection: Connection, push: Planned, decision: Instruction, who: str) -> Rehearsal | None:
    before, c = _locked(connection, push.schedule, push.episode), broadcasts.c
    is_new = decision is Instruction.APPROVE and before.hold(push.permit) is Hold.UNAPPROVED
    if not is_new and connection.scalar(select(exists().where(c.episode == push.episode, c.key == push.schedule))):
        return None
    match decision:
        case Instruction.APPROVE:
            after = dataclasses.replace(before, approved=push.permit.digest, approved_by=who, withheld_by="")
        case Instruction.WITHHOLD:
            after = dataclasses.replace(before, withheld_by=who)
        case _:
            after = dataclasses.replace(before, withheld_by="")
    _write(connection, after)
    return after
