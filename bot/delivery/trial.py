"""The trial of a chat: a message of each kind that the bot uses is sent there, edited and deleted."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TYPE_CHECKING, cast

from bot.model.document import CommandButton, Document, LinkButton, Listing, Paragraph, Section, Span, Style
from bot.platforms.abilities import Editor
from bot.platforms.base import Feature, Post, SendError, SendRequest
from bot.platforms.registry import PLATFORMS

if TYPE_CHECKING:
    from bot.model.i18n import Words
    from bot.model.subscription import Target
    from bot.platforms.base import Account, Sender

WORTH = 15.0
"""Seconds for which one step is tried again, because somebody waits in a terminal."""
_PAGE = "https://example.org/"


async def try_out(account: Account, sender: Sender, target: Target, words: Words) -> AsyncIterator[tuple[str, str]]:
    """Yield the name of each kind of message, with the platform's words if it did not take one of the steps."""
    _ = words.gettext
    kinds = {_("text"): (False, False), _("buttons"): (True, False)}
    if Feature.RICH in PLATFORMS[account.name].features:
        kinds[_("rich message")] = (False, True)
    for kind, (has_buttons, is_rich) in kinds.items():
        yield kind, await _tried(account, sender, target, words, has_buttons=has_buttons, is_rich=is_rich)


def _document(text: str, words: Words, *, has_buttons: bool) -> Document:
    link = Paragraph((Span(text, Style.BOLD), Span(" · "), Span("example.org", url=_PAGE)))
    section = Section((link, Listing(((Paragraph((Span(words.gettext("text")),)),),))))
    buttons = (CommandButton("/help", "help"), LinkButton("example.org", _PAGE)) if has_buttons else ()
    return Document(text, (section,), buttons)


async def _tried(
    account: Account, sender: Sender, target: Target, words: Words, *, has_buttons: bool, is_rich: bool
) -> str:
    """Send, edit and delete one message; return what the platform did not take, empty if it took all."""
    _, editor, nonce = words.gettext, cast("Editor", account), secrets.token_hex(8)
    sent, edited = (
        account.render(_document(text, words, has_buttons=has_buttons), silent=True, rich=is_rich)
        for text in (_("A test of the bot"), _("This message goes away at once."))
    )

    async def send(leave: Callable[[], bool]) -> str:
        return await account.send(Post(target, sent.title, sent.messages[0], nonce, leave=leave))

    try:
        message_id = await sender.send(SendRequest(target, send, worth=WORTH, leaves=True, hold=True))
    except SendError as error:
        return _("not sent ({reason})").format(reason=error)
    refusals = [
        told.format(reason=reason)
        for told, ask in (
            (_("not edited ({reason})"), lambda: editor.edit(target, message_id, edited.messages[0])),
            (_("not deleted ({reason})"), lambda: editor.delete(target, message_id)),
        )
        if (reason := await _refusal(sender, target, ask, words))
    ]
    return ", ".join(refusals)


async def _refusal(sender: Sender, target: Target, ask: Callable[[], Awaitable[bool | None]], words: Words) -> str:
    async def attempt(_leave: Callable[[], bool]) -> bool | None:
        return await ask()

    try:
        is_found = await sender.send(SendRequest(target, attempt, worth=WORTH))
    except SendError as error:
        return str(error)
    return words.gettext("the platform does not find it") if is_found is False else ""
