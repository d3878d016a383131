"""From an episode of a podcast's RSS feed to `Notes`, and from the whole feed to its items."""

import calendar
import contextlib
import dataclasses
import datetime as dt
import hashlib
import html
import io
import itertools
import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import feedparser

from bot.model.address import web_address
from bot.model.episode import seconds_in, time_of
from bot.model.feed import MAX_FEED, FeedItem
from bot.model.i18n import gettext as _
from bot.model.problems import BadValueError, InvalidInputError
from bot.notes.head import number_in
from bot.notes.html import html_tags
from bot.notes.model import Notes
from bot.notes.reading import clean, notes_in, refusal

MOST_ITEMS, MOST_CHAPTERS = 3_000, 200
"""Items of a feed, and chapters of one, that the bot keeps: a daily show has the first after eight years."""
LONGEST_TITLE, LONGEST_ADDRESS = 300, 2_000
"""Characters of a title and of an address that the bot keeps; a longer one is damage."""
_DIGITS = 16
_TAIL = 10_000
"""Bytes in which a feed ends: some servers write remarks of their own below it."""
_END = re.compile(rb"</(?:\w+:)?(?:rss|feed|rdf)\s*>", re.IGNORECASE)
_TIME = re.compile(r"\d:[0-5]\d")
_SHOWN = 5
_MAX_DIGITS = 6
_NUMBER = re.compile(r"(?<!\d)(\d{1,6})(?!\d)")


def notes_from_feed(data: bytes, path: Path, number: int | None, zone: dt.tzinfo) -> Notes:
    """Return the notes of the episode with the number, else of the newest.

    The date is the day of publication in the zone.

    Raises:
        InvalidInputError: The data is no feed, or the feed has no such episode.
    """
    entries = _entries(data, path)
    whole = [entry for entry in entries if not _is_extra(entry)]
    entry = max(whole, key=_moment, default=entries[0]) if number is None else _numbered(whole, number)
    if entry is None:
        newest = ", ".join(f"'{_title(each) or '?'}'" for each in entries[:_SHOWN])
        cure = _("Leave --episode out for the newest; the feed begins with {newest}").format(newest=newest)
        raise refusal(path, _("there is no episode {number} in this feed").format(number=number), cure)
    newer = [each for each in entries if not number and _is_extra(each) and _moment(each) > _moment(entry)]
    return dataclasses.replace(
        _notes(entry, path, zone), number=number or _stated_number(entry), skipped=tuple(map(_title, newer))
    )


def items_of(data: bytes, path: Path, zone: dt.tzinfo) -> tuple[FeedItem, ...]:
    """Return the episodes of a feed, the newest first, without trailers and bonuses.

    Raises:
        InvalidInputError: The data is no feed, or not the whole of one.
    """
    return tuple(_item(key, entry, path, zone) for key, entry in _regular(data, path).items())


def item_notes(data: bytes, path: Path, item: FeedItem, zone: dt.tzinfo) -> Notes:
    """Return the notes of the item, with the chapters that its host tells apart from the feed.

    Raises:
        InvalidInputError: The data is no feed, or has no such item.
    """
    if (entry := _regular(data, path).get(item.key)) is None:
        raise refusal(path, _("there is no such episode in this feed"), _("Wait for its next answer"))
    chapters = tuple((time_of(second), title) for second, title in item.chapters) if item.chapters_page else ()
    notes = _notes(entry, path, zone)
    return dataclasses.replace(notes, number=item.number, chapters=notes.chapters or chapters)


def chapters_in(data: bytes) -> tuple[tuple[int, str], ...]:
    """Return the seconds and titles of the chapters in a file of Podcasting 2.0; empty if the data are none."""
    return _seconds(with_chapters(Notes(()), data).chapters)


def _entries(data: bytes, path: Path) -> list[Mapping[str, Any]]:
    if len(data) > MAX_FEED:
        cure = _("Save the notes of the episode as a file and import that; a feed may have {count:,} bytes").format(
            count=MAX_FEED
        )
        raise refusal(path, _("the feed is too large"), cure)
    entries: list[Mapping[str, Any]] = []
    # On a damaged feed the library raises errors of all kinds. Because it opens the file whose name the data are, it
    # gets a stream. It is only read for its words, so cleaning the HTML would cost ten times the time for nothing.
    with contextlib.suppress(Exception):
        entries = feedparser.parse(io.BytesIO(data), sanitize_html=False, resolve_relative_uris=False).entries
    if not entries:
        cure = _("Give the address or the file of the podcast's RSS feed")
        raise refusal(path, _("there is no episode in this feed"), cure)
    return entries


def _regular(data: bytes, path: Path) -> dict[str, Mapping[str, Any]]:
    """Return the newest of the items that are whole episodes, the newest first, each by a key that it keeps.

    Raises:
        InvalidInputError: The data is no feed, or not the whole of one.
    """
    entries = sorted((each for each in _entries(data, path) if not _is_extra(each)), key=_moment, reverse=True)
    # Because a cut feed would seem to have lost its older episodes, it must have its end; some encodings write zeros.
    if not _END.search(data[-_TAIL:].replace(b"\0", b"")):
        raise refusal(path, _("the feed is not whole"), _("Wait for its next answer"))
    counts = Counter(_text(entry, "id") for entry in entries)
    found: dict[str, Mapping[str, Any]] = {}
    for entry in entries[:MOST_ITEMS]:
        name = _text(entry, "id")
        # Some hosts give none, or one for all.
        name = name if name and counts[name] == 1 else f"{_title(entry)} {_audio(entry)}"
        found.setdefault(hashlib.sha256(name.encode()).hexdigest()[:_DIGITS], entry)
    return found


def _item(key: str, entry: Mapping[str, Any], path: Path, zone: dt.tzinfo) -> FeedItem:
    published, pages, title = _published(entry), entry.get("podcast_chapters") or {}, _title(entry)
    chapters = _chapters((entry.get("psc_chapters") or {}).get("chapters", ()))
    chapters_page = _good([_text(pages, "url")]) if isinstance(pages, Mapping) and not chapters else ""
    if not chapters and not chapters_page and _TIME.search(text := _said(entry)):
        with contextlib.suppress(InvalidInputError):
            chapters = tuple((line.time, line.text) for line in _read(text, path).lines if line.time)
    return FeedItem(
        key=key,
        title=title[:LONGEST_TITLE],
        number=_stated_number(entry) or number_in(title) or None,
        day=published and published.astimezone(zone).date(),
        audio=_good(_audio(entry)),
        page=_good([_text(entry, "link")]),
        chapters=_seconds(chapters),
        chapters_page=chapters_page,
    )


def _seconds(chapters: Sequence[tuple[str, str]]) -> tuple[tuple[int, str], ...]:
    """Return the chapters by their seconds; none if these do not rise, as those of a chat."""
    found = [(seconds_in(start), title[:LONGEST_TITLE]) for start, title in chapters[:MOST_CHAPTERS]]
    told = [(second, title) for second, title in found if second is not None]
    return tuple(told) if all(one[0] < other[0] for one, other in itertools.pairwise(told)) else ()


def _notes(entry: Mapping[str, Any], path: Path, zone: dt.tzinfo) -> Notes:
    published, pages = _published(entry), entry.get("podcast_chapters") or {}
    return dataclasses.replace(
        _read(_said(entry), path),
        title=_title(entry),
        date=published and published.astimezone(zone).date(),
        audio=_good(_audio(entry)),
        page=_good([_text(entry, "link")]),
        chapters=_chapters((entry.get("psc_chapters") or {}).get("chapters", ())),
        chapters_page=_good([_text(pages, "url")]) if isinstance(pages, Mapping) else "",
    )


def _said(entry: Mapping[str, Any]) -> str:
    """Return the longest of the texts of an item, which are the whole notes and shorter forms of them."""
    contents = [_text(content, "value") for content in entry.get("content", ())]
    return max((*contents, _text(entry, "summary")), key=len)


def _read(text: str, path: Path) -> Notes:
    # Because feeds write entities in plain text too, they are decoded there; else a reader would see `&amp;`.
    return notes_in(text if any(html_tags(text)) else html.unescape(text), path)


def _audio(entry: Mapping[str, Any]) -> list[str]:
    return [_text(each, "href") for each in entry.get("enclosures", ()) if "audio" in _text(each, "type")]


def with_chapters(notes: Notes, data: bytes) -> Notes:
    """Return the notes with the chapters of a file of Podcasting 2.0; without any if the data are none."""
    try:
        chapters = json.loads(data)["chapters"]
        told = [each for each in chapters if each.get("toc", True) is not False]
        return dataclasses.replace(notes, chapters=_chapters([each | {"start": each["startTime"]} for each in told]))
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return notes


def _chapters(found: Sequence[Mapping[str, Any]]) -> tuple[tuple[str, str], ...]:
    told = ((_clock(str(each.get("start", ""))), " ".join(_text(each, "title").split())) for each in found)
    return tuple((start, title) for start, title in told if title)


def _clock(start: str) -> str:
    """Return the start of a chapter, in seconds or as hours, minutes and seconds, as the latter."""
    whole = start.partition(".")[0]
    is_count = whole.isdecimal() and len(whole) <= _MAX_DIGITS
    return f"{dt.timedelta(seconds=int(whole))!s:0>8}" if is_count else whole


def _title(entry: Mapping[str, Any]) -> str:
    """Return the title of an item; some hosts escape it twice."""
    return " ".join(html.unescape(_text(entry, "title")).split())


def _text(found: Mapping[str, Any], key: str) -> str:
    """Return a text of a feed; empty where a damaged feed has None."""
    return clean(str(found.get(key) or ""))


def _is_extra(entry: Mapping[str, Any]) -> bool:
    """Tell whether an item is a trailer or a bonus."""
    return _text(entry, "itunes_episodetype").strip().lower() in {"trailer", "bonus"}


def _moment(entry: Mapping[str, Any]) -> dt.datetime:
    return _published(entry) or dt.datetime.min.replace(tzinfo=dt.UTC)


def _numbered(entries: Sequence[Mapping[str, Any]], number: int) -> Mapping[str, Any] | None:
    stated = [entry for entry in entries if _stated_number(entry) == number]
    titled = [entry for entry in entries if number_in(_title(entry)) == number]
    mentioned = [entry for entry in entries if str(number) in _NUMBER.findall(_title(entry))]
    # Because each season may count from 1, the newest of several is meant.
    return next((max(found, key=_moment) for found in (stated, titled, mentioned) if found), None)


def _stated_number(entry: Mapping[str, Any]) -> int | None:
    texts = (_text(entry, key).strip() for key in ("itunes_episode", "podcast_episode"))
    good = (int(text) for text in texts if text.isascii() and text.isdigit() and len(text) <= _MAX_DIGITS)
    return next(filter(None, good), None)


def _published(entry: Mapping[str, Any]) -> dt.datetime | None:
    parsed = entry.get("published_parsed")
    with contextlib.suppress(ValueError, OverflowError, OSError):
        return dt.datetime.fromtimestamp(calendar.timegm(parsed), dt.UTC) if parsed else None
    return None


def _good(addresses: Sequence[str]) -> str:
    for address in addresses:
        with contextlib.suppress(BadValueError):
            if len(address) <= LONGEST_ADDRESS:
                return web_address(address)
    return ""
