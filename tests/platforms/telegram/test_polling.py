"""The stream of updates: each is read on its own, none keeps the next ones out, and none is heard twice."""

from __future__ import annotations

import asyncio
import copy
import datetime as dt
from typing import TYPE_CHECKING, Any
from unittest import mock

import pytest
from telegram.error import RetryAfter
from telegram.ext import ApplicationBuilder

from bot.model.facts import Fact, Rival, Unreadable
from bot.model.subscription import PlatformName, Subscription, Target
from bot.platforms.telegram import polling
from bot.platforms.telegram.client import TelegramPlatform
from bot.platforms.telegram.errors import RivalError
from bot.platforms.telegram.request import ApiSender
from bot.runtime.app import opened
from bot.sandbox.shared.faults import BAD_GATEWAY, Call, Fault, Hook, Match
from bot.sandbox.telegram.model import Status
from tests.conversation import talking
from tests.platforms.telegram import wire
from tests.running import at_work
from tests.world import MONDAY, town

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

    from telegram import Update

    from bot.sandbox.telegram.model import Chat
    from bot.sandbox.telegram.server import TelegramStandIn
    from tests.conversation import Talk

TELEGRAM = PlatformName("telegram")
OTHERS: tuple[object, ...] = (None, 5, "x", [], {}, True)
"""A value of every type: at least five of them are not of a field's own."""


class Heard(list[Unreadable]):
    """What the admins are to know of unreadable updates."""

    async def __call__(self, fact: Fact) -> None:
        """Hear it."""
        if isinstance(fact, Unreadable):
            self.append(fact)


def odd_ones(update: Any, *path: str | int) -> Iterator[tuple[str, Any]]:  # noqa: ANN401 - any JSON
    """The update with each key in turn, at any depth, removed or of another type; and what was done to it."""
    inside = update
    for step in path:
        inside = inside[step]
    for key in inside if isinstance(inside, dict) else range(len(inside)):
        where = ".".join(map(str, (*path, key)))
        for what in ("removed", *OTHERS):
            changed = copy.deepcopy(update)
            holder = changed
            for step in path:
                holder = holder[step]
            if what == "removed":
                del holder[key]
            elif what == inside[key] or type(what) is type(inside[key]):
                continue
            else:
                holder[key] = what
            yield f"{where}: {what}", changed
        if isinstance(inside[key], dict | list):
            yield from odd_ones(update, *path, key)


def kinds(telegram: TelegramStandIn) -> dict[str, Any]:
    """One update of every kind that the bot asks for, as Telegram sends it."""
    anna, club, channel = telegram.add_private(name="Anna"), telegram.add_group("Club"), telegram.add_channel("La une")
    queue = telegram.updates
    before = len(queue.pending)
    telegram.say(anna, anna.person, "/topics")
    telegram.post(channel, "/topics")
    telegram.inquire(anna.person, "tiktok")
    telegram.call(club, anna.person, "@recap_bot tiktok")
    telegram.set_member(club, telegram.bot, Status.ADMINISTRATOR)
    message = telegram.record(copy.copy(next(iter(anna.history.values()))))
    message.by_bot, message.reply_markup = True, {"inline_keyboard": [[{"text": "Aide", "callback_data": "help"}]]}
    telegram.press(message, "Aide")
    made = {next(key for key in each if key != "update_id"): each for each in queue.pending[before:]}
    assert set(made) == set(polling.KINDS)
    return made


@pytest.fixture
async def quick(tmp_path: Path) -> AsyncIterator[Talk]:
    """The running bot, with a rate that makes nobody wait."""
    async with town() as place, talking(place, tmp_path) as talk:
        talk.app.connections[PlatformName("telegram")].pacer.change_rate(1000)
        yield talk


async def answered(telegram: TelegramStandIn, chat: Chat, within: float = 30.0) -> None:
    """Wait until the bot has said something in the chat."""
    await telegram.wait_for(lambda: any(message.by_bot for message in chat.messages), within)


def asking(telegram: TelegramStandIn, name: str = "Ada") -> Chat:
    """Somebody new who has just asked for help."""
    chat = telegram.add_private(name=name)
    telegram.say(chat, chat.person, "/help")
    return chat


async def test_an_update_that_cannot_be_read_keeps_no_later_one_out(quick: Talk) -> None:
    """Whatever is missing in it, or of another type: the `/help` behind it is answered, and Telegram may forget both.

    There is one behind each ten of them. The admins hear of each kind once, and no subscription ends.
    """
    telegram, heard = quick.town.telegram, Heard()
    quick.app.connections[TELEGRAM].platform.tell = heard
    for kind, model in kinds(telegram).items():
        place = model[kind].get("chat", {"id": 1})["id"]
        await quick.app.ledger.subscriptions.save(Subscription(Target(TELEGRAM, str(place)), "monday"))
        before = await quick.app.ledger.subscriptions.all()
        people = []
        for number, (what, update) in enumerate(odd_ones(model)):
            if update.get("update_id") == model["update_id"]:
                update["update_id"] = telegram.updates.next_id
            telegram.updates.push_as_is(update)
            if number % 10 == 0:
                people.append(asking(telegram, what))
        people.append(asking(telegram))
        for chat in people:
            await answered(telegram, chat)
        await quick.on_telegram().settled()
        assert [fact.kind for fact in heard if fact.kind != "update"] == [kind]
        assert await quick.app.ledger.subscriptions.all() == before, kind
        heard.clear()


@pytest.mark.parametrize("odd", ["[" * 50_000 + "]" * 50_000, "1" * 5000], ids=["deep", "long"])
async def test_an_answer_that_python_cannot_read_is_skipped_too(odd: str) -> None:
    """One update is deeper than the parser goes, or has a longer number: the bot hears those around it."""
    said = '{"message_id":1,"date":1,"chat":{"id":7,"type":"private"}}'
    updates = dict.fromkeys((11, 12, 14, 15), said) | {13: odd}
    heard: list[int] = []
    everything = asyncio.Event()

    async def answer(writer: asyncio.StreamWriter) -> None:
        asked = {"offset": 0, "limit": 0} | server.received[-1].values
        numbers = sorted(number for number in updates if number >= asked["offset"])[: asked["limit"]]
        listed = ",".join(f'{{"update_id":{number},"message":{updates[number]}}}' for number in numbers)
        if not numbers and asked["offset"] > 15:
            everything.set()
            await wire.waiting(writer)
        await wire.answering("200 OK", f'{{"ok":true,"result":[{listed}]}}'.encode())(writer)

    async def hear(update: Update) -> None:
        heard.append(update.update_id)

    async with wire.listening(answer) as server:
        requests = ApiSender(server.url, 1, read_timeout=5.0)
        application = ApplicationBuilder().token(wire.TOKEN).job_queue(None).build()
        with mock.patch.object(application, "process_update", hear):
            stream = polling.Polling(requests, application, tell=(told := Heard()), on_heard=lambda _reason: None)
            run = asyncio.create_task(stream.run())
            await asyncio.wait_for(everything.wait(), 10)
            run.cancel()
        await requests.close()
    assert heard == [11, 12, 14, 15]
    # Behind the one at fault, the answers are whole again.
    assert server.received[-1].values["limit"] == polling.BATCH
    assert [fact.kind for fact in told] == ["update"]


async def test_a_pause_that_telegram_asks_a_poll_for_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """However long beside the bot's own pauses."""
    requests = mock.Mock(fetch=mock.AsyncMock(side_effect=RetryAfter(dt.timedelta(seconds=300))))
    stream = polling.Polling(requests, mock.Mock(), tell=Heard(), on_heard=lambda _reason: None)
    monkeypatch.setattr(asyncio, "sleep", sleep := mock.AsyncMock(side_effect=asyncio.CancelledError))
    with pytest.raises(asyncio.CancelledError):
        await stream.run()
    sleep.assert_awaited_once_with(300)


async def test_another_program_is_one_whose_polls_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """A single try of somebody ends one poll, today as well as another day; two in a row are told of."""
    now, tell = [1000.0], mock.AsyncMock()
    monkeypatch.setattr(polling, "time", mock.Mock(monotonic=lambda: now[0]))
    stream = polling.Polling(mock.Mock(), mock.Mock(), tell=tell, on_heard=lambda _reason: None)
    for passed, is_rival in ((0.0, False), (polling.QUIET + 1, False), (1.0, True)):
        now[0] += passed
        await stream._after_failure(RivalError("terminated by other getUpdates request"))
        assert stream.has_rival is is_rival
    tell.assert_awaited_once_with(Rival(TELEGRAM))
    now[0] += polling.QUIET + 1
    assert not stream.has_rival


async def test_updates_without_numbers_are_no_reason_to_ask_without_a_break(quick: Talk) -> None:
    """They come again with every poll: the bot polls less and less often, and hears the next update behind them."""
    telegram = quick.town.telegram
    for _ in range(3):
        telegram.updates.push_as_is({"message": {}})
    await asyncio.sleep(0.5)
    polls = len([request for request in telegram.traffic.requests if request.route == "getUpdates"])
    assert polls < 6
    await answered(telegram, asking(telegram))
    await quick.on_telegram().settled()
    assert telegram.updates.pending == []


async def test_no_more_updates_are_handled_at_once_than_memory_allows(
    quick: Talk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The others wait at Telegram, which keeps them, and have their turn."""
    telegram = quick.town.telegram
    platform = quick.app.connections[TELEGRAM].platform
    assert isinstance(platform, TelegramPlatform)
    monkeypatch.setattr(platform.polling, "_room", asyncio.Semaphore(5))
    held, go_on = [], asyncio.Event()

    async def hold(call: Call) -> None:
        held.append(call)
        telegram.changes.notify()
        await go_on.wait()

    telegram.faults.add(Fault(Hook(hold), Match("answerInlineQuery"), times=None))
    inquiries = [telegram.inquire(telegram.add_user(), "zzzz") for _ in range(120)]
    await telegram.wait_for(lambda: len(held) == 5)
    assert len(platform.polling.underway) == 5
    assert len(telegram.updates.pending) == 120
    go_on.set()
    await telegram.wait_for(lambda: all(inquiry.answer for inquiry in inquiries), 30)


async def test_a_push_goes_on_while_nothing_can_be_received(tmp_path: Path) -> None:
    """Sending does not depend on receiving: from the start on, each poll is answered by a page of a proxy."""
    async with town() as place:
        place.telegram.faults.add(Fault(BAD_GATEWAY, Match("getUpdates"), times=None))
        place.telegram.faults.add(Fault(BAD_GATEWAY, Match("deleteWebhook"), times=None))
        async with opened(place.config(tmp_path), lambda: MONDAY) as app, at_work(app):
            await place.telegram.wait_for(lambda: place.pushed()["private"], 30)
            assert not place.telegram.updates.polled
