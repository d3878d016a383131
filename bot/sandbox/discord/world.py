"""What exists on the Discord of the stand-in: people, servers and channels, and their JSON.

Everything here is plain state. `wire()` gives an object as Discord's API and gateway write it.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

from bot.sandbox.discord.snowflakes import Snowflakes, time_of, wire_time

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable

    from bot.sandbox.discord.messages import Message

Json: TypeAlias = "dict[str, Any]"

_ARCHIVE_AFTER_MINUTES = 4320
_FORUM_REQUIRES_TAG = 1 << 4


class Permission(enum.IntFlag):
    """The permissions that decide anything here, with Discord's bits."""

    ADMINISTRATOR = 1 << 3
    MANAGE_CHANNELS = 1 << 4
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

    @property
    def effective(self) -> Permission:
        """What these permissions allow: an administrator may do everything."""
        return ~Permission(0) if Permission.ADMINISTRATOR in self else self


MEMBER = Permission.VIEW_CHANNEL | Permission.SEND_MESSAGES | Permission.USE_APPLICATION_COMMANDS
"""What people may do unless a test says otherwise."""
BOT = (
    Permission.VIEW_CHANNEL
    | Permission.SEND_MESSAGES
    | Permission.EMBED_LINKS
    | Permission.ATTACH_FILES
    | Permission.READ_MESSAGE_HISTORY
    | Permission.CREATE_PUBLIC_THREADS
    | Permission.SEND_MESSAGES_IN_THREADS
)
"""What the bot's invitation asks for unless a test says otherwise."""


IN_PRIVATE = Permission.EMBED_LINKS | Permission.ATTACH_FILES | Permission.MENTION_EVERYONE
"""What Discord says that an app may do where it is no member: in private conversations, and where a person brought it.

Seeing the place and writing there are not among them.
"""


class ChannelType(enum.IntEnum):
    """Discord's numbers for the kinds of channel there are here."""

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

    Without `accepts_dms` nobody can write to them privately. With `has_app` they installed the bot for themselves, and
    take its commands wherever they go.
    """

    id: int
    name: str
    bot: bool = False
    locale: str = "fr"
    accepts_dms: bool = True
    has_app: bool = False

    def wire(self) -> Json:
        """The user object."""
        return {
            "id": str(self.id),
            "username": self.name,
            "discriminator": "0",
            "global_name": None if self.bot else self.name,
            "avatar": None,
            "bot": self.bot,
            "flags": 0,
            "public_flags": 0,
        }


@dataclass(eq=False)
class Guild:
    """A server. `members` are the people in it with what they may do; the bot's part is `bot_permissions`."""

    id: int
    name: str
    bot: User = field(repr=False)
    bot_role: int = field(repr=False)
    bot_permissions: Permission = BOT
    members: dict[User, Permission] = field(default_factory=dict, repr=False)
    channels: list[Channel] = field(default_factory=list, repr=False)
    bot_is_in: bool = True
    unavailable: bool = False

    def wire(self) -> Json:
        """The guild object, without channels and members."""
        return {
            "id": str(self.id),
            "name": self.name,
            "owner_id": str(next(iter(self.members)).id if self.members else self.id),
            "roles": [
                self._role(self.id, "@everyone", Permission(0)),
                self._role(self.bot_role, self.bot.name, self.bot_permissions),
            ],
            "features": ["COMMUNITY", "NEWS"],
            "emojis": [],
            "stickers": [],
            "preferred_locale": "fr",
            "verification_level": 0,
            "default_message_notifications": 1,
            "explicit_content_filter": 0,
            "mfa_level": 0,
            "nsfw_level": 0,
            "premium_tier": 0,
            "system_channel_flags": 0,
            "afk_timeout": 300,
        }

    def wire_created(self) -> Json:
        """What a GUILD_CREATE event holds: without the members intent only the bot among the members."""
        channels = [channel for channel in self.channels if not isinstance(channel, Thread)]
        threads = [channel for channel in self.channels if isinstance(channel, Thread) and not channel.archived]
        return self.wire() | {
            "member_count": len(self.members) + 1,
            "large": False,
            "members": [self.bot_member()],
            "channels": [channel.wire() for channel in channels],
            "threads": [thread.wire() for thread in threads],
            "presences": [],
            "voice_states": [],
            "stage_instances": [],
            "guild_scheduled_events": [],
            "joined_at": wire_time(time_of(self.id)),
        }

    def bot_member(self) -> Json:
        """The bot as a member."""
        return self.member(self.bot) | {"roles": [str(self.bot_role)]}

    def member(self, user: User) -> Json:
        """The member object of a person."""
        return {
            "user": user.wire(),
            "nick": None,
            "roles": [],
            "pending": False,
            "joined_at": wire_time(time_of(self.id)),
            "deaf": False,
            "mute": False,
            "flags": 0,
        }

    @staticmethod
    def _role(role_id: int, name: str, permissions: Permission) -> Json:
        return {
            "id": str(role_id),
            "name": name,
            "permissions": str(int(permissions)),
            "position": 0,
            "color": 0,
            "hoist": False,
            "managed": False,
            "mentionable": False,
            "flags": 0,
        }


@dataclass(eq=False)
class Channel:
    """A place for messages, in order and without the deleted ones; also what all kinds of channel share."""

    id: int
    name: str
    type: ChannelType
    guild: Guild | None
    messages: list[Message] = field(default_factory=list, repr=False)
    permissions: Permission | None = None
    """What the bot may do here where it is not what it may do in the whole server."""

    @property
    def bot_permissions(self) -> Permission:
        """What the bot may do here."""
        if self.guild is None or not self.guild.bot_is_in:
            return IN_PRIVATE
        return (self.guild.bot_permissions if self.permissions is None else self.permissions).effective

    def wire(self) -> Json:
        """The channel object."""
        last = {"last_message_id": str(self.messages[-1].id) if self.messages else None}
        if self.guild is None:
            return {"id": str(self.id), "type": int(self.type), "flags": 0} | last
        return last | {
            "id": str(self.id),
            "type": int(self.type),
            "guild_id": str(self.guild.id),
            "name": self.name,
            "position": 0,
            "permission_overwrites": self._overwrites(self.guild),
            "topic": None,
            "nsfw": False,
            "parent_id": None,
            "rate_limit_per_user": 0,
            "flags": 0,
        }

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
        """The channel object."""
        return super().wire() | {"recipients": [self.recipient.wire()]}


@dataclass(eq=False)
class Voice(Channel):
    """A voice channel, of which there is only its text chat here."""

    def wire(self) -> Json:
        """The channel object."""
        return super().wire() | {"bitrate": 64_000, "user_limit": 0, "rtc_region": None}


@dataclass(eq=False)
class GroupConversation(Channel):
    """A private conversation of several people. No bot is ever a member of one."""

    recipients: tuple[User, ...] = ()

    def wire(self) -> Json:
        """The channel object."""
        return super().wire() | {"name": self.name, "recipients": [user.wire() for user in self.recipients]}


@dataclass(frozen=True, slots=True)
class Tag:
    """A tag that posts of a forum can carry."""

    id: int
    name: str


@dataclass(eq=False)
class Forum(Channel):
    """A channel of posts, each of them a thread."""

    tags: tuple[Tag, ...] = ()
    tag_required: bool = False

    @property
    def threads(self) -> list[Thread]:
        """The posts, oldest first."""
        return threads_of(self)

    def wire(self) -> Json:
        """The channel object."""
        tags = [
            {"id": str(tag.id), "name": tag.name, "moderated": False, "emoji_id": None, "emoji_name": None}
            for tag in self.tags
        ]
        flags = _FORUM_REQUIRES_TAG if self.tag_required else 0
        return super().wire() | {"available_tags": tags, "flags": flags, "default_forum_layout": 0}


@dataclass(eq=False)
class Thread(Channel):
    """A thread of a channel or a post of a forum; what the bot may do there is set in the parent."""

    parent: Channel = field(kw_only=True)
    owner: User = field(kw_only=True)
    archived: bool = False
    locked: bool = False
    tags: tuple[Tag, ...] = ()

    @property
    def bot_permissions(self) -> Permission:
        """What the bot may do here."""
        return self.parent.bot_permissions

    def wire(self) -> Json:
        """The channel object."""
        created = wire_time(time_of(self.id))
        return super().wire() | {
            "parent_id": str(self.parent.id),
            "owner_id": str(self.owner.id),
            "message_count": len(self.messages),
            "total_message_sent": len(self.messages),
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


def threads_of(channel: Channel) -> list[Thread]:
    """The threads that hang on the channel, oldest first."""
    others = channel.guild.channels if channel.guild is not None else []
    return [thread for thread in others if isinstance(thread, Thread) and thread.parent is channel]


class World:
    """All people, servers and channels. `clock` says the time, aware and in UTC."""

    def __init__(self, clock: Callable[[], dt.datetime]) -> None:
        self.clock = clock
        self.ids = Snowflakes(clock)
        self.application_id = self.ids.next()
        self.bot = User(self.ids.next(), "recap", bot=True)
        self.users: dict[int, User] = {self.bot.id: self.bot}
        self.guilds: dict[int, Guild] = {}
        self.channels: dict[int, Channel] = {}
        self._directs: dict[User, DirectChannel] = {}

    def add_user(self, name: str, *, locale: str, accepts_dms: bool, has_app: bool = False) -> User:
        """Make a person."""
        user = User(self.ids.next(), name, locale=locale, accepts_dms=accepts_dms, has_app=has_app)
        self.users[user.id] = user
        return user

    def add_guild(self, name: str, permissions: Permission, *, bot_is_in: bool) -> Guild:
        """Make a server, with the bot in it or not."""
        guild = Guild(self.ids.next(), name, self.bot, self.ids.next(), permissions, bot_is_in=bot_is_in)
        self.guilds[guild.id] = guild
        return guild

    def add_channel(self, channel: Channel) -> None:
        """Take the channel in, in its server if it has one."""
        self.channels[channel.id] = channel
        if channel.guild is not None:
            channel.guild.channels.append(channel)

    def remove_channel(self, channel: Channel) -> None:
        """Forget the channel and the threads that hang on it."""
        for gone in [*threads_of(channel), channel]:
            del self.channels[gone.id]
            if gone.guild is not None:
                gone.guild.channels.remove(gone)

    def direct(self, user: User) -> DirectChannel:
        """The bot's private conversation with the person, made when it does not exist yet."""
        if user not in self._directs:
            channel = DirectChannel(self.ids.next(), user.name, ChannelType.DM, None, recipient=user)
            self.add_channel(channel)
            self._directs[user] = channel
        return self._directs[user]

    def shares_guild(self, user: User) -> bool:
        """Whether the person and the bot are in a server together."""
        return any(guild.bot_is_in and user in guild.members for guild in self.guilds.values())
