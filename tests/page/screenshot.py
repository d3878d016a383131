"""Makes the README's picture of the demo, from the program itself: `python -m tests.page.screenshot`."""

from __future__ import annotations

import asyncio
from pathlib import Path

from playwright.async_api import ViewportSize, expect

from bot.model.i18n import Language
from bot.sandbox.demo.world import Person
from tests.page.browser import chromium
from tests.page.conftest import serving
from tests.world import CONTENT

PICTURE = Path(__file__).with_name("screenshot.png")
SIZE = ViewportSize(width=1440, height=900)


async def take() -> None:
    """Monday has come on both sides."""
    async with serving(CONTENT) as (demo, page), chromium() as browser:
        tab = await browser.new_page(locale="fr-FR", viewport=SIZE, color_scheme="light", reduced_motion="reduce")
        await tab.goto(page.url)
        await expect(tab.locator("#telegram-log article")).to_have_count(2)
        private = demo.worlds[Language.FRENCH].telegram_place("telegram-private")
        await demo.next_push()
        await demo.worlds[Language.FRENCH].telegram.wait_for(lambda: len(private.messages) > len(Person) + 1)
        await expect(tab.locator("#telegram-log article")).to_have_count(len(private.messages))
        await tab.screenshot(path=PICTURE)


if __name__ == "__main__":
    asyncio.run(take())
