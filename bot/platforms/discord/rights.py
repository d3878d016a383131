"""The bot's permissions in a channel, and those that it lacks for a push."""

import discord

from bot.commands import Obstacle
from bot.model.i18n import gettext as _
from bot.model.i18n import gettext_noop
from bot.platforms.base import TargetClosedError
from bot.platforms.discord.errors import translate

CLOSED = {
    Obstacle.BLIND: gettext_noop(
        "the bot may not see this channel: add it to the server, with the permission View Channel there"
    ),
    Obstacle.MUTE: gettext_noop("the bot may not write in this channel: give it the permission Send Messages there"),
    Obstacle.LOCKED: gettext_noop("this thread is locked: unlock it"),
}
MUTE_IN_THREADS = gettext_noop("the bot may not write in this thread: give it the permission Send Messages in Threads")
NO_FOLLOWERS = gettext_noop(
    "only announcement channels have followers to publish to: take publish out, or choose another channel"
)
NO_MESSAGES = gettext_noop("this is a category, which takes no messages: choose a channel in it")


def obstacle(allowed: discord.Permissions, channel: object) -> Obstacle | None:
    """Return the obstacle to pushes in a channel where the bot has these permissions, or None."""
    if allowed.administrator:
        return None
    if not allowed.view_channel:
        return Obstacle.BLIND
    if not isinstance(channel, discord.Thread):
        return None if allowed.send_messages else Obstacle.MUTE
    if not allowed.send_messages_in_threads:
        return Obstacle.MUTE
    return Obstacle.LOCKED if channel.locked and not allowed.manage_threads else None


async def inspect(client: discord.Client, channel_id: int, *, publish: bool) -> None:
    """Check over REST that a push can come into the channel; with `publish`, also to the followers.

    The bot needs no further permission to publish its own messages.

    Raises:
        TargetClosedError: a push cannot come there.
        discord.DiscordException: Discord does not tell.
    """
    try:
        channel = await client.fetch_channel(channel_id)
    except discord.Forbidden as error:
        if not isinstance(translate(error), TargetClosedError):
            raise
        raise TargetClosedError(_(CLOSED[Obstacle.BLIND])) from error
    if isinstance(channel, discord.abc.PrivateChannel):
        return
    if isinstance(channel, discord.CategoryChannel):
        raise TargetClosedError(_(NO_MESSAGES))
    found = obstacle(await _allowed(client, channel), channel)
    if found is not None:
        is_mute_in_thread = found is Obstacle.MUTE and isinstance(channel, discord.Thread)
        raise TargetClosedError(_(MUTE_IN_THREADS if is_mute_in_thread else CLOSED[found]))
    if publish and channel.type is not discord.ChannelType.news:
        raise TargetClosedError(_(NO_FOLLOWERS))


async def _allowed(client: discord.Client, channel: discord.abc.GuildChannel | discord.Thread) -> discord.Permissions:
    """Return the bot's permissions in the channel. The permissions for a thread are those of the thread's channel."""
    guild = await client.fetch_guild(channel.guild.id, with_counts=False)
    me = await guild.fetch_member(client.user.id if client.user else 0)
    place_id = channel.parent_id if isinstance(channel, discord.Thread) else channel.id
    # Because a channel that is fetched alone has none of the server's roles, all are fetched.
    place = next((each for each in await guild.fetch_channels() if each.id == place_id), None)
    return discord.Permissions.none() if place is None else place.permissions_for(me)
