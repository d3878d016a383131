"""`recap correct` and `recap recall`: what was pushed is brought in line with its file, or taken back."""

from typing import TYPE_CHECKING, Annotated

import typer

from bot.cli import console
from bot.cli.console import ConfigOption, Exit, out
from bot.cli.send import deliver
from bot.cli.wording import AdminCommand
from bot.commands.episodes import LONGEST_NUMBER
from bot.delivery.cards import changes, extents
from bot.model.i18n import gettext as _
from bot.model.i18n import gettext_noop, spoken
from bot.model.problems import ExpectedError
from bot.model.subscription import PlatformName
from bot.platforms.registry import PLATFORMS

if TYPE_CHECKING:
    from bot.runtime.app import App

cli = typer.Typer()

SentArgument = Annotated[
    int, typer.Argument(metavar="N", min=1, max=10**LONGEST_NUMBER - 1, help=gettext_noop("The episode that was sent."))
]


@cli.command(cls=AdminCommand)
def correct(
    number: SentArgument,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help=gettext_noop("Say what would be changed, and change nothing."))
    ] = False,
    platform: Annotated[
        str | None, typer.Option(metavar="telegram|discord", help=gettext_noop("Only on this platform."))
    ] = None,
    config: ConfigOption = None,
) -> None:
    """Bring every message of an episode that was sent in line with its file, without a sound."""
    if platform not in {None, *PLATFORMS}:
        form = _("write {form}").format(form=spoken().either([*PLATFORMS]))
        raise typer.BadParameter(form, param_hint="--platform")
    settings = console.read_settings(config, tokens="needed")
    console.need_platform(settings)
    platforms = [] if platform is None else [PlatformName(platform)]
    for name in platforms:
        console.need_switched_on(settings, name)

    async def act(app: "App") -> bool:
        for connection in app.connections.values():
            # Because buttons may hold the bot's name, the messages cannot be compared without it.
            await connection.platform.connect()
        corrector = app.services.corrector
        planned = await corrector.preview(number, platforms)
        for line in [*changes(planned.before, planned.text.parts, spoken()), *extents(planned, spoken())]:
            out().print(line, soft_wrap=True)
        if not planned.extents:
            out().print(_("There is nothing to change."))
        elif not dry_run:
            opened = await corrector.begin(number, platforms)
            return await deliver(app, opened) if opened else True
        return True

    use = console.look if dry_run else console.with_app
    if not use(settings, act):
        raise typer.Exit(Exit.FAILED)


@cli.command(cls=AdminCommand)
def recall(
    number: SentArgument,
    yes: Annotated[bool, typer.Option("--yes", help=gettext_noop("Do not ask before."))] = False,
    config: ConfigOption = None,
) -> None:
    """Delete every message of an episode that was sent; `recap send N --again` sends it again."""
    settings = console.read_settings(config, tokens="needed")
    console.need_platform(settings)
    if not yes and not console.confirms(_("Recall episode {number} everywhere?").format(number=number)):
        raise ExpectedError(_("nothing was recalled; --yes says yes beforehand"))

    async def act(app: "App") -> bool:
        opened = await app.services.corrector.recall(number)
        if not opened:
            out().print(_("Nothing is left of it anywhere."))
        return await deliver(app, opened) if opened else True

    if not console.with_app(settings, act):
        raise typer.Exit(Exit.FAILED)
