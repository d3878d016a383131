"""What people and the admin wait for: answers from a large archive, and the start; and the memory of an idle bot."""

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
from bot.sandbox.discord.server import DiscordStandIn
from bot.sandbox.telegram.server import TelegramStandIn

if TYPE_CHECKING:
    from collections.abc import Callable

    from bench.processes import StandIn

TOPICS = ("tiktok", "netflix", "telegram", "instagram", "meta", "youtube", "reddit", "threads", "bluesky", "whatsapp")
WORDS = ("plateforme", "annonce", "règle", "attendait", "chacun", "choisir", "été", "milliard", "comptes", "publient")
CONFIG = """
[content]
folder = "{content}"
[storage]
url = "sqlite:///{folder}/recap.db"
"""
SECTIONS = {
    "telegram": """
[telegram]
token = "{telegram.token}"
api_url = "{telegram.url}"
""",
    "discord": """
[discord]
token = "{discord.token}"
api_url = "{discord.api_url}"
gateway_url = "{discord.gateway_url}"
""",
}
RECAP = (sys.executable, "-m", "bot")
PATIENCE = 30
"""Seconds to wait for a bot that does not start."""
RESIDENT = {("telegram",): 100, ("discord",): 118, ("telegram", "discord"): 118}
"""Megabytes that an idle bot on these platforms may have."""
SETTLE = 3
"""Seconds from the first poll until the bot is idle: it prepares its search meanwhile."""
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
    """From the command to the first long poll, against the sandbox, and to the last line of its help; then its memory.

    The memory is that of a second start: the first one makes the database, and keeps in memory what that takes.
    """
    polls = []
    resident: dict[tuple[str, ...], list[float]] = {platforms: [] for platforms in RESIDENT}
    for _ in range(times):
        for platforms, found in resident.items():
            seconds, megabytes = asyncio.run(_started(*platforms))
            found.append(megabytes)
            if platforms == ("telegram",):
                polls.append(seconds)
    helps = []
    for _ in range(times):
        began = time.perf_counter()
        subprocess.run([*RECAP, "--help"], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)  # noqa: S603 - the bot itself
        helps.append(time.perf_counter() - began)
    memory = {" and ".join(platforms): found for platforms, found in resident.items()}
    result = Result("Start", ("", ""), raw=[{"polls": polls, "helps": helps, "resident": memory}])
    result.rows.append(("recap run, to its first poll", Spread.of(polls).text(2, " s")))
    result.rows.append(("recap --help", Spread.of(helps).text(2, " s")))
    for names, found in memory.items():
        result.rows.append((f"memory of an idle bot on {names}", Spread.of(found).text(0, " MB")))
    result.demand("`recap run` to its first poll", statistics.median(polls), 2, unit=" s")
    result.demand("`recap --help`", statistics.median(helps), 0.4, unit=" s")
    for (names, found), limit in zip(memory.items(), RESIDENT.values(), strict=True):
        result.demand(f"an idle bot on {names}", statistics.median(found), limit, digits=0, unit=" MB")
    return result


async def _started(*platforms: str) -> tuple[float, float]:
    """Seconds until a bot with the repository's content listens, and its megabytes when it has been started again."""
    async with TelegramStandIn() as telegram, DiscordStandIn() as discord:
        listens: dict[str, Callable[[], bool]] = {
            "telegram": lambda: any(request.route == "getUpdates" for request in telegram.traffic.requests),
            "discord": lambda: discord.gateway.online,
        }
        with tempfile.TemporaryDirectory() as folder:
            config = Path(folder, "config.toml")
            text = CONFIG + "".join(SECTIONS[name] for name in platforms)
            text = text.format(content=ROOT / "content", folder=folder, telegram=telegram, discord=discord)
            await asyncio.to_thread(config.write_text, text, encoding="utf-8")

            async def run(settle: float) -> tuple[float, float]:
                telegram.traffic.requests.clear()
                began = time.perf_counter()
                bot = await asyncio.create_subprocess_exec(
                    *RECAP, "run", "--config", config, cwd=ROOT, env={**os.environ, "RECAP_LOG": "CRITICAL"}
                )
                for name in platforms:
                    stand_in: TelegramStandIn | DiscordStandIn = telegram if name == "telegram" else discord
                    await stand_in.wait_for(listens[name], PATIENCE)
                seconds = time.perf_counter() - began
                await asyncio.sleep(settle)
                megabytes = _resident(bot.pid)
                bot.terminate()
                await bot.wait()
                return seconds, megabytes

            (seconds, _), (_, megabytes) = await run(0), await run(SETTLE)
    return seconds, megabytes


def _resident(pid: int) -> float:
    """The megabytes of a process that are in memory."""
    lines = Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines()
    (kilobytes,) = (line.split()[1] for line in lines if line.startswith("VmRSS"))
    return int(kilobytes) / 1024


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
