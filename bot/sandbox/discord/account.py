"""The API's methods for the bot's own account, the way to the gateway, and servers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.sandbox.discord.errors import MISSING_ACCESS, UNKNOWN_GUILD, UNKNOWN_MEMBER, UNKNOWN_USER, ApiError
from bot.sandbox.discord.rest import Ask, Route
from bot.sandbox.discord.world import Thread

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from bot.sandbox.discord.gateway import Session
    from bot.sandbox.discord.world import Guild, Json, World

SESSIONS_A_DAY = 1000
"""How often a bot may identify in a day."""


class Account:
    """Who the bot is and where. `shards` is the number that Discord recommends to it."""

    def __init__(self, world: World, shards: int, gateway_url: Callable[[], str]) -> None:
        self._world = world
        self._shards = shards
        self._gateway_url = gateway_url

    def routes(self) -> list[Route]:
        """The methods."""
        return [
            Route("GET", "/users/@me", lambda _: self._world.bot.wire() | {"verified": True}),
            Route("GET", "/users/{user_id}", self._user),
            Route("GET", "/oauth2/applications/@me", lambda _: self.application()),
            Route("GET", "/applications/@me", lambda _: self.application()),
            Route("GET", "/gateway", lambda _: {"url": self._gateway_url()}, open=True),
            Route("GET", "/gateway/bot", self._gateway_for_bots),
            Route("GET", "/guilds/{guild_id}", lambda ask: self._guild(ask).wire()),
            Route("GET", "/guilds/{guild_id}/channels", self._channels),
            Route("GET", "/guilds/{guild_id}/members/{user_id}", self._member),
        ]

    def application(self) -> Json:
        """The application object."""
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
            "team": None,
        }

    def ready(self, session: Session) -> Json:
        """What READY holds: the bot, and its servers as not yet available."""
        return {
            "user": self._world.bot.wire(),
            "guilds": [{"id": str(guild.id), "unavailable": True} for guild in self._guilds(session)],
            "application": {"id": str(self._world.application_id), "flags": 0},
            "private_channels": [],
            "session_type": "normal",
        }

    def after_ready(self, session: Session) -> Iterator[tuple[str, Json]]:
        """The servers, one after the other; those in an outage wait for its end."""
        for guild in self._guilds(session):
            if not guild.unavailable:
                yield "GUILD_CREATE", guild.wire_created() | {"unavailable": False}

    def _guilds(self, session: Session) -> Iterator[Guild]:
        for guild in self._world.guilds.values():
            if guild.bot_is_in and session.sees(guild.id):
                yield guild

    def _user(self, ask: Ask) -> Json:
        user = self._world.users.get(ask.id("user_id"))
        if user is None:
            raise ApiError(UNKNOWN_USER)
        return user.wire()

    def _gateway_for_bots(self, _ask: Ask) -> Json:
        limit = {"total": SESSIONS_A_DAY, "remaining": SESSIONS_A_DAY, "reset_after": 0, "max_concurrency": 1}
        return {"url": self._gateway_url(), "shards": self._shards, "session_start_limit": limit}

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
