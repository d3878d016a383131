"""Several processes over one PostgreSQL: one works at a time, another goes on when it ends, and nobody notices."""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import os
from typing import TYPE_CHECKING

import psycopg
import pytest
from sqlalchemy import select, update

from bot.model.subscription import SubscriptionState
from bot.platforms.registry import load
from bot.runtime.app import App, opened
from bot.sandbox.discord.server import DiscordStandIn
from bot.storage.clock import SteadyClock, utc_now
from bot.storage.leases import CLOCK, LeaseLostError, LeaseTimes, SharedLeases
from bot.storage.ledger import Ledger
from bot.storage.records import BroadcastState, DeliveryState, LedgerError
from bot.storage.tables import broadcasts, deliveries
from tests.delivery import postgres
from tests.delivery.ledger_kit import DISCORD, TELEGRAM, change_expires
from tests.delivery.side import now
from tests.endurance.crash import DemoWorld, town
from tests.running import at_work
from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests.delivery.side import Side

RATE = 12
PEOPLE = 18
QUICK = LeaseTimes(lasts=20, led=16, renew_every=0.2, look_every=0.05)
"""Leases that are looked at often, and last longer than any test: what ends one is the test."""


@pytest.fixture
async def place(postgresql: str) -> AsyncIterator[DemoWorld]:
    """People on both platforms, and an empty database."""
    postgres.empty(postgresql)
    async with town(PEOPLE, hold=False) as made:
        config = made.config.read_text(encoding="utf-8")
        for name in (TELEGRAM, DISCORD):
            config = config.replace(f"[{name}]", f"[{name}]\nrate = {RATE}")
        made.config.write_text(config, encoding="utf-8")
        yield made


@contextlib.asynccontextmanager
async def process(
    place: DemoWorld, url: str, name: str, *, config: Path | None = None, clock: SteadyClock | None = None
) -> AsyncIterator[App]:
    """The app of a process on a machine of this name."""
    file = config or place.config
    async with opened(load(file, {"RECAP_STORAGE__URL": url}), clock or SteadyClock(), file) as app:
        assert app.ledger.processes is not None
        assert isinstance(app.ledger.leases, SharedLeases)
        app.ledger.processes.name = app.ledger.leases.process = name
        app.ledger.leases.times = QUICK
        yield app


async def on_the_way(place: DemoWorld) -> None:
    """Wait until the push is going on everywhere, and not over."""
    sends = [place.telegram.traffic, place.discord.traffic]
    await until(lambda: all(len(traffic.sends) >= 3 for traffic in sends))


async def over(app: App) -> None:
    """Wait until the push is over."""
    states: list[BroadcastState] = []
    async with asyncio.timeout(30):
        while states != [BroadcastState.DONE]:
            # While the server takes no questions, the test waits as the bot does.
            with contextlib.suppress(LedgerError):
                states = [each.state for each in await app.ledger.broadcasts(2)]
            await asyncio.sleep(0.05)


def arrived(place: DemoWorld) -> tuple[list[int], list[int]]:
    """How many messages each person on Telegram, and each channel on Discord, got."""
    return (
        [sum(message.by_bot for message in chat.messages) for chat in place.chats],
        [len(channel.messages) for channel in place.channels],
    )


ONE_EACH = ([1] * PEOPLE, [1] * PEOPLE)


async def test_a_process_that_ends_hands_over_in_mid_push(place: DemoWorld, postgresql: str) -> None:
    """Everybody gets one recap, at the pace of one bot, and the second process goes on at once."""
    async with process(place, postgresql, "one") as one, process(place, postgresql, "two") as two:
        async with contextlib.AsyncExitStack() as life_of_one:
            await life_of_one.enter_async_context(at_work(one))
            await on_the_way(place)
            async with at_work(two):
                await life_of_one.aclose()
                await over(two)
                assert set((await two.ledger.leases.holders()).values()) == {"two"}
        assert arrived(place) == ONE_EACH
        assert await one.ledger.leases.holders() == {}
    for traffic in (place.telegram.traffic, place.discord.traffic):
        # Two at once would send nearly twice as many.
        assert traffic.peak(1.0) < 1.5 * RATE


async def test_a_process_that_stood_still_stands_by_when_it_wakes(place: DemoWorld, postgresql: str) -> None:
    """The other goes on meanwhile. What was on its way comes twice at most, and on Discord never."""
    async with process(place, postgresql, "one") as one, process(place, postgresql, "two") as two:
        async with at_work(one):
            await on_the_way(place)
            assert set((await one.ledger.leases.holders()).values()) == {"one"}
            # A minute passes in which the process does nothing.
            lease_clock = one.ledger.leases
            assert isinstance(lease_clock, SharedLeases)
            elapsed = lease_clock.elapsed
            lease_clock.elapsed = lambda: elapsed() + dt.timedelta(minutes=1)
            await change_expires(one.ledger, dt.timedelta(minutes=1))
            in_doubt = select(deliveries.c.platform).where(deliveries.c.state == DeliveryState.SENDING)
            doubts = [row.platform for row in await one.ledger._database.rows(in_doubt)]
            async with at_work(two):
                await over(one)
                assert {each.state for each in await two.ledger.broadcasts(2)} == {BroadcastState.DONE}
        on_telegram, on_discord = arrived(place)
    assert min(on_telegram) == 1
    assert sum(on_telegram) <= PEOPLE + doubts.count(TELEGRAM)
    assert on_discord == [1] * PEOPLE


async def test_connections_that_the_server_ends_are_outlived(place: DemoWorld, postgresql: str) -> None:
    """As when the server is restarted: everybody gets one recap, and the same process goes on."""
    async with process(place, postgresql, "one") as one, at_work(one):
        await on_the_way(place)
        with psycopg.connect(postgresql, autocommit=True) as server:
            server.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        await over(one)
        assert arrived(place) == ONE_EACH
        assert all(role.is_held() for role in one.connections.roles.values())


async def test_a_server_that_lost_the_last_seconds_sends_nothing_twice_on_discord(
    discord_side: Side, postgresql: str
) -> None:
    """After a failover the ledger knows nothing of what just went: nonces tell it, and in a forum a look does."""
    assert isinstance(discord_side.standin, DiscordStandIn)
    postgres.empty(postgresql)
    guild = discord_side.standin.add_guild("Auditeurs")
    forum, channel = discord_side.standin.add_forum(guild, "forum"), discord_side.standin.add_text(guild, "salon")
    async with await Ledger.open(postgresql, now) as ledger:
        await discord_side.subscribe(ledger, forum, channel)
        broadcast = await discord_side.open(ledger, "Un", "Deux")
        await discord_side.deliver(ledger, broadcast)
        forgotten = {"state": DeliveryState.PENDING, "position": 0, "message_ids": (), "attempts": 0}
        await ledger._database.change(update(deliveries).values(forgotten))
        await ledger._database.change(update(broadcasts).values(state=BroadcastState.OPEN))
        assert await discord_side.deliver(ledger, broadcast) == {"sent": 2}
    assert discord_side.received(channel) == ["Un", "Deux"]
    assert [len(thread.messages) for thread in forum.threads] == [2]


async def test_a_server_that_forgot_channels_and_push_serves_everybody(place: DemoWorld, postgresql: str) -> None:
    """After a failover to a state before the start, the same process declares again, then pushes."""
    async with process(place, postgresql, "one") as one, at_work(one):
        await on_the_way(place)
        with psycopg.connect(postgresql) as server:
            server.execute("TRUNCATE deliveries, renderings, broadcasts, subscriptions CASCADE")
            server.execute("UPDATE leases SET expires = now() - interval '1 second'")
        await over(one)
        on_telegram, on_discord = arrived(place)
    assert min(on_telegram) == 1
    assert on_discord == [1] * PEOPLE


@pytest.mark.parametrize("age", [-3600, 3600])
async def test_a_config_that_comes_to_one_machine_first_ends_no_subscription(
    place: DemoWorld, postgresql: str, tmp_path: Path, age: int
) -> None:
    """The new config declares one chat more; the old one, declared again by another process, does not end it."""
    old = tmp_path / "old.toml"
    old.write_text(place.config.read_text(encoding="utf-8").rpartition("[[channels]]")[0], encoding="utf-8")
    changed = place.config.stat().st_mtime
    # The files' dates may tell nothing, as in an image; then the process that was there a moment ago counts.
    os.utime(old, (changed + age, changed + age))
    async with process(place, postgresql, "new") as new, process(place, postgresql, "old", config=old) as behind:
        for app in (new, behind):
            await app.ledger.heartbeat.take()
            await app.ledger.leases.take(CLOCK)
            await app.declare()
        subscriptions = await new.ledger.subscriptions.all()
    assert [each.state for each in subscriptions] == [SubscriptionState.ACTIVE] * 2 * PEOPLE


async def test_a_process_with_a_wrong_clock_opens_no_push_and_says_so(place: DemoWorld, postgresql: str) -> None:
    """It delivers, because the server's clock decides what is due; the pushes are left to others."""
    wrong = SteadyClock(lambda: utc_now() + dt.timedelta(minutes=5))
    async with process(place, postgresql, "fast", clock=wrong) as app, at_work(app):
        roles = app.connections.roles.values()
        await until(lambda: all(role.is_held() for role in roles) and app.clock_role.tried.is_set())
        assert CLOCK not in await app.ledger.leases.holders()
        async with asyncio.timeout(30):
            while not await app.ledger.notices.latest(1):  # noqa: ASYNC110 - nothing announces it
                await asyncio.sleep(0.05)
        (notice,) = await app.ledger.notices.latest(5)
    assert "avance de 5\xa0min sur celle du serveur" in notice.text
    assert "n’ouvre plus aucun envoi" in notice.text


async def test_a_process_whose_clock_is_set_wrong_leaves_the_pushes_to_others(
    place: DemoWorld, postgresql: str
) -> None:
    """It had the role; at its next look it gives the role up and does not take it back."""
    ahead = dt.timedelta()
    clock = SteadyClock(lambda: utc_now() + ahead)
    async with process(place, postgresql, "one", clock=clock) as one, at_work(one):
        await until(one.clock_role.is_held)
        ahead = dt.timedelta(minutes=5)
        # Its own look, once a minute, may come before this one, and in the middle of it.
        with contextlib.suppress(LeaseLostError):
            await one.tick()
        await until(lambda: not one.clock_role.is_held())
        async with process(place, postgresql, "two") as two, at_work(two):
            await until(two.clock_role.is_held)
            # On the platforms it stands by, which is no trouble.
            await until(lambda: two.readiness.unready() == [])
            assert not any(role.is_held() for role in two.connections.roles.values())
