"""The bot's whole path around the floor's sender."""

from __future__ import annotations

import itertools
import json
from typing import TYPE_CHECKING

import aiohttp

from bench.contenders.floor import HEADERS, TOKEN
from bench.pipeline import Around, push
from bot.model.subscription import PlatformName

if TYPE_CHECKING:
    from bench.block import Block
    from bot.platforms.base import Post


class Floor(Around):
    """Posts bytes that were prepared beforehand, and reads the answer without looking at it."""

    def __init__(self, session: aiohttp.ClientSession, url: str, body: bytes) -> None:
        super().__init__(PlatformName("telegram"))
        self._session = session
        self._url = url
        self._body = body
        self._ids = itertools.count(1)

    async def send(self, _post: Post) -> str:
        """Send the one message there is."""
        async with self._session.post(self._url, data=self._body, headers=HEADERS) as answer:
            await answer.read()
        return str(next(self._ids))


async def main(block: Block) -> None:
    """Push to them all."""
    body = json.dumps({"chat_id": 5, **block.material["telegram"]["body"]}).encode()
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        await push(block, Floor(session, f"{block.url}/bot{TOKEN}/sendMessage", body))
