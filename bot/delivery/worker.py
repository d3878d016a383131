"""The worker of one platform: claims what is due, sends it, records what became of it.

The order of the three steps is the promise: a message is marked in the ledger before it leaves and its outcome is
recorded after, so that a process that dies in between leaves a trace of exactly what nobody can know.

They run side by side. Claims come in batches of what the pace lets out in about a tenth of a second, so that little is
in doubt after a crash; sends overlap within a window; outcomes are recorded together, because a transaction costs more
than all the outcomes in it.
"""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import logging
import random
from typing import TYPE_CHECKING

from bot.delivery import events, retry
from bot.delivery.claims import Claims
from bot.delivery.publishing import PublishingJob
from bot.delivery.recorder import Recorder
from bot.platforms.base import (
    FloodError,
    SendError,
    TargetClosedError,
    TargetNotFoundError,
    UnknownOutcomeError,
    UnverifiableError,
)
from bot.storage.records import Broadcast, Claim, DeliveryState, LedgerError, Outcome, StoredRendering

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from bot.delivery.pacing import Pacer, Turn
    from bot.platforms.base import Finder, Platform, Post, Publisher
    from bot.storage.ledger import Ledger

log = logging.getLogger(__name__)

LOOK_EVERY = 1.0
"""Seconds between looks at the ledger when nothing is due: another process may have opened a broadcast."""
DRAIN = 8.0
"""Seconds that sends in flight get to finish on shutdown, of the ten the program has."""
LONGEST_TROUBLE = 60.0
"""Seconds between two tries to use a database that cannot be used."""
LONGEST_PAUSE = dt.timedelta(weeks=4)
"""How long a subscription waits for the right to write, before nobody is thought to care."""
SMALLEST_WINDOW, LARGEST_WINDOW = 16, 256
"""Sends under way at once: those of a second, because a platform in order answers sooner. A push begins with the
fewest and gets one more with each message that arrives: hundreds of connections opened at once would all be slow."""


class Worker:
    """Delivers one platform's share of every open broadcast.

    Args:
        platform: where the messages go.
        ledger: where they come from.
        pacer: the platform's pace.
        clock: the time, aware, in UTC.
        window: sends under way at once; as many as leave in a second unless told.
        hold: whether a message of unknown outcome stays unsent rather than be sent twice.
        finder: tells whether such a message arrived, on platforms that can.
        publisher: passes messages on to followers, on platforms that can.
        finished: called for every broadcast that has no delivery left to make.
        tell: hears what the admins should know.
    """

    def __init__(
        self,
        *,
        platform: Platform,
        ledger: Ledger,
        pacer: Pacer,
        clock: Callable[[], dt.datetime],
        hold: bool,
        window: int | None = None,
        finder: Finder | None = None,
        publisher: Publisher | None = None,
        finished: Callable[[Broadcast], None] = lambda _broadcast: None,
        tell: events.Listener = events.nobody,
    ) -> None:
        self._platform = platform
        self._ledger = ledger
        self._pacer = pacer
        self._clock = clock
        self._finder = finder
        self._finished = finished
        self._tell = tell
        self._publishing: PublishingJob | None = None
        if publisher is not None:
            self._publishing = PublishingJob(
                platform=platform.name, publisher=publisher, publications=ledger.publications, tell=tell
            )
        self.hold = hold
        self._widest = window or min(LARGEST_WINDOW, max(SMALLEST_WINDOW, pacer.rate))
        self._window = min(SMALLEST_WINDOW, self._widest)
        self._troubles = 0
        self._under_way: set[asyncio.Task[None]] = set()
        self._recorder = Recorder(ledger, self._recorded)
        self._claims = Claims(
            platform=platform.name,
            ledger=ledger,
            recorder=self._recorder,
            pacer=pacer,
            clock=clock,
            holds=lambda: self._holds,
        )
        self._stored_renderings: dict[int, StoredRendering] = {}
        self._wake = asyncio.Event()
        self._room = asyncio.Event()
        self._stopping = False
        self._is_winding_down = False
        self._ended = asyncio.Event()
        self._ended.set()

    @property
    def _holds(self) -> bool:
        """Whether a message in doubt is held back: not where a look can tell whether it arrived."""
        return self.hold and self._finder is None

    def wake(self) -> None:
        """Look at the ledger now: something may be due."""
        self._wake.set()

    async def run(self) -> None:
        """Deliver until `stop`, or until the platform refuses the token."""
        self._ended.clear()
        self._is_winding_down = False
        try:
            recovered = await self._ledger.recover(self._platform.name, hold=self._holds)
            if recovered:
                log.warning("%s: %d messages were in flight when the bot last stopped", self._platform.name, recovered)
            async with contextlib.nullcontext() if self._publishing is None else self._publishing.meanwhile():
                while not self._stopping:
                    await self._go_on()
        finally:
            try:
                await self._wind_down()
            finally:
                # Whatever interrupts that: whoever waits for the end would wait for ever.
                self._ended.set()

    async def stop(self) -> None:
        """Send nothing new; finish and record what is in flight."""
        self._stopping = True
        self.wake()
        self._room.set()
        await self._ended.wait()

    async def _go_on(self) -> None:
        """Send one message, or wait for one."""
        self._wake.clear()
        try:
            if pause := self._pacer.pause():
                await self._give_back_claims()
                await self._wait(min(pause, LOOK_EVERY))
            elif len(self._under_way) >= self._window:
                self._room.clear()
                await self._room.wait()
            elif self._holds and not self._claims and (seconds := self._pacer.until_free()):
                # Claimed already, what waits for its turn would be lost in a crash.
                await self._wait(min(seconds, LOOK_EVERY))
            elif await self._claims.fetch():
                await self._send_in_turn(self._claims.take())
            elif not self._stopping:
                if self._recorder.is_stuck:
                    await self._recorder.flush()
                await self._report_finished()
                due = self._claims.until_due
                await self._wait(LOOK_EVERY if due is None else min(due, LOOK_EVERY))
        except LedgerError as error:
            # What could not be recorded is kept, and without new claims nothing more is sent.
            self._troubles += 1
            pause = min(LONGEST_TROUBLE, retry.backoff(self._troubles, luck=1.0).total_seconds())
            log.error("%s: %s; trying again in %.0f s", self._platform.name, error, pause)  # noqa: TRY400 - said in full
            await self._wait(pause)
        else:
            self._troubles = 0

    async def _send_in_turn(self, claim: Claim) -> None:
        """Wait for the message's turn and let it out; one whose chat must wait does so in the ledger."""
        try:
            stored = await self._stored(claim.rendering_id)
            if self._is_too_late(stored):
                self._recorder.add(retry.too_late(claim, self._clock(), messages=len(stored.rendering.messages)))
                return
            turn = await self._pacer.turn(claim.target)
        except BaseException:
            self._claims.put_back(claim)
            raise
        if turn is None or self._stopping:
            self._give_back(claim, turn)
            return
        task = asyncio.create_task(self._deliver_some(claim, stored, turn))
        self._under_way.add(task)
        task.add_done_callback(self._landed)

    def _next_at_once(self) -> tuple[Claim, StoredRendering, Turn] | None:
        """The next message if nothing keeps it from leaving in this moment."""
        if not self._claims or self._stopping or self._is_winding_down:
            return None
        first = self._claims.first
        stored = self._stored_renderings.get(first.rendering_id)
        if stored is None or self._is_too_late(stored):
            return None
        turn = self._pacer.turn_at_once(first.target)
        return None if turn is None else (self._claims.take(), stored, turn)

    def _is_too_late(self, stored: StoredRendering) -> bool:
        return self._clock() - stored.opened >= retry.GIVE_UP_AFTER

    def _landed(self, task: asyncio.Task[None]) -> None:
        self._under_way.discard(task)
        self._room.set()

    def _widen(self) -> None:
        if self._window < self._widest:
            self._window += 1
            self._room.set()

    def _give_back(self, claim: Claim, turn: Turn | None = None) -> None:
        if turn is not None:
            turn.give_back()
        self._recorder.add(retry.given_back(claim, self._from_now(self._pacer.delay(claim.target))))

    async def _deliver_some(self, claim: Claim, stored: StoredRendering, turn: Turn) -> None:
        """Send the message, and after it those that need not wait: a task for each would cost more than its turn."""
        following: tuple[Claim, StoredRendering, Turn] | None = (claim, stored, turn)
        while following is not None:
            await self._deliver(*following)
            following = self._next_at_once()

    async def _deliver(self, claim: Claim, stored: StoredRendering, turn: Turn) -> None:
        """Send one message of the delivery and note what became of it."""
        # Counted there and not where the turn was given: a connection may have to be opened, or the event loop be busy.
        post = retry.post(claim, stored, leave=turn.leave)
        try:
            message_id = await self._found(post, stored) if retry.is_in_doubt(claim) else None
            if message_id is None:
                message_id = await self._platform.send(post)
                # For a platform that did not ask; where it has, the first moment counts.
                turn.leave()
        except SendError as error:
            if turn.refused:
                self._give_back(claim)
            else:
                await self._after_error(claim, stored, error)
        except Exception as error:  # a bug of ours must cost nobody else their message
            log.exception("%s: sending failed in a way that is not foreseen", claim.target)
            await self._after_error(claim, stored, UnknownOutcomeError(f"{type(error).__name__} while sending"))
        else:
            self._widen()
            self._recorder.add(self._advanced(claim, stored, message_id))
        finally:
            turn.give_back()

    async def _found(self, post: Post, stored: StoredRendering) -> str | None:
        """The id of the message if it arrived at an attempt of which nobody knew the end."""
        if self._finder is None:
            return None
        try:
            return await self._finder.find(post, since=stored.opened)
        except TargetClosedError as error:
            if self.hold:
                raise UnverifiableError(str(error)) from error
            # The bot may write there and not read. The nonce is what is left.
            return None

    async def _after_error(self, claim: Claim, stored: StoredRendering, error: SendError) -> None:
        decision = retry.decide(
            error,
            attempt=claim.attempts,
            age=self._clock() - stored.opened,
            hold=self._holds or (self.hold and isinstance(error, UnverifiableError)),
            luck=random.random(),  # noqa: S311 - spreads retries, guards nothing
            fallback=stored.rendering.fallback is not None,
        )
        log.info("%s: %s (%s)", claim.target, error, type(decision).__name__)
        if isinstance(error, FloodError):
            self._pacer.note_flood(error, claim.target)
        match decision:
            case retry.Retry(after):
                self._recorder.add(retry.later(claim, self._clock() + after, error))
            case retry.Hold():
                self._recorder.add(self._advanced(claim, stored, None))
            case _:
                try:
                    await self._conclude(claim, decision, error)
                except LedgerError as trouble:
                    # The outcome is kept until it can be recorded; what follows from it follows at the next push.
                    log.error("%s: %s", claim.target, trouble)  # noqa: TRY400 - said in full

    async def _conclude(self, claim: Claim, decision: retry.Decision, error: SendError) -> None:
        """Record the outcome at once, and do what follows from it for more than this delivery."""
        reason = str(error)
        match decision:
            case retry.Redirect(chat):
                await self._recorder.add_now(retry.later(claim, self._clock(), error))
                await self._ledger.subscriptions.move(claim.target, chat)
            case retry.UseFallback():
                await self._ledger.fall_back(claim.id)
            case retry.StopPlatform():
                await self._recorder.add_now(retry.later(claim, self._clock(), error))
                if not self._stopping:
                    self._stopping = True
                    await self._tell(events.PlatformStopped(self._platform.name, reason))
            case _:
                await self._recorder.add_now(retry.failed(claim, self._clock(), error))
                await self._spread(claim, decision, error)
        self.wake()

    async def _spread(self, claim: Claim, decision: retry.Decision, error: SendError) -> None:
        reason = str(error)
        match decision:
            case retry.EndSubscription():
                await self._ledger.subscriptions.end(claim.target, reason)
                if isinstance(error, TargetNotFoundError):
                    await self._tell(events.TargetNotFound(claim.target, reason))
            case retry.PauseSubscription():
                if await self._ledger.subscriptions.pause(claim.target, reason):
                    await self._tell(events.TargetPaused(claim.target, reason))
            case retry.StopBroadcast():
                log.error("%s refuses the message itself; the broadcast stops: %s", self._platform.name, reason)
                if await self._ledger.stop(claim.broadcast_id, reason):
                    await self._tell(events.BroadcastStopped(claim.broadcast_id, self._platform.name, reason))

    def _recorded(self, outcomes: Sequence[Outcome]) -> None:
        # Something may be due again, or nothing be left.
        if not self._under_way or any(outcome.state is DeliveryState.PENDING for outcome in outcomes):
            self.wake()
        if self._publishing is not None and any(outcome.publish for outcome in outcomes):
            self._publishing.wake()

    async def _give_back_claims(self) -> None:
        await self._claims.settle()
        for claim in self._claims.drain():
            self._recorder.add(retry.given_back(claim, self._clock()))
        await self._recorder.flush()

    async def _wind_down(self) -> None:
        self._is_winding_down = True
        # What is in flight gets its time also where the claims could not be given back.
        with contextlib.suppress(LedgerError):
            await self._give_back_claims()
        if self._under_way:
            _done, late = await asyncio.wait(self._under_way, timeout=DRAIN)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)
        try:
            await self._give_back_claims()
            await self._report_finished()
        except LedgerError as error:
            log.error("%s: what was just sent could not be recorded: %s", self._platform.name, error)  # noqa: TRY400 - said in full

    def _advanced(self, claim: Claim, stored: StoredRendering, message_id: str | None) -> Outcome:
        messages = len(stored.rendering.messages)
        is_last = claim.position + 1 == messages
        next_due = self._clock() if is_last else self._from_now(self._pacer.delay(claim.target))
        return retry.advanced(claim, next_due, messages=messages, message_id=message_id)

    def _from_now(self, seconds: float) -> dt.datetime:
        return self._clock() + dt.timedelta(seconds=seconds)

    async def _stored(self, rendering_id: int) -> StoredRendering:
        if rendering_id not in self._stored_renderings:
            self._stored_renderings[rendering_id] = await self._ledger.stored(rendering_id)
        return self._stored_renderings[rendering_id]

    async def _report_finished(self) -> None:
        if not self._under_way and self._recorder.is_empty:
            self._window = min(SMALLEST_WINDOW, self._widest)
            for broadcast in await self._ledger.finish():
                self._finished(broadcast)
                self._stored_renderings.clear()
                long_ago = self._clock() - LONGEST_PAUSE
                for ended in await self._ledger.subscriptions.end_paused(long_ago):
                    await self._tell(events.PausedTooLong(ended.target, ended.reason))

    async def _wait(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._wake.wait(), seconds)
