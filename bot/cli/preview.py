"""Renderings on the admin's screen: the very messages that would be sent, boundaries and lengths shown."""

from __future__ import annotations

import re
from itertools import starmap
from typing import TYPE_CHECKING, Any

from markdown_it import MarkdownIt
from rich.console import Group
from rich.panel import Panel
from rich.rule import Rule
from rich.text import Text

from bot.content.formatter import Formatter
from bot.model.i18n import words
from bot.model.subscription import PlatformName
from bot.platforms.discord.render import (
    ACTION_ROW,
    BUTTON,
    MAX_COMPONENTS,
    MEDIA_GALLERY,
    SEPARATOR,
    SUPPRESS_NOTIFICATIONS,
    TEXT_DISPLAY,
    component_count,
)
from bot.platforms.discord.render import render as render_for_discord
from bot.platforms.telegram.render import ENTITY_LIMIT
from bot.platforms.telegram.render import render as render_for_telegram
from bot.sandbox.demo.files import preview
from bot.sandbox.demo.shown import rendered

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from rich.console import Console, RenderableType
    from rich.containers import Lines

    from bot.config import Show
    from bot.model.document import Layout
    from bot.model.episode import Episode
    from bot.model.rendering import JsonObject, Message, Rendering

_TELEGRAM_STYLES = {
    "bold": "bold",
    "italic": "italic",
    "strikethrough": "strike",
    "code": "cyan",
    "pre": "cyan",
    "blockquote": "italic dim",
    "expandable_blockquote": "italic dim",
}

_MARKDOWN_STYLES = {"strong_open": "bold", "em_open": "italic", "s_open": "strike"}
_INLINE = MarkdownIt("commonmark").enable("strikethrough")
# Discord's marks at the beginning of a line, and how the line looks.
_LINE = re.compile(r"(?P<title>#{1,3} )|(?P<small>-# )|(?P<quote>> )|(?P<item>\s*[-*] )")
_LINE_STYLES = {"title": "bold underline", "small": "dim", "quote": "italic dim", "item": ""}
_LINE_SIGNS = {"title": "", "small": "", "quote": "▎ ", "item": "• "}
_FENCE = "```"

_HELD = {"\N{NO-BREAK SPACE}": "\ufdd0", "\N{NARROW NO-BREAK SPACE}": "\ufdd1"}
"""What stands for a no-break space while lines are broken: as wide, no space, and in no text (Unicode 23.7)."""
_HOLD = str.maketrans(_HELD)
_RELEASE = str.maketrans({held: space for space, held in _HELD.items()})

_SIGNS = 10
"""Signs of a bar that shows how much of a limit is used."""
_NEARLY_FULL = 0.9
_WIDTH = 88
"""Columns of a message: lines that are easy to read, on a wide screen too."""

_BORDERS = {PlatformName.TELEGRAM: "cyan", PlatformName.DISCORD: "blue"}
_RENDERERS = {PlatformName.TELEGRAM: render_for_telegram, PlatformName.DISCORD: render_for_discord}


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
    return {} if document is None else {name: _RENDERERS[name](document) for name in platforms}


def panels(platform: PlatformName, rendering: Rendering) -> Iterator[Panel]:
    """A panel for each message, with the length used of each of the platform's limits."""
    total = len(rendering.messages)
    for index, message in enumerate(rendering.messages, start=1):
        is_telegram = platform is PlatformName.TELEGRAM
        parts = _telegram(message.body) if is_telegram else _discord(message.body["components"])
        yield Panel(
            # Not in the border, which cuts what is too long: half a figure is another figure.
            Group(*parts, Text(), *starmap(_bar, _used(platform, message))),
            title=f"{platform} {index}/{total}{' · silent' if _is_silent(message) else ''}",
            title_align="left",
            border_style=_BORDERS[platform],
            padding=(1, 2),
            width=_WIDTH,
        )


def _is_silent(message: Message) -> bool:
    return bool(message.body.get("disable_notification") or message.body.get("flags", 0) & SUPPRESS_NOTIFICATIONS)


def _used(platform: PlatformName, message: Message) -> Iterator[tuple[int, int, str]]:
    """How much of each limit the message uses: used, limit, and of what."""
    yield message.used, message.limit, "characters"
    if platform is PlatformName.TELEGRAM:
        yield len(message.body.get("entities", ())), ENTITY_LIMIT, "entities"
    else:
        yield component_count(message.body["components"]), MAX_COMPONENTS, "components"


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
            {"platform": name, "name": name.title(), "messages": rendered(name, rendering, show.name)}
            for name, rendering in renderings.items()
        ],
    }
    return preview(f"{episode.number} – {episode.title}", show.language, content)


def _telegram(body: JsonObject) -> Iterator[RenderableType]:
    # Entities count UTF-16 units, rich counts characters.
    encoded = body["text"].encode("utf-16-le")

    def characters(units: int) -> int:
        return len(encoded[: units * 2].decode("utf-16-le"))

    text = _Prose(body["text"])
    for entity in body.get("entities", ()):
        start, end = characters(entity["offset"]), characters(entity["offset"] + entity["length"])
        style = f"blue underline link {entity['url']}" if "url" in entity else _TELEGRAM_STYLES[entity["type"]]
        text.stylize(style, start, end)
    yield text
    preview = body.get("link_preview_options", {}).get("url")
    if preview:
        yield Text(f"\npreview: {preview}", style="dim")
    for row in body.get("reply_markup", {}).get("inline_keyboard", ()):
        yield _Prose(" ".join(f"[ {button['text']} ]" for button in row), style="reverse")


def _discord(components: list[dict[str, Any]]) -> Iterator[RenderableType]:
    for component in components:
        kind = component["type"]
        if kind == TEXT_DISPLAY:
            yield _markdown(component["content"])
        elif kind == SEPARATOR:
            yield Rule(style="dim")
        elif kind == MEDIA_GALLERY:
            for item in component["items"]:
                yield _Prose(f"🖼  {item.get('description', '')} {item['media']['url']}", style="dim")
        elif kind == ACTION_ROW:
            labels = [button["label"] for button in component["components"] if button["type"] == BUTTON]
            yield _Prose(" ".join(f"[ {label} ]" for label in labels), style="reverse")
        else:
            yield from _discord(component.get("components", []))


def _markdown(content: str) -> Text:
    """Discord's markdown as Discord shows it, as far as a terminal can."""
    lines = []
    in_code = False
    for line in content.split("\n"):
        if line.startswith(_FENCE):
            in_code = not in_code
        elif in_code:
            lines.append(Text(line, style="cyan"))
        else:
            mark = _LINE.match(line)
            kind = mark.lastgroup if mark and mark.lastgroup else ""
            text = _inline(line[mark.end() :] if mark else line)
            text.stylize(_LINE_STYLES.get(kind, ""))
            lines.append(Text(_LINE_SIGNS.get(kind, "")) + text)
    return _Prose().append_text(Text("\n").join(lines))


def _inline(line: str) -> Text:
    text = Text()
    styles: list[str] = []
    for block in _INLINE.parseInline(line):
        for token in block.children or ():
            if token.nesting < 0:
                styles.pop()
            elif token.type == "link_open":
                styles.append(f"blue underline link {token.attrs['href']}")
            elif token.nesting > 0:
                styles.append(_MARKDOWN_STYLES.get(token.type, ""))
            else:
                text.append(token.content, style=" ".join((*styles, "cyan" if token.type == "code_inline" else "")))
    return text
