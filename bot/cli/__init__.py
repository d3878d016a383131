"""The admin's commands. Each reads its input, asks the app, and prints; exit codes are in `console.Exit`.

A command's file is loaded when the command is called: `recap --help` loads none of them. Each file imports the needs of
all its calls at its head. A library that not every call needs (the app, aiohttp, rich's tables) is imported by the
function that uses it.
"""

import codecs
import gc
import importlib
import io
import os
import sys
import unicodedata
from typing import Annotated, Any

import typer
import typer.main

from bot.cli.wording import AdminCommand, AdminGroup, speaking_to_reader
from bot.model.i18n import gettext_noop
from bot.model.problems import ExpectedError, InvalidInputError
from bot.runtime import YOUNG

COMMANDS = {
    "run": ("run", gettext_noop("Run the bot until it is stopped (Ctrl-C or SIGTERM).")),
    "send": ("send", gettext_noop("Push an episode now, to everybody or to one target.")),
    "rehearse": (
        "rehearse",
        gettext_noop("Show the next push to the team now, and try whether the platforms take every kind of message."),
    ),
    "approve": ("rehearse", gettext_noop("Let the next push go out as its text is now.")),
    "withhold": ("rehearse", gettext_noop("Keep the next push back until somebody lets it out.")),
    "release": ("rehearse", gettext_noop("Take a withholding back.")),
    "correct": (
        "correct",
        gettext_noop("Bring every message of an episode that was sent in line with its file, without a sound."),
    ),
    "recall": (
        "correct",
        gettext_noop("Delete every message of an episode that was sent; `recap send N --again` sends it again."),
    ),
    "status": ("status", gettext_noop("Tell whether the bot runs, what was pushed, and what is next.")),
    "healthy": (
        "status",
        gettext_noop("Tell a health check by the exit code whether the bot works, and what is wrong if it does not."),
    ),
    "stats": (
        "stats",
        gettext_noop(
            "Show the figures of the last year: subscriptions, pushes, topics and commands, and nothing about a person."
        ),
    ),
    "check": ("check", gettext_noop("Check the config and the content, and list the next pushes.")),
    "import": ("episodes", gettext_noop("Make a draft episode file of raw show notes.")),
    "new": ("episodes", gettext_noop("Begin the file of the next episode.")),
    "schema": ("episodes", gettext_noop("Print the JSON Schema of the front matter, for editors.")),
    "list": ("episodes", gettext_noop("List the episodes of the archive, the newest first.")),
    "preview": ("preview", gettext_noop("Show exactly what would be sent.")),
    "demo": ("demo", gettext_noop("Try the whole bot in the browser, without a token.")),
    "backup": ("backup", gettext_noop("Copy the database into a file, while the bot runs or not.")),
    "restore": (
        "backup",
        gettext_noop("Put a backup into the place of the database, and keep the one that was there."),
    ),
    "storage": ("storage", gettext_noop("Move the database to another place, such as a PostgreSQL server.")),
    "subscriptions": ("subscriptions", gettext_noop("List, add, remove, export and import subscriptions.")),
}
"""The file of each command, and its help, which `recap --help` and the command itself read here."""


class _Unloaded(AdminCommand):
    """A command of `COMMANDS` that `recap --help` can list. When it is called, the command in the file replaces it."""

    def make_context(self, info_name: str | None, args: list[str], parent: Any = None, **extra: Any) -> Any:  # noqa: ANN401 - typer's own types are private
        """Return the context of the command in the file."""
        name = str(self.name)
        file, text = COMMANDS[name]
        commands = typer.Typer(rich_markup_mode=None)
        commands.add_typer(importlib.import_module(f"bot.cli.{file}").cli)
        command = typer.main.get_group(commands).commands[name]
        command.help = text
        return command.make_context(info_name, args, parent, **extra)


cli = typer.Typer(
    name="recap",
    cls=AdminGroup,
    help=gettext_noop("Deliver a podcast's recap to Telegram and Discord."),
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for _name, (_, _help) in COMMANDS.items():
    cli.command(_name, cls=_Unloaded, help=_help)(lambda: None)


def _show_version(is_wanted: bool) -> None:
    if is_wanted:
        from importlib.metadata import version

        typer.echo(f"recap {version('monday-recap')}")
        raise typer.Exit


@cli.callback()
def options(
    version: Annotated[
        bool,
        typer.Option("--version", "-V", is_eager=True, callback=_show_version, help=gettext_noop("Show the version.")),
    ] = False,
) -> None:
    """Take the options of the program itself."""
    del version


_PLAINER = str.maketrans(dict(zip("’“”«»–—─·•", '\'""""-----', strict=True)) | {"œ": "oe", "Œ": "OE"})
"""Plain marks and letters for those that are not made of a letter and an accent."""


def _plain(error: UnicodeError) -> tuple[str, int]:
    """Return letters without accents and plain marks for characters that an encoding lacks; `?` for all others."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    lacked = error.object[error.start : error.end].translate(_PLAINER)
    letters = (each for each in unicodedata.normalize("NFKD", lacked) if not unicodedata.combining(each))
    return "".join(letters).encode("ascii", "replace").decode(), error.end


def main() -> None:
    """Run the command line. An error that a user can cause ends in a sentence, not in a traceback."""
    # Else a seventh of the start is spent on looks for garbage.
    gc.set_threshold(YOUNG)
    codecs.register_error("plain", _plain)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # Because a terminal may lack a character, it gets a plainer one; else printing would raise.
            stream.reconfigure(errors="plain")
    with speaking_to_reader():
        try:
            cli(prog_name="recap")
        except (InvalidInputError, ExpectedError, OSError) as error:
            if isinstance(error, OSError) and _takes_output():
                raise
            from bot.cli import console

            sys.exit(console.tell_failure(error, sys.argv[1:]))


def _takes_output() -> bool:
    """Return whether standard output can be written, and drop the rest of the output if not.

    Because the error of a write does not name its file, a line is written to find out.
    """
    try:
        print(flush=True)  # noqa: T201 - rich and typer would do more than try
    except OSError:
        # Else Python writes once more at its end, fails, and prints a message of its own.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return False
    return True
