"""`recap run`: deliver and answer commands until a signal stops the bot."""

import asyncio
import logging
import os
import signal
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from bot.cli import console
from bot.cli.console import ConfigOption
from bot.cli.wording import AdminCommand
from bot.config.exposure import exposed_metrics, exposed_secrets
from bot.model.i18n import speaking
from bot.model.problems import ExpectedError, InvalidInputError

if TYPE_CHECKING:
    from bot.runtime.app import App

log = logging.getLogger(__name__)

cli = typer.Typer()

END_WITHIN = 9.8
"""Seconds from the first signal after which the process ends in any case: Docker kills it after ten."""


@cli.command(cls=AdminCommand)
def run(config: ConfigOption = None) -> None:
    """Run the bot until it is stopped (Ctrl-C or SIGTERM)."""
    try:
        _run(config)
    except (InvalidInputError, ExpectedError) as error:
        if os.environ.get(console.LOG_FORMAT, "").lower() != "json":
            raise
        # A program that reads an object in each line reads the reasons of the end too.
        if isinstance(error, InvalidInputError):
            reasons = [*map(str, error.problems)]
        else:
            reasons = [console.reason_to_end(error, console.config_path(config))]
        for reason in reasons:
            log.error("%s", reason)  # noqa: TRY400 - said in full
        raise typer.Exit(console.exit_code(error)) from error


def _run(config: Path | None) -> None:
    settings = console.read_settings(config, level="INFO", tokens="needed")
    console.need_platform(settings)
    path = console.config_path(config)
    # Because the admins and the log hear of the same mistakes, a bot that runs speaks the show's language.
    with speaking(lambda: settings.show.language):
        for warning in [*exposed_secrets(path, settings), *exposed_metrics(path, settings)]:
            log.warning("%s", warning)
        console.with_app(settings, _until_stopped, file=path)


async def _until_stopped(app: "App") -> None:
    stop = asyncio.Event()

    def end(number: int) -> None:
        if stop.is_set():
            # Because the ledger knows the messages in flight, a second signal may end the process at once.
            os._exit(128 + number)
        stop.set()
        # Because a locked database can block even the event loop, a thread ends the process; else it would hang.
        guard = threading.Timer(END_WITHIN, os._exit, [128 + number])
        guard.daemon = True
        guard.start()

    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, end, number)
    for problem in app.archive.problems:
        log.warning("%s", problem)
    await app.run(stop)
