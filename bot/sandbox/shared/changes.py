"""Notification of every change on a stand-in, and waiting for a condition."""

import asyncio
import contextlib
from collections.abc import Callable, Iterator
from typing import TypeVar

T = TypeVar("T")

PATIENCE = 20.0
"""Default of the seconds to wait for a condition."""


class Changes:
    """Notification of every change to waiters and listeners."""

    def __init__(self) -> None:
        self._changed = asyncio.Event()
        self._listeners: list[Callable[[], None]] = []

    def notify(self) -> None:
        """Wake every waiter and call every listener."""
        self._changed.set()
        self._changed = asyncio.Event()
        for listener in self._listeners:
            listener()

    @contextlib.contextmanager
    def heard_by(self, listener: Callable[[], None]) -> Iterator[None]:
        """Call the listener at every change while the context is open."""
        # Because a listener may come or go while `notify` loops, this makes a new list; else one would be skipped.
        self._listeners = [*self._listeners, listener]
        try:
            yield
        finally:
            self._listeners = [other for other in self._listeners if other is not listener]

    async def until(self, condition: Callable[[], T], within: float = PATIENCE) -> T:
        """Return the condition's value as soon as it is true; now and every change check the condition.

        Raises:
            TimeoutError: the condition was not true within so many seconds.
        """
        try:
            async with asyncio.timeout(within):
                while not (value := condition()):
                    await self._changed.wait()
                return value
        except TimeoutError:
            raise TimeoutError(f"The condition was not true within {within:g} s.") from None
