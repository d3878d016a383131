"""Path of every request through a stand-in: the log, the faults, the platform's rules, the answer."""

from collections.abc import Awaitable, Callable

from aiohttp import web

from bot.sandbox.shared.changes import Changes
from bot.sandbox.shared.faults import Call, Faults, Flood
from bot.sandbox.shared.traffic import Request, Traffic


class Pipeline:
    """Log and faults of one stand-in. `is_send` returns whether requests of a route count as sends."""

    def __init__(self, changes: Changes, is_send: Callable[[str], bool]) -> None:
        self.faults = Faults()
        self.traffic = Traffic(is_send)
        self._changes = changes

    async def answer(
        self,
        http: web.Request,
        logged: Request,
        process: Callable[[], Awaitable[web.Response]],
        flood: Callable[[Flood], web.Response],
    ) -> web.Response:
        """Return the answer to a logged request, and log the statuses.

        `process` carries the request out by the platform's rules, `flood` writes a 429 in the platform's form.
        """

        async def processed() -> web.Response:
            response = await process()
            logged.processed = response.status
            self._changes.notify()
            return response

        call = Call(logged.route, logged.chat, logged.body)
        response = await self.faults.answer(http, call, processed, flood)
        if http.transport is not None and not http.transport.is_closing():
            logged.answered = response.status
        self._changes.notify()
        return response
