"""An answer with HTTP 200 that is no answer of the platform: evidence of something between, told in a sentence."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

import pytest
from discord import app_commands

from bot.commands import COMMANDS
from bot.model.i18n import Language
from bot.model.rendering import Message
from bot.model.subscription import PlatformName, Target
from bot.platforms.base import (
    LONGEST_TEXT,
    ContentError,
    NotSentError,
    Post,
    RefusedError,
    UnknownOutcomeError,
    in_brief,
)
from bot.platforms.discord.errors import reaching
from bot.platforms.discord.menu import publish, slash
from bot.platforms.telegram import menus
from bot.sandbox.discord.server import DiscordStandIn
from bot.sandbox.shared.faults import Fault, Match, Reply
from bot.sandbox.telegram.server import TelegramStandIn
from tests.clients import connected, discord_client, telegram_client

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from bot.model.facts import Ability
    from bot.platforms.discord.client import DiscordPlatform
    from bot.platforms.telegram.client import TelegramPlatform

NO_JSON = {
    "a web page": ("<!DOCTYPE html><title>Sign in</title>", "text/html"),
    "a web page that is called JSON": ("\n<html>", "application/json"),
    "cut": ('{"ok": true, "result": {"id": 5', "application/json"),
    "no text": ("\x00\ufffd", "text/plain"),
    "empty": ("", "application/json"),
    "deep": ("[" * 100_000, "application/json"),
}
ODD = (
    "null",
    "[]",
    "{}",
    '"text"',
    "7",
    "true",
    "[7]",
    "[{}]",
    "[null]",
    *(f'{{"id": {odd}}}' for odd in ("null", "{}", '"x"')),
)
"""JSON in none of the forms that the calls below return."""
BODIES = [*NO_JSON.values(), *((body, "application/json") for body in ODD)]
SINCE = dt.datetime(2024, 11, 4, tzinfo=dt.UTC)


def post(target: Target) -> Post:
    """A message that is Discord's and Telegram's at once."""
    body = {"text": "un", "flags": 1 << 15, "components": [{"type": 10, "content": "un"}]}
    return Post(target, "Le récap", Message(body, 2, 4000), nonce="5")


def told(text: str, platform: str, address: str) -> None:
    """Assert that the text names something before the platform, and the address to look at."""
    assert text.startswith(f"not {platform} but something before it, such as a proxy, answers"), text
    assert text.endswith(f"(HTTP 200); api_url must {address}"), text


@pytest.mark.parametrize("words", ["x" * 200, "Bad Request: " + "x" * 200, " Bad \n Request: " + "é " * 100])
def test_the_platform_s_words_are_told_with_spaces_in_them_or_none(words: str) -> None:
    """In one line, from their beginning, with a sign where they are cut."""
    assert in_brief(words) == f"{' '.join(words.split())[: LONGEST_TEXT - 1]}…"


class Offered(Exception):  # noqa: N818 - the end of an offer, good or bad
    """The end of the first offer of a menu."""


def _end(_ability: Ability, reason: str) -> None:
    raise Offered(reason)


async def _offer(platform: DiscordPlatform, _target: Target) -> None:
    """Offer a menu of one command, once."""
    # Because the library lets a client have one table only, the one before goes.
    platform.client._connection._command_tree = None
    tree = app_commands.CommandTree(platform.client)
    tree.add_command(slash(COMMANDS[0], COMMANDS[0].name, _respond, _suggest))
    try:
        await publish(_end, tree)
    except Offered as offered:
        raise UnknownOutcomeError(str(offered)) from None


async def _respond(*_asked: object, **_options: object) -> None:
    """Nobody asks here."""


async def _suggest(*_arguments: object) -> list[app_commands.Choice[str]]:
    return []


async def _ask_for_gateway(platform: DiscordPlatform, _target: Target) -> None:
    with reaching(platform.client):
        await platform.client.http.get_bot_gateway()


PUT_COMMANDS = "PUT /applications/{application_id}/commands"
ON_DISCORD: dict[str, tuple[str, Callable[[DiscordPlatform, Target], Awaitable[Any]]]] = {
    "connect": ("*", lambda platform, _target: platform.connect()),
    "identify": ("*", lambda platform, _target: platform.identify()),
    "gateway/bot": ("*", _ask_for_gateway),
    "menu": (PUT_COMMANDS, _offer),
    "inspect": ("*", lambda platform, target: platform.inspect(target)),
    "send": ("*", lambda platform, target: platform.send(post(target))),
    "send to a person": ("*", lambda platform, _target: platform.send(post(Target(PlatformName("discord"), "@5")))),
    "publish": ("*", lambda platform, target: platform.publish(target, "7", lambda: True)),
    "edit": ("PATCH *", lambda platform, target: platform.edit(target, "7", post(target).message)),
    "delete": ("DELETE *", lambda platform, target: platform.delete(target, "7")),
    "unpin": ("DELETE *", lambda platform, target: platform.unpin(target, "7", lambda: True)),
    "find": ("GET */messages", lambda platform, target: platform.find(post(target), SINCE)),
    "name_of": ("*", lambda platform, target: platform.name_of(target)),
}
PERMITTED: dict[tuple[str, str], object] = {
    ("find", "[]"): None,
    **{(call, body): done for call, done in (("edit", True), ("delete", True), ("unpin", None)) for body in ODD[-3:]},
}
"""Answers that tell something: there is no message, or something with an id that was made."""


@pytest.mark.parametrize("call", ON_DISCORD)
async def test_nothing_is_read_out_of_an_odd_answer_of_discord(call: str) -> None:
    """No sign-in page, no list and no number is a success, a traceback or a fault of this machine."""
    route, ask = ON_DISCORD[call]
    async with DiscordStandIn() as standin, connected(discord_client(standin)) as platform:
        channel = standin.add_text(standin.add_guild("Auditeurs"), "news")
        target = Target(PlatformName("discord"), str(channel.id))
        for body, kind in BODIES:
            standin.faults.clear()
            standin.faults.add(Fault(Reply(200, body, kind), Match(route), times=None))
            if (call, body) in PERMITTED:
                assert await ask(platform, target) == PERMITTED[call, body]
                continue
            with pytest.raises((NotSentError, UnknownOutcomeError)) as error:
                await ask(platform, target)
            told(str(error.value), "Discord", "end in /api/v10")
        standin.faults.clear()
        await platform.connect()
        await platform.send(post(target))


async def test_a_file_that_is_gone_is_no_sign_of_a_proxy() -> None:
    """Discord's files are beside its API, and their server refuses in words of its own."""
    async with DiscordStandIn() as standin, connected(discord_client(standin)) as platform:
        with pytest.raises(RefusedError, match=r"^there is no file at the address that Discord has given$"):
            await platform.download(f"{standin.world.address}/attachments/7/notes.txt")


@pytest.mark.parametrize("errors", ['"x"', "[7]", '{"flags": null}', '{"flags": {"_errors": 7}}', '{"_errors": [{}]}'])
async def test_a_refusal_of_discord_counts_without_its_places(errors: str) -> None:
    """Its code tells what is refused, in whatever form it says where."""
    async with DiscordStandIn() as standin, connected(discord_client(standin)) as platform:
        channel = standin.add_text(standin.add_guild("Auditeurs"), "news")
        refusal = f'{{"message": "Invalid Form Body", "code": 50035, "errors": {errors}}}'
        standin.faults.add(Fault(Reply(400, refusal, "application/json"), Match("*")))
        with pytest.raises(ContentError, match=r"^Invalid Form Body.*\(50035\)$"):
            await platform.send(post(Target(PlatformName("discord"), str(channel.id))))


async def _publish_menus(platform: TelegramPlatform, _target: Target) -> None:
    await menus.publish_menus(platform.call, Language.FRENCH, "Le récap")


ON_TELEGRAM: dict[str, tuple[str, Callable[[TelegramPlatform, Target], Awaitable[Any]]]] = {
    "connect": ("*", lambda platform, _target: platform.connect()),
    "identify": ("*", lambda platform, _target: platform.identify()),
    "getMyCommands": ("getMyCommands", _publish_menus),
    "setMyCommands": ("setMyCommands", _publish_menus),
    "getChat": ("getChat", lambda platform, target: platform.inspect(target)),
    "getChatMember": ("getChatMember", lambda platform, target: platform.inspect(target)),
    "resolve": ("*", lambda platform, target: platform.resolve(target._replace(chat="@news"))),
    "name_of": ("*", lambda platform, target: platform.name_of(target)),
    "send": ("*", lambda platform, target: platform.send(post(target))),
}


TAKEN = {("getMyCommands", "[]"), ("getMyCommands", "{}"), ("setMyCommands", "true")}
"""Results that tell something: that there is no menu yet, or a new one."""


@pytest.mark.parametrize("call", ON_TELEGRAM)
async def test_nothing_is_read_out_of_an_odd_answer_of_telegram(call: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither as it stands, nor as the result of an answer in Telegram's form."""
    monkeypatch.setattr(menus, "_MENUS", menus._MENUS[:1])
    monkeypatch.setattr(menus, "Language", ())
    route, ask = ON_TELEGRAM[call]
    results = [
        result for result in (*ODD, '{"message_id": true}', '{"message_id": "7"}') if (call, result) not in TAKEN
    ]
    wrapped = [(f'{{"ok": true, "result": {result}}}', "application/json") for result in results]
    async with TelegramStandIn() as standin:
        target = Target(PlatformName("telegram"), str(standin.add_group("Auditeurs").id))
        platform = telegram_client(standin)
        try:
            if call != "connect":
                await platform.connect()
            for body, kind in (*BODIES, *wrapped):
                standin.faults.clear()
                standin.faults.add(Fault(Reply(200, body, kind), Match(route), times=None))
                with pytest.raises(UnknownOutcomeError) as error:
                    await ask(platform, target)
                told(
                    str(error.value),
                    "Telegram",
                    "be https://api.telegram.org or the address of your own Bot API server",
                )
            standin.faults.clear()
            await platform.connect()
            await platform.send(post(target))
        finally:
            await platform.close()
