"""The way to Telegram: what it must never let out."""

from __future__ import annotations

import traceback

import pytest
from pydantic import SecretStr

from bot.config import Telegram
from bot.platforms.base import UnauthorisedError
from bot.platforms.telegram.client import TelegramPlatform
from bot.sandbox.telegram.server import TelegramStandIn


async def test_a_refused_token_is_in_no_part_of_the_error() -> None:
    """Neither in its text nor in the errors behind it, as a traceback would show them."""
    async with TelegramStandIn() as standin:
        stranger = f"7654321:{'stranger' * 5}"
        platform = TelegramPlatform(Telegram(token=SecretStr(stranger), api_url=standin.url))
        with pytest.raises(UnauthorisedError) as refused:
            await platform.connect()
        await platform.close()
    assert stranger not in "".join(traceback.format_exception(refused.value))
