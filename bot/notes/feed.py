"""From an episode of a podcast's RSS feed to `Notes`, and from the whole feed to its items."""

import contextlib
import dataclasses
import datetime as dt
import html
import operator
import re
import zlib
from collections.abc import Sequence
from pathlib import Path

from bot.content.rss import LONGEST_TITLE, FeedEntry, entries_in, episodes_in, in_seconds
from bot.model.episode import time_of
from bot.model.feed import FeedItem
from bot.model.i18n import gettext as _
from bot.model.problems import InvalidInputError
from bot.notes.head import number_in
from bot.notes.html import html_tags
from bot.notes.model import Notes
from bot.notes.reading import notes_in, refusal

_TIME = re.compile(r"\d:[0-5]\d")
_PUBLISHED = operator.attrgetter("published")
_SHOWN = 5
_NUMBER = re.compile(r"(?<!\d)(\d{1,6})(?!\d)")


def notes_from_feed(data: bytes, path: Path, number: int | None, zone: dt.tzinfo) -> Notes:
    """Return the notes of the episode with the number, else of the newest.

    The date is the day of publication in the zone.

    Raises:
        InvalidInputError: The data is no feed, or the feed has no such episode.
    """
    entries = entries_in(data, path)
    whole = [entry for entry in entries if not entry.is_extra]
    entry = max(whole or entries[:1], key=_PUBLISHED) if number is None else _numbered(whole, number)
    if entry is None:
        newest = ", ".join(f"'{each.title or '?'}'" for each in entries[:_SHOWN])
        cure = _("Leave --episode out for the newest; the feed begins with {newest}").format(newest=newest)
        raise refusal(path, _("there is no episode {number} in this feed").format(number=number), cure)
    newer = [each for each in entries if not number and each.is_extra and each.published > entry.published]
    skipped = tuple(each.title for each in newer)
    return dataclasses.replace(_notes(entry, path, zone), number=number or entry.number, skipped=skipped)


def items_of(data: bytes, path: Path, zone: dt.tzinfo) -> tuple[FeedItem, ...]:
    """Return the episodes of a feed, the newest first, without trailers and bonuses.

    Raises:
        InvalidInputError: The data is no feed, or not the whole of one.
    """
    return tuple(_item(key, entry, path, zone) for key, entry in episodes_in(data, path).items())


def item_notes(data: bytes, path: Path, item: FeedItem, zone: dt.tzinfo) -> Notes:
    """Return the notes of the item, with the chapters that its host tells apart from the feed.

    Raises:
        InvalidInputError: The data is no feed, or has no such item.
    """
    if (entry := episodes_in(data, path).get(item.key)) is None:
        raise refusal(path, _("there is no such episode in this feed"), _("Wait for its next answer"))
    chapters = tuple((time_of(second), title) for second, title in item.chapters) if item.chapters_page else ()
    return dataclasses.replace(_notes(entry, path, zone), number=item.number, chapters=entry.chapters or chapters)


def _item(key: str, entry: FeedEntry, path: Path, zone: dt.tzinfo) -> FeedItem:
    chapters = entry.chapters
    chapters_page = "" if chapters else entry.chapters_page
    if not chapters and not chapters_page and _TIME.search(entry.text):
        with contextlib.suppress(InvalidInputError):
            chapters = tuple((line.time, line.text) for line in _read(entry.text, path).lines if line.time)
    return FeedItem(
        key=key,
        title=entry.title[:LONGEST_TITLE],
        number=entry.number or number_in(entry.title) or None,
        day=entry.day(zone),
        audio=entry.audio,
        page=entry.page,
        notes=f"{zlib.crc32(entry.text.encode(errors='replace')):x}",
        chapters=in_seconds(chapters),
        chapters_page=chapters_page,
    )


def _notes(entry: FeedEntry, path: Path, zone: dt.tzinfo) -> Notes:
    return dataclasses.replace(
        _read(entry.text, path),
        title=entry.title,
        date=entry.day(zone),
        audio=entry.audio,
        page=entry.page,
        chapters=entry.chapters,
        chapters_page=entry.chapters_page,
    )


def _read(text: str, path: Path) -> Notes:
    # Because feeds write entities in plain text too, they are decoded there; else a reader would see `&amp;`.
    return notes_in(text if any(html_tags(text)) else html.unescape(text), path)


def _numbered(entries: Sequence[FeedEntry], number: int) -> FeedEntry | None:
    stated = [entry for entry in entries if entry.number == number]
    titled = [entry for entry in entries if number_in(entry.title) == number]
    mentioned = [entry for entry in entries if str(number) in _NUMBER.findall(entry.title)]
    # Because each season may count from 1, the newest of several is meant.
    return next((max(found, key=_PUBLISHED) for found in (stated, titled, mentioned) if found), None)
