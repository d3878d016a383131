"""The processes that share a PostgreSQL: what each shows of itself, who works on what, and which config holds."""

from __future__ import annotations

import asyncio
import datetime as dt
from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

import pytest
from sqlalchemy import update

from bot.cli import processes as shown_processes
from bot.model.i18n import Language, speaking
from bot.platforms.registry import load
from bot.runtime import app as whole
from bot.runtime import monitor
from bot.storage.clock import SteadyClock, utc_now
from bot.storage.leases import CLOCK, SharedLeases
from bot.storage.ledger import Ledger
from bot.storage.processes import machine_name
from bot.storage.records import Authority, Versions
from bot.storage.tables import processes
from tests.delivery import postgres
from tests.delivery.ledger_kit import MONDAY, TELEGRAM, change_expires, opened
from tests.endurance.servers import Link
from tests.test_monitor import TOKEN, samples

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from bot.runtime.app import App

DAY = dt.timedelta(days=1)
SOONER, LATER = Versions("before", MONDAY, {"1207.md": "a"}), Versions("after", MONDAY + DAY, {"1207.md": "a"})


@pytest.fixture
async def one(postgresql: str) -> AsyncIterator[Ledger]:
    """The ledger of the process “one”, on an empty database."""
    postgres.empty(postgresql)
    async with opened(postgresql) as ledger:
        yield await named(ledger, "one")


@pytest.fixture
async def two(one: Ledger, postgresql: str) -> AsyncIterator[Ledger]:
    """The ledger of the process “two”, on the same database."""
    del one
    async with opened(postgresql) as ledger:
        yield await named(ledger, "two")


async def named(ledger: Ledger, name: str, versions: Versions = SOONER) -> Ledger:
    """The ledger of a process of this name, with its heart beating."""
    assert ledger.processes is not None
    assert isinstance(ledger.leases, SharedLeases)
    ledger.processes.name = ledger.leases.process = name
    ledger.heartbeat.versions = versions
    await ledger.heartbeat.take()
    return ledger


async def becomes(ledger: Ledger, versions: Versions) -> None:
    """Let the process work with another config."""
    ledger.heartbeat.versions = versions
    await ledger.heartbeat.beat([])


async def died(ledger: Ledger, ago: dt.timedelta) -> None:
    """Let the process have died so long ago."""
    assert ledger.processes is not None
    beat = utc_now() - ago
    await ledger._database.change(update(processes).where(processes.c.name == ledger.processes.name).values(beat=beat))


def app_of(ledger: Ledger) -> App:
    """What the command line asks of an app."""
    return cast("App", SimpleNamespace(ledger=ledger, config=SimpleNamespace(platforms={TELEGRAM: None})))


async def lines(ledger: Ledger) -> list[str]:
    """What `recap status` says of the processes."""
    with speaking(lambda: Language.ENGLISH):
        return list(shown_processes.lines(await shown_processes.shown(app_of(ledger)), lambda moment: moment[:4]))


async def test_the_status_shows_who_works_on_what_and_what_differs(one: Ledger, two: Ledger) -> None:
    """The one that opens the pushes is the measure: its config and its newest episodes hold."""
    for role in (CLOCK, TELEGRAM):
        await one.leases.take(role)
    assert await lines(one) == ["one works on: pushes and telegram.", "two stands by."]
    await becomes(two, Versions("other", MONDAY, {"1207.md": "b", "1206.md": "a"}))
    assert await lines(one) == [
        "one works on: pushes and telegram.",
        "two stands by.",
        "two has another config than one.",
        "two has another 1206.md than one.",
        "two has another 1207.md than one.",
    ]


async def test_a_process_that_died_is_shown_for_a_day(one: Ledger, two: Ledger) -> None:
    """Then it is forgotten at the next start; one that ends in order goes at once."""
    await died(two, dt.timedelta(minutes=5))
    assert await lines(one) == ["one stands by.", f"two has shown no sign of life since {utc_now():%Y}."]
    await died(two, 2 * DAY)
    await one.heartbeat.take()
    assert await lines(one) == ["one stands by."]
    await one.heartbeat.end()
    assert await lines(one) == []


async def test_troubles_are_those_of_all_and_of_roles_that_nobody_has(one: Ledger, two: Ledger) -> None:
    """A health check asks for those of its own machine."""
    await two.heartbeat.beat(["Telegram refuses the bot's token."], ["Nobody is reached."])
    app, here = app_of(one), one.processes
    assert here is not None
    with speaking(lambda: Language.ENGLISH):
        assert await shown_processes.troubles(app) == [
            "two: Telegram refuses the bot's token.",
            "No process looks at the clock, and no push begins.",
            "No process works on telegram: nothing is sent or received there.",
        ]
        assert await here.troubles_here() == ["The bot is not running: `recap run` starts it."]
        await named(one, f"{machine_name()} (17)")
        assert await here.troubles_here() == []
        for ledger in (one, two):
            await ledger.heartbeat.end()
        assert await shown_processes.troubles(app) == ["The bot is not running: `recap run` starts it."]


async def test_an_older_config_declares_nothing_after_a_newer_one(one: Ledger, two: Ledger) -> None:
    """Also when the process with the newer one has ended; the same config, or a newer one, declares again."""
    await two.leases.take(CLOCK)
    await becomes(two, LATER)
    await two.heartbeat.note_declared()
    await two.heartbeat.end()
    assert await one.heartbeat.authority() is Authority.NONE
    await becomes(one, LATER)
    assert await one.heartbeat.authority() is Authority.ALL
    await becomes(one, Versions("newest", MONDAY + 2 * DAY))
    assert await one.heartbeat.authority() is Authority.ALL


async def test_nothing_ends_while_two_processes_have_different_configs(one: Ledger, two: Ledger) -> None:
    """A config comes to one machine before the other, and whoever looks at the clock ends nobody's subscription."""
    await becomes(two, LATER)
    assert await one.heartbeat.authority() is Authority.ADD
    assert await two.heartbeat.authority() is Authority.ADD
    await died(two, DAY / 2)
    assert await one.heartbeat.authority() is Authority.ADD
    await becomes(two, SOONER)
    assert await one.heartbeat.authority() is Authority.ALL


async def test_the_servers_clock_is_that_of_every_process(postgresql: str) -> None:
    """However wrong the clock of the machine is, what is due and how old it is are the same everywhere."""
    fast = SteadyClock(lambda: utc_now() + dt.timedelta(minutes=5))
    async with await Ledger.open(postgresql, fast) as ledger, await Ledger.open(postgresql, SteadyClock()) as other:
        assert abs(ledger.clock() - other.clock()) < dt.timedelta(seconds=2)
        assert abs(ledger.clock.slip - dt.timedelta(minutes=5)) < dt.timedelta(seconds=2)
        ledger.clock.set(MONDAY)
        await ledger.heartbeat.follow()
        assert abs(ledger.clock() - other.clock()) < dt.timedelta(seconds=2)


async def test_a_lease_that_ran_out_is_nobodys_in_the_status(one: Ledger) -> None:
    """The process may still stand there as living for a while."""
    await one.leases.take(TELEGRAM)
    await change_expires(one, dt.timedelta(minutes=1))
    assert await lines(one) == ["one stands by."]


async def test_a_database_that_says_nothing_holds_up_no_monitor(
    postgresql: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a server that froze: the metrics and the health checks come in the time that others wait for them."""
    monkeypatch.setattr(monitor, "KNOWN_WITHIN", 0.1)
    async with Link(postgresql).open() as link:
        environ = {**TOKEN, "RECAP_STORAGE__URL": link.url, "RECAP_METRICS__LISTEN": "[::1]:1"}
        async with whole.opened(load(None, environ)) as app, asyncio.timeout(30):
            assert app.monitor is not None
            with link.frozen():
                found, troubles = await samples(app), await app.monitor._troubles()
    assert (found["recap_database_up"], found['recap_rate_limit{platform="telegram"}']) == (0, 30)
    assert troubles == ["The database cannot be read (no answer in time)."]
