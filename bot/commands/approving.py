"""The buttons that decide on what is pushed, below cards and the panel; only admins of the config can press them."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from bot.commands.episodes import LONGEST_NUMBER
from bot.commands.request import Answer, outdated
from bot.model.document import CommandButton
from bot.model.rehearsal import Instruction

if TYPE_CHECKING:
    from bot.commands.request import CommandContext, Request

SURE = "yes"
"""The word of the button that confirms a recall."""


async def approve(context: CommandContext, request: Request) -> Answer:
    """Let the text that the card has shown go out."""
    return await _decided(Instruction.APPROVE, context, request)


async def withhold(context: CommandContext, request: Request) -> Answer:
    """Keep an episode from going out."""
    return await _decided(Instruction.WITHHOLD, context, request)


async def release(context: CommandContext, request: Request) -> Answer:
    """Take a withholding back."""
    return await _decided(Instruction.RELEASE, context, request)


async def correct(context: CommandContext, request: Request) -> Answer:
    """Bring what was sent in line with the text that the card has shown."""
    match request.argument.split():
        case [number, digest] if is_number(number) and is_admin(context, request):
            return _leading_back(await context.correct(int(number), digest, request), request)
    return outdated(request.words)


async def recall(context: CommandContext, request: Request) -> Answer:
    """Ask whether an episode is to be recalled, and recall it after the second press."""
    match request.argument.split():
        case [number, *sure] if sure in ([], [SURE]) and is_number(number) and is_admin(context, request):
            return _leading_back(await context.recall(int(number), bool(sure), request), request)
    return outdated(request.words)


def is_number(text: str) -> bool:
    """Return whether the text of a client may be an episode's number."""
    return text.isascii() and text.isdecimal() and len(text) <= LONGEST_NUMBER


def is_admin(context: CommandContext, request: Request) -> bool:
    """Return whether the person is an admin of the config.

    Because a client may send any data, and a card in a chat of the team is before everybody there, the person counts.
    """
    return context.is_admin(request.target.platform, request.person)


async def _decided(decision: Instruction, context: CommandContext, request: Request) -> Answer:
    match request.argument.split():
        case [schedule, number, digest] if is_number(number) and is_admin(context, request):
            return _leading_back(await context.decide(decision, schedule, int(number), digest, request), request)
    return outdated(request.words)


def _leading_back(answer: Answer | None, request: Request) -> Answer:
    """Return the answer, in private with a way to the panel, or the answer to nonsense."""
    if answer is None or not request.is_private:
        return answer or outdated(request.words)
    panel = CommandButton(request.words.gettext("◀ Panel"), "admin", "home")
    document = dataclasses.replace(answer.document, buttons=(*answer.document.buttons, panel))
    return dataclasses.replace(answer, document=document)
