"""The admin's commands. Each reads its input, asks the app, and prints; exit codes are in `Exit`."""

import io
import os
import sys
from typing import NoReturn

import typer

from bot.cli import authoring, console, delivering, showing, subscribing
from bot.cli.options import Exit
from bot.model.problems import ExpectedError, InvalidInputError

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
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # Not every terminal knows every sign.
            stream.reconfigure(errors="replace")
    try:
        cli()
    except InvalidInputError as error:
        console.tell(error.problems)
        sys.exit(Exit.BAD_INPUT)
    except ExpectedError as error:
        console.err.print(f"Error: {error}", soft_wrap=True)
        sys.exit(Exit.FAILED)
    except OSError as error:
        if _takes_output():
            raise
        text = f"Error: the output could not be written ({error.strerror}): write it elsewhere"
        console.err.print(text, soft_wrap=True)
        sys.exit(Exit.FAILED)
    sys.exit(Exit.DONE)


def _takes_output() -> bool:
    """Whether standard output can be written; if not, what is left to write there is dropped.

    Tried with a line, because the error of a write does not say what was written to.
    """
    try:
        print(flush=True)  # noqa: T201 - rich and typer would do more than try
    except OSError:
        # Else Python tries once more at its end, and tells of it in its own way.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return False
    return True
