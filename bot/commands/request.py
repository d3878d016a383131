"""The request that a command gets, the answer that it gives, and the context in which it works."""

from __future__ import annotations

import asyncio
import dataclasses
import datetime as dt
import enum
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Generic, NamedTuple, Protocol, TypeVar

from bot.commands.throttle import Throttle
from bot.content.formatter import SEPARATOR, Formatter
from bot.model.document import Button, CommandButton, Document, Note, Paragraph, Section, Span
from bot.model.figures import Count, Sum
from bot.model.i18n import Language, Words, words
from bot.model.rehearsal import Instruction
from bot.model.subscription import AudioAs, PlatformName, Subscription, Subscriptions, Target

if TYPE_CHECKING:
    from bot.config.cron import Days
    from bot.content.archive import Archive

BUTTON_MAX = 48
"""Bytes of an argument that a button can carry, beside command and page: Telegram's limit for all three is 64."""


class Obstacle(enum.Enum):
    """A reason why the bot cannot push to the place of a request."""

    GUEST = enum.auto()
    """The bot is no member there: the person brought it along."""
    BLIND = enum.auto()
    """The bot may not see the place."""
    MUTE = enum.auto()
    """The bot may not write there."""
    LOCKED = enum.auto()
    """The place is locked."""


LARGEST_FILE = 1 << 20
"""Bytes of a file: a hundred times the notes of an hour, with the markup of a word processor."""


class AttachedFile(NamedTuple):
    """A file that came with a request, of that size as far as the platform tells: `read` fetches it.

    That raises an `ExpectedError` if the platform does not give the file.
    """

    name: str
    size: int
    read: Callable[[], Awaitable[bytes]]


class AnswerFile(NamedTuple):
    """A file that comes with an answer."""

    name: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Request:
    """A command as somebody typed it, or as a button stands for it.

    `target` is the place of the request, as the platform tells it; a button never carries it. `may_manage` says whether
    the person may change the target's subscription: in groups and servers only admins may; None if the platform does
    not tell now. `is_private` marks a chat between one person and the bot. `page` is that of a button that turns pages,
    None for a typed command. `obstacle` keeps pushes from the target. Other channels can follow a target that
    `has_followers`. `private_chat` is the address of a private chat with the bot, on platforms that have one. `person`
    is the platform's number of the person, 0 for somebody who writes in the name of a chat, and `person_name` the name
    by which the place knows the person. `place` is the name of the target where the command names another place than
    its own. `file` came with the command, or with the message of the button.
    """

    argument: str
    target: Target
    language: Language
    may_manage: bool | None = True
    is_private: bool = True
    page: int | None = None
    obstacle: Obstacle | None = None
    has_followers: bool = False
    private_chat: str = ""
    person: int = 0
    person_name: str = ""
    place: str = ""
    file: AttachedFile | None = None

    @property
    def words(self) -> Words:
        """Return the catalogue of the person's language."""
        return words(self.language)


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer of a command.

    After a press, an answer that `replaces` takes the place of the message with the button, as far as the platform can;
    any other answer is a message of its own. `toast` says the same in at most 200 characters, for platforms that show
    it over the chat: there a toast stands alone unless the answer replaces. `is_private` marks an answer for the asker
    alone. A `file` comes with the last message, which replaces none then.
    """

    document: Document
    replaces: bool = False
    toast: str = ""
    is_private: bool = False
    file: AnswerFile | None = None


class Agenda(Protocol):
    """The times of the pushes."""

    def next_run(self, schedule: str, after: dt.datetime | None = None) -> dt.datetime | None:
        """Return the next occurrence after now or a later moment, in the schedule's own time zone."""

    def days(self, schedule: str) -> Days | None:
        """Return the days on which the schedule pushes, in its own time zone."""


async def nothing_to_run(*_asked: object) -> None:
    """Know no push, no episode that was sent, and no bot."""


def count_nothing(_event: Sum) -> None:
    """Count nothing."""


@dataclass(frozen=True, slots=True)
class CommandContext:
    """Where the commands are answered: what they may look into.

    `schedules` are the names that the config declares, `clock` gives the time in the show's time zone. The platforms
    ask `throttle` before they answer anybody; those in `rich_on` have a richer kind of message, and those in `audio_on`
    play recordings, which come to them as `audio` says of each schedule. A change of a subscription holds `changing`:
    two presses in a row must not undo each other. Only `admins`, by their numbers, may `decide` on a push; that takes
    the schedule, the episode, and the beginning of the digest on a button. They alone may `correct` and `recall` what
    was sent, as long as it is `correctable`, and see the `panel`. `count` hears of each command, and of each topic of
    the archive that somebody asks for. `language` is that of the show.
    """

    show: str
    archive: Callable[[], Archive]
    subscriptions: Subscriptions
    schedules: Sequence[str]
    agenda: Agenda
    clock: Callable[[], dt.datetime]
    throttle: Throttle
    changing: asyncio.Lock
    rich_on: Collection[PlatformName] = ()
    audio_on: Collection[PlatformName] = ()
    audio: Mapping[str, AudioAs] = field(default_factory=dict)
    admins: Mapping[PlatformName, Collection[int]] = field(default_factory=dict)
    language: Language = Language.FRENCH
    decide: Callable[[Instruction, str, int, str, Request], Awaitable[Answer | None]] = nothing_to_run
    count: Count = count_nothing
    panel: Callable[[Request], Awaitable[Answer | None]] = nothing_to_run
    correct: Callable[[int, str, Request], Awaitable[Answer | None]] = nothing_to_run
    recall: Callable[[int, bool, Request], Awaitable[Answer | None]] = nothing_to_run
    correctable: dt.timedelta = dt.timedelta()

    @property
    def today(self) -> dt.date:
        """Return the date in the show's time zone."""
        return self.clock().date()

    def is_admin(self, platform: PlatformName, person: int) -> bool:
        """Return whether the config names the person as an admin, because rights in a chat make nobody one."""
        return person in self.admins.get(platform, ())

    def brings_audio(self, subscription: Subscription) -> bool:
        """Return whether the audio itself comes with a push, by the subscription's choice or as its schedule says."""
        chosen = subscription.choices.audio or self.audio.get(subscription.schedule)
        return subscription.target.platform in self.audio_on and chosen is AudioAs.FILE

    def formatter(self, request: Request) -> Formatter:
        """Return the formatter in the person's language."""
        return Formatter(self.show, request.words)


def notice(sentence: str, *buttons: Button) -> Answer:
    """Return an answer of one sentence for the asker alone, with buttons for the next step."""
    section = Section((Paragraph((Span(sentence),)),))
    return Answer(Document(sentence, (section,), buttons), is_private=True)


def sorry(catalogue: Words) -> Answer:
    """Return the excuse for a mistake of the program."""
    return in_short(catalogue.gettext("Sorry, something went wrong on my side. Please try again in a moment."))


def unsaved(catalogue: Words) -> Answer:
    """Return the excuse for a database that cannot be used."""
    return in_short(
        catalogue.gettext(
            "Sorry, I cannot get at my notes now, so nothing was saved. Please try again in a few minutes."
        )
    )


def outdated(catalogue: Words) -> Answer:
    """Return the answer to a button or command of another version, or a forged one."""
    return in_short(catalogue.gettext("This is from another version of me. /help shows what I can do now."))


def slow_down(catalogue: Words) -> Answer:
    """Return the word that somebody gets who asks faster than the throttle allows."""
    return in_short(catalogue.gettext("Gently! I need a short break. Ask me again in half a minute."))


def busy(catalogue: Words) -> Answer:
    """Return the word that somebody gets who asks while more people ask than the bot can answer."""
    return in_short(catalogue.gettext("Too many people are asking me at this moment. Please try again in a minute."))


def in_short(sentence: str) -> Answer:
    """Return an answer that may stand over the chat as a toast."""
    return dataclasses.replace(notice(sentence), toast=sentence)


def for_you_alone(answer: Answer, request: Request) -> Answer:
    """Return the answer with the reason why it was not shared."""
    _ = request.words.gettext
    if request.obstacle is Obstacle.GUEST:
        why = _("I am only a guest here: this answer is for you alone.")
    else:
        why = _("Only those who may manage messages can share an answer here: this one is for you alone.")
    sections = (Section((Note((Span(why),)),)), *answer.document.sections)
    return dataclasses.replace(answer, document=dataclasses.replace(answer.document, sections=sections))


T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """A page of a longer answer: its items, its number from 1, and the number of pages."""

    items: Sequence[T]
    number: int
    count: int

    @classmethod
    def of(
        cls, request: Request, items: Sequence[T], size: int, room: int = 0, weight: Callable[[T], int] = lambda _: 0
    ) -> Page[T]:
        """Return the page that the request asks for, or the nearest to it.

        A page holds at most `size` items. A page of more than one item weighs at most `room`.
        """
        book: list[list[T]] = [[]]
        left = room
        for item in items:
            left -= weight(item)
            if len(book[-1]) == size or (book[-1] and left < 0):
                book.append([])
                left = room - weight(item)
            book[-1].append(item)
        number = min(max(request.page or 1, 1), len(book))
        return cls(book[number - 1], number, len(book))

    def place(self, words: Words) -> str:
        """Return the number of the page in words; empty for a single page."""
        place = words.gettext("page {page} of {pages}").format(page=self.number, pages=self.count)
        return SEPARATOR + place if self.count > 1 else ""

    def turning(self, command: str, argument: str, before: str, after: str) -> tuple[CommandButton, ...]:
        """Return the buttons to the page before and to the page after."""
        targets = ((before, self.number - 1), (after, self.number + 1))
        return tuple(
            CommandButton(label, command, argument, page) for label, page in targets if 1 <= page <= self.count
        )
