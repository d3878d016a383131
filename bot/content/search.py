"""An index of the words of every segment, with the weight of each word in its segment."""

from __future__ import annotations

import bisect
import functools
import itertools
from array import array
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from bot.model.document import plain
from bot.model.text import fold_words

if TYPE_CHECKING:
    from bot.model.episode import Segment

# Because a title and topics name the subject of a segment, their words count for more than those of its text.
_IN_TITLE, _IN_TOPIC, _IN_TEXT = 8, 6, 2
# A search finds a word by its beginning too, but a segment with the whole word comes first.
_BEGINNING = 0.5
_SHORTEST_BEGINNING = 3
"""Letters. Half of the words of a language hold a shorter piece."""
# French puts these before an apostrophe. Because a search for "l'europe" is none for an "l", they do not count.
_ELIDED = "c d j l m n qu s t"
# These say nothing about the subject: "le journal de tiktok" is about a journal and TikTok.
_LITTLE_WORDS = (
    "a au aux avec dans de des du en et la le les ou par pour sur un une an and at by for in of on the to with"
)
_UNASKED = frozenset(f"{_ELIDED} {_LITTLE_WORDS}".split())

# Because an entry is one integer, the content's number above these bits and the weight within them, half a million
# entries take a few megabytes.
_WEIGHT_BITS = 5
_WEIGHT = (1 << _WEIGHT_BITS) - 1


class SegmentWords(NamedTuple):
    """The folded words of a segment, with spaces between them."""

    title: str
    text: str
    """The words of the summary, of the image's description and of the sources' titles."""

    @classmethod
    def of(cls, segment: Segment) -> SegmentWords:
        """Return the words of a segment."""
        image = (segment.image,) if segment.image else ()
        text = plain((*segment.summary, *image))
        return cls(_spaced(segment.title), _spaced(text, *(source.title for source in segment.sources)))


def _spaced(*texts: str) -> str:
    return " ".join(_folded(token) for text in texts for token in text.split())


# Because texts repeat their words, folding each word once makes the first search six times as fast.
@functools.lru_cache(maxsize=1 << 16)
def _folded(token: str) -> str:
    return " ".join(fold_words(token))


def wanted(text: str) -> tuple[str, ...]:
    """Return the words of a typed text to look for, folded, each once, in order; little words only without others."""
    typed = tuple(dict.fromkeys(fold_words(text)))
    return tuple(word for word in typed if word not in _UNASKED) or typed


def is_match(word: str, searched: str) -> bool:
    """Return whether a folded word is the one searched for, or begins with it."""
    return word == searched or (len(searched) >= _SHORTEST_BEGINNING and word.startswith(searched))


_Content: TypeAlias = tuple[SegmentWords, tuple[str, ...]]
"""The words of a segment and those of its topics; segments with the same ones share their entries."""


class WordIndex:
    """An index of segments by their words and the words of their topics. A segment is known by its place.

    What has not changed is taken over from the index of `before`, which stays as it was.
    """

    def __init__(self, segments: Iterable[_Content], before: WordIndex | None = None) -> None:
        contents = list(segments)
        # Because contents that are gone keep their entries, an index with more of those than of others is made anew.
        former = before if before and len(before.numbers) <= 2 * len(contents) else None
        self.numbers: dict[_Content, int] = former.numbers.copy() if former else {}
        """Each content with its number, also those that are gone."""
        self.entries: dict[str, array[int]] = former.entries.copy() if former else {}
        """Each word with the numbers of the contents that hold it, and its weight there."""
        self._places: dict[int, list[int]] = {}
        more: dict[str, array[int]] = {}
        for place, content in enumerate(contents):
            if content not in self.numbers:
                self.numbers[content] = len(self.numbers)
                for word, weight in _weights(*content).items():
                    entry = self.numbers[content] << _WEIGHT_BITS | weight
                    more.setdefault(word, array("I")).append(entry)
            self._places.setdefault(self.numbers[content], []).append(place)
        for word, entries in more.items():
            self.entries[word] = self.entries.get(word, array("I")) + entries
        self._vocabulary = sorted(self.entries)

    def find(self, searched: Sequence[str]) -> dict[int, float]:
        """Return the score of each segment that holds all the words, or words that begin with them."""
        scores = [self._scores(word) for word in searched]
        numbers = set(scores[0]).intersection(*scores) if scores else set()
        found = {number: sum(each[number] for each in scores) for number in numbers}
        return {place: score for number, score in found.items() for place in self._places.get(number, ())}

    def _scores(self, word: str) -> dict[int, float]:
        scores: dict[int, float] = {}
        start = bisect.bisect_left(self._vocabulary, word)
        for longer in itertools.takewhile(lambda each: is_match(each, word), self._vocabulary[start:]):
            for entry in self.entries[longer]:
                number, score = entry >> _WEIGHT_BITS, _BEGINNING * (entry & _WEIGHT)
                scores[number] = max(score, scores.get(number, 0.0))
        for entry in self.entries.get(word, ()):
            scores[entry >> _WEIGHT_BITS] = entry & _WEIGHT
        return scores


def _weights(words: SegmentWords, topics: Iterable[str]) -> Counter[str]:
    weights: Counter[str] = Counter(dict.fromkeys(words.text.split(), _IN_TEXT))
    weights.update(dict.fromkeys(topics, _IN_TOPIC))
    weights.update(dict.fromkeys(words.title.split(), _IN_TITLE))
    return weights
