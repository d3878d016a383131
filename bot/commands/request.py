"""What every command is given and what it gives back."""

from __future__ import annotations

import asyncio
import dataclasses
import enum
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol, TypeVar

from bot.content.formatter import Formatter
from bot.model.document import Button, CommandButton, Document, Note, Paragraph, Section, Span
from bot.model.i18n import Language, Words, words

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Sequence

    from bot.commands.throttle import Throttle
    from bot.content.archive import Archive
    from bot.model.i18n import Words
    from bot.model.subscription import Subscriptions, Target

BUTTON_MAX = 48
"""Bytes of the words that a button can carry, with the command and the page beside them: Telegram's limit is 64."""


class Obstacle(enum.Enum):
    """What keeps the bot from pushing to the place where somebody is."""

    GUEST = enum.auto()
    """It is no member there: the person brought it along."""
    BLIND = enum.auto()
    """It may not see the place."""
    MUTE = enum.auto()
    """It may not write there."""
    LOCKED = enum.auto()
    """Nobody may write there any more."""


@dataclass(frozen=True, slots=True)
class Request:
    """A command as somebody typed it, or as a button stands for it.

    `target` is where they are: always what the platform says, never what a button carries. `may_manage` says whether
    they may change the target's subscription: in groups and servers only admins may. `is_private` is a chat between
    one person and the bot. `page` is that of a button that turns pages, None where somebody begins to read. `obstacle`
    is what keeps pushes from the target, and `private_chat` the address at which people write to the bot in private,
    where the platform has such.
    """

    argument: str
    target: Target
    language: Language
    may_manage: bool = True
    is_private: bool = True
    page: int | None = None
    obstacle: Obstacle | None = None
    private_chat: str = ""

    @property
    def words(self) -> Words:
        """The catalogue of the person's language."""
        return words(self.language)


@dataclass(frozen=True, slots=True)
class Answer:
    """What a command answers.

    Where a button was pressed, an answer that `replaces` is put in the place of the message with the button, as far as
    the platform can; any other is a message of its own. `toast` is the same in a few words (200 characters at most),
    for platforms that can show them over the chat: there it stands alone unless the answer replaces. `is_private` is of
    no use to anybody but the one who asked.
    """

    document: Document
    replaces: bool = False
    toast: str = ""
    is_private: bool = False


class Agenda(Protocol):
    """When the next push of a schedule comes."""

    def next_run(self, schedule: str, after: dt.datetime | None = None) -> dt.datetime | None:
        """The next occurrence, after now or a later moment, in the schedule's own time zone."""


@dataclass(frozen=True, slots=True)
class CommandContext:
    """Where the commands are answered: what they may look into.

    `schedules` are the names that the config declares, `clock` gives the time in the show's time zone. The
    platforms ask `throttle` before they answer anybody. Whoever changes a subscription holds `changing`: two presses in
    a row must not undo each other.
    """

    show: str
    archive: Callable[[], Archive]
    subscriptions: Subscriptions
    schedules: Sequence[str]
    agenda: Agenda
    clock: Callable[[], dt.datetime]
    throttle: Throttle
    changing: asyncio.Lock = field(default_factory=asyncio.Lock)

    @property
    def today(self) -> dt.date:
        """The date where the show is."""
        return self.clock().date()

    def formatter(self, request: Request) -> Formatter:
        """The formatter in the person's language."""
        return Formatter(self.show, request.words)


def notice(sentence: str, *buttons: Button, is_private: bool = True) -> Answer:
    """An answer of one sentence, with what can be done next."""
    return Answer(
        Document(title=sentence, sections=(Section((Paragraph((Span(sentence),)),)),), buttons=buttons),
        is_private=is_private,
    )


def sorry(catalogue: Words) -> Answer:
    """What to say when nothing else could be said: a mistake of the program's."""
    return in_short(catalogue.gettext("Sorry, something went wrong on my side. Please try again in a moment."))


def outdated(catalogue: Words) -> Answer:
    """What to say to a button or command that this version does not know, or that somebody made up."""
    return in_short(catalogue.gettext("This is from another version of me. /help shows what I can do now."))


def slow_down(catalogue: Words) -> Answer:
    """Return the word that somebody gets who asks faster than the throttle allows."""
    return in_short(catalogue.gettext("Gently! I need a short break. Ask me again in half a minute."))


def in_short(sentence: str) -> Answer:
    """An answer that may as well be shown over the chat."""
    return dataclasses.replace(notice(sentence), toast=sentence)


def for_you_alone(answer: Answer, request: Request) -> Answer:
    """The answer, and why it was not shared as somebody wished."""
    _ = request.words.gettext
    if request.obstacle is Obstacle.GUEST:
        why = _("I am only a guest here: this answer is for you alone.")
    else:
        why = _("Only those who may manage messages can share an answer here: this one is for you alone.")
    sections = (Section((Note((Span(why),)),)), *answer.document.sections)
    return dataclasses.replace(answer, document=dataclasses.replace(answer.document, sections=sections))


T = TypeVar("T")


def pages(items: Sequence[T], size: int, room: int = 0, weight: Callable[[T], int] = lambda _item: 0) -> list[list[T]]:
    """The items in pages of at most `size`; where items have a weight, a page of more than one holds `room` at most."""
    found: list[list[T]] = []
    left = 0
    for item in items:
        left -= weight(item)
        if not found or len(found[-1]) == size or left < 0:
            found.append([])
            left = room - weight(item)
        found[-1].append(item)
    return found


def turning(
    words: Words, command: str, argument: str, page: int, count: int, *, labels: tuple[str, str] | None = None
) -> tuple[CommandButton, ...]:
    """The buttons that lead to the page before and the page after this one, of `count`."""
    _ = words.gettext
    before, after = labels or (_("◀ Newer"), _("Older ▶"))
    buttons = []
    if page > 1:
        buttons.append(CommandButton(before, command, argument, page=page - 1))
    if page < count:
        buttons.append(CommandButton(after, command, argument, page=page + 1))
    return tuple(buttons)
