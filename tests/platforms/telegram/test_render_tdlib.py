"""The messages as TDLib understands them: the library the Bot API server runs on, asked offline.

`parseMarkdown` takes a text with entities and mends both as the server does before it sends a message. What it returns
has to mean what was meant: the same text, and on every character the same styles and links.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.document import Document, Paragraph, Section, Span, Style
from bot.platforms.telegram.render import render
from tests.documents import documents

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bot.platforms.base import JsonObject

tdjson = pytest.importorskip("tdjson", reason="TDLib's parser is not installed")

TYPES = {
    "bold": "textEntityTypeBold",
    "italic": "textEntityTypeItalic",
    "strikethrough": "textEntityTypeStrikethrough",
    "code": "textEntityTypeCode",
    "pre": "textEntityTypePre",
    "blockquote": "textEntityTypeBlockQuote",
    "text_link": "textEntityTypeTextUrl",
}
MEANT = frozenset(TYPES.values())

NAMES_AND_TAGS = ("@recap_bot", "/latest", "/topic@recap_bot", "#tiktok", "#été", "#\u200ca", "$AAPL")
ADDRESSES = ("a.fr", "https://a.example/b/c?d=e.f#g", "x@a.example", "tg://resolve?domain=a", "TON://a", "tonsite://b")
NUMBERS = ("1:23:45", "0:07", "4111 1111 1111 1111", "4111111111111111", "4111-1111--1111-1111")
GLUE = (" ", " ", "", ",", ", ", ".", "/", ":", "@", "#", "\n", "-", "»", "😀", "²", "a")

quick = settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))


tokens = st.lists(st.sampled_from((*NAMES_AND_TAGS, *ADDRESSES, *NUMBERS, *GLUE)), min_size=1, max_size=8).map("".join)
styles = st.sampled_from((Style.PLAIN, Style.PLAIN, Style.BOLD, Style.BOLD | Style.ITALIC, Style.CODE))
soup = st.lists(st.builds(Span, tokens, styles, st.sampled_from((None, None, "https://a.example/"))), max_size=8)


@pytest.fixture(scope="module", autouse=True)
def _quiet() -> None:
    execute({"@type": "setLogVerbosityLevel", "new_verbosity_level": 0})


def execute(request: dict[str, Any]) -> dict[str, Any]:
    """What TDLib answers."""
    answer: dict[str, Any] = json.loads(tdjson.td_execute(json.dumps(request).encode()))
    assert answer["@type"] != "error", answer
    return answer


def mended(body: JsonObject, *more: dict[str, Any]) -> dict[str, Any]:
    """A message's text and entities after TDLib has cleaned the one and put the other in its own order."""
    entities = [
        {"offset": entity["offset"], "length": entity["length"], "type": _type(entity)} for entity in body["entities"]
    ]
    text = {"@type": "formattedText", "text": unmarked(body["text"]), "entities": [*entities, *more]}
    return execute({"@type": "parseMarkdown", "text": text})


def _type(entity: JsonObject) -> dict[str, str]:
    url = {"url": entity["url"]} if "url" in entity else {}
    return {"@type": TYPES[entity["type"]], **url}


def unmarked(text: str) -> str:
    """The text without what `parseMarkdown` would read as markup, at the same length."""
    return re.sub(r"[*_~`|\[\]>]", "x", text)


def undirected(text: str) -> str:
    """The text without direction marks: where several meet, TDLib makes joiners of all but the last."""
    return re.sub("[\u200c\u200e\u200f]", "", text)


def looks(entities: list[dict[str, Any]]) -> Iterator[tuple[int, str, str]]:
    """Each UTF-16 unit with each thing that was meant for it: a style or a frame, or an address."""
    for entity in entities:
        kind = entity["type"] if isinstance(entity["type"], dict) else _type(entity)
        for unit in range(entity["offset"], entity["offset"] + entity["length"]):
            if kind["@type"] in MEANT:
                yield unit, kind["@type"], kind.get("url", "")


@quick
@given(documents())
def test_tdlib_reads_what_was_meant(any_document: Document) -> None:
    """TDLib neither changes the text nor loses, moves or mends away an entity."""
    for message in render(any_document).messages:
        answer = mended(message.body)
        assert undirected(answer["text"]) == undirected(unmarked(message.body["text"]))
        assert set(looks(answer["entities"])) == set(looks(message.body["entities"]))
        assert len(answer["entities"]) <= 100


@pytest.mark.parametrize("token", [*NAMES_AND_TAGS, *ADDRESSES, *NUMBERS])
def test_what_telegram_finds_itself_is_counted(token: str) -> None:
    """Telegram adds an entity for each of these, and cuts the bold one in two around it."""
    assert found_in({"text": token, "entities": []})
    assert_hundred_at_most(Paragraph((Span(f"{token}, " * 60, Style.BOLD),)))


@quick
@given(soup)
def test_whatever_telegram_finds_is_counted(spans: list[Span]) -> None:
    """However these stand beside one another, styled or linked, the count is high enough."""
    assert_hundred_at_most(Paragraph((*spans, Span(" fin. ")) * 100))


def assert_hundred_at_most(paragraph: Paragraph) -> None:
    """With all that Telegram adds, no message has over 100 entities, and what was meant is unharmed."""
    for message in render(Document("", (Section((paragraph,)),))).messages:
        answer = mended(message.body, *found_in(message.body))
        assert len(answer["entities"]) <= 100
        assert set(looks(answer["entities"])) == set(looks(message.body["entities"]))


def found_in(body: JsonObject) -> list[dict[str, Any]]:
    """What Telegram adds: what it finds outside links and code."""
    taken = [entity for entity in body["entities"] if entity["type"] in {"text_link", "code"}]
    found = execute({"@type": "getTextEntities", "text": body["text"]})["entities"]
    return [entity for entity in found if not any(_overlap(entity, other) for other in taken)]


def _overlap(one: JsonObject, other: JsonObject) -> bool:
    return bool(one["offset"] < other["offset"] + other["length"] and other["offset"] < one["offset"] + one["length"])
