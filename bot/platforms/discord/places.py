"""Where somebody uses the bot on Discord: what they may do there, and what the bot may."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bot.commands import Obstacle
from bot.model.subscription import Target
from bot.platforms.discord import NAME, rights

if TYPE_CHECKING:
    import discord

PROFILE = "https://discord.com/users/{id}"
"""Where Discord's apps show a bot, with the way to write to it."""


@dataclass(frozen=True, slots=True)
class Place:
    """The channel of an interaction, which alone says what is acted on: neither a command nor a button names another.

    `may_manage` and `may_share` are the person's rights there, `obstacle` is why a push could not be sent there, and
    `is_guest` is a place that the bot is no member of, where the person brought it.
    """

    target: Target
    is_private: bool
    is_guest: bool
    may_manage: bool
    may_share: bool
    obstacle: Obstacle | None

    @classmethod
    def of(cls, interaction: discord.Interaction) -> Place:
        """The place of an interaction, from what Discord says with it: nothing is asked, so nothing is late."""
        in_guild = interaction.guild_id is not None
        is_private = not in_guild and not interaction.context.private_channel
        # The gateway tells of every server that the bot is in, also of those in an outage.
        is_member = interaction.guild_id is not None and interaction.client.get_guild(interaction.guild_id) is not None
        is_guest = not is_private and not is_member
        person = interaction.permissions
        return cls(
            target=Target(NAME, str(interaction.channel_id or 0)),
            is_private=is_private,
            is_guest=is_guest,
            may_manage=is_private or (is_member and (person.manage_guild or person.administrator)),
            may_share=not in_guild or (is_member and (person.manage_messages or person.administrator)),
            obstacle=_obstacle(interaction, is_private=is_private, is_guest=is_guest),
        )


def _obstacle(interaction: discord.Interaction, *, is_private: bool, is_guest: bool) -> Obstacle | None:
    if is_private:
        # There are no permissions in a private conversation; Discord tells others than those to write.
        return None
    if is_guest:
        return Obstacle.GUEST
    return rights.obstacle(interaction.app_permissions, interaction.channel)
