"""The storage test: takes the database away from under real pushes, and counts who got what and what was said.

python -m tests.endurance.storage --pushes 50 --targets 100
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import random
import shutil
import sqlite3
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from bot.platforms.registry import load
from bot.runtime import heart
from bot.runtime.app import opened
from bot.storage import database, sqlite
from tests.delivery.ledger_kit import under
from tests.endurance.crash import PATIENCE, is_over, repeats, town
from tests.running import at_work
from tests.waiting import until

if TYPE_CHECKING:
    from pathlib import Path

    from bot.runtime.app import App
    from bot.sandbox.telegram.model import Chat
    from tests.endurance.crash import DemoWorld

SAVED, UNSAVED = "Abonnement enregistré", "rien n’a été enregistré"
KINDS = ("delete", "move", "restore", "lock", "fill")


@dataclass
class Figures:
    """What came of it, summed over all pushes and both platforms.

    `untrue` has the answers that something was saved, or was not, which is not so.
    """

    pushes: int = 0
    missing: int = 0
    twice: int = 0
    saved: int = 0
    unsaved: int = 0
    untrue: list[str] = field(default_factory=list)
    kinds: Counter[str] = field(default_factory=Counter)

    def __str__(self) -> str:
        return ", ".join(f"{name} {value}" for name, value in vars(self).items() if name != "kinds")


class Person:
    """Somebody who subscribes now to everything, now to one topic, and believes what the bot says."""

    def __init__(self, place: DemoWorld) -> None:
        self.place = place
        self.chat: Chat = place.telegram.add_private(name="Ada")
        self.said: list[str] = []
        self.believed: str | None = None

    async def asks(self) -> None:
        """Subscribe, and wait for the answer."""
        topic = random.choice(["", "tiktok"])  # noqa: S311 - no secret
        before = len(self.answers())
        self.place.telegram.say(self.chat, self.chat.person, f"/subscribe {topic}".strip())
        await self.place.telegram.wait_for(lambda: len(self.answers()) > before, 30)
        answer = self.answers()[-1]
        if SAVED in answer:
            self.believed = topic
        self.said.append(SAVED if SAVED in answer else UNSAVED if UNSAVED in answer else answer)

    def answers(self) -> list[str]:
        """Return all answers so far, with plain spaces."""
        texts = [message.text for message in self.chat.messages if message.by_bot]
        return [text.replace("\N{NO-BREAK SPACE}", " ") for text in texts]

    def is_right(self) -> bool:
        """Whether the database holds what the bot has said."""
        with contextlib.closing(sqlite3.connect(self.place.folder / "recap.db")) as file:
            kept = file.execute("SELECT topics FROM subscriptions WHERE chat = ?", [str(self.chat.id)]).fetchone()
        return (None if kept is None else kept[0]) == self.believed


async def take_away(app: App, path: Path, kind: str, person: Person) -> None:
    """Take the database away for a moment, and give it back as an admin would."""
    elsewhere = path.with_name("elsewhere.db")
    match kind:
        case "delete":
            path.unlink()  # noqa: ASYNC240 - of a local file
            await person.asks()
            await until(path.exists)
        case "move":
            path.rename(elsewhere)  # noqa: ASYNC240 - likewise
            await person.asks()
            # Unless the bot was quicker: then its file is the newer one.
            with contextlib.suppress(FileExistsError):
                os.link(elsewhere, path)
        case "restore":
            shutil.copy(path, elsewhere)
            elsewhere.replace(path)
            await person.asks()
            await until(lambda: bool(list(path.parent.glob("*.rescued-*"))))
        case "lock":
            with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as other:
                other.execute("BEGIN IMMEDIATE")
                await person.asks()
        case "fill":
            with under(app.ledger, "max_page_count = 1"):
                await person.asks()


async def push(kind: str, targets: int, luck: random.Random, figures: Figures) -> None:
    """One push, on the way of which the database is taken away."""
    async with town(targets, hold=False) as place, asyncio.timeout(PATIENCE):
        person, path = Person(place), place.folder / "recap.db"
        for is_last in (False, True):
            if is_last and kind != "restore":
                break
            async with opened(load(place.config, {})) as app, at_work(app):
                if not is_last:
                    await person.asks()
                    after = place.sends() + luck.randint(1, targets)
                    await until(lambda: place.sends() >= after)  # noqa: B023 - used at once
                    await take_away(app, path, kind, person)
                if is_last or kind != "restore":
                    await until(lambda: is_over(place))
                    while person.said[-1] != SAVED:
                        await asyncio.sleep(1)
                        await person.asks()
                    await until(person.is_right, 5)
            if not is_last and kind == "restore":
                # As the notice says: the bot is stopped, and the admin puts its copy into the place.
                (copy,) = path.parent.glob("*.rescued-*")
                copy.rename(path)
                figures.untrue += [] if person.is_right() else person.said
        figures.untrue += [answer for answer in person.said if not person.is_right() or answer not in {SAVED, UNSAVED}]
        others = [chat for chat in place.chats if chat is not person.chat]
        got = Counter(sum(message.by_bot for message in chat.messages) for chat in others)
        got += Counter(len(channel.messages) for channel in place.channels)
    figures.pushes += 1
    figures.kinds[kind] += 1
    figures.missing += got[0]
    figures.twice += repeats(got)
    figures.saved += person.said.count(SAVED)
    figures.unsaved += person.said.count(UNSAVED)


async def trouble(pushes: int, targets: int, seed: int = 1207) -> Figures:
    """Push so often, with each kind of trouble in turn."""
    figures, luck = Figures(), random.Random(seed)  # noqa: S311 - for moments, not for secrets
    while figures.pushes < pushes:
        await push(KINDS[figures.pushes % len(KINDS)], targets, luck, figures)
        print(figures, flush=True)  # noqa: T201 - a script
    return figures


def hurry() -> None:
    """Have the bot look often, and wait for others not as long as it does."""
    heart.LOOK_EVERY, database.PUT_BACK_AFTER, sqlite.PATIENCE = 0.2, 2.0, 3


if __name__ == "__main__":
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--pushes", type=int, default=50)
    options.add_argument("--targets", type=int, default=100, help="on each platform")
    chosen = options.parse_args()
    hurry()
    result = asyncio.run(trouble(chosen.pushes, chosen.targets))
    raise SystemExit(bool(result.missing or result.twice or result.untrue))
