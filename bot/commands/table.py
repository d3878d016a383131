"""The table of the commands, with its readers: `/help` and the data of buttons."""

from __future__ import annotations

import dataclasses
import enum
import inspect
import logging
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias, TypeVar

from bot.commands import admin, approving, episodes, search, settings, subscribing, topics
from bot.commands.request import Answer, notice, sorry, unsaved
from bot.commands.rhythm import in_words
from bot.commands.talk import Meaning, meaning_of
from bot.model.document import CommandButton, Document, Heading, JoinButton, Joined, Listing, Paragraph, Section, Span
from bot.model.figures import Counted, Sum
from bot.model.i18n import Language, Words, gettext_noop, words
from bot.model.problems import ExpectedError, StorageError
from bot.model.rehearsal import Instruction
from bot.model.text import normalise_topic

if TYPE_CHECKING:
    from bot.commands.request import CommandContext, Request

log = logging.getLogger(__name__)


class Argument(enum.Enum):
    """The kind of text that a command expects after its name, with the word for it in `/help`."""

    NONE = ""
    TOPIC = gettext_noop("TOPIC")
    TOPICS = gettext_noop("TOPICS")
    EPISODE = gettext_noop("NUMBER")
    WORDS = gettext_noop("WORDS")


Answering: TypeAlias = "Callable[[CommandContext, Request], Awaitable[Answer]]"


@dataclass(frozen=True, slots=True)
class Command:
    """One row of the table.

    `summary` is a message of the catalogues, at most 100 characters in every language (Discord's limit, the shorter
    one). `manages` marks a command that only admins may use in a group or server. `french` are other words for the
    name, as `normalise_topic` gives them, the first of which platforms offer beside the name. `typed` is the command to
    type in place of one that buttons alone ask for.
    """

    name: str
    summary: str
    answer: Answering
    argument: Argument = Argument.NONE
    manages: bool = False
    french: tuple[str, ...] = ()
    typed: str = ""

    def usage(self, language: Language) -> str:
        """Return the command as a person types it, with a word for its argument."""
        if self.argument is Argument.NONE:
            return self.name
        word = words(language).gettext(self.argument.value)
        return f"{self.name} [{word}]" if self.argument is Argument.TOPICS else f"{self.name} {word}"


_WHAT_IT_IS = gettext_noop(
    "I bring you the recap of the episode {days}: a summary of each subject, with its sources. "
    "You can also ask me at any time:"
)


async def help_(context: CommandContext, request: Request) -> Answer:
    """Say what the bot is for, and list every command."""
    _ = request.words.gettext
    rhythms = (context.agenda.days(each.schedule) for each in await subscribing.would_get(context, request))
    days = next((in_words(each, request.words) for each in rhythms if each), _("every week"))
    rows = ((f"/{command.usage(request.language)}", " – " + _(command.summary)) for command in COMMANDS)
    sections = (
        Section((Heading((Span(context.show),), level=1), Paragraph((Span(_(_WHAT_IT_IS).format(days=days)),)))),
        Section((Listing(tuple((Paragraph((Span(usage), Span(summary))),) for usage, summary in rows)),)),
    )
    return Answer(Document(context.show, sections, await _next_steps(context, request)))


async def _next_steps(context: CommandContext, request: Request) -> tuple[CommandButton, ...]:
    _ = request.words.gettext
    is_subscribed = bool(await context.subscriptions.of(request.target))
    choice = CommandButton(_("Settings"), "settings") if is_subscribed else CommandButton(_("Subscribe"), "subscribe")
    return CommandButton(_("Read the latest episode"), "latest"), choice


async def said(context: CommandContext, request: Request) -> Answer:
    """Answer words without a command: a wish, a command's name, an episode, a topic, else a search."""
    _ = request.words.gettext
    meaning, named = meaning_of(request.argument), command_named(request.argument)
    if meaning is Meaning.STOP:
        return await counted(subscribing.unsubscribe, context, request)
    if episodes.is_published(context, request.argument):
        return await counted(episodes.episode, context, request)
    if context.archive().resolve_topic(request.argument) is not None:
        return await counted(topics.topic, context, request)
    if named is not None:
        return await counted(named.answer, context, dataclasses.replace(request, argument=""))
    if meaning is None:
        return await counted(search.search, context, request)
    sentences = {
        Meaning.THANKS: _("You are welcome! See you soon."),
        Meaning.GOODBYE: _("See you soon!"),
        Meaning.GREETING: _("Hello! I am {show}. What would you like to read?"),
    }
    sentence = sentences[meaning].format(show=request.words.quoted(context.show))
    return notice(sentence, *(await _next_steps(context, request) if meaning is Meaning.GREETING else ()))


async def start(context: CommandContext, request: Request) -> Answer:
    """Greet a person on Telegram, and offer ways into groups; a link `1207` or `1207-netflix` opens what it names."""
    if request.is_private:
        # Because a start also undoes a block, the choices from before the block hold again.
        await context.subscriptions.came_back(request.target)
    if episodes.LINK.fullmatch(request.argument.strip()):
        return await episodes.segment(context, request)
    answer, _ = await help_(context, request), request.words.gettext
    if not request.is_private:
        return answer
    ways = (JoinButton(_("Add to a group"), Joined.GROUP), JoinButton(_("Add to a channel"), Joined.CHANNEL))
    document = dataclasses.replace(answer.document, buttons=(*answer.document.buttons, *ways))
    return dataclasses.replace(answer, document=document)


def welcomed(context: CommandContext, catalogue: Words, place: str) -> Answer:
    """Tell the person who has brought the bot into a channel how the pushes come there."""
    sentence = catalogue.gettext(
        "I can post in {place} now. Post /subscribe there once, and I bring each new episode of {show} there."
    )
    return notice(sentence.format(place=catalogue.quoted(place), show=catalogue.quoted(context.show)))


def hello(context: CommandContext, catalogue: Words) -> Answer:
    """Return the greeting of the bot when a group takes it in."""
    _ = catalogue.gettext
    sentence = _(
        "Hello! I am {show}. An admin can subscribe this group with /subscribe: each new episode will come here. "
        "Anybody can read the newest one with /latest; /help shows the rest."
    ).format(show=catalogue.quoted(context.show))
    buttons = (CommandButton(_("Subscribe this group"), "subscribe"), CommandButton(_("The latest episode"), "latest"))
    return notice(sentence, *buttons)


COMMANDS: tuple[Command, ...] = (
    Command("latest", gettext_noop("The latest episode"), episodes.latest, french=("dernier", "derniere")),
    Command("topic", gettext_noop("One topic through the episodes"), topics.topic, Argument.TOPIC, french=("theme",)),
    Command("topics", gettext_noop("All the topics"), topics.topics, french=("themes",)),
    Command("episode", gettext_noop("An episode by its number"), episodes.episode, Argument.EPISODE),
    Command(
        "search",
        gettext_noop("Subjects that hold all of these words"),
        search.search,
        Argument.WORDS,
        french=("recherche", "rechercher", "chercher", "cherche"),
    ),
    Command(
        "subscribe",
        gettext_noop("Receive the recap here, with all subjects or some topics"),
        subscribing.subscribe,
        Argument.TOPICS,
        manages=True,
        french=("abonner", "sabonner", "abonnement"),
    ),
    Command(
        "unsubscribe",
        gettext_noop("Stop receiving the recap here"),
        subscribing.unsubscribe,
        manages=True,
        french=("arreter", "arret", "arrete", "desabonner", "sedesabonner", "desabonnement", "stop"),
    ),
    Command(
        "settings",
        gettext_noop("Choose what you receive here, and how"),
        settings.settings,
        manages=True,
        french=("reglages", "reglage", "parametres", "preferences"),
    ),
    Command("help", gettext_noop("What I can do"), help_, french=("aide",)),
    Command(
        "privacy",
        gettext_noop("What I keep about you, and how to delete it"),
        settings.privacy,
        manages=True,
        french=("confidentialite",),
    ),
)

START = Command("start", gettext_noop("Begin"), start, french=("commencer", "demarrer"))
"""Telegram sends this command when somebody opens the bot. Nobody types it, so `/help` does not list it."""

SAID = Command("said", "", said, Argument.WORDS)
"""Words without a command, in a private chat, where people speak to the bot alone."""

UNKNOWN = Command("unknown", "", help_)
"""An unknown command, in a private chat."""

ADMIN = Command("admin", gettext_noop("Run the bot, if you are one of its admins"), admin.admin)
"""For others this command does not exist: no list has it, and they get the answer to an unknown one."""

_TYPEABLE = {word: command for command in (*COMMANDS, START) for word in (command.name, *command.french)}


def command_named(text: str) -> Command | None:
    """Return the command that the text names in English or French, with or without accents; None for any other text."""
    return _TYPEABLE.get(normalise_topic(text))


_OF_BUTTONS = (
    Command("segment", "", episodes.segment),
    Command("rest", "", episodes.rest),
    Command("private", "", subscribing.in_private),
    Command("again", "", subscribing.again, manages=True, typed="subscribe"),
    Command(Instruction.APPROVE, "", approving.approve),
    Command(Instruction.WITHHOLD, "", approving.withhold),
    Command(Instruction.RELEASE, "", approving.release),
    Command("correct", "", approving.correct),
    Command("recall", "", approving.recall),
)
_PRESSABLE = {command.name: command for command in (*COMMANDS, *_OF_BUTTONS, ADMIN)}
_NAMES = {command.answer: command.name for command in (*_PRESSABLE.values(), START)}
_DATA = re.compile(r"(?P<name>[a-z]+)(?::(?P<page>\d{1,4}))?(?: (?P<argument>.*))?", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Press:
    """The command, argument and page that a button stands for."""

    command: Command
    argument: str
    page: int | None


def press(data: str) -> Press | None:
    """Read the data of a button (`CommandButton.data`); None for another version's button, or a forged one.

    A client may send any data. Data names no chat, so that a button acts on the chat where it stands.
    """
    parts = _DATA.fullmatch(data)
    command = _PRESSABLE.get(parts["name"]) if parts else None
    if parts is None or command is None:
        return None
    return Press(command, parts["argument"] or "", int(parts["page"]) if parts["page"] else None)


T = TypeVar("T")


async def counted(answering: Answering, context: CommandContext, request: Request) -> Answer:
    """Return the answer, and count the command, once for all the pages of its answer."""
    name = _NAMES.get(inspect.unwrap(answering))
    if name is not None and request.page is None:
        context.count(Sum(Counted.ASKED, request.target.platform, name))
    return await answering(context, request)


async def answered(
    context: CommandContext, answering: Answering, request: Request, render: Callable[[Document], T]
) -> tuple[Answer, T]:
    """Return the answer and its rendering; if answering fails, log the reason and return an excuse."""
    try:
        answer = await counted(answering, context, request)
        return answer, render(answer.document)
    except ExpectedError as error:
        # Because the admin can mend this, the sentence is enough; a bug gets its traceback below.
        log.error("A command in %s could not be answered: %s", request.target, error)  # noqa: TRY400
        answer = (unsaved if isinstance(error, StorageError) else sorry)(request.words)
    except Exception:
        log.exception("A command in %s could not be answered", request.target)
        answer = sorry(request.words)
    return answer, render(answer.document)
