"""The commands that run the bot, push by hand, and tell what became of it."""

# typer reads the annotations at run time, and `recap --help` must not wait for libraries that only a command needs:
# what is heavy is imported inside the commands.
# ruff: noqa: PLC0415

import asyncio
import signal
from typing import TYPE_CHECKING, Annotated

import typer

from bot.cli import console
from bot.cli.console import out
from bot.cli.options import ConfigOption, Exit, JsonOption, NumberArgument

if TYPE_CHECKING:
    from bot.app import App

cli = typer.Typer()


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
def send(
    number: NumberArgument = None,
    to: Annotated[str | None, typer.Option(metavar="PLATFORM:CHAT[:THREAD]", help="Only to this target.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be sent, and send nothing.")] = False,
    again: Annotated[bool, typer.Option("--again", help="Send even though it was sent before.")] = False,
    config: ConfigOption = None,
) -> None:
    """Push an episode now, to every subscription or to one target."""
    from bot.cli import operations

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
    from bot.cli import operations

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
