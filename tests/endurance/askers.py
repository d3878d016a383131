"""A crowd that asks, measured: the bot in a process of its own, while people ask more than Telegram lets it answer.

    python -m tests.endurance.askers --askers 80 --seconds 30 --burst 1000 --crowd 20000

Three things one after the other: people who ask within their allowance during a push, and others who ask once; many
commands, a hundred a second; and a crowd at once. The stand-in counts what arrives; time is the real one.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bot.commands.throttle import PERSON
from bot.delivery.sending import LONGEST_LINE, LONGEST_WAIT
from bot.model.rendering import Message, Rendering
from bot.model.subscription import PlatformName, Subscription, Target
from bot.sandbox.telegram.server import TelegramStandIn
from tests.delivery.side import ledger_in, now
from tests.running import as_process
from tests.world import CONTENT

if TYPE_CHECKING:
    from bot.sandbox.telegram.model import Chat

TELEGRAM = PlatformName("telegram")
PUSHED = "Bonjour"
BURST = 100.0
"""Commands a second in the burst."""
MOST_MEMORY = 64.0
"""Megabytes that a crowd may take, whatever its size: a thousand questions that wait, and a thousand updates."""
STILL = 2.0
"""Seconds without a message after which the bot has nothing more to send."""
P99 = 0.3
FIFTH = 0.19
"""The share of the rate that a push keeps, less what its beginning in the measured time costs."""


@dataclass(frozen=True)
class Figures:
    """What was measured.

    `kept` is the share of the rate that the push had while people asked within their allowance; `p99` the seconds that
    a command took in a push when few asked; `peak` the most messages in any second. `burst` and `crowd` are those who
    were answered. `memory` is what the process took at most, in megabytes, and `before` what it took at its start.
    `after` is how long the first question after the crowd took.
    """

    rate: int
    kept: float
    p99: float
    peak: int
    asked_in_burst: int
    burst: int
    asked_in_crowd: int
    crowd: int
    before: float
    memory: float
    after: float

    def __str__(self) -> str:
        return (
            f"the push kept {self.kept:.0%} of the rate; p99 {self.p99 * 1000:.0f} ms in a push; at most {self.peak} "
            f"messages in any second; {self.burst} of {self.asked_in_burst} answered in the burst, "
            f"{self.crowd} of {self.asked_in_crowd} in the crowd, all others left unanswered; memory {self.before:.0f} "
            f"→ {self.memory:.0f} MB; the first question afterwards took {self.after:.1f} s"
        )

    def broken(self, *, slack: int = 0, p99: float = P99, fifth: float = FIFTH) -> list[str]:
        """Return the bounds that do not hold. On a busy machine, messages arrive late and together."""
        line = min(LONGEST_LINE, self.rate * LONGEST_WAIT)
        bounds = {
            "the push keeps a fifth": self.kept >= fifth,
            "p99": self.p99 < p99,
            "the rate": self.peak <= self.rate + slack,
            "the burst is answered as far as the line goes": self.burst >= min(self.asked_in_burst, line),
            "the crowd is answered as far as the line goes": self.crowd >= min(self.asked_in_crowd, line),
            "memory": self.memory - self.before < MOST_MEMORY,
            "the line empties": self.after < 2 * LONGEST_WAIT,
        }
        return [name for name, holds in bounds.items() if not holds]


class Crowd:
    """The people, and the bot that they ask."""

    def __init__(self, standin: TelegramStandIn, rate: int, folder: Path) -> None:
        self.standin = standin
        self.rate = rate
        self.folder = folder

    def people(self, count: int) -> list[Chat]:
        """Return so many people with private chats."""
        return [self.standin.add_private(name=f"P{number}") for number in range(count)]

    def ask(self, chat: Chat, text: str = "/help") -> float:
        """Ask something, and return the moment."""
        self.standin.say(chat, chat.person, text)
        return time.monotonic()

    def answers(self, *chats: Chat) -> list[float]:
        """Return the moment of the first answer to each chat that got one."""
        first: dict[str, float] = {}
        wanted = {str(chat.id) for chat in chats}
        for send in self.standin.traffic.sends:
            if send.chat in wanted and send.body.get("text") != PUSHED and send.processed == 200:
                first.setdefault(send.chat, send.at)
        return list(first.values())

    async def quiet(self, within: float) -> None:
        """Wait until the bot has taken every update and sends nothing for a while."""
        async with asyncio.timeout(within):
            sent = -1
            while self.standin.updates.pending or sent != len(self.standin.traffic.sends):
                sent = len(self.standin.traffic.sends)
                await asyncio.sleep(STILL)

    async def push(self, subscribers: int) -> None:
        """Open a broadcast for so many new subscribers in the ledger of the running bot."""
        async with ledger_in(self.folder) as ledger:
            for chat in self.people(subscribers):
                await ledger.subscriptions.save(Subscription(Target(TELEGRAM, str(chat.id)), "monday"))
            rendering = Rendering("Le récap", (Message({"text": PUSHED}, 9, 4000),))
            choices = dict.fromkeys(await ledger.choices("monday"), rendering)
            number = len(self.standin.traffic.sends) + 1
            await ledger.create_broadcast(episode=number, title="", schedule="monday", due=now(), renderings=choices)
        before = len(self.pushed())
        await self.standin.wait_for(lambda: len(self.pushed()) > before, 30)

    def pushed(self) -> list[float]:
        """Return the moments at which pushed messages arrived."""
        return [send.at for send in self.standin.traffic.sends if send.body.get("text") == PUSHED]


async def measure(askers: int, seconds: float, burst: int, crowd: int, rate: int = 30) -> Figures:
    """Run the bot and let people ask."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        async with TelegramStandIn() as standin:
            config = folder / "config.toml"
            config.write_text(_config(standin, folder, rate), encoding="utf-8")
            async with as_process(config) as process:
                await standin.wait_for(lambda: standin.updates.polled, 60)
                everybody = Crowd(standin, rate, folder)
                before = _peak_memory(process.pid)
                p99 = await _few(everybody, seconds)
                kept = await _many(everybody, askers, seconds)
                answered = await _burst(everybody, burst)
                in_crowd, after = await _at_once(everybody, crowd)
                return Figures(
                    rate, kept, p99, standin.traffic.peak(1.0), burst, answered, crowd, in_crowd,
                    before, _peak_memory(process.pid), after,
                )  # fmt: skip


async def _few(everybody: Crowd, seconds: float) -> float:
    """Ask 200 commands in half a minute of a push, and return the p99 of their time."""
    asked: dict[int, float] = {}
    people = everybody.people(max(10, int(200 * seconds / 30)))
    await everybody.push(int(seconds * everybody.rate))
    for person in people:
        asked[person.id] = everybody.ask(person)
        await asyncio.sleep(seconds / len(people))
    await everybody.quiet(seconds + 60)
    waits = sorted(everybody.answers(person)[0] - asked[person.id] for person in people)
    return waits[max(0, int(len(waits) * 0.99) - 1)]


async def _many(everybody: Crowd, askers: int, seconds: float) -> float:
    """Let people ask as fast as they may during a push, and return the share of the rate that the push has."""
    people = everybody.people(askers)
    await everybody.push(int(seconds * everybody.rate))
    began, number = time.monotonic(), 0
    while time.monotonic() - began < seconds:
        # The allowance: some at once, and then one every other second.
        for person in people * (1 if number else int(PERSON.at_once)):
            number += 1
            everybody.ask(person, f"/search rien {number}")
        await asyncio.sleep(PERSON.seconds_each)
    pushed = [at for at in everybody.pushed() if began <= at < began + seconds]
    await everybody.quiet(seconds * 6 + 60)
    return len(pushed) / seconds / everybody.rate


async def _burst(everybody: Crowd, count: int) -> int:
    """Ask so many commands, a hundred a second, and return how many are answered."""
    people = everybody.people(count)
    for person in people:
        everybody.ask(person)
        await asyncio.sleep(1 / BURST)
    await everybody.quiet(120)
    return len(everybody.answers(*people))


async def _at_once(everybody: Crowd, count: int) -> tuple[int, float]:
    """Let a crowd ask at once; return how many are answered, and how long the first question afterwards takes."""
    people, late = everybody.people(count), everybody.people(1)[0]
    for number, person in enumerate(people):
        everybody.ask(person)
        if number % 20 == 0:
            # Because the stand-in measures in the same loop, it gets its turn in between; else messages that came one
            # after the other would be counted together.
            await asyncio.sleep(0.002)
    await everybody.standin.wait_for(lambda: not everybody.standin.updates.pending, 300)
    await everybody.quiet(300)
    asked = everybody.ask(late)
    await everybody.standin.wait_for(lambda: late.messages, 60)
    return len(everybody.answers(*people)), everybody.answers(late)[0] - asked


def _config(standin: TelegramStandIn, folder: Path, rate: int) -> str:
    return f"""
[content]
folder = "{CONTENT}"
[storage]
url = "sqlite:///{folder / "recap.db"}"
[telegram]
token = "{standin.token}"
api_url = "{standin.url}"
allow_paid_broadcast = true
rate = {rate}
"""


def _peak_memory(pid: int) -> float:
    """Return the most memory that the process has taken, in megabytes."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


if __name__ == "__main__":
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--askers", type=int, default=80)
    options.add_argument("--seconds", type=float, default=30.0)
    options.add_argument("--burst", type=int, default=1000)
    options.add_argument("--crowd", type=int, default=20_000)
    options.add_argument("--rate", type=int, default=30)
    chosen = options.parse_args()
    figures = asyncio.run(measure(chosen.askers, chosen.seconds, chosen.burst, chosen.crowd, chosen.rate))
    print(figures)  # noqa: T201 - a script
    for bound in figures.broken():
        print(f"broken: {bound}")  # noqa: T201 - a script
    sys.exit(bool(figures.broken()))
