"""All episodes of the content folder, and the ways to find one: by number, date, topic and words."""

from __future__ import annotations

import datetime as dt
import functools
from collections import Counter
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING

from rapidfuzz import fuzz, process

from bot.content.folder import Folder
from bot.content.search import WordIndex, wanted
from bot.model.episode import Status
from bot.model.problems import Problem
from bot.model.text import fold_words, normalise_topic

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from bot.content.folder import Version
    from bot.model.episode import Episode, Segment

# Enough to find 'tiktok' in 'tik tock' and 'instagram' in 'insta'.
_NEAR_ENOUGH = 65

# A shorter spelling is near everything.
_SHORTEST_SPELLING = 3

_NO_ALIASES: Mapping[str, Sequence[str]] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class BrokenFile:
    """A file with mistakes. `version` tells this state of it from any other; `modified` is None where nobody knows.

    `in_use` says whether an earlier, good version of it goes on counting.
    """

    version: str
    modified: dt.datetime | None
    problems: tuple[Problem, ...]
    in_use: bool


@dataclass(frozen=True, eq=False)
class Archive:
    """A snapshot of the content folder; a reload makes another one.

    Readers see an episode that is no draft and not dated after `on`, the day they ask; None stands for any day.
    `episodes` holds the others too, the newest first, and `problems` what is wrong in the files, for the admin.
    """

    episodes: tuple[Episode, ...]
    problems: tuple[Problem, ...]
    folder: Path
    content: Folder = field(repr=False)
    """What the next reload starts from."""
    aliases: Mapping[str, Sequence[str]] = field(repr=False)

    @classmethod
    def load(
        cls, folder: Path, aliases: Mapping[str, Sequence[str]] = _NO_ALIASES, previous: Archive | None = None
    ) -> Archive:
        """Read the episode files of a folder; `aliases` lists the other names of each topic.

        With the archive that was loaded `previous`ly, only the files that changed since are read, and where a file has
        become bad or unreadable its last good version stays. Nothing is raised: `problems` says what is wrong.
        """
        content = Folder.read(folder, previous.content if previous else Folder())
        if previous and (previous.folder, previous.content, previous.aliases) == (folder, content, aliases):
            return previous
        found, duplicates = _without_duplicates(folder, content)
        names = _names(aliases)
        renamed = (_renamed(episode, names) for episode in found)
        return cls(
            episodes=tuple(sorted(renamed, key=lambda episode: (episode.date, episode.number), reverse=True)),
            problems=(
                *content.problems,
                *(problem for version in content.versions.values() for problem in version.problems),
                *duplicates,
            ),
            folder=folder,
            content=content,
            aliases=aliases,
        )

    def broken(self) -> list[BrokenFile]:
        """The files in which something is wrong, each with all that is; not those that somebody is still writing."""
        files: dict[Path, list[Problem]] = {}
        for problem in self.problems:
            files.setdefault(problem.path, []).append(problem)
        versions = {self.folder / path: version for path, version in self.content.versions.items()}
        return [
            _broken(path, tuple(problems), version)
            for path, problems in files.items()
            if (version := versions.get(path)) is None or not version.is_unfinished
        ]

    def get(self, number: int) -> Episode | None:
        """The episode of that number, be it a draft or still to come."""
        return next((episode for episode in self.episodes if episode.number == number), None)

    def latest(self, on: dt.date | None = None) -> Episode | None:
        """Return the newest episode that readers see."""
        return next(iter(self.published(on)), None)

    def published(self, on: dt.date | None = None) -> list[Episode]:
        """Return the episodes that readers see, the newest first."""
        return [
            episode
            for episode in self.episodes
            if episode.status is not Status.DRAFT and (on is None or episode.date <= on)
        ]

    def topics(self, on: dt.date | None = None) -> dict[str, int]:
        """Return the number of segments on each topic that readers see, the most frequent topic first."""
        counts = Counter(
            topic for episode in self.published(on) for segment in episode.segments for topic in segment.topics
        )
        return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))

    def topic(self, name: str, on: dt.date | None = None) -> list[tuple[Episode, Segment]]:
        """Return the segments on a topic that readers see, the newest first; `name` as `resolve_topic` gives it."""
        return [
            (episode, segment)
            for episode, segment in self._segments
            if name in segment.topics and (on is None or episode.date <= on)
        ]

    def resolve_topic(self, text: str) -> str | None:
        """Return the topic that somebody means who typed it in any way; None if no such topic exists."""
        return self.spellings.get(normalise_topic(text))

    @functools.cached_property
    def spellings(self) -> Mapping[str, str]:
        """Every topic by its own name and by its aliases, all as `normalise_topic` gives them."""
        names = _names(self.aliases)
        known = {topic for _episode, segment in self._segments for topic in segment.topics} | set(names.values())
        return {topic: topic for topic in sorted(known)} | names

    def nearest_topics(self, text: str, limit: int = 3) -> list[str]:
        """The topics that somebody may mean who typed something else, the likeliest first."""
        candidates = [spelling for spelling in self.spellings if len(spelling) >= _SHORTEST_SPELLING]
        near = process.extract(
            normalise_topic(text), candidates, scorer=fuzz.WRatio, score_cutoff=_NEAR_ENOUGH, limit=None
        )
        return list(dict.fromkeys(self.spellings[spelling] for spelling, _score, _index in near))[:limit]

    def search(self, text: str, on: dt.date | None = None) -> list[tuple[Episode, Segment]]:
        """The segments that readers see and that hold every word of the text, the best first.

        Accents and case do not matter, and a word may be only begun. Titles, topics, summaries and the titles of
        sources are searched; a word in a title or a topic counts for more.
        """
        found = self._index.find(wanted(text))
        # Because the places count from the newest segment, equals stay the newest first.
        hits = (self._segments[place] for place in sorted(found, key=lambda place: (-found[place], place)))
        return [(episode, segment) for episode, segment in hits if on is None or episode.date <= on]

    def prepare(self) -> None:
        """Make the index that the first search needs, which takes a second with a thousand episodes."""
        self._index  # noqa: B018 - looking is what makes it

    @functools.cached_property
    def _segments(self) -> list[tuple[Episode, Segment]]:
        """The segments of every episode but drafts, the newest episode first."""
        return [(episode, segment) for episode in self.published() for segment in episode.segments]

    @functools.cached_property
    def _index(self) -> WordIndex:
        versions = self.content.versions
        # The words of its aliases find a topic too.
        finding = {
            normalise_topic(topic): {normalise_topic(topic), *fold_words(" ".join(others))}
            for topic, others in self.aliases.items()
        }
        return WordIndex(
            (
                versions[episode.path].words[segment.number - 1],
                {word for topic in segment.topics for word in finding.get(topic, (topic,))},
            )
            for episode, segment in self._segments
        )


def _names(aliases: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """Return the canonical topic of each alias, both normalised; a canonical topic is its own alias."""
    spellings = ((spelling, topic) for topic, others in aliases.items() for spelling in (topic, *others))
    names = {normalise_topic(spelling): normalise_topic(topic) for spelling, topic in spellings}
    return {spelling: topic for spelling, topic in names.items() if spelling}


def _broken(path: Path, problems: tuple[Problem, ...], version: Version | None) -> BrokenFile:
    stamp = None if version is None else version.stamp
    return BrokenFile(
        version=f"{path} {stamp}",
        modified=None if stamp is None else dt.datetime.fromtimestamp(stamp[0] / 1e9, dt.UTC),
        problems=problems,
        in_use=version is not None and version.episode is not None,
    )


def _renamed(episode: Episode, names: Mapping[str, str]) -> Episode:
    """The episode with canonical topics."""
    topics = [tuple(dict.fromkeys(names.get(topic, topic) for topic in segment.topics)) for segment in episode.segments]
    if topics == [segment.topics for segment in episode.segments]:
        return episode
    renamed = zip(episode.segments, topics, strict=True)
    return episode.model_copy(update={"segments": tuple(s.model_copy(update={"topics": t}) for s, t in renamed)})


def _without_duplicates(folder: Path, content: Folder) -> tuple[list[Episode], list[Problem]]:
    """The good episodes, of each number the first one by path, and what there is to say about the others.

    A draft never takes the place of an episode that readers see.
    """
    accepted: dict[int, tuple[Episode, int]] = {}
    problems: list[Problem] = []
    found = [(version.episode, version.number_line) for version in content.versions.values() if version.episode]
    for episode, line in sorted(found, key=lambda each: each[0].status is Status.DRAFT):
        first, first_line = accepted.setdefault(episode.number, (episode, line))
        if first is not episode:
            for this, at, other, fate in (
                (first, first_line, episode, "this file is the one that counts"),
                (episode, line, first, "this file is left out"),
            ):
                message = f"the number {episode.number} is also that of {folder / other.path}"
                cure = f"Give one of the two another number; until then {fate}"
                problems.append(Problem(folder / this.path, message, cure, at))
    return [episode for episode, _line in accepted.values()], problems
