"""What is read without the Markdown library is read as the library would read it."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from bot.content.archive import Archive
from bot.content.blocks import Element, _parsed, read_blocks
from bot.content.richtext import _BLOCKS
from tests.world import CONTENT

if TYPE_CHECKING:
    from pathlib import Path

_LINES = [
    "",
    "",
    "Un mot",
    "**Gras** et puis",
    "*a* b ",
    "« Bon »",
    "#netflix #tiktok",
    "# Titre",
    "## Titre {#a}",
    "## Titre ##",
    "##",
    "- un",
    "- [a](https://a.fr)",
    "- [a]: b",
    "- ",
    "-",
    "  - deux",
    "  suite",
    "    code",
    "1. un",
    "1986 fut",
    "> mot",
    "---",
    "===",
    "![a](b)",
    "[a]: https://a.fr",
    "[a]",
    "```",
    "<!-- a",
    "-->",
    "<div>",
    "Sources :",
    "* a",
    "+ a",
    "\tb",
    "\N{NO-BREAK SPACE}",
]


def same(text: str) -> None:
    """The blocks and the references are those of the library."""
    ours: dict[str, Any] = {}
    theirs: dict[str, Any] = {}
    found = read_blocks(text, _BLOCKS, ours)
    expected = _parsed(text, 0, _BLOCKS, theirs)
    assert list(map(_comparable, found)) == list(map(_comparable, expected))
    assert _addresses(ours) == _addresses(theirs)


def _comparable(element: Element) -> Element:
    """The element without its end, where the library counts some blank lines below a list; code alone needs its end."""
    end = element.end if element.kind == "fence" else 0
    return dataclasses.replace(element, end=end, children=list(map(_comparable, element.children)))


def _addresses(environment: dict[str, Any]) -> dict[str, str]:
    return {name: reference["href"] for name, reference in environment.get("references", {}).items()}


@given(st.lists(st.sampled_from(_LINES), max_size=14).map("\n".join))
@example("- a\n\n- b\n\nc")
@example("- a\n\n  b")
@example("Sources :\n- a\n\nb\n- c\nd")
@example("1. a\n\n- b\n\nc")
@example("## a\nb\n\n## c")
def test_lines_of_every_kind_are_read_as_the_library_reads_them(text: str) -> None:
    """Whatever stands above and below them."""
    same(text)


@given(st.text(alphabet="ab \n-#*[]():!<>\t`1.«=~_\\{}"))
def test_any_text_is_read_as_the_library_reads_it(text: str) -> None:
    """Signs in any order."""
    same(text)


@pytest.mark.parametrize("path", sorted(CONTENT.glob("*.md")), ids=lambda path: path.name)
def test_a_whole_episode_is_read_as_the_library_reads_it(path: Path) -> None:
    """The team's files."""
    same(path.read_text(encoding="utf-8"))


def test_the_usual_episode_hardly_needs_the_library(monkeypatch: pytest.MonkeyPatch) -> None:
    """What keeps the loading of a large archive short: the library reads less than a tenth of the team's episodes."""
    read: list[str] = []
    parse = MarkdownIt.parse

    def counted(self: MarkdownIt, src: str, env: Any = None) -> Any:  # noqa: ANN401
        read.append(src)
        return parse(self, src, env)

    monkeypatch.setattr(MarkdownIt, "parse", counted)
    assert Archive.load(CONTENT).episodes
    assert sum(map(len, read)) < 0.1 * sum(len(path.read_text(encoding="utf-8")) for path in CONTENT.glob("*.md"))
