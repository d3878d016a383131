"""Show notes as lines, whatever they were written in."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import datetime as dt

    from bot.model.document import Picture

BOLD_LEVEL = 6
"""The level of a paragraph that is bold from its first letter to its last: a title that does not say so."""


@dataclass(frozen=True, slots=True)
class Link:
    """An address, with the words it stood under; empty when it stood by itself."""

    title: str
    url: str


@dataclass(frozen=True, slots=True)
class Line:
    """A line of notes: its words, and apart from them where it leads."""

    text: str
    level: int = 0
    """Of a title that says that it is one, from 1; 0 for any other line."""
    item: bool = False
    """One of a list."""
    after_gap: bool = False
    """A blank line stands above it."""
    links: tuple[Link, ...] = ()
    images: tuple[Picture, ...] = ()


@dataclass(frozen=True, slots=True)
class Notes:
    """Show notes, and what came with them."""

    lines: tuple[Line, ...]
    title: str = ""
    number: int | None = None
    date: dt.date | None = None
    audio: str = ""
    page: str = ""


@dataclass(slots=True)
class Subject:
    """One subject that the notes speak of."""

    announced: str = ""
    """What the teaser calls it."""
    heading: str = ""
    """What stands above its text."""
    lines: list[Line] = field(default_factory=list)
    links: list[Link] = field(default_factory=list)
    images: list[Picture] = field(default_factory=list)


@dataclass(slots=True)
class Outline:
    """What the notes say, by subject."""

    number: int | None
    date: dt.date | None
    title: str = ""
    """What stands beside the number, when it is no list of subjects."""
    teaser: str = ""
    """The line that lists the subjects."""
    lead_is_subject: bool = False
    """The teaser's first words name the first subject."""
    lead: str = ""
    """What the teaser says before its first subject."""
    opening: list[Line] = field(default_factory=list)
    """Text above the first subject."""
    subjects: list[Subject] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    """What the teaser announces and the notes do not speak of."""
    guessed: bool = False
    """No teaser and no titles: somebody should look whether the subjects are the right ones."""
    left_out: list[str] = field(default_factory=list)
    """Addresses that belong to no subject."""
