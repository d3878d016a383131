"""The composition root: builds everything from a config, runs it, and shuts it down in order.

The only place that names concrete classes.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import datetime as dt
import logging
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import watchfiles

from bot.archive import Archive
from bot.commands import Desk, Throttle
from bot.delivery import retry
from bot.delivery.broadcast import Broadcaster
from bot.delivery.courier import Courier
from bot.delivery.ledger import Ledger
from bot.delivery.lock import DeliveryLock
from bot.delivery.pacing import ChatLimit, Pacer
from bot.formatter import Formatter
from bot.i18n import words
from bot.platforms.base import SendError, TargetGoneError, TargetNotFoundError, UnauthorisedError
from bot.platforms.discord.client import DiscordPlatform
from bot.platforms.discord.handlers import Handlers as DiscordHandlers
from bot.platforms.telegram.client import TelegramPlatform
from bot.platforms.telegram.handlers import Handlers as TelegramHandlers
from bot.problems import ExpectedError
from bot.schedule import Timetable
from bot.subscription import PlatformName

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from bot.config import Config
    from bot.delivery.records import Broadcast
    from bot.subscription import Target

log = logging.getLogger(__name__)

TELEGRAM_PRIVATE = (ChatLimit(1, 1.0),)
"""Telegram's FAQ: no more than one message a second in one chat."""
TELEGRAM_GROUP = (ChatLimit(1, 1.0), ChatLimit(20, 60.0))
"""The same, and no more than twenty messages a minute in a group; channels are counted like groups."""


class AlreadyRunningError(ExpectedError):
    """Another process delivers from this database."""


def utc_now() -> dt.datetime:
    """The time, for everything that runs outside of tests."""
    return dt.datetime.now(dt.UTC)


@dataclass(frozen=True, slots=True)
class Station:
    """One platform with what serves it."""

    platform: TelegramPlatform | DiscordPlatform
    pacer: Pacer
    courier: Courier


class App:
    """The whole bot. Made by `opened`; `run` runs it until it is told to stop."""

    def __init__(self, config: Config, ledger: Ledger, clock: Callable[[], dt.datetime]) -> None:
        self.config = config
        self.ledger = ledger
        self.clock = clock
        self.archive = Archive.load(config.content.folder, config.topics)
        self.timetable = Timetable(config.schedules, clock)
        self.stations = {station.platform.name: station for station in self._stations()}
        self.broadcaster = Broadcaster(
            ledger=ledger,
            platforms={name: station.platform for name, station in self.stations.items()},
            formatter=Formatter(config.show.name, words(self.config.show.language)),
            archive=lambda: self.archive,
            clock=clock,
        )
        self.reloaded: Callable[[], None] = lambda: None
        """Called after the content was read again."""
        self._lock = DeliveryLock(config.storage.path)
        self._tasks: set[asyncio.Task[None]] = set()
        self.throttle = Throttle(time.monotonic)
        self._register_handlers()

    @property
    def today(self) -> dt.date:
        """The date where the show is."""
        return self.clock().astimezone(self.config.show.timezone).date()

    async def run(self, stop: asyncio.Event) -> None:
        """Deliver, listen and watch the content until `stop` is set; then finish what is in flight.

        Raises:
            AlreadyRunningError: another process delivers from this database.
        """
        async with self.delivering(listen=True):
            self.timetable.start(self.tick)
            watcher = asyncio.create_task(self._watch_content(stop), name="content watcher")
            try:
                await self.tick()
                log.info("Ready. Next push: %s", self.next_push() or "none is scheduled")
                # Aside, so that nobody waits for it: neither the first search nor a start.
                await asyncio.to_thread(self.archive.prepare)
                await stop.wait()
                log.info("Stopping: finishing what is in flight")
            finally:
                self.timetable.stop()
                stop.set()
                await watcher

    @contextlib.asynccontextmanager
    async def delivering(self, *, listen: bool) -> AsyncIterator[None]:
        """Deliver while the context is open; with `listen`, also answer commands.

        Raises:
            AlreadyRunningError: another process delivers from this database.
        """
        if not self._lock.acquire():
            raise AlreadyRunningError("another recap process already delivers from this database")
        try:
            connected = await asyncio.gather(*map(self._connect, self.stations.values()))
            if listen:
                await self.declare()
            for station, is_connected in zip(self.stations.values(), connected, strict=True):
                serving = self._serve(station, listen=listen, connected=is_connected)
                task = asyncio.create_task(serving, name=station.platform.name)
                task.add_done_callback(_log_failure)
                self._tasks.add(task)
            yield
        finally:
            await self._close()

    async def declare(self) -> None:
        """Bring the subscriptions in line with the channels that the config declares.

        Each goes under its chat's number, so that one chat cannot be subscribed under two names. Where a name cannot
        be looked up now, the platform's subscriptions stay as they are until the next start.
        """
        declared, platforms = [], set(PlatformName)
        for subscription in self.config.subscriptions():
            try:
                target = await self._resolved(subscription.target)
            except (TargetNotFoundError, TargetGoneError) as error:
                log.warning("%s is declared and cannot be reached: %s", subscription.target, error)
            except SendError as error:
                log.warning("%s cannot be looked up now: %s", subscription.target, error)
                platforms.discard(subscription.target.platform)
            else:
                declared.append(dataclasses.replace(subscription, target=target))
        certain = [subscription for subscription in declared if subscription.target.platform in platforms]
        await self.ledger.subscriptions.declare(certain, platforms)

    async def tick(self) -> None:
        """Push whatever a schedule has due now. Harmless at any time, any number of times."""
        for schedule in self.config.schedules:
            occurrence = self.timetable.last_run(schedule.name)
            if occurrence is None:
                continue
            broadcast = await self.broadcaster.push(schedule, occurrence)
            if broadcast is not None:
                log.info("Schedule %s: pushing episode %d", schedule.name, broadcast.episode)
                self.wake()

    def wake(self) -> None:
        """Tell the couriers that something may be due."""
        for station in self.stations.values():
            station.courier.wake()

    def reload_content(self) -> None:
        """Read what changed in the content folder; what was good before stays when its file is broken now."""
        self.archive = Archive.load(self.config.content.folder, self.config.topics, previous=self.archive)
        for problem in self.archive.problems:
            log.warning("%s", problem)
        self.reloaded()

    def next_push(self) -> dt.datetime | None:
        """The next occurrence of any schedule."""
        runs = (self.timetable.next_run(schedule.name) for schedule in self.config.schedules)
        return min((run for run in runs if run is not None), default=None)

    def _stations(self) -> list[Station]:
        stations = []
        if self.config.telegram is not None:
            pacer = Pacer(self.config.telegram.rate, _telegram_limits)
            telegram = TelegramPlatform(self.config.telegram)
            courier = self._courier(telegram, pacer)
            stations.append(Station(telegram, pacer, courier))
        if self.config.discord is not None:
            pacer = Pacer(self.config.discord.rate)
            discord = DiscordPlatform(self.config.discord)
            courier = self._courier(discord, pacer)
            stations.append(Station(discord, pacer, courier))
        return stations

    def _courier(self, platform: TelegramPlatform | DiscordPlatform, pacer: Pacer) -> Courier:
        discord = platform if isinstance(platform, DiscordPlatform) else None
        return Courier(
            platform=platform,
            ledger=self.ledger,
            pacer=pacer,
            clock=self.clock,
            hold=self.config.delivery.on_unknown == "hold",
            finder=discord,
            publisher=discord,
            finished=_log_finished,
        )

    def _register_handlers(self) -> None:
        desk = Desk(
            show=self.config.show.name,
            archive=lambda: self.archive,
            subscriptions=self.ledger.subscriptions,
            schedules=[schedule.name for schedule in self.config.schedules],
            agenda=self.timetable,
            clock=lambda: self.clock().astimezone(self.config.show.timezone),
            throttle=self.throttle,
        )
        for station in self.stations.values():
            match station.platform:
                case TelegramPlatform() as telegram:
                    TelegramHandlers(telegram, desk, station.pacer, self.config.show.language).register()
                case DiscordPlatform() as discord:
                    DiscordHandlers(discord, desk, station.pacer, self.config.show.language).register()

    async def _connect(self, station: Station) -> bool:
        try:
            await station.platform.connect()
        except UnauthorisedError:
            raise
        except SendError as error:
            log.warning("%s cannot be reached: %s; trying again", station.platform.name, error)
            return False
        return True

    async def _resolved(self, target: Target) -> Target:
        match self.stations.get(target.platform):
            case Station(platform=TelegramPlatform() as telegram):
                return await telegram.resolve(target)
        return target

    async def _serve(self, station: Station, *, listen: bool, connected: bool) -> None:
        attempt = 0
        while not connected:
            attempt += 1
            await asyncio.sleep(retry.backoff(attempt, luck=1.0).total_seconds())
            connected = await self._connect(station)
        if listen:
            await station.platform.listen()
        await station.courier.run()

    async def _watch_content(self, stop: asyncio.Event) -> None:
        folder = self.config.content.folder
        if not folder.is_dir():
            log.warning("%s is not a folder: content changes will not be seen", folder)
            return
        async for _changes in watchfiles.awatch(folder, stop_event=stop):
            self.reload_content()
            await self.tick()

    async def _close(self) -> None:
        await asyncio.gather(*(station.courier.stop() for station in self.stations.values()))
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await asyncio.gather(*(station.platform.close() for station in self.stations.values()))
        self._lock.release()


@contextlib.asynccontextmanager
async def opened(config: Config, clock: Callable[[], dt.datetime] = utc_now) -> AsyncIterator[App]:
    """The app of a config, its ledger open.

    Raises:
        LedgerError: the database cannot be used.
    """
    async with await Ledger.open(config.storage.url, clock) as ledger:
        yield App(config, ledger, clock)


def _telegram_limits(target: Target) -> tuple[ChatLimit, ...]:
    # Telegram gives people positive ids; groups and channels have negative ones or a name.
    return TELEGRAM_PRIVATE if target.chat.isdigit() else TELEGRAM_GROUP


def _log_finished(broadcast: Broadcast) -> None:
    log.info("Episode %d on %s is delivered", broadcast.episode, broadcast.schedule)


def _log_failure(task: asyncio.Task[None]) -> None:
    if task.cancelled() or (error := task.exception()) is None:
        return
    # What the admin can understand needs no traceback; a bug does.
    expected = isinstance(error, ExpectedError)
    log.critical("%s has stopped: %s", task.get_name(), error, exc_info=None if expected else error)
