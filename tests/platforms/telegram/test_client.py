"""The way to Telegram: what a push sends, what the answers mean, and what it must never let out."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import ssl
import traceback
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from bot.commands import AnswerFile
from bot.model.rendering import Message, Upload, joined
from bot.model.subscription import Choices, PlatformName, Target
from bot.platforms import base
from bot.platforms.base import Post, UnauthorisedError
from bot.platforms.telegram.client import TelegramPlatform
from bot.platforms.telegram.request import CERTIFICATES
from bot.platforms.telegram.row import GROUP, PRIVATE, ROW
from bot.platforms.telegram.section import Telegram
from bot.sandbox.shared.faults import Fault, Flood, Match
from bot.sandbox.telegram.model import ADMIN_RIGHTS, Chat, Status
from bot.sandbox.telegram.server import TelegramStandIn
from tests import clients
from tests.platforms.telegram import wire
from tests.waiting import Unending

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from bot.platforms.base import ChatLimit
    from bot.sandbox.shared.traffic import Request

TOKEN = f"1234567:{'loopback' * 5}"
ME = b'{"ok":true,"result":{"id":1234567,"is_bot":true,"first_name":"R","username":"recap_bot"}}'
SENT = wire.answering("200 OK", b'{"ok":true,"result":{"message_id":77,"date":1,"chat":{"id":5,"type":"private"}}}')
MESSAGE = Message({"text": "Été", "entities": [{"type": "bold", "offset": 0, "length": 3}]}, 3, 4096)


@contextlib.asynccontextmanager
async def connected(server: wire.Wire, **chosen: Any) -> AsyncIterator[TelegramPlatform]:  # noqa: ANN401 - settings
    """A platform that has said hello to the server, with these settings."""
    answer, server.answer = server.answer, wire.answering("200 OK", ME)
    config = Telegram(token=SecretStr(TOKEN), api_url=f"http://{wire.HOST}:{server.port}", **chosen)
    platform = TelegramPlatform(config)
    async with clients.connected(platform):
        server.answer = answer
        server.received.clear()
        yield platform


def post(chat: str = "5", thread: int = 0, message: Message = MESSAGE) -> Post:
    """A message on its way."""
    return Post(Target(PlatformName("telegram"), chat, thread), "Le récap", message, "nonce")


def test_both_ways_to_telegram_share_the_certificates(monkeypatch: pytest.MonkeyPatch) -> None:
    """The library's requests take those that aiohttp has read, because reading them again costs time and memory."""
    monkeypatch.delattr(ssl, "create_default_context")
    TelegramPlatform(Telegram(token=SecretStr(TOKEN)))
    assert CERTIFICATES is aiohttp.connector._SSL_CONTEXT_VERIFIED
    assert CERTIFICATES.verify_mode is ssl.CERT_REQUIRED


@pytest.mark.parametrize(
    ("chat", "thread", "address"),
    [
        ("5", 0, {"chat_id": 5}),
        ("-1001234567890", 7, {"chat_id": -1001234567890, "message_thread_id": 7}),
        ("@example", 0, {"chat_id": "@example"}),
    ],
)
async def test_a_message_goes_to_its_chat_and_topic(chat: str, thread: int, address: dict[str, Any]) -> None:
    """With everything that its rendering says; the platform's id of it comes back."""
    async with wire.listening(SENT) as server, connected(server) as platform:
        assert await platform.send(post(chat, thread)) == "77"
    assert server.received[0].path == f"/bot{TOKEN}/sendMessage"
    assert server.received[0].values == {**MESSAGE.body, **address}


async def test_a_file_goes_to_its_chat_and_topic_too() -> None:
    """A private chat may have topics: the draft comes where the notes were sent."""
    document = b'{"ok":true,"result":{"message_id":78,"document":{"file_id":"f"}}}'
    async with wire.listening(wire.answering("200 OK", document)) as server, connected(server) as platform:
        assert await platform.send_file(post(thread=7), AnswerFile("1208.md", b"---")) == "78"
    assert b'name="message_thread_id"\r\n\r\n7\r\n' in server.received[0].body


async def test_every_message_of_a_paid_push_is_paid_for() -> None:
    """A recording too: unpaid, it would count among the thirty that are free in a second. An edit costs nothing."""
    recording = Message({"title": "Épisode"}, 0, 0, upload=Upload("a.mp3", "key"))
    async with wire.listening(SENT) as server, connected(server, allow_paid_broadcast=True, rate=500) as platform:
        await platform.send(post())
        await platform.send(post(message=recording)._replace(file_id="file"))
        await platform.edit(post().target, "77", MESSAGE)
    paid = [each.values.get("allow_paid_broadcast") for each in server.received]
    assert paid == [True, True, None]


@given(
    st.dictionaries(st.text(), st.integers() | st.text(), min_size=1, max_size=2),
    st.dictionaries(st.text(), st.booleans() | st.text() | st.lists(st.text(), max_size=2), min_size=1, max_size=3),
)
def test_ids_are_added_to_any_prepared_body(ids: dict[str, Any], fields: dict[str, Any]) -> None:
    """What comes of it is JSON that says both, whatever either says."""
    assert json.loads(joined(ids, json.dumps(fields).encode())) == ids | fields


async def test_each_message_is_sent_as_itself() -> None:
    """Equal ones, different ones, the same one again: what is prepared for one is never sent for another."""
    messages = [Message({"text": str(number)}, 1, 4096) for number in (*range(600), 0, 1)]
    async with wire.listening(SENT) as server, connected(server) as platform:
        for message in (*messages, *messages[:3]):
            await platform.send(post(message=message))
        # Short-lived messages, whose places in memory are used again.
        for number in range(50):
            await platform.send(post(message=Message({"text": f"short-lived {number}"}, 1, 4096)))
    texts = [each.values["text"] for each in server.received]
    assert texts[:605] == [str(number) for number in (*range(600), 0, 1, 0, 1, 2)]
    assert texts[605:] == [f"short-lived {number}" for number in range(50)]


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        ("429 Too Many Requests", b'{"ok":false,"parameters":{"retry_after":17}}', base.FloodError),
        ("403 Forbidden", b'{"ok":false,"description":"Forbidden: bot was blocked by the user"}', base.TargetGoneError),
        ("400 Bad Request", b'{"ok":false,"parameters":{"migrate_to_chat_id":-1009}}', base.TargetMovedError),
        ("400 Bad Request", b'{"ok":false,"description":"Bad Request: chat not found"}', base.TargetNotFoundError),
        ("400 Bad Request", b'{"ok":false,"description":"Bad Request: message is too long"}', base.ContentError),
        ("401 Unauthorized", b'{"ok":false,"description":"Unauthorized"}', base.UnauthorisedError),
        ("404 Not Found", b'{"ok":false,"description":"Not Found"}', base.UnauthorisedError),
        ("500 Internal Server Error", b'{"ok":false,"description":"Internal"}', base.UnknownOutcomeError),
        ("502 Bad Gateway", b"<html><h1>502 Bad Gateway</h1></html>" * 99, base.ForeignResultError),
        ("200 OK", b"{", base.ForeignResultError),
        ("403 Forbidden", b"<html>Blocked: kicked</html>", base.ForeignRefusalError),
        ("404 Not Found", b"<html>404</html>", base.ForeignRefusalError),
    ],
)
async def test_what_telegram_answers_to_a_push_keeps_its_meaning(
    status: str, body: bytes, kind: type[base.SendError]
) -> None:
    """The short way that a push takes tells every refusal from every other, in few words."""
    async with wire.listening(wire.answering(status, body)) as server, connected(server) as platform:
        with pytest.raises(base.SendError) as refused:
            await platform.send(post())
    assert type(refused.value) is kind
    assert len(str(refused.value)) < 200
    assert refused.value.retry_after == (17 if kind is base.FloodError else 0)
    assert getattr(refused.value, "chat", "-1009") == "-1009"


@pytest.mark.parametrize(
    ("status", "wait", "header", "seconds"),
    [
        *((429, wait, None, 60.0) for wait in ('"soon"', "-1", "NaN", "Infinity", "1e20", "[1]", "{}")),
        (429, '"5"', None, 5.0),
        (429, "0.5", "9", 0.5),
        (429, None, "9", 9.0),
        (500, None, "9", 9.0),
        # No wait helps against this one.
        (403, None, "9", 0.0),
    ],
)
async def test_the_pause_that_telegram_asks_for_is_kept_in_any_form(
    status: int, wait: str | None, header: str | None, seconds: float
) -> None:
    """A pause that nobody can keep is one of a minute, and no message comes to grief by it."""
    parameters = "" if wait is None else f',"parameters":{{"retry_after":{wait}}}'
    answer = wire.answering(
        f"{status} Odd", f'{{"ok":false{parameters}}}'.encode(), *([f"Retry-After: {header}"] if header else [])
    )
    async with wire.listening(answer) as server, connected(server) as platform:
        with pytest.raises(base.SendError) as refused:
            await platform.send(post())
    kinds = {429: base.FloodError, 500: base.UnknownOutcomeError, 403: base.RefusedError}
    assert type(refused.value) is kinds[status]
    assert str(refused.value) == ("Telegram asks for a pause" if status == 429 else f"{status} without a reason")
    assert refused.value.retry_after == seconds


async def test_a_refusal_that_breaks_off_is_one_all_the_same() -> None:
    """Its first line said so: the message did not arrive, and the pause is kept."""
    cut = wire.saying(b"HTTP/1.1 429 Too Many\r\nRetry-After: 9\r\nContent-Length: 500\r\n\r\n{")
    async with wire.listening(cut) as server, connected(server) as platform:
        with pytest.raises(base.FloodError) as refused:
            await platform.send(post())
    assert refused.value.retry_after == 9.0


async def test_a_push_leaves_by_its_own_leave() -> None:
    """Withdrawn in that moment, it is known not to have been sent; neither is one that nobody listens for."""
    async with wire.listening(SENT) as server, connected(server) as platform:
        with pytest.raises(base.NotSentError):
            await platform.send(post()._replace(leave=lambda: False))
    assert server.received == []
    platform = TelegramPlatform(Telegram(token=SecretStr(TOKEN), api_url=f"http://{wire.HOST}:{wire.closed_port()}"))
    for failing in (platform.send(post()), platform.connect()):
        with pytest.raises(base.NotSentError, match="no connection to Telegram"):
            await failing
    await platform.close()


async def test_a_push_whose_answer_is_lost_may_have_arrived() -> None:
    """Nobody knows, and the next one goes its way."""
    async with wire.listening(wire.resetting) as server, connected(server) as platform:
        with pytest.raises(base.UnknownOutcomeError):
            await platform.send(post())
        server.answer = SENT
        assert await platform.send(post()) == "77"


@pytest.mark.parametrize(
    ("status", "description", "replaced"),
    [
        ("200 OK", "", True),
        ("400 Bad Request", "Bad Request: message is not modified: it is the same", True),
        ("400 Bad Request", "Bad Request: message to edit not found", False),
        ("400 Bad Request", "Bad Request: message can't be edited", False),
    ],
)
async def test_a_message_is_replaced_where_it_can_be(status: str, description: str, *, replaced: bool) -> None:
    """With everything that its rendering says but the ringing, which only a new message has."""
    answer = json.dumps({"ok": not description, "result": True, "description": description}).encode()
    message = Message({**MESSAGE.body, "disable_notification": True}, 3, 4096)
    async with wire.listening(wire.answering(status, answer)) as server, connected(server) as platform:
        assert await platform.edit(Target(PlatformName("telegram"), "-5", 7), "77", message) is replaced
    (received,) = server.received
    assert received.path == f"/bot{TOKEN}/editMessageText"
    assert received.values == {**MESSAGE.body, "chat_id": -5, "message_id": 77}


async def test_a_method_is_called_and_its_refusal_is_an_error() -> None:
    """A press is acknowledged with words over the chat; one that is too old is refused."""
    answer = wire.answering("200 OK", b'{"ok":true,"result":true}')
    async with wire.listening(answer) as server, connected(server) as platform:
        body = {"callback_query_id": "12", "text": "C'est fait"}
        await platform.call("answerCallbackQuery", body)
        server.answer = wire.answering("400 Bad Request", b'{"ok":false,"description":"Bad Request: query is too old"}')
        with pytest.raises(base.RefusedError, match="too old"):
            await platform.call("answerCallbackQuery", {**body, "callback_query_id": "14"})
    assert server.received[0].path == f"/bot{TOKEN}/answerCallbackQuery"
    assert server.received[0].values == body


@pytest.mark.parametrize(
    ("chat", "limits"), [("5", PRIVATE), ("-5", GROUP), ("-1001234567890", GROUP), ("@recap", GROUP)]
)
def test_a_channel_is_paced_like_a_group_by_number_and_by_name(chat: str, limits: tuple[ChatLimit, ...]) -> None:
    """Only a person's chat takes more than twenty messages a minute."""
    assert ROW.limits(Target(PlatformName("telegram"), chat)) == limits


async def test_a_pause_that_telegram_asks_for_holds_for_polls_too() -> None:
    """Longer than the bot would wait by itself after a first failure."""
    async with TelegramStandIn() as standin, clients.connected(clients.telegram_client(standin)) as platform:
        standin.faults.add(Fault(Flood(2, everything=True), Match("getUpdates")))
        listening = asyncio.create_task(platform.listen())
        polls = await standin.wait_for(lambda: polls_of(standin)[1:], 10)
        listening.cancel()
        await asyncio.gather(listening, return_exceptions=True)
    assert polls[0].at - polls_of(standin)[0].at >= 2


async def test_the_end_of_listening_is_the_end_of_the_menu_too() -> None:
    """The connections are closed after it; an offer that is still on its way would find them gone."""
    offer = Unending("offer")
    async with TelegramStandIn() as standin, clients.connected(clients.telegram_client(standin)) as platform:
        platform.on_setup = offer
        listening = asyncio.create_task(platform.listen())
        await offer.began.wait()
        listening.cancel()
        await asyncio.gather(listening, return_exceptions=True)
        offer.ended.append("listening")
    assert offer.ended == ["offer", "listening"]


async def test_what_was_received_before_the_end_does_not_come_again() -> None:
    """Telegram learns it at the end from a bot that had no other occasion; else commands would be answered twice."""
    async with TelegramStandIn() as standin:
        anna = standin.add_private(name="Anna")
        async with clients.connected(clients.telegram_client(standin)) as platform:
            # The poll that would confirm the update is refused, with a pause that outlasts the test.
            standin.faults.add(Fault(Flood(60, everything=True), Match("getUpdates"), skip=1))
            listening = asyncio.create_task(platform.listen())
            standin.say(anna, anna.person, "/latest")
            await standin.wait_for(lambda: len(polls_of(standin)) == 2, 10)
            listening.cancel()
            await asyncio.gather(listening, return_exceptions=True)
            assert standin.updates.pending
        assert not standin.updates.pending


def polls_of(standin: TelegramStandIn) -> list[Request]:
    """The polls so far."""
    return [request for request in standin.traffic.requests if request.route == "getUpdates"]


async def test_no_log_at_an_ordinary_level_holds_the_token(caplog: pytest.LogCaptureFixture) -> None:
    """The library behind polls and questions logs each address; the bot hears that library from WARNING on."""
    caplog.set_level(logging.DEBUG)
    async with wire.listening(wire.resetting) as server, connected(server) as platform:
        with pytest.raises(base.SendError):
            await platform.inspect(post().target)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(1.0):
                await platform.listen()
    told = [record for record in caplog.records if TOKEN in record.getMessage()]
    assert all(record.levelno < logging.WARNING and not record.name.startswith("bot.") for record in told)


async def test_a_refused_token_is_in_no_part_of_the_error() -> None:
    """Neither in its text nor in the errors behind it, as a traceback would show them."""
    async with TelegramStandIn() as standin:
        stranger = f"7654321:{'stranger' * 5}"
        platform = TelegramPlatform(Telegram(token=SecretStr(stranger), api_url=standin.url))
        with pytest.raises(UnauthorisedError) as refused:
            await platform.connect()
        await platform.close()
    assert stranger not in "".join(traceback.format_exception(refused.value))


async def test_a_missing_right_to_pin_is_found_before_a_push() -> None:
    """Where the bot is no admin and members may not, or is one without the right; a channel wants another right."""
    async with TelegramStandIn() as standin:
        group, channel = standin.add_supergroup("Le club"), standin.add_channel("Le récap")
        wished = Choices(pin=True)
        async with clients.connected(clients.telegram_client(standin)) as platform:

            async def missing(chat: Chat, choices: Choices = wished) -> str:
                return " ".join(await platform.inspect(Target(PlatformName("telegram"), str(chat.id)), choices))

            assert await missing(group) == ""
            assert await missing(channel) == ""
            for chat, right in ((group, "may pin messages"), (channel, "let it edit messages of this channel")):
                others = [
                    each for each in ADMIN_RIGHTS[chat.type] if each not in {"can_pin_messages", "can_edit_messages"}
                ]
                standin.set_member(chat, standin.bot, Status.ADMINISTRATOR, rights=others)
                assert right in await missing(chat)
                assert await missing(chat, Choices()) == ""
                standin.set_member(chat, standin.bot, Status.ADMINISTRATOR)
                assert await missing(chat) == ""


async def test_a_group_in_which_the_bot_may_only_read_is_found_before_a_push() -> None:
    """Somebody has restricted it there."""
    async with TelegramStandIn() as standin:
        group = standin.add_supergroup("Le club")
        async with clients.connected(clients.telegram_client(standin)) as platform:
            await platform.inspect(Target(PlatformName("telegram"), str(group.id)))
            standin.set_member(group, standin.bot, Status.RESTRICTED, rights=[])
            with pytest.raises(base.TargetClosedError, match="may not write in this group"):
                await platform.inspect(Target(PlatformName("telegram"), str(group.id)))
