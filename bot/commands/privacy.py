"""`/privacy`: what is kept, and the button that deletes it all."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from bot.commands.request import Answer, notice
from bot.commands.subscribing import not_allowed
from bot.model.document import Block, CommandButton, Document, Heading, Listing, Paragraph, Section, Span
from bot.model.i18n import gettext_noop

if TYPE_CHECKING:
    from bot.commands.request import CommandContext, Request

_DELETE, _DELETED = "delete", "deleted"
"""What the buttons carry: asks whether it is meant, and means it."""

# What the ledger's tables hold of a chat, in words; whoever adds a column there says so here.
_KEPT = (
    gettext_noop("the number that the platform gives this chat, and that of its topic or thread;"),
    gettext_noop(
        "your choices (topics, layout, time, sound, pause), when you made them, and why pushes stopped, if they did;"
    ),
    gettext_noop(
        "which of the last episodes were sent here, when, with what result, and the numbers of these messages."
    ),
)
_NOT_KEPT = gettext_noop("Nothing else: no name, nothing that anybody writes, and nothing about those who only read.")


async def privacy(context: CommandContext, request: Request) -> Answer:
    """What is stored about a chat; for those who may, its deletion after one confirmation."""
    _ = request.words.gettext
    step = request.argument.strip()
    refusal = not_allowed(request) if step else None
    if refusal:
        return refusal
    if step == _DELETED:
        async with context.changing:
            await context.subscriptions.forget(request.target)
        done = _("It is done: I know nothing about this chat any more. The subscription is gone, too.")
        return dataclasses.replace(notice(done, CommandButton(_("Subscribe again"), "subscribe")), replaces=True)
    if step == _DELETE:
        question = _("Delete everything about this chat? It will receive no more pushes.")
        buttons = (
            CommandButton(_("Yes, delete it all"), "privacy", _DELETED),
            CommandButton(_("No, keep it"), "privacy", "show"),
        )
        return dataclasses.replace(notice(question, *buttons), replaces=True)
    title = _("What I know")
    blocks: list[Block] = [
        Heading((Span(title),), level=1),
        Paragraph((Span(_("About a chat that subscribed I keep only:")),)),
        Listing(tuple((Paragraph((Span(_(line)),)),) for line in _KEPT)),
        Paragraph((Span(_(_NOT_KEPT)),)),
    ]
    deletion: tuple[CommandButton, ...] = ()
    if request.may_manage:
        blocks.append(Paragraph((Span(_("Unsubscribing deletes none of this; “Delete it all” does.")),)))
        deletion = (CommandButton(_("Delete it all"), "privacy", _DELETE),)
    return Answer(Document(title, (Section(tuple(blocks)),), deletion), replaces=bool(step))
