"""The marks of titles: numbers, numerals, emoji, and the shape of a line."""

import re

from bot.model.text import fold
from bot.notes.addresses import is_label
from bot.notes.chaff import says_chaff
from bot.notes.language import telling_words
from bot.notes.model import Line

_WORD = r"(?:sujet|subject|story|topic|question|partie|part|chapitre|chapter|actu|info|news)"
_NUMBERED = re.compile(
    rf"(?i)^(?:{_WORD}\s{{0,3}}(?:n°|no|#)?\s{{0,3}})?(\d{{1,2}})\s{{0,3}}(?:[.):°/–—-]|(?<=\d)[ée]?r?\s?/)\s{{0,3}}(?=\D)"
)
_NUMERAL = re.compile(r"^(?P<numeral>[IVX]{1,5})\s*[.):/–—-]\s+(?=\S)")
_NUMERALS = ("I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX", "X", "XI", "XII")
EMOJI = re.compile(r"^[\U0001F000-\U0001FAFF\u2190-\u2BFF\u2600-\u27BF\ufe0f\u200d\u20e3]+\s*")
_KEYCAP = re.compile(r"^(\d)\ufe0f?\u20e3\s*")
FRAME = re.compile(
    r"(?:(?:intro(?:duction)?|outro|conclusion|generique|bonjour|bienvenue|welcome|transcript(?:ion)?)$|(?:fin|end)\b)"
)
"""Titles of the first and the last words, which are no subject, while their text may be one."""
SOURCES = re.compile(
    r"^\W*(?:les\s+|nos\s+|the\s+)?(?:sources?|liens?|links?|references?|pour aller plus loin|show notes|"
    r"en savoir plus|ressources?|resources?|further reading|mentionn?ed)(?: .{0,30})?\W*$"
)
_MAX_HEADING = 110
ENDS = (".", "!", "…", ";", ",")


def number_of(text: str) -> int:
    """Return the number that marks a title; 0 if there is none."""
    if match := _KEYCAP.match(text) or _NUMBERED.match(text):
        return int(match[1])
    numeral = _NUMERAL.match(text)
    return _NUMERALS.index(numeral["numeral"]) + 1 if numeral and numeral["numeral"] in _NUMERALS else 0


def bare_title(text: str) -> str:
    """Return a heading without its number, emoji and last colon."""
    for pattern in (_KEYCAP, _NUMBERED, _NUMERAL, EMOJI):
        text = pattern.sub("", text)
    return text.strip().rstrip(":").strip()


def unmarked(text: str) -> str:
    """Return a text without the emoji and keycaps before it."""
    return EMOJI.sub("", _KEYCAP.sub("", text))


def is_title(line: Line) -> bool:
    """Tell whether the line has the shape of a title: short, without a full stop, telling something."""
    text = line.text
    if len(text) > _MAX_HEADING or not (line.level or not (line.is_link or text.endswith(ENDS))):
        return False
    return bool(telling_words(text)) and not (SOURCES.match(fold(text)) or is_label(text) or says_chaff(text))


def is_heading(line: Line) -> bool:
    """Tell whether the line has the shape of a title, and is no item of a list without the mark of a title."""
    return (line.level > 0 or not line.item) and is_title(line)
