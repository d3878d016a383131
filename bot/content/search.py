"""An index of the words of every segment: where they stand, and how much they count there."""

from __future__ import annotations

import bisect
import itertools
from array import array
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from bot.model.text import fold_words

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from bot.content.folder import SegmentWords, Version

Place: TypeAlias = "tuple[Path, int]"
"""A segment: the path of its file, and its index among the file's segments."""
TopicWords: TypeAlias = "Callable[[Version], Sequence[frozenset[str]]]"
"""For the segments of a file, the words of the topics of each."""

# A title and its topics say what a segment is about; a word of its text may only stand there by the way.
_IN_TITLE, _IN_TOPIC, _IN_TEXT = 8, 6, 2
# Typing the beginning of a word finds it too, but what has the very word comes first.
_BEGINNING = 0.5
# A shorter piece is in half of the words of a language.
_SHORTEST_PIECE = 3
# What French puts before an apostrophe: nobody who types "l'europe" looks for an "l".
_ELIDED = "c d j l m n qu s t"
# What says nothing about what is meant: "le journal de tiktok" is about a journal and TikTok.
_LITTLE_WORDS = (
    "a au aux avec dans de des du en et la le les ou par pour sur un une an and at by for in of on the to with"
)
_UNASKED = frozenset(f"{_ELIDED} {_LITTLE_WORDS}".split())

# An entry of the index is one number, the segment's above these bits and the weight of the word there within them:
# half a million of them are a few megabytes.
_WEIGHT_BITS = 5
_WEIGHT = (1 << _WEIGHT_BITS) - 1


def wanted(text: str) -> tuple[str, ...]:
    """The words to look for in what somebody typed, folded, each once, in order.

    Little words only count where there are no others.
    """
    typed = tuple(dict.fromkeys(fold_words(text)))
    return tuple(word for word in typed if word not in _UNASKED) or typed


def is_match(word: str, searched: str) -> bool:
    """Whether a folded word is the one searched for, or begins with it."""
    return word == searched or (len(searched) >= _SHORTEST_PIECE and word.startswith(searched))


@dataclass(frozen=True, slots=True)
class _File:
    """What the index has of a file: its version, the numbers of its segments, and all its words."""

    version: Version
    numbers: range
    words: frozenset[str]


class WordIndex:
    """Finds segments by their words. Never changes: what a reload brings makes another one, from this one."""

    def __init__(
        self,
        entries: dict[str, array[int]] | None = None,
        vocabulary: list[str] | None = None,
        places: list[Place] | None = None,
        files: dict[Path, _File] | None = None,
    ) -> None:
        self._entries = entries or {}
        self._vocabulary = vocabulary or []
        self._places = places or []
        self._files = files or {}

    def updated(self, versions: Mapping[Path, Version], topic_words: TopicWords) -> WordIndex:
        """The index of these versions of the files; only those that differ from this index's are read."""
        gone = {path for path, file in self._files.items() if versions.get(path) is not file.version}
        new = {path: version for path, version in versions.items() if path not in self._files or path in gone}
        if not gone and not new:
            return self
        entries, places = self._without(gone), list(self._places)
        files = {path: file for path, file in self._files.items() if path not in gone}
        # What is there is shared with the index before, so it is replaced, not changed.
        added: dict[str, array[int]] = {}
        for path, version in new.items():
            first, its_words = len(places), set[str]()
            for index, (segment, topics) in enumerate(zip(version.words, topic_words(version), strict=True)):
                weights = _weights(segment, topics)
                for word, weight in weights.items():
                    added.setdefault(word, array("I")).append(len(places) << _WEIGHT_BITS | weight)
                its_words |= weights.keys()
                places.append((path, index))
            files[path] = _File(version, range(first, len(places)), frozenset(its_words))
        unknown = added.keys() - entries.keys()
        for word, more in added.items():
            entries[word] = entries[word] + more if word in entries else more
        return WordIndex(entries, sorted([*self._vocabulary, *unknown]), places, files)

    def find(self, searched: Sequence[str]) -> dict[Place, float]:
        """The segments that hold every one of the words, and how well; a word may be only begun."""
        found: dict[int, float] | None = None
        for word in searched:
            scores = self._scores(word)
            if found is None:
                found = scores
            else:
                found = {number: score + scores[number] for number, score in found.items() if number in scores}
            if not found:
                break
        return {self._places[number]: score for number, score in (found or {}).items()}

    def _scores(self, word: str) -> dict[int, float]:
        scores: dict[int, float] = {}
        for longer in self._beginning_with(word):
            for entry in self._entries.get(longer, ()):
                number, score = entry >> _WEIGHT_BITS, _BEGINNING * (entry & _WEIGHT)
                if score > scores.get(number, 0.0):
                    scores[number] = score
        for entry in self._entries.get(word, ()):
            scores[entry >> _WEIGHT_BITS] = entry & _WEIGHT
        return scores

    def _beginning_with(self, piece: str) -> Iterator[str]:
        if len(piece) < _SHORTEST_PIECE:
            return iter(())
        start = bisect.bisect_right(self._vocabulary, piece)
        return itertools.takewhile(lambda word: word.startswith(piece), self._vocabulary[start:])

    def _without(self, paths: Iterable[Path]) -> dict[str, array[int]]:
        """The entries without those of the files."""
        entries = dict(self._entries)
        for path in paths:
            file = self._files[path]
            for word in file.words:
                kept = (entry for entry in entries[word] if entry >> _WEIGHT_BITS not in file.numbers)
                entries[word] = array("I", kept)
        return entries


def _weights(segment: SegmentWords, topics: frozenset[str]) -> dict[str, int]:
    weights: dict[str, int] = {}
    for found, weight in (
        (set(segment.title.split()), _IN_TITLE),
        (topics, _IN_TOPIC),
        (set(segment.text.split()), _IN_TEXT),
    ):
        for word in found:
            weights[word] = weights.get(word, 0) + weight
    return weights
