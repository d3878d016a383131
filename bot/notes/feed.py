"""From an episode of a podcast's RSS feed to `Notes`."""

import calendar
import dataclasses
import datetime as dt
import html
import itertools
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import feedparser

from bot.model.address import web_address
from bot.model.problems import BadValueError, InvalidInputError, Problem
from bot.notes.html import looks_like_html
from bot.notes.model import Notes
from bot.notes.reading import notes_in

MAX_FEED = 20_000_000
"""Bytes of a feed: twice a thousand episodes with all their notes."""
_SHOWN = 5
_NUMBER = re.compile(r"(?<!\d)(\d{1,6})(?!\d)")


def notes_from_feed(data: bytes, path: Path, number: int | None, zone: dt.tzinfo) -> Notes:
    """Return the notes of the episode with the number, else of the newest.

    The date is the day of publication in the zone.

    Raises:
        InvalidInputError: The data is no feed, or the feed has no such episode.
    """
    if len(data) > MAX_FEED:
        cure = f"Save the notes of the episode as a file and import that; a feed may have {MAX_FEED:,} bytes"
        raise InvalidInputError([Problem(path, "the feed is too large", cure)])
    # The text is only read for its words, so cleaning its HTML would cost ten times the time for nothing.
    entries = feedparser.parse(data, sanitize_html=False, resolve_relative_uris=False).entries
    if not entries:
        cure = "Give the address or the file of the podcast's RSS feed"
        raise InvalidInputError([Problem(path, "there is no episode in this feed", cure)])
    entry = _newest(entries) if number is None else _numbered(entries, number)
    if entry is None:
        newest = ", ".join(f"'{_text(each, 'title') or '?'}'" for each in entries[:_SHOWN])
        cure = f"Leave --episode out for the newest; the feed begins with {newest}"
        raise InvalidInputError([Problem(path, f"there is no episode {number} in this feed", cure)])
    contents = [_text(content, "value") for content in entry.get("content", ())]
    text = max((*contents, _text(entry, "summary")), key=len)
    published = _published(entry)
    return dataclasses.replace(
        # Because feeds write entities in plain text too, they are decoded there; else a reader would see `&amp;`.
        notes_in(text if looks_like_html(text) else html.unescape(text), path),
        title=" ".join(_text(entry, "title").split()),
        number=number or _stated_number(entry),
        date=published and published.astimezone(zone).date(),
        audio=_good([_text(each, "href") for each in entry.get("enclosures", ()) if "audio" in _text(each, "type")]),
        page=_good([_text(entry, "link")]),
    )


def _text(found: Mapping[str, Any], key: str) -> str:
    """Return a text of a feed; empty where a damaged feed has None."""
    return str(found.get(key) or "")


def _newest(entries: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
    oldest = dt.datetime.min.replace(tzinfo=dt.UTC)
    return max(entries, key=lambda entry: _published(entry) or oldest)


def _numbered(entries: Sequence[Mapping[str, Any]], number: int) -> Mapping[str, Any] | None:
    stated = (entry for entry in entries if _stated_number(entry) == number)
    titled = (entry for entry in entries if str(number) in _NUMBER.findall(_text(entry, "title")))
    return next(itertools.chain(stated, titled), None)


def _stated_number(entry: Mapping[str, Any]) -> int | None:
    text = _text(entry, "itunes_episode").strip()
    return int(text) if text.isascii() and text.isdigit() and 0 < len(text) < 7 and int(text) else None  # noqa: PLR2004


def _published(entry: Mapping[str, Any]) -> dt.datetime | None:
    parsed = entry.get("published_parsed")
    try:
        return dt.datetime.fromtimestamp(calendar.timegm(parsed), dt.UTC) if parsed else None
    except (ValueError, OverflowError, OSError):
        return None


def _good(addresses: Sequence[str]) -> str:
    for address in addresses:
        try:
            return web_address(address)
        except BadValueError:
            continue
    return ""
