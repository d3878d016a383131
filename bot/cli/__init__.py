"""The admin's commands. Each reads its input, asks the app, and prints; exit codes are in `Exit`."""

import sys
from typing import NoReturn

import typer

from bot.cli import authoring, console, delivering, showing, subscribing
from bot.cli.options import Exit
from bot.problems import ExpectedError, InvalidInputError

cli = typer.Typer(
    name="recap",
    help="Deliver a podcast's Monday recap to Telegram and Discord.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
cli.add_typer(delivering.cli)
cli.add_typer(authoring.cli)
cli.add_typer(showing.cli)
cli.add_typer(subscribing.cli, name="subscriptions")


def main() -> NoReturn:
    """Run the command line; what a user can cause ends in a sentence, not in a traceback."""
    try:
        cli()
    except InvalidInputError as error:
        console.tell(error.problems)
        sys.exit(Exit.BAD_INPUT)
    except ExpectedError as error:
        console.err.print(f"Error: {error}", soft_wrap=True)
        sys.exit(Exit.FAILED)
    sys.exit(Exit.DONE)
