"""Renderings on the admin's screen: the very messages that would be sent, boundaries and lengths shown."""

from __future__ import annotations

from itertools import starmap
from typing import TYPE_CHECKING, Any

from rich.console import Group
from rich.panel import Panel
from rich.text import Text

from bot.content.formatter import Formatter
from bot.model.i18n import words
from bot.platforms.registry import PLATFORMS
from bot.sandbox.demo.files import preview
from bot.sandbox.demo.shown import rendered

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from rich.console import Console, RenderableType
    from rich.containers import Lines

    from bot.config import Show
    from bot.model.document import Layout
    from bot.model.episode import Episode
    from bot.model.rendering import Rendering
    from bot.model.subscription import PlatformName

_HELD = {"\N{NO-BREAK SPACE}": "\ufdd0", "\N{NARROW NO-BREAK SPACE}": "\ufdd1"}
"""What stands for a no-break space while lines are broken: as wide, no space, and in no text (Unicode 23.7)."""
_HOLD = str.maketrans(_HELD)
_RELEASE = str.maketrans({held: space for space, held in _HELD.items()})

_SIGNS = 10
"""Signs of a bar that shows how much of a limit is used."""
_NEARLY_FULL = 0.9
_WIDTH = 88
"""Columns of a message: lines that are easy to read, on a wide screen too."""


class _Prose(Text):
    """Text whose lines are not broken at no-break spaces. Rich takes them for spaces like any other."""

    def wrap(self, console: Console, width: int, **options: Any) -> Lines:  # noqa: ANN401 - whatever rich has
        """The lines of this width."""
        text = Text.copy(self)
        text.plain = text.plain.translate(_HOLD)
        lines = text.wrap(console, width, **options)
        for line in lines:
            line.plain = line.plain.translate(_RELEASE)
        return lines


def renderings(
    show: Show, episode: Episode, topics: Iterable[str], layout: Layout, platforms: Iterable[PlatformName]
) -> dict[PlatformName, Rendering]:
    """What a push would send on each of the platforms; nothing when the episode has none of the topics."""
    document = Formatter(show.name, words(show.language)).episode(episode, topics=topics, layout=layout)
    return {} if document is None else {name: PLATFORMS[name].render(document) for name in platforms}


def panels(platform: PlatformName, rendering: Rendering) -> Iterator[Panel]:
    """A panel for each message, with the length used of each of the platform's limits."""
    row, total = PLATFORMS[platform], len(rendering.messages)
    for index, message in enumerate(rendering.messages, start=1):
        view = row.terminal(message)
        yield Panel(
            # Not in the border, which cuts what is too long: half a figure is another figure.
            Group(*map(_unbroken, view.parts), Text(), *starmap(_bar, view.uses)),
            title=f"{platform} {index}/{total}{' · silent' if row.is_silent(message) else ''}",
            title_align="left",
            border_style=row.colour,
            padding=(1, 2),
            width=_WIDTH,
        )


def _unbroken(part: RenderableType) -> RenderableType:
    return _Prose().append_text(part) if isinstance(part, Text) else part


def _bar(used: int, limit: int, unit: str) -> Text:
    full = used / limit
    signs = min(_SIGNS, round(full * _SIGNS))
    style = "red" if full > 1 else "yellow" if full > _NEARLY_FULL else "green"
    return Text.assemble(("▰" * signs + "▱" * (_SIGNS - signs), style), f" {used} of {limit} {unit}")


def page(show: Show, episode: Episode, topics: Iterable[str], renderings: Mapping[PlatformName, Rendering]) -> str:
    """The messages as a page of its own, drawn as the demo draws them."""
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
    return preview(f"{episode.number} – {episode.title}", show.language, content)
