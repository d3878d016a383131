"""The demo on the repository's content, with its page on a free port."""

from __future__ import annotations

import contextlib
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio

from bot.config import load
from bot.demo import Demo
from bot.sandbox.page.server import Page, listening
from tests.town import CONTENT

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


@contextlib.asynccontextmanager
async def serving(content: Path) -> AsyncIterator[tuple[Demo, Page]]:
    """The demo of a content folder and its page."""
    settings = load(None, {"RECAP_CONTENT__FOLDER": str(content)})
    with listening("127.0.0.1", 0) as listener:
        async with Demo(settings) as demo, Page(demo, listener) as page:
            yield demo, page


@pytest.fixture(scope="module")
def content(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A content folder with the real episodes, for a test to change and to mend."""
    return Path(shutil.copytree(CONTENT, tmp_path_factory.mktemp("demo") / "content"))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def served(content: Path) -> AsyncIterator[tuple[Demo, Page]]:
    """The demo and its page, for all tests of a file that leave no trace."""
    async with serving(content) as both:
        yield both


@pytest_asyncio.fixture(loop_scope="module")
async def fresh(served: tuple[Demo, Page]) -> tuple[Demo, Page]:
    """The same, begun again."""
    demo, _ = served
    await demo.restart()
    return served
