"""From plain text to lines, pasted from a document, a mail, a chat or a transcript."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence

from bot.notes.model import BOLD_LEVEL, Line

_BULLET = re.compile(r"\s*[-*•·‣▪–—]\s+")
# `[04/11/2024, 21:14:03] Marie: `, `04/11/2024 à 21:14 - Marie : `, `[00:01:10] Host: `
_STAMP = re.compile(
    r"(?:\[[^\[\]\n]{0,30}\d:\d\d[^\[\]\n]{0,10}\]|\d{1,2}[/.]\d{1,2}[/.]\d{2,4},? (?:à )?\d{1,2}:\d\d(?::\d\d)?"
    r"(?:\s[AP]M)? -)\s*(?P<speaker>[^\W\d][^:\n]{0,40}?)\s?:\s+"
)
_MAIL_HEADER = re.compile(
    r"(?P<name>de|from|envoyé|sent|date|à|to|cc|objet|subject)\s?:\s*(?P<value>.*)", re.IGNORECASE
)
_ANSWER = re.compile(r"^(?:(?:re|fwd?|tr)\s?:\s*)+", re.IGNORECASE)
_SIGNATURE = "--"
# The marks of chats for bold, and those of Slack for a link and an emoji.
_BOLD_BEGINNING = re.compile(r"\*(?=\S)(?P<title>[^*\n]{1,80})(?<=\S)\*\s*(?:[:–—-]\s+(?P<rest>.*))?$")
_BOLD = re.compile(r"(?<![\w*])\*(?=\S)([^*\n]{1,80})(?<=\S)\*(?![\w*])")
_SLACK_LINK = re.compile(r"<(https?://[^\s<>|]+)\|[^<>\n]*>", re.IGNORECASE)
_EMOJI_CODE = re.compile(r"(?<![\w:]):([a-z][a-z0-9_+-]*):(?![\w:])\s*")
_COUNTED = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")


def plain_lines(text: str) -> Iterator[Line]:
    """Yield the lines of a text, without the frame of a chat, a mail or a transcript."""
    gap = False
    for raw in _without_speakers(_without_mail_headers(text.split("\n"))):
        words = _EMOJI_CODE.sub(_counted, _SLACK_LINK.sub(r" \1 ", raw)).strip()
        if words:
            yield from _lines(words, after_gap=gap)
        gap = not words


def _lines(words: str, *, after_gap: bool) -> Iterator[Line]:
    title = _BOLD_BEGINNING.match(words)
    if title is not None:
        yield Line(title["title"].rstrip(" :"), BOLD_LEVEL, after_gap=after_gap)
        if title["rest"]:
            yield Line(_BOLD.sub(r"\1", title["rest"]))
        return
    bullet = _BULLET.match(words)
    text = _BOLD.sub(r"\1", words[bullet.end() :] if bullet else words)
    yield Line(text or words, item=bool(bullet and text), after_gap=after_gap)


def _without_speakers(lines: Sequence[str]) -> Sequence[str]:
    """Return the lines without their times and speakers, if somebody speaks twice."""
    stamps = [_STAMP.match(line.strip()) for line in lines]
    turns = Counter(stamp["speaker"] for stamp in stamps if stamp)
    if not any(count > 1 for count in turns.values()):
        return lines
    return [line.strip()[stamp.end() :] if stamp else line for line, stamp in zip(lines, stamps, strict=True)]


def _without_mail_headers(lines: Sequence[str]) -> Sequence[str]:
    """Return the lines of a mail below its subject, without its signature; other lines unchanged."""
    begin = next((index for index, line in enumerate(lines) if line.strip()), 0)
    headers = {}
    for line in lines[begin:]:
        header = _MAIL_HEADER.fullmatch(line.strip())
        if header is None:
            break
        headers[header["name"].lower()] = header["value"]
    if not {"de", "from"} & set(headers):
        return lines
    subject = _ANSWER.sub("", headers.get("objet") or headers.get("subject") or "")
    below = lines[begin + len(headers) :]
    end = next((index for index, line in enumerate(below) if line.rstrip() == _SIGNATURE), len(below))
    return [subject, *below[:end]]


def _counted(code: re.Match[str]) -> str:
    return f"{_COUNTED.index(code[1])}. " if code[1] in _COUNTED else ""
