"""The metrics and the health checks, as Prometheus and a monitor read them over HTTP."""

from __future__ import annotations

import asyncio
import datetime as dt
import json
import re
import socket
import time
from contextlib import closing, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest.mock import AsyncMock

import aiohttp
import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from bot.config.exposure import exposed_metrics
from bot.model.codes import NO_FAILURES, Code
from bot.model.facts import Ability, Fact, Missed
from bot.model.subscription import PlatformName
from bot.platforms.base import Entry, FloodError
from bot.platforms.registry import load
from bot.runtime.app import App, opened
from bot.runtime.monitor import ListenError, Monitor
from bot.storage.clock import SteadyClock
from bot.storage.figures import Backlog, LedgerFigures
from bot.storage.health import troubles_of
from bot.storage.records import DeliveryState, Outcome
from tests.conversation import Talk
from tests.delivery.ledger_kit import telegram
from tests.running import at_work
from tests.waiting import until
from tests.world import MONDAY, DemoWorld, read_telegram, town

if TYPE_CHECKING:
    from collections.abc import Mapping

promql: Any = None
with suppress(ImportError):
    import promql_parser as promql

needs_parser = pytest.mark.skipif(promql is None, reason="this environment has no parser of PromQL")
TELEGRAM, DISCORD = PlatformName("telegram"), PlatformName("discord")
DEPLOY = Path(__file__).parent.parent / "deploy"
TOKEN = {"RECAP_TELEGRAM__TOKEN": "110201543:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw0"}


class Machine:
    """A machine at the hour of a push."""

    def __init__(self) -> None:
        self.began = time.monotonic()

    def __call__(self) -> dt.datetime:
        """The time by the machine's clock."""
        return MONDAY + dt.timedelta(seconds=time.monotonic() - self.began)


def free_port() -> int:
    """A port of this machine that nobody has."""
    with closing(socket.create_server(("127.0.0.1", 0))) as found:
        port: int = found.getsockname()[1]
    return port


def answers(port: int) -> bool:
    """Whether somebody listens at this port."""
    with closing(socket.socket()) as asking:
        return asking.connect_ex(("127.0.0.1", port)) == 0


class Samples(dict[str, float]):
    """The samples of a page of metrics, by their names with their labels, as in `recap_role{platform="discord"}`."""

    def __init__(self, page: str) -> None:
        self.families = {family.name: family.type for family in text_string_to_metric_families(page)}
        for family in text_string_to_metric_families(page):
            for sample in family.samples:
                labels = ",".join(f'{name}="{value}"' for name, value in sorted(sample.labels.items()))
                self[f"{sample.name}{{{labels}}}" if labels else sample.name] = sample.value


def told(place: DemoWorld) -> set[str]:
    """The first lines of what the admin on Telegram was sent."""
    return {read_telegram(each).splitlines()[0] for each in place.private.messages if each.by_bot}


async def samples(app: App) -> Samples:
    """The metrics of an app, through Prometheus's own parser."""
    assert app.monitor is not None
    return Samples((await app.monitor._exporter.text()).decode())


async def test_a_monday_is_seen_in_the_metrics_and_the_health_checks(tmp_path: Path) -> None:
    """A push to eight places with its report, one question, and a trouble: what the ledger knows is what is told."""
    port = free_port()
    async with town() as place:
        more = f'[metrics]\nlisten = "127.0.0.1:{port}"'
        config = place.config(tmp_path, admin=place.private, more=more)
        async with opened(config, SteadyClock(Machine())) as app, at_work(app), aiohttp.ClientSession() as session:
            assert app.monitor is not None

            async def ask(path: str) -> tuple[int, str]:
                async with session.get(f"http://127.0.0.1:{port}{path}") as answer:
                    return answer.status, await answer.text()

            await until(lambda: told(place) >= {"Tout est prêt", "Épisode 1207\N{NO-BREAK SPACE}: envoyé"})
            await until(lambda: answers(port) and not app.readiness.unready())
            while await app.ledger.is_anything_open():  # noqa: ASYNC110 - nothing announces it
                await asyncio.sleep(0.02)
            await Talk(app, place).on_telegram().says("/topic tiktok")
            await app.ledger.figures.save()
            figures = await app.ledger.figures.all()
            assert (figures.asked, [*figures.commands.values()]) == ({"tiktok": 1}, [{"topic": 1}])
            status, page = await ask("/metrics")
            found = Samples(page)
            assert status == 200
            (push,) = (await app.ledger.figures.all()).pushes
            assert (push.results or {})["sent"] == 8
            for name in (TELEGRAM, DISCORD):
                of_it = f'{{platform="{name}"}}'
                # The report of the push and the greeting reach an admin on each platform.
                assert found[f"recap_sent_deliveries_total{of_it}"] == 4 + 2
                assert found[f"recap_queue_deliveries{of_it}"] == 0
                assert found[f"recap_role{of_it}"] == 1
                assert MONDAY.timestamp() <= found[f"recap_last_message_timestamp_seconds{of_it}"]
            assert found['recap_answer_seconds_count{platform="telegram"}'] == 1
            assert found['recap_questions_total{platform="telegram",treatment="admitted"}'] == 1
            assert found['recap_updates_total{platform="telegram"}'] >= 1
            assert found['recap_notices_total{fact="Pushed"}'] == found['recap_notices_total{fact="Welcome"}'] == 1
            assert min(found[f'recap_database_seconds_count{{kind="{kind}"}}'] for kind in ("read", "write")) > 0
            assert found["recap_next_push_timestamp_seconds"] == (MONDAY + dt.timedelta(days=7)).timestamp()
            assert MONDAY.timestamp() <= found["recap_last_push_timestamp_seconds"] < MONDAY.timestamp() + 60
            assert {name: found[name] for name in found if name.startswith("recap_works{")} == dict.fromkeys(
                (name for name in found if name.startswith("recap_works{")), 1
            )
            assert await ask("/health") == (200, json.dumps({"healthy": True, "troubles": []}))
            assert await ask("/ready") == (200, json.dumps({"ready": True, "troubles": []}))
            await app.ledger.heartbeat.beat(["Telegram ne répond plus."])
            assert config.storage.path is not None
            for path in ("/health", "/ready"):
                status, said = await ask(path)
                assert (status, json.loads(said)["troubles"]) == (503, troubles_of(config.storage.path))


@pytest.fixture
async def app(tmp_path: Path) -> Any:  # noqa: ANN401 - yields an app
    """An app that serves metrics and is at rest."""
    environ = {**TOKEN, "RECAP_STORAGE__URL": f"sqlite:///{tmp_path / 'recap.db'}", "RECAP_METRICS__LISTEN": "[::1]:1"}
    async with opened(load(None, environ)) as made:
        yield made


async def test_what_became_of_messages_is_counted_by_platform_and_code(app: App) -> None:
    """Arrived, failed with the word of the reason, in doubt, tried again; pauses with their length; turned away."""
    pacer = app.connections[TELEGRAM].pacer
    assert pacer.observer is not None
    states = (DeliveryState.SENT, DeliveryState.FAILED, DeliveryState.UNKNOWN, DeliveryState.PENDING)
    outcomes = [Outcome(1, state, 0, (), MONDAY, 1, Code.FLOOD, "zu schnell") for state in states]
    # A message whose delivery goes on.
    pacer.observer.recorded([*outcomes, Outcome(1, DeliveryState.PENDING, 1, ("7",), MONDAY, 0)])
    pacer.note_flood(FloodError("", retry_after=90.0, everything=True), telegram(1))
    pacer.observer.asked(Entry.FULL, 0.0)
    pacer.observer.asked(Entry.REPEATED, 0.0)
    app.services.notifier.on_told(Missed("monday", MONDAY, 1207))
    found, of_it = await samples(app), '{platform="telegram"}'
    assert found[f"recap_sent_deliveries_total{of_it}"] == found[f"recap_unknown_deliveries_total{of_it}"] == 1
    coded = '{code="flood",platform="telegram"}'
    assert found[f"recap_failed_deliveries_total{coded}"] == found[f"recap_retries_total{coded}"] == 1
    assert sum(found[name] for name in found if name.startswith("recap_retries_total{")) == 1
    assert (found[f"recap_waits_total{of_it}"], found[f"recap_waits_seconds_total{of_it}"]) == (1, 90)
    assert 89 < found[f"recap_pause_seconds{of_it}"] <= 90
    assert found[f"recap_rate_limit{of_it}"] == 30
    assert found['recap_questions_total{platform="telegram",treatment="full"}'] == 1
    assert f"recap_answer_seconds_count{of_it}" not in found
    assert found['recap_notices_total{fact="Missed"}'] == 1
    assert found['recap_notices_total{fact="NotPublished"}'] == 0
    assert 'recap_last_message_timestamp_seconds{platform="telegram"}' not in found


async def test_a_database_that_cannot_be_read_is_told_and_hides_nothing_else(app: App, tmp_path: Path) -> None:
    """The page comes all the same."""
    assert (await samples(app))["recap_database_up"] == 1
    (tmp_path / "recap.db").rename(tmp_path / "elsewhere")
    found = await samples(app)
    assert found["recap_database_up"] == 0
    assert found['recap_rate_limit{platform="telegram"}'] == 30


async def test_a_bot_that_is_not_connected_is_not_ready(app: App) -> None:
    """Neither before it has tried, nor when it fails."""
    assert app.readiness.unready() == ["telegram: no answer yet."]


class Judge:
    """A judge of expressions, over the text of real metrics. The grammar and the types are those of a real parser."""

    def __init__(self, found: Samples) -> None:
        kinds = {"histogram": ("_bucket", "_count", "_sum"), "counter": ("_total",)}
        self.names, self.counters = dict[str, set[str]](), set[str]()
        for name in found:
            metric, _, labels = name.partition("{")
            self.names.setdefault(metric, set()).update(re.findall(r'(\w+)="', labels))
        for family, kind in found.families.items():
            self.counters |= {family + end for end in kinds.get(kind, ())}
        # Prometheus itself adds these two labels and this metric.
        self.names["up"] = set()

    def labels(self, expression: Any) -> set[str]:  # noqa: ANN401 - of a library without types
        """The labels of the result of an expression; every name, label and counter in it is as it should be."""
        match expression:
            case promql.VectorSelector():
                labels = self.names[expression.name] | {"instance", "job"}
                assert {each.name for each in expression.matchers.matchers} <= labels
                return labels
            case promql.MatrixSelector():
                return self.labels(expression.vector_selector)
            case promql.Call():
                found = [self.labels(each) for each in expression.args]
                if expression.func.name in {"rate", "increase"}:
                    assert expression.args[0].vector_selector.name in self.counters
                if expression.func.name == "histogram_quantile":
                    assert "le" in found[-1]
                    return found[-1] - {"le"}
                return found[-1] if found else set()
            case promql.AggregateExpr():
                by = set(expression.modifier.labels) if expression.modifier else set()
                assert by <= self.labels(expression.expr)
                return by
            case promql.BinaryExpr():
                left, right = self.labels(expression.lhs), self.labels(expression.rhs)
                matching = expression.modifier and expression.modifier.matching
                assert set(matching.labels if matching else ()) <= left & right
                return left or right
            case promql.ParenExpr() | promql.UnaryExpr():
                return self.labels(expression.expr)
        return set()


@pytest.fixture
async def judge(app: App, monkeypatch: pytest.MonkeyPatch) -> Judge:
    """The judge of a bot that has pushed, and answered, and seen trouble."""
    observer = app.connections[TELEGRAM].pacer.observer
    assert observer is not None
    observer.recorded([Outcome(1, DeliveryState.PENDING, 0, (), MONDAY, 1, Code.FLOOD, "zu schnell")])
    observer.asked(Entry.ADMITTED, 0.1)
    await app.ledger.is_anything_open()
    backlog = Backlog({TELEGRAM: 1}, {TELEGRAM: MONDAY}, MONDAY)
    monkeypatch.setattr(LedgerFigures, "backlog", AsyncMock(return_value=backlog))
    return Judge(await samples(app))


def shown(text: str) -> set[str]:
    """The labels that a legend or a summary shows."""
    return set(re.findall(r"\{\{ *(?:\$labels\.)?(\w+) *\}\}", text))


@needs_parser
async def test_the_alerts_can_be_judged_and_name_what_there_is(judge: Judge) -> None:
    """Metrics, labels, codes and facts; rates are those of counters, and a summary shows labels that are left."""
    rules = yaml.safe_load((DEPLOY / "alerts.yaml").read_text(encoding="utf-8"))["groups"][0]["rules"]
    for rule in rules:
        assert shown(rule["annotations"]["summary"]) <= judge.labels(promql.parse(rule["expr"])), rule["alert"]
    text = " ".join(rule["expr"] for rule in rules)
    assert set(re.findall(r'code!~"([^"]+)"', text)[0].split("|")) == NO_FAILURES
    assert set(re.findall(r'fact="(\w+)"', text)) <= {each.__name__ for each in Fact.__subclasses__()}
    assert set(re.findall(r'ability!?="(\w+)"', text)) <= {*Ability}


@needs_parser
async def test_the_dashboard_shows_what_there_is_in_its_unit(judge: Judge) -> None:
    """Seconds as seconds, moments in the milliseconds of Grafana, shares of a core, and counts as counts."""
    for panel in json.loads((DEPLOY / "dashboard.json").read_text(encoding="utf-8"))["panels"]:
        unit = panel["fieldConfig"]["defaults"]["unit"]
        for target in panel["targets"]:
            said = target["expr"]
            assert shown(target["legendFormat"]) <= judge.labels(promql.parse(said)), said
            ends = {"s": "_seconds", "dateTimeFromNow": "_timestamp_seconds", "bytes": "_bytes", "percentunit": "_cpu_"}
            assert ends.get(unit, "") in said, said
            is_of_time = unit in {*ends} - {"bytes"} or "histogram_quantile" in said
            assert ("_seconds" in said) == is_of_time, said
            assert said.startswith("1000 * ") == (unit == "dateTimeFromNow")


async def test_what_alerts_count_is_there_before_it_is_counted(app: App) -> None:
    """Prometheus sees no step in the first sample of a counter, so that the first trouble of all would go unheard."""
    found = await samples(app)
    expressions = re.findall(r"increase\((\w+)(?:\{(\w+=\"\w+\")\})?", (DEPLOY / "alerts.yaml").read_text("utf-8"))
    assert len(expressions) == 3
    for name, label in expressions:
        series = [value for each, value in found.items() if each.startswith(f"{name}{{") and label in each]
        assert series
        assert set(series) == {0}


async def test_an_address_that_is_taken_is_told_with_its_cure(app: App) -> None:
    """The bot goes on without, and tries again."""
    assert app.monitor is not None
    with closing(socket.create_server(("127.0.0.1", 0))) as other:
        address = other.getsockname()
        other_monitor = Monitor(address, app.monitor._exporter, database=None)
        with pytest.raises(ListenError) as told:
            await other_monitor.run()
    assert str(told.value) == (
        f"nothing can be served at {address[0]}:{address[1]} (Address already in use): end the program that has it, or "
        "write another address as listen in [metrics]"
    )


@pytest.mark.parametrize(
    ("listen", "is_told"),
    [("127.0.0.1:9464", False), ("[::1]:9464", False), ("localhost:9464", False), ("", False)]
    + [(address, True) for address in ("0.0.0.0:9464", "192.168.1.7:9464", "[::]:9464", "recap.example.org:80")],
)
def test_an_address_that_others_reach_is_warned_of(listen: str, is_told: bool) -> None:
    """With the cure, where the setting stands."""
    environ = {**TOKEN, "RECAP_METRICS__LISTEN": listen}
    warnings = exposed_metrics(None, load(None, environ))
    assert [str(each).partition(": ")[0] for each in warnings] == ["environment"] * is_told


async def test_without_an_address_nobody_observes_anything(tmp_path: Path) -> None:
    """No observer, no server, and the library stays out (`test_process` holds that for a bot that runs)."""
    environ: Mapping[str, str] = {**TOKEN, "RECAP_STORAGE__URL": f"sqlite:///{tmp_path / 'recap.db'}"}
    async with opened(load(None, environ)) as app:
        assert app.monitor is None
        assert app.ledger._database.observers == []
        assert [each.pacer.observer for each in app.connections.values()] == [None]
