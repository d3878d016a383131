"""What a platform makes of a message before it can send it: made once per message, not once per subscriber."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

    from bot.model.rendering import Message

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
