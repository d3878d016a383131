"""World of the Discord stand-in: people, servers, channels and messages, and their JSON.

All of it is plain state. `wire()` returns an object as Discord's API and gateway write it.
"""

from __future__ import annotations

import datetime as dt
import enum
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from bot.sandbox.discord.messages import Attachment, Content, Flag, Pings, delivered, pings

if TYPE_CHECKING:
    from bot.sandbox.shared.webserver import Json

_ARCHIVE_AFTER_MINUTES = 4320
_FORUM_REQUIRES_TAG = 1 << 4
PINNED = 1 << 1
"""The flag of a pinned post."""
_EPOCH = dt.datetime(2015, 1, 1, tzinfo=dt.UTC)
"""Zero of the milliseconds in Discord's ids."""
_TIME_SHIFT = 22


class Snowflakes:
    """Generator of Discord's ids: the time in milliseconds, then a number that keeps ids distinct and in order."""

    def __init__(self, clock: Callable[[], dt.datetime]) -> None:
        self._clock = clock
        self._last = 0

    def next(self) -> int:
        """Return an id above all earlier ones."""
        milliseconds = (self._clock() - _EPOCH) // dt.timedelta(milliseconds=1)
        self._last = max(self._last + 1, milliseconds << _TIME_SHIFT)
        return self._last


def wire_time(moment: dt.datetime) -> str:
    """Return the moment in Discord's format."""
    return moment.isoformat(timespec="microseconds")


def time_of(snowflake: int) -> dt.datetime:
    """Return the time of the id's creation."""
    return _EPOCH + dt.timedelta(milliseconds=snowflake >> _TIME_SHIFT)


class Permission(enum.IntFlag):
    """Permissions that the stand-in checks, with Discord's bits."""

    ADMINISTRATOR = 1 << 3
    MANAGE_GUILD = 1 << 5
    VIEW_CHANNEL = 1 << 10
    SEND_MESSAGES = 1 << 11
    MANAGE_MESSAGES = 1 << 13
    EMBED_LINKS = 1 << 14
    ATTACH_FILES = 1 << 15
    READ_MESSAGE_HISTORY = 1 << 16
    MENTION_EVERYONE = 1 << 17
    USE_APPLICATION_COMMANDS = 1 << 31
    MANAGE_THREADS = 1 << 34
    CREATE_PUBLIC_THREADS = 1 << 35
    SEND_MESSAGES_IN_THREADS = 1 << 38
    PIN_MESSAGES = 1 << 51

    @property
    def effective(self) -> Permission:
        """All permissions for an administrator, else these."""
        return ~Permission(0) if Permission.ADMINISTRATOR in self else self


MEMBER = Permission.VIEW_CHANNEL | Permission.SEND_MESSAGES | Permission.USE_APPLICATION_COMMANDS
"""Permissions of people, unless a test says otherwise."""
BOT = (
    Permission.VIEW_CHANNEL
    | Permission.SEND_MESSAGES
    | Permission.EMBED_LINKS
    | Permission.ATTACH_FILES
    | Permission.READ_MESSAGE_HISTORY
    | Permission.CREATE_PUBLIC_THREADS
    | Permission.SEND_MESSAGES_IN_THREADS
)
"""Permissions of the bot's invitation, unless a test says otherwise."""

IN_PRIVATE = Permission.EMBED_LINKS | Permission.ATTACH_FILES | Permission.MENTION_EVERYONE
"""Permissions that Discord tells an app in private conversations and where a person installed the app.

They include neither seeing the channel nor writing there.
"""


class ChannelType(enum.IntEnum):
    """Kinds of channel, with Discord's numbers."""

    TEXT = 0
    DM = 1
    VOICE = 2
    GROUP_DM = 3
    ANNOUNCEMENT = 5
    ANNOUNCEMENT_THREAD = 10
    PUBLIC_THREAD = 11
    FORUM = 15


@dataclass(eq=False)
class User:
    """A person, or the bot.

    Without `accepts_dms` the person gets no private messages. With `has_app` the person installed the bot, and is
    offered its commands everywhere.
    """

    id: int
    name: str
    bot: bool = False
    locale: str = "fr"
    accepts_dms: bool = True
    has_app: bool = False

    def wire(self) -> Json:
        """Return the user object."""
        return {
            "id": str(self.id),
            "username": self.name,
            "discriminator": "0",
            "global_name": None if self.bot else self.name,
            "avatar": None,
            "bot": self.bot,
        }


@dataclass(eq=False)
class Role:
    """A role of people, which a mention alerts if it is `mentionable` or its author may mention everyone."""

    id: int
    name: str
    mentionable: bool = False


@dataclass(eq=False)
class Guild:
    """A server. `members` are its people with their permissions, `bot_permissions` those of the bot."""

    id: int
    name: str
    bot: User = field(repr=False)
    bot_role: int = field(repr=False)
    bot_permissions: Permission = BOT
    members: dict[User, Permission] = field(default_factory=dict, repr=False)
    channels: list[Channel] = field(default_factory=list, repr=False)
    roles: list[Role] = field(default_factory=list, repr=False)
    bot_is_in: bool = True
    unavailable: bool = False

    def wire(self) -> Json:
        """Return the guild object, without channels and members."""
        return {
            "id": str(self.id),
            "name": self.name,
            "owner_id": str(next(iter(self.members)).id if self.members else self.id),
            "roles": [
                self._role(self.id, "@everyone", Permission(0)),
                self._role(self.bot_role, self.bot.name, self.bot_permissions),
                *(self._role(role.id, role.name, Permission(0), mentionable=role.mentionable) for role in self.roles),
            ],
            "features": ["COMMUNITY", "NEWS"],
        }

    def wire_created(self) -> Json:
        """Return the data of GUILD_CREATE; without the members intent, the bot is the only member listed."""
        channels = [channel for channel in self.channels if not isinstance(channel, Thread)]
        threads = [channel for channel in self.channels if isinstance(channel, Thread) and not channel.archived]
        return self.wire() | {
            "member_count": len(self.members) + 1,
            "large": False,
            "members": [self.bot_member()],
            "channels": [channel.wire() for channel in channels],
            "threads": [thread.wire() for thread in threads],
            "joined_at": wire_time(time_of(self.id)),
        }

    def bot_member(self) -> Json:
        """Return the member object of the bot."""
        return self.member(self.bot) | {"roles": [str(self.bot_role)]}

    def member(self, user: User) -> Json:
        """Return the member object of a person."""
        return {
            "user": user.wire(),
            "nick": None,
            "roles": [],
            "joined_at": wire_time(time_of(self.id)),
            "flags": 0,
        }

    @staticmethod
    def _role(role_id: int, name: str, permissions: Permission, *, mentionable: bool = False) -> Json:
        role = {"id": str(role_id), "name": name, "permissions": str(int(permissions)), "position": 0}
        return {**role, "mentionable": mentionable}


@dataclass(eq=False)
class Channel:
    """A channel with its messages in order, without the deleted ones; the base of every kind of channel."""

    id: int
    name: str
    type: ChannelType
    guild: Guild | None
    messages: list[Message] = field(default_factory=list, repr=False)
    permissions: Permission | None = None
    """Permissions of the bot here, if they differ from those in the server."""

    @property
    def bot_permissions(self) -> Permission:
        """Permissions of the bot here."""
        if self.guild is None or not self.guild.bot_is_in:
            return IN_PRIVATE
        return (self.guild.bot_permissions if self.permissions is None else self.permissions).effective

    def wire(self) -> Json:
        """Return the channel object."""
        last = {"last_message_id": str(self.messages[-1].id) if self.messages else None}
        if self.guild is None:
            return {"id": str(self.id), "type": int(self.type), "flags": 0} | last
        voice = {"bitrate": 64_000, "user_limit": 0} if self.type is ChannelType.VOICE else {}
        return (
            last
            | voice
            | {
                "id": str(self.id),
                "type": int(self.type),
                "guild_id": str(self.guild.id),
                "name": self.name,
                "position": 0,
                "permission_overwrites": self._overwrites(self.guild),
            }
        )

    def _overwrites(self, guild: Guild) -> list[Json]:
        if self.permissions is None:
            return []
        allow, deny = self.permissions & ~guild.bot_permissions, guild.bot_permissions & ~self.permissions
        return [{"id": str(guild.bot.id), "type": 1, "allow": str(int(allow)), "deny": str(int(deny))}]


@dataclass(eq=False)
class DirectChannel(Channel):
    """The private conversation of the bot with one person."""

    recipient: User = field(kw_only=True)

    def wire(self) -> Json:
        """Return the channel object."""
        return super().wire() | {"recipients": [self.recipient.wire()]}


@dataclass(eq=False)
class GroupConversation(Channel):
    """A private conversation of several people, of which no bot is ever a member."""

    recipients: tuple[User, ...] = ()

    def wire(self) -> Json:
        """Return the channel object."""
        return super().wire() | {"name": self.name, "recipients": [user.wire() for user in self.recipients]}


@dataclass(frozen=True, slots=True)
class Tag:
    """A tag for posts of a forum."""

    id: int
    name: str


@dataclass(eq=False)
class Forum(Channel):
    """A channel of posts; each post is a thread."""

    tags: tuple[Tag, ...] = ()
    tag_required: bool = False

    @property
    def threads(self) -> list[Thread]:
        """The posts, oldest first."""
        return threads_of(self)

    def wire(self) -> Json:
        """Return the channel object."""
        tags = [
            {"id": str(tag.id), "name": tag.name, "moderated": False, "emoji_id": None, "emoji_name": None}
            for tag in self.tags
        ]
        flags = _FORUM_REQUIRES_TAG if self.tag_required else 0
        return super().wire() | {"available_tags": tags, "flags": flags, "default_forum_layout": 0}


@dataclass(eq=False)
class Thread(Channel):
    """A thread of a channel, or a post of a forum; the bot's permissions are those in the parent."""

    parent: Channel = field(kw_only=True)
    owner: User = field(kw_only=True)
    archived: bool = False
    locked: bool = False
    pinned: bool = False
    tags: tuple[Tag, ...] = ()

    @property
    def bot_permissions(self) -> Permission:
        """Permissions of the bot here."""
        return self.parent.bot_permissions

    def wire(self) -> Json:
        """Return the channel object."""
        created = wire_time(time_of(self.id))
        return super().wire() | {
            "parent_id": str(self.parent.id),
            "flags": PINNED if self.pinned else 0,
            "owner_id": str(self.owner.id),
            "message_count": len(self.messages),
            "member_count": 1,
            "applied_tags": [str(tag.id) for tag in self.tags],
            "thread_metadata": {
                "archived": self.archived,
                "locked": self.locked,
                "auto_archive_duration": _ARCHIVE_AFTER_MINUTES,
                "archive_timestamp": created,
                "create_timestamp": created,
            },
        }


@dataclass(slots=True, eq=False)
class Message:
    """A message. `request` is the number of the request that gave it its content, `edits` the earlier ones.

    `pings` are all people and roles that its text and every edit would have alerted. `interaction` is the id of the
    interaction that the message answers, and `asked` Discord's metadata about that interaction.
    """

    id: int
    channel: Channel
    author: User
    shown: Content
    pings: Pings
    sent_at: dt.datetime
    request: int
    nonce: str | int | None = None
    interaction: int | None = None
    asked: Json | None = field(default=None, repr=False)
    edits: list[Content] = field(default_factory=list, repr=False)
    edited_at: dt.datetime | None = None
    deleted: bool = False
    pinned: bool = False
    files: list[Attachment] = field(default_factory=list)

    @property
    def content(self) -> str:
        """The plain text."""
        return self.shown.text

    @property
    def components(self) -> tuple[Json, ...]:
        """The components as they were sent."""
        return self.shown.components

    @property
    def flags(self) -> Flag:
        """The flags."""
        return self.shown.flags

    @property
    def published(self) -> bool:
        """Whether the channels that follow got a copy."""
        return Flag.PUBLISHED in self.flags

    @property
    def ephemeral(self) -> bool:
        """Whether only the person who asked can see the message."""
        return Flag.EPHEMERAL in self.flags

    @property
    def text(self) -> str:
        """The plain text and the text of all components."""
        return self.shown.said

    def fulfil(self, shown: Content, allowed_mentions: Json | None) -> None:
        """Show the content that a deferral promised."""
        self.shown = shown
        self.pings |= pings(shown.said, allowed_mentions)

    def revise(self, shown: Content, allowed_mentions: Json | None, now: dt.datetime) -> None:
        """Replace the content by an edit."""
        self.edits.append(self.shown)
        self.edited_at = now
        self.fulfil(shown, allowed_mentions)

    def publish(self) -> None:
        """Set the flag of a published message."""
        self.shown = replace(self.shown, flags=self.flags | Flag.PUBLISHED)

    def delete(self) -> None:
        """Mark the message as deleted, and remove it from its channel; an ephemeral message is in none."""
        self.deleted = True
        if not self.ephemeral:
            self.channel.messages.remove(self)

    def wire(self) -> Json:
        """Return the message object."""
        wire: Json = {
            "id": str(self.id),
            "type": 0,
            "channel_id": str(self.channel.id),
            "author": self.author.wire(),
            "content": self.content,
            "timestamp": wire_time(self.sent_at),
            "edited_timestamp": wire_time(self.edited_at) if self.edited_at else None,
            "tts": False,
            "mention_everyone": self.pings.everyone,
            "mentions": [],
            "mention_roles": [str(role) for role in sorted(self.pings.roles)],
            "attachments": [file.wire() for file in self.files],
            "embeds": [],
            "components": delivered(self.components),
            "pinned": self.pinned,
            "flags": int(self.flags),
        }
        if self.asked is not None:
            wire["interaction_metadata"] = self.asked
        return wire if self.nonce is None else wire | {"nonce": self.nonce}


def threads_of(channel: Channel) -> list[Thread]:
    """Return the threads of the channel, oldest first."""
    others = channel.guild.channels if channel.guild is not None else []
    return [thread for thread in others if isinstance(thread, Thread) and thread.parent is channel]


class World:
    """All people, servers and channels. `clock` returns the time, aware and in UTC."""

    def __init__(self, clock: Callable[[], dt.datetime]) -> None:
        self.clock = clock
        self.ids = Snowflakes(clock)
        self.application_id = self.ids.next()
        self.bot = User(self.ids.next(), "recap", bot=True)
        self.users: dict[int, User] = {self.bot.id: self.bot}
        self.guilds: dict[int, Guild] = {}
        self.channels: dict[int, Channel] = {}
        self.address = ""
        self.files: dict[int, Attachment] = {}
        self._directs: dict[User, DirectChannel] = {}

    def keep_file(self, name: str, data: bytes) -> Attachment:
        """Keep a file at an address of its own."""
        number = self.ids.next()
        self.files[number] = Attachment(number, name, data, f"{self.address}/attachments/{number}/{name}")
        return self.files[number]

    def add_channel(self, channel: Channel) -> None:
        """Add the channel, also to its server if the channel has one."""
        self.channels[channel.id] = channel
        if channel.guild is not None:
            channel.guild.channels.append(channel)

    def remove_channel(self, channel: Channel) -> None:
        """Remove the channel and its threads."""
        for gone in [*threads_of(channel), channel]:
            del self.channels[gone.id]
            if gone.guild is not None:
                gone.guild.channels.remove(gone)

    def direct(self, user: User) -> DirectChannel:
        """Return the bot's private conversation with the person, opened on the first call."""
        if user not in self._directs:
            channel = DirectChannel(self.ids.next(), user.name, ChannelType.DM, None, recipient=user)
            self.add_channel(channel)
            self._directs[user] = channel
        return self._directs[user]

    def shares_guild(self, user: User) -> bool:
        """Return whether the person and the bot share a server."""
        return any(guild.bot_is_in and user in guild.members for guild in self.guilds.values())
