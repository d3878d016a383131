"""The typography of French and English: spaces, apostrophes, quotation marks."""

import re

from bot.model.i18n import Language
from bot.model.text import NARROW_NO_BREAK_SPACE, NO_BREAK_SPACE

TITLE_ON_PHONE = 65
"""Characters: two lines of bold text on a small phone, or the part of a first line that a notification shows."""

_SPACES = re.compile(r"[ \t]+")
_SPACE_BEFORE_STOP = re.compile(r"(?<=\w)[^\S\n]+([.,])(?=\s|\Z)")
_APOSTROPHE = re.compile(r"(?<=\w)'(?=\w)")
_HIGH_MARK = re.compile(r"(?<=[\w»)%”\"])[ \t]?([;!?])(?=[\s»”)]|\Z)")
_COLON = re.compile(r"(?<=[\w»)%”\"])[ \t]?(:)(?=\s|\Z)")
_AFTER_QUOTE = re.compile(r"«[^\S\n]*(?=\S)")
_BEFORE_QUOTE = re.compile(r"(?<=\S)[^\S\n]*»")


def tidied(text: str, language: Language) -> str:
    """Return the same words with the language's spaces and apostrophes."""
    text = _SPACE_BEFORE_STOP.sub(r"\1", _SPACES.sub(" ", text)).strip()
    if language is not Language.FRENCH:
        return text
    text = _APOSTROPHE.sub("’", text)
    text = _HIGH_MARK.sub(rf"{NARROW_NO_BREAK_SPACE}\1", text)
    text = _COLON.sub(rf"{NO_BREAK_SPACE}\1", text)
    return _BEFORE_QUOTE.sub(f"{NO_BREAK_SPACE}»", _AFTER_QUOTE.sub(f"«{NO_BREAK_SPACE}", text))
