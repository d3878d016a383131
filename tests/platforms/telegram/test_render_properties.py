"""What holds for the messages of any document, whatever somebody writes."""

from __future__ import annotations

import itertools
import json
import re
import unicodedata
from typing import TYPE_CHECKING

from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from bot.model.document import Block, CodeBlock, Document, Fold, Listing, Picture, Quote, Span
from bot.platforms.telegram.render import render
from tests.documents import LARGE, Leaf, documents, leaves, text_of
from tests.platforms.telegram.reader import marked, units

if TYPE_CHECKING:
    from collections.abc import Iterable

NO_BREAK_SPACES = "\N{NO-BREAK SPACE}\N{NARROW NO-BREAK SPACE}\N{FIGURE SPACE}"

# The documents are large on purpose.
arbitrary = settings(max_examples=LARGE, suppress_health_check=list(HealthCheck))


@arbitrary
@given(documents(), st.booleans())
def test_every_message_is_within_the_limits(any_document: Document, silent: bool) -> None:
    """4096 UTF-16 units, 100 entities, no blank or untrimmed text, no half character, plain JSON."""
    for message in render(any_document, silent=silent).messages:
        text = json.loads(json.dumps(message.body))["text"]
        assert len(units(text)) // 2 == message.used <= message.limit == 4096
        assert len(message.body["entities"]) <= 100
        assert seen(text)
        assert text.rstrip() == text
        assert text.lstrip() == text or any(
            (entity["type"], entity["offset"]) == ("pre", 0) for entity in message.body["entities"]
        )


@arbitrary
@given(documents())
def test_nothing_is_lost_doubled_or_moved(any_document: Document) -> None:
    """The messages one after another are the blocks one after another, with their markers and no more."""
    messages = "\n".join(message.body["text"] for message in render(any_document).messages)
    assert seen(messages) == "".join(read(section.blocks) for section in any_document.sections)


@arbitrary
@given(documents())
def test_words_stay_whole(any_document: Document) -> None:
    """No message ends inside a word, unless the word is longer than a message."""
    texts = [clean(text_of(leaf)) for leaf in leaves(any_document)]
    longest = max(len(units(held)) // 2 for text in texts for held in re.split(f"[^\\S{NO_BREAK_SPACES}]", text))
    assume(longest < 3900)
    words = {"🖼", *(word for text in texts for word in text.split())}
    for before, after in itertools.pairwise(render(any_document).messages):
        assert clean(before.body["text"]).split()[-1] in words
        start = re.sub(r"^((•|\d+\.)[\xa0 ])+", "", clean(after.body["text"]))
        assert start.split()[0] in words


@arbitrary
@given(documents())
def test_links_keep_their_address(any_document: Document) -> None:
    """Every character that can be seen leads where it leads in the document, in order."""
    expected = [
        (character, span.url) for leaf in leaves(any_document) for span in linked(leaf) for character in seen(span.text)
    ]
    found = [
        (character, address)
        for message in render(any_document).messages
        for address, text in marked(message.body)
        if address.startswith("https:")
        for character in seen(text)
    ]
    assert [pair for pair in found if not unicodedata.combining(pair[0])] == [
        pair for pair in expected if not unicodedata.combining(pair[0])
    ]


def clean(text: str) -> str:
    """The text with accents apart and without what Telegram removes."""
    kept = re.sub("[\u202a-\u202e\u030a\u0333\u033f]", "", unicodedata.normalize("NFD", text))
    return re.sub(r"[\x00-\x1f]", " ", kept)


def seen(text: str) -> str:
    """The characters that leave a trace on the screen."""
    invisible = {"\u2800", "\ufffc", "\U000e0020"}
    return "".join(
        character
        for character in clean(text)
        if unicodedata.category(character) not in {"Cf", "Zs", "Zl", "Zp"}
        and not character.isspace()
        and character not in invisible
    )


def read(nest: Iterable[Block]) -> str:
    """The characters that blocks leave on the screen, markers included."""
    text = ""
    for block in nest:
        match block:
            case Quote(quoted):
                text += read(quoted)
            case Fold(title, folded):
                text += read((title, *folded))
            case Listing(items, start):
                for number, item in enumerate(items, start or 0):
                    if content := read(item):
                        text += ("•" if start is None else f"{number}.") + content
            case Picture(_, alt):
                text += f"🖼{seen(alt)}"
            case _:
                text += seen(text_of(block))
    return text


def linked(leaf: Leaf) -> list[Span]:
    """The parts of a block that lead somewhere."""
    match leaf:
        case CodeBlock():
            return []
        case Picture(url, alt):
            return [Span(f"🖼{alt}", url=url)]
        case _:
            return [span for span in leaf.spans if span.url]
