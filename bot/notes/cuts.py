"""The ways to cut notes into subjects, each scored by what it explains; the best one wins.

A good cut has titles with text or links below them, leaves little above the first, divides evenly, passes over no
title, and agrees with what the teaser announces.
"""

import itertools
import math
import operator
import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from bot.model.text import fold, sentences
from bot.notes.language import stems, telling_words, words_of
from bot.notes.marks import SOURCES, bare_title, is_heading, is_title, number_of
from bot.notes.model import BOLD_LEVEL, Head, Line

MAX_SUBJECTS = 40
"""Subjects of an episode at most; notes that seem to have more are cut in another way."""
_FULL_TEXT, _RUN_IN, _FREE_OPENING = 15, 90, 300
"""Characters of a text below a title, of a title in the line of its text, and of an introduction that costs nothing."""
_SENTENCES_BEFORE, _SHORT_SENTENCE, _LABEL = 3, 9, 25
"""Sentences of a turn among which one may pass to the next subject, words of a short one, characters of a label."""
_AGREES, _ENOUGH, _NOT_A_HEADING = 0.3, 0.25, 0.5
"""The likeness, from 0 to 1, of a phrase and its subject, the least of its first line, and the worth of a sentence."""
_CUE = re.compile(
    rf"^(?:{words_of('then')} ){{0,2}}(?P<cue>{words_of('cue')})"
    r"(?: (?:c est|it s|is about|is|est|avec|with|concerne|porte sur|parle de))?\b"
)
_RUN_IN_TITLE = re.compile(r"(?P<title>.{1,90}?)(?:[\s\u00a0](?P<mark>:|[-=]>|→)|:(?=\s))(?P<rest>.*)")
_LABELS = (
    re.compile(r"(?P<title>[^:]{2,60}?)[\s\u00a0]?(?::|[-=]>|→) (?P<rest>.{8,})"),
    re.compile(r"(?P<title>[^.!?]{2,90}?)[\s\u00a0](?:[|–—-]|//?) (?P<rest>.{20,})"),
    # A name between quotation marks is a part of its sentence, too.
    re.compile(r"(?P<rest>.{0,30}?[\"“«][\s\u00a0]?(?P<title>[^\"“”«»]{5,90}?)[\s\u00a0]?[\"”»].{8,})"),
)
# A phone that takes a dictation writes no capitals.
_UNMARKED = re.compile(r"(?<=[.!?…]) (?=[a-zà-ÿœ])")
_GOES_ON = re.compile(r"(?:and|et|plus|also|aussi) ")
_CLAUSE = re.compile(r",\s+([^,;:()]{10,90})[,;:(]")
_BRIEF = re.compile(rf"(?i)(?P<title>{words_of('brief')})(?:\s?:\s+(?P<rest>.+))?")
# An elided article belongs to its name.
_WORDS = re.compile(r"(?:[LDld][’'])?[^\W_]+")


@dataclass(frozen=True, slots=True)
class Start:
    """The beginning of a subject: its line, its title, and the text of the line behind the title."""

    line: int
    title: str = ""
    rest: str = ""
    phrase: str = ""


@dataclass(frozen=True, slots=True)
class Cut:
    """A way to cut the notes, with its score."""

    name: str
    starts: tuple[Start, ...]
    score: float = 0.0
    phrases: tuple[str, ...] = ()
    """The reading of the teaser with which the cut agrees best."""


def best_cut(body: Sequence[Line], head: Head) -> Cut:
    """Return the best way to cut the lines below the head."""
    judge = _Judge(body, head)
    first, line = next(((at, line) for at, line in enumerate(body) if line.text), (0, Line("")))
    whole = Cut("whole", (Start(first, bare_title(line.text)) if is_heading(line) else Start(first, "", line.text),))
    cuts = (judge.judged(name, starts, prior) for name, starts, prior in _cuts(body, head, judge))
    best = max((whole, *filter(None, cuts)), key=lambda cut: cut.score)
    starts = {start.line: start for start in best.starts}
    # News in brief are one subject, if nothing of them is told but titles.
    briefs = ((at, _BRIEF.fullmatch(bare_title(line.text))) for at, line in enumerate(body) if not line.is_link)
    own = {at: Start(at, found["title"], found["rest"] or "") for at, found in briefs if found}
    for at in list(own):
        # Unless each of them has a title and a text of its own.
        items = itertools.takewhile(lambda below: body[below].item or body[below].is_link, range(at + 1, len(body)))
        told = [beginning_at(body, item) for item in items if body[item].text and not body[item].is_link]
        if len(told) > 1 and all(start.title and start.rest for start in told):
            del own[at]
            starts = {begin: start for begin, start in starts.items() if begin != at}
            starts |= {start.line: start for start in told}
    last = best.starts[-1].line + 1
    labels = ((at, line) for at, line in enumerate(body) if at >= last and line.after_gap and ":" in line.text[:_LABEL])
    own |= {at: start for at, line in labels if (start := cued(line, at))}
    starts = {at: start for at, start in own.items() if at + 1 not in starts} | starts
    return replace(best, starts=tuple(starts[at] for at in sorted(starts)))


def _cuts(body: Sequence[Line], head: Head, judge: "_Judge") -> Iterator[tuple[str, list[Start], float]]:
    """Yield each way to cut with its worth, all else being equal."""
    # A label such as "Sources" names the links below it, and never a subject.
    texts = [i for i, line in enumerate(body) if line.text and not (line.is_link or SOURCES.match(fold(line.text)))]
    headings = judge.headings
    for level in {body[index].level for index in headings} - {0}:
        yield "level", _titled(body, _of_level(body, headings, level)), 1.0
    yield "numbers", judge.numbered, 1.05
    yield "times", [beginning_at(body, i) for i, line in enumerate(body) if line.time and not line.speaker], 1.1
    yield "run-in", [beginning_at(body, index) for index, line in enumerate(body) if line.lead], 0.97
    linked = [at for at, line in enumerate(body[:-1]) if line.is_link and line.text and not body[at + 1].is_link]
    linked = [at for at in linked if not _GOES_ON.match(body[at].text)]
    # Among items that are links, one without an address may be a title, too.
    linked += [at for at in texts if linked and body[at].item and body[linked[0]].item]
    yield "linked", _titled(body, sorted(linked)), 0.9
    cues = [start for index, line in enumerate(body) if (start := cued(line, index))]
    yield "cues", cues, 1.2
    # Between them, a paragraph that begins with "Finally," passes to a subject, too.
    passing = [start for index, line in enumerate(body) if (start := cued(line, index, is_between=bool(cues)))]
    yield "cues", passing, 1.2
    yield "gaps", _titled(body, (index for index in headings if _stands_alone(body, index, apart=True))), 0.95
    yield "short lines", _titled(body, (index for index in headings if _stands_alone(body, index, apart=False))), 0.9
    top = min((body[index].depth for index in texts if body[index].item), default=0)
    items = [index for index in texts if body[index].item and body[index].depth == top]
    yield "items", [beginning_at(body, index) for index in items], 0.9
    # The links right above a text are a part of its paragraph.
    above = (next((at for at in range(i, 0, -1) if body[at].after_gap or not body[at - 1].is_link), 0) for i in texts)
    apart = [i for i, at in zip(texts, above, strict=True) if not at or body[at].after_gap]
    for each, label in itertools.product((items or texts, apart), _LABELS):
        labels = [(index, label.match(body[index].text)) for index in each]
        if all(found and (label is _LABELS[0] or _is_prose(body[index])) for index, found in labels):
            yield "labels", [Start(i, bare_title(found["title"]), found["rest"]) for i, found in labels if found], 0.95
    # Where each paragraph begins with a short sentence, that is the title of a subject.
    told = [sentences(body[index].text) for index in texts]
    is_each = all(len(each) > 1 and len(each[0]) <= _RUN_IN for each in told)
    yield "blocks", [beginning_at(body, index) for index in (texts if is_each else apart)], 0.8
    # Where a link ends each subject, the next line begins another one.
    yield "links", [beginning_at(body, index) for index in texts if index == texts[0] or body[index - 1].links], 0.78
    for way in head.ways:
        # Where both readings fit, the one that names more subjects says more.
        yield "teaser", judge.announced(way), 1 + 0.02 * len(way)
        # As many paragraphs as phrases may tell the same in other words.
        if len(way) == len(apart):
            yield "order", [judge.told(index, phrase) for index, phrase in zip(apart, way, strict=True)], 0.9


def _titled(body: Sequence[Line], lines: Iterable[int]) -> list[Start]:
    return [Start(index, bare_title(body[index].text)) for index in lines]


def _of_level(body: Sequence[Line], headings: Sequence[int], level: int) -> list[int]:
    """Return the titles of a level; behind the first, a higher one with a text right below it ends its section."""
    own = [index for index in headings if body[index].level == level]
    above = (index for index in headings if index > own[0] and 0 < body[index].level < level)
    return sorted([*own, *(index for index in above if not is_heading((*body, Line(""))[index + 1]))])


def _numbered(body: Sequence[Line], numbers: Iterable[int]) -> Iterator[Start]:
    wanted = 1
    for index, number in enumerate(numbers):
        if number == wanted:
            wanted += 1
            yield beginning_at(body, index)


def beginning_at(body: Sequence[Line], index: int) -> Start:
    """Return a beginning at a line that is a title, or that begins with one."""
    line = body[index]
    if line.lead:
        behind = line.text.partition(line.lead)[2]
        return Start(index, bare_title(line.lead).strip(" .:–—-,|"), behind.strip(" :–—-|."))
    text = bare_title(line.text)
    below = body[index + 1] if index + 1 < len(body) else Line("")
    is_row = (line.item and below.item) or (line.time and below.time and not line.level)
    has_below = bool(below.text) and not below.is_link and not is_row
    first = sentences(text)[:1] or [""]
    if len(first[0]) < len(text) and len(first[0]) <= _RUN_IN:
        return Start(index, first[0].rstrip("."), text[len(first[0]) :].strip())
    label = _RUN_IN_TITLE.match(text)
    is_own = not has_below or (label is not None and label["mark"] not in {":", None})
    if label and is_own and len(telling_words(label["title"])) > 1 and len(label["rest"]) > len(label["title"]):
        return Start(index, label["title"].strip(), label["rest"].strip())
    is_list = line.item and not has_below and "," in text
    if not is_list and (is_title(line) or (line.item and len(text) <= _RUN_IN and not text.endswith("."))):
        return Start(index, text)
    return Start(index, "", text)


def cued(line: Line, index: int, *, is_between: bool = False) -> Start | None:
    """Return a beginning at a line in which a speaker passes to a subject, with the words that name it.

    Where it `is_between` others, a paragraph whose first sentence begins so is one, too: its first clause is the name.
    """
    apart = (each if len(each) <= _RUN_IN else _UNMARKED.sub("\n", each) for each in sentences(line.text))
    told = [said for each in apart for said in each.split("\n")]
    for at, said in enumerate(told[:_SENTENCES_BEFORE]):
        words = list(_WORDS.finditer(said))
        match = _CUE.match(" ".join(fold(word[0]) for word in words))
        count = len(match[0].split()) if match else 0
        # A sentence may be nothing but the cue: "Second story. The bakery with no address."
        behind = [said[words[count].start() :]] if count < len(words) else []
        title, *rest = [*behind, *told[at + 1 :], ""]
        title = title.strip().rstrip(".!:")
        # "Finally" may begin any sentence; only a short one names a subject.
        is_cue = match is not None and (" " in match["cue"] or len(words) <= _SHORT_SENTENCE)
        clause = _CLAUSE.match(said[words[count - 1].end() :]) if match and is_between else None
        if clause and not at and line.after_gap:
            title, rest, is_cue = clause[1], [line.text], True
        if is_cue and 0 < len(title) <= _RUN_IN:
            return Start(index, title if title[1:2].isupper() else title[0].upper() + title[1:], " ".join(rest))
    return None


def _stands_alone(body: Sequence[Line], index: int, *, apart: bool) -> bool:
    """Tell whether a line without a mark stands above a text as a title does."""
    line = body[index]
    below = next((each for each in body[index + 1 :] if each.text and not each.is_link), None)
    if below is None:
        return False
    # Hurried texts have no full stop, and are longer than their title.
    is_told = apart and line.after_gap and not below.after_gap and len(below.text) > 2 * len(line.text)
    if is_heading(below) and not (_is_prose(below) or is_told):
        return False
    above = body[index - 1] if index else Line("")
    if apart:
        return not index or line.after_gap or above.is_link or line.level > 0
    is_last = above.is_link or not is_heading(above) or _is_prose(above) or _is_prose(below)
    return not (line.level or _is_prose(line)) and is_last


def _is_prose(line: Line) -> bool:
    return line.text.endswith((".", "!", "…")) or len(line.text) > _RUN_IN


class _Judge:
    """The score of each way to cut the same notes."""

    def __init__(self, body: Sequence[Line], head: Head) -> None:
        self._body = body
        self._head = head
        told = ("".join(link.title for link in line.links) if line.is_link else line.text for line in body)
        self._lengths = list(map(len, told))
        self._total = sum(self._lengths) or 1
        self.headings = [index for index, line in enumerate(body) if is_heading(line)]
        self._openings = [stems(telling_words(next(iter(sentences(line.text)), ""))) for line in body]
        self._counts = Counter(stem for line in body for stem in stems(telling_words(line.text)))
        # A line in square brackets is a direction above a title.
        is_none = [line.is_link or line.text.endswith("]") for line in body]
        numbers = (line.number or (0 if out else number_of(line.text)) for line, out in zip(body, is_none, strict=True))
        self.numbered = list(_numbered(body, numbers))
        alone = (each for each in self.headings if not body[each].speaker and _stands_alone(body, each, apart=True))
        self._titles = {each for each in self.headings if body[each].level} | set(alone)
        self._titles |= {start.line for start in self.numbered if len(self.numbered) > 1}
        # A title right above a lower one names a section rather than a subject.
        levels = [line.level if line.level < BOLD_LEVEL else 0 for line in (*body, Line(""))]
        self._sections = {each for each in self.headings if 0 < levels[each] < levels[each + 1]}
        self._titles -= self._sections

    def announced(self, way: Sequence[str]) -> list[Start]:
        """Return the lines at which the subjects of the teaser begin: the likeliest is found first, in any order."""
        starts: list[int | None] = [None] * len(way)
        pairs = itertools.product(enumerate(map(telling_words, way)), enumerate(self._openings))
        shares = ((-self._covered(words, own), place, line) for (place, words), (line, own) in pairs)
        table = ((x * (1 if is_heading(self._body[line]) else _NOT_A_HEADING), at, line) for x, at, line in shares)
        for likeness, place, line in sorted(table):
            if -likeness >= _ENOUGH and starts[place] is None and line not in starts:
                starts[place] = line
        found = sorted((start, phrase) for start, phrase in zip(starts, way, strict=True) if start is not None)
        return [self.told(line, phrase) for line, phrase in found]

    def _covered(self, phrase: Sequence[str], found: Collection[str]) -> float:
        """Return the share of a phrase that words hold; a frequent word of the notes weighs little."""
        weights = {stem: math.log((2 + len(self._body)) / (1 + self._counts[stem])) for stem in stems(phrase)}
        return sum(weights[stem] for stem in weights.keys() & stems(found)) / (sum(weights.values()) or 1)

    def told(self, line: int, phrase: str) -> Start:
        """Return the beginning at a line, whose title is its own if it has one."""
        each = self._body[line]
        if found := cued(each, line):
            return replace(found, phrase=phrase)
        start = beginning_at(self._body, line)
        if not start.title and len(start.rest) <= _RUN_IN and len(sentences(start.rest)) == 1:
            start = Start(line, start.rest.rstrip("."))
        own, wanted = set(telling_words(start.title)), set(telling_words(phrase))
        # Where the sentence goes on behind the phrase, as in a dictation, the phrase is the title.
        is_begun = fold(each.text).startswith(fold(phrase)) and len(each.text) > max(_RUN_IN, 2 * len(phrase))
        goes_on = is_begun and not each.lead and len(own) > len(wanted)
        # A short first sentence is a title where it is the phrase of the teaser, with a full stop.
        is_named = 3 * len(own & wanted) >= 2 * len(own | wanted)
        if start.title and not goes_on and (each.lead or is_heading(each) or is_named):
            return replace(start, phrase=phrase)
        return Start(line, "", bare_title(each.text), phrase)

    def judged(self, name: str, starts: Sequence[Start], prior: float) -> Cut | None:
        """Return the cut with its score; None if it is none."""
        count = len(starts)
        is_single = name == "level" or (name == "teaser" and min(map(len, self._head.ways)) == 1)
        if not 0 < count <= MAX_SUBJECTS or (count == 1 and not is_single):
            return None
        ends = [start.line for start in starts[1:]] + [len(self._body)]
        lengths = [len(s.rest) + sum(self._lengths[s.line + 1 : end]) for s, end in zip(starts, ends, strict=True)]
        linked = [any(line.links for line in self._body[s.line : end]) for s, end in zip(starts, ends, strict=True)]
        titled = [(0.6, 0.85, 1.0)[min(2, len(telling_words(start.title)))] for start in starts]
        # A chapter has its time in place of a text.
        linked = [has or bool(self._body[start.line].time) for has, start in zip(linked, starts, strict=True)]
        full = [1.0 if n >= _FULL_TEXT else 0.7 if link else 0.35 for n, link in zip(lengths, linked, strict=True)]
        score = prior * sum(map(operator.mul, titled, full)) / count
        opening = sum(self._lengths[: starts[0].line])
        score *= 1 - max(0, opening - min(_FREE_OPENING, self._total // 4)) / self._total
        # Titles below the lowest one at which a subject begins are inside of subjects.
        levels = [self._body[start.line].level for start in starts]
        score *= 1 - 0.4 * sum(start.line in self._sections for start in starts) / count
        limit = max(levels) if all(levels) else 0
        # Where subjects have marked titles, a line without one is none.
        marked = sum(map(bool, levels))
        score *= max(marked, count - marked) / count
        passed = [self._body[each].level for each in self._titles - {start.line for start in starts}]
        score *= count / (count + sum(1.3 * (0 < level <= limit) if limit else 0.6 for level in passed))
        sizes = [length + len(start.title) / 2 for start, length in zip(starts, lengths, strict=True)]
        shares = [size / (sum(sizes) or 1) for size in sizes if size]
        score *= 0.6 - 0.4 * sum(share * math.log(share) for share in shares) / math.log(max(2, count))
        agreement, phrases = self._agreement(starts)
        return Cut(name, tuple(starts), score * (0.3 + 0.7 * agreement), phrases)

    def _agreement(self, starts: Sequence[Start]) -> tuple[float, tuple[str, ...]]:
        """Return how well the cut and the teaser agree, from 0 to 1, and the reading that agrees best."""
        texts = [telling_words(f"{start.title} {start.rest[:_RUN_IN]}") for start in starts]
        taken = {start.phrase for start in starts} - {""}

        def agreement(way: Sequence[str]) -> float:
            words = () if taken else map(telling_words, way)
            named = sum(any(self._covered(each, text) >= _AGREES for text in texts) for each in words)
            return 2 * min(len(starts), named or len(taken & set(way))) / (len(starts) + len(way))

        best = max((way for way in self._head.ways if len(way) > 1), key=agreement, default=())
        return agreement(best) if best else 1.0, tuple(best)
