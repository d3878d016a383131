"""The commands that Discord offers: told once, in every language, and again only when they changed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from discord import app_commands

from bot.commands import COMMANDS
from bot.platforms.discord.menu import publish, slash
from bot.sandbox.discord.server import DiscordStandIn
from bot.sandbox.shared.faults import Fault, Match, Reply
from tests.clients import connected, discord_client

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    import discord

    from bot.commands import Command
    from bot.model.facts import Ability

TELL = "PUT /applications/{application_id}/commands"
ASK = "GET /applications/{application_id}/commands"


@pytest.fixture
async def standin() -> AsyncIterator[DiscordStandIn]:
    """A Discord that knows no commands."""
    async with DiscordStandIn() as standin:
        yield standin


@pytest.fixture
async def tree(standin: DiscordStandIn) -> AsyncIterator[app_commands.CommandTree]:
    """The bot's side of it, logged in, with all its commands."""
    async with connected(discord_client(standin)) as platform:
        tree = app_commands.CommandTree(platform.client)
        for command in COMMANDS:
            tree.add_command(slash(command, command.name, _respond, _suggest))
        yield tree


@pytest.fixture(autouse=True)
def _no_delay(monkeypatch: pytest.MonkeyPatch) -> None:
    """Publishing that is tried again without a pause, of which nothing is noted yet."""
    NOTED.clear()
    monkeypatch.setattr("bot.platforms.menu.MENU_DELAYS", (0.0,))


NOTED: list[str] = []


def noted(_ability: Ability, reason: str) -> None:
    """Note that the menu was taken, or why not."""
    NOTED.append(reason)


async def _respond(*_asked: object, **_options: object) -> None:
    """Nobody asks here."""


async def _suggest(_interaction: discord.Interaction, _command: Command, _typed: str) -> list[app_commands.Choice[str]]:
    return []


def told(standin: DiscordStandIn) -> list[list[dict[str, Any]]]:
    """What Discord was told, each time."""
    return [request.body[""] for request in standin.traffic.requests if request.route == TELL]


async def test_the_commands_are_told_in_french_and_english(
    standin: DiscordStandIn, tree: app_commands.CommandTree
) -> None:
    """Descriptions and options are translated; a command's own name is the same for everybody."""
    await publish(noted, tree)
    ((*commands,),) = told(standin)
    by_name = {command["name"]: command for command in commands}
    assert list(by_name) == [command.name for command in COMMANDS]
    assert all(command["name_localizations"] == {} for command in commands)
    topic = by_name["topic"]
    assert topic["description_localizations"] == {
        "en-US": "One topic through the episodes",
        "en-GB": "One topic through the episodes",
        "fr": "Un thème au fil des épisodes",
    }
    name, share = topic["options"]
    assert (name["name"], name["name_localizations"]["fr"], name["required"]) == ("name", "nom", True)
    assert (share["name"], share["name_localizations"]["fr"], share["required"]) == ("share", "partager", False)
    assert by_name["subscribe"]["options"][0]["name_localizations"]["fr"] == "thèmes"


async def test_a_server_and_a_person_can_install_the_commands(
    standin: DiscordStandIn, tree: app_commands.CommandTree
) -> None:
    """Every command is offered in servers, in private and wherever a person who installed the bot goes."""
    await publish(noted, tree)
    ((*commands,),) = told(standin)
    assert {tuple(command["integration_types"]) for command in commands} == {(0, 1)}
    assert {tuple(command["contexts"]) for command in commands} == {(0, 1, 2)}


async def test_the_commands_are_told_again_only_when_they_changed(
    standin: DiscordStandIn, tree: app_commands.CommandTree
) -> None:
    """A restart asks what Discord knows and leaves it at that; one more command, or other words, and it is told."""
    await publish(noted, tree)
    await publish(noted, tree)
    assert len(told(standin)) == 1
    tree.remove_command("help")
    await publish(noted, tree)
    await publish(noted, tree)
    assert len(told(standin)) == 2
    latest = tree.get_command("latest")
    assert latest is not None
    latest.nsfw = True
    await publish(noted, tree)
    assert len(told(standin)) == 3


async def test_a_refused_attempt_is_made_again(
    standin: DiscordStandIn, tree: app_commands.CommandTree, caplog: pytest.LogCaptureFixture
) -> None:
    """Discord being away is logged in a sentence, and the commands are told when it is back."""
    away = Reply(503, {"message": "503: Service Unavailable", "code": 0})
    standin.faults.add(Fault(away, Match(ASK)))
    standin.faults.add(Fault(away, Match(TELL)))
    await publish(noted, tree)
    assert len(told(standin)) == 2
    assert caplog.text.count("The menu of commands is not accepted") == 2
    assert (len(NOTED), NOTED[-1]) == (3, "")
    assert "Traceback" not in caplog.text


async def test_commands_that_discord_does_not_take_are_offered_again(
    standin: DiscordStandIn, tree: app_commands.CommandTree, caplog: pytest.LogCaptureFixture
) -> None:
    """Later, and not in vain for ever: the log holds what Discord says is wrong with them."""
    wrong = {"0": {"name": {"_errors": [{"code": "APPLICATION_COMMAND_INVALID_NAME", "message": "Wrong"}]}}}
    standin.faults.add(Fault(Reply(400, {"message": "Invalid Form Body", "code": 50035, "errors": wrong}), Match(TELL)))
    await publish(noted, tree)
    assert len(told(standin)) == 2
    assert "does not take the commands" in caplog.text
    assert "Invalid Form Body" in NOTED[0]
    assert NOTED[-1] == ""
