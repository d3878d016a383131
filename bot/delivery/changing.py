"""The changes of messages that were sent: what is to be done at each place, how, and the outcome after it.

A change is told by the ids of what stands and by what is to stand. So it may be begun anew at any moment: an edit and a
deletion may be repeated, and a message is added only where none stands.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NamedTuple

from bot.delivery import retry
from bot.delivery.retry import Decision, Step
from bot.model.codes import Code
from bot.storage.records import Claim, DeliveryState, Outcome, StoredRendering

if TYPE_CHECKING:
    from bot.model.rendering import Message
    from bot.platforms.abilities import Editor
    from bot.platforms.base import Post

DELETED = ""
"""The id of a message that the bot has deleted."""
_KEPT = Code.REFUSED
"""The code of a pending deletion that the platform has refused, so that the message is replaced."""


_OF_PLACES = frozenset({Step.REDIRECT, Step.END_SUBSCRIPTION, Step.PAUSE_SUBSCRIPTION})


class MessageChange(NamedTuple):
    """The change of one message: an edit, without an id an addition, or without a message a deletion."""

    message_id: str | None
    message: Message | None


def change_at(claim: Claim, stored: StoredRendering) -> MessageChange | None:
    """Return the change at the claim's position; None if nothing is to be done there."""
    return _change_at(claim.position, claim, stored, claim.message_ids)


def _change_at(at: int, claim: Claim, stored: StoredRendering, ids: Sequence[str | None]) -> MessageChange | None:
    """Return the change at a position where these messages stand."""
    revision, messages = stored.revision, stored.rendering.messages
    if revision is None:
        return None
    if at >= len(ids):
        # Where the first message is in doubt, nobody would see what the added one belongs to.
        may_add = at < len(messages) and claim.is_whole and bool(ids and ids[0])
        return MessageChange(None, messages[at]) if may_add else None
    if not ids[at] or at in revision.unchanged:
        return None
    return MessageChange(ids[at], messages[at] if at < len(messages) else None)


def is_addition(claim: Claim, stored: StoredRendering) -> bool:
    """Return whether the change is a message that is sent."""
    change = change_at(claim, stored)
    return change is not None and change.message_id is None


def in_place(claim: Claim, stored: StoredRendering) -> MessageChange | None:
    """Return the edit or deletion that is to be made; None for a message that is sent."""
    change = change_at(claim, stored)
    return None if change is None or change.message_id is None else change


def of_message(decision: Decision, *, has_file: bool = False) -> Decision:
    """Return the decision after an error of a change, which says nothing of the subscription.

    In a chat with a new id, the old messages cannot be changed; a message with the same number there is another one.
    A recording that cannot be exchanged stays as it is, and the recap below it is changed all the same.
    """
    if has_file and decision.step not in {Step.RETRY, Step.STOP_PLATFORM}:
        return Decision(Step.HOLD)
    return Decision(Step.FAIL) if decision.step in _OF_PLACES else decision


def advance(
    claim: Claim, stored: StoredRendering, when_free: Callable[[Claim], dt.datetime], message_id: str | None
) -> Outcome:
    """Return the delivery after a message was added, perhaps, or after nothing was to be done."""
    ids = (*claim.message_ids, message_id) if is_addition(claim, stored) else claim.message_ids
    return _advanced(claim, stored, when_free, ids)


def _advanced(
    claim: Claim, stored: StoredRendering, when_free: Callable[[Claim], dt.datetime], ids: tuple[str | None, ...]
) -> Outcome:
    """Return the delivery when it is free for its next change, or at its end, with the messages that stand now."""
    publish = ids[-1] if claim.publish and len(ids) > len(claim.message_ids) else None
    for position in range(claim.position + 1, max(len(ids), len(stored.rendering.messages))):
        if _change_at(position, claim, stored, ids) is not None:
            state, due = DeliveryState.PENDING, when_free(claim)
            break
    else:
        while ids and ids[-1] == DELETED:
            ids = ids[:-1]
        state, due = DeliveryState.UNKNOWN if None in ids else DeliveryState.SENT, stored.opened
        position = len(ids)
    stands_at = claim.corrects if ids != claim.message_ids else None
    return Outcome(claim.id, state, position, ids, due, attempts=0, publish=publish, stands_at=stands_at)


class Changer:
    """The maker of changes on one platform. `clock` gives the ledger's time, and `with_file` a post with its file."""

    def __init__(self, editor: Editor, clock: Callable[[], dt.datetime], with_file: Callable[[Post], Post]) -> None:
        self._editor = editor
        self._clock = clock
        self._with_file = with_file

    async def make(
        self,
        claim: Claim,
        stored: StoredRendering,
        change: MessageChange,
        leave: Callable[[], bool],
        when_free: Callable[[Claim], dt.datetime],
    ) -> Outcome:
        """Edit or delete the message, and return the outcome. A message that is not there any more is no failure.

        Raises:
            SendError: the platform refuses, or does not tell.
        """
        message_id, message = str(change.message_id), change.message
        ids, revision = claim.message_ids, stored.revision
        if message is None and revision is not None and self._is_kept(claim, revision.sent):
            message = revision.withdrawn
        first_id = ids[0] or None
        if message is not None and message.upload is not None:
            await self._editor.exchange(self._with_file(retry.make_post(claim, stored, leave=leave)), message_id)
        elif message is not None:
            title = stored.rendering.title if claim.position == 0 and revision and revision.renames else None
            is_caption = claim.position == 0 and revision is not None and revision.has_recording
            await self._editor.edit(
                claim.target, message_id, message, leave=leave, first_id=first_id, title=title, is_caption=is_caption
            )
        elif await self._editor.delete(claim.target, message_id, leave=leave, first_id=first_id):
            ids = (*ids[: claim.position], DELETED, *ids[claim.position + 1 :])
        else:
            return retry.give_back(claim, self._clock())._replace(code=_KEPT)
        return _advanced(claim, stored, when_free, ids)

    def _is_kept(self, claim: Claim, sent: dt.datetime) -> bool:
        """Return whether the platform has refused the deletion, or is sure to: a push takes up to a day itself."""
        limit = self._editor.deletes_within
        return claim.code == _KEPT or (limit is not None and self._clock() - sent >= limit + retry.GIVE_UP_AFTER)
