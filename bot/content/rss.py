"""The items of a podcast's RSS feed, as it tells them, with the damage that hosts and servers do to feeds mended."""

import calendar
import contextlib
import datetime as dt
import email.utils
import hashlib
import html
import io
import itertools
import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import feedparser

from bot.model.address import web_address
from bot.model.episode import seconds_in
from bot.model.feed import MAX_FEED
from bot.model.i18n import gettext as _
from bot.model.i18n import spoken
from bot.model.plaintext import clean
from bot.model.problems import BadValueError, InvalidInputError, Problem

MOST_ITEMS, MOST_CHAPTERS = 3_000, 200
"""Items of a feed, and chapters of one, that the bot keeps: a daily show has the first after eight years."""
LONGEST_TITLE, LONGEST_ADDRESS = 300, 2_000
"""Characters of a title and of an address that the bot keeps; a longer one is damage."""
_DIGITS = 16
_TAIL = 10_000
"""Bytes in which a feed ends: some servers write remarks of their own below it."""
_END = re.compile(rb"</(?:\w+:)?(?:rss|feed|rdf)\s*>", re.IGNORECASE)
_MAX_DIGITS = 6

Chapters = tuple[tuple[str, str], ...]
"""The times and the titles of the chapters of a recording."""


@dataclass(frozen=True, slots=True)
class FeedEntry:
    """An item of a feed: an episode, or a trailer or bonus, which is an extra.

    `name` is the host's own for it. Of its texts, which are the whole notes and shorter forms of them, `text` is the
    longest. Chapters may stand at an address apart from the feed.
    """

    name: str
    title: str
    number: int | None
    published: dt.datetime
    """The moment of publication; the first moment of all if the feed tells none."""
    audio: str
    page: str
    text: str
    chapters: Chapters
    chapters_page: str
    is_extra: bool

    def day(self, zone: dt.tzinfo) -> dt.date | None:
        """Return the day of publication in a zone; None if the feed tells none."""
        return self.published.astimezone(zone).date() if self.published != _NEVER else None


_NEVER = dt.datetime.min.replace(tzinfo=dt.UTC)


def entries_in(data: bytes, path: Path) -> list[FeedEntry]:
    """Return the items of a feed in its order; errors name `path`.

    Raises:
        InvalidInputError: The data is no feed.
    """
    if len(data) > MAX_FEED:
        cure = _("Save the notes of the episode as a file and import that; a feed may have {count} bytes").format(
            count=spoken().number(MAX_FEED)
        )
        raise InvalidInputError([Problem(path, _("the feed is too large"), cure)])
    entries: list[Mapping[str, Any]] = []
    # On a damaged feed the library raises errors of all kinds. Because it opens the file whose name the data are, it
    # gets a stream. It is only read for its words, so cleaning the HTML would cost ten times the time for nothing.
    with contextlib.suppress(Exception):
        entries = feedparser.parse(io.BytesIO(data), sanitize_html=False, resolve_relative_uris=False).entries
    if not entries:
        cure = _("Give the address or the file of the podcast's RSS feed")
        raise InvalidInputError([Problem(path, _("there is no episode in this feed"), cure)])
    return list(map(_entry, entries))


def episodes_in(data: bytes, path: Path) -> dict[str, FeedEntry]:
    """Return the items that are whole episodes, the newest first, each by a key that it keeps.

    Raises:
        InvalidInputError: The data is no feed, or not the whole of one.
    """
    entries = [each for each in entries_in(data, path) if not each.is_extra]
    # Because a cut feed would seem to have lost its older episodes, it must have its end; some encodings write zeros.
    if not _END.search(data[-_TAIL:].replace(b"\0", b"")):
        raise InvalidInputError([Problem(path, _("the feed is not whole"), _("Wait for its next answer"))])
    counts = Counter(entry.name for entry in entries)
    found: dict[str, FeedEntry] = {}
    for entry in sorted(entries, key=lambda entry: entry.published, reverse=True)[:MOST_ITEMS]:
        # Some hosts give no name, or one for all.
        name = entry.name if entry.name and counts[entry.name] == 1 else f"{entry.title} {entry.audio}"
        found.setdefault(hashlib.sha256(name.encode()).hexdigest()[:_DIGITS], entry)
    return found


def chapters_in(data: bytes) -> Chapters:
    """Return the chapters in a file of Podcasting 2.0; empty if the data are none."""
    with contextlib.suppress(ValueError, LookupError, TypeError, AttributeError, RecursionError):
        told = [each for each in json.loads(data)["chapters"] if each.get("toc", True) is not False]
        return _chapters([each | {"start": each["startTime"]} for each in told])
    return ()


def in_seconds(chapters: Chapters) -> tuple[tuple[int, str], ...]:
    """Return the chapters by their seconds; none if these do not rise, as those of a chat."""
    found = [(seconds_in(start), title[:LONGEST_TITLE]) for start, title in chapters[:MOST_CHAPTERS]]
    told = [(second, title) for second, title in found if second is not None]
    return tuple(told) if all(one[0] < other[0] for one, other in itertools.pairwise(told)) else ()


def _entry(found: Mapping[str, Any]) -> FeedEntry:
    pages = found.get("podcast_chapters")
    return FeedEntry(
        name=_text(found, "id"),
        # Some hosts escape it twice.
        title=" ".join(html.unescape(_text(found, "title")).split()),
        number=_number(found),
        published=_published(found),
        audio=_address(
            *(_text(each, "href") for each in found.get("enclosures", ()) if "audio" in _text(each, "type"))
        ),
        page=_address(_text(found, "link")),
        text=max((*(_text(each, "value") for each in found.get("content", ())), _text(found, "summary")), key=len),
        chapters=_chapters((found.get("psc_chapters") or {}).get("chapters", ())),
        chapters_page=_address(_text(pages, "url")) if isinstance(pages, Mapping) else "",
        is_extra=_text(found, "itunes_episodetype").strip().lower() in {"trailer", "bonus"},
    )


def _text(found: Mapping[str, Any], key: str) -> str:
    """Return a text of a feed; empty where a damaged feed has None."""
    return clean(str(found.get(key) or ""))


def _number(found: Mapping[str, Any]) -> int | None:
    texts = (_text(found, key).strip() for key in ("itunes_episode", "podcast_episode"))
    good = (int(text) for text in texts if text.isascii() and text.isdigit() and len(text) <= _MAX_DIGITS)
    return next(filter(None, good), None)


def _published(found: Mapping[str, Any]) -> dt.datetime:
    told = _NEVER
    with contextlib.suppress(ValueError, TypeError, OverflowError, OSError):
        if parsed := found.get("published_parsed"):
            told = dt.datetime.fromtimestamp(calendar.timegm(parsed), dt.UTC)
        else:
            # Because the library knows no date of mail without a zone.
            told = email.utils.parsedate_to_datetime(_text(found, "published"))
            told = told.replace(tzinfo=told.tzinfo or dt.UTC)
    # At the ends of the calendar, the day in another zone may be none.
    return told if dt.MINYEAR < told.year < dt.MAXYEAR else _NEVER


def _address(*addresses: str) -> str:
    """Return the first good address; empty if there is none."""
    for address in addresses:
        with contextlib.suppress(BadValueError):
            if len(address) <= LONGEST_ADDRESS:
                return web_address(address)
    return ""


def _chapters(found: Sequence[Mapping[str, Any]]) -> Chapters:
    told = ((_clock(str(each.get("start", ""))), " ".join(_text(each, "title").split())) for each in found)
    return tuple((start, title) for start, title in told if title)


def _clock(start: str) -> str:
    """Return the start of a chapter, in seconds or as hours, minutes and seconds, as the latter."""
    whole = start.partition(".")[0]
    is_count = whole.isdecimal() and len(whole) <= _MAX_DIGITS
    return f"{dt.timedelta(seconds=int(whole))!s:0>8}" if is_count else whole
