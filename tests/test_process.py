"""The program as a process of its own: signals, a sudden death, and what it never writes anywhere."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from typing import TYPE_CHECKING

import pytest

from tests.town import Town, town

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

# The real clock is years after the episodes; with these a start catches up on the newest one.
CATCH_UP = """
[[schedules]]
name = "monday"
cron = "0 8 * * mon"
max_lateness = "8d"
max_age = "3650d"
"""


@pytest.fixture
async def place() -> AsyncIterator[Town]:
    """Both platforms with every kind of chat."""
    async with town() as made:
        yield made


@contextlib.asynccontextmanager
async def process(place: Town, folder: Path) -> AsyncIterator[asyncio.subprocess.Process]:
    """`recap run` with the loudest logs; killed when the context is left and it still runs."""
    config = folder / "config.toml"
    config.write_text(place.config_text(folder, more=CATCH_UP), encoding="utf-8")
    with (folder / "log").open("ab") as log:
        running = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "bot", "run", "--config", str(config),
            env={**os.environ, "RECAP_LOG": "DEBUG"}, stdout=log, stderr=log,
        )  # fmt: skip
        try:
            yield running
        finally:
            if running.returncode is None:
                running.kill()
            await running.wait()


def complete(place: Town) -> bool:
    """Whether every place has the last source of the episode."""
    return all("montre patte blanche" in "\n".join(texts) for texts in place.pushed().values())


async def until_complete(place: Town) -> None:
    """Wait until every place has the whole episode."""
    await place.until(lambda: complete(place), within=40)


async def test_sigterm_ends_the_program_in_time_and_in_order(place: Town, tmp_path: Path) -> None:
    """After SIGTERM the program is gone within ten seconds, with exit code 0."""
    async with process(place, tmp_path) as running:
        await until_complete(place)
        running.send_signal(signal.SIGTERM)
        async with asyncio.timeout(10):
            assert await running.wait() == 0


async def test_no_token_in_any_log_at_any_level(place: Town, tmp_path: Path) -> None:
    """With everything logged that can be, errors of the network included, neither token is anywhere."""
    async with process(place, tmp_path) as running:
        await until_complete(place)
        running.send_signal(signal.SIGTERM)
        await running.wait()
    log = (tmp_path / "log").read_text(encoding="utf-8")
    assert "Ready" in log
    assert "DEBUG" in log
    for token in (place.telegram.token, place.discord.token):
        assert token not in log


async def test_a_program_that_is_killed_goes_on_where_it_was(place: Town, tmp_path: Path) -> None:
    """Killed in the middle of a push and started again: everyone has all of it, Discord nothing twice."""
    async with process(place, tmp_path) as running:
        await place.telegram.wait_for(lambda: len(place.telegram.traffic.sends) >= 3, within=20)
        running.kill()
        await running.wait()
    assert not complete(place)
    async with process(place, tmp_path) as running:
        await until_complete(place)
    for name in ("text", "news", "thread", "board"):
        texts = place.pushed()[name]
        assert len(texts) == len(set(texts)), name
