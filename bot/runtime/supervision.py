"""Supervision: each part of the bot that fails is started again after a pause."""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, TypeAlias

from bot.delivery import retry
from bot.model.problems import ExpectedError

if TYPE_CHECKING:
    Service: TypeAlias = Callable[[], Awaitable[None]]
    Report: TypeAlias = Callable[[str, Exception], Awaitable[None]]

log = logging.getLogger(__name__)

HEALTHY = 600.0
"""Seconds of running after which a failure counts as the first one."""
PATIENCE = 4
"""Failures in a row, half a minute, after which the admins hear of a network or a disk that fails."""


class Supervisor:
    """The tasks of services. A service that returns has ended on purpose.

    A service that raises is started again after a pause that grows with every failure in a row.

    Args:
        report: tells the admins of a bug at once, of other failures when they go on.
        now: a monotonic clock, in seconds.
        sleep: waits for so many seconds.
    """

    def __init__(
        self,
        report: Report,
        now: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._report = report
        self._now = now
        self._sleep = sleep
        self._services: dict[str, Service] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}

    def start(self, name: str, service: Service) -> None:
        """Run a service from now on, unless it runs already."""
        if name in self._tasks:
            return
        self._services[name] = service
        self._tasks[name] = asyncio.create_task(self._keep(name, service), name=name)

    async def restart(self, name: str) -> None:
        """Stop a service that was started and start it again."""
        if (service := self._services.get(name)) is not None:
            await self.stop(name)
            self.start(name, service)

    async def stop(self, *names: str) -> None:
        """Stop these services, or all: cancel them and wait until they have cleaned up."""
        tasks = [self._tasks.pop(name) for name in names or list(self._tasks) if name in self._tasks]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _keep(self, name: str, service: Service) -> None:
        failures = 0
        while True:
            began = self._now()
            try:
                return await service()
            except Exception as error:  # noqa: BLE001 - the service must go on after every error
                if (task := asyncio.current_task()) is not None and task.cancelling():
                    # Because a database in trouble answers a cancelled wait with its own error, that ends the service
                    # too; else a stopped one would begin anew.
                    return None
                failures = 1 if self._now() - began >= HEALTHY else failures + 1
                await self._after(name, error, failures)

    async def _after(self, name: str, error: Exception, failures: int) -> None:
        pause = retry.backoff(failures, luck=random.random()).total_seconds()  # noqa: S311 - guards nothing
        # An admin understands an expected error without its traceback; a bug needs it.
        expected = isinstance(error, ExpectedError)
        level, trace = (logging.WARNING, None) if expected else (logging.ERROR, error)
        reason = str(error) or type(error).__name__
        log.log(level, "%s: %s; starting it again in %.0f s", name, reason, pause, exc_info=trace)
        if failures == PATIENCE or not expected:
            try:
                await self._report(name, error)
            except Exception:
                # Because a report may meet the very trouble that it is about, no error of it ends the service.
                log.exception("%s: the admins could not be told", name)
        await self._sleep(pause)
