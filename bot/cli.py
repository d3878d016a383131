"""The admin's commands. Each reads its input, asks the app, and prints; exit codes are in `Exit`."""

# typer reads the annotations at run time, and `recap --help` must not wait for libraries that only a command needs:
# what is heavy is imported inside the commands.
# ruff: noqa: PLC0415

import asyncio
import enum
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer
from rich.table import Table

from bot import console
from bot.console import err, out
from bot.document import Layout
from bot.problems import ExpectedError, InvalidInputError

if TYPE_CHECKING:
    from bot.app import App


class Exit(enum.IntEnum):
    """What the shell is told."""

    DONE = 0
    FAILED = 1
    BAD_INPUT = 2


class Show(enum.StrEnum):
    """Whose messages a preview shows."""

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
LayoutOption = Annotated[Layout, typer.Option(help="One digest, or a message per segment.")]
NumberArgument = Annotated[int | None, typer.Argument(metavar="[N]", help="The episode; the newest if left out.")]
TargetArgument = Annotated[str, typer.Argument(metavar="PLATFORM:CHAT[:THREAD]")]


def main() -> NoReturn:
    """Run the command line; what a user can cause ends in a sentence, not in a traceback."""
    try:
        cli()
    except InvalidInputError as error:
        console.tell(error.problems)
        sys.exit(Exit.BAD_INPUT)
    except ExpectedError as error:
        err.print(f"Error: {error}", soft_wrap=True)
        sys.exit(Exit.FAILED)
    sys.exit(Exit.DONE)


@cli.command()
def run(config: ConfigOption = None) -> None:
    """Run the bot until it is stopped (Ctrl-C or SIGTERM)."""
    settings = console.read_settings(config)
    console.need_platform(settings)

    async def until_stopped(app: "App") -> None:
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, stop.set)
        console.tell(app.archive.problems)
        await app.run(stop)

    console.with_app(settings, until_stopped)


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

    settings = console.read_settings(config)
    archive = console.load_archive(settings)
    timetable = Timetable(settings.schedules, utc_now)
    runs = {schedule.name: timetable.next_run(schedule.name) for schedule in settings.schedules}
    refusals = console.with_app(settings, operations.refusals) if online else []
    if as_json:
        problems = [
            {"file": str(each.path), "line": each.line, "key": each.key, "message": each.message, "cure": each.cure}
            for each in archive.problems
        ]
        console.print_json(
            {
                "episodes": len(archive.episodes),
                "problems": problems,
                "refusals": refusals,
                "next_runs": {name: run and run.isoformat() for name, run in runs.items()},
            }
        )
    else:
        console.tell(archive.problems)
        for refusal in refusals:
            err.print(refusal, soft_wrap=True)
        out.print(f"Episodes in order: {len(archive.episodes)}")
        for name, run in runs.items():
            out.print(f"Next push on schedule {name}: {console.in_words(run)}")
    if archive.problems:
        raise typer.Exit(Exit.BAD_INPUT)
    if refusals:
        raise typer.Exit(Exit.FAILED)


@cli.command("list")
def list_episodes(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """List the episodes of the archive, the newest first."""
    archive = console.load_archive(console.read_settings(config))
    console.tell(archive.problems)
    if as_json:
        keys = {"number", "title", "date", "status", "segments"}
        parts = {"slug", "title", "topics", "sources"}
        include = dict.fromkeys(keys, True) | {"segments": {"__all__": parts}}
        console.print_json([episode.model_dump(mode="json", include=include) for episode in archive.episodes])
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
    number: NumberArgument = None,
    platform: Annotated[Show, typer.Option(help="Whose messages to show.")] = Show.ALL,
    topic: Annotated[list[str] | None, typer.Option(help="As a subscriber of this topic sees it; repeatable.")] = None,
    layout: LayoutOption = Layout.DIGEST,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show exactly what would be sent."""
    from bot import preview as screen
    from bot.subscription import PlatformName

    settings = console.read_settings(config)
    archive = console.load_archive(settings)
    episode = console.find_episode(archive, number)
    topics = [console.find_topic(archive, name) for name in topic or ()]
    platforms = [name for name in PlatformName if platform in {Show.ALL, name.value}]
    renderings = screen.renderings(settings.show, episode, topics, layout, platforms)
    if not renderings:
        raise typer.BadParameter(f"episode {episode.number} has no subject on {', '.join(topics)}")
    if as_json:
        console.print_json({name: [message.body for message in each.messages] for name, each in renderings.items()})
        return
    for name, rendering in renderings.items():
        for panel in screen.panels(name, rendering):
            out.print(panel)


@cli.command()
def send(
    number: NumberArgument = None,
    to: Annotated[str | None, typer.Option(metavar="PLATFORM:CHAT[:THREAD]", help="Only to this target.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be sent, and send nothing.")] = False,
    again: Annotated[bool, typer.Option("--again", help="Send even though it was sent before.")] = False,
    config: ConfigOption = None,
) -> None:
    """Push an episode now, to every subscription or to one target."""
    from bot import operations

    settings = console.read_settings(config)
    console.need_platform(settings)
    target = console.parse_target(to) if to else None
    episode = console.find_episode(console.load_archive(settings), number, published=number is None)

    async def push(app: "App") -> bool:
        if dry_run:
            return await operations.rehearse(app, episode, target, out)
        return await operations.push(app, episode, target, again=again, console=out)

    if not console.with_app(settings, push):
        raise typer.Exit(Exit.FAILED)


@cli.command()
def status(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Show the last broadcasts, what failed and why, and the next pushes."""
    from bot import operations

    settings = console.read_settings(config)
    facts = console.with_app(settings, operations.facts)
    if as_json:
        console.print_json(facts)
    else:
        operations.print_facts(facts, settings.show.timezone, out)


@cli.command(hidden=True)
def healthy(config: ConfigOption = None) -> None:
    """Tell a container's health check whether the bot is running."""
    from bot.delivery.lock import DeliveryLock

    lock = DeliveryLock(console.read_settings(config).storage.path)
    if lock.acquire():
        lock.release()
        raise typer.Exit(Exit.FAILED)


@subscriptions_cli.command("list")
def list_subscriptions(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """List every subscription."""
    from bot import operations

    rows = console.with_app(console.read_settings(config), operations.subscriptions)
    if as_json:
        console.print_json(rows)
        return
    table = Table("Target", "Schedule", "Topics", "Layout", "Origin", "State", "Why")
    for row in rows:
        topics = " ".join(row["topics"]) or "all"
        table.add_row(row["target"], row["schedule"], topics, row["layout"], row["origin"], row["state"], row["reason"])
    out.print(table)


@subscriptions_cli.command("add")
def add_subscription(
    target: TargetArgument,
    topic: Annotated[list[str] | None, typer.Option(help="Only this topic; repeatable.")] = None,
    layout: LayoutOption = Layout.DIGEST,
    schedule: Annotated[str | None, typer.Option(help="The schedule's name; the first if left out.")] = None,
    silent: Annotated[bool, typer.Option("--silent", help="Without a sound.")] = False,
    publish: Annotated[bool, typer.Option("--publish", help="Discord: pass on to the channels that follow.")] = False,
    config: ConfigOption = None,
) -> None:
    """Subscribe a target, or change how it is subscribed."""
    from bot.subscription import Choices, Subscription

    settings = console.read_settings(config)
    names = [known.name for known in settings.schedules]
    if schedule is not None and schedule not in names:
        raise typer.BadParameter(f"there is no schedule {schedule}: choose one of {', '.join(names)}")
    archive = console.load_archive(settings)
    topics = tuple(sorted(console.find_topic(archive, name) for name in topic or ()))
    choices = Choices(topics=topics, layout=layout, silent=silent, publish=publish)
    subscription = Subscription(console.parse_target(target), schedule or names[0], choices)

    async def save(app: "App") -> None:
        await app.ledger.subscriptions.save(subscription)

    console.with_app(settings, save)
    out.print(f"Subscribed: {subscription.target} on schedule {subscription.schedule}.")


@subscriptions_cli.command("remove")
def remove_subscription(target: TargetArgument, config: ConfigOption = None) -> None:
    """End the subscription of a target."""
    wanted = console.parse_target(target)

    async def end(app: "App") -> bool:
        return await app.ledger.subscriptions.end(wanted, "removed by the admin")

    if not console.with_app(console.read_settings(config), end):
        err.print(f"{wanted} is not subscribed.")
        raise typer.Exit(Exit.FAILED)
    out.print(f"Removed: {wanted}.")
