"""The request of an interaction, with the rights of the person and of the bot in the place."""

import discord

from bot.commands import Answer, Obstacle, Request
from bot.commands.request import notice
from bot.model.document import LinkButton
from bot.model.i18n import Language
from bot.model.subscription import Target
from bot.platforms.discord import NAME, rights

PROFILE = "https://discord.com/users/{id}"
"""The page on which Discord's apps show a bot, with a button to write to the bot."""


def request_of(
    interaction: discord.Interaction, argument: str, page: int | None, otherwise: Language, *, shared: bool
) -> Request:
    """Return the request of an interaction, without asking Discord, which sends all rights along.

    The command acts on the channel of the interaction, because no command or button names another. The language is
    `otherwise` for a person whose own the bot does not speak, and for an answer that all people in the place see: a
    shared one keeps the language of the pushes, whoever presses.
    """
    is_private = interaction.guild_id is None and not interaction.context.private_channel
    is_member = _is_member(interaction)
    if is_private:
        # Because a private conversation has no permissions, those that Discord sends mean nothing.
        obstacle = None
    else:
        bot = interaction.app_permissions
        obstacle = rights.obstacle(bot, interaction.channel) if is_member else Obstacle.GUEST
    person, message = interaction.permissions, interaction.message
    is_answer = message is not None and message.interaction_metadata is not None and not message.flags.ephemeral
    is_public = not is_private and (shared or is_answer)
    return Request(
        argument=argument,
        target=Target(NAME, str(interaction.channel_id or 0)),
        language=otherwise if is_public else Language.pick(str(interaction.locale), otherwise),
        may_manage=is_private or (is_member and (person.manage_guild or person.administrator)),
        is_private=is_private,
        page=page,
        obstacle=obstacle,
        has_followers=isinstance(interaction.channel, discord.TextChannel) and interaction.channel.is_news(),
        private_chat="" if is_private else PROFILE.format(id=interaction.application_id),
        person=interaction.user.id,
        person_name=interaction.user.display_name,
    )


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
