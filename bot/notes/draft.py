"""From an outline to a draft episode file: words of the notes only, with a remark where a person should look.

A remark is an HTML comment, which an episode file may hold and which is never sent.
"""

import datetime as dt
import itertools
import operator
import re
import textwrap
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import yaml

from bot.content.parser import parse_episode
from bot.content.richtext import escaped
from bot.content.segments import SLUG_MARK, TOPICS_LINE, ascii_slug
from bot.content.upcoming import Defaults
from bot.model.document import Picture
from bot.model.episode import seconds_in, time_of
from bot.model.i18n import Language, words
from bot.model.i18n import gettext as _
from bot.model.problems import InvalidInputError, Problem
from bot.model.text import fold, fold_words, sentences
from bot.model.typography import TITLE_ON_PHONE, tidied
from bot.notes.chaff import flat
from bot.notes.head import announces
from bot.notes.language import language_of, telling_words
from bot.notes.marks import bare_title, is_heading
from bot.notes.model import Line, Link, Notes, Outline, Subject
from bot.notes.structure import outline
from bot.notes.topics import Spelling, topics_of

_MIN_SUMMARY, _ENOUGH, _MAX_SUMMARY = 300, 600, 900
"""Characters of a summary: enough to understand, few enough for a phone."""
_ENDING = re.compile(r"[.!?…][\s\u00a0]*[”»\"’)\]]*$")
_MAX_TITLE, _MAX_INTRO = 200, 400
_MAX_SLUG = 40
"""Letters of a slug. Telegram's deep links carry 64 with the episode's number, and people read them."""
_FEW, _SHORT_TEASER, _TOLD = 2, 5, 8
"""Words by which a speaker names a subject, of a teaser that presents nothing, and by which a line is found again."""
_MAX_PLACED, _MAX_QUOTED, _MAX_QUOTE = 300, 12, 110
"""Lines that are looked for in the file, passages that a remark quotes, and the characters of each."""
_DASHES = re.compile(r"-{2,}")


def draft(
    notes: Notes,
    path: Path,
    *,
    language: Language,
    known: Iterable[str],
    defaults: Defaults,
    date: dt.date | None = None,
) -> str:
    """Return the text of a draft episode file, with remarks in the language of the show.

    The errors name the path. The topics of the archive are known, and a date goes before that of the notes.

    Raises:
        InvalidInputError: The notes cannot be understood.
    """
    found = outline(notes, path, defaults.date)
    lines = (line.text for each in found.subjects for line in each.lines)
    if not (any(map(telling_words, lines)) or any(each.heading or each.announced for each in found.subjects)):
        cure = _("Give the notes of one episode: a title and some sentences for each subject")
        raise InvalidInputError([Problem(path, _("no subject can be made out in these notes"), cure)])
    text = _Writer(notes, found, language, frozenset(known)).write(date, defaults)
    try:
        parse_episode(text, path)
    except InvalidInputError as error:
        cure = _("Write the episode by hand, and tell those who make the bot")
        told = _("no good episode file can be made of these notes ({reason})").format(reason=error.problems[0].message)
        raise InvalidInputError([Problem(path, told, cure)]) from error
    return text


class _Writer:
    def __init__(self, notes: Notes, found: Outline, language: Language, known: frozenset[str]) -> None:
        self._notes = notes
        self._outline = found
        self._words, self._shows = words(language), language
        self._known = known
        texts = [line.text for line in notes.lines]
        self._language = language_of(texts) or language
        self._spelling = Spelling(texts)
        self._titles = [self._title(subject) for subject in found.subjects]
        self._unused: list[Line] = []
        begins = [seconds_in(subject.time) for subject in found.subjects]
        told = [second for second in begins if second is not None]
        # Because times in no order are those of something else, such as messages, the remarks keep them.
        self._begins = begins if told == sorted(set(told)) else [None for _second in begins]
        self._raw = [flat(line) for line in notes.source.split("\n")]
        pairs = zip(self._titles, (self._spelling.restored(each.announced) for each in found.subjects), strict=True)
        self._names = [next((name for text in pair for name in self._spelling.names_in(text)), "") for pair in pairs]

    def write(self, date: dt.date | None, defaults: Defaults) -> str:
        day = date or self._outline.head.date
        title, intro = self._episode_title(), self._intro()
        slugs: set[str] = set()
        subjects = enumerate(self._outline.subjects)
        segments = [block for index, subject in subjects for block in self._segment(index, subject, slugs)]
        number = self._outline.head.number or defaults.number
        head: dict[str, object] = {"number": number, "title": title, "date": day or defaults.date}
        head |= {key: value for key, value in (("audio", self._notes.audio), ("page", self._notes.page)) if value}
        front = yaml.safe_dump(head | {"status": "draft"}, allow_unicode=True, sort_keys=False, width=10_000)
        remarks = [self._remark(remark) for remark in self._remarks(is_dated=day is not None) if remark]
        blocks = [f"---\n{front}---", *remarks, *([escaped(intro)] if intro else []), *segments]
        return "\n\n".join(blocks) + "\n"

    def _remarks(self, *, is_dated: bool) -> Iterator[str]:
        """Yield what is lost, what is guessed and what is left out, by the harm that it does."""
        gettext, found = self._words.gettext, self._outline
        missing = gettext("the notes announce “{subject}”, and nothing more can be found about it")
        lost = [missing.format(subject=subject) for subject in found.missing]
        if found.unplaced:
            links = self._quoted([Line("", links=(link,)) for link in found.unplaced])
            lost.append(gettext("the links of the notes that belong to no subject: {links}").format(links=links))
        yield "; ".join(lost)
        day = gettext("the date, which the notes do not say; this is the day of the next push without an episode")
        skipped = gettext("the newer trailers or bonuses of the feed, which were left aside: {titles}")
        titles = ", ".join(gettext("“{text}”").format(text=title) for title in self._notes.skipped)
        guessed = (
            (not found.head.number, gettext("the number, which the notes do not say; this is the next one")),
            (not is_dated, day),
            (self._language is not self._shows, gettext("the language, which is not that of the show")),
            (found.guessed, gettext("the subjects, which the notes do not announce")),
            (titles, skipped.format(titles=titles)),
        )
        yield "; ".join(remark for condition, remark in guessed if condition)
        out = gettext("the lines that were left out, because they are no subject: {lines}")
        unused = gettext("the lines that no summary repeats: {lines}")
        rest = ((out, found.left_out), (unused, self._unused))
        yield "; ".join(told.format(lines=self._quoted(lines)) for told, lines in rest if lines)

    def _quoted(self, lines: Sequence[Line]) -> str:
        """Return the beginnings of the lines, neighbours together, each with the number of its line in the file."""
        gettext = self._words.gettext
        groups: list[tuple[int, int, str, list[str]]] = []
        passages = ((line.text, [link.url for link in line.links]) for line in lines[:_MAX_PLACED])
        for place, text, urls in sorted((self._place(" ".join([text, *urls])), text, urls) for text, urls in passages):
            end = groups[-1][1] if groups else 0
            # Neighbours have nothing but blank lines between them in the file.
            if 0 < end <= place and not any(self._raw[end : place - 1]):
                begin, _end, told, above = groups.pop()
                groups.append((begin, place, f"{told} {text}", above + urls))
            else:
                groups.append((place, place, text, urls))
        quotes = []
        # Those with links come first, because a link that is not quoted would be nowhere.
        for begin, end, text, urls in sorted(groups, key=lambda group: not group[3])[:_MAX_QUOTED]:
            short = text if len(text) <= _MAX_QUOTE else f"{text[:_MAX_QUOTE].rstrip()}…"
            quote = gettext("“{text}”").format(text=" ".join(filter(None, (short, *urls))))
            told = gettext("line {line}") if begin == end else gettext("lines {begin} to {end}")
            quotes.append(f"{quote} ({told.format(line=begin, begin=begin, end=end)})" if begin else quote)
        if more := max(0, len(groups) - _MAX_QUOTED) + max(0, len(lines) - _MAX_PLACED):
            quotes.append(gettext("and {count} more").format(count=more))
        return ", ".join(quotes)

    def _place(self, text: str) -> int:
        """Return the number of the line in the file that holds the text; 0 if there is none."""
        words = fold_words(text)[:_TOLD]
        wanted = " ".join(words)
        # Because a word or two stand in many lines, they must be the whole line.
        held = (line == wanted or (len(words) > _FEW and wanted in line) for line in self._raw)
        return next((at for at, holds in enumerate(held, 1) if holds), 0) if words else 0

    def _episode_title(self) -> str:
        """Return the title of the notes, else one of the names of all subjects."""
        written = self._plain(self._outline.head.title)
        if written and telling_words(written):
            return written[:1].upper() + written[1:_MAX_TITLE]
        named = (name or title for name, title in zip(self._names, self._titles, strict=True))
        names = list(dict.fromkeys(named))
        names = self._titles[:1] if len(names) == 1 else names
        # A long title stands for a subject only as long as the others have their place.
        while len(", ".join(names)) > TITLE_ON_PHONE and len(names) > 2:  # noqa: PLR2004
            names.remove(max(reversed(names), key=len))
        return ", ".join(names)[:_MAX_TITLE]

    def _title(self, subject: Subject) -> str:
        heading = subject.heading
        heading = self._plain(self._spelling.restored(heading) if heading.isupper() else heading)
        announced = self._plain(self._spelling.restored(subject.announced))
        own, wanted = set(telling_words(heading)), set(telling_words(announced))
        # A speaker names the subject by a word or two, of which the teaser says more.
        is_less = (len(own) <= _FEW and own < wanted) or (len(heading) > TITLE_ON_PHONE and len(wanted) > _FEW)
        if heading or announced:
            return (announced if announced and (is_less or not heading) else heading)[:_MAX_TITLE]
        # Without both, the title is the beginning of the first sentence that does not announce the episode.
        told = (text for line in subject.lines for text in sentences(line.text))
        pieces = (re.split(r"[.!?…:;,](?:\s|$)", text) for text in sorted(told, key=announces))
        piece = next(filter(telling_words, itertools.chain.from_iterable(pieces)), "")
        kept = textwrap.shorten(piece, TITLE_ON_PHONE, placeholder="") or piece[:TITLE_ON_PHONE]
        # Because a heading may be a slug alone ("{#netflix}"), its letters are the title then.
        left = (kept, subject.heading, subject.announced, *(line.text for line in subject.lines))
        return self._plain(kept) or next(filter(None, (flat(text) for text in left)), "")[:_MAX_TITLE]

    def _intro(self) -> str:
        teaser = self._spelling.restored(self._outline.head.teaser)
        is_sentence = len(teaser.split()) > _SHORT_TEASER and len(teaser) <= _MAX_INTRO
        opening = sentences(" ".join(_summarised(self._outline.opening)))[:_FEW]
        self._leave(self._outline.opening, " ".join(opening))
        return self._tidied(" ".join(opening or [_ended(teaser)] * is_sentence))

    def _segment(self, index: int, subject: Subject, slugs: set[str]) -> Iterator[str]:
        title = self._titles[index]
        slug = self._slug(index, title, slugs)
        begins = self._begins[index]
        slug += "" if begins is None else f" at={time_of(begins)}"
        yield f"## {escaped(title)} {{#{slug}}}"
        texts = [line.text for line in subject.lines]
        topics = topics_of([title, self._spelling.restored(subject.announced)], texts, self._known, self._spelling)
        if topics:
            yield " ".join(f"#{topic}" for topic in topics)
        prose = [line for line in subject.lines if not TOPICS_LINE.fullmatch(line.text)]
        paragraphs = _summarised(prose)
        self._leave(prose, " ".join((*paragraphs, title)))
        images = list({image.url: image for image in subject.images}.values())
        best = {link.url: link for link in sorted(subject.links, key=lambda link: bool(link.title))}
        links = [best[url] for url in dict.fromkeys(link.url for link in subject.links)]
        remark = next(self._remarks_on(subject, title, images, has_link=bool(links)), "")
        time = subject.time if begins is None else ""
        if remark or time:
            yield self._remark(remark, time)
        # Where there is no text, the words of the links say more than the title alone.
        titles = (bare_title(link.title) for link in links)
        named = " ".join(_ended(title) for title in titles if len(telling_words(title)) > _FEW)
        told = paragraphs or _summarised([Line(named)]) or [_ended(title)]
        yield from (escaped(self._tidied(text)) for text in told)
        if images:
            url = images[0].url
            address = f"<{url}>" if "(" in url else url
            yield f"![{escaped(self._plain(images[0].alt) or title)}]({address})"
        if links:
            yield "Sources :\n" + "\n".join(self._source(link, title) for link in links)

    def _leave(self, lines: Sequence[Line], text: str) -> None:
        """Note the lines of which the text repeats no sentence."""
        chosen = flat(text)
        self._unused += [line for line in lines if not any(flat(said) in chosen for said in sentences(line.text))]

    def _remarks_on(self, subject: Subject, title: str, images: Sequence[Picture], *, has_link: bool) -> Iterator[str]:
        """Yield the remarks on a segment, the most harmful first."""
        gettext = self._words.gettext
        heading = self._plain(subject.heading)
        if not heading and not subject.announced:
            yield gettext("the title, which is the beginning of the text")
        if len(images) > 1:
            yield gettext("another image was left out: {url}").format(url=", ".join(image.url for image in images[1:]))
        if heading and not set(fold_words(heading)) <= set(fold_words(title)):
            said = gettext("the title, which is that of the teaser; the notes say “{title}”")
            yield said.format(title=heading)
        if not has_link and any(each.links for each in self._outline.subjects):
            yield gettext("the source is missing")
        if images and not images[0].alt:
            yield gettext("the words that describe the image to those who cannot see it")

    def _slug(self, index: int, title: str, taken: set[str]) -> str:
        slug = ascii_slug(title)
        begun = textwrap.shorten(slug.replace("-", " "), _MAX_SLUG, placeholder="")
        whole = begun.replace(" ", "-") or slug[:_MAX_SLUG]
        wanted = ascii_slug(self._names[index]) or whole or "sujet"
        slugs = itertools.chain((wanted, whole or wanted), (f"{wanted}-{count}" for count in itertools.count(2)))
        slug = next(slug for slug in slugs if slug not in taken)
        taken.add(slug)
        return slug

    def _source(self, link: Link, subject: str) -> str:
        title = self._plain(bare_title(link.title))
        # Because the words of the link are the title above it, the name of the site says more.
        title = "" if fold(title) == fold(subject) else title
        # `web_address` lets no bracket and no space through, so that the address needs no escape.
        return f"- [{escaped(title)}](<{link.url}>)" if title else f"- {link.url}"

    def _tidied(self, text: str) -> str:
        return tidied(text, self._language)

    def _plain(self, text: str) -> str:
        return SLUG_MARK.sub("", self._tidied(text)).strip()

    def _remark(self, text: str, time: str = "") -> str:
        said = self._words.gettext("To check: {what}.").format(what=text) if text else ""
        said = tidied(f"{time} {said}".replace(">", " "), self._shows)
        return f"<!-- {_DASHES.sub('–', said)} -->"


def _summarised(lines: Sequence[Line]) -> list[str]:
    """Return the first sentences of the lines, a paragraph for each line; empty if the lines hold no sentence.

    The first sentences of news tell the news, and none of them needs a sentence that was left out.
    """
    if sum(len(line.text) for line in lines) >= _MIN_SUMMARY:
        # Between long texts, a line of a few words without a full stop or a link is a title.
        open_ones = [each for each in lines if is_heading(each) and not (each.links or _ENDING.search(each.text))]
        lines = [each for each in lines if each not in open_ones or (not each.level and "," in each.text)] or lines
    texts = ((place, text) for place, line in enumerate(lines) for text in sentences(line.text))
    told = [(at, _ended(text)) for at, text in texts]
    ends = itertools.accumulate(len(text) for _place, text in told)
    pairs = zip(told, ends, strict=True)
    kept = [each for each, end in pairs if end <= _MAX_SUMMARY and end - len(each[1]) <= _ENOUGH] or told[:1]
    groups = itertools.groupby(kept, key=operator.itemgetter(0))
    return [" ".join(text for _place, text in group) for _place, group in groups]


def _ended(text: str) -> str:
    """Return a text that ends as a sentence does."""
    return text if _ENDING.search(text) else f"{text.rstrip(' :;,-–')}."
