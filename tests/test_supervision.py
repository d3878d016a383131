"""Supervision: what fails is started again, less and less eagerly, and told; what is refused stops alone."""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import logging
from typing import TYPE_CHECKING

import pytest

from bot.model.subscription import PlatformName
from bot.platforms.base import FloodError, NotSentError
from bot.runtime.app import AlreadyRunningError, App, opened
from bot.runtime.supervision import HEALTHY, PATIENCE, Supervisor
from bot.sandbox.shared.faults import Call, Fault, Flood, Hook, Match, Reply
from bot.storage.records import DeliveryState
from tests import waiting
from tests.running import at_work
from tests.world import MONDAY, DemoWorld, read_discord, town

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from bot.storage.records import Broadcast


class Watch:
    """A supervisor with a clock of its own, and what it did."""

    def __init__(self) -> None:
        self.now = 0.0
        self.pauses: list[float] = []
        self.reported: list[str] = []
        self.supervisor = Supervisor(self._report, lambda: self.now, self._sleep)

    async def _report(self, service: str, error: Exception) -> None:
        self.reported.append(f"{service}: {error}")

    async def _sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.now += seconds
        await asyncio.sleep(0)

    async def run(self, *runs: tuple[float, Exception | None]) -> None:
        """Let a service run for so many seconds each time, and end so."""
        left, done = list(runs), asyncio.Event()

        async def service() -> None:
            seconds, error = left.pop(0)
            self.now += seconds
            if error is not None:
                raise error
            done.set()

        self.supervisor.start("clock", service)
        async with asyncio.timeout(waiting.PATIENCE):
            await done.wait()
        await self.supervisor.stop()


async def test_a_service_that_fails_is_started_again_after_a_growing_pause() -> None:
    """Doubling, up to ten minutes; and from the beginning again after a healthy while."""
    watch = Watch()
    failure = NotSentError("no connection")
    await watch.run(*[(0.0, failure)] * 12, (HEALTHY + 1.0, failure), (0, None))
    assert len(watch.pauses) == 13
    assert all(1 <= pause / 2**attempt <= 2.001 for attempt, pause in enumerate(watch.pauses[:8]))
    assert all(300 <= pause <= 600 for pause in watch.pauses[9:12])
    assert watch.pauses[12] <= 2


async def test_a_service_that_returns_is_left_alone() -> None:
    """It has ended on purpose."""
    watch = Watch()
    await watch.run((0, None))
    assert watch.pauses == []


async def test_a_service_that_fails_while_it_is_stopped_stays_stopped() -> None:
    """A locked database turns the stop into an error of its own: nobody waits for a service that begins anew."""
    watch, begun = Watch(), asyncio.Event()

    async def service() -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError as error:
            raise NotSentError("the database is locked") from error

    watch.supervisor.start("clock", service)
    async with asyncio.timeout(waiting.PATIENCE):
        await begun.wait()
        await watch.supervisor.stop()
    assert watch.pauses == []


async def test_the_admins_hear_of_a_bug_at_once_and_of_the_network_when_it_goes_on(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """And the log has every failure: a sentence for what an admin understands, the traceback of a bug."""
    watch = Watch()
    await watch.run(*[(0, NotSentError("no connection"))] * (PATIENCE - 1), (0, None))
    assert watch.reported == []
    await watch.run(*[(0, NotSentError("no connection"))] * (PATIENCE + 3), (0, None))
    assert watch.reported == ["clock: no connection"]
    assert not any(record.exc_info for record in caplog.records)
    await watch.run((0, ZeroDivisionError("a bug")), (0, None))
    assert watch.reported == ["clock: no connection", "clock: a bug"]
    assert caplog.records[-1].exc_info


@pytest.mark.parametrize("error", [NotSentError("no connection"), RuntimeError("the report has a bug too")])
async def test_a_report_that_fails_ends_no_service(error: Exception) -> None:
    """The service is started again although nobody could be told why it had failed."""
    watch = Watch()

    async def fail(_service: str, _error: Exception) -> None:
        raise error

    watch.supervisor._report = fail
    await watch.run((0, ZeroDivisionError("a bug")), (0, ZeroDivisionError("a bug")), (0, None))
    assert len(watch.pauses) == 2


@pytest.fixture
async def place() -> AsyncIterator[DemoWorld]:
    """Both platforms with every kind of chat."""
    async with town() as made:
        yield made


async def test_what_the_admins_hear_of_a_bug_holds_no_secret(place: DemoWorld, tmp_path: Path) -> None:
    """Its text may be an address with the token in it; the kind of bug is enough, and the log has the rest."""

    async def fail() -> None:
        raise ValueError(f"{place.telegram.url}/bot{place.telegram.token}/getMe")

    async with opened(place.config(tmp_path)) as app, asyncio.timeout(waiting.PATIENCE):
        app.supervisor.start("clock", fail)
        notices: list[Broadcast] = []
        while not notices:
            await asyncio.sleep(0.01)
            notices = await app.ledger.notices.latest(1)
        await app.supervisor.stop()
    assert "ValueError" in notices[0].text
    assert place.telegram.token not in notices[0].text


@contextlib.asynccontextmanager
async def running(place: DemoWorld, folder: Path) -> AsyncIterator[App]:
    """The whole bot on the day after a push, with an admin on each platform, until the context is left."""
    config = place.config(folder, admin=place.private)
    async with opened(config, lambda: MONDAY + dt.timedelta(days=1)) as app, at_work(app):
        yield app


def told_on_discord(place: DemoWorld) -> str:
    """What Discord's admin was written by the bot, in one text with plain spaces."""
    messages = place.discord.direct(place.manager).messages
    return "\n".join(read_discord(each.components) for each in messages).replace("\N{NO-BREAK SPACE}", " ")


async def discord_answers(place: DemoWorld) -> None:
    """Wait until a command on Discord is answered."""
    latest = await place.discord.slash(place.reader, place.text, "latest")
    await place.discord.wait_for(lambda: latest.messages, 20)


REFUSAL = Reply(401, {"ok": False, "error_code": 401, "description": "Unauthorized"})


@pytest.fixture
def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """A token is refused after two answers, and asked for again after hundredths of a second."""
    monkeypatch.setattr("bot.runtime.connection.LATER", (2, 0.0))
    monkeypatch.setattr("bot.delivery.retry.FIRST_PAUSE", dt.timedelta(seconds=0.02))


@pytest.mark.usefixtures("hurry")
@pytest.mark.parametrize("met_by", ["getUpdates", "sendMessage"])
async def test_a_refused_token_stops_its_platform_alone_and_the_bot_comes_back(
    place: DemoWorld, tmp_path: Path, caplog: pytest.LogCaptureFixture, met_by: str
) -> None:
    """Telegram says 401 to the polls or to the first message: Discord goes on, and its admin hears of it, once.

    When Telegram takes the token again, it is served and polled again without a restart.
    """
    faults = place.telegram.faults
    faults.add(Fault(REFUSAL, Match(met_by), times=None))
    faults.add(Fault(REFUSAL, Match("getMe"), times=None, skip=1))
    async with running(place, tmp_path) as app:
        await place.discord.wait_for(lambda: "Telegram est à l’arrêt" in told_on_discord(place), 20)
        await discord_answers(place)
        assert [bool(each.refusal) for each in app.connections.values()] == [True, False]
        faults.clear()
        place.telegram.say(place.private, place.private.person, "/topics")
        await place.telegram.wait_for(lambda: any("#tiktok" in each.text for each in place.private.messages), 20)
        await place.discord.wait_for(lambda: "Telegram est de retour" in told_on_discord(place), 20)
        assert [bool(each.refusal) for each in app.connections.values()] == [False, False]
    assert told_on_discord(place).count("Telegram est à l’arrêt") == 1
    assert place.telegram.token not in caplog.text


async def test_a_poll_that_is_refused_alone_stops_no_platform(place: DemoWorld, tmp_path: Path) -> None:
    """Telegram takes the token when asked for it: nothing is told, and polling goes on after a moment."""
    async with running(place, tmp_path) as app:
        await place.telegram.wait_for(lambda: place.telegram.updates.polled)
        place.telegram.faults.add(Fault(REFUSAL, Match("getUpdates")))
        place.telegram.say(place.private, place.private.person, "/topics")
        place.telegram.say(place.private, place.private.person, "/topics")
        await place.telegram.wait_for(lambda: any("#tiktok" in each.text for each in place.private.messages), 20)
        assert not place.telegram.faults.pending
        assert app.connections[PlatformName("telegram")].refusal is None
        notices = await app.ledger.notices.latest(9)
    assert "Telegram" not in "".join(each.title for each in notices)


async def test_a_platform_that_cannot_be_reached_at_the_start_does_not_hold_up_the_other(
    place: DemoWorld, tmp_path: Path
) -> None:
    """Discord answers meanwhile, and Telegram is served as soon as it is there."""
    await place.telegram.stop()
    async with running(place, tmp_path):
        await discord_answers(place)
        await place.telegram.start()
        await place.telegram.wait_for(lambda: place.telegram.updates.polled, 20)


async def test_a_pause_that_is_asked_at_the_login_holds_for_every_message(place: DemoWorld, tmp_path: Path) -> None:
    """Discord says that it means this request alone; the next ones would be refused as well, and lengthen the pause."""
    place.discord.faults.add(Fault(Flood(60.0), Match("GET /users/@me")))
    async with opened(place.config(tmp_path)) as app:
        discord = app.connections[PlatformName("discord")]
        with pytest.raises(FloodError):
            await discord.deliver()
        assert discord.pacer.pause() == pytest.approx(60, abs=5)


async def test_a_gateway_that_closes_for_good_is_entered_again(
    place: DemoWorld, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """discord.py gives up after some close codes: the bot logs in anew by itself."""
    disallowed_intents = 4014
    async with running(place, tmp_path):
        await discord_answers(place)
        await place.discord.drop_gateway(disallowed_intents)
        with caplog.at_level(logging.WARNING):
            await discord_answers(place)
    assert "discord commands: " in caplog.text
    assert "starting it again in" in caplog.text


async def test_the_bot_ends_in_time_even_when_a_platform_hangs(
    place: DemoWorld, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A send without an answer is given its time to end, and no more; the ledger knows that it was on its way."""
    monkeypatch.setattr("bot.delivery.worker.DRAIN", 0.3)
    monkeypatch.setattr("bot.runtime.connection.CLOSE_WITHIN", 1.0)
    held = asyncio.Event()

    async def hold(_call: Call) -> None:
        held.set()
        await asyncio.Event().wait()

    place.telegram.faults.add(Fault(Hook(hold), Match("send*"), times=None))
    async with running(place, tmp_path) as app:
        # The welcome goes to both admins, and Telegram's never gets an answer.
        await place.discord.wait_for(lambda: told_on_discord(place), 20)
        async with asyncio.timeout(waiting.PATIENCE):
            await held.wait()
        (welcome,) = await app.ledger.notices.latest(1)
        assert (await app.ledger.tally(welcome.id))[DeliveryState.SENDING]
        began = asyncio.get_running_loop().time()
    assert asyncio.get_running_loop().time() - began < 5
    assert not place.private.messages


async def test_a_second_bot_on_the_same_database_says_what_to_do(place: DemoWorld, tmp_path: Path) -> None:
    """It does not start, and names the database and the two ways out."""
    async with running(place, tmp_path) as first:
        await place.telegram.wait_for(lambda: place.telegram.updates.polled)
        async with opened(first.config) as second:
            with pytest.raises(AlreadyRunningError, match=r"recap\.db: stop that one first, or give"):
                await second.run(asyncio.Event())
        await discord_answers(place)
