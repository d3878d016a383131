"""The messages as TDLib understands them: the library the Bot API server runs on, asked offline.

`parseMarkdown` takes a text with entities and mends both as the server does before it sends a message. What it returns
has to mean what was meant: the same text, and on every character the same styles and links.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.model.document import Document, Paragraph, Section, Span, Style
from bot.platforms.telegram.render import render
from tests.documents import LARGE, documents

if TYPE_CHECKING:
    from bot.model.rendering import JsonObject

tdlib = pytest.importorskip("tests.platforms.telegram.tdlib", reason="TDLib's parser is not installed")

NAMES_AND_TAGS = ("@recap_bot", "/latest", "/topic@recap_bot", "#tiktok", "#été", "#\u200ca", "$AAPL")
ADDRESSES = ("a.fr", "https://a.example/b/c?d=e.f#g", "x@a.example", "tg://resolve?domain=a", "TON://a", "tonsite://b")
NUMBERS = ("1:23:45", "0:07", "4111 1111 1111 1111", "4111111111111111", "4111-1111--1111-1111")
GLUE = (" ", " ", "", ",", ", ", ".", "/", ":", "@", "#", "\n", "-", "»", "😀", "²", "a")

quick = settings(max_examples=LARGE, suppress_health_check=list(HealthCheck))


tokens = st.lists(st.sampled_from((*NAMES_AND_TAGS, *ADDRESSES, *NUMBERS, *GLUE)), min_size=1, max_size=8).map("".join)
styles = st.sampled_from((Style.PLAIN, Style.PLAIN, Style.BOLD, Style.BOLD | Style.ITALIC, Style.CODE))
soup = st.lists(st.builds(Span, tokens, styles, st.sampled_from((None, None, "https://a.example/"))), max_size=8)


@quick
@given(documents())
def test_tdlib_reads_what_was_meant(any_document: Document) -> None:
    """TDLib neither changes the text nor loses, moves or mends away an entity."""
    for message in render(any_document).messages:
        tdlib.check(message.body)


@settings(quick, max_examples=6)
@given(soup)
def test_whatever_telegram_finds_is_counted(spans: list[Span]) -> None:
    """However these stand beside one another, styled or linked, the count is high enough."""
    assert_hundred_at_most(Paragraph((*spans, Span(" fin. ")) * 100))


def assert_hundred_at_most(paragraph: Paragraph) -> None:
    """With all that Telegram adds, no message has over 100 entities, and what was meant is unharmed."""
    for message in render(Document("", (Section((paragraph,)),))).messages:
        answer = tdlib.mended(message.body, *found_in(message.body))
        assert len(answer["entities"]) <= 100
        assert set(tdlib.looks(answer["entities"])) == set(tdlib.looks(message.body["entities"]))


def found_in(body: JsonObject) -> list[dict[str, Any]]:
    """What Telegram adds: what it finds outside links and code."""
    taken = [entity for entity in body["entities"] if entity["type"] in {"text_link", "code"}]
    found = tdlib.execute({"@type": "getTextEntities", "text": body["text"]})["entities"]
    return [entity for entity in found if not any(_overlap(entity, other) for other in taken)]


def _overlap(one: JsonObject, other: JsonObject) -> bool:
    return bool(one["offset"] < other["offset"] + other["length"] and other["offset"] < one["offset"] + one["length"])
