"""A real browser: Debian's Chromium, without a screen, watched in everything that it asks for."""

from __future__ import annotations

import contextlib
import os
import shutil
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from playwright.async_api import async_playwright, expect

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from playwright.async_api import Browser, Page

CHROMIUM = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, ("chromium", "chromium-browser"))), None)
"""Where it is; None where there is none."""
PATIENCE = 15_000
"""Milliseconds that what is awaited may take on a busy machine."""
_ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    # Whatever it would ask of its maker.
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    # In a container the shared memory is too small for it.
    "--disable-dev-shm-usage",
)


@contextlib.asynccontextmanager
async def chromium() -> AsyncIterator[Browser]:
    """The browser, with nobody's profile."""
    expect.set_options(timeout=PATIENCE)
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=_ARGUMENTS)
        yield browser
        await browser.close()


@dataclass
class Watched:
    """What a page did wrong: said in the console, failed to do, asked of somebody else."""

    complaints: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)

    def watch(self, page: Page) -> None:
        """Note it all from now on."""
        page.on("console", lambda message: self.complaints.append(f"{message.type}: {message.text}"))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("request", lambda request: self.requests.append(request.url))

    def check(self) -> None:
        """Nothing of the kind happened."""
        assert self.complaints == [], self.complaints
        assert {urlsplit(url).hostname for url in self.requests} <= {"127.0.0.1", None}
