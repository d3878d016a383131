"""Show notes as lines, independent of their format."""

import datetime as dt
from dataclasses import dataclass, field

from bot.model.document import Picture

BOLD_LEVEL = 7
"""The level of a paragraph that is wholly bold: a title without the mark of one, below those of HTML."""


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
    depth: int = 0
    """How deep the item stands in lists of lists."""
    after_gap: bool = False
    """A blank line stands above it."""
    links: tuple[Link, ...] = ()
    images: tuple[Picture, ...] = ()
    lead: str = ""
    """The bold words with which the line begins, if other words follow."""
    speaker: str = ""
    """The person who says or writes the line."""
    time: str = ""
    """The time of the recording that stands before the line."""
    aside: bool = False
    """The format itself says that the line is no part of the notes: a box, a system line, a property."""
    is_link: bool = False
    """The words of the line are those of its links alone."""


@dataclass(frozen=True, slots=True)
class Notes:
    """Show notes, with the facts that came beside them."""

    lines: tuple[Line, ...]
    title: str = ""
    number: int | None = None
    date: dt.date | None = None
    audio: str = ""
    page: str = ""
    source: str = ""
    """The text of the file, for the numbers of its lines; empty if it has none that a person sees."""
    chapters: tuple[tuple[str, str], ...] = ()
    """Time and title of each chapter, where a feed has them apart."""
    chapters_page: str = ""
    """The address of a file of chapters that a feed names."""
    skipped: tuple[str, ...] = ()
    """The titles of newer items of a feed that are trailers or bonuses."""


@dataclass(slots=True)
class Subject:
    """One subject of the notes."""

    announced: str = ""
    """The name of the subject in the teaser."""
    heading: str = ""
    """The title above the text of the subject."""
    time: str = ""
    lines: list[Line] = field(default_factory=list)
    links: list[Link] = field(default_factory=list)
    images: list[Picture] = field(default_factory=list)


@dataclass(slots=True)
class Head:
    """The facts that stand above the subjects."""

    number: int | None = None
    date: dt.date | None = None
    title: str = ""
    """The text beside the number, if it is no list of subjects."""
    teaser: str = ""
    """The line that lists the subjects."""
    ways: list[list[str]] = field(default_factory=list)
    """The readings of the teaser, each a list of phrases; the first is the plainest."""
    times: dict[str, str] = field(default_factory=dict)
    """The time of each phrase, where the teaser is a list of chapters."""
    dropped: list[Line] = field(default_factory=list)
    """Lines of properties that say nothing of the subjects."""


@dataclass(slots=True)
class Outline:
    """The notes by subject."""

    head: Head
    opening: list[Line] = field(default_factory=list)
    """Text above the first subject."""
    subjects: list[Subject] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    """Subjects of the teaser that the notes do not mention."""
    guessed: bool = False
    """The notes have neither teaser nor titles, so that a person should check the subjects."""
    left_out: list[Line] = field(default_factory=list)
    """Lines that are no part of a subject."""
    unplaced: list[Link] = field(default_factory=list)
    """Links of the notes' end that no subject claims."""
