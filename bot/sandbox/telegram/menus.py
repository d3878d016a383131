"""Which of the menus of commands an app shows, by the Bot API's rules for "determining list of commands"."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.sandbox.telegram.model import ChatType

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from bot.sandbox.telegram.model import Chat, Json, Menu, User


def offered(menus: Iterable[Menu], chat: Chat, user: User) -> list[Json]:
    """The commands that the person is offered in the chat: the narrowest scope first, in each their language first."""
    known = {(tuple(sorted(menu.scope.items())), menu.language): menu.commands for menu in menus}
    for scope in _scopes(chat, user):
        for language in (user.language_code, ""):
            commands = known.get((tuple(sorted(scope.items())), language))
            if commands is not None:
                return commands
    return []


def _scopes(chat: Chat, user: User) -> Iterator[Json]:
    if chat.type is ChatType.CHANNEL:
        return
    if chat.type is ChatType.PRIVATE:
        yield {"type": "chat", "chat_id": chat.id}
        yield {"type": "all_private_chats"}
    else:
        manages = chat.member(user).status.manages
        yield {"type": "chat_member", "chat_id": chat.id, "user_id": user.id}
        if manages:
            yield {"type": "chat_administrators", "chat_id": chat.id}
        yield {"type": "chat", "chat_id": chat.id}
        if manages:
            yield {"type": "all_chat_administrators"}
        yield {"type": "all_group_chats"}
    yield {"type": "default"}
