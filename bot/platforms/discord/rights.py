"""The bot's permissions in a channel, and those that it lacks for a push."""

from collections.abc import Iterator, Sequence

import discord
from discord import app_commands

from bot.commands import Obstacle
from bot.model.i18n import gettext as _
from bot.model.i18n import gettext_noop, spoken
from bot.model.subscription import Choices
from bot.platforms.base import TargetClosedError
from bot.platforms.discord.errors import translate
from bot.platforms.discord.section import ROLE

CLOSED = {
    Obstacle.BLIND: gettext_noop(
        "the bot may not see this channel: add it to the server, with the permission View Channel there"
    ),
    Obstacle.MUTE: gettext_noop("the bot may not write in this channel: give it the permission Send Messages there"),
    Obstacle.LOCKED: gettext_noop("this thread is locked: unlock it"),
}
MUTE_IN_THREADS = gettext_noop("the bot may not write in threads here: give it the permission Send Messages in Threads")
NO_FOLLOWERS = gettext_noop(
    "only announcement channels have followers to publish to: take publish out, or choose another channel"
)
FORUMS = frozenset({discord.ChannelType.forum, discord.ChannelType.media})
"""The kinds of channels that take posts alone."""
NO_MESSAGES = gettext_noop("this is a category, which takes no messages: choose a channel in it")


def obstacle(allowed: discord.Permissions, channel: object) -> Obstacle | None:
    """Return the obstacle to pushes in a channel where the bot has these permissions, or None."""
    if allowed.administrator:
        return None
    if not allowed.view_channel:
        return Obstacle.BLIND
    if not isinstance(channel, discord.Thread | app_commands.AppCommandThread):
        # Because the further messages of a recap stand in its post, which is a thread, a forum takes both permissions.
        is_forum = getattr(channel, "type", None) in FORUMS
        may_write = allowed.send_messages and (allowed.send_messages_in_threads or not is_forum)
        return None if may_write else Obstacle.MUTE
    if not allowed.send_messages_in_threads:
        return Obstacle.MUTE
    return Obstacle.LOCKED if channel.locked and not allowed.manage_threads else None


async def inspect(client: discord.Client, channel_id: int, choices: Choices) -> Sequence[str]:
    """Check over REST that a push can come into the channel; with `publish`, also to the followers.

    The bot needs no further permission to publish its own messages.

    Returns:
        A sentence if the bot may not pin there as chosen, and one if it may not mention the role.

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
        return ()
    if isinstance(channel, discord.CategoryChannel):
        raise TargetClosedError(_(NO_MESSAGES))
    guild = await client.fetch_guild(channel.guild.id, with_counts=False)
    allowed = await _allowed(client, guild, channel)
    found = obstacle(allowed, channel)
    if found is not None:
        is_mute_in_thread = found is Obstacle.MUTE and (isinstance(channel, discord.Thread) or allowed.send_messages)
        raise TargetClosedError(_(MUTE_IN_THREADS if is_mute_in_thread else CLOSED[found]))
    if choices.publish and channel.type is not discord.ChannelType.news:
        raise TargetClosedError(_(NO_FOLLOWERS))
    taken = await _taken(client, guild, channel) if choices.pin and isinstance(channel, discord.ForumChannel) else []
    return [*_no_pin(channel, allowed, choices), *taken, *_no_mention(guild, allowed, choices)]


def _no_pin(channel: object, allowed: discord.Permissions, choices: Choices) -> Iterator[str]:
    if not choices.pin or allowed.administrator:
        return
    if isinstance(channel, discord.ForumChannel):
        if not allowed.manage_threads:
            yield _("the bot may not pin posts here: give it the permission Manage Threads, or take pin out")
    elif not allowed.pin_messages:
        yield _("the bot may not pin here: give it the permission Pin Messages, or take pin out")


async def _taken(client: discord.Client, guild: discord.Guild, forum: discord.ForumChannel) -> list[str]:
    """Return a sentence if somebody else's post has the one place for a pinned post."""
    told = _("the post {name} is pinned here, and a forum has one place for that: unpin it, or take pin out")
    # Because archiving unpins a post, the pinned one is active.
    pinned = [each for each in await guild.active_threads() if each.parent_id == forum.id and each.flags.pinned]
    return [told.format(name=spoken().quoted(each.name)) for each in pinned if each.owner_id != _own_id(client)]


def _no_mention(guild: discord.Guild, allowed: discord.Permissions, choices: Choices) -> Iterator[str]:
    number = int(choices.mention.removeprefix(ROLE) or 0)
    role = guild.get_role(number)
    if number and (role is None or role.is_default()):
        yield _("the server has no role {number} to mention: copy the number of the role again").format(number=number)
    elif role is not None and not (role.mentionable or allowed.mention_everyone or allowed.administrator):
        yield _(
            "the bot may not mention the role {name}: allow anyone to mention it, or give the bot the permission "
            "Mention Everyone"
        ).format(name=role.name)


async def _allowed(
    client: discord.Client, guild: discord.Guild, channel: discord.abc.GuildChannel | discord.Thread
) -> discord.Permissions:
    """Return the bot's permissions in the channel. The permissions for a thread are those of the thread's channel."""
    me = await guild.fetch_member(_own_id(client))
    place_id = channel.parent_id if isinstance(channel, discord.Thread) else channel.id
    # Because a channel that is fetched alone has none of the server's roles, all are fetched.
    place = next((each for each in await guild.fetch_channels() if each.id == place_id), None)
    return discord.Permissions.none() if place is None else place.permissions_for(me)


def _own_id(client: discord.Client) -> int:
    return client.user.id if client.user else 0
