"""An archive of very many episodes: how long it loads, and how long an answer from it takes."""

from __future__ import annotations

import asyncio
import datetime as dt
import random
import time
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from bot.commands.request import CommandContext, Request
from bot.commands.table import COMMANDS
from bot.commands.throttle import Throttle
from bot.content.archive import Archive
from bot.model.i18n import Language
from bot.model.subscription import PlatformName, Target
from bot.platforms.telegram.render import render
from bot.runtime.clock import Timetable
from bot.storage.ledger import Ledger

if TYPE_CHECKING:
    from bench.block import Block

ASKED = {"latest": ("",), "topic": ("tiktok", "netflix"), "search": ("telegram milliard", "episode 117", "regles")}
PARIS = ZoneInfo("Europe/Paris")


async def main(block: Block) -> None:
    """Load it, and ask."""
    folder = Path(block.options["content"])
    began = time.perf_counter()
    archive = Archive.load(folder)
    block.found["loaded"] = time.perf_counter() - began
    block.found["episodes"] = len(archive.episodes)
    _change(folder)
    began = time.perf_counter()
    archive = Archive.load(folder, previous=archive)
    block.found["reloaded"] = time.perf_counter() - began

    def now() -> dt.datetime:
        return dt.datetime.now(PARIS)

    async with await Ledger.open(f"sqlite:///{block.folder / 'recap.db'}", now) as ledger:
        context = CommandContext(
            show="Le récap du lundi",
            archive=lambda: archive,
            subscriptions=ledger.subscriptions,
            schedules=[],
            agenda=Timetable([], now),
            clock=now,
            throttle=Throttle(time.monotonic),
            changing=asyncio.Lock(),
        )
        commands = {command.name: command for command in COMMANDS}
        for name, arguments in ASKED.items():
            block.found[name] = []
            for argument in arguments * block.messages:
                request = Request(argument, Target(PlatformName("telegram"), "5"), Language.FRENCH)
                began = time.perf_counter()
                render((await commands[name].answer(context, request)).document)
                block.found[name].append(time.perf_counter() - began)


def _change(folder: Path) -> None:
    """Touch up one episode."""
    episode = random.choice(sorted(folder.glob("*.md")))  # noqa: S311 - guards nothing
    episode.write_text(episode.read_text(encoding="utf-8") + "\n", encoding="utf-8")
