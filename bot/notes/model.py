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
    """A line of notes: its words, and apart from them its links.

    `level` is that of a marked title, from 1, and `depth` that of an item in lists of lists. A blank line stands above
    a line with `after_gap`. `lead` are bold words with which it begins, if others follow; `number` is what letters or
    words before it count. `aside` says that the format itself sets it apart: a box, a system line, a property. If
    `is_link`, its words are those of its links alone; if `is_task`, a box to tick stands before them.
    """

    text: str
    level: int = 0
    item: bool = False
    depth: int = 0
    after_gap: bool = False
    links: tuple[Link, ...] = ()
    images: tuple[Picture, ...] = ()
    lead: str = ""
    speaker: str = ""
    time: str = ""
    number: int = 0
    aside: bool = False
    is_link: bool = False
    is_task: bool = False


@dataclass(frozen=True, slots=True)
class Notes:
    """Show notes, with the facts that came beside them.

    `source` is the text of the file, for the numbers of its lines, if a person sees it. A feed may have the times and
    titles of `chapters` apart, or the address of their file, and newer trailers and bonuses are `skipped`.
    """

    lines: tuple[Line, ...]
    title: str = ""
    number: int | None = None
    date: dt.date | None = None
    audio: str = ""
    page: str = ""
    source: str = ""
    chapters: tuple[tuple[str, str], ...] = ()
    chapters_page: str = ""
    skipped: tuple[str, ...] = ()


@dataclass(slots=True)
class Subject:
    """One subject of the notes, with its name in the teaser and the title above its text."""

    announced: str = ""
    heading: str = ""
    time: str = ""
    lines: list[Line] = field(default_factory=list)
    links: list[Link] = field(default_factory=list)
    images: list[Picture] = field(default_factory=list)


@dataclass(slots=True)
class Head:
    """The facts above the subjects: a title that is no list of them, and the teaser that is one.

    Each of the `ways` to read the teaser is a list of phrases, the plainest first; a list of chapters has their times.
    Lines that are `dropped` are properties, and say nothing of the subjects.
    """

    number: int | None = None
    date: dt.date | None = None
    title: str = ""
    teaser: str = ""
    ways: list[list[str]] = field(default_factory=list)
    times: dict[str, str] = field(default_factory=dict)
    dropped: list[Line] = field(default_factory=list)


@dataclass(slots=True)
class Outline:
    """The notes by subject, and the place of all else.

    The `opening` stands above the first subject. Subjects that are `missing` are announced and not told. Where the
    notes have neither teaser nor titles, the subjects are `guessed`. No subject claims the links that are `unplaced`.
    """

    head: Head
    opening: list[Line] = field(default_factory=list)
    subjects: list[Subject] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    guessed: bool = False
    left_out: list[Line] = field(default_factory=list)
    unplaced: list[Link] = field(default_factory=list)
