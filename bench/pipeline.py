"""The bot's whole path for a push: a ledger on a real file, claims, pacing, retries and recording, around a sender."""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import sys
from typing import TYPE_CHECKING

from sqlalchemy.engine import make_url

from bot.delivery.pacing import Pacer
from bot.delivery.worker import Worker
from bot.model.rendering import Message, Rendering
from bot.model.subscription import NO_CHOICES, Choices, PlatformName, Subscription, Target
from bot.platforms.abilities import Editor
from bot.platforms.base import Platform
from bot.runtime.app import settle_in
from bot.storage.clock import SteadyClock
from bot.storage.ledger import Ledger

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator, Sequence

    from bench.block import Block
    from bot.model.document import Document
    from bot.platforms.base import Post
    from bot.storage.leases import Lease

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

    async def inspect(self, target: Target, choices: Choices = NO_CHOICES) -> Sequence[str]:
        """Nothing is looked at here."""
        raise NotImplementedError

    async def send(self, post: Post) -> str:
        """Send nothing: what is left is what the path itself costs."""
        return str(len(post.nonce))


class Editing(Around, Editor):
    """A platform that sends and changes nothing."""

    async def edit(self, *_which: object, **_how: object) -> bool:
        """Change nothing."""
        return True

    async def delete(self, *_which: object, **_how: object) -> bool:
        """Delete nothing."""
        return True


class Counting(Around):
    """Sends through another platform and lets others wait until so many are sent."""

    def __init__(self, through: Platform) -> None:
        super().__init__(through.name)
        self._through = through
        self._sent = 0
        self._awaited: dict[int, asyncio.Event] = {}

    async def send(self, post: Post) -> str:
        """Send it."""
        message_id = await self._through.send(post)
        self._sent += 1
        if self._sent in self._awaited:
            self._awaited[self._sent].set()
        return message_id

    async def reached(self, number: int) -> None:
        """Wait until so many are sent."""
        if number > self._sent:
            await self._awaited.setdefault(number, asyncio.Event()).wait()


@contextlib.contextmanager
def database(block: Block) -> Iterator[str]:
    """Yield the address of a database of this block alone: a file, or one on the server that the block names."""
    server = block.options.get("server")
    if not server:
        yield f"sqlite:///{block.folder / 'recap.db'}"
        return
    import psycopg  # noqa: PLC0415 - an extra, which SQLite does without

    with psycopg.connect(server, autocommit=True) as asked:
        asked.execute("DROP DATABASE IF EXISTS recap_bench WITH (FORCE)")
        asked.execute("CREATE DATABASE recap_bench")
        try:
            yield make_url(server).set(database="recap_bench").render_as_string(hide_password=False)
        finally:
            asked.execute("DROP DATABASE recap_bench WITH (FORCE)")


@contextlib.asynccontextmanager
async def subscribed(block: Block, platform: PlatformName, people: int) -> AsyncIterator[Ledger]:
    """A ledger with that many subscriptions to everything."""
    with database(block) as url:
        async with await Ledger.open(url, SteadyClock()) as ledger:
            await ledger.subscriptions.save(Subscription(Target(platform, "1"), SCHEDULE))
            # In a process of its own: what it takes is nothing that a push takes.
            making = await asyncio.create_subprocess_exec(sys.executable, "-m", "bench.people", url, str(people))
            if await making.wait():
                raise SystemExit("the subscriptions were not made")
            yield ledger


async def leased(ledger: Ledger, platform: PlatformName) -> Lease:
    """Return the right to deliver, under which a worker's transactions are."""
    lease = await ledger.leases.take(platform)
    if lease is None:
        raise SystemExit("another process delivers from the database")
    return lease


async def open_broadcast(block: Block, ledger: Ledger, platform: PlatformName) -> None:
    """Open a broadcast of the one message to everybody."""
    body = block.material[str(platform)]["body"]
    rendering = Rendering("Épisode 1207", (Message(body, used=0, limit=4096),))
    await ledger.create_broadcast(
        episode=1207,
        title="Épisode 1207",
        schedule=SCHEDULE,
        due=utc_now(),
        renderings=dict.fromkeys(await ledger.choices(SCHEDULE), rendering),
    )


def courier_of(
    block: Block,
    platform: Platform,
    ledger: Ledger,
    *,
    rate: int = LIFTED,
    finished: Callable[[], object] = lambda: None,
    lease: Lease | None = None,
    editor: Editor | None = None,
) -> Worker:
    """The platform's worker, as the bot makes it."""
    return Worker(
        platform=platform,
        ledger=ledger,
        pacer=Pacer(rate),
        clock=utc_now,
        window=block.in_flight,
        hold=False,
        finished=finished,
        lease=lease,
        editor=editor,
    )


async def push(
    block: Block, platform: Platform, *, rate: int = LIFTED, begin: Callable[[Ledger, Worker], None] | None = None
) -> None:
    """Push the message to as many people as the block has messages, and measure from the warm-up to the report.

    `begin` gets the ledger and the worker before the first message.
    """
    people = block.warm_up + block.messages
    async with subscribed(block, platform.name, people) as ledger:
        finished = asyncio.Event()
        counting = Counting(platform)
        worker = courier_of(block, counting, ledger, rate=rate, finished=finished.set)
        await open_broadcast(block, ledger, platform.name)
        if begin is not None:
            begin(ledger, worker)
        task = asyncio.create_task(worker.run())
        await counting.reached(block.warm_up)
        settle_in()
        with block.measured(block.messages):
            await finished.wait()
            await worker.stop()
            await task
        (broadcast,) = await ledger.broadcasts(1)
        tally = await ledger.tally(broadcast.id)
        block.found["tally"] = {str(state): count for state, count in tally.items() if count}
