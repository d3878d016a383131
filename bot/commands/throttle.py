"""The limit on commands: a person who asks too fast gets one warning, then silence for a while."""

import enum
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass


class Verdict(enum.Enum):
    """The treatment of one command."""

    ANSWER = enum.auto()
    WARNING = enum.auto()
    """One warning; silence follows for a while."""
    SILENCE = enum.auto()


@dataclass(frozen=True, slots=True)
class Allowance:
    """An allowance of commands: so many at once, and one more every so many seconds."""

    at_once: float
    seconds_each: float


PERSON = Allowance(at_once=6, seconds_each=2.0)
"""Nobody reads faster than this."""
CHAT = Allowance(at_once=20, seconds_each=3.0)
"""Telegram takes twenty messages a minute in a group, and pushes need some of them."""
PRESS = 0.2
"""The cost of a press, in commands: people tick topics fast, and most presses change a message in place."""
PAUSE = 30.0
"""Seconds of silence."""
REMEMBERED = 10_000
"""People and chats that are remembered, the latest ones: about two megabytes."""


@dataclass(slots=True)
class _Account:
    left: float
    at: float
    silent_until: float


class Throttle:
    """Counts the commands of people and chats. `clock` gives monotonic seconds.

    A silenced person costs the chat nothing, so that the others there do not notice.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self.clock = clock
        self._accounts: OrderedDict[str, _Account] = OrderedDict()

    def admit(self, person: str, chat: str | None = None, *, is_press: bool = False) -> Verdict:
        """Count a command of the person in the chat, and return its treatment.

        Both keys hold the platform's name and id, so that no two are the same. `chat` is None for a private chat.
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
