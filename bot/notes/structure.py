"""From notes to an outline: number, teaser, and the beginning of each subject."""

import dataclasses
import datetime as dt
import itertools
import re
from collections.abc import Collection, Iterator, Sequence

from babel.dates import get_month_names

from bot.model.i18n import Language
from bot.model.text import fold
from bot.notes.language import sentences, telling_words
from bot.notes.matching import Matcher
from bot.notes.model import Line, Link, Notes, Outline, Subject

_NUMBER = re.compile(
    r"^\W*(?:(?:[ée]pisode|ep|[ée]p|num[ée]ro|no|n°|issue|show)\s*+\.?\s*+(?:n°|no|#)?\s*|#)(\d{1,6})\b"
    r"[\s:.,|•·–—-]*",
    re.IGNORECASE,
)
_NUMBER_ALONE = re.compile(r"^(\d{2,6})(?:\s*[:|•·–—-]\s*(?=\D)|$)")
# `Le récap du lundi – Épisode 1208 : …`: the show's name may stand before it.
_NUMBER_AFTER_SHOW = re.compile(
    r"^[^.!?\d\n]{1,40}?(?:\b(?:[ée]pisode|[ée]p\.?|num[ée]ro)\s*+(?:n°|no|#)?\s*|n°\s*|#)(\d{1,6})\s*(?:[:|•·–—-]\s*|$)",
    re.IGNORECASE,
)
_HEAD = 6
"""Lines in which number, date and teaser are looked for."""

_LEAD = re.compile(
    r"^(?:.{0,60}?\b(?:au programme|au sommaire|au menu|a la une|dans cet episode|on parle|on va parler|nous parlons|"
    r"nous allons parler|je vous parle|on revient sur|cette semaine|ce lundi|comme tous les lundis|in this episode|"
    r"this week|we talk about|we will talk about|we cover|we discuss|today|on the menu|topics|sujets|sommaire|"
    r"chapitres|chapters)\b)"
)
_LEAD_ONLY = re.compile(
    r"^(?:.{0,60}?\b(?:on parle|on va parler|nous parlons|nous allons parler|je vous parle|on revient sur|"
    r"we talk about|we will talk about|we cover|we discuss|we look at)"
    r"\s+(?:des?\s+|du\s+|d[’'])?)",
    re.IGNORECASE,
)
# After "we talk of", each phrase may repeat these words.
_OF = re.compile(r"^(?:des?\s+|du\s+|d[’'])", re.IGNORECASE)
_PARTS = re.compile(r"(?:(?<!\s)\s+)?[,;•|]\s+(?:(?:et|and|puis|enfin|et enfin)\s+)?")
_LAST_TWO = re.compile(r"(?<!\s)\s+(?:et|and)\s+(?:enfin\s+|puis\s+|finally\s+|then\s+)?")

_TIME = re.compile(r"^\W*\d{1,2}:\d{2}(?::\d{2})?\W*")
_NUMBERED = re.compile(
    r"^(?:(?:sujet|subject|story|topic|question|partie|part|chapitre|chapter)\s*+(?:n°|no|#)?\s*)?"
    r"(\d{1,2})\s*[.):°/–-]\s*(?=\D)",
    re.IGNORECASE,
)
_EMOJI = re.compile(r"^[\U0001F000-\U0001FAFF\u2190-\u2BFF\u2600-\u27BF\ufe0f\u200d\u20e3]+\s*")
_KEYCAP = re.compile(r"^(\d)\ufe0f?\u20e3\s*")
_INSIDE = re.compile(
    r"^(?:introduction|intro|outro|conclusion|en conclusion|contexte|bilan|en bref|wrap up|background|takeaway)\b",
    re.IGNORECASE,
)
_SOURCES = re.compile(
    r"^\W*(?:les\s+)?(?:sources?|liens?|links?|references?|pour aller plus loin|show notes|en savoir plus|ressources?|"
    r"resources?|further reading)(?: .{0,30})?\W*$"
)
_BOILERPLATE = re.compile(
    r"^\W*+(?:abonne[zr]|suive[zr]|retrouve[zr]|rejoigne[zr]|soutene[zr]|laisse[zr]|contacte[zr]|merci d|subscribe|"
    r"follow (?:us|me|the)|find us|leave (?:us|a)|support (?:us|the)|hosted (?:on|by)|heberge par|produit par|"
    r"[\w.+-]+@[\w.-]++\W*$|musique :|music by|credits?\b|see acast|visitez|bonne ecoute|a lundi|see you)"
)
_IN_EVERY_ADDRESS = frozenset({"https", "http", "www", "com", "fr", "org", "net", "html"})
_MAX_SUBJECTS = 20
"""Subjects of a teaser at most; a line that lists more is none."""
_TEASER_SENTENCES = 2
"""Sentences of a teaser at most; a line with more tells a story."""
_LIST = 3
"""Words of a list of two names."""
_MAX_HEADING = 110
_MAX_HEADING_WORDS = 18
_ENDS = (".", "!", "…", ";", ",")

_MONTHS = {fold(name): number for locale in Language for number, name in get_month_names(locale=locale.value).items()}
_MONTH, _YEAR = rf"(?P<month>{'|'.join(_MONTHS)})", r"(?P<year>\d{4})\b"
_DATES = (
    re.compile(r"\b(?P<year>\d{4})-(?P<month>\d{2})-(?P<day>\d{2})\b"),
    re.compile(rf"\b(?P<day>\d{{1,2}})(?:er|st|nd|rd|th)?\s+{_MONTH}\s+{_YEAR}"),
    re.compile(rf"\b{_MONTH}\s+(?P<day>\d{{1,2}})(?:st|nd|rd|th)?,?\s+{_YEAR}"),
    re.compile(rf"\b(?P<day>\d{{1,2}})[/.](?P<month>\d{{1,2}})[/.]{_YEAR}"),
)


def outline(notes: Notes) -> Outline:
    """Return the notes by subject; there is always at least one."""
    lines = [line for line in notes.lines if not _is_rule(line)]
    dates = (date_in(line.text) for line in lines[:_HEAD])
    found = Outline(notes.number, notes.date or next(filter(None, dates), None))
    head, body = _head(lines, notes, found)
    phrases, found.lead, below = _teaser(head, body)
    if phrases and len(below) == len(body):
        found.teaser = head
    else:
        found.title = "" if date_in(head) else head
        found.teaser = ", ".join(phrases)
    body = below
    starts = _announced(phrases, body, found) if phrases else []
    if found.lead_is_subject and found.teaser != head:
        found.teaser = f"{found.lead}, {found.teaser}"
    if not starts:
        starts = _by_headings(body, found)
    _divide(body, starts, found)
    return found


def is_heading(line: Line) -> bool:
    """Tell whether the line is short, has no full stop, and is no item of a list without the mark of a title."""
    return (line.level > 0 or not line.item) and _is_title(line)


def _is_title(line: Line) -> bool:
    text = line.text
    return (
        bool(text)
        and len(text) <= _MAX_HEADING
        and len(text.split()) <= _MAX_HEADING_WORDS
        and (line.level > 0 or not text.endswith(_ENDS))
        and not _SOURCES.match(fold(text))
        and not _BOILERPLATE.match(fold(text))
        and bool(telling_words(text))
    )


def bare_title(text: str) -> str:
    """Return a heading without its number, emoji, time and last colon."""
    for pattern in (_TIME, _KEYCAP, _NUMBERED, _EMOJI):
        text = pattern.sub("", text)
    return text.strip().rstrip(":").strip()


def _is_rule(line: Line) -> bool:
    return not (line.links or line.images or any(character.isalnum() for character in line.text))


def _head(lines: list[Line], notes: Notes, found: Outline) -> tuple[str, list[Line]]:
    """Return the text beside the episode's number, and the lines below it."""
    candidates = [(-1, Line(notes.title)), *enumerate(lines[:_HEAD])]
    for index, line in candidates:
        match = _NUMBER.match(line.text) or _NUMBER_ALONE.match(line.text) or _NUMBER_AFTER_SHOW.match(line.text)
        if match and (found.number is None or found.number == int(match[1])):
            found.number = int(match[1]) or None
            rest = line.text[match.end() :].strip()
            if index < 0:
                return rest, lines
            return rest, [dataclasses.replace(extra, text="") for extra in [line] if line.links] + lines[index + 1 :]
    return notes.title, lines


def _teaser(head: str, body: list[Line]) -> tuple[list[str], str, list[Line]]:
    """Return the subjects of the teaser, its words before them, and the lines below it."""
    phrases, lead = _phrases(head)
    if len(phrases) > 1 or (phrases and lead):
        return phrases, lead, body
    for index, line in enumerate(body[:_HEAD]):
        flat = fold(line.text)
        if not _LEAD.match(flat):
            continue
        items = list(itertools.takewhile(lambda below: below.item, body[index + 1 :]))
        # Because the list of the subjects themselves may follow, a second item with the first one's text ends the list.
        again = next((number for number, item in enumerate(items) if number and item.text == items[0].text), len(items))
        titles = [bare_title(item.text.rstrip(".;,")) for item in items[:again]]
        if again > 1 and (line.text.endswith(":") or line.level):
            return list(filter(telling_words, titles)), line.text.rstrip(": "), body[:index] + body[index + 1 + again :]
        phrases, lead = _phrases(line.text)
        is_list = len(phrases) > 1 or (bool(phrases) and _LEAD_ONLY.match(lead) is not None)
        if is_list and len(sentences(line.text)) <= _TEASER_SENTENCES:
            return phrases, lead, body[:index] + body[index + 1 :]
    titles = _told_again(body)
    return titles, "", body[len(titles) :]


def _told_again(body: list[Line]) -> list[str]:
    """Return the lines at the top whose words all stand again below: a teaser without the mark of one."""
    titles: list[str] = []
    for line in body[: _MAX_SUBJECTS + 1]:
        if line.links or not _is_title(line):
            break
        titles.append(bare_title(line.text))
    below = [fold(line.text) for line in body[len(titles) :]]
    is_list = 1 < len(titles) <= _MAX_SUBJECTS
    return titles if is_list and all(any(fold(title) in text for text in below) for title in titles) else []


def _phrases(text: str) -> tuple[list[str], str]:
    """Return the subjects that a line lists, and its words before them."""
    text, lead = text.strip().rstrip(".!… "), ""
    before, colon, after = text.partition(":")
    if colon and after.strip() and _LEAD.match(fold(before)):
        lead, text = before.strip(), after.strip()
    parts = [part for part in _PARTS.split(text) if telling_words(part)]
    if len(parts) > 1 and not lead and _LEAD.match(fold(parts[0])):
        lead, parts = parts[0], parts[1:]
    return (_joined(parts), lead) if len(parts) <= _MAX_SUBJECTS else ([], "")


def _joined(parts: list[str]) -> list[str]:
    """Join a list of names that a comma split, as in `Meta, Google et Apple s’allient`."""
    joined: list[str] = []
    for part in reversed(parts):
        if joined and len(telling_words(part)) == 1 and _LAST_TWO.search(joined[0]) and len(joined[0].split()) > _LIST:
            joined[0] = f"{part}, {joined[0]}"
        else:
            joined.insert(0, part)
    return joined


def _announced(phrases: list[str], body: list[Line], found: Outline) -> list[tuple[int, str]]:
    """Return the line at which each subject of the teaser begins, with its name there."""
    headings = frozenset(index for index, line in enumerate(body) if is_heading(line))
    inside = frozenset(index for index in headings if _INSIDE.match(body[index].text))
    matcher = Matcher(body, headings, inside)
    ways = [phrases]
    if len(last := _LAST_TWO.split(phrases[-1], maxsplit=1)) > 1 and all(map(telling_words, last)):
        ways.append([*phrases[:-1], *last])
    # The lead may hold the first subject: "we talk about Netflix, …".
    first = _LEAD_ONLY.sub("", found.lead, count=1)
    if first != found.lead and telling_words(first):
        ways += [[first, *(_OF.sub("", phrase) for phrase in way)] for way in ways]
    best: list[tuple[int, str]] = []
    for way in ways:
        starts, total = matcher.starts(way)
        taken = [start for start in starts if start is not None]
        # A first subject without a title begins with the text.
        if starts[0] is None and len(taken) < len(way) and taken and taken[0] > 0 and way[0] in phrases:
            starts[0], total = 0, total + 0.1
        pairs = [(start, phrase) for start, phrase in zip(starts, way, strict=True) if start is not None]
        if len(pairs) > len(best):
            best = pairs
            found.lead_is_subject = way[0] not in phrases and starts[0] is not None
            found.missing = [phrase for start, phrase in zip(starts, way, strict=True) if start is None]
    if len(best) < max(1, len(phrases) // 2):
        found.missing = []
        return []
    return best


def _by_headings(body: list[Line], found: Outline) -> list[tuple[int, str]]:
    """Return the lines at which the subjects begin, by the titles above them."""
    headings = {index for index, line in enumerate(body) if is_heading(line)}
    marked = next((starts for starts in _marked(body, headings) if len(starts) > 1), None)
    if marked is not None:
        return [(index, "") for index in marked]
    found.guessed = True
    apart = [
        index
        for index in sorted(headings)
        if not _INSIDE.match(body[index].text)
        and (index == 0 or body[index].after_gap)
        and index + 1 < len(body)
        and index + 1 not in headings
    ]
    if len(apart) > 1:
        return [(index, "") for index in apart]
    # Notes that are nothing but a list have a subject in each item.
    texts = [index for index, line in enumerate(body) if line.text]
    is_list = len(texts) > 1 and all(body[index].item for index in texts)
    return [(index, "") for index in texts] if is_list else []


def _marked(body: list[Line], headings: Collection[int]) -> Iterator[list[int]]:
    """Yield the lines with a mark of a title: a level, a number, a time, an emoji, capitals; one list for each mark."""
    outside = [index for index, line in enumerate(body) if not _INSIDE.match(bare_title(line.text))]
    for level in range(1, 7):
        yield [index for index in outside if index in headings and body[index].level == level]
    numbered: list[int] = []
    for index, line in enumerate(body):
        match = _KEYCAP.match(line.text) or _NUMBERED.match(line.text)
        if match and _is_title(line) and int(match[1]) == len(numbered) + 1:
            numbered.append(index)
    yield numbered
    yield [index for index in outside if _TIME.match(body[index].text) and _is_title(body[index])]
    yield [index for index in sorted(headings) if _EMOJI.match(body[index].text)]
    yield [index for index in sorted(headings) if body[index].text.isupper()]


def _divide(body: list[Line], starts: Sequence[tuple[int, str]], found: Outline) -> None:
    """Give each subject its lines and links."""
    is_whole = not starts
    if is_whole:
        starts = [(next((index for index, line in enumerate(body) if line.text), 0), "")]
    found.opening = [line for line in body[: starts[0][0]] if line.text and not is_heading(line)]
    ends = [index for index, _phrase in starts[1:]] + [len(body)]
    closing: list[Link] = []
    for (begin, phrase), end in zip(starts, ends, strict=True):
        subject = Subject(announced=phrase)
        found.subjects.append(subject)
        lines = body[begin:end]
        if lines:
            text = _EMOJI.sub("", lines[0].text)
            if is_heading(lines[0]):
                subject.heading, text = bare_title(lines[0].text), ""
            lines[0] = dataclasses.replace(lines[0], text=text)
        if is_whole and not subject.heading:
            subject.heading = bare_title(found.title)
        below_sources = False
        for line in lines:
            if any(_BOILERPLATE.match(fold(said)) for said in (line.text, *(link.title for link in line.links))):
                found.left_out += [link.url for link in line.links]
                continue
            below_sources = below_sources or (bool(line.text) and _SOURCES.match(fold(line.text)) is not None)
            if below_sources and end == len(body) and len(starts) > 1 and line.links:
                closing += [link if link.title else Link(line.text, link.url) for link in line.links]
                continue
            subject.links += line.links
            subject.images += line.images
            if line.text and not below_sources:
                subject.lines.append(line)
    _distribute(closing, found.subjects)


def _distribute(links: Sequence[Link], subjects: Sequence[Subject]) -> None:
    """Give the links at the end of the notes to the subjects that have most of their words, else to the last."""
    titles = [set(telling_words(f"{subject.heading} {subject.announced}")) for subject in subjects]
    texts = [{word for line in subject.lines for word in telling_words(line.text)} for subject in subjects]
    for link in links:
        wanted = set(telling_words(f"{link.title} {link.url}")) - _IN_EVERY_ADDRESS
        nearest = max(
            reversed(range(len(subjects))), key=lambda index: (len(wanted & titles[index]), len(wanted & texts[index]))
        )
        subjects[nearest].links.append(link)


def date_in(text: str) -> dt.date | None:
    """Return the first whole date in a text."""
    flat = fold(text)
    match = next(filter(None, (pattern.search(flat) for pattern in _DATES)), None)
    if match is None:
        return None
    try:
        return dt.date(int(match["year"]), _MONTHS.get(match["month"]) or int(match["month"]), int(match["day"]))
    except ValueError:
        return None
