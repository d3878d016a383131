"""Subscriptions: the targets of the pushes, with their choices."""

import datetime as dt
import enum
import re
from collections.abc import Container
from dataclasses import dataclass, field
from typing import NamedTuple, NewType, Protocol, Self

from bot.model.document import Layout
from bot.model.i18n import gettext as _

PlatformName = NewType("PlatformName", str)
"""The word for a platform in the config, in targets and in the database. The registry of platforms has them all."""

_TARGET = re.compile(r"(?P<platform>[a-z]+):(?P<chat>@\w+|-?\d+)(?::(?P<thread>\d{1,18}))?", re.ASCII)


class Target(NamedTuple):
    """A place for a push, written `platform:chat` or `platform:chat:thread`.

    `chat` is the platform's own id in digits, or Telegram's `@name`. `thread` is a Telegram forum topic, 0 for none
    (a Discord thread is a chat of its own).
    """

    platform: PlatformName
    chat: str
    thread: int = 0

    @classmethod
    def parse(cls, text: str, platforms: Container[PlatformName]) -> Self:
        """Return the target on one of the platforms that has this written form.

        Raises:
            ValueError: the text is no target; the message shows examples.
        """
        match = _TARGET.fullmatch(text.strip())
        if match is None or match["platform"] not in platforms:
            told = _(
                "“{text}” is not a target: write PLATFORM:CHAT or PLATFORM:CHAT:THREAD, "
                "for example telegram:@example, telegram:-1001234567890:7 or discord:1234567890"
            )
            raise ValueError(told.format(text=text))
        return cls(PlatformName(match["platform"]), match["chat"], int(match["thread"] or 0))

    def __str__(self) -> str:
        return f"{self.platform}:{self.chat}" + (f":{self.thread}" if self.thread else "")


class Origin(enum.StrEnum):
    """The maker of a subscription."""

    CONFIG = "config"
    COMMAND = "command"
    """A person with `/subscribe`, or the admin with `recap subscriptions add`."""


class SubscriptionState(enum.StrEnum):
    """The state of a subscription: only an active one gets pushes."""

    ACTIVE = "active"
    PAUSED = "paused"
    """The platform refuses for a reason the admin can mend (rights, a closed topic)."""
    ENDED = "ended"
    """The bot was removed, or a person unsubscribed."""


class AudioAs(enum.StrEnum):
    """The way in which an episode's audio comes."""

    AS_SCHEDULED = ""
    """As the schedule says. Like every empty word, this one counts as false."""
    LINK = "link"
    FILE = "file"
    """In the chat itself, before the recap, on platforms that play it there."""


@dataclass(frozen=True, slots=True)
class Choices:
    """The choices of a target for its push. No `topics` means all topics."""

    topics: tuple[str, ...] = ()
    layout: Layout = Layout.DIGEST
    silent: bool = False
    publish: bool = False
    """Pass the message on to the followers of a Discord announcement channel."""
    rich: bool = False
    """Send Telegram's rich messages, with headings and pictures between the words; not every app shows them."""
    audio: AudioAs = AudioAs.AS_SCHEDULED
    mention: str = ""
    """The role that the first message pings, as in `role:123`; empty for none."""
    pin: bool = False
    """Pin the newest recap in place of the last one."""


NO_CHOICES = Choices()
"""The choices of a place where nobody has chosen anything."""


@dataclass(frozen=True, slots=True)
class Subscription:
    """A target with its choices, on one schedule."""

    target: Target
    schedule: str
    choices: Choices = field(default_factory=Choices)
    origin: Origin = Origin.COMMAND
    state: SubscriptionState = SubscriptionState.ACTIVE
    reason: str = ""
    """The reason of the pause or the end; empty while active."""
    paused_until: dt.datetime | None = None
    """The end of a holiday that a person chose. Until then no push comes, and the state stays active."""
    is_private: bool = False
    """Whether the target is a chat between one person and the bot, as far as the platform has told."""


class Subscriptions(Protocol):
    """The subscriptions, as the commands see them."""

    async def of(self, target: Target) -> list[Subscription]:
        """Return every subscription of the target that has not ended."""

    async def last_ended(self, target: Target) -> Subscription | None:
        """Return the subscription of the target that ended last."""

    async def save(self, subscription: Subscription) -> None:
        """Add the subscription, or replace the choices and the state of the one with its target and schedule."""

    async def end(self, target: Target, reason: str, *, schedule: str | None = None) -> bool:
        """End the target's subscriptions, all or that of one schedule, and return whether one was active or paused."""

    async def left(self, target: Target, reason: str, *, is_person: bool = False) -> bool:
        """End every subscription of the chat, threads included, because the chat or the person removed the bot.

        One that the config declares is paused, but for a person's, because a person who leaves has chosen to.

        Returns:
            True if a subscription was active or paused.
        """

    async def came_back(self, *targets: Target) -> bool:
        """Revive the subscriptions of the chats that ended because the chat removed the bot, with their choices.

        Returns:
            True if there was one.
        """

    async def pause(self, target: Target, reason: str) -> bool:
        """Pause the target's active subscriptions until the cause is mended, and return whether there was one."""

    async def resume(self, target: Target) -> bool:
        """Make the target's paused subscriptions active, because the cause is mended; return whether there was one."""

    async def move(self, old: Target, new_chat: str) -> None:
        """Move everything of the chat of `old` to the new id that the platform gave the chat."""

    async def forget(self, target: Target) -> None:
        """Delete the subscriptions and the deliveries of the chat of the target, threads included.

        A declared subscription is ended and keeps its id, which the config holds anyway. Else the next start would
        subscribe the target again.
        """
