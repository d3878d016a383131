"""The words of French and English notes: the lexicon of `words.toml`, and what words tell."""

import re
import tomllib
from collections.abc import Collection, Iterable
from pathlib import Path

from bot.model.i18n import Language
from bot.model.text import fold_words

_TELLING = "x0123456789"
"""Words of one letter that tell something: a network and numbers."""
_STEM = 5
"""Letters that the forms of a word have in common."""
LEXICON: dict[str, str] = tomllib.loads(Path(__file__).with_name("words.toml").read_text(encoding="utf-8"))


def words_of(name: str) -> str:
    """Return the pattern of the lexicon under a name."""
    alternatives = LEXICON[name].replace("\n", "|")
    return f"(?:{re.sub(r'{([a-z_]+)}', lambda other: words_of(other[1]), alternatives)})"


def pattern_of(name: str) -> re.Pattern[str]:
    """Return the pattern of the lexicon under a name, compiled."""
    return re.compile(words_of(name))


STOP_WORDS, WEAKENING, _FRENCH, _ENGLISH = (
    frozenset(re.split(r"\W", LEXICON[name])) for name in ("stop", "weakening", "french", "english")
)


def language_of(texts: Iterable[str]) -> Language | None:
    """Return the language of the texts; None when too few words tell."""
    found = [word for text in texts for word in fold_words(text)]
    french, english = (sum(word in telling for word in found) for telling in (_FRENCH, _ENGLISH))
    return None if french == english else Language.FRENCH if french > english else Language.ENGLISH


def telling_words(text: str) -> list[str]:
    """Return the words that tell the subject of a text."""
    return [word for word in fold_words(text) if word not in STOP_WORDS and (len(word) > 1 or word in _TELLING)]


def stems(words: Collection[str]) -> set[str]:
    """Return the words without their endings, so that `utilisateurs` is `utilisateur`."""
    return {word[:_STEM] for word in words}
