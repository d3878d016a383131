"""People use the bot on the stand-in, and the real discord.py answers them."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import discord
import pytest
from discord import app_commands

from bot.sandbox.discord.interactions import Callback, Interaction
from bot.sandbox.discord.messages import Flag
from bot.sandbox.discord.people import NotOfferedError
from bot.sandbox.discord.server import DiscordStandIn
from bot.sandbox.discord.world import MEMBER, Permission
from tests.sandbox.discord_bot import Bot, Clock, Place, connected, layout
from tests.waiting import PATIENCE

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    Answer = Callable[[discord.Interaction], Awaitable[object]]


class Answering(Place):
    """A place whose bot has one command, `/topic`, and does with it, and with components, as the test says."""

    client: Bot

    def __init__(self, standin: DiscordStandIn, client: Bot) -> None:
        super().__init__(standin, client)
        self.answer: Answer = _hello
        self.asked: list[discord.Interaction] = []
        self.errors: asyncio.Queue[Exception] = asyncio.Queue()

        @client.tree.command()
        @app_commands.autocomplete(name=_suggest)
        @app_commands.choices(length=[app_commands.Choice(name="Short", value=1)])
        async def topic(
            interaction: discord.Interaction,
            name: str,
            length: app_commands.Choice[int] | None = None,
            share: bool = False,  # noqa: FBT002 - an option of the command
        ) -> None:
            """One topic."""
            interaction.extras = {"name": name, "length": length and length.value, "share": share}
            await self.act(interaction)

        @client.tree.command()
        @app_commands.default_permissions(manage_guild=True)
        @app_commands.guild_only()
        async def subscribe(interaction: discord.Interaction) -> None:
            """For those who run the server."""
            await self.act(interaction)

        @client.event
        async def on_interaction(interaction: discord.Interaction) -> None:
            if interaction.type is discord.InteractionType.component:
                await self.act(interaction)

    async def act(self, interaction: discord.Interaction) -> None:
        """Answer, and keep the error if Discord does not let us."""
        self.asked.append(interaction)
        try:
            await self.answer(interaction)
        except discord.HTTPException as error:
            self.errors.put_nowait(error)

    async def error(self) -> discord.HTTPException:
        """The next answer that was refused."""
        async with asyncio.timeout(PATIENCE):
            error = await self.errors.get()
        assert isinstance(error, discord.HTTPException)
        return error

    async def ask(self, answer: Answer, **options: Any) -> Interaction:  # noqa: ANN401 - values of options
        """Ada asks for a topic, and the bot answers so."""
        self.answer = answer
        return await self.standin.slash(self.ada, self.text, "topic", **{"name": "tiktok", **options})


async def _hello(interaction: discord.Interaction) -> None:
    await interaction.response.send_message("Salut", ephemeral=True)


async def _suggest(_: discord.Interaction, typed: str) -> list[app_commands.Choice[str]]:
    return [app_commands.Choice(name=name, value=name.lower()) for name in ("TikTok", "Twitch") if typed in name]


@pytest.fixture
def clock() -> Clock:
    """The time that the stand-in goes by."""
    return Clock()


@pytest.fixture
async def place(clock: Clock) -> AsyncIterator[Answering]:
    """A bot that answers."""
    async with DiscordStandIn(clock=clock) as standin:
        place = Answering(standin, Bot())
        async with connected(standin, place.client):
            yield place


async def test_an_ephemeral_answer_stays_with_the_person(place: Answering) -> None:
    """It is in the interaction and not in the channel."""
    interaction = await place.ask(_hello, length=1, share=True)
    reply = await interaction.reply()
    assert (reply.content, reply.ephemeral, interaction.ephemeral) == ("Salut", True, True)
    assert place.text.messages == []
    (asked,) = place.asked
    assert asked.extras == {"name": "tiktok", "length": 1, "share": True}
    assert (asked.user.id, asked.channel_id, asked.guild_id) == (place.ada.id, place.text.id, place.guild.id)
    assert asked.locale is discord.Locale.french


async def test_a_public_answer_is_in_the_channel(place: Answering) -> None:
    """Everybody sees it, and follow-ups come after it."""

    async def answer(asked: discord.Interaction) -> None:
        await asked.response.send_message(view=layout())
        await asked.followup.send("Encore")
        await asked.followup.send("Secret", ephemeral=True)

    interaction = await place.ask(answer)
    assert (await interaction.reply(3)).ephemeral
    assert [message.text for message in interaction.messages] == ["Salut", "Encore", "Secret"]
    assert [message.text for message in place.text.messages] == ["Salut", "Encore"]
    assert {message.interaction for message in place.text.messages} == {interaction.id}


@pytest.mark.parametrize("ephemeral", [True, False])
@pytest.mark.parametrize("by_follow_up", [True, False])
async def test_a_deferred_answer_comes_later(place: Answering, *, ephemeral: bool, by_follow_up: bool) -> None:
    """The person sees that the bot thinks; edit or first follow-up puts components in the promised message's place."""
    thought = asyncio.Event()

    async def answer(asked: discord.Interaction) -> None:
        await asked.response.defer(ephemeral=ephemeral, thinking=True)
        await thought.wait()
        if by_follow_up:
            await asked.followup.send(view=layout())
        else:
            await asked.edit_original_response(view=layout())

    interaction = await place.ask(answer)
    await interaction.answered()
    assert interaction.callback is Callback.DEFERRED_MESSAGE
    assert interaction.messages == []
    assert interaction.original is not None
    assert Flag.LOADING in interaction.original.flags
    thought.set()
    reply = await interaction.reply()
    assert (reply.text, reply.ephemeral, reply.edits, interaction.followups) == ("Salut", ephemeral, [], [])
    assert Flag.COMPONENTS_V2 in reply.flags
    assert place.text.messages == ([] if ephemeral else [reply])


async def test_answers_can_be_edited(place: Answering) -> None:
    """By its own name or by its id; one that does not exist is 10008."""

    async def answer(asked: discord.Interaction) -> None:
        await asked.response.send_message("Salut")
        await asked.edit_original_response(content="Bonjour")
        more = await asked.followup.send("Encore", wait=True)
        await more.edit(content="Toujours")
        with pytest.raises(discord.NotFound) as unknown:
            await asked.followup.edit_message(1, content="Rien")
        place.errors.put_nowait(unknown.value)

    interaction = await place.ask(answer)
    assert (await place.error()).code == 10008
    edits = [(message.text, [content.said for content in message.edits]) for message in interaction.messages]
    assert edits == [("Bonjour", ["Salut"]), ("Toujours", ["Encore"])]


async def test_suggestions_follow_what_is_typed(place: Answering) -> None:
    """The choices that the bot offers for so much of an option."""
    interaction = await place.standin.autocomplete(place.ada, place.text, "topic", "name", "Tik")
    assert [choice["value"] for choice in await interaction.suggestions()] == ["tiktok"]
    nothing = await place.standin.autocomplete(place.ada, place.text, "topic", "name", "x", share=True)
    assert await nothing.suggestions() == []


async def test_too_many_suggestions_are_refused(place: Answering) -> None:
    """Discord takes twenty-five."""

    async def answer(asked: discord.Interaction) -> None:
        await asked.response.autocomplete([app_commands.Choice(name=str(n), value=str(n)) for n in range(26)])

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(place.client.tree, "_from_interaction", lambda asked: asyncio.ensure_future(place.act(asked)))
        place.answer = answer
        interaction = await place.standin.autocomplete(place.ada, place.text, "topic", "name", "")
        assert (await place.error()).code == 50035
    assert interaction.choices is None


def press_me() -> discord.ui.LayoutView:
    """A message with a button that works and one that is disabled."""
    view = discord.ui.LayoutView(timeout=None)
    button: discord.ui.Button[discord.ui.LayoutView] = discord.ui.Button(label="More", custom_id="more")
    off: discord.ui.Button[discord.ui.LayoutView] = discord.ui.Button(label="Off", custom_id="off", disabled=True)
    for item in (button, off):
        view.add_item(discord.ui.ActionRow(item))
    view.stop()
    return view


async def test_a_pressed_button_may_change_its_message(place: Answering) -> None:
    """Or defer the change; the message is the one that the button stood below."""

    async def answer(asked: discord.Interaction) -> None:
        if len(place.asked) == 1:
            await asked.response.edit_message(view=press_me().add_item(discord.ui.TextDisplay("Un")))
        else:
            await asked.response.defer()
            await asked.edit_original_response(view=layout("Deux"))

    place.answer = answer
    await place.client.get_partial_messageable(place.text.id).send(view=press_me())
    (message,) = place.text.messages
    first = await place.standin.press(message, "more", place.ada)
    assert (await first.reply()).text == "Un"
    second = await place.standin.press(message, "more", place.ada)
    await place.standin.wait_for(lambda: message.text == "Deux")
    assert (first.callback, second.callback) == (Callback.UPDATE, Callback.DEFERRED_UPDATE)
    assert place.asked[0].message is not None
    assert place.asked[0].message.id == message.id
    assert place.text.messages == [message]


async def test_a_button_below_an_ephemeral_answer_can_be_pressed(place: Answering) -> None:
    """Like any other button."""

    async def answer(asked: discord.Interaction) -> None:
        await asked.response.send_message(str(len(place.asked)), view=_again(), ephemeral=True)

    first = await (await place.ask(answer)).reply()
    pressed = await (await place.standin.press(first, "again", place.ada)).reply()
    assert (first.text, pressed.text) == ("1", "2")


def _again() -> discord.ui.View:
    view = discord.ui.View(timeout=None)
    view.add_item(discord.ui.Button(label="Again", custom_id="again"))
    view.stop()
    return view


async def test_people_cannot_do_what_discord_would_not_offer(place: Answering) -> None:
    """Unknown commands, options and values, missing rights, dead buttons: the mistake is told, no event is sent."""
    standin, ada, text = place.standin, place.ada, place.text
    await place.client.get_partial_messageable(text.id).send(view=press_me())
    (message,) = text.messages
    stranger = standin.add_user("Bob")
    mistakes: list[Awaitable[object]] = [
        standin.slash(ada, text, "nothing"),
        standin.slash(ada, text, "topic"),
        standin.slash(ada, text, "topic", name="x", other="y"),
        standin.slash(ada, text, "topic", name=5),
        standin.slash(ada, text, "topic", name="x", length=2),
        standin.slash(ada, text, "topic", name="x", length=True),
        standin.slash(stranger, text, "topic", name="x"),
        standin.slash(ada, text, "subscribe"),
        standin.slash(ada, standin.direct(ada), "subscribe"),
        standin.autocomplete(ada, text, "topic", "share", "t"),
        standin.autocomplete(ada, text, "topic", "other", "t"),
        standin.press(message, "nothing", ada),
        standin.press(message, "off", ada),
        standin.press(message, "more", stranger),
    ]
    for mistake in mistakes:
        with pytest.raises(NotOfferedError):
            await mistake
    assert place.asked == []


async def test_rights_reach_the_bot(place: Answering) -> None:
    """The bot is told what the person may do, and is offered only to those who may."""
    place.standin.add_member(place.guild, place.ada, MEMBER | Permission.MANAGE_GUILD)
    await (await place.standin.slash(place.ada, place.text, "subscribe")).reply()
    boss = place.standin.add_user("Boss", locale="en-GB")
    place.standin.add_member(place.guild, boss, Permission.ADMINISTRATOR)
    await (await place.standin.slash(boss, place.text, "subscribe")).reply()
    assert [asked.permissions.manage_guild for asked in place.asked] == [True, True]
    assert [asked.permissions.manage_messages for asked in place.asked] == [False, True]


async def test_a_command_works_in_private(place: Answering) -> None:
    """Without a server there is a user and no member."""
    private = place.standin.direct(place.ada)
    await (await place.standin.slash(place.ada, private, "topic", name="x")).reply()
    (asked,) = place.asked
    assert (asked.guild_id, asked.user.name, asked.channel_id) == (None, "Ada", private.id)


async def test_an_answer_after_three_seconds_is_too_late(place: Answering, clock: Clock) -> None:
    """Discord knows the interaction no more."""

    async def answer(asked: discord.Interaction) -> None:
        clock.move(seconds=3.1)
        await _hello(asked)

    interaction = await place.ask(answer)
    error = await place.error()
    assert (type(error), error.code) == (discord.NotFound, 10062)
    assert interaction.callback is None


async def test_there_is_one_first_answer(place: Answering) -> None:
    """A second is refused, with discord.py's own guard out of the way."""

    async def answer(asked: discord.Interaction) -> None:
        await _hello(asked)
        await discord.InteractionResponse(asked).send_message("Encore")

    await place.ask(answer)
    assert (await place.error()).code == 40060


async def test_the_token_is_good_for_fifteen_minutes(place: Answering, clock: Clock) -> None:
    """And for nothing before the first answer."""

    async def answer(asked: discord.Interaction) -> None:
        with pytest.raises(discord.NotFound) as early:
            await asked.followup.send("Trop tôt")
        place.errors.put_nowait(early.value)
        await _hello(asked)
        clock.move(minutes=15, seconds=1)
        await asked.followup.send("Trop tard")

    interaction = await place.ask(answer)
    assert (await place.error()).code == 10015
    assert (await place.error()).code == 50027
    assert len(interaction.messages) == 1


async def test_an_answer_is_under_the_rules_for_messages(place: Answering) -> None:
    """And a refused one leaves the interaction open for another."""

    async def answer(asked: discord.Interaction) -> None:
        with pytest.raises(discord.HTTPException) as refused:
            await discord.InteractionResponse(asked).send_message("x" * 2001)
        place.errors.put_nowait(refused.value)
        await _hello(asked)

    interaction = await place.ask(answer)
    error = await place.error()
    assert error.code == 50035
    assert "data.content" in error.text
    assert (await interaction.reply()).text == "Salut"


async def test_waiting_for_an_answer_ends(place: Answering) -> None:
    """When there is none, the wait says so."""

    async def answer(_: discord.Interaction) -> None:
        pass

    interaction = await place.ask(answer)
    with pytest.raises(TimeoutError):
        await interaction.reply(within=0.05)
