"""The corrector: brings what was pushed in line with an episode's file, or takes it back.

Nothing here is kept in memory. A correction is opened in the ledger, and the workers make its changes as they send.
"""

from __future__ import annotations

import datetime as dt
import itertools
import math
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bot.commands import Answer
from bot.commands.request import notice
from bot.content.wording import text_of
from bot.delivery import cards
from bot.delivery.rehearsal import is_being_written
from bot.delivery.retry import GIVE_UP_AFTER
from bot.model.correction import Correctable, Extent, UnderWay
from bot.model.document import Document, Paragraph, Section, Span
from bot.model.episode import Episode, Status
from bot.model.i18n import gettext as _
from bot.model.i18n import ngettext, speaking
from bot.model.problems import ExpectedError
from bot.model.rendering import Message, Rendering
from bot.model.subscription import PlatformName
from bot.storage.corrections import Sent, Wanted
from bot.storage.records import BroadcastKind, DeliveryState

if TYPE_CHECKING:
    from bot.commands import Request
    from bot.delivery.admins import AdminNotifier
    from bot.delivery.broadcast import Broadcaster
    from bot.storage.ledger import Ledger
    from bot.storage.records import Broadcast, Choice, Notice


class NothingSentError(ExpectedError):
    """An episode of which nothing can be changed, because nothing stands anywhere, or for too long."""

    @property
    def sentence(self) -> str:
        """Return the reason as a sentence, for people who read nothing before it."""
        reason = str(self)
        return f"{reason[:1].upper()}{reason[1:]}."


class OutdatedError(ExpectedError):
    """A text that has changed since it was shown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Corrector:
    """Changer of what was pushed.

    Args:
        ledger: keeps what was sent, and the corrections.
        broadcaster: says which messages are to stand.
        notifier: tells the admins of changed files.
        correctable: the age up to which something sent can be changed.
        on_new: called when there is something to change.
    """

    ledger: Ledger
    broadcaster: Broadcaster
    notifier: AdminNotifier
    correctable: dt.timedelta
    on_new: Callable[[], None]

    async def look(self) -> None:
        """Tell the admins of each pushed episode whose file says something else now, once for each text.

        Raises:
            LedgerError: the database cannot be used.
        """
        for number, sent in itertools.groupby(await self._sent(), key=lambda each: each.broadcast.episode):
            episode, pushes = self.broadcaster.archive().get(number), list(sent)
            if episode is None or episode.status is Status.DRAFT or is_being_written(self.broadcaster, episode):
                continue
            text = text_of(episode)
            if all(each.text is None or each.text.digest == text.digest for each in pushes):
                continue
            corrections = await self.ledger.corrections.count(number)
            fact = Correctable(number, episode.title, text, {}, {}, dt.timedelta(), corrections=corrections)
            if await self.ledger.notices.has_been_sent(fact.key_on(dt.date.min)) is None:
                fact = await self._preview(episode, pushes, self._ready)
                if fact.extents:
                    await self.notifier.tell(fact)
                elif self._ready == self.broadcaster.platforms.keys():
                    # Because all messages say this text too, nothing is to be compared at the next look.
                    for each in pushes:
                        await self.ledger.corrections.note_text(each.broadcast, text)

    async def preview(self, number: int, platforms: Collection[PlatformName] = ()) -> Correctable:
        """Return what a correction of the episode would change, on these platforms or on all.

        Raises:
            NothingSentError: there is no such episode, or nothing of it stands anywhere.
        """
        episode, sent = await self._found(number)
        return await self._preview(episode, sent, self._ready.intersection(platforms or self._ready))

    async def begin(self, number: int, platforms: Collection[PlatformName] = (), digest: str = "") -> list[Broadcast]:
        """Open the corrections of all that was sent of the episode, to the text with that digest.

        Returns:
            Those that have something to change, and are not under way already.

        Raises:
            NothingSentError: there is no such episode, or nothing of it stands anywhere.
            OutdatedError: the text has another digest by now.
        """
        episode, sent = await self._found(number)
        line = self.notifier.words.gettext("This part of the recap was withdrawn.")
        text, withdrawn = text_of(episode), self._withdrawn(line)
        if not text.digest.startswith(digest):
            raise OutdatedError(_("episode {number} has changed since").format(number=number))
        wanted_on = self._ready.intersection(platforms or self._ready)
        is_whole = wanted_on == self.broadcaster.platforms.keys()
        opened = []
        for each in sent:
            wanted = Wanted(await self._after(episode, each, wanted_on), withdrawn, text if is_whole else None)
            opened.append(await self.ledger.corrections.correct(each.broadcast, wanted))
        self.on_new()
        return [each for each in opened if each is not None]

    async def recall(self, number: int) -> list[Broadcast]:
        """Stop every push of the episode, and open the recalls of all that was sent of it.

        Raises:
            NothingSentError: nothing of it stands anywhere.
        """
        sent = await self._standing(number)
        withdrawn = self._withdrawn(self.notifier.words.gettext("This recap was withdrawn."))
        opened = [await self.ledger.corrections.recall(each.broadcast, withdrawn) for each in sent]
        self.on_new()
        return [each for each in opened if each is not None]

    async def under_way(self) -> list[UnderWay]:
        """Return how far each correction and recall is that is not over."""
        now, found = self.ledger.clock(), []
        for change in await self.ledger.corrections.under_way():
            states = await self.ledger.tally(change.id)
            places = sum(states.values())
            ended = places - states[DeliveryState.PENDING] - states[DeliveryState.SENDING]
            until = latest = change.created + GIVE_UP_AFTER
            if ended:
                until = min(latest, now + (now - change.created) * (places - ended) / ended)
            is_recall, done = change.kind is BroadcastKind.RECALL, states[DeliveryState.SENT]
            until_here = until.astimezone(self.notifier.zone)
            found.append(UnderWay(change.episode, is_recall, done, places, until_here, until == latest))
        return found

    async def press(self, number: int, digest: str, request: Request) -> Answer:
        """Correct the episode after a press, and return the answer."""
        try:
            # Because the reason is for this person, it is said in the person's language.
            with speaking(lambda: request.language):
                opened = await self.begin(number, digest=digest)
        except OutdatedError:
            told = request.words.gettext("Episode {number} has changed since that card. A new card comes soon.")
            return notice(told.format(number=number))
        except NothingSentError as error:
            return notice(error.sentence)
        return _answer(cards.begun(number, len(opened), request.words))

    async def press_recall(self, number: int, is_sure: bool, request: Request) -> Answer:
        """Ask, and recall the episode after the second press."""
        try:
            with speaking(lambda: request.language):
                if not is_sure:
                    await self._standing(number)
                    return _answer(cards.asked_to_recall(number, request.words))
                opened = await self.recall(number)
        except NothingSentError as error:
            return notice(error.sentence)
        return _answer(cards.begun(number, len(opened), request.words, is_recall=True))

    @property
    def _ready(self) -> set[PlatformName]:
        """The platforms whose account is connected, because buttons may hold its name."""
        return {name for name, platform in self.broadcaster.platforms.items() if platform.username}

    async def _sent(self, number: int | None = None) -> list[Sent]:
        found = await self.ledger.corrections.sent(self.ledger.clock() - self.correctable, number)
        return sorted(found, key=lambda each: each.broadcast.episode)

    async def _found(self, number: int) -> tuple[Episode, list[Sent]]:
        episode = self.broadcaster.archive().get(number)
        if episode is None or episode.status is Status.DRAFT:
            told = _("episode {number} cannot be corrected: its file is missing, has a mistake, or is a draft")
            raise NothingSentError(told.format(number=number))
        return episode, await self._standing(number)

    async def _standing(self, number: int) -> list[Sent]:
        if sent := await self._sent(number):
            return sent
        days = math.ceil(self.correctable / dt.timedelta(days=1))
        told = ngettext(
            "nothing of episode {number} can be changed: it was recalled, or not sent within the last day",
            "nothing of episode {number} can be changed: it was recalled, or not sent within the last {count} days",
            days,
        )
        raise NothingSentError(told.format(number=number, count=days))

    async def _preview(
        self, episode: Episode, sent: Iterable[Sent], platforms: Collection[PlatformName]
    ) -> Correctable:
        places: Counter[PlatformName] = Counter()
        messages: Counter[PlatformName] = Counter()
        before: Mapping[str, str] = {}
        text, unknown = text_of(episode), 0
        for each in sent:
            unknown += await self.ledger.corrections.unknown(each.broadcast.id)
            ways = await self.ledger.corrections.plan(each.broadcast.id, await self._after(episode, each, platforms))
            for way in ways:
                places[way.choice.platform] += way.number
                messages[way.choice.platform] += way.number * way.changes
            if ways and each.text is not None and not before:
                before = each.text.parts
        # The platforms are served side by side.
        seconds = max((count / self.broadcaster.rates[name] for name, count in messages.items()), default=0.0)
        return Correctable(
            episode.number,
            episode.title,
            text,
            before,
            {name: Extent(places[name], messages[name]) for name in sorted(places)},
            dt.timedelta(seconds=seconds),
            unknown,
            await self.ledger.corrections.count(episode.number),
        )

    async def _after(
        self, episode: Episode, sent: Sent, platforms: Collection[PlatformName]
    ) -> dict[tuple[Choice, bool], Rendering]:
        looks = await self.ledger.corrections.looks(sent.broadcast.id)
        # A recording may be given up meanwhile, and then nothing stands before the rest.
        looks |= {(choice, False) for choice, _has_recording in looks}
        return {
            (choice, has_recording): self.broadcaster.anew(episode, choice, has_recording=has_recording)
            for choice, has_recording in looks
            if choice.platform in platforms
        }

    def _withdrawn(self, sentence: str) -> dict[PlatformName, Message]:
        document = Document(sentence, (Section((Paragraph((Span(sentence),)),)),))
        platforms = self.broadcaster.platforms.items()
        return {name: platform.render(document, silent=True).messages[0] for name, platform in platforms}


def _answer(card: Notice) -> Answer:
    return Answer(card.document, replaces=True, is_private=True)
