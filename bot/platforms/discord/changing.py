"""The changes of messages that were sent: edits, deletions and pins, in channels, threads and posts of forums."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

import discord
from discord.http import Route

from bot.platforms.discord.errors import ARCHIVED, PINNED_NO_MORE, UNKNOWN_CHANNEL, UNKNOWN_MESSAGE
from bot.platforms.discord.forums import PINNED
from bot.platforms.discord.render import MAX_POST_NAME

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from bot.model.rendering import JsonObject
    from bot.model.subscription import Target
    from bot.platforms.discord.forums import Forums
    from bot.platforms.discord.traffic import FirstTurn


class SentMessage(NamedTuple):
    """A message that was sent to the target; `first_id` is that of the first message of its delivery, if known."""

    target: Target
    message_id: str
    first_id: str | None = None

    def route(self, method: str, place: int, folder: str = "messages") -> Route:
        """Return the route to the message in that channel."""
        path = "/channels/{channel_id}/" + folder + "/{message_id}"
        return Route(method, path, channel_id=place, message_id=int(self.message_id))


class Changes:
    """The changes through one account. `channel_of` returns the channel of a target, by the turn of an operation."""

    def __init__(
        self,
        client: Callable[[], discord.Client],
        forums: Forums,
        channel_of: Callable[[Target, FirstTurn], Awaitable[int]],
    ) -> None:
        self._client = client
        self._forums = forums
        self._channel_of = channel_of

    async def edit(self, sent: SentMessage, body: JsonObject, turn: FirstTurn, title: str | None) -> bool:
        """Replace a message, and name its post; return False if the message is not there any more."""
        place, is_post = await self._place(sent, turn, surely=False)
        is_there = await self._is_done(sent.route("PATCH", place), turn, body)
        if not is_there and not is_post:
            # Because the channel may be a forum of which nobody has told the kind yet, that is asked now.
            place, is_post = await self._place(sent, turn, surely=True)
            is_there = is_post and await self._is_done(sent.route("PATCH", place), turn, body)
        if is_post and title is not None:
            # Where somebody has deleted the first message, the post still has its title.
            await self._is_done(_channel("PATCH", place), turn, {"name": title[:MAX_POST_NAME]})
        return is_there

    async def delete(self, sent: SentMessage, turn: FirstTurn) -> None:
        """Delete a message, with its post if it is the first of one."""
        place, is_post = await self._place(sent, turn, surely=True)
        if is_post and str(place) == sent.message_id:
            # Without the right to delete the post, its message goes alone.
            with contextlib.suppress(discord.Forbidden):
                await self._is_done(_channel("DELETE", place), turn)
                return
        await self._is_done(sent.route("DELETE", place), turn)

    async def pin(self, sent: SentMessage, turn: FirstTurn, last: str | None) -> None:
        """Pin a message, or its post in the place of the `last` one, because a forum has room for one."""
        if last is not None and (await self._place(sent, turn, surely=True))[1]:
            await self.unpin(sent._replace(message_id=last), turn)
        await self._set_pin(sent, turn, is_pinned=True)

    async def unpin(self, sent: SentMessage, turn: FirstTurn) -> None:
        """Unpin a message or its post. One that is pinned no more, or deleted, is no error."""
        try:
            await self._set_pin(sent, turn, is_pinned=False)
        except discord.HTTPException as error:
            if error.code not in PINNED_NO_MORE:
                raise

    async def _set_pin(self, sent: SentMessage, turn: FirstTurn, *, is_pinned: bool) -> None:
        place, is_post = await self._place(sent, turn, surely=True)
        route = sent.route("PUT" if is_pinned else "DELETE", place, "messages/pins")
        body: dict[str, Any] = {}
        if is_post:
            route, body = _channel("PATCH", place), {"json": {"flags": PINNED if is_pinned else 0}}
        await self._client().http.request(route, trace_request_ctx=turn.take(), **body)

    async def _place(self, sent: SentMessage, turn: FirstTurn, *, surely: bool) -> tuple[int, bool]:
        """Return the channel of the message, and whether it is a post: one has the number of its first message."""
        channel_id = await self._channel_of(sent.target, turn)
        is_post = await self._forums.find(self._client(), channel_id, turn, surely=surely) is not None
        return (int(sent.first_id or sent.message_id) if is_post else channel_id), is_post

    async def _is_done(self, route: Route, turn: FirstTurn, body: JsonObject | None = None) -> bool:
        """Make the request, in an archived thread after opening it; return False if the message is not there."""
        http = self._client().http
        # Without a body, discord.py would send "null", which Discord cannot read.
        json: dict[str, Any] = {} if body is None else {"json": body}
        try:
            await http.request(route, trace_request_ctx=turn.take(), **json)
        except discord.HTTPException as error:
            if error.code in {UNKNOWN_MESSAGE, UNKNOWN_CHANNEL}:
                return False
            if error.code != ARCHIVED or route.channel_id is None:
                raise
            # A message opens an archived thread; an edit is refused there.
            await http.request(_channel("PATCH", int(route.channel_id)), json={"archived": False})
            await http.request(route, **json)
        return True


def _channel(method: str, channel_id: int) -> Route:
    return Route(method, "/channels/{channel_id}", channel_id=channel_id)
