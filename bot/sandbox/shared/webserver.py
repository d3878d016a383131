"""Start and stop of the sandbox's web servers: both stand-ins and the demo's page."""

import abc
from typing import Any, ClassVar, Self, TypeAlias

from aiohttp import web

Json: TypeAlias = "dict[str, Any]"
"""An object of JSON."""

HOST = "127.0.0.1"


class WebServer(abc.ABC):
    """Server of an application from `start` to `stop`, also as an async context manager.

    The server listens on the loopback interface, on `port` or on any free port if `port` is 0, and on the same port
    after a second `start`.
    """

    _DRAIN: ClassVar[float] = 0.1
    """Seconds that requests under way may still take at a stop; `stop` cuts off all others, such as long polls."""
    _CANCELS: ClassVar[bool] = True
    """Whether a request ends with its client's connection; else a poll would take the updates of the next poll."""

    port: int = 0
    _runner: web.AppRunner | None = None

    @abc.abstractmethod
    def _application(self) -> web.Application:
        """Return the application, a new one at each start."""

    def _site(self, runner: web.AppRunner) -> web.BaseSite:
        """Return the address to listen on."""
        return web.TCPSite(runner, HOST, self.port)

    async def start(self) -> None:
        """Listen, and set `port`.

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
        """Stop listening and cut all connections."""
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_error: object) -> None:
        await self.stop()
