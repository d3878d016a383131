"""The commands on episode files: `recap import`, `recap new`, `recap schema` and `recap list`."""

import asyncio
import contextlib
import dataclasses
import datetime as dt
import functools
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bot.cli import console
from bot.cli.console import ConfigOption, Exit, JsonOption, out
from bot.cli.wording import AdminCommand
from bot.config import Config, Network
from bot.content.archive import Archive
from bot.content.frontmatter import json_schema
from bot.content.parser import parse_episode
from bot.model.episode import Status
from bot.model.i18n import gettext as _
from bot.model.i18n import gettext_noop, spoken, words
from bot.model.problems import ExpectedError, InvalidInputError, Problem, reason_of

if TYPE_CHECKING:
    from bot.content.upcoming import Defaults
    from bot.notes.model import Notes

cli = typer.Typer()

_STATUSES = {Status.READY: gettext_noop("ready"), Status.DRAFT: gettext_noop("draft")}

IMPORT_WITHIN = 60.0
"""Seconds that a draft may take; one of long notes takes two on a slow machine."""

DateOption = Annotated[
    dt.datetime | None,
    typer.Option(
        formats=["%Y-%m-%d"], metavar=gettext_noop("YYYY-MM-DD"), help=gettext_noop("The date of the episode.")
    ),
]
OutputOption = Annotated[
    Path | None,
    typer.Option(
        "--output",
        "-o",
        metavar=gettext_noop("FILE"),
        help=gettext_noop("The file to write; else it is printed."),
    ),
]


@cli.command("import", cls=AdminCommand)
def import_notes(
    notes: Annotated[
        Path | None,
        typer.Argument(
            metavar=gettext_noop("NOTES"), help=gettext_noop("Text, Markdown or HTML; - reads what is piped in.")
        ),
    ] = None,
    output: OutputOption = None,
    date: DateOption = None,
    rss: Annotated[
        str | None,
        typer.Option(
            metavar=gettext_noop("FEED"), help=gettext_noop("Take the notes from this feed: address or file.")
        ),
    ] = None,
    episode: Annotated[
        int | None, typer.Option(metavar="N", help=gettext_noop("With --rss: the number; the newest if left out."))
    ] = None,
    config: ConfigOption = None,
) -> None:
    """Make a draft episode file of raw show notes."""
    if (notes is None) == (rss is None):
        raise typer.BadParameter(_("give either a file of notes (- for what is piped in) or --rss and a feed"))
    if notes is not None and notes.parts[:1] in {("http:",), ("https:",)}:
        raise typer.BadParameter(_("the address of a feed stands after --rss; save another page as a file first"))
    if episode is not None and rss is None:
        raise typer.BadParameter(_("--episode says which one of a feed: give --rss and the feed too"))
    from bot.notes.draft import draft
    from bot.notes.reading import MAX_LENGTH, read_notes

    settings, archive = console.read(config)
    read: Callable[[bytes, Path], Notes] = read_notes
    if notes:
        # A character has at most four bytes. Because one byte more is read, notes that are too long are seen.
        path, data = notes, console.read_input(notes, 4 * MAX_LENGTH + 1)
    else:
        from bot.notes.feed import notes_from_feed

        path, data = _feed(rss or "", settings.network)
        read = functools.partial(notes_from_feed, number=episode, zone=settings.show.timezone)
    with _in_time(path):
        found = read(data, path)
    if found.chapters_page and not found.chapters:
        found = _with_chapters(found, path, settings.network)
    with _in_time(path):
        text = draft(
            found,
            path,
            language=settings.show.language,
            known=archive.topics(),
            defaults=_next_episode(settings, archive),
            date=date.date() if date else None,
        )
    if there := archive.get(parse_episode(text, path).number):
        told = _("the archive has an episode {number} already").format(number=there.number)
        warning = Problem(archive.folder / there.path, told, _("Give one of the two another number"))
        console.tell_warnings([warning])
    console.write(output, text, _("Read it, then take `status: draft` out of it."))


@cli.command(cls=AdminCommand)
def new(
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar=gettext_noop("FILE"),
            help=gettext_noop("The file; in the content folder, named by its number."),
        ),
    ] = None,
    date: DateOption = None,
    config: ConfigOption = None,
) -> None:
    """Begin the file of the next episode."""
    settings, archive = console.read(config)
    defaults = _next_episode(settings, archive)
    if date is not None:
        defaults = dataclasses.replace(defaults, date=date.date())
    folder = settings.content.folder
    if output is None:
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            told = _("the folder {folder} cannot be created ({reason})")
            raise ExpectedError(told.format(folder=folder, reason=reason_of(error))) from error
    path = output or folder / f"{defaults.number}.md"
    advice = _("Fill it in (`recap check` says what is missing), then take `status: draft` out of it.")
    console.write(path, template(settings, defaults), advice)


@cli.command(cls=AdminCommand)
def schema() -> None:
    """Print the JSON Schema of the front matter, for editors."""
    console.print_json(json_schema())


@cli.command("list", cls=AdminCommand)
def list_episodes(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """List the episodes of the archive, the newest first."""
    _settings, archive = console.read(config)
    console.tell(archive.problems)
    parts = {"slug", "title", "topics", "sources"}
    include = dict.fromkeys(("number", "title", "date", "status"), True) | {"segments": {"__all__": parts}}
    rows = [episode.model_dump(mode="json", include=include) for episode in archive.episodes]
    if as_json:
        console.print_json(rows)
    elif rows:
        shown = [
            {
                **row,
                "date": spoken().day(episode.date),
                "slugs": ", ".join(segment.slug for segment in episode.segments),
                "status": _(_STATUSES[episode.status]),
            }
            for row, episode in zip(rows, archive.episodes, strict=True)
        ]
        columns = {
            _("No."): "number",
            _("Date"): "date",
            _("Title"): "title",
            _("Subjects"): "slugs",
            _("Status"): "status",
        }
        console.print_table(columns, shown)
    elif not archive.problems:
        out().print(_("There is no episode yet: `recap new` begins one, `recap import` makes one of show notes."))
    if archive.problems and not rows:
        raise typer.Exit(Exit.BAD_INPUT)


@contextlib.contextmanager
def _in_time(path: Path) -> Iterator[None]:
    """End a draft that takes too long. No text is known that does, but nobody has tried all.

    Raises:
        InvalidInputError: the time is over.
    """

    def end(*_signal: object) -> None:
        told = _("no draft of it was ready after {seconds} seconds").format(seconds=f"{IMPORT_WITHIN:g}")
        raise InvalidInputError([Problem(path, told, _("Give the words of one episode alone, as plain text"))])

    if not hasattr(signal, "setitimer"):
        # Windows has no such clock.
        yield
        return
    before = signal.signal(signal.SIGALRM, end)
    signal.setitimer(signal.ITIMER_REAL, IMPORT_WITHIN)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def _feed(feed: str, network: Network) -> tuple[Path, bytes]:
    """Return a feed, given by its address or its file, and the path to name the feed by.

    Raises:
        InvalidInputError: the file cannot be read.
        ExpectedError: the address cannot be reached.
    """
    from bot.model.feed import MAX_FEED

    # Because a path joins the two slashes of an address, the scheme is left out of it.
    path = Path(feed.rpartition("://")[2])
    if "://" in feed:
        return path, asyncio.run(_fetched(feed, MAX_FEED, network))
    return path, console.read_input(path, MAX_FEED + 1)


def _with_chapters(notes: "Notes", path: Path, network: Network) -> "Notes":
    """Return the notes with the chapters at the address that their feed names; without them if it gives none."""
    from bot.content.rss import chapters_in
    from bot.model.feed import MAX_FEED

    try:
        data = asyncio.run(_fetched(notes.chapters_page, MAX_FEED, network))
        return dataclasses.replace(notes, chapters=chapters_in(data))
    except ExpectedError as error:
        told = _("the times of the chapters are left out: {reason}").format(reason=error)
        console.tell_warnings([Problem(path, told, _("Try again later"))])
        return notes


def _next_episode(settings: Config, archive: Archive) -> "Defaults":
    """Return the number and the date of the next episode."""
    from bot.content.upcoming import defaults_after
    from bot.runtime.clock import Timetable

    timetable = Timetable(settings.schedules, console.now)
    schedules = [schedule.name for schedule in settings.schedules]
    today = console.now().astimezone(settings.show.timezone).date()
    return defaults_after(archive, timetable.next_run, schedules, today)


def template(settings: Config, defaults: "Defaults") -> str:
    """Return an episode file with its number and date, and remarks on the parts to write."""
    gettext = words(settings.show.language).gettext
    introduction = gettext("One or two sentences that present the episode.")
    title = gettext("Behind the title, {#netflix at=12:34} gives its name in links and its beginning in the audio.")
    topics = gettext("The topics in one line, such as #tiktok #europe.")
    summary = gettext("The summary, 300 to 900 characters; below it an image, if there is one.")
    head = f"number: {defaults.number}\ntitle:\ndate: {defaults.date}\naudio:\npage:\nstatus: draft"
    remarks = [f"<!-- {text} -->" for text in (introduction, title, topics, summary)]
    below = "\n\n".join(remarks[1:])
    return f"---\n{head}\n---\n\n{remarks[0]}\n\n##\n\n{below}\n\nSources :\n- \n"


async def _fetched(address: str, limit: int, network: Network) -> bytes:
    from bot.content.links import Web, WebError

    async with Web(network=network) as web:
        try:
            return await web.fetch(address, limit)
        except WebError as error:
            told = _("{address} cannot be fetched: {reason}").format(address=address, reason=error)
            raise ExpectedError(told) from error
