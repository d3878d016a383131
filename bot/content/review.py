"""The review of an episode: warnings about text that is no mistake and will look bad."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bot.content.archive import Archive
from bot.content.audio import SMALLER, RecordingError, recording
from bot.content.folder import right_name
from bot.content.formatter import Formatter
from bot.content.parser import read_episode, unclosed_emphasis
from bot.content.richtext import SOURCES_LINE
from bot.content.segments import LOOSE_TIME, TOPICS_LINE, ascii_slug
from bot.content.slips import EpisodeFile, Slips
from bot.model.address import FILE_NAME, is_player
from bot.model.document import Block, Document, Span
from bot.model.episode import Episode, Segment, Status, time_of
from bot.model.i18n import Language, gettext_noop, words
from bot.model.i18n import gettext as _
from bot.model.problems import Change, Mistakes, Problem, named_lines
from bot.model.rendering import Rendering
from bot.model.text import NARROW_NO_BREAK_SPACE, NO_BREAK_SPACE, fold_words, likest
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

_NOT_TEXT = re.compile(r"`[^`]*`|\]\([^)]*\)|<[^<>]*>|https?://\S+|\{#[^{}]*\}")
_TYPED_NUMBER = re.compile(
    r"(?P<begin>\s*##\s+)(?:(?:sujet|actu|news|subject|story|n°|#)\s*)?\(?(?P<number>[0-9]{1,2}|[IVX]{1,4})\s*"
    r"(?P<sign>[.)/:°]|\ufe0f?\u20e3|\s?[–—-])\s+",
    re.IGNORECASE,
)
_COUNTING = frozenset({".", ")", "\u20e3", "\ufe0f\u20e3"})
"""The signs that make any number before them a count of the subjects; others do so with the subject's own number."""
_ROMAN = ("", "I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX", "X", "XI", "XII")
_NO_DESCRIPTION = re.compile(
    r"(?:(?:IMG|DSC|PXL|image|photo)[\w-]*\d|capture d.écran\b|screenshot\b|whatsapp image\b|sans titre|unnamed"
    r"|untitled)[\w .,:()-]*",
    re.IGNORECASE,
)
_REMARK = re.compile(r"<!--\s*((?:à vérifier|to check)\b(?:(?!-->|<!--).)*)-->", re.IGNORECASE)
_ON_SOURCE = re.compile(r"\bsource\b", re.IGNORECASE)
_HARD_SPACES = NO_BREAK_SPACE + NARROW_NO_BREAK_SPACE
_TYPOGRAPHY = (
    (
        re.compile(r"(?<=[^\W\d_])'(?=[^\W\d_])"),
        gettext_noop("here is a straight apostrophe"),
        gettext_noop("Write ’ in its place"),
    ),
    (
        re.compile(r'"'),
        gettext_noop("here is a straight quotation mark"),
        gettext_noop("Write « and », with a no-break space inside"),
    ),
    (
        re.compile(r"(?<=[\w»”)%*]) ?[:;!?](?=[\s»”)*]|$)"),
        gettext_noop("a no-break space is missing here before ':', ';', '!' or '?'"),
        gettext_noop(
            "Type one there, or the mark may go to a line of its own (Option + space on a Mac, Alt + 0160 on Windows)"
        ),
    ),
    (
        re.compile(rf"«(?![{_HARD_SPACES}])|(?<![{_HARD_SPACES}])»"),
        gettext_noop("a no-break space is missing here inside « »"),
        gettext_noop("Type one after « and before » (Option + space on a Mac, Alt + 0160 on Windows)"),
    ),
)


def review(
    archive: Archive,
    folder: Path,
    language: Language,
    renderers: Mapping[str, Callable[[Document], Rendering]],
    only: Episode | None = None,
) -> list[Problem]:
    """Return every warning: first the files that are passed over, then the good files, the newest episode first.

    Args:
        archive: the episodes of the folder.
        folder: the content folder, whose files hold the comments and lines that an episode does not keep.
        language: the show's; only a French show has its typography reviewed.
        renderers: how each platform renders, by the platform's name.
        only: the one episode to review; without it, all of them and the names of the files.
    """
    counts = archive.topics()
    found = []
    for misnamed in archive.content.misnamed if only is None else ():
        path, right = folder / misnamed, right_name(folder / misnamed)
        cure = _("There is a {name} too: keep one of the two, under that name").format(name=right.name)
        cure = cure if right.exists() else _("Rename it to {name}").format(name=right.name)
        found.append(
            Problem(
                path,
                _("the file is passed over: the name of an episode ends in {suffix}").format(suffix=right.suffix),
                cure,
            )
        )
    for episode in archive.episodes if only is None else (only,):
        version = archive.content.versions[episode.path]
        if version.episode is not None and not version.problems:
            file = EpisodeFile.read(folder / episode.path)
            # Because a file that is gone again has no line to look at, the next check tells the cause.
            if file.lines != [""]:
                found += _Review(language, counts, renderers, folder).problems(version.episode, file, shown=episode)
    return found


def links(archive: Archive, folder: Path, only: Episode | None = None) -> list[tuple[str, Path, int]]:
    """Return every address in the good episodes, or in one of them, with its file and its line."""
    versions, found = archive.content.versions, []
    for version in versions.values() if only is None else (versions[only.path],):
        if version.episode is not None and not version.problems:
            file = EpisodeFile.read(folder / version.episode.path)
            found += [(url, file.path, file.line_of(url)) for url in _addresses(version.episode)]
    return found


def _addresses(episode: Episode) -> list[str]:
    found: list[str | None] = [episode.audio, episode.page]
    for segment in episode.segments:
        found += [*(span.url for span in _links_in(segment.summary)), segment.image.url if segment.image else None]
        found += [source.url for source in segment.sources]
    return list(dict.fromkeys(filter(None, (*found, *(span.url for span in _links_in(episode.intro))))))


def _links_in(value: object) -> Iterator[Span]:
    """Yield the links in blocks, however deep."""
    if isinstance(value, tuple):
        for each in value:
            yield from _links_in(each)
    elif isinstance(value, Span):
        if value.url:
            yield value
    else:
        for name in ("spans", "blocks", "items"):
            yield from _links_in(getattr(value, name, ()))


@dataclass(frozen=True)
class _Review:
    """The review of episodes. `counts` says how many segments each topic has."""

    language: Language
    counts: Mapping[str, int]
    renderers: Mapping[str, Callable[[Document], Rendering]]
    folder: Path

    def problems(self, episode: Episode, file: EpisodeFile, *, shown: Episode) -> tuple[Problem, ...]:
        """Return the warnings about the file, from top to bottom, each with a cure that is true.

        The episode is `shown` to people with more than its file says.
        """
        # Because a time may lead into the audio of the feed, the addresses that people see count.
        more = {"audio": shown.audio, "page": shown.page}

        def read(changed: str) -> Mistakes:
            again = read_episode(changed, episode.path)
            if isinstance(again, Mistakes):
                return again
            again = again.model_copy(update=more)
            return _EpisodeReview(self, again, EpisodeFile(file.path, changed.split("\n"))).warnings()

        return _EpisodeReview(self, episode.model_copy(update=more), file).warnings().tried("\n".join(file.lines), read)


class _EpisodeReview:
    """The review of one version of an episode and its file."""

    def __init__(self, review: _Review, episode: Episode, file: EpisodeFile) -> None:
        self._review = review
        self._episode = episode
        self._file = file
        self._warnings = Mistakes(file.path)
        self._slips = Slips(file, self._warnings)
        self._without_source: list[int] = []
        # Because a file that was just changed may have too few titles, line 1 stands for the others.
        self._titles = list(
            itertools.islice(itertools.chain(file.titles(), itertools.repeat(1)), len(episode.segments))
        )

    def warnings(self) -> Mistakes:
        """Return the warnings about the file; their cures are not tried yet."""
        self._title(self._episode.title, self._file.line_of("title"))
        self._audio()
        self._slips.tell()
        self._bare(self._episode.intro, 1)
        seen: dict[str, int] = {}
        titles: dict[tuple[str, ...], int] = {}
        for segment, line in zip(self._episode.segments, self._titles, strict=True):
            self._title(segment.title, line)
            first = titles.setdefault(tuple(fold_words(segment.title)), line)
            if first != line:
                self._warnings.add(
                    line,
                    _("the title is that of line {first} too").format(first=first),
                    _("Say in each what its subject is"),
                )
            self._segment(segment, line)
            self._topics(segment, line)
            self._bare(segment.summary, line)
            at = self._file.sources_below(line)
            for source in segment.sources:
                at = self._file.line_of(source.url, at + 1)
                first = seen.setdefault(source.url, at)
                if first != at:
                    self._warnings.add(
                        at, _("the link stands on line {first} already").format(first=first), _("Keep one of the two")
                    )
        self._sources()
        self._times()
        for found in unclosed_emphasis("\n".join(self._file.lines), self._file.path):
            self._warnings.add(found.line or 1, found.message, found.cure)
        self._lines()
        return self._warnings

    def _audio(self) -> None:
        """Tell a file that cannot come into a chat."""
        try:
            recording(self._episode, self._review.folder, "")
        except RecordingError as error:
            self._warnings.add(self._file.line_of("audio_file"), str(error), _(SMALLER))

    def _sources(self) -> None:
        """Tell the segments without a source once for all, because a subject may have none."""
        if not self._without_source:
            return
        first, *others = self._without_source
        message = _("the segment has no source")
        if others:
            message = _("the segments on {lines} have no source").format(lines=named_lines(self._without_source))
        self._warnings.add(
            first, message, _("Add 'Sources :' and a list of links below the text of each that has some")
        )

    def _times(self) -> None:
        """Tell the times that are in no order or lead nowhere, and those that stand in a title."""
        before, first = 0, 0
        for segment, line in zip(self._episode.segments, self._titles, strict=True):
            if loose := LOOSE_TIME.search(segment.title):
                written = self._file.lines[line - 1]
                title = " ".join(segment.title.replace(loose[0], " ").split())
                mended = f"## {title} {{#{ascii_slug(title)} at={loose['time']}}}"
                self._warnings.add(
                    line,
                    _("the title shows '{mark}' to everybody").format(mark=loose[0]),
                    Change(_("Write '{mended}'").format(mended=mended), ((line, written, mended),)),
                    _("Put it behind the name for links, as in {#netflix at=12:34}"),
                )
            if segment.begins is None:
                continue
            first = first or line
            if segment.begins < before:
                message = _("the subject begins at {time}, before the one above, which begins at {before}")
                message = message.format(time=time_of(segment.begins), before=time_of(before))
                self._warnings.add(line, message, _("Compare both times with the recording"))
            before = segment.begins
        if first and not (self._episode.audio or is_player(self._episode.page or "")):
            self._warnings.add(
                first,
                _("the times lead nowhere, because the episode has no audio"),
                _("Write the address of the recording into the front matter, as in audio: https://…"),
            )

    def _title(self, title: str, line: int) -> None:
        if len(title) > TITLE_ON_PHONE:
            message = _(
                "the title is {title} characters long, and a phone shows about {title_on_phone} of them"
            ).format(title=len(title), title_on_phone=TITLE_ON_PHONE)
            self._warnings.add(
                line,
                message,
                _("Say it in {title_on_phone} characters, the name first").format(title_on_phone=TITLE_ON_PHONE),
            )
        if title.isupper() and sum(map(str.isalpha, title)) >= _CAPITALS:
            self._warnings.add(
                line, _("the title is in capitals, which read as shouting"), _("Write it in small letters")
            )

    def _segment(self, segment: Segment, line: int) -> None:
        below = self._below(line)
        # Because an import leaves a remark about it, which is told too, the warning would say the same again.
        if (
            not segment.sources
            and not self._slips.sources & set(below)
            and not any(
                _ON_SOURCE.search(remark[1]) for at in below for remark in _REMARK.finditer(self._file.lines[at - 1])
            )
        ):
            self._without_source.append(line)
        if not segment.topics and not self._slips.topics & set(below):
            cure = _("Write some right below its title, as in #netflix #streaming")
            self._warnings.add(line, _("the segment has no topic, by which people would find or choose it"), cure)
        written = self._file.lines[line - 1]
        typed = _TYPED_NUMBER.match(written)
        own = {str(segment.number), *_ROMAN[segment.number : segment.number + 1]}
        if typed and (typed["number"] in own or (typed["number"].isdecimal() and typed["sign"] in _COUNTING)):
            mended = typed["begin"] + written[typed.end() :]
            message = _("the title begins with a number, and messages number the subjects themselves")
            cure = _("Take the number out, or write it in words")
            self._warnings.add(
                line, message, Change(_("Write '{mended}'").format(mended=mended), ((line, written, mended),)), cure
            )
        if fold_words(segment.text) == fold_words(segment.title):
            cure = _("Write some sentences below the title")
            self._warnings.add(line, _("the summary says the title again and no more"), cure)
        if segment.image and (FILE_NAME.search(segment.image.alt) or _NO_DESCRIPTION.fullmatch(segment.image.alt)):
            at = self._file.line_of(segment.image.alt, line)
            message = _("'{alt}' is the name of a file, not the description of an image").format(alt=segment.image.alt)
            self._warnings.add(at, message, _("Say what it shows, for those who cannot see it"))
        if len(segment.text) > _PERHAPS_TOO_LONG:
            document = Formatter("", words(self._review.language)).segment(self._episode, segment)
            for name, render in self._review.renderers.items():
                if (count := len(render(document).messages)) > 1:
                    message = _("the summary of {text} characters takes {count} messages on {name}").format(
                        text=len(segment.text), count=count, name=name
                    )
                    self._warnings.add(line, message, _("Shorten it: 300 to 900 characters read well on a phone"))

    def _below(self, title: int) -> range:
        """Return the lines of the segment with a title on that line, by their numbers."""
        return range(title + 1, next((at for at in self._titles if at > title), len(self._file.lines) + 1))

    def _bare(self, blocks: Sequence[Block], line: int) -> None:
        """Tell the bare addresses in the text, which begins at a line."""
        sources = min(self._slips.sources & set(self._below(line)), default=len(self._file.lines) + 1)
        at = line
        for span in _links_in(blocks):
            if span.text.startswith(("http://", "https://")):
                at = self._file.line_of(span.text, at)
                # Because sources without their line are told already, their addresses in the text are the same slip.
                if at not in self._slips.lines and at < sources:
                    message = _("the address {text} would be shown in full in the text").format(text=span.text)
                    cure = _("Write [some words]({text}), or put it into the sources").format(text=span.text)
                    self._warnings.add(at, message, cure)

    def _topics(self, segment: Segment, line: int) -> None:
        counts = self._review.counts
        common = [topic for topic, count in counts.items() if count >= _COMMON]
        for topic in segment.topics:
            if topic in common or len(topic) < _SHORTEST_TOPIC:
                continue
            if near := likest(topic, common, _MISSPELT):
                message = _("the topic '{topic}' looks like '{near}', which {counts} segments have").format(
                    topic=topic, near=near, counts=counts[near]
                )
                cure = _("Write #{near}, if that is what it means").format(near=near)
                self._warnings.add(self._file.line_of("#", line + 1), message, cure)

    def _lines(self) -> None:
        """Review single lines: remarks and typography."""
        body = self._file.body()
        ending = "" if self._episode.status is Status.DRAFT else _(", and the episode is no draft any more")
        for at, (raw, prose) in enumerate(zip(self._file.lines, self._file.prose(), strict=True), start=1):
            for remark in _REMARK.finditer(raw):
                message = _("a remark stands here{ending}: {value}").format(
                    ending=ending, value=remark[1].rstrip().rstrip(". ")
                )
                self._warnings.add(at, message, _("See to it and delete it"))
            is_text = at >= body and not SOURCES_LINE.fullmatch(raw.strip())
            # Because a line with a slip is about to be written anew, its spaces can wait.
            is_told = at in self._slips.lines
            if self._review.language is Language.FRENCH and not is_told and (is_text or raw.startswith("title:")):
                self._typography(prose if at >= body else prose.removeprefix("title:"), at, is_text=is_text)

    def _typography(self, prose: str, line: int, *, is_text: bool) -> None:
        text = "" if TOPICS_LINE.fullmatch(prose.strip()) else _NOT_TEXT.sub("", prose)
        for pattern, what, cure in _TYPOGRAPHY:
            # Because YAML needs straight quotation marks, they are no slip in the front matter.
            if pattern.search(text) and (is_text or what != _TYPOGRAPHY[1][1]):
                self._warnings.add(line, _(what), _(cure))
