"""Answers on Telegram whatever goes wrong on the way: whole, in order, and as soon as the platform takes them."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio

from bot.sandbox.shared.faults import BAD_GATEWAY, Action, Fault, Flood, Match, Reply, Reset
from tests.commands.conftest import tuesday
from tests.conversation import talking
from tests.world import town

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    import time_machine

    from tests.conversation import Talk, TelegramPerson

TROUBLE: dict[str, Action] = {
    "429": Flood(1),
    "500": Reply(500, {"ok": False, "error_code": 500, "description": "Internal Server Error"}),
    "502": BAD_GATEWAY,
    "reset": Reset(),
}
REFUSAL = Reply(400, {"ok": False, "error_code": 400, "description": "Bad Request: not in this place"})
LONG = "Un mot après l’autre, et encore un. " * 60


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def wordy(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Talk]:
    """The running bot, whose only episode takes three messages."""
    folder = tmp_path_factory.mktemp("wordy")
    (content := folder / "content").mkdir()
    subjects = "".join(f"## Sujet {number}\n\n#tiktok\n\n{LONG}\n\n" for number in range(1, 4))
    (content / "1.md").write_text(f"---\nnumber: 1\ntitle: Un\ndate: 2024-11-04\n---\n\n{subjects}", "utf-8")
    with tuesday():
        async with town() as place, talking(place, folder, content=content) as started:
            yield started


@pytest.mark.parametrize("skip", [0, 1])
async def test_an_answer_comes_whole_and_once(wordy: Talk, skip: int) -> None:
    """One failure, at its first part or at a further one, and everything is there in its order."""
    expected = (await wordy.on_telegram().says("/latest")).texts
    assert len(expected) == 3
    for trouble in TROUBLE.values():
        wordy.town.telegram.faults.add(Fault(trouble, Match("sendMessage"), skip=skip))
        assert (await wordy.on_telegram().says("/latest")).texts == expected
        assert wordy.town.telegram.faults.pending == ()


async def test_hasty_commands_do_not_mix(wordy: Talk) -> None:
    """Three answers to one chat come one after the other, although a part of the first has to be sent again."""
    anna = wordy.on_telegram()
    telegram = wordy.town.telegram
    telegram.faults.add(Fault(TROUBLE["500"], Match("sendMessage"), skip=1))
    # Three ways to ask for the same episode, because the same question would be answered once.
    for question in ("/latest", "/episode 1", "1"):
        telegram.say(anna.chat, anna.chat.person, question)
    await anna.settled()
    texts = [message.text for message in anna.seen()]
    assert texts == texts[:3] * 3
    assert len(set(texts)) == 3


async def test_twenty_people_who_ask_during_a_pause_are_answered_after_it(talk: Talk) -> None:
    """Telegram asks for three seconds: nothing is sent into them, and nobody is forgotten."""
    telegram = talk.town.telegram
    telegram.faults.add(Fault(Flood(3, everything=True), Match("sendMessage")))
    people = [talk.on_telegram() for _ in range(21)]
    first, *others = people
    telegram.say(first.chat, first.chat.person, "/topics")
    await telegram.wait_for(lambda: telegram.traffic.waits)
    for person in others:
        telegram.say(person.chat, person.chat.person, "/topics")
    await first.settled()
    assert [len(person.seen()) for person in people] == [1] * 21
    (wait,) = telegram.traffic.waits
    assert [send for send in telegram.traffic.sends if wait.start < send.at < wait.end] == []


async def test_a_press_during_a_pause_is_acknowledged_after_it(talk: Talk, anna: TelegramPerson) -> None:
    """That is no message, and a request all the same."""
    telegram = talk.town.telegram
    await anna.says("/topics")
    telegram.faults.add(Fault(Flood(1, everything=True), Match("sendMessage")))
    press = telegram.press(anna.seen()[0], "#tiktok")
    await telegram.wait_for(lambda: press.answer is not None)
    (wait,) = telegram.traffic.waits
    acknowledged = [request.at for request in telegram.traffic.requests if request.route == "answerCallbackQuery"]
    assert [at for at in acknowledged if wait.start < at < wait.end] == []
    assert len(anna.seen()) == 2


@pytest.mark.parametrize("trouble", TROUBLE)
async def test_an_edit_that_fails_is_tried_again(talk: Talk, anna: TelegramPerson, trouble: str) -> None:
    """The panel stands where it stood."""
    await anna.says("/topic tiktok")
    talk.town.telegram.faults.add(Fault(TROUBLE[trouble], Match("editMessageText")))
    reply = await anna.presses("Plus anciens ▶")
    assert (reply.replaced, "page 2" in reply.text, len(anna.seen())) == (True, True, 1)


async def test_a_panel_that_cannot_be_edited_is_sent(talk: Talk, anna: TelegramPerson) -> None:
    """Its new state is a message of its own."""
    await anna.says("/topic tiktok")
    talk.town.telegram.faults.add(Fault(REFUSAL, Match("editMessageText"), times=None))
    reply = await anna.presses("Plus anciens ▶")
    assert (reply.replaced, "page 2" in reply.text, len(anna.seen())) == (False, True, 2)


@pytest.mark.parametrize("trouble", TROUBLE)
async def test_an_acknowledgement_that_fails_is_tried_again(talk: Talk, anna: TelegramPerson, trouble: str) -> None:
    """The button stops turning, and the answer comes once."""
    await anna.says("/topics")
    talk.town.telegram.faults.add(Fault(TROUBLE[trouble], Match("answerCallbackQuery")))
    press = talk.town.telegram.press(anna.seen()[0], "#tiktok")
    await talk.town.telegram.wait_for(lambda: press.answer is not None)
    assert len(anna.seen()) == 2


async def test_inline_results_that_fail_are_offered_again(talk: Talk) -> None:
    """Nobody types on who has typed everything."""
    telegram = talk.town.telegram
    telegram.faults.add(Fault(BAD_GATEWAY, Match("answerInlineQuery")))
    inquiry = telegram.inquire(telegram.add_user("Anna"), "tiktok")
    await telegram.wait_for(lambda: inquiry.answer)


async def test_an_answer_that_cannot_be_given_is_excused(
    talk: Talk, anna: TelegramPerson, caplog: pytest.LogCaptureFixture
) -> None:
    """In one message, or over the chat where a button was pressed; the log says why, and not what was asked."""
    telegram = talk.town.telegram
    telegram.faults.add(Fault(REFUSAL, Match("sendMessage")))
    reply = await anna.says("/search mon secret")
    assert len(reply.texts) == 1
    assert "quelque chose s’est mal passé" in reply.text
    assert "not in this place" in caplog.text
    await anna.says("/topics")
    telegram.faults.add(Fault(REFUSAL, Match("sendMessage")))
    reply = await anna.presses("#tiktok")
    assert (reply.texts, "quelque chose s’est mal passé" in reply.toast) == ((), True)
    assert "secret" not in caplog.text


@pytest.mark.parametrize(
    ("status", "description"),
    [
        (403, "Forbidden: bot was blocked by the user"),
        (400, "Bad Request: chat not found"),
        (400, "Bad Request: not enough rights to send text messages to the chat"),
    ],
)
async def test_nothing_is_said_where_nothing_can_be_said(
    talk: Talk, anna: TelegramPerson, status: int, description: str
) -> None:
    """To those who are gone, or where the bot may not write, an excuse would be refused too."""
    telegram = talk.town.telegram
    refusal = Reply(status, {"ok": False, "error_code": status, "description": description})
    telegram.faults.add(Fault(refusal, Match("sendMessage"), times=None))
    before = len(telegram.traffic.sends)
    await anna.says("/topics")
    assert len(telegram.traffic.sends) - before == 1


async def test_a_pause_asked_at_login_is_kept(clock: time_machine.Traveller, tmp_path: Path) -> None:
    """The bot comes back when Telegram has said, and not before."""
    del clock
    async with town() as place:
        place.telegram.faults.add(Fault(Flood(4), Match("getMe")))
        async with talking(place, tmp_path) as talk:
            assert "Thèmes" in (await talk.on_telegram().says("/topics")).text
        logins = [request.at for request in place.telegram.traffic.requests if request.route == "getMe"]
        assert logins[1] - logins[0] >= 4.0


async def test_the_bot_does_not_stay_for_answers_that_cannot_be_given(
    clock: time_machine.Traveller, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Told to stop, it leaves those that are tried again and again, and closes everything in time."""
    del clock
    async with town() as place:
        async with talking(place, tmp_path) as talk:
            anna = talk.on_telegram()
            place.telegram.faults.add(Fault(TROUBLE["500"], Match("sendMessage"), times=None))
            place.telegram.say(anna.chat, anna.chat.person, "/topics")
            await place.telegram.wait_for(lambda: place.telegram.traffic.sends)
            began = time.monotonic()
        assert time.monotonic() - began < 6
    assert "did not close in time" not in caplog.text


async def test_an_answer_whose_preview_cannot_be_fetched_comes_without_it(talk: Talk, anna: TelegramPerson) -> None:
    """Telegram could not open the page of the first source: the person reads the rest all the same."""
    words = {"ok": False, "error_code": 400, "description": "Bad Request: WEBPAGE_CURL_FAILED"}
    has_preview = Match("sendMessage", where=lambda call: "url" in call.body.get("link_preview_options", {}))
    talk.town.telegram.faults.add(Fault(Reply(400, words), has_preview, times=None))
    assert "quelque chose s’est mal passé" not in (await anna.says("/latest")).text
    assert talk.town.telegram.traffic.sends[-1].body["link_preview_options"] == {"is_disabled": True}
