"""python-telegram-bot as it comes: its client, its request class on httpx, its objects."""

from __future__ import annotations

from typing import TYPE_CHECKING

from telegram import Bot, InlineKeyboardButton, InlineKeyboardMarkup, LinkPreviewOptions, MessageEntity

from bench.contenders.floor import TOKEN

if TYPE_CHECKING:
    from bench.block import Block


async def main(block: Block) -> None:
    """Send them all."""
    body = block.material["telegram"]["body"]
    entities = [MessageEntity(**entity) for entity in body["entities"]]
    rows = body["reply_markup"]["inline_keyboard"]
    keyboard = InlineKeyboardMarkup([[InlineKeyboardButton(**button) for button in row] for row in rows])
    async with Bot(TOKEN, base_url=f"{block.url}/bot") as bot:

        async def send(number: int) -> None:
            await bot.send_message(
                chat_id=number + 1,
                text=body["text"],
                entities=entities,
                link_preview_options=LinkPreviewOptions(**body["link_preview_options"]),
                reply_markup=keyboard,
            )

        await block.sends(send)
