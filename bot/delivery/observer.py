"""The observer of one platform's traffic, which a bot without metrics does not have."""

from collections.abc import Sequence
from typing import Protocol

from bot.platforms.base import Entry
from bot.storage.records import Outcome


class Observer(Protocol):
    """A hearer of the traffic on one platform."""

    def recorded(self, outcomes: Sequence[Outcome]) -> None:
        """Hear outcomes after the ledger has them."""

    def asked_to_wait(self, seconds: float) -> None:
        """Hear that the platform asks for a pause."""

    def asked(self, entry: Entry, seconds: float) -> None:
        """Hear of a question after its treatment, which took so many seconds."""
