"""The metrics and the health checks, as Prometheus and a monitor read them over HTTP."""

from __future__ import annotations

import asyncio
import datetime as dt
import json
import re
import socket
import time
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from bot.config.exposure import exposed_metrics
from bot.model.codes import Code
from bot.model.facts import Missed
from bot.model.subscription import PlatformName
from bot.platforms.base import Entry, FloodError
from bot.platforms.registry import load
from bot.runtime.app import App, opened
from bot.runtime.monitor import ListenError, Monitor
from bot.storage.clock import SteadyClock
from bot.storage.health import troubles_of
from bot.storage.records import DeliveryState, Outcome
from tests.conversation import Talk
from tests.delivery.ledger_kit import telegram
from tests.running import at_work
from tests.waiting import until
from tests.world import MONDAY, DemoWorld, read_telegram, town

if TYPE_CHECKING:
    from collections.abc import Mapping

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

            await until(lambda: app.monitor and app.monitor.addresses)
            await until(lambda: told(place) >= {"Tout est prêt", "Épisode 1207\N{NO-BREAK SPACE}: envoyé"})
            await until(lambda: not app.readiness.unready())
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
    app.services.notifier.on_told(Missed("monday", MONDAY, 1207))
    found, of_it = await samples(app), '{platform="telegram"}'
    assert found[f"recap_sent_deliveries_total{of_it}"] == found[f"recap_unknown_deliveries_total{of_it}"] == 1
    coded = '{code="flood",platform="telegram"}'
    assert found[f"recap_failed_deliveries_total{coded}"] == found[f"recap_retries_total{coded}"] == 1
    assert (found[f"recap_waits_total{of_it}"], found[f"recap_waits_seconds_total{of_it}"]) == (1, 90)
    assert 89 < found[f"recap_pause_seconds{of_it}"] <= 90
    assert found[f"recap_rate_limit{of_it}"] == 30
    assert found['recap_questions_total{platform="telegram",treatment="full"}'] == 1
    assert found['recap_notices_total{fact="Missed"}'] == 1
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


@pytest.mark.parametrize("name", ["alerts.yaml", "dashboard.json"])
async def test_alerts_and_dashboard_name_only_metrics_that_exist(app: App, name: str) -> None:
    """A metric that is renamed is renamed there too."""
    endings = {"counter": ("_total",), "histogram": ("_bucket", "_count", "_sum"), "gauge": ("",)}
    families = (await samples(app)).families.items()
    there = {name + end for name, kind in families for end in endings.get(kind, ())} | {"recap_info"}
    text = (DEPLOY / name).read_text(encoding="utf-8")
    read: Any = json.loads(text) if name.endswith(".json") else yaml.safe_load(text)
    expressions = list(_expressions(read))
    assert len(expressions) >= 8
    named = {found for each in expressions for found in re.findall(r"\b(?:recap|process)_\w+", each)}
    assert named - there == set()


def _expressions(value: object) -> Any:  # noqa: ANN401 - an iterator of text
    match value:
        case dict():
            for key, each in value.items():
                yield from [each] if key == "expr" else _expressions(each)
        case list():
            for each in value:
                yield from _expressions(each)


async def test_an_address_that_is_taken_is_told_with_its_cure(app: App) -> None:
    """The bot goes on without, and tries again."""
    assert app.monitor is not None
    with closing(socket.create_server(("127.0.0.1", 0))) as other:
        address = other.getsockname()
        other_monitor = Monitor(
            address, exporter=app.monitor._exporter, ledger=app.ledger, readiness=app.readiness, database=None
        )
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
