"""Folded words, by which the bot compares texts that people type."""

import re
import unicodedata

LONGEST_TOPIC = 40
"""Bytes of a topic: a button carries it with a command and a page, and Telegram gives a button 64."""

NO_BREAK_SPACE = "\N{NO-BREAK SPACE}"
NARROW_NO_BREAK_SPACE = "\N{NARROW NO-BREAK SPACE}"

# Because NFKD decomposes accents and no ligatures, ligatures need a table.
_LIGATURES = str.maketrans({"œ": "oe", "æ": "ae", "ø": "o", "ł": "l", "đ": "d"})
_WORD = re.compile(r"[^\W_]+")


def fold(text: str) -> str:
    """Return the text without case, accents or ligatures, for comparisons."""
    # Because mathematical letters have a case only once decomposed, decompose first; case folding may compose anew.
    folded = unicodedata.normalize("NFKD", text).casefold().translate(_LIGATURES)
    decomposed = unicodedata.normalize("NFKD", folded)
    return "".join(character for character in decomposed if not unicodedata.combining(character))


def fold_words(text: str) -> list[str]:
    """Return the words of the text, folded, in order."""
    return _WORD.findall(fold(text))


def slugify(text: str) -> str:
    """Return a name for links: folded words joined by hyphens; empty if the text has no word."""
    return "-".join(fold_words(text))


def normalise_topic(text: str) -> str:
    """Return the one spelling of a topic: `Tik Tok`, `#TIKTOK` and `tik-tok` become `tiktok`."""
    return "".join(fold_words(text))
