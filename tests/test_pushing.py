"""Pushing by hand beside a bot that runs: what is said, and when the command no longer waits."""

from __future__ import annotations

import asyncio
import dataclasses
import datetime as dt
import io
from typing import TYPE_CHECKING
from unittest.mock import AsyncMock

import pytest
from rich.console import Console

from bot.cli import send
from bot.delivery.broadcast import Broadcaster
from bot.delivery.retry import advance, fail
from bot.model.problems import ExpectedError
from bot.model.rehearsal import Hold
from bot.model.subscription import PlatformName, Subscription, Target
from bot.platforms.base import FloodError, RefusedError
from bot.platforms.registry import load
from bot.runtime import connections
from bot.runtime.app import App, opened
from bot.storage.lock import DeliveryLock
from tests.waiting import PATIENCE, until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from bot.model.episode import Episode
    from bot.storage.records import Claim

SETTINGS = """
[telegram]
token = "123456789:AAEloopbackloopbackloopbackloopback"

[[channels]]
platform = "telegram"
chat = 1
"""
EPISODE = "---\nnumber: 1\ntitle: Un\ndate: 2024-11-04\n---\n\n## Un\n\n#tiktok\n\nDu texte.\n"


class Hand:
    """The admin's command, and what it printed. Another process, which holds `bot`, is what delivers."""

    def __init__(self, app: App) -> None:
        self.app = app
        assert app.config.storage.path is not None
        self.bot = DeliveryLock(app.config.storage.path)
        self._printed = io.StringIO()
        self.console = Console(file=self._printed, width=200, markup=False, emoji=False, highlight=False)

    @property
    def episode(self) -> Episode:
        """The one that there is."""
        (episode,) = self.app.archive.episodes
        return episode

    async def push(self, target: Target | None = None, *, again: bool = False) -> bool:
        """`recap send`."""
        return await send.push(self.app, self.episode, target, again=again)

    async def rehearse(self, target: Target | None = None, *, again: bool = False) -> str:
        """What `recap send --dry-run` says."""
        await send.rehearse(self.app, self.episode, target, again=again)
        return self.said()

    async def next_claim(self) -> Claim:
        """What the bot takes up next, as soon as there is something."""
        claims: list[Claim] = []
        while not claims:
            await asyncio.sleep(0.01)
            claims = await self.app.ledger.claim(PlatformName("telegram"), 1)
        return claims[0]

    @property
    def text(self) -> str:
        """What has been printed and not been taken by `said`."""
        return self._printed.getvalue()

    def said(self) -> str:
        """What was printed since the last time."""
        text = self.text
        self._printed.seek(0)
        self._printed.truncate()
        return text


@pytest.fixture
async def hand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Hand]:
    """The command beside a bot that sends nothing."""
    monkeypatch.setattr(send, "REFRESH", 0.01)
    monkeypatch.setattr(send, "LOOK_FOR_BOT_AFTER", 0.05)
    monkeypatch.setattr("bot.storage.lock.PATIENCE", 0.02)
    (tmp_path / "content").mkdir()
    (tmp_path / "content" / "1.md").write_text(EPISODE, encoding="utf-8")
    file = tmp_path / "config.toml"
    file.write_text(SETTINGS, encoding="utf-8")
    async with opened(load(file, {})) as app:
        made = Hand(app)
        monkeypatch.setattr(send, "out", lambda: made.console)
        assert made.bot.acquire()
        yield made
        made.bot.release()


async def test_a_bot_that_stops_is_not_waited_for(hand: Hand) -> None:
    """What is left waits in the ledger for its next start, and the command says so."""
    async with asyncio.timeout(PATIENCE):
        sending = asyncio.create_task(hand.push())
        await hand.next_claim()
        hand.bot.release()
        assert await sending is False
    said = hand.said()
    assert "The running bot delivers." in said
    assert "The bot has stopped. What is left is sent when it runs again" in said
    assert "1 on its way" in said


async def test_a_bot_that_gets_nowhere_is_left_to_itself(hand: Hand, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its platform may have refused the token, or ask for hours of patience."""
    monkeypatch.setattr(send, "PATIENCE", 0.1)
    async with asyncio.timeout(PATIENCE):
        assert await hand.push() is False
    assert "Nothing has moved for a while. The bot goes on with what is left" in hand.said()


async def test_a_platform_that_cannot_be_reached_is_named_and_then_left_alone(
    hand: Hand, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once, while the command itself delivers; at its end it says when the rest goes out."""
    monkeypatch.setattr(send, "SAY_AFTER", 0.05)
    monkeypatch.setattr(send, "PATIENCE", 0.2)
    monkeypatch.setattr(send, "REPORTED_WITHIN", 0.0)
    hand.bot.release()
    async with asyncio.timeout(30):
        assert await hand.push(Target(PlatformName("telegram"), "1")) is False
    said = hand.said()
    # The platform's own reason is in the show's language, as everything that the ledger keeps.
    waiting = "Waiting. After Ctrl-C, what is left is sent when the bot runs."
    assert said.count("telegram: pas de connexion à Telegram (") == said.count(waiting) == 1
    assert "Nothing has moved for a while. What is left is sent when the bot runs: `recap run`." in said
    assert "1 pending" in said


async def test_a_pause_of_the_platform_is_told_and_waited_for(hand: Hand, monkeypatch: pytest.MonkeyPatch) -> None:
    """However long it is: it is no standstill."""
    monkeypatch.setattr(connections, "CONNECT_WITHIN", 0.05)
    monkeypatch.setattr(send, "SAY_AFTER", 0.0)
    monkeypatch.setattr(send, "PATIENCE", 0.0)
    monkeypatch.setattr(send, "REPORTED_WITHIN", 0.0)
    hand.bot.release()
    flood = FloodError("", retry_after=90.0, everything=True)
    hand.app.connections[PlatformName("telegram")].pacer.note_flood(flood, Target(PlatformName("telegram"), "1"))
    sending = asyncio.create_task(hand.push(Target(PlatformName("telegram"), "1")))
    await until(lambda: "it asks for a pause, of which 1\N{NO-BREAK SPACE}min" in hand.text)
    claim = await hand.next_claim()
    assert "Nothing has moved" not in hand.text
    await hand.app.ledger.record([advance(claim, hand.app.clock(), messages=1, message_id="7")])
    assert await sending is True


async def test_a_push_that_the_bot_ends_is_seen_to_its_end(hand: Hand) -> None:
    """The command is done when nothing is left."""
    async with asyncio.timeout(PATIENCE):
        sending = asyncio.create_task(hand.push())
        claim = await hand.next_claim()
        await hand.app.ledger.record([advance(claim, hand.app.clock(), messages=1, message_id="7")])
        assert await sending is True
    assert "1 sent" in hand.said()


async def test_who_waits_for_a_platform_that_is_switched_off_is_told_apart(
    hand: Hand, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are not among those whom the push goes to, in the rehearsal as in the push."""
    monkeypatch.setattr(send, "PATIENCE", 0.1)
    waiting = [Subscription(Target(PlatformName("discord"), str(chat)), "monday") for chat in (5, 6)]
    await hand.app.ledger.subscriptions.save_all(waiting)
    said = await hand.rehearse()
    assert "would go to 1 subscription" in said
    assert "2 on discord left out, because it is switched off: add a [discord] section" in said
    await hand.push()
    assert "2 on discord left out, because it is switched off" in hand.said()


async def test_a_push_to_those_alone_who_wait_for_a_platform_is_refused(hand: Hand) -> None:
    """It would count as pushed, and they would not get it when their platform is switched on."""
    await hand.app.declare()
    await hand.app.ledger.subscriptions.end(Target(PlatformName("telegram"), "1"), "removed")
    await hand.app.ledger.subscriptions.save(Subscription(Target(PlatformName("discord"), "5"), "monday"))
    with pytest.raises(ExpectedError, match="nobody has subscribed yet on telegram"):
        await hand.push()
    assert await hand.app.ledger.broadcasts(1) == []


async def test_a_rehearsal_says_what_a_push_would_do(hand: Hand, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before the first start as after it, with --again as without, to everybody as to one; and sends nothing."""
    monkeypatch.setattr(send, "PATIENCE", 0.1)
    one = Target(PlatformName("telegram"), "5")
    assert "would go to 1 subscription" in await hand.rehearse()
    assert "would go to telegram:5" in await hand.rehearse(one)
    assert await hand.app.ledger.broadcasts(1) == []
    await hand.push()
    await hand.push(one)
    hand.said()
    assert "is under way already" in await hand.rehearse()
    assert "would go to telegram:5" in await hand.rehearse(one)
    claims = await hand.app.ledger.claim(PlatformName("telegram"), 9)
    await hand.app.ledger.record([advance(each, hand.app.clock(), messages=1, message_id="7") for each in claims])
    await hand.app.ledger.finish()
    assert "was pushed already" in await hand.rehearse()
    assert "was sent already to telegram:5" in await hand.rehearse(one)
    assert "would go to 1 subscription" in await hand.rehearse(again=True)
    assert "would go to telegram:5" in await hand.rehearse(one, again=True)


async def test_what_waits_goes_on_and_what_arrived_is_not_sent_again(
    hand: Hand, monkeypatch: pytest.MonkeyPatch
) -> None:
    """To one as to everybody: --again would double what is only late."""
    monkeypatch.setattr(send, "PATIENCE", 0.1)
    one, ledger = Target(PlatformName("telegram"), "5"), hand.app.ledger
    for target, refusal in ((one, "was sent to telegram:5 before; add --again"), (None, "was pushed before; add")):
        assert await hand.push(target) is False
        assert "is under way already" not in hand.said()
        sending = asyncio.create_task(hand.push(target))
        await ledger.record([advance(await hand.next_claim(), hand.app.clock(), messages=1, message_id="7")])
        assert await sending is True
        assert "Episode 1 is under way already: it goes on." in hand.said()
        await ledger.finish()
        with pytest.raises(send.NotSentAgainError, match=refusal):
            await hand.push(target)


async def test_a_push_to_the_failed_says_for_whom_it_is_and_for_whom_not(
    hand: Hand, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of three whom the push failed, one has unsubscribed and one is on holiday since: both are left out, and told."""
    people = [Subscription(Target(PlatformName("telegram"), chat), "monday") for chat in ("1", "2", "3")]
    subscriptions = hand.app.ledger.subscriptions
    await hand.app.declare()
    await subscriptions.save_all(people[1:])
    async with asyncio.timeout(PATIENCE):
        pushing = asyncio.create_task(hand.push())
        for _ in people:
            claim = await hand.next_claim()
            await hand.app.ledger.record([fail(claim, hand.app.clock(), RefusedError("filtered"))])
        assert await pushing is False
        await hand.app.ledger.finish()
        await subscriptions.end(people[1].target, "unsubscribed")
        holiday = hand.app.clock() + dt.timedelta(days=14)
        await subscriptions.save(dataclasses.replace(people[2], paused_until=holiday))
        hand.said()
        with monkeypatch.context() as withheld:
            withheld.setattr(Broadcaster, "hold", AsyncMock(return_value=Hold.WITHHELD))
            with pytest.raises(ExpectedError, match="episode 1 is withheld"):
                await send.push_to_failed(hand.app, hand.episode)
        pushing = asyncio.create_task(send.push_to_failed(hand.app, hand.episode))
        claim = await hand.next_claim()
        await hand.app.ledger.record([advance(claim, hand.app.clock(), messages=1, message_id="7")])
        assert await pushing is True
    assert claim.target == people[0].target
    said = hand.said()
    assert "Schedule monday: 3 failed, 1 tried again." in said
    assert "2 left out: they have left or unsubscribed, or are on holiday." in said
    assert "of unknown outcome" not in said
