"""A document as Telegram rich messages (Bot API 10.1): HTML in which headings, lists and pictures are what they are.

Their HTML has tags, limits and an escaping of its own. What does not fit into them has no rich rendering; everything
has a classic one, which is sent where the rich one is refused.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

from bot.model.document import (
    Block,
    CodeBlock,
    Document,
    Heading,
    Layout,
    Listing,
    Note,
    Paragraph,
    Picture,
    Quote,
    Spans,
    Style,
)
from bot.model.rendering import Message, Rendering
from bot.platforms.telegram.keyboard import keyboard
from bot.platforms.telegram.render import clean, clean_text, is_blank

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from bot.model.rendering import JsonObject

RICH_MESSAGE = "rich_message"
"""The parameter that makes a body one of `sendRichMessage`."""

LENGTH_LIMIT = 32_768
"""Characters of a rich message. Its tags are counted too: more than Telegram counts is never too much."""
BLOCK_LIMIT = 500
"""Blocks of a rich message; items of lists count, and so does what holds others."""
MEDIA_LIMIT = 50
"""Pictures of a rich message."""
DEPTH_LIMIT = 16
"""How deep blocks may stand in each other."""

_TAGS = {Style.BOLD: "b", Style.ITALIC: "i", Style.STRIKE: "s", Style.CODE: "code"}
_ESCAPED = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;"})
_HEADINGS = {1: "h2", 2: "h3"}
"""The largest headings are too large for a phone."""


class _TooLargeError(Exception):
    """Something that no rich message can hold."""


def render_rich(document: Document, *, classic: Rendering, silent: bool = False, username: str = "") -> Rendering:
    """The document as the bodies of `sendRichMessage`, with `classic` as its fallback; that one where it is too large.

    Only the first message rings, and none when it is `silent`. The buttons stand below the last one.
    """
    sections = [[html for block in section.blocks for html in _block(block)] for section in document.sections]
    try:
        pages = _pages([section for section in sections if section], apart=document.layout is Layout.SEGMENTS)
    except _TooLargeError:
        return classic
    buttons = keyboard(document.buttons, username)
    last = len(pages) - 1
    messages = tuple(
        _message(html, buttons if index == last else [], silent=silent or index > 0) for index, html in enumerate(pages)
    )
    return Rendering(document.title, messages, fallback=classic)


def _message(html: str, buttons: list[list[JsonObject]], *, silent: bool) -> Message:
    body: dict[str, object] = {
        # What Telegram finds by itself in a rich message can make it refuse the whole.
        RICH_MESSAGE: {"html": html, "skip_entity_detection": True},
        "disable_notification": silent,
    }
    if buttons:
        body["reply_markup"] = {"inline_keyboard": buttons}
    return Message(body=body, used=len(html), limit=LENGTH_LIMIT)


def _pages(sections: list[list[str]], *, apart: bool) -> list[str]:
    """The sections in as few messages as hold them, or each in messages of its own; cut between blocks if need be."""
    pages: list[str] = []
    for section in sections:
        whole = "".join(section)
        if pages and not apart and _fits(pages[-1] + whole):
            pages[-1] += whole
        elif _fits(whole):
            pages.append(whole)
        else:
            pages += _cut(section)
    return pages


def _cut(blocks: Iterable[str]) -> Iterator[str]:
    page = ""
    for block in blocks:
        if not _fits(block):
            raise _TooLargeError
        if not _fits(page + block):
            yield page
            page = ""
        page += block
    if page:
        yield page


def _fits(html: str) -> bool:
    tags = sum(html.count(f"<{tag}") for tag in ("p>", "h2>", "h3>", "li>", "ul>", "ol", "blockquote>", "pre>"))
    blocks = tags + html.count("<footer>") + 2 * html.count("<figure>")
    return len(html) <= LENGTH_LIMIT and blocks <= BLOCK_LIMIT and html.count("<img ") <= MEDIA_LIMIT


def _block(block: Block, depth: int = 1) -> Iterator[str]:
    """The block as HTML; nothing where there is nothing to see. Too deep, its content stands without what holds it."""
    match block:
        case Heading(spans, level):
            yield from _element(_HEADINGS[level], _inline(spans))
        case Paragraph(spans):
            yield from _element("p", _inline(spans))
        case Note(spans):
            yield from _element("footer", _inline(spans))
        case CodeBlock(text):
            yield from _element("pre", "" if all(map(is_blank, text)) else _escaped(text))
        case Picture(url, alt):
            caption = "".join(_element("figcaption", _escaped(alt)))
            yield f'<figure><img src="{_escaped(url)}">{caption}</figure>'
        case Quote(blocks):
            inner = "".join(html for each in blocks for html in _block(each, depth + 1))
            yield from _element("blockquote", inner) if depth < DEPTH_LIMIT - 1 else [inner]
        case Listing(items, start):
            inners = ("".join(html for each in item for html in _block(each, depth + 2)) for item in items)
            if depth >= DEPTH_LIMIT - 2:
                yield from inners
                return
            entries = "".join(itertools.chain.from_iterable(_element("li", inner) for inner in inners))
            opening = "ul" if start is None else f'ol start="{start}"'
            yield from _element(opening, entries)


def _element(opening: str, inner: str) -> list[str]:
    """An element around the inner HTML; none around nothing."""
    return [f"<{opening}>{inner}</{opening.partition(' ')[0]}>"] if inner else []


def _inline(spans: Spans) -> str:
    """The run of text as HTML; empty when nothing of it can be seen."""
    cleaned = clean(spans)
    if all(is_blank(character) for span in cleaned for character in span.text):
        return ""
    html = ""
    for url, run in itertools.groupby(cleaned, key=lambda span: span.url):
        words = "".join(_styled(span.text, span.style) for span in run)
        html += words if url is None else f'<a href="{_escaped(url)}">{words}</a>'
    return html


def _styled(text: str, style: Style) -> str:
    html = _escaped(text).replace("\n", "<br>")
    for flag, tag in _TAGS.items():
        if flag in style:
            html = f"<{tag}>{html}</{tag}>"
    return html


def _escaped(text: str) -> str:
    return clean_text(text).translate(_ESCAPED)
