"""`recap backup` and `recap restore`: the database to a file, and back."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from bot.cli import console
from bot.cli.console import ConfigOption, out
from bot.cli.wording import AdminCommand
from bot.config import Config
from bot.delivery.report import describe
from bot.model.facts import Restored
from bot.model.i18n import gettext as _
from bot.model.i18n import gettext_noop, ngettext, spoken, words
from bot.model.problems import ExpectedError
from bot.storage import backup as backups
from bot.storage.records import Gap

cli = typer.Typer()


@cli.command(cls=AdminCommand)
def backup(
    file: Annotated[
        Path,
        typer.Argument(metavar=gettext_noop("FILE"), help=gettext_noop("The file to write, which is not there yet.")),
    ],
    config: ConfigOption = None,
) -> None:
    """Copy the database into a file, while the bot runs or not."""
    saved = backups.save(_file_of(console.read_settings(config)), file)
    told = ngettext(
        "Saved: {path}, with {count} subscription.", "Saved: {path}, with {count} subscriptions.", saved.subscriptions
    )
    out().print(told.format(path=file, count=saved.subscriptions), soft_wrap=True)


@cli.command(cls=AdminCommand)
def restore(
    file: Annotated[
        Path, typer.Argument(metavar=gettext_noop("FILE"), help=gettext_noop("A file that `recap backup` has written."))
    ],
    config: ConfigOption = None,
) -> None:
    """Put a backup into the place of the database, and keep the one that was there."""
    settings = console.read_settings(config)
    database, zone, now = _file_of(settings), settings.show.timezone, console.now()
    found = backups.read(file)
    gap = None if backups.is_rescued(file, database) else Gap(found.until, now)
    fact = Restored(found.until.astimezone(zone), now.astimezone(zone), found.unfinished)
    notice = describe(fact, words(settings.show.language))
    restored = asyncio.run(backups.restore(file, database, gap, fact.key_on(now.date()), notice))
    told = ngettext(
        "Restored: {path}, with {count} subscription.",
        "Restored: {path}, with {count} subscriptions.",
        found.subscriptions,
    )
    out().print(told.format(path=database, count=found.subscriptions), soft_wrap=True)
    if gap is not None:
        out().print(describe(fact, spoken()).text, soft_wrap=True)
    for kept in restored:
        out().print(_("What was there is kept in {path}.").format(path=kept), soft_wrap=True)


def _file_of(settings: Config) -> Path:
    """Return the file of the database.

    Raises:
        ExpectedError: the database is on a server; the text says how it is saved there.
    """
    if settings.storage.path is None:
        raise ExpectedError(
            _(
                "the database is on a PostgreSQL server, which has its own tools: `pg_dump --format=custom` copies it "
                "while the bot runs, and with every bot stopped `pg_restore --clean --if-exists` puts the copy back"
            )
        )
    return settings.storage.path
