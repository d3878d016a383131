"""The bot's whole path for a push: a ledger on a real file, claims, pacing, retries and recording, around a sender."""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import sqlite3
from typing import TYPE_CHECKING

from bot.delivery.courier import Courier
from bot.delivery.ledger import Ledger
from bot.delivery.pacing import Pacer
from bot.platforms.base import Message, Platform, Rendering
from bot.subscription import PlatformName, Subscription, Target

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from bench.block import Block
    from bot.document import Document
    from bot.platforms.base import Post

LIFTED = 1_000_000
"""A rate that nothing reaches."""
SCHEDULE = "monday"


def utc_now() -> dt.datetime:
    """The time."""
    return dt.datetime.now(dt.UTC)


class Around(Platform):
    """A platform that only sends."""

    def __init__(self, name: PlatformName) -> None:
        self.name = name

    def render(self, document: Document, *, silent: bool = False, rich: bool = False) -> Rendering:
        """Nothing is rendered here."""
        raise NotImplementedError

    async def inspect(self, target: Target) -> None:
        """Nothing is looked at here."""
        raise NotImplementedError

    async def send(self, post: Post) -> str:
        """Send nothing: what is left is what the path itself costs."""
        return str(len(post.nonce))


@contextlib.asynccontextmanager
async def subscribed(path: Path, platform: PlatformName, people: int) -> AsyncIterator[Ledger]:
    """A ledger with that many subscriptions to everything."""
    async with await Ledger.open(f"sqlite:///{path}", utc_now) as ledger:
        await ledger.subscriptions.save(Subscription(Target(platform, "1"), SCHEDULE))
        await asyncio.to_thread(multiply, path, people)
        yield ledger


def multiply(path: Path, people: int) -> None:
    """Make of the one subscription that many, each of a chat of its own."""
    with contextlib.closing(sqlite3.connect(path)) as connection, connection:
        names = [row[1] for row in connection.execute("PRAGMA table_info(subscriptions)") if row[1] != "id"]
        values = ["CAST(number AS TEXT)" if name == "chat" else f'"{name}"' for name in names]
        columns = ", ".join(f'"{name}"' for name in names)
        connection.execute(
            f"WITH RECURSIVE numbers(number) AS (SELECT 2 UNION ALL SELECT number + 1 FROM numbers WHERE number < ?)"  # noqa: S608 - the names are the table's own
            f" INSERT INTO subscriptions ({columns}) SELECT {', '.join(values)} FROM subscriptions, numbers",
            (people,),
        )


async def push(block: Block, platform: Platform, *, rate: int = LIFTED) -> None:
    """Push the message to as many people as the block has messages, and measure from the first claim to the report."""
    path = block.folder / "recap.db"
    async with subscribed(path, platform.name, block.warm_up + block.messages) as ledger:
        body = block.material[str(platform.name)]["body"]
        finished = asyncio.Event()
        courier = Courier(
            platform=platform,
            ledger=ledger,
            pacer=Pacer(rate),
            clock=utc_now,
            window=block.in_flight,
            hold=False,
            finished=lambda _broadcast: finished.set(),
        )
        await ledger.create_broadcast(
            episode=1207,
            title="Épisode 1207",
            schedule=SCHEDULE,
            due=utc_now(),
            renderings=dict.fromkeys(
                await ledger.choices(SCHEDULE), Rendering("Épisode 1207", (Message(body, used=0, limit=4096),))
            ),
        )
        with block.measured(block.warm_up + block.messages):
            task = asyncio.create_task(courier.run())
            await finished.wait()
            await courier.stop()
            await task
        (broadcast,) = await ledger.broadcasts(1)
        block.found["tally"] = {
            str(state): count for state, count in (await ledger.tally(broadcast.id)).items() if count
        }
