"""From show notes in HTML, as podcast hosts keep them, to lines.

One pattern reads the tags, and no tree is built. The HTML of hosts is flat or broken, and only a dozen elements matter.
The time is linear in the length, however deep the tags are nested: a parser in C that builds a tree, selectolax, took
278 s for 200,000 nested `div`s.
"""

import html
import re

from bot.model.document import Picture
from bot.model.text import fold_words
from bot.notes.model import BOLD_LEVEL, Line, Link

_TAG = re.compile(r"<(/?)([A-Za-z][A-Za-z0-9]*+)([^<>]*)>")
_ATTRIBUTE = re.compile(r"""\b(href|src|alt)\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'>]+))""", re.IGNORECASE)
# A comment may end where it begins (`<!-->`); one without an end hides the rest.
_COMMENT = re.compile(r"<!(?=--).*?(?:-->|\Z)", re.DOTALL)
_SPACE = re.compile(r"[^\S\u00a0\u202f]+")

# Elements of the page itself and its navigation, which are no part of an episode's notes.
_HIDDEN = frozenset({"script", "style", "head", "template", "svg", "noscript", "nav", "footer", "form"})
_ENDS_LINE = frozenset(
    fold_words(
        "address article aside blockquote body br dd div dl dt figcaption figure h1 h2 h3 h4 h5 h6 header hr "
        "html li main ol p pre section table td th tr ul"
    )
)
_BOLD = frozenset({"b", "strong"})
_HEADING = re.compile(r"h[1-6]")


def looks_like_html(text: str) -> bool:
    """Tell whether the text has elements that only HTML has."""
    names = {match[2].lower() for match in _TAG.finditer(text[:20_000])}
    return bool(names & (_ENDS_LINE | _HIDDEN | {"a", "strong"}))


def read_html(text: str) -> tuple[Line, ...]:
    """Return the lines of a page or of a fragment."""
    reader = _Reader()
    end = 0
    text = _COMMENT.sub("", text).replace("<![CDATA[", "").replace("]]>", "")
    for match in _TAG.finditer(text):
        reader.say(text[end : match.start()])
        reader.tag(match[2].lower(), match[3], closing=bool(match[1]))
        end = match.end()
    reader.say(text[end:])
    reader.end_line()
    return tuple(reader.lines)


class _Reader:
    def __init__(self) -> None:
        self.lines: list[Line] = []
        self._hidden = ""
        self._level = 0
        self._bold = 0
        self._item = False
        self._gap = False
        self._pieces: list[tuple[str, bool]] = []
        self._links: list[Link] = []
        self._images: list[Picture] = []
        self._link: tuple[str, int] | None = None

    def say(self, text: str) -> None:
        """Take the text between two tags."""
        if not self._hidden and text:
            self._pieces.append((html.unescape(text), self._bold > 0))

    def tag(self, name: str, attributes: str, *, closing: bool) -> None:
        """Take a tag that opens or closes an element."""
        if self._hidden or name in _HIDDEN:
            if not closing:
                self._hidden = self._hidden or name
            elif name in {self._hidden, "body"}:
                self._hidden = ""
        elif name in _ENDS_LINE:
            self.end_line()
            self._gap = self._gap or name != "br"
            self._level = int(name[1]) if _HEADING.fullmatch(name) and not closing else 0
            self._item = name == "li" and not closing
        elif name in _BOLD:
            self._bold = max(0, self._bold + (-1 if closing else 1))
        elif name == "a":
            self._end_link()
            target = "" if closing else _attributes(attributes).get("href", "")
            self._link = (target, len(self._pieces)) if target else None
        elif name == "img":
            found = _attributes(attributes)
            self._images.append(Picture(found.get("src", ""), _plain(found.get("alt", ""))))

    def _end_link(self) -> None:
        if self._link is not None:
            url, start = self._link
            self._links.append(Link(_plain("".join(text for text, _bold in self._pieces[start:])), url.strip()))
            self._link = None

    def end_line(self) -> None:
        """End the current line."""
        self._end_link()
        text = _plain("".join(piece for piece, _bold in self._pieces))
        bold = bool(text) and all(is_bold for piece, is_bold in self._pieces if piece.strip())
        if text or self._links or self._images:
            level = self._level or (BOLD_LEVEL if bold and not self._item else 0)
            self.lines.append(Line(text, level, self._item, self._gap, tuple(self._links), tuple(self._images)))
            self._gap = False
        self._pieces, self._links, self._images = [], [], []


def _attributes(text: str) -> dict[str, str]:
    return {
        match[1].lower(): html.unescape(match[2] or match[3] or match[4] or "") for match in _ATTRIBUTE.finditer(text)
    }


def _plain(text: str) -> str:
    """Return the text on one line; HTML treats all white space alike, except no-break spaces."""
    return _SPACE.sub(" ", text).strip()
