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


FAINT = """() => {
  // The colours between two ends of a gradient are no nearer to a text's than one of the ends.
  const colours = (css) => [...css.matchAll(/(rgba?|color)\\((srgb )?([^)]*)\\)/g)].map(([, , srgb, numbers]) => {
    const [r, g, b, a = 1] = numbers.match(/[\\d.e-]+/g).map(Number);
    return [...[r, g, b].map((part) => (srgb ? part : part / 255)), a];
  });
  const over = ([r, g, b, a], back) => [r, g, b].map((part, at) => part * a + back[at] * (1 - a));
  const behind = (element) => {
    const { backgroundColor, backgroundImage } = getComputedStyle(element);
    const [flat = [0, 0, 0, 0]] = colours(backgroundColor);
    const layers = colours(backgroundImage);
    const below = flat[3] === 1 || element.parentElement === null ? [[1, 1, 1]] : behind(element.parentElement);
    const floors = below.map((back) => over(flat, back));
    return layers.length === 0 ? floors : floors.flatMap((floor) => layers.map((layer) => over(layer, floor)));
  };
  const light = (colour) => colour.map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4))
    .reduce((sum, part, at) => sum + part * [0.2126, 0.7152, 0.0722][at], 0);
  const contrast = (one, other) => {
    const [less, more] = [light(one), light(other)].sort((a, b) => a - b);
    return (more + 0.05) / (less + 0.05);
  };
  const found = [];
  for (const element of document.querySelectorAll("body *")) {
    const words = element.placeholder || [...element.childNodes].filter((node) => node.nodeType === 3)
      .map((node) => node.data).join("").trim();
    const style = getComputedStyle(element, element.placeholder ? "::placeholder" : null);
    if (words === "" || !element.checkVisibility() || getComputedStyle(element).clipPath !== "none") continue;
    let opacity = 1;
    for (let at = element; at !== null; at = at.parentElement) opacity *= getComputedStyle(at).opacity;
    const [[r, g, b, a]] = colours(style.color);
    const worst = Math.min(...behind(element).map((back) => contrast(over([r, g, b, a * opacity], back), back)));
    if (worst < 4.5) found.push(`${worst.toFixed(2)} ${element.tagName}.${element.className} ${words.slice(0, 40)}`);
  }
  return found;
}"""
"""The visible texts with a contrast below 4.5, the least for running text: https://www.w3.org/TR/WCAG22/#contrast-minimum"""

CUT = """() => {
  const ruler = document.createElement("canvas").getContext("2d");
  const isLonger = (element, style) => {
    ruler.font = style.font;
    const room = element.clientWidth - parseFloat(style.paddingLeft) - parseFloat(style.paddingRight);
    return element.placeholder && ruler.measureText(element.placeholder).width > room;
  };
  const words = (element) => (element.placeholder ?? element.textContent).slice(0, 40);
  return [...document.querySelectorAll("body, body *")].filter((element) => {
  const style = getComputedStyle(element), { left, right, width } = element.getBoundingClientRect();
  // Words for screen readers alone are cut on purpose.
  if (!element.checkVisibility() || element.closest("svg") || style.clipPath !== "none") return false;
  return (width > 0 && (left < -1 || right > innerWidth + 1)) || isLonger(element, style)
    || (element.scrollWidth > element.clientWidth + 1 && style.overflowX !== "visible" && style.display !== "inline");
}).map((element) => `${element.tagName}.${element.className} ${words(element)}`);
}"""
"""The visible elements that reach over the edge of the screen, or whose words are wider than they show."""
