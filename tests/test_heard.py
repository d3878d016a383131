"""The words that each person hears where somebody is out of reach, or another program or a ban stands in the way."""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import re
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING

import aiohttp
import pytest

from bot.cli.status import _facts
from bot.model.i18n import speaking
from bot.model.subscription import PlatformName
from bot.platforms.base import FloodError
from bot.platforms.menu import offer_menu
from bot.runtime.app import App, opened
from bot.sandbox.shared.faults import Fault, Match, Reply
from bot.storage.clock import SteadyClock
from bot.storage.health import troubles_of
from tests.running import at_work
from tests.test_reach import MISTYPED, plain
from tests.waiting import until
from tests.world import CONTENT, MONDAY, DemoWorld, read_discord, read_telegram, town

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from bot.sandbox.telegram.model import Chat

GOLDEN = Path(__file__).parent / "golden" / "heard.fr.txt"
TELEGRAM, DISCORD = PlatformName("telegram"), PlatformName("discord")
BANNED = Reply(
    429, "<html><body>error code: 1015</body></html>", content_type="text/html", headers={"Retry-After": "3000"}
)
"""The answer of a protection that refuses the address for fifty minutes."""


@pytest.fixture(autouse=True)
def _hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """A bot that shows that it lives every moment, and soon takes a rival that is quiet for gone."""
    monkeypatch.setattr("bot.runtime.heart.LOOK_EVERY", 0.05)
    monkeypatch.setattr("bot.runtime.heart.BEAT_EVERY", 0.05)
    monkeypatch.setattr("bot.platforms.telegram.polling.QUIET", 2.5)
    monkeypatch.setattr("bot.platforms.telegram.polling.LONGEST_PAUSE", 0.2)
    monkeypatch.setattr("bot.platforms.telegram.polling.POLL_TIMEOUT", 1)
    monkeypatch.setattr("bot.runtime.connections.CONNECT_WITHIN", 1.0)
    monkeypatch.setattr("bot.runtime.readiness.KNOWN_WITHIN", 2.0)


class Scene:
    """A bot at work, and what everybody hears of it."""

    def __init__(self, place: DemoWorld, boss: Chat, app: App) -> None:
        self.place, self.boss, self.app = place, boss, app

    def on_telegram(self) -> list[str]:
        """The notices to Telegram's admin."""
        return [plain(read_telegram(each)) for each in self.boss.messages if each.by_bot]

    def on_discord(self) -> list[str]:
        """The notices to Discord's admin."""
        return [plain(read_discord(each.components)) for each in self.place.discord.direct(self.place.manager).messages]

    def heard(self, words: str) -> Callable[[], bool]:
        """Whether an admin has read the words."""
        return lambda: any(words in each for each in (*self.on_telegram(), *self.on_discord()))

    async def troubled(self, words: str) -> None:
        """Wait until the health check knows of the trouble."""
        path = self.app.config.storage.path
        assert path is not None
        await until(lambda: any(words in plain(each) for each in troubles_of(path)))

    async def told(self, name: str) -> str:
        """All that was said, with names in place of numbers."""
        facts = await _facts(self.app)
        parts = {
            "Telegram’s admin hears": self.on_telegram(),
            "Discord’s admin hears": self.on_discord(),
            "`recap healthy` says": map(plain, facts["troubles"]),
            "`recap status` says of those out of reach": map(plain, facts["unreached"]),
        }
        said = "\n".join(
            f"--- {title}\n{text}" for title, texts in parts.items() if (text := "\n\n".join(texts).replace("\\", ""))
        )
        for number, shown in ((self.boss.id, "<cheffe>"), (self.place.manager.id, "<gérante>")):
            said = re.sub(rf"(?<=[:@]){number}\b", shown, said)
        return f"=== {name}\n{said}\n"


@contextlib.asynccontextmanager
async def scene(
    folder: Path, more: str = "", fault: Fault | None = None, *, started: bool = True, content: Path | None = None
) -> AsyncIterator[Scene]:
    """The bot on the day after a push, without an episode unless there is a folder; a fault is Discord's."""
    async with town() as place:
        if fault is not None:
            place.discord.faults.add(fault)
        boss = place.telegram.add_private(name="cheffe", started=started)
        config, later = (
            place.config(folder, content=content or folder, admin=boss, more=more),
            MONDAY + dt.timedelta(days=1),
        )
        ahead = later - dt.datetime.now(dt.UTC)
        clock = SteadyClock(lambda: dt.datetime.now(dt.UTC) + ahead)
        async with opened(config, clock) as app:
            with speaking(lambda: config.show.language):
                async with at_work(app):
                    yield Scene(place, boss, app)


@contextlib.asynccontextmanager
async def rival(place: DemoWorld) -> AsyncIterator[None]:
    """Another program that polls with the same token."""

    async def poll() -> None:
        async with aiohttp.ClientSession() as session:
            while True:
                url = f"{place.telegram.url}/bot{place.telegram.token}/getUpdates"
                async with session.post(url, json={"timeout": 1, "offset": 0}) as answer:
                    await answer.read()

    task = asyncio.create_task(poll())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def _never_wrote(folder: Path) -> str:
    async with scene(folder, started=False) as at:
        await at.place.until(at.heard("Certains sont injoignables"))
        while not (await _facts(at.app))["unreached"]:  # noqa: ASYNC110 - the heartbeat announces nothing
            await asyncio.sleep(0.01)
        return await at.told("an admin who never wrote to the bot")


async def _mistyped(folder: Path) -> str:
    async with scene(folder, MISTYPED) as at:
        await at.place.until(lambda: len([each for each in at.on_telegram() if "injoignables" in each]) == 1)
        await at.place.until(lambda: any("injoignables" in each for each in at.on_discord()))
        while not (await _facts(at.app))["unreached"]:  # noqa: ASYNC110 - the heartbeat announces nothing
            await asyncio.sleep(0.01)
        return await at.told("a mistyped name, a missing minus and a wrong number")


async def _rival(folder: Path) -> str:
    async with scene(folder) as at:
        await at.place.until(at.heard("Tout est prêt"))
        async with rival(at.place):
            await at.troubled("un autre programme")
            await at.place.until(lambda: all(len(each) == 2 for each in (at.on_telegram(), at.on_discord())))
            return await at.told("another program that polls with the token")


async def _webhook(folder: Path) -> str:
    async with scene(folder) as at:
        await at.place.until(at.heard("Tout est prêt"))
        await at.place.telegram.wait_for(lambda: at.place.telegram.updates.polled)
        at.place.telegram.updates.set_webhook("https://bots.example.org/123456789:secret")
        await at.place.until(lambda: all(len(each) == 2 for each in (at.on_telegram(), at.on_discord())))
        assert not at.place.telegram.updates.webhook
        at.place.telegram.say(at.boss, at.boss.person, "/help")
        await at.place.until(lambda: len(at.on_telegram()) == 3)
        said = await at.told("a webhook that another program has set")
        return said.split(at.on_telegram()[2][:20])[0].rstrip() + "\n" + said[said.index("--- Discord") :]


async def _banned(folder: Path) -> str:
    async with scene(folder, fault=Fault(BANNED, Match("GET /users/@me"), times=None)) as at:
        await at.place.until(at.heard("fait patienter"))
        await at.place.until(at.heard("tout ne fonctionne pas"))
        await at.troubled("demande au bot d’attendre")
        asked = [each for each in at.place.discord.traffic.requests if each.route == "GET /users/@me"]
        assert len(asked) == 1
        return re.sub(
            r"encore \d+ min( \d+ s)?", "encore … min", await at.told("a ban of the address at Discord’s login")
        )


async def test_what_each_person_hears(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    """Word for word, in French; `--golden` writes the file anew."""
    scenes = (_never_wrote, _mistyped, _rival, _webhook, _banned)
    said = []
    for each in scenes:
        folder = tmp_path / each.__name__
        folder.mkdir()
        said.append(await each(folder))
    text = "\n".join(said)
    if request.config.getoption("--golden"):
        GOLDEN.parent.mkdir(exist_ok=True)
        GOLDEN.write_text(text, encoding="utf-8")
    assert text == GOLDEN.read_text(encoding="utf-8")
    assert "<html" not in text


async def test_no_push_begins_beside_another_program_with_the_token(tmp_path: Path) -> None:
    """A copy of this bot would push the same. Discord and the notices go on; the push goes out when it is gone."""
    async with scene(tmp_path, content=CONTENT) as at:
        await at.place.until(at.heard("Tout est prêt"))
        async with rival(at.place):
            await until(lambda: at.app.connections[TELEGRAM].platform.has_rival)
            episode = at.app.archive.get(1207)
            assert episode is not None
            await at.app.services.broadcaster.open(episode, "monday", due=at.app.clock())
            at.app.wake()
            await at.place.until(lambda: bool(at.place.pushed()["text"]))
            await at.place.until(at.heard("un autre programme utilise le jeton du bot"))
            assert at.place.pushed()["channel"] == []
        await at.place.until(lambda: bool(at.place.pushed()["channel"]))
        await at.place.until(at.heard("8 abonnés sur 8 l’ont reçu"))


@pytest.mark.parametrize("platform", [TELEGRAM, DISCORD])
async def test_a_wait_at_login_is_kept(platform: PlatformName, tmp_path: Path) -> None:
    """However short the pauses of the supervisor: one question, and the next one when the time is over."""
    wait = Reply(429, "<html>1015</html>", content_type="text/html", headers={"Retry-After": "3000"})
    async with town() as place:
        stand_in = place.telegram if platform is TELEGRAM else place.discord
        route = "getMe" if platform is TELEGRAM else "GET /users/@me"
        stand_in.faults.add(Fault(wait, Match(route), times=None))
        async with opened(place.config(tmp_path)) as app, at_work(app):
            connection = app.connections[platform]
            await until(lambda: connection.pacer.pause() > 2900)
            await until(lambda: app.supervisor._tasks.get("reach") is not None)
            await app.declare()
            assert [each.route for each in stand_in.traffic.requests] == [route]


async def test_one_poll_that_another_program_ends_is_no_verdict(tmp_path: Path) -> None:
    """Somebody may have tried the token once: nobody is told, and the commands go on being heard."""
    async with scene(tmp_path) as at:
        await at.place.until(at.heard("Tout est prêt"))
        await at.place.telegram.wait_for(lambda: at.place.telegram.updates.polled)
        conflict = Reply(409, {"ok": False, "description": "Conflict: terminated by other getUpdates request"})
        at.place.telegram.faults.add(Fault(conflict, Match("getUpdates")))
        await at.place.telegram.wait_for(lambda: not at.place.telegram.faults.pending, 30)
        at.place.telegram.say(at.boss, at.boss.person, "/help")
        await at.place.until(at.heard("/unsubscribe"))
        assert not at.app.connections[TELEGRAM].platform.has_rival
        assert not at.heard("un autre programme")()


async def test_the_menu_is_offered_again_when_the_wait_is_over(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not after the usual five seconds."""
    pauses: list[float] = []

    async def sleep(seconds: float) -> None:
        pauses.append(seconds)

    monkeypatch.setattr("bot.platforms.menu.asyncio", SimpleNamespace(sleep=sleep))
    answers = [FloodError("too many requests", retry_after=3000.0), None]

    async def offer() -> None:
        if (error := answers.pop(0)) is not None:
            raise error

    await offer_menu(offer, lambda _ability, _reason: None)
    assert pauses == [3000.0]
