"""From plain text to lines: without the frame of a mail, a chat or a transcript, and with paragraphs in one line."""

import itertools
import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import replace

from bot.content.chats import MARKS, NAME, Messages, messages_copied, without_codes
from bot.content.mails import begins_as_mail, told_by_mail
from bot.model.captions import is_captions, told_captions
from bot.model.text import fold
from bot.notes.language import words_of
from bot.notes.marks import TITLE_FIELD, is_title
from bot.notes.model import BOLD_LEVEL, Line

_TURN = re.compile(
    rf"\W{{0,2}}(?P<time>\d{{1,2}}:\d\d(?::\d\d)?(?:[.,]\d{{1,3}})?)\W{{0,3}}\s+(?:(?P<speaker>{NAME})\s?:\s+)?"
    r"(?P<text>.*)"
)
_LABEL = re.compile(
    r"(?P<speaker>[A-ZÀ-Þ][\w’'.-]*(?: "
    r"[A-ZÀ-Þ\d][\w’'.-]*){0,2})(?:\s\((?P<time>\d{1,2}:\d\d(?::\d\d)?)\))?(?P<mark>\s?:|\s[–—-](?=\s)|$)"
    r"(?:\s+(?P<text>(?!https?://)\S.*))?"
)
_ROLE, _PEOPLE = (re.compile(rf"{words_of(name)}\b") for name in ("role", "people"))
_NO_SPEAKER = re.compile(rf"{words_of('no_speaker')}\b")
_SYSTEM = re.compile(rf"^[^\w#@:\[]{{0,9}}{words_of('system')}")
_CHATTER = re.compile(rf"^\W*{words_of('chatter')}\b")
_EDITED = re.compile(r"(?<!\s)\s*(?:\((?:edited|modifié|modifiée)\)|<[^<>\n]{0,20}(?:edited|modifié)>)\s*$")
_GREETING = re.compile(rf"\W*{words_of('greeting')}")
_SHORT, _FEW, _MANY = 90, 2, 0.6
_UNDERLINE, _UNDERLINED = re.compile(r"[-=~_]{3,}"), 2
"""A line of signs right below a title, and the level that it gives to the title."""
_BULLET = re.compile(r"\s*[-*•·‣\u2043▪▫◦○●–—]\s+|\s*[•◦●▪](?=\w)")
# The marks of chats for bold.
_BOLD_BEGINNING = re.compile(r"\*{1,2}\s?(?=\S)(?P<title>[^*\n]{1,120})(?<=\S)\s?\*{1,2}(?P<rest>\s*[:–—-]\s+.*)?$")
_BETWEEN_DASHES = re.compile(r"([-–—])\s(?P<title>.{2,90})\s\1")
_BOLD = re.compile(r"(?<![\w*])\*(?=\S)([^*\n]{1,120})(?<=\S)\*(?![\w*])")


def plain_lines(text: str) -> Iterator[Line]:
    """Yield the lines of a text, without the frame of a chat, a mail or a transcript."""
    return marked_lines(_unframed(text.split("\n")))


def marked_lines(lines: Iterable[Line]) -> Iterator[Line]:
    """Yield the lines with their marks of titles and items apart from their words."""
    gap = False
    for said, below in itertools.pairwise((*lines, Line(""))):
        words = without_codes(said.text).strip()
        if words:
            line = _line(words, said, after_gap=gap or said.after_gap)
            rule = _UNDERLINE.fullmatch(below.text.strip())
            is_underlined = rule and line.after_gap and is_title(line) and 2 * len(rule[0]) > len(words)
            yield replace(line, level=_UNDERLINED) if is_underlined else line
        gap = not words


def _line(words: str, said: Line, *, after_gap: bool) -> Line:
    line = replace(said, text=words, after_gap=after_gap)
    if title := _BOLD_BEGINNING.match(words):
        lead, rest = title["title"].rstrip(" :"), title["rest"]
        line = replace(line, text=f"{title['title']}{rest}", lead=lead) if rest else replace(line, text=lead)
        return line if rest else replace(line, level=BOLD_LEVEL)
    if framed := _BETWEEN_DASHES.fullmatch(words):
        return replace(line, text=framed["title"], level=BOLD_LEVEL)
    bullet = _BULLET.match(words)
    text = _BOLD.sub(r"\1", words[bullet.end() :] if bullet else words)
    depth = len(said.text) - len(said.text.lstrip())
    return replace(line, text=text, item=True, depth=depth) if bullet and text else replace(line, text=text or words)


def is_framed(text: str) -> bool:
    """Tell whether the text is the export or the copy of a chat, or begins with the headers of a mail."""
    lines = text.lstrip().split("\n")
    return begins_as_mail(lines) or messages_copied(lines) is not None


def _unframed(lines: Sequence[str]) -> list[Line]:
    """Return the lines without the frame of a mail, a chat or a transcript."""
    said = [Line(text, aside=is_out) for text, is_out in told_by_mail(lines)]
    texts = [each.text for each in said]
    messages = messages_copied(texts)
    found = _transcript(texts) if messages is None else told_in(messages)
    if found is None:
        return said
    return [replace(new, aside=new.aside or old.aside) for old, new in zip(said, found, strict=True)]


def told_in(messages: Messages) -> list[Line]:
    """Return the lines of messages by their senders; all of the program and of people to each other is aside."""
    texts = [[_EDITED.sub("", line.strip().strip(MARKS)) for line in lines] for _owner, lines in messages]
    said = [[text for text in each if text and not _SYSTEM.match(fold(text))] for each in texts]
    owners = [owner for owner, _lines in messages]
    # People who write neither links nor sentences only comment on the others.
    long = (any(len(line) > _SHORT // 2 or "://" in line for line in own) for own in said)
    tellers = {owner for owner, is_long in zip(owners, long, strict=True) if is_long} or {*owners}
    is_in_blocks = sum(len(own) > 1 for own in said) > _FEW
    told, last = [], None
    for (owner, lines), own, shown in zip(messages, said, texts, strict=True):
        is_alone = len(own) == 1 and "://" not in own[0]
        # Where subjects are messages of several lines, one line of another person is an answer.
        is_talk = is_alone and ((is_in_blocks and owner != last) or _is_talk(own[0]))
        is_out = owner is None or is_talk or owner not in {"", *tellers} or "".join(lines).lstrip().startswith("\u200e")
        begins = True
        for text in shown:
            is_aside = is_out or _SYSTEM.match(fold(text)) or (begins and _CHATTER.fullmatch(fold(text)))
            told.append(Line(text, after_gap=begins, aside=bool(text and is_aside)))
            begins = begins and not text
        last = owner if own else last
    return told


def _is_talk(text: str) -> bool:
    """Tell whether a message is a remark between people; a title begins with a capital or has a number."""
    is_remark = text[:1].islower() and not any(mark in text for mark in "0123456789:")
    return len(text) <= _SHORT and bool(_CHATTER.match(fold(text)) or text.endswith("?") or is_remark)


def _transcript(lines: Sequence[str]) -> list[Line] | None:
    """Return the turns of a transcript; None if the lines are none."""
    has_cues = is_captions(lines)
    lines = told_captions(lines) if has_cues else lines
    full = [line.strip() for line in lines if line.strip()]
    turns = [_TURN.fullmatch(line) for line in full]
    bare = [turn["text"] if turn and not turn["speaker"] else line for turn, line in zip(turns, full, strict=True)]
    labels = [label for label in map(_LABEL.fullmatch, bare) if label and not _NO_SPEAKER.match(fold(label["speaker"]))]
    # Without a colon, only a name that comes again is that of a speaker.
    again = Counter(label["speaker"] for label in labels)
    labels = [label for label in labels if label["mark"].strip() == ":" or again[label["speaker"]] > 1]
    spoken = [(turn["speaker"], turn["text"]) for turn in turns if turn and turn["speaker"]]
    spoken += [(label["speaker"], label["text"] or "") for label in labels]
    counts = Counter(speaker for speaker, _text in spoken)
    # A title in capitals may have a colon, too.
    spoken = [(name, text) for name, text in spoken if counts[name] > 1 or not text.isupper()]
    counts = Counter(name for name, _text in spoken if not _NO_SPEAKER.match(fold(name)))
    stamped = [turn["text"] for turn in turns if turn]
    told = [text for _speaker, text in spoken if text] or stamped or [line for line in full if line not in counts]
    # Below a name alone stands what its speaker says.
    said = len(spoken) + sum(not text for _speaker, text in spoken)
    # No subject greets, has a part in the show or is with somebody; names that come once are those of speakers there.
    people = [text for text in map(fold, full) if _PEOPLE.match(text)]
    is_named = all(_ROLE.match(fold(name)) or fold(name) in " ".join(people) for name in counts)
    is_greeting = any(_GREETING.match(fold(text or "")) for _speaker, text in spoken)
    is_spoken = len(spoken) > len(counts) or is_named or is_greeting
    is_labelled = is_spoken and said + len(stamped) >= _MANY * (len(full) - len(people))
    is_stamped = len(stamped) > _MANY * len(full) and _are_sentences(stamped)
    if not (has_cues or is_stamped or (is_labelled and _are_sentences(told))):
        return None
    return list(_turns(lines, counts))


def _turns(lines: Sequence[str], names: Collection[str]) -> Iterator[Line]:
    speaker, above = "", Line("")
    turns = [_turn(line.strip(), names) for line in lines]
    for at, line in enumerate(turns):
        speaker = line.speaker or speaker
        below = next((each for each in turns[at + 1 :] if each.speaker or (each.text and "://" not in each.text)), line)
        # A short line apart from others that nobody says stands as a title above a turn.
        is_apart = line.after_gap if above.text else not above.speaker
        is_head = line.level or (is_apart and below.speaker and not line.speaker and is_title(line))
        yield replace(line, level=BOLD_LEVEL) if is_head else replace(line, speaker=speaker)
        above = line


def _turn(text: str, names: Collection[str]) -> Line:
    """Return a line of a transcript with its time, and the speaker that it names itself."""
    speaker, time, begins = "", "", False
    if turn := _TURN.fullmatch(text):
        time, begins = turn["time"], True
        speaker = turn["speaker"] if turn["speaker"] in names else ""
        text = turn["text"] if speaker or not turn["speaker"] else text[turn.start("speaker") :]
    label = _LABEL.fullmatch(text)
    if label and label["speaker"] in names:
        speaker, text, begins, time = label["speaker"], label["text"] or "", True, label["time"] or time
    is_list = _PEOPLE.match(fold(text)) and all(fold(name) in fold(text) for name in names)
    level = BOLD_LEVEL if not speaker and TITLE_FIELD.match(text) else 0
    return Line(text, level, after_gap=begins, speaker=speaker, time=time, aside=bool(names and is_list))


def _are_sentences(texts: Sequence[str]) -> bool:
    return sum(text.endswith((".", "?", "!", "…")) for text in texts) > _MANY * len(texts)
