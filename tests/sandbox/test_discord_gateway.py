"""The stand-in's gateway as the real discord.py lives with it: events, losses, resuming and close codes."""

from __future__ import annotations

import asyncio
import json
import zlib
from typing import TYPE_CHECKING, Any

import aiohttp
import discord
import pytest

from bot.sandbox.discord.gateway import _zstd_stream
from bot.sandbox.discord.server import DiscordStandIn
from bot.sandbox.discord.world import BOT, Permission
from tests.sandbox.discord_bot import Bot, Place, connected, logged_in
from tests.waiting import PATIENCE

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable


IDENTIFY: dict[str, Any] = {"token": "stand-in", "intents": 1, "properties": {}}


async def close_code(socket: aiohttp.ClientWebSocketResponse) -> int | None:
    """The code with which the gateway ends the connection."""
    async with asyncio.timeout(PATIENCE):
        async for _ in socket:
            pass
    return socket.close_code


class Connected(Place):
    """A place whose client is connected to the gateway."""

    client: Bot

    @property
    def known(self) -> discord.Guild:
        """The server as the client knows it."""
        guild = self.client.get_guild(self.guild.id)
        assert guild is not None
        return guild

    async def sees(self, condition: Callable[[], object]) -> None:
        """Wait until the client has seen what happened: it acts on an event some time after it was sent."""
        await self.client.changes.until(condition)


@pytest.fixture
async def place() -> AsyncIterator[Connected]:
    """A stand-in and a client on its gateway."""
    async with DiscordStandIn() as standin:
        place = Connected(standin, Bot())
        async with connected(standin, place.client):
            yield place


async def test_what_changes_reaches_the_client(place: Connected) -> None:
    """Channels, threads and rights that come, change and go are seen at once."""
    text = place.standin.add_text(place.guild, "new")
    await place.sees(lambda: place.known.get_channel(text.id))
    thread = place.standin.add_thread(text, "thread", place.ada)
    await place.sees(lambda: place.known.get_thread(thread.id))
    place.standin.permit(text, BOT & ~Permission.SEND_MESSAGES)
    await place.sees(lambda: not text_permissions(place, text.id).send_messages)
    place.standin.delete_channel(text)
    await place.sees(lambda: not place.known.get_channel(text.id) and not place.known.get_thread(thread.id))


def text_permissions(place: Connected, channel_id: int) -> discord.Permissions:
    """What discord.py thinks the bot may do in the channel."""
    channel = place.known.get_channel(channel_id)
    assert channel is not None
    return channel.permissions_for(place.known.me)


async def test_leaving_a_server_and_an_outage_are_two_things(place: Connected) -> None:
    """Thrown out, the client forgets the server; in an outage it keeps it and waits."""
    place.standin.remove_guild(place.guild, unavailable=True)
    await place.sees(lambda: place.known.unavailable)
    assert "guild_unavailable" in place.client.happened
    place.standin.restore_guild(place.guild)
    await place.sees(lambda: "guild_available" in place.client.happened)
    assert "guild_remove" not in place.client.happened
    place.standin.remove_guild(place.guild)
    await place.sees(lambda: "guild_remove" in place.client.happened)
    assert place.client.get_guild(place.guild.id) is None
    place.standin.restore_guild(place.guild)
    await place.sees(lambda: place.client.happened.count("guild_join"))


@pytest.mark.parametrize("code", [None, 4000, 1001])
async def test_a_lost_connection_is_resumed_and_nothing_is_missed(place: Connected, code: int | None) -> None:
    """The client resumes with its session, and what happened meanwhile is told again."""
    await place.standin.drop_gateway(code)
    text = place.standin.add_text(place.guild, "meanwhile")
    await place.standin.wait_for(lambda: place.standin.gateway.resumed)
    await place.sees(lambda: place.known.get_channel(text.id))
    await place.sees(lambda: "resumed" in place.client.happened)
    assert place.standin.gateway.identified == 1
    assert place.client.happened.count("connect") == 1, "what the client had seen is not told again"


async def test_a_forgotten_session_cannot_be_resumed(place: Connected) -> None:
    """The client that tries is told so, and begins a new one."""
    place.standin.gateway.sessions.clear()
    await place.standin.drop_gateway()
    await place.standin.wait_for(lambda: place.standin.gateway.identified == 2)
    assert place.standin.gateway.resumed == 0


@pytest.mark.parametrize(("code", "kept"), [(1000, 0), (1001, 0), (4000, 1)])
async def test_a_client_that_says_goodbye_ends_its_session(code: int, kept: int) -> None:
    """With 1000 or 1001; with any other code it may come back."""
    async with DiscordStandIn() as standin, aiohttp.ClientSession() as session:
        async with session.ws_connect(standin.gateway_url) as socket:
            await socket.send_json({"op": 2, "d": IDENTIFY})
            await standin.wait_for(lambda: standin.gateway.online)
            await socket.close(code=code)
        await standin.wait_for(lambda: not standin.gateway.online)
        assert len(standin.gateway.sessions) == kept


async def test_a_client_that_comes_during_an_outage_learns_of_it() -> None:
    """The server in it is known and not there, one that threw the bot out is not known at all."""
    async with DiscordStandIn() as standin:
        place = Connected(standin, Bot())
        left = standin.add_guild("Left")
        standin.remove_guild(left)
        standin.remove_guild(place.guild, unavailable=True)
        async with connected(standin, place.client):
            assert place.client.get_guild(left.id) is None
            assert place.known.unavailable
            standin.restore_guild(place.guild)
            await place.sees(lambda: "guild_available" in place.client.happened)
            assert place.known.name == "Recap fans"


async def test_privileged_intents_are_refused() -> None:
    """With 4014, which discord.py reports as what it is."""
    async with DiscordStandIn() as standin:
        client = discord.Client(intents=discord.Intents(guilds=True, members=True))
        async with logged_in(standin, client):
            with pytest.raises(discord.PrivilegedIntentsRequired):
                await asyncio.wait_for(client.connect(), timeout=5)


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        (["nonsense"], 4002),
        (['{"op": 1}'], 4002),
        ([{"op": 2, "d": {}}], 4002),
        ([{"op": 2, "d": IDENTIFY | {"token": "wrong"}}], 4004),
        ([{"op": 6, "d": {"token": "wrong", "session_id": "", "seq": 0}}], 4004),
    ],
)
async def test_mistakes_are_closed_with_their_code(sent: list[Any], code: int) -> None:
    """What cannot be read, and a wrong token."""
    async with (
        DiscordStandIn() as standin,
        aiohttp.ClientSession() as session,
        session.ws_connect(standin.gateway_url) as socket,
    ):
        for message in sent:
            await socket.send_str(message if isinstance(message, str) else json.dumps(message))
        assert await close_code(socket) == code


async def test_messages_are_compressed_as_asked() -> None:
    """One zlib stream for the connection, flushed after each message; plain text unless asked."""
    async with DiscordStandIn() as standin, aiohttp.ClientSession() as session:
        async with session.ws_connect(f"{standin.gateway_url}/?compress=zlib-stream") as socket:
            stream, hello = zlib.decompressobj(), await socket.receive_bytes()
            assert hello.endswith(b"\x00\x00\xff\xff")
            assert json.loads(stream.decompress(hello))["op"] == 10
            await socket.send_json({"op": 1, "d": None})
            assert json.loads(stream.decompress(await socket.receive_bytes()))["op"] == 11
        async with session.ws_connect(standin.gateway_url) as socket:
            assert (await socket.receive_json())["op"] == 10


def test_a_zstd_stream_is_a_frame_of_raw_blocks() -> None:
    """RFC 8878: magic number and frame header once, then blocks of at most 128 KiB with their length, none the last."""
    encode = _zstd_stream()
    assert encode("hello") == bytes.fromhex("28b52ffd 00 68 280000") + b"hello"
    long = encode("x" * (128 * 1024 + 1))
    assert long == bytes.fromhex("000010") + b"x" * 128 * 1024 + bytes.fromhex("080000") + b"x"
