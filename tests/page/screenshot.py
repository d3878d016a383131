"""Makes the README's pictures, from the program itself: `python -m tests.page.screenshot`."""

from __future__ import annotations

import asyncio
from pathlib import Path

from playwright.async_api import ViewportSize, expect

from bot.content.archive import Archive
from bot.content.formatter import Formatter
from bot.model.document import Layout
from bot.model.i18n import Language, words
from bot.platforms.registry import PLATFORMS
from bot.sandbox.demo import files
from bot.sandbox.demo.shown import rendered
from tests.page.browser import chromium
from tests.page.conftest import serving
from tests.world import CONTENT

PICTURE = Path(__file__).with_name("screenshot.png")
SIZE = ViewportSize(width=1440, height=900)
TALL = ViewportSize(width=900, height=1760)
SHOW = "Le récap du lundi"


async def take() -> None:
    """Monday has come on both sides."""
    async with serving(CONTENT) as (demo, page), chromium() as browser:
        tab = await browser.new_page(locale="fr-FR", viewport=SIZE, color_scheme="light", reduced_motion="reduce")
        await tab.goto(page.url)
        log = tab.locator("#telegram-log")
        await expect(log.get_by_role("button", name="Bon pour envoi")).to_be_visible()
        await demo.next_push()
        await expect(log.get_by_text("4 abonnés sur 4 l’ont reçu")).to_be_visible()
        await tab.screenshot(path=PICTURE)


async def take_layouts() -> None:
    """Take the beginning of episode 1207 in each layout, on a phone and on Discord."""
    episode = Archive.load(CONTENT).get(1207)
    assert episode is not None
    formatter = Formatter(SHOW, words(Language.FRENCH))
    async with chromium() as browser:
        for layout in Layout:
            document = formatter.episode(episode, layout=layout, in_private=True)
            assert document is not None
            shown = [
                {"platform": name, "name": row.title, "messages": rendered(name, row.render(document), SHOW)}
                for name, row in PLATFORMS.items()
            ]
            facts = {"title": f'layout = "{layout}"', "subtitle": episode.title, "platforms": shown}
            tab = await browser.new_page(viewport=TALL, device_scale_factor=0.6)
            await tab.set_content(files.preview(SHOW, Language.FRENCH, facts))
            await expect(tab.locator("article").first).to_be_visible()
            await tab.screenshot(path=PICTURE.with_name(f"{layout}.png"))


if __name__ == "__main__":
    asyncio.run(take())
    asyncio.run(take_layouts())
