"""What the core asks of a platform, what it knows of one, and the errors a platform may answer with."""

from __future__ import annotations

import enum
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Generic, NamedTuple, Protocol, TypeVar

from bot.config import PlatformSection
from bot.model.facts import Code
from bot.model.problems import ExpectedError

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Awaitable, Callable, Sequence
    from contextlib import AbstractAsyncContextManager

    from rich.console import RenderableType

    from bot.commands import CommandContext
    from bot.model.document import Document
    from bot.model.i18n import Language
    from bot.model.rendering import Message, Rendering
    from bot.model.subscription import PlatformName, Target

T = TypeVar("T")


class Post(NamedTuple):
    """One message on its way to one target. A named tuple, because one is made for every message.

    `nonce` is the same whenever the same message goes to the same target again, so that a platform that knows nonces
    can drop the second. `first_id` is what the platform called the first message of the same delivery (a forum post
    goes on in the thread that its first message opened); None for the first message itself.

    `leave` is asked as late as the platform can, when there is a connection and nothing is written yet, and counts the
    message as leaving in that moment. When it says no, the message must not be sent: `NotSentError`.
    """

    target: Target
    title: str
    message: Message
    nonce: str
    first_id: str | None = None
    leave: Callable[[], bool] = lambda: True


class Platform(Protocol):
    """A platform as the core sees it: something that renders documents and sends messages."""

    name: PlatformName

    def render(self, document: Document, *, silent: bool = False, rich: bool = False) -> Rendering:
        """The document as messages within every limit of the platform. Pure.

        `rich` asks for the platform's richer kind of message, if it has one; its fallback is the plain kind.
        """

    async def send(self, post: Post) -> str:
        """Send one message and return the platform's id of it.

        Raises:
            SendError: one of the errors below; nothing else may escape.
        """

    async def inspect(self, target: Target, *, publish: bool = False) -> None:
        """Look whether the bot may write to the target, without writing; with `publish`, also whether it has followers.

        Raises:
            SendError: it may not, or that cannot be found out now.
        """


class Account(Platform, Protocol):
    """A platform through the bot's account there: connects, listens to commands and leaves."""

    async def resolve(self, target: Target) -> Target:
        """Return the target with the chat's lasting id, so that no chat can be subscribed under two.

        Raises:
            SendError: the platform does not know the chat, or cannot be asked now.
        """
        return target

    async def connect(self) -> None:
        """Make sending possible.

        Raises:
            SendError: the token is refused, or the platform cannot be reached.
        """

    async def listen(self) -> None:
        """Receive commands until cancelled.

        Raises:
            SendError: the token is refused, or the platform has sent the bot away.
        """

    async def close(self) -> None:
        """Close the connections, those too that `connect` opened before it failed."""


class Publisher(Protocol):
    """A platform whose messages can be passed on to the channels that follow a channel."""

    async def publish(self, target: Target, message_id: str) -> None:
        """Pass a sent message on. Publishing twice is no error.

        Raises:
            SendError: it was not passed on.
        """


class Finder(Protocol):
    """A platform on which one can look whether a message arrived."""

    async def find(self, post: Post, since: dt.datetime) -> str | None:
        """The platform's id of the bot's message to the target that says the same and is no older than `since`.

        Raises:
            TargetClosedError: the bot may not read there.
            SendError: it cannot be looked now.
        """


class Rank(enum.Enum):
    """The order in which requests leave."""

    EXEMPT = enum.auto()
    """At once, even into a pause, because the platform keeps the request out of every limit."""
    UNCOUNTED = enum.auto()
    """After a pause that the platform asked for. The request is no message, so that the rate does not count it."""
    ANSWER = enum.auto()
    """Before the pushes, because somebody waits."""
    PUSH = enum.auto()


@dataclass(frozen=True, slots=True)
class SendRequest(Generic[T]):
    """One thing to send, and how long and how often it is to be tried.

    Args:
        target: the chat whose limits and pauses hold. A route with limits of its own is a target of its own.
        call: makes one attempt and raises a `SendError` when it fails. It is given `Post.leave`.
        rank: the order in which it leaves.
        worth: seconds after the first attempt in which another one is of use; 0 for one attempt.
        hold: whether an attempt of unknown outcome is the last, because the platform does not drop a second message.
        leaves: whether `call` asks `leave` itself, later than the sender can.
    """

    target: Target
    call: Callable[[Callable[[], bool]], Awaitable[T]]
    rank: Rank = Rank.ANSWER
    worth: float = 0.0
    hold: bool = False
    leaves: bool = False


class Sender(Protocol):
    """The one way out to a platform: takes turns, and tries again."""

    def in_order(self, target: Target) -> AbstractAsyncContextManager[Any]:
        """Return a context in which nobody else sends an answer to the target, so that two answers do not mix."""

    async def send(self, request: SendRequest[T]) -> T:
        """Make the request in its turn, again and again while it is of use.

        Returns:
            The result of the call.

        Raises:
            SendError: the last error.
        """


class Handlers(Protocol):
    """The way from what people type and press on a platform to the answers."""

    def register(self) -> None:
        """Have the account call these handlers."""

    def use(self, context: CommandContext, language: Language) -> None:
        """Answer from this context from now on, and in this language those whose own the bot does not speak."""


class Feature(enum.Enum):
    """A thing that some platforms can do and others cannot."""

    RICH = enum.auto()
    """A richer kind of message beside the plain one."""
    THREADS = enum.auto()
    """Threads within a chat."""
    EDIT = enum.auto()
    """Replacing a sent message."""
    PUBLISH = enum.auto()
    """Passing messages on to followers: its account is a `Publisher`."""
    FIND = enum.auto()
    """Looking whether a message arrived: its account is a `Finder`."""


@dataclass(frozen=True, slots=True)
class ChatLimit:
    """At most `count` messages to one chat in any `seconds`."""

    count: int
    seconds: float


class TerminalView(NamedTuple):
    """A message as a terminal shows it: its parts from top to bottom, and how much it uses of each limit.

    A use is the amount, the limit, and the unit of both.
    """

    parts: Sequence[RenderableType]
    uses: Sequence[tuple[int, int, str]]


S = TypeVar("S", bound=PlatformSection)
A = TypeVar("A", bound=Account)


class Renderer(Protocol):
    """A function that renders documents without an account. Pure."""

    def __call__(self, document: Document, *, silent: bool = False) -> Rendering:
        """Return the document as messages within every limit of the platform."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlatformRow(Generic[S, A]):
    """All that the bot knows of one platform. The registry has a row for each.

    Only `load` imports the platform's library, and only `terminal` imports rich.
    """

    name: PlatformName
    section: type[S]
    """The platform's section of the config."""
    load: Callable[[], tuple[Callable[[S], A], Callable[[A, CommandContext, Sender, Language], Handlers]]]
    """Imports the library, and returns what makes an account and the handlers of its commands."""
    limits: Callable[[Target], tuple[ChatLimit, ...]]
    """The limits of one chat, beside that of the whole account."""
    render: Renderer
    is_silent: Callable[[Message], bool]
    terminal: Callable[[Message], TerminalView]
    colour: str
    """The colour of its messages' borders in a terminal."""
    private_chat: Callable[[int], str]
    """The chat in which a person, given by the id, is written to alone."""
    features: frozenset[Feature]
    has_menu_of_show: bool = False
    """Whether its menu of commands is in the show's language: listening begins anew when that changes."""

    @property
    def title(self) -> str:
        """The platform's name as people write it."""
        return self.section.title


class SendError(ExpectedError):
    """The platform did not take the message.

    `code` is the stable word for the ledger and for reports; the text says more, for people.
    """

    code: ClassVar[Code] = Code.ERROR


class NotSentError(SendError):
    """The message certainly did not arrive: no connection, or the platform was too busy. Try again."""

    code = Code.NOT_SENT


class FloodError(NotSentError):
    """The platform asks for a pause of `retry_after` seconds, of this chat alone or of `everything` the bot sends.

    `everything` is None when the platform does not say which.
    """

    code = Code.FLOOD

    def __init__(self, text: str, *, retry_after: float, everything: bool | None = False) -> None:
        super().__init__(text)
        self.retry_after = retry_after
        self.everything = everything


class UnknownOutcomeError(SendError):
    """The request went out and no answer came back: nobody can tell whether the message arrived."""

    code = Code.UNKNOWN


class UnverifiableError(UnknownOutcomeError):
    """Nobody knows whether the message arrived, and the bot may not look."""


class TargetGoneError(SendError):
    """The person or chat left for good: blocked, kicked, deleted. Ends the subscription."""

    code = Code.GONE


class TargetNotFoundError(SendError):
    """The platform knows no such chat. Ends the subscription, and the admins should look at the id."""

    code = Code.NOT_FOUND


class TargetMovedError(SendError):
    """The chat has a new id, `chat`; the message is to be sent there."""

    code = Code.MOVED

    def __init__(self, text: str, *, chat: str) -> None:
        super().__init__(text)
        self.chat = chat


class TargetClosedError(SendError):
    """The bot may not write there: missing rights, a closed topic, a locked thread. Pauses; the admin can mend it."""

    code = Code.CLOSED


class RefusedError(SendError):
    """The platform refuses this message in this place, for a rule of the place (a filter on words or links)."""

    code = Code.REFUSED


class ContentError(SendError):
    """The platform refuses the message itself. A bug in the rendering: the broadcast stops, no subscription ends."""

    code = Code.CONTENT


class RenderingRefusedError(SendError):
    """The platform refuses messages of this kind, here or at all. The rendering's fallback is sent in its place."""

    code = Code.RENDERING


class UnauthorisedError(SendError):
    """The token is not, or no longer, valid. Everything on this platform stops."""

    code = Code.UNAUTHORISED


SPEECHLESS = (NotSentError, TargetClosedError, TargetGoneError, TargetNotFoundError, UnauthorisedError)
"""Errors after which nothing else can be said in the place either."""

KEPT = 256
"""Messages remembered at once: more than the distinct messages of any push, and a bound on memory."""


class PerMessageCache(Generic[T]):
    """Calls `make` for each message once, and keeps what it made of the messages used last.

    A message is known again by being the same object, as the messages of a rendering are all through a push:
    comparing would read it whole, which is what this is to save.
    """

    def __init__(self, make: Callable[[Message], T]) -> None:
        self._make = make
        # The message is kept with what was made of it: while it lives, nothing else can have its identity.
        self._made: OrderedDict[int, tuple[Message, T]] = OrderedDict()

    def __call__(self, message: Message) -> T:
        """What `make` makes of the message."""
        known = self._made.get(id(message))
        if known is not None:
            return known[1]
        made = self._make(message)
        self._made[id(message)] = (message, made)
        if len(self._made) > KEPT:
            self._made.popitem(last=False)
        return made
