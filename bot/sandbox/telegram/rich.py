"""Rules of rich messages from the Bot API's published description (tags, nesting and limits), and their HTML as trees.

The description does not name the error of each mistake; the known errors have the form `RICH_MESSAGE_…_INVALID`.
"""

from __future__ import annotations

import html
from html.parser import HTMLParser
from typing import TYPE_CHECKING

from bot.sandbox.telegram.errors import ApiError, bad_request
from bot.sandbox.telegram.rules import Arguments
from bot.sandbox.telegram.text import is_link

if TYPE_CHECKING:
    from bot.sandbox.shared.webserver import Json

LENGTH_MAX = 32_768
BLOCKS_MAX = 500
MEDIA_MAX = 50
DEPTH_MAX = 16

_INLINE = frozenset({"a", "b", "strong", "i", "em", "u", "ins", "s", "strike", "del", "code", "mark", "sub", "sup"})
_TEXT_BLOCKS = frozenset({"p", "h1", "h2", "h3", "h4", "h5", "h6", "footer", "pre", "figcaption", "summary", "cite"})
_CONTAINERS = frozenset({"ul", "ol", "li", "blockquote", "aside", "details", "figure"})
_VOID = frozenset({"br", "hr", "img"})
_DRAWN = frozenset({"href", "src", "start"})
"""Attributes in trees."""
_ENTITIES = frozenset(
    {"lt", "gt", "amp", "quot", "apos", "nbsp", "hellip", "mdash", "ndash", "lsquo", "rsquo", "ldquo", "rdquo"}
)


def rich_text(arguments: Arguments) -> tuple[str, str]:
    """Return the HTML of the request's rich message, and its text without pictures, a blank line between blocks.

    Raises:
        ApiError: the server refuses the message.
    """
    message = arguments.structure("rich_message", "rich message")
    if not isinstance(message, dict) or not isinstance(message.get("html"), str) or "markdown" in message:
        raise bad_request("RICH_MESSAGE_INVALID")
    reader = _Reader()
    reader.feed(message["html"])
    reader.close()
    return message["html"], reader.text()


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=False)
        self._open: list[str] = []
        self._texts: list[str] = [""]
        self._blocks = self._media = 0

    def text(self) -> str:
        """Return the text that was read.

        Raises:
            ApiError: the message is empty or too large, or an element is not closed.
        """
        text = "\n\n".join(filter(None, (each.strip() for each in self._texts)))
        if (
            self._open
            or self._blocks > BLOCKS_MAX
            or self._media > MEDIA_MAX
            or sum(map(len, self._texts)) > LENGTH_MAX
        ):
            raise _invalid("CONTENT")
        if not text and not self._media:
            raise _invalid("EMPTY")
        return text

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Check the beginning of an element."""
        if tag not in _INLINE | _TEXT_BLOCKS | _CONTAINERS | _VOID:
            raise _invalid("TAG")
        values = dict(attrs)
        address = values.get("href") if tag == "a" else values.get("src") if tag == "img" else None
        if tag in {"a", "img"} and not is_link(address or ""):
            raise _invalid("URL")
        if tag not in _INLINE and any(each in _INLINE for each in self._open) and tag != "br":
            raise _invalid("NESTING")
        self._media += tag == "img"
        if tag == "br":
            self._texts[-1] += "\n"
        elif tag not in _INLINE:
            self._blocks += 1
            self._texts.append("")
        if tag not in _VOID:
            self._open.append(tag)
        if sum(each not in _INLINE for each in self._open) > DEPTH_MAX:
            raise _invalid("DEPTH")

    def handle_endtag(self, tag: str) -> None:
        """Check the end of an element."""
        if not self._open or self._open.pop() != tag:
            raise _invalid("TAG")
        if tag not in _INLINE:
            self._texts.append("")

    def handle_data(self, data: str) -> None:
        """Add text."""
        if "<" in data or ">" in data:
            raise _invalid("HTML")
        self._texts[-1] += data

    def handle_entityref(self, name: str) -> None:
        """Add a character by its name."""
        if name not in _ENTITIES:
            raise _invalid("ENTITY")
        self._texts[-1] += html.unescape(f"&{name};")

    def handle_charref(self, name: str) -> None:
        """Add a character by its number."""
        self._texts[-1] += html.unescape(f"&#{name};")


def _invalid(what: str) -> ApiError:
    return bad_request(f"RICH_MESSAGE_{what}_INVALID")


def tree(html: str) -> list[Json | str]:
    """Return the elements and texts, each element with its `tag`, its `children` and its attributes.

    `rich_text` has refused HTML that does not nest.
    """
    builder = _Builder()
    builder.feed(html)
    builder.close()
    return builder.roots


class _Builder(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.roots: list[Json | str] = []
        self._inside = [self.roots]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Open an element."""
        children: list[Json | str] = []
        drawn = {name: value for name, value in attrs if name in _DRAWN}
        self._inside[-1].append({"tag": tag, "children": children, **drawn})
        if tag not in _VOID:
            self._inside.append(children)

    def handle_endtag(self, tag: str) -> None:
        """Close an element."""
        if tag not in _VOID and len(self._inside) > 1:
            self._inside.pop()

    def handle_data(self, data: str) -> None:
        """Add text."""
        self._inside[-1].append(data)
