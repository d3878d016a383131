"""World of the Telegram stand-in: people, chats and messages, and their JSON.

All of it is plain state. `wire()` returns an object as the Bot API writes it.
"""

from __future__ import annotations

import datetime as dt
import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bot.sandbox.shared.webserver import Json

_MANAGES = (
    "can_manage_chat",
    "can_delete_messages",
    "can_manage_video_chats",
    "can_restrict_members",
    "can_promote_members",
    "can_change_info",
    "can_invite_users",
    "can_post_stories",
    "can_edit_stories",
    "can_delete_stories",
)
_MANAGES_GROUP = (*_MANAGES, "can_pin_messages")
_MANAGES_SUPERGROUP = (*_MANAGES_GROUP, "can_manage_topics")
_MANAGES_CHANNEL = (*_MANAGES, "can_post_messages", "can_edit_messages")
_PERMISSIONS = (
    "can_send_messages",
    "can_send_audios",
    "can_send_documents",
    "can_send_photos",
    "can_send_videos",
    "can_send_video_notes",
    "can_send_voice_notes",
    "can_send_polls",
    "can_send_other_messages",
    "can_add_web_page_previews",
    # Because python-telegram-bot reads no restricted member without the next two, both stay.
    "can_react_to_messages",
    "can_edit_tag",
    "can_change_info",
    "can_invite_users",
    "can_pin_messages",
    "can_manage_topics",
)
_GIFTS = ("unlimited_gifts", "limited_gifts", "unique_gifts", "premium_subscription", "gifts_from_channels")


class ChatType(enum.StrEnum):
    """Kinds of chat."""

    PRIVATE = "private"
    GROUP = "group"
    SUPERGROUP = "supergroup"
    CHANNEL = "channel"


ADMIN_RIGHTS = {
    ChatType.PRIVATE: (),
    ChatType.GROUP: _MANAGES_GROUP,
    ChatType.SUPERGROUP: _MANAGES_SUPERGROUP,
    ChatType.CHANNEL: _MANAGES_CHANNEL,
}
"""Every right of an administrator, by kind of chat."""


class Status(enum.StrEnum):
    """Status of a user in a chat. The bot is a member of private chats that a person started and did not block."""

    CREATOR = "creator"
    ADMINISTRATOR = "administrator"
    MEMBER = "member"
    RESTRICTED = "restricted"
    LEFT = "left"
    KICKED = "kicked"

    @property
    def manages(self) -> bool:
        """Whether the user is the creator or an administrator."""
        return self in {Status.CREATOR, Status.ADMINISTRATOR}

    @property
    def present(self) -> bool:
        """Whether the user is in the chat."""
        return self not in {Status.LEFT, Status.KICKED}


@dataclass(slots=True, eq=False)
class User:
    """A person, or a bot. `deactivated` is a deleted account."""

    id: int
    first_name: str
    language_code: str = ""
    username: str = ""
    is_bot: bool = False
    deactivated: bool = False

    def wire(self) -> Json:
        """Return the User object."""
        optional = {"username": self.username, "language_code": self.language_code}
        present = {key: value for key, value in optional.items() if value}
        return {"id": self.id, "is_bot": self.is_bot, "first_name": self.first_name, **present}


@dataclass(frozen=True, slots=True)
class Member:
    """Membership of a user in a chat. `rights` are those of an administrator or of a restricted member."""

    user: User
    status: Status
    rights: frozenset[str] = frozenset()
    anonymous: bool = False

    def wire(self, chat_type: ChatType) -> Json:
        """Return the ChatMember object."""
        base: Json = {"user": self.user.wire(), "status": str(self.status)}
        match self.status:
            case Status.CREATOR:
                return base | {"is_anonymous": self.anonymous}
            case Status.ADMINISTRATOR:
                rights = {right: right in self.rights for right in ADMIN_RIGHTS[chat_type]}
                return base | {"can_be_edited": False, "is_anonymous": self.anonymous} | rights
            case Status.RESTRICTED:
                rights = {right: right in self.rights for right in _PERMISSIONS}
                return base | rights | {"is_member": True, "until_date": 0}
            case Status.KICKED:
                return base | {"until_date": 0}
            case Status.MEMBER | Status.LEFT:
                return base


@dataclass(slots=True)
class Topic:
    """A topic of a forum, with the id of the message that opened the topic."""

    id: int
    name: str
    closed: bool = False


@dataclass(slots=True, eq=False)
class Message:
    """A message of the bot or of a person.

    `sender_chat` is set for posts of channels and for anonymous administrators. `request` is the number of the request
    that gave the message its content. `service` has the fields of a service message. `rich` is the HTML of a rich
    message, and `text` then its plain text. A deleted message stays in the history with a mark. `via` is the bot whose
    inline result the message is.
    """

    id: int
    chat: Chat = field(repr=False)
    date: dt.datetime
    text: str = ""
    entities: tuple[Json, ...] = ()
    sender: User | None = None
    sender_chat: Chat | None = field(default=None, repr=False)
    thread: int | None = None
    link_preview_options: Json | None = None
    reply_markup: Json | None = None
    disable_notification: bool = False
    protect_content: bool = False
    by_bot: bool = False
    request: int | None = None
    edit_date: dt.datetime | None = None
    deleted: bool = False
    pinned: bool = False
    service: Mapping[str, Any] = field(default_factory=dict)
    rich: str = ""
    via: User | None = None
    audio: Json | None = None
    document: Json | None = None
    reply_to: int | None = None

    @property
    def buttons(self) -> list[Json]:
        """The buttons below the message, row by row."""
        return [button for row in (self.reply_markup or {}).get("inline_keyboard", ()) for button in row]

    def wire(self) -> Json:
        """Return the Message object."""
        required = {"message_id": self.id, "chat": self.chat.wire(), "date": int(self.date.timestamp())}
        optional: Json = {
            "from": self.sender and self.sender.wire(),
            "sender_chat": self.sender_chat and self.sender_chat.wire(),
            "via_bot": self.via and self.via.wire(),
            "edit_date": self.edit_date and int(self.edit_date.timestamp()),
            "message_thread_id": self.thread,
            "is_topic_message": self.thread is not None,
            "text": self.text if not (self.rich or self.document) else "",
            "caption": self.text if self.document else "",
            "document": self.document,
            "rich_message": {"blocks": [{"type": "paragraph", "text": self.text}]} if self.rich else None,
            "audio": self.audio,
            "reply_to_message": {"message_id": self.reply_to, "date": 0, "chat": self.chat.wire()}
            if self.reply_to
            else None,
            "caption_entities" if self.document else "entities": self.entities,
            "link_preview_options": self.link_preview_options,
            "reply_markup": self.reply_markup if self.buttons else None,
            "has_protected_content": self.protect_content,
        }
        return required | {key: value for key, value in optional.items() if value} | dict(self.service)


@dataclass(slots=True, eq=False)
class Chat:
    """A chat of any kind.

    `history` has all messages by id; `last_id` is the last id, if the chat numbers its own messages. `user` is the
    person of a private chat. Unless `members_may_write`, only administrators may. `migrated_to` is the id of the
    supergroup that a group became.
    """

    id: int
    type: ChatType
    title: str = ""
    username: str = ""
    user: User | None = None
    is_forum: bool = False
    topics: dict[int, Topic] = field(default_factory=dict)
    members: dict[int, Member] = field(default_factory=dict, repr=False)
    history: dict[int, Message] = field(default_factory=dict, repr=False)
    last_id: int = 0
    members_may_write: bool = True
    migrated_to: int | None = None
    deleted: bool = False

    @property
    def messages(self) -> list[Message]:
        """The messages of the bot, in order."""
        return [message for message in self.history.values() if message.by_bot]

    @property
    def person(self) -> User:
        """The person of a private chat.

        Raises:
            ValueError: the chat is of another kind.
        """
        if self.user is None:
            raise ValueError(f"{self.type} {self.id} is no private chat: name the user.")
        return self.user

    def member(self, user: User) -> Member:
        """Return the user's membership; a user who never came has the status LEFT."""
        return self.members.get(user.id) or Member(user, Status.LEFT)

    def wire(self) -> Json:
        """Return the Chat object of a message."""
        wire: Json = {"id": self.id, "type": str(self.type)}
        if self.user is not None:
            names = self.user.wire()
            return wire | {key: names[key] for key in ("first_name", "username") if key in names}
        wire["title"] = self.title
        if self.username:
            wire["username"] = self.username
        if self.is_forum:
            wire["is_forum"] = True
        return wire

    def wire_full(self) -> Json:
        """Return the ChatFullInfo object."""
        full = self.wire() | {
            "accent_color_id": abs(self.id) % 7,
            "max_reaction_count": 11,
            "accepted_gift_types": dict.fromkeys(_GIFTS, False),
        }
        if self.type in {ChatType.GROUP, ChatType.SUPERGROUP}:
            full["permissions"] = dict.fromkeys(_PERMISSIONS, self.members_may_write)
        return full


@dataclass(slots=True, eq=False)
class Press:
    """Press of a button. `answer` is the bot's answer, None before."""

    id: str
    user: User
    message: Message
    data: str
    answer: Json | None = None


@dataclass(slots=True, eq=False)
class Inquiry:
    """Inline query: the bot's name and some words, typed in any chat. `answer` is the bot's answer, None before."""

    id: str
    user: User
    query: str
    offset: str
    answer: Json | None = None


@dataclass(slots=True)
class Menu:
    """List of commands that the bot set."""

    scope: Json
    language: str
    commands: list[Json] = field(default_factory=list)
