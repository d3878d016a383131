"""Menu of commands that an app shows, by the Bot API's rules for "determining list of commands"."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.sandbox.telegram.model import ChatType

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from bot.sandbox.shared.webserver import Json
    from bot.sandbox.telegram.model import Chat, Menu, User


def offered(menus: Iterable[Menu], chat: Chat, user: User) -> list[Json]:
    """Return the commands that the app offers to the person: the narrowest scope first, then the person's language."""
    known = {(menu.scope["type"], menu.language): menu.commands for menu in menus}
    for scope in _scopes(chat, user):
        for language in (user.language_code, ""):
            if (scope, language) in known:
                return known[scope, language]
    return []


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
