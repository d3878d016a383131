"""The requests to Discord's API: each takes its turn, and discord.py repeats none of them.

discord.py's own repeats know nothing of the pace, and open a forum post twice whose first answer was lost.
"""

import datetime as dt
from collections.abc import Callable
from types import SimpleNamespace

import aiohttp

from bot.model.facts import AddressBanned
from bot.model.i18n import gettext as _
from bot.model.subscription import Target
from bot.platforms.base import Account, BannedError, FloodError, NotSentError, RequestTurn
from bot.platforms.discord import NAME
from bot.platforms.discord.errors import UnservedError, without_repeats

ACCOUNT = Target(NAME, "")
"""The chat of requests that concern no single chat."""
UNCOUNTED = "/interactions/", "/webhooks/"
"""Addresses that Discord keeps out of the rate. The reply to an interaction takes its turns itself."""


class FirstTurn:
    """The turn that an operation was given: its first request has it, and each later request takes one of its own.

    Were it kept for the last request, the operations that wait for their other turns could hold every turn there is.
    """

    def __init__(self, leave: Callable[[], bool] | None) -> None:
        self._leave = leave

    def take(self) -> Callable[[], bool] | None:
        """Return the turn for the `trace_request_ctx` of the next request; None if that takes one of its own."""
        leave, self._leave = self._leave, None
        return leave


class Traffic:
    """The observer of every request of an account, whichever of its clients makes the request."""

    def __init__(self, account: Account) -> None:
        self._account = account

    def trace(self) -> aiohttp.TraceConfig:
        """Return the observer as discord.py takes it."""
        trace = without_repeats()
        trace.on_request_start.append(self._on_start)
        # Because aiohttp calls this when it is connected and has written nothing, this is the last moment.
        trace.on_request_headers_sent.append(self._on_write)
        # Before the other observer, because that one raises an error of its own.
        trace.on_request_exception.insert(0, self._on_failure)
        return trace

    async def _on_start(
        self, _session: object, request: SimpleNamespace, sent: aiohttp.TraceRequestStartParams
    ) -> None:
        request.turn, request.leave = None, request.trace_request_ctx
        request.looks = sent.method == "GET"
        request.is_counted = sent.url.scheme.startswith("http") and not any(part in sent.url.path for part in UNCOUNTED)
        if request.leave is None:
            await self._take_turn(request)

    async def _on_write(
        self, _session: object, request: SimpleNamespace, _sent: aiohttp.TraceRequestHeadersSentParams
    ) -> None:
        if request.leave is None:
            # Because aiohttp repeats a look on a connection that the server has just closed, that takes another turn.
            await self._take_turn(request)
        if request.leave is not None:
            leave, request.leave = request.leave, None
            if not leave():
                raise UnservedError(NotSentError(_("Discord has asked for a pause")))

    async def _on_failure(
        self, _session: object, request: SimpleNamespace, sent: aiohttp.TraceRequestExceptionParams
    ) -> None:
        turn: RequestTurn | None = request.turn
        if turn is not None:
            turn.give_back()
        meaning = sent.exception.meaning if isinstance(sent.exception, UnservedError) else None
        if isinstance(meaning, FloodError) and meaning.everything and self._account.pace is not None:
            # Because other requests are on their way to Discord, they hear of the pause before the caller does.
            self._account.pace.note_flood(meaning, ACCOUNT)
        if isinstance(meaning, BannedError):
            await self._account.tell(AddressBanned(NAME, dt.timedelta(seconds=meaning.retry_after)))

    async def _take_turn(self, request: SimpleNamespace) -> None:
        if (pace := self._account.pace) is None or not request.is_counted:
            return
        request.turn = turn = await pace.turn(ACCOUNT, looks=request.looks)
        if turn is None:
            raise UnservedError(NotSentError(_("Discord has asked for a pause")))
        request.leave = turn.leave
