"""World of `recap demo`: the people on both platforms, and the chats and channels with the bot."""

import enum
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeAlias, TypeVar

from bot.model.i18n import Language
from bot.model.subscription import Target
from bot.platforms import discord, telegram
from bot.sandbox.discord import world as discord_world
from bot.sandbox.discord.server import DiscordStandIn
from bot.sandbox.discord.world import MEMBER, Permission, threads_of
from bot.sandbox.discord.world import Message as DiscordMessage
from bot.sandbox.telegram import model as telegram_model
from bot.sandbox.telegram.model import Message as TelegramMessage
from bot.sandbox.telegram.model import Status
from bot.sandbox.telegram.server import TelegramStandIn


class Person(enum.StrEnum):
    """People that the visitor plays: the admin manages every place, the member none."""

    ADMIN = "Camille"
    MEMBER = "Sacha"


TOPIC = 7
"""Thread of the forum's only topic."""

_LOCALES = {Language.FRENCH: "fr", Language.ENGLISH: "en-US"}
"""Languages of Discord's app."""
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
    """A chat, or a topic of a forum, on the phone."""

    key: str
    title: str
    chat: telegram_model.Chat
    thread: int | None = None

    @property
    def target(self) -> Target:
        """Return the target of the bot for this place."""
        return Target(telegram.NAME, str(self.chat.id), self.thread or 0)

    @property
    def messages(self) -> list[TelegramMessage]:
        """The messages of the place, without deleted ones and service messages."""
        return [
            message
            for message in self.chat.history.values()
            if not message.deleted and not message.service and message.thread == self.thread
        ]


@dataclass(frozen=True, slots=True)
class DiscordPlace:
    """A channel in the window."""

    key: str
    title: str
    channel: discord_world.Channel

    @property
    def target(self) -> Target:
        """Return the target of the bot for this place."""
        return Target(discord.NAME, str(self.channel.id))


AnyMessage = TypeVar("AnyMessage", "TelegramMessage", "DiscordMessage")
AnyPlace = TypeVar("AnyPlace", TelegramPlace, DiscordPlace)
Place: TypeAlias = "TelegramPlace | DiscordPlace"


class DemoWorld:
    """People of one language, and their places on both stand-ins."""

    def __init__(self, telegram: TelegramStandIn, discord: DiscordStandIn, show: str, language: Language) -> None:
        names = _NAMES[language]
        self.telegram, self.discord = telegram, discord

        private = self.telegram.add_private(name=Person.ADMIN, language=language)
        self.telegram_people = {
            Person.ADMIN: private.person,
            Person.MEMBER: self.telegram.add_user(Person.MEMBER, language),
        }
        admins = [private.person]
        group = self.telegram.add_supergroup(names["group"], admins=admins)
        forum = self.telegram.add_supergroup(names["forum"], topics={TOPIC: names["topic"]}, admins=admins)
        channel = self.telegram.add_channel(show, username=f"recap_{language}", admins=admins)
        for chat in (group, forum):
            self.telegram.set_member(chat, self.telegram_people[Person.MEMBER], Status.MEMBER)

        self.guild = self.discord.add_guild(names["guild"])
        self.discord_people = {name: self.discord.add_user(name, locale=_LOCALES[language]) for name in Person}
        manager = MEMBER | Permission.MANAGE_GUILD | Permission.MANAGE_MESSAGES
        self.discord.add_member(self.guild, self.discord_people[Person.ADMIN], manager)
        self.discord.add_member(self.guild, self.discord_people[Person.MEMBER])
        announcements = self.discord.add_announcement(self.guild, names["announcements"])
        general = self.discord.add_text(self.guild, names["general"])
        posts = self.discord.add_forum(self.guild, names["posts"])
        direct = self.discord.direct(self.discord_people[Person.ADMIN])

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

    def telegram_place(self, key: str) -> TelegramPlace:
        """Return the place of that key on Telegram.

        Raises:
            LookupError: no place has the key.
        """
        return self._place(key, TelegramPlace)

    def discord_place(self, key: str) -> DiscordPlace:
        """Return the place of that key on Discord.

        Raises:
            LookupError: no place has the key.
        """
        return self._place(key, DiscordPlace)

    def _place(self, key: str, kind: type[AnyPlace]) -> AnyPlace:
        place = self.places.get(key)
        if not isinstance(place, kind):
            raise LookupError(f"no place {key}")  # noqa: TRY004 - the key names no place of the kind
        return place

    def discord_messages(self, place: DiscordPlace) -> list[DiscordMessage]:
        """Return the messages of the place, its posts and its ephemeral answers, in order."""
        channels = [place.channel, *threads_of(place.channel)]
        found = {message.id: message for channel in channels for message in channel.messages}
        for interaction in self.discord.interactions(place.channel):
            answers = [*([interaction.original] if interaction.original else []), *interaction.followups]
            found |= {message.id: message for message in answers if not message.deleted}
        return [found[number] for number in sorted(found)]


def find_message(messages: Iterable[AnyMessage], number: int) -> AnyMessage:
    """Return the message of that id.

    Raises:
        LookupError: no message has the id.
    """
    for message in messages:
        if message.id == number:
            return message
    raise LookupError(f"no message {number}")
