"""Methods of the API for the bot's account, the gateway's address and servers."""

from collections.abc import Callable, Iterator

from bot.sandbox.discord.errors import MISSING_ACCESS, UNKNOWN_GUILD, UNKNOWN_MEMBER, ApiError
from bot.sandbox.discord.rest import Ask, Route
from bot.sandbox.discord.world import Guild, Thread, World
from bot.sandbox.shared.webserver import Json

SESSIONS_A_DAY = 1000
"""Identifies that a bot has in a day."""


class Account:
    """Account of the bot and its servers."""

    def __init__(self, world: World, gateway_url: Callable[[], str]) -> None:
        self._world = world
        self._gateway_url = gateway_url

    def routes(self) -> list[Route]:
        """Return the methods."""
        return [
            Route("GET", "/users/@me", lambda _: self._world.bot.wire() | {"verified": True}),
            Route("GET", "/oauth2/applications/@me", lambda _: self._application()),
            Route("GET", "/gateway/bot", self._gateway_for_bots),
            Route("GET", "/guilds/{guild_id}", lambda ask: self._guild(ask).wire()),
            Route("GET", "/guilds/{guild_id}/channels", self._channels),
            Route("GET", "/guilds/{guild_id}/members/{user_id}", self._member),
        ]

    def _application(self) -> Json:
        return {
            "id": str(self._world.application_id),
            "name": self._world.bot.name,
            "description": "",
            "icon": None,
            "bot_public": True,
            "bot_require_code_grant": False,
            "owner": self._world.bot.wire(),
            "verify_key": "0" * 64,
            "flags": 0,
        }

    def welcome(self) -> Iterator[tuple[str, Json]]:
        """Yield READY with the servers as not yet available, then a GUILD_CREATE for each without an outage."""
        guilds = [guild for guild in self._world.guilds.values() if guild.bot_is_in]
        unavailable = [{"id": str(guild.id), "unavailable": True} for guild in guilds]
        yield "READY", {"user": self._world.bot.wire(), "guilds": unavailable, "application": self._application()}
        for guild in guilds:
            if not guild.unavailable:
                yield "GUILD_CREATE", guild.wire_created() | {"unavailable": False}

    def _gateway_for_bots(self, _ask: Ask) -> Json:
        limit = {"total": SESSIONS_A_DAY, "remaining": SESSIONS_A_DAY, "reset_after": 0, "max_concurrency": 1}
        return {"url": self._gateway_url(), "shards": 1, "session_start_limit": limit}

    def _guild(self, ask: Ask) -> Guild:
        guild = self._world.guilds.get(ask.id("guild_id"))
        if guild is None:
            raise ApiError(UNKNOWN_GUILD)
        if not guild.bot_is_in:
            raise ApiError(MISSING_ACCESS)
        return guild

    def _channels(self, ask: Ask) -> list[Json]:
        return [channel.wire() for channel in self._guild(ask).channels if not isinstance(channel, Thread)]

    def _member(self, ask: Ask) -> Json:
        guild, user = self._guild(ask), self._world.users.get(ask.id("user_id"))
        if user is self._world.bot:
            return guild.bot_member()
        if user is None or user not in guild.members:
            raise ApiError(UNKNOWN_MEMBER)
        return guild.member(user)
