"""What people and the admin wait for: answers from a large archive, and the bot's start."""

from __future__ import annotations

import asyncio
import datetime as dt
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from bench.processes import ROOT
from bench.result import Result, Spread
from bot.sandbox.telegram.server import TelegramStandIn

if TYPE_CHECKING:
    from bench.processes import StandIn

TOPICS = ("tiktok", "netflix", "telegram", "instagram", "meta", "youtube", "reddit", "threads", "bluesky", "whatsapp")
WORDS = ("plateforme", "annonce", "règle", "attendait", "chacun", "choisir", "été", "milliard", "comptes", "publient")
CONFIG = """
[content]
folder = "{content}"
[storage]
url = "sqlite:///{folder}/recap.db"
[telegram]
token = "{token}"
api_url = "{url}"
"""
RECAP = (sys.executable, "-m", "bot")
PATIENCE = 30
"""Seconds to wait for a bot that does not start."""
LIMITS = {"latest": 5, "topic": 5, "search": 20}
"""Milliseconds that an answer may take."""


def archive(stand_in: StandIn, *, episodes: int, times: int) -> Result:
    """An archive of that many episodes of five kilobytes: loading, one change, and answers."""
    with tempfile.TemporaryDirectory() as folder:
        write_episodes(Path(folder), episodes)
        said = stand_in.block("reading", messages=times, content=folder)
    result = Result(f"An archive of {said['episodes']:,} episodes", ("", "time"), raw=[said])
    result.rows.append(("loaded in", f"{said['loaded']:.2f} s"))
    result.rows.append(("read again after one change in", f"{said['reloaded'] * 1000:.0f} ms"))
    for name in LIMITS:
        spread = Spread.of([seconds * 1000 for seconds in said[name]])
        result.rows.append((f"/{name}, the program's own time", spread.text(2, " ms")))
    here = f"an archive of {said['episodes']:,} episodes"
    result.demand(f"{here}: loaded in", said["loaded"], 2.5, unit=" s")
    result.demand(f"{here}: read again after a change in", said["reloaded"] * 1000, 100, digits=0, unit=" ms")
    for name, limit in LIMITS.items():
        result.demand(
            f"{here}: /{name}, the program's own time",
            statistics.median(said[name]) * 1000,
            limit,
            digits=1,
            unit=" ms",
        )
    return result


def start(_stand_in: StandIn, *, times: int) -> Result:
    """From the command to the first long poll, against the sandbox, and to the last line of its help."""
    polls = [asyncio.run(_first_poll()) for _ in range(times)]
    helps = []
    for _ in range(times):
        began = time.perf_counter()
        subprocess.run([*RECAP, "--help"], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)  # noqa: S603 - the bot itself
        helps.append(time.perf_counter() - began)
    result = Result("Start", ("", "seconds"), raw=[{"polls": polls, "helps": helps}])
    result.rows.append(("recap run, to its first poll", Spread.of(polls).text(2)))
    result.rows.append(("recap --help", Spread.of(helps).text(2)))
    result.demand("`recap run` to its first poll", statistics.median(polls), 2, unit=" s")
    result.demand("`recap --help`", statistics.median(helps), 0.4, unit=" s")
    return result


async def _first_poll() -> float:
    """Seconds from the command to the first long poll of a bot with the repository's content."""
    async with TelegramStandIn() as telegram:
        with tempfile.TemporaryDirectory() as folder:
            config = Path(folder, "config.toml")
            await asyncio.to_thread(
                config.write_text,
                CONFIG.format(content=ROOT / "content", folder=folder, token=telegram.token, url=telegram.url),
                encoding="utf-8",
            )
            environment = {**os.environ, "RECAP_LOG": "CRITICAL"}
            began = time.perf_counter()
            bot = await asyncio.create_subprocess_exec(*RECAP, "run", "--config", config, cwd=ROOT, env=environment)
            await telegram.wait_for(
                lambda: any(request.route == "getUpdates" for request in telegram.traffic.requests), PATIENCE
            )
            seconds = time.perf_counter() - began
            bot.terminate()
            await bot.wait()
    return seconds


def write_episodes(folder: Path, count: int) -> None:
    """Episodes of about five kilobytes, the same at every call."""
    chance = random.Random(1207)  # noqa: S311 - guards nothing
    for number in range(1, count + 1):
        date = dt.date(2024, 11, 4) - dt.timedelta(weeks=count - number)
        segments = "\n\n".join(_segment(chance, number, index) for index in range(5))
        (folder / f"{number}.md").write_text(
            f"---\nnumber: {number}\ntitle: Épisode {number}\ndate: {date}\n---\n\n{_sentence(chance)}\n\n{segments}\n",
            encoding="utf-8",
        )


def _segment(chance: random.Random, number: int, index: int) -> str:
    topics = chance.sample(TOPICS, 2)
    paragraphs = "\n\n".join(f"**{_sentence(chance)}** {_sentence(chance)} {_sentence(chance)}" for _ in range(2))
    return (
        f"## {topics[0].title()} numéro {index} {{#sujet-{index}}}\n\n#{topics[0]} #{topics[1]}\n\n{paragraphs}\n\n"
        f"Sources :\n- [{topics[0]}](https://example.org/{number}/{index})"
    )


def _sentence(chance: random.Random) -> str:
    return " ".join(chance.choices(WORDS, k=20)).capitalize() + "."
