"""From plain text to lines, pasted from a document, a mail, a chat or a transcript."""

import re
from collections.abc import Iterator
from dataclasses import replace

from bot.notes.frames import unframed
from bot.notes.model import BOLD_LEVEL, Line

_BULLET = re.compile(r"\s*[-*•·‣▪▫◦○●–—]\s+|\s*[•◦●▪](?=\w)")
# The marks of chats for bold, and those of Slack for a link and an emoji.
_BOLD_BEGINNING = re.compile(r"\*{1,2}\s?(?=\S)(?P<title>[^*\n]{1,120})(?<=\S)\s?\*{1,2}(?P<rest>\s*[:–—-]\s+.*)?$")
_BOLD = re.compile(r"(?<![\w*])\*(?=\S)([^*\n]{1,120})(?<=\S)\*(?![\w*])")
_SLACK_LINK = re.compile(r"<(https?://[^\s<>|]+)\|([^<>\n]*)>", re.IGNORECASE)
_EMOJI_CODE = re.compile(r"(?<![\w:]):([a-z][a-z0-9_+-]*):(?![\w:])\s*")
_COUNTED = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
_NO_CONTINUATION = re.compile(
    r"\s*(?:[-*+•·‣▪◦○●–—>#|<=]|\[|\(?[\dIVX]{1,4}[.):/°]|https?://|www\.|```|[\w-]{1,20}\s?:\s|\W)", re.IGNORECASE
)
_WIDEST = 110
"""Characters of a line that a program broke; mails break at 72 to 78."""
_NARROWEST = 40
_MOST = 0.8
_ENDED = (".", "!", "?", ":", ";", "…", "”", "»")


def plain_lines(text: str) -> Iterator[Line]:
    """Yield the lines of a text, without the frame of a chat, a mail or a transcript."""
    gap = False
    for said in unframed(text.split("\n")):
        words = _EMOJI_CODE.sub(_counted, _SLACK_LINK.sub(r" \1 ", said.text)).strip()
        if words:
            yield _line(words, said, after_gap=gap or said.after_gap)
        gap = not words


def _line(words: str, said: Line, *, after_gap: bool) -> Line:
    line = replace(said, text=words, after_gap=after_gap)
    if title := _BOLD_BEGINNING.match(words):
        lead, rest = title["title"].rstrip(" :"), title["rest"]
        line = replace(line, text=f"{title['title']}{rest}", lead=lead) if rest else replace(line, text=lead)
        return line if rest else replace(line, level=BOLD_LEVEL)
    bullet = _BULLET.match(words)
    text = _BOLD.sub(r"\1", words[bullet.end() :] if bullet else words)
    depth = len(said.text) - len(said.text.lstrip())
    return replace(line, text=text, item=True, depth=depth) if bullet and text else replace(line, text=text or words)


def _counted(code: re.Match[str]) -> str:
    return f"{_COUNTED.index(code[1])}\u20e3 " if code[1] in _COUNTED else ""


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
