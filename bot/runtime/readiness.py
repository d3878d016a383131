"""The readiness: what works on each platform, told in the log at once, and to the admins when it lasts."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, NoReturn

from bot.delivery.reasons import labelled
from bot.model.facts import Ability, Standing, Tell
from bot.model.i18n import gettext as _
from bot.model.i18n import spoken

if TYPE_CHECKING:
    from bot.model.subscription import PlatformName

log = logging.getLogger(__name__)

KNOWN_WITHIN = 5.0
"""Seconds in which a platform shows at the start what works there."""
LASTING = 30.0
"""Seconds after which a change is told, because a connection that comes back by itself is no news."""


class Readiness:
    """The standing of every platform. `tell` hears of each change that lasts.

    `is_ours` tells whether this process works on the platform now; else it hears no commands there, on purpose.
    """

    def __init__(
        self,
        platforms: Iterable[PlatformName],
        tell: Tell,
        is_ours: Callable[[PlatformName], bool] = lambda _platform: True,
    ) -> None:
        self._is_ours = is_ours
        self._reasons: dict[PlatformName, dict[Ability, str]] = {name: {} for name in platforms}
        self._tell = tell
        self._since: dict[tuple[PlatformName, Ability], float] = {}
        self._told: dict[PlatformName, str] = {}
        self._news = asyncio.Event()

    @property
    def standings(self) -> Sequence[Standing]:
        """The standing of each platform now."""
        return [Standing(name, dict(reasons)) for name, reasons in self._reasons.items()]

    def note(self, platform: PlatformName, ability: Ability, reason: str) -> None:
        """Note that an ability works, or the reason why it does not."""
        reasons = self._reasons[platform]
        before = reasons.get(ability)
        reasons[ability] = reason
        if before is None or bool(before) != bool(reason):
            self._since[platform, ability] = time.monotonic()
            log.info("%s: %s", platform, f"not {ability}: {reason}" if reason else ability)
            self._news.set()

    def _needed(self, platform: PlatformName) -> Sequence[Ability]:
        return (Ability.CONNECTED, Ability.LISTENING) if self._is_ours(platform) else (Ability.CONNECTED,)

    def unready(self) -> list[str]:
        """Return a sentence for each platform where this process is not connected, or hears no commands, now."""
        first = {
            name: next(filter(None, (reasons.get(each, _("no answer yet")) for each in self._needed(name))), "")
            for name, reasons in self._reasons.items()
        }
        return [labelled(name, f"{reason}.", spoken()) for name, reason in first.items() if reason]

    def failing(self, platform: PlatformName, seconds: float) -> str:
        """Return why the bot has not been connected, or has heard no commands, for so long; empty if it has."""
        for ability in self._needed(platform):
            reason = self._reasons[platform].get(ability, "")
            if reason and time.monotonic() - self._since[platform, ability] >= seconds:
                return reason
        return ""

    async def known(self) -> Sequence[Standing]:
        """Return the standings as soon as they are known, and in time."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(KNOWN_WITHIN):
                while not all(each.is_known for each in self.standings):
                    await self._news.wait()
                    self._news.clear()
        return self.standings

    async def follow(self) -> NoReturn:
        """Tell each change that lasts."""
        while True:
            await asyncio.sleep(LASTING)
            for standing in self.standings:
                if self._is_ours(standing.platform) and standing.failing != self._told.get(standing.platform, ""):
                    await self._tell(standing)
                    self.has_told([standing])
            await self._news.wait()
            self._news.clear()

    def has_told(self, standings: Iterable[Standing]) -> None:
        """Take these standings as those of which the admins know."""
        self._told |= {each.platform: each.failing for each in standings}

    def __str__(self) -> str:
        return "; ".join(f"{each.platform}: {each}" for each in self.standings)
