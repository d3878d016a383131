"""What a message body says, read back."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bot.model.rendering import JsonObject


def units(text: str) -> bytes:
    """The text as UTF-16, two bytes a unit."""
    return text.encode("utf-16-le")


def marked(body: JsonObject) -> list[tuple[str, str]]:
    """Every entity: its type (or the address it leads to) and the text it covers."""
    text = units(body["text"])
    return [
        (entity.get("url", entity["type"]), text[2 * entity["offset"] :][: 2 * entity["length"]].decode("utf-16-le"))
        for entity in body["entities"]
    ]
