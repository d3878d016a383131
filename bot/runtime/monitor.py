"""The metrics for Prometheus, and the answers to health checks, over HTTP.

Because a bot without `[metrics]` needs neither the library nor a server, nothing loads this file before.
"""

import asyncio
import datetime as dt
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path

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

from bot.model.facts import Ability, Fact
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
_NAMED = ("platform",)
CLOSE_WITHIN = 1.0
"""Seconds that an answer under way may take when the bot stops."""


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
        self._ledger = ledger
        self._connections = connections
        self._readiness = readiness
        self._next_push = next_push
        self._backlog: Backlog | None = None
        self._registry = registry = CollectorRegistry()
        named, coded = _NAMED, (*_NAMED, "code")
        self.sent = Counter("recap_sent_deliveries", "Deliveries that arrived.", named, registry=registry)
        self.failed = Counter("recap_failed_deliveries", "Deliveries that failed.", coded, registry=registry)
        self.unknown = Counter("recap_unknown_deliveries", "Deliveries in doubt.", named, registry=registry)
        self.retried = Counter("recap_retries", "Attempts that are repeated.", coded, registry=registry)
        self.waits = Counter("recap_waits", "Pauses that the platform asked for.", named, registry=registry)
        self.waited = Counter("recap_waits_seconds", "Length of these pauses.", named, registry=registry)
        treated = (*_NAMED, "treatment")
        self.questions = Counter("recap_questions", "Questions of people.", treated, registry=registry)
        self.answers = Histogram(
            "recap_answer_seconds", "From a question to its answer.", named, buckets=SECONDS, registry=registry
        )
        self._notices = Counter("recap_notices", "Facts that the admins were told.", ["fact"], registry=registry)
        self._transactions = Histogram(
            "recap_database_seconds", "A transaction with its wait.", ["kind"], buckets=SECONDS, registry=registry
        )
        ProcessCollector(registry=registry)
        registry.register(self)
        for name, connection in connections.items():
            connection.pacer.observer = _PlatformObserver(self, name)
        ledger.observe(lambda kind, seconds: self._transactions.labels(kind).observe(seconds))

    def told(self, fact: Fact) -> None:
        """Count a fact that the admins are told."""
        self._notices.labels(type(fact).__name__).inc()

    async def text(self) -> bytes:
        """Return all metrics as Prometheus reads them; without a database, those that need none."""
        try:
            self._backlog = await self._ledger.figures.backlog(list(self._connections))
        except LedgerError:
            self._backlog = None
        return generate_latest(self._registry)

    def collect(self) -> Iterator[Metric]:
        """Yield the metrics that are read when somebody asks."""
        yield InfoMetricFamily("recap", "The program.", {"version": version("monday-recap")})
        yield _gauge("recap_next_push_timestamp_seconds", "The next push.", (), [((), self._next_push())])
        yield from self._of_platforms()
        backlog = self._backlog
        yield _gauge("recap_database_up", "1 if the database can be read.", (), [((), backlog is not None)])
        if backlog is not None:
            waiting = [((name,), count) for name, count in backlog.waiting.items()]
            yield _gauge("recap_queue_deliveries", "Deliveries that wait.", _NAMED, waiting)
            last_sent = [((name,), moment) for name, moment in backlog.last_sent.items()]
            yield _gauge("recap_last_message_timestamp_seconds", "The last that arrived.", _NAMED, last_sent)
            last_push = [((), backlog.last_push)]
            yield _gauge("recap_last_push_timestamp_seconds", "The last that reached somebody.", (), last_push)

    def _of_platforms(self) -> Iterator[Metric]:
        connections = self._connections.items()
        messages = CounterMetricFamily("recap_messages", "Messages that left, answers too.", labels=_NAMED)
        updates = CounterMetricFamily("recap_updates", "Updates and events that were handled.", labels=_NAMED)
        for name, each in connections:
            messages.add_metric([name], each.pacer.left)
            updates.add_metric([name], each.platform.updates)
        yield messages
        yield updates
        rates = [((name,), each.pacer.rate) for name, each in connections]
        yield _gauge("recap_rate_limit", "Messages a second at most.", _NAMED, rates)
        pauses = [((name,), each.pacer.pause()) for name, each in connections]
        yield _gauge("recap_pause_seconds", "Seconds left of a pause for everybody.", _NAMED, pauses)
        waiting = [((name, kind), count) for name, each in connections for kind, count in each.pacer.waiting.items()]
        yield _gauge("recap_turns_waiting", "Messages that wait for a turn.", ("platform", "kind"), waiting)
        roles = [((name,), each.role.is_held()) for name, each in connections]
        yield _gauge("recap_role", "1 if this process works on the platform.", _NAMED, roles)
        works = [
            ((standing.platform, ability), standing.reasons.get(ability, "unknown") == "")
            for standing in self._readiness.standings
            for ability in Ability
        ]
        yield _gauge("recap_works", "1 if this works on the platform.", ("platform", "ability"), works)


class _PlatformObserver:
    """The observer of one platform."""

    def __init__(self, exporter: Exporter, name: PlatformName) -> None:
        self._exporter = exporter
        self._name = name

    def recorded(self, outcomes: Sequence[Outcome]) -> None:
        """Count the outcomes."""
        for outcome in outcomes:
            match outcome.state:
                case DeliveryState.SENT:
                    self._exporter.sent.labels(self._name).inc()
                case DeliveryState.FAILED:
                    self._exporter.failed.labels(self._name, outcome.code).inc()
                case DeliveryState.UNKNOWN:
                    self._exporter.unknown.labels(self._name).inc()
                case _ if outcome.reason:
                    self._exporter.retried.labels(self._name, outcome.code).inc()

    def asked_to_wait(self, seconds: float) -> None:
        """Count the pause."""
        self._exporter.waits.labels(self._name).inc()
        self._exporter.waited.labels(self._name).inc(seconds)

    def asked(self, entry: Entry, seconds: float) -> None:
        """Count the question, and the time of its answer."""
        self._exporter.questions.labels(self._name, entry.name.lower()).inc()
        if entry is Entry.ADMITTED:
            self._exporter.answers.labels(self._name).observe(seconds)


class Monitor:
    """The server of the metrics, and of the health checks that tell what `recap healthy` tells.

    `database` is the ledger's file, None on a server.
    """

    def __init__(
        self,
        address: tuple[str, int],
        *,
        exporter: Exporter,
        ledger: Ledger,
        readiness: Readiness,
        database: Path | None,
    ) -> None:
        self._address = address
        self._exporter = exporter
        self._ledger = ledger
        self._readiness = readiness
        self._database = database
        self.addresses: list[tuple[str, int]] = []
        """The addresses at which the server answers now."""

    async def run(self) -> None:
        """Serve until cancelled.

        Raises:
            ListenError: the address is taken, or none of this machine's.
        """
        app = web.Application()
        app.add_routes(
            [
                web.get("/metrics", self._answer_metrics),
                web.get("/health", self._answer_health),
                web.get("/ready", self._answer_ready),
            ]
        )
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=CLOSE_WITHIN)
        await runner.setup()
        try:
            await self._listen(runner)
            await asyncio.Event().wait()
        finally:
            self.addresses = []
            await runner.cleanup()

    async def _listen(self, runner: web.AppRunner) -> None:
        try:
            await web.TCPSite(runner, *self._address).start()
        except OSError as error:
            told = _(
                "nothing can be served at {address} ({reason}): end the program that has it, or write another address "
                "as listen in [metrics]"
            )
            raise ListenError(
                told.format(address=":".join(map(str, self._address)), reason=reason_of(error))
            ) from error
        self.addresses = [address[:2] for address in runner.addresses]

    async def _answer_metrics(self, _request: web.Request) -> web.Response:
        return web.Response(body=await self._exporter.text(), headers={"Content-Type": CONTENT_TYPE_PLAIN_0_0_4})

    async def _answer_health(self, _request: web.Request) -> web.Response:
        troubles = await self._troubles()
        return _verdict({"healthy": not troubles, "troubles": troubles})

    async def _answer_ready(self, _request: web.Request) -> web.Response:
        troubles = [*await self._troubles(), *self._readiness.unready()]
        return _verdict({"ready": not troubles, "troubles": troubles})

    async def _troubles(self) -> list[str]:
        if self._database is not None:
            return await asyncio.to_thread(troubles_of, self._database)
        try:
            return [] if self._ledger.processes is None else await self._ledger.processes.troubles_here()
        except LedgerError as error:
            return [str(error)]


def _verdict(said: Mapping[str, object]) -> web.Response:
    return web.json_response(said, status=503 if said["troubles"] else 200)


def _gauge(
    name: str,
    text: str,
    labels: Sequence[str],
    values: Iterable[tuple[tuple[str, ...], float | dt.datetime | None]],
) -> Metric:
    """Return the metric with these values; there is none of a moment that never comes, or has not come yet."""
    gauge = GaugeMetricFamily(name, text, labels=labels)
    for of, value in values:
        if value is not None:
            gauge.add_metric(of, value.timestamp() if isinstance(value, dt.datetime) else value)
    return gauge
