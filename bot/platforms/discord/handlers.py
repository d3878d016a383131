"""From an interaction to an answer: parse, ask the desk, render, reply. Nothing is decided here."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import discord
from discord import app_commands

from bot.commands import COMMANDS, Argument, Command, Desk, Request, press, suggest
from bot.i18n import Language, words
from bot.platforms.discord.errors import NO_ANSWER, translate
from bot.platforms.discord.render import COMMAND_PREFIX
from bot.platforms.discord.view import layout_view
from bot.subscription import PlatformName, Target

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

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
        self._desk = desk
        self._pace = pace
        self._language = language

    def register(self) -> None:
        """Add the commands to the platform's tree; Discord learns of them when the client logs in."""
        for command in COMMANDS:
            self._platform.tree.add_command(self._slash(command))
        self._platform.client.event(self.on_interaction)
        self._platform.client.on_setup = self._publish_menu

    async def _publish_menu(self) -> None:
        await self._platform.tree.set_translator(_Translator())
        await self._platform.tree.sync()

    def _slash(self, command: Command) -> app_commands.Command[discord.app_commands.Group, ..., None]:
        answer = self._answer

        async def plain(interaction: discord.Interaction, share: bool = False) -> None:  # noqa: FBT002 - an option
            await answer(interaction, command, "", share=share)

        async def topic(interaction: discord.Interaction, name: str, share: bool = False) -> None:  # noqa: FBT002
            await answer(interaction, command, name, share=share)

        async def topics(interaction: discord.Interaction, topics: str = "", share: bool = False) -> None:  # noqa: FBT002
            await answer(interaction, command, topics, share=share)

        async def episode(interaction: discord.Interaction, number: str, share: bool = False) -> None:  # noqa: FBT002
            await answer(interaction, command, number, share=share)

        async def words_(interaction: discord.Interaction, words: str, share: bool = False) -> None:  # noqa: FBT002
            await answer(interaction, command, words, share=share)

        async def complete(_interaction: discord.Interaction, typed: str) -> list[app_commands.Choice[str]]:
            suggestions = suggest(self._desk, command.argument, typed)[:MAX_CHOICES]
            return [app_commands.Choice(name=name[:MAX_CHOICE], value=value) for name, value in suggestions]

        callbacks: dict[Argument, Callable[..., Awaitable[None]]] = {
            Argument.NONE: plain,
            Argument.TOPIC: topic,
            Argument.TOPICS: topics,
            Argument.EPISODE: episode,
            Argument.WORDS: words_,
        }
        options = {Argument.TOPIC: "name", Argument.TOPICS: "topics", Argument.EPISODE: "number"}
        slash: app_commands.Command[discord.app_commands.Group, ..., None] = app_commands.Command(
            name=command.name,
            description=app_commands.locale_str(command.summary),
            callback=callbacks[command.argument],  # type: ignore[arg-type] # discord.py reads its real signature
        )
        if option := options.get(command.argument):
            slash.autocomplete(option)(complete)
        return slash

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


class _Translator(app_commands.Translator):
    """The commands' descriptions in the languages of Discord's apps that the bot speaks."""

    async def translate(
        self,
        string: app_commands.locale_str,
        locale: discord.Locale,
        context: app_commands.TranslationContextTypes,  # noqa: ARG002 - discord.py passes it
    ) -> str | None:
        language = locale.value.partition("-")[0]
        return words(Language(language)).gettext(string.message) if language in set(Language) else None
