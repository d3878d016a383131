"""From the text of a subject to its summary: its first sentences, whole and in their order.

The first sentences of news tell the news, and none of them needs a sentence that was left out.
"""

import re
from collections.abc import Sequence

from bot.notes.language import sentences
from bot.notes.marks import is_heading
from bot.notes.model import Line

MIN_LENGTH, MAX_LENGTH = 300, 900
"""Characters of a summary: enough to understand, few enough for a phone."""
_ENOUGH = 600
_ENDING = re.compile(r"[.!?…][\s\u00a0]*[”»\"’)\]]*$")


def summarise(lines: Sequence[Line]) -> list[str]:
    """Return the sentences of the summary; empty if the lines hold no sentence."""
    every = [_ended(text) for line in lines for text in sentences(line.text)]
    if sum(map(len, every)) < MIN_LENGTH:
        # Because the notes say no more, all of it is the summary.
        return every
    chosen: list[str] = []
    # Between long texts, a line of a few words without a full stop is a title.
    told = [_ended(text) for line in lines if not _is_title(line) for text in sentences(line.text)] or every
    for text in told:
        length = sum(map(len, chosen)) + len(chosen)
        if chosen and (length > _ENOUGH or length + len(text) > MAX_LENGTH):
            break
        chosen.append(text)
    return chosen


def _is_title(line: Line) -> bool:
    return is_heading(line) and (line.level > 0 or "," not in line.text) and not _ENDING.search(line.text)


def _ended(text: str) -> str:
    return text if _ENDING.search(text) else f"{text.rstrip(' :;,-–')}."
