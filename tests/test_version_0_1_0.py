"""The database and the buttons that version 0.1.0 left behind work with today's program.

`data/recap-0.1.0.sql` is the dump of a database that 0.1.0 made at 07:00 UTC on 4 November 2024. Its broadcaster opened
the push of episode 1207 and a push of 1206 to one target, its renderers wrote the messages, and its ledger claimed and
recorded some of them. Then the process ended without recording the others.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import sqlite3
import time
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from bot.commands import press
from bot.model.subscription import PlatformName, SubscriptionState, Target
from bot.platforms.base import Post
from bot.platforms.discord.render import COMMAND_PREFIX
from bot.sandbox.discord.server import DiscordStandIn
from bot.sandbox.discord.world import Channel, ChannelType
from bot.sandbox.telegram.server import TelegramStandIn
from bot.storage.ledger import Ledger
from bot.storage.records import BroadcastState
from tests.delivery.ledger_kit import DISCORD, FAILED, MONDAY, SENT, TELEGRAM, UNKNOWN, file_in
from tests.delivery.side import Side, side

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

DUMP = Path(__file__).parent / "data" / "recap-0.1.0.sql"
PUSH, SINGLE = 2, 3
"""The ids of the broadcasts; that of the welcome to the admins is 1."""
ON_TELEGRAM = {105: 2, 106: 2, 107: 1, 108: 5, 109: 1}
"""The number of messages that each Telegram chat is still to get, those in doubt too; 107 and 109 chose rich ones."""
ON_DISCORD = {1301: 0, 1302: 5, 1303: 6, 1304: 6, 1305: 6, 1306: 0, 1307: 2, 1308: 2}
"""The number of messages that each Discord channel is to have, but for those that 0.1.0 knew to be there."""
IN_FLIGHT = {(1302, 1): "4dc9b3a7b9.5.1", (1303, 0): "4dc9b3a7b9.6.0", (1307, 0): "ccf17b0a54.3.0"}
"""The nonces with which 0.1.0 sent the messages that it left `sending`, by channel and position."""


def discord(number: int) -> Target:
    """The Discord channel whose id ends so."""
    return Target(DISCORD, str(10**17 + number))


@pytest.fixture
async def old(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Ledger]:
    """The ledger that 0.1.0 left, from a minute later on."""
    with closing(sqlite3.connect(tmp_path / "recap.db")) as database:
        database.executescript(DUMP.read_text(encoding="utf-8"))
    begun = time.monotonic()

    def now() -> dt.datetime:
        return MONDAY + dt.timedelta(minutes=1, seconds=time.monotonic() - begun)

    monkeypatch.setattr("tests.delivery.side.now", now)
    async with await Ledger.open(file_in(tmp_path), now) as ledger:
        yield ledger


@pytest.fixture
async def on_telegram() -> AsyncIterator[Side]:
    """Telegram with the chats that the ledger names."""
    async with side(PlatformName("telegram")) as made:
        assert isinstance(made.standin, TelegramStandIn)
        made.places = {str(chat): made.standin.add_private(chat) for chat in range(101, 112)}
        yield made


@pytest.fixture
async def on_discord() -> AsyncIterator[Side]:
    """Discord with the channels that the ledger names."""
    async with side(PlatformName("discord")) as made:
        assert isinstance(made.standin, DiscordStandIn)
        guild = made.standin.add_guild("Auditeurs")
        for number in ON_DISCORD:
            target = discord(number)
            kind = ChannelType.ANNOUNCEMENT if number == 1306 else ChannelType.TEXT
            channel = Channel(int(target.chat), f"salon-{number}", kind, guild)
            made.standin.world.add_channel(channel)
            made.places[target.chat] = channel
        yield made


@pytest.mark.parametrize("arrived", [True, False])
async def test_a_push_in_the_middle_goes_on_to_its_end(
    old: Ledger, on_telegram: Side, on_discord: Side, *, arrived: bool
) -> None:
    """Nobody is left without, and Discord gets nothing twice, whether or not the messages in flight had arrived.

    Each of those has the nonce that 0.1.0 gave it, by which Discord itself drops the second.
    """
    for (number, position), nonce in IN_FLIGHT.items() if arrived else ():
        stored = await old.stored(3 if number < 1306 else 2)
        message = stored.rendering.messages[position]
        await on_discord.platform.send(Post(discord(number), stored.rendering.title, message, nonce))
    async with on_telegram.delivering(old), on_discord.delivering(old), asyncio.timeout(60):
        is_open = True
        while is_open:
            await asyncio.sleep(0.02)
            is_open = await old.is_anything_open()
    got = {chat: on_telegram.received(place) for chat, place in on_telegram.places.items()}
    assert {int(chat): len(texts) for chat, texts in got.items() if texts} == ON_TELEGRAM
    nonces = set[str]()
    for chat, place in on_discord.places.items():
        assert isinstance(place, Channel)
        texts, missing = on_discord.received(place), ON_DISCORD[int(chat) - 10**17]
        assert (chat, len(texts), len(set(texts))) == (chat, missing, missing)
        nonces |= {str(message.nonce) for message in place.messages}
    assert nonces >= set(IN_FLIGHT.values())
    tally = await old.tally(PUSH)
    assert {state: count for state, count in tally.items() if count} == {SENT: 14, FAILED: 1, UNKNOWN: 1}
    # The one that failed had left, which is no failure.
    (unknown,) = await old.failures(PUSH)
    assert (unknown.target.chat, unknown.code) == ("104", "unknown")


async def test_everything_else_that_0_1_0_kept_is_still_known(old: Ledger) -> None:
    """Subscriptions with their choices and states, the publication that waits, the notice to the admins."""
    known = {each.target: each for each in await old.subscriptions.all()}
    states = {chat: known[Target(TELEGRAM, str(chat))].state for chat in (101, 103, 110, 111)}
    assert states == {
        101: SubscriptionState.ACTIVE,
        103: SubscriptionState.ENDED,
        110: SubscriptionState.PAUSED,
        111: SubscriptionState.ENDED,
    }
    assert known[Target(TELEGRAM, "110")].reason == "no rights"
    assert known[Target(TELEGRAM, "108")].choices.topics == ("netflix", "tiktok")
    assert known[Target(TELEGRAM, "107")].choices.rich
    private = {target for target, each in known.items() if each.is_private}
    assert private == {target for target in known if target.platform == TELEGRAM and target.chat.isdigit()}
    publication = await old.publications.next(DISCORD)
    assert publication is not None
    assert (publication.target, publication.message_id) == (discord(1306), "900000000000000002")
    assert await old.notices.has_been_sent("welcome") == MONDAY
    (push,) = [each for each in await old.broadcasts(9) if each.key == "monday"]
    assert (push.id, push.state) == (PUSH, BroadcastState.OPEN)
    (single,) = [each for each in await old.broadcasts(9) if each.key == f"to {discord(1308)}"]
    assert single.id == SINGLE


BUTTONS = {
    "episode 1207": ("episode", "1207", None),
    "latest": ("latest", "", None),
    "privacy delete": ("privacy", "delete", None),
    "privacy deleted": ("privacy", "deleted", None),
    "privacy show": ("privacy", "show", None),
    "rest 1207-1-2": ("rest", "1207-1-2", None),
    "rest 42": ("rest", "42", None),
    "search:2 sujet": ("search", "sujet", 2),
    "segment 1207-2": ("segment", "1207-2", None),
    "settings": ("settings", "", None),
    "settings at evening": ("settings", "at evening", None),
    "settings holiday": ("settings", "holiday", None),
    "settings layout digest": ("settings", "layout digest", None),
    "settings layout segments": ("settings", "layout segments", None),
    "settings pause 4": ("settings", "pause 4", None),
    "settings resume": ("settings", "resume", None),
    "settings rich off": ("settings", "rich off", None),
    "settings rich on": ("settings", "rich on", None),
    "settings show": ("settings", "show", None),
    "settings silent off": ("settings", "silent off", None),
    "settings silent on": ("settings", "silent on", None),
    "settings stop": ("settings", "stop", None),
    "settings times": ("settings", "times", None),
    "settings topics": ("settings", "topics", None),
    "settings:1 all": ("settings", "all", 1),
    "settings:1 off netflix": ("settings", "off netflix", 1),
    "settings:1 on tiktok": ("settings", "on tiktok", 1),
    "settings:2 topics": ("settings", "topics", 2),
    "subscribe": ("subscribe", "", None),
    "subscribe voyage tiktok": ("subscribe", "voyage tiktok", None),
    "topic tiktok": ("topic", "tiktok", None),
    "topic:2 tiktok": ("topic", "tiktok", 2),
    "topics": ("topics", "", None),
}
"""Every kind of button of 0.1.0: its `callback_data` on Telegram, and the command, argument and page that it means."""


@pytest.mark.parametrize("data", BUTTONS)
def test_every_button_that_0_1_0_sent_still_works(data: str) -> None:
    """Buttons stay below old messages for ever. Discord's `custom_id` is the same behind a prefix."""
    pressed = press(data)
    assert pressed is not None
    assert (pressed.command.name, pressed.argument, pressed.page) == BUTTONS[data]
    assert COMMAND_PREFIX == "recap:"
