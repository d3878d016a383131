"""What people should see of a document on Discord, what they do see of its messages, and whether that is the same."""

from __future__ import annotations

import dataclasses
import itertools
import re
from collections import deque
from typing import TYPE_CHECKING, Any

from bot.model.document import CodeBlock, Heading, Listing, Note, Paragraph, Picture, Quote, Span, Style
from bot.platforms.discord.markdown import plain_address, web_address
from tests.platforms.discord.reader import Place, Seen, read

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from bot.model.document import Block, Document, Spans
    from bot.model.rendering import Message

GALLERY = ("gallery",)
"""The place of a picture's description."""

# What shows nothing may be added, dropped or changed.
_NOT_SEEN = re.compile(
    r"[\s\x00-\x1f\x7f-\x9f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e"
    r"\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufff8\U0001bca0-\U0001bca3\U0001d173-\U0001d17a"
    r"\U000e0000-\U000e0fff]"
)


def components(message: Message) -> list[dict[str, Any]]:
    """The components in the message's container."""
    (container,) = message.body["components"]
    inner: list[dict[str, Any]] = container["components"]
    return inner


def assert_all_is_said(document: Document, messages: Iterable[Message]) -> None:
    """Every character is there, in its style and place, in order, none twice; and every link is on words of its own.

    A link may leave out words that no label takes, and may follow as an address when it takes none.
    """
    said = deque(_said(messages))
    for url, group in itertools.groupby(_meant(document), key=lambda meant: meant.url):
        run = deque(group)
        linked = set()
        while run or (url and said and said[0].text == url):
            seen = said.popleft()
            linked.add(seen.url)
            is_address_after_words = seen.text == url and (not run or run[0].text != url)
            if not is_address_after_words:
                _assert_like(run.popleft(), seen)
        assert url in linked
    assert not said


def _assert_like(meant: Seen, seen: Seen) -> None:
    assert (seen.style, seen.place) == (meant.style, meant.place)
    if meant.place == GALLERY:
        assert seen.url == meant.url
        assert seen.text == meant.text or (seen.text.endswith("…") and meant.text.startswith(seen.text[:-1]))
    else:
        assert seen.text == meant.text
        assert seen.url in {meant.url, None}


def _said(messages: Iterable[Message]) -> Iterator[Seen]:
    for message in messages:
        for component in components(message):
            yield from (seen for seen in read(component.get("content", "")) if _visible(seen.text))
            for item in component.get("items", ()):
                yield Seen(_visible(item.get("description", "")), Style.PLAIN, item["media"]["url"], GALLERY)


def _meant(document: Document) -> Iterator[Seen]:
    for section in document.sections:
        for block in section.blocks:
            if isinstance(block, Picture) and (address := plain_address(block.url)):
                yield Seen(_visible(block.alt), Style.PLAIN, address, GALLERY)
            else:
                yield from _meant_by(block, ())


def _meant_by(block: Block, place: Place) -> Iterator[Seen]:
    match block:
        case Quote(blocks):
            inside = place if ">" in place else (*place, ">")
            yield from itertools.chain.from_iterable(_meant_by(quoted, inside) for quoted in blocks)
        case Listing(items):
            inside = (*place, "-")
            listed = itertools.chain.from_iterable(items)
            yield from itertools.chain.from_iterable(_meant_by(part, inside) for part in listed)
        case Heading(spans) if "-" in place:
            bold = tuple(dataclasses.replace(span, style=span.style | Style.BOLD) for span in spans)
            yield from _meant_in(bold, place)
        case Heading(spans, level):
            yield from _meant_in(spans, (*place, "##" if level == 1 else "###"))
        case Paragraph(spans):
            yield from _meant_in(spans, place)
        case Note(spans):
            yield from _meant_in(spans, (*place, "-#"))
        case CodeBlock(text):
            yield from _meant_in((Span(text, Style.CODE),), (*place, "```"))
        case Picture(url, alt):
            yield from _meant_in((Span(alt if _visible(alt) else url, url=url),), place)


def _meant_in(spans: Spans, place: Place) -> Iterator[Seen]:
    for span in spans:
        url = web_address(span.url) if span.url else None
        style = Style.CODE if Style.CODE in span.style else span.style
        if url:
            style = span.style & ~Style.CODE
        for text in [url] if url and web_address(span.text) == url else _visible(span.text):
            yield Seen(text, style, url, place)


def _visible(text: str) -> str:
    return _NOT_SEEN.sub("", text)
