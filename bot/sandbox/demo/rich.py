"""Trees of rich messages' HTML, for scripts that build elements and parse no markup."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bot.sandbox.shared.webserver import Json

_VOID = frozenset({"br", "hr", "img"})
_TOLD = frozenset({"href", "src", "start"})
"""Attributes that the page may draw."""


def tree(html: str) -> list[Json | str]:
    """Return the elements and texts, each element with its `tag`, its `children` and its attributes.

    The stand-in has refused HTML that does not nest.
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
        told = {name: value for name, value in attrs if name in _TOLD}
        self._inside[-1].append({"tag": tag, "children": children, **told})
        if tag not in _VOID:
            self._inside.append(children)

    def handle_endtag(self, tag: str) -> None:
        """Close an element."""
        if tag not in _VOID and len(self._inside) > 1:
            self._inside.pop()

    def handle_data(self, data: str) -> None:
        """Add text."""
        self._inside[-1].append(data)
