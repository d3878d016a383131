"""`/admin`, in private with an admin of the config: the panel of the bot, and the files that the admin sends.

For everybody else, and everywhere else, there is no such command.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.commands.approving import is_admin
from bot.commands.request import Answer, outdated

if TYPE_CHECKING:
    from bot.commands.request import CommandContext, Request


async def admin(context: CommandContext, request: Request) -> Answer:
    """Show the panel, or read the file that came along."""
    # Because a client may send any data from any chat, the person and the chat count at each press.
    if not (request.is_private and is_admin(context, request)):
        return outdated(request.words)
    if request.file is not None:
        # Because few send notes, what reads them is loaded then; else each command would begin half a second later.
        from bot.commands import drafts  # noqa: PLC0415

        return await drafts.answer_file(context, request, request.file) or outdated(request.words)
    return await context.panel(request) or outdated(request.words)
