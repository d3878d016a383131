"""Following the config and the content while the bot runs: at once, as a whole, and never into something broken."""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import os
import shutil
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import pytest

from bot.commands import Request
from bot.commands.subscribing import subscribe
from bot.model.facts import Welcome
from bot.model.i18n import Language
from bot.model.subscription import PlatformName, SubscriptionState, Target
from bot.platforms.registry import load
from bot.platforms.telegram.handlers import Handlers
from bot.runtime.app import App, opened
from bot.runtime.watch import watch_file, watch_folder
from bot.storage.feed import LedgerFeed
from bot.storage.records import LedgerError
from bot.storage.subscriptions import LedgerSubscriptions

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
    from pathlib import Path

TOKEN = "123456789:AAEloopbackloopbackloopbackloopback"
SETTINGS = f"""
[telegram]
token = "{TOKEN}"

[[channels]]
platform = "telegram"
chat = 1
"""
DISCORD = '[discord]\ntoken = "MTA5NzQ0.GhJkLm.abcdef"\n'
EPISODE = "---\nnumber: {number}\ntitle: Un\ndate: 2024-11-04\n---\n\n## Un\n\n#tiktok\n\nDu texte.\n"
TUESDAY = dt.datetime(2024, 11, 5, 12, 0, tzinfo=ZoneInfo("Europe/Paris"))


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody in these tests writes a file in pieces, and nobody waits for seconds."""
    monkeypatch.setattr("bot.runtime.watch.SETTLE", 0.01)
    monkeypatch.setattr("bot.runtime.watch.LOOK_EVERY", 0.1)
    monkeypatch.setattr("bot.runtime.watch.LOOK_AT_FILE_EVERY", 0.02)


class Team:
    """A bot that nobody connects, and the team's hands on its files."""

    def __init__(self, app: App, file: Path) -> None:
        self.app = app
        self.file = file

    async def write(self, text: str) -> None:
        """Save the config, and let the bot look."""
        self.file.write_text(text, encoding="utf-8")
        await self.app.tick()

    async def subscribers(self) -> dict[str, str]:
        """Who is subscribed, and in which state."""
        return {str(each.target): str(each.state) for each in await self.app.ledger.subscriptions.all()}

    async def told(self) -> list[str]:
        """What the admins were told, the oldest first, with plain spaces."""
        return [
            each.text.replace("\N{NO-BREAK SPACE}", " ") for each in reversed(await self.app.ledger.notices.latest(99))
        ]


@pytest.fixture
async def context(tmp_path: Path) -> AsyncIterator[Team]:
    """The bot of a config with one channel and one episode."""
    content = tmp_path / "content"
    content.mkdir()
    (content / "1.md").write_text(EPISODE.format(number=1), encoding="utf-8")
    file = tmp_path / "config.toml"
    file.write_text(SETTINGS, encoding="utf-8")
    async with opened(load(file, {}), lambda: TUESDAY, file) as app:
        await app.declare()
        yield Team(app, file)


async def test_channels_come_and_go_with_the_config(context: Team) -> None:
    """What is declared anew is subscribed, what is declared no more has ended."""
    await context.write(SETTINGS.replace("chat = 1", "chat = 2"))
    assert await context.subscribers() == {
        "telegram:1": SubscriptionState.ENDED,
        "telegram:2": SubscriptionState.ACTIVE,
    }


@pytest.mark.parametrize(("part", "step"), [(LedgerSubscriptions, "declare"), (LedgerFeed, "known")])
async def test_a_reload_that_the_database_stops_is_finished_at_the_next_look(
    context: Team, monkeypatch: pytest.MonkeyPatch, part: type, step: str
) -> None:
    """It was locked at the very moment: a minute later the channel is subscribed, and the admins hear of the rest."""
    changed = SETTINGS.replace("chat = 1", "chat = 2")
    changed += '[feed]\nurl = "https://feeds.example.org/"\n[metrics]\nlisten = "127.0.0.1:9464"\n'
    with monkeypatch.context() as locked:

        async def fail(*_arguments: object) -> None:
            raise LedgerError("recap.db has been in use for too long")

        locked.setattr(part, step, fail)
        with pytest.raises(LedgerError):
            await context.write(changed)
    await context.app.tick()
    assert (await context.subscribers())["telegram:2"] == SubscriptionState.ACTIVE
    assert any("metrics.listen" in text for text in await context.told())


async def test_schedules_names_topics_admins_and_pace_hold_at_once(context: Team) -> None:
    """All of them together, in the plan that is swapped: the commands say the new name in the new language."""
    before = context.app.services
    await context.write(
        SETTINGS.replace("[telegram]", "[telegram]\nrate = 7\nadmins = [99]")
        + '[show]\nname = "The recap"\nlanguage = "en"\n[topics]\ntiktok = ["clock app"]\n'
        + '[[schedules]]\nname = "evening"\ncron = "0 18 * * tue"\n[delivery]\non_unknown = "hold"\n'
    )
    services, connection = context.app.services, context.app.connections[PlatformName("telegram")]
    assert services is not before
    assert services.next_push() == TUESDAY.replace(hour=18)
    assert (services.context.show, list(services.context.schedules)) == ("The recap", ["evening"])
    assert context.app.archive.resolve_topic("Clock App") == "tiktok"
    assert connection.pacer.rate == 7
    assert isinstance(connection.handlers, Handlers)
    assert (connection.handlers._context, connection.handlers._language) == (services.context, Language.ENGLISH)
    assert context.app.config.delivery.on_unknown == "hold"
    await services.notifier.tell(Welcome(None))
    (welcome,) = await context.app.ledger.notices.latest(1)
    assert welcome.title == "All is set"
    assert await context.app.ledger.unfinished([welcome.id]) == {PlatformName("telegram"): 1}


@pytest.mark.parametrize(
    ("broken", "reason"),
    [
        ('[show]\nlanguage = "de"\n', "show.language"),
        ("[show\n", "this is not TOML"),
        ("", "the file is empty"),
        ("[[channels]]\nplatform = 'telegram'\nchat = 5\n", "this platform is switched off"),
    ],
)
async def test_a_config_that_cannot_be_used_changes_nothing_and_is_told_once(
    context: Team, broken: str, reason: str
) -> None:
    """What held before goes on, to the last subscription; mended, the file counts again."""
    services = context.app.services
    for _ in range(2):
        await context.write(broken)
        await context.app.tick()
    assert context.app.services is services
    assert await context.subscribers() == {"telegram:1": SubscriptionState.ACTIVE}
    told = await context.told()
    assert all(text.startswith("Les nouveaux réglages sont inutilisables") for text in told)
    assert reason in told[0]
    assert TOKEN not in "".join(told)
    told_before = len(told)
    await context.write(SETTINGS.replace("chat = 1", "chat = 3"))
    assert (await context.subscribers())["telegram:3"] == SubscriptionState.ACTIVE
    assert len(await context.told()) == told_before


async def test_a_config_that_has_gone_is_missed_once_and_nothing_ends(context: Team) -> None:
    """Deleted or unmounted for a while: the bot goes on, and takes the file when it is back."""
    context.file.unlink()
    for _ in range(3):
        await context.app.tick()
    (told,) = await context.told()
    assert "there is no such file" in told
    assert await context.subscribers() == {"telegram:1": SubscriptionState.ACTIVE}
    await context.write(SETTINGS.replace("chat = 1", "chat = 2"))
    assert (await context.subscribers())["telegram:2"] == SubscriptionState.ACTIVE


@pytest.mark.parametrize(
    ("change", "key"),
    [
        (lambda text: text.replace(TOKEN, TOKEN.replace("loop", "look")), "telegram.token"),
        (lambda text: text.replace("[telegram]", '[telegram]\napi_url = "https://example.org"'), "telegram.api_url"),
        (lambda text: text + DISCORD, "discord"),
        (lambda text: text + '[storage]\nurl = "sqlite:///other.db"\n', "storage.url"),
    ],
)
async def test_what_needs_a_restart_is_said_and_the_rest_holds(
    context: Team, change: Callable[[str], str], key: str
) -> None:
    """A token, an address, a platform, the database: named without showing it; the new channel counts at once."""
    await context.write(change(SETTINGS.replace("chat = 1", "chat = 2")))
    (told,) = await context.told()
    assert told == (
        "De nouveaux réglages demandent un redémarrage\n"
        f"Redémarrez le bot pour appliquer : {key}. Tout le reste est déjà en vigueur."
    )
    assert (await context.subscribers())["telegram:2"] == SubscriptionState.ACTIVE
    path = context.app.config.storage.path
    assert path is not None
    assert path.name == "recap.db"


def test_a_rate_that_must_be_paid_for_waits_until_it_is(tmp_path: Path) -> None:
    """Sending at a rate that Telegram has not been told to charge for would only be refused."""
    file = tmp_path / "config.toml"
    file.write_text(SETTINGS, encoding="utf-8")
    free = load(file, {})
    paid = "[telegram]\nallow_paid_broadcast = true\nrate = 500"
    file.write_text(SETTINGS.replace("[telegram]", paid), encoding="utf-8")
    config, fixed = load(file, {}).live(free)
    assert (config.platforms, fixed) == (free.platforms, ["telegram.allow_paid_broadcast", "telegram.rate"])


def test_switching_a_platform_off_needs_a_restart_and_keeps_it(tmp_path: Path) -> None:
    """Until then it goes on as it was."""
    file = tmp_path / "config.toml"
    file.write_text(SETTINGS + DISCORD, encoding="utf-8")
    both = load(file, {})
    file.write_text(SETTINGS, encoding="utf-8")
    config, fixed = load(file, {}).live(both)
    assert (config.platforms, fixed) == (both.platforms, ["discord"])


async def test_the_content_may_move_be_replaced_and_come_later(context: Team) -> None:
    """Another folder in the config counts at once; one that is not there yet keeps what was known until it comes."""
    await context.write(SETTINGS + '[content]\nfolder = "elsewhere"\n')
    assert [episode.number for episode in context.app.archive.episodes] == [1]
    elsewhere = context.file.parent / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "2.md").write_text(EPISODE.format(number=2), encoding="utf-8")
    await context.app.tick()
    assert [episode.number for episode in context.app.archive.episodes] == [2]


async def test_a_press_waits_for_one_that_came_before_the_reload(context: Team) -> None:
    """Else the two could undo each other."""
    here, before = Target(PlatformName("telegram"), "1"), context.app.services.context
    async with before.changing:
        await context.write(SETTINGS.replace("chat = 1", "chat = 2"))
        after = context.app.services.context
        assert after is not before
        press = asyncio.create_task(subscribe(after, Request("", here, Language.ENGLISH)))
        while not press.done() and not before.changing._waiters:
            assert (await context.subscribers())["telegram:1"] == SubscriptionState.ENDED
        assert not press.done()
    await press
    assert (await context.subscribers())["telegram:1"] == SubscriptionState.ACTIVE


async def test_nothing_is_made_anew_when_nothing_has_changed(context: Team) -> None:
    """The look of every minute costs no more than looking."""
    services, archive = context.app.services, context.app.archive
    await context.app.tick()
    assert (context.app.services, context.app.archive) == (services, archive)


class Watched:
    """A watcher at work, and a way to do something until it tells."""

    def __init__(self, changes: asyncio.Queue[None]) -> None:
        self._changes = changes

    async def tells(self, action: Callable[[], object] = lambda: None) -> None:
        """Do this again and again until a change is told: a watcher may just be turning to another folder."""
        while not self._changes.empty():
            self._changes.get_nowait()
        while True:
            action()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(0.5):
                    return await self._changes.get()


@contextlib.asynccontextmanager
async def watched(
    watching: Callable[[Callable[[], Awaitable[None]]], Coroutine[None, None, None]],
) -> AsyncIterator[Watched]:
    """Run a watcher until the context is left."""
    changes: asyncio.Queue[None] = asyncio.Queue()

    async def changed() -> None:
        changes.put_nowait(None)

    task = asyncio.create_task(watching(changed))
    # So that it has seen how things are before anything changes.
    await asyncio.sleep(0)
    try:
        async with asyncio.timeout(20):
            yield Watched(changes)
    finally:
        task.cancel()
        await asyncio.wait({task})


async def test_a_config_of_the_same_size_and_age_is_another_one(context: Team) -> None:
    """As a tool leaves it that sets all dates alike and puts the new file into the place of the old."""
    draft = context.file.with_name("draft")
    draft.write_text(SETTINGS.replace("chat = 1", "chat = 2"), encoding="utf-8")
    before = context.file.stat()
    os.utime(draft, ns=(before.st_atime_ns, before.st_mtime_ns))
    draft.replace(context.file)
    assert (context.file.stat().st_size, context.file.stat().st_mtime_ns) == (before.st_size, before.st_mtime_ns)
    await context.app.tick()
    assert (await context.subscribers())["telegram:2"] == SubscriptionState.ACTIVE


async def test_a_folder_is_watched_before_it_is_there_and_after_it_was_replaced(tmp_path: Path) -> None:
    """Made later, written by an atomic rename as editors do, swapped for another folder: each is seen."""
    folder, draft, other = tmp_path / "content", tmp_path / "draft", tmp_path / "other"

    def save() -> None:
        draft.write_text("# Un", encoding="utf-8")
        draft.rename(folder / "1.md")

    async with watched(lambda changed: watch_folder(lambda: folder, changed)) as watcher:
        folder.mkdir()
        await watcher.tells()
        await watcher.tells(save)
        shutil.copytree(folder, other)
        folder.rename(tmp_path / "old")
        other.rename(folder)
        await watcher.tells()
        await watcher.tells(save)


async def test_a_file_is_watched_however_it_is_saved(tmp_path: Path) -> None:
    """Written in place, replaced by a rename, deleted and made again, behind a link that is swapped."""
    file, draft = tmp_path / "config.toml", tmp_path / "draft"
    file.write_text("a", encoding="utf-8")
    async with watched(lambda changed: watch_file(file, changed)) as watcher:
        file.write_text("ab", encoding="utf-8")
        await watcher.tells()
        draft.write_text("abc", encoding="utf-8")
        draft.rename(file)
        await watcher.tells()
        file.unlink()
        await watcher.tells()
        draft.write_text("abcd", encoding="utf-8")
        file.symlink_to(draft)
        await watcher.tells()
