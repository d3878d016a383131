"""An episode as the team wrote it: frozen, checked, and free of any platform."""

import datetime as dt
import enum
import functools
from pathlib import Path

from pydantic import BaseModel, PositiveInt

from bot.model.document import Block, Picture, plain


class Status(enum.StrEnum):
    """The readiness of an episode for readers."""

    READY = "ready"
    DRAFT = "draft"
    """Never sent, and shown to the team only."""


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
    page: str | None = None
    status: Status = Status.READY
    segments: tuple[Segment, ...]
    path: Path
