"""After a crash on Discord: what may have arrived is looked for before it is sent again, however late that is."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import pytest

from bot.sandbox.discord.server import DiscordStandIn
from bot.sandbox.discord.world import Permission
from bot.sandbox.shared.faults import Fault, Match, Reset
from tests.clients import connected, discord_client
from tests.delivery.side import SEND, Side, finished, now

if TYPE_CHECKING:
    from bot.sandbox.discord.world import Channel, Forum
    from bot.storage.ledger import Ledger

HISTORY = "GET /channels/{channel_id}/messages"
OPEN_POST = "POST /channels/{channel_id}/threads"


async def deliver_twice(
    side: Side, ledger: Ledger, *texts: str, arrived: bool, route: str, skip: int = 0
) -> dict[str, int]:
    """A first process dies before it knows the end of a message; a second goes on when no nonce is known."""
    assert isinstance(side.standin, DiscordStandIn)
    side.standin.faults.add(Fault(Reset(), Match(route=route), after=arrived, skip=skip))
    broadcast = await side.open(ledger, *texts)
    async with side.delivering(ledger):
        await side.standin.wait_for(lambda: not side.standin.faults.pending)
    side.standin._channels._nonces.clear()
    async with side.delivering(ledger):
        return await finished(ledger, broadcast)


@pytest.mark.parametrize("arrived", [True, False])
async def test_a_message_is_found_and_not_sent_again(discord_side: Side, real_ledger: Ledger, *, arrived: bool) -> None:
    """Once in the channel, whether it had arrived before or not, and long after Discord has forgotten its nonce."""
    (channel,) = discord_side.add(1)
    await discord_side.subscribe(real_ledger, channel)
    route = SEND[discord_side.name]
    states = await deliver_twice(discord_side, real_ledger, "Un", "Deux", arrived=arrived, route=route)
    assert states == {"sent": 1}
    assert discord_side.received(channel) == ["Un", "Deux"]


async def test_a_message_is_found_although_discords_clock_is_behind(real_ledger: Ledger) -> None:
    """Its time seems to be half a minute before the push was opened."""
    behind = DiscordStandIn(clock=lambda: now() - dt.timedelta(seconds=30))
    async with behind as discord, connected(discord_client(discord)) as platform:
        side = Side(platform.name, discord, platform)
        (channel,) = side.add(1)
        await side.subscribe(real_ledger, channel)
        states = await deliver_twice(side, real_ledger, "Un", arrived=True, route=SEND[side.name])
    assert states == {"sent": 1}
    assert side.received(channel) == ["Un"]


async def test_a_look_takes_a_turn_of_its_own(discord_side: Side, real_ledger: Ledger) -> None:
    """It is a request like any other: at one a second, the message follows a second later."""
    (channel,) = discord_side.add(1)
    await discord_side.subscribe(real_ledger, channel)
    discord_side.rate = 1
    await deliver_twice(discord_side, real_ledger, "Un", arrived=False, route=SEND[discord_side.name])
    look = next(request for request in discord_side.standin.traffic.requests if request.route == HISTORY)
    message = discord_side.standin.traffic.sends[-1]
    assert message.at - look.at >= 0.9


@pytest.fixture
async def board(discord_side: Side, real_ledger: Ledger) -> Forum:
    """A forum that is subscribed."""
    assert isinstance(discord_side.standin, DiscordStandIn)
    forum = discord_side.standin.add_forum(discord_side.standin.add_guild("Auditeurs"), "forum")
    await discord_side.subscribe(real_ledger, forum)
    return forum


@pytest.mark.parametrize("arrived", [True, False])
async def test_a_forum_post_is_found_and_not_opened_again(
    discord_side: Side, real_ledger: Ledger, board: Forum, *, arrived: bool
) -> None:
    """Posts know no nonce at all: one post with all of its messages."""
    states = await deliver_twice(discord_side, real_ledger, "Un", "Deux", arrived=arrived, route=OPEN_POST)
    assert states == {"sent": 1}
    (thread,) = board.threads
    assert len(thread.messages) == 2


@pytest.mark.parametrize("arrived", [True, False])
async def test_the_second_message_of_a_forum_post_is_found_in_the_post(
    discord_side: Side, real_ledger: Ledger, board: Forum, *, arrived: bool
) -> None:
    """The first request to send shows that the place is a forum; the next one is the second message."""
    route = SEND[discord_side.name]
    states = await deliver_twice(discord_side, real_ledger, "Un", "Deux", arrived=arrived, route=route, skip=1)
    assert states == {"sent": 1}
    (thread,) = board.threads
    assert len(thread.messages) == 2


@pytest.mark.parametrize(("hold", "times", "state"), [(False, 2, "sent"), (True, 1, "unknown")])
async def test_where_the_bot_may_not_look_the_admin_has_decided(
    discord_side: Side, real_ledger: Ledger, *, hold: bool, times: int, state: str
) -> None:
    """Without the right to read, and long after: sent again, or with `hold` left as what it is, unknown."""
    assert isinstance(discord_side.standin, DiscordStandIn)
    (channel,) = discord_side.add(1)
    known: Channel = discord_side.standin.world.channels[channel.id]
    discord_side.standin.permit(known, Permission.VIEW_CHANNEL | Permission.SEND_MESSAGES)
    await discord_side.subscribe(real_ledger, channel)
    discord_side.hold = hold
    route = SEND[discord_side.name]
    states = await deliver_twice(discord_side, real_ledger, "Un", arrived=True, route=route)
    assert states == {state: 1}
    assert discord_side.received(channel) == ["Un"] * times
