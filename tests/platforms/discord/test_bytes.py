"""A limit of Discord that counts bytes, which other alphabets reach before the one that counts characters."""

from __future__ import annotations

import functools
import operator

import pytest

from bot.model.document import Document, Paragraph, Section, Span
from bot.platforms.discord.render import DISPLAY_BYTES, MAX_TEXT_BYTES, render


@pytest.mark.parametrize("letter", ["é", "я", "語", "🎧"])
def test_no_message_has_more_bytes_than_discord_can_bear(letter: str) -> None:
    """4,000 characters of any alphabet become as many messages as their bytes need, with every letter in them."""
    words = f"{letter * 9} " * 400
    rendering = render(Document("Titre", (Section((Paragraph((Span(words),)),)),)))
    texts = [
        [inner["content"] for inner in message.body["components"][0]["components"]] for message in rendering.messages
    ]
    assert "".join(functools.reduce(operator.iadd, texts, [])).count(letter) == words.count(letter)
    for displays in texts:
        assert sum(len(text.encode()) + DISPLAY_BYTES for text in displays) <= MAX_TEXT_BYTES
