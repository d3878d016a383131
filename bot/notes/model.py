"""Show notes as lines, independent of their format."""

import datetime as dt
from dataclasses import dataclass, field

from bot.model.document import Picture

BOLD_LEVEL = 6
"""The level of a paragraph that is wholly bold: a title without the mark of one."""


@dataclass(frozen=True, slots=True)
class Link:
    """An address with the words of its link; empty for a bare address."""

    title: str
    url: str


@dataclass(frozen=True, slots=True)
class Line:
    """A line of notes: its words, and apart from them its links."""

    text: str
    level: int = 0
    """The level of a marked title, from 1; 0 for any other line."""
    item: bool = False
    """The line is an item of a list."""
    after_gap: bool = False
    """A blank line stands above it."""
    links: tuple[Link, ...] = ()
    images: tuple[Picture, ...] = ()


@dataclass(frozen=True, slots=True)
class Notes:
    """Show notes, with the facts that came beside them."""

    lines: tuple[Line, ...]
    title: str = ""
    number: int | None = None
    date: dt.date | None = None
    audio: str = ""
    page: str = ""


@dataclass(slots=True)
class Subject:
    """One subject of the notes."""

    announced: str = ""
    """The name of the subject in the teaser."""
    heading: str = ""
    """The title above the text of the subject."""
    lines: list[Line] = field(default_factory=list)
    links: list[Link] = field(default_factory=list)
    images: list[Picture] = field(default_factory=list)


@dataclass(slots=True)
class Outline:
    """The notes by subject."""

    number: int | None
    date: dt.date | None
    title: str = ""
    """The text beside the number, if it is no list of subjects."""
    teaser: str = ""
    """The line that lists the subjects."""
    lead_is_subject: bool = False
    """The teaser's first words name the first subject."""
    lead: str = ""
    """The words of the teaser before its first subject."""
    opening: list[Line] = field(default_factory=list)
    """Text above the first subject."""
    subjects: list[Subject] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    """Subjects of the teaser that the notes do not mention."""
    guessed: bool = False
    """The notes have neither teaser nor titles, so that a person should check the subjects."""
    left_out: list[str] = field(default_factory=list)
    """Addresses that belong to no subject."""
