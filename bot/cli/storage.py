"""`recap storage`: move the ledger to another database."""

import asyncio
from typing import Annotated

import typer
from pydantic import SecretStr, TypeAdapter, ValidationError

from bot.cli.console import out
from bot.cli.wording import AdminCommand, AdminGroup
from bot.config.values import LedgerUrl
from bot.model.i18n import gettext as _
from bot.model.i18n import gettext_noop, ngettext
from bot.storage import transfer
from bot.storage.database import name_of

cli = typer.Typer()
storage = typer.Typer(cls=AdminGroup, no_args_is_help=True)
cli.add_typer(storage, name="storage")

_ADDRESS = gettext_noop("An address, as in storage.url.")


@storage.command("copy", cls=AdminCommand, help=gettext_noop("Copy a stopped bot's database to an empty one."))
def copy(
    source: Annotated[str, typer.Argument(metavar=gettext_noop("FROM"), help=_ADDRESS)],
    target: Annotated[str, typer.Argument(metavar=gettext_noop("TO"), help=_ADDRESS)],
) -> None:
    """Copy a stopped bot's database to an empty one, in which the bot goes on where it was."""
    first, second = map(_address, (source, target))
    if first == second:
        raise typer.BadParameter(_("both are the same database"))
    copied = asyncio.run(transfer.copy(first, second))
    told = ngettext("Copied: {path}, with {count} subscription.", "Copied: {path}, with {count} subscriptions.", copied)
    out().print(told.format(path=name_of(second), count=copied), soft_wrap=True)
    out().print(_("Name it in storage.url. The old database starts no bot any more."))


def _address(written: str) -> str:
    """Return the address in its one spelling.

    Raises:
        typer.BadParameter: it is none; the text does not show it.
    """
    kind: TypeAdapter[SecretStr] = TypeAdapter(LedgerUrl)
    try:
        return kind.validate_python(written).get_secret_value()
    except ValidationError as error:
        (first, *_more) = error.errors(include_url=False, include_input=False)
        raise typer.BadParameter("{reason}. {cure}".format_map(first["ctx"])) from None
