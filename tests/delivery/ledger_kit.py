"""What the tests of the ledger share: a clock to turn, and short words for targets, choices and renderings."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import datetime as dt
from typing import TYPE_CHECKING, Any

from sqlalchemy import event, select, text

from bot.model.document import Layout
from bot.model.rendering import Message, Rendering
from bot.model.subscription import Choices, PlatformName, Subscription, Target
from bot.storage.ledger import Ledger
from bot.storage.records import Claim, Delivery, DeliveryState, Outcome
from bot.storage.tables import deliveries, metadata

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

    from sqlalchemy import Connection

    from bot.storage.records import Broadcast

MONDAY = dt.datetime(2024, 11, 4, 7, 0, tzinfo=dt.UTC)
TELEGRAM, DISCORD = PlatformName("telegram"), PlatformName("discord")
PENDING, SENDING, SENT, FAILED, UNKNOWN = DeliveryState


class Clock:
    """A clock that stands still until it is told otherwise."""

    def __init__(self) -> None:
        self.now = MONDAY

    def __call__(self) -> dt.datetime:
        """The time that the tests say it is."""
        return self.now

    def advance(self, **time: float) -> None:
        """Let time pass."""
        self.now += dt.timedelta(**time)


def file_in(folder: Path) -> str:
    """Return the address of the ledger's file in the folder."""
    return f"sqlite:///{folder / 'recap.db'}"


@contextlib.asynccontextmanager
async def opened(where: Path | str, clock: Clock | None = None) -> AsyncIterator[Ledger]:
    """Open the ledger at the address, or on a file in the folder."""
    url = where if isinstance(where, str) else file_in(where)
    async with await Ledger.open(url, clock or Clock()) as ledger:
        yield ledger


@contextlib.contextmanager
def under(ledger: Ledger, pragma: str) -> Iterator[None]:
    """Begin each of the ledger's transactions with this setting of SQLite."""
    in_force = True

    def apply(connection: Connection) -> None:
        if in_force:
            connection.exec_driver_sql(f"PRAGMA {pragma}")

    database = ledger._database
    event.listen(database._engine, "begin", apply)
    try:
        yield
    finally:
        # Not removed, because the threads of the ledger may be going through the listeners.
        in_force = False
        # The setting is the connection's, and ends with it.
        database._writer.submit(database._let_go).result()
        database._engine.dispose()


def unwritable(ledger: Ledger) -> AbstractContextManager[None]:
    """Refuse all that the ledger writes, as when a disk is mounted anew for reading only."""
    return under(ledger, "query_only = ON")


def telegram(chat: int | str, thread: int = 0) -> Target:
    """A Telegram target."""
    return Target(TELEGRAM, str(chat), thread)


def subscription(target: Target, *topics: str, schedule: str = "monday", **choices: Any) -> Subscription:  # noqa: ANN401 - the choices of `Choices`
    """A subscription as `/subscribe` makes it."""
    return Subscription(target, schedule, Choices(topics, Layout.DIGEST, **choices))


def rendering(*texts: str) -> Rendering:
    """A rendering with one message per text."""
    return Rendering("Le récap", tuple(Message({"text": text}, len(text), 4096) for text in texts))


def with_fallbacks(rich: Rendering, *fallbacks: Rendering) -> Rendering:
    """The rendering, each message of which has those of another as its fallback."""
    pairs = zip(rich.messages, fallbacks, strict=True)
    return dataclasses.replace(
        rich, messages=tuple(dataclasses.replace(each, fallback=instead.messages) for each, instead in pairs)
    )


async def subscribe(ledger: Ledger, *targets: Target) -> None:
    """Subscribe the targets to everything."""
    await ledger.subscriptions.save_all(map(subscription, targets))


async def push(
    ledger: Ledger, *texts: str, episode: int = 1207, schedule: str = "monday", again: bool = False
) -> Broadcast:
    """Open a broadcast with these messages to everybody on the schedule."""
    broadcast = await ledger.create_broadcast(
        episode=episode,
        title=f"Épisode {episode}",
        schedule=schedule,
        due=MONDAY,
        renderings=dict.fromkeys(await ledger.choices(schedule), rendering(*texts or ("Bonjour",))),
        again=again,
    )
    assert broadcast is not None
    return broadcast


async def due(ledger: Ledger, platform: PlatformName = TELEGRAM, limit: int = 1000) -> list[Delivery]:
    """What may be sent now, by rank, then those that wait longest; nothing is claimed."""
    c = deliveries.c
    may_be_sent = select(deliveries).where(
        c.platform == platform, c.state == DeliveryState.PENDING, c.due <= ledger._clock()
    )
    in_turn = may_be_sent.order_by(c.rank, c.due, c.id).limit(limit)
    return await ledger._database.read(lambda connection: list(map(Delivery.of, connection.execute(in_turn))))


def by_chat(found: Iterable[Delivery]) -> list[Delivery]:
    """The deliveries by chat and thread, because a push has an order of its own."""
    return sorted(found, key=lambda each: (int(each.target.chat), each.target.thread))


async def tally(ledger: Ledger, broadcast_id: int) -> dict[str, int]:
    """The states that there are deliveries of the broadcast in, and how many."""
    return {str(state): count for state, count in (await ledger.tally(broadcast_id)).items() if count}


async def until_written(
    ledger: Ledger, is_so: Callable[[], Awaitable[bool]], within: float = 30.0, *, every: float = 0.2
) -> None:
    """Wait until the ledger says so: look again after what this process writes, and every so many seconds for others.

    Raises:
        TimeoutError: it did not within so many seconds.
    """
    written = asyncio.Event()

    def note(kind: str, _seconds: float) -> None:
        if kind == "write":
            written.set()

    observers = ledger._database.observers
    observers.append(note)
    try:
        async with asyncio.timeout(within):
            while not await is_so():
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(written.wait(), every)
                written.clear()
                # What belongs together is written together.
                await asyncio.sleep(0.01)
    finally:
        observers.remove(note)


async def pushed_to(ledger: Ledger, *targets: Target, texts: tuple[str, ...] = ("Bonjour",)) -> list[Delivery]:
    """Subscribe the Telegram targets, push to them, and return their deliveries as they are due."""
    await subscribe(ledger, *targets)
    await push(ledger, *texts)
    return await due(ledger)


async def everything(ledger: Ledger, *of_tables: str) -> str:
    """Return every row of the tables, or of all, as text."""
    tables = [metadata.tables[name] for name in of_tables or metadata.tables]
    rows = await ledger._database.read(lambda connection: [connection.execute(each.select()).all() for each in tables])
    return "\n".join(str(row) for of_table in rows for row in of_table)


async def change_expires(ledger: Ledger, ago: dt.timedelta) -> None:
    """Let every lease on the server have run out by so much earlier."""

    def step(connection: Connection) -> None:
        connection.execute(text("UPDATE leases SET expires = expires - :ago"), {"ago": ago})

    await ledger._database.write(step)


def sent(delivery: Delivery | Claim, *message_ids: str | None) -> Outcome:
    """All of the delivery has been sent."""
    return Outcome(delivery.id, DeliveryState.SENT, len(message_ids), message_ids, MONDAY, 0)


def failed(delivery: Delivery | Claim, code: str, reason: str) -> Outcome:
    """The delivery has failed."""
    return Outcome(delivery.id, DeliveryState.FAILED, 0, (), MONDAY, 1, code, reason)


def later(delivery: Delivery, due: dt.datetime) -> Outcome:
    """The same message is to be tried again."""
    return Outcome(delivery.id, DeliveryState.PENDING, 0, (), due, 1, "not-sent", "no connection")
