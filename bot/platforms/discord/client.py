"""The client of Discord: sends messages over REST, and receives commands over the gateway."""

import asyncio
import datetime as dt
import functools
import time
from collections.abc import Callable, Coroutine
from typing import Any

import discord
import discord.http
import yarl
from discord import app_commands
from discord.gateway import DiscordWebSocket
from discord.http import Route

from bot.model.document import Document
from bot.model.rendering import JsonObject, Rendering
from bot.model.subscription import Target
from bot.platforms.base import Account, Finder, NotSentError, Post, Publisher
from bot.platforms.discord import NAME, rights
from bot.platforms.discord.errors import ALREADY_PUBLISHED, NON_TEXT_CHANNEL, reaching, without_repeats
from bot.platforms.discord.finding import SKEW, find_message, find_post
from bot.platforms.discord.render import MAX_POST_NAME, render
from bot.platforms.discord.reply import NOBODY
from bot.platforms.discord.section import DEFAULT_GATEWAY, Discord
from bot.platforms.discord.tasks import TaskTracker

LONGEST_WAIT = 30.0
"""Seconds that discord.py may wait out a rate limit by itself; a longer one goes back to the ledger."""
SEND_TIMEOUT = 60.0
"""Seconds that one send may take, such a wait included. Without it, discord.py waits five minutes for an answer."""
LAST_ANSWERS = 3.0
"""Seconds that answers under way may take when the bot is to leave."""
CLEAN_EVERY = 60.0
"""Seconds between two searches for buckets to forget. discord.py keeps each bucket for five minutes anyway."""


class DiscordPlatform(Account, Finder, Publisher):
    """Discord through one bot account.

    Before `listen`, handlers register with discord.py's `client` and with `tree`, its table of slash commands.
    `on_setup` runs from then on, beside the rest. The bot leaves when the handlers that are `underway` have ended.
    """

    name = NAME

    def __init__(self, config: Discord) -> None:
        # Because a process has one bot, discord.py keeps both addresses for the whole process.
        Route.BASE = config.api_url.rstrip("/")
        DiscordWebSocket.DEFAULT_GATEWAY = yarl.URL(config.gateway_url)
        # Because the bot uses no voice, discord.py need not warn that libraries for voice are missing.
        discord.VoiceClient.warn_nacl = False
        discord.VoiceClient.warn_dave = False
        self._token = config.token
        self._is_opened = False
        own_gateway = config.gateway_url.rstrip("/") != DEFAULT_GATEWAY
        self.client = discord.AutoShardedClient(
            intents=discord.Intents(guilds=True),
            http_trace=without_repeats(),
            max_ratelimit_timeout=LONGEST_WAIT,
            # With a given number of shards, discord.py uses the configured gateway and does not ask for one.
            shard_count=1 if own_gateway else None,
            # Seconds of pause after which the stream of servers counts as over. On one's own gateway it never pauses.
            guild_ready_timeout=0.05 if own_gateway else 2.0,
        )
        # Because discord.py makes its HTTP client itself and takes no other, that one gets this class afterwards.
        self.client.http.__class__ = _HTTPClient
        self.tree = app_commands.CommandTree(self.client)
        self.on_setup: Callable[[], Coroutine[Any, Any, None]] = functools.partial(asyncio.sleep, 0)
        self.underway = TaskTracker()
        self._forums: set[int] = set()
        self._direct: dict[int, int] = {}

    def render(
        self,
        document: Document,
        *,
        silent: bool = False,
        rich: bool = False,  # noqa: ARG002 - Discord's only kind of message is rich
    ) -> Rendering:
        """Return the document as Discord messages."""
        return render(document, silent=silent)

    async def send(self, post: Post) -> str:
        """Send one message and return its id, as `Platform.send` says."""
        with reaching(self.client):
            # Because discord.py does not tell when it writes, this is the last moment; its connections are open by now.
            if not post.leave():
                raise NotSentError("Discord has asked for a pause")
            async with asyncio.timeout(SEND_TIMEOUT):
                return await self._send(post)

    async def inspect(self, target: Target, *, publish: bool = False) -> None:
        """Check that the bot may write to the target, as `Platform.inspect` says."""
        with reaching(self.client):
            await rights.inspect(self.client, int(target.chat), publish=publish)

    async def find(self, post: Post, since: dt.datetime) -> str | None:
        """Return the id of a message that has arrived, as `Finder.find` says."""
        since -= SKEW
        with reaching(self.client):
            channel_id = await self._channel_id(post.target)
            channel = self.client.get_channel(channel_id) or await self.client.fetch_channel(channel_id)
            if isinstance(channel, discord.ForumChannel):
                if post.first_id is None:
                    return await find_post(self.client, channel, post.title, since)
                channel_id = int(post.first_id)
            return await find_message(self.client, channel_id, post.message, since)

    async def publish(self, target: Target, message_id: str) -> None:
        """Pass a message of an announcement channel on to the followers, as `Publisher.publish` says."""
        message = self.client.get_partial_messageable(int(target.chat)).get_partial_message(int(message_id))
        with reaching(self.client):
            try:
                await message.publish()
            except discord.HTTPException as error:
                if error.code != ALREADY_PUBLISHED:
                    raise

    async def connect(self) -> None:
        """Log in, as `Account.connect` says."""
        self._is_opened = True
        with reaching(self.client):
            await self.client.login(self._token.get_secret_value())

    async def listen(self) -> None:
        """Receive commands until cancelled. discord.py reconnects by itself where Discord allows it.

        Raises:
            SendError: Discord has closed the gateway for good. The next call connects anew.
        """
        if self.client.is_closed():
            self.client.clear()
            # Because clearing forgets only the session, the connector that was closed with it is removed here.
            self.client.http.connector = discord.utils.MISSING
            await self.connect()
        setup = asyncio.create_task(self.on_setup(), name="discord setup")
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
            # discord.py cannot close a client that never tried to log in.
            await self.client.close()
        await self.underway.finish(within=0.0)

    async def _channel_id(self, target: Target) -> int:
        """Return the channel of the target. For `@` and a person's id, open their private channel once."""
        if not target.chat.startswith("@"):
            return int(target.chat)
        person = int(target.chat[1:])
        if person not in self._direct:
            self._direct[person] = (await self.client.create_dm(discord.Object(person))).id
        return self._direct[person]

    async def _send(self, post: Post) -> str:
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

    async def _send_to_channel(self, channel_id: int, post: Post) -> str:
        body = {**post.message.body, "nonce": post.nonce, "enforce_nonce": True, "allowed_mentions": NOBODY}
        return await self._post("/channels/{channel_id}/messages", channel_id, body)

    async def _open_post(self, channel_id: int, post: Post) -> str:
        """Open a post in a forum with the first message of a delivery, and return the id of both."""
        forum = self.client.get_channel(channel_id) or await self.client.fetch_channel(channel_id)
        if not isinstance(forum, discord.ForumChannel):
            raise discord.InvalidData(f"channel {channel_id} takes no messages")
        body = {
            "name": post.title[:MAX_POST_NAME],
            "message": {**post.message.body, "allowed_mentions": NOBODY},
            # Because a forum may insist on some tag, the post gets the first one.
            "applied_tags": [tag.id for tag in forum.available_tags[:1] if forum.flags.require_tag],
        }
        return await self._post("/channels/{channel_id}/threads", channel_id, body)

    async def _post(self, path: str, channel_id: int, body: JsonObject) -> str:
        # Because the library's `send` takes a message only as objects, of which it makes this JSON again.
        made = await self.client.http.request(Route("POST", path, channel_id=channel_id), json=body)
        return str(made["id"])


class _HTTPClient(discord.http.HTTPClient):
    """A client that searches for old buckets once a minute.

    discord.py itself searches all buckets for each new channel beyond the 256th, which is most of its work in a push to
    15,000 channels. A test fails if a later version no longer calls this method.
    """

    _cleaned = 0.0

    def _try_clear_expired_ratelimits(self) -> None:
        now = time.monotonic()
        if now - self._cleaned >= CLEAN_EVERY:
            self._cleaned = now
            super()._try_clear_expired_ratelimits()
