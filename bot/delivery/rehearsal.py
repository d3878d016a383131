"""The rehearser: shows each push to the team before its hour, and takes the decisions on it.

Nothing here is kept in memory. What was shown, and what was decided on which text, is in the ledger; the `Broadcaster`
asks there before it opens a push.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import datetime as dt
import itertools
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeAlias

from bot.commands import Answer, Request
from bot.commands.request import notice
from bot.content.feed import make_ready
from bot.content.links import Web, ask_all, dead_link
from bot.content.review import links, review
from bot.content.wording import parts_of
from bot.delivery.broadcast import Broadcaster, DueEpisode
from bot.delivery.cards import answer
from bot.delivery.reach import Addressee
from bot.delivery.reasons import place_of
from bot.model.episode import Status
from bot.model.feed import NotWritten
from bot.model.problems import ExpectedError, Problem, reason_of
from bot.model.rehearsal import Decided, Instruction, Planned, Rehearsal, Rehearsed, Ruling, Waiting
from bot.model.subscription import PlatformName, Target
from bot.platforms.registry import PLATFORMS, renderers

if TYPE_CHECKING:
    from bot.config import Config, Schedule
    from bot.content.archive import Archive
    from bot.content.links import LinkAnswer
    from bot.delivery.admins import AdminNotifier
    from bot.model.episode import Episode
    from bot.storage.ledger import Ledger
    from bot.storage.records import Broadcast

CARD_WITHIN = dt.timedelta(minutes=2)
"""Time that the messages of a rehearsal get to arrive before its card, which tells of those that did not."""
LINKS_WITHIN = 30.0
"""Seconds in which the links of an episode must answer, because its card waits for them."""
SETTLED = dt.timedelta(minutes=3)
"""Time without a change after which a file is shown, because its author saves it many times."""
STAGES = (dt.timedelta(), dt.timedelta(minutes=10), dt.timedelta(minutes=60))
"""Times before a push at which the admins are reminded that nobody has let it out, the last first."""

Recipients: TypeAlias = Mapping[PlatformName, Sequence[Target]]


class Occurrences(Protocol):
    """The occurrences of the schedules."""

    def next_run(self, schedule: str) -> dt.datetime | None:
        """Return the next occurrence after now."""

    def last_run(self, schedule: str) -> dt.datetime | None:
        """Return the newest occurrence until now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rehearser:
    """Shower of the pushes to come.

    Args:
        ledger: keeps the rehearsals and the decisions.
        broadcaster: says which text a push would send.
        notifier: takes cards and reminders to the admins.
        schedules: those of the config.
        runs: their occurrences.
        staff: the team's chats, which see the rehearsals and their cards too.
        remarks: returns the warnings about an episode.
        on_new: called when there is something to send, or a push to let out.
    """

    ledger: Ledger
    broadcaster: Broadcaster
    notifier: AdminNotifier
    schedules: Sequence[Schedule]
    runs: Occurrences
    staff: Sequence[Target]
    remarks: Callable[[Episode], Awaitable[Sequence[Problem]]]
    on_new: Callable[[], None]

    @property
    def recipients(self) -> Recipients:
        """Return the places that see the rehearsals: the admins and the team's chats, each once."""
        everybody = [*itertools.chain(*self.notifier.admins.values()), *self.staff]
        platforms = self.broadcaster.platforms
        return {name: list(dict.fromkeys(each for each in everybody if each.platform == name)) for name in platforms}

    async def look(self) -> None:
        """Show the pushes whose time has come, tell of those that wait, and do nothing twice.

        Raises:
            LedgerError: the database cannot be used.
        """
        for schedule in self.schedules:
            found = await self.planned(schedule)
            if found is not None:
                await self._follow(schedule, *found)

    async def planned(self, schedule: Schedule) -> tuple[Planned, Episode] | None:
        """Return the push whose hour has passed and that can still go out, else the next one, with its episode.

        Returns:
            None if there is no episode for it yet, or if it has gone out.
        """
        now, archive = self.broadcaster.clock(), self.broadcaster.archive()
        for run in (self.runs.last_run(schedule.name), self.runs.next_run(schedule.name)):
            if run is None or now - run > schedule.max_lateness:
                continue
            due = DueEpisode.at(run, schedule, archive)
            for episode in filter(None, (due.episode, due.offered)):
                if await self.ledger.broadcast_of(episode.number, schedule.name) is None:
                    return self.plan(episode, schedule, run), episode
        return None

    async def planned_all(self) -> list[tuple[Planned, Rehearsal]]:
        """Return the push that is to come on each schedule, if it has an episode yet, with all that is known of it."""
        found = [each for schedule in self.schedules if (each := await self.planned(schedule))]
        return [(push, await self.ledger.rehearsals.of(push.schedule, push.episode)) for push, _episode in found]

    def plan(self, episode: Episode, schedule: Schedule | None = None, run: dt.datetime | None = None) -> Planned:
        """Return the push of an episode on a schedule at that moment, perhaps one that is never due."""
        name, until = schedule.name if schedule else "", None
        if run is not None and schedule is not None:
            # By way of UTC, because the hours of a day whose clock is set are not as many as those on the wall.
            until = (run.astimezone(dt.UTC) + schedule.max_lateness).astimezone(run.tzinfo)
        permit = self.broadcaster.permit(episode, name)
        return Planned(name, episode.number, episode.title, run, until, permit)

    async def _follow(self, schedule: Schedule, push: Planned, episode: Episode) -> None:
        if push.occurrence is None:
            return
        seen = await self.ledger.rehearsals.of(push.schedule, push.episode)
        left = push.occurrence.astimezone(dt.UTC) - self.broadcaster.clock()
        if schedule.lead and left <= schedule.lead:
            if seen.digest == push.permit.digest:
                await self.tell_card(push, episode, seen)
            elif left < SETTLED or not is_being_written(self.broadcaster, episode):
                await self.rehearse(push, episode)
                return
        if seen.hold(push.permit) is not None:
            await self._remind(push, seen, left)
        elif episode.status is Status.DRAFT:
            await self._publish(episode)

    async def _publish(self, draft: Episode) -> None:
        """Make an approved draft of the feed ready, as the press said, so that it goes out at its hour."""
        archive = self.broadcaster.archive()
        file, version = archive.folder / draft.path, archive.content.versions[draft.path]
        try:
            if version.episode is not None and await asyncio.to_thread(make_ready, file, version.episode):
                self.on_new()
        except (OSError, ExpectedError) as error:
            await self.notifier.tell(NotWritten(file, reason_of(error)))

    async def rehearse(self, push: Planned, episode: Episode, to: Recipients | None = None) -> Broadcast | None:
        """Show the text of the push, in each layout that somebody of its schedule has chosen, without a sound.

        To other places it is shown by hand: its own rehearsal comes all the same.
        """
        audience = await self.ledger.choices(push.schedule)
        shown = []
        for name, targets in (self.recipients if to is None else to).items():
            looks = sorted({self.broadcaster.look(choice, name, push.schedule) for choice in audience})
            # Because a push has other buttons in private, each place gets those of its kind.
            shown += [
                (self.broadcaster.unfiltered(episode, name, looks, is_private=is_private), alike)
                for is_private in (True, False)
                if (alike := [each for each in targets if Addressee(each).is_person is is_private])
            ]
        seen = await self.ledger.rehearsals.of(push.schedule if to is None else "", push.episode)
        seen = dataclasses.replace(
            seen, digest=push.permit.digest, parts=parts_of(episode), rehearsed=self.broadcaster.clock()
        )
        opened = await self.ledger.rehearsals.show(seen, episode.title, shown)
        self.on_new()
        return opened

    async def tell_card(self, push: Planned, episode: Episode, seen: Rehearsal, to: Recipients | None = None) -> None:
        """Tell the card of a rehearsal, once, when the messages of the rehearsal have arrived."""
        fact = Rehearsed(push, seen, subscribers=0, takes=dt.timedelta())
        now = self.broadcaster.clock()
        if await self.ledger.notices.has_been_sent(fact.key_on(now.date())) is not None:
            return
        if seen.rehearsed and now - seen.rehearsed < CARD_WITHIN and await self.ledger.rehearsals.is_under_way(seen):
            return
        subscribers, takes = await self.broadcaster.reach(episode, push.schedule)
        fact = dataclasses.replace(
            fact,
            subscribers=subscribers,
            takes=takes,
            warnings=await self.remarks(episode),
            refused=await self.ledger.rehearsals.refusals(seen),
        )
        await self.notifier.tell(fact, to=self.recipients if to is None else to)

    async def _remind(self, push: Planned, seen: Rehearsal, left: dt.timedelta) -> None:
        stage = next((stage for stage in STAGES if left <= stage), None)
        if stage is None or push.occurrence is None:
            return
        # A card that came since says the same.
        if stage and seen.rehearsed and seen.rehearsed > push.occurrence.astimezone(dt.UTC) - stage:
            return
        await self.notifier.tell(Waiting(push, seen, stage))

    async def decide(
        self,
        decision: Instruction,
        schedule: str,
        number: int,
        who: str,
        *,
        digest: str = "",
        place: Target | None = None,
    ) -> Decided | None:
        """Take a person's decision on the push of an episode; an approval holds for the text with that digest.

        The others hear of it; the person reads it at that place.

        Returns:
            None if there is no such schedule or episode.
        """
        chosen = next((each for each in self.schedules if each.name == schedule), None)
        episode = self.broadcaster.archive().get(number)
        if chosen is None or episode is None:
            return None
        push, next_episode = await self.planned(chosen) or (None, None)
        if push is None or next_episode is not episode:
            push = self.plan(episode, chosen, None)
        rehearsal, ruling = await self.ledger.rehearsals.of(schedule, number), Ruling.OUTDATED
        if decision is not Instruction.APPROVE or push.permit.digest.startswith(digest):
            decided = await self.ledger.rehearsals.decide(push, decision, who)
            rehearsal, ruling = decided or rehearsal, Ruling.TAKEN if decided else Ruling.TOO_LATE
        fact = Decided(push, rehearsal, decision, who, self.broadcaster.clock(), ruling)
        if ruling is Ruling.TAKEN:
            others = {name: [each for each in to if each != place] for name, to in self.recipients.items()}
            await self.notifier.tell(fact, to=others)
            self.on_new()
        return fact

    async def press(
        self, decision: Instruction, schedule: str, number: int, digest: str, request: Request
    ) -> Answer | None:
        """Take the decision of a pressed button, and return the answer; None for a push that was never shown."""
        private = PLATFORMS[request.target.platform].private_chat(request.person)
        person = Target(request.target.platform, private)
        who = place_of(person, self.notifier.words, {person: request.person_name})
        fact = await self.decide(decision, schedule, number, who, digest=digest, place=person)
        if fact is not None:
            return Answer(answer(fact, request.words).document, replaces=True, is_private=True)
        if (await self.ledger.rehearsals.of(schedule, number)).number:
            # Because the card was shown, only its file can be gone, or have a mistake since a restart.
            return notice(request.words.gettext("There is no episode {number}.").format(number=number))
        return None


def is_being_written(broadcaster: Broadcaster, episode: Episode) -> bool:
    """Return whether the author saves the episode's file again and again."""
    modified = broadcaster.archive().modified(episode)
    # Because a clock may be wrong, a time in the future counts as one in the past.
    return modified is not None and abs(broadcaster.clock() - modified) < SETTLED


async def warnings(episode: Episode, archive: Archive, config: Config) -> list[Problem]:
    """Return the warnings of `recap check` about one episode."""
    folder, language = config.content.folder, config.show.language
    return await asyncio.to_thread(review, archive, folder, language, renderers(), only=episode)


async def remarks(episode: Episode, archive: Archive, config: Config) -> list[Problem]:
    """Return the warnings about one episode, with its dead links."""
    found, folder = await warnings(episode, archive, config), config.content.folder
    places = links(archive, folder, only=episode)
    answers: Mapping[str, LinkAnswer] = {}
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(LINKS_WITHIN), Web(network=config.network) as web:
            answers = await ask_all(web, [url for url, _path, _line in places])
    # A machine from which no page at all can be seen says nothing about the pages.
    if any(answer.status for answer in answers.values()):
        found += [dead_link(url, answers[url], path, line) for url, path, line in places if answers[url].is_dead]
    return found
