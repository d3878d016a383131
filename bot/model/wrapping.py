"""Paragraphs that a program broke at a width, in one line again, and mails without the marks of their quotes."""

import itertools
import re
from collections.abc import Sequence

_NO_CONTINUATION = re.compile(
    r"(?i)\s*(?:[-*+•·‣▪◦○●–—>#|<=]|\[|\(?(?:\d{1,2}|[IVX]{1,4})[.):/°]|https?://|www\.|```|[\w-]{1,20}\s?:\s|[^\w£$€])"
)
_BULLET = re.compile(r"\s*([-*•–—]\s+|\d{1,2}[.)]\s+)?")
_WIDEST = 110
"""Characters of a line that a program broke; mails break at 72 to 78."""
_NARROWEST = 40
_RAGGED, _FEW = 8, 2
"""Characters by which lines that a person breaks by hand may differ, and single broken lines that tell nothing."""
_MOST = 0.8
_ENDED = (".", "!", "?", ":", ";", "…", "”", "»")
_QUOTE = re.compile(r"^(?:> ?)+")
_FEW_WORDS = 52
"""Words above and between the quotes of a mail that only hands them on."""


def rejoined(text: str) -> str:
    """Return the text with its paragraphs in one line each, if a program broke them at a width.

    A program breaks a line only where the next word does not fit, and so in the middle of sentences.
    """
    lines = text.split("\n")
    pairs = [at for at in range(len(lines) - 1) if _may_continue(lines[at], lines[at + 1])]
    together = _broken(lines, pairs)
    if not together:
        # Because people paste from several programs, each paragraph may have a width of its own.
        runs = [[at for _place, at in run] for _key, run in itertools.groupby(enumerate(pairs), lambda x: x[1] - x[0])]
        found = [_broken(lines, run) for run in runs]
        together = (
            set().union(*found) if len(max(found, key=len, default=())) > 1 or sum(map(len, found)) > _FEW else set()
        )
        # A name with a capital may begin a line as well as a sentence does.
        ends = [len(lines[at]) for at in together]
        fitting = (at for at in pairs if ends and min(ends) <= len(lines[at]) <= max(ends) + _RAGGED)
        together |= {at for at in fitting if not lines[at].rstrip().endswith(_ENDED)}
    joined = (
        f"{line.strip() if at - 1 in together else line.rstrip()} "
        if at in together
        else f"{line.strip() if at - 1 in together else line}\n"
        for at, line in enumerate(lines)
    )
    return "".join(joined)[:-1]


def _broken(lines: Sequence[str], pairs: Sequence[int]) -> set[int]:
    """Return the lines that go on in the next one, if a program broke them all at one width."""
    ends = {at: len(lines[at].rstrip()) for at in pairs}
    broken = {at for at in pairs if not lines[at].rstrip().endswith(_ENDED) and lines[at + 1].lstrip()[0].islower()}
    width = max(ends.values(), default=0)
    # The next word would not have fitted into a full line.
    full = {at for at in pairs if ends[at] + len(lines[at + 1].split()[0]) >= width}
    if not (broken and _NARROWEST <= width <= _WIDEST) or len(full & broken) < _MOST * len(broken):
        return set()
    return full | {at for at in broken if ends[at] > width // 2}


def _may_continue(line: str, following: str) -> bool:
    begin = _BULLET.match(line)
    indent = len(following) - len(following.lstrip())
    is_level = begin is not None and indent in {begin.end(), 0 if begin[1] else begin.end()}
    is_text = (
        any(map(str.isalpha, line))
        and following.strip()
        and not line.startswith(("#", "|", "```", "http://", "https://"))
    )
    return bool(is_text and is_level) and not _NO_CONTINUATION.match(following.lstrip())


def unquoted(text: str) -> str:
    """Return a mail without the marks of its quotes, if little else stands there, so that it only hands them on."""
    lines = text.split("\n")
    own = [line for line in lines if not line.startswith(">")]
    is_handed_on = 2 * len(own) < len(lines) and sum(len(line.split()) for line in own) <= _FEW_WORDS
    return "\n".join(_QUOTE.sub("", line) for line in lines) if is_handed_on else text
