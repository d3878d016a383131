"""The messages in a chat's export or copy: those of Telegram and Slack in JSON, and of all as text."""

import itertools
import json
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TypeAlias

from bot.model.plaintext import clean
from bot.model.text import fold_words

MARKS = " \u200e\u200f"
"""Signs without a form around the words of a message."""
NAME = r"(?:~\s?)?(?:[^\W\d_]|\+\d)[^:\n\[\]<>]{0,40}?"
"""The name of a sender: WhatsApp writes a tilde before somebody who is not in the contacts, or the number alone."""
_DAY = (
    r"(?:\d{1,4}[/.-]\d{1,2}[/.-]\d{1,4}|\d{1,2}(?:er)? [^\W\d]{3,9}\.? \d{4}|[^\W\d]{3,9}\.? \d{1,2}, \d{4}|"
    r"(?i:yesterday|today|hier|aujourd.hui))"
)
_CLOCK = r"\d{1,2}(?::|\.|h)\d{2}(?::\d{2})?(?:[\s\u202f]?[AaPp]\.?[Mm]\.?)?"
_MOMENT = rf"{_DAY},?\s(?:à\s|at\s)?{_CLOCK}"
# `[04/11/2024, 21:14:03] Marie: …`, `04/11/2024 à 21:14 - Marie : …`; without a name it is a line of the program.
_MESSAGE = re.compile(rf"(?:\[{_MOMENT}\]|{_MOMENT}\s[-–])\s+(?:(?P<speaker>{NAME})\s?:(?:\s+|$))?(?P<text>.*)")
# `Marie, [18.05.2025 20:12]`, `Marie — 18/05/2025 20:12`, `Marie  9:42 AM`: the message stands below.
_HEADER = re.compile(rf"(?P<speaker>{NAME})(?:,?\s\[{_MOMENT}\]|\s[—–-]\s{_MOMENT}|\s{{1,4}}\[?{_CLOCK}\]?)")
_STAMP_FIRST = re.compile(rf"\[(?:{_MOMENT}|{_CLOCK})\]\s(?P<speaker>{NAME})")
_CLOCK_ALONE = re.compile(rf"\s{{0,8}}[—–-]?\s{{0,3}}\[?(?:{_MOMENT}|{_CLOCK})\]?\s{{0,3}}")
_DATED = re.compile(_MOMENT)
# The words with which somebody takes a subject, in French and English.
_TAKES = re.compile(
    r"(?i)^(?:(?:moi|pour moi|alors|perso|et|ok|and|so|well|coucou|salut|hello|hi)[\s,]+){0,3}(?:"
    r"(?:mon|ma|my) (?:(?:premi[èe]re?|deuxi[èe]me|second|first|next) )?(?:sujet|actu|info|story|topic|pick)\s?:\s+|"
    r"(?:j[’']en ai|i(?:[’']ve| have) got) [^:.!?\n]{1,50}\s?:\s+|"
    r"(?:je (?:prends|propose|traite|garde|ramène|apporte)|j[’']ai(?= l)|"
    r"i(?:[’']ll| will|[’']d like to| want to) (?:take|cover|bring|do))\s+|"
    r"(?:je (?:voudrais|veux|vais)|j[’']aimerais|i(?:[’']ll| will|[’']d like to| want to)) "
    r"(?:parler|talk|speak) (?:about |des? |du |d[’'])"
    r")(?=\S)"
)
_FEW, _LONGEST_NAME, _STEM, _LONG = 2, 45, 4, 3
"""Messages that show a chat, characters of a sender's name, letters that forms of a word share, and of a short one."""

_LINK = re.compile(r"(?i)<(https?://[^\s<>|]+)\|([^<>\n]*)>")
_EMOJI_CODE = re.compile(r"(?<![\w:]):([a-z][a-z0-9_+-]*):(?![\w:])\s*")
_DIGITS = fold_words("one two three four five six seven eight nine")
_COUNTED = {name: f"{at}. " for at, name in enumerate(_DIGITS, 1)}

"""The numbers that Slack writes as emoji, as in `:one:`."""

Messages: TypeAlias = Sequence[tuple[str | None, Sequence[str]]]
"""The lines of each message by its sender, which the program is without a name; empty, the one above goes on."""


def messages_in(text: str) -> tuple[str, Messages]:
    """Return the name of the chat, and its messages; there are none in data of another kind."""
    try:
        data = json.loads(text)
    except (ValueError, RecursionError):
        return "", ()
    messages = data.get("messages") if isinstance(data, dict) else data
    if not isinstance(messages, list) or not all(isinstance(each, dict) and "text" in each for each in messages):
        return "", ()
    told: list[tuple[str | None, Sequence[str]]] = []
    for message in messages:
        is_system = message.get("type") == "service" or message.get("subtype")
        pieces = message["text"] if isinstance(message["text"], list) else [message["text"]]
        owner = None if is_system else str(message.get("from") or message.get("user") or "")
        told.append((owner, _untaken(clean("".join(map(_marked, pieces))).split("\n"))))
    return str(data.get("name", "")) if isinstance(data, dict) else "", told


def messages_copied(lines: Sequence[str]) -> Messages | None:
    """Return the messages of a chat's export or copy as text; None if the lines are none."""
    stamps = {at: stamp for at, line in enumerate(lines) if (stamp := _MESSAGE.fullmatch(line.strip(MARKS)))}
    begins: dict[int, tuple[str | None, str]] = {at: (stamp["speaker"], stamp["text"]) for at, stamp in stamps.items()}
    if sum(stamp["speaker"] is not None for stamp in stamps.values()) < _FEW:
        begins = {}
        above = Counter(above.strip() for above, line in itertools.pairwise(lines) if _CLOCK_ALONE.fullmatch(line))
        is_named = sum(count for name, count in above.items() if name and count > 1) > sum(above.values()) // 2
        for at, line in enumerate(lines):
            if match := _HEADER.fullmatch(line.strip()) or _STAMP_FIRST.fullmatch(line.strip()):
                begins[at] = match["speaker"].strip(), ""
            elif at and _CLOCK_ALONE.fullmatch(line):
                begins[at] = "", ""
                name = lines[at - 1].strip()
                is_name = 0 < len(name) <= _LONGEST_NAME and not name.endswith(".")
                if is_name and (is_named or line.startswith((" ", "\t", "—", "–"))):
                    begins.setdefault(at - 1, (name, ""))
        counts = Counter(name for name, _text in begins.values() if name)
        # One name with a time may be a chapter; one with a day is a message.
        is_dated = sum(_DATED.search(lines[at]) is not None for at in begins) >= _FEW
        if not is_dated and max(counts.values(), default=0) < _FEW:
            return None
    messages: list[tuple[str | None, list[str]]] = [("", [])]
    for at, line in enumerate(lines):
        owner, text = begins.get(at, ("", line))
        messages += [(messages[-1][0] if owner == "" else owner, [])] if at in begins else []
        messages[-1][1].append(text)
    return [part for owner, told in messages for part in _without_preview(owner, _untaken(told))]


def _untaken(lines: Sequence[str]) -> Sequence[str]:
    """Return the lines of a message without the words with which its sender takes a subject."""
    at = next((at for at, line in enumerate(lines) if line.strip()), len(lines))
    said = lines[at].strip() if at < len(lines) else ""
    subject = _TAKES.sub("", said)
    return lines if subject == said else [*lines[:at], subject[0].upper() + subject[1:], *lines[at + 1 :]]


def without_codes(text: str) -> str:
    """Return a line with the address in place of Slack's mark of a link, and without its codes of emoji."""
    return _EMOJI_CODE.sub(lambda code: _COUNTED.get(code[1], ""), _LINK.sub(r" \1 ", text))


def _without_preview(owner: str | None, lines: Sequence[str]) -> Iterator[tuple[str | None, Sequence[str]]]:
    """Yield a message, and apart from it, as of the program, what that shows of a page to which the message links."""
    gap = next((at for at, line in enumerate(lines) if at and not line.strip() and any(lines[:at])), len(lines))
    own, below = lines[:gap], [line.strip() for line in lines[gap:] if line.strip()]
    is_below = "://" in " ".join(own) and len(below) > 1 and not any("://" in line for line in below)
    if is_below and len(below[0]) <= _LONGEST_NAME and _alike(below[1], " ".join(own)):
        yield owner, own
        yield None, lines[gap:]
    else:
        yield owner, lines


def _alike(title: str, text: str) -> bool:
    """Return whether a text has more than one long word of a title, in any form."""
    words, others = ({word[:_STEM] for word in fold_words(each) if len(word) > _LONG} for each in (title, text))
    return len(words & others) >= _FEW


def _marked(piece: object) -> str:
    """Return a part of a message as people type it: bold between stars, and the address of a link behind its words."""
    if not isinstance(piece, dict):
        return str(piece)
    words, target = str(piece.get("text", "")), piece.get("href")
    bold = re.sub(r"\S(?:.*\S)?", r"*\g<0>*", words) if piece.get("type") == "bold" else words
    return f"{words} ({target})" if target else bold
