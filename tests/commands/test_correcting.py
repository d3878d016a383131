"""The card of a file that has changed since its push, and what its buttons do, on both platforms."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio
import time_machine

from bot.commands import press
from bot.commands.request import Answer, CommandContext, Request, outdated
from bot.model.i18n import Language
from bot.model.subscription import PlatformName, Target
from bot.runtime.app import opened
from tests.conversation import DiscordPerson, Talk, read_discord
from tests.running import at_work
from tests.world import MONDAY, read_telegram, town

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from bot.sandbox.telegram import model as telegram_model

KEYS = '[[schedules]]\nname = "monday"\ncron = "0 8 * * mon"\n'
EPISODE = "---\nnumber: 1207\ntitle: Le lundi\ndate: 2024-11-04\n---\n\n## Netflix\n\n{text}\n"
CORRECT, RECALL, SURE = "Corriger partout", "Retirer", "Oui, le retirer"
WRONG, RIGHT = "Netflix a dix abonnés.", "Netflix a douze abonnés."


@pytest_asyncio.fixture(loop_scope="module")
async def team(tmp_path: Path) -> AsyncIterator[tuple[Talk, telegram_model.Chat, DiscordPerson]]:
    """The running bot of a team of two after a push with a mistake, which the author has mended; Ana, and Ben."""
    (tmp_path / "content").mkdir()
    (tmp_path / "content" / "1207.md").write_text(EPISODE.format(text=WRONG), encoding="utf-8")
    with time_machine.travel(MONDAY + dt.timedelta(minutes=1), tick=True):
        async with town() as place:
            ana = place.telegram.add_private(name="Ana")
            config = place.config(tmp_path, content=tmp_path / "content", admin=ana, more=KEYS)
            async with opened(config) as app, at_work(app):
                direct = place.discord.direct(place.manager)
                await place.until(lambda: all("envoyé" in str(chat.messages) for chat in (ana, direct)))
                (tmp_path / "content" / "1207.md").write_text(EPISODE.format(text=RIGHT), encoding="utf-8")
                await app.tick()
                await place.until(lambda: all(CORRECT in str(chat.messages[-1:]) for chat in (ana, direct)))
                yield Talk(app, place), ana, DiscordPerson(app, place, direct, place.manager)


async def test_the_team_corrects_and_recalls_from_its_phones(
    team: tuple[Talk, telegram_model.Chat, DiscordPerson],
) -> None:
    """One press corrects everywhere; a recall asks first. Both admins hear when it is done."""
    talk, chat, ben = team
    ana, place = talk.on_telegram(chat), talk.town
    report, card = next(each for each in chat.messages if "envoyé" in each.text), chat.messages[-1]
    assert [each["text"] for each in report.buttons] == [RECALL]
    assert report.buttons[0] == card.buttons[-1]
    assert all(said in card.text for said in ("Netflix a dix abonnés", " → ", "Netflix a douze abonnés"))
    assert "4 messages, 4 endroits" in card.text

    reply = await ana.presses(CORRECT)
    assert reply.replaced
    assert "correction en cours" in reply.text
    await place.until(lambda: all("corrigé partout" in str(each) for each in (chat.messages, ben.channel.messages)))
    assert all(RIGHT in "".join(texts) and WRONG not in "".join(texts) for texts in place.pushed().values())

    question = await ben.presses(RECALL)
    assert question.replaced
    assert "Retirer l’épisode 1207 partout ?" in question.text
    assert question.buttons[0] == SURE
    assert "retrait en cours" in (await ben.presses(SURE)).text
    await place.until(lambda: all(": retiré" in str(each) for each in (chat.messages, ben.channel.messages)))
    assert not any(RIGHT in read_discord(each.components) for each in (*place.text.messages, *place.news.messages))
    assert all(each.deleted for each in place.private.messages if RIGHT in read_telegram(each))
    # A button from before says why there is nothing to do any more.
    for data in ("recall 1207", "recall 1207 yes", "correct 1207 ffff"):
        report.reply_markup = {"inline_keyboard": [[{"text": "?", "callback_data": data}]]}
        assert "Rien de l’épisode 1207 ne peut être modifié" in (await ana.presses_on(report, "?")).text


@pytest.mark.parametrize(
    "data",
    [
        "correct",
        "correct 1207",
        "correct x ffff",
        "correct 1207 ffff more",
        "recall",
        "recall x",
        "recall 1207 no",
        "correct 99999999999999999999 ffff",
        "recall 99999999999999999999",
    ],
)
@pytest.mark.parametrize("person", [41, 42])
async def test_forged_data_changes_nothing(data: str, person: int) -> None:
    """Even an admin's client may send anything."""
    await _is_nonsense(data, person)


@pytest.mark.parametrize("data", ["correct 1207 ffff", "recall 1207", "recall 1207 yes"])
async def test_nobody_else_presses_a_button(data: str) -> None:
    """In a chat of the team everybody sees a card that an admin forwards; the person counts, not the place."""
    await _is_nonsense(data, 42)


async def _is_nonsense(data: str, person: int) -> None:

    async def change(*_data: object) -> Answer | None:
        pytest.fail("that is no episode")

    context = CommandContext.__new__(CommandContext)
    for name, value in {"admins": {PlatformName("telegram"): (41,)}, "correct": change, "recall": change}.items():
        object.__setattr__(context, name, value)
    pressed = press(data)
    assert pressed is not None
    request = Request(pressed.argument, Target(PlatformName("telegram"), "41"), Language.ENGLISH, person=person)
    assert await pressed.command.answer(context, request) == outdated(request.words)
