"""The HTML of rich messages as a tree, for scripts that build elements and parse no markup."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bot.sandbox.telegram.model import Json

_VOID = frozenset({"br", "hr", "img"})
_TOLD = frozenset({"href", "src", "start"})
"""The attributes that say something; the page decides what it does with them."""


def tree(html: str) -> list[Json | str]:
    """The elements and texts, each element with its `tag`, its `children` and what its attributes say.

    The stand-in has refused what does not nest.
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
        """An element begins."""
        children: list[Json | str] = []
        told = {name: value for name, value in attrs if name in _TOLD}
        self._inside[-1].append({"tag": tag, "children": children, **told})
        if tag not in _VOID:
            self._inside.append(children)

    def handle_endtag(self, tag: str) -> None:
        """It ends."""
        if tag not in _VOID and len(self._inside) > 1:
            self._inside.pop()

    def handle_data(self, data: str) -> None:
        """Text."""
        self._inside[-1].append(data)
