"""One platform's whole way out, for tests: its stand-in, the real client library, a worker, and a ledger on a file."""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
from typing import TYPE_CHECKING, Any, TypeAlias

from bot.delivery.pacing import Pacer
from bot.delivery.worker import Worker
from bot.model.rendering import Message, Rendering
from bot.model.subscription import Choices, PlatformName, Subscription, Target
from bot.platforms.discord.client import DiscordPlatform
from bot.platforms.registry import PLATFORMS
from bot.sandbox.discord.server import DiscordStandIn
from bot.sandbox.telegram.server import TelegramStandIn
from bot.storage.ledger import Ledger
from bot.storage.records import DeliveryState
from tests.clients import connected, discord_client, telegram_client
from tests.delivery.ledger_kit import tally, until_written
from tests.world import read_discord, read_telegram

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from bot.model.facts import Fact
    from bot.model.rendering import JsonObject
    from bot.platforms.base import ChatLimit
    from bot.platforms.telegram.client import TelegramPlatform
    from bot.sandbox.discord import world as discord_world
    from bot.sandbox.telegram import model as telegram_model

StandIn: TypeAlias = TelegramStandIn | DiscordStandIn
Place: TypeAlias = "telegram_model.Chat | discord_world.Channel"

COMPONENTS = 1 << 15
SEND = {PlatformName("telegram"): "sendMessage", PlatformName("discord"): "POST /channels/{channel_id}/messages"}
"""The route by which messages are sent."""


def now() -> dt.datetime:
    """The time."""
    return dt.datetime.now(dt.UTC)


def limits(target: Target) -> tuple[ChatLimit, ...]:
    """The chats' limits as the program has them."""
    return PLATFORMS[target.platform].limits(target)


class Side:
    """A platform, and a worker that delivers there. `told` is what the admins are to know.

    `finished` counts how often the worker said that broadcasts are over; `ended` is set when the worker has ended.
    """

    def __init__(self, name: PlatformName, standin: StandIn, platform: TelegramPlatform | DiscordPlatform) -> None:
        self.name = name
        self.standin = standin
        self.platform = platform
        self.places: dict[str, Place] = {}
        self.told: list[Fact] = []
        self.finished = 0
        self.ended = asyncio.Event()
        self._news = asyncio.Condition()
        self.rate = 200
        self.window: int | None = None
        self.hold = False

    def add(self, count: int) -> list[Place]:
        """So many new private chats or text channels."""
        if isinstance(self.standin, TelegramStandIn):
            made: list[Place] = [self.standin.add_private(name=f"P{number}") for number in range(count)]
        else:
            guild = self.standin.add_guild("Auditeurs")
            made = [self.standin.add_text(guild, f"salon-{number}") for number in range(count)]
        self.places |= {str(place.id): place for place in made}
        return made

    def target(self, place: Place) -> Target:
        """The place as the core knows it."""
        return Target(self.name, str(place.id))

    async def subscribe(self, ledger: Ledger, *places: Place, **chosen: Any) -> None:  # noqa: ANN401 - of `Choices`
        """Subscribe the places to everything, with these choices."""
        self.places |= {str(place.id): place for place in places}
        choices = Choices(**chosen)
        await ledger.subscriptions.save_all(Subscription(self.target(place), "monday", choices) for place in places)

    async def open(self, ledger: Ledger, *texts: str, episode: int = 1207) -> int:
        """Open a broadcast of these texts; its id."""
        bodies = map(self._body, texts)
        rendering = Rendering("Le récap", tuple(Message(body, 9, 4000) for body in bodies))
        return await self.open_rendering(ledger, rendering, episode)

    async def open_rendering(self, ledger: Ledger, rendering: Rendering, episode: int = 1207) -> int:
        """Open a broadcast of this rendering to everybody; its id."""
        broadcast = await ledger.create_broadcast(
            episode=episode,
            title="",
            schedule="monday",
            due=now(),
            renderings=dict.fromkeys(await ledger.choices("monday"), rendering),
        )
        assert broadcast is not None
        return broadcast.id

    def _body(self, text: str) -> JsonObject:
        if self.name == "telegram":
            return {"text": text}
        return {"flags": COMPONENTS, "components": [{"type": 10, "content": text}]}

    @contextlib.asynccontextmanager
    async def delivering(self, ledger: Ledger) -> AsyncIterator[Pacer]:
        """A worker at work; its pace."""
        discord = self.platform if isinstance(self.platform, DiscordPlatform) else None
        self.platform.pace = pacer = Pacer(self.rate, limits)
        self.platform.tell = self._hear
        worker = Worker(
            platform=self.platform,
            ledger=ledger,
            pacer=pacer,
            clock=now,
            hold=self.hold,
            window=self.window,
            editor=self.platform,
            finder=discord,
            publisher=discord,
            pinner=self.platform,
            finished=self._finish,
            tell=self._hear,
            identify=self.platform.identify,
        )
        task = asyncio.create_task(worker.run())
        task.add_done_callback(lambda _task: self.ended.set())
        try:
            yield pacer
        finally:
            await worker.stop()
            await task

    async def deliver(self, ledger: Ledger, broadcast_id: int, within: float = 30.0) -> dict[str, int]:
        """Deliver until nothing is left of the broadcast; the states of its deliveries."""
        async with self.delivering(ledger):
            return await finished(ledger, broadcast_id, within)

    def received(self, place: Place) -> list[str]:
        """The texts that the bot's messages have there."""
        if isinstance(self.standin, TelegramStandIn):
            chat = self.standin.find(str(place.id))
            return [read_telegram(message).strip() for message in chat.messages if message.by_bot] if chat else []
        return [read_discord(message.components) for message in self.standin.world.channels[place.id].messages]

    async def hears(self, kind: type[object], within: float = 10.0, times: int = 1) -> None:
        """Wait until the admins are to know so often of something of this kind."""
        async with asyncio.timeout(within), self._news:
            await self._news.wait_for(lambda: sum(isinstance(fact, kind) for fact in self.told) >= times)

    def _finish(self) -> None:
        self.finished += 1

    async def _hear(self, fact: Fact) -> None:
        self.told.append(fact)
        async with self._news:
            self._news.notify_all()


async def finished(ledger: Ledger, broadcast_id: int, within: float = 30.0) -> dict[str, int]:
    """Wait until nothing is left of the broadcast to send; the states of its deliveries."""
    states: dict[str, int] = {}

    async def is_over() -> bool:
        nonlocal states
        states = await tally(ledger, broadcast_id)
        return bool(states) and not {DeliveryState.PENDING, DeliveryState.SENDING} & states.keys()

    try:
        await until_written(ledger, is_over, within)
    except TimeoutError:
        raise AssertionError(f"after {within} s: {states}") from None
    return states


@contextlib.asynccontextmanager
async def side(name: PlatformName) -> AsyncIterator[Side]:
    """The platform's stand-in, and a client that is connected to it."""
    if name == "telegram":
        async with TelegramStandIn() as telegram, connected(telegram_client(telegram)) as platform:
            yield Side(name, telegram, platform)
    else:
        async with DiscordStandIn() as discord, connected(discord_client(discord)) as client:
            yield Side(name, discord, client)


@contextlib.asynccontextmanager
async def ledger_in(folder: Path) -> AsyncIterator[Ledger]:
    """A ledger that goes by the real clock."""
    async with await Ledger.open(f"sqlite:///{folder / 'recap.db'}", now) as ledger:
        yield ledger
