"""The whole bot of a config: built, run, brought in line with changed files, and shut down in order.

This module and `services` alone choose the classes of storage and delivery; the registry chooses those of a platform.
"""

import asyncio
import contextlib
import datetime as dt
import functools
import gc
import logging
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import TYPE_CHECKING

from bot.commands import Throttle
from bot.config import Config, reread
from bot.content.archive import Archive
from bot.delivery.sending import PacedSender
from bot.model import facts
from bot.model.feed import NO_FEED, KnownFeed
from bot.model.i18n import gettext as _
from bot.model.i18n import speaking
from bot.model.problems import ExpectedError, InvalidInputError
from bot.model.subscription import PlatformName
from bot.runtime import YOUNG
from bot.runtime.clock import every_minute
from bot.runtime.connections import Connections
from bot.runtime.declaration import Declaration, versions_of
from bot.runtime.feed import FeedWatch
from bot.runtime.heart import Heart
from bot.runtime.reach import Reach
from bot.runtime.readiness import Readiness
from bot.runtime.roles import Role
from bot.runtime.services import PatientLock, Services
from bot.runtime.supervision import Supervisor
from bot.runtime.watch import Stamp, watch_file, watch_folder
from bot.storage.clock import SteadyClock
from bot.storage.leases import CLOCK
from bot.storage.ledger import Ledger
from bot.storage.lock import DeliveryLock
from bot.storage.records import LedgerError

if TYPE_CHECKING:
    from bot.runtime.monitor import Monitor

log = logging.getLogger(__name__)

REPORTED_WITHIN = dt.timedelta(days=2)
"""Age from which the end of a push is not reported any more, because the bot did not run meanwhile."""
SAVED = dt.timedelta(minutes=10)
"""Age from which the admins are told of a file with mistakes, because its author writes until then."""
TOO_FAR_APART = dt.timedelta(minutes=2)
"""Difference to the server's clock from which a process leaves the looks at the clock to others."""


class AlreadyRunningError(ExpectedError):
    """Another process delivers from this database."""


class App:
    """The whole bot, which `opened` makes and which `run` runs until it is told to stop.

    `services` and `archive` hold now; each is immutable and replaced as a whole. The app keeps all that must outlive a
    reload: accounts, connections, the throttle, the lock of changes to subscriptions. The config is read again from
    `file` when that changes.
    """

    def __init__(self, config: Config, ledger: Ledger, file: Path | None, feed: KnownFeed = NO_FEED) -> None:
        self.ledger = ledger
        self.clock = ledger.clock.wall
        """The machine's clock, by which schedules go."""
        self.archive = Archive.load(config.content.folder, config.topics, feed=feed)
        self.supervisor = Supervisor(self._report_failure)
        self._file = file
        self._stamp = None if file is None else Stamp.of(file)
        self.reloaded: Callable[[], None] = lambda: None
        """Called after the content was read again."""
        self._lock = DeliveryLock(config.storage.path) if config.storage.path else None
        self.clock_role = Role(CLOCK, ledger.leases, self._goes_right)
        self.clock_role.ready.set()
        self._looking = asyncio.Lock()
        self._finished = asyncio.Event()
        self._stop = asyncio.Event()
        self._is_second = False
        self.connections = Connections(config, ledger)
        self.throttle = Throttle(time.monotonic)
        self._services_of = functools.partial(
            Services.of,
            ledger=ledger,
            platforms=self.connections.accounts,
            senders={name: PacedSender(pacer) for name, pacer in self.connections.pacers.items()},
            archive=lambda: self.archive,
            clock=self.clock,
            on_new=self.wake,
            on_told=lambda fact: self._on_told(fact),  # noqa: PLW0108 - looked up at each call
            on_rehearsal=self._look_again,
            throttle=self.throttle,
            standings=lambda: self.readiness.standings,
            changing=PatientLock(),
        )
        self._on_told: Callable[[facts.Fact], None] = lambda _fact: None
        self.services = self._services_of(config)
        self.declaration = Declaration(
            ledger, self.clock_role, self.connections.accounts, self.connections.pacers, config=lambda: self.config
        )
        self._note_versions()
        roles = self.connections.roles
        self.readiness: Readiness = Readiness(
            self.connections.accounts, self._tell, is_ours=lambda name: roles[name].is_held()
        )
        self.connections.connect(
            lambda: self.services,
            tell=self._tell,
            note=self.readiness.note,
            finished=self._finished.set,
            after_refusal=self._after_refusal,
        )
        self.reach = Reach(
            self.connections, ledger.notices, self.declaration, config=lambda: self.config, tell=self._tell
        )
        self.feed = FeedWatch(
            ledger,
            services=lambda: self.services,
            archive=lambda: self.archive,
            is_leading=self.clock_role.is_held,
            reread=self.tick,
        )
        self._heart = Heart(
            ledger,
            self._lock,
            self.connections,
            tell=self._tell,
            # Because the services may be replaced meanwhile, those that hold now are asked.
            alarm=lambda fact: self.services.notifier.alarm(fact),  # noqa: PLW0108 - looked up at each call
            unreached=self.reach.sentences,
            failing=self.readiness.failing,
            mended=self.wake,
            lost=self._give_way,
        )

        self.monitor = None if config.metrics.address is None else self._make_monitor(config.metrics.address)

    @property
    def config(self) -> Config:
        """Return the config that holds now."""
        return self.services.config

    async def run(self, stop: asyncio.Event) -> None:
        """Deliver, listen and follow the files until `stop` is set; then finish what is in flight.

        Raises:
            AlreadyRunningError: as `delivering` says.
            UnauthorisedError: as `delivering` says.
        """
        self._stop = stop
        async with self.delivering(listen=True):
            # Because the database may be in trouble just then, the start is repeated as any service is.
            self.supervisor.start("start", self._begin)
            await stop.wait()
            log.info("Stopping: finishing what is in flight")
            await self.supervisor.stop("start", "clock", "reports", "content", "config", "feed", "readiness", "reach")
            # Before the platforms, whose ends take longer, so that another process looks at the clock meanwhile.
            await self.supervisor.stop(f"{CLOCK} lease")
        self._check_alone()
        self._check_tokens()

    @contextlib.asynccontextmanager
    async def delivering(self, *, listen: bool) -> AsyncIterator[None]:
        """Deliver while the context is open; with `listen`, also answer commands.

        Raises:
            AlreadyRunningError: another process delivers from this database.
            LedgerError: the database cannot be used, or an admin has to choose between it and a copy.
            UnauthorisedError: every platform refuses its token.
        """
        self._is_second = self._lock is not None and not self._lock.acquire()
        if not listen and await self.ledger.leases.holders():
            # A command that sends leaves that to the processes that run, and does not stand by.
            self._is_second = True
        self._check_alone()
        try:
            self.ledger.check_copies()
            # Where somebody has deleted the file of the lock, the heartbeat tells of the other process.
            self._is_second = not await self.ledger.heartbeat.take()
            self._check_alone()
            # Because the ledger keeps reasons for the reports, the services speak the show's language.
            with speaking(lambda: self.config.show.language):
                self.supervisor.start("heart", self._heart.run)
                if self.ledger.is_shared:
                    self.supervisor.start(f"{CLOCK} lease", self.clock_role.keep)
                if listen and self.monitor is not None:
                    self.supervisor.start("metrics", self.monitor.run)
                await self.connections.start(self.supervisor, listen=listen)
            self._check_tokens()
            yield
        finally:
            await self.connections.close(self.supervisor)
            await self.supervisor.stop()
            with contextlib.suppress(LedgerError):
                await self.ledger.figures.save()
                await self.ledger.heartbeat.end()
            if self._lock is not None:
                self._lock.release()

    async def tick(self) -> None:
        """Read changed files, and push the episodes that are due. A second look does no harm.

        The watchers call this at once, and the clock every minute, because no watcher sees every change in a mounted
        folder.

        Raises:
            LedgerError: the database cannot be used.
        """
        async with self._looking:
            # Before a push is opened, because it grows old by the ledger's clock.
            await self._heart.follow_clock()
            if self._file is not None and Stamp.of(self._file) != self._stamp:
                await self._reload_config(self._file)
            self._swap(self.services, await self._load_archive(self.config))
            if self.ledger.is_shared and self.clock_role.is_held() and not self._goes_right():
                # Because a push would come at the wrong hour, another process is to look at the clock.
                await self.clock_role.lease.give_up()
            if self.clock_role.is_held():
                await self._tell_of_broken_files(at_once=await self._push())
                if self.declaration.is_due:
                    await self.declare()
                await self.services.rehearser.look()
                await self.services.corrector.look()
                if self.ledger.is_shared:
                    # Because another process may have delivered, the end of its work is reported by this one.
                    self._finished.set()

    async def declare(self) -> None:
        """Bring the subscriptions in line with the channels of the config, as `Declaration.declare` says.

        Raises:
            LedgerError: the database cannot be used.
        """
        await self.declaration.declare()

    async def report(self) -> None:
        """Tell the admins about the pushes that have ended.

        Raises:
            LedgerError: the database cannot be used.
        """
        await self.services.notifier.report(self.ledger.clock() - REPORTED_WITHIN)

    def wake(self) -> None:
        """Tell the workers that something may be due."""
        self.connections.wake()

    async def _begin(self) -> None:
        """Look for the first time, tell, and follow the files from then on. A second start does no harm."""
        await self.clock_role.tried.wait()
        self.supervisor.start("content", lambda: watch_folder(lambda: self.config.content.folder, self.tick))
        # Because the watcher begins with its first step, that comes before the first look; else a change between
        # both would be missed.
        await asyncio.sleep(0)
        await self.tick()
        self.supervisor.start("clock", lambda: every_minute(self.tick, self.clock, self.clock_role.sleep))
        self.supervisor.start("reports", self._report_whenever_one_ends)
        if (file := self._file) is not None:
            self.supervisor.start("config", lambda: watch_file(file, self.tick))
        if self.clock_role.is_held():
            # After the first look, because a push that is due does not wait until the platforms show what works.
            standings = await self.readiness.known()
            if await self.ledger.notices.has_been_sent(facts.WELCOME) is None:
                self.readiness.has_told(standings)
            await self._tell(facts.Welcome(self.services.next_push(), standings))
        self.supervisor.start("readiness", self.readiness.follow)
        self.supervisor.start("reach", self.reach.follow)
        self.supervisor.start("feed", self._follow_feed)
        await self._say_ready()
        # Because this takes a while, a thread does it; else the start or the first search would wait.
        await asyncio.to_thread(self.archive.prepare)
        settle_in()

    def _goes_right(self) -> bool:
        return abs(self.ledger.clock.slip) < TOO_FAR_APART

    def _make_monitor(self, address: tuple[str, int]) -> "Monitor":
        # Because a bot without metrics needs neither their library nor a web server, it loads none.
        from bot.runtime.monitor import Exporter, Monitor  # noqa: PLC0415

        next_push = lambda: self.services.next_push()  # noqa: E731, PLW0108 - looked up at each call
        exporter = Exporter(self.ledger, self.connections, self.readiness, next_push)
        self._on_told = exporter.told
        return Monitor(address, exporter, self.config.storage.path)

    async def _follow_feed(self) -> None:
        await self.feed.look()
        await every_minute(self.feed.look, self.clock, self.clock_role.sleep)

    def _look_again(self) -> None:
        self.wake()
        self._finished.set()

    async def _say_ready(self) -> None:
        """Say in the log which bot this is, where, with what, and what is next."""
        names = (
            f"{each.username or 'a bot without a name yet'} on {name}"
            for name, each in self.connections.accounts.items()
        )
        schedules = [schedule.name for schedule in self.config.schedules]
        counts = [await self.ledger.subscriptions.count(each, self.config.platforms) for each in schedules]
        log.info(
            "Ready: %s. Episodes: %d. Subscriptions: %d. Next push: %s. What works: %s",
            *(" and ".join(names), len(self.archive.episodes), sum(counts)),
            *(self.services.next_push() or "none is scheduled", self.readiness),
        )

    # Following the clock, the config and the content

    async def _push(self) -> bool:
        if not self.declaration.has_declared:
            # Before any push, so that nobody is left out of one.
            await self.declare()
        services, pushed = self.services, False
        for schedule in services.config.schedules:
            occurrence = services.timetable.last_run(schedule.name)
            if occurrence and (broadcast := await services.broadcaster.push(schedule, occurrence)):
                log.info("Schedule %s: pushing episode %d", schedule.name, broadcast.episode)
                pushed = True
                self.wake()
        return pushed

    async def _reload_config(self, file: Path) -> None:
        stamp, before = await Stamp.settled(file), self.config
        try:
            config, fixed = reread(file, before)
        except InvalidInputError as error:
            await self._tell(facts.ConfigRefused(str(stamp), error.problems))
            return
        archive = await self._load_archive(config)
        # Only now, because a database in trouble ends a look; else the next one would take this file for known.
        self._stamp = stamp
        self._swap(self._services_of(config), archive)
        log.info("The config has changed and holds from now on")
        await self.connections.restart_changed(self.supervisor, before, config)
        self.reach.begin_anew()
        if fixed:
            await self._tell(facts.NeedsRestart(str(stamp), fixed))
        if config.subscriptions() != before.subscriptions():
            await self.declare()

    async def _load_archive(self, config: Config) -> Archive:
        feed = await self.ledger.feed.known(self.archive.feed) if config.feed.url else NO_FEED
        # Because reading a long archive takes seconds, a thread does it; else every answer would wait.
        archive = await asyncio.to_thread(Archive.load, config.content.folder, config.topics, self.archive, feed)
        if archive is not self.archive:
            await asyncio.to_thread(archive.prepare)
        return archive

    def _swap(self, services: Services, archive: Archive) -> None:
        """Let these services and this archive hold from now on. No command sees one without the other."""
        for problem in (each for each in archive.problems if each not in self.archive.problems):
            log.warning("%s", problem)
        if archive is not self.archive:
            self.archive = archive
            self.reloaded()
        if services is not self.services:
            self.services = services
            self.connections.use(services)
        self._note_versions()

    def _note_versions(self) -> None:
        """Let the other processes know which config and episodes this one works with."""
        if self.ledger.is_shared:
            self.ledger.heartbeat.versions = versions_of(self.config, self.archive, self._stamp)

    async def _tell_of_broken_files(self, *, at_once: bool) -> None:
        for fact, modified in self.archive.broken():
            if at_once or modified is None or abs(self.clock() - modified) >= SAVED:
                await self._tell(fact)

    # Listening to the parts of the bot

    async def _report_whenever_one_ends(self) -> None:
        while True:
            self._finished.clear()
            if self.clock_role.is_held():
                await self.report()
                self.reach.hear()
                await self.ledger.prune(correctable=self.config.delivery.correctable)
            await self._finished.wait()
            # The card of a rehearsal that has arrived, or a push that somebody has let out, waits for no minute.
            async with self._looking:
                # An approval may have made a draft ready.
                self._swap(self.services, await self._load_archive(self.config))
                if self.clock_role.is_held():
                    await self._push()
                    await self.services.rehearser.look()

    async def _after_refusal(self, platform: PlatformName, *, is_over: bool) -> None:
        await self._tell(facts.PlatformResumed(platform) if is_over else facts.PlatformStopped(platform))
        if self.connections.refusal is not None:
            self._stop.set()

    async def _tell(self, fact: facts.Fact) -> None:
        # Because a worker or an account outlives the services that it began with, those that hold now are asked.
        await self.services.notifier.tell(fact)

    async def _report_failure(self, service: str, error: Exception) -> None:
        # Because the text of a bug may hold anything, even an address with the token, only its kind is told.
        reason = str(error) if isinstance(error, ExpectedError) else type(error).__name__
        await self._tell(facts.ServiceRestarted(service, reason))

    def _give_way(self) -> None:
        self._is_second = True
        self._stop.set()

    def _check_alone(self) -> None:
        if self._is_second:
            raise AlreadyRunningError(
                _(
                    "another recap process already delivers from {path}: stop that one first, "
                    "or give this one a database of its own (storage.url)"
                ).format(path=self.config.storage.path)
            )

    def _check_tokens(self) -> None:
        if (refusal := self.connections.refusal) is not None:
            raise refusal


@contextlib.asynccontextmanager
async def opened(
    config: Config, clock: Callable[[], dt.datetime] | None = None, file: Path | None = None
) -> AsyncIterator[App]:
    """Open the ledger and yield the app of a config; `file` is where the config was read, `clock` that of a test.

    Raises:
        LedgerError: the database cannot be used.
    """
    async with await Ledger.open(config.storage.url.get_secret_value(), clock or SteadyClock()) as ledger:
        app = App(config, ledger, file, await ledger.feed.known(NO_FEED) if config.feed.url else NO_FEED)
        try:
            yield app
        finally:
            # A platform that was asked something, and delivered nothing, is connected still.
            await app.connections.close(app.supervisor)


def settle_in() -> None:
    """Have the garbage collector pass over the objects of the start, nearly all of which stay, and look less often.

    Else each look at all of them during a push would take longer than a message.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG, *gc.get_threshold()[1:])
