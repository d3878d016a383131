"""From show notes in HTML, as podcast hosts, office programs and clipboards write them, to lines.

One pattern reads the tags, and no tree is built. The HTML of hosts is flat or broken, and only a dozen elements matter.
The time is linear in the length, however deep the tags are nested: a parser in C that builds a tree, selectolax, took
278 s for 200,000 nested `div`s.
"""

import html
import itertools
import operator
import re

from bot.model.document import Picture
from bot.model.markup import without_conditions
from bot.model.text import fold_words
from bot.notes.model import BOLD_LEVEL, Line, Link
from bot.notes.tables import is_head, table_lines

_TAG = re.compile(r"<(/?)([A-Za-z][A-Za-z0-9:]*+)([^<>]*)>")
_ATTRIBUTE = re.compile(r"""\b(href|src|alt|style|class)\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'>]+))""", re.IGNORECASE)
_SPACE = re.compile(r"[^\S\u00a0\u202f]+")
_TEXT_BEHIND = re.compile(r"\s?(?:[—–-]|:)\s.{30}")
_WORD_LEVEL = re.compile(r"mso-list:\s*l\d+\s+level(\d)")
_WEIGHT = re.compile(r"font-weight\s*:\s*(bold|[6-9]\d\d)?", re.IGNORECASE)
_BULLET = re.compile(r"^[·•▪◦§o]\s*[\u00a0 ]+")
_TYPED_BULLET = re.compile(r"^[•▪◦●‣]\s+")

# Elements of the page itself and its navigation, which are no part of an episode's notes.
_HIDDEN = frozenset({"script", "style", "head", "template", "svg", "noscript", "nav", "footer", "form"})
_UNSEEN = re.compile(
    r"(?i)\bclass\s*=\s*[\"']?(?:gmail_(?:attr|signature)|moz-(?:cite-prefix|signature))|\btype\s*=\s*[\"']?cite\b|(?:display|mso-hide)\s*:\s*(?:none|all)\b|\baria-hidden\s*=\s*[\"']?true|\brole\s*=\s*[\"']?(?:navigation|"
    r"contentinfo|search)\b|\bclass\s*=\s*(?:[\"'](?:[^\"']*\s)?)?(?:(?:[\w-]+-)?footer|preheader|breadcrumbs?|nav(?:bar)?|"
    r"sidebar|sr-only|screen-reader-text|visually-hidden|skip-link|sharedaddy|menu|comments?|jp-relatedposts|cookie[\w-]*)(?=[\s\"'>]|$)"
)
"""Attributes of elements that no reader sees, or that stand around every page of a site or letter."""
_PIXEL = re.compile(r"(?i)\b(?:width|height)\s*=\s*[\"']?[01](?!\d)|display\s*:\s*none")
"""Attributes of an image that counts readers."""
_BLOCKS = frozenset(
    fold_words(
        "address article aside blockquote body dd div dl dt figcaption figure h1 h2 h3 h4 h5 h6 header hr html li main "
        "ol p pre section table td th tr ul"
    )
)
_ENDS_LINE = _BLOCKS | {"br"}
_BOLD = frozenset({"b", "strong"})


def html_tags(text: str) -> tuple[int, int]:
    """Return how many elements of blocks, and of other kinds that only HTML has, open in a text."""
    names = [match[2].lower() for match in _TAG.finditer(text[:20_000]) if not match[1]]
    blocks = sum(name in _BLOCKS or name in _HIDDEN for name in names)
    return blocks, sum(name in {"a", "strong", "b", "br", "em"} for name in names)


def read_html(text: str) -> tuple[Line, ...]:
    """Return the lines of a page or of a fragment."""
    reader = _Reader()
    end = 0
    text = without_conditions(text)
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
        self._level = self._nested = self._aside = self._breaks = self._depth = self._lists = 0
        self._item = self._gap = self._is_comment = False
        # Whether each open element of inline text is bold: a clipboard wraps all its text into a bold that is none.
        self._bold: list[tuple[str, bool]] = []
        self._pieces: list[tuple[str, bool]] = []
        self._links: list[Link] = []
        self._images: list[Picture] = []
        self._link: tuple[str, int] | None = None
        self._rows: list[list[int]] = []
        """The first line of each cell of the rows of a table, and the end of the last."""

    def say(self, text: str) -> None:
        """Take the text between two tags."""
        if not self._hidden and text:
            self._pieces.append((html.unescape(text), bool(self._bold) and self._bold[-1][1]))

    def tag(self, name: str, attributes: str, *, closing: bool) -> None:
        """Take a tag that opens or closes an element."""
        if self._hidden:
            self._nested += 0 if name != self._hidden else -1 if closing else 1
            if not self._nested or (closing and name == "body"):
                self._hidden = ""
        elif (
            name in _HIDDEN
            or (name == "blockquote" and "gmail_quote" in attributes)
            or (_UNSEEN.search(attributes) and name not in {"img", "br", "hr", "body"})
        ):
            self._hidden, self._nested = "" if closing else name, 1
        elif name in _ENDS_LINE:
            self._end_block(name, attributes, closing=closing)
        elif name in _BOLD or name == "span":
            self._weigh(name, attributes, closing=closing)
        elif name == "a":
            self._end_link()
            target = "" if closing else _attributes(attributes).get("href", "")
            self._link = (target, len(self._pieces)) if target else None
            if target.startswith("#cmnt"):
                # The mark of a comment in Google Docs; the comment itself stands below the text.
                self._hidden, self._nested, self._is_comment = "a", 1, target.startswith("#cmnt_ref")
        elif name == "img" and not _PIXEL.search(attributes):
            found = _attributes(attributes)
            self._images.append(Picture(found.get("src", ""), _plain(found.get("alt", ""))))

    def _end_block(self, name: str, attributes: str, *, closing: bool) -> None:
        """Begin or end an element of its own lines."""
        # A paragraph inside an item of a list is the item.
        is_items = name == "p" and self._item and not self._pieces
        self.end_line()
        self._gap = self._gap or name != "br"
        if name == "br" and not self._pieces and not closing:
            self._breaks += 1
            self._gap = self._gap or self._breaks > 1
        if closing:
            # Because pages forget to close what is bold, the end of a block does.
            del self._bold[self._depth :]
        elif name != "br":
            self._depth = len(self._bold)
        # A title below that of the page heads no subject.
        self._level = (
            int(name[1]) if re.fullmatch("h[1-6]", name) and not closing and "subtitle" not in attributes else 0
        )
        self._lists = max(0, self._lists + (0 if name not in {"ul", "ol"} else -1 if closing else 1))
        if name in {"table", "tr", "td", "th"}:
            self._end_cell(name, closing=closing)
        self._item = not closing and (name == "li" or is_items or "MsoListParagraph" in attributes)
        # Word writes a flat list, with the level of each item in its style.
        word = _WORD_LEVEL.search(attributes) if self._item and name == "p" else None
        self._lists = int(word[1]) if word else 0 if closing and name == "p" and not is_items else self._lists
        self._aside = max(0, self._aside + (0 if name != "aside" else -1 if closing else 1))

    def _end_cell(self, name: str, *, closing: bool) -> None:
        """Note where the cells of a table begin, and make its rows subjects once it ends."""
        if name == "table":
            rows, self._rows = self._rows, []
            widest = max(map(len, rows), default=0) - 1
            cells = [[self.lines[at:end] for at, end in itertools.pairwise(row)] for row in rows]
            texts = (" ".join(line.text for cell in row for line in cell) for row in cells)
            head = next((at for at, text in enumerate(texts) if is_head(text)), None)
            # A table that only lays out a page names no columns, and has more paragraphs than cells.
            is_full = all(len(row) == widest + 1 and row[-1] - row[0] <= 2 * widest for row in rows)
            if closing and len(rows) > 1 < widest and (is_full or head is not None):
                self.lines[rows[head or 0][0] :] = table_lines(cells[head or 0 :])
        elif name == "tr" and not closing:
            self._rows.append([len(self.lines)])
        elif self._rows and name != "tr" and closing:
            self._rows[-1].append(len(self.lines))

    def _weigh(self, name: str, attributes: str, *, closing: bool) -> None:
        """Note whether the text from here on is bold."""
        if not closing:
            is_bold = name in _BOLD or (bool(self._bold) and self._bold[-1][1])
            weight = _WEIGHT.search(attributes)
            self._bold.append((name, weight[1] is not None if weight else is_bold))
        elif self._bold and self._bold[-1][0] == name:
            self._bold.pop()

    def _end_link(self) -> None:
        if self._link is not None:
            url, start = self._link
            self._links.append(Link(_plain("".join(text for text, _bold in self._pieces[start:])), url.strip()))
            self._link = None

    def end_line(self) -> None:
        """End the current line."""
        self._end_link()
        text = _plain("".join(piece for piece, _bold in self._pieces))
        spoken = [(piece, is_bold) for piece, is_bold in self._pieces if piece.strip()]
        bold = [piece for piece, _bold in itertools.takewhile(operator.itemgetter(1), spoken)]
        lead = _plain("".join(bold)) if len(bold) < len(spoken) else ""
        if self._links and not lead and text.startswith(self._links[0].title):
            # The words of a link above its text are a title, as in `[Title](https://…) — what it says`.
            name = self._links[0].title
            lead = name if _TEXT_BEHIND.match(text[len(name) :]) else ""
        if text or self._links or self._images:
            bullet = (_BULLET if self._item else _TYPED_BULLET).match(text)
            text, item = text[bullet.end() :] if bullet else text, self._item or bullet is not None
            level = self._level or (BOLD_LEVEL if bold and not (lead or self._item) else 0)
            links, images, aside = tuple(self._links), tuple(self._images), self._aside > 0 or self._is_comment
            line = Line(text, level, item, self._lists, self._gap, links, images, lead=lead, aside=aside)
            self.lines.append(line)
            self._gap = self._is_comment = False
            self._breaks = 0
        self._pieces, self._links, self._images = [], [], []


def _attributes(text: str) -> dict[str, str]:
    found = _ATTRIBUTE.finditer(text)
    return {match[1].lower(): html.unescape(match[2] or match[3] or match[4] or "") for match in found}


def _plain(text: str) -> str:
    """Return the text on one line; HTML treats all white space alike, except no-break spaces."""
    return _SPACE.sub(" ", text).strip(" \u00a0")
