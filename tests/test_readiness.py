"""What the admins and the log hear of what works: at the start, and again when it has changed for a while, once."""

from __future__ import annotations

import contextlib
import datetime as dt
import logging
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest

from bot.model.facts import WELCOME, Ability, tell_nobody
from bot.model.subscription import PlatformName
from bot.runtime.app import App, opened
from bot.runtime.heart import UNREACHED
from bot.runtime.readiness import Readiness
from bot.sandbox.shared.faults import BAD_GATEWAY, Fault, Match, Reply, Silence
from bot.storage.clock import SteadyClock
from tests.running import at_work
from tests.waiting import until
from tests.world import MONDAY, DemoWorld, read_discord, read_telegram, town

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

PAGE = Reply(200, "<html><body>Welcome to our hotel</body></html>", content_type="text/html")
REFUSED = Reply(400, {"ok": False, "error_code": 400, "description": "Bad Request: BOT_COMMAND_INVALID"})


@pytest.fixture(autouse=True)
def _hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """A bot that takes a change for lasting, and offers a menu again, after a moment."""
    monkeypatch.setattr("bot.runtime.readiness.LASTING", 0.5)
    monkeypatch.setattr("bot.platforms.menu.MENU_DELAYS", (1.5,))


@pytest.fixture
async def place() -> AsyncIterator[DemoWorld]:
    """Both platforms with every kind of chat."""
    async with town(is_new=True) as made:
        yield made


@contextlib.asynccontextmanager
async def running(place: DemoWorld, folder: Path) -> AsyncIterator[App]:
    """The whole bot on the day after a push, with an admin on each platform."""
    config, later = place.config(folder, admin=place.private), MONDAY + dt.timedelta(days=1) - dt.datetime.now(dt.UTC)
    async with opened(config, lambda: dt.datetime.now(dt.UTC) + later) as app, at_work(app):
        yield app


async def told(place: DemoWorld, words: str, within: float = 30.0) -> str:
    """Wait until Telegram's admin has a notice with these words, and return the notice."""

    def found() -> str:
        notices = (read_telegram(message).replace("\N{NO-BREAK SPACE}", " ") for message in place.private.messages)
        return next((notice for notice in notices if words in notice), "")

    return await place.telegram.wait_for(found, within)


async def logged(caplog: pytest.LogCaptureFixture, words: str) -> None:
    """Wait until the log says so."""
    await until(lambda: words in caplog.text)


async def test_all_is_set_when_everything_works(
    place: DemoWorld, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Each platform is connected, has the menu of commands and is heard; the log says the same."""
    caplog.set_level(logging.INFO)
    async with running(place, tmp_path):
        welcome = await told(place, "Tout est prêt")
        await logged(caplog, "Ready: ")
    for platform in ("Telegram", "Discord"):
        assert f"{platform} : connecté, menu des commandes accepté, commandes entendues" in welcome
    assert "What works: telegram: connected, menu, listening; discord: connected, menu, listening" in caplog.text


async def test_a_push_does_not_wait_until_every_platform_shows_what_works(
    place: DemoWorld, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While Discord is silent, Telegram gets what is due; the admins hear of the start afterwards."""
    monkeypatch.setattr("bot.runtime.readiness.KNOWN_WITHIN", 3600.0)
    monkeypatch.setattr("bot.runtime.connections.CONNECT_WITHIN", 0.1)
    place.discord.faults.add(Fault(Silence(), Match("GET /users/@me"), times=None))
    due = MONDAY + dt.timedelta(minutes=1) - dt.datetime.now(dt.UTC)
    clock = SteadyClock(lambda: dt.datetime.now(dt.UTC) + due)
    async with opened(place.config(tmp_path, admin=place.private), clock) as app, at_work(app):
        await place.telegram.wait_for(lambda: place.pushed()["channel"], 30)
        assert await app.ledger.notices.has_been_sent(WELCOME) is None


async def test_a_menu_that_is_refused_is_told_and_offered_again(place: DemoWorld, tmp_path: Path) -> None:
    """With the platform's own words; when Telegram takes it, that is told too, and each once."""
    place.telegram.faults.add(Fault(REFUSED, Match("setMyCommands"), times=None))
    async with running(place, tmp_path):
        welcome = await told(place, "tout ne fonctionne pas")
        assert "menu des commandes pas accepté (400 Bad Request: BOT_COMMAND_INVALID)" in welcome
        assert "Tout est prêt" not in welcome
        place.telegram.faults.clear()
        await told(place, "Telegram : tout fonctionne")
    titles = [message.text.split("\n")[0] for message in place.private.messages]
    assert len(titles) == 2
    assert len(place.telegram.menus) == 12


async def test_a_web_page_in_place_of_the_api_is_not_ready(
    place: DemoWorld, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """As a wrong `api_url` gives it: the log says so at once, and the other platform's admin hears of it."""
    caplog.set_level(logging.INFO)
    place.telegram.faults.add(Fault(PAGE, times=None))
    async with running(place, tmp_path) as app:
        await place.discord.wait_for(lambda: place.discord.direct(place.manager).messages, 30)
        await logged(caplog, "Ready: ")
        (unready,) = app.readiness.unready()
        assert unready.startswith("telegram")
    (welcome, *_) = place.discord.direct(place.manager).messages
    text = read_discord(welcome.components).replace("\N{NO-BREAK SPACE}", " ")
    assert "tout ne fonctionne pas" in text
    assert "Telegram : pas connecté (" in text
    assert "What works: telegram: not connected (" in caplog.text


async def test_commands_that_are_not_heard_any_more_are_told_when_it_lasts(place: DemoWorld, tmp_path: Path) -> None:
    """A poll that fails once is no news; a proxy's page for every poll is, and so is its end."""
    async with running(place, tmp_path):
        await told(place, "Tout est prêt")
        await place.telegram.wait_for(lambda: place.telegram.updates.polled)
        place.telegram.faults.add(Fault(BAD_GATEWAY, Match("getUpdates"), times=None))
        place.telegram.say(place.private, place.private.person, "/help")
        assert "commandes pas entendues (" in await told(place, "Telegram : tout ne fonctionne pas")
        place.telegram.faults.clear()
        await told(place, "Telegram : tout fonctionne", 60)


async def test_a_gateway_that_is_gone_is_told_when_it_lasts(place: DemoWorld, tmp_path: Path) -> None:
    """The same on Discord, by Telegram's admin."""
    async with running(place, tmp_path):
        await told(place, "Tout est prêt")
        await place.discord.stop()
        assert "commandes pas entendues (" in await told(place, "Discord : tout ne fonctionne pas", 60)
        await place.discord.start()
        await told(place, "Discord : tout fonctionne", 90)


def test_an_ability_is_trouble_only_when_it_fails_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    """For `recap healthy`, five minutes; a reason that changes meanwhile begins no new time, and an end does."""
    now = 0.0
    monkeypatch.setattr("bot.runtime.readiness.time", SimpleNamespace(monotonic=lambda: now))
    readiness = Readiness([PlatformName("telegram")], tell_nobody)
    readiness.note(PlatformName("telegram"), Ability.LISTENING, "a proxy answers")
    now = UNREACHED - 1
    readiness.note(PlatformName("telegram"), Ability.LISTENING, "no connection")
    assert readiness.failing(PlatformName("telegram"), UNREACHED) == ""
    now = UNREACHED
    assert readiness.failing(PlatformName("telegram"), UNREACHED) == "no connection"
    readiness.note(PlatformName("telegram"), Ability.LISTENING, "")
    readiness.note(PlatformName("telegram"), Ability.LISTENING, "no connection")
    assert readiness.failing(PlatformName("telegram"), UNREACHED) == ""
