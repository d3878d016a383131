"""The Discord half of the bot, answering: the real handlers, context, archive and ledger on a stand-in of Discord."""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from bot.commands import CommandContext, Throttle
from bot.config import Schedule
from bot.content.archive import Archive
from bot.delivery.pacing import Pacer
from bot.delivery.sending import PacedSender
from bot.model.i18n import Language
from bot.model.subscription import PlatformName, Target
from bot.platforms.base import SendError
from bot.platforms.discord import reply
from bot.platforms.discord.handlers import Handlers
from bot.runtime.clock import Timetable
from bot.sandbox.discord.messages import walk
from bot.sandbox.discord.server import DiscordStandIn
from bot.sandbox.discord.world import MEMBER, Permission
from bot.storage.ledger import Ledger
from tests.clients import connected, discord_client
from tests.conversation import read_discord
from tests.platforms.discord.view import layout_view
from tests.world import CONTENT, PARIS

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable
    from pathlib import Path

    from bot.platforms.discord.client import DiscordPlatform
    from bot.sandbox.discord.interactions import Interaction
    from bot.sandbox.discord.world import Channel, Guild, Message, User
    from bot.sandbox.shared.traffic import Request
    from bot.sandbox.shared.webserver import Json
    from bot.storage.subscriptions import LedgerSubscriptions

TUESDAY = dt.datetime(2024, 11, 5, 8, 0, tzinfo=PARIS)
"""The day after episode 1207."""
ARCHIVE = Archive.load(CONTENT)


class Clock:
    """The stand-in's time; it stands still until it is moved."""

    def __init__(self) -> None:
        self.time = TUESDAY

    def __call__(self) -> dt.datetime:
        """The time."""
        return self.time

    def move(self, **by: float) -> None:
        """Go on by so many seconds or minutes."""
        self.time += dt.timedelta(**by)


@dataclass
class Scene:
    """A server with a reader, and with a manager who may change it and its messages; and the bot that serves it."""

    discord: DiscordStandIn
    clock: Clock
    platform: DiscordPlatform
    handlers: Handlers
    pacer: Pacer
    context: CommandContext
    ledger: Ledger
    guild: Guild
    text: Channel
    reader: User
    manager: User

    async def says(
        self,
        command: str,
        channel: Channel | None = None,
        by: User | None = None,
        **options: Any,  # noqa: ANN401 - values of options
    ) -> Interaction:
        """Somebody sends a slash command: the reader in the text channel, unless it is said who and where."""
        return await self.discord.slash(by or self.reader, channel or self.text, command, **options)

    async def presses(self, message: Message, label: str, by: User | None = None) -> Interaction:
        """Somebody presses the button with that label."""
        return await self.discord.press(message, custom_ids(message)[label], by or self.reader)

    async def posts(self, *custom_ids: str, channel: Channel | None = None) -> Message:
        """A message of the bot with buttons of these custom ids, as another version or a forger may have made it."""
        place = channel or self.text
        buttons = [{"type": 2, "style": 2, "label": custom_id, "custom_id": custom_id} for custom_id in custom_ids]
        view = layout_view([{"type": 1, "components": buttons}])
        await self.platform.client.get_partial_messageable(place.id).send(view=view)
        return place.messages[-1]

    @property
    def requests(self) -> list[Request]:
        """What the bot asked of Discord."""
        return self.discord.traffic.requests

    async def state(self, channel: Channel) -> str:
        """The state of the channel's subscription; empty when there never was any."""
        target = target_of(channel)
        return next((str(each.state) for each in await self.ledger.subscriptions.all() if each.target == target), "")


def target_of(channel: Channel) -> Target:
    """The channel as the ledger knows it."""
    return Target(PlatformName("discord"), str(channel.id))


def text_of(message: Message) -> str:
    """A message as people read it."""
    return read_discord(message.components)


def custom_ids(message: Message) -> dict[str, str]:
    """The custom ids of the message's buttons by their labels."""
    return {part["label"]: part["custom_id"] for part in walk(message.components) if "custom_id" in part}


@contextlib.asynccontextmanager
async def listening(platform: DiscordPlatform) -> AsyncIterator[None]:
    """Listen, and begin anew when Discord ends it, as the supervisor does."""

    async def listen() -> None:
        while True:
            with contextlib.suppress(SendError):
                await platform.listen()
            await asyncio.sleep(0.01)

    task = asyncio.create_task(listen())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait({task})


@contextlib.asynccontextmanager
async def answering(
    folder: Path,
    *,
    patience: float = reply.PATIENCE,
    before: Callable[[LedgerSubscriptions, Target], Awaitable[None]] | None = None,
    spoil: Callable[[str, Json], Json] = lambda _name, data: data,
) -> AsyncIterator[Scene]:
    """The scene, the bot listening; what happens `before` finds the subscriptions and the text channel as they were.

    The gateway greets the bot with the events as `spoil` changes them.
    """
    clock = Clock()
    url = f"sqlite:///{folder / 'recap.db'}"
    async with DiscordStandIn(clock=clock) as discord, await Ledger.open(url, clock) as ledger:
        discord.gateway.spoil = spoil
        guild = discord.add_guild("Auditeurs")
        reader, manager = discord.add_user("lectrice"), discord.add_user("gérante")
        discord.add_member(guild, reader)
        discord.add_member(guild, manager, MEMBER | Permission.MANAGE_GUILD | Permission.MANAGE_MESSAGES)
        text = discord.add_text(guild, "général")
        if before is not None:
            await before(ledger.subscriptions, target_of(text))
        platform = discord_client(discord)
        schedule = Schedule(name="monday", cron="0 8 * * mon", timezone=PARIS)
        context = CommandContext(
            show="Le récap du lundi",
            archive=lambda: ARCHIVE,
            subscriptions=ledger.subscriptions,
            schedules=["monday"],
            agenda=Timetable([schedule], clock),
            clock=clock,
            throttle=Throttle(lambda: clock().timestamp()),
            changing=asyncio.Lock(),
        )
        platform.pace = pacer = Pacer(45)
        handlers = Handlers(platform, context, PacedSender(pacer), Language.FRENCH)
        handlers.register()
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(reply, "PATIENCE", patience)
            async with connected(platform), listening(platform):
                yield Scene(discord, clock, platform, handlers, pacer, context, ledger, guild, text, reader, manager)
