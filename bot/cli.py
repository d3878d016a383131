"""The admin's commands. Each reads the config, asks the app, and prints; exit codes are in `Exit`."""

# typer reads the annotations at run time, and `recap --help` must not wait for libraries that only a command needs:
# what is heavy is imported inside the commands.
# ruff: noqa: PLC0415

import asyncio
import datetime as dt
import enum
import json
import os
import signal
import sys
from collections.abc import Callable, Coroutine, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn, TypeVar

import typer
from rich.console import Console
from rich.table import Table

from bot.document import Layout
from bot.problems import ExpectedError, InvalidInputError, Problem

if TYPE_CHECKING:
    from bot.app import App
    from bot.archive import Archive
    from bot.config import Config
    from bot.episode import Episode
    from bot.platforms.base import Rendering
    from bot.subscription import PlatformName, Target

Result = TypeVar("Result")

DEFAULT_CONFIG = Path("config.toml")


class Exit(enum.IntEnum):
    """What the shell is told."""

    DONE = 0
    FAILED = 1
    BAD_INPUT = 2


class PreviewPlatform(enum.StrEnum):
    """Which platforms to preview."""

    TELEGRAM = "telegram"
    DISCORD = "discord"
    ALL = "all"


cli = typer.Typer(
    name="recap",
    help="Deliver a podcast's Monday recap to Telegram and Discord.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
subscriptions_cli = typer.Typer(help="The subscriptions.", no_args_is_help=True)
cli.add_typer(subscriptions_cli, name="subscriptions")

ConfigOption = Annotated[
    Path | None,
    typer.Option("--config", "-c", envvar="RECAP_CONFIG", help="The config file; config.toml where there is one."),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON for programs instead of text for people.")]
EpisodeArgument = Annotated[
    int | None, typer.Argument(metavar="[N]", help="The episode's number; the newest if left out.")
]
TargetArgument = Annotated[str, typer.Argument(metavar="PLATFORM:CHAT[:THREAD]")]

out = Console()
err = Console(stderr=True)


def main() -> NoReturn:
    """Run the command line; what a user can cause ends in a sentence, not in a traceback."""
    try:
        cli()
    except InvalidInputError as error:
        _tell(error.problems)
        sys.exit(Exit.BAD_INPUT)
    except ExpectedError as error:
        err.print(f"Error: {error}", markup=False, highlight=False)
        sys.exit(Exit.FAILED)
    sys.exit(Exit.DONE)


@cli.command()
def run(config: ConfigOption = None) -> None:
    """Run the bot until it is stopped (Ctrl-C or SIGTERM)."""
    settings = _settings(config)
    _need_platform(settings)

    async def until_stopped(app: "App") -> None:
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, stop.set)
        for problem in app.archive.problems:
            err.print(f"[yellow]Warning:[/] {problem}", highlight=False)
        await app.run(stop)

    _with_app(settings, until_stopped)


@cli.command()
def check(
    config: ConfigOption = None,
    online: Annotated[bool, typer.Option("--online", help="Also try the tokens and look up every channel.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Check the config and the content, and list the next pushes."""
    from bot import operations
    from bot.app import utc_now
    from bot.schedule import Timetable

    settings = _settings(config)
    archive = _archive(settings)
    timetable = Timetable(settings.schedules, utc_now)
    runs = {schedule.name: timetable.next_run(schedule.name) for schedule in settings.schedules}
    refused = _with_app(settings, operations.refusals) if online else []
    if as_json:
        _print_json(
            {
                "episodes": len(archive.episodes),
                "problems": [
                    {"file": str(p.path), "line": p.line, "key": p.key, "message": p.message, "cure": p.cure}
                    for p in archive.problems
                ],
                "online": refused,
                "next_runs": {name: run and run.isoformat() for name, run in runs.items()},
            }
        )
    else:
        _tell(archive.problems)
        for refusal in refused:
            err.print(refusal, highlight=False, markup=False)
        out.print(f"{len(archive.episodes)} episodes are in order.")
        for name, moment in runs.items():
            out.print(f"Next push on schedule {name}: {_local(moment)}", highlight=False)
    if archive.problems:
        raise typer.Exit(Exit.BAD_INPUT)
    if refused:
        raise typer.Exit(Exit.FAILED)


@cli.command("list")
def list_episodes(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """List the episodes of the archive, the newest first."""
    archive = _archive(_settings(config))
    _tell(archive.problems)
    if as_json:
        _print_json([_as_json(episode) for episode in archive.episodes])
    else:
        table = Table("N", "Date", "Title", "Subjects", "Status")
        for episode in archive.episodes:
            subjects = ", ".join(segment.slug for segment in episode.segments)
            table.add_row(str(episode.number), episode.date.isoformat(), episode.title, subjects, episode.status)
        out.print(table)
    if archive.problems and not archive.episodes:
        raise typer.Exit(Exit.BAD_INPUT)


@cli.command()
def preview(
    number: EpisodeArgument = None,
    platform: Annotated[PreviewPlatform, typer.Option(help="Whose messages to show.")] = PreviewPlatform.ALL,
    topic: Annotated[list[str] | None, typer.Option(help="As a subscriber of this topic sees it; repeatable.")] = None,
    layout: Annotated[Layout, typer.Option(help="One digest, or a message per segment.")] = Layout.DIGEST,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show exactly what would be sent."""
    from bot import preview as screen

    settings = _settings(config)
    archive = _archive(settings)
    episode = _episode(archive, number)
    topics = [_topic(archive, name) for name in topic or ()]
    renderings = _renderings(settings, episode, topics, layout, platform)
    if not renderings:
        raise typer.BadParameter(f"episode {episode.number} has no subject on {', '.join(topics)}")
    if as_json:
        _print_json({name: [message.body for message in each.messages] for name, each in renderings.items()})
        return
    for name, rendering in renderings.items():
        for panel in screen.panels(name, rendering):
            out.print(panel)


@cli.command()
def send(
    number: EpisodeArgument = None,
    to: Annotated[str | None, typer.Option(metavar="PLATFORM:CHAT[:THREAD]", help="Only to this target.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be sent, and send nothing.")] = False,
    again: Annotated[bool, typer.Option("--again", help="Send even though it was sent before.")] = False,
    config: ConfigOption = None,
) -> None:
    """Push an episode now, to every subscription or to one target."""
    from bot import operations

    settings = _settings(config)
    _need_platform(settings)
    target = _target(to) if to else None
    archive = _archive(settings)
    episode = _episode(archive, number, published=number is None)

    async def push(app: "App") -> bool:
        if dry_run:
            return await operations.rehearse(app, episode, target, out)
        return await operations.push(app, episode, target, again=again, console=out)

    if not _with_app(settings, push):
        raise typer.Exit(Exit.FAILED)


@cli.command()
def status(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Show the last broadcasts, what failed and why, and the next pushes."""
    from bot import operations

    async def report(app: "App") -> None:
        facts = await operations.facts(app)
        if as_json:
            _print_json(facts)
        else:
            operations.print_facts(facts, out)

    _with_app(_settings(config), report)


@cli.command(hidden=True)
def healthy(config: ConfigOption = None) -> None:
    """Tell a container's health check whether the bot is running."""
    from bot.delivery.lock import DeliveryLock

    lock = DeliveryLock(_settings(config).storage.url)
    if lock.acquire():
        lock.release()
        raise typer.Exit(Exit.FAILED)


@subscriptions_cli.command("list")
def list_subscriptions(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """List every subscription."""

    async def show(app: "App") -> None:
        rows = [
            {
                "target": str(subscription.target),
                "schedule": subscription.schedule,
                "topics": list(subscription.choices.topics),
                "layout": str(subscription.choices.layout),
                "silent": subscription.choices.silent,
                "publish": subscription.choices.publish,
                "origin": str(subscription.origin),
                "state": str(subscription.state),
                "reason": subscription.reason,
            }
            for subscription in await app.ledger.subscriptions.all()
        ]
        if as_json:
            _print_json(rows)
            return
        table = Table("Target", "Schedule", "Topics", "Layout", "Origin", "State", "Why")
        for row in rows:
            topics = " ".join(row["topics"]) or "all"
            table.add_row(
                row["target"], row["schedule"], topics, row["layout"], row["origin"], row["state"], row["reason"]
            )
        out.print(table)

    _with_app(_settings(config), show)


@subscriptions_cli.command("add")
def add_subscription(
    target: TargetArgument,
    topic: Annotated[list[str] | None, typer.Option(help="Only this topic; repeatable.")] = None,
    layout: Annotated[Layout, typer.Option(help="One digest, or a message per segment.")] = Layout.DIGEST,
    schedule: Annotated[str | None, typer.Option(help="The schedule's name; the first if left out.")] = None,
    silent: Annotated[bool, typer.Option("--silent", help="Without a sound.")] = False,
    publish: Annotated[bool, typer.Option("--publish", help="Discord: pass on to the channels that follow.")] = False,
    config: ConfigOption = None,
) -> None:
    """Subscribe a target, or change how it is subscribed."""
    from bot.subscription import Choices, Subscription

    settings = _settings(config)
    names = [known.name for known in settings.schedules]
    if schedule is not None and schedule not in names:
        raise typer.BadParameter(f"there is no schedule {schedule}: choose one of {', '.join(names)}")
    archive = _archive(settings)
    topics = tuple(sorted(_topic(archive, name) for name in topic or ()))
    choices = Choices(topics=topics, layout=layout, silent=silent, publish=publish)
    subscription = Subscription(_target(target), schedule or names[0], choices)

    async def save(app: "App") -> None:
        await app.ledger.subscriptions.save(subscription)
        out.print(f"Subscribed: {subscription.target} on schedule {subscription.schedule}.", highlight=False)

    _with_app(settings, save)


@subscriptions_cli.command("remove")
def remove_subscription(target: TargetArgument, config: ConfigOption = None) -> None:
    """End the subscription of a target."""
    wanted = _target(target)

    async def end(app: "App") -> bool:
        return await app.ledger.subscriptions.end(wanted, "removed by the admin")

    if not _with_app(_settings(config), end):
        err.print(f"{wanted} is not subscribed.", highlight=False)
        raise typer.Exit(Exit.FAILED)
    out.print(f"Removed: {wanted}.", highlight=False)


def _settings(path: Path | None) -> "Config":
    from bot.config import load
    from bot.logs import set_up

    settings = load(path or (DEFAULT_CONFIG if DEFAULT_CONFIG.exists() else None))
    tokens = [section.token for section in (settings.telegram, settings.discord) if section is not None]
    set_up(os.environ.get("RECAP_LOG", "INFO").upper(), tokens)
    return settings


def _archive(settings: "Config") -> "Archive":
    from bot.archive import Archive

    return Archive.load(settings.content.folder, settings.topics)


def _with_app(settings: "Config", use: Callable[["App"], Coroutine[Any, Any, Result]]) -> Result:
    from bot.app import opened

    async def in_app() -> Result:
        async with opened(settings) as app:
            return await use(app)

    return asyncio.run(in_app())


def _renderings(
    settings: "Config", episode: "Episode", topics: list[str], layout: Layout, wanted: PreviewPlatform
) -> "dict[PlatformName, Rendering]":
    from bot.formatter import Formatter
    from bot.i18n import Language, words
    from bot.platforms.discord.render import render as for_discord
    from bot.platforms.telegram.render import render as for_telegram
    from bot.subscription import PlatformName

    formatter = Formatter(settings.show.name, words(Language(settings.show.language)))
    document = formatter.episode(episode, topics=topics, layout=layout)
    if document is None:
        return {}
    renderers = {PlatformName.TELEGRAM: for_telegram, PlatformName.DISCORD: for_discord}
    return {name: render(document) for name, render in renderers.items() if wanted in {PreviewPlatform.ALL, name.value}}


def _episode(archive: "Archive", number: int | None, *, published: bool = False) -> "Episode":
    """The episode asked for; without a number the newest, which for sending must be out and no draft."""
    from bot.app import utc_now

    if number is None:
        newest = archive.latest(utc_now().date()) if published else next(iter(archive.episodes), None)
        if newest is None:
            _tell(archive.problems)
            raise typer.BadParameter("there is no episode in the content folder")
        return newest
    episode = archive.get(number)
    if episode is None:
        _tell(archive.problems)
        known = ", ".join(str(known.number) for known in archive.episodes[:5])
        raise typer.BadParameter(f"there is no episode {number}; the newest are {known or 'none'}")
    return episode


def _topic(archive: "Archive", typed: str) -> str:
    name = archive.resolve_topic(typed)
    if name is None:
        nearest = ", ".join(archive.nearest_topics(typed)) or "none"
        raise typer.BadParameter(f"no episode has the topic '{typed}'; the nearest: {nearest}")
    return name


def _target(text: str) -> "Target":
    from bot.subscription import Target

    try:
        return Target.parse(text)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None


def _need_platform(settings: "Config") -> None:
    if settings.telegram is None and settings.discord is None:
        raise InvalidInputError(
            [
                Problem(
                    DEFAULT_CONFIG,
                    "no platform is switched on",
                    "Write a [telegram] or a [discord] section with its token (config.example.toml shows how), "
                    "or set RECAP_TELEGRAM__TOKEN or RECAP_DISCORD__TOKEN",
                )
            ]
        )


def _as_json(episode: "Episode") -> dict[str, Any]:
    return {
        "number": episode.number,
        "title": episode.title,
        "date": episode.date.isoformat(),
        "status": str(episode.status),
        "segments": [
            {
                "slug": segment.slug,
                "title": segment.title,
                "topics": list(segment.topics),
                "sources": [{"title": source.title, "url": source.url} for source in segment.sources],
            }
            for segment in episode.segments
        ],
    }


def _local(moment: dt.datetime | None) -> str:
    return "never" if moment is None else f"{moment:%A %d %B %Y, %H:%M} ({moment.tzinfo})"


def _tell(problems: Iterable[Problem]) -> None:
    for problem in problems:
        err.print(str(problem), markup=False, highlight=False, soft_wrap=True)


def _print_json(value: object) -> None:
    # Not through rich, which would wrap long lines.
    typer.echo(json.dumps(value, ensure_ascii=False, indent=2))
