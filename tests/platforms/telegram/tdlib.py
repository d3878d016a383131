"""TDLib, the library that the Bot API server runs on, asked offline what it makes of a message.

`parseMarkdown` takes a text with entities and mends both as the server does before it sends a message.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import tdjson

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bot.model.rendering import JsonObject

MAX_ENTITIES = 100
TYPES = {
    "bold": "textEntityTypeBold",
    "italic": "textEntityTypeItalic",
    "strikethrough": "textEntityTypeStrikethrough",
    "code": "textEntityTypeCode",
    "pre": "textEntityTypePre",
    "blockquote": "textEntityTypeBlockQuote",
    "expandable_blockquote": "textEntityTypeExpandableBlockQuote",
    "text_link": "textEntityTypeTextUrl",
}
MEANT = frozenset(TYPES.values())


def execute(request: dict[str, Any]) -> dict[str, Any]:
    """What TDLib answers."""
    answer: dict[str, Any] = json.loads(tdjson.td_execute(json.dumps(request).encode()) or b"{}")
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


def check(body: JsonObject) -> None:
    """TDLib neither changes the text nor loses, moves or mends away an entity."""
    answer = mended(body)
    assert undirected(answer["text"]) == undirected(unmarked(body["text"]))
    assert set(looks(answer["entities"])) == set(looks(body["entities"]))
    assert len(answer["entities"]) <= MAX_ENTITIES


# TDLib writes its own logs to standard error.
execute({"@type": "setLogVerbosityLevel", "new_verbosity_level": 0})
