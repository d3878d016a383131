"""From a request to its answer, whatever happens on the way."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from bot.commands.desk import sorry
from bot.problems import ExpectedError

if TYPE_CHECKING:
    from bot.commands.desk import Answer, Desk, Request
    from bot.commands.table import Command

log = logging.getLogger(__name__)


async def answer(desk: Desk, command: Command, request: Request) -> Answer:
    """What the command answers; a word of excuse where it cannot. Why not stands in the log, for the admin."""
    try:
        return await command.answer(desk, request)
    except ExpectedError as error:
        # What the admin can mend needs no traceback.
        log.error("/%s in %s could not be answered: %s", command.name, request.target, error)  # noqa: TRY400
    except Exception:
        log.exception("/%s in %s could not be answered", command.name, request.target)
    return sorry(request.words)
