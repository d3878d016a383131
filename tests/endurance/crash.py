"""The crash test: kills the program at random instants of its pushes, and counts who got what.

python -m tests.endurance.crash --kills 200 --targets 300
python -m tests.endurance.crash --kills 200 --targets 300 --hold
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import random
import sqlite3
import tempfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bot.sandbox.discord.server import DiscordStandIn
from bot.sandbox.telegram.server import TelegramStandIn
from tests.running import as_process

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from bot.sandbox.discord.world import Channel
    from bot.sandbox.telegram.model import Chat

LONGEST_LIFE = 1.5
"""Seconds from the first message of a life within which it is killed."""
PATIENCE = 120.0
"""Seconds that a push may take, before something is certainly wrong."""

EPISODE = """---
number: 1207
title: Le récap
date: 2024-11-04
---

Un mot pour commencer.

## Un sujet

#tiktok

Quelques phrases.

Sources :
- [Une source](https://example.org/)
"""

SETTINGS = """
[content]
folder = "content"

[[schedules]]
name = "monday"
cron = "0 8 * * mon"
max_lateness = "8d"
max_age = "3650d"

[delivery]
on_unknown = "{on_unknown}"

[telegram]
token = "{telegram.token}"
api_url = "{telegram.url}"

[discord]
token = "{discord.token}"
api_url = "{discord.api_url}"
gateway_url = "{discord.gateway_url}"
"""


@dataclass
class Figures:
    """What came of it, summed over all pushes. `in_doubt` counts the messages whose end a kill left open."""

    pushes: int = 0
    kills: int = 0
    telegram_missing: int = 0
    telegram_twice: int = 0
    telegram_in_doubt: int = 0
    telegram_unknown: int = 0
    discord_missing: int = 0
    discord_twice: int = 0
    discord_in_doubt: int = 0

    def __str__(self) -> str:
        return "\n".join(f"{name.replace('_', ' '):20} {value}" for name, value in vars(self).items())


@dataclass
class DemoWorld:
    """Both platforms with as many private chats and channels as wanted, and the program's folder."""

    telegram: TelegramStandIn
    discord: DiscordStandIn
    chats: list[Chat]
    channels: list[Channel]
    folder: Path

    @property
    def config(self) -> Path:
        """The program's config."""
        return self.folder / "config.toml"

    def sends(self) -> int:
        """The messages that have arrived on either platform, as often as they did."""
        return len(self.telegram.traffic.sends) + len(self.discord.traffic.sends)

    def got(self) -> tuple[Counter[int], Counter[int]]:
        """How many chats on Telegram, and channels on Discord, have so many of the bot's messages."""
        return (
            Counter(sum(message.by_bot for message in chat.messages) for chat in self.chats),
            Counter(len(channel.messages) for channel in self.channels),
        )

    def rows(self, query: str) -> dict[str, int]:
        """The counts by platform that the query finds in the ledger."""
        with contextlib.closing(sqlite3.connect(self.folder / "recap.db", timeout=30)) as database:
            is_made = database.execute("SELECT 1 FROM sqlite_master WHERE name = 'alembic_version'").fetchone()
            return dict(database.execute(query)) if is_made else {}

    async def until(
        self, condition: Callable[[], bool], running: asyncio.subprocess.Process, within: float = PATIENCE
    ) -> None:
        """Wait until the condition holds."""
        async with asyncio.timeout(within):
            while not condition():
                if running.returncode is not None:
                    raise RuntimeError((self.folder / "log").read_text(encoding="utf-8"))
                await asyncio.sleep(0.02)


@contextlib.asynccontextmanager
async def town(targets: int, *, hold: bool) -> AsyncIterator[DemoWorld]:
    """A town of so many targets on each platform, all of them declared in the program's config."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        async with TelegramStandIn() as telegram, DiscordStandIn() as discord:
            guild = discord.add_guild("Auditeurs")
            chats = [telegram.add_private(name=f"P{number}") for number in range(targets)]
            channels = [discord.add_text(guild, f"salon-{number}") for number in range(targets)]
            places = [("telegram", chat.id) for chat in chats] + [("discord", channel.id) for channel in channels]
            config = SETTINGS.format(telegram=telegram, discord=discord, on_unknown="hold" if hold else "resend")
            config += "".join(f'\n[[channels]]\nplatform = "{name}"\nchat = {number}\n' for name, number in places)
            (folder / "config.toml").write_text(config, encoding="utf-8")
            (folder / "content").mkdir()
            (folder / "content" / "1207.md").write_text(EPISODE, encoding="utf-8")
            yield DemoWorld(telegram, discord, chats, channels, folder)


async def push(
    targets: int, kills: int, figures: Figures, luck: random.Random, longest_life: float, *, hold: bool
) -> None:
    """One push, killed at most so often on its way, and then left alone until it is over."""
    in_doubt = "SELECT platform, count(*) FROM deliveries WHERE state = 'sending' GROUP BY platform"
    async with town(targets, hold=hold) as place:
        while figures.kills < kills:
            before = place.sends()
            async with as_process(place.config) as running:
                await place.until(lambda: place.sends() > before or is_over(place), running)  # noqa: B023 - used at once
                if is_over(place):
                    break
                await asyncio.sleep(luck.uniform(0, longest_life))
                if is_over(place):
                    break
            left = place.rows(in_doubt)
            figures.kills += 1
            figures.telegram_in_doubt += left.get("telegram", 0)
            figures.discord_in_doubt += left.get("discord", 0)
        async with as_process(place.config) as running:
            await place.until(lambda: is_over(place), running)
        unknown = "SELECT platform, count(*) FROM deliveries WHERE state = 'unknown' GROUP BY platform"
        got, had = place.got()
        figures.pushes += 1
        figures.telegram_missing += got[0]
        figures.telegram_twice += repeats(got)
        figures.telegram_unknown += place.rows(unknown).get("telegram", 0)
        figures.discord_missing += had[0]
        figures.discord_twice += repeats(had)


def repeats(got: Counter[int]) -> int:
    """Return how many messages came beyond the first of each place."""
    return sum((times - 1) * places for times, places in got.items() if times > 1)


def is_over(place: DemoWorld) -> bool:
    """Return whether the one push is over."""
    return place.rows("SELECT state, count(*) FROM broadcasts WHERE kind = 'push' GROUP BY state").keys() == {"done"}


async def crash(
    targets: int, kills: int, *, hold: bool, seed: int = 1207, longest_life: float = LONGEST_LIFE
) -> Figures:
    """Push until the program has been killed so often."""
    figures, luck = Figures(), random.Random(seed)  # noqa: S311 - for instants, not for secrets
    while figures.kills < kills:
        await push(targets, kills, figures, luck, longest_life, hold=hold)
        print(figures, end="\n\n", flush=True)  # noqa: T201 - a script
    return figures


if __name__ == "__main__":
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--kills", type=int, default=200)
    options.add_argument("--targets", type=int, default=300, help="on each platform")
    options.add_argument("--hold", action="store_true", help='with on_unknown = "hold"')
    chosen = options.parse_args()
    asyncio.run(crash(chosen.targets, chosen.kills, hold=chosen.hold))
