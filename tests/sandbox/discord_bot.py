"""The real discord.py, pointed at a stand-in: logged in, or connected to the gateway too."""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
from typing import TYPE_CHECKING, Any

import discord
import yarl
from discord import app_commands
from discord.gateway import DiscordWebSocket
from discord.http import Route

from bot.sandbox.shared.changes import Changes
from tests.waiting import PATIENCE

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from bot.sandbox.discord.server import DiscordStandIn
    from bot.sandbox.discord.world import Channel, Guild


class Clock:
    """A time of day that stands still until it is moved."""

    def __init__(self) -> None:
        self.time = dt.datetime(2026, 11, 23, 8, tzinfo=dt.UTC)

    def __call__(self) -> dt.datetime:
        """The time."""
        return self.time

    def move(self, **by: float) -> None:
        """Go on by so many seconds or minutes."""
        self.time += dt.timedelta(**by)


class Bot(discord.Client):
    """An ordinary client with slash commands, which does not dawdle."""

    def __init__(self, **options: Any) -> None:  # noqa: ANN401 - discord.py's own options
        # By default discord.py waits two seconds after the last server for another one.
        super().__init__(intents=discord.Intents(guilds=True), guild_ready_timeout=0.05, **options)
        self.tree = app_commands.CommandTree(self)
        self.happened: list[str] = []
        self.changes = Changes()

    async def setup_hook(self) -> None:
        """Register the commands."""
        await self.tree.sync()

    async def before_identify_hook(self, shard_id: int | None, *, initial: bool = False) -> None:
        """Identify at once; by default discord.py waits five seconds before it does so a second time."""

    def dispatch(self, event: str, /, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 - discord.py's own arguments
        """Note the event's name, then do as always."""
        self.happened.append(event)
        super().dispatch(event, *args, **kwargs)
        self.changes.notify()


@contextlib.contextmanager
def pointed_at(standin: DiscordStandIn) -> Iterator[None]:
    """discord.py's addresses are those of the stand-in."""
    before = Route.BASE, DiscordWebSocket.DEFAULT_GATEWAY
    Route.BASE, DiscordWebSocket.DEFAULT_GATEWAY = standin.api_url, yarl.URL(standin.gateway_url)
    yield
    Route.BASE, DiscordWebSocket.DEFAULT_GATEWAY = before


@contextlib.asynccontextmanager
async def logged_in(standin: DiscordStandIn, client: discord.Client | None = None) -> AsyncIterator[discord.Client]:
    """A client that can use the REST API."""
    client = client or discord.Client(intents=discord.Intents(guilds=True))
    with pointed_at(standin):
        async with client:
            await client.login(standin.token)
            yield client


@contextlib.asynccontextmanager
async def connected(standin: DiscordStandIn, client: discord.Client) -> AsyncIterator[None]:
    """The client is ready."""
    async with logged_in(standin, client):
        gateway = asyncio.create_task(client.connect())
        async with asyncio.timeout(PATIENCE):
            await client.wait_until_ready()
        yield
        await client.close()
        await gateway


class Place:
    """A stand-in with one server in it and one channel of every kind, and a client that is logged in."""

    def __init__(self, standin: DiscordStandIn, client: discord.Client) -> None:
        self.standin = standin
        self.client = client
        self.guild: Guild = standin.add_guild("Recap fans")
        self.ada = standin.add_user("Ada")
        standin.add_member(self.guild, self.ada)
        self.text = standin.add_text(self.guild, "general")
        self.news = standin.add_announcement(self.guild, "news")
        self.forum = standin.add_forum(self.guild, "episodes", ["news", "tech"])
        self.thread = standin.add_thread(self.text, "recap", self.ada)

    def at(self, channel: Channel) -> discord.PartialMessageable:
        """The channel as the client addresses it."""
        return self.client.get_partial_messageable(channel.id)

    async def open_post(self, **options: Any) -> Any:  # noqa: ANN401 - discord.py's own
        """A post in the forum."""
        forum = await self.client.fetch_channel(self.forum.id)
        assert isinstance(forum, discord.ForumChannel)
        return await forum.create_thread(name="Episode 1207", **options)


def layout(text: str = "Salut") -> discord.ui.LayoutView:
    """A message of components."""
    view = discord.ui.LayoutView()
    buttons: discord.ui.ActionRow[discord.ui.LayoutView] = discord.ui.ActionRow(
        discord.ui.Button(label="Listen", url="https://example.org/1207.mp3")
    )
    gallery: discord.ui.MediaGallery[discord.ui.LayoutView] = discord.ui.MediaGallery(
        discord.MediaGalleryItem("https://example.org/picture.jpg", description="A picture")
    )
    view.add_item(discord.ui.Container(discord.ui.TextDisplay(text), gallery, buttons))
    view.stop()
    return view


def fields(tree: dict[str, Any], path: str = "") -> dict[str, str]:
    """The paths of the wrong fields, with the word for the first error of each."""
    found = {}
    for key, value in tree.items():
        if key == "_errors":
            found[path] = value[0]["code"]
        else:
            found |= fields(value, f"{path}.{key}" if path else key)
    return found
