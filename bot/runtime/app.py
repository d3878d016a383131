"""The composition root: builds everything from a config, runs it, and shuts it down in order.

The only place that names concrete classes.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import datetime as dt
import gc
import logging
import time
from typing import TYPE_CHECKING, cast

from bot.commands import Throttle
from bot.config import reread
from bot.content.archive import Archive
from bot.delivery.pacing import Pacer
from bot.delivery.worker import Worker
from bot.model import facts
from bot.model.problems import ExpectedError, InvalidInputError
from bot.model.subscription import PlatformName
from bot.platforms.base import Feature, SendError, TargetGoneError, TargetNotFoundError
from bot.platforms.registry import PLATFORMS
from bot.runtime.clock import every_minute
from bot.runtime.connection import Connection
from bot.runtime.services import Services
from bot.runtime.supervision import Supervisor
from bot.runtime.watch import Stamp, watch_file, watch_folder
from bot.storage.ledger import Ledger
from bot.storage.lock import DeliveryLock

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
    from pathlib import Path

    from bot.config import Config
    from bot.model.subscription import PlatformName, Subscription, Target
    from bot.platforms.base import Account, Finder, Publisher
    from bot.storage.subscriptions import LedgerSubscriptions

log = logging.getLogger(__name__)

CONNECT_WITHIN = 5.0
"""Seconds that a platform gets to connect before the bot begins without it."""
REPORTED_WITHIN = dt.timedelta(days=2)
"""A push that ended longer ago, while nobody ran the bot, is reported no more."""
SAVED = dt.timedelta(minutes=10)
"""How long a broken file must have lain there before the admins hear of it: who is still writing knows already."""


class AlreadyRunningError(ExpectedError):
    """Another process delivers from this database."""


def utc_now() -> dt.datetime:
    """The time, for everything that runs outside of tests."""
    return dt.datetime.now(dt.UTC)


class App:
    """The whole bot. Made by `opened`; `run` runs it until it is told to stop.

    `plan` and `archive` are what holds now; each is immutable and swapped as a whole. `file` is where the config was
    read, to read it again when it changes.
    """

    def __init__(self, config: Config, ledger: Ledger, clock: Callable[[], dt.datetime], file: Path | None) -> None:
        self.ledger = ledger
        self.clock = clock
        self.archive = Archive.load(config.content.folder, config.topics)
        self.supervisor = Supervisor(self._report_failure)
        self._file = file
        self._stamp = file and Stamp.of(file)
        self.reloaded: Callable[[], None] = lambda: None
        """Called after the content was read again."""
        self._lock = DeliveryLock(config.storage.path)
        self._looking = asyncio.Lock()
        self._finished = asyncio.Event()
        self._is_declared = False
        self._stop = asyncio.Event()
        self._accounts: dict[PlatformName, Account] = {
            name: PLATFORMS[name].connect(section) for name, section in config.platforms.items()
        }
        self.throttle = Throttle(time.monotonic)
        self.services = self._services(config)
        self.connections = {name: self._connection(platform) for name, platform in self._accounts.items()}

    @property
    def config(self) -> Config:
        """The config that holds now."""
        return self.services.config

    async def run(self, stop: asyncio.Event) -> None:
        """Deliver, listen and follow the files until `stop` is set; then finish what is in flight.

        Raises:
            AlreadyRunningError: another process delivers from this database.
            UnauthorisedError: every platform refuses its token.
        """
        self._stop = stop
        async with self.delivering(listen=True):
            await self.services.notifier.tell(facts.Welcome(self.services.next_push()))
            await self.declare()
            self.supervisor.start("content", lambda: watch_folder(lambda: self.config.content.folder, self.tick))
            # It watches from its first step on, and so before the first look: what is saved meanwhile is not missed.
            await asyncio.sleep(0)
            await self.tick()
            self.supervisor.start("clock", lambda: every_minute(self.tick, self.clock))
            self.supervisor.start("reports", self._report_whenever_one_ends)
            if (file := self._file) is not None:
                self.supervisor.start("config", lambda: watch_file(file, self.tick))
            log.info("Ready. Next push: %s", self.services.next_push() or "none is scheduled")
            # Aside, so that nobody waits for it: neither the first search nor a start.
            await asyncio.to_thread(self.archive.prepare)
            settle_in()
            await stop.wait()
            log.info("Stopping: finishing what is in flight")
            await self.supervisor.stop("clock", "reports", "content", "config")
        self._check_tokens()

    @contextlib.asynccontextmanager
    async def delivering(self, *, listen: bool) -> AsyncIterator[None]:
        """Deliver while the context is open; with `listen`, also answer commands.

        Raises:
            AlreadyRunningError: another process delivers from this database.
            UnauthorisedError: every platform refuses its token.
        """
        if not self._lock.acquire():
            raise AlreadyRunningError(
                f"another recap process already delivers from {self.config.storage.path}: stop that one first, "
                "or give this one a database of its own (storage.url)"
            )
        try:
            for name, connection in self.connections.items():
                self.supervisor.start(f"{name} delivery", connection.deliver)
                if listen:
                    self.supervisor.start(f"{name} commands", connection.listen)
            await self._first_tries()
            self._check_tokens()
            yield
        finally:
            await asyncio.gather(*map(self._close, self.connections.values()))
            await self.supervisor.stop()
            self._lock.release()

    async def close(self) -> None:
        """Close the connections to platforms that were asked something and delivered nothing."""
        await asyncio.gather(
            *(self._close(connection) for connection in self.connections.values() if not connection.is_closed)
        )

    async def tick(self) -> None:
        """Take in what changed, and push whatever a schedule has due. Harmless at any time, any number of times.

        The watchers call it at once, and the clock every minute: no watcher sees every change in a mounted folder.

        Raises:
            LedgerError: the database cannot be used.
        """
        async with self._looking:
            if self._file is not None and Stamp.of(self._file) != self._stamp:
                await self._reload_config(self._file)
            self._swap(self.services, await self._load_archive(self.config))
            await self._tell_of_broken_files(at_once=await self._push())
            if not self._is_declared:
                await self.declare()

    async def declare(self) -> None:
        """Bring the subscriptions in line with the channels that the config declares, now or as soon as that can be.

        Raises:
            LedgerError: the database cannot be used.
        """
        wanted = self.config.subscriptions()
        # Until it has been done: a database that is in trouble now gets it at one of the next looks.
        self._is_declared = False
        self._is_declared = await declare(wanted, self._resolved, self.ledger.subscriptions)

    async def report(self) -> None:
        """Tell the admins about the pushes that have ended.

        Raises:
            LedgerError: the database cannot be used.
        """
        await self.services.notifier.report(self.clock() - REPORTED_WITHIN)

    def wake(self) -> None:
        """Tell the workers that something may be due."""
        for connection in self.connections.values():
            connection.worker.wake()

    # Following the clock, the config and the content

    async def _push(self) -> bool:
        services, pushed = self.services, False
        for schedule in services.config.schedules:
            occurrence = services.timetable.last_run(schedule.name)
            broadcast = occurrence and await services.broadcaster.push(schedule, occurrence)
            if broadcast:
                log.info("Schedule %s: pushing episode %d", schedule.name, broadcast.episode)
                pushed = True
                self.wake()
        return pushed

    async def _reload_config(self, file: Path) -> None:
        self._stamp = await Stamp.settled(file)
        try:
            config, fixed = reread(file, self.config)
        except InvalidInputError as error:
            await self.services.notifier.tell(facts.ConfigRefused(str(self._stamp), error.problems))
            return
        before = self.services
        self._swap(self._services(config), await self._load_archive(config))
        log.info("The config has changed and holds from now on")
        await self._restart_what_keeps_to(before)
        if config.subscriptions() != before.config.subscriptions():
            await self.declare()
        if fixed:
            await self.services.notifier.tell(facts.NeedsRestart(str(self._stamp), fixed))

    async def _load_archive(self, config: Config) -> Archive:
        # Beside the loop: reading a long archive must hold up nobody's answer.
        archive = await asyncio.to_thread(Archive.load, config.content.folder, config.topics, self.archive)
        if archive is not self.archive:
            await asyncio.to_thread(archive.prepare)
        return archive

    def _swap(self, services: Services, archive: Archive) -> None:
        """Let this plan and this archive hold from now on. Nobody sees one of them without the other."""
        for problem in archive.problems:
            if problem not in self.archive.problems:
                log.warning("%s", problem)
        if archive is not self.archive:
            self.archive = archive
            self.reloaded()
        if services is not self.services:
            self.services = services
            for connection in self.connections.values():
                connection.handlers.use(services.context, services.config.show.language)

    async def _restart_what_keeps_to(self, before: Services) -> None:
        """Begin anew what would go on as the config said before: workers at their pace, Telegram with its menu."""
        if self.config.show.language != before.config.show.language:
            for name in self.connections:
                if PLATFORMS[name].has_menu_of_show:
                    await self.supervisor.restart(f"{name} commands")
        for name, connection in self.connections.items():
            rate = self.services.rate(name)
            if rate != before.rate(name):
                connection.pacer.change_rate(rate)
            elif self.config.delivery == before.config.delivery:
                continue
            await self.supervisor.restart(f"{name} delivery")

    async def _tell_of_broken_files(self, *, at_once: bool) -> None:
        for file in self.archive.broken():
            if at_once or file.modified is None or abs(self.clock() - file.modified) >= SAVED:
                await self.services.notifier.tell(facts.FileBroken(file.version, file.problems, in_use=file.in_use))

    # What the parts of the bot have to say

    async def _report_whenever_one_ends(self) -> None:
        while True:
            self._finished.clear()
            await self.report()
            await self.ledger.prune()
            await self._finished.wait()

    async def _tell(self, fact: facts.Fact) -> None:
        # By the services that hold now: a worker may outlive those that it began with.
        await self.services.notifier.tell(fact)

    async def _after_refusal(self, platform: PlatformName) -> None:
        await self.services.notifier.tell(facts.PlatformStopped(platform))
        if all(connection.refusal is not None for connection in self.connections.values()):
            self._stop.set()

    async def _report_failure(self, service: str, error: Exception) -> None:
        # Only what is meant for people: the text of a bug may hold anything, an address with the token in it too.
        reason = str(error) if isinstance(error, ExpectedError) else type(error).__name__
        await self.services.notifier.tell(facts.ServiceRestarted(service, reason))

    def _check_tokens(self) -> None:
        refusals = [connection.refusal for connection in self.connections.values()]
        if refusals and all(refusals) and refusals[0] is not None:
            raise refusals[0]

    # Building and closing

    def _services(self, config: Config) -> Services:
        return Services.of(
            config,
            ledger=self.ledger,
            platforms=self._accounts,
            archive=lambda: self.archive,
            clock=self.clock,
            on_new=self.wake,
            throttle=self.throttle,
        )

    def _connection(self, account: Account) -> Connection:
        row = PLATFORMS[account.name]
        pacer = Pacer(self.services.rate(account.name), row.limits)
        handlers = row.handlers(account, self.services.context, pacer, self.config.show.language)
        handlers.register()
        return Connection(
            platform=account,
            pacer=pacer,
            worker=lambda: self._worker(account, pacer),
            handlers=handlers,
            refused=lambda: self._after_refusal(account.name),
        )

    def _worker(self, account: Account, pacer: Pacer) -> Worker:
        features = PLATFORMS[account.name].features
        return Worker(
            platform=account,
            ledger=self.ledger,
            pacer=pacer,
            clock=self.clock,
            hold=self.config.delivery.on_unknown == "hold",
            finder=cast("Finder", account) if Feature.FIND in features else None,
            publisher=cast("Publisher", account) if Feature.PUBLISH in features else None,
            finished=self._finished.set,
            tell=self._tell,
        )

    async def _resolved(self, target: Target) -> Target:
        account = self._accounts.get(target.platform)
        return target if account is None else await account.resolve(target)

    async def _first_tries(self) -> None:
        """Give every platform a moment to connect; one that needs longer is waited for by nobody."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(CONNECT_WITHIN):
                await asyncio.gather(*(connection.tried.wait() for connection in self.connections.values()))

    async def _close(self, connection: Connection) -> None:
        # Both at once: whoever is stopped only after the other may begin anew meanwhile.
        await connection.close(
            lambda: self.supervisor.stop(f"{connection.name} delivery", f"{connection.name} commands")
        )


@contextlib.asynccontextmanager
async def opened(
    config: Config, clock: Callable[[], dt.datetime] = utc_now, file: Path | None = None
) -> AsyncIterator[App]:
    """The app of a config, its ledger open; `file` is where the config was read.

    Raises:
        LedgerError: the database cannot be used.
    """
    async with await Ledger.open(config.storage.url, clock) as ledger:
        app = App(config, ledger, clock, file)
        try:
            yield app
        finally:
            await app.close()


async def declare(
    wanted: Iterable[Subscription],
    resolved: Callable[[Target], Awaitable[Target]],
    subscriptions: LedgerSubscriptions,
) -> bool:
    """Bring the subscriptions in line with those that the config declares; whether all could be looked up.

    A name is `resolved` to its chat's number, so that one chat cannot be subscribed under two names. Where one cannot
    be looked up now, the platform's subscriptions stay as they are.

    Raises:
        LedgerError: the database cannot be used.
    """
    declared: list[Subscription] = []
    unsure = set()
    for subscription in wanted:
        try:
            target = await resolved(subscription.target)
        except (TargetNotFoundError, TargetGoneError) as error:
            log.warning("%s is declared and cannot be reached: %s", subscription.target, error)
        except SendError as error:
            log.info("%s cannot be looked up now: %s", subscription.target, error)
            unsure.add(subscription.target.platform)
        else:
            declared.append(dataclasses.replace(subscription, target=target))
    certain = [subscription for subscription in declared if subscription.target.platform not in unsure]
    await subscriptions.declare(certain, unsure)
    return not unsure


YOUNG = 10_000
"""Objects made since the collector last looked among the young ones. By itself it looks after every 700 or 2,000, once
in a hundred messages or so, and finds nothing: what a message leaves behind is freed without it."""


def settle_in() -> None:
    """Have the garbage collector leave alone what is there by now, nearly all of which stays, and look less often.

    It would look through all of it again and again during a push, each time for longer than a message takes.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG, *gc.get_threshold()[1:])
