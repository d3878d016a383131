"""Patience with people who ask faster than anybody can read: a few answers, one word about it, then silence."""

from __future__ import annotations

import enum
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


class Verdict(enum.Enum):
    """What somebody gets who asks now."""

    ANSWER = enum.auto()
    WARNING = enum.auto()
    """A word that they are too fast; what follows for a while is silence."""
    SILENCE = enum.auto()


@dataclass(frozen=True, slots=True)
class Allowance:
    """How much may be asked: so many commands at once, and one more every so many seconds."""

    at_once: float
    seconds_each: float


PERSON = Allowance(at_once=6, seconds_each=2.0)
"""Faster than this nobody reads."""
CHAT = Allowance(at_once=20, seconds_each=3.0)
"""Telegram's limit for a group: twenty messages a minute, which pushes need, too."""
PRESS = 0.2
"""What a press costs in commands: who ticks topics presses fast, and most presses change a message in place."""
PAUSE = 30.0
"""Seconds of silence."""
REMEMBERED = 10_000
"""People and chats that are remembered, those who asked last: about two megabytes."""


@dataclass(slots=True)
class _Account:
    left: float
    at: float
    silent_until: float


class Throttle:
    """Counts what people and chats ask for. `clock` gives seconds that only go forward.

    Who is silenced costs the chat nothing, so that the others there do not notice.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self.clock = clock
        self._accounts: OrderedDict[str, _Account] = OrderedDict()

    def admit(self, person: str, chat: str | None = None, *, is_press: bool = False) -> Verdict:
        """What the person gets who asks now in that chat; None for a chat where nobody else is.

        Both are the platform's name and id, so that no two of them are the same.
        """
        cost = PRESS if is_press else 1.0
        verdict = self._take(f"person {person}", PERSON, cost)
        if verdict is Verdict.ANSWER and chat is not None:
            verdict = self._take(f"chat {chat}", CHAT, cost)
        return verdict

    def _take(self, key: str, allowance: Allowance, cost: float) -> Verdict:
        now = self.clock()
        account = self._accounts.setdefault(key, _Account(allowance.at_once, now, now))
        self._accounts.move_to_end(key)
        if len(self._accounts) > REMEMBERED:
            self._accounts.popitem(last=False)
        if now < account.silent_until:
            return Verdict.SILENCE
        account.left = min(allowance.at_once, account.left + (now - account.at) / allowance.seconds_each)
        account.at = now
        if account.left < cost:
            account.silent_until = now + PAUSE
            return Verdict.WARNING
        account.left -= cost
        return Verdict.ANSWER
