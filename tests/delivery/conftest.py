"""Both platforms' way out, and ledgers on real files."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bot.model.subscription import PlatformName
from bot.platforms.registry import PLATFORMS
from tests.delivery import postgres
from tests.delivery.ledger_kit import Clock, file_in, opened
from tests.delivery.side import Side, ledger_in, side

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

    from bot.storage.ledger import Ledger


@pytest.fixture
def clock() -> Clock:
    """The ledger's clock, on a Monday morning."""
    return Clock()


@pytest.fixture(scope="session")
def postgresql() -> Iterator[str]:
    """The address of a PostgreSQL database with the ledger's tables."""
    if not postgres.SERVER:
        pytest.skip("RECAP_TEST_POSTGRES names no PostgreSQL server")
    with postgres.database() as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of an empty ledger, in each database that it runs on."""
    if request.param == "sqlite":
        return file_in(tmp_path)
    address: str = request.getfixturevalue("postgresql")
    postgres.empty(address)
    return address


@pytest.fixture
async def ledger(url: str, clock: Clock) -> AsyncIterator[Ledger]:
    """An empty ledger."""
    async with opened(url, clock) as made:
        yield made


@pytest.fixture
async def real_ledger(tmp_path: Path) -> AsyncIterator[Ledger]:
    """A ledger that goes by the real clock."""
    async with ledger_in(tmp_path) as ledger:
        yield ledger


@pytest.fixture(params=list(PLATFORMS))
async def either(request: pytest.FixtureRequest) -> AsyncIterator[Side]:
    """Telegram's way out, then Discord's."""
    async with side(request.param) as made:
        yield made


@pytest.fixture
async def telegram_side() -> AsyncIterator[Side]:
    """Telegram's way out."""
    async with side(PlatformName("telegram")) as made:
        yield made


@pytest.fixture
async def discord_side() -> AsyncIterator[Side]:
    """Discord's way out."""
    async with side(PlatformName("discord")) as made:
        yield made
