"""The piece of a text in which searched words stand, with these words in bold."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from bot.content.search import is_match
from bot.model.document import Span, Style
from bot.model.text import fold_words

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bot.model.document import Spans

SNIPPET = 240
"""Characters of a snippet: three or four lines on a phone."""
_BEFORE = 60
"""Characters of context that a snippet shows before the first word it is about."""

_TOKEN = re.compile(r"[^\W_]+")


def snippet(text: str, searched: Sequence[str]) -> Spans:
    """The best piece of the text, cut between words; its beginning where none of the words stands in it."""
    text = " ".join(text.split(" ")).replace("\n", " ").strip()
    places = matches(text, searched)
    start, end = _window(text, [begin for begin, _ in places])
    shown = _marked(text[start:end].rstrip(), [(a - start, b - start) for a, b in places if start <= a and b <= end])
    opening = (Span("… "),) if start else ()
    closing = (Span(" …"),) if end < len(text) else ()
    return (*opening, *shown, *closing)


def matches(text: str, searched: Sequence[str]) -> list[tuple[int, int]]:
    """Where the words searched for stand in the text."""
    return [
        (token.start(), token.end())
        for token in _TOKEN.finditer(text)
        if any(is_match(word, wanted) for word in fold_words(token[0]) for wanted in searched)
    ]


def _marked(text: str, places: Sequence[tuple[int, int]]) -> Spans:
    """The text with those places in bold."""
    spans: list[Span] = []
    done = 0
    for begin, end in places:
        spans += [Span(text[done:begin]), Span(text[begin:end], Style.BOLD)]
        done = end
    return tuple(span for span in (*spans, Span(text[done:])) if span.text)


def _window(text: str, places: Sequence[int]) -> tuple[int, int]:
    """The piece with the most of the places, the earliest of equals, from one space to another."""
    if len(text) <= SNIPPET:
        return 0, len(text)
    starts = [0, *(max(0, place - _BEFORE) for place in places)]
    best = max(starts, key=lambda start: sum(start <= place < start + SNIPPET - _BEFORE for place in places))
    best = min(best, len(text) - SNIPPET)
    start = text.rfind(" ", 0, best) + 1 if best else 0
    end = text.find(" ", best + SNIPPET)
    return start, len(text) if end < 0 else end
