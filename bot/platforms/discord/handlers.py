"""From an interaction to an answer: parse, ask the desk, render, reply. Nothing is decided here."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import discord
from discord import app_commands

from bot.commands import COMMANDS, Command, Desk, Request, press, suggest
from bot.i18n import Language
from bot.platforms.discord.errors import NO_ANSWER, translate
from bot.platforms.discord.menu import Menu, slash
from bot.platforms.discord.render import COMMAND_PREFIX
from bot.platforms.discord.view import layout_view
from bot.subscription import PlatformName, Target

if TYPE_CHECKING:
    from bot.platforms.base import Pace
    from bot.platforms.discord.client import DiscordPlatform

log = logging.getLogger(__name__)

MAX_CHOICES = 25
"""Discord refuses an autocompletion with more."""
MAX_CHOICE = 100
"""Characters in the name of a choice."""


class Handlers:
    """Registers every command with discord.py and answers it, buttons included."""

    def __init__(self, platform: DiscordPlatform, desk: Desk, pace: Pace, language: Language) -> None:
        self._platform = platform
        self._pace = pace
        self.use(desk, language)

    def use(self, desk: Desk, language: Language) -> None:
        """Answer from this desk from now on, and in this language those whose own the bot does not speak."""
        self._desk = desk
        self._language = language

    def register(self) -> None:
        """Add the commands to the platform's tree; Discord learns of them when the client logs in."""
        for command in COMMANDS:
            self._platform.tree.add_command(slash(command, self._typed, self._suggest))
        self._platform.client.event(self.on_interaction)
        self._platform.on_setup = Menu(self._platform.tree).publish

    async def _typed(self, interaction: discord.Interaction, command: Command, argument: str, share: bool) -> None:
        await self._answer(interaction, command, argument, share=share)

    async def _suggest(
        self, _interaction: discord.Interaction, command: Command, typed: str
    ) -> list[app_commands.Choice[str]]:
        suggestions = suggest(self._desk, command.argument, typed)[:MAX_CHOICES]
        return [app_commands.Choice(name=name[:MAX_CHOICE], value=value) for name, value in suggestions]

    async def on_interaction(self, interaction: discord.Interaction) -> None:
        """Answer a button's press, by its custom id alone: so buttons outlive every restart."""
        if interaction.type is not discord.InteractionType.component or interaction.data is None:
            return
        custom_id = str(interaction.data.get("custom_id", ""))
        pressed = press(custom_id.removeprefix(COMMAND_PREFIX))
        if custom_id.startswith(COMMAND_PREFIX) and pressed is not None:
            await self._answer(interaction, pressed.command, pressed.argument, share=False, page=pressed.page)

    async def _answer(
        self,
        interaction: discord.Interaction,
        command: Command,
        argument: str,
        *,
        share: bool,
        page: int | None = None,
    ) -> None:
        target = Target(PlatformName.DISCORD, str(interaction.channel_id))
        private = interaction.guild_id is None
        request = Request(
            argument=argument,
            target=target,
            language=Language.pick(str(interaction.locale), self._language),
            may_manage=private or interaction.permissions.manage_guild,
            is_private=private,
            page=page,
        )
        shown_to_all = share and (private or interaction.permissions.manage_messages)
        rendering = self._platform.render((await command.answer(self._desk, request)).document)
        for position, message in enumerate(rendering.messages):
            view = layout_view(message.body["components"])
            view.stop()
            mentions = discord.AllowedMentions.none()
            try:
                if position == 0:
                    # Interactions are outside Discord's global limit and have three seconds: no waiting here.
                    await interaction.response.send_message(
                        view=view, ephemeral=not shown_to_all, allowed_mentions=mentions
                    )
                else:
                    await self._pace.answer(target)
                    await interaction.followup.send(view=view, ephemeral=not shown_to_all, allowed_mentions=mentions)
            except NO_ANSWER as error:
                log.warning("No answer to /%s in %s: %s", command.name, target, translate(error))
                return
