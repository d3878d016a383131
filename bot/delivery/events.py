"""What the workers find out and the admins should know. Whoever listens decides how they are told."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from bot.model.subscription import PlatformName, Target


@dataclass(frozen=True, slots=True)
class PlatformStopped:
    """The platform refuses the token: nothing more is sent there until the bot is restarted with a good one."""

    platform: PlatformName
    reason: str


@dataclass(frozen=True, slots=True)
class BroadcastStopped:
    """The platform refuses the message itself: what was not sent of the broadcast never will be."""

    broadcast_id: int
    platform: PlatformName
    reason: str


@dataclass(frozen=True, slots=True)
class TargetNotFound:
    """The platform knows no such chat, so its subscriptions have ended: the admins should look at the id."""

    target: Target
    reason: str


@dataclass(frozen=True, slots=True)
class TargetPaused:
    """The bot may not write there, so its subscriptions are paused until an admin has mended that."""

    target: Target
    reason: str


@dataclass(frozen=True, slots=True)
class PausedTooLong:
    """The bot might not write there for so long that its subscriptions have ended."""

    target: Target
    reason: str


@dataclass(frozen=True, slots=True)
class NotPublished:
    """A message was sent to an announcement channel and could not be passed on to its followers."""

    target: Target
    message_id: str
    reason: str


Event: TypeAlias = BroadcastStopped | NotPublished | PausedTooLong | PlatformStopped | TargetNotFound | TargetPaused


Listener: TypeAlias = Callable[[Event], Awaitable[None]]
"""Whoever wants to know. It is called once for each event, after the ledger has it, and may raise nothing."""


async def nobody(_event: Event) -> None:
    """Listens to nothing."""
