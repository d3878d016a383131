"""New episode files: out of notes, or out of nothing."""

from __future__ import annotations

import asyncio
import datetime as dt
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from bot.cli.checking import tell_warnings
from bot.cli.console import err, read_input, write_new
from bot.content.links import Web, WebError
from bot.content.parser import parse_episode
from bot.model.i18n import words
from bot.model.problems import ExpectedError, Problem
from bot.notes.draft import Defaults, draft
from bot.notes.feed import MAX_FEED, notes_from_feed
from bot.notes.reading import MAX_LENGTH, read_notes
from bot.runtime.app import utc_now

if TYPE_CHECKING:
    from bot.config import Config
    from bot.content.archive import Archive
    from bot.notes.model import Notes

_WEEK = dt.timedelta(7)


def notes_of(path: Path) -> tuple[Notes, Path]:
    """The notes in a file, or in what is piped in; and what to call it.

    Raises:
        InvalidInputError: they cannot be read.
    """
    # A character is four bytes at most, and one more shows that there are too many.
    data = read_input(path, 4 * MAX_LENGTH + 1)
    return read_notes(data, path), path


def notes_of_feed(feed: str, number: int | None, zone: dt.tzinfo) -> tuple[Notes, Path]:
    """The notes of an episode of a feed, by address or file; and what to call it.

    Raises:
        InvalidInputError: they cannot be read.
        ExpectedError: the address cannot be reached.
    """
    # A path keeps no double slash.
    path = Path(feed.rpartition("://")[2])
    data = asyncio.run(_fetched(feed)) if "://" in feed else read_input(path, MAX_FEED + 1)
    return notes_from_feed(data, path, number, zone), path


def imported(found: tuple[Notes, Path], settings: Config, archive: Archive, date: dt.date | None) -> str:
    """The draft that the notes make, with the archive's topics; a warning is told if the archive has its number."""
    notes, path = found
    text = draft(
        notes,
        path,
        language=settings.show.language,
        known=archive.topics(),
        defaults=next_episode(settings, archive),
        date=date,
    )
    there = archive.get(parse_episode(text, path).number)
    if there is not None:
        told = f"the archive has an episode {there.number} already"
        warning = Problem(archive.folder / there.path, told, "Give one of the two another number")
        tell_warnings([warning])
    return text


def next_episode(settings: Config, archive: Archive) -> Defaults:
    """The number after the highest, and the next Monday that has no episode yet, from tomorrow on where the show is."""
    today = utc_now().astimezone(settings.show.timezone).date()
    taken = {episode.date for episode in archive.episodes}
    monday = today + dt.timedelta(7 - today.weekday())
    while monday in taken:
        monday += _WEEK
    return Defaults(max((episode.number for episode in archive.episodes), default=0) + 1, monday)


def template(settings: Config, defaults: Defaults) -> str:
    """An episode file in which everything is still to be written; `recap check` says what."""
    gettext = words(settings.show.language).gettext
    introduction = gettext("One or two sentences that present the episode.")
    topics = gettext("The topics in one line, such as #tiktok #europe.")
    summary = gettext("The summary, 300 to 900 characters; below it an image, if there is one.")
    head = f"number: {defaults.number}\ntitle:\ndate: {defaults.date}\naudio:\npage:\nstatus: draft"
    remarks = [f"<!-- {text} -->" for text in (introduction, topics, summary)]
    return f"---\n{head}\n---\n\n{remarks[0]}\n\n##\n\n{remarks[1]}\n\n{remarks[2]}\n\nSources :\n- \n"


def begin(output: Path | None, settings: Config, archive: Archive, date: dt.date | None) -> None:
    """Write the template of the next episode, into the content folder if no file is named.

    Raises:
        ExpectedError: there is such a file already, or it cannot be written.
    """
    defaults = next_episode(settings, archive)
    if date is not None:
        defaults = defaults.on(date)
    folder = settings.content.folder
    if output is None:
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ExpectedError(f"the folder {folder} cannot be created ({error.strerror})") from error
    path = output or folder / f"{defaults.number}.md"
    write_new(path, template(settings, defaults))
    text = f"Written: {path}. Fill it in (`recap check` says what is missing), then take `status: draft` out of it."
    err.print(text, soft_wrap=True)


def write(text: str, output: Path | None) -> None:
    """Write the draft, or print it.

    Raises:
        ExpectedError: there is such a file already, or it cannot be written.
    """
    if output is None:
        typer.echo(text, nl=False)
        return
    write_new(output, text)
    err.print(f"Written: {output}. Read it, then take `status: draft` out of it.", soft_wrap=True)


async def _fetched(address: str) -> bytes:
    async with Web() as web:
        try:
            return await web.fetch(address, MAX_FEED)
        except WebError as error:
            raise ExpectedError(f"{address} cannot be fetched: {error}") from error
