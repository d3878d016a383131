"""Work on a feed in a process of its own.

A feed takes memory that a process would keep, and one that somebody made to do harm may take time without end.
"""

import asyncio
import contextlib
import datetime as dt
import logging
import os
import pickle
import sys
from asyncio.subprocess import PIPE
from collections.abc import Callable, Collection
from pathlib import Path
from typing import ParamSpec, TypeVar

from bot.content.upcoming import Defaults
from bot.model.feed import FeedItem
from bot.model.i18n import Language, speaking, spoken
from bot.model.i18n import gettext as _
from bot.model.problems import ExpectedError, InvalidInputError, Problem

log = logging.getLogger(__name__)

_Work = ParamSpec("_Work")
_Result = TypeVar("_Result")

WITHIN = 60.0
"""Seconds that the work may take: a feed of a thousand episodes takes three of a processor."""


def items_of(data: bytes, path: Path, zone: dt.tzinfo) -> tuple[FeedItem, ...]:
    """Return the items of a feed, as `bot.notes.feed` does."""
    # Because the libraries take ten megabytes, which the bot would keep, only the other process loads them.
    from bot.notes import feed

    return feed.items_of(data, path, zone)


def chapters_in(data: bytes) -> tuple[tuple[int, str], ...]:
    """Return the chapters in a file, as `bot.content.rss` does, with their seconds."""
    from bot.content import rss

    return rss.in_seconds(rss.chapters_in(data))


def draft_of(
    data: bytes,
    path: Path,
    item: FeedItem,
    *,
    zone: dt.tzinfo,
    language: Language,
    known: Collection[str],
    defaults: Defaults,
) -> str:
    """Return the draft of an episode file that the item of a feed makes.

    Raises:
        InvalidInputError: The notes cannot be understood.
    """
    from bot.notes import feed
    from bot.notes.draft import draft

    return draft(feed.item_notes(data, path, item, zone), path, language=language, known=known, defaults=defaults)


async def aside(work: Callable[_Work, _Result], *args: _Work.args, **kwargs: _Work.kwargs) -> _Result:
    """Return the result of a function of this module, which a process of its own finds.

    Raises:
        InvalidInputError: The function raises it.
        ExpectedError: The process takes too long, or ends before it has a result.
    """
    task = pickle.dumps((work, args, kwargs, spoken().language))
    # The process finds the modules where this one does, and knows no secret of the environment.
    environment = {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-P", "-m", __name__), env=environment, stdin=PIPE, stdout=PIPE, stderr=PIPE
    )
    try:
        async with asyncio.timeout(WITHIN):
            answer, said = await process.communicate(task)
    except TimeoutError:
        raise ExpectedError(_("it takes too long to read")) from None
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode != 0:
        log.error(
            "The process that reads the feed ended with %d: %s", process.returncode, said.decode(errors="replace")
        )
        raise ExpectedError(_("it cannot be read"))
    result: _Result
    problems: tuple[Problem, ...]
    result, problems = pickle.loads(answer)  # noqa: S301 - this program's own process wrote it
    if problems:
        raise InvalidInputError(problems)
    return result


def main() -> None:
    """Do the work that standard input names, and write its result."""
    # Where memory is short, the system ends this process before the bot; and a push goes first.
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("1000", encoding="ascii")
        os.nice(10)
    work, args, kwargs, language = pickle.load(sys.stdin.buffer)  # noqa: S301 - this program's own process wrote it
    problems: tuple[Problem, ...] = ()
    result = None
    with speaking(lambda: language):
        try:
            result = work(*args, **kwargs)
        except InvalidInputError as error:
            problems = error.problems
    sys.stdout.buffer.write(pickle.dumps((result, problems)))


if __name__ == "__main__":
    main()
