"""The little town that `recap demo` shows: who lives on both platforms, and where the bot is."""

from __future__ import annotations

import contextlib
import enum
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, Self, TypeAlias

from bot.model.i18n import Language
from bot.model.subscription import Target
from bot.platforms import discord, telegram
from bot.sandbox.discord.server import DiscordStandIn
from bot.sandbox.discord.world import MEMBER, Permission
from bot.sandbox.telegram.model import Status
from bot.sandbox.telegram.server import TELEGRAM_LIMITS, TelegramStandIn

if TYPE_CHECKING:
    import asyncio
    import datetime as dt
    from collections.abc import Callable

    from bot.model.subscription import Subscription
    from bot.sandbox.discord import world as discord_world
    from bot.sandbox.discord.messages import Message as DiscordMessage
    from bot.sandbox.shared.changes import Changes
    from bot.sandbox.telegram import model as telegram_model
    from bot.sandbox.telegram.model import Json
    from bot.sandbox.telegram.model import Message as TelegramMessage


class Who(enum.StrEnum):
    """The people one can be: one manages every place, the other none."""

    ADMIN = "Camille"
    MEMBER = "Sacha"


TOPIC = 7
"""The thread of the forum's one topic."""

_LOCALES = {Language.FRENCH: "fr", Language.ENGLISH: "en-US"}
"""What Discord's app calls the languages."""
_NAMES = {
    Language.FRENCH: {
        "group": "Les auditeurs",
        "forum": "Le club",
        "topic": "Récap",
        "guild": "Le club des auditeurs",
        "announcements": "récap-du-lundi",
        "general": "général",
        "posts": "épisodes",
    },
    Language.ENGLISH: {
        "group": "The listeners",
        "forum": "The club",
        "topic": "Recap",
        "guild": "The listeners’ club",
        "announcements": "monday-recap",
        "general": "general",
        "posts": "episodes",
    },
}


@dataclass(frozen=True, slots=True)
class TelegramPlace:
    """A chat, or a topic of a forum, as one opens it on the phone."""

    key: str
    title: str
    chat: telegram_model.Chat
    thread: int | None = None

    @property
    def target(self) -> Target:
        """The place as the bot knows it."""
        return Target(telegram.NAME, str(self.chat.id), self.thread or 0)

    @property
    def messages(self) -> list[TelegramMessage]:
        """Everything that was said there and not deleted."""
        return [
            message
            for message in self.chat.history.values()
            if not message.deleted and not message.service and message.thread == self.thread
        ]


@dataclass(frozen=True, slots=True)
class DiscordPlace:
    """A channel as one opens it in the window."""

    key: str
    title: str
    channel: discord_world.Channel

    @property
    def target(self) -> Target:
        """The place as the bot knows it."""
        return Target(discord.NAME, str(self.channel.id))


Place: TypeAlias = "TelegramPlace | DiscordPlace"


class DemoWorld:
    """Both stand-ins with their inhabitants; they listen while it is used as an async context manager.

    Flood limits are those of the real Telegram. `clock` dates what happens.
    """

    def __init__(self, clock: Callable[[], dt.datetime], show: str, language: Language) -> None:
        names = _NAMES[language]
        self.telegram = TelegramStandIn(clock=clock, flood_limits=TELEGRAM_LIMITS)
        self.discord = DiscordStandIn(clock=clock)
        self._stack = contextlib.AsyncExitStack()

        private = self.telegram.add_private(name=Who.ADMIN, language=language)
        self.telegram_people = {
            Who.ADMIN: private.person,
            Who.MEMBER: self.telegram.add_user(Who.MEMBER, language),
        }
        admins = [private.person]
        group = self.telegram.add_supergroup(names["group"], admins=admins)
        forum = self.telegram.add_supergroup(names["forum"], topics={TOPIC: names["topic"]}, admins=admins)
        channel = self.telegram.add_channel(show, username="recap_demo", admins=admins)
        for chat in (group, forum):
            self.telegram.set_member(chat, self.telegram_people[Who.MEMBER], Status.MEMBER)

        self.guild = self.discord.add_guild(names["guild"])
        self.discord_people = {name: self.discord.add_user(name, locale=_LOCALES[language]) for name in Who}
        manager = MEMBER | Permission.MANAGE_GUILD | Permission.MANAGE_MESSAGES
        self.discord.add_member(self.guild, self.discord_people[Who.ADMIN], manager)
        self.discord.add_member(self.guild, self.discord_people[Who.MEMBER])
        announcements = self.discord.add_announcement(self.guild, names["announcements"])
        general = self.discord.add_text(self.guild, names["general"])
        posts = self.discord.add_forum(self.guild, names["posts"])
        direct = self.discord.direct(self.discord_people[Who.ADMIN])

        self.places: dict[str, Place] = {
            place.key: place
            for place in (
                TelegramPlace("telegram-private", self.telegram.bot.first_name, private),
                TelegramPlace("telegram-group", group.title, group),
                TelegramPlace("telegram-topic", f"{forum.title} · {names['topic']}", forum, TOPIC),
                TelegramPlace("telegram-channel", channel.title, channel),
                DiscordPlace("discord-announcements", announcements.name, announcements),
                DiscordPlace("discord-general", general.name, general),
                DiscordPlace("discord-forum", posts.name, posts),
                DiscordPlace("discord-direct", self.discord.world.bot.name, direct),
            )
        }

    async def __aenter__(self) -> Self:
        async with contextlib.AsyncExitStack() as stack:
            await stack.enter_async_context(self.telegram)
            await stack.enter_async_context(self.discord)
            self._stack = stack.pop_all()
        return self

    async def __aexit__(self, *_error: object) -> None:
        await self._stack.aclose()

    def telegram_place(self, key: str) -> TelegramPlace:
        """The place of that key on Telegram.

        Raises:
            LookupError: there is none.
        """
        place = self.places.get(key)
        if not isinstance(place, TelegramPlace):
            raise LookupError(f"no chat {key}")  # noqa: TRY004 - a key that names nothing, whatever the reason
        return place

    def discord_place(self, key: str) -> DiscordPlace:
        """The place of that key on Discord.

        Raises:
            LookupError: there is none.
        """
        place = self.places.get(key)
        if not isinstance(place, DiscordPlace):
            raise LookupError(f"no channel {key}")  # noqa: TRY004 - likewise
        return place

    def telegram_message(self, place: TelegramPlace, number: int) -> TelegramMessage:
        """The message of that id in the place.

        Raises:
            LookupError: there is none.
        """
        for message in place.messages:
            if message.id == number:
                return message
        raise LookupError(f"no message {number}")

    def discord_messages(self, place: DiscordPlace) -> list[DiscordMessage]:
        """Everything that anybody sees in the place, answers for one person's eyes included, in order."""
        channels = [place.channel, *(thread for thread in self.guild.channels if _hangs_on(thread, place.channel))]
        found = {message.id: message for channel in channels for message in channel.messages}
        for interaction in self.discord.interactions(place.channel):
            answers = [*([interaction.original] if interaction.original else []), *interaction.followups]
            found |= {message.id: message for message in answers if not message.deleted}
        return [found[number] for number in sorted(found)]

    def discord_message(self, place: DiscordPlace, number: int) -> DiscordMessage:
        """The message of that id in the place.

        Raises:
            LookupError: there is none.
        """
        for message in self.discord_messages(place):
            if message.id == number:
                return message
        raise LookupError(f"no message {number}")

    def speak(self, language: Language) -> None:
        """Let both people's apps speak the language from now on."""
        for telegram_user in self.telegram_people.values():
            telegram_user.language_code = language
        for discord_user in self.discord_people.values():
            discord_user.locale = _LOCALES[language]


def _hangs_on(channel: discord_world.Channel, parent: discord_world.Channel) -> bool:
    return getattr(channel, "parent", None) is parent


class Stage(Protocol):
    """A bot at work in a town, with a clock that can be moved on."""

    changes: Changes
    """Tells of everything that happens in the town or to the bot."""
    steady: asyncio.Lock
    """Held by whoever reads several things that belong together, and while everything is replaced."""

    @property
    def world(self) -> DemoWorld:
        """Where the bot works now; another town after a `restart`."""

    def facts(self) -> Json:
        """The show, its time, its next push, its content and what is wrong with it."""

    async def subscriptions(self, target: Target) -> list[Subscription]:
        """The target's subscriptions that have not ended."""

    async def next_push(self) -> int | None:
        """Let it be the hour of the next push; the number of the episode that is pushed then, None for none."""

    async def restart(self) -> None:
        """Begin again: a new town, a new database, the clock back."""
