"""The marks of titles: numbers, numerals, emoji, and the shape of a line."""

import re
from collections.abc import Sequence
from dataclasses import replace

from bot.model.text import fold
from bot.notes.addresses import is_label
from bot.notes.chaff import says_chaff
from bot.notes.language import LEXICON, telling_words, words_of
from bot.notes.model import Line

_WORD = words_of("part")
_NUMBERED = re.compile(
    rf"(?i)^[\[(]?(?:[a-z](?=\d{{1,2}}[.)]))?(?:{_WORD}\s{{0,3}})?(?:(?:n°|no|#)\s{{0,3}})?(\d{{1,2}})\s{{0,3}}(?:[\]).:°/|–—-]|(?<=#\d)\s|(?<=#\d\d)\s|(?<=\d)[ée]?r?\s?/|"
    rf"(?:er|re|e|[èe]me|st|nd|rd|th)\s{_WORD}\s?[:–—-])\s{{0,3}}(?=\D)"
)
_COUNTED = re.compile(
    rf"(?:(?i:{_WORD})\s)?(?P<count>[A-JVX]|[a-j](?=\s?[/)])|[^\W\d_]{{2,14}})(?:(?<=\b[A-J])\s(?i:{_WORD}))?\s?[:.,)/|–—-]\s+(?=\S)"
)
"""A mark that counts in letters or words, as those around it must show: `A/ …`, `B/ …` or `First: …`."""
_COUNTS = {count: number for number, line in enumerate(LEXICON["count"].split("\n"), 1) for count in line.split("|")}
TITLE_FIELD = re.compile(rf"(?i)^{words_of('title_field')}\s?(?::|\s[–—-])\s+(?=\S)")
_TEXT_FIELD = re.compile(rf"(?i)^{words_of('text_field')}\s?:\s+(?=\S)")
"""Names of a title and of a text, where each subject is a form."""
_COUNT = re.compile(r"^\d\. ")
EMOJI = re.compile(r"^[\U0001F000-\U0001FAFF\u2190-\u2BFF\u2600-\u27BF\ufe0f\u200d\u20e3]+\s*")
SOURCES = re.compile(rf"^\W*(?:les\s+|nos\s+|the\s+)?{words_of('sources')}(?: .{{0,30}})?\W*$")
_DECORATION = re.compile(r"^(?:[*=~_+#/▬-]{2,}|§|>+\s)|(?<![*=~_+#/▬-])[*=~_+#/▬-]{2,}$")
_DURATION = re.compile(r"[(\[]\d{1,2} ?(?:min|mn|sec|s|['’])[^()\[\]]{0,9}[)\]]$")
_TAGS = re.compile(r"(?:(?<=\S)\s+#[^\W\d_][\w/-]*)+$")
_MOST_INSIDE, _MAX_HEADING = 20, 110
"""Lists inside of a list, behind which its count goes on, and characters of a title."""
ENDS = (".", "!", "…", ";", ",")


def counted(lines: Sequence[Line]) -> list[Line]:
    """Return the lines with the numbers of those that letters or words count, apart from their text."""
    chains: list[list[tuple[int, int, str]]] = []
    for index, line in enumerate(lines):
        if match := _COUNTED.match(line.text):
            count = fold(match["count"])
            number = _COUNTS.get(count, 0)
            chains += [[]] if number == 1 else []
            open_ones = (chain for chain in reversed(chains[-_MOST_INSIDE:]) if len(chain) + 1 == number)
            next(open_ones, []).append((index, match.end(), count))
    found = list(lines)
    # Counts that begin in another way than the first stand inside of it.
    counts = [chain for chain in chains if len(chain) > 1]
    counts = [chain for chain in counts if chain[0][2] == counts[0][0][2]]
    for number, (index, end, _count) in (mark for chain in counts for mark in enumerate(chain, 1)):
        line = lines[index]
        found[index] = replace(line, text=line.text[end:], lead=line.lead[end:], number=number)
    return found


def number_of(text: str) -> int:
    """Return the number that marks a title; 0 if there is none."""
    return int(match[1]) if (match := _NUMBERED.match(text)) else 0


def bare_title(text: str) -> str:
    """Return a heading without its frame, number, emoji and the colon or arrow at its end."""
    for pattern in (_TAGS, _DECORATION, _DURATION, _NUMBERED, EMOJI, TITLE_FIELD):
        text = pattern.sub("", text).strip()
    return text.lstrip("–— ").rstrip(":→–— ")


def unmarked(text: str) -> str:
    """Return a text without the emoji and name of a field before it."""
    return _TEXT_FIELD.sub("", _COUNT.sub("", EMOJI.sub("", text)))


def is_title(line: Line) -> bool:
    """Tell whether the line has the shape of a title: short, without a full stop, telling something."""
    text = line.text
    if len(text) > _MAX_HEADING or not (line.level or not (line.is_link or text.endswith(ENDS))):
        return False
    return bool(telling_words(text)) and not (SOURCES.match(fold(text)) or is_label(text) or says_chaff(text))


def is_heading(line: Line) -> bool:
    """Tell whether the line has the shape of a title, and is no item of a list without the mark of a title."""
    return (line.level > 0 or not line.item) and is_title(line)
