"""A stand-in of Telegram, and the unmodified client library talking to it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from telegram import Bot

from bot.sandbox.telegram.server import TelegramStandIn

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from bot.sandbox.telegram.model import Chat


@pytest.fixture(autouse=True)
def _pauses_as_timedelta(monkeypatch: pytest.MonkeyPatch) -> None:
    """The library's coming default: without it, it warns of it whenever a flood answer arrives."""
    monkeypatch.setenv("PTB_TIMEDELTA", "true")


@pytest.fixture
async def standin() -> AsyncIterator[TelegramStandIn]:
    """A Telegram without limits of speed."""
    async with TelegramStandIn() as standin:
        yield standin


@pytest.fixture
async def client(standin: TelegramStandIn) -> AsyncIterator[Bot]:
    """The bot's side of it."""
    async with Bot(standin.token, base_url=f"{standin.url}/bot") as client:
        yield client


@pytest.fixture
def ada(standin: TelegramStandIn) -> Chat:
    """Ada's chat with the bot."""
    return standin.add_private(name="Ada", language="fr")
