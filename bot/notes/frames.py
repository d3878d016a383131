"""The frame of notes in a text: headers and quotes of a mail, stamps of a chat, labels of a transcript."""

import itertools
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from bot.model.text import fold

_DAY = r"(?:\d{1,4}[/.-]\d{1,2}[/.-]\d{1,4}|\d{1,2}(?:er)? [^\W\d]{3,9}\.? \d{4}|[^\W\d]{3,9}\.? \d{1,2}, \d{4})"
_CLOCK = r"\d{1,2}(?::|\.|h)\d{2}(?::\d{2})?(?:[\s\u202f]?[AaPp]\.?[Mm]\.?)?"
_MOMENT = rf"{_DAY},?\s(?:à\s|at\s)?{_CLOCK}"
_NAME = r"[^\W\d_][^:\n\[\]<>]{0,40}?"
# `[04/11/2024, 21:14:03] Marie: …`, `04/11/2024 à 21:14 - Marie : …`; without a name it is a line of the program.
_MESSAGE = re.compile(
    rf"(?:\[{_MOMENT}\]|{_MOMENT}\s[-–])\s+(?:(?P<speaker>{_NAME})\s?:(?:\s+|$))?(?P<text>.*)", re.DOTALL
)
# `Marie, [18.05.2025 20:12]`, `Marie — 18/05/2025 20:12`, `Marie  9:42 AM`: the message stands below.
_HEADER = re.compile(rf"(?P<speaker>{_NAME})(?:,?\s\[{_MOMENT}\]|\s[—–-]\s{_MOMENT}|\s{{1,4}}{_CLOCK})")
_CLOCK_ALONE = re.compile(rf"\s{{0,8}}[—–-]?\s{{0,3}}\[?(?:{_MOMENT}|{_CLOCK})\]?\s{{0,3}}")
_TURN = re.compile(
    rf"\W{{0,2}}(?P<time>\d{{1,2}}:\d\d(?::\d\d)?(?:[.,]\d{{1,3}})?)\W{{0,3}}\s+(?:(?P<speaker>{_NAME})\s?:\s+)?"
    r"(?P<text>.*)"
)
_LABEL = re.compile(
    r"(?P<speaker>[A-ZÀ-Þ][\w’'.-]*(?: "
    r"[A-ZÀ-Þ\d][\w’'.-]*){0,2})(?:\s\((?P<time>\d{1,2}:\d\d(?::\d\d)?)\))?\s?:(?:\s+(?P<text>(?!https?://)\S.*))?"
)
_NO_SPEAKER = re.compile(
    r"(?:sources?|liens?|links?|via|titre|title|sujets?|topics?|dates?|notes?|infos?|resume|summary|chiffres?|"
    r"pourquoi|resultat|intervenants|participants|guests|hosts|avec|with|conclusion|introduction|episode|sommaire|"
    r"chapitres?|chapters?|contact|musique|music|credits?)\b"
)
# Subtitles number their lines and give each a time: SRT and WebVTT.
_CUE = re.compile(r".*\d\d:\d\d[.,]\d{3} --> .*")
_CUE_LINES = re.compile(r"\d+|WEBVTT.*|.*\d\d:\d\d[.,]\d{3} --> .*")
_SYSTEM = re.compile(
    r"^\W*(?:.{0,60}\b(?:chiffres de bout en bout|end.to.end encrypted)\b|<?(?:medias? omis|media omitted)|(?:image|"
    r"video|audio|sticker|gif|document|photo)s? (?:omitted|absente?|omise?|omis)\b|"
    r"(?:ce )?message (?:a ete )?supprime|(?:this )?message was deleted|you deleted this|vous avez supprime|joined #|"
    r"set the channel|:[a-z0-9_+-]+:\s*\d+$|missed (?:voice|video) call|appel (?:vocal|video) manque)"
)
_CHATTER = re.compile(
    r"^\W*(?:ok|oki|okay|super|top|merci|parfait|coucou|salut|bonjour|bonsoir|hello|hi|hey|thanks|thank you|great|"
    r"nice|cool|lol|mdr|genial|bien recu|vu|yes|oui|non|yep|d.accord|ca marche|haha|bravo|perfect|on enregistre)\b"
)
_SHORT = 90
_MAIL_HEADER = re.compile(
    r"(?P<name>de|from|envoyé|sent|date|à|to|cc|objet|subject|reply-to|répondre à)\s?:\s*(?P<value>.*)", re.IGNORECASE
)
_ANSWER = re.compile(r"^(?:(?:re|fwd?|tr)\s?:\s*)+", re.IGNORECASE)
_WROTE = re.compile(r"^>?\s*(?:on\b.{4,160}\bwrote|le\b.{4,160}\ba écrit)\s?:\s*$", re.IGNORECASE)
_FORWARDED = re.compile(
    r"^\W{3,30}(?:forwarded message|message transféré|message d.origine|original message)", re.IGNORECASE
)
_FEW_WORDS = 40
"""Words above a forwarded message that only hand it over."""
_MOST_HEADERS = 12
_MANY = 0.6


class Said(NamedTuple):
    """A line of the text, with what its frame says of it."""

    text: str
    speaker: str = ""
    time: str = ""
    aside: bool = False
    begins: bool = False
    """The line is the first one of a message or of a turn."""


def mail_subject(text: str) -> str:
    """Return the subject of a mail without the marks of answers."""
    return _ANSWER.sub("", text).strip()


def is_chat(text: str) -> bool:
    """Tell whether the text is the export or the copy of a chat."""
    return _chat(text.split("\n")) is not None


def unframed(lines: Sequence[str]) -> list[Said]:
    """Return the lines without the frame of a mail, a chat or a transcript."""
    said = _without_mail(lines)
    texts = [each.text for each in said]
    for read in (_chat, _transcript):
        found = read(texts)
        if found is not None:
            return [new._replace(aside=new.aside or old.aside) for old, new in zip(said, found, strict=True)]
    return said


def _without_mail(lines: Sequence[str]) -> list[Said]:
    """Return a mail without headers, and with its quotes and signature aside; other lines unchanged."""
    full = [line for line in lines if line.strip()]
    if sum(line.startswith(">") for line in full) > _MANY * len(full):
        lines = [line.lstrip("> ") for line in lines]
    said: list[Said] = []
    is_mail = has_ended = False
    while len(said) < len(lines):
        line = lines[len(said)]
        headers = _headers(lines[len(said) : len(said) + _MOST_HEADERS])
        if len(headers) > 1 and {"de", "from"} & headers.keys():
            subject = mail_subject(headers.get("objet") or headers.get("subject") or "")
            said += [Said("" if is_mail else subject), *[Said("")] * (len(headers) - 1)]
            is_mail = True
            continue
        below = lines[len(said) + 1 : len(said) + _MOST_HEADERS]
        is_quoting = is_mail or any(each.startswith(">") for each in below)
        is_answer = _WROTE.match(line) or _WROTE.match(" ".join((line, *below[:1])))
        forwarded = _FORWARDED.match(line)
        is_long = sum(len(each.text.split()) for each in said) > _FEW_WORDS if forwarded else False
        has_ended = has_ended or bool((is_mail and line.rstrip() == "--") or (is_quoting and is_answer) or is_long)
        is_out = has_ended or forwarded or (is_mail and line.startswith(">"))
        said.append(Said(line, aside=bool(is_out and line.strip())))
    return said


def _headers(lines: Sequence[str]) -> dict[str, str]:
    found = itertools.takewhile(bool, (_MAIL_HEADER.fullmatch(line.strip()) for line in lines))
    return {header["name"].lower(): header["value"] for header in found if header}


def _chat(lines: Sequence[str]) -> list[Said] | None:
    """Return the messages of a chat's export or copy; None if the lines are none."""
    stamps = [_MESSAGE.fullmatch(line.strip(" \u200e\u200f")) for line in lines]
    if sum(stamp is not None and stamp["speaker"] is not None for stamp in stamps) > 1:
        return list(_exported(lines, stamps))
    headers: list[str] = [""] * len(lines)
    times: set[int] = set()
    for index, line in enumerate(lines):
        match = _HEADER.fullmatch(line.strip())
        if match is not None:
            headers[index] = match["speaker"].strip()
        elif index and _CLOCK_ALONE.fullmatch(line):
            times.add(index)
            name = lines[index - 1].strip()
            if line.startswith((" ", "\t", "—", "–")) and name and not headers[index - 1]:
                headers[index - 1] = name
    counts = Counter(filter(None, headers))
    if not counts or counts.most_common(1)[0][1] < 2:  # noqa: PLR2004
        return None
    return list(_copied(lines, headers, times))


def _exported(lines: Sequence[str], stamps: Sequence[re.Match[str] | None]) -> Iterator[Said]:
    speaker = ""
    for line, stamp in zip(lines, stamps, strict=True):
        text = line if stamp is None else stamp["text"]
        if stamp is not None:
            speaker = (stamp["speaker"] or "").strip()
        is_system = stamp is not None and not stamp["speaker"]
        yield message_line(text, speaker, begins=stamp is not None, is_system=is_system)


def _copied(lines: Sequence[str], headers: Sequence[str], times: set[int]) -> Iterator[Said]:
    speaker, begins = "", False
    for index, line in enumerate(lines):
        if headers[index] or index in times:
            speaker, begins = headers[index] or speaker, True
            yield Said("", speaker)
        else:
            yield message_line(line, speaker, begins=begins)
            begins = begins and not line.strip()


def message_line(text: str, speaker: str, *, begins: bool, is_system: bool = False) -> Said:
    """Return a line of a chat; what people say to each other is aside, as are lines of the program."""
    text = text.strip().strip("\u200e\u200f")
    flat = fold(text)
    is_talk = begins and len(text) <= _SHORT and "://" not in text and (_CHATTER.match(flat) or flat.endswith("?"))
    aside = is_system or _SYSTEM.match(flat) is not None or bool(is_talk)
    return Said(text, speaker, aside=aside and bool(text), begins=begins)


def _transcript(lines: Sequence[str]) -> list[Said] | None:
    """Return the turns of a transcript; None if the lines are none."""
    has_cues = any(_CUE.fullmatch(line.strip()) for line in lines)
    full = [line for each in lines if (line := each.strip()) and not (has_cues and _CUE_LINES.fullmatch(line))]
    turns = [_TURN.fullmatch(line) for line in full]
    bare = [turn["text"] if turn and not turn["speaker"] else line for turn, line in zip(turns, full, strict=True)]
    labels = [label for label in map(_LABEL.fullmatch, bare) if label and not _NO_SPEAKER.match(fold(label["speaker"]))]
    spoken = [(turn["speaker"], turn["text"]) for turn in turns if turn and turn["speaker"]]
    spoken += [(label["speaker"], label["text"] or "") for label in labels]
    counts = Counter(speaker for speaker, _text in spoken)
    stamped = [turn["text"] for turn in turns if turn]
    told = [text for _speaker, text in spoken if text] or stamped
    is_labelled = len(spoken) > len(counts) and len(spoken) + len(stamped) >= _MANY * len(full)
    is_stamped = len(stamped) > _MANY * len(full) and _are_sentences(stamped)
    if not (has_cues or is_stamped or (is_labelled and _are_sentences(told))):
        return None
    if has_cues:
        lines = ["" if _CUE_LINES.fullmatch(line.strip()) else line for line in lines]
    return list(_turns(lines, counts))


def _turns(lines: Sequence[str], names: Counter[str]) -> Iterator[Said]:
    speaker = ""
    for line in lines:
        text, time, begins = line.strip(), "", False
        if turn := _TURN.fullmatch(text):
            time, text, begins = turn["time"], turn["text"], True
            speaker = turn["speaker"] or speaker
        label = _LABEL.fullmatch(text)
        if label and label["speaker"] in names:
            speaker, text, begins, time = label["speaker"], label["text"] or "", True, label["time"] or time
        yield Said(text, speaker, time, begins=begins)


def _are_sentences(texts: Sequence[str]) -> bool:
    return sum(text.endswith((".", "?", "!", "…")) for text in texts) > _MANY * len(texts)
