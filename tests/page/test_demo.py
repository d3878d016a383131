"""`recap demo`: where it listens, when it is, how it ends, and what it makes of content that is missing or broken."""

from __future__ import annotations

import datetime as dt
import logging
import os
import re
import resource
import signal
import socket
import subprocess
import sys
import threading
import urllib.request
from typing import TYPE_CHECKING

import pytest
import typer
from typer.testing import CliRunner

from bot import cli as command_line
from bot.model.i18n import Language
from bot.platforms.registry import load
from bot.sandbox.demo.demo import Demo, DemoClock
from bot.sandbox.demo.server import PageError
from tests.page.conftest import serving
from tests.world import CONTENT, MONDAY

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(autouse=True)
def _logs_as_they_were() -> Iterator[None]:
    """The command sends the logs to its own standard error, which is gone after the test."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:], root.level = handlers, level


def refusal_of(*arguments: str) -> str:
    """What `recap demo` says instead of starting."""
    result = CliRunner(env={"COLUMNS": "200", "NO_COLOR": "1"}).invoke(command_line.cli, ["demo", *arguments])
    assert result.exit_code != 0
    return result.output + str(result.exception)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5", "recap.example"])  # noqa: S104 - refused
def test_it_listens_on_loopback_alone(host: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Elsewhere anybody could use the page: it says so, and how to want that."""
    monkeypatch.chdir(tmp_path)
    said = refusal_of("--host", host)
    assert host in said
    assert "no password" in said
    assert "--expose" in said


def test_a_busy_port_is_told_with_its_cure(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Which port, and how to take another."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "content").mkdir()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        result = CliRunner().invoke(command_line.cli, ["demo", "--port", str(port), "--no-browser"])
    assert isinstance(result.exception, PageError)
    assert re.search(rf"port {port}: Address already in use\. .*--port", str(result.exception))


def test_a_host_that_is_none_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Whatever the machine says of the name, in a sentence."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "content").mkdir()
    result = CliRunner().invoke(command_line.cli, ["demo", "--host", "nowhere.invalid", "--expose", "--no-browser"])
    assert isinstance(result.exception, PageError)
    assert "nowhere.invalid" in str(result.exception)


def test_it_starts_within_ten_seconds_and_stops_at_ctrl_c(tmp_path: Path) -> None:
    """As a process, in a folder without a config: the address, the page, and a clean end.

    The seconds are those of its processor, which nothing else on the machine makes longer.
    """
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    (tmp_path / "content").symlink_to(CONTENT)
    command = [sys.executable, "-m", "bot", "demo", "--port", "0", "--no-browser"]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("RECAP_")}
    environment["PYTHONPATH"] = str(CONTENT.parent)
    with subprocess.Popen(  # noqa: S603 - the program under test
        command, cwd=tmp_path, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        hanging = threading.Timer(60, process.kill)
        hanging.start()
        said = process.stdout.readline()
        hanging.cancel()
        address = re.search(r"http://127\.0\.0\.1:\d+/", said)
        assert address, said
        with urllib.request.urlopen(address[0], timeout=10) as answer:  # noqa: S310 - loopback
            assert answer.status == 200
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=30)
    assert process.returncode == 0
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < 10
    assert errors == ""
    assert list(tmp_path.iterdir()) == [tmp_path / "content"]


def test_the_clock_goes_on_and_never_back() -> None:
    """From where it was moved to."""
    clock = DemoClock(MONDAY - dt.timedelta(hours=12))
    before = clock()
    assert before.utcoffset() == dt.timedelta()
    clock.move_to(MONDAY)
    assert dt.timedelta() <= clock() - MONDAY < dt.timedelta(seconds=5)
    with pytest.raises(ValueError, match="over"):
        clock.move_to(before)


@pytest.mark.parametrize(
    ("crons", "first"),
    [
        (["30 7 * * tue"], "2024-11-05T07:30"),
        (["0 18 * * fri"], "2024-11-08T18:00"),
        (["0 18 * * fri", "30 7 * * tue"], "2024-11-05T07:30"),
    ],
)
async def test_it_begins_before_the_teams_own_push(crons: list[str], first: str, tmp_path: Path) -> None:
    """Half a day before the first hour of any of their schedules that is not before the newest episode's date."""
    path = tmp_path / "config.toml"
    schedules = [f'[[schedules]]\nname = "ours-{index}"\ncron = "{cron}"\n' for index, cron in enumerate(crons)]
    path.write_text("\n".join([f'[content]\nfolder = "{CONTENT}"\n', *schedules]), encoding="utf-8")
    async with Demo(load(path, {}), Language.FRENCH) as demo:
        facts = demo.facts()
        push = dt.datetime.fromisoformat(facts["next_push"])
        # The clock goes on while the demo starts, which a busy machine takes its time for.
        assert dt.datetime.fromisoformat(facts["now"]) - (push - dt.timedelta(hours=12)) < dt.timedelta(minutes=10)
        assert facts["next_push"].startswith(first)
        assert await demo.next_push() == 1207


async def test_without_content_it_says_so(tmp_path: Path) -> None:
    """No episode, no push, and no failure."""
    async with serving(tmp_path) as (demo, _):
        facts = demo.facts()
        assert (facts["episode"], facts["content"]["episodes"]) == (None, 0)
        assert await demo.next_push() is None


async def test_with_nothing_but_broken_content_it_says_what_is_wrong(tmp_path: Path) -> None:
    """The file and the line."""
    (tmp_path / "1.md").write_text("---\nnumber: un\n---\n", encoding="utf-8")
    async with serving(tmp_path) as (demo, _):
        assert any("1.md:2" in problem for problem in await demo.problems())


def test_the_command_is_listed() -> None:
    """Among the admin's commands."""
    assert "demo" in typer.main.get_command(command_line.cli).commands  # type: ignore[attr-defined]
