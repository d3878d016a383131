"""What the admin's commands share: reading their input, opening the app, printing for people and for programs."""

# `recap --help` must not wait for libraries that only a command needs: what is heavy is imported where it is used.
# ruff: noqa: PLC0415

from __future__ import annotations

import asyncio
import functools
import json
import os
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import typer

from bot.model.problems import ExpectedError, InvalidInputError, Problem

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Coroutine, Iterable

    from rich.console import Console
    from rich.table import Table

    from bot.config import Config
    from bot.content.archive import Archive
    from bot.model.episode import Episode
    from bot.model.subscription import Target
    from bot.runtime.app import App

Result = TypeVar("Result")

DEFAULT_CONFIG = Path("config.toml")
"""Read when it is there and no other was named."""

STANDARD_INPUT = Path("-")
"""Stands for what is piped in."""

PAGE_SUFFIXES = {".html", ".htm"}
"""How the names of pages end."""

# Titles, targets and platforms' words are shown as they are: `[…]` is no markup, and `telegram:-1:` no emoji.
if TYPE_CHECKING:
    out: Console
    err: Console


def __getattr__(name: str) -> Console:
    # Because the running bot prints nothing, the first line that is printed loads rich; else it would stay in memory.
    if name not in {"out", "err"}:
        raise AttributeError(name)
    return _console(stderr=name == "err")


@functools.cache
def _console(*, stderr: bool) -> Console:
    from rich.console import Console

    return Console(stderr=stderr, markup=False, emoji=False, highlight=False)


def read_settings(path: Path | None, *, level: str = "INFO") -> Config:
    """Read the config and let the logs flow from a level on, without its secrets; RECAP_LOG overrides the level.

    Raises:
        InvalidInputError: the config cannot be used.
    """
    from bot.platforms.registry import load
    from bot.runtime.logs import set_up

    settings = load(config_path(path))
    set_up(os.environ.get("RECAP_LOG", level), [section.token for section in settings.platforms.values()])
    return settings


def config_path(path: Path | None) -> Path | None:
    """The config that is read: the one that was named, else the default one if it is there."""
    return path or (DEFAULT_CONFIG if DEFAULT_CONFIG.exists() else None)


def need_platform(settings: Config) -> None:
    """Make sure that there is a platform to send to.

    Raises:
        InvalidInputError: there is none.
    """
    from bot.config.sources import variable_name

    if not settings.platforms:
        sections = " or ".join(f"a [{name}]" for name in settings.sections)
        variables = " or ".join(variable_name((name, "token")) for name in settings.sections)
        cure = f"Write {sections} section with its token (config.example.toml shows how), or set {variables}"
        raise InvalidInputError([Problem(DEFAULT_CONFIG, "no platform is switched on", cure)])


def load_archive(settings: Config) -> Archive:
    """Read the content folder; what is wrong there is in the archive's `problems`."""
    from bot.content.archive import Archive

    return Archive.load(settings.content.folder, settings.topics)


def need_folder(settings: Config, archive: Archive) -> None:
    """Make sure that the content folder is there.

    Raises:
        InvalidInputError: it is not, or cannot be read.
    """
    problems = [problem for problem in archive.problems if problem.path == settings.content.folder]
    if problems:
        raise InvalidInputError(problems)


def with_app(
    settings: Config, use: Callable[[App], Coroutine[Any, Any, Result]], *, file: Path | None = None
) -> Result:
    """Do something with the app, its ledger open; with `file`, it can follow its config's changes."""
    from bot.runtime.app import opened

    async def in_app() -> Result:
        async with opened(settings, file=file) as app:
            return await use(app)

    return asyncio.run(in_app())


def look(settings: Config, use: Callable[[App], Coroutine[Any, Any, Result]]) -> Result:
    """Look at something with the app, changing nothing.

    Where there is no database yet, none is made: that is told on standard error, and the ledger that is seen is empty.
    """
    from bot.config import Storage
    from bot.config.values import SQLITE

    if settings.storage.path.exists():
        return with_app(settings, use)
    place = settings.storage.path.absolute()
    _console(stderr=True).print(
        f"There is no database yet at {place}: `recap run` makes it. Is this the right folder?", soft_wrap=True
    )
    with tempfile.TemporaryDirectory() as folder:
        storage = Storage(url=f"{SQLITE}{Path(folder).as_posix()}/recap.db")
        return with_app(settings.model_copy(update={"storage": storage}), use)


def find_episode(archive: Archive, number: int | None, *, published: bool = False) -> Episode:
    """The episode asked for; without a number the newest, or with `published` the newest that people may see.

    Raises:
        typer.BadParameter: there is none; the text names some that there are.
        InvalidInputError: there is none because its file has a mistake.
    """
    from bot.runtime.app import utc_now

    if number is None:
        found = archive.latest(utc_now().date()) if published else next(iter(archive.episodes), None)
    else:
        found = archive.get(number)
    if found is None:
        broken = _file_of(archive, number)
        if broken is not None:
            told = f"this is episode {number}, which cannot be used before its file is without mistakes"
            raise InvalidInputError([*archive.problems, Problem(broken, told, "Mend what is told above")])
        tell(archive.problems)
        newest = ", ".join(str(episode.number) for episode in archive.episodes[:5])
        if not newest:
            raise ExpectedError("there is no episode that could be shown: `recap new` begins one")
        wanted = "no episode that people may see yet" if number is None else f"no episode {number}"
        where = " in a file without mistakes" if archive.problems else ""
        raise typer.BadParameter(f"there is {wanted}{where}; the newest are: {newest}")
    return found


def _file_of(archive: Archive, number: int | None) -> Path | None:
    """The file with mistakes that has the number of this episode as its name, as `recap new` names them."""
    paths = (problem.path for problem in archive.problems)
    return next((path for path in paths if path.stem.isdecimal() and int(path.stem) == number), None)


def find_topic(archive: Archive, typed: str) -> str:
    """The topic that was typed, in its one spelling.

    Raises:
        typer.BadParameter: no episode has it; the text names the nearest.
    """
    topic = archive.resolve_topic(typed)
    if topic is None:
        nearest = ", ".join(archive.nearest_topics(typed)) or "none"
        raise typer.BadParameter(f"no episode has the topic '{typed}'; the nearest are: {nearest}")
    return topic


def parse_target(text: str) -> Target:
    """The target that was typed.

    Raises:
        typer.BadParameter: it is none; the text says what one looks like.
    """
    from bot.model.subscription import Target
    from bot.platforms.registry import PLATFORMS

    try:
        return Target.parse(text, PLATFORMS)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None


def in_words(moment: dt.datetime | None) -> str:
    """A moment as people read it, in the time zone that it carries."""
    return "never" if moment is None else f"{moment:%A %d %B %Y, %H:%M} ({moment:%Z})"


def tell(problems: Iterable[Problem]) -> None:
    """Show the problems, a line each, on standard error."""
    for problem in problems:
        _console(stderr=True).print(str(problem), soft_wrap=True)


def print_json(value: object) -> None:
    """Print for programs; not through rich, which wraps long lines.

    Where the output is no Unicode, JSON's own escapes say what it cannot.
    """
    is_unicode = (sys.stdout.encoding or "").lower().startswith("utf")
    typer.echo(json.dumps(value, ensure_ascii=not is_unicode, indent=2))


def read_input(path: Path, limit: int = -1) -> bytes:
    """What a file holds, or with `-` what is piped in; of more than `limit` bytes only so many.

    Raises:
        InvalidInputError: it cannot be read.
    """
    try:
        if path == STANDARD_INPUT:
            return sys.stdin.buffer.read(limit)
        with path.open("rb") as file:
            return file.read(limit)
    except OSError as error:
        cure = "Name a file that is there and that you may read"
        raise InvalidInputError([Problem(path, f"it cannot be read ({error.strerror})", cure)]) from error


def print_table(table: Table, console: Console | None = None) -> None:
    """Print a table of which nothing is cut, so that it can be copied: the screen gets its cells folded.

    What is piped has the width that it needs, a line for each row.
    """
    console = console or _console(stderr=False)
    for column in table.columns:
        column.overflow = "fold"
    if not console.is_terminal:
        table.width = console.measure(table, options=console.options.update(max_width=sys.maxsize)).maximum
    console.print(table, crop=False)


def need_page_name(path: Path) -> None:
    """Make sure that a page gets the name of one: it is written over what is there, which an episode must not be.

    Raises:
        typer.BadParameter: it is some other name.
    """
    if path.suffix.lower() not in PAGE_SUFFIXES:
        raise typer.BadParameter(f"{path} is no name of a page: choose one that ends in .html", param_hint="--html")


def write_page(path: Path, text: str) -> None:
    """Write a page, over an earlier one too.

    Raises:
        ExpectedError: it cannot be written there.
    """
    _write(path, text, "w")


def write_new(path: Path, text: str) -> None:
    """Write a file that was not there.

    Raises:
        ExpectedError: there is such a file already, or it cannot be written.
    """
    _write(path, text, "x")


def _write(path: Path, text: str, mode: Literal["w", "x"]) -> None:
    try:
        with path.open(mode, encoding="utf-8", newline="\n") as file:
            file.write(text)
    except FileExistsError as error:
        raise ExpectedError(f"{path} exists already: name another file, or move that one away first") from error
    except OSError as error:
        raise ExpectedError(f"{path} cannot be written ({error.strerror})") from error
