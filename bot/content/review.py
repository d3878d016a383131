"""What is no mistake in an episode and will look bad all the same: what a careful reader would say before Monday."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rapidfuzz import fuzz, process

from bot.content.folder import right_name
from bot.content.formatter import Formatter
from bot.content.parser import unclosed_emphasis
from bot.content.richtext import SOURCES_LINE
from bot.model.document import plain
from bot.model.episode import Status
from bot.model.i18n import Language, words
from bot.model.problems import Problem
from bot.model.text import NARROW_NO_BREAK_SPACE, NO_BREAK_SPACE
from bot.model.typography import TITLE_ON_PHONE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from bot.content.archive import Archive
    from bot.model.document import Document
    from bot.model.episode import Episode, Segment
    from bot.model.rendering import Rendering

_PERHAPS_TOO_LONG = 1_500
"""Characters of a summary below which both platforms certainly take it in one message."""
_COMMON = 3
"""Segments with a topic that make it one that the team uses."""
_MISSPELT = 84
"""The likeness, from 0 to 100, of `instagram` and `instagarm`."""
_SHORTEST_TOPIC = 5
"""Letters. Of shorter words many are alike and right."""
_CAPITALS = 8
"""Letters from which a title in capitals is no abbreviation."""

_TITLE = re.compile(r"^## ")
_NOT_TEXT = re.compile(r"`[^`]*`|\]\([^)]*\)|<[^<>]*>|https?://\S+|\{#[^{}]*\}")
_NO_PROSE = re.compile(r"^(```|~~~).*?^\1|<!--.*?-->", re.DOTALL | re.MULTILINE)
_REMARK = re.compile(r"<!--\s*((?:à vérifier|to check)\b.*?)\s*-->", re.IGNORECASE)
_ON_SOURCE = re.compile(r"\bsource\b", re.IGNORECASE)
_HARD_SPACES = NO_BREAK_SPACE + NARROW_NO_BREAK_SPACE
_TYPOGRAPHY = (
    (re.compile(r"(?<=[^\W\d_])'(?=[^\W\d_])"), "a straight apostrophe", "Write ’ in its place"),
    (re.compile(r'"'), "a straight quotation mark", "Write « and », with a no-break space inside"),
    (
        re.compile(r"(?<=[\w»”)%*]) ?[:;!?](?=[\s»”)*]|$)"),
        "no no-break space before ':', ';', '!' or '?'",
        "Type one there, or the mark may go to a line of its own (Option + space on a Mac, Alt + 0160 on Windows)",
    ),
    (
        re.compile(rf"«(?![{_HARD_SPACES}])|(?<![{_HARD_SPACES}])»"),
        "no no-break space inside « »",
        "Type one after « and before » (Option + space on a Mac, Alt + 0160 on Windows)",
    ),
)


def review(
    archive: Archive, folder: Path, language: Language, renderers: Mapping[str, Callable[[Document], Rendering]]
) -> list[Problem]:
    """Everything worth another look: files that are passed over, then those without mistakes, the newest episode first.

    Args:
        archive: what was loaded from the folder.
        folder: the content folder, whose files are looked at once more for what an episode does not keep.
        language: the show's; French typography is looked at in French shows only.
        renderers: how each platform renders, by its name.
    """
    counts = archive.topics()
    found = [_misnamed(folder / path) for path in archive.content.misnamed]
    for listed in archive.episodes:
        version = archive.content.versions[listed.path]
        if version.episode is not None and not version.problems:
            found += _Review(version.episode, folder, language, counts, renderers).problems()
    return found


def _misnamed(path: Path) -> Problem:
    right = right_name(path)
    cure = f"Rename it to {right.name}"
    if right.exists():
        cure = f"There is a {right.name} too: keep one of the two, under that name"
    return Problem(path, f"the file is passed over: the name of an episode ends in {right.suffix}", cure)


def links(archive: Archive, folder: Path) -> list[tuple[str, Path, int]]:
    """Every address in the good episodes, with the file and the line where it stands."""
    found = []
    for version in archive.content.versions.values():
        if version.episode is not None and not version.problems:
            file = _File.read(folder / version.episode.path)
            found += [(url, file.path, file.line_of(url)) for url in _addresses(version.episode)]
    return found


def _addresses(episode: Episode) -> Iterator[str]:
    found: list[str | None] = [episode.audio, episode.page]
    for segment in episode.segments:
        found += [*_links_in(segment.summary), segment.image.url if segment.image else None]
        found += [source.url for source in segment.sources]
    return iter(dict.fromkeys(filter(None, (*found, *_links_in(episode.intro)))))


def _links_in(value: object) -> Iterator[str]:
    """The addresses of the links in blocks, however deep."""
    if isinstance(value, tuple):
        for each in value:
            yield from _links_in(each)
        return
    for name in ("spans", "blocks", "items"):
        yield from _links_in(getattr(value, name, ()))
    url = getattr(value, "url", None)
    if url:
        yield url


@dataclass(frozen=True)
class _File:
    """An episode's file, line by line."""

    path: Path
    lines: Sequence[str]

    @classmethod
    def read(cls, path: Path) -> _File:
        try:
            return cls(path, path.read_text(encoding="utf-8-sig").split("\n"))
        except (OSError, UnicodeDecodeError):
            # It was good a moment ago; what happened to it the next check will tell.
            return cls(path, [""])

    def line_of(self, text: str, after: int = 1) -> int:
        """The first line with the text, from the line `after` on, which it is when there is none."""
        return next((at for at, line in enumerate(self.lines[after - 1 :], start=after) if text in line), after)

    def sources_below(self, title: int) -> int:
        """The line `Sources :` below a segment's title, which it is when there is none."""
        below = enumerate(self.lines[title:], start=title + 1)
        return next((at for at, line in below if SOURCES_LINE.fullmatch(line.strip())), title)

    def prose(self) -> list[str]:
        """The lines, those of comments and blocks of code blank."""
        return _NO_PROSE.sub(lambda match: "\n" * match[0].count("\n"), "\n".join(self.lines)).split("\n")

    def titles(self) -> list[int]:
        """The lines of the segments' titles."""
        return [at for at, line in enumerate(self.lines, start=1) if _TITLE.match(line)]


class _Review:
    def __init__(
        self,
        episode: Episode,
        folder: Path,
        language: Language,
        counts: Mapping[str, int],
        renderers: Mapping[str, Callable[[Document], Rendering]],
    ) -> None:
        self._episode = episode
        self._file = _File.read(folder / episode.path)
        self._language = language
        self._counts = counts
        self._renderers = renderers

    def problems(self) -> list[Problem]:
        """What there is to say about the file, from top to bottom."""
        found = [*self._title(self._episode.title, self._file.line_of("title:"))]
        lines = self._file.titles()
        seen: dict[str, int] = {}
        for index, segment in enumerate(self._episode.segments):
            line = lines[index] if index < len(lines) else 1
            found += [*self._title(segment.title, line), *self._segment(segment, line), *self._topics(segment, line)]
            at = self._file.sources_below(line)
            for source in segment.sources:
                at = self._file.line_of(source.url, at + 1)
                first = seen.setdefault(source.url, at)
                if first != at:
                    found.append(self._said(at, f"the link stands on line {first} already", "Keep one of the two"))
        found += unclosed_emphasis("\n".join(self._file.lines), self._file.path)
        found += self._lines()
        return sorted(found, key=lambda problem: problem.line or 0)

    def _said(self, line: int, message: str, cure: str) -> Problem:
        return Problem(self._file.path, message, cure, line)

    def _title(self, title: str, line: int) -> Iterator[Problem]:
        if len(title) > TITLE_ON_PHONE:
            message = f"the title is {len(title)} characters long, and a phone shows about {TITLE_ON_PHONE} of them"
            yield self._said(line, message, f"Say it in {TITLE_ON_PHONE} characters, the name first")
        if title.isupper() and sum(map(str.isalpha, title)) >= _CAPITALS:
            yield self._said(line, "the title is in capitals, which read as shouting", "Write it in small letters")

    def _segment(self, segment: Segment, line: int) -> Iterator[Problem]:
        # An import has said it already, in a remark that is told as it stands.
        if not segment.sources and not self._has_remark(_ON_SOURCE, line):
            yield self._said(line, "the segment has no source", "Add 'Sources :' and a list of links below its text")
        if len(plain(segment.summary)) > _PERHAPS_TOO_LONG:
            document = Formatter("", words(self._language)).segment(self._episode, segment)
            for name, render in self._renderers.items():
                count = len(render(document).messages)
                if count > 1:
                    length = len(plain(segment.summary))
                    message = f"the summary of {length} characters takes {count} messages on {name}"
                    yield self._said(line, message, "Shorten it: 300 to 900 characters read well on a phone")

    def _has_remark(self, pattern: re.Pattern[str], title: int) -> bool:
        """Whether one of the remarks in the segment below a title speaks of that."""
        end = next((at for at in self._file.titles() if at > title), None)
        below = self._file.lines[title : end and end - 1]
        return any(pattern.search(remark[1]) for line in below for remark in _REMARK.finditer(line))

    def _topics(self, segment: Segment, line: int) -> Iterator[Problem]:
        common = [topic for topic, count in self._counts.items() if count >= _COMMON]
        for topic in segment.topics:
            if self._counts.get(topic, 0) >= _COMMON or len(topic) < _SHORTEST_TOPIC:
                continue
            near = process.extractOne(topic, common, scorer=fuzz.ratio, score_cutoff=_MISSPELT)
            if near is not None:
                message = f"the topic '{topic}' looks like '{near[0]}', which {self._counts[near[0]]} segments have"
                cure = f"Write #{near[0]}, if that is what it means"
                yield self._said(self._file.line_of("#", line + 1), message, cure)

    def _lines(self) -> Iterator[Problem]:
        """What single lines give away."""
        fences = 0
        for at, (raw, prose) in enumerate(zip(self._file.lines, self._file.prose(), strict=True), start=1):
            fences += raw.rstrip() == "---"
            for remark in _REMARK.finditer(raw):
                ending = "" if self._episode.status is Status.DRAFT else ", and the episode is no draft any more"
                yield self._said(
                    at, f"a remark stands here{ending}: {remark[1].rstrip('. ')}", "See to it and delete it"
                )
            is_text = fences > 1 and not SOURCES_LINE.fullmatch(raw.strip())
            if self._language is Language.FRENCH and (is_text or raw.startswith("title:")):
                yield from self._typography(prose.removeprefix("title:") if fences < 2 else prose, at, is_text=is_text)  # noqa: PLR2004

    def _typography(self, raw: str, line: int, *, is_text: bool) -> Iterator[Problem]:
        text = _NOT_TEXT.sub("", raw)
        for pattern, what, cure in _TYPOGRAPHY:
            # YAML's own quotation marks are no typography.
            if pattern.search(text) and (is_text or what != _TYPOGRAPHY[1][1]):
                yield self._said(line, f"here is {what}", cure)
