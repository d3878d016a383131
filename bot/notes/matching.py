"""The alignment of the teaser's subjects with the lines of the notes."""

import math
from collections import Counter
from collections.abc import Collection, Sequence

from bot.notes.language import sentences, telling_words
from bot.notes.model import Line

ENOUGH = 0.25
"""The least likeness, from 0 to 1, of a line at which a subject begins."""
_STEM = 5
"""Letters that the forms of a word have in common."""
_NOT_A_HEADING = 0.5


def stems(words: Collection[str]) -> set[str]:
    """Return the words without their endings, so that `utilisateurs` is `utilisateur`."""
    return {word[:_STEM] for word in words}


class Matcher:
    """Comparison of phrases with lines, in which a frequent word of the notes weighs little."""

    def __init__(self, lines: Sequence[Line], headings: Collection[int]) -> None:
        self._openings = [stems(telling_words(next(iter(sentences(line.text)), ""))) for line in lines]
        self._headings = headings
        self._counts = Counter(stem for line in lines for stem in stems(telling_words(line.text)))

    def starts(self, phrases: Sequence[str]) -> list[int | None]:
        """Return the line of each phrase's subject, the likeliest first and in any order; None if there is none."""
        words = [telling_words(phrase) for phrase in phrases]
        found: list[int | None] = [None] * len(words)
        lines = range(len(self._openings))
        table = ((-self.likeness(words[place], line), place, line) for place in range(len(words)) for line in lines)
        for likeness, place, line in sorted(table):
            if -likeness >= ENOUGH and found[place] is None and line not in found:
                found[place] = line
        return found

    def likeness(self, phrase: Sequence[str], line: int) -> float:
        """Return the likeness of a phrase's words and the first sentence of a line, from 0 to 1."""
        return self.covered(phrase, self._openings[line]) * (1 if line in self._headings else _NOT_A_HEADING)

    def covered(self, phrase: Sequence[str], found: Collection[str]) -> float:
        """Return the share of a phrase that words hold, by the weight of its words."""
        weights = {stem: math.log((2 + len(self._openings)) / (1 + self._counts[stem])) for stem in stems(phrase)}
        return sum(weights[stem] for stem in weights.keys() & stems(found)) / (sum(weights.values()) or 1)
