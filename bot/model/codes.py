"""The stable codes for the fates of messages, by which reports sort.

None may change, because the databases of version 0.1.0 hold them.
"""

import enum


class Code(enum.StrEnum):
    """The word for the fate of a message: the ledger stores it, and reports sort by it."""

    ERROR = "error"
    NOT_SENT = "not-sent"
    FLOOD = "flood"
    UNKNOWN = "unknown"
    GONE = "gone"
    NOT_FOUND = "not-found"
    MOVED = "moved"
    CLOSED = "closed"
    REFUSED = "refused"
    FILTERED = "filtered"
    """A refusal by a rule of the place. Version 0.1.0 stored `REFUSED` for it."""
    CONTENT = "content"
    RENDERING = "rendering"
    UNAUTHORISED = "unauthorised"
    STOPPED = "stopped"
    """The message was stopped before the turn of the delivery, because other chats had refused it."""
    ENDED = "ended"
    """The subscription ended before the turn of the delivery."""
    PAUSED = "paused"
    """The people of the place paused the pushes before the turn of the delivery."""
    RECALLED = "recalled"
    """The team recalled the recap before the turn of the delivery."""
    RESTORED = "restored"
    """The delivery was unfinished in a backup that was restored, and may have been made since."""
    AUDIO = "audio"
    """The recap arrived, and nobody can tell whether the recording did."""
    UNREACHED = "unreached"
    """The config declares the chat, and the platform does not know it or has the bot not in it."""


class LeftOut(enum.StrEnum):
    """The reason for which a push had no delivery, or has none any more, for a subscription of its schedule."""

    CLOSED = "closed"
    """The subscription is paused, because the bot may not write there."""
    HOLIDAY = "holiday"
    TOPICS = "topics"
    """The episode has nothing on the topics of the subscription."""
    OFF = "off"
    """The platform is switched off."""
    SERVED = "served"
    """The people got the episode on a schedule that they have left since."""
    LATE = "late"
    """The choices of the subscription were made in the moment in which the push began."""
    FORGOTTEN = "forgotten"
    """The people had everything about them deleted."""
    MERGED = "merged"
    """The chat became one with another chat that has a delivery."""


NO_FAILURES = frozenset({Code.GONE, Code.ENDED, Code.PAUSED, Code.RECALLED})
"""Codes of deliveries that did not arrive because people left, unsubscribed or paused, or the team recalled it."""

TOLD = (Code.REFUSED, Code.FILTERED, Code.CONTENT, Code.RENDERING, Code.STOPPED, Code.UNREACHED)
"""Codes of refusals, which a report tells with the platform's own words, each with its number."""
