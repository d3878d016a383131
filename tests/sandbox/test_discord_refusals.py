"""What Discord refuses the stand-in refuses too, and discord.py reports it as it reports the real refusals."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

import discord
import pytest

from bot.sandbox.discord.server import DiscordStandIn
from bot.sandbox.discord.world import BOT, Permission
from tests.sandbox.discord_bot import Place, logged_in

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


@pytest.fixture
async def place() -> AsyncIterator[Place]:
    """A stand-in and a client that talk."""
    async with DiscordStandIn() as standin, logged_in(standin) as client:
        yield Place(standin, client)


Request = Callable[[Place], Awaitable[object]]


async def deleted_channel(place: Place) -> None:
    """A channel that is not there any more."""
    place.standin.delete_channel(place.text)
    await place.at(place.text).send("Salut")


async def thread_of_deleted_channel(place: Place) -> None:
    """A thread whose channel was deleted, and the thread with it."""
    place.standin.delete_channel(place.text)
    await place.at(place.thread).send("Salut")


async def hidden_channel(place: Place) -> None:
    """A channel the bot cannot see."""
    place.standin.permit(place.text, Permission.SEND_MESSAGES)
    await place.at(place.text).send("Salut")


async def thrown_out(place: Place) -> None:
    """A channel of a server that the bot was thrown out of."""
    place.standin.remove_guild(place.guild)
    await place.at(place.text).send("Salut")


async def silenced(place: Place) -> None:
    """A channel the bot may only read."""
    place.standin.permit(place.text, Permission.VIEW_CHANNEL)
    await place.at(place.text).send("Salut")


async def silenced_in_threads(place: Place) -> None:
    """A thread of a channel where the bot may write, but not in threads."""
    place.standin.permit(place.text, BOT & ~Permission.SEND_MESSAGES_IN_THREADS)
    await place.at(place.thread).send("Salut")


async def locked_thread(place: Place) -> None:
    """A locked thread."""
    place.standin.change_thread(place.thread, locked=True)
    await place.at(place.thread).send("Salut")


async def archived_thread(place: Place) -> None:
    """A thread that was archived and locked."""
    place.standin.change_thread(place.thread, archived=True, locked=True)
    await place.at(place.thread).send("Salut")


async def edit_in_archive(place: Place) -> None:
    """An edit in an archived thread."""
    message = await place.at(place.thread).send("Salut")
    place.standin.change_thread(place.thread, archived=True)
    await message.edit(content="Bonjour")


async def message_to_forum(place: Place) -> None:
    """A message to a forum, which only takes posts."""
    await place.at(place.forum).send("Salut")


async def post_without_tag(place: Place) -> None:
    """A post without a tag where the forum insists on one."""
    place.forum.tag_required = True
    await place.open_post(content="Salut")


async def post_with_unknown_tag(place: Place) -> None:
    """A post with a tag of some other forum."""
    await place.open_post(content="Salut", applied_tags=[discord.Object(1)])


async def long_post(place: Place) -> None:
    """A post whose first message is too long."""
    await place.open_post(content="x" * 2001)


async def unknown_message(place: Place) -> None:
    """A message that never was."""
    await place.at(place.text).get_partial_message(1).delete()


async def empty_message(place: Place) -> None:
    """A message that shows nothing."""
    await place.at(place.text).send(" ")


async def long_content(place: Place) -> None:
    """A text of 2,001 characters."""
    await place.at(place.text).send("x" * 2001)


async def long_nonce(place: Place) -> None:
    """A nonce of 26 characters."""
    await place.at(place.text).send("Salut", nonce="x" * 26)


async def unknown_person(place: Place) -> None:
    """A private conversation with nobody."""
    await place.client.create_dm(discord.Object(1))


@pytest.mark.parametrize(
    ("request_", "error", "code"),
    [
        (deleted_channel, discord.NotFound, 10003),
        (thread_of_deleted_channel, discord.NotFound, 10003),
        (unknown_message, discord.NotFound, 10008),
        (hidden_channel, discord.Forbidden, 50001),
        (thrown_out, discord.Forbidden, 50001),
        (silenced, discord.Forbidden, 50013),
        (silenced_in_threads, discord.Forbidden, 50013),
        (locked_thread, discord.Forbidden, 160005),
        (archived_thread, discord.HTTPException, 50083),
        (edit_in_archive, discord.HTTPException, 50083),
        (message_to_forum, discord.HTTPException, 50008),
        (post_without_tag, discord.HTTPException, 40067),
        (post_with_unknown_tag, discord.NotFound, 10087),
        (long_post, discord.HTTPException, 50035),
        (empty_message, discord.HTTPException, 50006),
        (long_content, discord.HTTPException, 50035),
        (long_nonce, discord.HTTPException, 50035),
        (unknown_person, discord.HTTPException, 50033),
    ],
    ids=lambda value: getattr(value, "__name__", str(value)),
)
async def test_refusals_are_discord_errors(
    place: Place, request_: Request, error: type[discord.HTTPException], code: int
) -> None:
    """What Discord refuses reaches the client as discord.py's typed error, with Discord's code; nothing is kept."""
    with pytest.raises(error) as refused:
        await request_(place)
    assert (type(refused.value), refused.value.code) == (error, code)
    assert place.text.messages == []
    assert all(thread.name == "recap" for thread in place.forum.threads)
