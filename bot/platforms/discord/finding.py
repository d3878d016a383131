"""Looking up whether a message arrived: Discord keeps a nonce for a few minutes, and forum posts have none."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

from bot.platforms.discord.render import MAX_POST_NAME

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    import discord

    from bot.model.rendering import Message
    from bot.platforms.base import Post

LOOK_BACK = 100
"""Messages of a channel, or archived posts of a forum, that one request returns."""
SKEW = dt.timedelta(minutes=1)
"""How far this machine's clock may be from Discord's."""
_TEXT_DISPLAY = 10


async def find_message(client: discord.Client, channel_id: int, sent: Message, since: dt.datetime) -> int | None:
    """Return the id of the bot's message in the channel that has the same texts; None if there is none.

    Raises:
        discord.DiscordException: the channel cannot be read.
    """
    said = list(_said(sent.body["components"]))
    async for message in client.get_partial_messageable(channel_id).history(limit=LOOK_BACK):
        if message.created_at < since:
            break
        components = [component.to_dict() for component in message.components]
        if _is_own(client, message.author.id) and list(_said(components)) == said:
            return message.id
    return None


async def find_post(client: discord.Client, forum: discord.ForumChannel, post: Post, since: dt.datetime) -> int | None:
    """Return the id of the forum post that the bot opened under this title, which its first message has too.

    Raises:
        discord.DiscordException: the forum cannot be read.
    """
    async for thread in _threads(forum):
        is_younger = thread.created_at is not None and thread.created_at >= since
        if is_younger and _is_own(client, thread.owner_id) and thread.name == post.title[:MAX_POST_NAME]:
            return thread.id
    return None


async def _threads(forum: discord.ForumChannel) -> AsyncIterator[discord.Thread]:
    for thread in await forum.guild.active_threads():
        if thread.parent_id == forum.id:
            yield thread
    async for thread in forum.archived_threads(limit=LOOK_BACK):
        yield thread


def _is_own(client: discord.Client, author_id: int) -> bool:
    return client.user is not None and author_id == client.user.id


def _said(components: Any) -> Iterator[str]:  # noqa: ANN401 - JSON is whatever it holds
    """Yield the texts of components in their order. Discord gives the rest back in another shape than it was sent."""
    if isinstance(components, list):
        for each in components:
            yield from _said(each)
    elif isinstance(components, dict):
        if components.get("type") == _TEXT_DISPLAY:
            yield str(components["content"]).strip()
        yield from _said(components.get("components", []))
