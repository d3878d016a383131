"""Every row of the platforms' error tables, as the platforms say it, and what becomes of message and subscription."""

from __future__ import annotations

import asyncio
import dataclasses
import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import select

from bot.delivery import retry
from bot.delivery.report import describe
from bot.delivery.worker import SMALLEST_WINDOW
from bot.model.codes import Code
from bot.model.document import Document, Paragraph, Section, Span
from bot.model.facts import MessageRefused
from bot.model.i18n import Language, words
from bot.model.subscription import Choices, PlatformName, Subscription, SubscriptionState, Target
from bot.platforms.base import UnauthorisedError
from bot.platforms.telegram.render import render
from bot.sandbox.discord.server import DiscordStandIn
from bot.sandbox.discord.world import Channel, Permission, Thread
from bot.sandbox.shared.faults import Fault, Match, Reply
from bot.sandbox.telegram.model import Chat, Status
from bot.sandbox.telegram.server import TelegramStandIn
from bot.storage.tables import deliveries
from tests.delivery.ledger_kit import DISCORD, TELEGRAM, due, tally
from tests.delivery.side import SEND, finished, now, side
from tests.waiting import PATIENCE

if TYPE_CHECKING:
    from collections.abc import Callable

    from bot.storage.ledger import Ledger
    from tests.delivery.side import Side

ACTIVE, PAUSED, ENDED = SubscriptionState
TOPIC = 7


async def states(ledger: Ledger) -> dict[str, SubscriptionState]:
    """Every subscription's state by chat."""
    return {each.target.chat: each.state for each in await ledger.subscriptions.all()}


# The places that the rows are about, and what happens to them.


def person(town: TelegramStandIn) -> Chat:
    """A person's private chat."""
    return town.add_private(name="Ada")


def group(town: TelegramStandIn) -> Chat:
    """A group."""
    return town.add_group("La bande")


def supergroup(town: TelegramStandIn) -> Chat:
    """A group with rights for each member, and with a topic."""
    return town.add_supergroup("La bande", topics={TOPIC: "Récap"})


def channel(town: TelegramStandIn) -> Chat:
    """A channel."""
    return town.add_channel("Le récap")


def text_channel(town: DiscordStandIn) -> Channel:
    """A server's text channel."""
    return town.add_text(town.add_guild("Auditeurs"), "général")


def thread(town: DiscordStandIn) -> Thread:
    """A thread in a server."""
    return town.add_thread(text_channel(town), "le fil", town.add_user("lectrice"))


def reserved_person(town: DiscordStandIn) -> Channel:
    """A person of one of the bot's servers who takes no messages from those they meet there."""
    reader = town.add_user("lectrice", accepts_dms=False)
    town.add_member(town.add_guild("Auditeurs"), reader)
    return town.direct(reader)


def stranger(town: DiscordStandIn) -> Channel:
    """A person who has left every server of the bot's."""
    return town.direct(town.add_user("lectrice"))


def as_it_is(_town: object, _place: object) -> None:
    """The place refuses messages without anything happening to it."""


def refused(code: int, status: int = 400) -> Callable[[DiscordStandIn, Channel], None]:
    """Discord refuses messages there with this code."""

    def refuse(town: DiscordStandIn, place: Channel) -> None:
        reply = Reply(status, {"message": "refused", "code": code})
        town.faults.add(Fault(reply, Match(route=SEND[DISCORD], chat=place.id)))

    return refuse


def answered(words: str, status: int = 0) -> Callable[[TelegramStandIn, Chat], None]:
    """Telegram refuses messages there with these words."""

    def refuse(town: TelegramStandIn, chat: Chat) -> None:
        code = status or (403 if words.startswith("Forbidden") else 400)
        reply = Reply(code, {"ok": False, "error_code": code, "description": words})
        town.faults.add(Fault(reply, Match(route=SEND[TELEGRAM], chat=chat.id)))

    return refuse


def permitted(permission: Permission) -> Callable[[DiscordStandIn, Channel], None]:
    """The bot has only this permission left there."""
    return lambda town, place: town.permit(place, permission)


def changed(**how: bool) -> Callable[[DiscordStandIn, Thread], None]:
    """A moderator changes the thread."""
    return lambda town, place: town.change_thread(place, **how)


def demoted_to(status: Status) -> Callable[[TelegramStandIn, Chat], None]:
    """The bot has only this status left there, and no rights."""
    return lambda town, chat: town.set_member(chat, town.bot, status, rights=())


def close_topic(_town: TelegramStandIn, chat: Chat) -> None:
    """The admins of a supergroup close its topic."""
    chat.topics[TOPIC].closed = True


@dataclass(frozen=True)
class Row:
    """What a platform says of a place, what becomes of the subscription, and the code that reports sort by."""

    platform: PlatformName
    says: str
    """Words of its error, or the error's code."""
    place: Callable[[Any], Chat | Channel]
    breaks: Callable[[Any, Any], object]
    becomes: SubscriptionState
    code: Code
    thread: int = 0

    def __str__(self) -> str:
        return f"{self.platform} {self.says}"


ROWS = [
    # Who has left is unsubscribed, and nobody is alarmed.
    Row(TELEGRAM, "bot was blocked by the user", person, lambda town, chat: town.block(chat.person), ENDED, Code.GONE),
    Row(TELEGRAM, "user is deactivated", person, lambda town, chat: town.deactivate(chat.person), ENDED, Code.GONE),
    Row(TELEGRAM, "bot was kicked from the group chat", group, lambda town, chat: town.kick(chat), ENDED, Code.GONE),
    Row(TELEGRAM, "group chat was deleted", group, lambda town, chat: town.delete(chat), ENDED, Code.GONE),
    Row(TELEGRAM, "bot is not a member of the channel chat", channel, demoted_to(Status.LEFT), ENDED, Code.GONE),
    Row(DISCORD, "50007", reserved_person, as_it_is, ENDED, Code.GONE),
    Row(DISCORD, "50278", stranger, as_it_is, ENDED, Code.GONE),
    # Where rights are missing the subscription waits for the admins, who read where.
    Row(TELEGRAM, "not enough rights to send", supergroup, demoted_to(Status.RESTRICTED), PAUSED, Code.CLOSED),
    Row(TELEGRAM, "need administrator rights", channel, demoted_to(Status.ADMINISTRATOR), PAUSED, Code.CLOSED),
    Row(TELEGRAM, "TOPIC_CLOSED", supergroup, close_topic, PAUSED, Code.CLOSED, TOPIC),
    Row(TELEGRAM, "message thread not found", supergroup, as_it_is, PAUSED, Code.CLOSED, TOPIC + 1),
    Row(DISCORD, "50001", text_channel, permitted(Permission(0)), PAUSED, Code.CLOSED),
    Row(DISCORD, "50013", text_channel, permitted(Permission.VIEW_CHANNEL), PAUSED, Code.CLOSED),
    Row(DISCORD, "160005", thread, changed(locked=True), PAUSED, Code.CLOSED),
    Row(DISCORD, "50083", thread, changed(archived=True, locked=True), PAUSED, Code.CLOSED),
    # What the platform does not know ends too, and the admins should look at the id.
    Row(TELEGRAM, "chat not found", person, lambda town, chat: town.chats.pop(chat.id), ENDED, Code.NOT_FOUND),
    Row(DISCORD, "10003", text_channel, lambda town, place: town.delete_channel(place), ENDED, Code.NOT_FOUND),
    # What a server filters is a rule of the place: nobody is unsubscribed.
    Row(DISCORD, "200000", text_channel, refused(200000), ACTIVE, Code.FILTERED),
    Row(DISCORD, "240000", text_channel, refused(240000), ACTIVE, Code.FILTERED),
    # A message that one place alone calls malformed, and a refusal that no table knows, cost that place this message.
    Row(
        TELEGRAM,
        "400 Bad Request: can't parse entities",
        person,
        answered("Bad Request: can't parse entities"),
        ACTIVE,
        Code.CONTENT,
    ),
    Row(
        TELEGRAM, "400 Bad Request: WRONG_URL_ODD", person, answered("Bad Request: WRONG_URL_ODD"), ACTIVE, Code.REFUSED
    ),
    Row(TELEGRAM, "403 Forbidden: some new rule", person, answered("Forbidden: some new rule"), ACTIVE, Code.REFUSED),
    Row(TELEGRAM, "405 Not Allowed", person, answered("Not Allowed", 405), ACTIVE, Code.REFUSED),
    Row(TELEGRAM, "413 Too Large", person, answered("Too Large", 413), ACTIVE, Code.REFUSED),
    Row(DISCORD, "refused (50035)", text_channel, refused(50035), ACTIVE, Code.CONTENT),
    Row(DISCORD, "refused (60003)", text_channel, refused(60003, 403), ACTIVE, Code.REFUSED),
    Row(DISCORD, "refused (99999)", text_channel, refused(99999), ACTIVE, Code.REFUSED),
    Row(DISCORD, "refused (404)", text_channel, refused(0, 404), ACTIVE, Code.REFUSED),
    Row(DISCORD, "refused (405)", text_channel, refused(0, 405), ACTIVE, Code.REFUSED),
    Row(DISCORD, "refused (413)", text_channel, refused(0, 413), ACTIVE, Code.REFUSED),
]


@pytest.mark.parametrize("becomes", [None, ACTIVE])
@pytest.mark.parametrize("platform", [TELEGRAM, DISCORD])
async def test_a_place_that_refuses_costs_nobody_else_anything(
    real_ledger: Ledger, platform: PlatformName, becomes: SubscriptionState | None
) -> None:
    """Its message fails, its subscription becomes what the row says, and all others are served.

    The report names the place if the admins can do something about it. Those that stay subscribed are tried by
    themselves, few enough that all messages leave at once: a message that nobody has taken yet would be stopped.
    """
    async with side(platform) as out:
        well, rows = out.add(4), dict[Target, Row]()
        await out.subscribe(real_ledger, *well[:2])
        for row in ROWS:
            if row.platform == platform and (row.becomes is ACTIVE) is (becomes is ACTIVE):
                place = row.place(out.standin)
                row.breaks(out.standin, place)
                rows[target := Target(platform, str(place.id), row.thread)] = row
                await real_ledger.subscriptions.save(Subscription(target, "monday", Choices()))
        await out.subscribe(real_ledger, *well[2:])
        assert len(well) + len(rows) <= SMALLEST_WINDOW
        broadcast = await out.open(real_ledger, "Bonjour")
        assert await out.deliver(real_ledger, broadcast) == {"sent": 4, "failed": len(rows)}
        assert [out.received(each) for each in well] == [["Bonjour"]] * 4
        become = {target.chat: row.becomes for target, row in rows.items()}
        assert await states(real_ledger) == {**{str(each.id): ACTIVE for each in well}, **become}
        (push,) = await real_ledger.notices.unreported(now() - dt.timedelta(hours=1))
        outcome = await real_ledger.notices.outcome(push)
        reasons = {each.chat: each.reason for each in await real_ledger._database.rows(select(deliveries))}
        unserved = {target: each for each in outcome.unserved for target in each.targets}
        assert unserved.keys() == rows.keys()
        for target, row in rows.items():
            assert (unserved[target].code, row.says in reasons[target.chat]) == (row.code, True), row
            # Because a report on many names some of them, each is told of as the only one.
            alone = dataclasses.replace(unserved[target], count=1, targets=(target,))
            report = describe(dataclasses.replace(outcome, unserved=[alone]), words(Language.ENGLISH)).text
            assert (f"({target})" in report) is (row.code is not Code.GONE), row


@pytest.mark.parametrize(
    ("platform", "text"),
    [(TELEGRAM, ""), (TELEGRAM, "x" * 4097), (DISCORD, "x" * 4001)],
    ids=["telegram 400 text is empty", "telegram 400 too long", "discord 50035 too long"],
)
async def test_what_no_place_can_take_is_stopped_and_told(
    real_ledger: Ledger, platform: PlatformName, text: str
) -> None:
    """Three refusals and nobody who took it: the message stops, the admins hear of it at once, all stay subscribed."""
    async with side(platform) as out:
        out.window = 2
        await out.subscribe(real_ledger, *out.add(20))
        async with out.delivering(real_ledger):
            states_of_all = await finished(real_ledger, await out.open(real_ledger, text))
            await out.hears(MessageRefused)
        assert states_of_all == {"failed": 20}
        assert len(out.standin.traffic.sends) < 10
        assert set((await states(real_ledger)).values()) == {ACTIVE}
        (told,) = out.told
        assert isinstance(told, MessageRefused)
        (push,) = await real_ledger.broadcasts(1)
        report = describe(await real_ledger.notices.outcome(push), words(Language.ENGLISH)).text
        assert f"because this message was stopped after others had refused it ({told.reason})" in report


async def test_a_small_audience_is_told_the_words(either: Side, real_ledger: Ledger) -> None:
    """One or two chats prove nothing: each fails with the platform's words, and the report says them."""
    places = either.add(2)
    await either.subscribe(real_ledger, *places)
    for place in places:
        either.standin.faults.add(Fault(MALFORMED_SAYS[either.name], Match(SEND[either.name], place.id)))
    broadcast = await either.open(real_ledger, "Bonjour")
    assert await either.deliver(real_ledger, broadcast) == {"failed": 2}
    assert either.told == []
    (push,) = await real_ledger.broadcasts(1)
    report = describe(await real_ledger.notices.outcome(push), words(Language.ENGLISH)).text
    assert f"{either.name.title()}: 2 refuse this message ({MALFORMED_WORDS[either.name]})" in report


@pytest.mark.parametrize("when", ["first", "last", "first of all, three of them"])
async def test_an_odd_chat_among_many_costs_the_others_nothing(either: Side, real_ledger: Ledger, when: str) -> None:
    """47 take it, and one calls it malformed; or the first three do, with others on their way."""
    places = either.add(48)
    await either.subscribe(real_ledger, *places)
    broadcast = await either.open(real_ledger, "Bonjour")
    order = [each.target.chat for each in await due(real_ledger, either.name)]
    odd = {"first": order[:1], "last": order[-1:]}.get(when, order[:3])
    for chat in odd:
        either.standin.faults.add(Fault(MALFORMED_SAYS[either.name], Match(SEND[either.name], chat)))
    assert await either.deliver(real_ledger, broadcast) == {"sent": 48 - len(odd), "failed": len(odd)}
    assert either.told == []
    failures = await real_ledger.failures(broadcast)
    assert {each.target.chat for each in failures} == set(odd)
    assert {each.reason for each in failures} == {MALFORMED_WORDS[either.name]}


@pytest.mark.parametrize("both", [False, True])
async def test_a_group_that_moved_gets_it_once_at_its_new_id(
    telegram_side: Side, real_ledger: Ledger, *, both: bool
) -> None:
    """ChatMigrated: the id is rewritten, a subscription to the new id merged, the message sent there once."""
    assert isinstance(telegram_side.standin, TelegramStandIn)
    group = telegram_side.standin.add_group("La bande")
    new = telegram_side.standin.migrate(group)
    await telegram_side.subscribe(real_ledger, group, *([new] if both else []))
    assert await telegram_side.deliver(real_ledger, await telegram_side.open(real_ledger, "Bonjour")) == {"sent": 1}
    assert telegram_side.received(new) == ["Bonjour"]
    assert await states(real_ledger) == {str(new.id): ACTIVE}


async def test_a_refused_token_stops_the_platform(either: Side, real_ledger: Ledger) -> None:
    """401: nothing more is sent there, and what was not sent waits for a better token."""
    await either.subscribe(real_ledger, *either.add(3))
    broadcast = await either.open(real_ledger, "Bonjour")
    reply = Reply(401, {"ok": False, "error_code": 401, "description": "Unauthorized", "message": "401", "code": 0})
    either.standin.faults.add(Fault(reply, times=None))
    with pytest.raises(UnauthorisedError):
        async with asyncio.timeout(PATIENCE), either.delivering(real_ledger):
            await either.ended.wait()
    assert await tally(real_ledger, broadcast) == {"pending": 3}
    assert set((await states(real_ledger)).values()) == {ACTIVE}


MALFORMED_SAYS = {
    TELEGRAM: Reply(400, {"ok": False, "error_code": 400, "description": "Bad Request: can't parse entities: odd"}),
    DISCORD: Reply(400, {"message": "Invalid Form Body", "code": 50035, "errors": {"flags": {"_errors": []}}}),
}
MALFORMED_WORDS = {
    TELEGRAM: "400 Bad Request: can't parse entities: odd",
    DISCORD: "Invalid Form Body In flags: (50035)",
}
FULL = {"_errors": [{"code": "TOO_MANY_MESSAGES", "message": "Too many messages"}]}
PAGE = Reply(0, "<html><h1>Blocked by the proxy</h1></html>", "text/html")
ODD_ANSWERS: dict[str, tuple[PlatformName, Reply]] = {
    **{
        f"{name} page with {status}": (name, dataclasses.replace(PAGE, status=status))
        for name in (TELEGRAM, DISCORD)
        for status in (302, 401, 403, 404, 408, 413, 502)
    },
    **{
        f"telegram {status}": (TELEGRAM, Reply(status, {"ok": False, "error_code": status, "description": "odd"}))
        for status in (408, 409, 429, 500)
    },
    "telegram cannot fetch the preview": (
        TELEGRAM,
        Reply(400, {"ok": False, "error_code": 400, "description": "Bad Request: WEBPAGE_CURL_FAILED"}),
    ),
    # The token is judged by the platform's answer to the question for it.
    "telegram 401": (TELEGRAM, Reply(401, {"ok": False, "error_code": 401, "description": "Unauthorized"})),
    "telegram 404": (TELEGRAM, Reply(404, {"ok": False, "error_code": 404, "description": "Not Found"})),
    "discord 401": (DISCORD, Reply(401, {"message": "401: Unauthorized", "code": 0})),
    "discord unauthorised": (DISCORD, Reply(403, {"message": "Unauthorized", "code": 40001})),
    "telegram json of a proxy": (TELEGRAM, Reply(403, {"error": "forbidden"})),
    "discord json of a proxy": (DISCORD, Reply(401, {"error": "unauthorized"})),
    # Discord names no time for these; the message waits a while.
    "discord opening private chats too fast": (DISCORD, Reply(400, {"message": "Too fast", "code": 40003})),
    "discord slow mode": (DISCORD, Reply(400, {"message": "Slow mode", "code": 20016})),
    "discord busy channel": (DISCORD, Reply(400, {"message": "Invalid Form", "code": 50035, "errors": FULL})),
    "discord trouble in its network": (DISCORD, Reply(403, {"message": "internal network error", "code": 40333})),
    "discord 408": (DISCORD, Reply(408, {"message": "Timeout", "code": 0})),
    "discord 409": (DISCORD, Reply(409, {"message": "Conflict", "code": 0})),
    "discord write limit": (
        DISCORD,
        Reply(429, {"message": "Write limit", "code": 20028, "retry_after": 0.3}, headers={"Retry-After": "9999"}),
    ),
}


@pytest.mark.parametrize("platform", [TELEGRAM, DISCORD])
async def test_an_odd_answer_is_tried_again_and_ends_nothing(
    real_ledger: Ledger, platform: PlatformName, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The chat that got it gets the message a moment later, once; nobody waits for that chat, and nobody is ended."""
    monkeypatch.setattr("bot.platforms.base.PAUSE", 0.2)
    monkeypatch.setattr(retry, "FIRST_PAUSE", retry.FIRST_PAUSE / 10)
    odd = {name: reply for name, (of, reply) in ODD_ANSWERS.items() if of == platform}
    async with side(platform) as out:
        well, places = out.add(4), dict(zip(odd, out.add(len(odd)), strict=True))
        await out.subscribe(real_ledger, *well, *places.values())
        for name, place in places.items():
            out.standin.faults.add(Fault(odd[name], Match(route=SEND[platform], chat=place.id)))
        tally_of_all = await out.deliver(real_ledger, await out.open(real_ledger, "Bonjour"))
        assert {name: out.received(place) for name, place in places.items()} == {name: ["Bonjour"] for name in odd}
        assert [out.received(place) for place in well] == [["Bonjour"]] * 4
        assert tally_of_all == {"sent": 4 + len(odd)}
        assert set((await states(real_ledger)).values()) == {ACTIVE}
        assert not out.standin.faults.pending


@pytest.mark.parametrize(
    "words_of_it", ["WEBPAGE_CURL_FAILED", "WEBPAGE_MEDIA_EMPTY", "failed to get HTTP URL content"]
)
async def test_a_page_that_cannot_be_fetched_costs_the_preview_alone(
    telegram_side: Side, real_ledger: Ledger, words_of_it: str
) -> None:
    """Whoever's message Telegram refuses for its preview gets it without; all others get it whole, and nobody fails."""
    places = telegram_side.add(8)
    await telegram_side.subscribe(real_ledger, *places)
    section = Section((Paragraph((Span("Bonjour"),)),), preview="https://example.org/")
    rendering = render(Document("Un", (section,)))
    chosen = dict.fromkeys(await real_ledger.choices("monday"), rendering)
    push = await real_ledger.create_broadcast(episode=1, title="", schedule="monday", due=now(), renderings=chosen)
    assert push is not None
    reply = Reply(400, {"ok": False, "error_code": 400, "description": f"Bad Request: {words_of_it}"})
    for place in places[:4]:
        has_preview = Match("sendMessage", place.id, lambda call: "url" in call.body["link_preview_options"])
        telegram_side.standin.faults.add(Fault(reply, has_preview, times=None))
    assert await telegram_side.deliver(real_ledger, push.id) == {"sent": 8}
    assert [telegram_side.received(place) for place in places] == [["Bonjour"]] * 8
    assert telegram_side.told == []
    sent = [each.body for each in telegram_side.standin.traffic.sends]
    assert len(sent) == 12
    assert {each["chat_id"] for each in sent if "url" not in each["link_preview_options"]} == {
        place.id for place in places[:4]
    }


async def test_a_server_in_an_outage_keeps_its_subscriptions(discord_side: Side, real_ledger: Ledger) -> None:
    """Discord says that a server is unavailable: nobody has left it."""
    assert isinstance(discord_side.standin, DiscordStandIn)
    (channel,) = discord_side.add(1)
    await discord_side.subscribe(real_ledger, channel)
    guild = discord_side.standin.world.channels[channel.id].guild
    assert guild is not None
    discord_side.standin.remove_guild(guild, unavailable=True)
    assert await discord_side.deliver(real_ledger, await discord_side.open(real_ledger, "Bonjour")) == {"sent": 1}
    assert await states(real_ledger) == {str(channel.id): ACTIVE}
