"""What the sandbox's web servers have in common, which are both stand-ins and the demo's page: their start and stop."""

from __future__ import annotations

import abc
from typing import TYPE_CHECKING, ClassVar, Self

from aiohttp import web

if TYPE_CHECKING:
    from types import TracebackType

HOST = "127.0.0.1"


class WebServer(abc.ABC):
    """Serves an application from `start` to `stop`, or as long as it is used as an async context manager.

    It listens where `_site` says, which is the loopback interface: on `port`, or any free one if that is 0, and on the
    same again after a `stop`.
    """

    _DRAIN: ClassVar[float] = 0.1
    """Seconds that requests under way may still take when it stops; what is held back, long polls above all, is cut
    off then."""
    _CANCELS: ClassVar[bool] = True
    """Whether a request ends when its client leaves: a poll must not stay behind and steal the updates of the next."""

    port: int = 0
    _runner: web.AppRunner | None = None

    @abc.abstractmethod
    def _application(self) -> web.Application:
        """What is served, made anew at each start."""

    def _site(self, runner: web.AppRunner) -> web.BaseSite:
        """Where it listens."""
        return web.TCPSite(runner, HOST, self.port)

    async def start(self) -> None:
        """Listen; the port is known from here on.

        Raises:
            OSError: the port is taken.
        """
        runner = web.AppRunner(
            self._application(), handler_cancellation=self._CANCELS, shutdown_timeout=self._DRAIN, access_log=None
        )
        await runner.setup()
        try:
            await self._site(runner).start()
        except OSError:
            await runner.cleanup()
            raise
        self._runner = runner
        self.port = runner.addresses[0][1]

    async def stop(self) -> None:
        """Go away and cut all connections; whatever else it holds stays as it is."""
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()
