"""The services: all that follows from one version of the config. A reload makes others and replaces them whole."""

from __future__ import annotations

import asyncio
import datetime as dt
import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Self

from bot.commands import CommandContext, Throttle
from bot.config import Config
from bot.content.formatter import Formatter
from bot.delivery.admins import AdminNotifier
from bot.delivery.broadcast import Broadcaster
from bot.delivery.charts import drawn
from bot.delivery.correction import Corrector
from bot.delivery.panel import Panel
from bot.delivery.rehearsal import Rehearser, remarks
from bot.model.facts import Fact
from bot.model.i18n import gettext as _
from bot.model.i18n import words
from bot.model.subscription import AudioAs, PlatformName
from bot.platforms.base import Feature, Platform, Sender
from bot.platforms.registry import admins_of, having
from bot.runtime.clock import Timetable
from bot.storage.database import PATIENCE_OF_PEOPLE
from bot.storage.records import LedgerError

if TYPE_CHECKING:
    from bot.content.archive import Archive
    from bot.model.facts import Standing
    from bot.storage.ledger import Ledger


class PatientLock(asyncio.Lock):
    """A lock whose turn comes within the patience of a person, or not at all."""

    async def acquire(self) -> Literal[True]:
        """Take the lock.

        Raises:
            LedgerError: the person before still waits for the database.
        """
        try:
            async with asyncio.timeout(PATIENCE_OF_PEOPLE):
                return await super().acquire()
        except TimeoutError:
            raise LedgerError(_("the database makes the change before this one wait")) from None


@dataclass(frozen=True, slots=True)
class Services:
    """The config, and what follows from it for the clock, the pushes, the notices and the commands."""

    config: Config
    timetable: Timetable
    notifier: AdminNotifier
    broadcaster: Broadcaster
    rehearser: Rehearser
    corrector: Corrector
    context: CommandContext

    @classmethod
    def of(
        cls,
        config: Config,
        *,
        ledger: Ledger,
        platforms: Mapping[PlatformName, Platform],
        senders: Mapping[PlatformName, Sender],
        archive: Callable[[], Archive],
        clock: Callable[[], dt.datetime],
        on_new: Callable[[], None],
        on_told: Callable[[Fact], None],
        on_rehearsal: Callable[[], None],
        throttle: Throttle,
        changing: asyncio.Lock,
        standings: Callable[[], Sequence[Standing]],
    ) -> Self:
        """Return the services of a config.

        `on_new` is called when there is something new for the admins, `on_rehearsal` after a rehearsal or a decision;
        `on_told` hears each fact that the admins are told. `standings` returns what works on each platform.
        """
        catalogue = words(config.show.language)
        timetable = Timetable(config.schedules, clock)
        notifier = AdminNotifier(
            ledger=ledger,
            platforms=platforms,
            senders=senders,
            admins=admins_of(config),
            words=catalogue,
            zone=config.show.timezone,
            clock=clock,
            on_new=on_new,
            on_told=on_told,
            picture=functools.partial(drawn, ledger.figures.all, catalogue) if config.reports.picture else None,
        )
        broadcaster = Broadcaster(
            ledger=ledger,
            platforms=platforms,
            formatter=Formatter(config.show.name, catalogue),
            archive=archive,
            clock=clock,
            tell=notifier.tell,
            rates={name: section.rate for name, section in config.platforms.items()},
            last_run=timetable.last_run,
            approved_on=[schedule.name for schedule in config.schedules if schedule.approval == "one"],
            audio={schedule.name: AudioAs(schedule.audio) for schedule in config.schedules},
            folder=lambda: config.content.folder,
        )
        rehearser = Rehearser(
            ledger=ledger,
            broadcaster=broadcaster,
            notifier=notifier,
            schedules=config.schedules,
            runs=timetable,
            staff=[each.target for each in config.staff],
            remarks=lambda episode: remarks(episode, archive(), config),
            on_new=on_rehearsal,
        )
        corrector = Corrector(
            ledger=ledger,
            broadcaster=broadcaster,
            notifier=notifier,
            correctable=config.delivery.correctable,
            on_new=on_new,
        )
        return cls(
            config=config,
            timetable=timetable,
            notifier=notifier,
            broadcaster=broadcaster,
            rehearser=rehearser,
            corrector=corrector,
            context=CommandContext(
                show=config.show.name,
                archive=archive,
                subscriptions=ledger.for_people,
                schedules=[schedule.name for schedule in config.schedules],
                agenda=timetable,
                clock=lambda: clock().astimezone(config.show.timezone),
                throttle=throttle,
                changing=changing,
                rich_on=having(Feature.RICH),
                admins={name: section.admins for name, section in config.platforms.items()},
                language=config.show.language,
                decide=rehearser.press,
                panel=Panel(rehearser=rehearser, corrector=corrector, standings=standings).answer,
                correct=corrector.press,
                recall=corrector.press_recall,
                correctable=config.delivery.correctable,
                audio_on=having(Feature.AUDIO),
                audio=broadcaster.audio,
                count=ledger.figures.count,
            ),
        )

    def next_push(self) -> dt.datetime | None:
        """Return the next occurrence of any schedule; None when none comes."""
        runs = (self.timetable.next_run(schedule.name) for schedule in self.config.schedules)
        return min((run for run in runs if run is not None), default=None)
