"""The page of figures in a real browser."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

import pytest

from bot.cli.stats import page
from bot.model.i18n import Language, speaking
from tests.page.browser import CUT, FAINT, Watched
from tests.test_stats import a_year
from tests.world import PARIS

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Literal

    from playwright.async_api import Browser

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest.mark.parametrize(("width", "scheme"), [(360, "dark"), (1280, "light")])
async def test_it_reads_well_on_every_screen(
    chrome: Browser, tmp_path: Path, width: int, scheme: Literal["dark", "light"]
) -> None:
    """No complaint, no request of anybody else, nothing cut, every text with contrast, and its language."""
    (file := tmp_path / "page.html").write_text(written(), encoding="utf-8")
    viewport = {"width": width, "height": 800}
    async with await chrome.new_context(viewport=viewport, color_scheme=scheme) as context:  # type: ignore[arg-type]
        watched, tab = Watched(), await context.new_page()
        watched.watch(tab)
        await tab.goto(file.as_uri())
        assert await tab.locator("figure svg").count() == 6
        assert await tab.locator("table").count() == 5
        assert await tab.evaluate("document.documentElement.lang") == "fr"
        assert await tab.evaluate(CUT) == []
        assert await tab.evaluate(FAINT) == []
        assert await tab.evaluate("document.documentElement.scrollWidth <= innerWidth")
        watched.check()
        assert len(watched.requests) == 1


@functools.cache
def written() -> str:
    """The page of a French team."""
    with speaking(lambda: Language.FRENCH):
        return page("Le <récap>", a_year(), PARIS)
