"""Several machines over one PostgreSQL, each with one `recap run`, and the figures of what everybody got."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import math
import os
import re
import signal
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import psycopg

from tests.endurance.altered import AHEAD, QUICK
from tests.endurance.crash import PATIENCE, DemoWorld, repeats, town
from tests.running import Lag, noting_lag

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

TAKEN_OVER = 20.0
"""Seconds within which the next message follows when a process died, as promised."""


@dataclass
class Figures:
    """What came of it. `in_doubt` counts Telegram's messages whose outcome a death, or a failover, has left open.

    `ended` counts subscriptions that have ended, `late` the messages of a process after another one had taken over, and
    `longest_gap` the seconds between two messages of Telegram. `peak` is the most messages that were seen in a second;
    at least `surely` left in one, however late the stand-ins looked.
    """

    kind: str
    missing: int = 0
    telegram_twice: int = 0
    in_doubt: int = 0
    discord_twice: int = 0
    pushes: int = 1
    unfinished: int = 0
    ended: int = 0
    late: int = 0
    peak: int = 0
    surely: int = 0
    longest_gap: float = 0.0
    times: int = 1

    def __str__(self) -> str:
        return ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in vars(self).items())

    def is_right(self, rate: int, *, hold: bool = False, within: float = math.inf) -> bool:
        """Return whether the promise holds, with the next message within so many seconds."""
        broken = (self.discord_twice, self.unfinished, self.ended, self.late, self.pushes - 1)
        too_many = self.missing > self.in_doubt * hold, self.telegram_twice > self.in_doubt * (not hold)
        return not any((*broken, *too_many, self.surely > rate, self.longest_gap > within))


@dataclass
class Cluster:
    """The processes, and both platforms. Each process reaches the database at `way`, the test itself at `url`."""

    place: DemoWorld
    url: str
    quick: bool
    way: str = ""
    lag: Lag = field(default_factory=Lag)
    running: list[asyncio.subprocess.Process] = field(default_factory=list)

    async def begin(self, way: str = "", *, config: Path | None = None, ahead: float = 0.0) -> int:
        """Start a process and return its number. Its clock is so many seconds ahead."""
        environment = {
            "RECAP_STORAGE__URL": way or self.way or self.url,
            AHEAD: str(ahead),
            QUICK: "1" if self.quick else "",
        }
        with (self.place.folder / "log").open("ab") as log:
            started = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "tests.endurance.altered", "run", "--config", str(config or self.place.config),
                env=os.environ | environment, stdout=log, stderr=log,
            )  # fmt: skip
        self.running.append(started)
        return started.pid

    async def kill(self, number: int) -> None:
        """Kill the process with this number, and wait for its end."""
        (process,) = (each for each in self.running if each.pid == number)
        process.send_signal(signal.SIGCONT)
        process.kill()
        await process.wait()

    def ask(self, query: str) -> list[tuple[object, ...]]:
        """Return the rows of a question to the database itself; none while it cannot be asked."""
        try:
            with psycopg.connect(self.url, connect_timeout=3) as connection:
                return connection.execute(query).fetchall()  # type: ignore[arg-type, unused-ignore] # constants
        except psycopg.Error:
            return []

    def number(self, query: str) -> int:
        """Return the number that a question is about; 0 while the database cannot be asked."""
        return next((int(str(value)) for (value,) in self.ask(query)), 0)

    def leader(self, role: str = "telegram") -> int | None:
        """Return the number of the process that has the role now."""
        rows = self.ask(f"SELECT process FROM leases WHERE name = '{role}' AND holder <> '' AND expires > now()")  # noqa: S608 - a constant
        found = re.search(r"\((\d+)\)$", str(rows[0][0])) if rows else None
        return int(found[1]) if found else None

    async def led(self, role: str = "telegram") -> int:
        """Wait until a process that lives has the role, and return its number."""
        living = {each.pid for each in self.running if each.returncode is None}
        await self.until(lambda: self.leader(role) in living)
        return self.leader(role) or await self.led(role)

    def roles(self, number: int) -> int:
        """Return how many roles the process with this number has."""
        return self.number(f"SELECT count(*) FROM leases WHERE process LIKE '%({number})' AND expires > now()")  # noqa: S608 - a number

    def in_doubt(self) -> int:
        """Return how many messages to Telegram are on their way."""
        return self.number("SELECT count(*) FROM deliveries WHERE state = 'sending' AND platform = 'telegram'")

    def sent(self) -> int:
        """Return how many messages Telegram has got."""
        return len(self.place.telegram.traffic.sends)

    def subscribed(self) -> int:
        """Return the number of subscriptions."""
        return self.number("SELECT count(*) FROM subscriptions WHERE state = 'active'")

    def is_over(self) -> bool:
        """Return whether the one push is over."""
        rows = self.ask("SELECT DISTINCT state FROM broadcasts WHERE kind = 'push' AND episode = 1207")
        return rows == [("done",)]

    async def until(self, condition: Callable[[], bool], within: float = PATIENCE) -> None:
        """Wait until the condition holds."""
        try:
            async with asyncio.timeout(within):
                # On a thread, because a question to the database must not hold up the platforms' stand-ins.
                while not await asyncio.to_thread(condition):  # noqa: ASYNC110 - nothing announces it
                    await asyncio.sleep(0.2)
        except TimeoutError:
            raise RuntimeError((self.place.folder / "log").read_text(encoding="utf-8")[-5000:]) from None

    async def logged(self, text: str, times: int) -> None:
        """Wait until the processes have logged this so often."""
        log = self.place.folder / "log"
        await self.until(lambda: log.read_text(encoding="utf-8").count(text) >= times)

    async def ready(self) -> None:
        """Wait until every process has begun its work, or stands by for it."""
        await self.logged(": Ready", len(self.running))

    async def sends(self, more: int) -> None:
        """Wait until so many more messages have arrived, or the push is over."""
        before = self.sent()
        await self.until(lambda: self.sent() >= before + more or self.is_over())

    async def over(self, figures: Figures) -> Figures:
        """Wait until the push is over, and return the figures with what everybody got."""
        # As long as the push has to take, because it may begin anew on the way.
        await self.until(self.is_over, PATIENCE + len(self.place.chats))
        got, had = self.place.got()
        figures.missing = got[0] + had[0]
        figures.telegram_twice = repeats(got)
        figures.discord_twice = repeats(had)
        figures.pushes = self.number("SELECT count(*) FROM broadcasts WHERE kind = 'push' AND episode = 1207")
        figures.unfinished = self.number("SELECT count(*) FROM deliveries WHERE state IN ('pending', 'sending')")
        figures.ended = self.number("SELECT count(*) FROM subscriptions WHERE state <> 'active'")
        traffics = self.place.telegram.traffic, self.place.discord.traffic
        figures.peak = max(traffic.peak(1.0) for traffic in traffics)
        figures.surely = max(traffic.peak(self.lag.second) for traffic in traffics)
        moments = [send.at for send in self.place.telegram.traffic.sends]
        gaps = [later - earlier for earlier, later in itertools.pairwise(moments)]
        figures.longest_gap = round(max(gaps, default=0.0), 1)
        return figures


@contextlib.asynccontextmanager
async def cluster(
    url: str, targets: int, rate: int, *, quick: bool = False, hold: bool = False
) -> AsyncIterator[Cluster]:
    """Machines over the database, which is empty, and as many targets on each platform."""
    async with town(targets, hold=hold) as place, noting_lag() as lag:
        settings = place.config.read_text(encoding="utf-8")
        place.config.write_text(
            re.sub(r"(\[(?:telegram|discord)\])", rf"\1\nrate = {rate}", settings), encoding="utf-8"
        )
        made = Cluster(place, url, quick, lag=lag)
        try:
            yield made
        finally:
            for process in made.running:
                if process.returncode is None:
                    await made.kill(process.pid)
