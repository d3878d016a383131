"""The forums among the channels: by their kind, as the gateway or Discord's API tells it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import discord
from discord.http import Route

from bot.model.i18n import gettext as _
from bot.platforms.base import TargetClosedError
from bot.platforms.discord.errors import reading
from bot.platforms.discord.rights import FORUMS, NO_MESSAGES

if TYPE_CHECKING:
    from bot.platforms.discord.gateway import Gateway
    from bot.platforms.discord.traffic import FirstTurn

REQUIRES_TAG = 1 << 4
"""The flag of a forum that takes no post without a tag."""
PINNED = 1 << 1
"""The flag of a post that is pinned at the top of its forum, which has room for one."""


class Forum(NamedTuple):
    """A forum. Because it may insist on some tag, `tags` are the first one then, and none else."""

    id: int
    guild_id: int
    tags: list[int]


class Forums:
    """The forums that the account may post in.

    The gateway names the kind of each channel. Until it has done so, a message to a forum is refused, and only then the
    bot asks for the kind: a question for each channel would double the requests of a push.
    """

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._known: set[int] = set()
        self._others: set[int] = set()

    async def find(
        self, client: discord.Client, channel_id: int, turn: FirstTurn, *, surely: bool = False
    ) -> Forum | None:
        """Return the forum of that id; None for a channel of another kind.

        Without `surely`, None also for a channel of which neither the gateway nor Discord's API has told the kind yet.

        Raises:
            TargetClosedError: the place takes neither messages nor posts.
            discord.DiscordException: Discord does not tell the kind.
        """
        if channel_id in self._others:
            return None
        gateway = self._gateway.client
        # Because discord.py looks for the channel in one server after the other, each is looked for once.
        channel = gateway and gateway.get_channel(channel_id)
        if isinstance(channel, discord.ForumChannel):
            tags = [tag.id for tag in channel.available_tags[:1] if channel.flags.require_tag]
            return Forum(channel_id, channel.guild.id, tags)
        if channel is not None:
            self._others.add(channel_id)
        elif surely or channel_id in self._known:
            return await self._ask(client, channel_id, turn)
        return None

    async def _ask(self, client: discord.Client, channel_id: int, turn: FirstTurn) -> Forum | None:
        route = Route("GET", "/channels/{channel_id}", channel_id=channel_id)
        channel: dict[str, Any] = await client.http.request(route, trace_request_ctx=turn.take())
        with reading():
            kind = int(channel["type"])
        if kind == discord.ChannelType.category.value:
            raise TargetClosedError(_(NO_MESSAGES))
        if kind not in {each.value for each in FORUMS}:
            self._others.add(channel_id)
            return None
        self._known.add(channel_id)
        with reading():
            needed = channel.get("available_tags", [])[:1] if channel.get("flags", 0) & REQUIRES_TAG else []
            return Forum(channel_id, int(channel["guild_id"]), [int(tag["id"]) for tag in needed])
