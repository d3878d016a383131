"""After the push: a file that changes, what the team hears of it, and the messages that people have."""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import io
from collections import Counter
from typing import TYPE_CHECKING

import pytest
import time_machine
from rich.console import Console
from typer.testing import CliRunner

from bot.cli import cli as command_group
from bot.cli import correct as command_line
from bot.cli import send, status
from bot.cli.console import Exit
from bot.commands import Request
from bot.content.wording import text_of
from bot.model.i18n import Language
from bot.model.problems import ExpectedError
from bot.model.subscription import PlatformName, Target
from bot.runtime.app import opened
from bot.sandbox.shared.faults import Call, Fault, Hook, Match
from bot.storage.records import DeliveryState
from tests.running import at_work
from tests.waiting import PATIENCE
from tests.world import MONDAY, DemoWorld, read_telegram, town

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from bot.runtime.app import App
    from bot.storage.records import Broadcast

HEAD = "---\nnumber: 1207\ntitle: {title}\ndate: 2024-11-04\n---\n"
SCHEDULE = '[[schedules]]\nname = "monday"\ncron = "0 8 * * mon"\n'
SUBJECTS = {
    "Netflix": "Netflix a 12 millions d’abonnés de plus.",
    "TikTok": "Rien de neuf chez TikTok cette semaine.",
    "Telegram": "Telegram passe le milliard.",
}


def text(title: str = "Le lundi", **subjects: str) -> str:
    """An episode's file with these subjects."""
    return HEAD.format(title=title) + "".join(f"\n## {name}\n\n{said}\n" for name, said in subjects.items())


@contextlib.asynccontextmanager
async def pushed(
    folder: Path, said: str, *, admin: bool = False, audio: str = "link"
) -> AsyncIterator[tuple[App, DemoWorld]]:
    """The running bot of a place that has just got this episode, everywhere."""
    (folder / "content").mkdir(exist_ok=True)
    (folder / "content" / "1207.md").write_text(said, encoding="utf-8")
    with time_machine.travel(MONDAY + dt.timedelta(minutes=1), tick=True):
        async with town() as place:
            boss = place.telegram.add_private(name="Ana") if admin else None
            config = place.config(folder, content=folder / "content", admin=boss, more=f'{SCHEDULE}audio = "{audio}"\n')
            async with opened(config) as app, at_work(app):
                await place.until(lambda: all(place.pushed().values()))
                (push,) = await app.ledger.broadcasts(1)
                await over(app, push)
                yield app, place


async def over(app: App, *broadcasts: Broadcast) -> dict[DeliveryState, int]:
    """Wait until the broadcasts have ended; the states of their deliveries."""
    states = Counter({DeliveryState.PENDING: 1})
    while states[DeliveryState.PENDING] or states[DeliveryState.SENDING]:
        await asyncio.sleep(0.02)
        states = Counter()
        for each in broadcasts:
            states.update(await app.ledger.tally(each.id))
    return {state: count for state, count in states.items() if count}


async def corrected(app: App, said: str) -> dict[DeliveryState, int]:
    """Change the file, correct everywhere, and wait for the end."""
    (app.config.content.folder / "1207.md").write_text(said, encoding="utf-8")
    await app.tick()
    return await over(app, *await app.services.corrector.begin(1207))


def standing(place: DemoWorld) -> dict[str, list[str]]:
    """What people see of the bot's messages in every place."""
    telegram = {"private": place.private, "group": place.group, "forum": place.forum, "channel": place.channel}
    seen = {
        name: [read_telegram(each) for each in chat.messages if each.by_bot and not each.deleted]
        for name, chat in telegram.items()
    }
    return place.pushed() | seen


async def test_a_corrected_place_looks_like_one_that_got_the_right_text(tmp_path: Path) -> None:
    """In every kind of chat, with a message per subject or all in one, whatever the number of messages becomes."""
    two = {name: SUBJECTS[name] for name in ("Netflix", "TikTok")}
    async with pushed(tmp_path, text(**two)) as (app, place):
        for subjects in (two | {"TikTok": "TikTok reste ouvert."}, SUBJECTS, two):
            right = text("Le bon lundi", **subjects)
            assert await corrected(app, right) == {DeliveryState.SENT: 8}
            seen = standing(place)
            assert all(said in "\n".join(texts) for said in subjects.values() for texts in seen.values()), (
                "each subject is everywhere"
            )
            assert [len(seen[name]) for name in ("group", "thread", "text")] == [len(subjects) + 1] * 2 + [1]
        assert [thread.name for thread in place.board.threads] == ["Le bon lundi"]
        episode = app.archive.get(1207)
        assert episode is not None
        again = await app.services.broadcaster.open(episode, "monday", due=MONDAY, again=True)
        assert again is not None
        await over(app, again)
        both = standing(place)
        halves = {name: (texts[: len(texts) // 2], texts[len(texts) // 2 :]) for name, texts in both.items()}
        assert [name for name, (old, new) in halves.items() if old != new] == []


async def test_a_terminal_corrects_and_recalls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A dry run changes nothing, one platform leaves the other alone, and a recall asks first."""
    printed = io.StringIO()
    console = Console(file=printed, width=200, markup=False, emoji=False, highlight=False)
    for module in (command_line, send, status):
        monkeypatch.setattr(module, "out", lambda: console)
    async with pushed(tmp_path, text(Netflix="ANCIEN")) as (app, place):
        (tmp_path / "content" / "1207.md").write_text(text(Netflix="NOUVEAU"), encoding="utf-8")
        await app.tick()
        steps = (["correct", "1207", "--dry-run"], 0), (["correct", "1207", "--platform", "discord"], 4)
        for arguments, right in (*steps, (["correct", "1207"], 8)):
            assert await asyncio.to_thread(recap, tmp_path, *arguments) == (0, "")
            assert sum("NOUVEAU" in "".join(texts) for texts in standing(place).values()) == right, printed.getvalue()
        assert "Discord: 4 messages, 4 places" in printed.getvalue()
        assert "4 places changed\n" in printed.getvalue()
        # The running bot tells of the end a moment after the command has seen it.
        titles: list[str] = []
        async with asyncio.timeout(PATIENCE):
            while len(titles) < 2:
                told = [each.text.partition("\n")[0] for each in await app.ledger.notices.latest(9)]
                titles = [each.partition(": ")[2] for each in told if "corrigé" in each]
        assert titles == ["corrigé partout", "corrigé sur Discord"]
        refused = await asyncio.to_thread(recap, tmp_path, "recall", "1207", answer="n\n")
        assert refused[0] == Exit.FAILED
        assert await asyncio.to_thread(recap, tmp_path, "recall", "1207", "--yes") == (0, "")
        assert not any(standing(place).values())
        assert await asyncio.to_thread(recap, tmp_path, "status") == (0, "")
        assert "Episode 1207 on monday was recalled afterwards." in printed.getvalue()
        failed = await asyncio.to_thread(recap, tmp_path, "send", "1207", "--only", "failed")
        assert failed == (1, "episode 1207 was recalled: `recap send 1207 --again` sends it anew, to everybody")


async def test_the_status_and_the_panel_say_how_far_a_correction_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In how many places it is made, and when it ends at its pace so far; nothing of it after its end."""

    async def panel(app: App) -> str:
        ana = Request("", Target(PlatformName("telegram"), "41"), Language.ENGLISH, person=41)
        return str((await app.services.context.panel(ana) or pytest.fail("there is no panel")).document)

    printed = io.StringIO()
    monkeypatch.setattr(status, "out", lambda: Console(file=printed, width=200))
    async with pushed(tmp_path, text(Netflix="ANCIEN")) as (app, place):
        answered = asyncio.Event()

        async def until_answered(_call: Call) -> None:
            await answered.wait()

        place.telegram.faults.add(Fault(Hook(until_answered), Match("editMessageText"), times=None))
        (tmp_path / "content" / "1207.md").write_text(text(Netflix="NOUVEAU"), encoding="utf-8")
        await app.tick()
        opened = await app.services.corrector.begin(1207)
        async with asyncio.timeout(PATIENCE):
            while "Episode 1207 is being corrected (4 of 8 places, expected end: Monday, " not in printed.getvalue():
                assert await asyncio.to_thread(recap, tmp_path, "status") == (0, "")
            assert "Episode 1207 is being corrected (4 of 8 places, expected end: Monday, " in await panel(app)
            answered.set()
            await over(app, *opened)
            # The last outcome comes before the end that follows from it.
            while await app.services.corrector.under_way():  # noqa: ASYNC110 - nothing announces it
                await asyncio.sleep(0.02)
            assert "is being corrected" not in await panel(app)


async def test_the_recording_gets_the_new_title(tmp_path: Path) -> None:
    """In the very message, for those who want the audio in the chat; a further correction of a subject leaves it."""
    (tmp_path / "content").mkdir()
    (tmp_path / "content" / "1207.mp3").write_bytes(b"\xff\xfb\x50\x00" + bytes(8_000))

    def said(title: str, **subjects: str) -> str:
        return text(title, **subjects).replace("\n---\n", "\naudio_file: 1207.mp3\n---\n", 1)

    async with pushed(tmp_path, said("Le lundi", **SUBJECTS), audio="file") as (app, place):
        (recording,) = (each for each in place.private.messages if each.audio)
        assert recording.audio is not None
        assert recording.audio["title"] == "Le lundi"
        assert DeliveryState.FAILED not in await corrected(app, said("Le bon lundi", **SUBJECTS))
        assert recording.audio["title"] == "Le bon lundi"
        exchanged = recording.request
        await corrected(app, said("Le bon lundi", Netflix="Netflix reste là."))
        assert recording.request == exchanged
        assert "Netflix reste là." in standing(place)["private"][-1]


async def test_an_edit_that_changes_no_message_is_compared_once(tmp_path: Path) -> None:
    """A topic that nobody has chosen changes the text alone; the ledger notes that the messages say it."""
    async with pushed(tmp_path, text(Netflix="Netflix a douze millions d’abonnés.")) as (app, _place):
        said = text(Netflix="#netflix\n\nNetflix a douze millions d’abonnés.")
        (tmp_path / "content" / "1207.md").write_text(said, encoding="utf-8")
        await app.tick()
        assert (await app.services.corrector.preview(1207)).extents == {}
        episode = app.archive.get(1207)
        assert episode is not None
        (sent,) = await app.ledger.corrections.sent(MONDAY)
        assert sent.text == text_of(episode)


def recap(folder: Path, *arguments: str, answer: str = "") -> tuple[int, str]:
    """Run a command; return its exit code and its error."""
    command = [*arguments, "--config", str(folder / "config.toml")]
    result = CliRunner().invoke(command_group, command, input=answer)
    return result.exit_code, str(result.exception) if isinstance(result.exception, ExpectedError) else ""
