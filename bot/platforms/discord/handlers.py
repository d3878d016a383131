"""The handlers of interactions, which parse, call the command, render and reply, and decide nothing themselves."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import logging
from typing import TYPE_CHECKING

import discord
from discord import app_commands

from bot.commands import (
    ADMIN,
    COMMANDS,
    Answer,
    Answering,
    AttachedFile,
    Command,
    CommandContext,
    Request,
    Verdict,
    answered,
    busy,
    for_you_alone,
    outdated,
    press,
    slow_down,
    sorry,
    suggest,
)
from bot.model.i18n import Language, Words
from bot.model.text import shortened
from bot.platforms.base import SPEECHLESS, Entry, Sender, SendError
from bot.platforms.discord import NAME
from bot.platforms.discord.errors import ExpiredError, reaching, reading
from bot.platforms.discord.membership import Membership
from bot.platforms.discord.menu import Place, publish, slash, slash_for_admins
from bot.platforms.discord.places import may_share, more_in_private, request_of
from bot.platforms.discord.render import COMMAND_PREFIX
from bot.platforms.discord.reply import Reply, complete

if TYPE_CHECKING:
    from collections.abc import Callable

    from bot.platforms.discord.client import DiscordPlatform

log = logging.getLogger(__name__)

MOST_AT_ONCE = 2000
"""Interactions that are handled at once, which bounds memory: Discord takes no answer to one of three seconds ago."""
MAX_CHOICES = 25
"""Choices of an autocompletion. Discord refuses more."""
MAX_CHOICE = 100
"""Characters of a choice's name, and of its value."""


class Handlers:
    """The handlers of all commands and buttons."""

    def __init__(self, platform: DiscordPlatform, context: CommandContext, sender: Sender, language: Language) -> None:
        self._platform = platform
        self._sender = sender
        self.use(context, language)

    def use(self, context: CommandContext, language: Language) -> None:
        """Answer from this context from now on. The language is for people whose own the bot does not speak."""
        self._context = context
        self._language = language

    def register(self) -> None:
        """Have the platform put the handlers into each client of the gateway. Discord learns of the commands then."""
        self._platform.equip = self._equip
        self._platform.on_setup = functools.partial(publish, self._platform.on_ability)

    def _equip(self, client: discord.AutoShardedClient, tree: app_commands.CommandTree) -> None:
        counted = self._platform.underway.counted
        for command in COMMANDS:
            for name in (command.name, *command.french[:1]):
                tree.add_command(slash(command, name, counted(self._answer), counted(self._suggest)))
        tree.add_command(slash_for_admins(ADMIN, counted(self._answer)))
        tree.error(counted(self._not_understood))
        client.event(counted(self.on_interaction))
        Membership(self._context.subscriptions).follow(client, counted)

    async def on_interaction(self, interaction: discord.Interaction) -> None:
        """Answer a button's press by its custom id alone, so that buttons outlive every restart."""
        if interaction.type is not discord.InteractionType.component or interaction.data is None:
            return
        custom_id = str(interaction.data.get("custom_id", ""))
        pressed = press(custom_id.removeprefix(COMMAND_PREFIX)) if custom_id.startswith(COMMAND_PREFIX) else None
        if pressed is None:
            await self._answer(interaction, _OUTDATED)
        else:
            files = interaction.message.attachments if interaction.message else []
            file = next(iter(files), None)
            await self._answer(interaction, pressed.command.answer, pressed.argument, page=pressed.page, file=file)

    async def _not_understood(self, interaction: discord.Interaction, error: app_commands.AppCommandError) -> None:
        """Answer a command that did not come to its handler, or that failed there."""
        answering = _OUTDATED
        if isinstance(error, app_commands.CommandInvokeError):
            log.error("A command failed in a way that is not foreseen", exc_info=error.original)
            answering = _SORRY
        else:
            log.info("Discord sent a command of another version: %s", error)
        if interaction.type is discord.InteractionType.application_command:
            await self._answer(interaction, answering)

    async def _suggest(
        self, interaction: discord.Interaction, command: Command, typed: str
    ) -> list[app_commands.Choice[str]]:
        """Suggest arguments. Because people go on typing, a failure is only logged."""
        try:
            suggestions = suggest(self._context, command.argument, typed)
            choices = [
                app_commands.Choice(name=shortened(shown, MAX_CHOICE), value=value)
                for shown, value in suggestions
                if 0 < len(value) <= MAX_CHOICE
            ]
            with reaching(self._platform.client), reading():
                await complete(self._platform.client, interaction, choices[:MAX_CHOICES])
        except SendError as error:
            # Because people have typed on, they do not miss the suggestions for the earlier text.
            log.debug("Suggestions came to nothing: %s", error)
        except Exception:
            log.exception("There are no suggestions for /%s", command.name)
        return []

    async def _answer(
        self,
        interaction: discord.Interaction,
        answering: Answering,
        argument: str = "",
        *,
        share: bool = False,
        place: Place | None = None,
        page: int | None = None,
        file: discord.Attachment | None = None,
    ) -> None:
        if len(self._platform.underway.tasks) > MOST_AT_ONCE:
            # Because thousands of acknowledgements would all come too late, some in time are better.
            return
        shared = share and may_share(interaction)
        request = request_of(interaction, argument, page, self._language, shared=shared, place=place)
        if file is not None:
            attached = AttachedFile(file.filename, file.size, functools.partial(self._platform.download, file.url))
            request = dataclasses.replace(request, file=attached)
        reply = Reply(interaction, self._platform.client, self._sender, request, shared=shared)
        message = interaction.message and interaction.message.id
        question = (answering, argument, share, place and place.id, page, message, file and file.id)
        with self._sender.in_line(reply.line, question, changes=True) as entry:
            match entry:
                case Entry.REPEATED:
                    await reply.stay_silent()
                case Entry.FULL:
                    await reply.say_at_once(self._platform.render(busy(request.words).document))
                case Entry.ADMITTED:
                    await self._answer_in_turn(interaction, answering, request, reply, is_alone=share and not shared)

    async def _answer_in_turn(
        self, interaction: discord.Interaction, answering: Answering, request: Request, reply: Reply, *, is_alone: bool
    ) -> None:
        is_press = interaction.type is discord.InteractionType.component
        verdict = self._context.throttle.admit(f"{NAME}:{interaction.user.id}", is_press=is_press)
        if verdict is Verdict.SILENCE:
            await reply.stay_silent()
            return
        if verdict is Verdict.WARNING:
            answering = _SLOW_DOWN
        elif is_alone:
            answering = _alone(answering)
        await reply.in_time(self._give(reply, answering, request))

    async def _give(self, reply: Reply, answering: Answering, request: Request) -> None:
        render = self._platform.render
        answer, rendering = await answered(self._context, answering, request, render)
        rendering = reply.fitted(rendering, lambda: render(more_in_private(request).document))
        try:
            await reply.send(rendering, replaces=answer.replaces, private=answer.is_private, file=answer.file)
        except SendError as error:
            is_late = isinstance(error, ExpiredError)
            log.log(logging.INFO if is_late else logging.WARNING, "No answer in %s: %s", request.target, error)
            if not is_late and not isinstance(error, SPEECHLESS):
                with contextlib.suppress(SendError):
                    await reply.send(render(sorry(request.words).document), private=True)


def _alone(answering: Answering) -> Answering:
    @functools.wraps(answering)
    async def for_them(context: CommandContext, request: Request) -> Answer:
        return for_you_alone(await answering(context, request), request)

    return for_them


def _always(answer: Callable[[Words], Answer]) -> Answering:
    async def answering(_context: CommandContext, request: Request) -> Answer:
        return answer(request.words)

    return answering


_OUTDATED, _SORRY, _SLOW_DOWN = map(_always, (outdated, sorry, slow_down))
