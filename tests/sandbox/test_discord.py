"""The stand-in of Discord as the real discord.py sees it: its account, channels and messages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import aiohttp
import discord
import pytest
from discord.http import Route

from bot.sandbox.discord.messages import Flag, Pings
from bot.sandbox.discord.server import DiscordStandIn
from bot.sandbox.discord.world import BOT, Permission
from tests.sandbox.discord_bot import Bot, Clock, Place, connected, layout, logged_in, pointed_at

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from bot.sandbox.discord.world import Channel


@pytest.fixture
def clock() -> Clock:
    """The time that the stand-in goes by."""
    return Clock()


@pytest.fixture
async def place(clock: Clock) -> AsyncIterator[Place]:
    """A stand-in and a client that talk."""
    async with DiscordStandIn(clock=clock) as standin, logged_in(standin) as client:
        yield Place(standin, client)


async def test_a_client_logs_in_and_knows_its_servers() -> None:
    """READY and the events after it fill discord.py's cache: servers, channels of every kind, threads, permissions."""
    async with DiscordStandIn() as standin:
        place = Place(standin, Bot())
        standin.add_guild("Another")
        standin.permit(place.news, BOT & ~Permission.SEND_MESSAGES)
        async with connected(standin, place.client):
            guild = place.client.get_guild(place.guild.id)
            assert guild is not None
            assert {guild.name for guild in place.client.guilds} == {"Recap fans", "Another"}
            assert {channel.name for channel in guild.channels} == {"general", "news", "episodes"}
            assert [thread.name for thread in guild.threads] == ["recap"]
            forum = guild.get_channel(place.forum.id)
            assert isinstance(forum, discord.ForumChannel)
            assert [tag.name for tag in forum.available_tags] == ["news", "tech"]
            may = {channel.name: channel.permissions_for(guild.me).send_messages for channel in guild.channels}
            assert may == {"general": True, "news": False, "episodes": True}


async def test_a_wrong_token_is_refused() -> None:
    """A 401, which discord.py reports as a failed login."""
    async with DiscordStandIn() as standin:
        with pointed_at(standin):
            async with Bot() as client:
                with pytest.raises(discord.LoginFailure):
                    await client.login("wrong")


async def test_what_nobody_knows_is_not_found() -> None:
    """Unknown paths and methods get Discord's own error shape."""
    async with DiscordStandIn() as standin, aiohttp.ClientSession() as session:
        async with session.get(f"{standin.api_url}/nothing") as response:
            assert (response.status, await response.json()) == (404, {"message": "404: Not Found", "code": 0})
        async with session.put(f"{standin.api_url}/gateway/bot") as response:
            assert (response.status, (await response.json())["message"]) == (405, "405: Method Not Allowed")


@pytest.mark.parametrize("where", ["text", "news", "thread"])
async def test_components_arrive_as_they_were_sent(place: Place, where: str) -> None:
    """A layout sent to a text channel, an announcement channel or a thread is kept there component by component."""
    channel: Channel = getattr(place, where)
    sent = await place.at(channel).send(view=layout(), silent=True)
    (message,) = channel.messages
    assert message.id == sent.id
    assert message.components == tuple(layout().to_components())  # type: ignore[no-untyped-call]  # not typed in discord.py
    assert message.flags == Flag.COMPONENTS_V2 | Flag.SUPPRESS_NOTIFICATIONS
    assert (message.content, message.text) == ("", "Salut")
    assert place.standin.traffic.requests[message.request].chat == str(channel.id)
    (read,) = [message async for message in place.at(channel).history()]
    assert [str(child) for child in sent.components] == [str(child) for child in read.components]


async def test_a_forum_post_is_a_thread_with_its_first_message(place: Place) -> None:
    """The thread carries name and tags; it and its first message share their id, and further messages follow in it."""
    forum = await place.client.fetch_channel(place.forum.id)
    assert isinstance(forum, discord.ForumChannel)
    opened = await place.open_post(view=layout(), applied_tags=[forum.available_tags[1]])
    (thread,) = place.forum.threads
    assert (thread.name, [tag.name for tag in thread.tags]) == ("Episode 1207", ["tech"])
    assert thread.id == opened.thread.id == opened.message.id == thread.messages[0].id
    await place.client.get_partial_messageable(thread.id).send(view=layout("Suite"))
    assert [message.text for message in thread.messages] == ["Salut", "Suite"]


async def test_mistakes_in_a_post_are_told_under_its_message(place: Place) -> None:
    """Because the message is a field of the post's form."""
    with pytest.raises(discord.HTTPException, match=r"message\.content"):
        await place.open_post(content="x" * 2001)


async def test_forum_posts_know_no_nonce(place: Place) -> None:
    """Sent again with the same nonce a post is made twice."""
    route = Route("POST", "/channels/{channel_id}/threads", channel_id=place.forum.id)
    form = {"name": "Episode", "message": {"content": "Salut", "nonce": "one", "enforce_nonce": True}}
    for _ in range(2):
        await place.client.http.request(route, json=form)
    assert [thread.messages[0].nonce for thread in place.forum.threads] == [None, None]


async def test_the_same_nonce_brings_the_same_message_back(place: Place, clock: Clock) -> None:
    """Within minutes a nonce makes no second message, not even elsewhere; afterwards it does."""
    first = await place.at(place.text).send("Salut", nonce="recap-1207-0")
    again = await place.at(place.news).send("Salut", nonce="recap-1207-0")
    assert first.id == again.id
    assert (len(place.text.messages), len(place.news.messages)) == (1, 0)
    clock.move(minutes=6)
    later = await place.at(place.text).send("Salut", nonce="recap-1207-0")
    assert later.id != first.id
    assert [message.nonce for message in place.text.messages] == ["recap-1207-0"] * 2


async def test_the_nonce_of_a_deleted_message_is_refused(place: Place) -> None:
    """Discord remembers the nonce and finds no message any more."""
    message = await place.at(place.text).send("Salut", nonce="one")
    await message.delete()
    assert place.text.messages == []
    with pytest.raises(discord.NotFound) as error:
        await place.at(place.text).send("Salut", nonce="one")
    assert error.value.code == 10008


async def test_an_edit_keeps_what_was_shown_before(place: Place) -> None:
    """Components can be replaced, and the components flag cannot be taken back."""
    sent = await place.at(place.text).send(view=layout("Before"))
    await sent.edit(view=layout("After"))
    (message,) = place.text.messages
    assert (message.text, [content.said for content in message.edits]) == ("After", ["Before"])
    with pytest.raises(discord.HTTPException) as error:
        await sent.edit(content="Plain", view=None)
    assert error.value.code == 50035
    assert message.flags == Flag.COMPONENTS_V2


async def test_only_announcements_are_published_and_only_once(place: Place) -> None:
    """A message of an announcement channel goes on to its followers; a second time is 40033."""
    news = await place.at(place.news).send(view=layout())
    await news.publish()
    assert place.news.messages[0].published
    with pytest.raises(discord.HTTPException) as again:
        await news.publish()
    with pytest.raises(discord.HTTPException) as elsewhere:
        await (await place.at(place.text).send("Salut")).publish()
    assert (again.value.code, elsewhere.value.code) == (40033, 50024)


async def test_people_get_private_messages_if_they_accept_them(place: Place) -> None:
    """A private channel exists once; who closed theirs answers 50007, and who shares no server 50278."""
    ada = await place.client.create_dm(discord.Object(place.ada.id))
    await ada.send("Salut")
    await ada.send("Encore")
    assert [message.content for message in place.standin.direct(place.ada).messages] == ["Salut", "Encore"]
    place.ada.accepts_dms = False
    with pytest.raises(discord.Forbidden) as closed:
        await ada.send("Salut")
    stranger = await place.client.create_dm(discord.Object(place.standin.add_user("Bob").id))
    with pytest.raises(discord.Forbidden) as unknown:
        await stranger.send("Salut")
    assert (closed.value.code, unknown.value.code) == (50007, 50278)


def test_the_rights_in_a_thread_are_those_in_its_channel() -> None:
    """A thread has none of its own."""
    standin = DiscordStandIn()
    text = standin.add_text(standin.add_guild("Recap fans"), "general")
    thread = standin.add_thread(text, "recap", standin.add_user("Ada"))
    standin.permit(text, Permission.VIEW_CHANNEL)
    assert thread.bot_permissions == Permission.VIEW_CHANNEL


async def test_a_message_opens_an_archived_thread_again(place: Place) -> None:
    """Unless it is locked."""
    place.standin.change_thread(place.thread, archived=True)
    await place.at(place.thread).send("Salut")
    assert not place.thread.archived


@pytest.mark.parametrize(
    ("allowed", "alerted"),
    [
        (None, Pings(everyone=True, users=frozenset({7}), roles=frozenset({8}))),
        (discord.AllowedMentions.none(), Pings()),
        (discord.AllowedMentions(everyone=False, users=[discord.Object(7)], roles=False), Pings(users=frozenset({7}))),
    ],
    ids=["unsaid", "none", "some"],
)
async def test_it_shows_whom_a_message_would_alert(
    place: Place, allowed: discord.AllowedMentions | None, alerted: Pings
) -> None:
    """Every message says whom its text alerts under its allowed mentions; unsaid, that is everybody it names."""
    text = "@everyone <@7> <@&8>"
    options: dict[str, Any] = {} if allowed is None else {"allowed_mentions": allowed}
    for channel, content in ((place.text, {"content": text}), (place.news, {"view": layout(text)})):
        await place.at(channel).send(**content, **options)
        assert channel.messages[0].pings == alerted


async def test_an_edit_may_alert_too(place: Place) -> None:
    """What an edit would alert is added: the bot must forbid mentions there as well."""
    sent = await place.at(place.text).send("Salut", allowed_mentions=discord.AllowedMentions.none())
    await sent.edit(content="@here")
    assert place.text.messages[0].pings.everyone


async def test_it_can_be_restarted_at_the_same_address(place: Place) -> None:
    """After a stop and a start the address and the world are as before."""
    address = place.standin.api_url
    await place.standin.stop()
    with pytest.raises(aiohttp.ClientError):
        await place.at(place.text).send("Salut")
    await place.standin.start()
    await place.at(place.text).send("Salut")
    assert place.standin.api_url == address
    assert len(place.text.messages) == 1
