"""From an occurrence of a schedule to a broadcast in the ledger, rendered once per distinct choice."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bot.model.episode import Status
from bot.storage.records import WELCOME, Broadcast, Choice

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from bot.config import Schedule
    from bot.content.archive import Archive
    from bot.content.formatter import Formatter
    from bot.delivery.admins import AdminNotifier
    from bot.model.document import Layout
    from bot.model.episode import Episode
    from bot.model.problems import Problem
    from bot.model.rendering import Rendering
    from bot.model.subscription import PlatformName, Target
    from bot.platforms.base import Platform
    from bot.storage.ledger import Ledger

AWAIT_EPISODE = dt.timedelta(minutes=15)
"""How long after the hour the admins are told that there is no episode: who is about to save it needs no alarm."""
A_WEEK = dt.timedelta(days=6)
"""An episode that is younger was this week's: a schedule that looks every day misses none."""


@dataclass(frozen=True, slots=True)
class DueEpisode:
    """What the archive has for one occurrence of a schedule, whether or not it was pushed before."""

    newest: Episode | None
    """The newest episode that readers see on that day."""
    age: dt.timedelta
    """How long before that day it is dated; nothing when there is none."""
    oldest: dt.date
    """The first date from which the schedule's `max_age` lets an episode out."""
    held_back: tuple[Episode, ...]
    """Those that may be the one that is missing on that day: drafts, and those with a later date."""

    @classmethod
    def at(cls, occurrence: dt.datetime, schedule: Schedule, archive: Archive) -> DueEpisode:
        """The offer for an occurrence as the archive is now."""
        day = occurrence.astimezone(schedule.zone).date()
        newest = archive.latest(day)
        return cls(
            newest=newest,
            age=day - newest.date if newest else dt.timedelta(),
            oldest=day - schedule.max_age,
            held_back=tuple(episode for episode in archive.episodes if _is_held_back(episode, day)),
        )

    @property
    def episode(self) -> Episode | None:
        """The episode that goes out; None when there is none or only an older one."""
        return self.newest if self.newest is not None and self.newest.date >= self.oldest else None


class Broadcaster:
    """Opens broadcasts. What it has opened is in the ledger; the workers take it from there.

    Args:
        ledger: takes the broadcasts.
        platforms: render the episodes.
        formatter: says what a push says.
        archive: the episodes as they are now.
        clock: the time, aware.
        notifier: tells the admins what is not pushed, and why.
    """

    def __init__(
        self,
        *,
        ledger: Ledger,
        platforms: Mapping[PlatformName, Platform],
        formatter: Formatter,
        archive: Callable[[], Archive],
        clock: Callable[[], dt.datetime],
        notifier: AdminNotifier,
    ) -> None:
        self._ledger = ledger
        self._platforms = platforms
        self._formatter = formatter
        self._archive = archive
        self._clock = clock
        self._notifier = notifier

    async def push(self, schedule: Schedule, occurrence: dt.datetime) -> Broadcast | None:
        """Open the broadcast of one occurrence; None when there is nothing (more) to send for it.

        Calling again for the same occurrence is harmless.
        """
        late = self._clock() - occurrence
        archive = self._archive()
        offer = DueEpisode.at(occurrence, schedule, archive)
        episode = offer.episode
        if episode is None or offer.age > A_WEEK:
            await self._tell_of_no_episode(schedule, occurrence, late, offer, archive.problems)
        if episode is None:
            return None
        if await self._ledger.broadcast_of(episode.number, schedule.name) is not None:
            return None
        if late > schedule.max_lateness:
            if await self._was_running(occurrence):
                await self._notifier.tell(self._notifier.reporter.missed(schedule.name, occurrence, episode))
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

    async def open_for_failed(self, push: Broadcast, episode: Episode, *, due: dt.datetime) -> Broadcast | None:
        """Push the episode, as it is now, again to those whose delivery of `push` failed; None when there is nobody.

        Whoever has the first messages of it, where they say the same now, gets only the others. Who has left or
        unsubscribed since gets nothing. A subscription that is paused is tried again: whoever asks for it has given
        the bot its rights back, or else it is paused anew.
        """
        await self._ledger.subscriptions.resume_failed_in(push.id)
        choices = await self._ledger.choices(push.schedule, only_failed_in=push.id)
        renderings = self._renderings(episode, [choice for choice in choices if choice.platform in self._platforms])
        if not renderings:
            return None
        return await self._ledger.create_broadcast(
            episode=episode.number,
            title=episode.title,
            schedule=push.schedule,
            due=due,
            renderings=renderings,
            again=True,
            only_failed_in=push.id,
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

    async def _tell_of_no_episode(
        self,
        schedule: Schedule,
        occurrence: dt.datetime,
        late: dt.timedelta,
        offer: DueEpisode,
        problems: Sequence[Problem],
    ) -> None:
        """Tell that nothing new is there, while an episode would still be sent on arrival."""
        patience = min(AWAIT_EPISODE, schedule.max_lateness / 2)
        if not patience <= late <= schedule.max_lateness or not await self._was_running(occurrence):
            return
        notice = self._notifier.reporter.no_episode(
            schedule.name,
            occurrence,
            occurrence + schedule.max_lateness,
            unready=offer.held_back,
            problems=problems,
        )
        await self._notifier.tell(notice)

    async def _was_running(self, occurrence: dt.datetime) -> bool:
        """Whether the bot was already at work then: what lies before its first start, nobody has missed."""
        begun = await self._ledger.notices.has_been_sent(WELCOME)
        return begun is not None and begun <= occurrence


def _is_held_back(episode: Episode, day: dt.date) -> bool:
    """Whether the episode may be the one that is missing on that day: a draft, or one with a later date."""
    is_near = abs(episode.date - day) <= A_WEEK
    return is_near and (episode.status is Status.DRAFT or episode.date > day)
