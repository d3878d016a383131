"""What the tests of the ledger share: a clock to turn, and short words for targets, choices and renderings."""

from __future__ import annotations

import contextlib
import datetime as dt
from typing import TYPE_CHECKING

from bot.model.document import Layout
from bot.model.rendering import Message, Rendering
from bot.model.subscription import Choices, PlatformName, Subscription, Target
from bot.storage.ledger import Delivery, DeliveryState, Ledger, Outcome
from bot.storage.tables import DELIVERIES, deliveries

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from bot.storage.ledger import Broadcast

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


@contextlib.asynccontextmanager
async def opened(folder: Path, clock: Clock | None = None) -> AsyncIterator[Ledger]:
    """The ledger in the folder, on a real file."""
    async with await Ledger.open(f"sqlite:///{folder / 'recap.db'}", clock or Clock()) as ledger:
        yield ledger


def telegram(chat: int | str, thread: int = 0) -> Target:
    """A Telegram target."""
    return Target(TELEGRAM, str(chat), thread)


def subscription(target: Target, *topics: str, schedule: str = "monday", **choices: bool) -> Subscription:
    """A subscription as `/subscribe` makes it."""
    return Subscription(target, schedule, Choices(topics, Layout.DIGEST, **choices))


def rendering(*texts: str) -> Rendering:
    """A rendering with one message per text."""
    return Rendering("Le récap", tuple(Message({"text": text}, len(text), 4096) for text in texts))


async def subscribe(ledger: Ledger, *targets: Target) -> None:
    """Subscribe the targets to everything."""
    for target in targets:
        await ledger.subscriptions.save(subscription(target))


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
    """What may be sent now, those that wait longest first; nothing is claimed."""
    c = deliveries.c
    may_be_sent = DELIVERIES.where(c.platform == platform, c.state == DeliveryState.PENDING, c.due <= ledger._clock())
    async with ledger._database.reading() as connection:
        rows = await connection.execute(may_be_sent.order_by(c.due, c.id).limit(limit))
        return [Delivery.of(row) for row in rows]


async def tally(ledger: Ledger, broadcast_id: int) -> dict[str, int]:
    """The states that there are deliveries of the broadcast in, and how many."""
    return {str(state): count for state, count in (await ledger.tally(broadcast_id)).items() if count}


async def pushed_to(ledger: Ledger, *targets: Target, texts: tuple[str, ...] = ("Bonjour",)) -> list[Delivery]:
    """Subscribe the Telegram targets, push to them, and return their deliveries as they are due."""
    await subscribe(ledger, *targets)
    await push(ledger, *texts)
    return await due(ledger)


def sent(delivery: Delivery, *message_ids: str | None) -> Outcome:
    """All of the delivery has been sent."""
    return Outcome(delivery.id, DeliveryState.SENT, len(message_ids), message_ids, delivery.due, 0)


def failed(delivery: Delivery, code: str, reason: str) -> Outcome:
    """The delivery has failed."""
    return Outcome(delivery.id, DeliveryState.FAILED, 0, (), delivery.due, 1, code, reason)


def later(delivery: Delivery, due: dt.datetime) -> Outcome:
    """The same message is to be tried again."""
    return Outcome(delivery.id, DeliveryState.PENDING, 0, (), due, 1, "not-sent", "no connection")
