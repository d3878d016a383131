"""Files that an admin sends: read as notes or an episode, given back as a draft, and written into the content folder.

The draft is in the message with its buttons and nowhere else. A press reads it there, so that it outlives a restart.
"""

from __future__ import annotations

import asyncio
import functools
import logging
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from bot.commands.request import LARGEST_FILE, Answer, AnswerFile, notice
from bot.content.folder import write_draft
from bot.content.foreign import EpisodeFileError
from bot.content.frontmatter import as_draft
from bot.content.parser import parse_episode
from bot.content.upcoming import defaults_after
from bot.model.document import Block, CommandButton, Note, Paragraph, Span, bullets, titled
from bot.model.episode import Status
from bot.model.i18n import speaking
from bot.model.plaintext import decoded
from bot.model.problems import ExpectedError, InvalidInputError, reason_of
from bot.model.text import shortened
from bot.notes.draft import draft
from bot.notes.reading import read_notes

if TYPE_CHECKING:
    from bot.commands.request import AttachedFile, CommandContext, Request
    from bot.model.episode import Episode

log = logging.getLogger(__name__)

SUFFIXES = (".md", ".txt", ".docx", ".html")
READ_WITHIN = 60.0
"""Seconds that a draft may take; one of long notes takes two on a slow machine."""
WRITE, REPLACE = STEPS = ("write", "replace")
"""The data of the buttons below a draft."""
SHOWN_LINES = 5
LONGEST_REMARK = 100
"""Characters shown of a remark, because a caption has 1,024 on Telegram. The file has the whole remark."""
LONGEST_MISTAKE = 500


async def answer_file(context: CommandContext, request: Request, file: AttachedFile) -> Answer | None:
    """Read the file as notes or as an episode, or with a step of a button write the draft that it is."""
    try:
        if request.argument in STEPS:
            return await _write(context, request, file)
        return await _receive(context, request, file)
    except ExpectedError as error:
        # A database has no part in this: the platform did not give the file.
        told = request.words.gettext("{name} could not be fetched: {reason}. Try again in a minute.")
        return notice(told.format(name=file.name, reason=error))


async def _receive(context: CommandContext, request: Request, file: AttachedFile) -> Answer:
    """Give the draft of an episode back, with its remarks and a button that writes it."""
    _, name = request.words.gettext, Path(file.name).name
    if Path(name).suffix.lower() not in SUFFIXES:
        wanted = _("I can read show notes and episodes in files that end in {endings}.")
        return notice(wanted.format(endings=request.words.either(SUFFIXES)))
    # A platform may tell no size before.
    if file.size > LARGEST_FILE or len(data := await file.read()) > LARGEST_FILE:
        return notice(_("{name} is larger than 1 MB: send the notes of one episode alone.").format(name=name))
    try:
        # Because the reasons are for this person, they are said in the person's language.
        with speaking(lambda: request.language):
            async with asyncio.timeout(READ_WITHIN):
                text, episode = await asyncio.to_thread(_drafted, context, data, Path(name))
    except TimeoutError:
        return notice(_("No draft of {name} was ready in time: send the words alone, as text.").format(name=name))
    except InvalidInputError as error:
        mistakes = _kept_short([str(problem) for problem in error.problems], LONGEST_MISTAKE)
        return Answer(titled(_("No draft can be made of {name}").format(name=name), bullets(mistakes)))
    return _answer(context, request, text, episode)


async def _write(context: CommandContext, request: Request, file: AttachedFile) -> Answer | None:
    """Write the draft above the button into the content folder; None for a file that is no draft."""
    _, folder = request.words.gettext, context.archive().folder
    data = b"" if file.size > LARGEST_FILE else await file.read()
    try:
        text = data.decode()
        episode = parse_episode(text, Path(file.name))
    except (InvalidInputError, UnicodeDecodeError):
        return None
    if episode.status is not Status.DRAFT:
        return None
    path = _path_of(context, episode)
    step = functools.partial(write_draft, folder, path, text, replace=request.argument == REPLACE)
    try:
        kept = await asyncio.to_thread(step)
    except FileExistsError:
        return notice(
            _("There is another {path} by now, and nothing was written. Send the file again.").format(path=path)
        )
    except OSError as error:
        told = _("{path} cannot be written ({reason}). Put the file into the content folder by hand.")
        return notice(told.format(path=path, reason=reason_of(error)))
    log.info("%s was written as a draft by %s:%s", path, request.target.platform, request.person)
    told = _("Written: {path}. It is a draft, which is never sent.")
    if kept is not None:
        told = _("Written: {path}. It is a draft, which is never sent. The text before is kept in {kept}.")
    button = CommandButton(_("Look at it"), "admin", f"episode {episode.number}")
    return notice(told.format(path=path, kept=kept and kept.name), button)


def _drafted(context: CommandContext, data: bytes, path: Path) -> tuple[str, Episode]:
    """Return the text of the draft, and the episode in it.

    Raises:
        InvalidInputError: the file can be read neither as notes nor as an episode.
    """
    archive = context.archive()
    try:
        notes = read_notes(data, path)
        defaults = defaults_after(archive, context.agenda.next_run, context.schedules, context.today)
        text = draft(notes, path, language=context.language, known=archive.topics(), defaults=defaults)
    except EpisodeFileError:
        text = decoded(data, path)
        # Because its mistakes are told at the lines of that very file, it is read before anything in it changes.
        parse_episode(text, path)
        text = as_draft(text)
    return text, parse_episode(text, path)


def _answer(context: CommandContext, request: Request, text: str, episode: Episode) -> Answer:
    _, ngettext = request.words.gettext, request.words.ngettext
    path, folder = _path_of(context, episode), context.archive().folder
    blocks: list[Block] = [Paragraph((Span(request.words.quoted(shortened(episode.title, LONGEST_REMARK))),))]
    remarks = list(_remarks(text))
    if remarks:
        told = ngettext("{count} remark in the file:", "{count} remarks in the file:", len(remarks))
        blocks += [Paragraph((Span(told.format(count=len(remarks))),)), *bullets(_kept_short(remarks, LONGEST_REMARK))]
    buttons: tuple[CommandButton, ...] = ()
    if not os.access(folder, os.W_OK):
        small = _("I cannot write into the content folder: put the file there by hand, as {path}.")
    elif (folder / path).exists():
        small = _("There is a {path} already. Replaced, it is kept under another name.")
        buttons = (CommandButton(_("Replace {path}").format(path=path.name), "admin", REPLACE),)
    else:
        small = _("Nothing is written yet.")
        buttons = (CommandButton(_("Write it as {path}").format(path=path.name), "admin", WRITE),)
    blocks.append(Note((Span(small.format(path=path)),)))
    title = _("Draft of episode {number}").format(number=episode.number)
    return Answer(titled(title, blocks, buttons), file=AnswerFile(f"{episode.number}.md", text.encode()))


def _remarks(text: str) -> Iterator[str]:
    """Yield the comments of the draft, each on one line."""
    for rest in text.split("<!--")[1:]:
        remark, end, _below = rest.partition("-->")
        if end:
            yield " ".join(remark.split())


def _path_of(context: CommandContext, episode: Episode) -> Path:
    """Return the place of the episode in the content folder: that of the one with its number, if there is one."""
    there = context.archive().get(episode.number)
    return there.path if there else Path(f"{episode.number}.md")


def _kept_short(lines: Sequence[str], longest: int) -> list[str]:
    """Return the beginnings of the first lines, and a sign if there are more."""
    shown = [shortened(line, longest) for line in lines[:SHOWN_LINES]]
    return [*shown, "…"] if len(lines) > SHOWN_LINES else shown
