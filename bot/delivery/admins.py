"""The notifier of the admins: from a fact to deliveries in the ledger, once per key of the fact."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import datetime as dt
import functools
import logging
import secrets
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from bot.delivery.report import describe
from bot.model.correction import Changed
from bot.model.document import Attachment
from bot.model.facts import Fact, PlatformStopped, Pushed
from bot.model.subscription import PlatformName, Target
from bot.platforms.base import Post, Sender, SendError, SendRequest
from bot.storage.records import CHANGES, BroadcastKind, BroadcastState, LedgerError

if TYPE_CHECKING:
    from bot.model.i18n import Words
    from bot.model.rendering import Rendering
    from bot.platforms.base import Platform
    from bot.storage.ledger import Ledger

log = logging.getLogger(__name__)


NAMES_WITHIN = 5.0
"""Seconds that the platforms get to tell the names of the places in a notice."""
ALARM_WORTH = 3600.0
"""Seconds for which a notice that cannot wait in the ledger is tried again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AdminNotifier:
    """Teller of facts to every admin and to the log, each once. It keeps no state: the ledger knows the told facts.

    Args:
        ledger: keeps the notices.
        platforms: render the notices.
        senders: take a notice to a platform at once.
        admins: the admins' targets on each platform.
        words: the language of the notices.
        zone: the show's time zone.
        clock: the time, aware.
        on_new: called when there is a notice to deliver.
        on_told: hears each fact that is told.
        picture: returns the picture that comes with the report of a push; None for none.
    """

    ledger: Ledger
    platforms: Mapping[PlatformName, Platform]
    senders: Mapping[PlatformName, Sender] = field(default_factory=dict)
    admins: Mapping[PlatformName, Sequence[Target]]
    words: Words
    zone: dt.tzinfo
    clock: Callable[[], dt.datetime]
    on_new: Callable[[], None]
    on_told: Callable[[Fact], None] = lambda _fact: None
    picture: Callable[[], Awaitable[Attachment | None]] | None = None

    async def tell(self, fact: Fact, to: Mapping[PlatformName, Sequence[Target]] | None = None) -> None:
        """Tell the fact to the admins, or to these places, unless one with the same key was told before.

        No error of telling leaves this method.

        If the database cannot be used, the log has the fact, and the next call may tell the admins.
        """
        try:
            await self._tell(fact, self.admins if to is None else to)
        except Exception:
            # Because the part of the bot that reports a fact has work of its own, a bug here must not end that part.
            log.exception("The admins cannot be told: %s", fact)

    async def _tell(self, fact: Fact, to: Mapping[PlatformName, Sequence[Target]]) -> None:
        key, notice = fact.key_on(self.clock().astimezone(self.zone).date()), describe(fact.in_log, self.words)
        # A platform that has stopped cannot deliver the notice; the admins on the other platforms get it.
        stopped = fact.platform if isinstance(fact, PlatformStopped) else None
        try:
            # Because the clock reports a lasting fact every minute, look before writing; else each minute locks.
            is_new = await self.ledger.notices.has_been_sent(key) is None and await self.ledger.notices.add(
                key, notice, await self._rendered(fact, to, stopped)
            )
        except LedgerError as error:
            log.warning("%s (the admins cannot be told: %s)", notice.text, error)
            return
        if is_new:
            log.log(logging.WARNING if notice.alarming else logging.INFO, "%s", notice.text)
            self.on_told(fact)
            self.on_new()
        elif stopped is not None:
            # Because the admins were told today already, a restart with the same token would go unnoticed without this.
            log.error("%s", notice.text)

    async def _rendered(
        self, fact: Fact, to: Mapping[PlatformName, Sequence[Target]], stopped: PlatformName | None
    ) -> list[tuple[Rendering, list[Target]]]:
        """Return the messages for these places, in which alone places have names: the log and the status keep none."""
        document = describe(fact, self.words, await self.names(fact.places)).document
        if self.picture is not None and isinstance(fact, Pushed):
            document = dataclasses.replace(document, attachment=await self.picture())
        return [
            (self.platforms[name].render(document), list(dict.fromkeys(targets)))
            for name, targets in to.items()
            if targets and name != stopped and name in self.platforms
        ]

    async def names(self, places: Iterable[Target]) -> dict[Target, str]:
        """Return the names that the platforms tell now. Without its name, a place has its number."""
        names: dict[Target, str] = {}
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(NAMES_WITHIN):
                for place in dict.fromkeys(places):
                    with contextlib.suppress(SendError):
                        if (platform := self.platforms.get(place.platform)) is not None:
                            names[place] = await platform.name_of(place)
        return names

    async def alarm(self, fact: Fact) -> None:
        """Tell the fact at once and past the ledger, because the ledger cannot be used. The log has the fact too."""
        notice = describe(fact, self.words)
        log.error("%s", notice.text)
        self.on_told(fact)
        await asyncio.gather(
            *(
                self._send(sender, self.platforms[name], target, self.platforms[name].render(notice.document))
                for name, sender in self.senders.items()
                for target in dict.fromkeys(self.admins.get(name, ()))
            )
        )

    async def _send(self, sender: Sender, platform: Platform, target: Target, rendering: Rendering) -> None:
        for message in rendering.messages:
            post = Post(target, rendering.title, message, nonce=secrets.token_hex(8))
            attempt = functools.partial(_attempt, platform, post)
            try:
                await sender.send(SendRequest(target, attempt, worth=ALARM_WORTH, leaves=True))
            except SendError as error:
                log.error("%s cannot be told: %s", target, error)  # noqa: TRY400 - said in full
                return

    async def report(self, since: dt.datetime) -> None:
        """Tell the outcome of each push that has ended since then and is not reported yet.

        Raises:
            LedgerError: the database cannot be used.
        """
        for push in await self.ledger.notices.unreported(since):
            if push.kind in CHANGES and push.state is BroadcastState.STOPPED:
                # The change that has taken its place has a report of its own.
                continue
            outcome = await self.ledger.notices.outcome(push)
            ended_at = push.finished and push.finished.astimezone(self.zone)
            outcome = dataclasses.replace(outcome, ended_at=ended_at)
            is_recall = push.kind is BroadcastKind.RECALL
            is_whole = is_recall or await self.ledger.corrections.is_whole(push)
            await self.tell(Changed(outcome, is_recall, is_whole) if push.kind in CHANGES else outcome)


async def _attempt(platform: Platform, post: Post, leave: Callable[[], bool]) -> str:
    return await platform.send(post._replace(leave=leave))
