"""The words of French and English notes: ends of sentences, words without meaning, and stems."""

import re
from collections.abc import Collection, Iterable

from bot.model.i18n import Language
from bot.model.text import fold_words

_SENTENCE_END = re.compile(r"""(?<=[.!?…])["”»’)\]]*\s+(?=["“«(\[]?\s?[A-ZÀ-ÖØ-ÞŒ0-9])""")
_ABBREVIATION = re.compile(
    r"(?:\b(?:M|MM|Mme|Mlle|Dr|Mr|Mrs|Ms|St|Ste|vs|cf|env|approx|etc|p|pp|n|no|art|Inc|Ltd|Co|Jr|Sr)|"
    r"\b[A-Z]|^\W*\d{1,3})\.$"
)
_LONGEST_ABBREVIATION = 12
_TELLING = "x0123456789"
"""Words of one letter that tell something: a network and numbers."""
_STEM = 5
"""Letters that the forms of a word have in common."""
STOP_WORDS = frozenset(
    fold_words(
        "le la les de des une un du et est en dans pour que qui sur avec pas plus au par ce l d j c n s t m qu a "
        "aux ses son sa ou mais se ne nous vous ils elle il on y ont sont être fait tout tous cette ces maintenant "
        "comment pourquoi quand entre vers chez sans the of and to in is for that with on are it as by from this be "
        "at an its we you they has have will can was were how why when into or new about your our more than now"
    )
)
"""Words that say nothing about the subject of a text."""
_FRENCH = frozenset(fold_words("le la les des un une de du et est en pour que qui sur avec au par dans sont ne pas"))
_ENGLISH = frozenset(
    fold_words("the of and to is for that with are it as by from this be at its you they has have not")
)


def language_of(texts: Iterable[str]) -> Language | None:
    """Return the language of the texts; None when too few words tell."""
    found = [word for text in texts for word in fold_words(text)]
    french, english = (sum(word in telling for word in found) for telling in (_FRENCH, _ENGLISH))
    return None if french == english else Language.FRENCH if french > english else Language.ENGLISH


def sentences(text: str) -> list[str]:
    """Return the sentences of a line."""
    found: list[str] = []
    begin = 0
    for match in _SENTENCE_END.finditer(text):
        if not _ABBREVIATION.search(text[max(begin, match.start() - _LONGEST_ABBREVIATION) : match.start()]):
            found.append(text[begin : match.end()])
            begin = match.end()
    return list(filter(None, map(str.strip, (*found, text[begin:]))))


def telling_words(text: str) -> list[str]:
    """Return the words that tell the subject of a text."""
    return [word for word in fold_words(text) if word not in STOP_WORDS and (len(word) > 1 or word in _TELLING)]


def stems(words: Collection[str]) -> set[str]:
    """Return the words without their endings, so that `utilisateurs` is `utilisateur`."""
    return {word[:_STEM] for word in words}
