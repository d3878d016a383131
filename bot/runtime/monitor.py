"""The metrics for Prometheus, and the answers to health checks, over HTTP.

Because a bot without `[metrics]` needs neither the library nor a server, nothing loads this file before.
"""

import asyncio
import datetime as dt
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from http import HTTPStatus
from importlib.metadata import version
from pathlib import Path
from typing import TypeVar

from aiohttp import web
from prometheus_client import (
    CONTENT_TYPE_PLAIN_0_0_4,
    CollectorRegistry,
    Counter,
    Histogram,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, InfoMetricFamily, Metric
from prometheus_client.registry import Collector

from bot.delivery.observer import Observer
from bot.model.codes import Code
from bot.model.facts import Ability, AboutPlace, Fact
from bot.model.i18n import gettext as _
from bot.model.problems import ExpectedError, reason_of
from bot.model.subscription import PlatformName
from bot.platforms.base import Entry
from bot.runtime.connection import Connection
from bot.runtime.readiness import Readiness
from bot.storage.figures import Backlog
from bot.storage.health import troubles_of
from bot.storage.ledger import Ledger
from bot.storage.records import DeliveryState, LedgerError, Outcome

# Because nobody asks when a counter was made, that is not served; else each counter would be two metrics.
disable_created_metrics()  # type: ignore[no-untyped-call] # of the library

SECONDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0)
"""The bounds between times that are counted apart. After the last, nobody waits for an answer any more."""
_NAMED, _CODED = ("platform",), ("platform", "code")
_OF_PLATFORM: Sequence[
    tuple[type[CounterMetricFamily | GaugeMetricFamily], str, str, Callable[[Connection], float]]
] = (
    (CounterMetricFamily, "recap_messages", "Messages that left, answers too.", lambda each: each.pacer.left),
    (CounterMetricFamily, "recap_updates", "Updates and events that were handled.", lambda each: each.platform.updates),
    (GaugeMetricFamily, "recap_rate_limit", "Messages a second at most.", lambda each: each.pacer.rate),
    (GaugeMetricFamily, "recap_pause_seconds", "Rest of a pause for everybody.", lambda each: each.pacer.pause()),
    (GaugeMetricFamily, "recap_role", "1 if this process works on it.", lambda each: each.role.is_held()),
)
_Labels = TypeVar("_Labels", bound=tuple[str, ...])
CLOSE_WITHIN = 1.0
"""Seconds that an answer under way may take when the bot stops."""
KNOWN_WITHIN = 5.0
"""Seconds in which the database has to answer: half of those that Prometheus waits, because a server may freeze."""


class ListenError(ExpectedError):
    """The error of an address at which nothing can be served."""


class Exporter(Collector):
    """The metrics of this process. Those that the bot has anyway are read when somebody asks.

    `told` hears each fact that the admins are told, and each platform's pacer gets an observer.
    """

    def __init__(
        self,
        ledger: Ledger,
        connections: Mapping[PlatformName, Connection],
        readiness: Readiness,
        next_push: Callable[[], dt.datetime | None],
    ) -> None:
        self.ledger = ledger
        self._connections = connections
        self.readiness = readiness
        self._next_push = next_push
        self._backlog: Backlog | None = None
        self._registry = CollectorRegistry()
        counter, histogram = partial(Counter, registry=self._registry), partial(Histogram, registry=self._registry)
        self._sent = counter("recap_sent_deliveries", "Deliveries that arrived.", _NAMED)
        self._failed = counter("recap_failed_deliveries", "Deliveries that failed.", _CODED)
        self._unknown = counter("recap_unknown_deliveries", "Deliveries in doubt.", _NAMED)
        self._retried = counter("recap_retries", "Attempts that are repeated.", _CODED)
        self._waits = counter("recap_waits", "Pauses that the platform asked for.", _NAMED)
        self._waited = counter("recap_waits_seconds", "Length of these pauses.", _NAMED)
        self._questions = counter("recap_questions", "Questions of people.", ("platform", "treatment"))
        self._answers = histogram("recap_answer_seconds", "From a question to its answer.", _NAMED, buckets=SECONDS)
        self._notices = counter("recap_notices", "Facts that the admins were told.", ("fact",))
        self._transactions = histogram(
            "recap_database_seconds", "A transaction with its wait.", ("kind",), buckets=SECONDS
        )
        ProcessCollector(registry=self._registry)
        self._registry.register(self)
        for name, connection in connections.items():
            hearers = (self._recorded, self._asked_to_wait, self._asked)
            connection.pacer.observer = Observer(*(partial(hearer, name) for hearer in hearers))
        self._begin()
        ledger.observe(lambda kind, seconds: self._transactions.labels(kind).observe(seconds))

    def _begin(self) -> None:
        """Begin each counter of an alert at zero, because Prometheus sees no step in the first sample of a counter."""
        for kind in (*Fact.__subclasses__(), *AboutPlace.__subclasses__()):
            if hasattr(kind, "KEY"):
                self._notices.labels(kind.__name__)
        for name in self._connections:
            for counter in (self._sent, self._unknown, self._waits, self._waited):
                counter.labels(name)
            for code in Code:
                self._failed.labels(name, code)

    def told(self, fact: Fact) -> None:
        """Count a fact that the admins are told."""
        self._notices.labels(type(fact).__name__).inc()

    def _recorded(self, name: PlatformName, outcomes: Sequence[Outcome]) -> None:
        for outcome in outcomes:
            match outcome.state:
                case DeliveryState.SENT:
                    self._sent.labels(name).inc()
                case DeliveryState.FAILED:
                    self._failed.labels(name, outcome.code).inc()
                case DeliveryState.UNKNOWN:
                    self._unknown.labels(name).inc()
                case _ if outcome.reason:
                    self._retried.labels(name, outcome.code).inc()

    def _asked_to_wait(self, name: PlatformName, seconds: float) -> None:
        self._waits.labels(name).inc()
        self._waited.labels(name).inc(seconds)

    def _asked(self, name: PlatformName, entry: Entry, seconds: float) -> None:
        self._questions.labels(name, entry.name.lower()).inc()
        if entry is Entry.ADMITTED:
            self._answers.labels(name).observe(seconds)

    async def text(self) -> bytes:
        """Return all metrics as Prometheus reads them; without a database, those that need none."""
        try:
            async with asyncio.timeout(KNOWN_WITHIN):
                self._backlog = await self.ledger.figures.backlog(list(self._connections))
        except (LedgerError, TimeoutError):
            self._backlog = None
        return generate_latest(self._registry)

    def collect(self) -> Iterator[Metric]:
        """Yield the metrics that are read when somebody asks."""
        yield InfoMetricFamily("recap", "The program.", {"version": version("monday-recap")})
        yield _gauge("recap_next_push_timestamp_seconds", "The next push.", (), {(): self._next_push()})
        yield from self._of_platforms()
        backlog = self._backlog
        yield _gauge("recap_database_up", "1 if the database can be read.", (), {(): backlog is not None})
        if backlog is not None:
            waiting = {(name,): count for name, count in backlog.waiting.items()}
            yield _gauge("recap_queue_deliveries", "Deliveries that wait.", _NAMED, waiting)
            last = {(name,): moment for name, moment in backlog.last_sent.items()}
            yield _gauge("recap_last_message_timestamp_seconds", "The last that arrived.", _NAMED, last)
            reached = {(): backlog.last_push}
            yield _gauge("recap_last_push_timestamp_seconds", "The last that reached somebody.", (), reached)

    def _of_platforms(self) -> Iterator[Metric]:
        connections = {(name,): each for name, each in self._connections.items()}
        for family, name, text, read in _OF_PLATFORM:
            metric = family(name, text, labels=_NAMED)
            for of, each in connections.items():
                metric.add_metric(of, read(each))
            yield metric
        waiting = {(*of, kind): count for of, each in connections.items() for kind, count in each.pacer.waiting.items()}
        yield _gauge("recap_turns_waiting", "Messages that wait for a turn.", (*_NAMED, "kind"), waiting)
        works = {
            (each.platform, ability): each.reasons.get(ability, "unknown") == ""
            for each in self.readiness.standings
            for ability in Ability
        }
        yield _gauge("recap_works", "1 if this works on the platform.", (*_NAMED, "ability"), works)


class Monitor:
    """The server of the metrics, and of the health checks that tell what `recap healthy` tells.

    `database` is the ledger's file, None on a server.
    """

    def __init__(self, address: tuple[str, int], exporter: Exporter, database: Path | None) -> None:
        self._address = address
        self._exporter = exporter
        self._database = database

    async def run(self) -> None:
        """Serve until cancelled.

        Raises:
            ListenError: the address is taken, or none of this machine's.
        """
        app = web.Application()
        healthy, ready = partial(self._answer, "healthy"), partial(self._answer, "ready")
        app.add_routes(
            [web.get("/metrics", self._answer_metrics), web.get("/health", healthy), web.get("/ready", ready)]
        )
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=CLOSE_WITHIN)
        await runner.setup()
        try:
            await web.TCPSite(runner, *self._address).start()
            await asyncio.Event().wait()
        except OSError as error:
            told = _(
                "nothing can be served at {address} ({reason}): end the program that has it, or write another address "
                "as listen in [metrics]"
            )
            address = ":".join(map(str, self._address))
            raise ListenError(told.format(address=address, reason=reason_of(error))) from error
        finally:
            await runner.cleanup()

    async def _answer_metrics(self, _request: web.Request) -> web.Response:
        return web.Response(body=await self._exporter.text(), headers={"Content-Type": CONTENT_TYPE_PLAIN_0_0_4})

    async def _answer(self, verdict: str, _request: web.Request) -> web.Response:
        troubles = await self._troubles()
        if verdict == "ready":
            troubles = [*troubles, *self._exporter.readiness.unready()]
        said = {verdict: not troubles, "troubles": troubles}
        return web.json_response(said, status=HTTPStatus.SERVICE_UNAVAILABLE if troubles else HTTPStatus.OK)

    async def _troubles(self) -> list[str]:
        try:
            async with asyncio.timeout(KNOWN_WITHIN):
                if self._database is not None:
                    return await asyncio.to_thread(troubles_of, self._database)
                processes = self._exporter.ledger.processes
                return [] if processes is None else await processes.troubles_here()
        except LedgerError as error:
            return [str(error)]
        except TimeoutError:
            return [_("The database cannot be read ({error}).").format(error=_("no answer in time"))]


def _gauge(name: str, text: str, labels: Sequence[str], values: Mapping[_Labels, float | dt.datetime | None]) -> Metric:
    """Return the metric with these values; there is none of a moment that never comes, or has not come yet."""
    gauge = GaugeMetricFamily(name, text, labels=labels)
    for of, value in values.items():
        if value is not None:
            gauge.add_metric(of, value.timestamp() if isinstance(value, dt.datetime) else value)
    return gauge
