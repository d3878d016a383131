"""The block structure of Markdown: paragraphs, titles, lists and the rest, as a tree, each with its line.

markdown-it says what is a block. But nearly all of an episode is plain paragraphs, `##` titles and short lists between
blank lines, which CommonMark can read in one way only, and those are recognised without it: a thousand episodes load in
two thirds of the time.
"""

from __future__ import annotations

import dataclasses
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from markdown_it import MarkdownIt
    from markdown_it.token import Token

# What may span blank lines, or is not text: where one of these stands, every line may mean something else.
_UNUSUAL = ("```", "~~~", "<!", "<?", "\r", "\0")
_RAW_HTML = re.compile(r"<(?:script|pre|style|textarea)", re.IGNORECASE)

# No sign that could open another block. `#` is a hashtag, `![` an image, `**` bold.
_OPENING = r"(?:[«“(]|!\[|#(?=[^\s#])|\*{0,2}[^\W\d_])"
_TEXT = rf"{_OPENING}[^\n]*+"
# A `]:` would make a link reference.
_ITEM = rf"- (?:{_OPENING}|\[)(?:[^\n\]]|\](?!:))*+"
_END = r"(?=\n\n|\n?\Z)"
# After a list, only what certainly is no more of it.
_END_OF_LIST = rf"(?=\n*+(?:\Z|(?<=\n\n)(?:{_OPENING}|## )))"
_USUAL = re.compile(
    rf"## (?P<title>[^\W\d_](?:[^\n]*[^\s#])?){_END}"
    rf"|(?P<text>{_TEXT}(?:\n{_TEXT})*+)?(?:{_END}|(?P<items>(?:(?:^|\n){_ITEM})++){_END_OF_LIST})",
    re.MULTILINE,
)
_NEXT = re.compile(r"[^\n]|\Z")


@dataclass(slots=True)
class Element:
    """A block of Markdown.

    `kind` is the library's name for it: paragraph, heading, bullet_list, ordered_list, list_item, blockquote, fence,
    html_block, hr. `line` and `end` are its first line, from 1, and the first below it.
    """

    kind: str
    line: int
    end: int
    text: str = ""
    """Its inline Markdown, its code or its HTML."""
    markup: str = ""
    """The signs that made it."""
    number: int = 0
    """A heading's level, or where an ordered list begins to count."""
    children: list[Element] = dataclasses.field(default_factory=list)


def read_blocks(text: str, parser: MarkdownIt, environment: dict[str, Any]) -> list[Element]:
    """The blocks of a text, as `parser` sees them, which keeps the addresses of references in the `environment`."""
    if any(sign in text for sign in _UNUSUAL) or _RAW_HTML.search(text):
        return _parsed(text, 0, parser, environment)
    found: list[Element] = []
    line = position = 0
    # Where the text begins that is left to the parser, and the lines above it; None: nothing is.
    left: tuple[int, int] | None = None
    while True:
        begin = next(_NEXT.finditer(text, position)).start()
        line += begin - position
        at_end = begin == len(text)
        usual = None if at_end else _USUAL.match(text, begin)
        # A list may go on with a list that stands before it.
        if usual is not None and left is not None and text.startswith("-", begin):
            usual = None
        if left is not None and (at_end or usual is not None):
            found += _parsed(text[left[0] : begin], left[1], parser, environment)
            left = None
        if at_end:
            return found
        if usual is not None:
            found += _recognised(usual, line + 1)
            position = usual.end()
        else:
            left = left or (begin, line)
            blank = text.find("\n\n", begin)
            position = len(text) if blank < 0 else blank
        line += text.count("\n", begin, position)


def _recognised(usual: re.Match[str], line: int) -> Iterator[Element]:
    title, text, items = usual.groups()
    if title:
        yield Element("heading", line, line + 1, title, "##", 2)
    if text:
        end = line + text.count("\n") + 1
        yield Element("paragraph", line, end, text.strip())
        line = end
    if items:
        children = [
            Element("list_item", at, at + 1, markup="-", children=[Element("paragraph", at, at + 1, item[2:].strip())])
            for at, item in enumerate(items.strip("\n").split("\n"), start=line)
        ]
        yield Element("bullet_list", line, line + len(children), markup="-", children=children)


def _parsed(text: str, above: int, parser: MarkdownIt, environment: dict[str, Any]) -> list[Element]:
    return list(_elements(parser.parse(text, environment), above))


def _elements(tokens: Sequence[Token], above: int) -> Iterator[Element]:
    """The tokens as a tree; `above` lines stand above their text."""
    opening = depth = 0
    for index, token in enumerate(tokens):
        depth += token.nesting
        if depth == 0:
            yield _element(tokens[opening], tokens[opening + 1 : index], above)
            opening = index + 1


def _element(token: Token, inner: Sequence[Token], above: int) -> Element:
    first, end = token.map or (0, 0)
    element = Element(token.type.removesuffix("_open"), above + first + 1, above + end + 1, token.content, token.markup)
    if element.kind in {"paragraph", "heading"}:
        element.text = inner[0].content
        element.number = int(token.tag[1:]) if element.kind == "heading" else 0
    else:
        element.number = int(token.attrs.get("start", 1)) if element.kind == "ordered_list" else 0
        element.children = list(_elements(inner, above))
    return element
