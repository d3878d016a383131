"""A document as Telegram rich messages (Bot API 10.1): HTML with tags for headings, lists and pictures.

The HTML has limits and an escaping of its own. A document beyond the limits has its classic rendering alone, which also
replaces a rich one that Telegram refuses.
"""

import itertools
from collections.abc import Iterable, Iterator

from bot.model import document as doc
from bot.model.rendering import Message, Rendering
from bot.model.split import text_of
from bot.platforms.telegram.keyboard import keyboard
from bot.platforms.telegram.render import clean, clean_text, completed, is_blank

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


class _TooLargeError(Exception):
    """A block that no rich message can hold."""


def render_rich(document: doc.Document, *, classic: Rendering, silent: bool = False, username: str = "") -> Rendering:
    """Return the document as the bodies of `sendRichMessage`, with `classic` as fallback.

    Returns:
        `classic` alone if a block is too large.
    """
    sections = [[html for block in section.blocks for html in _block(block)] for section in document.sections]
    try:
        pages = _pages(filter(None, sections), apart=document.layout is doc.Layout.SEGMENTS)
    except _TooLargeError:
        return classic
    # Because an entity that Telegram finds by itself can make it refuse a rich message, the detection is skipped.
    bodies = [{RICH_MESSAGE: {"html": html, "skip_entity_detection": True}} for html in pages]
    messages = [Message(body, len(html), LENGTH_LIMIT) for body, html in zip(bodies, pages, strict=True)]
    buttons = keyboard(document.buttons, username)
    return Rendering(document.title, completed(messages, buttons, silent=silent), fallback=classic)


def _pages(sections: Iterable[list[str]], *, apart: bool) -> list[str]:
    """Return the sections in as few messages as possible, or each `apart`, cut between blocks where one is too long."""
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
    yield page


def _fits(html: str) -> bool:
    tags = sum(html.count(f"<{tag}") for tag in ("p>", "h2>", "h3>", "li>", "ul>", "ol", "blockquote>", "pre>"))
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
