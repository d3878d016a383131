"""The options of the commands, their input, the app that they open, and their output for people and programs."""

import asyncio
import datetime as dt
import enum
import functools
import json
import os
import sys
import tempfile
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from bot.cli.wording import CONFIG_VARIABLE, DEFAULT_CONFIG, named_config
from bot.config import Config, is_default, located
from bot.config.network import certificate_problems
from bot.config.sources import Fault, variable_name
from bot.config.tokens import Tokens
from bot.model.document import Layout
from bot.model.episode import Episode
from bot.model.i18n import gettext as _
from bot.model.i18n import gettext_noop, ngettext, spoken
from bot.model.problems import ExpectedError, InvalidInputError, Problem, reason_of
from bot.model.subscription import PlatformName, Target
from bot.platforms.registry import load, read_target
from bot.storage.records import LedgerError

if TYPE_CHECKING:
    from rich.console import Console

    from bot.content.archive import Archive
    from bot.model.feed import KnownFeed
    from bot.runtime.app import App

Result = TypeVar("Result")

_YES = {"y", "yes", "o", "oui"}
"""The answers that say yes, in either language."""

ConfigOption = Annotated[
    Path | None,
    typer.Option(
        "--config",
        "-c",
        envvar=CONFIG_VARIABLE,
        metavar=gettext_noop("FILE"),
        help=gettext_noop("The config file; config.toml where there is one."),
    ),
]
JsonOption = Annotated[
    bool, typer.Option("--json", help=gettext_noop("Print JSON for programs instead of text for people."))
]
HtmlOption = Annotated[
    Path | None,
    typer.Option(
        "--html",
        metavar=gettext_noop("FILE"),
        help=gettext_noop("Write it as a page of its own, to send to somebody."),
    ),
]
LayoutOption = Annotated[
    Layout, typer.Option(help=gettext_noop("One digest, a message per segment, or the titles first."))
]
NumberArgument = Annotated[
    int | None, typer.Argument(metavar="N", help=gettext_noop("The episode; the newest if left out."))
]

LOG_FORMAT = "RECAP_LOG_FORMAT"
"""The variable that chooses the log's format."""
LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")

SHOWN_WARNINGS = 40
"""Warnings that the text shows; an old archive has hundreds that nobody will mend."""


class Exit(enum.IntEnum):
    """The exit codes of commands that fail."""

    FAILED = 1
    BAD_INPUT = 2


@functools.cache
def out(*, stderr: bool = False) -> "Console":
    """Return the console on standard output; the first call loads rich, which a running bot never needs."""
    from rich.console import Console

    # Because titles and targets may hold `[…]` or `:-1001:`, rich reads no markup and no emoji; else they would change.
    return Console(stderr=stderr, markup=False, emoji=False, highlight=False)


def err() -> "Console":
    """Return the console on standard error."""
    return out(stderr=True)


def read_settings(path: Path | None, *, level: str = "WARNING", tokens: Tokens = "optional") -> Config:
    """Read the config, and write the log from a level on, without its secrets.

    The variables of the log override the level, and choose its format. A command that answers people notes no steps.

    Raises:
        InvalidInputError: the config cannot be used, or a variable of the log or of the network has no such value.
    """
    from bot.runtime.logs import set_up

    level, form = _log_choice("RECAP_LOG", LEVELS, level), _log_choice(LOG_FORMAT, ("text", "json"), "text")
    # Because the log may have to tell a mistake in the config, there is one before; no mistake shows a secret.
    set_up(level, [], as_json=form == "json")
    settings = load(config_path(path), tokens=tokens)
    if tokens == "needed" and (problems := certificate_problems(os.environ)):
        raise InvalidInputError(problems)
    tokens_given = [section.token for section in settings.platforms.values()]
    secrets = [*settings.network.secrets, *settings.storage.secrets, *tokens_given]
    set_up(level, secrets, as_json=form == "json")
    return settings


def _log_choice(variable: str, choices: Sequence[str], default: str) -> str:
    """Return the choice that the variable names, in letters of any size; the default if it names none.

    Raises:
        InvalidInputError: it names something else.
    """
    wanted = os.environ.get(variable) or default
    for choice in choices:
        if choice.casefold() == wanted.casefold():
            return choice
    cure = _("Write {words}").format(words=spoken().either(choices))
    raise InvalidInputError([Problem(Path("environment"), _("there is no such choice"), cure, key=variable)])


def config_path(path: Path | None) -> Path | None:
    """Return the config to read: the one that was named, else the default one if it exists."""
    return path or (DEFAULT_CONFIG if DEFAULT_CONFIG.exists() else None)


def need_platform(settings: Config) -> None:
    """Raise an error unless a platform is switched on.

    Raises:
        InvalidInputError: none is.
    """
    if not settings.platforms:
        sections = spoken().either(f"[{name}]" for name in settings.sections)
        variables = spoken().either(variable_name((name, "token")) for name in settings.sections)
        cure = _("Write a section {sections} with its token ({example} shows how), or set {variables}")
        told = cure.format(sections=sections, variables=variables, example=_("config.example.toml"))
        raise InvalidInputError([Problem(DEFAULT_CONFIG, _("no platform is switched on"), told)])


def need_switched_on(settings: Config, platform: PlatformName) -> None:
    """Raise an error unless the platform is switched on.

    Raises:
        typer.BadParameter: it is not; the text says how to switch it on.
    """
    if platform not in settings.platforms:
        told = _("{platform} is switched off: {cure}")
        raise typer.BadParameter(told.format(platform=platform, cure=how_to_switch_on(platform)))


def need_page(path: Path | None) -> None:
    """Raise an error if a file that is named is no page.

    Raises:
        typer.BadParameter: it is none. Because a page replaces the file that has its name, an episode could be lost.
    """
    if path is not None and path.suffix.lower() not in {".html", ".htm"}:
        told = _("{path} is no name of a page: choose one that ends in .html")
        raise typer.BadParameter(told.format(path=path), param_hint="--html")


def how_to_switch_on(platform: PlatformName) -> str:
    """Return the instruction that switches the platform on, for the middle of a sentence."""
    cure = _("add a [{platform}] section with its token to the config, or set {variable}")
    return cure.format(platform=platform, variable=variable_name((platform, "token")))


def read(path: Path | None, *, tokens: Tokens = "optional") -> "tuple[Config, Archive]":
    """Read the config and its content folder. The mistakes in the content are in the archive's `problems`.

    Raises:
        InvalidInputError: the config cannot be used.
    """
    from bot.content.archive import Archive

    settings = read_settings(path, tokens=tokens)
    return settings, Archive.load(settings.content.folder, settings.topics, feed=_feed(settings))


def _feed(settings: Config) -> "KnownFeed":
    """Return the last good answer of the feed; with a database that cannot be used, standard error says so."""
    from bot.model.feed import NO_FEED

    if not settings.feed.url:
        # Because the database's library takes a third of a command's start, few commands load it.
        return NO_FEED
    from bot.storage.clock import utc_now
    from bot.storage.database import is_made
    from bot.storage.ledger import Ledger

    async def known(url: str) -> "KnownFeed":
        async with await Ledger.open(url, utc_now) as ledger:
            return await ledger.feed.known(NO_FEED)

    url = settings.storage.url.get_secret_value()
    try:
        return asyncio.run(known(url)) if is_made(url) else NO_FEED
    except LedgerError as error:
        told = _("The last answer of the feed cannot be read ({reason})").format(reason=error)
        err().print(told, style="yellow", soft_wrap=True)
        return NO_FEED


def with_app(
    settings: Config, use: "Callable[[App], Coroutine[Any, Any, Result]]", *, file: Path | None = None
) -> Result:
    """Return the result of `use` on the app, opened with its ledger; with `file`, the app follows its config."""
    from bot.runtime.app import opened

    async def in_app() -> Result:
        async with opened(settings, file=file) as app:
            return await use(app)

    return asyncio.run(in_app())


def look(settings: Config, use: "Callable[[App], Coroutine[Any, Any, Result]]") -> Result:
    """Return the result of `use` on the app, and change nothing.

    Without a database, none is made: standard error says so, and `use` sees an empty ledger.

    Raises:
        LedgerError: the database cannot be used, or has no folder to be made in.
    """
    from pydantic import SecretStr

    from bot.config import Storage
    from bot.config.values import SQLITE
    from bot.storage.database import is_made, name_of

    url = settings.storage.url.get_secret_value()
    if is_made(url):
        return with_app(settings, use)
    place = name_of(url)
    missing = _("There is no database yet at {place}: `recap run` makes it. Is this the right folder?")
    err().print(missing.format(place=place), soft_wrap=True)
    with tempfile.TemporaryDirectory() as folder:
        storage = Storage(url=SecretStr(f"{SQLITE}{Path(folder).as_posix()}/recap.db"))
        return with_app(settings.model_copy(update={"storage": storage}), use)


def now() -> dt.datetime:
    """Return the time. The app has a clock of its own, for which the whole app would be loaded."""
    return dt.datetime.now(dt.UTC)


def find_episode(archive: "Archive", number: int | None, *, published: bool = False) -> Episode:
    """Return the episode with the number; without one the newest, or with `published` the newest that people may see.

    Raises:
        typer.BadParameter: no such episode exists; the text names some that do.
        InvalidInputError: it cannot be used because its file has a mistake.
        ExpectedError: the archive has no episode at all.
    """
    if number is None:
        found = archive.latest(now().date()) if published else next(iter(archive.episodes), None)
    else:
        found = archive.get(number)
    if found is not None:
        return found
    # `recap new` names the file of an episode by its number.
    files = [problem.path for problem in archive.problems if problem.path.stem.isdecimal()]
    if broken := next((path for path in files if int(path.stem) == number), None):
        told = _("this is episode {number}, which cannot be used before its file is without mistakes")
        reason = Problem(broken, told.format(number=number), _("Mend what is told above"))
        raise InvalidInputError([*archive.problems, reason])
    tell(archive.problems)
    newest = ", ".join(str(episode.number) for episode in archive.episodes[:5])
    if not newest:
        nothing = _("there is no episode that could be shown: `recap new` begins one")
        not_yet = _("no episode is without mistakes: mend what is told above")
        raise ExpectedError(not_yet if archive.problems else nothing)
    if number is None:
        told = _("there is no episode that people may see yet; the newest are: {newest}")
    elif archive.problems:
        told = _("there is no episode {number} in a file without mistakes; the newest are: {newest}")
    else:
        told = _("there is no episode {number}; the newest are: {newest}")
    raise typer.BadParameter(told.format(number=number, newest=newest))


def find_topic(archive: "Archive", typed: str) -> str:
    """Return the topic that was typed, in its one spelling.

    Raises:
        typer.BadParameter: no episode has it; the text names the nearest.
    """
    topic = archive.resolve_topic(typed)
    if topic is None:
        told = _("no episode has the topic “{topic}”")
        if nearest := ", ".join(archive.nearest_topics(typed)):
            told = _("no episode has the topic “{topic}”; the nearest are: {nearest}")
        raise typer.BadParameter(told.format(topic=typed, nearest=nearest))
    return topic


def parse_target(text: str, *, is_new: bool = True) -> Target:
    """Return the target that was typed, as `read_target` does.

    Raises:
        typer.BadParameter: there is no such target; the error says why, or shows examples.
    """
    try:
        return read_target(text, is_new=is_new)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None


def in_words(moment: dt.datetime | None) -> str:
    """Return the moment as people read it, in its own time zone."""
    return _("never") if moment is None else f"{spoken().moment(moment)} ({moment:%Z})"


def counted(results: Mapping[str, int]) -> str:
    """Return the numbers of deliveries by their result, as people read them; empty if there are none."""

    def told(result: str, count: int) -> str:
        sentences = {
            "pending": ngettext("{count} pending", "{count} pending", count),
            "sending": ngettext("{count} on its way", "{count} on their way", count),
            "sent": ngettext("{count} sent", "{count} sent", count),
            "sent later": ngettext("{count} sent later", "{count} sent later", count),
            "failed": ngettext("{count} failed", "{count} failed", count),
            "unknown": ngettext("{count} of unknown outcome", "{count} of unknown outcome", count),
            "not wanted any more": ngettext("{count} not wanted any more", "{count} not wanted any more", count),
        }
        return sentences[result].format(count=count)

    return ", ".join(told(result, count) for result, count in results.items() if count)


def length_of_push(takes: dt.timedelta, begin: dt.datetime) -> str:
    """Return the sentence that tells how long a push takes that begins then, at the platforms' pace."""
    from bot.delivery.retry import GIVE_UP_AFTER

    duration = spoken().duration
    sentence = _("At the platforms' pace it takes {time}, until {when}.")
    sentence = sentence.format(time=duration(takes), when=in_words(begin + takes))
    if takes <= GIVE_UP_AFTER:
        return sentence
    left_out = _(
        "What has not left after {time} is given up: a higher `rate`, if the platform grants you one, "
        "reaches everybody."
    )
    return f"{sentence} {left_out.format(time=duration(GIVE_UP_AFTER))}"


def tell(problems: Iterable[Problem]) -> None:
    """Print the problems on standard error, a line each."""
    for problem in problems:
        err().print(str(problem), soft_wrap=True)


def tell_warnings(found: Sequence[Problem]) -> None:
    """Print the warnings on standard error, a line each; of many only the first, which are on the newest episodes."""
    for warning in found[:SHOWN_WARNINGS]:
        err().print(_("warning: {text}").format(text=warning), style="yellow", soft_wrap=True)
    if left := len(found[SHOWN_WARNINGS:]):
        more = ngettext(
            "And {count} more warning, on older episodes; --json gives them all.",
            "And {count} more warnings, on older episodes; --json gives them all.",
            left,
        )
        err().print(more.format(count=left), soft_wrap=True)


def tell_failure(error: InvalidInputError | ExpectedError | OSError, arguments: Sequence[str] = ()) -> Exit:
    """Print the error that ends the command on standard error, and return the exit code.

    With `--json` among the arguments, standard output gets the mistakes too. An OSError is one of standard output.
    """
    if isinstance(error, InvalidInputError):
        problems, text = error.problems, None
        tell(problems)
    else:
        problems, text = (), reason_to_end(error, config_path(named_config(arguments, os.environ)))
        err().print(_("Error: {message}").format(message=text), soft_wrap=True)
    if "--json" in arguments and not isinstance(error, OSError):
        print_json({"problems": for_json(problems), "error": text})
    return exit_code(error)


def exit_code(error: Exception) -> Exit:
    """Return the exit code of a command that ends with the error."""
    return Exit.BAD_INPUT if isinstance(error, InvalidInputError) else Exit.FAILED


def reason_to_end(error: ExpectedError | OSError, config: Path | None) -> str:
    """Return the sentence that tells the error; one of the database names the place of its setting too."""
    if isinstance(error, OSError):
        return _("the output could not be written ({reason}): write it elsewhere").format(reason=reason_of(error))
    if isinstance(error, LedgerError) and error.cure and not is_default(config, "storage"):
        return str(storage_problem(config, None, error))
    return str(error)


def storage_problem(config: Path | None, database: Path | None, error: LedgerError) -> Problem:
    """Return the trouble with the database as a mistake where the config, or a variable, says which database it is."""
    cure = f"{error.cure[:1].upper()}{error.cure[1:]}"
    if database is not None and is_default(config, "storage"):
        # Because the default stands in no file and no variable, the database itself is named.
        return Problem(database, error.message, cure)
    (problem,) = located(config, [Fault(("storage", "url"), error.message, cure)])
    return problem


def for_json(problems: Iterable[Problem]) -> list[dict[str, Any]]:
    """Return the problems for programs."""
    return [
        {"file": str(each.path), "line": each.line, "key": each.key, "message": each.message, "cure": each.cure}
        for each in problems
    ]


def print_json(value: object) -> None:
    """Print JSON without rich, which wraps long lines; where the output is not Unicode, with JSON's escapes."""
    is_unicode = (sys.stdout.encoding or "").lower().startswith("utf")
    typer.echo(json.dumps(value, ensure_ascii=not is_unicode, indent=2))


def confirms(question: str) -> bool:
    """Ask a question, and return whether the answer is yes. typer's own question knows English answers alone."""
    choice = _("yes/no")
    typer.echo(f"{question} [{choice}] ", nl=False)
    try:
        return sys.stdin.readline().strip().casefold() in _YES
    except KeyboardInterrupt:
        return False


def read_input(path: Path, limit: int = -1) -> bytes:
    """Return the first `limit` bytes of a file, or with `-` of standard input; all of them without a limit.

    Raises:
        InvalidInputError: it cannot be read.
    """
    try:
        if path == Path("-"):
            return sys.stdin.buffer.read(limit)
        with path.open("rb") as file:
            return file.read(limit)
    except OSError as error:
        told = _("it cannot be read ({reason})").format(reason=reason_of(error))
        raise InvalidInputError([Problem(path, told, _("Name a file that is there and that you may read"))]) from error


def print_table(columns: Mapping[str, str], rows: Iterable[Mapping[str, object]]) -> None:
    """Print facts as a table; `columns` maps each heading to its key.

    Cells can be copied: a screen gets long ones folded, a pipe gets one line for each row.
    """
    from rich.table import Column, Table

    table = Table(*(Column(heading, overflow="fold") for heading in columns))
    for row in rows:
        table.add_row(*(str(row[key]) for key in columns.values()))
    if not out().is_terminal:
        table.width = out().measure(table, options=out().options.update(max_width=sys.maxsize)).maximum
    out().print(table, crop=False)


def write(path: Path | None, text: str, advice: str = "", *, replace: bool = False) -> None:
    """Write a file and print its path with the advice, or print the text without a path.

    Raises:
        ExpectedError: the file cannot be written, or exists already and is not to be replaced.
    """
    from bot.content.folder import write_new

    if path is None:
        typer.echo(text, nl=False)
        return
    try:
        if replace:
            path.write_bytes(text.encode())
        else:
            write_new(path, text)
    except FileExistsError as error:
        told = _("{path} exists already: name another file, or move that one away first")
        raise ExpectedError(told.format(path=path)) from error
    except OSError as error:
        told = _("{path} cannot be written ({reason})").format(path=path, reason=reason_of(error))
        raise ExpectedError(told) from error
    written = _("Written: {path}.").format(path=path)
    err().print(f"{written} {advice}".rstrip(), soft_wrap=True)
