"""TDLib's own opinion of a text and its entities, where the `tdjson` package is installed.

Asked is `getMarkdownText`, a call that works without a network and first puts its text through the checks that TDLib,
on which the Bot API server is built, makes of every message: entities within the text and not inside a surrogate
pair, addresses of links that Telegram accepts. Length, emptiness and the number of entities are not checked there.
"""

from __future__ import annotations

import importlib.util
import json
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from types import ModuleType

    from bot.sandbox.telegram.model import Json

_TYPES = {
    "bold": "Bold",
    "italic": "Italic",
    "underline": "Underline",
    "strikethrough": "Strikethrough",
    "spoiler": "Spoiler",
    "code": "Code",
    "pre": "Pre",
    "blockquote": "BlockQuote",
    "expandable_blockquote": "ExpandableBlockQuote",
    "text_link": "TextUrl",
}


@cache
def _tdjson() -> ModuleType | None:
    if importlib.util.find_spec("tdjson") is None:
        return None
    import tdjson  # noqa: PLC0415 - a large library that only tests install

    quiet = {"@type": "setLogVerbosityLevel", "new_verbosity_level": 0}
    tdjson.td_execute(json.dumps(quiet).encode())
    return tdjson


def available() -> bool:
    """Whether TDLib can be asked."""
    return _tdjson() is not None


def execute(request: Json) -> Json:
    """TDLib's answer to a request that needs no network.

    Raises:
        RuntimeError: TDLib is not installed, or does not know the request.
    """
    tdjson = _tdjson()
    answer = tdjson and tdjson.td_execute(json.dumps(request).encode())
    if not answer:
        raise RuntimeError(f"TDLib cannot answer {request.get('@type')}; is tdjson installed?")
    result: Json = json.loads(answer)
    return result


def refusal(text: str, entities: Iterable[Json]) -> str | None:
    """Why TDLib refuses the text with these entities; None when it accepts them or is not there."""
    if not available():
        return None
    known = [_entity(entity) for entity in entities if entity["type"] in _TYPES]
    formatted = {"@type": "formattedText", "text": text, "entities": known}
    answer = execute({"@type": "getMarkdownText", "text": formatted})
    return str(answer["message"]) if answer["@type"] == "error" else None


def _entity(entity: Json) -> Json:
    kind = {"@type": f"textEntityType{_TYPES[entity['type']]}"}
    if "url" in entity:
        kind["url"] = entity["url"]
    return {"@type": "textEntity", "offset": entity["offset"], "length": entity["length"], "type": kind}
