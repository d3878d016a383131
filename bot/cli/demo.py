"""`recap demo`: the bot on stand-ins of both platforms, in the browser."""

import asyncio
import os
import signal
import sys
import webbrowser
from typing import Annotated

import typer

from bot.cli import console
from bot.cli.console import ConfigOption, out
from bot.cli.wording import AdminCommand
from bot.config import Config
from bot.config.network import is_loopback
from bot.model.i18n import gettext as _
from bot.model.i18n import gettext_noop
from bot.model.problems import InvalidInputError

cli = typer.Typer()

PORT = 8765
"""Above 1024, where no other program usually listens. Because it stays the same, an open tab finds the next demo."""


@cli.command(cls=AdminCommand)
def demo(
    port: Annotated[
        int, typer.Option(min=0, max=65535, metavar="PORT", help=gettext_noop("The page's port; 0 for any free one."))
    ] = PORT,
    host: Annotated[
        str, typer.Option(metavar=gettext_noop("ADDRESS"), help=gettext_noop("Where the page listens."))
    ] = "127.0.0.1",
    no_browser: Annotated[bool, typer.Option("--no-browser", help=gettext_noop("Do not open a browser."))] = False,
    expose: Annotated[
        bool,
        typer.Option(
            "--expose", help=gettext_noop("Allow a --host that other machines reach, and anybody there with it.")
        ),
    ] = False,
    config: ConfigOption = None,
) -> None:
    """Try the whole bot in the browser, without a token."""
    if not is_loopback(host) and not expose:
        told = _(
            "{host} can be reached from other machines, and whoever opens the page can use it: it has no password. "
            "Add --expose if that is what you want."
        )
        raise typer.BadParameter(told.format(host=host), param_hint="--host")
    # Because the page shows the bot's work, the terminal shows only errors and warnings.
    settings, archive = console.read(config, tokens="ignored")
    if problems := [problem for problem in archive.problems if problem.path == settings.content.folder]:
        raise InvalidInputError(problems)
    asyncio.run(_serve(settings, host, port, browser=not no_browser))


async def _serve(settings: "Config", host: str, port: int, *, browser: bool) -> None:
    from bot.sandbox.demo.demo import Demos
    from bot.sandbox.demo.server import Page, listening

    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    # Because the port is taken first, a busy port is told before anything is started.
    with listening(host, port) as socket:
        async with Demos(settings) as demos, Page(demos, socket) as page:
            out().print(_("The demo is at {address} (Ctrl-C ends it)").format(address=page.url), soft_wrap=True)
            # Because a browser without a window might take over the terminal, it is opened only on a screen.
            screens = (os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY"))
            if browser and (sys.platform in {"darwin", "win32"} or any(screens)):
                await asyncio.to_thread(webbrowser.open, page.url)
            await stop.wait()
