"""The watch over the podcast's feed: what is new there becomes a draft, and what the files lack is kept."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import datetime as dt
import email.utils
import hashlib
import logging
from collections.abc import Awaitable, Callable, Container, Iterator, Sequence
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from bot.content.feed import Items
from bot.content.folder import write_new
from bot.content.links import Web, WebAnswer, WebError, check_status
from bot.content.parser import parse_episode
from bot.content.upcoming import defaults_after
from bot.model.address import site
from bot.model.feed import (
    MAX_FEED,
    NO_FEED,
    Drafted,
    FeedAway,
    FeedItem,
    FeedMoved,
    FeedVisit,
    KnownFeed,
    NotDrafted,
    NotesChanged,
    NotWritten,
)
from bot.model.i18n import gettext as _
from bot.model.problems import ExpectedError, InvalidInputError, reason_of
from bot.runtime import aside
from bot.storage.records import NEVER

if TYPE_CHECKING:
    from bot.config import Config
    from bot.content.archive import Archive
    from bot.model.episode import Episode
    from bot.model.facts import Fact
    from bot.runtime.services import Services
    from bot.storage.ledger import Ledger

log = logging.getLogger(__name__)

EVERY, SOON = dt.timedelta(minutes=15), dt.timedelta(minutes=3)
"""Time between two requests, and in the hour before a push or after a first bad answer."""
NEAR = dt.timedelta(hours=1)
_EARLY = dt.timedelta(seconds=30)
"""Time by which a request may come early, because the clock looks once a minute."""
LONGEST_REST = dt.timedelta(days=1)
"""Time for which a server can silence the bot, because a mistake there would otherwise do so for ever."""
WITHIN = 60.0
"""Seconds for one request: ten megabytes take half of them at three megabits a second."""
MAX_CHAPTERS = 1_000_000
"""Bytes of the chapters of one episode."""
MOST_DRAFTS = 3
"""Items that become drafts at once, the newest ones: a team that has been away has no use for all."""
PATIENCE = 2
"""Bad answers in a row of which the admins hear, because one proves nothing."""


class FeedWatch:
    """The watch over the feed that the config names.

    Nothing here is kept in memory. `services` and `archive` return those that hold now, `is_leading` tells whether this
    process is the one that asks, and `reread` reads the content again, with what is known of the feed.
    """

    def __init__(
        self,
        ledger: Ledger,
        *,
        services: Callable[[], Services],
        archive: Callable[[], Archive],
        is_leading: Callable[[], bool],
        reread: Callable[[], Awaitable[None]],
    ) -> None:
        self._ledger = ledger
        self._services = services
        self._archive = archive
        self._is_leading = is_leading
        self._reread = reread

    async def look(self) -> None:
        """Ask the feed if it is time.

        Raises:
            LedgerError: the database cannot be used.
        """
        url, now = self._config.feed.url, self._ledger.clock()
        if not url or not self._is_leading():
            return
        visit = await self._ledger.feed.visit()
        visit = visit if visit.url == url else FeedVisit(url=url)
        if _is_at_rest(visit, now, SOON if self._is_near() or visit.failures == 1 else EVERY):
            return
        # Noted before, so that an answer that ends this process counts as a bad one, and is asked for again in full.
        update: dict[str, object] = {"asked": now, "failures": visit.failures + 1, "rests_until": None}
        begun = visit.model_copy(update=update | {"etag": "", "modified": ""})
        await self._ledger.feed.note(begun)
        async with Web(timeout=WITHIN, network=self._config.network, own=url) as web:
            try:
                answer = await web.get(url, MAX_FEED, _conditions(visit))
                if pause := retry_after(answer.headers.get("Retry-After", ""), self._clock()):
                    begun = begun.model_copy(update={"rests_until": now + pause})
                    await self._ledger.feed.note(begun)
                is_done = await self._took(answer, visit, web)
            except (WebError, ExpectedError, InvalidInputError) as error:
                await self._is_away(begun, error)
                return
        update |= {"good": now, "failures": 0}
        # Without these, the next answer comes in full, and what is left to do is tried again.
        if is_done and answer.status == HTTPStatus.NOT_MODIFIED:
            update |= {"etag": visit.etag, "modified": visit.modified}
        elif is_done:
            update |= {"etag": answer.headers.get("ETag", ""), "modified": answer.headers.get("Last-Modified", "")}
        await self._ledger.feed.note(begun.model_copy(update=update))

    @property
    def _config(self) -> Config:
        return self._services().config

    def _clock(self) -> dt.datetime:
        return self._ledger.clock.wall()

    def _is_near(self) -> bool:
        push = self._services().next_push()
        return push is not None and push - self._clock() <= NEAR

    async def _tell(self, fact: Fact) -> None:
        await self._services().notifier.tell(fact)

    async def _is_away(self, visit: FeedVisit, error: WebError | ExpectedError | InvalidInputError) -> None:
        reason = _reason(error)
        log.info("The feed on %s cannot be used: %s", site(visit.url), reason)
        if visit.failures >= PATIENCE:
            since = visit.good and visit.good.astimezone(self._config.show.timezone).date()
            await self._tell(FeedAway(_name(visit.url), site(visit.url), reason, since))

    async def _took(self, answer: WebAnswer, visit: FeedVisit, web: Web) -> bool:
        """Take a good answer, and return whether all that follows from it is done.

        Raises:
            WebError: the answer is none of a feed.
            InvalidInputError: likewise.
            ExpectedError: the answer cannot be read.
        """
        if answer.moved:
            parts = urlsplit(answer.moved)
            address = "" if parts.query or "@" in parts.netloc else answer.moved
            await self._tell(FeedMoved(_name(f"{visit.url} {answer.moved}"), site(answer.moved), address))
        if answer.status == HTTPStatus.NOT_MODIFIED and _conditions(visit):
            return True
        check_status(answer.status)
        name, zone = Path(site(visit.url)), self._config.show.timezone
        items = await aside.aside(aside.items_of, answer.body, name, zone)
        before = await self._ledger.feed.known(NO_FEED)
        items = await self._with_chapters(items, before.items, web)
        if items != before.items:
            await self._tell_of_changes(items, before)
            known = before.model_copy(update={"version": before.version + 1, "items": items})
            await self._ledger.feed.keep(known)
            await self._reread()
        return all([await self._draft(item, answer.body, name) for item in self._new_ones(items, before.drafts)])

    async def _tell_of_changes(self, items: Sequence[FeedItem], before: KnownFeed) -> None:
        """Tell of each draft that nobody has got yet, and whose notes have changed since."""
        was = {item.key: item.notes for item in before.items}
        for item in items:
            if item.key not in before.drafts or was.get(item.key, item.notes) in {"", item.notes}:
                continue
            path = self._config.content.folder / before.drafts[item.key]
            written = self._written(path)
            if written is not None and not await self._ledger.corrections.sent(NEVER, written.number):
                await self._tell(NotesChanged(written.number, path))

    def _written(self, path: Path) -> Episode | None:
        """Return the episode of a file; None while the file is not there, or has mistakes."""
        return next(
            (each for each in self._archive().episodes if self._config.content.folder / each.path == path), None
        )

    async def _with_chapters(
        self, items: Sequence[FeedItem], before: Sequence[FeedItem], web: Web
    ) -> tuple[FeedItem, ...]:
        """Return the items with the chapters that their host tells apart, those of the newest asked for now."""
        known = {(item.key, item.chapters_page): item.chapters for item in before if item.chapters_page}
        found = []
        for place, item in enumerate(items):
            chapters = item.chapters or known.get((item.key, item.chapters_page), ())
            if item.chapters_page and not chapters and place < MOST_DRAFTS:
                with contextlib.suppress(WebError, ExpectedError):
                    data = await web.fetch(item.chapters_page, MAX_CHAPTERS)
                    chapters = await aside.aside(aside.chapters_in, data)
            found.append(item.model_copy(update={"chapters": chapters}))
        return tuple(found)

    def _new_ones(self, items: Sequence[FeedItem], drafts: Container[str]) -> Iterator[FeedItem]:
        """Yield the items that may become drafts, the oldest first: see `config.example.toml`."""
        archive, today = self._archive(), self._clock().astimezone(self._config.show.timezone).date()
        found = Items(items)
        there = {item.key for each in archive.episodes if (item := found.of(each)) is not None}
        numbers = {version.number for version in archive.content.versions.values()} - {None}
        newest = max((each.date for each in archive.episodes if each.date <= today), default=None)
        # Without any file, nothing but the newest item is new.
        most = MOST_DRAFTS if newest else 1
        newer = [item for item in items if item.day and (newest is None or item.day >= newest)][:most]
        # Because nobody can tell whether these are new, the admins hear of the first, which no draft is made of.
        undated = [item for item in items if item.day is None][:most]
        for item in reversed(newer + undated):
            if item.key in drafts or not (item.key in there or item.number in numbers):
                yield item

    async def _draft(self, item: FeedItem, data: bytes, name: Path) -> bool:
        """Write the draft of an item, once; return whether there is nothing left to do.

        The ledger knows the file before it is there, and the admins hear of it last, so that a process that dies in
        between leaves nothing undone.
        """
        folder, known = self._config.content.folder, await self._ledger.feed.known(NO_FEED)
        before = known.drafts.get(item.key)
        fact = Drafted(item.key, 0, item.title, folder / (before or f"{item.number}.md"))
        if await self._ledger.notices.has_been_sent(fact.key_on(dt.date.min)) is not None:
            return True
        if before is None or not fact.path.is_file():
            try:
                path, text = await self._drafted(item, data, name)
                fact = dataclasses.replace(fact, path=folder / path)
                drafts = {**known.drafts, item.key: path.as_posix()}
                await self._ledger.feed.keep(known.model_copy(update={"version": known.version + 1, "drafts": drafts}))
                folder.mkdir(parents=True, exist_ok=True)
                await asyncio.to_thread(write_new, fact.path, text)
            except (ExpectedError, InvalidInputError) as error:
                await self._tell(NotDrafted(item.key, item.title, _reason(error)))
                return True
            except OSError as error:
                await self._tell(NotWritten(fact.path, reason_of(error)))
                return False
        await self._reread()
        written = self._written(fact.path)
        if written is not None:
            warnings = tuple(await self._services().rehearser.remarks(written))
            is_offered = any(schedule.approval == "one" for schedule in self._config.schedules)
            fact = Drafted(item.key, written.number, written.title, fact.path, warnings, is_offered=is_offered)
            await self._tell(fact)
        return written is not None

    async def _drafted(self, item: FeedItem, data: bytes, name: Path) -> tuple[Path, str]:
        """Return the path and the text of the draft of an item.

        Raises:
            InvalidInputError: the notes cannot be understood, or the episode is there already.
            ExpectedError: the notes cannot be read, or nobody can tell whether the item is new.
        """
        if item.day is None:
            raise ExpectedError(_("the feed does not say when it came out"))
        services, archive = self._services(), self._archive()
        config, schedules = services.config, [schedule.name for schedule in services.config.schedules]
        today = self._clock().astimezone(config.show.timezone).date()
        defaults = defaults_after(archive, services.timetable.next_run, schedules, today)
        text = await aside.aside(
            aside.draft_of,
            data,
            name,
            item,
            zone=config.show.timezone,
            language=config.show.language,
            known=list(archive.topics()),
            defaults=defaults,
        )
        number = parse_episode(text, name).number
        path = Path(f"{number}.md")
        if any(version.number == number for version in archive.content.versions.values()):
            raise ExpectedError(_("the archive has an episode {number} already").format(number=number))
        if (config.content.folder / path).exists():
            told = _("{path} exists already: name another file, or move that one away first")
            raise ExpectedError(told.format(path=config.content.folder / path))
        return path, text


def _reason(error: Exception) -> str:
    return error.problems[0].message if isinstance(error, InvalidInputError) else str(error)


def retry_after(text: str, now: dt.datetime) -> dt.timedelta:
    """Return the pause that a server asks for, in seconds or as a moment; zero for none."""
    pause = dt.timedelta()
    # The library and the arithmetic raise errors of several kinds on what no server should say.
    with contextlib.suppress(ValueError, TypeError, OverflowError):
        if text.strip().isdecimal():
            pause = dt.timedelta(seconds=int(text))
        else:
            moment = email.utils.parsedate_to_datetime(text)
            # The oldest of HTTP's three forms has no zone; all mean UTC.
            pause = moment.replace(tzinfo=moment.tzinfo or dt.UTC) - now
    return min(max(pause, dt.timedelta()), LONGEST_REST)


def _is_at_rest(visit: FeedVisit, now: dt.datetime, every: dt.timedelta) -> bool:
    is_told_to = visit.rests_until is not None and now < visit.rests_until
    return is_told_to or (visit.asked is not None and now - visit.asked < every - _EARLY)


def _conditions(visit: FeedVisit) -> dict[str, str]:
    """Return the headers by which the server gives the feed only if it has changed."""
    headers = {"If-None-Match": visit.etag, "If-Modified-Since": visit.modified}
    return {name: text for name, text in headers.items() if text}


def _name(url: str) -> str:
    return hashlib.sha256(url.encode()).hexdigest()[:8]
