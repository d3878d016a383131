"""The cut of a run of text that does not fit into one message.

Only the platform knows its units, the cost of its markup and its other limits. So it gives every function `fits`, which
returns whether a beginning of the run may stand in the message. If a run fits, every beginning of the run must fit.
"""

import bisect
import dataclasses
import enum
import itertools
import re
import unicodedata
from collections.abc import Callable, Iterator
from typing import NamedTuple, TypeAlias

from bot.model.document import Spans
from bot.model.text import NARROW_NO_BREAK_SPACE, NO_BREAK_SPACE

Fits: TypeAlias = Callable[[Spans], bool]


class Break(enum.IntEnum):
    """A kind of place where text may be cut, best first."""

    LINE = enum.auto()
    SENTENCE = enum.auto()
    WORD = enum.auto()
    INSIDE = enum.auto()
    """Inside a word or a link that does not fit on its own."""


class _Place(NamedTuple):
    """A place to cut: the head ends at `end`, the tail begins at `start`, and the space between them is dropped."""

    end: int
    start: int


_NO_BREAK = frozenset({NO_BREAK_SPACE, NARROW_NO_BREAK_SPACE, "\N{FIGURE SPACE}"})
_SPACE = re.compile(r"\s+")
# A single letter before the full stop is an initial or an abbreviation: "M. Zuckerberg", "J. K. Rowling".
_SENTENCE_END = re.compile(r"""(?<!\b\w)[.!?…][\u00a0\u202f]?[»”\u2019"')\]]*\Z""")
_LONGEST_SENTENCE_END = 8

_REGIONAL_INDICATORS = range(0x1F1E6, 0x1F200)
_EMOJI_MODIFIERS = range(0x1F3FB, 0x1F400)
_TAGS = range(0xE0020, 0xE0080)
_HANGUL_JAMO = range(0x1100, 0x1200)
_HANGUL = (_HANGUL_JAMO, range(0xAC00, 0xD7B0))


def cut(spans: Spans, fits: Fits, *, worst: Break = Break.INSIDE) -> tuple[Spans, Spans]:
    """Cut off a beginning that fits, as long as the best place to cut allows.

    The head ends at a line, else a sentence, else a word, but never at a better place that leaves half of the room
    empty. The space at the cut is dropped, except the indentation of the line that the tail begins with. Links and
    what no-break spaces hold together count as words.

    Args:
        spans: the run to cut; it should not begin with space.
        fits: says whether a beginning of the run may stand in the message.
        worst: the worst kind of place that will do. Allow `Break.INSIDE` only in an empty message: then the head is
            never empty, unless not even one character fits.

    Returns:
        Head and tail. The tail is empty if the whole run fits, the head if no place is good enough.
    """
    text = text_of(spans)
    longest = most(len(text), lambda stop: fits(part(spans, 0, stop)))
    if longest == len(text):
        return spans, ()
    place = _outside(text, list(_links(spans, longest)), longest, min(worst, Break.WORD))
    if place is None and worst is Break.INSIDE:
        place = _inside(text, longest)
    if place is None:
        return (), spans
    return part(spans, 0, place.end), part(spans, place.start, len(text))


def first_sentence(spans: Spans) -> Spans:
    """Return the first sentence of the run, which ends with its first line at the latest."""
    text = text_of(spans)
    ends = (place.end for kind, place in _gaps(text, len(text)) if kind <= Break.SENTENCE)
    return part(spans, 0, next(ends, len(text)))


def part(spans: Spans, start: int, stop: int) -> Spans:
    """Return the spans from the character `start` to before the character `stop`, like a slice of their text."""
    parts = []
    position = 0
    for span in spans:
        if position >= stop:
            break
        after = position + len(span.text)
        if start <= position < after <= stop:
            parts.append(span)
        elif max(start, position) < min(after, stop):
            parts.append(dataclasses.replace(span, text=span.text[max(start - position, 0) : stop - position]))
        position = after
    return tuple(parts)


def text_of(spans: Spans) -> str:
    """Return the text of the spans without their style."""
    return "".join(span.text for span in spans)


def most(length: int, fits: Callable[[int], bool]) -> int:
    """Return how many of so many fit. Because a try takes longer the more it holds, at most twice as many are tried."""
    bound = min(1, length)
    while bound < length and fits(bound):
        bound = min(2 * bound, length)
    counts = range(bound // 2 + 1, bound + 1)
    return bound // 2 + bisect.bisect_left(counts, x=True, key=lambda count: not fits(count))


def _links(spans: Spans, longest: int) -> Iterator[range]:
    """Yield the places of the links that begin in a head. Neighbours with one address are one link."""
    position = 0
    for url, group in itertools.groupby(spans, key=lambda span: span.url):
        if position > longest:
            break
        stop = position + sum(len(span.text) for span in group)
        if url is not None:
            yield range(position, stop)
        position = stop


def _outside(text: str, links: list[range], longest: int, worst: Break) -> _Place | None:
    """Return the best place that is in no word and in no link."""
    last = {}
    for kind, place in _gaps(text, longest):
        # Of the links that begin before the place, the last one alone may reach into it.
        before = bisect.bisect_left(links, place.end, key=lambda link: link.start)
        if not before or links[before - 1].stop <= place.start:
            last[kind] = place
    places = [last[kind] for kind in Break if kind in last and kind <= worst]
    return next((place for place in places if 2 * place.end >= longest), max(places, default=None))


def _inside(text: str, longest: int) -> _Place | None:
    """Return the best place in a word or a link that is too long: between a link's words, else between characters."""
    between_words = max((place for _, place in _gaps(text, longest)), default=None)
    if between_words is not None or longest == 0:
        return between_words
    whole = next((index for index in range(longest, 0, -1) if not _is_in_cluster(text, index)), longest)
    return _Place(whole, whole)


def _gaps(text: str, longest: int) -> Iterator[tuple[Break, _Place]]:
    """Yield the spaces where a line may end, in order, within a head of `longest` characters."""
    for space in _SPACE.finditer(text):
        end, start = space.span()
        if end > longest:
            return
        if end == 0 or _NO_BREAK.issuperset(space[0]):
            continue
        if start == len(text):
            yield Break.LINE, _Place(end, start)
        elif "\n" in space[0]:
            yield Break.LINE, _Place(end, text.rindex("\n", end, start) + 1)
        else:
            before = text[max(end - _LONGEST_SENTENCE_END, 0) : end]
            is_sentence = _SENTENCE_END.search(before) is not None and not text[start].islower()
            yield Break.SENTENCE if is_sentence else Break.WORD, _Place(end, start)


def _is_in_cluster(text: str, index: int) -> bool:
    """Return whether people see the characters on both sides of the index as one.

    The rules are a short form of Unicode's for grapheme clusters (UAX #29), which in doubt returns True.
    """
    if index == len(text):
        return False
    before, after = text[index - 1], text[index]
    indicators = itertools.takewhile(lambda each: ord(each) in _REGIONAL_INDICATORS, reversed(text[:index]))
    return (
        unicodedata.category(after).startswith("M")
        or "\N{ZERO WIDTH JOINER}" in {before, after}
        or ord(after) in _EMOJI_MODIFIERS
        or ord(after) in _TAGS
        or (ord(after) in _HANGUL_JAMO and any(ord(before) in block for block in _HANGUL))
        # Two regional indicators make a flag.
        or (ord(after) in _REGIONAL_INDICATORS and sum(1 for _ in indicators) % 2 == 1)
    )
