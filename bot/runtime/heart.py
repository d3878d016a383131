"""The heart: looks every few seconds whether clock, lock and database are as they were, and shows that the bot lives.

Trouble with the database is told past the ledger, which cannot take it.
"""

import asyncio
import datetime as dt
import logging
import time
from collections.abc import Callable, Coroutine, Mapping
from typing import Any

from bot.delivery.reasons import labelled
from bot.model.facts import ClockSet, Fact, StorageMended, StorageTrouble, Tell
from bot.model.i18n import gettext as _
from bot.model.i18n import spoken
from bot.model.subscription import PlatformName
from bot.platforms.registry import PLATFORMS
from bot.runtime.connection import TOLD_FROM, Connection
from bot.storage.health import BEAT_EVERY
from bot.storage.heartbeat import SLIP
from bot.storage.ledger import Ledger
from bot.storage.lock import DeliveryLock
from bot.storage.processes import process_name
from bot.storage.records import LedgerError

log = logging.getLogger(__name__)

APART = dt.timedelta(seconds=30)
"""Difference to the clock of the database's server from which the admins are told."""
LOOK_EVERY = 5.0
"""Seconds between two looks."""
UNREACHED = 300.0
"""Seconds without an answer of a platform that is asked after which it counts as trouble: retries are over by then."""
STANDSTILL = dt.timedelta(minutes=10)
"""Time in which a message that is due arrives, as the longest pause between two attempts."""


class Heart:
    """The looks at all that the bot rests on, and its heartbeat in the ledger.

    `tell` takes facts to the admins by way of the ledger, `alarm` past it. `unreached` returns the sentences on chats
    out of reach, `failing` the reason why the bot has not been connected, or heard no commands, for so many seconds.
    `mended` is called when the database can be used again, `lost` when another process delivers from it.
    """

    def __init__(
        self,
        ledger: Ledger,
        lock: DeliveryLock | None,
        connections: Mapping[PlatformName, Connection],
        *,
        tell: Tell,
        alarm: Callable[[Fact], Coroutine[Any, Any, None]],
        unreached: Callable[[], list[str]],
        failing: Callable[[PlatformName, float], str],
        mended: Callable[[], None],
        lost: Callable[[], None],
    ) -> None:
        self._ledger = ledger
        self._lock = lock
        self._connections = connections
        self._tell = tell
        self._alarm = alarm
        self._unreached = unreached
        self._failing = failing
        self._mended = mended
        self._lost = lost
        self._slip = dt.timedelta()
        self._next_beat = 0.0
        self._causes: set[str] = set()
        self._has_alarmed = False

    async def run(self) -> None:
        """Look until cancelled."""
        async with asyncio.TaskGroup() as alarms:
            while True:
                await self.look(alarms)
                await asyncio.sleep(LOOK_EVERY)

    async def look(self, alarms: asyncio.TaskGroup) -> None:
        """Look once, and beat when it is time."""
        try:
            if self._lock is not None and not self._lock.keep():
                self._lost()
            await self._ledger.keep_place()
            await self.follow_clock()
            if time.monotonic() >= self._next_beat:
                await self._beat()
        except LedgerError as error:
            self._next_beat = 0.0
            # Once per cause: the place and the cure of the same trouble may be said in other words later.
            if error.message not in self._causes:
                self._causes.add(error.message)
                # Because each process that shares the database notices, those that work on a platform tell.
                if any(connection.role.is_held() for connection in self._connections.values()):
                    self._has_alarmed = True
                    alarms.create_task(self._alarm(StorageTrouble(str(error))))
            return
        if self._causes:
            self._causes.clear()
            self._mended()
            if self._has_alarmed:
                self._has_alarmed = False
                await self._tell(StorageMended(self._ledger.clock.wall()))

    async def follow_clock(self) -> None:
        """Notice that the machine's clock was set, and tell the admins.

        Raises:
            LedgerError: the database cannot be used.
        """
        clock = self._ledger.clock
        by = clock.slip - self._slip
        await self._ledger.heartbeat.follow()
        if self._ledger.is_shared:
            by = clock.slip - self._slip
            if abs(clock.slip) >= APART and abs(by) >= SLIP:
                self._slip = clock.slip
                await self._tell(ClockSet(clock.slip, process_name()))
            return
        self._slip = clock.slip
        if abs(by) >= SLIP:
            log.info("The clock was set by %+.0f s; deliveries go by the time that passes", by.total_seconds())
            await self._tell(ClockSet(by))

    async def _beat(self) -> None:
        if not await self._ledger.heartbeat.beat(await self._troubles(), self._unreached()):
            self._lost()
        await self._ledger.figures.save()
        self._next_beat = time.monotonic() + BEAT_EVERY

    async def _troubles(self) -> list[str]:
        """Return a sentence for each thing that is wrong on this machine, or on a platform."""
        troubles = []
        if self._ledger.is_shared and abs(slip := self._ledger.clock.slip) >= APART:
            apart = _("The clock of this machine differs from that of the database's server by {time}.")
            troubles.append(apart.format(time=spoken().duration(abs(slip))))
        for name, connection in self._connections.items():
            title = PLATFORMS[name].title
            if not connection.role.is_held() and connection.refusal is None:
                # Another process tells of what is wrong there.
                continue
            due = await self._ledger.next_due(name)
            standstill = await self._ledger.heartbeat.standstill(name, due)
            if connection.refusal is not None:
                troubles.append(_("{title} refuses the bot's token.").format(title=title))
            elif connection.platform.has_rival:
                rival = _("{title}: another program receives with this bot's token. No push goes out until it is gone.")
                troubles.append(rival.format(title=title))
            elif (pause := dt.timedelta(seconds=connection.pacer.pause())) >= TOLD_FROM:
                waits = _("{title} asks the bot to wait: nothing goes out there for another {time}.")
                troubles.append(waits.format(title=title, time=spoken().duration(pause)))
            elif (seconds := connection.pacer.unanswered()) >= UNREACHED:
                troubles.append(
                    _("{title} has not answered for {minutes:.0f} minutes.").format(title=title, minutes=seconds / 60)
                )
            elif standstill >= STANDSTILL:
                minutes = standstill.total_seconds() / 60
                troubles.append(
                    _("{title}: messages have been due for {minutes:.0f} minutes, and none arrives.").format(
                        title=title, minutes=minutes
                    )
                )
            elif reason := self._failing(name, UNREACHED):
                troubles.append(labelled(title, f"{reason}.", spoken()))
        return troubles
