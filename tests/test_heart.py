"""The heart of the bot: a database, a lock or a clock that somebody takes away, and what health checks see of it."""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import sqlite3
import time
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import update

from bot.model.facts import ClockSet
from bot.model.subscription import PlatformName, Subscription, Target
from bot.platforms.base import UnauthorisedError
from bot.runtime import heart
from bot.runtime.app import AlreadyRunningError, App, opened
from bot.sandbox.shared.faults import Fault, Match, Reply
from bot.storage import database, sqlite, tables
from bot.storage.clock import SteadyClock
from bot.storage.health import LATE, troubles_of
from bot.storage.heartbeat import SLIP
from bot.storage.place import Place
from bot.storage.records import DeliveryState, LedgerError, Outcome
from tests.delivery.ledger_kit import rendering
from tests.running import at_work
from tests.waiting import until
from tests.world import MONDAY, DemoWorld, read_telegram, town

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Collection, Iterable
    from pathlib import Path

TELEGRAM, DISCORD = PlatformName("telegram"), PlatformName("discord")
UNSAVED = "rien n’a été enregistré"
BROKEN, MENDED = "La base de données est inutilisable", "La base de données est de nouveau utilisable"


@pytest.fixture(autouse=True)
def _eagerness(monkeypatch: pytest.MonkeyPatch) -> None:
    """Looks and heartbeats that a test need not wait for."""
    monkeypatch.setattr(heart, "LOOK_EVERY", 0.05)
    monkeypatch.setattr(heart, "BEAT_EVERY", 0.05)


@pytest.fixture
async def place() -> AsyncIterator[DemoWorld]:
    """Both platforms with every kind of chat."""
    async with town() as made:
        yield made


class Machine:
    """A machine on the day after a push, whose clock somebody sets."""

    def __init__(self) -> None:
        self.began = time.monotonic()
        self.wall = MONDAY + dt.timedelta(days=1)

    def __call__(self) -> dt.datetime:
        """The time by the machine's clock."""
        return self.wall + dt.timedelta(seconds=time.monotonic() - self.began)


@contextlib.asynccontextmanager
async def running(place: DemoWorld, folder: Path, machine: Machine | None = None) -> AsyncIterator[App]:
    """The whole bot on the day after a push, with an admin on each platform."""
    clock = SteadyClock(machine or Machine())
    async with opened(place.config(folder, admin=place.private), clock) as app, at_work(app):
        await place.telegram.wait_for(lambda: place.telegram.updates.polled, 30)
        await place.telegram.wait_for(lambda: said(place).count("Tout est prêt"), 30)
        yield app


def said(place: DemoWorld) -> str:
    """What Telegram's admin was written by the bot, with plain spaces."""
    texts = "\n".join(read_telegram(each) for each in place.private.messages if each.by_bot)
    return texts.replace("\N{NO-BREAK SPACE}", " ")


async def hears(place: DemoWorld, text: str, times: int = 1) -> None:
    """Wait until Telegram's admin was written this so often."""
    try:
        await place.telegram.wait_for(lambda: said(place).count(text) >= times, 30)
    except TimeoutError:
        pytest.fail(f"{text!r} was not said {times} times in:\n{said(place)}")


def subscribe(place: DemoWorld, topic: str = "tiktok") -> None:
    """Type `/subscribe` and the topic in the private chat."""
    place.telegram.say(place.private, place.private.person, f"/subscribe {topic}")


def topics(path: Path) -> str:
    """The topics of the private chat in the file, as SQLite alone reads them."""
    with closing(sqlite3.connect(path)) as file:
        ((kept,),) = file.execute("SELECT topics FROM subscriptions WHERE chat NOT LIKE '-%' AND platform = 'telegram'")
    return str(kept)


async def test_a_database_that_is_deleted_is_told_at_once_and_put_back(
    place: DemoWorld, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Past the ledger, once; nobody is told that anything was saved meanwhile, and what was there before is there."""
    path = tmp_path / "recap.db"
    monkeypatch.setattr(database, "PUT_BACK_AFTER", 600.0)
    async with running(place, tmp_path):
        path.unlink()
        await hears(place, BROKEN)
        subscribe(place)
        await hears(place, UNSAVED)
        monkeypatch.setattr(database, "PUT_BACK_AFTER", 0.0)
        await hears(place, MENDED)
        assert topics(path) == ""
        subscribe(place)
        await hears(place, "Abonnement enregistré")
        assert topics(path) == "tiktok"
        assert said(place).count(BROKEN) == 1
    Place(path).check_copies()


async def test_a_database_in_trouble_during_the_start_is_outlived(
    place: DemoWorld, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The start is repeated until it succeeds, and then all of it has happened."""
    clock = SteadyClock(Machine())
    async with opened(place.config(tmp_path, admin=place.private), clock) as app:
        declare = app.ledger.subscriptions.declare
        failures = [LedgerError("the disk is full")]

        async def fail_first(declared: Iterable[Subscription], unsure: Collection[PlatformName] = ()) -> None:
            if failures:
                raise failures.pop()
            await declare(declared, unsure)

        monkeypatch.setattr(app.ledger.subscriptions, "declare", fail_first)
        async with at_work(app):
            await hears(place, "Tout est prêt")
            await until(lambda: {"content", "clock", "reports"} <= app.supervisor._tasks.keys())


async def test_a_database_that_is_replaced_is_told_and_never_written(place: DemoWorld, tmp_path: Path) -> None:
    """The bot stands still until the old file is back; a bot that starts beside the copy refuses to choose."""
    path, elsewhere, other = tmp_path / "recap.db", tmp_path / "elsewhere.db", tmp_path / "other.db"
    other.write_bytes(b"")
    async with running(place, tmp_path) as app:
        path.rename(elsewhere)
        other.rename(path)
        await hears(place, BROKEN)
        subscribe(place)
        await hears(place, UNSAVED)
        assert path.read_bytes() == b""
        elsewhere.rename(path)
        await hears(place, MENDED)
        subscribe(place)
        await hears(place, "Abonnement enregistré")
        assert app.supervisor._tasks["heart"].done() is False
    assert topics(path) == "tiktok"


async def test_a_locked_database_is_told_and_people_have_an_honest_answer_in_time(
    place: DemoWorld, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two who subscribe at once behind it wait less than five seconds; what was not saved is not saved later either."""
    monkeypatch.setattr(sqlite, "PATIENCE", 3.0)
    path = tmp_path / "recap.db"
    async with running(place, tmp_path):
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            asked = time.monotonic()
            subscribe(place)
            subscribe(place, "netflix")
            await hears(place, UNSAVED, times=2)
            assert time.monotonic() - asked < 5
            await hears(place, BROKEN)
            assert "occupé depuis trop longtemps par un autre programme" in said(place)
            other.execute("ROLLBACK")
        await hears(place, MENDED)
        assert topics(path) == ""
        subscribe(place)
        await hears(place, "Abonnement enregistré")
        assert topics(path) == "tiktok"


async def test_a_second_bot_does_not_start_where_the_lock_was_deleted(place: DemoWorld, tmp_path: Path) -> None:
    """The first one locks the new file."""
    lock = tmp_path / "recap.db.lock"
    async with running(place, tmp_path) as first:
        lock.unlink()
        await until(lock.exists)
        async with opened(first.config) as second:
            with pytest.raises(AlreadyRunningError):
                await second.run(asyncio.Event())
        subscribe(place)
        await hears(place, "Abonnement enregistré")


async def test_a_bot_whose_database_another_process_delivers_from_ends(place: DemoWorld, tmp_path: Path) -> None:
    """It would send everything a second time."""

    async def run() -> None:
        async with asyncio.timeout(30), running(place, tmp_path) as app:
            await app.ledger._database.change(update(tables.heartbeat).values(process="another"))
            await app._stop.wait()

    with pytest.raises(AlreadyRunningError, match="another recap process"):
        await run()


@pytest.mark.parametrize("jump", [dt.timedelta(minutes=-1), dt.timedelta(days=40)])
async def test_a_clock_that_is_set_is_told_once(place: DemoWorld, tmp_path: Path, jump: dt.timedelta) -> None:
    """And nothing else happens; the bot answers as before."""
    machine = Machine()
    async with running(place, tmp_path, machine) as app:
        machine.wall += jump
        await hears(place, "L’horloge a changé")
        assert ("retardée de 1 min" if jump < dt.timedelta() else "avancée de 960 h") in said(place)
        subscribe(place)
        await hears(place, "Abonnement enregistré")
        assert abs(app.ledger.clock.slip - jump) < SLIP or abs(app.ledger.clock.slip) < SLIP
    assert said(place).count("L’horloge a changé") == 1


async def test_after_a_restart_a_groups_last_minute_is_known(place: DemoWorld, tmp_path: Path) -> None:
    """Twenty messages just before a crash: the group gets the next one a minute after them, other chats at once."""
    group, machine = Target(TELEGRAM, str(place.group.id)), Machine()
    async with running(place, tmp_path, machine) as app:
        await app.connections[TELEGRAM].worker.stop()
        parts = rendering(*("Bonjour",) * 20)
        await app.ledger.create_single(episode=1, title="", target=group, rendering=parts)
        (claim,) = await app.ledger.claim(TELEGRAM, 1)
        arrived = Outcome(claim.id, DeliveryState.SENT, 20, ("7",) * 20, machine(), 0)
        await app.ledger.record([arrived])
    async with running(place, tmp_path, machine) as app:
        pacer = app.connections[TELEGRAM].pacer
        assert 30 < pacer.delay(group) < 63
        assert pacer.delay(Target(TELEGRAM, str(place.forum.id))) == 0


async def test_the_health_of_a_bot(place: DemoWorld, tmp_path: Path) -> None:
    """Healthy while loop, database and platforms do their work; each trouble is a sentence."""
    path = tmp_path / "recap.db"
    assert troubles_of(path) == [f"There is no database at {path}."]
    async with running(place, tmp_path) as app:
        assert troubles_of(path) == []
        await app.supervisor.stop("heart")
        telegram, discord = app.connections[TELEGRAM], app.connections[DISCORD]
        telegram.refusal = UnauthorisedError("no")
        with pytest.MonkeyPatch.context() as discords:
            discords.setattr(discord.pacer, "unanswered", lambda: heart.UNREACHED)
            await app.ledger.heartbeat.beat(await app._heart._troubles())
        assert troubles_of(path) == [
            "Telegram refuses the bot's token.",
            "Discord has not answered for 5 minutes.",
        ]
        telegram.refusal = None
        place.telegram.faults.add(Fault(Reply(502, {}), Match("send*"), times=None))
        await app.services.notifier.tell(ClockSet(dt.timedelta(hours=1)))
        while await app.ledger.heartbeat.standstill(DISCORD, await app.ledger.next_due(DISCORD)):  # noqa: ASYNC110 - only the ledger knows
            await asyncio.sleep(0.01)
        await app.connections[TELEGRAM].worker.stop()
        app.ledger.clock.set(app.ledger.clock() + heart.STANDSTILL + dt.timedelta(minutes=1))
        await app.ledger.heartbeat.beat(await app._heart._troubles())
        assert troubles_of(path) == ["Telegram: messages have been due for 11 minutes, and none arrives."]
        await _set_uptime(app, -LATE - 1)
        (sentence,) = troubles_of(path)
        assert sentence.startswith("The bot has written nothing for")
        # As after a start of a machine that gives its runs no name.
        await _set_uptime(app, 10 * LATE)
        (sentence,) = troubles_of(path)
        assert sentence.startswith("The bot has written nothing for")
    assert troubles_of(path) == ["The bot is not running: `recap run` starts it."]


async def _set_uptime(app: App, by: float) -> None:
    await app.ledger._database.change(update(tables.heartbeat).values(uptime=tables.heartbeat.c.uptime + by))
