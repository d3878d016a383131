"""Discord's markdown, written so that every text shows literally.

Content is escaped by backslashes, so that only the marks added here are markup. Three places know no escapes. The label
of a link is kept free of characters that need one. In code, and at the end of a strike, a heading or another style, an
invisible ZERO WIDTH SPACE keeps characters apart, as the last resort, because copied text contains the space.

Discord publishes no grammar. The rules are those of its desktop client, as its users and libraries have found them.
"""

import dataclasses
import enum
import functools
import itertools
import re
from collections.abc import Iterable

from bot.model.document import (
    Block,
    CodeBlock,
    Fold,
    Heading,
    Listing,
    Note,
    Paragraph,
    Picture,
    Quote,
    Span,
    Spans,
    Style,
)
from bot.model.split import text_of

MAX_ADDRESS = 3_000
"""Characters of a link's address. Discord's only limit is the message's, and the words need room too."""

_APART = "\N{ZERO WIDTH SPACE}"

_DEEPEST_HEADING = 2

# Bold is outermost, because every client reads "***a* b**" alike, and not "***a** b*".
_MARKS = {Style.BOLD: "**", Style.ITALIC: "*", Style.STRIKE: "~~"}

_ESCAPES = (
    # Styles, spoilers, code, links, and all that stands in angle brackets: mentions of people, roles, channels and
    # commands, custom emoji, times, addresses.
    (re.compile(r"[\\*_~|`\[\]<]"), r"\\\g<0>"),
    # Marks at the start of a line: quotes, headings, small print, bullets, numbers.
    (re.compile(r"^([^\S\n]*)([>#+-])", re.MULTILINE), r"\1\\\2"),
    (re.compile(r"^([^\S\n]*\d+)\.", re.MULTILINE), r"\1\\."),
    # The label of a link before would reach as far as this, escaped or not.
    (re.compile(r"\]\("), r"]\\("),
    # Emoji by name, and addresses, which would become links with the backslashes in them.
    (re.compile(r":(?!\s)"), r"\\:"),
    (re.compile(r"@(?=everyone|here)"), r"\\@"),
)
# Because nobody tells whether an escaped mention alerts, none stays whole in any text, code included.
_MENTION = re.compile(r"(?<=<@)(?=[!&]?\d)")

_LINE_BREAK = re.compile(r"\r\n?|[\v\f\x1c-\x1e\x85\u2028\u2029]")
_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1f\x7f-\x9f]")
# Unicode's Default_Ignorable_Code_Point: characters that show nothing.
_IGNORABLE = (
    r"[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164"
    r"\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufff8\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)
# Blocks of symbols, more than are emoji, with the joiners and variants that follow them.
_EMOJI = (
    r"(?:[0-9#*]\ufe0f?\u20e3|[\u203c\u2049\u2139\u2194-\u2199\u21a9\u21aa\u2300-\u23ff\u24c2\u25aa-\u27bf\u2934\u2935"
    r"\u2b00-\u2bff\u3030\u303d\u3297\u3299\U0001f000-\U0001faff]"
    r"[\u200d\u20e3\ufe0f\U0001f3fb-\U0001f3ff\U000e0020-\U000e007f]*)+"
)
_INVISIBLE = re.compile(_IGNORABLE)
_INVISIBLE_BUT_EMOJI = re.compile(rf"({_EMOJI})|{_IGNORABLE}")
# Discord shows backslashes in a label. Against deception it shows the whole link as raw text where the label holds
# emoji, a mention or an address. A time of an hour or more is no emoji by name.
_NOT_IN_LABEL = re.compile(
    rf"(\n|[\\*`\[\]<]|~{{2,}}|\|{{2,}}|_(?![A-Za-z0-9])|:(?=/|(?!(?<=\d:)\d\d:\d\d(?!\d))[^\s:]+:)|@(?=everyone|here)|{_EMOJI})"
)
_SPACE = re.compile(r"\s")

_WEB_ADDRESS = re.compile(r"https?://[^/?#\s]", re.IGNORECASE)
_PLAIN_ADDRESS = re.compile(r"https?://[!-~]+", re.IGNORECASE)
_NOT_IN_ADDRESS = re.compile(r"[^\w%/:?#@!$&+,;=.-]")


class _Inside(enum.Flag):
    """The blocks around a block, which change its marks."""

    NOTHING = 0
    LIST = enum.auto()
    QUOTE = enum.auto()


def write(blocks: Iterable[Block], inside: _Inside = _Inside.NOTHING) -> str:
    """Return the blocks in Discord's markdown; empty if they show nothing.

    Headings of the third level, and all in lists, are bold, because Discord knows none there. Quotes in quotes are one.
    Pictures are links.
    """
    text = ""
    after_heading = False
    for block in blocks:
        written = _block(block, inside)
        if not written:
            continue
        if text:
            # Because a heading has its own space below, and a blank line would end the item of a list.
            text += "\n" if after_heading or _Inside.LIST in inside else "\n\n"
        text += written
        after_heading = isinstance(block, Heading)
    return text


def escape(text: str) -> str:
    """Return the text as Discord shows it literally."""
    for pattern, replacement in _ESCAPES:
        text = pattern.sub(replacement, text)
    return _MENTION.sub(_APART, text)


def web_address(url: str) -> str | None:
    """Return the address with every character percent-encoded that could end a link or be markup.

    Returns:
        None if the address is no web address, or too long to leave room for words.
    """
    if not _WEB_ADDRESS.match(url):
        return None
    address = _NOT_IN_ADDRESS.sub(_percent_encoded, url)
    return address if len(address) <= MAX_ADDRESS else None


def plain_address(url: str) -> str | None:
    """Return the address for a button or a picture, where no character is markup, as `web_address` does.

    The brackets around a host of IPv6 stay, because Discord would refuse the message without them.
    """
    return url if _PLAIN_ADDRESS.fullmatch(url) and len(url) <= MAX_ADDRESS else web_address(url)


def clean(text: str) -> str:
    """Return the text without control characters, and with line feeds for all other line breaks."""
    return _CONTROL.sub("", _LINE_BREAK.sub("\n", text))


def is_blank(text: str) -> bool:
    """Return True if the text shows nothing."""
    return not _INVISIBLE.sub("", clean(text)).strip()


def link_to(picture: Picture) -> Paragraph:
    """Return the picture's description as a link to the picture."""
    words = picture.url if is_blank(picture.alt) else picture.alt
    return Paragraph((Span(words, url=picture.url),))


def _block(block: Block, inside: _Inside) -> str:
    match block:
        case Heading(spans, level) if level > _DEEPEST_HEADING or _Inside.LIST in inside:
            return _inline(tuple(dataclasses.replace(span, style=span.style | Style.BOLD) for span in spans))
        case Heading(spans, level):
            return _before_lines("#" * (level + 1) + " ", _inline(spans))
        case Paragraph(spans):
            return _inline(spans)
        case Note(spans):
            return _before_lines("-# ", _inline(spans))
        case CodeBlock(text):
            return _code_block(clean(text))
        case Quote(blocks):
            return _quote(blocks, inside)
        case Fold():
            return write(block.unfolded, inside)
        case Listing(items, start):
            return _listing(items, start, inside | _Inside.LIST)
        case Picture():
            return _block(link_to(block), inside)


def _before_lines(mark: str, text: str) -> str:
    # Because number signs at the end of a heading's line belong to the mark, escaped or not, they are kept apart.
    end = _APART if mark.startswith("#") else ""
    lines = filter(None, map(str.strip, text.split("\n")))
    return "\n".join(mark + line + (end if line.endswith("#") else "") for line in lines)


def _quote(blocks: Iterable[Block], inside: _Inside) -> str:
    text = write(blocks, inside | _Inside.QUOTE)
    if _Inside.QUOTE in inside or not text:
        return text
    return "\n".join(f"> {line}" for line in text.split("\n"))


def _listing(items: Iterable[Iterable[Block]], start: int | None, inside: _Inside) -> str:
    lines = []
    for number, item in enumerate(items, start or 0):
        mark = "- " if start is None else f"{number}. "
        if text := write(item, inside):
            lines.append(mark + text.replace("\n", "\n" + " " * len(mark)))
    return "\n".join(lines)


def _code_block(text: str) -> str:
    if is_blank(text):
        return ""
    return "```\n" + _kept_apart(text.strip("\n"), "``") + "\n```"


# Because the search for a cut writes the same paragraphs again and again.
@functools.lru_cache(maxsize=1 << 9)
def _inline(spans: Spans) -> str:
    return "" if is_blank(text_of(spans)) else _styled(_merged(spans), tuple(_MARKS)).strip()


def _merged(spans: Spans) -> Spans:
    """Return the spans as Discord can show them, with neighbours that look alike made one.

    Code has no other style and is no link, because the marks of both could stand in it unescaped. A link that Discord
    cannot follow is its words.
    """
    looks = itertools.groupby(spans, key=_look)
    merged = (Span(clean("".join(span.text for span in group)), *look) for look, group in looks)
    return tuple(span for span in merged if span.text)


def _look(span: Span) -> tuple[Style, str | None]:
    address = span.url and web_address(span.url)
    if address:
        return span.style & ~Style.CODE, address
    return Style.CODE if Style.CODE in span.style else span.style, None


def _styled(spans: Spans, styles: tuple[Style, ...]) -> str:
    """Return the spans with the marks of these styles, the first outermost."""
    if not styles:
        return _joined(map(_span, spans))
    outer, *inner = styles
    runs = itertools.groupby(spans, key=lambda span: outer in span.style)
    written = ((has_style, _styled(tuple(run), tuple(inner))) for has_style, run in runs)
    return _joined(_marked(text, _MARKS[outer]) if has_style else text for has_style, text in written)


def _joined(parts: Iterable[str]) -> str:
    """Return the parts in a row, kept apart where Discord would read a closing mark and an opening one as one."""
    text = ""
    for part in parts:
        text += _APART + part if text.endswith("*") and part.startswith("*") else part
    return text


def _marked(text: str, mark: str) -> str:
    """Return each line between marks, because a mark must touch a word, and a quote or list begins every line anew."""
    # Because a strike ends at the first two tildes, escaped or not, a third one is kept apart.
    end = _APART if mark == "~~" else ""
    lines = ((line, end if line.rstrip().endswith("~") else "") for line in text.split("\n"))
    return "\n".join(_around(line, mark, apart + mark) if line.strip() else line for line, apart in lines)


def _span(span: Span) -> str:
    if span.url:
        return _link(span.text, span.url)
    return _code(span.text) if Style.CODE in span.style else escape(span.text)


def _code(text: str) -> str:
    return "\n".join(_code_line(line) if line.strip() else line for line in text.split("\n"))


def _code_line(line: str) -> str:
    """Return code in backticks, double ones if it holds any. Discord hides the space before one at the edge."""
    fence = "``" if "`" in line else "`"
    before = " " if line.startswith("`") else ""
    after = " " if line.endswith("`") else ""
    return fence + before + _kept_apart(line, "`") + after + fence


def _kept_apart(code: str, backticks: str) -> str:
    """Return code in which no more backticks touch, no bracket ends a label before it, and nobody is mentioned."""
    return _MENTION.sub(_APART, re.sub(rf"{backticks}(?=`)|\](?=\()", rf"\g<0>{_APART}", code))


def _link(text: str, address: str) -> str:
    """Return the words with the link on the longest part that a label takes; without one, the address follows."""
    if is_blank(text):
        return text
    if web_address(text) == address:
        return f"<{address}>"
    parts = _NOT_IN_LABEL.split(_INVISIBLE_BUT_EMOJI.sub(r"\1", text))
    place = max(range(0, len(parts), 2), key=lambda index: len(parts[index].strip()))
    # Because Discord drops every space but the common one from a label. Those around it stay what they are.
    words = parts[place].strip()
    label = parts[place].replace(words, _SPACE.sub(" ", words))
    if not words:
        return f"{escape(text)} <{address}>"
    before, after = escape("".join(parts[:place])), escape("".join(parts[place + 1 :]))
    return before + _around(label, "[", f"]({address})") + after


def _around(text: str, before: str, after: str) -> str:
    """Return the text with marks around its words, inside of the spaces at its edges."""
    words = text.strip()
    start = text.index(words)
    return text[:start] + before + words + after + text[start + len(words) :]


def _percent_encoded(match: re.Match[str]) -> str:
    # Not by the standard library's `quote`, which leaves tildes as they are.
    return "".join(f"%{byte:02X}" for byte in match[0].encode())
