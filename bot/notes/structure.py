"""From notes to an outline: the best cut, and the subject to which each line and link belongs."""

import dataclasses
import datetime as dt
import itertools
from collections.abc import Collection, Sequence
from pathlib import PurePath

from bot.model.text import fold
from bot.notes.chaff import chores, is_chaff, is_chaff_title
from bot.notes.cuts import Cut, Start, best_cut
from bot.notes.head import read_head
from bot.notes.language import telling_words
from bot.notes.marks import FRAME, SOURCES, bare_title, is_heading, is_title, unmarked
from bot.notes.matching import STEM
from bot.notes.model import Line, Link, Notes, Outline, Subject

_IN_EVERY_ADDRESS = frozenset({"https", "http", "www", "com", "fr", "org", "net", "html"})
_NAME = 3
_NAMED = 0.4
"""The share of a phrase's words with which a subject takes up the phrase."""


def outline(notes: Notes, path: PurePath, today: dt.date) -> Outline:
    """Return the notes by subject; there is always at least one."""
    head, lines = read_head(notes, path, today)
    found = Outline(head.number, head.date, head.title, head.teaser, head.lead)
    found.left_out = [line for line in notes.lines if line.aside and _says_something(line)] + head.dropped
    lines = [line for line in lines if _says_something(line)]
    out, body, gap = _chaff(lines), [], False
    for index, line in enumerate(lines):
        gap = gap or line.after_gap
        if index in out:
            found.left_out.append(line)
        else:
            body.append(dataclasses.replace(line, after_gap=gap))
            gap = False
    cut = best_cut(body, head)
    found.guessed = cut.name == "whole" and sum(line.after_gap for line in body) > 1
    closing = _divide(body, cut, found)
    left = _announce(found.subjects, cut.phrases)
    for subject in found.subjects:
        subject.time = subject.time or head.times.get(subject.announced, "")
    if len(left) == len(cut.phrases):
        # Because none of its phrases is told below, the line is a title and no list of subjects.
        found.title, found.teaser = found.title or head.teaser, ""
    else:
        found.missing = left
    _distribute(closing, found)
    return found


def _says_something(line: Line) -> bool:
    return bool(line.links or line.images) or any(map(str.isalnum, line.text))


def _chaff(lines: Sequence[Line]) -> set[int]:
    """Return the lines that are no part of a subject: those that say so, and those below a title that does."""
    out, end = chores(lines), 0
    for index, line in enumerate(lines):
        if index >= end and line.text and not line.links and is_chaff_title(bare_title(line.text)):
            end = _section_end(lines, index)
        # A farewell that ends in a comma has a name below it.
        is_name = index - 1 in out and lines[index - 1].text.endswith(",") and len(line.text.split()) <= _NAME
        if index < end or is_chaff(line) or is_name:
            out.add(index)
    return out


def _section_end(lines: Sequence[Line], begin: int) -> int:
    """Return the line at which the section below a title ends."""
    title = lines[begin]
    if FRAME.fullmatch(fold(bare_title(title.text))):
        return begin + 1
    for index, (line, below) in enumerate(itertools.pairwise((*lines[begin + 1 :], Line("")))):
        if title.level:
            is_end = 0 < line.level <= title.level
        else:
            is_titled = is_title(line) and bool(below.text) and not below.after_gap
            # Without a mark, a section is a paragraph: that of its title, or the one below.
            is_end = (
                line.level > 0
                or (line.after_gap if index else line.after_gap and is_title(line))
                or (index > 0 and is_titled)
            )
        if is_end:
            return begin + 1 + index
    return len(lines)


def _divide(body: Sequence[Line], cut: Cut, found: Outline) -> list[Link]:
    """Give each subject its lines and links, and return the links of a list at the end of the notes."""
    begins = _beginnings(body, cut.starts)
    opening = [line for line in body[: begins[0]] if line.text and not line.is_link]
    found.opening = [line for line in opening if not is_heading(line)]
    found.left_out += [line for line in opening if is_heading(line)]
    found.unplaced = [link for line in body[: begins[0]] for link in line.links]
    tail = len(body)
    while tail and body[tail - 1].is_link:
        tail -= 1
    # A list of links ends notes whose subjects have none.
    if len(body) - tail < 2 or not body[tail].after_gap or any(line.links for line in body[:tail]):  # noqa: PLR2004
        tail = len(body)
    closing: list[Link] = []
    for start, begin, end in zip(cut.starts, begins, [*begins[1:], len(body)], strict=True):
        subject = Subject(start.phrase, start.title, body[start.line].time if body else "")
        found.subjects.append(subject)
        below_sources = False
        for index, line in enumerate(body[begin:end], begin):
            is_label = bool(line.text) and SOURCES.match(fold(line.text)) is not None
            below_sources = below_sources or is_label
            subject.images += line.images
            if len(cut.starts) > 1 and end == len(body) and line.links and (below_sources or index >= tail):
                words = "" if line.is_link else bare_title(line.text)
                closing += [Link(link.title or words, link.url) for link in line.links]
                continue
            subject.links += line.links
            text = unmarked(start.rest) if index == start.line else "" if line.is_link else unmarked(line.text)
            if text and not below_sources:
                level, item = (0, False) if index == start.line else (line.level, line.item)
                subject.lines.append(dataclasses.replace(line, text=text, level=level, item=item))
            elif text and not line.links and not is_label:
                found.left_out.append(line)
    if len(cut.starts) == 1 and not (found.subjects[0].heading or found.subjects[0].announced):
        found.subjects[0].heading = bare_title(found.title)
    return closing


def _announce(subjects: Sequence[Subject], phrases: Sequence[str]) -> list[str]:
    """Give each subject its name in the teaser, and return the names that are left."""
    left = [phrase for phrase in phrases if phrase not in {subject.announced for subject in subjects}]
    alone = [subject for subject in subjects if not subject.announced]
    for subject in alone:
        own = set(telling_words(" ".join([subject.heading, *(line.text for line in subject.lines[:1])])))
        shares = {phrase: _count(wanted := telling_words(phrase), own) / (len(wanted) or 1) for phrase in left}
        best = max(left, key=shares.__getitem__, default="")
        if best and shares[best] >= _NAMED:
            subject.announced = best
            left.remove(best)
    alone = [subject for subject in alone if not subject.announced]
    if len(alone) == len(left) == 1 < len(phrases):
        # The one that is left over is told in other words.
        alone[0].announced = left.pop()
    return left


def _beginnings(body: Sequence[Line], starts: Sequence[Start]) -> list[int]:
    """Return the first line of each subject: links above the titles belong to them where that fits the whole notes."""
    begins, votes = [], -3 if body and body[-1].is_link else 0
    for start in starts:
        begin = start.line
        while begin and body[begin - 1].is_link and body[begin - 1].links:
            begin -= 1
        begins.append(begin)
        if begin == start.line:
            votes -= 2 if begin else 0
            continue
        is_near, is_far = not body[start.line].after_gap, not begin or body[begin].after_gap
        votes += (3 if not begin else 0) + (2 if is_near and is_far else -2 if not (is_near or is_far) else 0)
        own = set(telling_words(start.title))
        votes += sum(bool(own & _words_of(link)) for line in body[begin : start.line] for link in line.links)
    return begins if votes > 0 else [start.line for start in starts]


def _words_of(link: Link) -> set[str]:
    return set(telling_words(f"{link.title} {link.url}")) - _IN_EVERY_ADDRESS


def _distribute(links: Sequence[Link], found: Outline) -> None:
    """Give the links at the end of the notes to the subjects: by words and hosts, else by their order."""
    told = []
    for subject in found.subjects:
        text = {word for line in subject.lines for word in telling_words(line.text)}
        told.append((subject, set(telling_words(f"{subject.heading} {subject.announced}")), text))
    for place, link in enumerate(links):
        wanted = _words_of(link)
        scores = [(_count(wanted, title), _count(wanted, text)) for _subject, title, text in told]
        if any(map(any, scores)):
            told[scores.index(max(scores))][0].links.append(link)
        elif len(links) == len(told):
            told[place][0].links.append(link)
        else:
            found.unplaced.append(link)


def _count(wanted: Collection[str], own: Collection[str]) -> int:
    stems = {word[:STEM] for word in own}
    return sum(word[:STEM] in stems for word in wanted)
