"""The archive: all episodes of the content folder, found by number, date, topic and words."""

from __future__ import annotations

import dataclasses
import datetime as dt
import functools
import itertools
from collections import Counter
from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

from bot.content.feed import with_feed
from bot.content.folder import Folder, Version, original_of
from bot.content.search import WordIndex, wanted
from bot.model.episode import Episode, Segment, Status
from bot.model.facts import FileBroken
from bot.model.feed import NO_FEED, KnownFeed
from bot.model.i18n import gettext as _
from bot.model.problems import Problem
from bot.model.text import canonical, fold_words, normalise_topic

# The likeness, from 0 to 100, that finds 'tiktok' in 'tik tock' and 'instagram' in 'insta'.
_NEAR_ENOUGH = 65

# Letters. Because a shorter spelling is near every text, it would always be offered.
_SHORTEST_SPELLING = 3

_NO_ALIASES: Mapping[str, Sequence[str]] = MappingProxyType({})


@dataclass(frozen=True, eq=False)
class Archive:
    """A snapshot of the content folder; a reload makes another one.

    Readers see an episode that is no draft and not dated after `on`, the day of their question; None means any day.
    `episodes` holds drafts and future episodes too, the newest first. `problems` are the mistakes in the files.
    """

    episodes: tuple[Episode, ...]
    problems: tuple[Problem, ...]
    folder: Path
    content: Folder = field(repr=False)
    """The files as they were read; the next reload reads only the others."""
    aliases: Mapping[str, Sequence[str]] = field(repr=False)
    copies: frozenset[Path] = frozenset()
    """The files that are copies of others, by their names. None of them counts."""
    former: WordIndex | None = field(default=None, repr=False)
    """The index of the archive before, if that one was searched."""
    feed: KnownFeed = field(default=NO_FEED, repr=False)
    """The feed, from which the episodes have what their files lack."""

    @classmethod
    def load(
        cls,
        folder: Path,
        aliases: Mapping[str, Sequence[str]] = _NO_ALIASES,
        previous: Archive | None = None,
        feed: KnownFeed = NO_FEED,
    ) -> Archive:
        """Read the episode files of a folder; `aliases` lists the other names of each topic.

        With the `previous` archive, only the files that changed since are read. A file that has become bad or
        unreadable keeps its last good version. Nothing is raised: mistakes go to `problems`.
        """
        content = Folder.read(folder, previous.content if previous else Folder())
        known = (folder, content, aliases, feed)
        if previous and (previous.folder, previous.content, previous.aliases, previous.feed) == known:
            return previous
        in_use = {episode.path for episode in previous.episodes} if previous else set()
        found, copies, problems = _sorted_out(folder, content, in_use)
        names = canonical(aliases)
        renamed = [_renamed(episode, names) for episode in found] if names else found
        shown = with_feed(renamed, feed.items) if feed.items else renamed
        return cls(
            episodes=tuple(sorted(shown, key=lambda episode: (episode.date, episode.number), reverse=True)),
            problems=problems,
            folder=folder,
            content=content,
            aliases=aliases,
            copies=copies,
            former=vars(previous).get("_index", previous.former) if previous else None,
            feed=feed,
        )

    def problems_again(self) -> tuple[Problem, ...]:
        """Return the problems in the language in which the program speaks to the team now."""
        # Because a problem keeps its words, the files with mistakes are read again, and no other.
        versions = {
            path: dataclasses.replace(version, stamp=None) if version.problems else version
            for path, version in self.content.versions.items()
        }
        content = Folder.read(self.folder, dataclasses.replace(self.content, versions=versions))
        return _sorted_out(self.folder, content, {episode.path for episode in self.episodes})[2]

    def broken(self) -> list[tuple[FileBroken, dt.datetime | None]]:
        """Return each file with mistakes, except unfinished ones, and the time of its change; None if unknown."""
        used = {self.folder / episode.path for episode in self.episodes}
        copies = {self.folder / copy for copy in self.copies}
        files: dict[Path, list[Problem]] = {}
        for problem in self.problems:
            files.setdefault(problem.path, []).append(problem)
        versions = {self.folder / path: version for path, version in self.content.versions.items()}
        found = []
        for path, problems in files.items():
            version = versions.get(path, Version(None, None))
            if path in copies or not version.is_unfinished:
                in_use = None if path in copies else path in used
                fact = FileBroken(f"{path} {version.stamp}", problems, in_use=in_use)
                found.append((fact, version.modified))
        return found

    def get(self, number: int) -> Episode | None:
        """Return the episode of that number, drafts and future episodes included."""
        return next((episode for episode in self.episodes if episode.number == number), None)

    def modified(self, episode: Episode) -> dt.datetime | None:
        """Return when the episode's file was changed last; None if unknown."""
        version = self.content.versions.get(episode.path)
        return None if version is None else version.modified

    def latest(self, on: dt.date | None = None) -> Episode | None:
        """Return the newest episode that readers see."""
        return next(self._seen(on), None)

    def published(self, on: dt.date | None = None) -> list[Episode]:
        """Return the episodes that readers see, the newest first."""
        return list(self._seen(on))

    def _seen(self, on: dt.date | None) -> Iterator[Episode]:
        shown = (episode for episode in self.episodes if episode.status is not Status.DRAFT)
        return (episode for episode in shown if on is None or episode.date <= on)

    def is_from_feed(self, episode: Episode) -> bool:
        """Return whether the episode is a draft that the bot has made of an item of the feed."""
        return episode.status is Status.DRAFT and episode.path.as_posix() in self.feed.drafts.values()

    def topics(self, on: dt.date | None = None) -> dict[str, int]:
        """Return the number of segments on each topic that readers see, the most frequent topic first."""
        counts = Counter(
            topic for episode in self.published(on) for segment in episode.segments for topic in segment.topics
        )
        return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))

    def topic(self, name: str, on: dt.date | None = None) -> list[tuple[Episode, Segment]]:
        """Return the segments on a topic that readers see, the newest first; `name` as `resolve_topic` gives it."""
        hits = self._by_topic.get(name, ())
        return [(episode, segment) for episode, segment in hits if on is None or episode.date <= on]

    def resolve_topic(self, text: str) -> str | None:
        """Return the topic of a text in any spelling; None if no such topic exists."""
        return self.spellings.get(normalise_topic(text))

    def hashtag(self, topic: str) -> str:
        """Return the topic with its sign, in the spelling that the team uses most."""
        return f"#{self._written.get(topic, topic)}"

    @functools.cached_property
    def _written(self) -> Mapping[str, str]:
        """Each topic as the team writes it: in the files as a rule, the newest of equals, else in the config."""
        counts = Counter(written for _episode, segment in self._segments for written in segment.hashtags)
        in_files: dict[str, str] = {}
        # Because `most_common` keeps the order of equals, the newest of them comes first.
        for written, _count in counts.most_common():
            in_files.setdefault(normalise_topic(written), written)
        return {normalise_topic(topic): "".join(topic.split()) for topic in self.aliases} | in_files

    @functools.cached_property
    def spellings(self) -> Mapping[str, str]:
        """Every topic by its own name and by its aliases, all as `normalise_topic` gives them."""
        names = canonical(self.aliases)
        known = {topic for _episode, segment in self._segments for topic in segment.topics} | set(names.values())
        return {topic: topic for topic in sorted(known)} | names

    def nearest_topics(self, text: str, limit: int = 3) -> list[str]:
        """Return the topics that a text without a topic may mean, the likeliest first."""
        from rapidfuzz import fuzz, process  # noqa: PLC0415 - as in `bot.config.problems`

        candidates = [spelling for spelling in self.spellings if len(spelling) >= _SHORTEST_SPELLING]
        near = process.extract(
            normalise_topic(text), candidates, scorer=fuzz.WRatio, score_cutoff=_NEAR_ENOUGH, limit=None
        )
        return list(dict.fromkeys(self.spellings[spelling] for spelling, _score, _index in near))[:limit]

    def search(self, text: str, on: dt.date | None = None) -> list[tuple[Episode, Segment]]:
        """Return the segments that readers see and that hold every word of the text, the best first.

        Accents and case do not matter, and the beginning of a word is enough. Titles, topics, summaries and the titles
        of sources are searched; a word in a title or a topic counts for more.
        """
        found = self._index.find(wanted(text))
        # Because the places count from the newest segment, equals stay the newest first.
        hits = (self._segments[place] for place in sorted(found, key=lambda place: (-found[place], place)))
        return [(episode, segment) for episode, segment in hits if on is None or episode.date <= on]

    def prepare(self) -> None:
        """Make what the first answers need, which takes a second with a thousand episodes."""
        self._index, self._written  # noqa: B018 - the look makes it

    @functools.cached_property
    def _segments(self) -> list[tuple[Episode, Segment]]:
        """The segments of every episode but drafts, the newest episode first."""
        return [(episode, segment) for episode in self.published() for segment in episode.segments]

    @functools.cached_property
    def _by_topic(self) -> dict[str, list[tuple[Episode, Segment]]]:
        found: dict[str, list[tuple[Episode, Segment]]] = {}
        for episode, segment in self._segments:
            for topic in segment.topics:
                found.setdefault(topic, []).append((episode, segment))
        return found

    @functools.cached_property
    def _index(self) -> WordIndex:
        versions = self.content.versions
        # The words of its aliases find a topic too.
        finding = {
            normalise_topic(topic): (normalise_topic(topic), *fold_words(" ".join(others)))
            for topic, others in self.aliases.items()
        }
        contents = (
            (
                versions[episode.path].words[segment.number - 1],
                tuple(word for topic in segment.topics for word in finding.get(topic, (topic,))),
            )
            for episode, segment in self._segments
        )
        return WordIndex(contents, self.former)


def _renamed(episode: Episode, names: Mapping[str, str]) -> Episode:
    """Return the episode with canonical topics."""
    topics = [tuple(dict.fromkeys(names.get(topic, topic) for topic in segment.topics)) for segment in episode.segments]
    if topics == [segment.topics for segment in episode.segments]:
        return episode
    renamed = zip(episode.segments, topics, strict=True)
    return episode.model_copy(update={"segments": tuple(s.model_copy(update={"topics": t}) for s, t in renamed)})


def _sorted_out(
    folder: Path, content: Folder, in_use: Container[Path]
) -> tuple[list[Episode], frozenset[Path], tuple[Problem, ...]]:
    """Return the good episodes, each number once, the copies among the files, and all problems.

    A copy never takes the place of its original, nor a draft that of an episode that readers see, nor any file that of
    one that is `in_use` already. Else the first file by path counts.
    """
    claims: dict[int, list[Path]] = {}
    for path, version in content.versions.items():
        if version.number is not None:
            claims.setdefault(version.number, []).append(path)
    alike = {path: others for others in claims.values() if len(others) > 1 for path in others}
    copies = {path: original for path, others in alike.items() if (original := original_of(path, others))}
    accepted: dict[int, Path] = {}
    # Because a copy is to be deleted, nobody needs to mend its mistakes.
    own = (version.problems for path, version in content.versions.items() if path not in copies)
    problems = [*content.problems, *itertools.chain.from_iterable(own)]
    for path, original in copies.items():
        message = _("this file is a copy of {folder}, which is the one that counts; this one is left out").format(
            folder=folder / original
        )
        cure = _("Take over into {name} what you want to keep, and delete this one").format(name=original.name)
        problems.append(Problem(folder / path, message, cure))
    found = [version.episode for path, version in content.versions.items() if version.episode and path not in copies]
    for episode in sorted(found, key=lambda each: (each.status is Status.DRAFT, each.path not in in_use)):
        first = accepted.setdefault(episode.number, episode.path)
        if first != episode.path:
            for this, other, fate in (
                (first, episode.path, _("this file is the one that counts")),
                (episode.path, first, _("this file is left out")),
            ):
                message = _("the number {number} is also that of {folder}").format(
                    number=episode.number, folder=folder / other
                )
                cure = _("Give one of the two another number; until then {fate}").format(fate=fate)
                problems.append(Problem(folder / this, message, cure, content.versions[this].number_line))
    kept = set(accepted.values())
    return [episode for episode in found if episode.path in kept], frozenset(copies), tuple(problems)
