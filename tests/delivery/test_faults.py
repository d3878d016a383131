"""The fault matrix: whatever goes wrong on the way, every healthy target is served, and no pause is broken."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from bot.delivery import retry
from bot.platforms.discord import client as discord_client
from bot.platforms.discord.client import DiscordPlatform
from bot.platforms.telegram import client as telegram_client
from bot.sandbox.discord.server import DiscordStandIn
from bot.sandbox.shared.faults import (
    BAD_GATEWAY,
    MALFORMED,
    Action,
    Delay,
    Fault,
    Flood,
    Hook,
    Match,
    Reply,
    Reset,
    Silence,
)
from tests.delivery.side import SEND

if TYPE_CHECKING:
    from bot.sandbox.shared.faults import Call
    from bot.storage.ledger import Ledger
    from tests.delivery.side import Side

TARGETS = 12
ON_ITS_WAY = 0.25
"""Seconds in which a message that had left before the platform asked for a pause may still arrive."""

FAULTS: dict[str, tuple[Action, bool]] = {
    "flood of one chat": (Flood(1.0), False),
    "flood of everything": (Flood(1.0, everything=True), False),
    "server error": (Reply(500, {"ok": False, "error_code": 500, "message": "oops", "description": "oops"}), False),
    "bad gateway in HTML": (BAD_GATEWAY, False),
    "reset before": (Reset(), False),
    "reset after": (Reset(), True),
    "no answer before": (Silence(), False),
    "no answer after": (Silence(), True),
    "malformed JSON after": (MALFORMED, True),
    "slow answers": (Delay(0.5), False),
}


@pytest.fixture(autouse=True)
def _impatience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Time-outs and pauses of a tenth of what they are, because a test is not a Monday."""
    monkeypatch.setattr(retry, "FIRST_PAUSE", retry.FIRST_PAUSE / 10)
    monkeypatch.setattr(telegram_client, "SEND_TIMEOUT", 1.0)
    monkeypatch.setattr(discord_client, "SEND_TIMEOUT", 3.0)


@pytest.mark.parametrize("fault", FAULTS)
async def test_every_healthy_target_is_served(either: Side, real_ledger: Ledger, fault: str) -> None:
    """A third of them meet the fault first. At the end everyone has all of it, Discord nothing twice."""
    action, after = FAULTS[fault]
    places = either.add(TARGETS)
    await either.subscribe(real_ledger, *places)
    # Discord's pauses over everything all end at the same moment, and discord.py goes by the first.
    alone = either.name == "discord" and fault == "flood of everything"
    for place in places[:1] if alone else places[::3]:
        either.standin.faults.add(Fault(action, Match(route=SEND[either.name], chat=place.id), after=after))
    broadcast = await either.open(real_ledger, "Bonjour")
    states = await either.deliver(real_ledger, broadcast)
    assert states == {"sent": TARGETS}
    assert not either.standin.faults.pending
    for place in places:
        received = either.received(place)
        assert set(received) == {"Bonjour"}
        if either.name == "discord":
            assert len(received) == 1
    assert either.standin.traffic.sends_in_waits(ON_ITS_WAY) == []


@pytest.mark.parametrize("ending", ["deleted", "locked", "archived and locked"])
async def test_a_post_that_ends_in_the_middle_is_not_its_forum(
    discord_side: Side, real_ledger: Ledger, ending: str
) -> None:
    """The rest of this recap has no place; the subscription of the forum stays, and the next recap comes there."""
    standin = discord_side.standin
    assert isinstance(standin, DiscordStandIn)
    forum = standin.add_forum(standin.add_guild("Auditeurs"), "Épisodes")
    await discord_side.subscribe(real_ledger, forum)

    async def end(_call: Call) -> None:
        if ending == "deleted":
            standin.world.remove_channel(forum.threads[0])
        else:
            standin.change_thread(forum.threads[0], archived="archived" in ending, locked=True)

    # The first request to this route shows that the place is a forum, which takes posts.
    standin.faults.add(Fault(Hook(end), Match(route=SEND[discord_side.name]), skip=1))
    broadcast = await discord_side.open(real_ledger, "Un", "Deux")
    assert await discord_side.deliver(real_ledger, broadcast) == {"failed": 1}
    broadcast = await discord_side.open(real_ledger, "Encore un", "Encore deux", episode=1208)
    assert await discord_side.deliver(real_ledger, broadcast) == {"sent": 1}
    assert [message.text for message in forum.threads[-1].messages] == ["Encore un", "Encore deux"]
    assert discord_side.told == []


async def test_a_lost_gateway_costs_no_push_anything(discord_side: Side, real_ledger: Ledger) -> None:
    """Messages go another way than commands come; the gateway is taken up again meanwhile."""
    assert isinstance(discord_side.platform, DiscordPlatform)
    assert isinstance(discord_side.standin, DiscordStandIn)
    standin, places = discord_side.standin, discord_side.add(TARGETS)
    await discord_side.subscribe(real_ledger, *places)
    listening = asyncio.create_task(discord_side.platform.listen())
    await standin.wait_for(lambda: standin.gateway.online)
    drop = Hook(lambda _call: standin.drop_gateway())
    standin.faults.add(Fault(drop, Match(route=SEND[discord_side.name]), skip=TARGETS // 2))
    assert await discord_side.deliver(real_ledger, await discord_side.open(real_ledger, "Bonjour")) == {"sent": TARGETS}
    assert [discord_side.received(place) for place in places] == [["Bonjour"]] * TARGETS
    await standin.wait_for(lambda: standin.gateway.resumed == 1)
    listening.cancel()
    await asyncio.wait({listening})
