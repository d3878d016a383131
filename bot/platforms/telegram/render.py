"""A document as Telegram messages: plain text, and entities by their place in the text, so that no markup is parsed.

A document is written as lines, the lines are packed into messages, and each message is composed. The text is cleaned
first, as TDLib does in the Bot API server, because later changes would move the entities. The file names below are
TDLib's.
"""

from __future__ import annotations

import dataclasses
import itertools
import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from bot.model import document as doc
from bot.model import split
from bot.model.rendering import JsonObject, Message, Rendering
from bot.model.text import NO_BREAK_SPACE
from bot.platforms.telegram.keyboard import keyboard

TEXT_LIMIT = 4096
"""UTF-16 units in a message. Telegram counts code points, never more; entities are placed in UTF-16 units."""
ENTITY_LIMIT = 100
"""Entities in a message. Telegram drops those beyond silently."""
LONGEST_REPEATED = TEXT_LIMIT // 4
"""Units of a title that is repeated where the text below it goes on in another message."""
BULLET = "•"
PICTURE = "🖼"
INDENT = 3 * NO_BREAK_SPACE
"""Before a list in a list, because Telegram trims common spaces at the start of a message."""
TAB_WIDTH = 4
"""Columns of a tab in code, which Telegram would replace by one space."""

_NO_PREVIEW = {"is_disabled": True}
_ENTITY_TYPES = {
    doc.Style.BOLD: "bold",
    doc.Style.ITALIC: "italic",
    doc.Style.STRIKE: "strikethrough",
    doc.Style.CODE: "code",
}

# misc.cpp, clean_input_string: direction overrides, a few combining lines and the ring are removed, control characters
# become spaces. Beyond that, other line breaks become line feeds, and halves of surrogate pairs are removed.
_CLEAN: dict[int, str | None] = {
    **dict.fromkeys(range(0x20), " "),
    **dict.fromkeys(map(ord, "\r\n\N{LINE SEPARATOR}\N{PARAGRAPH SEPARATOR}"), "\n"),
    **dict.fromkeys([*range(0x202A, 0x202F), 0x030A, 0x0333, 0x033F, *range(0xD800, 0xE000)]),
}
# misc.cpp, strip_empty_characters: blank characters that are neither spaces nor format characters.
_BLANK = frozenset(
    {"\N{BRAILLE PATTERN BLANK}", "\N{OBJECT REPLACEMENT CHARACTER}", *map(chr, range(0xE0000, 0xE0080))}
)
_SPACE = re.compile(r"\s+")
_BLANK_LINES = re.compile(r"(?<!\s)\s*\n")
# MessageEntity.cpp, find_entities: in plain text Telegram itself finds mentions and commands, hashtags and cashtags,
# addresses, times and card numbers, and counts them. This expression finds at least as many.
_FOUND_BY_TELEGRAM = re.compile(
    r"""(?<![A-Za-z0-9_])@\w | (?<![A-Za-z0-9_/])/\w | [#$][\w·\u200c]
    | (?<=[^\s.])\.(?=[^\s.]) | (?i:tg|ton|tonsite):// | \d:\d
    | (?<!\d)(?:\d[ -]{0,3}){13,19}(?!\d)""",
    re.VERBOSE,
)

Entity: TypeAlias = dict[str, Any]


@dataclass(frozen=True, slots=True, eq=False)
class _Quote:
    """A quotation: an entity of this `kind` in each message that has lines of it.

    The lines of the `title` stand above it, and again where it goes on in another message.
    """

    kind: str = "blockquote"
    title: tuple[_Line, ...] = ()


@dataclass(frozen=True, slots=True)
class _Line:
    """A paragraph, a heading or a list item. `gap` stands before the line; `opens` is the section that begins with it.

    Lines with the same `quote` are one quotation. A line that `keeps_next` stays in one message with the next line.
    """

    spans: doc.Spans
    gap: str = "\n\n"
    quote: _Quote | None = None
    is_code: bool = False
    keeps_next: bool = False
    opens: doc.Section | None = None

    @property
    def text(self) -> str:
        return split.text_of(self.spans)

    def styled(self, style: doc.Style) -> _Line:
        return dataclasses.replace(
            self, spans=clean(dataclasses.replace(each, style=each.style | style) for each in self.spans)
        )

    def prefixed(self, prefix: str) -> _Line:
        return dataclasses.replace(self, spans=(doc.Span(prefix), *self.spans))


def render(document: doc.Document, *, silent: bool = False, username: str = "") -> Rendering:
    """Return the document as the bodies of `sendMessage`, without `chat_id` and `message_thread_id`.

    Buttons that share link to the bot of that `username`; without a name they are left out.

    Raises:
        ValueError: the document has no text that Telegram would show, or the data of a button is too long.
    """
    sections = [_section(section) for section in document.sections]
    if document.layout is not doc.Layout.SEGMENTS:
        sections = [list(itertools.chain(*sections))]
    messages = _packed(sections)
    if len(messages) > 1:
        messages = _packed(sections, _lines(document.continued))
    if not messages:
        raise ValueError(f"'{document.title}' has no text to show: Telegram takes no empty message")
    buttons = keyboard(document.buttons, username)
    complete = completed([*map(_message, messages)], buttons, silent=silent)
    return Rendering(document.title, tuple(map(_with_fallback, complete)))


def _with_fallback(message: Message) -> Message:
    """Return the message; one with a preview gets itself without it as fallback, for a page that cannot be fetched."""
    if "url" not in message.body["link_preview_options"]:
        return message
    plain = {**message.body, "link_preview_options": _NO_PREVIEW}
    return dataclasses.replace(message, fallback=(dataclasses.replace(message, body=plain),))


def completed(messages: list[Message], buttons: list[list[JsonObject]], *, silent: bool) -> tuple[Message, ...]:
    """Return the messages with the buttons below the last. Only the first message rings, and none if `silent`."""
    *bodies, last = ({**each.body, "disable_notification": silent or each is not messages[0]} for each in messages)
    if buttons:
        last["reply_markup"] = {"inline_keyboard": buttons}
    return tuple(Message(body, each.used, each.limit) for body, each in zip((*bodies, last), messages, strict=True))


# Writing: from blocks to lines


def _section(section: doc.Section) -> list[_Line]:
    lines = _lines(section.blocks)
    return [dataclasses.replace(line, opens=section) for line in lines[:1]] + lines[1:]


def _lines(blocks: Iterable[doc.Block]) -> list[_Line]:
    return [line for block in blocks for line in _block(block)]


def _block(block: doc.Block) -> list[_Line]:
    match block:
        case doc.Heading(spans):
            return _visible(_Line(spans, keeps_next=True).styled(doc.Style.BOLD))
        case doc.Paragraph(spans) | doc.Note(spans):
            return _visible(_Line(clean(spans)))
        case doc.Picture(url, alt):
            return _visible(_Line(clean([doc.Span(f"{PICTURE} {alt}", url=url)])))
        case doc.CodeBlock(text):
            return _visible(_Line(clean([doc.Span(text.expandtabs(TAB_WIDTH))]), is_code=True))
        case doc.Quote(blocks):
            # Telegram drops quotations inside of one, so the outermost counts.
            quote = _Quote()
            return [dataclasses.replace(line, quote=quote) for line in _lines(blocks)]
        case doc.Fold(title, blocks):
            return _folded(tuple(_block(title)), _lines(blocks))
        case doc.Listing(items, start):
            markers = (BULLET if start is None else f"{start + index}." for index in range(len(items)))
            lines = [line for marker, item in zip(markers, items, strict=True) for line in _item(marker, item)]
            return lines[:1] + [dataclasses.replace(line, gap="\n") for line in lines[1:]]


def _folded(title: tuple[_Line, ...], lines: list[_Line]) -> list[_Line]:
    """Return the title and the lines that fold out below it. A quotation in them is in italics, because none nests."""
    fold = _Quote("expandable_blockquote", title)
    italic = [line.styled(doc.Style.ITALIC) if line.quote is not None and not line.is_code else line for line in lines]
    return [*title, *_closer([dataclasses.replace(line, quote=fold) for line in italic])]


def _closer(lines: list[_Line]) -> list[_Line]:
    """Return the lines, the first of them without a blank line above it."""
    return [dataclasses.replace(line, gap="\n") for line in lines[:1]] + lines[1:]


def _item(marker: str, item: Iterable[doc.Block]) -> list[_Line]:
    """Return the lines of a list's item: the marker before the first, the others indented, code unchanged."""
    lines = _lines(item)
    if not lines:
        return []
    first, *others = lines
    if first.is_code:
        opening = [_Line((doc.Span(marker),), quote=first.quote, keeps_next=True), first]
    else:
        # The no-break space keeps the marker and the first word in one line and one message.
        opening = [first.prefixed(marker + NO_BREAK_SPACE)]
    return opening + [line if line.is_code else line.prefixed(INDENT) for line in others]


def _visible(line: _Line) -> list[_Line]:
    """Return the line without space around it, but with the indentation of code; none if Telegram shows nothing."""
    text = line.text
    if is_blank(text):
        return []
    space = (_BLANK_LINES if line.is_code else _SPACE).match(text)
    start = space.end() if space else 0
    return [dataclasses.replace(line, spans=split.part(line.spans, start, len(text.rstrip())))]


def is_blank(text: str) -> bool:
    """Return True if Telegram shows nothing of the text."""
    return all(each.isspace() or each in _BLANK or unicodedata.category(each) == "Cf" for each in text)


def clean(spans: Iterable[doc.Span]) -> doc.Spans:
    """Return the spans as Telegram can show them. Neighbours that look the same become one."""
    looks = itertools.groupby(spans, key=lambda span: (_possible(span), span.url))
    return tuple(doc.Span("".join(clean_text(span.text) for span in run), style, url) for (style, url), run in looks)


def clean_text(text: str) -> str:
    """Return the text as Telegram stores it."""
    # Because composition comes first, "å" keeps its ring.
    return unicodedata.normalize("NFC", text).replace("\r\n", "\n").translate(_CLEAN)


def _possible(span: doc.Span) -> doc.Style:
    """Return the style that Telegram allows: code alone, and none in a link (MessageEntity.cpp, are_entities_valid)."""
    if doc.Style.CODE not in span.style:
        return span.style
    return doc.Style.CODE if span.url is None else span.style & ~doc.Style.CODE


# Packing: from lines to messages


def _packed(sections: Iterable[list[_Line]], below: Sequence[_Line] = ()) -> list[list[_Line]]:
    """Return the lines of each message, the first with those `below`."""
    messages: list[list[_Line]] = []
    for section in sections:
        lines = section
        while lines:
            below_this = () if messages else below
            message, lines = _first_message(lines, below_this)
            if message:
                messages.append([*message, *below_this])
                lines = _reopened(message[-1].quote, lines)
    return messages


def _reopened(last: _Quote | None, lines: list[_Line]) -> list[_Line]:
    """Return the lines after a message, below their title again if the `last` fold of the message goes on in them."""
    if last is None or not lines or lines[0].quote is not last:
        return lines
    # Because a title that fills a message would leave no room for what it opens, a long one is not repeated.
    title = last.title if sum(_units(line.text) for line in last.title) <= LONGEST_REPEATED else ()
    return [*title, *(_closer(lines) if title else lines)]


def _first_message(lines: list[_Line], below: Sequence[_Line]) -> tuple[list[_Line], list[_Line]]:
    """Return the lines of one message, with room for those `below`, and the rest.

    Only a line that is too long for any message is cut itself.
    """
    count = _fitting(lines, below)
    if count == len(lines):
        return lines, []
    boundary = _boundary(lines, count)
    if boundary and _fit(lines[boundary : count + 1]):
        return lines[:boundary], lines[boundary:]
    line = lines[count]
    # Because a fold opens with its title in each message, the first line below the title is cut anywhere.
    is_first = count == 0 or (
        line.quote is not None and line.quote.title and all(each.keeps_next for each in lines[:count])
    )
    head, tail = split.cut(
        line.spans,
        lambda spans: _fit([*lines[:count], dataclasses.replace(line, spans=spans), *below]),
        worst=split.Break.INSIDE if is_first else split.Break.SENTENCE if boundary else split.Break.WORD,
    )
    if not head:
        return lines[: boundary or count], lines[boundary or count :]
    begun, left = (_visible(dataclasses.replace(line, spans=spans)) for spans in (head, tail))
    return lines[:count] + begun, [dataclasses.replace(line, opens=None) for line in left] + lines[count + 1 :]


def _boundary(lines: list[_Line], count: int) -> int:
    """Return the index of the line that begins the next message, never one after a heading; 0 if no line fits.

    The section that does not fit any more begins it, if one message can hold that section; else the last line possible.
    """
    places = [index for index in range(1, count + 1) if not lines[index - 1].keeps_next]
    section = next((index for index in reversed(places) if lines[index].opens), 0)
    end = next((index for index in range(count + 1, len(lines)) if lines[index].opens), len(lines))
    if section and _fit(lines[section:end]):
        return section
    return places[-1] if places else 0


def _fit(lines: list[_Line]) -> bool:
    return _fitting(lines) == len(lines)


def _fitting(lines: list[_Line], below: Sequence[_Line] = ()) -> int:
    """Return how many of the lines, from the first, fit into one message with those `below`."""
    units = sum(_units(line.gap + line.text) for line in below)
    entities = sum(map(_entity_count, below))
    quote = None
    for count, line in enumerate(lines):
        units += _units(line.text) + (len(line.gap) if count else 0)
        if units > TEXT_LIMIT:
            return count
        entities += _entity_count(line) + (line.quote is not None and line.quote is not quote)
        if entities > ENTITY_LIMIT:
            return count
        quote = line.quote
    return len(lines)


def _entity_count(line: _Line) -> int:
    """Return the most entities that the line can have with Telegram's own, each of which cuts the styles around."""
    if line.is_code:
        return 1
    searched = "".join(" " if span.url or doc.Style.CODE in span.style else span.text for span in line.spans)
    styles = max(len(span.style) for span in line.spans)
    return len(_entities(line, 0)) + len(_FOUND_BY_TELEGRAM.findall(searched)) * (1 + 2 * styles)


# Composing: from lines to a message


def _message(lines: list[_Line]) -> Message:
    text = ""
    entities: list[Entity] = []
    quotes: dict[object, Entity] = {}
    for line in _visible(lines[0]) + lines[1:]:
        text += line.gap if text else ""
        start = _units(text)
        text += line.text
        entities += _entities(line, start)
        if line.quote is not None:
            quote = quotes.setdefault(line.quote, _entity(line.quote.kind, start, 0))
            quote["length"] = _units(text) - quote["offset"]
    # The outer entities come first.
    entities = sorted([*quotes.values(), *entities], key=lambda entity: (entity["offset"], -entity["length"]))
    preview = next((line.opens.preview for line in lines if line.opens and line.opens.preview), None)
    options = {"url": preview, "prefer_large_media": True} if preview else _NO_PREVIEW
    return Message({"text": text, "entities": entities, "link_preview_options": options}, _units(text), TEXT_LIMIT)


def _entities(line: _Line, start: int) -> list[Entity]:
    """Return the entities of a line that begins at the offset `start`."""
    if line.is_code:
        return [_entity("pre", start, _units(line.text))]
    entities = []
    for url, link in itertools.groupby(line.spans, key=lambda span: span.url):
        spans = tuple(link)
        if url is not None:
            entities += _around(split.text_of(spans), start, "text_link", url=url)
        for span in spans:
            for style in span.style:
                entities += _around(span.text, start, _ENTITY_TYPES[style])
            start += _units(span.text)
    return entities


def _around(text: str, start: int, kind: str, **more: str) -> list[Entity]:
    """Return an entity around the words of a text, without the space around them; none without words."""
    words = text.strip()
    space = text[: text.index(words)]
    return [_entity(kind, start + _units(space), _units(words), **more)] if words else []


def _entity(kind: str, offset: int, length: int, **more: str) -> Entity:
    return {"type": kind, "offset": offset, "length": length, **more}


def _units(text: str) -> int:
    """Return the length in UTF-16 units."""
    return len(text.encode("utf-16-le")) // 2
