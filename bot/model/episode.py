"""An episode as the team wrote it: frozen, checked, and free of any platform."""

import datetime as dt
import enum
import functools
import re
from pathlib import Path

from pydantic import BaseModel, NonNegativeInt, PositiveInt

from bot.model.document import Block, Picture, plain


class Status(enum.StrEnum):
    """The readiness of an episode for readers."""

    READY = "ready"
    DRAFT = "draft"
    """Never sent, and shown to the team only."""


_TIME = re.compile(r"(?:(?P<hours>\d{1,2}):(?=\d\d:))?(?P<minutes>\d{1,3}):(?P<seconds>[0-5]\d)", re.ASCII)


def seconds_in(time: str) -> int | None:
    """Return the seconds of a time of a recording, as in `12:34` or `1:02:03`; None for any other text."""
    found = _TIME.fullmatch(time)
    if found is None or (found["hours"] and int(found["minutes"]) >= 60):  # noqa: PLR2004 - minutes of an hour
        return None
    return (int(found["hours"] or 0) * 60 + int(found["minutes"])) * 60 + int(found["seconds"])


def time_of(seconds: int) -> str:
    """Return the time of a recording as people write it."""
    minutes, second = divmod(seconds, 60)
    hour, minute = divmod(minutes, 60)
    return f"{hour}:{minute:02}:{second:02}" if hour else f"{minute}:{second:02}"


class Source(BaseModel, frozen=True, extra="forbid"):
    """A page on which a segment rests."""

    title: str
    url: str


class Segment(BaseModel, frozen=True, extra="forbid"):
    """One subject of an episode. `number` is its place in the whole episode, from 1."""

    number: PositiveInt
    slug: str
    title: str
    topics: tuple[str, ...] = ()
    hashtags: tuple[str, ...] = ()
    """The topics as the team writes them, without the sign."""
    summary: tuple[Block, ...]
    sources: tuple[Source, ...] = ()
    image: Picture | None = None
    begins: NonNegativeInt | None = None
    """The seconds of the recording before the subject, if the team says them."""

    @functools.cached_property
    def text(self) -> str:
        """The summary's words, without style."""
        return plain(self.summary)

    @functools.cached_property
    def length(self) -> int:
        """The approximate number of characters of the segment in a message, addresses included."""
        sources = sum(len(source.title) + len(source.url) for source in self.sources)
        return len(self.title) + len(self.text) + (len(self.image.alt) if self.image else 0) + sources


class Episode(BaseModel, frozen=True, extra="forbid"):
    """One Monday's recap. `path` is its file, relative to the content folder."""

    number: PositiveInt
    title: str
    date: dt.date
    intro: tuple[Block, ...] = ()
    audio: str | None = None
    audio_file: str | None = None
    """The recording's file, seen from the content folder."""
    page: str | None = None
    status: Status = Status.READY
    segments: tuple[Segment, ...]
    path: Path
