"""A connection: one refusal of the token is no verdict, one that stays is told, and the bot comes back by itself."""

from __future__ import annotations

import asyncio
import datetime as dt
from typing import TYPE_CHECKING, cast
from unittest.mock import AsyncMock

import pytest

from bot.delivery.pacing import Pacer
from bot.model.facts import MadeToWait
from bot.model.subscription import PlatformName
from bot.platforms.base import FloodError, NotSentError, SendError, UnauthorisedError
from bot.runtime.connection import AT_START, LATER, Connection
from bot.runtime.roles import Role
from bot.storage.leases import Leases
from tests.waiting import PATIENCE

if TYPE_CHECKING:
    from bot.delivery.worker import Worker
    from bot.platforms.base import Account, Handlers

REFUSED = UnauthorisedError("Telegram refuses the token")
AWAY = NotSentError("no connection")


class Telegram:
    """A platform that answers as the script says, the last answer for ever; None takes the token."""

    name = PlatformName("telegram")

    def __init__(self, *script: SendError | None) -> None:
        self.script = list(script)
        self.listening: list[SendError] = []
        self.asked = 0

    async def connect(self) -> None:
        """Answer with the next of the script."""
        self.asked += 1
        answer = self.script.pop(0) if len(self.script) > 1 else self.script[0]
        if answer is not None:
            raise answer

    identify = connect

    async def listen(self) -> None:
        """Fail with the next error, or listen for ever."""
        if self.listening:
            raise self.listening.pop(0)
        await asyncio.Event().wait()


class Deliveries:
    """A worker that meets these errors, one at each run, and has nothing to do after them."""

    def __init__(self, *errors: SendError) -> None:
        self.errors = list(errors)
        self.runs = 0

    async def run(self) -> None:
        """Meet the next error."""
        self.runs += 1
        if self.errors:
            raise self.errors.pop(0)

    async def stop(self) -> None:
        """Nothing is left to stop."""


async def _nothing() -> None:
    """Nothing was sent just before."""


class Line:
    """A connection in a time of its own, and what was told of its token."""

    def __init__(self, platform: Telegram, *errors: SendError) -> None:
        self.time = 0.0
        self.told: list[tuple[bool, float]] = []
        self.pauses: list[float] = []
        self.deliveries = Deliveries(*errors)
        self.connection = Connection(
            platform=cast("Account", platform),
            pacer=Pacer(30),
            role=Role(platform.name, Leases()),
            make_worker=lambda: cast("Worker", self.deliveries),
            remember=_nothing,
            handlers=cast("Handlers", None),
            on_refusal=self._hear,
            now=lambda: self.time,
            sleep=self._sleep,
        )

    async def _hear(self, *, is_over: bool) -> None:
        # The ledger takes its time.
        await asyncio.sleep(0)
        self.told.append((is_over, self.time))

    async def _sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.time += seconds
        await asyncio.sleep(0)


async def test_one_refusal_at_the_start_is_no_verdict() -> None:
    """The second answer decides, a moment later."""
    line = Line(Telegram(REFUSED, None))
    await line.connection.deliver()
    assert line.deliveries.runs == 1
    assert line.told == []
    assert line.connection.tried.is_set()


async def test_a_token_that_is_refused_twice_at_the_start_is_refused_within_seconds() -> None:
    """A mistyped token is told at once; the bot asks again all the same, and goes on when the platform takes it."""
    line = Line(Telegram(*[REFUSED] * 20, None))
    delivering = asyncio.create_task(line.connection.deliver())
    async with asyncio.timeout(PATIENCE):
        await line.connection.tried.wait()
        # What ends a program whose tokens are all refused comes after what it tells of them.
        assert len(line.told) == 1
        assert (line.connection.refusal, line.connection.was_accepted) == (REFUSED, False)
        await delivering
    (is_over, told_at), (is_back, _back_at) = line.told
    assert (is_over, is_back) == (False, True)
    assert told_at < 5
    assert (line.connection.refusal, line.connection.was_accepted) == (None, True)
    assert line.deliveries.runs == 1
    assert max(line.pauses) <= 600


async def test_a_platform_that_cannot_be_reached_at_the_start_is_for_the_supervisor() -> None:
    """It says nothing of the token."""
    line = Line(Telegram(AWAY))
    with pytest.raises(NotSentError):
        await line.connection.deliver()
    assert line.told == []


@pytest.mark.parametrize("way", ["deliver", "listen"])
async def test_a_refusal_that_passes_is_not_told(way: str) -> None:
    """For a minute the platform refuses a token that it took before; then the service begins anew."""
    line = await connected(way, REFUSED, REFUSED, AWAY, REFUSED, REFUSED, None)
    with pytest.raises(NotSentError, match="takes it when asked"):
        await getattr(line.connection, way)()
    assert line.told == []
    assert line.time < LATER[1]
    assert all(later > earlier for earlier, later in zip(line.pauses, line.pauses[2:], strict=False))


@pytest.mark.parametrize("way", ["deliver", "listen"])
async def test_a_refusal_that_stays_is_told_once_and_so_is_its_end(way: str) -> None:
    """After minutes, and some answers; hours later the platform takes the token, and the bot goes on by itself."""
    line = await connected(way, *[REFUSED] * 30, AWAY, AWAY, *[REFUSED] * 10, None)
    with pytest.raises(NotSentError, match="takes it when asked"):
        await getattr(line.connection, way)()
    (is_over, told_at), (is_back, back_at) = line.told
    assert (is_over, is_back) == (False, True)
    assert LATER[1] <= told_at <= 2.5 * LATER[1]
    assert back_at > 3600
    assert line.connection.refusal is None
    await line.connection.deliver()
    assert len(line.told) == 2


@pytest.mark.parametrize("seconds", [59, 60])
async def test_a_pause_of_a_minute_is_told(seconds: int) -> None:
    """A shorter one is over when somebody reads of it."""
    line = Line(Telegram(FloodError("slow down", retry_after=seconds)))
    line.connection.tell = AsyncMock()
    with pytest.raises(FloodError):
        await line.connection.deliver()
    told = [each.args for each in line.connection.tell.await_args_list]
    assert told == ([(MadeToWait(PlatformName("telegram"), dt.timedelta(minutes=1)),)] if seconds == 60 else [])


async def test_no_answer_for_minutes_is_no_refusal() -> None:
    """Time alone proves nothing: the platform has to say it several times."""
    line = await connected("deliver", REFUSED, *[AWAY] * 12, REFUSED, None)
    with pytest.raises(NotSentError):
        await line.connection.deliver()
    assert line.time > 2 * LATER[1]
    assert line.told == []


async def test_a_platform_that_contradicts_itself_is_for_the_supervisor() -> None:
    """It refuses a poll and takes the token when asked: no verdict, but no tight loop either."""
    line = await connected("listen", None)
    with pytest.raises(NotSentError, match="takes it when asked"):
        await line.connection.listen()
    assert line.pauses == []
    assert line.told == []


def test_the_start_is_decided_in_seconds_and_the_rest_in_minutes() -> None:
    """As the promise says."""
    assert AT_START == (2, 0.0)
    assert LATER[0] >= 3
    assert LATER[1] >= 60


async def connected(way: str, *script: SendError | None) -> Line:
    """A connection that has been made, whose worker or polling meets a refusal, and whose platform then answers so."""
    platform = Telegram(None)
    line = Line(platform)
    await line.connection.deliver()
    platform.script = list(script)
    if way == "deliver":
        line.deliveries.errors = [REFUSED]
    else:
        platform.listening = [REFUSED]
    return line
