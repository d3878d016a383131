"""One notification for everything that happens on a stand-in, and waiting for what one wants to see."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")


class Changes:
    """Wakes those who wait whenever anything changed."""

    def __init__(self) -> None:
        self._changed = asyncio.Event()

    def notify(self) -> None:
        """Say that something changed."""
        self._changed.set()
        self._changed = asyncio.Event()

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
