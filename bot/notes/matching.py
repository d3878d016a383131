"""The alignment of the teaser's subjects with the lines of the notes."""

import math
from collections import Counter
from collections.abc import Sequence

from rapidfuzz import fuzz

from bot.notes.language import sentences, telling_words
from bot.notes.model import Line

ENOUGH = 0.25
"""The least likeness, from 0 to 1, of a line at which a subject begins."""
_SAME_WORD = 84
"""The likeness, from 0 to 100, of `utilisateurs` and `utilisateur`."""
_SHORTEST_ALIKE = 4
STEM = 5
"""Letters that the forms of a word have in common."""
_BELOW = 5
"""Lines below a title that are compared too."""
_HEADING_WEIGHT = 0.65
_ELSEWHERE = 0.5
"""The weight of a word that only the teaser has: such a word hardly tells where its subject begins."""
_NOT_A_HEADING = 0.5
_INSIDE = 0.75
"""The weight of a sub-heading such as `Conclusion : …`, of that of a heading."""


class Matcher:
    """Comparison of phrases with lines, in which a frequent word of the notes weighs little."""

    def __init__(self, lines: Sequence[Line], headings: frozenset[int], inside: frozenset[int]) -> None:
        self._lines = [telling_words(line.text) for line in lines]
        self._openings = [telling_words(next(iter(sentences(line.text)), "")) for line in lines]
        self._all = range(len(lines))
        self._headings = headings
        self._inside = inside
        self._counts = Counter(word for found in self._lines for word in set(found))

    def starts(self, phrases: Sequence[str]) -> list[int | None]:
        """Return the line of each phrase's subject, the likeliest first and in any order; None if there is none."""
        words = [telling_words(phrase) for phrase in phrases]
        found: list[int | None] = [None] * len(words)
        table = ((-self.likeness(words[place], line), place, line) for place in range(len(words)) for line in self._all)
        for likeness, place, line in sorted(table):
            if -likeness >= ENOUGH and found[place] is None and line not in found:
                found[place] = line
        return found

    def likeness(self, phrase: Sequence[str], line: int) -> float:
        """Return the likeness of a phrase's words and a line with those below it, from 0 to 1."""
        own = self.covered(phrase, self._openings[line])
        if not own:
            return 0.0
        below = [word for found in self._lines[line : line + _BELOW] for word in found]
        score = _HEADING_WEIGHT * own + (1 - _HEADING_WEIGHT) * self.covered(phrase, below)
        if line not in self._headings:
            return score * _NOT_A_HEADING
        return score * _INSIDE if line in self._inside else score

    def covered(self, phrase: Sequence[str], found: Sequence[str]) -> float:
        """Return the share of a phrase that words hold, by the weight of its words."""
        total = sum(map(self._weight, phrase))
        there = set(found)
        return sum(self._weight(word) for word in phrase if _has(there, word)) / total if total else 0.0

    def _weight(self, word: str) -> float:
        if not self._counts[word]:
            return _ELSEWHERE
        return math.log(2 + len(self._lines)) - math.log(1 + self._counts[word])


def _has(found: set[str], word: str) -> bool:
    if word in found or len(word) < _SHORTEST_ALIKE:
        return word in found
    others = (other for other in found if other[0] == word[0] and len(other) >= _SHORTEST_ALIKE)
    return any(other[:STEM] == word[:STEM] or fuzz.ratio(word, other) >= _SAME_WORD for other in others)
