"""The cluster test in a shorter form: one of two processes is killed in mid-push, and the other goes on."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from tests.delivery import postgres
from tests.endurance.cluster import kill
from tests.endurance.machines import cluster

if TYPE_CHECKING:
    from collections.abc import Iterator

TARGETS, RATE = 16, 5


@pytest.fixture
def database() -> Iterator[str]:
    """The address of a database of its own."""
    with postgres.database("cluster") as url:
        yield url


@pytest.mark.skipif(sys.platform == "win32", reason="needs SIGKILL")
@pytest.mark.skipif(not postgres.SERVER, reason="RECAP_TEST_POSTGRES names no PostgreSQL server")
async def test_when_one_machine_dies_the_other_serves_everybody(database: str) -> None:
    """One push, nobody without; Discord never twice, Telegram at most what was on its way."""
    async with cluster(database, TARGETS, RATE, quick=True) as made:
        figures = await kill(made, 1, replaced=False)
    assert (figures.times, figures.pushes, figures.missing, figures.unfinished) == (1, 1, 0, 0)
    assert figures.discord_twice == 0
    assert figures.telegram_twice <= figures.in_doubt
