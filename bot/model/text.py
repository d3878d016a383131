"""Folded words, by which the bot compares texts that people type, and the sentences of a text."""

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence

LONGEST_TOPIC = 40
"""Bytes of a topic: a button carries it with a command and a page, and Telegram gives a button 64."""

NO_BREAK_SPACE = "\N{NO-BREAK SPACE}"
NARROW_NO_BREAK_SPACE = "\N{NARROW NO-BREAK SPACE}"

# Because NFKD decomposes accents and no ligatures, ligatures need a table.
_LIGATURES = str.maketrans({"œ": "oe", "æ": "ae", "ø": "o", "ł": "l", "đ": "d"})
_WORD = re.compile(r"[^\W_]+")

_SENTENCE_END = re.compile(r"""(?<=[.!?…])["”»’)\]]*\s+(?=["“«(\[]?\s?[A-ZÀ-ÖØ-ÞŒ0-9])""")
_ABBREVIATION = re.compile(
    r"(?:\b(?:M|MM|Mme|Mlle|Dr|Mr|Mrs|Ms|St|Ste|vs|cf|env|approx|etc|p|pp|n|no|[EÉeé]p|art|Inc|Ltd|Co|Jr|Sr)|"
    r"\b[A-Z]|^\W*\d{1,3})\.$"
)
_LONGEST_ABBREVIATION = 12
"""Characters before a full stop that may be an abbreviation."""


def fold(text: str) -> str:
    """Return the text without case, accents or ligatures, for comparisons."""
    # Because mathematical letters have a case only once decomposed, decompose first; case folding may compose anew.
    folded = unicodedata.normalize("NFKD", text).casefold().translate(_LIGATURES)
    decomposed = unicodedata.normalize("NFKD", folded)
    return "".join(character for character in decomposed if not unicodedata.combining(character))


def fold_words(text: str) -> list[str]:
    """Return the words of the text, folded, in order."""
    return _WORD.findall(fold(text))


def shortened(text: str, longest: int) -> str:
    """Return the text, cut to so many characters with a sign that there is more."""
    return text if len(text) <= longest else f"{text[: longest - 1]}…"


def likest(word: str, known: Iterable[str], least: int) -> str:
    """Return the known word that is likest, if its likeness is the `least` one or more of 100; else an empty text."""
    from rapidfuzz import fuzz, process  # noqa: PLC0415 - as in `bot.config.problems`

    found = process.extractOne(word, list(known), scorer=fuzz.ratio, score_cutoff=least)
    return found[0] if found else ""


def slugify(text: str) -> str:
    """Return a name for links: folded words joined by hyphens; empty if the text has no word."""
    return "-".join(fold_words(text))


def normalise_topic(text: str) -> str:
    """Return the one spelling of a topic: `Tik Tok`, `#TIKTOK` and `tik-tok` become `tiktok`."""
    return "".join(fold_words(text))


def canonical(aliases: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """Return the topic of each of its aliases, both in their one spelling; a topic is its own alias."""
    spellings = ((spelling, topic) for topic, others in aliases.items() for spelling in (topic, *others))
    names = {normalise_topic(spelling): normalise_topic(topic) for spelling, topic in spellings}
    return {spelling: topic for spelling, topic in names.items() if spelling}


def sentences(text: str) -> list[str]:
    """Return the sentences of a text."""
    found: list[str] = []
    begin = 0
    for match in _SENTENCE_END.finditer(text):
        if not _ABBREVIATION.search(text[max(begin, match.start() - _LONGEST_ABBREVIATION) : match.start()]):
            found.append(text[begin : match.end()])
            begin = match.end()
    return list(filter(None, map(str.strip, (*found, text[begin:]))))
