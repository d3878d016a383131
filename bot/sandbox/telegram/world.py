"""World around the bot: its chats, the actions of people, and the updates that these cause."""

from __future__ import annotations

import datetime as dt
import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from bot.sandbox.shared.changes import Changes
from bot.sandbox.telegram.model import (
    ADMIN_RIGHTS,
    Chat,
    ChatType,
    Inquiry,
    Member,
    Menu,
    Message,
    Press,
    Status,
    Topic,
    User,
)
from bot.sandbox.telegram.text import bot_commands
from bot.sandbox.telegram.updates import UpdateQueue

if TYPE_CHECKING:
    from bot.sandbox.shared.webserver import Json


BOT_ID = 123456789
_SUPERGROUP_IDS = -1_000_000_000_000
"""Start of the ids of supergroups and channels, which count down; ids of groups count down from 0."""
_ANONYMOUS_ADMIN = User(1087968824, "Group", username="GroupAnonymousBot", is_bot=True)
"""Sender of an anonymous administrator's message."""
_CHANNEL_BOT = User(136817688, "Channel", username="Channel_Bot", is_bot=True)
"""Sender of a message in the name of a channel."""


class TelegramWorld:
    """Chats of one bot and the people in them.

    `changes` notifies of every action of people, and of every message, edit, deletion, answer and confirmation of the
    bot.
    """

    def __init__(self, clock: Callable[[], dt.datetime], username: str) -> None:
        self.clock = clock
        self.changes = Changes()
        self.wait_for = self.changes.until
        self.updates = UpdateQueue(clock, self.changes)
        self.bot = User(BOT_ID, "Recap", username=username, is_bot=True)
        self.users: dict[int, User] = {}
        self.chats: dict[int, Chat] = {}
        self.presses: dict[str, Press] = {}
        self.inquiries: dict[str, Inquiry] = {}
        self.menus: list[Menu] = []
        self.files: dict[str, Json] = {}
        self.contents: dict[str, bytes] = {}
        self.about: dict[tuple[str, str], str] = {}
        self.calls: dict[str, Message] = {}
        self._query_ids = itertools.count(1)
        self._user_ids = itertools.count(1001)
        self._group_ids = itertools.count(1)
        # Private chats and groups share one numbering of messages; every other chat has its own.
        self._last_message = 0

    # People and chats

    def add_user(self, name: str = "Ada", language: str = "fr", *, user_id: int | None = None) -> User:
        """Add a person without a chat with the bot."""
        user = User(next(self._user_ids) if user_id is None else user_id, name, language)
        self.users[user.id] = user
        return user

    def add_private(
        self, user_id: int | None = None, name: str = "Ada", language: str = "fr", *, started: bool = True
    ) -> Chat:
        """Add a person and the private chat; unless `started`, the bot may not write there."""
        user = self.add_user(name, language, user_id=user_id)
        chat = Chat(user.id, ChatType.PRIVATE, user=user)
        self._set(chat, user, Status.MEMBER)
        return self._add(chat, Status.MEMBER if started else Status.LEFT)

    def add_group(
        self,
        title: str = "Group",
        *,
        admins: Iterable[User] = (),
        bot: Status = Status.MEMBER,
    ) -> Chat:
        """Add a basic group; the first admin is its creator."""
        return self._add(Chat(-next(self._group_ids), ChatType.GROUP, title), bot, admins)

    def add_supergroup(
        self,
        title: str = "Supergroup",
        *,
        username: str = "",
        topics: Mapping[int, str] | None = None,
        admins: Iterable[User] = (),
        bot: Status = Status.MEMBER,
    ) -> Chat:
        """Add a supergroup, which is a forum with `topics`, its thread ids and names.

        The General topic is not among them: its messages have no thread, and the server refuses the id 1.
        """
        chat = Chat(self._supergroup_id(), ChatType.SUPERGROUP, title, username, is_forum=topics is not None)
        chat.topics = {thread: Topic(thread, name) for thread, name in (topics or {}).items()}
        chat.last_id = max(chat.topics, default=0)
        return self._add(chat, bot, admins)

    def add_channel(
        self,
        title: str = "Channel",
        *,
        username: str = "",
        admins: Iterable[User] = (),
        bot: Status = Status.ADMINISTRATOR,
    ) -> Chat:
        """Add a channel."""
        return self._add(Chat(self._supergroup_id(), ChatType.CHANNEL, title, username), bot, admins)

    def _supergroup_id(self) -> int:
        return _SUPERGROUP_IDS - next(self._group_ids)

    def _add(self, chat: Chat, bot: Status, admins: Iterable[User] = ()) -> Chat:
        self.chats[chat.id] = chat
        self._set(chat, self.bot, bot)
        for rank, admin in enumerate(admins):
            self._set(chat, admin, Status.ADMINISTRATOR if rank else Status.CREATOR)
        self.changes.notify()
        return chat

    def find(self, reference: str) -> Chat | None:
        """Return the chat by its id or `@name`, or None."""
        if reference.startswith("@"):
            name = reference[1:].lower()
            return next((chat for chat in self.chats.values() if name and name == chat.username.lower()), None)
        try:
            return self.chats.get(int(reference))
        except ValueError:
            return None

    def offered(self, chat: Chat, user: User) -> list[Json]:
        """Return the commands that the app offers to the person: the narrowest scope first, then their language.

        The order is that of the Bot API's "determining list of commands".
        """
        known = {(menu.scope["type"], menu.language): menu.commands for menu in self.menus}
        for scope in _scopes(chat, user):
            for language in (user.language_code, ""):
                if (scope, language) in known:
                    return known[scope, language]
        return []

    # Memberships

    def set_member(
        self,
        chat: Chat,
        user: User,
        status: Status,
        *,
        rights: Iterable[str] | None = None,
        anonymous: bool = False,
        by: User | None = None,
    ) -> None:
        """Change a membership; None for `rights` gives an administrator every right.

        A change of the bot's own membership by `by` causes an update.
        """
        before = chat.member(user)
        after = self._set(chat, user, status, rights, anonymous=anonymous)
        if user is self.bot and before != after:
            self._tell_membership(chat, before, after, by or chat.user or self._somebody(chat))
        self.changes.notify()

    def _set(
        self,
        chat: Chat,
        user: User,
        status: Status,
        rights: Iterable[str] | None = None,
        *,
        anonymous: bool = False,
    ) -> Member:
        given = ADMIN_RIGHTS[chat.type] if rights is None and status is Status.ADMINISTRATOR else rights or ()
        member = chat.members[user.id] = Member(user, status, frozenset(given), anonymous)
        return member

    def _tell_membership(self, chat: Chat, before: Member, after: Member, by: User) -> None:
        update = {
            "chat": chat.wire(),
            "from": by.wire(),
            "date": int(self.clock().timestamp()),
            "old_chat_member": before.wire(chat.type),
            "new_chat_member": after.wire(chat.type),
        }
        self.updates.push("my_chat_member", update)

    def _somebody(self, chat: Chat) -> User:
        """Return an administrator of the chat, else a new person, as the author of an action."""
        admins = (m.user for m in chat.members.values() if m.status.manages and m.user is not self.bot)
        return next(admins, None) or self.add_user("Somebody")

    def block(self, user: User) -> None:
        """Block the bot as the person."""
        self.set_member(self.chats[user.id], self.bot, Status.KICKED, by=user)

    def unblock(self, user: User) -> None:
        """Unblock the bot as the person."""
        self.set_member(self.chats[user.id], self.bot, Status.MEMBER, by=user)

    def deactivate(self, user: User) -> None:
        """Delete the person's account, which causes no update."""
        user.deactivated = True
        self.changes.notify()

    def kick(self, chat: Chat, by: User | None = None) -> None:
        """Remove the bot from the chat, without the service message."""
        self.set_member(chat, self.bot, Status.KICKED, by=by)

    def delete(self, chat: Chat) -> None:
        """Delete a basic group, which causes no update."""
        chat.deleted = True
        self.changes.notify()

    def migrate(self, group: Chat) -> Chat:
        """Turn a basic group into a supergroup with another id, and post a service message in both."""
        new = Chat(self._supergroup_id(), ChatType.SUPERGROUP, group.title, members=dict(group.members))
        self.chats[new.id] = new
        group.migrated_to = new.id
        by = self._somebody(group)
        for chat, service in ((group, {"migrate_to_chat_id": new.id}), (new, {"migrate_from_chat_id": group.id})):
            message = self.record(Message(0, chat, self.clock(), sender=by, service=service))
            self.updates.push("message", message.wire())
        return new

    # Actions of people

    def say(self, chat: Chat, sender: User | Chat, text: str, *, thread: int | None = None) -> Message:
        """Write in the chat, in the name of an anonymous administrator or a channel if `sender` is a chat.

        A person who was not in the chat joins.

        Raises:
            ValueError: the person blocked the bot, or the topic does not exist.
        """
        if thread is not None and thread not in chat.topics:
            raise ValueError(f"{chat.title} has no topic {thread}, only {sorted(chat.topics)}.")
        if chat.type is ChatType.PRIVATE:
            self._start(chat)
        if isinstance(sender, User):
            author, sender_chat = sender, None
            if not chat.member(sender).status.present:
                self._set(chat, sender, Status.MEMBER)
        else:
            author, sender_chat = (_ANONYMOUS_ADMIN if sender is chat else _CHANNEL_BOT), sender
        message = Message(0, chat, self.clock(), text, sender=author, sender_chat=sender_chat, thread=thread)
        return self._said("message", message)

    def send_file(self, chat: Chat, sender: User, name: str, data: bytes, *, size: int | None = None) -> Message:
        """Send a file in the chat; with `size`, Telegram tells that size whatever the data are."""
        if chat.type is ChatType.PRIVATE:
            self._start(chat)
        document = self.keep_file(name, data) | ({} if size is None else {"file_size": size})
        return self._post("message", Message(0, chat, self.clock(), sender=sender, document=document))

    def keep_file(self, name: str, data: bytes) -> Json:
        """Keep a file, and return the object that describes it."""
        file_id = f"document-{len(self.contents) + 1}"
        self.contents[file_id] = data
        self.files[file_id] = {"file_id": file_id, "file_unique_id": file_id, "file_size": len(data), "file_name": name}
        return self.files[file_id]

    def post(self, channel: Chat, text: str) -> Message:
        """Post in a channel as an administrator."""
        message = Message(0, channel, self.clock(), text, sender_chat=channel)
        return self._said("channel_post", message)

    def revise(self, message: Message, text: str) -> None:
        """Edit a message of a person."""
        message.text, message.entities = text, tuple(bot_commands(text))
        message.edit_date = self.clock()
        kind = "edited_channel_post" if message.chat.type is ChatType.CHANNEL else "edited_message"
        self._deliver(kind, message)

    def press(self, message: Message, button: str, user: User | None = None) -> Press:
        """Press the button with that label; without `user`, the person of the private chat does.

        Raises:
            ValueError: the message has no such button, or the button makes no query.
        """
        data = {found["text"]: found.get("callback_data") for found in message.buttons}.get(button)
        if data is None:
            labels = [found["text"] for found in message.buttons if "callback_data" in found]
            raise ValueError(f"There is no button '{button}' that asks the bot, only {labels}.")
        presser = user or message.chat.person
        press = Press(str(next(self._query_ids)), presser, message, data)
        self.presses[press.id] = press
        gone = {"chat": message.chat.wire(), "message_id": message.id, "date": 0}
        query = {
            "id": press.id,
            "from": presser.wire(),
            "message": gone if message.deleted else message.wire(),
            "chat_instance": str(message.chat.id),
            "data": data,
        }
        self.updates.push("callback_query", query)
        self.changes.notify()
        return press

    def inquire(self, user: User, query: str, *, offset: str = "") -> Inquiry:
        """Send an inline query to the bot."""
        inquiry = Inquiry(str(next(self._query_ids)), user, query, offset)
        self.inquiries[inquiry.id] = inquiry
        self.updates.push(
            "inline_query",
            {"id": inquiry.id, "from": user.wire(), "query": query, "offset": offset, "chat_type": "sender"},
        )
        self.changes.notify()
        return inquiry

    def call(self, chat: Chat, sender: User, text: str) -> Message:
        """Write a message that names the bot in a chat without it, to which the bot may answer as a guest."""
        message = self.record(Message(0, chat, self.clock(), text, sender=sender))
        query = str(next(self._query_ids))
        self.calls[query] = message
        self.updates.push("guest_message", message.wire() | {"guest_query_id": query})
        self.changes.notify()
        return message

    def choose(self, inquiry: Inquiry, result: str, chat: Chat, *, thread: int | None = None) -> Message:
        """Send one result of an inline query, an article with a text, to a chat.

        Raises:
            ValueError: the answer has no such result.
        """
        results = {found["id"]: found for found in (inquiry.answer or {}).get("results", ())}
        if result not in results:
            raise ValueError(f"There is no result '{result}', only {list(results)}.")
        content = results[result]["input_message_content"]
        message = Message(
            0,
            chat,
            self.clock(),
            content["message_text"],
            entities=tuple(content.get("entities", ())),
            sender=inquiry.user,
            thread=thread,
            link_preview_options=content.get("link_preview_options"),
            reply_markup=results[result].get("reply_markup"),
            via=self.bot,
        )
        return self._post("message", message)

    def _start(self, chat: Chat) -> None:
        status = chat.member(self.bot).status
        if status is Status.KICKED:
            raise ValueError(f"{chat.person.first_name} blocked the bot and must unblock it before writing to it.")
        if status is Status.LEFT:
            self._set(chat, self.bot, Status.MEMBER)

    def _said(self, kind: str, message: Message) -> Message:
        message.entities = tuple(bot_commands(message.text))
        return self._post(kind, message)

    def _post(self, kind: str, message: Message) -> Message:
        self.record(message)
        self._deliver(kind, message)
        return message

    def record(self, message: Message) -> Message:
        """Add the message to its chat under a new id."""
        chat = message.chat
        if chat.type in {ChatType.PRIVATE, ChatType.GROUP}:
            self._last_message = message.id = self._last_message + 1
        else:
            chat.last_id = message.id = chat.last_id + 1
        chat.history[message.id] = message
        self.changes.notify()
        return message

    def _deliver(self, kind: str, message: Message) -> None:
        if self._reaches_bot(message):
            self.updates.push(kind, message.wire())
        self.changes.notify()

    def _reaches_bot(self, message: Message) -> bool:
        """Return whether the bot sees the message; in groups a bot without rights sees only commands to itself."""
        chat, place = message.chat, message.chat.member(self.bot).status
        if not place.present or place.manages or chat.type is ChatType.PRIVATE:
            return place.present
        if chat.type is ChatType.CHANNEL:
            return False
        command = message.text.split(maxsplit=1)[0] if message.entities else ""
        named = command.partition("@")[2].lower()
        return command.startswith("/") and named in {"", self.bot.username.lower()}


def _scopes(chat: Chat, user: User) -> Iterator[str]:
    if chat.type is ChatType.CHANNEL:
        return
    if chat.type is ChatType.PRIVATE:
        yield "all_private_chats"
    else:
        if chat.member(user).status.manages:
            yield "all_chat_administrators"
        yield "all_group_chats"
    yield "default"
