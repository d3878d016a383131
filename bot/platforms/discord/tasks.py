"""The handlers under way, for which closing waits, because discord.py starts handlers and forgets them."""

import asyncio
import contextlib
import functools
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


class TaskTracker:
    """The set of handlers that run now."""

    def __init__(self) -> None:
        self.tasks: set[asyncio.Task[Any]] = set()
        self.begun = 0
        """The handlers that have begun since the start."""

    def counted(self, handler: Callable[P, Awaitable[T]]) -> Callable[P, Coroutine[Any, Any, T]]:
        """Return the handler, tracked from its first step to its last."""

        @functools.wraps(handler)
        async def run(*args: P.args, **kwargs: P.kwargs) -> T:
            task = asyncio.current_task()
            if task is None:
                raise RuntimeError("a handler runs in a task")
            self.tasks.add(task)
            self.begun += 1
            try:
                return await handler(*args, **kwargs)
            finally:
                self.tasks.discard(task)

        return run

    async def finish(self, within: float) -> None:
        """Wait for all handlers, those too that begin meanwhile; cancel what still runs after so many seconds."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(within):
                while self.tasks:
                    await asyncio.wait(self.tasks)
        cancelled = [task for task in self.tasks if task.cancel()]
        await asyncio.gather(*cancelled, return_exceptions=True)
