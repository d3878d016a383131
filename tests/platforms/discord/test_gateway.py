"""The way in from Discord: no event of any form ends it, and whatever the gateway does, there is one connection."""

from __future__ import annotations

import asyncio
import copy
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest
from aiohttp import web

from bot.model import facts
from bot.platforms.base import BannedError
from bot.platforms.discord import NAME
from bot.platforms.discord.client import DiscordPlatform
from bot.platforms.discord.gateway import CONNECT_EVERY
from bot.sandbox.discord.gateway import Op
from bot.sandbox.discord.interactions import Kind
from bot.sandbox.discord.server import DiscordStandIn
from tests.clients import connected, discord_client, is_ready
from tests.delivery.side import ledger_in, side
from tests.platforms.discord.answering import answering, listening, text_of
from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
    from pathlib import Path

    from bot.model.facts import Fact
    from bot.sandbox.discord.gateway import Connection
    from bot.sandbox.discord.interactions import Interaction
    from bot.sandbox.shared.webserver import Json
    from tests.platforms.discord.answering import Scene

ODD: tuple[Any, ...] = (None, "", "\N{SNOWMAN}", 7, -1, [], [7], {}, {"\N{SNOWMAN}": []}, True)
"""Values that stand where others belong."""


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[Scene]:
    """The bot on Discord."""
    async with answering(tmp_path) as made:
        await made.discord.wait_for(lambda: made.discord.gateway.online)
        yield made


def told_to(scene: Scene) -> list[Fact]:
    """What the admins are to know from now on."""
    told: list[Fact] = []

    async def hear(fact: Fact) -> None:
        told.append(fact)

    scene.platform.tell = hear
    return told


async def answered(scene: Scene) -> Interaction:
    """A command that follows is answered."""
    interaction = await scene.says("help")
    await interaction.reply(within=20)
    return interaction


async def answered_once(scene: Scene) -> None:
    """A command that follows is answered, and handled by one client only."""
    interaction = await answered(scene)
    await until(lambda: not scene.platform.underway.tasks)
    routes = [each.route for each in scene.discord.traffic.requests if each.chat == interaction.token]
    assert len([route for route in routes if route.endswith("/callback")]) == 1


def broken(event: Json) -> Iterator[Json]:
    """The event with each of its keys removed, and each of its values replaced, in turn."""
    for path in _paths(event):
        *parents, last = path
        spoilt = copy.deepcopy(event)
        _at(spoilt, parents).pop(last)
        yield spoilt
        for odd in ODD:
            spoilt = copy.deepcopy(event)
            _at(spoilt, parents)[last] = odd
            yield spoilt


def _paths(value: object, before: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inside in items:
        yield (*before, key)
        yield from _paths(inside, (*before, key))


def _at(value: Any, path: list[Any]) -> Any:  # noqa: ANN401 - JSON
    for key in path:
        value = value[key]
    return value


def events(scene: Scene) -> dict[str, Json]:
    """One of each kind of event that comes to a bot with these intents."""
    guild, text = scene.guild, scene.text
    forum = scene.discord.add_forum(guild, "forum", ["recap"], tag_required=True)
    thread = scene.discord.add_thread(text, "le fil", scene.reader)
    ids: Json = {"guild_id": str(guild.id), "channel_id": str(text.id)}
    role = guild.wire()["roles"][0]
    stage: Json = ids | {"id": "9", "topic": "Direct", "privacy_level": 2, "discoverable_disabled": False}
    asked = scene.discord._interactions
    member: Json = {
        "id": str(thread.id),
        "user_id": str(scene.discord.world.bot.id),
        "join_timestamp": "2024-11-04T08:00:00+00:00",
    }
    member |= {"flags": 0, "guild_id": str(guild.id)}
    command: Json = {"id": "1", "name": "help", "type": 1, "options": []}
    return {
        "CHANNEL_UPDATE": text.wire(),
        "CHANNEL_CREATE": forum.wire(),
        "CHANNEL_PINS_UPDATE": ids | {"last_pin_timestamp": "2024-11-04T08:00:00+00:00"},
        "THREAD_CREATE": thread.wire() | {"newly_created": True},
        "THREAD_UPDATE": thread.wire(),
        "THREAD_LIST_SYNC": {"guild_id": str(guild.id), "threads": [thread.wire()], "members": [member]},
        "THREAD_MEMBER_UPDATE": member,
        "THREAD_MEMBERS_UPDATE": {
            "id": str(thread.id),
            "guild_id": str(guild.id),
            "member_count": 2,
            "added_members": [member | {"member": guild.bot_member(), "presence": None}],
            "removed_member_ids": ["5"],
        },
        "GUILD_CREATE": guild.wire_created() | {"unavailable": False},
        "GUILD_UPDATE": guild.wire(),
        "GUILD_ROLE_CREATE": {"guild_id": str(guild.id), "role": role | {"id": "77"}},
        "GUILD_ROLE_UPDATE": {"guild_id": str(guild.id), "role": role},
        "GUILD_ROLE_DELETE": {"guild_id": str(guild.id), "role_id": "77"},
        "STAGE_INSTANCE_CREATE": stage,
        "STAGE_INSTANCE_UPDATE": stage,
        "STAGE_INSTANCE_DELETE": stage,
        "USER_UPDATE": scene.discord.world.bot.wire(),
        "APPLICATION_COMMAND_PERMISSIONS_UPDATE": {
            "id": "1", "application_id": "2", "guild_id": str(guild.id),
            "permissions": [{"id": "3", "type": 1, "permission": True}],
        },
        "ENTITLEMENT_CREATE": {"id": "1", "sku_id": "2", "application_id": "3", "type": 8, "deleted": False},
        "INTERACTION_CREATE": asked.wire(asked.open(Kind.COMMAND, scene.manager, text, command)),
        "CHANNEL_DELETE": forum.wire(),
        "THREAD_DELETE": {"id": "5", "guild_id": str(guild.id), "parent_id": str(text.id), "type": 11},
        "GUILD_DELETE": {"id": "5"},
        "RESUMED": {"_trace": []},
    }  # fmt: skip


async def test_no_event_of_any_form_ends_the_connection(scene: Scene, caplog: pytest.LogCaptureFixture) -> None:
    """Each kind, each key removed and each value replaced: skipped, logged and told once a kind, and commands go on."""
    told = told_to(scene)
    logged: set[str] = set()
    for kind, event in events(scene).items():
        caplog.clear()
        for spoilt in broken(event):
            scene.discord.gateway.event(kind, spoilt)
        for nothing in ODD:
            scene.discord.gateway.event(kind, nothing)
        scene.clock.move(minutes=1)
        await answered(scene)
        skipped = [record for record in caplog.records if "in a form that cannot be read" in record.message]
        assert len(skipped) <= 1, kind
        logged |= {kind for _ in skipped}
    assert "CHANNEL_UPDATE" in logged
    assert {fact.kind for fact in told if isinstance(fact, facts.Unreadable)} == logged
    assert len(told) == len(logged)
    assert (scene.discord.gateway.identified, scene.discord.gateway.resumed) == (1, 0)


@pytest.mark.parametrize(
    "message", ["", "{", "null", "[]", "7", "[" * 5000, '{"op": 0}', '{"op": 99}', '{"op": 0, "t": 7, "d": []}']
)
async def test_a_message_that_is_no_event_is_skipped(scene: Scene, message: str) -> None:
    """The next one is read."""
    (session,) = scene.discord.gateway.sessions.values()
    assert session.connection is not None
    session.connection.send(message)
    await answered_once(scene)
    assert (scene.discord.gateway.identified, scene.discord.gateway.resumed) == (1, 0)


@pytest.mark.parametrize("key", ["session_id", "resume_gateway_url", "user", "guilds", "shard", "application", "v"])
async def test_a_greeting_that_cannot_be_read_leaves_the_commands(tmp_path: Path, key: str) -> None:
    """READY without one of its keys: what comes after it is heard."""

    def spoil(name: str, event: Json) -> Json:
        return {each: value for each, value in event.items() if name != "READY" or each != key}

    async with answering(tmp_path, spoil=spoil) as scene:
        await answered_once(scene)
        assert scene.discord.gateway.identified == 1


# One connection


async def cut(connection: Connection) -> None:
    """Take the connection and cut it."""
    connection.cut()


async def refuse(connection: Connection) -> None:
    """Close at once, with a code after which discord.py gives up."""
    await connection.close(4011)


async def greet_and_refuse(connection: Connection) -> None:
    """Say hello, and close with that code."""
    await connection.socket.send_json({"op": 10, "d": {"heartbeat_interval": 41250}, "s": None, "t": None})
    await connection.close(4011)


@pytest.mark.parametrize(("trouble", "code"), [(cut, None), (refuse, 4011), (greet_and_refuse, 4011)])
async def test_after_a_gateway_in_trouble_there_is_one_session(
    scene: Scene, trouble: Callable[[Connection], Awaitable[None]], code: int | None
) -> None:
    """The bot hears each command once, by the one connection that there is."""
    gateway = scene.discord.gateway
    before = gateway.connected
    gateway.hangs_up = trouble
    await scene.discord.drop_gateway(code)
    await scene.discord.wait_for(lambda: gateway.connected >= before + 2, within=30)
    gateway.hangs_up = None
    await scene.discord.wait_for(lambda: gateway.online, within=30)
    await answered_once(scene)
    assert len(gateway._connections) == 1


async def test_a_gateway_that_hangs_up_at_once_is_not_called_as_fast_as_can_be(scene: Scene) -> None:
    """Once a second, as long as that goes on."""
    gateway = scene.discord.gateway
    before, began = gateway.connected, time.monotonic()
    gateway.hangs_up = cut
    await scene.discord.drop_gateway()
    await scene.discord.wait_for(lambda: gateway.connected >= before + 4, within=30)
    assert time.monotonic() - began >= 2 * CONNECT_EVERY


@pytest.mark.parametrize("is_online", [False, True], ids=["at the start", "after a break"])
async def test_a_gateway_that_asks_for_a_pause_is_not_called_again_before(is_online: bool) -> None:
    """The bot hears of the pause, for everything that it sends, and discord.py does not try again by itself."""
    async with DiscordStandIn() as standin, connected(discord_client(standin)) as platform:
        gateway, refusal = standin.gateway, web.Response(status=429, headers={"Retry-After": "3000"})
        if not is_online:
            gateway.refused_with = refusal
        listening = asyncio.create_task(platform.listen())
        if is_online:
            await standin.wait_for(lambda: gateway.online)
            gateway.refused_with = refusal
            await standin.drop_gateway()
        before = gateway.connected if is_online else 0
        async with asyncio.timeout(30):
            with pytest.raises(BannedError) as banned:
                await listening
        assert (banned.value.retry_after, gateway.connected) == (3000, before + 1)


async def test_an_answer_under_way_outlives_the_gateway(tmp_path: Path) -> None:
    """It goes another way: the person gets it, though the bot hears nothing now."""
    async with answering(tmp_path, patience=0.01) as scene:
        async with scene.context.changing:
            interaction = await scene.says("subscribe", by=scene.manager)
            await interaction.answered()
            scene.discord.gateway.hangs_up = refuse
            await scene.discord.drop_gateway(4011)
            await until(lambda: not is_ready(scene.platform))
        assert "Abonnement enregistré" in text_of(await interaction.reply())


async def test_an_end_in_the_middle_of_connecting_leaves_no_connection() -> None:
    """The gateway has not said hello yet when the bot is told to stop."""
    async with DiscordStandIn() as standin, connected(discord_client(standin)) as platform:
        connecting = asyncio.Event()

        async def hold(_connection: Connection) -> None:
            connecting.set()
            await asyncio.Event().wait()

        standin.gateway.hangs_up = hold
        listening = asyncio.create_task(platform.listen())
        await connecting.wait()
        listening.cancel()
        await asyncio.wait({listening})
        await standin.wait_for(lambda: not standin.gateway._connections)


def hearts() -> set[threading.Thread]:
    """The threads of discord.py that keep connections alive."""
    return {thread for thread in threading.enumerate() if thread.name.startswith("keep-alive-handler")}


async def test_an_end_between_two_connections_leaves_no_thread() -> None:
    """discord.py waits five seconds between the hello of a second connection and its own word."""
    before = hearts()
    async with DiscordStandIn() as standin, connected(discord_client(standin)) as platform:
        listening = asyncio.create_task(platform.listen())
        await standin.wait_for(lambda: standin.gateway.online)
        (first,) = hearts() - before
        for connection in standin.gateway._connections:
            connection.send_op(Op.INVALID_SESSION, data=False)
        await until(lambda: hearts() - before - {first})
        listening.cancel()
        await asyncio.wait({listening})
        await until(lambda: not hearts() - before)


@pytest.mark.parametrize("trouble", [cut, refuse, greet_and_refuse])
async def test_a_push_needs_no_gateway(tmp_path: Path, trouble: Callable[[Connection], Awaitable[None]]) -> None:
    """While the gateway hangs up again and again, every message leaves."""
    async with side(NAME) as discord, ledger_in(tmp_path) as ledger:
        assert isinstance(discord.standin, DiscordStandIn)
        assert isinstance(discord.platform, DiscordPlatform)
        gateway = discord.standin.gateway
        gateway.hangs_up = trouble
        await discord.subscribe(ledger, *discord.add(6))
        async with listening(discord.platform):
            await discord.standin.wait_for(lambda: gateway.connected >= 2, within=30)
            broadcast = await discord.open(ledger, "Un", "Deux")
            assert await discord.deliver(ledger, broadcast) == {"sent": 6}
