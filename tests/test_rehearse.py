"""Before the push, in a terminal: `recap rehearse`, `approve`, `withhold` and `release`."""

from __future__ import annotations

import datetime as dt
import io
import json
import re
from typing import TYPE_CHECKING

import pytest
import time_machine
from rich.console import Console
from typer.testing import CliRunner

from bot import cli as command_line
from bot.cli import rehearse, send
from bot.cli.console import Exit
from bot.model.problems import ExpectedError, InvalidInputError
from bot.model.subscription import Target
from bot.runtime.app import opened
from tests.world import MONDAY, DemoWorld, read_discord, read_telegram, town

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

EPISODE = "---\nnumber: 1207\ntitle: Le lundi\ndate: 2024-11-04\n---\n\n## Netflix\n\nDu texte.\n"
SCHEDULE = '[[schedules]]\nname = "monday"\ncron = "0 8 * * mon"\napproval = "one"\n'
CONFIG = f"""
[telegram]
token = "123456789:AAEloopbackloopbackloopbackloopback"
api_url = "http://127.0.0.1:9"
admins = [41]
{SCHEDULE}
"""
STAFF = '[[staff]]\nplatform = "discord"\nchat = {board}\n'


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """The folder of a show, on the evening before its push."""
    (tmp_path / "content").mkdir()
    (tmp_path / "content" / "1207.md").write_text(EPISODE, encoding="utf-8")
    (tmp_path / "config.toml").write_text(CONFIG, encoding="utf-8")
    with time_machine.travel(MONDAY - dt.timedelta(hours=14), tick=True):
        yield tmp_path


@pytest.fixture
async def place() -> AsyncIterator[DemoWorld]:
    """Both platforms."""
    async with town() as made:
        yield made


def recap(folder: Path, *arguments: str, answer: str = "") -> tuple[int, str]:
    """Run a command; return its exit code and its first line, or the error's."""
    command = [*arguments, "--config", str(folder / "config.toml")]
    result = CliRunner().invoke(command_line.cli, command, input=answer)
    if isinstance(result.exception, InvalidInputError):
        raise result.exception
    said = str(result.exception) if isinstance(result.exception, ExpectedError) else result.stdout
    return result.exit_code, said.strip().partition("\n")[0]


def test_a_push_is_decided_on_in_a_terminal(folder: Path) -> None:
    """Without a number, the next one. Until it is let out, it cannot be pushed by hand either."""
    waits = "episode 1207, as it is now, is not approved on schedule monday: `recap approve 1207` first"
    withheld = "episode 1207 is withheld on schedule monday: `recap release 1207` first"
    (folder / "config.toml").write_text(
        CONFIG + '[[channels]]\nplatform = "telegram"\nchat = 1\nschedule = "monday"\n', encoding="utf-8"
    )
    steps = [
        (["send", "1207"], (1, waits)),
        (["approve"], (0, "Episode 1207 is good to go")),
        (["withhold", "1207"], (0, "Episode 1207 is withheld")),
        (["send", "1207"], (1, withheld)),
        (["release"], (0, "Episode 1207 is no longer withheld")),
    ]
    assert [recap(folder, *command) for command, _said in steps] == [said for _command, said in steps]
    (folder / "content" / "1207.md").write_text(EPISODE.replace("Du texte", "Un texte"), encoding="utf-8")
    assert recap(folder, "send", "1207") == (1, waits)


def test_the_status_says_that_the_next_push_waits_and_why(folder: Path) -> None:
    """And by whom it is withheld; nothing of a push that nobody holds."""
    told = status(folder)
    assert "Next push on schedule monday: Monday, November 4, 2024" in told
    assert "Episode 1207 on monday: Nothing goes out before an admin presses “Good to go”." in told
    recap(folder, "withhold")
    (held,) = json.loads(status(folder, "--json"))["held"]
    assert (held["episode"], held["schedule"]) == (1207, "monday")
    assert held["withheld_by"].endswith(" in a terminal")
    assert held["meaning"].startswith(f"Withheld by {held['withheld_by']}: nothing goes out")
    recap(folder, "approve")
    assert "Episode 1207 on monday" not in status(folder)


def status(folder: Path, *options: str) -> str:
    """What `recap status` prints."""
    return (
        CliRunner()
        .invoke(command_line.cli, ["status", *options, "--config", str(folder / "config.toml")])
        .stdout.replace("\N{NO-BREAK SPACE}", " ")
    )


def test_the_next_push_is_the_first_on_any_clock(folder: Path) -> None:
    """At eight in Paris comes before three in New York, which is nine."""
    abroad = '[[schedules]]\nname = "abroad"\ncron = "0 3 * * mon"\ntimezone = "America/New_York"\n'
    (folder / "config.toml").write_text(abroad.join(CONFIG.split(SCHEDULE)) + SCHEDULE, encoding="utf-8")
    recap(folder, "withhold")
    assert [held["schedule"] for held in json.loads(status(folder, "--json"))["held"]] == ["monday"]


def test_an_account_without_a_name_decides_by_its_number(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A container may run under any number."""
    for name in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("os.getuid", lambda: 3_999_999_999)
    assert recap(folder, "withhold") == (0, "Episode 1207 is withheld")
    (held,) = json.loads(status(folder, "--json"))["held"]
    assert held["withheld_by"] == "3999999999 in a terminal"


def test_what_has_no_episode_cannot_be_decided_on(folder: Path) -> None:
    """The command says so, and which episodes there are."""
    assert recap(folder, "approve", "9")[0] == Exit.BAD_INPUT
    (folder / "content" / "1207.md").write_text(EPISODE.replace("2024-11-04", "2024-10-01"), encoding="utf-8")
    assert recap(folder, "approve") == (1, "no push is to come that has an episode: name the episode by its number")


@pytest.mark.parametrize("command", ["approve", "withhold", "release", "recall"])
def test_nothing_is_decided_for_a_bot_without_a_platform(folder: Path, command: str) -> None:
    """In a wrong folder nobody takes a decision for made that no bot reads, and no database is left there."""
    (folder / "config.toml").write_text("", encoding="utf-8")
    with pytest.raises(InvalidInputError, match="no platform is switched on"):
        recap(folder, command, "1207")
    assert not (folder / "recap.db").exists()


@pytest.mark.parametrize(
    ("time", "said"), [("12h", "the last day"), ("36h", "the last 2 days"), ("56d", "the last 56 days")]
)
def test_where_nothing_can_be_recalled_the_time_is_said_for_that(folder: Path, time: str, said: str) -> None:
    """In days, a begun one counted."""
    (folder / "config.toml").write_text(CONFIG + f'[delivery]\ncorrectable = "{time}"\n', encoding="utf-8")
    told = f"nothing of episode 1207 can be changed: it was recalled, or not sent within {said}"
    assert recap(folder, "recall", "1207", "--yes") == (1, told)


def test_a_strangers_chat_is_written_to_after_a_question_only(folder: Path) -> None:
    """An admin's chat or one of the team's asks nothing; a script says `--yes`."""
    code, said = recap(folder, "rehearse", "--to", "telegram:5", answer="n\n")
    assert (code, said) == (1, "nothing was sent; --yes says yes beforehand")


async def test_a_rehearsal_by_hand_tries_every_kind_of_message(
    place: DemoWorld, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each is sent, edited and deleted in every chat of the team; then the rehearsal comes, and its card."""
    printed = io.StringIO()
    console = Console(file=printed, width=200, markup=False, emoji=False, highlight=False)
    for module in (rehearse, send):
        monkeypatch.setattr(module, "out", lambda: console)
    monkeypatch.setattr(send, "REFRESH", 0.01)
    ana, more = place.telegram.add_private(name="Ana"), SCHEDULE + STAFF.format(board=place.board.id)
    config = place.config(folder, content=folder / "content", admin=ana, more=more)
    async with opened(config) as app:
        assert await rehearse.show(app, None, None)
    kinds = {"telegram": ["text", "buttons", "rich message"], "discord": ["text", "buttons"]}
    chats = [f"telegram:{ana.id}", f"discord:@{place.manager.id}", f"discord:{place.board.id}"]
    assert re.findall(r"(\S+): (.+): sent, edited and deleted", printed.getvalue()) == [
        (chat, kind) for chat in chats for kind in kinds[chat.partition(":")[0]]
    ]
    *tried, recap_, card = (each for each in ana.messages if each.by_bot)
    assert [each.deleted for each in tried[:3]] == [True] * 3
    assert all(each.disable_notification for each in (*tried, recap_))
    assert "Du texte." in recap_.text
    assert "Répétition de l’épisode 1207" in read_telegram(card)
    *_recap, direct = place.discord.direct(place.manager).messages
    assert "Bon pour envoi" in read_discord(direct.components)
    assert [len(thread.messages) for thread in place.board.threads if thread.messages] == [3, 1]
    assert not any(place.pushed()[name] for name in ("private", "group", "text"))


async def test_a_chat_that_does_not_take_a_kind_is_told(place: DemoWorld, folder: Path) -> None:
    """By the platform's own words, and the command fails."""
    config = place.config(folder, content=folder / "content", more="")
    async with opened(config) as app:
        await app.connections[Target.parse("telegram:1", app.connections).platform].platform.connect()
        assert not await rehearse._try(app, {each: [Target(each, "5")] for each in list(app.connections)[:1]})
