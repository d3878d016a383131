"""Paragraphs that a program broke at a width, in one line again."""

import re

_NO_CONTINUATION = re.compile(
    r"(?i)\s*(?:[-*+•·‣▪◦○●–—>#|<=]|\[|\(?(?:\d{1,2}|[IVX]{1,4})[.):/°]|https?://|www\.|```|[\w-]{1,20}\s?:\s|\W)"
)
_WIDEST = 110
"""Characters of a line that a program broke; mails break at 72 to 78."""
_NARROWEST = 40
_MOST = 0.8
_ENDED = (".", "!", "?", ":", ";", "…", "”", "»")


def rejoined(text: str) -> str:
    """Return the text with its paragraphs in one line each, if a program broke them at a width.

    A program breaks a line only where the next word does not fit, and so in the middle of sentences.
    """
    lines = text.split("\n")
    pairs = {index for index in range(len(lines) - 1) if _may_continue(lines[index].strip(), lines[index + 1])}
    broken = {index for index in pairs if not lines[index].endswith(_ENDED) and lines[index + 1].lstrip()[0].islower()}
    width = max((len(lines[index]) for index in pairs), default=0)
    # The next word would not have fitted into a full line.
    full = {index for index in pairs if len(lines[index]) + len(lines[index + 1].split()[0]) >= width}
    if not (broken and _NARROWEST <= width <= _WIDEST) or len(full & broken) < _MOST * len(broken):
        return text
    together = full | {index for index in broken if len(lines[index]) > width // 2}
    return "".join(f"{line.strip()} " if index in together else f"{line}\n" for index, line in enumerate(lines))[:-1]


def _may_continue(line: str, following: str) -> bool:
    is_text = bool(line and following.strip()) and not line.startswith(("#", "|", "```", "http://", "https://"))
    return is_text and not _NO_CONTINUATION.match(following)
