"""The one connection to Discord's gateway: each is a new client of discord.py, and ends before the next begins.

A client that discord.py opens again keeps signs of its first life, by which it forgets a session that goes on.
"""

import asyncio
import contextlib
import logging
import time
import weakref
from collections.abc import Callable, Coroutine, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, TypeAlias, cast

import aiohttp
import discord
import discord.http
import discord.shard
import yarl
from discord import app_commands, utils
from discord.gateway import DiscordWebSocket, ReconnectWebSocket, WebSocketClosure
from discord.http import Route

from bot.model.facts import Tell, Unreadable
from bot.platforms.discord import NAME
from bot.platforms.discord.errors import UnservedError, not_discord, reading
from bot.platforms.discord.section import Discord

if TYPE_CHECKING:
    from discord.types.gateway import SessionStartLimit

log = logging.getLogger(__name__)

CLEAN_EVERY = 60.0
"""Seconds between two searches for buckets to forget. discord.py keeps each bucket for five minutes anyway."""
CONNECT_EVERY = 1.0
"""Seconds between two connections. discord.py connects again at once where the gateway hangs up at once."""
FAREWELL = 3.0
"""Seconds that the gateway gets to take leave, before its connections are cut."""
LONGEST_KIND = 50
"""Characters of an event's name in the log and in notices."""

Equip: TypeAlias = Callable[[discord.AutoShardedClient, app_commands.CommandTree], None]
"""Registers handlers with a new client and its table of slash commands."""
Setup: TypeAlias = Coroutine[Any, Any, None]


class Gateway:
    """The owner of the connection, which makes a client for each life of it.

    `options` are those of discord.py's client; `tell` hears of each kind of event that discord.py cannot read.
    """

    def __init__(self, config: Discord, options: dict[str, Any], tell: Tell) -> None:
        self._config = config
        self._options = options
        self._tell = tell
        self._skipped: set[str] = set()
        self._is_free = asyncio.Lock()
        self.client: discord.AutoShardedClient | None = None
        """The client that is connected, or connects; None in between."""

    async def listen(self, token: str, equip: Equip, beside: Callable[[app_commands.CommandTree], Setup]) -> None:
        """Hear commands by a new client that `equip` has prepared, until Discord ends the connection for good.

        The client is gone afterwards. `beside` runs meanwhile with the client's commands.

        Raises:
            discord.DiscordException: Discord has ended the connection, or there was none.
        """
        async with self._is_free:
            client = discord.AutoShardedClient(**self._options)
            take_over(client, self._config)
            tree = _Tree(client)
            client.event(self.on_unreadable)
            equip(client, tree)
            tasks: list[asyncio.Task[None]] = []
            try:
                with reading():
                    await client.login(token)
                self.client = client
                tasks += asyncio.create_task(client.connect()), asyncio.create_task(beside(tree))
                refusal = asyncio.get_running_loop().create_future()
                client.http.refusal = refusal  # type: ignore[attr-defined] # of our class since above
                await asyncio.wait((tasks[0], refusal), return_when=asyncio.FIRST_COMPLETED)
                (refusal if refusal.done() else tasks[0]).result()
            finally:
                self.client = None
                await _end(client, tasks)

    async def on_unreadable(self, event: str, error: Exception) -> None:
        """Log and tell that the bot skips events of a kind, once per kind."""
        if event not in self._skipped:
            self._skipped.add(event)
            log.warning("Discord sent %s in a form that cannot be read; it is skipped", event, exc_info=error)
            await self._tell(Unreadable(NAME, event))


async def _end(client: discord.AutoShardedClient, tasks: Sequence[asyncio.Task[None]]) -> None:
    try:
        async with asyncio.timeout(FAREWELL):
            await client.close()
    except TimeoutError:
        log.info("The gateway takes no leave; its connections are cut")
    finally:
        # Because a client that is closed in the middle of connecting forgets its socket, all sockets are closed here.
        await client.http.close()
        # Because discord.py drops a cancellation that comes while it reconnects, one may not be enough.
        while running := [task for task in tasks if not task.done()]:
            for task in running:
                task.cancel()
            await asyncio.wait(running, timeout=0.1)
        # Such sockets have a thread each, which would go on.
        mine = [each for each in _Socket.opened if getattr(each, "_connection", None) is client._connection]  # noqa: SLF001 - nothing else says whose it is
        await asyncio.gather(*(each.close() for each in mine), return_exceptions=True)


def take_over(client: discord.Client, config: Discord) -> None:
    """Have the client make its requests as `HTTPClient` does, to the addresses of the config."""
    # Because discord.py makes its HTTP client itself and takes no other, that one gets this class afterwards.
    client.http.__class__ = HTTPClient
    http = cast("HTTPClient", client.http)
    http.api_url, http.gateway_url = config.api_url.rstrip("/"), yarl.URL(config.gateway_url)


class HTTPClient(discord.http.HTTPClient):
    """A client that reads Discord's answers alone, searches for old buckets once a minute, and connects once a second.

    Because discord.py keeps both addresses for the whole process, and two bots of one process may have two, they are
    exchanged here.

    discord.py itself searches all buckets for each new channel beyond the 256th, which is most of its work in a push to
    15,000 channels. A test fails if a later version no longer calls this method.
    """

    api_url: str
    gateway_url: yarl.URL
    _cleaned = 0.0
    _next_connection = 0.0
    refusal: asyncio.Future[None] | None = None
    """The end of the connection by a gateway that asks for a pause. discord.py would connect again without one."""

    async def request(self, route: Route, **options: Any) -> Any:  # noqa: ANN401 - the library's own
        """Return the JSON of an answer, or an empty text where Discord has nothing to say.

        Raises:
            UnservedError: the answer is not Discord's.
            discord.HTTPException: Discord refuses the request.
        """
        if route.url.startswith(Route.BASE):
            route.url = self.api_url + route.url.removeprefix(Route.BASE)
        with reading():
            answer = await super().request(route, **options)
        match answer, route.method:
            # A write is answered by nothing or by what was made; only the commands are put as a list.
            case (
                (dict() | list(), "GET") | ({"id": _}, _) | (list(), "PUT") | ("", "POST" | "PUT" | "PATCH" | "DELETE")
            ):
                return answer
        raise UnservedError(not_discord(str(answer).encode()))

    async def get_bot_gateway(self) -> tuple[int, str, "SessionStartLimit"]:
        """Return the number of shards, the address of the gateway, and how many more connections it takes."""
        with reading():
            return await super().get_bot_gateway()

    async def ws_connect(self, url: str, *, compress: int = 0) -> aiohttp.ClientWebSocketResponse:
        """Connect to the gateway when the time has come."""
        now = time.monotonic()
        moment = max(now, self._next_connection)
        self._next_connection = moment + CONNECT_EVERY
        await asyncio.sleep(moment - now)
        if url.startswith(str(DiscordWebSocket.DEFAULT_GATEWAY)):
            url = str(self.gateway_url.with_query(yarl.URL(url).query))
        try:
            return await super().ws_connect(url, compress=compress)
        except UnservedError as error:
            if error.meaning.retry_after and self.refusal and not self.refusal.done():
                self.refusal.set_exception(error)
            raise

    def _try_clear_expired_ratelimits(self) -> None:
        now = time.monotonic()
        if now - self._cleaned >= CLEAN_EVERY:
            self._cleaned = now
            super()._try_clear_expired_ratelimits()


class _Tree(app_commands.CommandTree):
    """A table of slash commands that outlives a command in a form that cannot be read."""

    async def _call(self, interaction: discord.Interaction) -> None:
        error: Exception = TypeError("nobody has sent the interaction")
        if isinstance(interaction.user, discord.abc.User):
            try:
                return await super()._call(interaction)
            except (LookupError, TypeError, ValueError, AttributeError) as failure:
                error = failure
        self.client.dispatch("unreadable", "INTERACTION_CREATE", error)
        return None


class _Socket(DiscordWebSocket):
    """A connection that outlives an event in a form that discord.py cannot read."""

    opened: ClassVar["weakref.WeakSet[_Socket]"] = weakref.WeakSet()

    def __init__(self, *arguments: Any, **options: Any) -> None:  # noqa: ANN401 - the library's own
        super().__init__(*arguments, **options)
        self.opened.add(self)

    async def received_message(self, msg: Any, /) -> None:  # noqa: ANN401 - text or bytes, by discord.py's own types
        """Read a message, and skip it if that fails."""
        if isinstance(msg, bytes):
            # Because a stream that cannot be unpacked is lost with all that follows, an error here ends the connection.
            msg = self._decompressor.decompress(msg)
            if msg is None:
                return
        try:
            await super().received_message(msg)
        except (ReconnectWebSocket, WebSocketClosure, discord.ConnectionClosed, aiohttp.ClientError, OSError):
            raise
        except Exception as error:  # noqa: BLE001 - no message of any form may end the connection
            self._dispatch("unreadable", _kind(msg), error)


# Because discord.py takes no other class for its connections, this one stands in its place.
discord.shard.DiscordWebSocket = _Socket  # type: ignore[misc]


def _kind(message: str) -> str:
    with contextlib.suppress(ValueError, RecursionError):
        if isinstance(parsed := utils._from_json(message), dict):  # noqa: SLF001 - the reader of the connection itself
            return str(parsed.get("t") or f"op {parsed.get('op')}")[:LONGEST_KIND]
    return "a message"
