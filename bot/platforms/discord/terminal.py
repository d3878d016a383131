"""Discord's messages in a terminal, with the components and with markdown as far as a terminal can show it."""

import re
from collections.abc import Iterable, Iterator

from markdown_it import MarkdownIt
from rich.console import RenderableType
from rich.rule import Rule
from rich.text import Text

from bot.model.i18n import gettext as _
from bot.model.rendering import JsonObject, Message
from bot.platforms.base import TerminalView
from bot.platforms.discord.render import (
    ACTION_ROW,
    BUTTON,
    MAX_COMPONENTS,
    MEDIA_GALLERY,
    SEPARATOR,
    TEXT_DISPLAY,
    component_count,
)

_STYLES = {"strong_open": "bold", "em_open": "italic", "s_open": "strike"}
_INLINE = MarkdownIt("commonmark").enable("strikethrough")
_LINE = re.compile(r"(?P<title>#{1,3} )|(?P<small>-# )|(?P<quote>> )|(?P<item>\s*[-*] )")
_LINE_LOOKS = {"title": ("", "bold underline"), "small": ("", "dim"), "quote": ("▎ ", "italic dim"), "item": ("• ", "")}
"""The sign and the style of a line in place of Discord's mark at its beginning."""
_FENCE = "```"


def view(message: Message) -> TerminalView:
    """Return the components from top to bottom."""
    components = message.body["components"]
    count = component_count(components)
    uses = [(message.used, message.limit, _("characters")), (count, MAX_COMPONENTS, _("components"))]
    return TerminalView([*_parts(components)], uses)


def _parts(components: Iterable[JsonObject]) -> Iterator[RenderableType]:
    for component in components:
        kind = component["type"]
        if kind == TEXT_DISPLAY:
            yield markdown(component["content"])
        elif kind == SEPARATOR:
            yield Rule(style="dim")
        elif kind == MEDIA_GALLERY:
            for item in component["items"]:
                yield Text(f"🖼  {item.get('description', '')} {item['media']['url']}", style="dim")
        elif kind == ACTION_ROW:
            labels = [button["label"] for button in component["components"] if button["type"] == BUTTON]
            yield Text(" ".join(f"[ {label} ]" for label in labels), style="reverse")
        else:
            yield from _parts(component.get("components", []))


def markdown(content: str) -> Text:
    """Return Discord's markdown as Discord shows it."""
    lines = []
    in_code = False
    for line in content.split("\n"):
        if line.startswith(_FENCE):
            in_code = not in_code
        elif in_code:
            lines.append(Text(line, style="cyan"))
        else:
            mark = _LINE.match(line)
            sign, style = _LINE_LOOKS[mark.lastgroup] if mark and mark.lastgroup else ("", "")
            text = _inline(line[mark.end() :] if mark else line)
            text.stylize(style)
            lines.append(Text(sign) + text)
    return Text("\n").join(lines)


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
                styles.append(_STYLES.get(token.type, ""))
            else:
                text.append(token.content, style=" ".join((*styles, "cyan" if token.type == "code_inline" else "")))
    return text
