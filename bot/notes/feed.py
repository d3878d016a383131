"""From an episode of a podcast's RSS feed to `Notes`."""

import calendar
import contextlib
import dataclasses
import datetime as dt
import html
import io
import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import feedparser

from bot.model.address import web_address
from bot.model.i18n import gettext as _
from bot.model.problems import BadValueError
from bot.notes.head import number_in
from bot.notes.html import html_tags
from bot.notes.model import Notes
from bot.notes.reading import clean, notes_in, refusal

MAX_FEED = 20_000_000
"""Bytes of a feed: twice a thousand episodes with all their notes."""
_SHOWN = 5
_MAX_DIGITS = 6
_NUMBER = re.compile(r"(?<!\d)(\d{1,6})(?!\d)")


def notes_from_feed(data: bytes, path: Path, number: int | None, zone: dt.tzinfo) -> Notes:
    """Return the notes of the episode with the number, else of the newest.

    The date is the day of publication in the zone.

    Raises:
        InvalidInputError: The data is no feed, or the feed has no such episode.
    """
    if len(data) > MAX_FEED:
        cure = _("Save the notes of the episode as a file and import that; a feed may have {count:,} bytes").format(
            count=MAX_FEED
        )
        raise refusal(path, _("the feed is too large"), cure)
    try:
        # Because the library opens the file whose name the data are, it gets a stream. The text is only read for its
        # words, so cleaning its HTML would cost ten times the time for nothing.
        entries = feedparser.parse(io.BytesIO(data), sanitize_html=False, resolve_relative_uris=False).entries
    except Exception:  # noqa: BLE001 - on a damaged feed the library raises errors of all kinds
        entries = []
    if not entries:
        cure = _("Give the address or the file of the podcast's RSS feed")
        raise refusal(path, _("there is no episode in this feed"), cure)
    whole = [entry for entry in entries if not _is_extra(entry)]
    entry = max(whole, key=_moment, default=entries[0]) if number is None else _numbered(whole, number)
    if entry is None:
        newest = ", ".join(f"'{_title(each) or '?'}'" for each in entries[:_SHOWN])
        cure = _("Leave --episode out for the newest; the feed begins with {newest}").format(newest=newest)
        raise refusal(path, _("there is no episode {number} in this feed").format(number=number), cure)
    contents = [_text(content, "value") for content in entry.get("content", ())]
    text = max((*contents, _text(entry, "summary")), key=len)
    published = _published(entry)
    pages = entry.get("podcast_chapters") or {}
    newer = [each for each in entries if not number and _is_extra(each) and _moment(each) > _moment(entry)]
    return dataclasses.replace(
        # Because feeds write entities in plain text too, they are decoded there; else a reader would see `&amp;`.
        notes_in(text if any(html_tags(text)) else html.unescape(text), path),
        title=_title(entry),
        number=number or _stated_number(entry),
        date=published and published.astimezone(zone).date(),
        audio=_good([_text(each, "href") for each in entry.get("enclosures", ()) if "audio" in _text(each, "type")]),
        page=_good([_text(entry, "link")]),
        chapters=_chapters((entry.get("psc_chapters") or {}).get("chapters", ())),
        chapters_page=_good([_text(pages, "url")]) if isinstance(pages, Mapping) else "",
        skipped=tuple(map(_title, newer)),
    )


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
            return web_address(address)
    return ""
