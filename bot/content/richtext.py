"""Markdown to the neutral tree: the text between the titles of an episode file.

What Markdown can say and a chat cannot show is a mistake rather than a surprise on Monday: HTML, tables, images inside
a sentence. HTML comments are notes of the author and are left out; so are the rules (`---`) between paragraphs, which
part nothing that a chat would show. An indented line is text, not code. A bare address in the text is a link.
"""

from __future__ import annotations

import dataclasses
import re
from typing import TYPE_CHECKING, Any

from markdown_it import MarkdownIt

from bot.content.blocks import Element, read_blocks
from bot.model.address import bare_addresses, web_address
from bot.model.document import Block, CodeBlock, Heading, Listing, Paragraph, Quote, Span, Spans, Style
from bot.model.problems import BadValueError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from markdown_it.token import Token

    from bot.model.problems import Mistakes

# A segment's title is level 2; what divides its text further all looks alike in a chat.
_INNER_LEVEL = 3

SOURCES_LINE = re.compile(r"[*_]{0,3}sources?\s*:\s*[*_]{0,3}", re.IGNORECASE)

# Lines that may mean more than text begin like this.
_TELLING_LINE = re.compile(r"^[ \t]*(?:#|!\[|[|:-]|[*_]{0,3}sources?\s*:)", re.IGNORECASE | re.MULTILINE)

# A paragraph without any of these is its own text, which spares most paragraphs the inline parser.
_MARKUP = re.compile(r"[\\`*_~\[\]<&\n]")
# What most of the others hold, **bold**, *italic* and [links](https://…), written so that CommonMark can only read it
# in one way. With the parser alone, a thousand episodes would take half a second more to load.
_USUAL_WORDS = r"[^\W_](?:[^\\`*_~\[\]<&\n]*[^\W_])?"
USUAL = re.compile(
    # The look-behinds come second so that the search can leap from one sign to the next.
    rf"\*(?<!\*\*)(?:\*(?P<bold>{_USUAL_WORDS})\*\*|(?P<italic>{_USUAL_WORDS})\*)"
    rf"|\[(?<!!\[)(?P<link>{_USUAL_WORDS})\]\((?P<url>https?://[^\s()<>\\&]+)\)"
)
_COMMENT = re.compile(r"<!--(?:(?!-->).)*-->\s*", re.DOTALL)
_LINE_BREAK_TAG = re.compile(r"<br\s*/?>", re.IGNORECASE)
_SOURCES_AND_MORE = re.compile(r"[*_]{0,3}sources?\s*:\s*[*_]{0,3}\s*(?:\[|<|https?:)", re.IGNORECASE)
_TABLE_RULE = re.compile(r"\|?\s*:?-+:?\s*(?:\|\s*:?-+:?\s*)+\|?|\|\s*:?-+:?\s*\|")
_BROKEN_LINK = re.compile(r"\]\s*\(\s*(?:https?:|www\.)", re.IGNORECASE)
_TIGHT_TITLE = re.compile(r"#{2,6}[^\s#].*")

_STYLES = {"strong": Style.BOLD, "em": Style.ITALIC, "s": Style.STRIKE}


class _Markdown(MarkdownIt):
    """CommonMark that leaves every address as it was written: `web_address` judges them, and says why."""

    # The names are the library's.
    def normalizeLink(self, url: str) -> str:  # noqa: N802
        return url

    def normalizeLinkText(self, link: str) -> str:  # noqa: N802
        return link

    def validateLink(self, url: str) -> bool:  # noqa: ARG002, N802
        return True


def markdown(*without: str) -> MarkdownIt:
    """A parser of the Markdown that episodes are written in, `without` some of its rules."""
    # HTML is recognised so that it can be told from text; nothing here ever passes it on.
    return _Markdown("commonmark", {"html": True}).enable("strikethrough").disable(without)


_BLOCKS = markdown("code", "inline", "text_join")
_INLINES = markdown()


def is_telling(content: str) -> bool:
    """Whether one of the lines may mean more than text."""
    # Most paragraphs are one line, and need no search.
    found = _TELLING_LINE.search(content) if "\n" in content else _TELLING_LINE.match(content)
    return found is not None


class RichText:
    """The Markdown of one file. What is wrong in it goes to `mistakes`."""

    def __init__(self, text: str, mistakes: Mistakes) -> None:
        # The parser keeps there the addresses of links that are written by reference.
        self._environment: dict[str, Any] = {}
        self._mistakes = mistakes
        self.elements: Sequence[Element] = read_blocks(text, _BLOCKS, self._environment)

    def blocks(self, elements: Iterable[Element]) -> tuple[Block, ...]:
        """The elements as blocks; those that say nothing are left out."""
        found = map(self._block, elements)
        return tuple(block for block in found if block is not None)

    def _block(self, element: Element) -> Block | None:
        match element.kind:
            case "paragraph":
                return self.paragraph(element.text, element.line)
            case "heading":
                return self._heading(element)
            case "bullet_list":
                return self._listing(element, None)
            case "ordered_list":
                return self._listing(element, element.number)
            case "blockquote":
                blocks = self.blocks(element.children)
                return Quote(blocks) if blocks else None
            case "fence":
                return self._code(element)
            case "html_block":
                self._html(element.text.strip(), element.line)
        return None

    def paragraph(self, content: str, line: int) -> Paragraph | None:
        """Running text that begins at a line; None when it says nothing."""
        if is_telling(content):
            for number, text in enumerate(map(str.strip, content.split("\n")), start=line):
                self._check_line(text, number)
        spans = self.spans(content, line)
        return Paragraph(spans) if spans else None

    def spans(self, content: str, line: int) -> Spans:
        """Inline Markdown that begins at a line, as styled runs without white space at the ends."""
        if not _MARKUP.search(content):
            return _trimmed(list(_with_links(Span(content))))
        reader = _InlineReader(line, self._mistakes)
        # In the parts of a split text, the groups of each match stand between two pieces.
        parts = USUAL.split(content)
        if any(map(_MARKUP.search, parts[:: USUAL.groups + 1])):
            return reader.read(self.inline(content))
        return reader.read_usual(parts)

    def inline(self, content: str) -> Sequence[Token]:
        """The tokens of inline Markdown."""
        [token] = _INLINES.parseInline(content, self._environment)
        return token.children or ()

    def _heading(self, heading: Element) -> Heading | None:
        if SOURCES_LINE.fullmatch(f"{heading.text.rstrip(' :')}:"):
            self._mistakes.add(heading.line, "the sources stand under a title", "Write 'Sources :' without '#' signs")
        spans = self.spans(heading.text, heading.line)
        return Heading(spans, level=_INNER_LEVEL) if spans else None

    def _listing(self, listing: Element, start: int | None) -> Listing | None:
        items = (self.blocks(item.children) for item in listing.children)
        filled = tuple(item for item in items if item)
        return Listing(filled, start) if filled else None

    def _code(self, fence: Element) -> CodeBlock | None:
        # A closed block has one line more than its code and its opening.
        if fence.end - fence.line < fence.text.count("\n") + 2:
            self._mistakes.add(
                fence.line,
                f"the block of code that begins with {fence.markup} has no end",
                f"Write {fence.markup} on a line of its own below the code, or remove it here",
            )
        return CodeBlock(fence.text.removesuffix("\n")) if fence.text.strip() else None

    def _html(self, content: str, line: int) -> None:
        if not _COMMENT.fullmatch(content):
            self._mistakes.add(line, *_no_html(content))

    def _check_line(self, text: str, line: int) -> None:
        if SOURCES_LINE.fullmatch(text):
            self._mistakes.add(
                line,
                "no list of its own follows 'Sources :'",
                "Leave a blank line above it, and begin each line below it with '- '",
            )
        elif _SOURCES_AND_MORE.match(text):
            cure = "Put it on a line of its own below, and begin that line with '- '"
            self._mistakes.add(line, "a source stands on the same line as 'Sources :'", cure)
        elif _TABLE_RULE.fullmatch(text):
            self._mistakes.add(line, "this is a table, which a chat cannot show", "Write it as a list, with '- '")
        elif _TIGHT_TITLE.fullmatch(text):
            sharps = text[: len(text) - len(text.lstrip("#"))]
            self._mistakes.add(line, "this is text, not a title", f"Write a space after '{sharps}'")


class _InlineReader:
    """Turns the inline tokens of one paragraph into spans, and knows at which line it is."""

    def __init__(self, line: int, mistakes: Mistakes) -> None:
        self._line = line
        self._mistakes = mistakes
        # The look of the text here, below it that of the text around.
        self._styles = [Style.PLAIN]
        self._url: str | None = None
        self._link_text = ""
        self._spans: list[Span] = []

    def read(self, tokens: Sequence[Token]) -> Spans:
        for token in tokens:
            self._read(token)
        return _trimmed(self._spans)

    def read_usual(self, parts: Sequence[str | None]) -> Spans:
        """The same for text that holds no other markup than `USUAL`, split by it."""
        rest = iter(parts)
        self._say_with_links(Span(next(rest) or ""))
        for bold, italic, link, url, plain in zip(rest, rest, rest, rest, rest, strict=True):
            if link and url:
                self._open_link(url)
                self._say(Span(link, url=self._url))
                self._close_link()
            else:
                self._say_with_links(Span(bold or italic or "", Style.BOLD if bold else Style.ITALIC))
            self._say_with_links(Span(plain or ""))
        return _trimmed(self._spans)

    def _read(self, token: Token) -> None:
        match token.type:
            case "text":
                self._text(token.content)
            case "softbreak" | "hardbreak":
                self._line += 1
                self._say(Span("\n" if token.type == "hardbreak" else " ", self._styles[-1], self._url))
            case "code_inline":
                self._say(Span(token.content, self._styles[-1] | Style.CODE, self._url))
            case "link_open":
                self._open_link(str(token.attrs["href"]))
            case "link_close":
                self._close_link()
            case "strong_open" | "em_open" | "s_open":
                self._styles.append(self._styles[-1] | _STYLES[token.tag])
            case "strong_close" | "em_close" | "s_close":
                self._styles.pop()
            case "image":
                self._link_text += token.content
                self._mistakes.add(
                    self._line,
                    "an image stands inside the text",
                    "Put it on a line of its own in the segment, outside lists, quotes and links",
                )
            # A tag is told once, where it opens.
            case "html_inline" if not token.content.startswith("</") and not _COMMENT.fullmatch(token.content):
                self._mistakes.add(self._line, *_no_html(token.content))

    def _text(self, text: str) -> None:
        if _BROKEN_LINK.search(text):
            self._mistakes.add(
                self._line,
                "this link is broken and would be shown with its brackets",
                "Write [text](https://…) without a space between the brackets or in the address",
            )
        span = Span(text, self._styles[-1], self._url)
        if self._url is None:
            self._say_with_links(span)
        else:
            self._say(span)

    def _say_with_links(self, span: Span) -> None:
        for part in _with_links(span):
            self._say(part)

    def _say(self, span: Span) -> None:
        self._link_text += span.text
        before = self._spans[-1] if self._spans else None
        if before is not None and before.style == span.style and before.url == span.url:
            self._spans[-1] = Span(before.text + span.text, span.style, span.url)
        elif span.text:
            self._spans.append(span)

    def _open_link(self, address: str) -> None:
        self._link_text = ""
        self._url = ""
        try:
            self._url = web_address(address)
        except BadValueError as error:
            self._mistakes.add(self._line, str(error), error.cure)

    def _close_link(self) -> None:
        if not self._link_text.strip():
            self._mistakes.add(
                self._line, f"the link to '{self._url}' has no text", "Write what it leads to between the brackets"
            )
        self._url = None


def _no_html(tag: str) -> tuple[str, str]:
    shown = tag.partition("\n")[0][:40]
    if tag.startswith("<!--"):
        return f"the comment '{shown}' is not alone", "End it with --> and put the text after it on a line of its own"
    if _LINE_BREAK_TAG.fullmatch(tag):
        return f"'{shown}' would be shown as it stands", "End the line above with a backslash to go to the next line"
    return (
        f"'{shown}' is HTML, which a chat would show as it stands",
        "Write Markdown, as in **bold**, *italic* or [text](https://…); '\\<' is the sign itself",
    )


def _with_links(span: Span) -> Iterator[Span]:
    """The span with the bare addresses in it as links; what is no good address stays text."""
    end = 0
    for start, written in bare_addresses(span.text):
        try:
            url = web_address(written)
        except BadValueError:
            continue
        if end < start:
            yield Span(span.text[end:start], span.style)
        yield Span(written, span.style, url)
        end = start + len(written)
    if not end:
        yield span
    elif end < len(span.text):
        yield Span(span.text[end:], span.style)


def _trimmed(spans: list[Span]) -> Spans:
    while spans and not spans[0].text.strip():
        del spans[0]
    while spans and not spans[-1].text.strip():
        del spans[-1]
    if spans and spans[0].text[0].isspace():
        spans[0] = dataclasses.replace(spans[0], text=spans[0].text.lstrip())
    if spans and spans[-1].text[-1].isspace():
        spans[-1] = dataclasses.replace(spans[-1], text=spans[-1].text.rstrip())
    return tuple(spans)
