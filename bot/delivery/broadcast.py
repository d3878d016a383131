"""From an occurrence of a schedule to a broadcast in the ledger, rendered once per distinct choice."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from bot.delivery.records import Broadcast, Choice

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Iterable, Mapping

    from bot.archive import Archive
    from bot.config import Schedule
    from bot.delivery.ledger import Ledger
    from bot.document import Layout
    from bot.episode import Episode
    from bot.formatter import Formatter
    from bot.platforms.base import Platform, Rendering
    from bot.subscription import PlatformName, Target

log = logging.getLogger(__name__)


class Broadcaster:
    """Opens broadcasts. What it has opened is in the ledger; the couriers take it from there."""

    def __init__(
        self,
        *,
        ledger: Ledger,
        platforms: Mapping[PlatformName, Platform],
        formatter: Formatter,
        archive: Callable[[], Archive],
        clock: Callable[[], dt.datetime],
    ) -> None:
        self._ledger = ledger
        self._platforms = platforms
        self._formatter = formatter
        self._archive = archive
        self._clock = clock
        self._said: set[tuple[str, dt.datetime, str]] = set()

    async def push(self, schedule: Schedule, occurrence: dt.datetime) -> Broadcast | None:
        """Open the broadcast of one occurrence; None when there is nothing (more) to send for it.

        Calling again for the same occurrence is harmless.
        """
        episode = self._archive().latest(occurrence.astimezone(schedule.zone).date())
        if episode is None:
            self._say_once(schedule, occurrence, "there is no episode to push")
            return None
        if await self._ledger.broadcast_of(episode.number, schedule.name) is not None:
            return None
        if occurrence.date() - episode.date > schedule.max_age:
            self._say_once(
                schedule, occurrence, f"the newest episode, {episode.number} of {episode.date}, is too old to push"
            )
            return None
        if self._clock() - occurrence > schedule.max_lateness:
            self._say_once(
                schedule, occurrence, f"the push of episode {episode.number} was missed; it is not sent late"
            )
            return None
        return await self.open(episode, schedule.name, due=occurrence)

    async def open(self, episode: Episode, schedule: str, *, due: dt.datetime, again: bool = False) -> Broadcast | None:
        """Put a broadcast to all subscriptions of the schedule into the ledger; None when it is there already."""
        choices = [choice for choice in await self._ledger.choices(schedule) if choice.platform in self._platforms]
        return await self._ledger.create_broadcast(
            episode=episode.number,
            title=episode.title,
            schedule=schedule,
            due=due,
            renderings=self._renderings(episode, choices),
            again=again,
        )

    async def open_single(self, episode: Episode, target: Target, *, layout: Layout, again: bool) -> Broadcast | None:
        """Put a broadcast to one target, subscribed or not, into the ledger; None when it is there already."""
        choice = Choice(target.platform, topics=(), layout=layout, silent=False)
        return await self._ledger.create_single(
            episode=episode.number,
            title=episode.title,
            target=target,
            rendering=self._renderings(episode, [choice])[choice],
            publish=False,
            again=again,
        )

    def _renderings(self, episode: Episode, choices: Iterable[Choice]) -> dict[Choice, Rendering]:
        renderings = {}
        for choice in choices:
            document = self._formatter.episode(episode, topics=choice.topics, layout=choice.layout)
            if document is not None:
                renderings[choice] = self._platforms[choice.platform].render(
                    document, silent=choice.silent, rich=choice.rich
                )
        return renderings

    def _say_once(self, schedule: Schedule, occurrence: dt.datetime, what: str) -> None:
        # The clock looks every minute; the admin wants to read it once.
        if (schedule.name, occurrence, what) not in self._said:
            self._said.add((schedule.name, occurrence, what))
            log.warning("Schedule %s, %s: %s", schedule.name, occurrence.isoformat(timespec="minutes"), what)
