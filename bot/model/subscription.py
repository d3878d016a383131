"""Who gets the push, where, and how they want it."""

from __future__ import annotations

import enum
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple, NewType, Protocol, Self

from bot.model.document import Layout

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Container

PlatformName = NewType("PlatformName", str)
"""The word for a platform in the config, in targets and in the database. The registry of platforms has them all."""


_TARGET = re.compile(r"(?P<platform>[a-z]+):(?P<chat>@\w+|-?\d+)(?::(?P<thread>\d+))?")


class Target(NamedTuple):
    """One place a push can go, written `platform:chat` or `platform:chat:thread`. There is one to every message.

    `chat` is the platform's own id in digits, or Telegram's `@name`. `thread` is a Telegram forum topic, 0 for none
    (a Discord thread is a chat of its own).
    """

    platform: PlatformName
    chat: str
    thread: int = 0

    @classmethod
    def parse(cls, text: str, platforms: Container[PlatformName]) -> Self:
        """Read the written form of a target on one of the platforms.

        Raises:
            ValueError: the text is no target; the message says what one looks like.
        """
        match = _TARGET.fullmatch(text.strip())
        if match is None or match["platform"] not in platforms:
            raise ValueError(
                f"'{text}' is not a target: write PLATFORM:CHAT or PLATFORM:CHAT:THREAD, "
                "for example telegram:@example, telegram:-1001234567890:7 or discord:1234567890"
            )
        return cls(PlatformName(match["platform"]), match["chat"], int(match["thread"] or 0))

    def __str__(self) -> str:
        return f"{self.platform}:{self.chat}" + (f":{self.thread}" if self.thread else "")


class Origin(enum.StrEnum):
    """Who made a subscription."""

    CONFIG = "config"
    COMMAND = "command"
    """A person with `/subscribe`, or the admin with `recap subscriptions add`."""


class SubscriptionState(enum.StrEnum):
    """Whether a subscription gets pushes."""

    ACTIVE = "active"
    PAUSED = "paused"
    """The platform refuses for a reason the admin can mend (rights, a closed topic)."""
    ENDED = "ended"
    """They left or unsubscribed."""


@dataclass(frozen=True, slots=True)
class Choices:
    """How a target wants its push. No `topics` means all of them."""

    topics: tuple[str, ...] = ()
    layout: Layout = Layout.DIGEST
    silent: bool = False
    publish: bool = False
    """Discord's announcement channels: pass the message on to the channels that follow."""
    rich: bool = False
    """Telegram's rich messages, with headings and pictures between the words; not every app shows them."""


@dataclass(frozen=True, slots=True)
class Subscription:
    """A target with its choices, on one schedule."""

    target: Target
    schedule: str
    choices: Choices = field(default_factory=Choices)
    origin: Origin = Origin.COMMAND
    state: SubscriptionState = SubscriptionState.ACTIVE
    reason: str = ""
    """Why it is paused or ended; empty while active."""
    paused_until: dt.datetime | None = None
    """A holiday that people gave themselves: until then there are no pushes, and its state stays active."""


class Subscriptions(Protocol):
    """The subscriptions, as the commands see them."""

    async def of(self, target: Target) -> list[Subscription]:
        """Every subscription of the target that has not ended."""

    async def last_ended(self, target: Target) -> Subscription | None:
        """Of the target's subscriptions that have ended, the one that did last."""

    async def save(self, subscription: Subscription) -> None:
        """Add the subscription, or give the one of the same target and schedule these choices and this state."""

    async def end(self, target: Target, reason: str, *, schedule: str | None = None) -> bool:
        """End the target's subscriptions, all or that of one schedule; whether there was any to end."""

    async def left(self, target: Target, reason: str) -> bool:
        """The whole chat of the target left, threads included: end its subscriptions until it comes back.

        Whether there was any to end.
        """

    async def came_back(self, *targets: Target) -> bool:
        """The chats of the targets are there again: so is what ended because they left, with the choices it had.

        Whether there was any. What was unsubscribed stays so.
        """

    async def resume(self, target: Target) -> bool:
        """What kept pushes from the target is mended: what is paused goes on; whether there was any."""

    async def move(self, old: Target, new_chat: str) -> None:
        """The platform gave the chat of `old` a new id."""

    async def forget(self, target: Target) -> None:
        """Forget the chat of the target, threads included: its subscriptions, and what was and is to be sent to it.

        What the config declares is ended and keeps its id, which the config holds anyway; else the next start would
        subscribe it again.
        """
