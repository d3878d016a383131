"""`recap preview`: the messages that would be sent, with their boundaries and lengths, in a terminal or on a page."""

from collections.abc import Iterable, Iterator, Mapping
from itertools import starmap
from typing import Annotated, Any

import typer
from rich.console import Console, Group
from rich.containers import Lines
from rich.panel import Panel
from rich.text import Text

from bot.cli import console
from bot.cli.console import ConfigOption, HtmlOption, JsonOption, LayoutOption, NumberArgument, out
from bot.cli.wording import AdminCommand
from bot.config import Show
from bot.content.formatter import Formatter
from bot.model.document import Layout
from bot.model.episode import Episode
from bot.model.i18n import gettext as _
from bot.model.i18n import gettext_noop, spoken, words
from bot.model.rendering import Rendering
from bot.model.subscription import PlatformName
from bot.platforms.registry import PLATFORMS

cli = typer.Typer()

_HELD = {"\N{NO-BREAK SPACE}": "\ufdd0", "\N{NARROW NO-BREAK SPACE}": "\ufdd1"}
"""Replacements of no-break spaces while lines are broken: as wide, no spaces, and in no text (Unicode 23.7)."""
_HOLD = str.maketrans(_HELD)
_RELEASE = str.maketrans({held: space for space, held in _HELD.items()})

_SIGNS = 10
"""Signs of a bar that shows how much of a limit is used."""
_NEARLY_FULL = 0.9
_WIDTH = 88
"""Columns of a message: lines that are easy to read, on a wide screen too."""


@cli.command(cls=AdminCommand)
def preview(
    number: NumberArgument = None,
    platform: Annotated[
        str, typer.Option(metavar="<telegram|discord|all>", help=gettext_noop("Whose messages to show."))
    ] = "all",
    topic: Annotated[
        list[str] | None,
        typer.Option(
            metavar=gettext_noop("TOPIC"), help=gettext_noop("As a subscriber of this topic sees it; repeatable.")
        ),
    ] = None,
    layout: LayoutOption = Layout.DIGEST,
    html: HtmlOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show exactly what would be sent."""
    if platform not in {*PLATFORMS, "all"}:
        known = spoken().either([*PLATFORMS, "all"])
        raise typer.BadParameter(_("write {form}").format(form=known), param_hint="--platform")
    console.need_page(html)
    settings, archive = console.read(config)
    episode = console.find_episode(archive, number)
    topics = [console.find_topic(archive, name) for name in topic or ()]
    platforms = [name for name in PLATFORMS if platform in {"all", name}]
    found = renderings(settings.show, episode, topics, layout, platforms)
    if not found:
        told = _("episode {number} has no subject on {topics}")
        raise typer.BadParameter(told.format(number=episode.number, topics=", ".join(topics)))
    if html is not None:
        console.write(html, page(settings.show, episode, topics, found), replace=True)
    elif as_json:
        console.print_json({name: [message.body for message in each.messages] for name, each in found.items()})
    else:
        for name, rendering in found.items():
            for panel in panels(name, rendering):
                out().print(panel)


class _Prose(Text):
    """A text that rich does not break at no-break spaces; else rich takes them for spaces like any other."""

    def wrap(self, console: Console, width: int, **options: Any) -> Lines:  # noqa: ANN401 - rich's own options
        """Return the lines of this width."""
        text = Text.copy(self)
        text.plain = text.plain.translate(_HOLD)
        lines = text.wrap(console, width, **options)
        for line in lines:
            line.plain = line.plain.translate(_RELEASE)
        return lines


def renderings(
    show: Show, episode: Episode, topics: Iterable[str], layout: Layout, platforms: Iterable[PlatformName]
) -> dict[PlatformName, Rendering]:
    """Return the rendering of a push to one person for each platform.

    Returns:
        An empty dict if the episode has none of the topics.
    """
    formatter = Formatter(show.name, words(show.language))
    document = formatter.episode(episode, topics=topics, layout=layout, in_private=True)
    return {} if document is None else {name: PLATFORMS[name].render(document) for name in platforms}


def panels(platform: PlatformName, rendering: Rendering) -> Iterator[Panel]:
    """Yield a panel for each message, with its share of each limit of the platform."""
    row, total = PLATFORMS[platform], len(rendering.messages)
    for index, message in enumerate(rendering.messages, start=1):
        view = row.terminal(message)
        parts = [_Prose().append_text(part) if isinstance(part, Text) else part for part in view.parts]
        yield Panel(
            # Because the border cuts long lines, the figures stand inside; else half a figure would be another figure.
            Group(*parts, Text(), *starmap(_bar, view.uses)),
            title=f"{platform} {index}/{total}{' · ' + _('silent') if row.is_silent(message) else ''}",
            title_align="left",
            border_style=row.colour,
            padding=(1, 2),
            width=_WIDTH,
        )


def _bar(used: int, limit: int, unit: str) -> Text:
    full = used / limit
    signs = min(_SIGNS, round(full * _SIGNS))
    style = "red" if full > 1 else "yellow" if full > _NEARLY_FULL else "green"
    return Text.assemble(
        ("▰" * signs + "▱" * (_SIGNS - signs), style),
        " " + _("{used} of {limit} {unit}").format(used=used, limit=limit, unit=unit),
    )


def page(show: Show, episode: Episode, topics: Iterable[str], renderings: Mapping[PlatformName, Rendering]) -> str:
    """Return an HTML page with the messages, drawn as the demo draws them."""
    from bot.sandbox.demo import files
    from bot.sandbox.demo.shown import rendered

    catalogue = words(show.language)
    number = catalogue.gettext("Episode {number}").format(number=episode.number)
    facts = [show.name, number, catalogue.date(episode.date), *(f"#{topic}" for topic in topics)]
    content = {
        "title": episode.title,
        "subtitle": " · ".join(facts),
        "platforms": [
            {"platform": name, "name": PLATFORMS[name].title, "messages": rendered(name, rendering, show.name)}
            for name, rendering in renderings.items()
        ],
    }
    return files.preview(f"{episode.number} – {episode.title}", show.language, content)
