"""The end and the return of subscriptions when the bot loses servers and channels, or comes back to them."""

from __future__ import annotations

import logging
from collections.abc import Callable, Coroutine
from typing import Any, TypeAlias

import discord

from bot.model.i18n import gettext_noop
from bot.model.subscription import Subscriptions, Target
from bot.platforms.discord import NAME, rights

log = logging.getLogger(__name__)

REMOVED = gettext_noop("the bot was removed from the server")
DELETED = gettext_noop("the channel was deleted")
"""Reasons for which subscriptions end, for the admins' reports."""


Listener: TypeAlias = Callable[..., Coroutine[Any, Any, None]]


class Membership:
    """The listener to the gateway's events about servers and channels.

    discord.py tells a server in an outage from one that the bot has left, so that an outage ends no subscription.
    """

    def __init__(self, subscriptions: Subscriptions) -> None:
        self._subscriptions = subscriptions

    def follow(self, client: discord.Client, counted: Callable[[Listener], Listener]) -> None:
        """Listen to the client's events from now on, each listener as `counted` returns it."""
        for listener in (
            self.on_guild_remove,
            self.on_guild_available,
            self.on_guild_join,
            self.on_guild_channel_update,
            self.on_thread_update,
            self.on_guild_channel_delete,
            self.on_raw_thread_delete,
        ):
            client.event(counted(listener))

    async def on_guild_remove(self, guild: discord.Guild) -> None:
        """End the server's subscriptions, because the bot was removed or the server deleted."""
        for target in _targets(guild):
            if await self._subscriptions.left(target, REMOVED):
                log.info("%s: %s", target, REMOVED)

    async def on_guild_available(self, guild: discord.Guild) -> None:
        """Bring the server's subscriptions back if the bot was removed and was let in again while it was off."""
        if await self._subscriptions.came_back(*_targets(guild)):
            log.info("The bot is back in the server %d, and so are its subscriptions", guild.id)

    async def on_guild_join(self, guild: discord.Guild) -> None:
        """Bring the server's subscriptions back, because the bot was let in."""
        await self.on_guild_available(guild)
        for target in _targets(guild):
            # Because pushes failed while the bot was out, some of them are paused.
            await self._resume(target)

    async def on_guild_channel_update(
        self, _before: discord.abc.GuildChannel, channel: discord.abc.GuildChannel
    ) -> None:
        """Resume paused subscriptions of the channel and its threads if the bot may write there now."""
        await self._resume_if_open(channel)
        for thread in channel.guild.threads:
            if thread.parent_id == channel.id:
                await self._resume_if_open(thread)

    async def on_thread_update(self, _before: discord.Thread, thread: discord.Thread) -> None:
        """Resume the thread's paused subscription if the bot may write there now."""
        if thread.parent is not None:
            await self._resume_if_open(thread)

    async def on_guild_channel_delete(self, channel: discord.abc.GuildChannel) -> None:
        """End the subscription of a channel that was deleted."""
        await self._delete(channel.id)

    async def on_raw_thread_delete(self, thread: discord.RawThreadDeleteEvent) -> None:
        """End the subscription of a thread that was deleted, also if the thread was archived."""
        await self._delete(thread.thread_id)

    async def _resume_if_open(self, channel: discord.abc.GuildChannel | discord.Thread) -> None:
        if rights.obstacle(channel.permissions_for(channel.guild.me), channel) is None:
            await self._resume(_target(channel.id))

    async def _resume(self, target: Target) -> None:
        if await self._subscriptions.resume(target):
            log.info("%s: the bot may write again", target)

    async def _delete(self, channel_id: int) -> None:
        target = _target(channel_id)
        if await self._subscriptions.left(target, DELETED):
            log.info("%s: %s", target, DELETED)


def _targets(guild: discord.Guild) -> list[Target]:
    return [_target(channel.id) for channel in (*guild.channels, *guild.threads)]


def _target(channel_id: int) -> Target:
    return Target(NAME, str(channel_id))
