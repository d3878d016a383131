"""Faults, flood control and the log of the Telegram of the sandbox, seen through the unmodified client library."""

from __future__ import annotations

import asyncio
import datetime as dt
import logging
from http import HTTPStatus
from typing import TYPE_CHECKING

import aiohttp
import httpx
import pytest
from telegram import Bot
from telegram.error import NetworkError, RetryAfter, TelegramError, TimedOut

from bot.sandbox.shared.faults import (
    BAD_GATEWAY,
    MALFORMED,
    Action,
    Call,
    Delay,
    Fault,
    Flood,
    Hook,
    Match,
    Reply,
    Reset,
    Silence,
)
from bot.sandbox.shared.traffic import Wait
from bot.sandbox.telegram.server import TELEGRAM_LIMITS, TelegramStandIn

if TYPE_CHECKING:
    from collections.abc import Callable

    from bot.sandbox.shared.traffic import Request
    from bot.sandbox.telegram.model import Chat

SEND = Match("sendMessage")
IMPATIENT = 0.2
"""Seconds for which the client waits for an answer that never comes."""


class Clock:
    """A monotonic clock that is moved by hand. The times here are sums of halves, which floats hold exactly."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        """The time."""
        return self.now


def _pause(error: RetryAfter) -> float:
    """The pause in seconds."""
    assert isinstance(error.retry_after, dt.timedelta)
    return error.retry_after.total_seconds()


def _last_send(standin: TelegramStandIn) -> Request:
    return standin.traffic.sends[-1]


@pytest.mark.parametrize(
    ("action", "kind", "cause", "answered"),
    [
        (Reply(500, {"ok": False, "error_code": 500, "description": "Internal Server Error"}), NetworkError, None, 500),
        (BAD_GATEWAY, NetworkError, TelegramError, 502),
        (MALFORMED, TelegramError, ValueError, 200),
        (Reset(), NetworkError, httpx.ReadError, None),
        (Silence(), TimedOut, httpx.ReadTimeout, None),
    ],
)
@pytest.mark.parametrize("after", [False, True])
async def test_a_fault_is_seen_as_meant(  # noqa: PLR0917 - fixtures and a table
    standin: TelegramStandIn,
    client: Bot,
    ada: Chat,
    caplog: pytest.LogCaptureFixture,
    action: Action,
    kind: type[TelegramError],
    cause: type[Exception] | None,
    answered: int | None,
    after: bool,
) -> None:
    """The client's error is the one of the real thing, and the message is there exactly if the fault came after it."""
    # The library logs an answer that is no JSON.
    caplog.set_level(logging.CRITICAL, "telegram.request.BaseRequest")
    standin.faults.add(Fault(action, SEND, after=after))
    with pytest.raises(kind) as caught:
        await client.send_message(ada.id, "x", read_timeout=IMPATIENT)
    assert type(caught.value) is kind
    assert cause is None or isinstance(caught.value.__cause__, cause)
    assert [message.text for message in ada.messages] == ["x"] * after
    send = _last_send(standin)
    assert (send.processed, send.answered) == (200 if after else None, answered)
    await client.send_message(ada.id, "y")
    assert standin.faults.pending == ()


async def test_a_slow_answer_is_an_answer(standin: TelegramStandIn, client: Bot, ada: Chat) -> None:
    """If the client is patient enough for it."""
    standin.faults.add(Fault(Delay(0.05), SEND, after=True))
    assert (await client.send_message(ada.id, "x")).text == "x"
    assert len(ada.messages) == 1


async def test_a_fault_chooses_chat_and_words(standin: TelegramStandIn, client: Bot, ada: Chat) -> None:
    """A chat is meant whichever way the request names it; others are left alone."""
    channel = standin.add_channel(username="le_recap")
    standin.faults.add(Fault(Flood(3), Match("send*", channel.id, lambda call: "two" in call.body["text"])))
    await client.send_message(ada.id, "two")
    await client.send_message("@le_recap", "one")
    with pytest.raises(RetryAfter):
        await client.send_message("@le_recap", "two")
    assert [message.text for message in channel.messages] == ["one"]


async def test_a_hook_sees_what_is_under_way(standin: TelegramStandIn, client: Bot, ada: Chat) -> None:
    """Several requests can be held at once and let go together."""
    held: list[Call] = []
    release = asyncio.Event()

    async def hold(call: Call) -> None:
        held.append(call)
        standin.changes.notify()
        await release.wait()

    standin.faults.add(Fault(Hook(hold), SEND, times=2))
    sends = [asyncio.create_task(client.send_message(ada.id, text)) for text in "ab"]
    await standin.wait_for(lambda: len(held) == 2)
    assert ada.messages == []
    release.set()
    await asyncio.gather(*sends)
    assert sorted(message.text for message in ada.messages) == ["a", "b"]


async def test_polling_can_fail_too(standin: TelegramStandIn, client: Bot) -> None:
    """Faults know every method by the name the API gives it."""
    standin.faults.add(Fault(BAD_GATEWAY, Match("getUpdates")))
    with pytest.raises(NetworkError):
        await client.get_updates()
    assert await client.get_updates() == ()


async def test_a_flood_names_its_pause(standin: TelegramStandIn, client: Bot, ada: Chat) -> None:
    """The client learns how long, the log from when to when and for which chat."""
    standin.faults.add(Fault(Flood(3), SEND))
    with pytest.raises(RetryAfter) as caught:
        await client.send_message(ada.id, "x")
    assert _pause(caught.value) == 3
    (wait,) = standin.traffic.waits
    assert wait.chat == str(ada.id)
    assert wait.end - wait.start == pytest.approx(3)
    other = standin.add_private()
    await client.send_message(other.id, "y")
    await client.send_message(ada.id, "z")
    assert [send.body["text"] for send in standin.traffic.sends_in_waits()] == ["z"]


async def test_a_flood_may_hold_everywhere(standin: TelegramStandIn, client: Bot, ada: Chat) -> None:
    """Then a send to anybody is one during the wait."""
    standin.faults.add(Fault(Flood(3, everything=True), SEND))
    with pytest.raises(RetryAfter):
        await client.send_message(ada.id, "x")
    await client.send_message(standin.add_private().id, "y")
    assert [send.body["text"] for send in standin.traffic.sends_in_waits()] == ["y"]


async def test_a_flood_answer_has_telegrams_form(standin: TelegramStandIn, ada: Chat) -> None:
    """Body, parameters and header, with a whole number of seconds."""
    standin.faults.add(Fault(Flood(3.0), SEND))
    url = f"{standin.url}/bot{standin.token}/sendMessage"
    async with (
        aiohttp.ClientSession() as session,
        session.post(url, json={"chat_id": ada.id, "text": "x"}) as response,
    ):
        assert (response.status, response.headers["Retry-After"]) == (HTTPStatus.TOO_MANY_REQUESTS, "3")
        assert await response.text() == (
            '{"ok": false, "error_code": 429, "description": "Too Many Requests: retry after 3", '
            '"parameters": {"retry_after": 3}}'
        )


@pytest.mark.parametrize("kind", ["private", "group", "supergroup", "channel"])
async def test_flood_control_holds_telegrams_limits(kind: str) -> None:
    """One a second to a person, twenty a minute to a group or channel; refused sends are not stored."""
    clock = Clock()
    async with TelegramStandIn(flood_limits=TELEGRAM_LIMITS, monotonic=clock) as standin:
        add: dict[str, Callable[[], Chat]] = {
            "private": standin.add_private,
            "group": standin.add_group,
            "supergroup": standin.add_supergroup,
            "channel": standin.add_channel,
        }
        chat, other = add[kind](), standin.add_private()
        limit = TELEGRAM_LIMITS.of(chat.type)
        async with Bot(standin.token, base_url=f"{standin.url}/bot") as client:
            for _ in range(limit.count):
                await client.send_message(chat.id, "x")
            clock.now += limit.seconds / 2
            with pytest.raises(RetryAfter) as caught:
                await client.send_message(chat.id, "too soon")
            assert _pause(caught.value) == max(1, limit.seconds / 2)
            await client.send_message(other.id, "x")
            clock.now += _pause(caught.value)
            await client.send_message(chat.id, "in time")
    assert [message.text for message in chat.messages] == ["x"] * limit.count + ["in time"]
    assert standin.traffic.sends_in_waits() == []


async def test_flood_control_holds_the_limit_over_all() -> None:
    """Thirty a second; the wait that follows is everybody's, and every send in it is refused and counted."""
    clock = Clock()
    async with TelegramStandIn(flood_limits=TELEGRAM_LIMITS, monotonic=clock) as standin:
        people = [standin.add_private() for _ in range(32)]
        async with Bot(standin.token, base_url=f"{standin.url}/bot") as client:
            for person in people[:30]:
                await client.send_message(person.id, "x")
            for expected in (1, 1):
                with pytest.raises(RetryAfter) as caught:
                    await client.send_message(people[30].id, "x")
                assert _pause(caught.value) == expected
                clock.now += 0.5
            clock.now += 0.5
            await client.send_message(people[31].id, "x")
    assert standin.traffic.waits == [Wait(1000.0, 1001.0)]
    assert [send.at for send in standin.traffic.sends_in_waits()] == [1000.5]
    assert standin.traffic.peak(1.0) == 32
    assert standin.traffic.peak_by_chat(1.0) == {str(person.id): 2 if person is people[30] else 1 for person in people}


async def test_the_log_says_what_became_of_a_request(standin: TelegramStandIn, client: Bot, ada: Chat) -> None:
    """In order of arrival: method, chat, and the status by the rules and as answered."""
    await client.send_message(ada.id, "x")
    with pytest.raises(TelegramError):
        await client.send_message(5, "x")
    standin.faults.add(Fault(Reply(418), SEND))
    with pytest.raises(TelegramError):
        await client.send_message(ada.id, "x")
    log = [(request.route, request.chat, request.processed, request.answered) for request in standin.traffic.requests]
    assert log == [
        ("getMe", "", 200, 200),
        ("sendMessage", str(ada.id), 200, 200),
        ("sendMessage", "5", 400, 400),
        ("sendMessage", str(ada.id), None, 418),
    ]
    times = [request.at for request in standin.traffic.requests]
    assert times == sorted(times)
