"""The search for a message that may have arrived, because nonces last a few minutes and forum posts have none."""

from __future__ import annotations

import datetime as dt
from collections.abc import AsyncIterator, Iterable, Iterator
from typing import TYPE_CHECKING, Any

from discord.http import Route
from discord.utils import snowflake_time, time_snowflake

from bot.model.rendering import JsonObject, Message
from bot.platforms.discord.errors import UnservedError, not_discord
from bot.platforms.discord.render import MAX_POST_NAME, TEXT_DISPLAY

if TYPE_CHECKING:
    import discord

    from bot.platforms.discord.forums import Forum
    from bot.platforms.discord.traffic import FirstTurn

PAGE = 100
"""Messages of a channel, or archived posts of a forum, that one request returns."""
SKEW = dt.timedelta(minutes=1)
"""The largest difference between this machine's clock and Discord's."""


async def find_message(
    client: discord.Client, channel_id: int, sent: Message, since: dt.datetime, turn: FirstTurn
) -> str | None:
    """Return the id of the bot's message in the channel with the same texts; None if no message has them.

    The search goes forward from `since` to the newest message, because people may have written many since then.

    Raises:
        discord.DiscordException: the channel cannot be read.
    """
    said = list(_said(sent.body["components"]))
    route = Route("GET", "/channels/{channel_id}/messages", channel_id=channel_id)
    last = time_snowflake(since - SKEW)
    while True:
        page = await client.http.request(
            route, params={"after": str(last), "limit": PAGE}, trace_request_ctx=turn.take()
        )
        if not isinstance(page, list):
            # Because nothing would be found in it, the message would be sent again.
            raise UnservedError(not_discord())
        for message in page:
            if _is_own(client, message["author"]["id"]) and list(_said(message["components"])) == said:
                return str(message["id"])
        newest = max((int(message["id"]) for message in page), default=last)
        if len(page) < PAGE or newest <= last:
            return None
        last = newest


async def find_post(
    client: discord.Client, forum: Forum, title: str, since: dt.datetime, turn: FirstTurn
) -> str | None:
    """Return the id of the forum post that the bot opened under the title. The post's first message has the same id.

    Raises:
        discord.DiscordException: the forum cannot be read.
    """
    async for thread in _threads(client, forum, since - SKEW, turn):
        is_younger = snowflake_time(int(thread["id"])) >= since - SKEW
        if is_younger and _is_own(client, thread.get("owner_id")) and thread["name"] == title[:MAX_POST_NAME]:
            return str(thread["id"])
    return None


async def _threads(
    client: discord.Client, forum: Forum, since: dt.datetime, turn: FirstTurn
) -> AsyncIterator[JsonObject]:
    """Yield the open posts of the forum, then those that were archived since then, the last one first."""
    route = Route("GET", "/guilds/{guild_id}/threads/active", guild_id=forum.guild_id)
    active = await client.http.request(route, trace_request_ctx=turn.take())
    for thread in active["threads"]:
        if int(thread["parent_id"]) == forum.id:
            yield thread
    route = Route("GET", "/channels/{channel_id}/threads/archived/public", channel_id=forum.id)
    before: dict[str, str] = {}
    while True:
        archived = await client.http.request(route, params={"limit": PAGE, **before})
        for thread in archived["threads"]:
            moment = thread["thread_metadata"]["archive_timestamp"]
            if dt.datetime.fromisoformat(moment) < since:
                return
            before = {"before": moment}
            yield thread
        if not archived["has_more"] or not archived["threads"]:
            return


def _is_own(client: discord.Client, author_id: object) -> bool:
    return client.user is not None and str(author_id) == str(client.user.id)


def _said(components: Iterable[Any]) -> Iterator[str]:
    """Yield the texts of components in their order, because Discord returns only these in the shape that was sent."""
    for each in components:
        if each["type"] == TEXT_DISPLAY:
            yield each["content"].strip()
        yield from _said(each.get("components", ()))
