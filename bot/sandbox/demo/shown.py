"""JSON of messages, places and commands for the page, with each message's body in its platform's form."""

import dataclasses
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from bot.model.rendering import Rendering
from bot.model.subscription import PlatformName, Subscription
from bot.platforms.registry import PLATFORMS
from bot.sandbox.demo.world import DemoWorld, DiscordPlace, Person, Place, TelegramPlace
from bot.sandbox.discord.interactions import Interaction, Kind
from bot.sandbox.discord.messages import Flag, texts
from bot.sandbox.discord.people import ATTACHMENT
from bot.sandbox.discord.rules import MAX_TEXT
from bot.sandbox.discord.world import DirectChannel, Thread
from bot.sandbox.discord.world import Message as DiscordMessage
from bot.sandbox.shared.webserver import Json
from bot.sandbox.telegram.model import ChatType
from bot.sandbox.telegram.model import Message as TelegramMessage
from bot.sandbox.telegram.rich import LENGTH_MAX, tree
from bot.sandbox.telegram.text import TEXT_MAX, utf16


@dataclass(frozen=True, slots=True)
class Shown:
    """Message for the page to draw.

    `body` is the platform's own JSON. `used` and `limit` are its length and maximal length in the platform's unit.
    `only_for` names the only person who sees an ephemeral message. `asked` is the slash command that the message
    answers, with its author. `post` is the title of its forum post.
    """

    key: str
    author: str
    by_bot: bool
    body: Mapping[str, Any]
    used: int
    limit: int
    date: str | None = None
    silent: bool = False
    edited: bool = False
    only_for: str | None = None
    asked: Mapping[str, str] | None = None
    post: str | None = None
    published: bool = False

    def wire(self) -> Json:
        """Return the message as JSON."""
        return {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}


def messages(world: DemoWorld, place: Place) -> Iterator[Shown]:
    """Return the messages of a place, in order."""
    match place:
        case TelegramPlace():
            return (_telegram(place, message) for message in place.messages)
        case DiscordPlace():
            asked = {interaction.id: interaction for interaction in world.discord.interactions(place.channel)}
            return (_discord(place, message, asked) for message in world.discord_messages(place))


def _telegram(place: TelegramPlace, message: TelegramMessage) -> Shown:
    author = message.sender.first_name if message.sender else place.chat.title
    return Shown(
        key=f"{place.key}/{message.id}",
        author=author,
        by_bot=message.by_bot,
        # Because the page parses no markup, a rich message's HTML goes out as a tree.
        body=message.wire() | ({"rich": tree(message.rich)} if message.rich else {}),
        used=utf16(message.text),
        limit=LENGTH_MAX if message.rich else TEXT_MAX,
        date=message.date.isoformat(),
        silent=message.disable_notification,
        edited=message.edit_date is not None,
    )


def _discord(place: DiscordPlace, message: DiscordMessage, asked: Mapping[int, Interaction]) -> Shown:
    interaction = asked.get(message.interaction or 0)
    is_command = interaction is not None and interaction.kind is Kind.COMMAND
    return Shown(
        key=f"{place.key}/{message.id}",
        author=message.author.name,
        by_bot=message.author.bot,
        body=message.wire(),
        used=len(message.content) + sum(map(len, texts(message.components))),
        limit=MAX_TEXT,
        date=message.sent_at.isoformat(),
        silent=Flag.SUPPRESS_NOTIFICATIONS in message.flags,
        edited=message.edited_at is not None,
        only_for=interaction.user.name if interaction and message.ephemeral else None,
        asked={"who": interaction.user.name, "command": interaction.data["name"]}
        if interaction and is_command
        else None,
        post=message.channel.name if isinstance(message.channel, Thread) else None,
        published=message.published,
    )


def rendered(platform: PlatformName, rendering: Rendering, bot: str) -> list[Json]:
    """Return the messages of a rendering for a preview."""
    is_silent = PLATFORMS[platform].is_silent
    return [
        Shown(
            key=f"{platform}/{number}",
            author=bot,
            by_bot=True,
            body=message.body,
            used=message.used,
            limit=message.limit,
            silent=is_silent(message),
        ).wire()
        for number, message in enumerate(rendering.messages, start=1)
    ]


def place_wire(world: DemoWorld, place: Place, subscriptions: Iterable[Subscription]) -> Json:
    """Return a place with its subscriptions, the bot's presence and the commands that its app offers to each person."""
    kind, _, name = place.key.partition("-")
    return {
        "key": place.key,
        "platform": kind,
        "kind": name,
        "title": place.title,
        "server": place.channel.guild and place.channel.guild.name if isinstance(place, DiscordPlace) else None,
        "bot_is_in": _bot_is_in(world, place),
        "subscriptions": [
            {"topics": each.choices.topics, "state": each.state, "schedule": each.schedule} for each in subscriptions
        ],
        "commands": {who: _commands(world, place, who) for who in world.telegram_people},
    }


def _bot_is_in(world: DemoWorld, place: Place) -> bool:
    match place:
        case TelegramPlace():
            return place.chat.member(world.telegram.bot).status.present
        case DiscordPlace():
            return place.channel.guild is None or place.channel.guild.bot_is_in


def _commands(world: DemoWorld, place: Place, who: Person) -> list[Json]:
    match place:
        case TelegramPlace(chat=chat):
            menu = world.telegram.offered(chat, world.telegram_people[who])
            # Because an app shows no menu in a channel, the page offers the first menu, whose commands admins may type.
            return menu or (world.telegram.menus[0].commands if chat.type is ChatType.CHANNEL else [])
        case DiscordPlace(channel=channel):
            if not _bot_is_in(world, place) or (isinstance(channel, DirectChannel) and who != channel.recipient.name):
                return []
            offered = world.discord.offered(world.discord_people[who], channel)
            # The page has no files to send.
            return [
                command | {"options": [each for each in command["options"] if each["type"] != ATTACHMENT]}
                for command in offered
            ]
