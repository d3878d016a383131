"""The table of the commands, with its readers: `/help` and the data of buttons."""

from __future__ import annotations

import enum
import logging
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias, TypeVar

from bot.commands import episodes, search, settings, subscribing, topics
from bot.commands.request import Answer, notice, sorry, unsaved
from bot.model.document import CommandButton, Document, Heading, Listing, Paragraph, Section, Span
from bot.model.i18n import Language, Words, gettext_noop, words
from bot.model.problems import ExpectedError, StorageError

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
    one). `manages` marks a command that only admins may use in a group or server.
    """

    name: str
    summary: str
    answer: Answering
    argument: Argument = Argument.NONE
    manages: bool = False

    def usage(self, language: Language) -> str:
        """Return the command as a person types it, with a word for its argument."""
        if self.argument is Argument.NONE:
            return self.name
        word = words(language).gettext(self.argument.value)
        return f"{self.name} [{word}]" if self.argument is Argument.TOPICS else f"{self.name} {word}"


_WHAT_IT_IS = gettext_noop(
    "Every Monday I bring you the recap of the episode: a summary of each subject, with its sources. "
    "You can also ask me at any time:"
)


async def help_(context: CommandContext, request: Request) -> Answer:
    """Say what the bot is for, and list every command."""
    _ = request.words.gettext
    rows = ((f"/{command.usage(request.language)}", " – " + _(command.summary)) for command in COMMANDS)
    sections = (
        Section((Heading((Span(context.show),), level=1), Paragraph((Span(_(_WHAT_IT_IS)),)))),
        Section((Listing(tuple((Paragraph((Span(usage), Span(summary))),) for usage, summary in rows)),)),
    )
    is_subscribed = bool(await context.subscriptions.of(request.target))
    choice = CommandButton(_("Settings"), "settings") if is_subscribed else CommandButton(_("Subscribe"), "subscribe")
    return Answer(Document(context.show, sections, (CommandButton(_("Read the latest episode"), "latest"), choice)))


async def start(context: CommandContext, request: Request) -> Answer:
    """Greet a person on Telegram; a deep link `1207` or `1207-netflix` opens that episode or segment."""
    if request.is_private:
        # Because a start also undoes a block, the choices from before the block hold again.
        await context.subscriptions.came_back(request.target)
    return await (episodes.segment if episodes.LINK.fullmatch(request.argument.strip()) else help_)(context, request)


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
    Command("latest", gettext_noop("The latest episode"), episodes.latest),
    Command("topic", gettext_noop("One topic through the episodes"), topics.topic, Argument.TOPIC),
    Command("topics", gettext_noop("All the topics"), topics.topics),
    Command("episode", gettext_noop("An episode by its number"), episodes.episode, Argument.EPISODE),
    Command("search", gettext_noop("Subjects that hold all of these words"), search.search, Argument.WORDS),
    Command(
        "subscribe",
        gettext_noop("Receive the recap here, with all subjects or some topics"),
        subscribing.subscribe,
        Argument.TOPICS,
        manages=True,
    ),
    Command("unsubscribe", gettext_noop("Stop receiving the recap here"), subscribing.unsubscribe, manages=True),
    Command("settings", gettext_noop("Choose what you receive here, and how"), settings.settings, manages=True),
    Command("help", gettext_noop("What I can do"), help_),
    Command("privacy", gettext_noop("What I keep about you, and how to delete it"), settings.privacy, manages=True),
)

START = Command("start", gettext_noop("Begin"), start)
"""Telegram sends this command when somebody opens the bot. Nobody types it, so `/help` does not list it."""

SAID = Command("said", "", search.said, Argument.WORDS)
"""Words without a command, in a private chat, where people speak to the bot alone."""

UNKNOWN = Command("unknown", "", help_)
"""An unknown command, in a private chat."""

# Buttons alone ask for the last two.
_PRESSABLE = {
    command.name: command
    for command in (*COMMANDS, Command("segment", "", episodes.segment), Command("rest", "", episodes.rest))
}
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


async def answered(
    context: CommandContext, answering: Answering, request: Request, render: Callable[[Document], T]
) -> tuple[Answer, T]:
    """Return the answer and its rendering; if answering fails, log the reason and return an excuse."""
    try:
        answer = await answering(context, request)
        return answer, render(answer.document)
    except ExpectedError as error:
        # Because the admin can mend this, the sentence is enough; a bug gets its traceback below.
        log.error("A command in %s could not be answered: %s", request.target, error)  # noqa: TRY400
        answer = (unsaved if isinstance(error, StorageError) else sorry)(request.words)
    except Exception:
        log.exception("A command in %s could not be answered", request.target)
        answer = sorry(request.words)
    return answer, render(answer.document)
