"""An episode as the team wrote it: frozen, checked, and free of any platform."""

from __future__ import annotations

import datetime as dt
import enum
import functools
from pathlib import Path

from pydantic import BaseModel, ConfigDict, PositiveInt

from bot.model.document import Block, Picture, plain


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Status(enum.StrEnum):
    """Whether an episode may leave the house."""

    READY = "ready"
    DRAFT = "draft"
    """Never sent, never shown to anybody but the team."""


class Source(_Frozen):
    """Where a fact comes from."""

    title: str
    url: str


class Segment(_Frozen):
    """One subject of an episode.

    `number` is its place in the episode, from 1, and stays with it when a reader sees only some of the segments.
    """

    number: PositiveInt
    slug: str
    title: str
    topics: tuple[str, ...] = ()
    summary: tuple[Block, ...]
    sources: tuple[Source, ...] = ()
    image: Picture | None = None

    @functools.cached_property
    def text(self) -> str:
        """The summary's words, without style."""
        return plain(self.summary)

    @functools.cached_property
    def length(self) -> int:
        """About as many characters as it takes in a message, addresses included."""
        sources = sum(len(source.title) + len(source.url) for source in self.sources)
        return len(self.title) + len(self.text) + (len(self.image.alt) if self.image else 0) + sources


class Episode(_Frozen):
    """One Monday's recap. `path` is the file it was read from, relative to the content folder."""

    number: PositiveInt
    title: str
    date: dt.date
    intro: tuple[Block, ...] = ()
    audio: str | None = None
    page: str | None = None
    status: Status = Status.READY
    segments: tuple[Segment, ...]
    path: Path
