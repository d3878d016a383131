"""Waiting for what the bot, a log or a file announces to nobody. A stand-in announces its changes: `wait_for`."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

PATIENCE = 30.0
"""Default of the seconds to wait: a machine with other work may take long, and only a failing test waits to the end."""


async def until(condition: Callable[[], object], within: float = PATIENCE) -> None:
    """Wait until the condition is true.

    Raises:
        TimeoutError: it was not true within so many seconds.
    """
    async with asyncio.timeout(within):
        while not condition():  # noqa: ASYNC110 - nothing announces it
            await asyncio.sleep(0.02)


@dataclass
class Unending:
    """Work that goes on until it is cancelled, and then takes some turns of the loop; `ended` gets its name last."""

    name: str
    ended: list[str] = field(default_factory=list)
    began: asyncio.Event = field(default_factory=asyncio.Event)

    async def __call__(self, *_asked: object) -> None:
        """Work."""
        try:
            self.began.set()
            await asyncio.Event().wait()
        finally:
            for _turn in range(9):
                await asyncio.sleep(0)
            self.ended.append(self.name)
