"""More questions than can be answered: none is answered twice, and beyond the line's end no message leaves."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

import pytest

from bot.sandbox.shared.faults import Call, Fault, Hook, Match
from tests.waiting import PATIENCE

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from tests.conversation import Talk, TelegramPerson


@contextlib.asynccontextmanager
async def holding(talk: Talk, chat: int) -> AsyncIterator[Callable[[], None]]:
    """Keep back the messages to a chat from the first one on; what is yielded lets them go."""
    go_on, held = asyncio.Event(), asyncio.Event()

    async def hold(_call: Call) -> None:
        held.set()
        await go_on.wait()

    talk.town.telegram.faults.add(Fault(Hook(hold), Match("sendMessage", chat), times=None))
    talk.town.telegram.say(talk.town.telegram.chats[chat], talk.town.telegram.chats[chat].person, "/latest")
    async with asyncio.timeout(PATIENCE):
        await held.wait()
    yield go_on.set
    go_on.set()


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """A line with one place."""
    monkeypatch.setattr("bot.delivery.sending.LONGEST_LINE", 1)


async def test_a_question_asked_again_before_its_answer_is_answered_once(talk: Talk, anna: TelegramPerson) -> None:
    """Five times the same command, and two presses of one button: one answer each, and no press stays open."""
    telegram = talk.town.telegram
    await anna.says("/help")
    async with holding(talk, anna.chat.id) as go_on:
        for _ in range(4):
            telegram.say(anna.chat, anna.chat.person, "/latest")
        presses = [telegram.press(anna.seen()[0], "Lire le dernier épisode") for _ in range(2)]
        await telegram.wait_for(lambda: presses[1].answer is not None)
        assert [press.answer is not None for press in presses] == [False, True]
        go_on()
        await anna.settled()
    assert all(press.answer is not None for press in presses)
    assert len([message for message in anna.seen() if "épisode 1207" in message.text]) == 2 * parts(anna)


def parts(person: TelegramPerson) -> int:
    """Return the number of messages that the newest episode takes."""
    return len({message.text for message in person.seen() if "épisode 1207" in message.text})


async def test_beyond_the_end_of_the_line_only_what_costs_nothing_is_said(
    talk: Talk, anna: TelegramPerson, short: None
) -> None:
    """A message would cost the very rate that is missing; a press is answered with a word over the chat."""
    del short
    telegram = talk.town.telegram
    ben = talk.on_telegram()
    await ben.says("/help")
    async with holding(talk, anna.chat.id) as go_on:
        telegram.say(ben.chat, ben.chat.person, "/topics")
        press = telegram.press(ben.seen()[0], "Lire le dernier épisode")
        await telegram.wait_for(lambda: press.answer is not None)
        assert press.answer is not None
        assert press.answer["text"].startswith("Trop de monde")
        go_on()
        await anna.settled()
    assert len(ben.seen()) == 1
    assert "tiktok" in (await ben.says("/topics")).text
