"""The request of an interaction, with the rights of the person and of the bot in the place."""

from typing import Any

import discord

from bot.commands import Answer, Obstacle, Request
from bot.commands.request import notice
from bot.model.document import LinkButton
from bot.model.i18n import Language
from bot.model.subscription import Target
from bot.platforms.discord import NAME, rights
from bot.platforms.discord.menu import Place

PROFILE = "https://discord.com/users/{id}"
"""The page on which Discord's apps show a bot, with a button to write to the bot."""


def request_of(
    interaction: discord.Interaction,
    argument: str,
    page: int | None,
    otherwise: Language,
    *,
    shared: bool,
    place: Place | None = None,
) -> Request:
    """Return the request of an interaction, without asking Discord, which sends all rights along.

    The command acts on the channel of the interaction, or on the `place` that it names. The language is
    `otherwise` for a person whose own the bot does not speak, and for an answer that all people in the channel see: a
    shared one keeps the language of the pushes, whoever presses.
    """
    channel = interaction.channel if place is None else place
    # Because anybody may do anything in a private chat, a place that is named there is none of it.
    is_private = interaction.guild_id is None and not interaction.context.private_channel and place is None
    is_member = _is_member(interaction)
    if is_private:
        # Because a private conversation has no permissions, those that Discord sends mean nothing.
        obstacle = None
    else:
        bot = interaction.app_permissions if place is None else _allowed_in(interaction, place)
        obstacle = rights.obstacle(bot, channel) if is_member else Obstacle.GUEST
    sees = place is None or place.permissions.view_channel
    person, message = interaction.permissions if place is None else place.permissions, interaction.message
    is_answer = message is not None and message.interaction_metadata is not None and not message.flags.ephemeral
    is_public = not is_private and (shared or is_answer)
    return Request(
        argument=argument,
        target=Target(NAME, str(interaction.channel_id or 0 if place is None else place.id)),
        language=otherwise if is_public else Language.pick(str(interaction.locale), otherwise),
        # Because the rights in a named place are those there, a person who does not see it manages nothing there.
        may_manage=is_private or (is_member and (person.administrator or (person.manage_guild and sees))),
        is_private=is_private,
        page=page,
        obstacle=obstacle,
        has_followers=getattr(channel, "type", None) is discord.ChannelType.news,
        private_chat="" if is_private else PROFILE.format(id=interaction.application_id),
        person=interaction.user.id,
        person_name=interaction.user.display_name,
        place="" if place is None else f"#{place.name}",
    )


def _allowed_in(interaction: discord.Interaction, place: Place) -> discord.Permissions:
    """Return the bot's permissions in a place that a command names: as Discord tells them, else as the gateway does."""
    data: Any = interaction.data or {}
    told = data.get("resolved", {}).get("channels", {}).get(str(place.id), {}).get("app_permissions")
    if told is not None:
        return discord.Permissions(int(told))
    guild = interaction.guild
    known = guild.get_channel_or_thread(place.id) if guild is not None else None
    return discord.Permissions.none() if guild is None or known is None else known.permissions_for(guild.me)


def may_share(interaction: discord.Interaction) -> bool:
    """Return True if the person may show an answer to all people in the place."""
    person = interaction.permissions
    is_allowed = person.manage_messages or person.administrator
    return interaction.guild_id is None or (_is_member(interaction) and is_allowed)


def more_in_private(request: Request) -> Answer:
    """Return the message in place of the rest of an answer where Discord takes no more messages."""
    _ = request.words.gettext
    button = LinkButton(_("Write to me in private"), request.private_chat)
    return notice(_("There is more, but I am only a guest here: ask me in private for all of it."), button)


def _is_member(interaction: discord.Interaction) -> bool:
    # Because the gateway names every server of the bot, also in an outage, the bot is a guest in all others.
    return interaction.guild_id is not None and interaction.client.get_guild(interaction.guild_id) is not None
