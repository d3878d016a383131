"""The slash commands with options, words in each language and places, published when they changed.

A command has its name and a French one beside it, the same in every language. Because an app in French offers a command
with a translated name under that name alone, `/latest` in the bot's sentences, the team's posts and on Telegram would
name no command there. The rest is translated, the options' names too.
"""

import logging
import operator
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, ClassVar, NamedTuple, Protocol, TypeAlias

import discord
from discord import app_commands
from discord.app_commands import TranslationContextLocation, locale_str
from discord.http import Route

from bot.commands import Answering, Argument, Command
from bot.model.i18n import Language, gettext_noop, words
from bot.platforms.base import OnAbility
from bot.platforms.discord.errors import UnservedError, not_discord, reaching, reading
from bot.platforms.menu import offer_menu

log = logging.getLogger(__name__)

EVERYWHERE = app_commands.AppCommandContext(guild=True, dm_channel=True, private_channel=True)
IN_PRIVATE = app_commands.AppCommandContext(guild=False, dm_channel=True, private_channel=False)
ANYBODYS = app_commands.AppInstallationType(guild=True, user=True)
"""A server can install the commands, and so can a person, who then has them everywhere."""

Place: TypeAlias = app_commands.AppCommandChannel | app_commands.AppCommandThread
Suggest: TypeAlias = Callable[[discord.Interaction, Command, str], Awaitable[list[app_commands.Choice[str]]]]
"""Suggests arguments of a command that begin like the typed text."""

SlashCommand: TypeAlias = "app_commands.Command[app_commands.Group, ..., None]"


class Respond(Protocol):
    """An answer to a command."""

    def __call__(
        self,
        interaction: discord.Interaction,
        answering: Answering,
        argument: str = "",
        *,
        share: bool = False,
        place: Place | None = None,
        file: discord.Attachment | None = None,
    ) -> Awaitable[None]:
        """Answer, with `share` to all people in the channel. A `place` is another one than that of the command."""


class Option(NamedTuple):
    """An option of a command. Name and description are messages of the catalogues."""

    name: str
    description: str
    needed: bool = False
    suggests: bool = True


SHARE = Option(gettext_noop("share"), gettext_noop("Show the answer to everybody here, not to you alone"))

FILE = Option(gettext_noop("file"), gettext_noop("Show notes or an episode, as .md, .txt, .docx or .html"))

CHANNEL = Option(gettext_noop("channel"), gettext_noop("Another channel than this one"))


class _Places(app_commands.Transformer):
    """An option for a place that takes pushes, as Discord describes it: the bot may not see it."""

    type = discord.AppCommandOptionType.channel
    channel_types: ClassVar = [
        discord.ChannelType.text,
        discord.ChannelType.news,
        discord.ChannelType.forum,
        discord.ChannelType.media,
        discord.ChannelType.voice,
        discord.ChannelType.public_thread,
        discord.ChannelType.private_thread,
        discord.ChannelType.news_thread,
    ]

    async def transform(self, interaction: discord.Interaction, value: Any, /) -> Place | None:  # noqa: ANN401
        """Return the place."""
        del interaction
        return value if isinstance(value, Place) else None


OPTIONS: Mapping[Argument, Option] = {
    Argument.TOPIC: Option(gettext_noop("name"), gettext_noop("The topic, however you write it"), needed=True),
    Argument.TOPICS: Option(gettext_noop("topics"), gettext_noop("One or several topics; without any, everything")),
    Argument.EPISODE: Option(
        gettext_noop("number"), gettext_noop("Its number; a word of its title finds it too"), needed=True
    ),
    Argument.WORDS: Option(
        gettext_noop("words"), gettext_noop("All the words that must be in it"), needed=True, suggests=False
    ),
}
"""The option that holds a command's argument."""


def slash(command: Command, name: str, respond: Respond, suggest: Suggest) -> SlashCommand:
    """Return a command of the table as discord.py's, offered everywhere under this name."""

    async def alone(interaction: discord.Interaction, share: bool = False) -> None:  # noqa: FBT002 - an option
        await respond(interaction, command.answer, share=share)

    async def optional(
        interaction: discord.Interaction,
        argument: str = "",
        channel: app_commands.Transform[Place | None, _Places] = None,
        share: bool = False,  # noqa: FBT002
    ) -> None:
        await respond(interaction, command.answer, argument, share=share, place=channel)

    async def needed(interaction: discord.Interaction, argument: str, share: bool = False) -> None:  # noqa: FBT002
        await respond(interaction, command.answer, argument, share=share)

    async def complete(interaction: discord.Interaction, typed: str) -> list[app_commands.Choice[str]]:
        return await suggest(interaction, command, typed)

    option = OPTIONS.get(command.argument)
    options = {"share": SHARE}
    callback: Callable[..., Awaitable[None]] = alone
    if option is not None:
        options["argument"] = option
        callback = needed if option.needed else optional
    if callback is optional:
        options["channel"] = CHANNEL
    made = _made(command, name, callback, options, EVERYWHERE)
    if option is not None and option.suggests:
        made.autocomplete("argument")(complete)
    return made


def slash_for_admins(command: Command, respond: Respond) -> SlashCommand:
    """Return the admins' command as discord.py's, offered in private with the bot alone, with a number or a file.

    Because Discord offers a command to everybody or nobody there, others see it too, and get the answer to none.
    """

    async def administer(
        interaction: discord.Interaction, argument: str = "", file: discord.Attachment | None = None
    ) -> None:
        await respond(interaction, command.answer, argument, file=file)

    options = {"argument": OPTIONS[Argument.EPISODE], "file": FILE}
    return _made(command, command.name, administer, options, IN_PRIVATE)


def _made(
    command: Command,
    name: str,
    callback: Callable[..., Awaitable[None]],
    options: Mapping[str, Option],
    contexts: app_commands.AppCommandContext,
) -> SlashCommand:
    """Return discord.py's command, whose parameters are the options of these keys."""
    app_commands.rename(**{key: locale_str(each.name) for key, each in options.items()})(callback)
    app_commands.describe(**{key: locale_str(each.description) for key, each in options.items()})(callback)
    return app_commands.Command(
        name=name,
        description=locale_str(command.summary),
        callback=callback,  # type: ignore[arg-type] # discord.py reads its real signature
        allowed_contexts=contexts,
        allowed_installs=ANYBODYS,
    )


async def publish(on_ability: OnAbility, tree: app_commands.CommandTree) -> None:
    """Tell Discord the commands of the tree if it offers others, and repeat until it takes them."""
    translator = _Translator()
    await tree.set_translator(translator)

    async def step() -> None:
        with reaching(tree.client), reading():
            try:
                if await _is_up_to_date(tree, translator):
                    log.debug("Discord knows the commands as they are")
                elif len(await tree.sync()) != len(tree.get_commands()):
                    raise UnservedError(not_discord())
                else:
                    log.info("Told Discord the commands")
            except app_commands.CommandSyncFailure:
                # Because this is a bug, the log gets all that Discord says.
                log.exception("Discord does not take the commands")
                raise

    await offer_menu(step, on_ability)


async def _is_up_to_date(tree: app_commands.CommandTree, translator: app_commands.Translator) -> bool:
    ours = [await command.get_translated_payload(tree, translator) for command in tree.get_commands()]
    # Because the library's own call leaves the translations out.
    route = Route("GET", "/applications/{application_id}/commands", application_id=tree.client.application_id)
    theirs = await tree.client.http.request(route, params={"with_localizations": "true"})
    return _essences(ours) == _essences(theirs)


class _Translator(app_commands.Translator):
    """Translations of the descriptions and options, in the languages of Discord's apps that the bot speaks."""

    async def translate(
        self, string: locale_str, locale: discord.Locale, context: app_commands.TranslationContextTypes
    ) -> str | None:
        # Because discord.py asks thousands of times, in each language of its apps, most answers are short.
        language = _LANGUAGES.get(locale.value.partition("-")[0])
        if language is None or context.location is TranslationContextLocation.command_name:
            return None
        return words(language).gettext(string.message)


_LANGUAGES = {str(language): language for language in Language}
_DECIDED = (
    "name",
    "name_localizations",
    "description",
    "description_localizations",
    "type",
    "options",
    "required",
    "autocomplete",
    "channel_types",
    "contexts",
    "integration_types",
    "default_member_permissions",
    "nsfw",
)
"""Keys of a command or an option that the bot decides. Discord adds others."""


def _essences(commands: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    return sorted(map(_essence, commands), key=operator.itemgetter("name"))


def _essence(named: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the decided part of a command or an option. Discord leaves out or fills in empty values."""
    decided = {key: named[key] for key in _DECIDED if named.get(key)}
    if "options" in decided:
        decided["options"] = [_essence(option) for option in decided["options"]]
    return decided
