"""The buttons that decide on a push, below cards and the panel, which only the admins of the config can press."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.commands.request import Answer, outdated
from bot.model.rehearsal import Instruction

if TYPE_CHECKING:
    from bot.commands.request import CommandContext, Request


async def approve(context: CommandContext, request: Request) -> Answer:
    """Let the text that the card has shown go out."""
    return await _decided(Instruction.APPROVE, context, request)


async def withhold(context: CommandContext, request: Request) -> Answer:
    """Keep an episode from going out."""
    return await _decided(Instruction.WITHHOLD, context, request)


async def release(context: CommandContext, request: Request) -> Answer:
    """Take a withholding back."""
    return await _decided(Instruction.RELEASE, context, request)


async def _decided(decision: Instruction, context: CommandContext, request: Request) -> Answer:
    # Because a client may send any data, and a card in a chat of the team is before everybody there, the person counts.
    is_admin = context.is_admin(request.target.platform, request.person)
    schedule, number, digest, *more = (*request.argument.split(), "", "", "")
    if not is_admin or any(more) or not digest or not number.isdecimal():
        return outdated(request.words)
    return await context.decide(decision, schedule, int(number), digest, request) or outdated(request.words)
