"""The clock test: sets the machine's clock at random moments of real pushes, and counts who got what.

python -m tests.endurance.clock --pushes 60 --targets 100
"""

from __future__ import annotations

import argparse
import asyncio
import datetime as dt
import random
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bot.platforms.registry import load
from bot.runtime import heart
from bot.runtime.app import opened
from bot.sandbox.shared.faults import Fault, Flood, Match
from bot.storage.clock import SteadyClock, utc_now
from tests.endurance.crash import PATIENCE, is_over, repeats, town
from tests.running import at_work

if TYPE_CHECKING:
    from bot.runtime.app import App

JUMPS = tuple(
    sign * jump
    for jump in (dt.timedelta(minutes=1), dt.timedelta(hours=1), dt.timedelta(days=1), dt.timedelta(days=40))
    for sign in (1, -1)
)

RESTARTS = 0.4
"""The share of the changes after which the bot is started anew at once, before it can have noticed."""


@dataclass
class Figures:
    """What came of it, summed over all pushes and both platforms."""

    pushes: int = 0
    jumps: int = 0
    restarts: int = 0
    missing: int = 0
    twice: int = 0

    def __str__(self) -> str:
        return ", ".join(f"{name} {value}" for name, value in vars(self).items())


class Machine:
    """A machine whose clock somebody sets."""

    def __init__(self) -> None:
        self.ahead = dt.timedelta()

    def __call__(self) -> dt.datetime:
        """The time by its clock."""
        return utc_now() + self.ahead


async def _has_told(app: App) -> bool:
    return any("L’horloge a changé" in each.text for each in await app.ledger.notices.latest(9))


async def push(targets: int, luck: random.Random, figures: Figures) -> None:
    """One push, with up to three changes of the clock on its way, some of them while the bot is off for a moment."""
    machine, plan = Machine(), luck.choices(JUMPS, k=luck.randint(1, 3))
    async with town(targets, hold=False) as place, asyncio.timeout(PATIENCE):
        # Somebody always has to be tried again.
        place.telegram.faults.add(Fault(Flood(2), Match("send*"), times=3, skip=targets // 3))
        while not is_over(place):
            async with opened(load(place.config, {}), SteadyClock(machine)) as app, at_work(app):
                while plan:
                    after = place.sends() + luck.randint(1, targets)
                    while not is_over(place) and place.sends() < after:  # noqa: ASYNC110 - arrivals on two stand-ins
                        await asyncio.sleep(0.02)
                    machine.ahead += plan.pop()
                    figures.jumps += 1
                    if luck.random() < RESTARTS:
                        figures.restarts += 1
                        break
                while not plan and not (is_over(place) and await _has_told(app)):  # noqa: ASYNC110 - likewise
                    await asyncio.sleep(0.02)
        got = sum(place.got(), Counter())
    figures.pushes += 1
    figures.missing += got[0]
    figures.twice += repeats(got)


async def jump(pushes: int, targets: int, seed: int = 1207) -> Figures:
    """Push so often."""
    figures, luck = Figures(), random.Random(seed)  # noqa: S311 - for moments, not for secrets
    while figures.pushes < pushes:
        await push(targets, luck, figures)
        print(figures, flush=True)  # noqa: T201 - a script
    return figures


if __name__ == "__main__":
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--pushes", type=int, default=60)
    options.add_argument("--targets", type=int, default=100, help="on each platform")
    chosen = options.parse_args()
    heart.LOOK_EVERY = 0.2
    result = asyncio.run(jump(chosen.pushes, chosen.targets))
    raise SystemExit(bool(result.missing or result.twice))
