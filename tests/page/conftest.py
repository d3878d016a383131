"""The demo on the repository's content, with its page on a free port."""

from __future__ import annotations

import contextlib
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio

from bot.model.i18n import Language
from bot.platforms.registry import load
from bot.sandbox.demo.demo import Demo, Demos
from bot.sandbox.demo.server import Page, listening
from tests import waiting
from tests.page.browser import CHROMIUM, PATIENCE, Watched, chromium
from tests.world import CONTENT

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from playwright.async_api import Browser
    from playwright.async_api import Page as BrowserPage


@contextlib.asynccontextmanager
async def serving(content: Path) -> AsyncIterator[tuple[Demo, Page]]:
    """The French demo of a content folder, and the page of all demos."""
    settings = load(None, {"RECAP_CONTENT__FOLDER": str(content)})
    with listening("127.0.0.1", 0) as listener, pytest.MonkeyPatch.context() as patch:
        # A machine with other work may take longer than Discord lets a bot.
        patch.setattr("bot.sandbox.demo.actions.PATIENCE", waiting.PATIENCE)
        async with Demos(settings) as demos, Page(demos, listener) as page:
            yield await demos.of(Language.FRENCH), page


@pytest.fixture(scope="session")
def content(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A content folder with the real episodes, for a test to change and to mend."""
    return Path(shutil.copytree(CONTENT, tmp_path_factory.mktemp("demo") / "content"))


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def served(content: Path) -> AsyncIterator[tuple[Demo, Page]]:
    """The demo and its page, for all tests of a file that leave no trace."""
    async with serving(content) as both:
        yield both


@pytest_asyncio.fixture(loop_scope="session")
async def fresh(served: tuple[Demo, Page]) -> tuple[Demo, Page]:
    """The same, begun again in French."""
    demo, _ = served
    await demo.restart()
    return served


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def chrome() -> AsyncIterator[Browser]:
    """One browser for all tests."""
    if CHROMIUM is None:
        pytest.skip("there is no Chromium here: apt-get install chromium, or name it in CHROMIUM")
    async with chromium() as browser:
        yield browser


@pytest_asyncio.fixture(loop_scope="session")
async def opened(chrome: Browser, fresh: tuple[Demo, Page]) -> AsyncIterator[BrowserPage]:
    """The demo's page in a French browser; when the test is over nothing may have gone wrong in it."""
    _, page = fresh
    async with await chrome.new_context(
        locale="fr-FR", viewport={"width": 1280, "height": 900}, reduced_motion="reduce"
    ) as context:
        context.set_default_timeout(PATIENCE)
        watched, tab = Watched(), await context.new_page()
        watched.watch(tab)
        await tab.goto(page.url)
        await tab.locator(".tg-message").nth(1).wait_for()
        yield tab
        watched.check()
