"""What exists on the Telegram of the stand-in: people, chats and messages, and their JSON.

Everything here is plain state. `wire()` gives an object as the Bot API writes it.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping

Json: TypeAlias = "dict[str, Any]"

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
_MANAGES_GROUP = (*_MANAGES, "can_pin_messages", "can_manage_tags")
_MANAGES_SUPERGROUP = (*_MANAGES_GROUP, "can_manage_topics")
_MANAGES_CHANNEL = (*_MANAGES, "can_post_messages", "can_edit_messages", "can_manage_direct_messages")
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
    "can_react_to_messages",
    "can_edit_tag",
    "can_change_info",
    "can_invite_users",
    "can_pin_messages",
    "can_manage_topics",
)
_TOPIC_COLOUR = 0x6FB9F0
"""One of the six colours a topic's icon may have."""


class ChatType(enum.StrEnum):
    """The kinds of chat."""

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
"""Every right an administrator may be given, by kind of chat."""


class Status(enum.StrEnum):
    """What somebody is in a chat. The bot is a member of the private chats that were started and not blocked."""

    CREATOR = "creator"
    ADMINISTRATOR = "administrator"
    MEMBER = "member"
    RESTRICTED = "restricted"
    LEFT = "left"
    KICKED = "kicked"

    @property
    def manages(self) -> bool:
        """Whether they are an administrator, the creator being one."""
        return self in {Status.CREATOR, Status.ADMINISTRATOR}

    @property
    def present(self) -> bool:
        """Whether they are in the chat."""
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
        """The User object."""
        optional = {"username": self.username, "language_code": self.language_code}
        present = {key: value for key, value in optional.items() if value}
        return {"id": self.id, "is_bot": self.is_bot, "first_name": self.first_name, **present}


@dataclass(frozen=True, slots=True)
class Member:
    """Somebody's place in a chat. `rights` are an administrator's, or what a restricted member may still do."""

    user: User
    status: Status
    rights: frozenset[str] = frozenset()
    anonymous: bool = False

    def wire(self, chat_type: ChatType) -> Json:
        """The ChatMember object."""
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
    """A topic of a forum. Its id is that of the message that opened it."""

    id: int
    name: str
    closed: bool = False

    def wire(self) -> Json:
        """What the message that opened it says."""
        return {"name": self.name, "icon_color": _TOPIC_COLOUR}


@dataclass(slots=True, eq=False)
class Message:
    """A message, of the bot or of somebody else.

    `sender_chat` is set for posts of channels and for anonymous administrators. `request` is the place in the log of
    the request that sent it. `service` holds the fields of a message that reports an event, `rich` the HTML of a rich
    message, whose `text` is here for those who look. A deleted message stays here and is marked. `via` is the bot that
    made what somebody chose to send.
    """

    id: int
    chat: Chat = field(repr=False)
    date: dt.datetime
    text: str = ""
    entities: tuple[Json, ...] = ()
    sender: User | None = None
    sender_chat: Chat | None = field(default=None, repr=False)
    signature: str = ""
    thread: int | None = None
    link_preview_options: Json | None = None
    reply_markup: Json | None = None
    disable_notification: bool = False
    protect_content: bool = False
    by_bot: bool = False
    request: int | None = None
    edit_date: dt.datetime | None = None
    deleted: bool = False
    service: Mapping[str, Any] = field(default_factory=dict)
    rich: str = ""
    via: User | None = None

    @property
    def buttons(self) -> list[Json]:
        """The buttons below it, row by row."""
        return [button for row in (self.reply_markup or {}).get("inline_keyboard", ()) for button in row]

    def wire(self) -> Json:
        """The Message object."""
        required = {"message_id": self.id, "chat": self.chat.wire(), "date": int(self.date.timestamp())}
        optional: Json = {
            "from": self.sender and self.sender.wire(),
            "sender_chat": self.sender_chat and self.sender_chat.wire(),
            "author_signature": self.signature,
            "via_bot": self.via and self.via.wire(),
            "edit_date": self.edit_date and int(self.edit_date.timestamp()),
            "message_thread_id": self.thread,
            "is_topic_message": self.thread is not None,
            "text": self.text if not self.rich else "",
            "rich_message": {"blocks": [{"type": "paragraph", "text": self.text}]} if self.rich else None,
            "entities": self.entities,
            "link_preview_options": self.link_preview_options,
            "reply_markup": self.reply_markup if self.buttons else None,
            "has_protected_content": self.protect_content,
        }
        return required | {key: value for key, value in optional.items() if value} | dict(self.service)


@dataclass(slots=True, eq=False)
class Chat:
    """A chat of any kind.

    `history` is all that was said, by id; `last_id` is the last id given, where a chat numbers its own messages. `user`
    is the person of a private chat. Unless `members_may_write`, only administrators may. `migrated_to` is the id of the
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
        """What the bot sent, in order."""
        return [message for message in self.history.values() if message.by_bot]

    @property
    def person(self) -> User:
        """The person of a private chat.

        Raises:
            ValueError: this is another kind of chat.
        """
        if self.user is None:
            raise ValueError(f"{self.type} {self.id} is no private chat: name the user.")
        return self.user

    def member(self, user: User) -> Member:
        """The user's place here; who never came has left."""
        return self.members.get(user.id) or Member(user, Status.LEFT)

    def wire(self) -> Json:
        """The Chat object, as it stands in a message."""
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
        """The ChatFullInfo object."""
        nothing = (
            "unlimited_gifts",
            "limited_gifts",
            "unique_gifts",
            "premium_subscription",
            "gifts_from_channels",
        )
        full = self.wire() | {
            "accent_color_id": abs(self.id) % 7,
            "max_reaction_count": 11,
            "accepted_gift_types": dict.fromkeys(nothing, False),
        }
        if self.type in {ChatType.GROUP, ChatType.SUPERGROUP}:
            full["permissions"] = dict.fromkeys(_PERMISSIONS, self.members_may_write)
        return full


@dataclass(slots=True, eq=False)
class Press:
    """Somebody pressed a button. `answer` is what the bot answered, None until it does."""

    id: str
    user: User
    message: Message
    data: str
    answer: Json | None = None


@dataclass(slots=True, eq=False)
class Inquiry:
    """Somebody typed the bot's name and some words in any chat. `answer` is what the bot answered, None until then."""

    id: str
    user: User
    query: str
    offset: str
    answer: Json | None = None


@dataclass(slots=True)
class Menu:
    """One list of commands as the bot set it."""

    scope: Json
    language: str
    commands: list[Json] = field(default_factory=list)
