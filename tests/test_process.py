"""The program as a process of its own: signals, a sudden death, and what it never writes anywhere."""

from __future__ import annotations

import asyncio
import contextlib
import io
import json
import signal
import sys
from typing import TYPE_CHECKING

import pytest

from bot import cli
from bot.delivery.worker import DRAIN
from bot.sandbox.discord.world import BOT, ChannelType, Permission
from bot.sandbox.shared.faults import Call, Fault, Hook, Match
from bot.storage.ledger import Ledger
from tests.running import as_process
from tests.world import CONTENT, MONDAY, DemoWorld, town

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

PATIENCE = 90.0
"""Seconds to wait for a process: a machine with other work takes its time to load the libraries."""

# The real clock is years after the episodes; with these a start catches up on the newest one.
CATCH_UP = """
[[schedules]]
name = "monday"
cron = "0 8 * * mon"
max_lateness = "8d"
max_age = "3650d"
"""


@pytest.fixture
async def place() -> AsyncIterator[DemoWorld]:
    """Both platforms with every kind of chat."""
    async with town() as made:
        yield made


@contextlib.asynccontextmanager
async def process(
    place: DemoWorld, folder: Path, log_format: str = "text"
) -> AsyncIterator[asyncio.subprocess.Process]:
    """`recap run` with the loudest logs; killed when the context is left and it still runs."""
    config = folder / "config.toml"
    config.write_text(place.config_text(folder, more=CATCH_UP), encoding="utf-8")
    async with as_process(config, RECAP_LOG="debug", RECAP_LOG_FORMAT=log_format) as running:
        yield running


def complete(place: DemoWorld) -> bool:
    """Whether every place has the last source of the episode."""
    return all("montre patte blanche" in "\n".join(texts) for texts in place.pushed().values())


async def until_complete(place: DemoWorld) -> None:
    """Wait until every place has the whole episode."""
    await place.until(lambda: complete(place), within=PATIENCE)


async def recap(place: DemoWorld, folder: Path, *arguments: str) -> tuple[int, str]:
    """Run one of the admin's commands to its end: its exit code and what it printed, errors and logs too."""
    (folder / "config.toml").write_text(place.config_text(folder, more=CATCH_UP), encoding="utf-8")
    return await asyncio.to_thread(_command, folder, arguments)


def _command(folder: Path, arguments: tuple[str, ...]) -> tuple[int, str]:
    """Run the command on a thread, because a process of its own takes seconds until its libraries are loaded."""
    said = io.StringIO()
    with (
        pytest.MonkeyPatch.context() as shell,
        contextlib.redirect_stdout(said),
        contextlib.redirect_stderr(said),
    ):
        shell.chdir(folder)
        shell.setattr(sys, "argv", ["recap", *arguments])
        shell.setenv("COLUMNS", "200")
        with pytest.raises(SystemExit) as end:
            cli.main()
    return int(end.value.code or 0), said.getvalue()


async def ended(folder: Path, *arguments: str) -> tuple[int, str]:
    """Run a command as a process of its own to its end: its exit code and what it complained of."""
    running = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bot", *arguments, cwd=folder, stderr=asyncio.subprocess.PIPE
    )
    async with asyncio.timeout(PATIENCE):
        _out, said = await running.communicate()
    assert running.returncode is not None
    return running.returncode, said.decode()


async def test_sigterm_ends_the_program_in_time_and_in_order(place: DemoWorld, tmp_path: Path) -> None:
    """Healthy while it runs; after SIGTERM gone within ten seconds, with exit code 0; a log of objects, if asked.

    With everything logged that can be, errors of the network included, neither token is anywhere.
    """
    async with process(place, tmp_path, log_format="json") as running:
        await until_complete(place)
        assert (await recap(place, tmp_path, "healthy"))[0] == 0
        running.send_signal(signal.SIGTERM)
        async with asyncio.timeout(10):
            assert await running.wait() == 0
    assert (await recap(place, tmp_path, "healthy"))[0] == 1
    log = (tmp_path / "log").read_text(encoding="utf-8")
    assert place.telegram.token not in log
    assert place.discord.token not in log
    records = [json.loads(line) for line in log.splitlines()]
    assert {"INFO", "DEBUG"} <= {each["level"] for each in records}
    (ready,) = [each["message"] for each in records if each["message"].startswith("Ready: ")]
    assert ready.startswith("Ready: recap_bot on telegram and recap on discord. Episodes: 3. ")
    assert f" Subscriptions: {len(place.pushed())}. Next push: " in ready


UNUSED = {
    *("alembic", "cryptography", "discord", "feedparser", "mako", "matplotlib", "plotille", "prometheus_client"),
    *("pygments", "rapidfuzz", "rich"),
}
"""Libraries of which an idle bot on Telegram alone needs nothing: they took a fifth of its memory."""


async def test_an_idle_bot_has_loaded_no_library_that_it_does_not_need(place: DemoWorld, tmp_path: Path) -> None:
    """Of a platform that is switched off, of migrations that are done, of what prints, of what imports show notes."""
    async with await Ledger.open(f"sqlite:///{tmp_path / 'recap.db'}", lambda: MONDAY):
        pass
    text = f'[telegram]\ntoken = "{place.telegram.token}"\napi_url = "{place.telegram.url}"\n'
    (tmp_path / "config.toml").write_text(f'{text}[content]\nfolder = "{CONTENT}"\n', encoding="utf-8")
    listening = "import signal, sys; signal.signal(signal.SIGUSR1, lambda *_: print(*sys.modules, flush=True))"
    running = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        f"{listening}; from bot.cli import main; main()",
        "run",
        cwd=tmp_path,
        stdout=asyncio.subprocess.PIPE,
    )
    await place.telegram.wait_for(lambda: place.telegram.updates.polled, PATIENCE)
    assert running.stdout is not None
    running.send_signal(signal.SIGUSR1)
    loaded = {name.partition(".")[0] for name in (await running.stdout.readline()).decode().split()}
    running.kill()
    await running.wait()
    assert loaded >= {"aiohttp", "telegram"}
    assert loaded & UNUSED == set()


async def test_a_program_that_is_killed_goes_on_where_it_was(place: DemoWorld, tmp_path: Path) -> None:
    """Killed in the middle of a push and started again: everyone has all of it, Discord nothing twice.

    While it lives, no second one starts, even where the lock has just been deleted: the heartbeat tells that it lives.
    Of one that was killed it tells nothing.
    """
    held, go_on = asyncio.Event(), asyncio.Event()

    async def hold(_call: Call) -> None:
        if len(place.telegram.traffic.sends) > 3:
            held.set()
            await go_on.wait()

    place.telegram.faults.add(Fault(Hook(hold), Match("send*"), times=None))
    async with process(place, tmp_path) as running:
        async with asyncio.timeout(PATIENCE):
            await held.wait()
        (tmp_path / "recap.db.lock").unlink()
        code, said = await ended(tmp_path, "run")
        assert code == 1
        assert "un autre programme recap envoie déjà" in said
        running.kill()
        await running.wait()
    assert not complete(place)
    go_on.set()
    async with process(place, tmp_path):
        await until_complete(place)
    for name in ("text", "news", "thread", "board"):
        texts = place.pushed()[name]
        assert len(texts) == len(set(texts)), name


async def test_send_pushes_once_and_again_only_when_told(place: DemoWorld, tmp_path: Path) -> None:
    """By hand: a rehearsal sends nothing, a push reaches everyone, a second one is refused unless it is wanted."""
    code, said = await recap(place, tmp_path, "send", "1207", "--dry-run")
    assert (code, place.telegram.traffic.sends) == (0, [])
    assert "Schedule monday: episode 1207 would go to 8 subscriptions" in said
    assert "ERROR" not in said

    code, said = await recap(place, tmp_path, "send", "1207")
    assert code == 0, said
    assert "8 sent" in said
    assert complete(place)
    once = place.pushed()

    code, said = await recap(place, tmp_path, "send", "1207")
    assert code == 1
    assert "--again" in said
    assert "Traceback" not in said
    assert "ERROR" not in said
    assert place.pushed() == once

    code, said = await recap(place, tmp_path, "send", "1207", "--to", f"telegram:{place.private.id}", "--again")
    assert code == 0, said
    assert len(place.private.messages) == 2 * len(once["private"])

    code, said = await recap(place, tmp_path, "status", "--json")
    (single, everyone) = json.loads(said)["broadcasts"]
    assert everyone["deliveries"] == {"pending": 0, "sending": 0, "sent": 8, "failed": 0, "unknown": 0}
    assert single["schedule"] == f"to telegram:{place.private.id}"


async def test_send_says_who_did_not_get_it_and_why(place: DemoWorld, tmp_path: Path) -> None:
    """One person has blocked the bot, which is no failure; one channel does not let it write, which is named as one."""
    place.telegram.block(place.private.person)
    code, said = await recap(place, tmp_path, "send", "1207")
    assert (code, "7 sent, 1 not wanted any more" in said) == (0, True)
    assert "Telegram: 1 has left" in said
    place.discord.permit(place.news, Permission(0))
    code, said = await recap(place, tmp_path, "send", "1207", "--again")
    assert (code, "6 sent, 1 failed" in said) == (1, True)
    assert f"discord:{place.news.id}: " in said
    _code, listed = await recap(place, tmp_path, "subscriptions", "list", "--json")
    ended = [row for row in json.loads(listed) if row["state"] == "ended"]
    assert [row["target"] for row in ended] == [f"telegram:{place.private.id}"]


async def test_only_those_who_failed_are_sent_to_again(place: DemoWorld, tmp_path: Path) -> None:
    """The channel lets the bot write again: only that channel gets it, and `recap status` tells it all."""
    code, said = await recap(place, tmp_path, "send", "1207", "--only", "failed")
    assert code == 1
    assert "never pushed" in said
    place.telegram.block(place.private.person)
    place.discord.permit(place.news, Permission(0))
    code, said = await recap(place, tmp_path, "send", "1207")
    assert "6 sent, 1 failed, 1 not wanted any more" in said, said
    code, said = await recap(place, tmp_path, "status")
    assert "The bot is not running" in said
    assert "Telegram: 1 has left" in said
    assert "Discord: 1 does not let the bot write" in said
    before = place.pushed()

    place.discord.permit(place.news, BOT)
    code, said = await recap(place, tmp_path, "send", "1207", "--only", "failed")
    assert code == 0, said
    assert "1 failed, 1 tried again" in said
    assert "1 sent" in said
    after = place.pushed()
    assert after.pop("news")
    assert after == {name: texts for name, texts in before.items() if name != "news"}
    code, said = await recap(place, tmp_path, "send", "1207", "--only", "failed")
    assert (code, "0 failed, 0 tried again" in said) == (0, True)
    code, said = await recap(place, tmp_path, "status")
    assert "6 sent, 1 sent later, 1 not wanted any more" in said, said
    assert "Episode 1207 on monday: Discord: 1 does not let" not in said


async def test_check_online_names_what_stands_in_the_way(place: DemoWorld, tmp_path: Path) -> None:
    """Everything in order: exit code 0. A chat without the bot, a channel without followers: found before Monday."""
    code, said = await recap(place, tmp_path, "check", "--online")
    assert code == 0, said
    assert "Telegram: @recap_bot answers, 4 channels and 0 admins can be reached" in said
    assert "answers, 4 channels and 0 admins can be reached" in said.split("Discord: ")[1]
    place.telegram.kick(place.group)
    place.discord.delete_channel(place.board)
    place.news.type = ChannelType.TEXT
    code, said = await recap(place, tmp_path, "check", "--online")
    assert code == 1
    assert f"telegram:{place.group.id}" in said
    assert f"discord:{place.board.id}" in said
    assert f"discord:{place.news.id}: only announcement channels" in said
    assert "Telegram: @recap_bot answers, 3 channels and 0 admins can be reached" in said
    assert said.lower().count("make the bot a member there") == 2
    assert "Traceback" not in said


async def test_with_every_token_refused_the_bot_ends_with_a_sentence(place: DemoWorld, tmp_path: Path) -> None:
    """The bot does not start with tokens that the platforms do not know, and says so without showing them.

    The file that holds them may be read by all accounts, which `check` and `run` tell once.
    """
    unknown = place.telegram.token.replace("loopback", "stranger")
    text = place.config_text(tmp_path).replace(place.telegram.token, unknown)
    text = text.replace(f'token = "{place.discord.token}"', 'token = "a-stranger"')
    (tmp_path / "config.toml").write_text(text, encoding="utf-8")
    (tmp_path / "config.toml").chmod(0o644)
    exposed = "every account of this machine may read or change it. Run `chmod 600 config.toml`."
    code, said = await asyncio.to_thread(_command, tmp_path, ("check", "--online"))
    assert code == 1
    assert said.count("refuses the token. Copy the whole token again") == 2
    assert said.count(exposed) == 1
    code, said = await ended(tmp_path, "run")
    assert code == 1
    assert "Unclosed" not in said
    assert "Discord refuse le jeton" in said
    assert said.count("tous les comptes de cette machine peuvent") == 1
    assert said.endswith("Error: Telegram refuse le jeton, Discord refuse le jeton\n")
    assert unknown not in said
    assert "Traceback" not in said


async def test_what_hangs_longer_than_the_program_has_is_left_behind(place: DemoWorld, tmp_path: Path) -> None:
    """Telegram hangs, and the ten seconds, here a tenth of one, are over: nobody has to ask a second time."""
    held = asyncio.Event()

    async def hold(_call: Call) -> None:
        held.set()
        await asyncio.Event().wait()

    place.telegram.faults.add(Fault(Hook(hold), Match("send*"), times=None))
    (tmp_path / "config.toml").write_text(place.config_text(tmp_path, more=CATCH_UP), encoding="utf-8")
    impatient = "from bot.cli import main, run; run.END_WITHIN = 0.1; main()"
    running = await asyncio.create_subprocess_exec(sys.executable, "-c", impatient, "run", cwd=tmp_path)
    async with asyncio.timeout(PATIENCE):
        await held.wait()
        began = asyncio.get_running_loop().time()
        running.terminate()
        assert await running.wait() == 128 + signal.SIGTERM
    assert asyncio.get_running_loop().time() - began < DRAIN


async def test_a_second_signal_ends_the_program_at_once(place: DemoWorld, tmp_path: Path) -> None:
    """Telegram hangs, and who asks for the second time does not want to wait for it."""
    held = asyncio.Event()

    async def hold(_call: Call) -> None:
        held.set()
        await asyncio.Event().wait()

    place.telegram.faults.add(Fault(Hook(hold), Match("send*"), times=None))
    async with process(place, tmp_path) as running, asyncio.timeout(PATIENCE):
        await held.wait()
        began = asyncio.get_running_loop().time()
        # Two signals of one kind may be taken for one.
        for number in (signal.SIGTERM, signal.SIGINT):
            running.send_signal(number)
        assert await running.wait() in {128 + signal.SIGTERM, 128 + signal.SIGINT}
    assert asyncio.get_running_loop().time() - began < DRAIN
