"""The interfaces between the core and a platform, the facts of a platform, and the errors of sending."""

from __future__ import annotations

import contextlib
import datetime as dt
import enum
import logging
from collections.abc import Awaitable, Callable, Hashable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, ClassVar, Generic, NamedTuple, Protocol, TypeAlias, TypeVar

from bot.commands import CommandContext
from bot.config import Network, PlatformSection
from bot.model.codes import Code
from bot.model.document import Document
from bot.model.facts import Ability, Tell, tell_nobody
from bot.model.i18n import Language
from bot.model.i18n import gettext as _
from bot.model.problems import ExpectedError
from bot.model.rendering import Message, Rendering
from bot.model.subscription import NO_CHOICES, Choices, PlatformName, Target
from bot.model.text import shortened

if TYPE_CHECKING:
    from rich.console import RenderableType

log = logging.getLogger(__name__)

T = TypeVar("T")


async def forget_file(_file_id: str) -> None:
    """Remember no file."""


class Post(NamedTuple):
    """One message on its way to one target. Because one is made for every message, this is a named tuple.

    `nonce` stays the same when the message goes to the target again, so that a platform that knows nonces drops the
    second. `first_id` is the platform's id of the delivery's first message, in whose thread a forum post goes on; None
    for the first message itself. With `since`, another process may have sent the message after that moment unknown to
    the ledger, so that a platform without a nonce there looks first. A platform calls `leave` as late as it can:
    connected, with nothing written yet. With True, the message counts as leaving; with False, the platform must raise
    `NotSentError` and send nothing.

    The message answers that with the id `reply_to`. `file_id` is the platform's id of the message's upload; without it
    the platform gets the file, and gives the id to `keep`.
    """

    target: Target
    title: str
    message: Message
    nonce: str
    first_id: str | None = None
    since: dt.datetime | None = None
    leave: Callable[[], bool] = lambda: True
    reply_to: str | None = None
    file_id: str | None = None
    keep: Callable[[str], Awaitable[None]] = forget_file


class Platform(Protocol):
    """A platform as the core sees one: rendering documents and sending messages."""

    name: PlatformName

    @property
    def username(self) -> str:
        """The bot's own name on the platform; empty before the account is connected."""
        return ""

    def render(self, document: Document, *, silent: bool = False, rich: bool = False) -> Rendering:
        """Return the document as messages within every limit of the platform. Pure.

        With `rich`, the messages are of the platform's richer kind, if any, each with its fallback of the plain kind.
        """

    async def send(self, post: Post) -> str:
        """Send one message and return the platform's id of the message.

        Raises:
            SendError: one of the errors below; no other error may escape.
        """

    async def inspect(self, target: Target, choices: Choices = NO_CHOICES) -> Sequence[str]:
        """Check, without writing, that the bot may write to the target, and can publish if that is chosen.

        Returns:
            A sentence with its cure for each other choice that cannot be kept there.

        Raises:
            SendError: the bot may not, or the platform does not tell now.
        """

    async def name_of(self, target: Target) -> str:
        """Return the name that people know a group or channel by; empty for others.

        Raises:
            SendError: the platform does not tell the name.
        """
        del target
        return ""


class RequestTurn(Protocol):
    """The turn of one request."""

    def leave(self) -> bool:
        """Count the request as leaving in this moment, and return whether it may leave."""

    def give_back(self) -> None:
        """Leave the turn to another request, unless this one has left."""


class Pace(Protocol):
    """The pace of one platform, for requests that the core does not see, such as a look for a message."""

    async def turn(self, target: Target, *, looks: bool = False) -> RequestTurn | None:
        """Wait for the turn of one request; None in a pause that the platform asked for.

        One that only `looks` may be made by a process that sends nothing on the platform.
        """

    def note_flood(self, flood: FloodError, target: Target) -> None:
        """Let nothing out for as long as the platform asked."""


OnAbility: TypeAlias = Callable[[Ability, str], None]


class Account(Platform, Protocol):
    """A platform through the bot's account there.

    The app sets the pace, without which requests leave at once, and the callback for facts that the admins should know.
    """

    pace: Pace | None = None
    tell: Tell = staticmethod(tell_nobody)
    on_ability: OnAbility = staticmethod(lambda _ability, _reason: None)
    """Hears that an ability works, with an empty reason, or why it does not."""

    @contextlib.contextmanager
    def noting(self, ability: Ability) -> Iterator[None]:
        """Report whether the context succeeds."""
        try:
            yield
        except SendError as error:
            self.on_ability(ability, str(error))
            raise
        self.on_ability(ability, "")

    @property
    def updates(self) -> int:
        """The number of updates or events that were handled since the start."""
        return 0

    @property
    def has_rival(self) -> bool:
        """Whether another program is known to receive with the same token now."""
        return False

    async def resolve(self, target: Target) -> Target:
        """Return the target with the chat's lasting id, so that no chat can be subscribed under two ids.

        Raises:
            SendError: the platform does not know the chat, or does not tell now.
        """
        return target

    async def connect(self) -> None:
        """Connect, so that messages can be sent.

        Raises:
            SendError: the token is refused, or the platform cannot be reached.
        """

    async def identify(self) -> None:
        """Ask the platform, by the simplest of its questions, whether it takes the token.

        Raises:
            UnauthorisedError: it does not.
            SendError: it does not tell now.
        """
        await self.connect()

    async def listen(self) -> None:
        """Receive commands until cancelled.

        Raises:
            SendError: the token is refused, or the platform has closed the connection.
        """

    async def close(self) -> None:
        """Close the connections, also those of a `connect` that failed."""


class Rank(enum.Enum):
    """The order in which requests leave."""

    EXEMPT = enum.auto()
    """At once, also during a pause, because the platform keeps the request out of every limit."""
    UNCOUNTED = enum.auto()
    """After a pause that the platform asked for, and outside of the rate, because the request is no message."""
    ANSWER = enum.auto()
    """Before the pushes, because a person waits."""
    PUSH = enum.auto()


@dataclass(frozen=True, slots=True)
class SendRequest(Generic[T]):
    """One request to a platform, with the rules for repeating it.

    Args:
        target: the chat whose limits and pauses hold. A route with limits of its own is a target of its own.
        call: makes one attempt with `Post.leave`, and raises a `SendError` when the attempt fails.
        rank: the place in the order of requests.
        worth: seconds after the first attempt in which another one is of use; 0 for one attempt.
        hold: whether an attempt of unknown outcome is the last, because the platform does not drop a second message.
        leaves: whether `call` calls `leave` itself, later than the sender can.
    """

    target: Target
    call: Callable[[Callable[[], bool]], Awaitable[T]]
    rank: Rank = Rank.ANSWER
    worth: float = 0.0
    hold: bool = False
    leaves: bool = False


class Entry(enum.Enum):
    """The treatment of a question that asks for a place in the line of answers."""

    ADMITTED = enum.auto()
    REPEATED = enum.auto()
    """The same question of the same chat waits already, and one answer is enough for both."""
    FULL = enum.auto()
    """More questions wait than can be answered while people wait. This one is turned away before it costs anything."""


class Sender(Protocol):
    """The only way out to a platform, in turns and with repeats."""

    def in_line(self, target: Target, question: Hashable, *, changes: bool) -> AbstractContextManager[Entry]:
        """Return a context in which an admitted question keeps its place until it is answered.

        A question that `changes` something repeats only the chat's last one, because another may have undone it.
        """

    def in_order(self, target: Target) -> AbstractAsyncContextManager[Any]:
        """Return a context without another answer to the target, so that two answers do not mix."""

    async def send(self, request: SendRequest[T]) -> T:
        """Make the request in its turn, again while it is of use, and return the result of the call.

        Raises:
            SendError: the error of the last attempt.
        """


class Handlers(Protocol):
    """The handlers of commands and presses on a platform."""

    def register(self) -> None:
        """Have the account call these handlers."""

    def use(self, context: CommandContext, language: Language) -> None:
        """Answer from this context from now on. The language is for people whose own the bot does not speak."""


class Feature(enum.Enum):
    """An ability that some platforms have and others lack."""

    RICH = enum.auto()
    """A richer kind of message beside the plain one."""
    THREADS = enum.auto()
    """Threads within a chat."""
    EDIT = enum.auto()
    """An account that is an `Editor`."""
    PUBLISH = enum.auto()
    """An account that is a `Publisher`."""
    FIND = enum.auto()
    """An account that is a `Finder`."""
    PIN = enum.auto()
    """An account that is a `Pinner`."""
    AUDIO = enum.auto()
    """Recordings that play in the chat."""


@dataclass(frozen=True, slots=True)
class ChatLimit:
    """A limit of `count` messages to one chat in any `seconds`."""

    count: int
    seconds: float


class TerminalView(NamedTuple):
    """A message in a terminal."""

    parts: Sequence[RenderableType]
    """The parts of the message from top to bottom."""
    uses: Sequence[tuple[int, int, str]]
    """The use of each limit: the amount, the limit, and the unit of both."""


S = TypeVar("S", bound=PlatformSection)
A = TypeVar("A", bound=Account)


class Renderer(Protocol):
    """A function that renders documents without an account. Pure."""

    def __call__(self, document: Document, *, silent: bool = False) -> Rendering:
        """Return the document as messages within every limit of the platform."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlatformRow(Generic[S, A]):
    """The facts of one platform. Only `load` imports the platform's library, and only `terminal` imports rich."""

    name: PlatformName
    section: type[S]
    """The platform's section of the config."""
    load: Callable[[], tuple[Callable[[S, Network], A], Callable[[A, CommandContext, Sender, Language], Handlers]]]
    """Imports the library, and returns the makers of an account and of its handlers."""
    limits: Callable[[Target], tuple[ChatLimit, ...]]
    """The limits of one chat, beside that of the whole account."""
    render: Renderer
    is_silent: Callable[[Message], bool]
    terminal: Callable[[Message], TerminalView]
    colour: str
    """The colour of the messages' borders in a terminal."""
    private_chat: Callable[[int], str]
    """The chat with one person, given by the person's id."""
    features: frozenset[Feature]
    has_menu_of_show: bool = False
    """Whether the menu of commands is in the show's language. Then listening begins anew when the language changes."""

    @property
    def title(self) -> str:
        """The platform's name as people write it."""
        return self.section.title


class SendError(ExpectedError):
    """A refusal or failure of a platform. `code` is the word for the ledger and reports; the text is for people."""

    code: ClassVar[Code] = Code.ERROR
    retry_after: float = 0.0
    """Seconds before which the platform wants no further request; 0 if it does not say."""

    def __init_subclass__(cls, *, code: Code | None = None) -> None:
        """Give the class its code; without one, that of its base."""
        cls.code = code or cls.code


class NotSentError(SendError, code=Code.NOT_SENT):
    """A message that certainly did not arrive, for want of a connection or of room. Another attempt is of use."""


class FloodError(NotSentError, code=Code.FLOOD):
    """A pause of `retry_after` seconds that the platform asks for.

    The pause holds for all that the bot sends if `everything`, else for the chat; None if the platform does not say.
    """

    def __init__(self, text: str, *, retry_after: float, everything: bool | None = False) -> None:
        super().__init__(text)
        self.retry_after = retry_after
        self.everything = everything


class BannedError(FloodError):
    """A refusal of this machine's whole address by the platform's protection."""


PAUSE = 60.0
"""Seconds to wait where a platform wants a pause and names none that can be kept."""
LONGEST_PAUSE = 86_400.0
"""Seconds beyond which no pause is believed: nothing that the bot sends is of use so late."""


def pause_in(asked: object) -> float:
    """Return the pause that a platform asks for, or the bot's own where that names none that can be kept."""
    try:
        seconds = float(str(asked))
    except ValueError:
        return PAUSE
    return seconds if 0 <= seconds <= LONGEST_PAUSE else PAUSE


class UnknownOutcomeError(SendError, code=Code.UNKNOWN):
    """A request without an answer. The message may have arrived or not."""


class PreviewError(NotSentError):
    """A message with the preview of a page that the platform could not fetch. The fallback, if any, has no preview."""


class ForeignAnswerError(SendError):
    """An answer in another form than the platform's, such as the page of a proxy. It judges no chat and no token."""


class ForeignRefusalError(ForeignAnswerError, NotSentError, code=Code.NOT_SENT):
    """A refusal by something before the platform, which the message did not pass. Another attempt is of use."""


class ForeignResultError(ForeignAnswerError, UnknownOutcomeError, code=Code.UNKNOWN):
    """An answer that does not tell whether the message passed."""


def foreign(platform: str, status: int, payload: bytes, address: str, wait: str | None = None) -> SendError:
    """Return the error for an answer in another form than the platform's.

    `address` says what `api_url` must be, and `wait` is the answer's `Retry-After`.
    """
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        banned = _("the protection of {platform} refuses this address").format(platform=platform)
        return BannedError(banned, retry_after=pause_in(wait), everything=True)
    text = _("not {platform} but something before it, such as a proxy, answers (HTTP {status})")
    if payload.lstrip().startswith(b"<"):
        text = _("not {platform} but something before it, such as a proxy, answers with a web page (HTTP {status})")
    text = text.format(platform=platform, status=status)
    if status < HTTPStatus.BAD_REQUEST or status == HTTPStatus.NOT_FOUND:
        # Because such is the answer of a server that was never meant, the address may be wrong.
        text += _("; api_url must {be}").format(be=address)
    # By RFC 9110, a redirection or a refusal means that the request was not carried out.
    error = (ForeignRefusalError if status in range(300, 500) else ForeignResultError)(text)
    error.retry_after = 0.0 if wait is None else pause_in(wait)
    return error


class UnverifiableError(UnknownOutcomeError):
    """A request without an answer in a place where the bot may not look for the message."""


class TargetGoneError(SendError, code=Code.GONE):
    """A person or chat that left for good: blocked, kicked, deleted. Ends the subscription."""


class TargetNotFoundError(SendError, code=Code.NOT_FOUND):
    """A chat that the platform does not know. Ends the subscription, and the admins should look at the id."""


class TargetMovedError(SendError, code=Code.MOVED):
    """A chat with a new id, `chat`, to which the message is to be sent."""

    def __init__(self, text: str, *, chat: str) -> None:
        super().__init__(text)
        self.chat = chat


class TargetClosedError(SendError, code=Code.CLOSED):
    """A place where the bot lacks a right, or a closed topic or thread. Pauses until the place's admin mends it."""


class RefusedError(SendError, code=Code.REFUSED):
    """A refusal that says nothing of the chat or the message elsewhere, also each that the bot does not know."""


class FilteredError(RefusedError, code=Code.FILTERED):
    """A message that a rule of the place refuses, such as a filter on words or links."""


class ContentError(SendError, code=Code.CONTENT):
    """A message that the platform calls malformed: perhaps a bug in the rendering, perhaps one odd answer."""


class RenderingRefusedError(SendError, code=Code.RENDERING):
    """A kind of message that the platform refuses, here or everywhere. The message's fallback is sent instead."""


class UploadRefusedError(RenderingRefusedError):
    """A file that cannot be had, or that the platform takes from nobody. Every message with it has its fallback."""


class StaleFileError(NotSentError):
    """A file's id that the platform does not know any more, so that the file goes up again."""


class UnauthorisedError(SendError, code=Code.UNAUTHORISED):
    """A refusal of the token. Stops the whole platform if the platform says the same when it is asked."""


LONGEST_TEXT = 150
"""Characters of a platform's words that are worth a line in a report."""


def in_brief(text: str) -> str:
    """Return a platform's words in one line that fits into a report."""
    return shortened(" ".join(text.split()), LONGEST_TEXT)


SPEECHLESS = (NotSentError, TargetClosedError, TargetGoneError, TargetNotFoundError, UnauthorisedError)
"""Errors after which the bot can send no other message to the place either."""
