"""The broadcaster: from an occurrence of a schedule to a broadcast in the ledger, rendered once per choice."""

from __future__ import annotations

import dataclasses
import datetime as dt
import functools
import hashlib
import itertools
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from bot.content.audio import Recording, RecordingError, recording
from bot.content.formatter import Formatter
from bot.content.wording import text_of
from bot.delivery.retry import GIVE_UP_AFTER
from bot.model.codes import LeftOut
from bot.model.document import Audio, Document, Layout
from bot.model.episode import Episode, Status
from bot.model.facts import WELCOME, MayHaveGone, Missed, NoEpisode, Tell, TooLong
from bot.model.rehearsal import Hold, Permit
from bot.model.rendering import STANDING, Message, Rendering
from bot.model.shortfalls import AudioGivenUp
from bot.model.subscription import AudioAs, PlatformName, Target
from bot.platforms.base import Feature
from bot.platforms.registry import PLATFORMS
from bot.storage.records import Broadcast, Choice, Gap

if TYPE_CHECKING:
    from bot.config import Schedule
    from bot.content.archive import Archive
    from bot.platforms.base import Platform
    from bot.storage.ledger import Ledger

AWAIT_EPISODE = dt.timedelta(minutes=15)
"""Time after the hour before the admins are told that there is no episode: a team about to save it needs no alarm."""
A_WEEK = dt.timedelta(days=6)
"""The age up to which an episode is this week's: a schedule that looks every day does not miss a new one."""


@dataclass(frozen=True, slots=True)
class DueEpisode:
    """The episode that the archive has for one occurrence of a schedule, pushed before or not."""

    newest: Episode | None
    """The newest episode that readers see on that day."""
    age: dt.timedelta
    """The time from the episode's date to that day; zero without an episode."""
    oldest: dt.date
    """The first date from which the schedule's `max_age` lets an episode out."""
    held_back: tuple[Episode, ...]
    """The episodes near that day that may be missing: drafts, and those with a later date."""
    offered: Episode | None
    """The newest draft that the bot has made of the feed, if it is newer and an approval would let it out."""

    @classmethod
    def at(cls, occurrence: dt.datetime, schedule: Schedule, archive: Archive) -> DueEpisode:
        """Return the episode that is due at an occurrence, as the archive is now."""
        day = occurrence.astimezone(schedule.timezone).date()
        newest, oldest = archive.latest(day), day - schedule.max_age
        newer = itertools.takewhile(lambda episode: episode is not newest, archive.episodes)
        drafts = (each for each in newer if archive.is_from_feed(each) and oldest <= each.date <= day)
        return cls(
            newest=newest,
            age=day - newest.date if newest else dt.timedelta(),
            oldest=oldest,
            offered=next(drafts, None) if schedule.approval == "one" else None,
            held_back=tuple(
                episode
                for episode in archive.episodes
                if abs(episode.date - day) <= A_WEEK and (episode.status is Status.DRAFT or episode.date > day)
            ),
        )

    @property
    def episode(self) -> Episode | None:
        """The episode that goes out; None without an episode or with an older one only."""
        return self.newest if self.newest is not None and self.newest.date >= self.oldest else None


class Look(NamedTuple):
    """The form of a push that people choose, without its filters."""

    layout: Layout
    rich: bool = False
    has_audio: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Broadcaster:
    """Opener of broadcasts. The workers send an open broadcast from the ledger.

    Args:
        ledger: stores the broadcasts.
        platforms: render the episodes.
        formatter: makes the document of an episode.
        archive: returns the episodes as they are now.
        clock: the time, aware.
        tell: hears which push is missed, waits for its episode, or takes too long.
        rates: the messages a second of each platform.
        last_run: returns the last occurrence of a schedule until a moment.
        approved_on: the schedules whose pushes somebody has to approve.
        audio: the way in which audio comes on each schedule.
        folder: returns the content folder, below which recordings are.
    """

    ledger: Ledger
    platforms: Mapping[PlatformName, Platform]
    formatter: Formatter
    archive: Callable[[], Archive]
    clock: Callable[[], dt.datetime]
    tell: Tell
    rates: Mapping[PlatformName, int]
    last_run: Callable[[str, dt.datetime], dt.datetime | None]
    approved_on: Collection[str] = ()
    audio: Mapping[str, AudioAs] = field(default_factory=dict)
    folder: Callable[[], Path] = Path

    async def push(self, schedule: Schedule, occurrence: dt.datetime) -> Broadcast | None:
        """Open the broadcast of one occurrence. A second call for the same occurrence does nothing.

        Returns:
            None if nothing, or nothing more, is to be sent for the occurrence.
        """
        late = self.clock() - occurrence
        archive = self.archive()
        due = DueEpisode.at(occurrence, schedule, archive)
        episode = due.episode
        patience = min(AWAIT_EPISODE, schedule.max_lateness / 2)
        if (
            (episode is None or due.age > A_WEEK)
            and due.offered is None
            and patience <= late <= schedule.max_lateness
            and await self._was_running(occurrence)
        ):
            until = occurrence + schedule.max_lateness
            await self.tell(NoEpisode(schedule.name, occurrence, until, due.held_back, archive.problems))
        if episode is None or await self.ledger.broadcast_of(episode.number, schedule.name) is not None:
            return None
        for gap in await self.ledger.notices.gaps():
            if self._may_have_gone(episode, schedule, gap):
                await self.tell(MayHaveGone(schedule.name, episode.number, gap.since))
                return None
        if late > schedule.max_lateness:
            if await self._was_running(occurrence):
                is_held = await self.hold(episode, schedule.name) is not None
                await self.tell(Missed(schedule.name, occurrence, episode.number, is_held))
            return None
        # The opening asks too. This one is for a push that waits for hours, because it renders a text only once.
        if await self.hold(episode, schedule.name) is not None:
            return None
        return await self.open(episode, schedule.name, due=occurrence)

    def permit(self, episode: Episode, schedule: str) -> Permit:
        """Return the text that a push would send now, which holds whoever subscribes and wherever the bot runs."""
        digest = _digest(self.formatter, tuple(sorted(self.rates)), episode)
        return Permit(digest, schedule in self.approved_on)

    async def hold(self, episode: Episode, schedule: str) -> Hold | None:
        """Return why a push of the episode waits; None if it may go out."""
        rehearsal = await self.ledger.rehearsals.of(schedule, episode.number)
        return rehearsal.hold(self.permit(episode, schedule))

    def look(self, choice: Choice, platform: PlatformName, schedule: str) -> Look:
        """Return the look of a push for that choice, as people on a platform can be shown it."""
        is_there = choice.platform == platform
        return Look(choice.layout, choice.rich and is_there, is_there and self._wants_audio(choice, schedule))

    def unfiltered(
        self, episode: Episode, platform: PlatformName, looks: Sequence[Look], *, is_private: bool
    ) -> Rendering:
        """Return the whole episode as the silent messages of a rehearsal: in each look, or else in the usual one.

        The recording comes once, before all of them.
        """
        choices = [
            Choice(
                platform,
                layout=each.layout,
                silent=True,
                rich=each.rich,
                audio=AudioAs.FILE if each.has_audio else AudioAs.LINK,
                is_private=is_private,
            )
            for each in looks or [Look(Layout.DIGEST)]
        ]
        recordings: list[Message] = []
        recaps: list[Message] = []
        otherwise: list[Message] = []
        # Because a layout may look like another one where all is short, nobody gets the same twice.
        shown: list[Rendering] = []
        for rendering in self._renderings(episode, choices, found=self._recording(episode)).values():
            if rendering in shown:
                continue
            shown.append(rendering)
            first, *others = rendering.messages
            if first.upload is not None:
                recordings.append(first)
                recaps += others
                otherwise += first.fallback
            else:
                recaps += rendering.messages
                otherwise += rendering.messages
        recording = [dataclasses.replace(first, fallback=tuple(otherwise)) for first in recordings[:1]]
        return Rendering(episode.title, (*recording, *recaps))

    async def open(
        self, episode: Episode, schedule: str, *, due: dt.datetime, again: bool = False, failed_in: int | None = None
    ) -> Broadcast | None:
        """Put a broadcast to all subscriptions of the schedule, or to those that failed in one, into the ledger.

        Returns:
            None if the broadcast is there already, if no subscription failed, or if the push may not go out.
        """
        audience = await self.ledger.choices(schedule, only_failed_in=failed_in)
        found = self._recording(episode)
        renderings = self._renderings(episode, audience, schedule, found)
        if failed_in is not None and not renderings:
            return None
        broadcast = await self.ledger.create_broadcast(
            episode=episode.number,
            title=episode.title,
            schedule=schedule,
            due=due,
            show=self.formatter.show,
            renderings=renderings,
            without={
                choice: LeftOut.TOPICS if choice.platform in self.platforms else LeftOut.OFF
                for choice in audience.keys() - renderings.keys()
            },
            permit=self.permit(episode, schedule),
            again=again,
            only_failed_in=failed_in,
            text=text_of(episode),
        )
        if broadcast is not None and isinstance(found, RecordingError):
            for name in {each.platform for each in renderings if self._wants_audio(each, schedule)}:
                await self.tell(AudioGivenUp(broadcast.id, name, str(found)))
        if broadcast is not None and (takes := self._takes(audience, renderings)) > GIVE_UP_AFTER:
            await self.tell(TooLong(broadcast.id, episode.number, takes, GIVE_UP_AFTER))
        return broadcast

    async def reach(self, episode: Episode, schedule: str) -> tuple[int, dt.timedelta]:
        """Return how many subscriptions a push on the schedule serves, and its time, the limits of chats aside."""
        audience = await self.ledger.choices(schedule)
        # Because a dry run knows no token, it has no account; a platform that is switched on has a rate.
        served = (each for each in audience if each.platform in self.rates and self._document(episode, each))
        renderings = self._renderings(episode, audience, schedule, self._recording(episode))
        return sum(audience[choice] for choice in served), self._takes(audience, renderings)

    def _takes(self, audience: Mapping[Choice, int], renderings: Mapping[Choice, Rendering]) -> dt.timedelta:
        messages: Counter[PlatformName] = Counter()
        for choice, rendering in renderings.items():
            messages[choice.platform] += audience[choice] * len(rendering.messages)
        # The platforms are served side by side.
        return dt.timedelta(seconds=max((count / self.rates[name] for name, count in messages.items()), default=0.0))

    async def open_for_failed(self, push: Broadcast, episode: Episode, *, due: dt.datetime) -> Broadcast | None:
        """Push the episode, as it is now, again to the subscriptions whose delivery of `push` failed.

        A subscription that has the first messages of the episode, unchanged since, gets only the others. One that has
        ended since gets nothing. One that is paused is tried again, because the admin may have mended the cause.

        Returns:
            None if no subscription is left to push to.
        """
        await self.ledger.subscriptions.resume_failed_in(push.id)
        return await self.open(episode, push.key, due=due, again=True, failed_in=push.id)

    async def open_single(
        self, episode: Episode, target: Target, *, layout: Layout, again: bool, is_private: bool = False
    ) -> Broadcast | None:
        """Put a broadcast to one target, subscribed or not, into the ledger.

        Returns:
            None if the broadcast is there already.
        """
        choice = Choice(target.platform, topics=(), layout=layout, silent=False, is_private=is_private)
        return await self.ledger.create_single(
            episode=episode.number,
            title=episode.title,
            show=self.formatter.show,
            target=target,
            rendering=self._renderings(episode, [choice])[choice],
            choice=choice,
            again=again,
            text=text_of(episode),
        )

    def anew(self, episode: Episode, choice: Choice, *, has_recording: bool) -> Rendering:
        """Return the messages that are to stand for a choice now, with the recording first if one stands there.

        Returns:
            A rendering without messages if the episode has nothing for the choice any more. The key of the recording
            is `STANDING` if the episode's cannot be had.
        """
        asked, found = choice, None
        if has_recording:
            asked, found = dataclasses.replace(choice, audio=AudioAs.FILE), self._recording(episode)
            found = found if isinstance(found, Recording) else Recording("", STANDING)
        rendering = self._renderings(episode, [asked], found=found).get(asked)
        return Rendering(episode.title, ()) if rendering is None else rendering

    def _renderings(
        self,
        episode: Episode,
        choices: Iterable[Choice],
        schedule: str = "",
        found: Recording | RecordingError | None = None,
    ) -> dict[Choice, Rendering]:
        """Return the messages for each choice; those that want audio come as a reply to the recording that is found."""
        renderings = {}
        for choice in choices:
            if (platform := self.platforms.get(choice.platform)) is None:
                continue
            if (document := self._document(episode, choice)) is None:
                continue
            document = dataclasses.replace(document, mention=choice.mention)
            if isinstance(found, Recording) and self._wants_audio(choice, schedule):
                reply = self._document(episode, choice, has_audio=True)
                audio = Audio(episode.title, self.formatter.show, found.source, found.key, otherwise=document)
                document = dataclasses.replace(reply or document, audio=audio)
            renderings[choice] = platform.render(document, silent=choice.silent, rich=choice.rich)
        return renderings

    def _document(self, episode: Episode, choice: Choice, *, has_audio: bool = False) -> Document | None:
        return self.formatter.episode(
            episode,
            topics=choice.topics,
            layout=choice.layout,
            in_private=choice.is_private,
            has_audio=has_audio,
        )

    def _wants_audio(self, choice: Choice, schedule: str) -> bool:
        has_audio = Feature.AUDIO in PLATFORMS[choice.platform].features
        return has_audio and (choice.audio or self.audio.get(schedule)) == AudioAs.FILE

    def _recording(self, episode: Episode) -> Recording | RecordingError | None:
        try:
            return recording(episode, self.folder(), self.formatter.show)
        except RecordingError as error:
            return error

    def _may_have_gone(self, episode: Episode, schedule: Schedule, gap: Gap) -> bool:
        """Return whether an occurrence could have pushed the episode while the ledger knew nothing.

        Of all such occurrences the last decides: no episode was due before and is due again later.
        """
        run = self.last_run(schedule.name, gap.until)
        if run is None or run + schedule.max_lateness < gap.since:
            return False
        return episode.date <= run.astimezone(schedule.timezone).date()

    async def _was_running(self, occurrence: dt.datetime) -> bool:
        """Return whether the bot had been started before; no push from before the first start is missed."""
        begun = await self.ledger.notices.has_been_sent(WELCOME)
        return begun is not None and begun <= occurrence


# Because the minute's look asks for the same text until it changes, and rendering it takes tens of milliseconds.
@functools.lru_cache(maxsize=8)
def _digest(formatter: Formatter, platforms: tuple[PlatformName, ...], episode: Episode) -> str:
    """Return the digest of all that an episode can look like."""
    layouts = [formatter.episode(episode, layout=layout) for layout in Layout]
    texts = [PLATFORMS[name].render(document) for name in platforms for document in layouts if document]
    seen = repr((episode.model_copy(update={"path": None, "status": Status.READY}), texts))
    return hashlib.sha256(seen.encode()).hexdigest()
