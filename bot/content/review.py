"""The review of an episode: warnings about text that is no mistake and will look bad."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from rapidfuzz import fuzz, process

from bot.content.archive import Archive
from bot.content.folder import right_name
from bot.content.formatter import Formatter
from bot.content.parser import unclosed_emphasis
from bot.content.richtext import SOURCES_LINE
from bot.model.document import Document
from bot.model.episode import Episode, Segment, Status
from bot.model.i18n import Language, words
from bot.model.problems import Mistakes, Problem
from bot.model.rendering import Rendering
from bot.model.text import NARROW_NO_BREAK_SPACE, NO_BREAK_SPACE
from bot.model.typography import TITLE_ON_PHONE

_PERHAPS_TOO_LONG = 1_500
"""Characters. Every platform takes a shorter summary in one message."""
_COMMON = 3
"""Segments. A topic of as many is one that the team uses."""
_MISSPELT = 84
"""The likeness, from 0 to 100, of `instagram` and `instagarm`."""
_SHORTEST_TOPIC = 5
"""Letters. Many shorter words are alike and right."""
_CAPITALS = 8
"""Letters. A shorter title in capitals may be an abbreviation."""

_TITLE = re.compile(r"^## ")
_NOT_TEXT = re.compile(r"`[^`]*`|\]\([^)]*\)|<[^<>]*>|https?://\S+|\{#[^{}]*\}")
_NO_PROSE = re.compile(r"^(```|~~~).*?^\1|<!--.*?-->", re.DOTALL | re.MULTILINE)
_REMARK = re.compile(r"<!--\s*((?:à vérifier|to check)\b(?:(?!-->|<!--).)*)-->", re.IGNORECASE)
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
    """Return every warning: first the files that are passed over, then the good files, the newest episode first.

    Args:
        archive: the episodes of the folder.
        folder: the content folder, whose files hold the comments and lines that an episode does not keep.
        language: the show's; only a French show has its typography reviewed.
        renderers: how each platform renders, by the platform's name.
    """
    counts = archive.topics()
    found = []
    for misnamed in archive.content.misnamed:
        path, right = folder / misnamed, right_name(folder / misnamed)
        cure = f"There is a {right.name} too: keep one of the two, under that name"
        cure = cure if right.exists() else f"Rename it to {right.name}"
        found.append(Problem(path, f"the file is passed over: the name of an episode ends in {right.suffix}", cure))
    for episode in archive.episodes:
        version = archive.content.versions[episode.path]
        if version.episode is not None and not version.problems:
            file = _File.read(folder / episode.path)
            found += _Review(version.episode, file, language, counts, renderers, Mistakes(file.path)).problems()
    return found


def links(archive: Archive, folder: Path) -> list[tuple[str, Path, int]]:
    """Return every address in the good episodes, with its file and its line."""
    found = []
    for version in archive.content.versions.values():
        if version.episode is not None and not version.problems:
            file = _File.read(folder / version.episode.path)
            found += [(url, file.path, file.line_of(url)) for url in _addresses(version.episode)]
    return found


def _addresses(episode: Episode) -> list[str]:
    found: list[str | None] = [episode.audio, episode.page]
    for segment in episode.segments:
        found += [*_links_in(segment.summary), segment.image.url if segment.image else None]
        found += [source.url for source in segment.sources]
    return list(dict.fromkeys(filter(None, (*found, *_links_in(episode.intro)))))


def _links_in(value: object) -> Iterator[str]:
    """Yield the addresses of the links in blocks, however deep."""
    if isinstance(value, tuple):
        for each in value:
            yield from _links_in(each)
    elif url := getattr(value, "url", None):
        yield url
    else:
        for name in ("spans", "blocks", "items"):
            yield from _links_in(getattr(value, name, ()))


@dataclass(frozen=True)
class _File:
    """The lines of an episode's file."""

    path: Path
    lines: Sequence[str]

    @classmethod
    def read(cls, path: Path) -> _File:
        try:
            return cls(path, path.read_text(encoding="utf-8-sig").split("\n"))
        except (OSError, UnicodeDecodeError):
            # Because the file was good a moment ago, the next check tells the cause.
            return cls(path, [""])

    def line_of(self, text: str, after: int = 1) -> int:
        """Return the first line with the text, from the line `after` on; `after` itself if no line has the text."""
        return next((at for at, line in enumerate(self.lines[after - 1 :], start=after) if text in line), after)

    def sources_below(self, title: int) -> int:
        """Return the line `Sources :` below the title of a segment; the title's line if none follows."""
        below = enumerate(self.lines[title:], start=title + 1)
        return next((at for at, line in below if SOURCES_LINE.fullmatch(line.strip())), title)

    def prose(self) -> list[str]:
        """Return the lines; those of comments and blocks of code are blank."""
        return _NO_PROSE.sub(lambda match: "\n" * match[0].count("\n"), "\n".join(self.lines)).split("\n")

    def titles(self) -> list[int]:
        """Return the lines of the segments' titles."""
        return [at for at, line in enumerate(self.lines, start=1) if _TITLE.match(line)]


@dataclass(frozen=True)
class _Review:
    """The review of one episode. `_counts` says how many segments each topic has."""

    _episode: Episode
    _file: _File
    _language: Language
    _counts: Mapping[str, int]
    _renderers: Mapping[str, Callable[[Document], Rendering]]
    _warnings: Mistakes

    def problems(self) -> tuple[Problem, ...]:
        """Return the warnings about the file, from top to bottom."""
        self._title(self._episode.title, self._file.line_of("title:"))
        seen: dict[str, int] = {}
        # Because a file that was just changed may have too few titles, line 1 stands for the others.
        titles = itertools.chain(self._file.titles(), itertools.repeat(1))
        for segment, line in zip(self._episode.segments, titles, strict=False):
            self._title(segment.title, line)
            self._segment(segment, line)
            self._topics(segment, line)
            at = self._file.sources_below(line)
            for source in segment.sources:
                at = self._file.line_of(source.url, at + 1)
                first = seen.setdefault(source.url, at)
                if first != at:
                    self._warnings.add(at, f"the link stands on line {first} already", "Keep one of the two")
        for found in unclosed_emphasis("\n".join(self._file.lines), self._file.path):
            self._warnings.add(found.line or 1, found.message, found.cure)
        self._lines()
        return self._warnings.problems

    def _title(self, title: str, line: int) -> None:
        if len(title) > TITLE_ON_PHONE:
            message = f"the title is {len(title)} characters long, and a phone shows about {TITLE_ON_PHONE} of them"
            self._warnings.add(line, message, f"Say it in {TITLE_ON_PHONE} characters, the name first")
        if title.isupper() and sum(map(str.isalpha, title)) >= _CAPITALS:
            self._warnings.add(line, "the title is in capitals, which read as shouting", "Write it in small letters")

    def _segment(self, segment: Segment, line: int) -> None:
        if not segment.sources:
            end = next((at for at in self._file.titles() if at > line), None)
            below = self._file.lines[line : end and end - 1]
            # Because an import leaves a remark about it, which is told too, the warning would say the same again.
            if not any(_ON_SOURCE.search(remark[1]) for each in below for remark in _REMARK.finditer(each)):
                cure = "Add 'Sources :' and a list of links below its text"
                self._warnings.add(line, "the segment has no source", cure)
        if len(segment.text) > _PERHAPS_TOO_LONG:
            document = Formatter("", words(self._language)).segment(self._episode, segment)
            for name, render in self._renderers.items():
                if (count := len(render(document).messages)) > 1:
                    message = f"the summary of {len(segment.text)} characters takes {count} messages on {name}"
                    self._warnings.add(line, message, "Shorten it: 300 to 900 characters read well on a phone")

    def _topics(self, segment: Segment, line: int) -> None:
        common = [topic for topic, count in self._counts.items() if count >= _COMMON]
        for topic in segment.topics:
            if topic in common or len(topic) < _SHORTEST_TOPIC:
                continue
            near = process.extractOne(topic, common, scorer=fuzz.ratio, score_cutoff=_MISSPELT)
            if near is not None:
                message = f"the topic '{topic}' looks like '{near[0]}', which {self._counts[near[0]]} segments have"
                cure = f"Write #{near[0]}, if that is what it means"
                self._warnings.add(self._file.line_of("#", line + 1), message, cure)

    def _lines(self) -> None:
        """Review single lines: remarks and typography."""
        fences = 0
        ending = "" if self._episode.status is Status.DRAFT else ", and the episode is no draft any more"
        for at, (raw, prose) in enumerate(zip(self._file.lines, self._file.prose(), strict=True), start=1):
            fences += raw.rstrip() == "---"
            for remark in _REMARK.finditer(raw):
                message = f"a remark stands here{ending}: {remark[1].rstrip().rstrip('. ')}"
                self._warnings.add(at, message, "See to it and delete it")
            is_text = fences > 1 and not SOURCES_LINE.fullmatch(raw.strip())
            if self._language is Language.FRENCH and (is_text or raw.startswith("title:")):
                self._typography(prose if fences > 1 else prose.removeprefix("title:"), at, is_text=is_text)

    def _typography(self, prose: str, line: int, *, is_text: bool) -> None:
        text = _NOT_TEXT.sub("", prose)
        for pattern, what, cure in _TYPOGRAPHY:
            # Because YAML needs straight quotation marks, they are no slip in the front matter.
            if pattern.search(text) and (is_text or what != _TYPOGRAPHY[1][1]):
                self._warnings.add(line, f"here is {what}", cure)
