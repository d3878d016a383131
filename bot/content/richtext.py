"""The reader of an episode's Markdown: from the text between two titles to the neutral tree of blocks and spans.

Markdown that a chat cannot show is a mistake: HTML, tables, images inside a sentence. HTML comments are the author's
notes and are left out. So are the rules (`---`) between paragraphs, because they separate nothing that a chat shows.
An indented line is text, not code. A bare address in the text is a link.
"""

from __future__ import annotations

import contextlib
import itertools
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from markdown_it import MarkdownIt
from markdown_it.rules_inline import StateInline
from markdown_it.rules_inline.state_inline import Delimiter
from markdown_it.token import Token

from bot.model.address import bare_addresses, web_address
from bot.model.document import Block, CodeBlock, Heading, Listing, Paragraph, Quote, Span, Spans, Style
from bot.model.i18n import gettext as _
from bot.model.i18n import gettext_noop
from bot.model.problems import BadValueError, Change, Mistakes
from bot.model.split import part, text_of

# A segment's title is level 2. A chat shows all deeper titles alike.
_INNER_LEVEL = 3

SOURCES_LINE = re.compile(r"[*_]{0,3}sources?\s*:\s*[*_]{0,3}", re.IGNORECASE)

# Because a paragraph without any of these is its own text, most paragraphs need no inline parser.
_MARKUP = re.compile(r"[\\`*_~\[\]<&\n]")
# Most sources are no more than a link, which needs no inline parser either.
_ONLY_A_LINK = re.compile(r"\[(?!\s*\])([^\\`*_~\[\]<&\n]+)\]\(([^\s\\<>&()\x00-\x1f\x7f]+)\)")
_SIGN = re.compile(r"([\\`*_\[\]<>~|&#])")
_LINE_START = re.compile(r"^(\s*)([-+=:])")
_COUNT = re.compile(r"^(\s*\d+)(?=[.)])")
_COMMENT = re.compile(r"<!--(?:(?!-->).)*-->\s*", re.DOTALL)
_LINE_BREAK_TAG = re.compile(r"<br\s*/?>", re.IGNORECASE)
_SOURCES_AND_MORE = re.compile(r"([*_]{0,3}sources?\s*:\s*+[*_]{0,3}+)\s*(?:\[|<|https?:)", re.IGNORECASE)
_TABLE_RULE = re.compile(r"\|?\s*:?-+:?\s*(?:\|\s*:?-+:?\s*)+\|?|\|\s*:?-+:?\s*\|")
_ON_THE_WEB = re.compile(r"\s*(?:https?:|www\.)", re.IGNORECASE)
_BROKEN_LINK = re.compile(
    r"(?P<image>!?)\[[^\[\]]*(?P<between>\]\s*\()(?P<address>\s*(?:https?:|www\.)[^()]*|[^()\[\]]+\.\w{2,5})\)",
    re.IGNORECASE,
)
_ITEM = re.compile(r"\s*(?:[-*+]|[0-9]+[.)])\s")
TYPED_BULLET = re.compile(r"[-\u2010-\u2015\u2022-\u2023\u2043\u25a0-\u25ff\u2219→·]\s*")
SOURCE_CURE = gettext_noop(
    "Write each source on a line '- [Title](https://…)' or '- https://…' right below a line 'Sources :'"
)
_TIGHT_TITLE = re.compile(r"(#{2,6})[^\s#].*")
_ADDRESS = "://"
_IN_AN_ADDRESS = re.compile(r"://\S*$")
_CENSORED = 3
"""The number of stars from which they stand for letters, as in `p***n`."""

_STYLES = {"strong": Style.BOLD, "em": Style.ITALIC, "s": Style.STRIKE}


def good_address(text: str, line: int, mistakes: Mistakes) -> str:
    """Return an address that every platform takes; empty, with a mistake at the line, if the text is none."""
    try:
        return web_address(text)
    except BadValueError as error:
        mail = text.removeprefix("mailto:")
        alone = Change(_("Write {mail} without < and >").format(mail=mail), ((line, f"<{mail}>", mail),))
        mistakes.add(line, str(error), *((alone,) if mail != text else ()), *error.cures(line, text))
        return ""


class Node(NamedTuple):
    """A block of Markdown: its token, or the opening one of a pair, and the blocks inside."""

    token: Token
    children: list[Node]

    @property
    def line(self) -> int:
        """The first line, counted from 1."""
        return (self.token.map or (0, 0))[0] + 1

    @property
    def end(self) -> int:
        """The last line: of an underlined title, the one of `-` or `=`."""
        return self.token.map[1] if self.token.map else self.line + 1

    @property
    def text(self) -> str:
        """The inline Markdown of a paragraph or a title."""
        return self.children[0].token.content


def _tree(tokens: Iterator[Token]) -> list[Node]:
    """Return the blocks up to the end of the block around them.

    The library's `SyntaxTreeNode` is no substitute, because its nodes know their parents. As cyclic garbage, those of
    a thousand files would stay in memory until all files are read.
    """
    inside = itertools.takewhile(lambda token: token.nesting >= 0, tokens)
    return [Node(token, _tree(tokens) if token.nesting else []) for token in inside]


class RichText:
    """The Markdown of one file. Mistakes go to `mistakes`, signs of emphasis without a partner to `unclosed`."""

    def __init__(self, text: str, mistakes: Mistakes, unclosed: Mistakes) -> None:
        # The parser keeps here the addresses of links that are written by reference.
        self._environment: dict[str, Any] = {}
        self.mistakes = mistakes
        self._unclosed = unclosed
        self.left_out: set[int] = set()
        """The first lines of blocks and images that a mistake left out."""
        self.lines = ["", *text.split("\n")]
        """The lines of the text by their numbers, which begin at 1."""
        self.nodes = _tree(iter(_BLOCKS.parse(text, self._environment)))

    def blocks(self, nodes: Iterable[Node]) -> tuple[Block, ...]:
        """Return the nodes as blocks, without the empty ones."""
        return tuple(filter(None, map(self._block, nodes)))

    def _block(self, node: Node) -> Block | None:
        match node.token.tag:
            case "p":
                return self.paragraph(node.text, node.line)
            case "ul" | "ol" as tag:
                start = int(node.token.attrs.get("start", 1)) if tag == "ol" else None
                items = tuple(filter(None, (self.blocks(item.children) for item in node.children)))
                return Listing(items, start) if items else None
            case "blockquote":
                blocks = self.blocks(node.children)
                return Quote(blocks) if blocks else None
            case "code":
                return self._code(node.token)
            case "" if not _COMMENT.fullmatch(html := node.token.content.strip()):
                self.left_out.add(node.line)
                self.mistakes.add(node.line, *_no_html(html, node.line, self.lines))
            case "h1" | "h2" | "h3" | "h4" | "h5" | "h6":
                return self._heading(node.text, node.line)
        return None

    def paragraph(self, content: str, line: int) -> Paragraph | None:
        """Return running text that begins at a line; None if the text is empty."""
        for number, text in enumerate(content.split("\n"), start=line):
            self._check_line(text.strip(), number)
        spans = self.spans(content, line)
        return Paragraph(spans) if spans else None

    def spans(self, content: str, line: int) -> Spans:
        """Return inline Markdown that begins at a line as styled runs, without white space at both ends."""
        if not _MARKUP.search(content):
            return _trimmed(_with_links(Span(content)))
        if link := _ONLY_A_LINK.fullmatch(content):
            return _trimmed([Span(link[1], url=good_address(link[2], line, self.mistakes))])
        return _InlineReader(line, self.lines, self.mistakes, self._unclosed).read(self.inline(content))

    def inline(self, content: str) -> Sequence[Token]:
        """Return the tokens of inline Markdown."""
        [token] = _INLINES.parseInline(content, self._environment)
        return token.children or ()

    def _heading(self, content: str, line: int) -> Heading | None:
        spans = self.spans(content, line)
        return Heading(spans, level=_INNER_LEVEL) if spans else None

    def _code(self, fence: Token) -> CodeBlock | None:
        first, end = fence.map or (0, 0)
        # A closed block has one line more than its code and its opening.
        if end - first < fence.content.count("\n") + 2:
            cure = _("Write {markup} on a line of its own below the code, or remove it here").format(
                markup=fence.markup
            )
            self.mistakes.add(
                first + 1, _("the block of code that begins with {markup} has no end").format(markup=fence.markup), cure
            )
        return CodeBlock(fence.content.removesuffix("\n")) if fence.content.strip() else None

    def _check_line(self, text: str, line: int) -> None:
        written = self.lines[line] if line < len(self.lines) else ""
        if SOURCES_LINE.fullmatch(text):
            below = itertools.takewhile(lambda at: self.lines[at].strip(), range(line + 1, len(self.lines)))
            cure = _("Leave a blank line above it, and begin each line below it with '- '")
            change = Change(cure, ((line, written, f"\n{written}"), *self.as_list(below)))
            self.mistakes.add(line, _("no list of its own follows 'Sources :'"), change, _(SOURCE_CURE))
        elif more := _SOURCES_AND_MORE.match(text):
            cure = _("Put it on a line of its own below, and begin that line with '- '")
            change = Change(cure, ((line, written, f"Sources :\n- {text[more.end(1) :].strip()}"),))
            self.mistakes.add(line, _("a source stands on the same line as 'Sources :'"), change, _(SOURCE_CURE))
        elif _TABLE_RULE.fullmatch(text):
            self.mistakes.add(line, _("this is a table, which a chat cannot show"), _("Write it as a list, with '- '"))
        elif tight := _TIGHT_TITLE.fullmatch(text):
            self.left_out.add(line)
            cure = _("Write a space after '{tight}'").format(tight=tight[1])
            change = Change(cure, ((line, tight[1], f"{tight[1]} "),))
            self.mistakes.add(
                line,
                _("this is text, not a title"),
                change,
                _("{cure}, and the text of the segment below it").format(cure=cure),
            )

    def as_list(self, lines: Iterable[int]) -> Iterator[tuple[int, str, str]]:
        """Yield the edits that make each of the lines an item of a list."""
        for at in lines:
            if self.lines[at].strip() and not _ITEM.match(self.lines[at]):
                yield at, self.lines[at], f"- {TYPED_BULLET.sub('', self.lines[at].strip())}"


class _InlineReader:
    """A reader of the inline tokens of one paragraph, which knows the line that it has reached."""

    def __init__(self, line: int, lines: Sequence[str], mistakes: Mistakes, unclosed: Mistakes) -> None:
        self._line = line
        self._lines = lines
        self._mistakes = mistakes
        self._unclosed = unclosed
        # The style of the text here stands last, that of the text around it before.
        self._styles = [Style.PLAIN]
        self._url: str | None = None
        self._link_text = ""
        self._spans: list[Span] = []

    def read(self, tokens: Sequence[Token]) -> Spans:
        for token in tokens:
            self._read(token)
        return _trimmed(self._spans)

    def _read(self, token: Token) -> None:
        match token.type:
            case "text" | "unclosed":
                self._text(token)
            case "softbreak" | "hardbreak":
                self._line += 1
                self._say(Span("\n" if token.type == "hardbreak" else " ", self._styles[-1], self._url))
            case "code_inline":
                self._say(Span(token.content, self._styles[-1] | Style.CODE, self._url))
            case "link_open":
                self._link_text = ""
                self._url = good_address(str(token.attrs["href"]), self._line, self._mistakes)
            case "link_close":
                self._close_link()
            case "strong_open" | "em_open" | "s_open":
                self._styles.append(self._styles[-1] | _STYLES[token.tag])
            case "strong_close" | "em_close" | "s_close":
                self._styles.pop()
            case "image":
                self._link_text += token.content
                cure = _("A segment shows one image, on a line of its own outside lists, quotes and links")
                self._mistakes.add(self._line, _("an image stands inside the text"), cure)
            # Because its opening tag is a mistake already, a closing tag is none.
            case "html_inline" if not token.content.startswith("</") and not _COMMENT.fullmatch(token.content):
                self._mistakes.add(self._line, *_no_html(token.content, self._line, self._lines))

    def _text(self, token: Token) -> None:
        if token.type == "unclosed":
            what, where = (
                (_("not closed"), _("after its last"))
                if token.meta["opens"]
                else (_("opened nowhere"), _("before its first"))
            )
            signs, escaped = token.content, "".join(f"\\{sign}" for sign in token.content)
            cure = _("Write '{signs}' right {where} word too, in the same paragraph; '{escaped}' is the sign itself")
            sign = re.escape(signs)
            pair = re.search(rf"{sign}([^{re.escape(signs[0])}]+){sign}", self._lines[self._line])
            # Because signs with a space on their inner side are no pair, another sign would not help.
            if pair and pair[1] != pair[1].strip():
                cure = _("Write no space between '{signs}' and its words; '{escaped}' is the sign itself")
            self._unclosed.add(
                self._line,
                _("'{signs}' is {what} and would be shown as it stands").format(signs=signs, what=what),
                cure.format(signs=signs, where=where, escaped=escaped),
            )
        # Because the search tries each letter, a text without a bracket is spared it.
        elif "[" in token.content and (broken := _BROKEN_LINK.search(token.content)):
            message = _("this link is broken and would be shown with its brackets")
            if broken["image"]:
                message = _("this image is broken and would be shown with its brackets")
            self._mistakes.add(self._line, message, *_cures_of_link(broken, self._line))
        span = Span(token.content, self._styles[-1], self._url)
        for each in _with_links(span) if self._url is None else (span,):
            self._say(each)

    def _say(self, span: Span) -> None:
        self._link_text += span.text
        before = self._spans[-1] if self._spans else None
        if before is not None and before.style == span.style and before.url == span.url:
            self._spans[-1] = Span(before.text + span.text, span.style, span.url)
        elif span.text:
            self._spans.append(span)

    def _close_link(self) -> None:
        if not self._link_text.strip():
            cure = _("Write what it leads to between the brackets")
            self._mistakes.add(self._line, _("the link to '{url}' has no text").format(url=self._url), cure)
        self._url = None


def _cures_of_link(broken: re.Match[str], line: int) -> Iterator[Change | str]:
    address, written = broken["address"], broken[0]
    if _ON_THE_WEB.match(address):
        joined = written.replace(broken["between"], "](", 1)
        yield Change(_("Write no space between the brackets"), ((line, written, joined),))
        begin, space, rest = address.strip().partition(" ")
        if space and rest.lstrip()[:1] in "=\"'{":
            alone = joined.replace(address, begin, 1)
            yield Change(_("Take out all that follows the address between the brackets"), ((line, written, alone),))
        encoded = joined.replace(address, "%20".join(address.split()), 1)
        yield Change(_("Write %20 for each space in the address"), ((line, written, encoded),))
        yield _("Write [text](https://…) without a space between the brackets or in the address")
    else:
        example = _("![The new logo](https://…)") if broken["image"] else "[text](https://…)"
        yield _("Put the file on the web, and write the address that opens it there, as in {example}").format(
            example=example
        )


def _no_html(html: str, line: int, lines: Sequence[str]) -> Iterator[Any]:
    """Yield the message and the cures of a tag or a comment that begins at a line."""
    shown = html.partition("\n")[0][:40]
    comment, arrow, _text = html.partition("-->")
    below = lines[line + 1 : line + 2]
    if html.startswith("<!--"):
        yield _("the comment '{shown}' is not alone").format(shown=shown)
        if arrow:
            edits = ((line + comment.count("\n"), arrow, f"{arrow}\n\n"),)
            yield Change(_("Put the text after --> on a line of its own"), edits)
        else:
            yield Change(_("End it with -->"), ((line, lines[line], f"{lines[line]} -->"),))
        yield _("End it with --> and put the text after it on a line of its own")
    elif _LINE_BREAK_TAG.fullmatch(html):
        yield _("'{shown}' would be shown as it stands").format(shown=shown)
        if lines[line].partition(html)[2].strip():
            yield Change(_("Write a backslash in its place, and the rest on the next line"), ((line, html, "\\\n"),))
        elif "".join(below).strip():
            yield Change(_("Write a backslash in its place"), ((line, html, "\\"),))
        yield _("Remove it")
    else:
        yield _("'{shown}' is HTML, which a chat would show as it stands").format(shown=shown)
        yield _("Write Markdown, as in **bold**, *italic* or [text](https://…); '\\<' is the sign itself")


def _with_links(span: Span) -> Iterator[Span]:
    """Split the span at the bare addresses in its text, which become links; a bad address stays text."""
    end = 0
    for start, written in bare_addresses(span.text):
        with contextlib.suppress(BadValueError):
            link = Span(written, span.style, web_address(written))
            yield from (Span(span.text[end:start], span.style), link)
            end = start + len(written)
    yield Span(span.text[end:], span.style)


def escaped(text: str) -> str:
    """Return a line of text as Markdown that says it."""
    return _COUNT.sub(r"\1\\", _LINE_START.sub(r"\1\\\2", _SIGN.sub(r"\\\1", text)))


def _trimmed(spans: Iterable[Span]) -> Spans:
    """Return the spans without white space at both ends, and without empty ones."""
    whole = tuple(spans)
    text = text_of(whole)
    return part(whole, len(text) - len(text.lstrip()), len(text.rstrip()))


class _Markdown(MarkdownIt):
    """CommonMark that leaves each address as it is written, so that `web_address` can judge the address."""

    # The library calls these three methods by their names.
    def normalizeLink(self, url: str) -> str:  # noqa: N802
        return url

    def normalizeLinkText(self, link: str) -> str:  # noqa: N802
        return link

    def validateLink(self, url: str) -> bool:  # noqa: ARG002, N802
        return True


def _markdown(*without: str) -> MarkdownIt:
    # The parser recognises HTML so that HTML can be told from text; no HTML is ever passed on.
    return _Markdown("commonmark", {"html": True}).enable("strikethrough").disable(["normalize", *without])


def _mark_unclosed(state: StateInline) -> None:
    """Mark the signs without a partner by a type of token of their own: a rule of the parser."""
    inner = (meta["delimiters"] for meta in state.tokens_meta if meta and "delimiters" in meta)
    runs = list(itertools.chain.from_iterable(map(_runs, (state.delimiters, *inner))))
    in_names = _in_names(state.tokens) if runs else ()
    for run in runs:
        if _is_meant(run, state.tokens[run[0].token], in_name=in_names[run[0].token]):
            first, *others = (state.tokens[each.token] for each in run)
            first.type, first.meta = "unclosed", {"opens": run[0].open}
            for other in others:
                first.content, other.content = first.content + other.content, ""


def _runs(delimiters: Sequence[Delimiter]) -> Iterator[list[Delimiter]]:
    """Yield the signs without a partner, those together that stand side by side."""
    closing = {each.end for each in delimiters}
    alone = (each for at, each in enumerate(delimiters) if each.end < 0 and at not in closing)
    for _key, run in itertools.groupby(enumerate(alone), lambda item: (item[1].marker, item[1].token - item[0])):
        yield [each for _at, each in run]


def _in_names(tokens: Iterable[Token]) -> Sequence[bool]:
    """Return for each token whether it stands in an address or right after an @, where a sign is a letter like any."""
    found: list[bool] = []
    before = ""
    for token in tokens:
        found.append(before == _ADDRESS or before.endswith("@"))
        if token.type == "text":
            before += token.content
            # Because no more is kept of the text before, the time grows with its length alone.
            before = _ADDRESS if _IN_AN_ADDRESS.search(before) else before[-2:]
    return found


def _is_meant(run: Sequence[Delimiter], token: Token, *, in_name: bool) -> bool:
    """Return whether an author meant emphasis: no footnote*, étudiant*es, p***n, snake_case, @_name, 3 * 4, ^_^."""
    first = run[0]
    if not (first.open or first.close):
        return False
    if len(run) < first.length:
        # The other signs of the run have a partner, as in *this**.
        return True
    if in_name:
        return False
    is_pair = token.content == "~~" or 1 < len(run) < _CENSORED
    return is_pair or not first.close


_BLOCKS = _markdown("code", "inline", "text_join")
_INLINES = _markdown()
_INLINES.inline.ruler2.after("balance_pairs", "unclosed", _mark_unclosed)
