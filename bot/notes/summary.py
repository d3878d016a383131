"""From the text of a subject to its summary: its first sentences, whole and in their order.

The first sentences of news tell the news, and none of them needs a sentence that was left out.
"""

import itertools
import operator
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
    """Return the paragraphs of the summary, one for a line; empty if the lines hold no sentence."""
    if sum(len(line.text) for line in lines) >= MIN_LENGTH:
        # Between long texts, a line of a few words without a full stop is a title.
        lines = [line for line in lines if not _is_title(line)] or lines
    told = [(place, _ended(text)) for place, line in enumerate(lines) for text in sentences(line.text)]
    ends = itertools.accumulate(len(text) for _place, text in told)
    pairs = zip(told, ends, strict=True)
    kept = [each for each, end in pairs if end <= MAX_LENGTH and end - len(each[1]) <= _ENOUGH] or told[:1]
    groups = itertools.groupby(kept, key=operator.itemgetter(0))
    return [" ".join(text for _place, text in group) for _place, group in groups]


def _is_title(line: Line) -> bool:
    return is_heading(line) and (line.level > 0 or "," not in line.text) and not _ENDING.search(line.text)


def _ended(text: str) -> str:
    return text if _ENDING.search(text) else f"{text.rstrip(' :;,-–')}."
