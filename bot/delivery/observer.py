"""The observer of one platform's traffic, which a bot without metrics does not have."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from bot.platforms.base import Entry
from bot.storage.records import Outcome


class Observer(NamedTuple):
    """The hearers of the traffic on one platform.

    `recorded` hears outcomes after the ledger has them, `asked_to_wait` the seconds of a pause that the platform asks
    for, and `asked` a question after its treatment, which took so many seconds.
    """

    recorded: Callable[[Sequence[Outcome]], None]
    asked_to_wait: Callable[[float], None]
    asked: Callable[[Entry, float], None]
