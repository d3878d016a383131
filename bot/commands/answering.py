"""From a request to its answer, whatever happens on the way."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, TypeVar

from bot.commands.request import sorry
from bot.model.problems import ExpectedError

if TYPE_CHECKING:
    from collections.abc import Callable

    from bot.commands.request import Answer, CommandContext, Request
    from bot.commands.table import Answering
    from bot.model.document import Document

log = logging.getLogger(__name__)

T = TypeVar("T")


async def answered(
    context: CommandContext, answering: Answering, request: Request, render: Callable[[Document], T]
) -> tuple[Answer, T]:
    """The answer and how the platform shows it; a word of excuse where there is none, and in the log the reason."""
    try:
        answer = await answering(context, request)
        return answer, render(answer.document)
    except ExpectedError as error:
        # What the admin can mend needs no traceback.
        log.error("A command in %s could not be answered: %s", request.target, error)  # noqa: TRY400
    except Exception:
        log.exception("A command in %s could not be answered", request.target)
    answer = sorry(request.words)
    return answer, render(answer.document)
