"""aiogram's broadcast as its documentation shows it: one call a user, the errors caught; without its pause."""

from __future__ import annotations

import asyncio
import ssl
from typing import TYPE_CHECKING

from aiogram import Bot
from aiogram.client.session.aiohttp import AiohttpSession
from aiogram.client.telegram import TelegramAPIServer
from aiogram.exceptions import TelegramForbiddenError, TelegramRetryAfter
from aiogram.types import InlineKeyboardButton, InlineKeyboardMarkup, LinkPreviewOptions, MessageEntity

if TYPE_CHECKING:
    from bench.block import Block

TOKEN = "1234567:bench-opens-nothing-at-all-anywhere-on-earth"  # noqa: S105 - it opens nothing


async def main(block: Block) -> None:
    """Send them all."""
    body = block.material["telegram"]["body"]
    entities = [MessageEntity(**entity) for entity in body["entities"]]
    rows = body["reply_markup"]["inline_keyboard"]
    keyboard = InlineKeyboardMarkup(inline_keyboard=[[InlineKeyboardButton(**each) for each in row] for row in rows])
    preview = LinkPreviewOptions(**body["link_preview_options"])
    session = AiohttpSession(api=TelegramAPIServer.from_base(block.url))
    # It trusts certifi's certificates alone; the stand-in's are named in SSL_CERT_FILE.
    session._connector_init["ssl"] = ssl.create_default_context()  # noqa: SLF001 - there is no other way
    async with Bot(TOKEN, session=session) as bot:

        async def send(number: int) -> bool:
            try:
                await bot.send_message(
                    number + 1,
                    body["text"],
                    entities=entities,
                    reply_markup=keyboard,
                    link_preview_options=preview,
                    parse_mode=None,
                )
            except TelegramForbiddenError:
                return False
            except TelegramRetryAfter as error:
                await asyncio.sleep(error.retry_after)
                return await send(number)
            return True

        await block.sends(send)
