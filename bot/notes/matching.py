"""The alignment of the teaser's subjects with the lines of the notes."""

import math
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from rapidfuzz import fuzz

from bot.notes.language import sentences, telling_words
from bot.notes.model import Line

ENOUGH = 0.25
"""The least likeness, from 0 to 1, of a line at which a subject begins."""
_SAME_WORD = 84
"""The likeness, from 0 to 100, of `utilisateurs` and `utilisateur`."""
_SHORTEST_ALIKE = 4
_BELOW = 5
"""Lines below a title that are compared too."""
_HEADING_WEIGHT = 0.65
_ELSEWHERE = 0.5
"""The weight of a word that only the teaser has: such a word hardly tells where its subject begins."""
_NOT_A_HEADING = 0.5
_INSIDE = 0.75
"""The weight of a sub-heading such as `Conclusion : …`, of that of a heading."""


class _Way(NamedTuple):
    total: float
    starts: tuple[int | None, ...]


class Matcher:
    """Comparison of phrases with lines, in which a frequent word of the notes weighs little."""

    def __init__(self, lines: Sequence[Line], headings: frozenset[int], inside: frozenset[int]) -> None:
        self._lines = [telling_words(line.text) for line in lines]
        self._openings = [telling_words(next(iter(sentences(line.text)), "")) for line in lines]
        self._headings = headings
        self._inside = inside
        self._counts = Counter(word for found in self._lines for word in set(found))

    def starts(self, phrases: Sequence[str]) -> tuple[list[int | None], float]:
        """Return the line of each phrase's subject, in order (None: not found), and the likeness of the whole."""
        # For each line: the best total of the phrases so far, the last one above that line, and their beginnings.
        best: list[_Way] = [_Way(0.0, ())] * (len(self._lines) + 1)
        for phrase in map(telling_words, phrases):
            now = [_Way(best[0].total, (*best[0].starts, None))]
            for line in range(len(self._lines)):
                ways = [_Way(best[line + 1].total, (*best[line + 1].starts, None)), now[line]]
                likeness = self._likeness(phrase, line)
                if likeness >= ENOUGH:
                    ways.append(_Way(best[line].total + likeness, (*best[line].starts, line)))
                # Of equal totals, the earlier beginning holds.
                now.append(max(ways, key=lambda way: (way.total, way is now[line])))
            best = now
        return list(best[-1].starts), best[-1].total

    def _likeness(self, phrase: Sequence[str], line: int) -> float:
        own = self._covered(phrase, self._openings[line])
        if not own:
            return 0.0
        below = [word for found in self._lines[line : line + _BELOW] for word in found]
        score = _HEADING_WEIGHT * own + (1 - _HEADING_WEIGHT) * self._covered(phrase, below)
        if line not in self._headings:
            return score * _NOT_A_HEADING
        return score * _INSIDE if line in self._inside else score

    def _covered(self, phrase: Sequence[str], found: Sequence[str]) -> float:
        total = sum(map(self._weight, phrase))
        there = set(found)
        return sum(self._weight(word) for word in phrase if _has(there, word)) / total if total else 0.0

    def _weight(self, word: str) -> float:
        if not self._counts[word]:
            return _ELSEWHERE
        return math.log(2 + len(self._lines)) - math.log(1 + self._counts[word])


def _has(found: set[str], word: str) -> bool:
    if word in found:
        return True
    if len(word) < _SHORTEST_ALIKE:
        return False
    alike = (other for other in found if other[0] == word[0] and len(other) >= _SHORTEST_ALIKE)
    return any(fuzz.ratio(word, other) >= _SAME_WORD for other in alike)
