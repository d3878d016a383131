"""The commands that run the bot, push by hand, and tell what became of it."""

# typer reads the annotations at run time, and `recap --help` must not wait for libraries that only a command needs:
# what is heavy is imported inside the commands.
# ruff: noqa: PLC0415

import asyncio
import enum
import os
import signal
import threading
from typing import TYPE_CHECKING, Annotated

import typer

from bot.cli import console
from bot.cli.options import ConfigOption, Exit, JsonOption, NumberArgument

if TYPE_CHECKING:
    from bot.runtime.app import App

cli = typer.Typer()

END_WITHIN = 9.8
"""Seconds from the first signal after which the program ends whatever hangs, of the ten that it has."""


class Only(enum.StrEnum):
    """A part of those who were to get a push."""

    FAILED = "failed"


@cli.command()
def run(config: ConfigOption = None) -> None:
    """Run the bot until it is stopped (Ctrl-C or SIGTERM)."""
    settings = console.read_settings(config)
    console.need_platform(settings)

    async def until_stopped(app: "App") -> None:
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()

        def end(number: int) -> None:
            if stop.is_set():
                # Who asks twice does not want to wait. The ledger bears a sudden end.
                os._exit(128 + number)
            stop.set()
            # A database that another program has locked keeps even the event loop waiting: only a thread gets by.
            guard = threading.Timer(END_WITHIN, os._exit, [128 + number])
            guard.daemon = True
            guard.start()

        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, end, number)
        console.tell(app.archive.problems)
        await app.run(stop)

    console.with_app(settings, until_stopped, file=console.config_path(config))


@cli.command()
def send(
    number: NumberArgument = None,
    to: Annotated[str | None, typer.Option(metavar="PLATFORM:CHAT[:THREAD]", help="Only to this target.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be sent, and send nothing.")] = False,
    again: Annotated[bool, typer.Option("--again", help="Send even though it was sent before.")] = False,
    only: Annotated[Only | None, typer.Option(help="Send again, only to those whom the last push failed.")] = None,
    config: ConfigOption = None,
) -> None:
    """Push an episode now, to everybody or to one target."""
    from bot.cli import pushing

    if only is not None and (to or again or dry_run):
        raise typer.BadParameter("--only failed stands alone: it says to whom, and that it is again")

    settings = console.read_settings(config)
    console.need_platform(settings)
    target = console.parse_target(to) if to else None
    episode = console.find_episode(console.load_archive(settings), number, published=number is None)

    async def push(app: "App") -> bool:
        if only is Only.FAILED:
            return await pushing.push_to_failed(app, episode, console.out)
        if dry_run:
            return await pushing.rehearse(app, episode, target, again=again, console=console.out)
        return await pushing.push(app, episode, target, again=again, console=console.out)

    use = console.look if dry_run else console.with_app
    if not use(settings, push):
        raise typer.Exit(Exit.FAILED)


@cli.command()
def status(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Tell whether the bot runs, what was pushed, and what is next."""
    from bot.cli import operations

    settings = console.read_settings(config)
    facts = console.look(settings, operations.facts)
    if as_json:
        console.print_json(facts)
    else:
        operations.print_facts(facts, settings.show.timezone, console.out)


@cli.command()
def healthy(config: ConfigOption = None) -> None:
    """Tell a health check by the exit code whether the bot runs."""
    from bot.storage.lock import DeliveryLock

    if not DeliveryLock(console.read_settings(config).storage.path).is_held():
        raise typer.Exit(Exit.FAILED)
