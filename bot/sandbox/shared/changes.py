"""One notification for everything that happens on a stand-in, and waiting for what one wants to see."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

T = TypeVar("T")


class Changes:
    """Wakes those who wait whenever anything changed."""

    def __init__(self) -> None:
        self._changed = asyncio.Event()
        self._listeners: list[Callable[[], None]] = []

    def notify(self) -> None:
        """Say that something changed."""
        self._changed.set()
        self._changed = asyncio.Event()
        for listener in self._listeners:
            listener()

    @contextlib.contextmanager
    def heard_by(self, listener: Callable[[], None]) -> Iterator[None]:
        """Call the listener at every change for as long as the context is open."""
        # A new list, because a listener may come or go while the others are called.
        self._listeners = [*self._listeners, listener]
        try:
            yield
        finally:
            self._listeners = [other for other in self._listeners if other is not listener]

    async def until(self, condition: Callable[[], T], within: float) -> T:
        """The condition's value as soon as it is true; it is looked at now and after each change.

        Raises:
            TimeoutError: it was not true within so many seconds.
        """
        try:
            async with asyncio.timeout(within):
                while not (value := condition()):
                    await self._changed.wait()
                return value
        except TimeoutError:
            raise TimeoutError(f"What was waited for did not happen within {within:g} s.") from None
