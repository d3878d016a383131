"""The client of Discord: sends messages over REST, and receives commands over the gateway."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

import discord
import yarl
from discord import app_commands
from discord.gateway import DiscordWebSocket
from discord.http import Route

from bot.platforms.base import Account, Finder, NotSentError, Publisher
from bot.platforms.discord import NAME, rights
from bot.platforms.discord.buckets import HTTPClient
from bot.platforms.discord.errors import (
    ALREADY_PUBLISHED,
    NON_TEXT_CHANNEL,
    reaching,
    without_repeats,
)
from bot.platforms.discord.finding import SKEW, find_message, find_post
from bot.platforms.discord.render import MAX_POST_NAME, render
from bot.platforms.discord.reply import NOBODY
from bot.platforms.discord.section import DEFAULT_GATEWAY
from bot.platforms.discord.tasks import TaskTracker

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Coroutine

    from bot.model.document import Document
    from bot.model.rendering import Rendering
    from bot.model.subscription import Target
    from bot.platforms.base import Post
    from bot.platforms.discord.section import Discord

log = logging.getLogger(__name__)

LONGEST_WAIT = 30.0
"""Seconds that discord.py may wait out a rate limit by itself; a longer one goes back to the ledger."""
SEND_TIMEOUT = 60.0
"""Seconds that one send may take, such a wait included; discord.py itself would wait five minutes for an answer."""


MESSAGES = "/channels/{channel_id}/messages"
THREADS = "/channels/{channel_id}/threads"
LAST_ANSWERS = 3.0
"""Seconds that answers under way may take when the bot is to leave."""


class DiscordPlatform(Account, Finder, Publisher):
    """Discord through one bot account.

    `client` is discord.py's and `tree` its table of slash commands, for the handlers to register with before `listen`;
    `on_setup` runs beside everything else from the moment the bot listens. Handlers are `underway` from their first
    step to the last: the bot leaves when they have come to their end.
    """

    name = NAME

    def __init__(self, config: Discord) -> None:
        # discord.py keeps both addresses for the whole process; there is one bot in it.
        Route.BASE = config.api_url.rstrip("/")
        DiscordWebSocket.DEFAULT_GATEWAY = yarl.URL(config.gateway_url)
        # The bot never speaks: what voice would need is nobody's news.
        discord.VoiceClient.warn_nacl = False
        discord.VoiceClient.warn_dave = False
        self._token = config.token
        self._is_opened = False
        self.client = _Client(own_gateway=config.gateway_url.rstrip("/") != DEFAULT_GATEWAY)
        self.tree = app_commands.CommandTree(self.client)
        self.on_setup: Callable[[], Coroutine[None, None, None]] | None = None
        self.underway = TaskTracker()
        self._forums: set[int] = set()
        self._direct: dict[int, int] = {}

    def render(
        self,
        document: Document,
        *,
        silent: bool = False,
        rich: bool = False,  # noqa: ARG002 - Discord has one kind of message, and it is rich
    ) -> Rendering:
        """Return the document as Discord messages."""
        return render(document, silent=silent)

    async def send(self, post: Post) -> str:
        """Send one message and return its id.

        Raises:
            SendError: as `Platform.send` says.
        """
        with reaching(self.client):
            # Because discord.py does not tell when it writes, this is the last moment; its connections are open by now.
            if not post.leave():
                raise NotSentError("Discord has asked for a pause")
            async with asyncio.timeout(SEND_TIMEOUT):
                return str(await self._send(post))

    async def inspect(self, target: Target, *, publish: bool = False) -> None:
        """Check that a push can come to the target, and go on to its followers.

        Raises:
            SendError: as `Platform.inspect` says.
        """
        with reaching(self.client):
            await rights.inspect(self.client, int(target.chat), publish=publish)

    async def find(self, post: Post, since: dt.datetime) -> str | None:
        """Return the id of the message if it is there already.

        Raises:
            SendError: as `Finder.find` says.
        """
        with reaching(self.client):
            found = await self._find(post, since - SKEW)
        return None if found is None else str(found)

    async def publish(self, target: Target, message_id: str) -> None:
        """Pass a message of an announcement channel on to its followers.

        Raises:
            SendError: it was not passed on.
        """
        message = self.client.get_partial_messageable(int(target.chat)).get_partial_message(int(message_id))
        with reaching(self.client):
            try:
                await message.publish()
            except discord.HTTPException as error:
                if error.code != ALREADY_PUBLISHED:
                    raise

    async def connect(self) -> None:
        """Log in, so that messages can be sent.

        Raises:
            SendError: the token is refused, or Discord cannot be reached.
        """
        self._is_opened = True
        with reaching(self.client):
            await self.client.login(self._token.get_secret_value())

    async def listen(self) -> None:
        """Receive commands until cancelled. discord.py reconnects by itself where Discord lets it.

        Raises:
            SendError: Discord has closed the gateway for good; the client needs to `connect` anew.
        """
        if self.client.is_closed():
            self.client.clear()
            # Clearing forgets the session, and not the connector that was closed with it.
            self.client.http.connector = discord.utils.MISSING
            await self.connect()
        setup = asyncio.create_task(self._set_up(), name="discord setup")
        try:
            with reaching(self.client):
                await self.client.connect(reconnect=True)
        finally:
            setup.cancel()
            await asyncio.wait({setup})
        raise NotSentError("Discord has closed the gateway")

    async def close(self) -> None:
        """Finish the answers under way, leave the gateway and close the connections."""
        await self.underway.finish(within=LAST_ANSWERS)
        if self._is_opened:
            # A client that never tried to log in cannot be closed either.
            await self.client.close()
        await self.underway.finish(within=0.0)

    async def _set_up(self) -> None:
        if self.on_setup is not None:
            await self.on_setup()

    async def _channel_id(self, target: Target) -> int:
        """Return the channel of the target: for `@` and a person's id their private channel, opened once."""
        if not target.chat.startswith("@"):
            return int(target.chat)
        person = int(target.chat[1:])
        if person not in self._direct:
            self._direct[person] = (await self.client.create_dm(discord.Object(person))).id
        return self._direct[person]

    async def _find(self, post: Post, since: dt.datetime) -> int | None:
        channel_id = await self._channel_id(post.target)
        channel = self.client.get_channel(channel_id) or await self.client.fetch_channel(channel_id)
        if not isinstance(channel, discord.ForumChannel):
            return await find_message(self.client, channel_id, post.message, since)
        if post.first_id is None:
            return await find_post(self.client, channel, post, since)
        return await find_message(self.client, int(post.first_id), post.message, since)

    async def _send(self, post: Post) -> int:
        channel_id = await self._channel_id(post.target)
        if channel_id not in self._forums:
            try:
                return await self._send_to_channel(channel_id, post)
            except discord.HTTPException as error:
                # Because a look into discord.py's cache goes through every server, the first attempt shows the forum.
                if error.code != NON_TEXT_CHANNEL:
                    raise
            self._forums.add(channel_id)
        if post.first_id is not None:
            return await self._send_to_channel(int(post.first_id), post)
        return await self._open_post(channel_id, post)

    async def _send_to_channel(self, channel_id: int, post: Post) -> int:
        # Not by way of the library's `send`, which takes the message only as objects that it turns into this JSON.
        body = {**post.message.body, "nonce": post.nonce, "enforce_nonce": True, "allowed_mentions": NOBODY}
        sent = await self.client.http.request(Route("POST", MESSAGES, channel_id=channel_id), json=body)
        return int(sent["id"])

    async def _open_post(self, channel_id: int, post: Post) -> int:
        """Open a post in a forum with the first message of a delivery, and return the id of both."""
        forum = self.client.get_channel(channel_id) or await self.client.fetch_channel(channel_id)
        if not isinstance(forum, discord.ForumChannel):
            raise discord.InvalidData(f"channel {channel_id} takes no messages")
        body = {
            "name": post.title[:MAX_POST_NAME],
            "message": {**post.message.body, "allowed_mentions": NOBODY},
            # A forum may insist on a tag. Which one is the server's taste, so its first serves.
            "applied_tags": [tag.id for tag in forum.available_tags[:1] if forum.flags.require_tag],
        }
        opened = await self.client.http.request(Route("POST", THREADS, channel_id=channel_id), json=body)
        return int(opened["id"])


class _Client(discord.AutoShardedClient):
    def __init__(self, *, own_gateway: bool) -> None:
        super().__init__(
            intents=discord.Intents(guilds=True),
            http_trace=without_repeats(),
            max_ratelimit_timeout=LONGEST_WAIT,
            # With a given number of shards discord.py uses the configured gateway instead of asking for one.
            shard_count=1 if own_gateway else None,
            # How long the stream of servers may pause before it counts as over; on one's own gateway it never does.
            guild_ready_timeout=0.05 if own_gateway else 2.0,
        )
        # The client makes its own and takes no other, but what has the methods of the class serves as the class.
        self.http.__class__ = HTTPClient
