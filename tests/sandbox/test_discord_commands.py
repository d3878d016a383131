"""The registration of slash commands: kept as Discord keeps them, refused where its documentation forbids them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import discord
import pytest

from bot.sandbox.discord.commands import check_command
from bot.sandbox.discord.errors import ApiError, FormErrors
from bot.sandbox.discord.server import DiscordStandIn
from tests.sandbox.discord_bot import Bot, Place, connected, fields

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


class Registered(Place):
    """A place whose bot has registered `/help`."""

    client: Bot


@pytest.fixture
async def place() -> AsyncIterator[Registered]:
    """A bot with a command."""
    async with DiscordStandIn() as standin:
        client = Bot()

        @client.tree.command()
        async def help(_: discord.Interaction) -> None:  # noqa: A001 - the command's name
            """What the bot can do."""

        async with connected(standin, client):
            yield Registered(standin, client)


async def test_translations_are_read_back_only_when_asked_for(place: Registered) -> None:
    """Without the question a command comes without them, its options too."""
    http, application = place.client.http, place.client.application_id
    assert application is not None
    french = {"name_localizations": {"fr": "nom"}, "description_localizations": {"fr": "Lequel"}}
    named = {"type": 3, "name": "name", "description": "Which", **french}
    await http.bulk_upsert_global_commands(
        application, [{"name": "topic", "description": "x", "type": 1, "options": [named]}]
    )
    route = discord.http.Route("GET", "/applications/{application_id}/commands", application_id=application)
    (bare,) = await http.request(route)
    (full,) = await http.request(route, params={"with_localizations": "true"})
    assert french.items() <= full["options"][0].items()
    assert full["options"][0].keys() - bare["options"][0].keys() == french.keys()
    assert full["integration_types"] == [0]


async def test_a_hundred_commands_are_the_most(place: Registered) -> None:
    """And each must have a name of its own."""
    http, application = place.client.http, place.client.application_id
    assert application is not None
    command: dict[str, Any] = {"name": "x", "description": "x", "type": 1}
    many = [command | {"name": f"x{number}"} for number in range(101)]
    for payload, code in ((many, 30032), ([command, command], 50035)):
        with pytest.raises(discord.HTTPException) as refused:
            await http.bulk_upsert_global_commands(application, payload)
        assert refused.value.code == code


COMMAND = {"name": "topic", "description": "One topic"}
NAMED = {"type": 3, "name": "name", "description": "Which"}


@pytest.mark.parametrize(
    "command",
    [
        COMMAND,
        {**COMMAND, "name": "é-_'9" + "x" * 27, "description": "x" * 100},
        {**COMMAND, "name_localizations": {"fr": "sujet"}, "description_localizations": {"fr": "Un sujet"}},
        {**COMMAND, "options": [{**NAMED, "required": True, "choices": [{"name": "TikTok", "value": "tiktok"}]}]},
        {**COMMAND, "options": [{**NAMED, "name": f"n{number}"} for number in range(25)]},
    ],
)
def test_commands_within_the_limits_are_taken(command: dict[str, Any]) -> None:
    """Names in any script, translations, options and choices."""
    errors = FormErrors()
    check_command(errors, (), command)
    errors.raise_if_any()


@pytest.mark.parametrize(
    ("change", "wrong"),
    [
        ({"name": "Topic"}, {"0.name": "APPLICATION_COMMAND_INVALID_NAME"}),
        ({"name": "to pic"}, {"0.name": "APPLICATION_COMMAND_INVALID_NAME"}),
        ({"name": "x" * 33}, {"0.name": "BASE_TYPE_BAD_LENGTH"}),
        ({"name_localizations": {"fr": "Sujet"}}, {"0.name_localizations.fr": "APPLICATION_COMMAND_INVALID_NAME"}),
        ({"description": ""}, {"0.description": "BASE_TYPE_BAD_LENGTH"}),
        ({"description": "x" * 101}, {"0.description": "BASE_TYPE_BAD_LENGTH"}),
        ({"options": [{**NAMED, "type": 12}]}, {"0.options.0.type": "BASE_TYPE_CHOICES"}),
        ({"options": [NAMED, NAMED]}, {"0.options.1": "APPLICATION_COMMAND_OPTIONS_NAME_ALREADY_EXISTS"}),
        (
            {"options": [NAMED, {**NAMED, "name": "other", "required": True}]},
            {"0.options.1": "APPLICATION_COMMAND_OPTIONS_REQUIRED_INVALID"},
        ),
        (
            {"options": [{**NAMED, "choices": [{"name": "x" * 101, "value": "x"}]}]},
            {"0.options.0.choices.0.name": "BASE_TYPE_BAD_LENGTH"},
        ),
        (
            {
                "options": [
                    {**NAMED, "name": f"n{option}", "choices": [{"name": "x" * 100, "value": "x" * 100}] * 2}
                    for option in range(20)
                ]
            },
            {"0": "APPLICATION_COMMAND_TOO_LARGE"},
        ),
    ],
)
def test_commands_outside_them_are_refused(change: dict[str, Any], wrong: dict[str, str]) -> None:
    """Each at its field."""
    errors = FormErrors()
    check_command(errors, (0,), COMMAND | change)
    with pytest.raises(ApiError) as refusal:
        errors.raise_if_any()
    assert fields(refusal.value.body["errors"]) == wrong
