"""What the tests of the worker share: a platform that does as it is told, and a worker at work on it."""

from __future__ import annotations

import asyncio
import contextlib
from collections import defaultdict
from typing import TYPE_CHECKING

from bot.delivery.pacing import Pacer
from bot.delivery.worker import Worker
from bot.model.subscription import NO_CHOICES, Choices, PlatformName
from bot.platforms.base import ChatLimit, Platform, Post
from bot.storage.ledger import Ledger
from bot.storage.records import DeliveryState, LedgerError
from tests.delivery.ledger_kit import Clock, push, subscribe, tally, telegram, until_written

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    import pytest

    from bot.model.document import Document
    from bot.model.facts import Fact
    from bot.model.rendering import Rendering
    from bot.platforms import base
    from bot.platforms.abilities import Finder


class Carrier(Platform):
    """A platform that takes every message, unless a chat was given errors to answer with first.

    If it `looks`, it notes how many deliveries are marked as being sent whenever a message comes.
    """

    name = PlatformName("telegram")

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger
        self.errors: dict[str, list[base.SendError]] = defaultdict(list)
        self.refused: dict[str, base.SendError] = {}
        self.taken: dict[str, list[str]] = defaultdict(list)
        self.nonces: list[str] = []
        self.begun_sends = 0
        self.looks = False
        self.states_while_sending: list[int] = []
        self.sends = asyncio.Condition()
        self.gate = asyncio.Event()
        self.gate.set()
        self.gates: dict[str, asyncio.Event] = {}

    def render(self, document: Document, *, silent: bool = False, rich: bool = False) -> Rendering:
        """Nothing is rendered here."""
        raise NotImplementedError

    async def inspect(self, target: object, choices: Choices = NO_CHOICES) -> Sequence[str]:
        """Nothing is looked at here."""
        raise NotImplementedError

    async def tried(self, times: int) -> None:
        """Wait until so many sends were tried."""
        async with asyncio.timeout(20), self.sends:
            await self.sends.wait_for(lambda: len(self.nonces) >= times)

    async def begun(self, sends: int) -> None:
        """Wait until so many sends have come, whether they are through or not."""
        async with asyncio.timeout(20), self.sends:
            await self.sends.wait_for(lambda: self.begun_sends >= sends)

    async def send(self, post: Post) -> str:
        """Take the message, or answer with the chat's next error."""
        if self.looks:
            broadcasts = await self.ledger.broadcasts(1)
            self.states_while_sending.append((await self.ledger.tally(broadcasts[0].id))[DeliveryState.SENDING])
        self.begun_sends += 1
        async with self.sends:
            self.sends.notify_all()
        await self.gate.wait()
        if (gate := self.gates.get(post.target.chat)) is not None:
            await gate.wait()
        self.nonces.append(post.nonce)
        async with self.sends:
            self.sends.notify_all()
        if (refusal := self.refused.get(post.message.body["text"])) is not None:
            raise refusal
        if self.errors[post.target.chat]:
            raise self.errors[post.target.chat].pop(0)
        self.taken[post.target.chat].append(post.message.body["text"])
        return str(len(self.nonces))


class Round:
    """A worker at work, with what it works with."""

    def __init__(
        self,
        ledger: Ledger,
        clock: Clock,
        *,
        hold: bool = False,
        limits: tuple[ChatLimit, ...] = (),
        window: int = 8,
        rate: int = 1000,
        finder: Finder | None = None,
    ) -> None:
        self.ledger = ledger
        self.clock = clock
        self.carrier = Carrier(ledger)
        self.told: list[Fact] = []
        self.worker = Worker(
            platform=self.carrier,
            ledger=ledger,
            pacer=Pacer(rate, lambda _target: limits),
            clock=clock,
            window=window,
            hold=hold,
            finder=finder,
            tell=self.hear,
        )

    async def hear(self, fact: Fact) -> None:
        """Remember what the admins are to know."""
        self.told.append(fact)

    async def tally(self) -> dict[str, int]:
        """The states of the newest broadcast's deliveries that there are."""
        (broadcast,) = await self.ledger.broadcasts(1)
        return await tally(self.ledger, broadcast.id)

    async def reaches(self, **wanted: int) -> None:
        """Wait until the newest broadcast's deliveries are in these states."""

        async def is_so() -> bool:
            self.worker.wake()
            return await self.tally() == wanted

        await until_written(self.ledger, is_so)

    async def settled(self) -> None:
        """Let everybody go on until they wait for something that only the test can bring."""
        for _ in range(100):
            await asyncio.sleep(0)

    async def all_under_way(self, people: int) -> asyncio.Task[None]:
        """A push to so many people with as many sends under way as there may be, which end when the gate opens."""
        await subscribe(self.ledger, *map(telegram, range(1, people + 1)))
        await push(self.ledger)
        self.carrier.gate.clear()
        task = asyncio.create_task(self.worker.run())
        await self.carrier.begun(self.worker._widest)
        return task

    @contextlib.asynccontextmanager
    async def going(self) -> AsyncIterator[None]:
        """Let the worker run."""
        task = asyncio.create_task(self.worker.run())
        try:
            yield
        finally:
            await self.worker.stop()
            await task


def failing_once(monkeypatch: pytest.MonkeyPatch, name: str) -> list[LedgerError]:
    """Have the ledger's method fail the next time it is called; the trouble is gone from the list when it has."""
    method, troubles = getattr(Ledger, name), [LedgerError("the database is locked")]

    async def fail_once(ledger: Ledger, *what: object) -> object:
        if troubles:
            raise troubles.pop()
        return await method(ledger, *what)

    monkeypatch.setattr(Ledger, name, fail_once)
    return troubles
