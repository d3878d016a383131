"""The head of the notes: number, date and title of the episode, and the subjects that it announces."""

import dataclasses
import datetime as dt
import functools
import itertools
import operator
import re
from collections.abc import Iterable, Sequence
from pathlib import PurePath

from bot.model.dates import apart_from_date, date_in, dates_in
from bot.model.text import fold, sentences
from bot.notes.chaff import is_about_show, is_chaff, is_chaff_title, says_chaff
from bot.notes.language import telling_words, words_of
from bot.notes.marks import bare_title, is_title, number_of
from bot.notes.model import BOLD_LEVEL, Head, Line, Notes

_WORD = words_of("numbered")
_END = r"[\s:.,|•·–—()\[\]-]*+"
_NUMBERS = (
    re.compile(
        rf"(?i)^\W{{0,6}}{_WORD}\s{{0,3}}[.:/]?\s{{0,3}}(?:n°|no\.?|#)?\s{{0,3}}(\d{{1,6}})\b(?![/.-]\d|[:h]\d\d){_END}"
    ),
    re.compile(r"^(\d{2,6})(?:\s*[:|•·–—.-](?:\s+|\s*(?=\D))|\s//?(?:\s|$)|$)"),
    re.compile(r"(?i)\b(?:S\d{1,3}\s?E|n°\s?|num[ée]ro\s(?=\d+\)))(\d{1,6})\b[\s:.,|–—-]*"),
    # `Le récap du lundi – Épisode 1208 : …`: the show's name may stand before it.
    re.compile(
        rf"(?i)^[^.!?\d\n]{{1,60}}?(?:\b|(?=#)){_WORD}\.?\s{{0,3}}(?:n°|no|#)?\s{{0,3}}(\d{{1,6}})\b\s{{0,3}}(?:[:|"
        rf"•·/–—()-]\s{{0,3}}|$)"
    ),
)
_WEAKER_NUMBERS = (
    # `Monday Briefing 21`, and no year; `le 1302`.
    re.compile(r"^[^.!?:\d]{2,40}\s(?!(?:19|20)\d\d\b)(\d{1,4})(?:$|\s?[:–—-]\s+)"),
    re.compile(
        r"(?i)^.{0,40}?\b(?:pour|for|le|du|the)\s+(?:le\s+|n°\s?)?(\d{3,5})\s*(?:[:|–—-]\s*|$|(?=(?:du|of)\b))(?!\d)"
    ),
)
_SPOKEN_NUMBER = re.compile(r"(?i)\b(?:[ée]pisode|[ée]p|[ée]mission|r[ée]cap)\.?\s*(?:num[ée]ro\s|n°\s?|#)?(\d{1,6})\b")
_PASSING_NUMBER = re.compile(r"(?i)(?:\bnum[ée]ro\s+|\bn°\s?|(?<!\S)#|\ble\s(?=\d+(?: est\b| en\b|[.,]?$)))(\d{1,6})\b")
_NAMED_NUMBER = re.compile(
    r"(?i)\b[^\W\d_]{3,40} (\d{2,4})\b(?!\s*(?:[%€$:/]|h\b|min|heure|euro|sujet|stor|ans\b|year|item|point))"
)
"""The number behind a name in a greeting, which counts beside a date."""
_FILE_NUMBER = re.compile(
    r"(?i)(?:.*(?:^|[\W_])(?:[ée]pisode|[ée]p|r[ée]cap|num[ée]ro)[\s_.-]*)?(\d{1,6})|\D+[\s_-](?!(?:19|20)\d\d$)(\d{2,4})"
)
_FEW, _LIST, _HEAD, _MAX_DATED, MAX_PHRASES = 2, 3, 8, 60, 20
"""Words of a list of two names, lines that tell number, date and teaser, characters of a line with the date, and
subjects of a teaser. Longer ones tell news."""
_DAY_BEHIND = re.compile(
    r"(?i)\b(?:du|le|the|for|on|of|airing|airs) ((?:\d{1,2}(?:er|st|nd|rd|th)? [^\W\d_]+|[^\W\d_]+ \d{1,2})\b)"
)
_NEXT = re.compile(r"\W*(?:prochaine?s?|next)\b")
_RECORDED = re.compile(r"\W*(?:enregistre|recorded)")
_PUBLISHED = re.compile(rf"(?:.{{0,{_MAX_DATED}}}[,(] ?)?\W*{words_of('published')}\b")
_PIECES = re.compile(r"(?<=\S)\s[·•|/–—-]\s")
_SPEAKS, _MENU = words_of("speaks"), words_of("menu")
# In a dictation, no sign stands before "au programme".
_MENU_BEGINS = rf"(?:\b(?={words_of('menu_phrase')})|(?:^|[,:;.!] ))"
_LEAD = re.compile(
    rf"^.{{0,80}}?(?:\b(?:{_SPEAKS}|{words_of('at_present')})\b|{_MENU_BEGINS}{_MENU}\b|\b{_MENU}\s?(?:[:,]|$))"
)
_LEAD_ONLY = re.compile(
    rf"(?i)^.{{0,80}}?(?:\b{_SPEAKS}|{_MENU_BEGINS}{_MENU}|\b{_MENU}(?=[:,])|\b{words_of('at_present_only')})"
    r"[\s,:]+(?:des?\s+|du\s+|d[’'])?"
)
_GENERIC = re.compile(rf"\b{words_of('generic')}\b")
"""Words that announce subjects without naming one."""
# After "we talk of", each phrase may repeat these words.
_OF = re.compile(r"^(?:des?\s+(?=[A-ZÀ-Þl])|du\s+(?=[A-ZÀ-Þ])|d[’'](?=[A-ZÀ-Þ]))")
_MORE = re.compile(rf"(?i)(?<!\s)(?:,\s*|\s+)(?:(?:et|and)\s+)?{words_of('more')}$")
_PARTS = re.compile(r"(?:(?<!\s)\s+)?[,;•|]\s+(?:(?:et|and|puis|enfin|et enfin)\s+)?|(?<!\s)\s+[•|/]\s+")
_LAST_TWO = re.compile(r"(?<!\s)\s+(?:et|and)\s+(?:enfin\s+|puis\s+|finally\s+|then\s+)?")
_TITLE_PARTS = re.compile(r"(?<!\s)\s*+[|()\[\]]\s*+|(?:^|(?<!\s)\s++)[•·–—-](?:\s++|$)")
_PROPERTY = re.compile(rf"(?i)^(?P<key>{words_of('property')})\s?::?\s*(?P<value>.{{0,160}})$")


def read_head(notes: Notes, path: PurePath, today: dt.date) -> tuple[Head, list[Line]]:
    """Return the head of the notes and the lines below it."""
    head = Head(notes.number, notes.date)
    lines = _without_properties([line for line in notes.lines if not line.aside], head, today)
    rest, lines = _number(notes.title or head.title, lines, head, today, path.stem)
    _spoken_number([Line(notes.title), *notes.lines[:_HEAD]], head, today)
    day, rest = apart_from_date(rest, today)
    # The day of the recording stands before that of the show, which the file's name may tell.
    is_recorded = any(_RECORDED.match(fold(line.text)) for line in lines[:_HEAD])
    day = day or (date_in(path.stem) if is_recorded else None)
    lines = _date(lines, head, day, today)
    below = _teaser(rest, lines, head)
    if names := {name: time for time, name in notes.chapters if telling_words(name) and not is_chaff_title(name)}:
        head.ways, head.times = [list(names)], names
    if head.number is None and (match := _FILE_NUMBER.fullmatch(path.stem)):
        head.number = int(match[1] or match[2]) or None
    head.date = head.date or date_in(path.stem.replace("_", "-"), today)
    top = (line for line in below[:_LIST] if line.level in {0, 1, BOLD_LEVEL} and not line.links)
    about = [line for line in top if is_about_show(apart_from_date(line.text, today)[1])]
    # The one title of its level that stands above all others is that of the page, and heads no section.
    levels = [line.level for line in below]
    page = [line for line in below[:_LIST] if levels.count(1) == line.level == 1]
    is_above = sum(1 < level < BOLD_LEVEL for level in levels) > 1
    about += [line for line in page if is_above or says_chaff(line.text)]
    if page and is_above and not (head.title or page[0].links or is_chaff(page[0])):
        # Above several subjects, it is that of the episode.
        head.title = page[0].text
    head.dropped += [line for line in about if line.text != head.title]
    return head, [line for line in below if line not in about]


def number_in(title: str) -> int:
    """Return the number of an episode that its title tells; 0 if there is none."""
    head = Head()
    _number(title, [], head)
    _spoken_number([Line(title)], head)
    return head.number or 0


def _without_properties(lines: list[Line], head: Head, today: dt.date) -> list[Line]:
    """Take the facts of lines such as `Number: 12`, and return the other lines."""
    kept = []
    titles = sum(fold(line.text).startswith(("titre", "title")) for line in lines)
    for index, line in enumerate(lines):
        match = _PROPERTY.match(line.text) if index < 2 * _HEAD else None
        key, value = (fold(match["key"]), match["value"].strip()) if match else ("", "")
        number = re.fullmatch(r"#?\s*(\d{1,6})\W*", value)
        is_number = key in {"number", "numero", "n°", "episode"}
        is_form = key in {"titre", "title"} and titles > 1
        if match is None or 0 < line.level < BOLD_LEVEL or (is_number and number is None) or is_form:
            kept.append(line)
        elif number and is_number:
            head.number = head.number or int(number[1]) or None
        elif key in {"titre", "title"}:
            head.title = head.title or value
        elif re.match(r".*\bdate\b|publi|diffus|air", key) and (day := date_in(value, today)):
            head.date = head.date or day
        else:
            head.dropped.append(line)
    return kept


def _number(
    title: str, lines: list[Line], head: Head, today: dt.date | None = None, name: str = ""
) -> tuple[str, list[Line]]:
    """Return the text beside the episode's number, and the lines below it."""
    candidates = [(-1, Line(title)), *enumerate(lines[:_HEAD])]
    # A number that may be another one is that of the title, or of the file's name.
    said = [(_SPOKEN_NUMBER.search(line.text) or _PASSING_NUMBER.search(line.text)) for _index, line in candidates]
    spoken = [found[1] for found in said if found]
    weaker = [each for place, each in enumerate(candidates) if place < _FEW or each[1].level == 1]
    tries = itertools.chain(itertools.product(candidates, _NUMBERS), itertools.product(weaker, _WEAKER_NUMBERS))
    for (index, line), pattern in tries:
        is_short = len(line.text) <= 3 * _MAX_DATED
        day, text = apart_from_date(line.text, today) if is_short else (None, line.text)
        match = pattern.search(text)
        if match is None or line.item or head.number not in {None, int(match[1])}:
            continue
        is_long = index > 0 and pattern is not _NUMBERS[0] and len(line.text) > _MAX_DATED
        known = {*re.findall(r"\d+", name), str(head.number)}
        is_sure = match.end() == len(text) or line.level == 1 or match[1] in known
        is_sure = is_sure and (not spoken or match[1] in spoken)
        if is_long or (pattern in _WEAKER_NUMBERS and (is_chaff(line) or not is_sure)):
            continue
        head.number, head.date = int(match[1]) or None, head.date or day
        rest = _telling(f"{text[: match.start()]}{text[match.end() :]}".strip(" –—|·•/"))
        if index < 0:
            return rest, lines
        rest = "" if rest.endswith((":", ",")) and not any(map(str.isdigit, rest)) else rest
        extra = [dataclasses.replace(line, text="", level=0)] if line.links else []
        if line.level == 1:
            # The link of the page's own title is its address, and no source.
            head.dropped, extra = head.dropped + extra, []
        # The line right above the number is the name of the show.
        is_named = index == 1 and match.start() == 0 and not (line.after_gap or lines[0].links)
        above = int(is_named and len(lines[0].text) <= _MAX_DATED)
        head.dropped += lines[:above]
        return rest or head.title, [*lines[above:index], *extra, *lines[index + 1 :]]
    return title or head.title, lines


def _telling(title: str) -> str:
    """Return a title without its parts that say nothing of the episode."""
    parts = [part for part in _TITLE_PARTS.split(title) if part]
    told = [part for part in parts if not (is_about_show(part) or says_chaff(part) or _PROPERTY.match(part))]
    return title if len(told) == len(parts) else " – ".join(told)


def _spoken_number(lines: Sequence[Line], head: Head, today: dt.date | None = None) -> None:
    """Find the number of the episode that a sentence tells, be it a greeting or aside, and the date beside it."""
    about = [line.text for line in lines if is_chaff(line) or is_about_show(line.text)]
    told = [said for line in lines for said in sentences(line.text)]
    # A greeting tells the number in one sentence and the date in the next.
    dated = [said for line in lines if any(dates_in(line.text, today)) for said in sentences(line.text)]
    named = [said for said in dated if any(said in text for text in about)]
    for pattern, texts in ((_SPOKEN_NUMBER, told), (_PASSING_NUMBER, about + dated), (_NAMED_NUMBER, named)):
        for said in texts:
            match = pattern.search(apart_from_date(said, today)[1])
            if match and head.number in {None, int(match[1])}:
                head.number = int(match[1]) or None
                # The day of the recording stands before that of the show, which may have neither year nor weekday.
                near = dated if said in dated else [said]
                days = itertools.chain.from_iterable(itertools.chain(*_dated(each, today)[:2]) for each in near)
                head.date = head.date or max(days, default=None)
                if head.date or not today:
                    return


def _date(lines: list[Line], head: Head, found: dt.date | None, today: dt.date) -> list[Line]:
    """Find the date in a sentence of its own, best that of publishing, and return the lines without that."""
    places: list[tuple[bool, int, dt.date | None, bool, bool, list[Line]]] = [(False, -_HEAD, None, False, False, [])]
    for index, (line, below) in enumerate(itertools.pairwise((*lines[:_HEAD], Line("", after_gap=True)))):
        # A title above its text tells news, and its date is that of the news.
        is_top = index < _FEW > line.level and not (line.links or (line.after_gap and not below.after_gap))
        told = [] if line.item or line.time else sentences(line.text)
        for at, said in ((at, piece) for at, whole in enumerate(told) for piece in _PIECES.split(whole)):
            days, near, rest = _dated(said, today)
            is_published = _PUBLISHED.match(fold(said)) is not None and len(telling_words(rest)) <= _LIST
            is_alone = is_published or is_about_show(rest)
            is_own = len(said) <= _MAX_DATED and (is_alone or (is_top and not said.endswith((".", ";"))))
            days += near if is_published else []
            if days and (is_own or is_chaff(line)) and not _NEXT.match(fold(said)):
                # Beside a date between strokes, such as `May 12 · 41 min`, stand other facts of the episode.
                is_fact = is_published or said != told[at]
                kept = "" if is_fact else " ".join(told[:at] + told[at + 1 :])
                above = [dataclasses.replace(line, text=kept)] if kept or (line.links and not is_fact) else []
                places.append((is_published, -index, max(days), is_alone, is_fact, above))
    _published, place, day, is_alone, is_fact, above = max(places, key=operator.itemgetter(0, 1))
    head.date = head.date or found or day
    head.dropped += [lines[-place]] if is_alone and is_fact else []
    return [*lines[:-place], *above, *lines[1 - place :]] if is_alone else lines


def _dated(text: str, today: dt.date | None) -> tuple[list[dt.date], list[dt.date], str]:
    """Return the dates in a text, those near today without year and weekday, and its other words."""
    near = filter(None, (date_in(day, today) for day in _DAY_BEHIND.findall(text) if today))
    days = list(dates_in(text, today))
    rest = functools.reduce(lambda left, _day: apart_from_date(left, today)[1], days, text)
    return days, list(near), _DAY_BEHIND.sub("", rest)


def _teaser(rest: str, lines: list[Line], head: Head) -> list[Line]:
    """Find the subjects that the head announces, and return the lines below."""
    head.title = rest
    if (below := _listed(lines, head)) is not None:
        return below
    for index, line in enumerate((Line(rest), *lines[:_HEAD])):
        # A greeting may stand before the list: "Welcome back. Today we talk about …" More sentences tell a story.
        told = sentences(line.text)
        for said in told[: 1 if not index else _FEW if len(told) <= _FEW else 0]:
            phrases, lead = phrases_in(line.text if not index else said)
            is_list = len(phrases) > 1 or bool(phrases and lead and (not index or _LEAD_ONLY.match(said)))
            is_list = is_list and not any(map(_SPOKEN_NUMBER.search, phrases))
            is_told = len(phrases) > _LIST - 1 and said == line.text and _told(phrases, lines[index:]) == len(phrases)
            if is_list and (not index or announces(said) or is_told):
                head.teaser, head.ways = said if index else rest, [phrases]
                # The last phrase may be two: with both readings, the better cut decides.
                last = [_OF.sub("", part) for part in _LAST_TWO.split(phrases[-1])]
                head.ways += [[*phrases[:-1], *last]] if len(last) > 1 and all(map(telling_words, last)) else []
                # A title that only lists is that of the episode; one that speaks of the show is its teaser.
                head.title = "" if lead and not index else rest
                links = [dataclasses.replace(line, text="", level=0)] if line.links else []
                return [*lines[: index - 1], *links, *lines[index:]] if index else lines
    return lines


def _listed(lines: list[Line], head: Head) -> list[Line] | None:
    """Find a list of the subjects above their texts, take its names, and return the lines without it."""
    for index, line in enumerate(lines[:_HEAD]):
        is_lead = announces(line.text) and (line.text.endswith(":") or line.level > 0) and not line.links
        is_heading = is_chaff_title(line.text) or is_lead
        run: list[Line] = []
        for each in lines[index + is_heading :]:
            is_marked = each.item or bool(each.time)
            is_like_first = not run or (each.item, bool(each.time)) == (run[0].item, bool(run[0].time))
            # A list without marks ends with its paragraph; the list of the subjects themselves may follow.
            ends = bool(run) and ((each.after_gap and not is_marked) or each.text == run[0].text)
            entry = dataclasses.replace(each, text=each.text.rstrip(".;, "))
            if ends or not is_like_first or each.links or not is_title(entry):
                break
            run.append(each)
        if not 1 < len(run) <= MAX_PHRASES or (index and not (is_heading or run[0].item or run[0].time)):
            continue
        below = lines[index + is_heading + len(run) :]
        pairs = ((bare_title(each.text.rstrip(".;,")), each.time) for each in run)
        names = {name: time for name, time in pairs if telling_words(name) and not is_chaff_title(name)}
        # Of a list of links, each names its subject and tells nothing of it.
        texts = [each for each in below if not each.is_link]
        if len(names) > 1 and _told(names, texts) >= (0.5 if is_heading or all(each.time for each in run) else 1) * len(
            names
        ):
            head.ways, head.times, head.teaser = [list(names)], names, ", ".join(names)
            return [*lines[:index], *below]
        if titled := _with_titles(run, below):
            return [*lines[:index], *titled]
    return None


def _told(names: Iterable[str], lines: Sequence[Line]) -> int:
    """Return how many of the names have a line with most of their words."""
    texts = [set(telling_words(line.text)) for line in lines]
    wanted = [set(telling_words(name)) for name in names]
    return sum(any(2 * len(words & text) > len(words) for text in texts) for words in wanted)


def _with_titles(titles: Sequence[Line], lines: list[Line]) -> list[Line]:
    """Return lines with the titles above the texts of the same numbers; empty if a number has no such text."""
    for number, title in enumerate(titles, 1):
        texts = (at for at, line in enumerate(lines) if number_of(f"{line.text} ") == number and not is_title(line))
        at = next(texts, None)
        if at is None or number_of(title.text) != number:
            return []
        text = dataclasses.replace(lines[at], text=bare_title(lines[at].text))
        above = dataclasses.replace(title, text=bare_title(title.text), level=BOLD_LEVEL, after_gap=True)
        lines = [*lines[:at], above, text, *lines[at + 1 :]]
    return lines


def announces(text: str) -> bool:
    """Tell whether a text announces what the episode tells."""
    return _LEAD.match(fold(text)) is not None


def phrases_in(text: str) -> tuple[list[str], str]:
    """Return the subjects that a line lists, and its words before them."""
    text, lead = _MORE.sub("", text.strip().rstrip(".!… ")), ""
    before, colon, after = text.partition(":")
    if colon and after.strip() and announces(before):
        lead, text = before.strip(), after.strip()
    else:
        spoken = _LEAD_ONLY.match(text)
        if spoken is not None and (begin := text[spoken.end() :].strip()):
            lead, text = text[: spoken.end()].strip(" ,:"), begin
    parts = [part for part in _PARTS.split(text) if telling_words(part)]
    if len(parts) > 1 and (_GENERIC.search(fold(parts[0])) if lead else announces(parts[0])):
        lead, parts = f"{lead} {parts[0]}".strip(), parts[1:]
    return ([_OF.sub("", part) for part in parts], lead) if len(parts) <= MAX_PHRASES else ([], "")
