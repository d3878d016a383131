"""Drafts of the show notes in this folder, and of those that a test writes itself."""

from __future__ import annotations

import html
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from bot.content.parser import parse_episode
from bot.content.upcoming import Defaults
from bot.model.document import plain
from bot.model.i18n import Language
from bot.model.text import fold_words
from bot.notes.draft import draft
from bot.notes.feed import notes_from_feed
from bot.notes.reading import read_notes
from tests.notes.expected import MONDAY

if TYPE_CHECKING:
    import datetime as dt

    from bot.model.episode import Episode

HERE = Path(__file__).parent
DEFAULTS = Defaults(99, MONDAY)
PARIS = ZoneInfo("Europe/Paris")


def imported(name: str, language: Language = Language.FRENCH, *, date: dt.date | None = None) -> tuple[str, Episode]:
    """The draft that a file of notes becomes, on a date if one is asked for, as text and as an episode."""
    path = HERE / name
    if path.suffix == ".xml":
        notes = notes_from_feed(path.read_bytes(), path, None, PARIS)
    else:
        notes = read_notes(path.read_bytes(), path)
    text = draft(notes, path, language=language, known=(), defaults=DEFAULTS, date=date)
    return text, parse_episode(text, Path("draft.md"))


def of_text(text: str, *, known: tuple[str, ...] = ()) -> tuple[str, Episode]:
    """The same for notes that a test writes itself."""
    path = Path("notes.txt")
    drafted = draft(read_notes(text.encode(), path), path, language=Language.FRENCH, known=known, defaults=DEFAULTS)
    return drafted, parse_episode(drafted, path)


def invented(episode: Episode, notes: str) -> set[str]:
    """The words that people would read in the episode and that do not stand in the notes."""
    said = [episode.title, plain(episode.intro)]
    for segment in episode.segments:
        said += [segment.title, plain(segment.summary), segment.image.alt if segment.image else ""]
        said += [source.title for source in segment.sources]
    return {word for text in said for word in fold_words(text)} - set(fold_words(html.unescape(notes)))
