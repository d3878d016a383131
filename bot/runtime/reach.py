"""The watch over the reach: admins and declared channels are tried at the start, after a reload, and then each day."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, NoReturn

from bot.delivery.reach import Addressee, addressees, find_out, looks_on
from bot.delivery.reasons import out_of_reach
from bot.delivery.waiting import wait_for_event
from bot.model.facts import OutOfReach, Tell, Unreached
from bot.model.i18n import spoken
from bot.model.shortfalls import NotAsChosen
from bot.platforms.base import FloodError, SendError

if TYPE_CHECKING:
    from bot.config import Config
    from bot.model.subscription import PlatformName, Target
    from bot.runtime.connection import Connection
    from bot.runtime.declaration import Declaration
    from bot.storage.notices import LedgerNotices

log = logging.getLogger(__name__)

AGAIN_EVERY = 600.0
"""Seconds after which a place that could not be reached is tried again, because somebody may have mended that."""
ALL_EVERY = 86_400.0
"""Seconds after which a place that could be reached is tried again, because it may have changed."""


class Reach:
    """The knowledge of the places to which no message comes.

    `config` returns the config that holds now, and `tell` takes news to the admins. The `declaration` looks up declared
    channels again whose names were not known, or could not be looked up.
    """

    def __init__(
        self,
        connections: Mapping[PlatformName, Connection],
        notices: LedgerNotices,
        declaration: Declaration,
        *,
        config: Callable[[], Config],
        tell: Tell,
    ) -> None:
        self._connections = connections
        self._notices = notices
        self._declaration = declaration
        self._config = config
        self._tell = tell
        self._reached: dict[Addressee, float] = {}
        self._unreached: dict[Addressee, Unreached] = {}
        self._missed: dict[Target, str] = {}
        self._wake = asyncio.Event()

    @property
    def unreached(self) -> Sequence[Unreached]:
        """The places to which no message comes, as far as is known."""
        places = self._addressees()
        found = {place.target: self._unreached[place] for place in places if place in self._unreached}
        for place in places:
            if place.is_admin and place.target in self._missed:
                found.setdefault(place.target, place.unreached("", self._missed[place.target]))
        return list(found.values())

    def sentences(self) -> list[str]:
        """Return a sentence for each of those places."""
        return [out_of_reach(each, spoken()) for each in self.unreached]

    def begin_anew(self) -> None:
        """Try every place again, because the config has changed."""
        self._reached.clear()
        self._wake.set()

    def hear(self) -> None:
        """Look whether the admins got the last notice, because one has ended."""
        self._wake.set()

    async def follow(self) -> NoReturn:
        """Try the places until cancelled, those of a platform that has asked for a pause as soon as that is over."""
        while True:
            self._wake.clear()
            await self.look()
            pauses = filter(None, (each.pacer.delay(looks_on(name)) for name, each in self._connections.items()))
            await wait_for_event(self._wake, min([AGAIN_EVERY, *pauses]))

    async def look(self) -> None:
        """Try each place that is due, and tell the admins of those to which no message comes any more.

        Raises:
            LedgerError: the database cannot be used.
        """
        before = {each.target for each in self.unreached}
        beyond = set(self._unreached)
        await asyncio.gather(*map(self._try, self._connections))
        if self._declaration.is_due or beyond - self._unreached.keys():
            # Because a channel may be known by its name now, the subscription of its number is made.
            await self._declaration.declare()
        self._missed = await self._notices.missed([place.target for place in self._addressees() if place.is_admin])
        if news := [each for each in self.unreached if each.target not in before]:
            await self._tell(OutOfReach(news))
            unreached = {each.target for each in self.unreached}
            is_beyond_all = all(place.target in unreached for place in self._addressees() if place.is_admin)
            if is_beyond_all and any(schedule.approval == "one" for schedule in self._config().schedules):
                log.warning("No admin can be reached to approve a push by a button: `recap approve` does it")

    def _addressees(self) -> list[Addressee]:
        return [place for name in self._connections for place in addressees(self._config(), name)]

    async def _try(self, platform: PlatformName) -> None:
        connection = self._connections[platform]
        await connection.tried.wait()
        for place in addressees(self._config(), platform):
            if (
                not connection.was_accepted
                # The process that works on the platform looks, because one pace holds for all requests.
                or not connection.role.is_held()
                or connection.pacer.delay(looks_on(platform))
                or time.monotonic() - self._reached.get(place, float("-inf")) < ALL_EVERY
            ):
                continue
            try:
                found = await find_out(connection.platform, place)
            except SendError as error:
                log.info("%s cannot be tried now: %s", place.target, error)
                if isinstance(error, FloodError):
                    connection.pacer.note_flood(error, looks_on(platform))
                continue
            self._unreached.pop(place, None)
            if isinstance(found, Unreached):
                self._unreached[place] = found
            else:
                self._reached[place] = time.monotonic()
                for sentence in found:
                    await self._tell(NotAsChosen(place.target, sentence))
