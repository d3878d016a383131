"""The buttons below the card of a rehearsal, pressed by admins and by others, on both platforms."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio
import time_machine

from bot.commands import press
from bot.commands.request import Answer, CommandContext, Request, outdated
from bot.model.i18n import Language
from bot.model.rehearsal import Instruction
from bot.model.subscription import PlatformName, Target
from bot.runtime.app import opened
from tests.conversation import DiscordPerson, Talk, TelegramPerson, read_discord
from tests.running import at_work
from tests.world import MONDAY, read_telegram, town

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from bot.sandbox.telegram import model as telegram_model

KEYS = """
[[schedules]]
name = "monday"
cron = "0 8 * * mon"
rehearsal = "14h"
approval = "one"

[[staff]]
platform = "telegram"
chat = {room}
"""
EPISODE = "---\nnumber: 1207\ntitle: Le lundi\ndate: 2024-11-04\n---\n\n## Netflix\n\nDu texte.\n"
GO, WITHHOLD, PANEL = "Bon pour envoi", "Retenir", "◀ Tableau de bord"


@pytest_asyncio.fixture(loop_scope="module")
async def team(tmp_path: Path) -> AsyncIterator[tuple[Talk, telegram_model.Chat]]:
    """The running bot of a team of two on Sunday evening, after the rehearsal, and Ana's private chat."""
    (tmp_path / "content").mkdir()
    (tmp_path / "content" / "1207.md").write_text(EPISODE, encoding="utf-8")
    with time_machine.travel(MONDAY - dt.timedelta(hours=14), tick=True):
        async with town() as place:
            ana, keys = place.telegram.add_private(name="Ana"), KEYS.format(room=place.group.id)
            config = place.config(tmp_path, content=tmp_path / "content", admin=ana, more=keys)
            async with opened(config) as app, at_work(app):
                direct = place.discord.direct(place.manager)
                await place.until(lambda: all(GO in str(chat.messages[-1:]) for chat in (ana, place.group, direct)))
                yield Talk(app, place), ana


async def test_the_team_decides_on_either_platform(team: tuple[Talk, telegram_model.Chat]) -> None:
    """The card below the rehearsal becomes what was decided, and the other admins hear of it."""
    talk, chat = team
    ana = talk.on_telegram(chat)
    ben = DiscordPerson(talk.app, talk.town, talk.town.discord.direct(talk.town.manager), talk.town.manager)
    # The welcome comes at any time beside the rehearsal.
    *recap, card = (each for each in chat.messages if each.by_bot and "Tout est prêt" not in each.text)
    assert [each.disable_notification for each in (*recap, card)] == [*[True] * len(recap), False]
    assert "Du texte." in recap[-1].text
    assert "Répétition de l’épisode 1207" in card.text

    reply = await ana.presses(GO)
    assert (reply.replaced, reply.buttons) == (True, (WITHHOLD, PANEL))
    assert "Épisode 1207 : bon pour envoi" in reply.text
    await talk.town.until(lambda: "bon pour envoi" in read_discord(ben.channel.messages[-1].components))

    reply = await ben.presses(WITHHOLD)
    assert (reply.replaced, reply.buttons) == (True, (GO, PANEL))
    assert "Retenu par « gérante » [discord:@" in reply.text
    await talk.town.until(lambda: "Retenu par" in read_telegram(chat.messages[-1]))


async def test_nobody_else_decides(team: tuple[Talk, telegram_model.Chat]) -> None:
    """In a chat of the team everybody sees the card; for others its buttons are nonsense."""
    talk, _ana = team
    grace = talk.town.telegram.add_user("Grace")
    other = TelegramPerson(talk.app, talk.town, talk.town.group, grace)
    for label in (GO, WITHHOLD):
        reply = await other.presses(label)
        assert reply.texts == ()
        assert "d’une autre version" in reply.toast
    rehearsal = await talk.app.ledger.rehearsals.of("monday", 1207)
    assert (rehearsal.approved, rehearsal.withheld_by) == ("", "")


@pytest.mark.parametrize(
    "argument",
    ["", "monday", "monday 1207", "monday x ffff", "monday -1 ffff", "monday 1207 ffff more", "monday ² ffff"],
)
async def test_forged_data_decides_nothing(argument: str) -> None:
    """Even an admin's client may send anything."""

    async def decide(*_data: object) -> Answer | None:
        pytest.fail("that is no push")

    context = CommandContext.__new__(CommandContext)
    for name, value in {"admins": {PlatformName("telegram"): (41,)}, "decide": decide}.items():
        object.__setattr__(context, name, value)
    pressed = press(f"approve {argument}".strip())
    assert pressed is not None
    request = Request(pressed.argument, Target(PlatformName("telegram"), "41"), Language.ENGLISH, person=41)
    assert await pressed.command.answer(context, request) == outdated(request.words)
    assert pressed.command.name == Instruction.APPROVE
