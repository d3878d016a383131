"""What the core asks of a platform, and the errors a platform may answer with."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, ClassVar, Generic, NamedTuple, Protocol, TypeVar

from bot.model import facts
from bot.model.problems import ExpectedError

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable

    from bot.model.document import Document
    from bot.model.rendering import Message, Rendering
    from bot.model.subscription import PlatformName, Target


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


class Pace(Protocol):
    """The pace at which a platform takes messages, shared by pushes and answers."""

    async def answer(self, target: Target) -> None:
        """Wait for the turn of one message that answers somebody: before every push, within every limit."""


class SendError(ExpectedError):
    """The platform did not take the message.

    `code` is a short stable word for the ledger and for reports; the text says more, for people.
    """

    code: ClassVar[str] = "error"


class NotSentError(SendError):
    """The message certainly did not arrive: no connection, or the platform was too busy. Try again."""

    code = "not-sent"


class FloodError(NotSentError):
    """The platform asks for a pause of `retry_after` seconds, of this chat alone or of `everything` the bot sends.

    `everything` is None when the platform does not say which.
    """

    code = "flood"

    def __init__(self, text: str, *, retry_after: float, everything: bool | None = False) -> None:
        super().__init__(text)
        self.retry_after = retry_after
        self.everything = everything


class UnknownOutcomeError(SendError):
    """The request went out and no answer came back: nobody can tell whether the message arrived."""

    code = facts.UNKNOWN


class UnverifiableError(UnknownOutcomeError):
    """Nobody knows whether the message arrived, and the bot may not look."""


class TargetGoneError(SendError):
    """The person or chat left for good: blocked, kicked, deleted. Ends the subscription."""

    code = "gone"


class TargetNotFoundError(SendError):
    """The platform knows no such chat. Ends the subscription, and the admins should look at the id."""

    code = "not-found"


class TargetMovedError(SendError):
    """The chat has a new id, `chat`; the message is to be sent there."""

    code = "moved"

    def __init__(self, text: str, *, chat: str) -> None:
        super().__init__(text)
        self.chat = chat


class TargetClosedError(SendError):
    """The bot may not write there: missing rights, a closed topic, a locked thread. Pauses; the admin can mend it."""

    code = "closed"


class RefusedError(SendError):
    """The platform refuses this message in this place, for a rule of the place (a filter on words or links)."""

    code = "refused"


class ContentError(SendError):
    """The platform refuses the message itself. A bug in the rendering: the broadcast stops, no subscription ends."""

    code = "content"


class RenderingRefusedError(SendError):
    """The platform refuses messages of this kind, here or at all. The rendering's fallback is sent in its place."""

    code = "rendering"


class UnauthorisedError(SendError):
    """The token is not, or no longer, valid. Everything on this platform stops."""

    code = "unauthorised"


T = TypeVar("T")

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
