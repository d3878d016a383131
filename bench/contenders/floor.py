"""The floor: aiohttp posts bytes that were prepared beforehand, and reads the answer without looking at it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import aiohttp

if TYPE_CHECKING:
    from bench.block import Block

TOKEN = "1234567:bench-opens-nothing-at-all-anywhere-on-earth"  # noqa: S105 - it opens nothing
HEADERS = {"Content-Type": "application/json"}


async def main(block: Block) -> None:
    """Send them all."""
    body = json.dumps({"chat_id": 5, **block.material["telegram"]["body"]}).encode()
    url = f"{block.url}/bot{TOKEN}/sendMessage"
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:

        async def send(_number: int) -> None:
            async with session.post(url, data=body, headers=HEADERS) as answer:
                await answer.read()

        await block.sends(send)
