"""Access of the bot to chats, and its rights there."""

import enum

from bot.sandbox.telegram.errors import bad_request, forbidden
from bot.sandbox.telegram.model import Chat, ChatType, Member, Status
from bot.sandbox.telegram.world import TelegramWorld


class Access(enum.IntEnum):
    """Kinds of access, from the weakest to the strongest condition of the Bot API server."""

    READ = 1
    MEMBERS = 2
    EDIT = 3
    WRITE = 4


def reach(world: TelegramWorld, reference: str, access: Access) -> Chat:
    """Return the chat by its id or `@name`.

    Raises:
        ApiError: the chat does not exist, or the bot lacks the access.
    """
    if not reference:
        raise bad_request("chat_id is empty")
    chat = world.find(reference)
    if chat is None:
        raise bad_request("chat not found")
    status = chat.member(world.bot).status
    match chat.type:
        case ChatType.PRIVATE:
            if chat.person.deactivated and access >= Access.EDIT:
                raise forbidden("user is deactivated")
        case ChatType.GROUP:
            _reach_group(chat, status, access)
        case ChatType.SUPERGROUP | ChatType.CHANNEL:
            _reach_supergroup(chat, status, access)
    return chat


def _reach_group(chat: Chat, status: Status, access: Access) -> None:
    if access in {Access.MEMBERS, Access.WRITE}:
        if chat.migrated_to is not None:
            raise bad_request("group chat was upgraded to a supergroup chat", migrate_to_chat_id=chat.migrated_to)
        if chat.deleted:
            raise forbidden("the group chat was deleted")
    if access is not Access.READ:
        _be_present(chat, status)


def _reach_supergroup(chat: Chat, status: Status, access: Access) -> None:
    public = bool(chat.username)
    if status is Status.KICKED or not public or access >= Access.EDIT:
        _be_present(chat, status)


def _be_present(chat: Chat, status: Status) -> None:
    if status is Status.KICKED:
        raise forbidden(f"bot was kicked from the {chat.type} chat")
    if not status.present:
        raise forbidden(f"bot is not a member of the {chat.type} chat")


def check_may_write(chat: Chat, bot: Member, thread: int) -> int | None:
    """Return the topic of a message in a forum, or None; other chats ignore the thread.

    Raises:
        ApiError: the bot may not write there, or the topic does not exist.
    """
    topic = None
    if thread and (chat.is_forum or chat.type is ChatType.PRIVATE):
        topic = chat.topics.get(thread)
        if topic is None:
            raise bad_request("message thread not found")
    match chat.type:
        case ChatType.PRIVATE:
            _check_private(bot)
        case ChatType.CHANNEL:
            if "can_post_messages" not in bot.rights:
                raise bad_request("need administrator rights in the channel chat")
        case ChatType.GROUP | ChatType.SUPERGROUP:
            _check_group(chat, bot)
    if topic is None:
        return None
    if topic.closed and not (bot.status.manages and "can_manage_topics" in bot.rights):
        raise bad_request("TOPIC_CLOSED")
    return topic.id


def _check_private(bot: Member) -> None:
    if bot.status is Status.KICKED:
        raise forbidden("bot was blocked by the user")
    if not bot.status.present:
        raise forbidden("bot can't initiate conversation with a user")


def _check_group(chat: Chat, bot: Member) -> None:
    if bot.status is Status.RESTRICTED:
        allowed = "can_send_messages" in bot.rights
    else:
        allowed = chat.members_may_write or bot.status.manages
    if not allowed:
        raise bad_request("not enough rights to send text messages to the chat")
