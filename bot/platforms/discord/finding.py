"""The search for a message that may have arrived, because nonces last a few minutes and forum posts have none."""

from __future__ import annotations

import datetime as dt
from collections.abc import AsyncIterator, Iterable, Iterator
from typing import TYPE_CHECKING, Any

from bot.model.rendering import Message
from bot.platforms.discord.render import MAX_POST_NAME, TEXT_DISPLAY

if TYPE_CHECKING:
    import discord

LOOK_BACK = 100
"""Messages of a channel, or archived posts of a forum, that one request returns."""
SKEW = dt.timedelta(minutes=1)
"""The largest difference between this machine's clock and Discord's."""


async def find_message(client: discord.Client, channel_id: int, sent: Message, since: dt.datetime) -> str | None:
    """Return the id of the bot's message in the channel with the same texts; None if no message has them.

    Raises:
        discord.DiscordException: the channel cannot be read.
    """
    said = list(_said(sent.body["components"]))
    async for message in client.get_partial_messageable(channel_id).history(limit=LOOK_BACK):
        if message.created_at < since:
            break
        components = [component.to_dict() for component in message.components]
        if _is_own(client, message.author.id) and list(_said(components)) == said:
            return str(message.id)
    return None


async def find_post(client: discord.Client, forum: discord.ForumChannel, title: str, since: dt.datetime) -> str | None:
    """Return the id of the forum post that the bot opened under the title. The post's first message has the same id.

    Raises:
        discord.DiscordException: the forum cannot be read.
    """
    async for thread in _threads(forum):
        is_younger = thread.created_at is not None and thread.created_at >= since
        if is_younger and _is_own(client, thread.owner_id) and thread.name == title[:MAX_POST_NAME]:
            return str(thread.id)
    return None


async def _threads(forum: discord.ForumChannel) -> AsyncIterator[discord.Thread]:
    for thread in await forum.guild.active_threads():
        if thread.parent_id == forum.id:
            yield thread
    async for thread in forum.archived_threads(limit=LOOK_BACK):
        yield thread


def _is_own(client: discord.Client, author_id: int) -> bool:
    return client.user is not None and author_id == client.user.id


def _said(components: Iterable[Any]) -> Iterator[str]:
    """Yield the texts of components in their order, because Discord returns only these in the shape that was sent."""
    for each in components:
        if each["type"] == TEXT_DISPLAY:
            yield each["content"].strip()
        yield from _said(each.get("components", ()))
