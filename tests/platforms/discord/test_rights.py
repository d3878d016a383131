"""What `recap check --online` finds in a channel, before a push does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from bot.model.document import Document, Paragraph, Section, Span
from bot.model.subscription import Choices, PlatformName, Target
from bot.platforms.base import Post, TargetClosedError
from bot.platforms.discord.render import render
from bot.sandbox.discord.messages import Pings
from bot.sandbox.discord.server import DiscordStandIn
from bot.sandbox.discord.world import BOT, Permission
from tests.clients import connected, discord_client

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from bot.sandbox.discord.world import Channel, Guild


@pytest.fixture
async def discord() -> AsyncIterator[DiscordStandIn]:
    """Discord."""
    async with DiscordStandIn() as standin:
        yield standin


@pytest.fixture
def guild(discord: DiscordStandIn) -> Guild:
    """A server that the bot is in, with all it needs."""
    return discord.add_guild("Auditeurs")


async def inspected(discord: DiscordStandIn, channel: Channel, **choices: Any) -> str:  # noqa: ANN401 - of `Choices`
    """What stands in the way of a push there; nothing if nothing does. Nobody there notices that the bot looked."""
    async with connected(discord_client(discord)) as platform:
        try:
            found = await platform.inspect(Target(PlatformName("discord"), str(channel.id)), Choices(**choices))
        except TargetClosedError as error:
            return str(error)
    assert not channel.messages
    return "; ".join(found)


async def test_nothing_stands_in_the_way_where_the_bot_may_write(discord: DiscordStandIn, guild: Guild) -> None:
    """In every kind of place that takes a push."""
    text = discord.add_text(guild, "récap")
    thread = discord.add_thread(text, "Les récaps", discord.add_user("Anna"))
    places = [text, thread, discord.add_forum(guild, "Épisodes"), discord.add_voice(guild, "Plateau")]
    assert [await inspected(discord, place) for place in places] == ["", "", "", ""]


async def test_an_administrator_needs_nothing_else(discord: DiscordStandIn) -> None:
    """The one permission holds all others."""
    server = discord.add_guild("Ailleurs", Permission.ADMINISTRATOR)
    assert not await inspected(discord, discord.add_text(server, "récap"))


@pytest.mark.parametrize("kind", ["text", "forum"])
async def test_a_channel_where_the_bot_may_only_read_is_found(discord: DiscordStandIn, guild: Guild, kind: str) -> None:
    """It is told what to give the bot there."""
    channel = discord.add_text(guild, "récap") if kind == "text" else discord.add_forum(guild, "Épisodes")
    discord.permit(channel, BOT & ~Permission.SEND_MESSAGES)
    assert "Send Messages" in await inspected(discord, channel)


async def test_a_channel_that_the_bot_cannot_see_is_found(discord: DiscordStandIn, guild: Guild) -> None:
    """Discord itself refuses to tell of it; so it does of one on a server that threw the bot out."""
    channel = discord.add_text(guild, "récap")
    discord.permit(channel, BOT & ~Permission.VIEW_CHANNEL)
    assert "View Channel" in await inspected(discord, channel)


async def test_a_thread_has_a_permission_of_its_own(discord: DiscordStandIn, guild: Guild) -> None:
    """Writing in the channel is no leave to write in its threads, nor to write a second message in a forum's post."""
    channel = discord.add_text(guild, "récap")
    thread = discord.add_thread(channel, "Les récaps", discord.add_user("Anna"))
    discord.permit(channel, BOT & ~Permission.SEND_MESSAGES_IN_THREADS)
    assert "Send Messages in Threads" in await inspected(discord, thread)
    assert not await inspected(discord, channel)
    forum = discord.add_forum(guild, "Épisodes")
    discord.permit(forum, BOT & ~Permission.SEND_MESSAGES_IN_THREADS)
    assert "Send Messages in Threads" in await inspected(discord, forum)


async def test_a_locked_thread_is_found(discord: DiscordStandIn, guild: Guild) -> None:
    """An archived one is not in the way: a message opens it again."""
    channel, anna = discord.add_text(guild, "récap"), discord.add_user("Anna")
    assert "locked" in await inspected(discord, discord.add_thread(channel, "Fermé", anna, locked=True))
    assert not await inspected(discord, discord.add_thread(channel, "Rangé", anna, archived=True))


async def test_only_an_announcement_channel_can_be_published_from(discord: DiscordStandIn, guild: Guild) -> None:
    """Where the config says `publish = true` of another one, nobody would get it."""
    assert not await inspected(discord, discord.add_announcement(guild, "annonces"), publish=True)
    assert "announcement channels" in await inspected(discord, discord.add_text(guild, "récap"), publish=True)


async def test_pins_and_mentions_that_cannot_be_are_named_with_their_cure(discord: DiscordStandIn) -> None:
    """A push comes all the same; with the rights, or with a role that anybody may mention, nothing is said."""
    plain = discord.add_guild("Auditeurs")
    role, free = discord.add_role(plain, "Récap"), discord.add_role(plain, "Tous", mentionable=True)
    text = discord.add_text(plain, "récap")
    wished = {"pin": True, "mention": f"role:{role.id}"}
    found = await inspected(discord, text, **wished)
    assert "give it the permission Pin Messages" in found
    assert "the bot may not mention the role Récap: allow anyone to mention it" in found
    assert "has no role 5 to mention" in await inspected(discord, text, mention="role:5")
    assert f"has no role {plain.id} to mention" in await inspected(discord, text, mention=f"role:{plain.id}")
    assert not await inspected(discord, text, mention=f"role:{free.id}")
    forum = discord.add_forum(plain, "Épisodes")
    assert "give it the permission Manage Threads" in await inspected(discord, forum, pin=True)
    discord.permit(forum, BOT | Permission.MANAGE_THREADS)
    assert not await inspected(discord, forum, pin=True)
    discord.permit(text, BOT | Permission.PIN_MESSAGES | Permission.MENTION_EVERYONE)
    assert not await inspected(discord, text, **wished)


async def test_the_one_pin_of_a_forum_that_another_post_has_is_told(discord: DiscordStandIn) -> None:
    """It is not the bot's to take; the bot's own pin makes room by itself."""
    server = discord.add_guild("Auditeurs", BOT | Permission.MANAGE_THREADS)
    forum, anna = discord.add_forum(server, "Épisodes"), discord.add_user("Anna")
    own, rules = discord.add_thread(forum, "Épisode 1207", discord.world.bot), discord.add_thread(forum, "Règles", anna)
    own.pinned = True
    assert not await inspected(discord, forum, pin=True)
    own.pinned, rules.pinned = False, True
    assert await inspected(discord, forum, pin=True) == (
        "the post “Règles” is pinned here, and a forum has one place for that: unpin it, or take pin out"
    )
    assert not await inspected(discord, forum)


async def test_a_message_pings_the_role_that_it_mentions_alone(discord: DiscordStandIn, guild: Guild) -> None:
    """In a channel and in a forum, whatever the content says."""
    role = discord.add_role(guild, "Récap", mentionable=True)
    text, forum = discord.add_text(guild, "récap"), discord.add_forum(guild, "Épisodes")
    words = Paragraph((Span(f"@everyone <@&{role.id}> <@&5> <@7>"),))
    message = render(Document("Le récap", (Section((words,)),), mention=f"role:{role.id}")).messages[0]
    async with connected(discord_client(discord)) as platform:
        for place in (text, forum):
            target = Target(PlatformName("discord"), str(place.id))
            await platform.send(Post(target, "Le récap", message, f"nonce-{place.id}"[:25]))
    (sent,), (post,) = text.messages, forum.threads[0].messages
    assert sent.pings == post.pings == Pings(roles=frozenset({role.id}))
