"""Words as people type them and as the bot compares them."""

from __future__ import annotations

import re
import unicodedata

LONGEST_TOPIC = 40
"""Bytes of a topic: a button carries it with a command and a page, and Telegram gives a button 64."""

NO_BREAK_SPACE = "\N{NO-BREAK SPACE}"
NARROW_NO_BREAK_SPACE = "\N{NARROW NO-BREAK SPACE}"

# NFKD takes accents apart but leaves ligatures whole.
_LIGATURES = str.maketrans({"œ": "oe", "æ": "ae", "ø": "o", "ł": "l", "đ": "d"})
_WORD = re.compile(r"[^\W_]+")


def fold(text: str) -> str:
    """The text as comparisons see it: without case, accents or ligatures."""
    # Compatibility letters (mathematical ones) come apart first, or their case would stay; folding may compose anew.
    folded = unicodedata.normalize("NFKD", text).casefold().translate(_LIGATURES)
    decomposed = unicodedata.normalize("NFKD", folded)
    return "".join(character for character in decomposed if not unicodedata.combining(character))


def fold_words(text: str) -> list[str]:
    """The words of the text, folded, in order."""
    return _WORD.findall(fold(text))


def slugify(text: str) -> str:
    """A name for links: folded words joined by hyphens; empty when the text has no word."""
    return "-".join(fold_words(text))


def normalise_topic(text: str) -> str:
    """A topic's one spelling, whatever people type: `Tik Tok`, `#TIKTOK` and `tik-tok` are all `tiktok`."""
    return "".join(fold_words(text))
