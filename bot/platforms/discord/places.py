"""The place of an interaction on Discord: what the person may do there, and what the bot may."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bot.commands import Answer, Obstacle, Request
from bot.commands.request import notice
from bot.model.document import LinkButton
from bot.model.subscription import Target
from bot.platforms.discord import NAME, rights

if TYPE_CHECKING:
    import discord

PROFILE = "https://discord.com/users/{id}"
"""The page on which Discord's apps show a bot, with a button to write to it."""


@dataclass(frozen=True, slots=True)
class Place:
    """The channel of an interaction, on which the command acts: neither a command nor a button names another channel.

    `may_manage` and `may_share` are the person's rights in the channel. `obstacle` is the reason for which no push can
    be sent to the channel. `is_guest` says that the bot is no member there, and that the person brought it.
    """

    target: Target
    is_private: bool
    is_guest: bool
    may_manage: bool
    may_share: bool
    obstacle: Obstacle | None

    @classmethod
    def of(cls, interaction: discord.Interaction) -> Place:
        """Return the place of an interaction without a request: Discord says all of it with the interaction."""
        in_guild = interaction.guild_id is not None
        is_private = not in_guild and not interaction.context.private_channel
        # Because the gateway tells of every server that the bot is in, also in an outage, no other is the bot's.
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


def more_in_private(request: Request) -> Answer:
    """Return the word that stands for the rest of an answer where Discord takes no more messages."""
    _ = request.words.gettext
    button = LinkButton(_("Write to me in private"), request.private_chat)
    return notice(_("There is more, but I am only a guest here: ask me in private for all of it."), button)


def _obstacle(interaction: discord.Interaction, *, is_private: bool, is_guest: bool) -> Obstacle | None:
    if is_private:
        # Because there are no permissions in a private conversation, those that Discord sends mean nothing.
        return None
    if is_guest:
        return Obstacle.GUEST
    return rights.obstacle(interaction.app_permissions, interaction.channel)
