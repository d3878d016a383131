"""What the page needs of the bot behind it, whoever runs that."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import asyncio

    from bot.model.subscription import Subscription, Target
    from bot.sandbox.demo.world import DemoWorld
    from bot.sandbox.shared.changes import Changes
    from bot.sandbox.telegram.model import Json


class Stage(Protocol):
    """A bot at work in a town, with a clock that can be moved on."""

    changes: Changes
    """Tells of everything that happens in the town or to the bot."""
    steady: asyncio.Lock
    """Held by whoever reads several things that belong together, and while everything is replaced."""

    @property
    def world(self) -> DemoWorld:
        """Where the bot works now; another town after a `restart`."""

    def facts(self) -> Json:
        """The show, its time, its next push, its content and what is wrong with it."""

    async def subscriptions(self, target: Target) -> list[Subscription]:
        """The target's subscriptions that have not ended."""

    async def next_push(self) -> int | None:
        """Let it be the hour of the next push; the number of the episode that is pushed then, None for none."""

    async def restart(self) -> None:
        """Begin again: a new town, a new database, the clock back."""
