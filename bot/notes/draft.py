"""From an outline to a draft episode file: words of the notes only, with a remark where a person should look.

A remark is an HTML comment, which an episode file may hold and which is never sent.
"""

from __future__ import annotations

import datetime as dt
import itertools
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml

from bot.content.parser import parse_episode
from bot.content.segments import ascii_slug
from bot.model.i18n import Language, words
from bot.model.problems import InvalidInputError, Problem
from bot.model.text import fold, fold_words
from bot.model.typography import TITLE_ON_PHONE, tidied
from bot.notes.language import language_of, telling_words
from bot.notes.model import Link, Notes, Outline, Subject
from bot.notes.structure import bare_title, outline
from bot.notes.summary import MIN_LENGTH, summarise
from bot.notes.topics import Spelling, is_hashtags, main_name, topics_of

_PARAGRAPH = 260
"""Characters of a paragraph after which the next sentence of a summary begins a new one."""
_MAX_TITLE = 200
_MAX_SLUG = 40
"""Letters of a slug. Telegram's deep links carry 64 with the episode's number, and people read them."""
_SHORT_LEAD = 5
"""Words of a lead that presents nothing, such as `Au programme`."""
_MAX_INTRO = 400

_MARKUP = re.compile(r"([\\`*_\[\]<>~|&#])")
_LINE_START = re.compile(r"^(\s*)([-+=:]|\d+(?=[.)]))")
_SLUG_MARK = re.compile(r"\{#[^{}]*\}$")


@dataclass(frozen=True, slots=True)
class Defaults:
    """The number and date of a draft whose notes have none: the next number, the next Monday."""

    number: int
    date: dt.date

    def on(self, date: dt.date) -> Defaults:
        """Return the same number with another date."""
        return Defaults(self.number, date)


def draft(
    notes: Notes,
    path: Path,
    *,
    language: Language,
    known: Iterable[str],
    defaults: Defaults,
    date: dt.date | None = None,
) -> str:
    """Return the text of a draft episode file.

    Args:
        notes: the show notes.
        path: the file of the notes, named in errors.
        language: the show's; the remarks are written in it.
        known: the topics of the archive.
        defaults: number and date where the notes have none.
        date: a date that takes precedence over that of the notes.

    Raises:
        InvalidInputError: The notes cannot be understood.
    """
    found = outline(notes)
    if not any(
        each.heading or each.announced or any(telling_words(line.text) for line in each.lines)
        for each in found.subjects
    ):
        cure = "Give the notes of one episode: a title and some sentences for each subject"
        raise InvalidInputError([Problem(path, "no subject can be made out in these notes", cure)])
    text = _Writer(notes, found, language, frozenset(known)).write(date, defaults)
    try:
        parse_episode(text, path)
    except InvalidInputError as error:
        cure = "Write the episode by hand, and tell those who make the bot"
        told = f"no good episode file can be made of these notes ({error.problems[0].message})"
        raise InvalidInputError([Problem(path, told, cure)]) from error
    return text


class _Writer:
    def __init__(self, notes: Notes, found: Outline, language: Language, known: frozenset[str]) -> None:
        self._notes = notes
        self._outline = found
        self._words = words(language)
        self._known = known
        texts = [line.text for line in notes.lines]
        self._language = language_of(texts) or language
        self._is_foreign = self._language is not language
        self._spelling = Spelling(texts)
        self._all_words = {word for text in (notes.title, *texts) for word in fold_words(text)}
        self._titles = [self._title(subject) for subject in found.subjects]
        self._names: list[str] = []
        for subject, title in zip(found.subjects, self._titles, strict=True):
            self._names.append(main_name([self._spelling.restored(subject.announced), title], self._names))

    def write(self, date: dt.date | None, defaults: Defaults) -> str:
        gettext = self._words.gettext
        found, day = self._outline, date or self._outline.date
        (title, is_made), intro = self._episode_title(), self._intro()
        missing = gettext("the notes announce “{subject}”, and nothing more can be found about it")
        left_out = gettext("a link was left out: {url}")
        conditions = (
            (not found.number, gettext("the number, which the notes do not say; this is the next one")),
            (not day, gettext("the date, which the notes do not say; this is the next Monday without an episode")),
            (self._is_foreign, gettext("the language, which is not that of the show")),
            (is_made, gettext("the title, made of the names of the subjects")),
            (found.guessed, gettext("the subjects, which the notes do not announce")),
            *((True, missing.format(subject=subject)) for subject in found.missing),
            *((True, left_out.format(url=url)) for url in dict.fromkeys(found.left_out)),
            (not intro, gettext("the introduction is missing")),
            (True, gettext("each summary, whose sentences stand in the notes as they are here")),
        )
        remarks = (remark for condition, remark in conditions if condition)
        number = found.number or defaults.number
        head: dict[str, object] = {"number": number, "title": title, "date": day or defaults.date}
        head |= {key: value for key, value in (("audio", self._notes.audio), ("page", self._notes.page)) if value}
        front = yaml.safe_dump(head | {"status": "draft"}, allow_unicode=True, sort_keys=False, width=10_000)
        blocks = [f"---\n{front}---", *map(self._remark, remarks), *([_escaped(intro)] if intro else [])]
        slugs: set[str] = set()
        for index, subject in enumerate(found.subjects):
            blocks += self._segment(index, subject, slugs)
        return "\n\n".join(blocks) + "\n"

    def _episode_title(self) -> tuple[str, bool]:
        """Return the episode's title, and whether it was made of names."""
        written = self._plain(self._outline.title)
        if written:
            return written[:1].upper() + written[1:_MAX_TITLE], False
        if len(self._titles) == 1:
            return self._titles[0][:_MAX_TITLE], False
        names = list(dict.fromkeys(filter(None, self._names)))
        if len(names) < min(2, len(self._titles)):
            return self._titles[0][:_MAX_TITLE], True
        joint = "et" if self._language is Language.FRENCH else "and"
        last = f" {joint} " if joint in self._all_words else ", "
        while len(title := ", ".join(names[:-1]) + last + names[-1]) > TITLE_ON_PHONE and len(names) > 2:  # noqa: PLR2004
            names.pop()
        return title, True

    def _title(self, subject: Subject) -> str:
        heading = subject.heading
        heading = self._plain(self._spelling.restored(heading) if heading.isupper() else heading)
        announced = self._plain(self._spelling.restored(subject.announced))
        if heading and (len(heading) <= TITLE_ON_PHONE or not announced):
            return heading[:_MAX_TITLE]
        if announced:
            return announced[:_MAX_TITLE]
        # Without a heading and a name, the title is the beginning of the first sentence.
        told = (*summarise(subject.lines, ""), *(line.text for line in subject.lines if telling_words(line.text)))
        pieces = (piece for text in told for piece in re.split(r"[.!?…:;,](?:\s|$)", text) if telling_words(piece))
        kept = ""
        for word in next(pieces, "").split():
            if kept and len(kept) + 1 + len(word) > TITLE_ON_PHONE:
                break
            kept = f"{kept} {word}".strip()
        if title := self._plain(kept)[:_MAX_TITLE]:
            return title
        # Because a heading may be a slug alone ("{#netflix}"), its letters are the title then.
        left = (kept, subject.heading, subject.announced, *(line.text for line in subject.lines))
        return next(filter(None, (" ".join(fold_words(text)) for text in left)), "")[:_MAX_TITLE]

    def _intro(self) -> str:
        found = self._outline
        if len(found.lead.split()) > _SHORT_LEAD and not found.lead_is_subject:
            return self._sentence(found.lead)
        if told := summarise(found.opening, ""):
            return self._tidied(" ".join(told[:2]))
        return self._sentence(found.teaser) if 0 < len(found.teaser) <= _MAX_INTRO else ""

    def _sentence(self, text: str) -> str:
        text = self._spelling.restored(text)
        return self._tidied(text if text.endswith((".", "!", "?", "…")) else f"{text}.")

    def _segment(self, index: int, subject: Subject, slugs: set[str]) -> Iterator[str]:
        gettext = self._words.gettext
        title = self._titles[index]
        slug = self._slug(index, title, slugs)
        yield f"## {_escaped(title)} {{#{slug}}}"
        texts = [line.text for line in subject.lines]
        topics = topics_of(f"{title} {subject.announced} {subject.heading}", texts, self._known)
        if topics:
            yield " ".join(f"#{topic}" for topic in topics)
        remarks = self._remarks_on_title(subject, title)
        if not topics:
            remarks.append(gettext("the topics are missing"))
        prose = [line for line in subject.lines if not is_hashtags(line.text)]
        sentences = [self._tidied(text) for text in summarise(prose, f"{subject.announced} {subject.heading} {title}")]
        if sum(len(text) + 1 for text in sentences) < MIN_LENGTH:
            remarks.append(gettext("the summary, which is short: the notes say no more"))
        images = list({image.url: image for image in subject.images}.values())
        alt = ""
        if images:
            alt = self._plain(images[0].alt) or title
            if not images[0].alt:
                remarks.append(gettext("the words that describe the image to those who cannot see it"))
            remarks += [gettext("another image was left out: {url}").format(url=image.url) for image in images[1:]]
        links = _unique(subject.links)
        if not links:
            remarks.append(gettext("the source is missing"))
        yield from map(self._remark, remarks)
        yield from map(_escaped, _paragraphs(sentences or [f"{title}."]))
        if images:
            url = images[0].url
            address = f"<{url}>" if "(" in url else url
            yield f"![{_escaped(alt)}]({address})"
        if links:
            yield "Sources :\n" + "\n".join(self._source(link, title) for link in links)

    def _remarks_on_title(self, subject: Subject, title: str) -> list[str]:
        gettext = self._words.gettext
        heading = self._plain(subject.heading)
        if heading and fold(heading) != fold(title):
            said = gettext("the title, which is that of the teaser; the notes say “{title}”")
            return [said.format(title=heading)]
        if not heading and not subject.announced:
            return [gettext("the title, which is the beginning of the text")]
        return []

    def _slug(self, index: int, title: str, taken: set[str]) -> str:
        whole = _shortened(ascii_slug(title))
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
        return f"- [{_escaped(title)}](<{link.url}>)" if title else f"- {link.url}"

    def _tidied(self, text: str) -> str:
        return tidied(text, self._language)

    def _plain(self, text: str) -> str:
        return _SLUG_MARK.sub("", self._tidied(text)).strip()

    def _remark(self, text: str) -> str:
        said = self._words.gettext("To check: {what}.").format(what=text)
        return f"<!-- {said.replace('--', '–').replace('>', ' ')} -->"


def _paragraphs(sentences: Sequence[str]) -> Iterator[str]:
    paragraph = ""
    for sentence in sentences:
        if paragraph and len(paragraph) + len(sentence) > _PARAGRAPH and len(paragraph) > _PARAGRAPH // 2:
            yield paragraph
            paragraph = sentence
        else:
            paragraph = f"{paragraph} {sentence}".strip()
    if paragraph:
        yield paragraph


def _shortened(slug: str) -> str:
    """Return the first words of the slug, within the length of a slug."""
    return slug if len(slug) <= _MAX_SLUG else slug[: _MAX_SLUG + 1].rpartition("-")[0] or slug[:_MAX_SLUG]


def _unique(links: Iterable[Link]) -> list[Link]:
    best: dict[str, Link] = {}
    for link in links:
        if not best.setdefault(link.url, link).title:
            best[link.url] = link
    return list(best.values())


def _escaped(text: str) -> str:
    """Return the text escaped for Markdown."""
    text = _MARKUP.sub(r"\\\1", text)
    return _LINE_START.sub(
        lambda match: f"{match[1]}{match[2]}\\" if match[2].isdigit() else f"{match[1]}\\{match[2]}", text
    )
