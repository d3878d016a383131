"""The client of Discord: sends messages over REST, and receives commands over the gateway."""

import asyncio
import contextlib
import datetime as dt
from collections.abc import Callable, Coroutine, Iterator, Sequence
from typing import Any

import aiohttp
import discord
from discord import app_commands
from discord.http import Route

from bot.config import BY_ENVIRONMENT, Network
from bot.model.document import Document
from bot.model.facts import Ability
from bot.model.i18n import gettext as _
from bot.model.rendering import FieldsCache, JsonObject, Message, Rendering, joined
from bot.model.subscription import NO_CHOICES, Choices, Target
from bot.platforms.abilities import Editor, Finder, Pinner, Publisher
from bot.platforms.base import (
    Account,
    ContentError,
    ForeignRefusalError,
    NotSentError,
    Post,
    RefusedError,
    SendError,
    UnknownOutcomeError,
    UploadRefusedError,
)
from bot.platforms.discord import EDITS, NAME, rights
from bot.platforms.discord.changing import Changes, SentMessage
from bot.platforms.discord.errors import (
    ALREADY_PUBLISHED,
    NON_TEXT_CHANNEL,
    id_in,
    in_post,
    reaching,
    reading,
)
from bot.platforms.discord.finding import find_message, find_post
from bot.platforms.discord.forums import Forum, Forums
from bot.platforms.discord.gateway import Equip, Gateway, take_over
from bot.platforms.discord.pictures import picture_of, with_picture
from bot.platforms.discord.render import IS_COMPONENTS_V2, MAX_POST_NAME, render
from bot.platforms.discord.reply import NOBODY
from bot.platforms.discord.section import DEFAULT_GATEWAY, Discord
from bot.platforms.discord.tasks import TaskTracker
from bot.platforms.discord.traffic import FirstTurn, Traffic

LONGEST_WAIT = 30.0
"""Seconds that discord.py may wait out a rate limit by itself; a longer one goes back to the ledger."""
SEND_TIMEOUT = 60.0
"""Seconds that one send may take, such a wait included. Without it, discord.py waits five minutes for an answer."""
LAST_ANSWERS = 3.0
"""Seconds that answers under way may take when the bot is to leave."""


async def _no_setup(_tree: app_commands.CommandTree) -> None:
    """Do nothing."""


class DiscordPlatform(Account, Editor, Finder, Publisher, Pinner):
    """Discord through one bot account.

    All messages and answers go through `client`, which needs no gateway. Before `listen`, the handlers are put into
    `equip`, which prepares each new client of the gateway, and into `on_setup`, which runs from then on, beside the
    rest. The bot leaves when the handlers that are `underway` have ended.
    """

    name = NAME

    def __init__(self, config: Discord, network: Network = BY_ENVIRONMENT) -> None:
        # Because the bot uses no voice, discord.py need not warn that libraries for voice are missing.
        discord.VoiceClient.warn_nacl = False
        discord.VoiceClient.warn_dave = False
        self._config = config
        self._is_opened = False
        own_gateway = config.gateway_url.rstrip("/") != DEFAULT_GATEWAY
        self._options: dict[str, Any] = {
            "intents": discord.Intents(guilds=True),
            "http_trace": Traffic(self).trace(),
            "max_ratelimit_timeout": LONGEST_WAIT,
            # For the gateway too.
            "proxy": network.proxy_for(config.api_url),
        }
        receiving = {
            # With a given number of shards, discord.py uses the configured gateway and does not ask for one.
            "shard_count": 1 if own_gateway else None,
            # Seconds of pause after which the stream of servers counts as over. On one's own gateway it never pauses.
            "guild_ready_timeout": 0.05 if own_gateway else 2.0,
        }
        self.client = self._new_client()
        # Because the app sets `tell` later, it is looked up at each call.
        self.gateway = Gateway(config, self._options | receiving, lambda fact: self.tell(fact))  # noqa: PLW0108
        self.equip: Equip = lambda _client, _tree: None
        self.on_setup: Callable[[app_commands.CommandTree], Coroutine[Any, Any, None]] = _no_setup
        self.underway = TaskTracker()
        self._forums = Forums(self.gateway)
        # Because each new connection has a new client, it is looked up at each call.
        self._changed = Changes(lambda: self.client, self._forums, self._channel_id)
        self._direct: dict[int, int] = {}
        self._fields = FieldsCache(_addressed)

    def render(
        self,
        document: Document,
        *,
        silent: bool = False,
        rich: bool = False,  # noqa: ARG002 - Discord's only kind of message is rich
    ) -> Rendering:
        """Return the document as Discord messages."""
        return with_picture(document, render(document, silent=silent), silent=silent)

    async def send(self, post: Post) -> str:
        """Send one message and return its id, as `Platform.send` says."""
        try:
            with reaching(self.client):
                async with asyncio.timeout(SEND_TIMEOUT):
                    return await self._send(post)
        except (ContentError, RefusedError) as error:
            if post.message.upload is None:
                raise
            # Because the text is worth reading without its picture, it comes alone.
            raise UploadRefusedError(str(error)) from error

    async def download(self, address: str) -> bytes:
        """Return a file of a message, whose address came with the message.

        Raises:
            SendError: Discord does not give the file.
        """
        try:
            with reaching(self.client):
                async with asyncio.timeout(SEND_TIMEOUT):
                    return await self.client.http.get_from_cdn(address)
        except ForeignRefusalError as error:
            # Because Discord keeps its files beside the API, their refusals have another form than those of the API.
            raise RefusedError(_("there is no file at the address that Discord has given")) from error

    def route(self, target: Target) -> Target:
        """Return the route of edits, which has a limit of its own, as `Editor.route` says."""
        return target._replace(chat=f"{target.chat}{EDITS}")

    async def edit(
        self,
        target: Target,
        message_id: str,
        message: Message,
        *,
        leave: Callable[[], bool] | None = None,
        first_id: str | None = None,
        title: str | None = None,
        is_caption: bool = False,  # noqa: ARG002 - Discord gets no recordings
    ) -> bool:
        """Replace a message that the bot sent, as `Editor.edit` says."""
        # Because an edit makes no sound, Discord takes no flag that keeps the sound away.
        body = {**message.body, "flags": IS_COMPONENTS_V2, "allowed_mentions": NOBODY}
        with reaching(self.client):
            return await self._changed.edit(SentMessage(target, message_id, first_id), body, FirstTurn(leave), title)

    async def delete(
        self,
        target: Target,
        message_id: str,
        *,
        leave: Callable[[], bool] | None = None,
        first_id: str | None = None,
    ) -> bool:
        """Delete a message that the bot sent, as `Editor.delete` says."""
        with reaching(self.client):
            await self._changed.delete(SentMessage(target, message_id, first_id), FirstTurn(leave))
        return True

    async def inspect(self, target: Target, choices: Choices = NO_CHOICES) -> Sequence[str]:
        """Check that the bot may write to the target, pin and mention there, as `Platform.inspect` says."""
        with reaching(self.client), reading():
            if target.chat.startswith("@"):
                # Whether this person takes messages, Discord tells at the first one only.
                await self._channel_id(target, FirstTurn(None))
                return ()
            return await rights.inspect(self.client, int(target.chat), choices)

    async def name_of(self, target: Target) -> str:
        """Return the names of the channel and of its server, as `Platform.name_of` says."""
        if target.chat.startswith("@"):
            return ""
        known = self.gateway.client and self.gateway.client.get_channel(int(target.chat))
        with reaching(self.client), reading():
            channel = known or await self.client.fetch_channel(int(target.chat))
            if isinstance(channel, discord.abc.GuildChannel | discord.Thread):
                # A channel that is asked for comes without its server.
                server = channel.guild if known else await self.client.fetch_guild(channel.guild.id, with_counts=False)
                return f"#{channel.name}, {server.name}"
        return ""

    async def find(self, post: Post, since: dt.datetime) -> str | None:
        """Return the id of a message that has arrived, as `Finder.find` says."""
        turn = FirstTurn(post.leave)
        with reaching(self.client), reading():
            place = await self._channel_id(post.target, turn)
            forum = await self._forums.find(self.client, place, turn, surely=True)
            if forum is not None:
                if post.first_id is None:
                    return await find_post(self.client, forum, post.title, since, turn)
                with in_post():
                    return await find_message(self.client, int(post.first_id), post.message, since, turn)
            return await find_message(self.client, place, post.message, since, turn)

    async def publish(self, target: Target, message_id: str, leave: Callable[[], bool]) -> None:
        """Pass a message of an announcement channel on to the followers, as `Publisher.publish` says."""
        path = "/channels/{channel_id}/messages/{message_id}/crosspost"
        route = Route("POST", path, channel_id=int(target.chat), message_id=int(message_id))
        with reaching(self.client):
            try:
                id_in(await self.client.http.request(route, trace_request_ctx=leave))
            except discord.HTTPException as error:
                if error.code != ALREADY_PUBLISHED:
                    raise

    async def pin(self, target: Target, message_id: str, leave: Callable[[], bool], last: str | None = None) -> None:
        """Pin a message, or the post of a forum, as `Pinner.pin` says."""
        with reaching(self.client):
            await self._changed.pin(SentMessage(target, message_id), FirstTurn(leave), last)

    async def unpin(self, target: Target, message_id: str, leave: Callable[[], bool]) -> None:
        """Unpin a message, or the post of a forum, as `Pinner.unpin` says."""
        with reaching(self.client):
            await self._changed.unpin(SentMessage(target, message_id), FirstTurn(leave))

    @property
    def username(self) -> str:
        """The bot's name on Discord; empty before `connect`."""
        return "" if self.client.user is None else str(self.client.user)

    @property
    def updates(self) -> int:
        """The events that were handled, as `Account.updates` says."""
        return self.underway.begun

    async def connect(self) -> None:
        """Log in, as `Account.connect` says."""
        if self._is_opened:
            # Because discord.py leaves the session of a failed login open, the next attempt is a new client's.
            await self.client.close()
            self.client = self._new_client()
        self._is_opened = True
        with self.noting(Ability.CONNECTED), reaching(self.client), reading():
            await self.client.login(self._config.token.get_secret_value())

    async def identify(self) -> None:
        """Ask for the bot's own account, as `Account.identify` says."""
        with reaching(self.client):
            id_in(await self.client.http.request(Route("GET", "/users/@me")))

    async def listen(self) -> None:
        """Receive commands until cancelled. discord.py reconnects by itself where Discord allows it.

        Raises:
            SendError: Discord has closed the gateway for good. The next call connects anew.
        """
        try:
            with reaching(self.client):
                await self.gateway.listen(self._config.token.get_secret_value(), self._equip, self.on_setup)
            raise NotSentError(_("Discord has closed the gateway"))
        except SendError as error:
            self.on_ability(Ability.LISTENING, str(error))
            raise

    def _equip(self, client: discord.AutoShardedClient, tree: app_commands.CommandTree) -> None:
        async def on_ready() -> None:
            self.on_ability(Ability.LISTENING, "")

        async def on_resumed() -> None:
            self.on_ability(Ability.LISTENING, "")

        async def on_disconnect() -> None:
            self.on_ability(Ability.LISTENING, _("the gateway is disconnected"))

        self.equip(client, tree)
        for listener in (on_ready, on_resumed, on_disconnect):
            client.event(listener)

    async def close(self) -> None:
        """Finish the answers under way, and close the connections."""
        await self.underway.finish(within=LAST_ANSWERS)
        if self._is_opened:
            # discord.py cannot close a client that never tried to log in.
            await self.client.close()
        await self.underway.finish(within=0.0)

    def _new_client(self) -> discord.Client:
        client = discord.Client(**self._options)
        take_over(client, self._config)
        return client

    async def _channel_id(self, target: Target, turn: FirstTurn) -> int:
        """Return the channel of the target. For `@` and a person's id, open their private channel once."""
        if not target.chat.startswith("@"):
            return int(target.chat)
        person = int(target.chat[1:])
        if person not in self._direct:
            body = {"recipient_id": person}
            opened = await self.client.http.request(
                Route("POST", "/users/@me/channels"), json=body, trace_request_ctx=turn.take()
            )
            self._direct[person] = int(id_in(opened))
        return self._direct[person]

    async def _send(self, post: Post) -> str:
        turn = FirstTurn(post.leave)
        with _nothing_sent(self.client):
            channel_id = await self._channel_id(post.target, turn)
            forum = await self._forums.find(self.client, channel_id, turn)
        if forum is None:
            try:
                return await self._send_to_channel(channel_id, post, turn)
            except discord.HTTPException as error:
                if error.code != NON_TEXT_CHANNEL:
                    raise
                with _nothing_sent(self.client):
                    forum = await self._forums.find(self.client, channel_id, turn, surely=True)
                if forum is None:
                    # The kind of the channel contradicts the refusal, which is then an odd answer like others.
                    raise
        if post.first_id is not None:
            with in_post():
                return await self._send_to_channel(int(post.first_id), post, turn)
        if post.since is not None:
            with _nothing_sent(self.client), reading():
                found = await find_post(self.client, forum, post.title, post.since, turn)
            if found is not None:
                return found
        return await self._open_post(forum, post, turn)

    async def _send_to_channel(self, channel_id: int, post: Post, turn: FirstTurn) -> str:
        body = joined({"nonce": post.nonce, "enforce_nonce": True}, self._fields(post.message))
        sent: dict[str, Any] = {"data": aiohttp.BytesPayload(body, content_type="application/json")}
        if (picture := picture_of(post.message)) is not None:
            sent = {"form": [{"name": "payload_json", "value": body.decode()}, picture]}
        return await self._post("/channels/{channel_id}/messages", channel_id, turn, sent)

    async def _open_post(self, forum: Forum, post: Post, turn: FirstTurn) -> str:
        """Open a post in a forum with the first message of a delivery, and return the id of both."""
        body = {
            "name": post.title[:MAX_POST_NAME],
            "message": _addressed(post.message.body),
            "applied_tags": forum.tags,
        }
        return await self._post("/channels/{channel_id}/threads", forum.id, turn, {"json": body})

    async def _post(self, path: str, channel_id: int, turn: FirstTurn, sent: JsonObject) -> str:
        # Because the library's `send` takes a message only as objects, of which it makes this JSON again.
        route = Route("POST", path, channel_id=channel_id)
        return id_in(await self.client.http.request(route, **sent, trace_request_ctx=turn.take()))


def _addressed(body: JsonObject) -> JsonObject:
    """Return the body of a message that alerts the role which the renderer has named, and nobody else."""
    roles = body.get("allowed_mentions", {}).get("roles", ())
    return {**body, "allowed_mentions": {**NOBODY, "roles": roles} if roles else NOBODY}


@contextlib.contextmanager
def _nothing_sent(client: discord.Client) -> Iterator[None]:
    """Make no doubt of a request without an answer in the context, because the message comes after it."""
    try:
        with reaching(client):
            yield
    except UnknownOutcomeError as error:
        raise NotSentError(str(error)) from error
