"""A document as Telegram rich messages (Bot API 10.1): HTML with tags for headings, lists and pictures.

The HTML has limits and an escaping of its own. A document beyond the limits has its classic rendering alone. Where
Telegram refuses a rich message, classic ones replace it.
"""

import dataclasses
import functools
import itertools
from collections.abc import Iterable, Iterator
from typing import TypeAlias

from bot.model import document as doc
from bot.model.rendering import Message, Rendering
from bot.model.split import text_of
from bot.platforms.telegram.keyboard import keyboard
from bot.platforms.telegram.render import clean, clean_text, completed, is_blank, render

RICH_MESSAGE = "rich_message"
"""The parameter that makes a body one of `sendRichMessage`."""
LENGTH_LIMIT = 32_768
"""Characters of a rich message. The bot counts its tags too, although Telegram does not."""
BLOCK_LIMIT = 500
"""Blocks of a rich message. Items of lists and blocks around others count."""
MEDIA_LIMIT = 50
"""Pictures of a rich message."""
DEPTH_LIMIT = 16
"""Blocks within each other."""

_TAGS = {doc.Style.BOLD: "b", doc.Style.ITALIC: "i", doc.Style.STRIKE: "s", doc.Style.CODE: "code"}
_ESCAPED = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;"})
_HEADINGS = {1: "h2", 2: "h3"}
"""Without `h1`, because a phone shows it too large."""


_Page: TypeAlias = list[doc.Section]
"""The sections of one message, or parts of them."""


class _TooLargeError(Exception):
    """A block that no rich message can hold."""


def render_rich(document: doc.Document, *, silent: bool = False, username: str = "") -> Rendering:
    """Return the document as the bodies of `sendRichMessage`, each with classic messages as its fallback.

    Returns:
        The classic rendering if a block is too large.
    """
    try:
        pages = _pages(document)
        if len(pages) > 1:
            pages = _pages(document, below=document.continued)
    except _TooLargeError:
        pages = []
    if not pages:
        return render(document, silent=silent, username=username)
    messages = [
        _message(
            page, document.buttons if page is pages[-1] else (), silent=silent or page is not pages[0], of=username
        )
        for page in pages
    ]
    return Rendering(document.title, tuple(messages))


def _message(page: _Page, buttons: tuple[doc.Button, ...], *, silent: bool, of: str) -> Message:
    html = _html(page)
    # Because an entity that Telegram finds by itself can make it refuse a rich message, the detection is skipped.
    body = {RICH_MESSAGE: {"html": html, "skip_entity_detection": True}}
    (message,) = completed([Message(body, len(html), LENGTH_LIMIT)], keyboard(buttons, of), silent=silent)
    classic = render(doc.Document("", tuple(page), buttons), silent=silent, username=of)
    return dataclasses.replace(message, fallback=classic.messages)


def _pages(document: doc.Document, below: tuple[doc.Block, ...] = ()) -> list[_Page]:
    """Return the sections in as few messages as possible, or each apart, cut between blocks where one is too long.

    The first message ends with the blocks that stand `below`.
    """
    pages: list[_Page] = []
    last = [doc.Section(below)] if below else []
    for section in document.sections:
        if not _html([section]):
            continue
        for part in [section] if _fits([section, *last]) else _cut(section, last):
            if pages and document.layout is not doc.Layout.SEGMENTS and _fits([*pages[-1], part, *last]):
                pages[-1].append(part)
            else:
                if len(pages) == 1:
                    pages[0] += last
                    last = []
                pages.append([part])
    return pages


def _cut(section: doc.Section, last: _Page) -> Iterator[doc.Section]:
    """Yield the section in parts, between blocks, each of which has room for the `last` section."""
    part: tuple[doc.Block, ...] = ()
    preview = section.preview
    for block in section.blocks:
        if not _fits([doc.Section((block,)), *last]):
            raise _TooLargeError
        if not _fits([doc.Section((*part, block)), *last]):
            yield doc.Section(part, preview)
            part, preview = (), None
        part += (block,)
    yield doc.Section(part, preview)


def _html(page: _Page) -> str:
    return "".join(_written(block) for section in page for block in section.blocks)


@functools.lru_cache(maxsize=512)
def _written(block: doc.Block) -> str:
    # Because a message is measured again with each block that it gets, the HTML of a block is kept.
    return "".join(_block(block))


def _fits(page: _Page) -> bool:
    html = _html(page)
    tags = sum(
        html.count(f"<{tag}") for tag in ("p>", "h2>", "h3>", "li>", "ul>", "ol", "blockquote>", "pre>", "details>")
    )
    blocks = tags + html.count("<footer>") + 2 * html.count("<figure>")
    return len(html) <= LENGTH_LIMIT and blocks <= BLOCK_LIMIT and html.count("<img ") <= MEDIA_LIMIT


def _block(block: doc.Block, depth: int = 1) -> Iterator[str]:
    """Return the block as HTML; nothing if it shows nothing. Too deep, its content stands without its own tag."""
    match block:
        case doc.Heading(spans, level):
            yield from _element(_HEADINGS[level], _inline(spans))
        case doc.Paragraph(spans):
            yield from _element("p", _inline(spans))
        case doc.Note(spans):
            yield from _element("footer", _inline(spans))
        case doc.CodeBlock(text):
            yield from _element("pre", "" if is_blank(text) else _escaped(text))
        case doc.Picture(url, alt):
            caption = "".join(_element("figcaption", _escaped(alt)))
            yield f'<figure><img src="{_escaped(url)}">{caption}</figure>'
        case doc.Quote(blocks):
            inner = _inside(blocks, depth + 1)
            yield from _element("blockquote", inner) if depth < DEPTH_LIMIT - 1 else [inner]
        case doc.Fold(title, blocks):
            summary = "".join(_element("summary", _inline(title.spans)))
            yield from _element("details", summary + _inside(blocks, depth + 1))
        case doc.Listing(items, start):
            inners = [_inside(item, depth + 2) for item in items]
            if depth >= DEPTH_LIMIT - 2:
                yield from inners
                return
            entries = "".join(html for inner in inners for html in _element("li", inner))
            yield from _element("ul" if start is None else f'ol start="{start}"', entries)


def _inside(blocks: Iterable[doc.Block], depth: int) -> str:
    return "".join(html for block in blocks for html in _block(block, depth))


def _element(opening: str, inner: str) -> list[str]:
    """Return an element around the inner HTML; none around nothing."""
    return [f"<{opening}>{inner}</{opening.partition(' ')[0]}>"] if inner else []


def _inline(spans: doc.Spans) -> str:
    """Return the spans as HTML; empty if Telegram shows nothing of them."""
    cleaned = clean(spans)
    if is_blank(text_of(cleaned)):
        return ""
    html = ""
    for url, run in itertools.groupby(cleaned, key=lambda span: span.url):
        words = ""
        for span in run:
            styled = _escaped(span.text).replace("\n", "<br>")
            for tag in (tag for flag, tag in _TAGS.items() if flag in span.style):
                styled = f"<{tag}>{styled}</{tag}>"
            words += styled
        html += words if url is None else f'<a href="{_escaped(url)}">{words}</a>'
    return html


def _escaped(text: str) -> str:
    return clean_text(text).translate(_ESCAPED)
