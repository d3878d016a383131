"""A bot is installed for a server or by a person for themselves, who then takes its commands everywhere."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import discord
import pytest
from discord import app_commands

from bot.sandbox.discord.people import NotOfferedError
from bot.sandbox.discord.server import DiscordStandIn
from bot.sandbox.discord.world import MEMBER
from tests.sandbox.discord_bot import Bot, Place, connected
from tests.waiting import PATIENCE

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from bot.sandbox.discord.world import Channel


class Travelling(Place):
    """A place whose bot has a command for everywhere, one for servers that it is in, and answers both."""

    def __init__(self, standin: DiscordStandIn, client: Bot) -> None:
        super().__init__(standin, client)
        self.asked: asyncio.Queue[discord.Interaction] = asyncio.Queue()

        @client.tree.command()
        @app_commands.allowed_installs(guilds=True, users=True)
        @app_commands.allowed_contexts(guilds=True, dms=True, private_channels=True)
        async def latest(interaction: discord.Interaction) -> None:
            """Answer anywhere."""
            await self._answer(interaction)

        @client.tree.command()
        async def here(interaction: discord.Interaction) -> None:
            """Answer in servers of the bot, and in private."""
            await self._answer(interaction)

        @client.event
        async def on_interaction(interaction: discord.Interaction) -> None:
            if interaction.type is discord.InteractionType.component:
                await self._answer(interaction)

    async def _answer(self, interaction: discord.Interaction) -> None:
        view = discord.ui.View(timeout=None)
        view.add_item(discord.ui.Button(label="Again", custom_id="again"))
        view.stop()
        await interaction.response.send_message("Salut", view=view, ephemeral=True)
        self.asked.put_nowait(interaction)

    async def used(self, channel: Channel, command: str = "latest") -> discord.Interaction:
        """Ada uses a command there: what the bot got of it."""
        await self.standin.slash(self.ada, channel, command)
        async with asyncio.timeout(PATIENCE):
            return await self.asked.get()


@pytest.fixture
async def place() -> AsyncIterator[Travelling]:
    """A bot that Ada has installed for herself."""
    async with DiscordStandIn() as standin:
        client = Bot()
        place = Travelling(standin, client)
        place.ada.has_app = True
        async with connected(standin, client):
            yield place


async def test_a_person_takes_the_bot_to_a_server_that_it_is_not_in(place: Travelling) -> None:
    """The bot hears that the person brought it, and that it may neither see the place nor write there."""
    foreign = place.standin.add_guild("Elsewhere", bot_is_in=False)
    place.standin.add_member(foreign, place.ada)
    text = place.standin.add_text(foreign, "general")
    asked = await place.used(text)
    assert (asked.guild_id, asked.channel_id) == (foreign.id, text.id)
    assert (asked.is_guild_integration(), asked.is_user_integration()) == (False, True)
    assert (asked.app_permissions.view_channel, asked.app_permissions.send_messages) == (False, False)
    assert asked.permissions.value == MEMBER
    with pytest.raises(discord.Forbidden) as refused:
        await place.at(text).send("Bonjour")
    assert refused.value.code == 50001


async def test_where_a_person_brought_the_bot_it_may_say_six_things(place: Travelling) -> None:
    """The first answer and five after it; where it is a member there is no such limit."""
    foreign = place.standin.add_guild("Elsewhere", bot_is_in=False)
    place.standin.add_member(foreign, place.ada)
    asked = await place.used(place.standin.add_text(foreign, "general"))
    for _ in range(5):
        await asked.followup.send("Encore", ephemeral=True)
    with pytest.raises(discord.HTTPException) as refused:
        await asked.followup.send("Encore", ephemeral=True)
    assert refused.value.code == 40094
    at_home = await place.used(place.text)
    for _ in range(6):
        await at_home.followup.send("Encore", ephemeral=True)


async def test_a_person_takes_the_bot_to_a_private_conversation(place: Travelling) -> None:
    """Of several people, where no bot is ever a member."""
    group = place.standin.add_group("Les amis", place.ada, place.standin.add_user("Bob"))
    asked = await place.used(group)
    assert asked.context.private_channel
    assert (asked.guild_id, asked.is_user_integration()) == (None, True)
    with pytest.raises(discord.Forbidden) as refused:
        await place.at(group).send("Bonjour")
    assert refused.value.code == 50001
    stranger = place.standin.add_user("Eve", has_app=True)
    with pytest.raises(NotOfferedError):
        await place.standin.slash(stranger, group, "latest")


async def test_in_its_own_conversation_the_bot_is_told_no_right_to_write(place: Travelling) -> None:
    """What it may do there is told as everywhere that has no members: the right to send is not among it."""
    private = place.standin.direct(place.ada)
    asked = await place.used(private, "here")
    assert asked.context.dm_channel
    assert (asked.app_permissions.embed_links, asked.app_permissions.send_messages) == (True, False)
    await place.at(private).send("Bonjour")


async def test_commands_are_offered_where_they_are_installed(place: Travelling) -> None:
    """Not to those who did not install them, and only those that a person may install."""
    foreign = place.standin.add_guild("Elsewhere", bot_is_in=False)
    bob = place.standin.add_user("Bob")
    for member in (place.ada, bob):
        place.standin.add_member(foreign, member)
    text = place.standin.add_text(foreign, "general")
    for person, command in ((bob, "latest"), (place.ada, "here")):
        with pytest.raises(NotOfferedError):
            await place.standin.slash(person, text, command)
    assert place.asked.empty()


async def test_an_answer_remembers_who_asked(place: Travelling) -> None:
    """And so does the answer to the press of its button, of the one who pressed."""
    voice = place.standin.add_voice(place.guild, "Salon")
    first = await place.standin.slash(place.ada, voice, "latest")
    second = await place.standin.press(await first.reply(), "again", place.ada)
    await place.standin.press(await second.reply(), "again", place.ada)
    async with asyncio.timeout(PATIENCE):
        _command, of_command, of_press = [await place.asked.get() for _ in range(3)]
    for asked, origin in ((of_command, first), (of_press, second)):
        assert asked.message is not None
        assert asked.message.interaction_metadata is not None
        assert asked.message.interaction_metadata.id == origin.id
        assert asked.message.interaction_metadata.user.id == place.ada.id
    assert of_press.message is not None
    assert of_press.message.interaction_metadata is not None
    assert first.original is not None
    assert of_press.message.interaction_metadata.interacted_message_id == first.original.id
