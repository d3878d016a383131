"""Subscriptions of people who block the bot and unblock it, and of groups and channels that remove and add it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from telegram import Chat, ChatMember, ChatMemberRestricted

from bot.model.subscription import Target
from bot.platforms.telegram import NAME

if TYPE_CHECKING:
    from telegram import ChatMemberUpdated

    from bot.model.subscription import Subscriptions

_PRESENT = frozenset({ChatMember.MEMBER, ChatMember.ADMINISTRATOR, ChatMember.OWNER})


async def on_membership_change(change: ChatMemberUpdated, subscriptions: Subscriptions) -> bool:
    """End the chat's subscriptions where the bot was removed or blocked, and bring them back where it is back.

    Returns:
        Whether the bot is new in a group where it may write. Not in a channel, whose readers would all get a greeting.
    """
    chat = change.chat
    target = Target(NAME, str(chat.id))
    was_there, is_there = _is_present(change.old_chat_member), _is_present(change.new_chat_member)
    if not is_there:
        await subscriptions.left(target, "blocked" if chat.type == Chat.PRIVATE else "removed")
        return False
    if was_there or await subscriptions.came_back(target):
        return False
    return chat.type in {Chat.GROUP, Chat.SUPERGROUP} and _may_write(change.new_chat_member)


def _is_present(member: ChatMember) -> bool:
    if isinstance(member, ChatMemberRestricted):
        return member.is_member
    return member.status in _PRESENT


def _may_write(member: ChatMember) -> bool:
    return not isinstance(member, ChatMemberRestricted) or member.can_send_messages
