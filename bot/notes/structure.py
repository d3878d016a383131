"""From notes to an outline: the best cut, and the subject to which each line and link belongs."""

import dataclasses
import datetime as dt
import itertools
from collections.abc import Iterator, Sequence
from pathlib import PurePath

from bot.model.text import fold, sentences
from bot.notes.chaff import chores, flat, is_about_show, is_chaff, is_chaff_title, is_of_show, says_chaff
from bot.notes.cuts import Cut, Start, beginning_at, best_cut, cued
from bot.notes.head import announces, read_head
from bot.notes.language import pattern_of, stems, telling_words
from bot.notes.marks import SOURCES, bare_title, is_heading, is_title, number_of, unmarked
from bot.notes.model import BOLD_LEVEL, Line, Link, Notes, Outline, Subject

_IN_EVERY_ADDRESS = frozenset({"https", "http", "www", "com", "fr", "org", "net", "html"})
_NAME, _LOOSE, _SENTENCE, _HEAD, _DICTATED, _WORDS = 25, 70, 45, 400, 3, 2
"""Letters of a name, characters of a loose line, of a sentence and of the head of a file, lines of a dictation, and
words of a title that tells nothing by itself."""
_RUBRIC, _OPENING, _FRAME, _RECORDING = map(pattern_of, ("rubric", "opening", "frame", "recording"))
_NAMED = 0.4
"""The share of a phrase's words with which a subject takes up the phrase."""


def outline(notes: Notes, path: PurePath, today: dt.date) -> Outline:
    """Return the notes by subject; there is always at least one."""
    if len(notes.lines) <= _DICTATED and not any(line.links or line.images for line in notes.lines):
        notes = dataclasses.replace(notes, lines=tuple(turn for line in notes.lines for turn in _in_turns(line)))
    head, lines = read_head(notes, path, today)
    found = Outline(head)
    found.left_out = [line for line in notes.lines if line.aside and _says_something(line)] + head.dropped
    names = " ".join([path.stem, notes.title, notes.source[:_HEAD], *(line.text for line in notes.lines[:3])])
    body = _sifted(lines, names, found.left_out)
    body = body[: _end_of_subjects(body, found)] or [Line("")]
    cut = best_cut(body, head)
    found.guessed = cut.name == "whole" and sum(line.after_gap for line in body) > 1
    closing = _divide(body, cut, found)
    left = _announce(found.subjects, cut.phrases)
    for subject in found.subjects:
        subject.time = subject.time or head.times.get(subject.announced, "")
    if len(left) == len(cut.phrases):
        # Because none of its phrases is told below, the line is a title and no list of subjects.
        head.title, head.teaser = head.title or head.teaser, ""
    else:
        found.missing = [each for each in left if all(_share(each, subject) < _NAMED for subject in found.subjects)]
    _distribute(closing, found)
    # Because all lines below a title may be left out, nothing of a subject may be left.
    found.subjects = [each for each in found.subjects if each != Subject()] or found.subjects
    return found


def _in_turns(line: Line) -> Iterator[Line]:
    """Yield a line for each subject, announcement and greeting of a dictation, which is one paragraph."""
    told = sentences(line.text)
    apart = [announces(said) or says_chaff(said) for said in told]
    marks = enumerate(zip(told, apart, [True, *apart], strict=False))
    begins = [at for at, (said, own, above) in marks if own or above or cued(Line(said), 0)]
    for begin, end in itertools.pairwise([*begins, len(told)]):
        yield dataclasses.replace(line, text=" ".join(told[begin:end]), after_gap=line.after_gap or begin > 0)


def _end_of_subjects(body: Sequence[Line], found: Outline) -> int:
    """Return the line behind the last subject; below the last of several links, only sentences tell one more."""
    links = [index for index, line in enumerate(body) if line.is_link and line.links]
    near = [index for index in links if not body[index].after_gap]
    # Where the links of all subjects stand right below their texts, one apart is that of the show.
    links = links[: links.index(near[-1]) + 1] if len(near) > 1 and body[near[0] - 1].text else links
    ends = [index for index in links if index + 1 not in links]
    end = ends[-1] + 1 if len(ends) > 1 else len(body)
    tail = body[end:]
    marked = any(line.level or line.lead or line.time or number_of(line.text) or len(line.links) > 1 for line in tail)
    if not tail or not tail[0].after_gap or marked or any(len(line.text) > _SENTENCE for line in tail):
        return len(body)
    found.left_out += tail
    return end


def _says_something(line: Line) -> bool:
    return bool(line.links or line.images) or any(map(str.isalnum, line.text))


def _sifted(lines: Sequence[Line], names: str, out: list[Line]) -> list[Line]:
    """Return the lines that tell subjects; those that say they do not, and those below such a title, go to `out`."""
    kept: list[Line] = []
    to_do, end, tail, gap, is_signed, is_ad = chores(lines), 0, 0, False, False, False
    hollow: set[int] = set()
    for index, (line, below) in enumerate(itertools.pairwise((*lines, Line("")))):
        gap = gap or line.after_gap or not _says_something(line)
        is_out = is_chaff_title(bare_title(line.text)) or (line.level > 0 and says_chaff(line.text))
        # The name of a section stands above titles; a title stands above a text.
        is_rubric = bool(below.text) and (below.level or not line.level) and _RUBRIC.fullmatch(flat(line.text))
        is_section = 0 < line.level < below.level < BOLD_LEVEL and is_about_show(line.text)
        if (is_rubric or is_section) and beginning_at(lines, index + 1).title:
            out.append(line)
            gap = True
            continue
        if index >= end and is_out and line.text and not line.links:
            end = _section_end(lines, index)
        if not _says_something(line):
            continue
        # Some words with a comma above a name are a farewell, and the address below an ad is that of the ad.
        is_short = max(len(line.text), len(below.text)) <= _NAME and bool(below.text) and not below.after_gap
        is_its = is_ad and line.is_link and not line.after_gap
        is_out = is_its or (gap and is_short and line.text.endswith(","))
        # A recording right below a text is a source, and no part of the show.
        is_below = line.is_link and not line.after_gap and bool(kept) and kept[-1].text == lines[index - 1].text
        is_own = is_below and _RECORDING.fullmatch(flat(line.text)) is not None
        is_out = is_out or (is_chaff(line) and not is_own) or is_of_show(line.text, names)
        is_ad = is_its or (is_out and len(line.text) > _SENTENCE)
        is_name = is_signed and not line.level and sum(map(str.isalpha, line.text)) <= _NAME
        if index < end or index in to_do or is_out or is_name:
            out.append(line)
            hollow.add(len(kept) - 1)
            # A farewell that ends in a comma has a name and perhaps an office below it.
            is_signed = bool(kept) and (line.text.endswith(",") or (is_signed and len(line.text) <= _SENTENCE))
            tail = len(kept) if gap else tail
        else:
            tail *= not (line.after_gap or line.level or line.links or len(line.text) > _LOOSE)
            kept.append(dataclasses.replace(line, after_gap=gap))
            gap = is_signed = False
    # A title of a word or two, below which all is out, heads no subject.
    own = [each for each in hollow if each >= 0 and kept[each].level and len(telling_words(kept[each].text)) <= _WORDS]
    for at in sorted(own, reverse=True):
        if at + 1 == len(kept) or kept[at + 1].level:
            out.append(kept.pop(at))
            tail -= at < tail
    # The paragraph that begins with a farewell and ends the notes says nothing of the last subject.
    end = tail or len(kept)
    out += kept[end:]
    del kept[end:]
    while kept and (told := sentences(kept[-1].text)) and says_chaff(told[-1]) and (told[1:] or kept[-1].speaker):
        last = kept.pop()
        out.append(dataclasses.replace(last, text=told[-1], links=() if told[1:] else last.links))
        kept += [dataclasses.replace(last, text=" ".join(told[:-1]))] if told[1:] else []
    return kept


def _section_end(lines: Sequence[Line], begin: int) -> int:
    """Return the line at which the section below a title ends."""
    title = lines[begin]
    if _FRAME.match(flat(title.text)) or title.text.endswith(")"):
        return begin + 1
    for index, (line, below) in enumerate(itertools.pairwise((*lines[begin + 1 :], Line(""))), begin + 1):
        is_titled = is_title(line) and bool(below.text) and not below.after_gap
        # Without a mark, a section is a paragraph: that of its title, or the one below.
        signs = (line.after_gap, is_titled, index > begin + 1)
        level = line.level or (BOLD_LEVEL if line.lead else 0)
        is_next = 0 < level <= title.level if title.level else level or sum(signs) > 1
        if is_next or (title.time and line.time):
            return index
    return len(lines)


def _divide(body: Sequence[Line], cut: Cut, found: Outline) -> list[Link]:
    """Give each subject its lines and links, and return the links of a list at the end of the notes."""
    begins = _beginnings(body, cut.starts)
    line, above = body[-1], next((each for each in reversed(body[:-1]) if each.text), Line(""))
    is_short = len(line.text) <= min(_LOOSE, len(above.text) // 2) and not line.text.endswith((".", "…"))
    is_loose = is_short and line.after_gap and not (line.links or line.images or line.item)
    last = max((at for at, line in enumerate(body) if line.item), default=0)
    if begins[-1] > begins[0] and begins[-1] <= last and all(line.item for line in body[begins[0] : last]):
        # The text below a list whose items are the subjects belongs to none of them.
        found.left_out += body[last + 1 :]
        body = body[: last + 1]
    elif is_loose and len(body) > begins[-1] + 1:
        # A short line apart below the last subject, without a full stop, is a name or an address.
        found.left_out.append(line)
        body = body[:-1]
    closing = _open(body[: begins[0]], found)
    tail = len(body) - len(list(itertools.takewhile(lambda line: line.is_link, reversed(body))))
    # Links that end notes whose subjects have none are a list.
    if len(body) - tail == 1 or not body[tail:] or not body[tail].after_gap or any(line.links for line in body[:tail]):
        tail = len(body)
    for start, begin, end in zip(cut.starts, begins, [*begins[1:], len(body)], strict=True):
        subject = Subject(start.phrase, start.title, body[start.line].time)
        found.subjects.append(subject)
        first = dataclasses.replace(body[start.line], text=start.rest, level=0, item=False, is_link=False)
        own = [*body[begin : start.line], first, *body[start.line + 1 : end]]
        listed = next((at for at, line in enumerate(own) if _is_label(line)), len(own))
        for at, line in enumerate(own):
            subject.images += line.images
            text = "" if line.is_link else unmarked(line.text)
            # The links at the end of the notes may be those of all subjects.
            if line.links and len(begins) > 1 and end == len(body) and at >= min(listed, tail - begin):
                closing += [Link(link.title or bare_title(text), link.url) for link in line.links]
                continue
            subject.links += line.links
            if text and at < listed:
                subject.lines.append(dataclasses.replace(line, text=text))
            elif text and not (line.links or _is_label(line)):
                found.left_out.append(line)
    if len(cut.starts) == 1 and not (found.subjects[0].heading or found.subjects[0].announced):
        found.subjects[0].heading = bare_title(found.head.title)
    return closing


def _open(lines: Sequence[Line], found: Outline) -> list[Link]:
    """Find a place for the lines above the subjects, and return the links of a list there."""
    for line in lines:
        is_out = is_heading(line) or _is_label(line) or (line.item and is_title(line))
        for said in sentences("" if line.is_link else line.text):
            is_greeting = says_chaff(said) or _OPENING.match(flat(said))
            (found.left_out if is_out or is_greeting else found.opening).append(dataclasses.replace(line, text=said))
    links = [link for line in lines for link in line.links]
    # A list of links above the subjects is theirs; a single link is that of the show.
    found.unplaced += links if len(links) == 1 else []
    return links if len(links) > 1 else []


def _is_label(line: Line) -> bool:
    return bool(line.text) and SOURCES.match(fold(line.text)) is not None


def _announce(subjects: Sequence[Subject], phrases: Sequence[str]) -> list[str]:
    """Give each subject its name in the teaser, and return the names that are left."""
    left = [phrase for phrase in phrases if phrase not in {subject.announced for subject in subjects}]
    for subject in (each for each in subjects if not each.announced):
        shares = {phrase: _share(phrase, subject) for phrase in left}
        best = max(left, key=shares.__getitem__, default="")
        if best and shares[best] >= _NAMED:
            subject.announced = best
            left.remove(best)
    return left


def _share(phrase: str, subject: Subject) -> float:
    """Return the share of the words of a phrase that the beginning of a subject holds."""
    wanted = stems(telling_words(phrase))
    own = stems(telling_words(" ".join([subject.heading, *(line.text for line in subject.lines[:1])])))
    return len(wanted & own) / (len(wanted) or 1)


def _beginnings(body: Sequence[Line], starts: Sequence[Start]) -> list[int]:
    """Return the first line of each subject: links above the titles belong to them where the first has one."""
    begins = []
    lines = {start.line for start in starts}
    for start in starts:
        begin = start.line
        while begin and begin - 1 not in lines and body[begin - 1].is_link and body[begin - 1].links:
            begin -= 1
        begins.append(begin)
    above = [begin < start.line for begin, start in zip(begins, starts, strict=True)]
    is_above = above[0] and 2 * sum(above) >= len(above) and not body[-1].is_link
    return begins if is_above else [start.line for start in starts]


def _distribute(links: Sequence[Link], found: Outline) -> None:
    """Give the links at the end of the notes to the subjects: by words and hosts, the others by their order."""
    titles = [stems(telling_words(f"{each.heading} {each.announced}")) for each in found.subjects]
    texts = [stems(telling_words(" ".join(line.text for line in each.lines))) for each in found.subjects]
    left = []
    for link in links:
        wanted = stems(set(telling_words(f"{link.title} {link.url}")) - _IN_EVERY_ADDRESS)
        scores = [(len(wanted & title), len(wanted & text)) for title, text in zip(titles, texts, strict=True)]
        if any(map(any, scores)):
            found.subjects[scores.index(max(scores))].links.append(link)
        else:
            left.append(link)
    without = [subject for subject in found.subjects if not subject.links]
    if len(left) == len(without):
        for subject, link in zip(without, left, strict=True):
            subject.links.append(link)
    else:
        found.unplaced += left
