"""The feed beside the episode files: which item is which episode, and what a file that lacks it gets from the feed."""

from __future__ import annotations

import contextlib
import datetime as dt
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from bot.content.folder import replace_text
from bot.content.parser import parse_episode
from bot.model.episode import Episode, Segment, Status
from bot.model.feed import FeedItem
from bot.model.i18n import gettext as _
from bot.model.plaintext import decoded
from bot.model.problems import ExpectedError, InvalidInputError
from bot.model.text import fold_words

_SAME_SUBJECT = 80
"""The likeness, from 0 to 100, of a title and a chapter that has most of its words."""
_NAME = 4
"""Letters of a name; a shorter word is often an article."""
_SPACE = rb"(?:[ \t]|\xc2\xa0|\xe2\x80\xaf)*"
"""Spaces and tabs, and the no-break spaces that French keyboards type, in UTF-8."""
_DRAFT = re.compile(
    rb"^(\t*[\"']?status[\"']?" + _SPACE + rb":" + _SPACE + rb"[\"']?)draft\b", re.MULTILINE | re.IGNORECASE
)


class Items:
    """The items of a feed, found by the episode that each of them is."""

    def __init__(self, items: Iterable[FeedItem]) -> None:
        self._by: dict[object, list[FeedItem]] = {}
        for item in items:
            # Where a show numbers its episodes, two of one day are two.
            day = None if item.number else item.day
            for name in filter(None, (item.number, item.audio, item.page, _folded(item.title), day)):
                self._by.setdefault(name, []).append(item)

    def of(self, episode: Episode) -> FeedItem | None:
        """Return the item of the episode: by its number, else its addresses, its title, or its day; None without any.

        Because each season may count from 1, the nearest in time of several is meant. An address or a day that several
        items have says nothing.
        """
        if numbered := self._by.get(episode.number):
            return min(numbered, key=lambda item: abs((item.day or dt.date.max) - episode.date))
        names = (episode.audio, episode.page, _folded(episode.title), episode.date)
        found = (self._by.get(name, ()) for name in names if name)
        return next((items[0] for items in found if len(items) == 1), None)


def with_feed(episodes: Iterable[Episode], items: Iterable[FeedItem]) -> Iterator[Episode]:
    """Yield the episodes, each with the audio, the page and the times of the feed where its file has none."""
    found = Items(items)
    for episode in episodes:
        if (item := found.of(episode)) is None:
            yield episode
            continue
        update: dict[str, object] = {"audio": episode.audio or item.audio or None}
        update["page"] = episode.page or item.page or None
        if item.chapters:
            update["segments"] = _with_times(episode.segments, dict(item.chapters))
        yield episode.model_copy(update=update)


def _with_times(segments: tuple[Segment, ...], chapters: Mapping[int, str]) -> tuple[Segment, ...]:
    """Return the segments with the beginnings of the chapters that are alike, if then all are in order."""
    timed, last = [], -1
    for segment in segments:
        begins, title = segment.begins, fold_words(segment.title)
        if begins is None:
            near = [(_likeness(title, fold_words(chapter)), -at) for at, chapter in chapters.items() if at > last]
            likeness, at = max(near, default=(0, 0))
            begins = -at if likeness >= _SAME_SUBJECT else None
        elif begins <= last:
            return segments
        last = last if begins is None else begins
        timed.append(segment.model_copy(update={"begins": begins}))
    return tuple(timed)


def _likeness(title: Sequence[str], chapter: Sequence[str]) -> float:
    """Return how likely a chapter is the subject with that title, from 0 to 100: a title begins with its name."""
    if title[:1] == chapter[:1] and len("".join(title[:1])) >= _NAME:
        return 100
    from rapidfuzz import fuzz  # noqa: PLC0415 - as in `bot.config.problems`

    return fuzz.token_set_ratio(" ".join(title), " ".join(chapter))


def make_ready(file: Path, episode: Episode) -> bool:
    """Write into the file of an episode, as it was last read, that it is no draft any more.

    Returns:
        False if the file has changed since.

    Raises:
        OSError: the file cannot be read or written.
        ExpectedError: nobody can tell where the file calls itself a draft.
    """
    data = file.read_bytes()
    ready = _DRAFT.sub(rb"\1ready", data, count=1)
    if _read(data, file, episode) != episode:
        return False
    if _read(ready, file, episode) != episode.model_copy(update={"status": Status.READY}):
        raise ExpectedError(_("the line {line} is not found").format(line="`status: draft`"))
    replace_text(file, ready)
    return True


def _read(data: bytes, file: Path, episode: Episode) -> Episode | None:
    with contextlib.suppress(InvalidInputError):
        return parse_episode(decoded(data, file), episode.path)
    return None


def _folded(text: str) -> str:
    return " ".join(fold_words(text))
