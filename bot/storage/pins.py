"""The recaps that are pinned, and those that are to be pinned in their place."""

import datetime as dt
from dataclasses import dataclass

from sqlalchemy import case, null, select, update

from bot.model.subscription import PlatformName, Target
from bot.storage.database import LedgerPart
from bot.storage.publications import putting_off
from bot.storage.records import target_of
from bot.storage.tables import is_at, is_in_chat, pins


@dataclass(frozen=True, slots=True)
class Pin:
    """A message that is to be pinned in place of the one that is `pinned`; `attempts` counts the tries so far."""

    target: Target
    wanted: str
    pinned: str | None
    attempts: int


class LedgerPins(LedgerPart):
    """The pins in the ledger. Every method is one transaction and may raise `LedgerError`."""

    async def next(self, platform: PlatformName) -> Pin | None:
        """Return the pin that has waited longest of those that may be tried now."""
        c = pins.c
        due = select(pins).where(c.platform == platform, c.wanted.is_not(None), c.due <= self._clock())
        rows = await self._database.rows(due.order_by(c.due).limit(1))
        return next((Pin(target_of(row), row.wanted, row.pinned, row.attempts) for row in rows), None)

    async def done(self, pin: Pin) -> None:
        """Note that the message is pinned in place of the last one."""
        await self._end(pin, pinned=pin.wanted)

    async def drop(self, pin: Pin) -> None:
        """Forget a message that cannot be pinned; the last one stays pinned."""
        await self._end(pin)

    async def put_off(self, pin: Pin, pause: dt.timedelta, *, whole_channel: bool) -> None:
        """Try the pin again after the pause; with `whole_channel`, all of its chat not before either."""
        which = (is_in_chat if whole_channel else is_at)(pins, pin.target)
        await self._database.change(putting_off(pins, which, self._clock() + pause, is_tried=not whole_channel))

    async def _end(self, pin: Pin, **pinned: str) -> None:
        # A newer recap may have come meanwhile, which is then the next one.
        wanted = case((pins.c.wanted == pin.wanted, null()), else_=pins.c.wanted)
        await self._database.change(update(pins).where(is_at(pins, pin.target)).values(wanted=wanted, **pinned))
