"""The worker of one platform: the loop that claims messages, sends them and settles their outcomes.

The three steps run side by side: claims come in batches, sends overlap within a window, and outcomes are recorded
together. The rules by which nothing is lost or sent twice stand in `bot/delivery/outbox.py`.
"""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import logging
import random
from collections.abc import Callable, Coroutine, Sequence
from typing import TYPE_CHECKING, Any

from bot.delivery import changing, retry
from bot.delivery.changing import Changer
from bot.delivery.doubts import Doubts
from bot.delivery.outbox import Outbox
from bot.delivery.pacing import Pacer, Turn
from bot.delivery.publishing import FollowUpJob, pinning, publishing
from bot.delivery.reach import Addressee
from bot.delivery.retry import Step
from bot.delivery.sending import PacedSender
from bot.delivery.uploads import Uploads
from bot.delivery.waiting import wait_for_event
from bot.model.facts import PausedTooLong, Tell, tell_nobody
from bot.model.shortfalls import AudioGivenUp
from bot.model.subscription import Target
from bot.platforms.abilities import Editor, Finder, Pinner, Publisher
from bot.platforms.base import (
    NotSentError,
    Platform,
    Post,
    SendError,
    TargetClosedError,
    TargetGoneError,
    UnauthorisedError,
    UnknownOutcomeError,
    UnverifiableError,
)
from bot.storage.leases import Lease, LeaseLostError
from bot.storage.records import Claim, DeliveryRank, DeliveryState, LedgerError, Outcome, StoredRendering

if TYPE_CHECKING:
    from bot.storage.ledger import Ledger

log = logging.getLogger(__name__)

LOOK_EVERY = 1.0
"""Seconds between looks at the ledger when nothing is due: another process may have opened a broadcast."""
DRAIN = 8.0
"""Seconds that sends in flight get to finish on shutdown, of the ten the program has."""
LONGEST_TROUBLE = 60.0
"""Seconds between two tries to use a database that cannot be used."""
FORGOTTEN_WITHIN = dt.timedelta(minutes=5)
"""Time after a take-over in which a push may be one that the process before had begun, and its server has forgotten: a
new server takes its place within minutes."""
LONGEST_PAUSE = dt.timedelta(weeks=4)
"""Time that a subscription waits for the right to write; a subscription that waits longer ends."""
SMALLEST_WINDOW, LARGEST_WINDOW = 16, 256
"""Sends in flight at once: those of a second, because a platform in order answers sooner. A push begins with the fewest
and gets one more with each message that arrives: hundreds of connections opened at once would all be slow."""

_BESIDE_A_RIVAL = (DeliveryRank.FIRST, DeliveryRank.BEGUN)
"""The ranks of what goes out while another program works with the same token: notices, and recaps that have begun."""


class Worker:
    """Deliverer of one platform's share of every open broadcast.

    Args:
        platform: takes the messages.
        ledger: stores the messages.
        pacer: the platform's pace.
        clock: the time, aware, in UTC.
        window: sends in flight at once; by default as many as leave in a second.
        hold: whether a message of unknown outcome stays unsent rather than be sent twice.
        editor: changes messages that were sent, on platforms that can.
        finder: tells whether such a message arrived, on platforms that can.
        publisher: passes messages on to followers, on platforms that can.
        pinner: pins messages, on platforms that can.
        finished: called when a broadcast has no delivery left to make.
        tell: hears the facts that the admins should know.
        identify: asks the platform whether it takes the token, before a refusal of the token is believed.
        has_rival: tells whether another program works with the same token, so that no push may begin.
        lease: the right to deliver on the platform, without which the worker ends.
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
        editor: Editor | None = None,
        finder: Finder | None = None,
        publisher: Publisher | None = None,
        pinner: Pinner | None = None,
        finished: Callable[[], object] = lambda: None,
        tell: Tell = tell_nobody,
        identify: Callable[[], Coroutine[Any, Any, None]] | None = None,
        has_rival: Callable[[], bool] = lambda: False,
        lease: Lease | None = None,
    ) -> None:
        self._lease = lease or Lease(platform.name)
        self._platform = platform
        self._ledger = ledger = ledger.under(self._lease)
        self._pacer = pacer
        self._clock = clock
        self._hold = hold
        self._editor = editor
        self._finder = finder
        self._finished = finished
        self._tell = tell
        self._identify = identify
        self._follow_ups: list[FollowUpJob[Any]] = []
        if publisher is not None:
            self._follow_ups.append(publishing(platform.name, publisher, ledger.publications, PacedSender(pacer), tell))
        if pinner is not None:
            self._follow_ups.append(pinning(platform.name, pinner, ledger.pins, PacedSender(pacer), tell))
        # Because the finder tells whether a message in doubt arrived, only without one are such messages held back.
        self._holds_back = hold and finder is None
        self._outbox = Outbox(
            platform.name,
            ledger,
            pacer,
            clock,
            hold=self._holds_back,
            # Because a copy of this bot would push the same to the same people, what has not begun waits beside one.
            ranks=lambda: _BESIDE_A_RIVAL if has_rival() else tuple(DeliveryRank),
            on_recorded=self._on_recorded,
        )
        self._uploads = Uploads(platform.name, ledger, clock, self._outbox.flush)
        self._changer = None if editor is None else Changer(editor, clock, self._uploads.with_file)
        self._doubts = Doubts(platform.name, ledger, self._outbox.flush, tell)
        self._stored_renderings: dict[int, StoredRendering] = {}
        self._fixed_window = window
        self._window = min(SMALLEST_WINDOW, self._widest)
        self._in_flight: set[asyncio.Task[None]] = set()
        self._asking: asyncio.Task[None] | None = None
        self._troubles = 0
        self._wake = asyncio.Event()
        self._room = asyncio.Event()
        self._is_stopping = False
        self._refusal: SendError | None = None
        self._began = clock()
        self._ended = asyncio.Event()
        self._ended.set()

    @property
    def _widest(self) -> int:
        # By the rate of now, which a changed config may have raised.
        return self._fixed_window or min(LARGEST_WINDOW, max(SMALLEST_WINDOW, self._pacer.rate))

    def wake(self) -> None:
        """Look at the ledger now: something may be due."""
        self._wake.set()

    async def run(self) -> None:
        """Deliver until `stop`, or until another process may have the lease.

        Raises:
            UnauthorisedError: the platform refuses the token; the unsent messages wait in the ledger.
        """
        self._ended.clear()
        self._began = self._clock()
        try:
            recovered = await self._ledger.recover(
                self._platform.name, hold=self._holds_back, hold_reports=self._finder is None
            )
            if recovered:
                log.warning("%s: %d messages were in flight when the bot last stopped", self._platform.name, recovered)
            async with contextlib.AsyncExitStack() as beside:
                for job in self._follow_ups:
                    await beside.enter_async_context(job.meanwhile())
                while not self._is_stopping and self._lease.is_held():
                    await self._go_on()
        finally:
            try:
                await self._wind_down()
            finally:
                # Also if the end is interrupted; else `stop` would wait for ever.
                self._ended.set()
        if self._refusal is not None:
            raise self._refusal

    async def stop(self) -> None:
        """Send nothing new; finish and record the messages in flight."""
        self._is_stopping = True
        self.wake()
        self._room.set()
        await self._ended.wait()

    async def _go_on(self) -> None:
        """Send one message, or wait for one."""
        self._wake.clear()
        try:
            if pause := self._pacer.pause():
                await self._outbox.give_back()
                await self._wait(min(pause, LOOK_EVERY))
            elif len(self._in_flight) >= self._window:
                self._room.clear()
                await self._room.wait()
            elif seconds := self._outbox.until_turn:
                await self._wait(min(seconds, LOOK_EVERY))
            elif await self._outbox.fetch():
                await self._send_in_turn(self._outbox.take())
            else:
                await self._finish()
                await self._wait(min(self._outbox.until_due, LOOK_EVERY))
        except LeaseLostError as error:
            log.warning("%s: %s; what is on its way is left to that process", self._platform.name, error)
        except LedgerError as error:
            self._troubles += 1
            pause = min(LONGEST_TROUBLE, retry.backoff(self._troubles, luck=1.0).total_seconds())
            log.error("%s: %s; trying again in %.0f s", self._platform.name, error, pause)  # noqa: TRY400 - said in full
            await self._wait(pause)
        else:
            self._troubles = 0

    async def _wait(self, seconds: float) -> None:
        await wait_for_event(self._wake, seconds)

    async def _send_in_turn(self, claim: Claim) -> None:
        """Wait for the message's turn and let it out. A message whose chat must wait waits in the ledger."""
        try:
            stored = self._stored_renderings.get(claim.rendering_id)
            if stored is None:
                stored = self._stored_renderings[claim.rendering_id] = await self._ledger.stored(claim.rendering_id)
            if self._is_too_late(stored):
                self._outbox.settle(retry.expire(claim, self._clock(), messages=len(stored.rendering.messages)))
                return
            if not await self._may_bring(claim, stored):
                return
            turn = None if claim.rendering_id in self._doubts else await self._pacer.turn(self._route(claim))
        except BaseException:
            self._outbox.put_back(claim)
            raise
        if turn is None or self._is_stopping or claim.rendering_id in self._doubts:
            if turn is not None:
                turn.give_back()
            self._give_back(claim)
            return
        key = self._uploads.begin(stored.upload_at(claim.position))
        task = asyncio.create_task(self._deliver_some(claim, stored, turn, key))
        self._in_flight.add(task)
        task.add_done_callback(self._in_flight.discard)
        task.add_done_callback(lambda _task: self._room.set())

    async def _deliver_some(self, claim: Claim, stored: StoredRendering, turn: Turn, key: str | None) -> None:
        """Send the message, and after it those that need not wait: a task for each would cost more than its turn.

        With a `key`, the file of that key goes up with the message.
        """
        try:
            await self._deliver(claim, stored, turn)
        finally:
            if key is not None:
                await self._uploads.end(key)
                self.wake()
        while (first := self._outbox.first) is not None and not self._is_stopping:
            following = self._stored_renderings.get(first.rendering_id)
            if following is None or self._is_too_late(following) or first.rendering_id in self._doubts:
                return
            if self._needs_no_request(first, following) or following.upload_at(first.position) is not None:
                return
            at_once = self._pacer.turn_at_once(self._route(first))
            if at_once is None:
                return
            await self._deliver(self._outbox.take(), following, at_once)

    async def _may_bring(self, claim: Claim, stored: StoredRendering) -> bool:
        """Return whether the message may be sent; else settle it: its file is in doubt, given up, or on its way.

        A change is settled where nothing is to be done, an added message may have arrived, or a recording stays.

        Raises:
            LedgerError: the database cannot be used.
        """
        if self._needs_no_request(claim, stored):
            self._outbox.settle(self._advance(claim, stored, None))
            return False
        upload = stored.upload_at(claim.position)
        if upload is None:
            return True
        is_given_up = self._uploads.is_given_up(upload.key)
        if is_given_up if stored.revision else retry.is_in_doubt(claim):
            # Because people would get the recording twice, the recap follows without it; one that stands stays.
            self._outbox.settle(self._advance(claim, stored, None))
        elif await self._uploads.has_gone_up(upload.key):
            return True
        elif is_given_up:
            await self._ledger.fall_back(claim.id)
        elif (until := await self._uploads.wait_for(upload.key, claim.rendering_id)) is not None:
            self._outbox.settle(retry.give_back(claim, until))
        else:
            return True
        self.wake()
        return False

    async def _deliver(self, claim: Claim, stored: StoredRendering, turn: Turn) -> None:
        """Send one message of the delivery and settle its outcome."""
        try:
            outcome = await self._attempt(claim, stored, turn)
        except SendError as error:
            await self._after_error(claim, stored, error)
        except Exception as error:  # a bug of ours must not stop other messages
            log.exception("%s: sending failed in a way that is not foreseen", claim.target)
            await self._after_error(claim, stored, UnknownOutcomeError(f"{type(error).__name__} while sending"))
        else:
            if outcome is None:
                self._give_back(claim)
                return
            if self._window < self._widest:
                self._window += 1
                self._room.set()
            self._outbox.settle(outcome)

    async def _attempt(self, claim: Claim, stored: StoredRendering, turn: Turn) -> Outcome | None:
        """Send or change one message, or find it if it may have arrived; None if it needs another turn."""
        with self._doubts.awaiting(claim.rendering_id):
            try:
                if self._changer is not None and (change := changing.in_place(claim, stored)) is not None:
                    with turn:
                        return await self._changer.make(claim, stored, change, turn.leave, self._when_free)
                # Because a connection may have to be opened first, the platform counts the message when it is written.
                post = self._uploads.with_file(retry.make_post(claim, stored, leave=turn.leave))
                if self._ledger.is_shared and stored.opened - self._began < FORGOTTEN_WITHIN:
                    post = post._replace(since=self._since(stored))
                if retry.is_in_doubt(claim) and self._finder is not None:
                    with turn:
                        message_id = await self._found(post, self._finder, stored)
                    if message_id is not None:
                        return self._advance(claim, stored, message_id)
                    # Because the look was a request, the message needs a turn, which the pace of edits may never give.
                    later = await self._pacer.turn(claim.target)
                    if later is None:
                        return None
                    turn = later
                    post = post._replace(leave=turn.leave)
                with turn:
                    return self._advance(claim, stored, await self._platform.send(post))
            except SendError:
                if turn.refused:
                    return None
                raise

    async def _found(self, post: Post, finder: Finder, stored: StoredRendering) -> str | None:
        """Return the id of a message in doubt; None if none arrived or, without `hold`, if the bot may not look."""
        try:
            return await finder.find(post, since=self._since(stored))
        except TargetClosedError as error:
            if self._hold:
                raise UnverifiableError(str(error)) from error
            # Because the bot may write there and not read, only the platform's nonce prevents a second copy.
            return None

    def _since(self, stored: StoredRendering) -> dt.datetime:
        # By the platform's time, which is the machine's: nobody knows better where the two of ours differ.
        return stored.opened + min(dt.timedelta(), self._ledger.clock.slip)

    async def _is_token_refused(self) -> bool:
        """Ask the platform, once for all messages that it answers so; a platform that does not tell refuses nothing."""
        if self._identify is None:
            return True
        if self._asking is None or self._asking.done():
            self._asking = asyncio.create_task(self._identify(), name=f"{self._platform.name} token")
        asking = self._asking
        await asyncio.wait({asking})
        return isinstance(asking.exception(), UnauthorisedError)

    async def _after_error(self, claim: Claim, stored: StoredRendering, error: SendError) -> None:
        if isinstance(error, UnauthorisedError) and not await self._is_token_refused():
            error = NotSentError(str(error))
        now, upload = self._clock(), stored.upload_at(claim.position)
        if upload is not None and await self._uploads.note(upload.key, error) and not upload.is_picture:
            await self._tell(AudioGivenUp(claim.broadcast_id, self._platform.name, str(error)))
        decision = retry.decide(
            error,
            attempt=claim.attempts,
            age=now - stored.opened,
            hold=(upload is not None and stored.revision is None) or self._may_not_repeat(claim, stored),
            luck=random.random(),  # noqa: S311 - spreads retries, guards nothing
            fallback=any(each.fallback for each in stored.rendering.messages[claim.position : claim.position + 1]),
        )
        if stored.revision is not None:
            decision = changing.of_message(decision, has_file=upload is not None)
        log.info("%s: %s (%s)", claim.target, error, decision.step)
        if decision.step is Step.RETRY:
            self._outbox.settle(retry.postpone(claim, now + decision.pause, error))
        elif decision.step is Step.HOLD:
            self._outbox.settle(self._advance(claim, stored, None))
        else:
            try:
                await self._conclude(claim, decision, error)
            except LedgerError as trouble:
                # The outbox keeps the outcome; the consequence follows at the next push.
                log.error("%s: %s", claim.target, trouble)  # noqa: TRY400 - said in full
            self.wake()

    async def _conclude(self, claim: Claim, decision: retry.Decision, error: SendError) -> None:
        """Record the outcome at once, then its consequence for more than this delivery."""
        if decision.step is Step.USE_FALLBACK:
            await self._ledger.fall_back(claim.id)
            return
        settle = retry.postpone if decision.step in {Step.REDIRECT, Step.STOP_PLATFORM} else retry.fail
        self._outbox.settle(settle(claim, self._clock(), error))
        await self._outbox.flush()
        reason, subscriptions = str(error), self._ledger.subscriptions
        match decision.step:
            case Step.REDIRECT:
                await subscriptions.move(claim.target, decision.chat)
            case Step.END_SUBSCRIPTION if isinstance(error, TargetGoneError):
                await subscriptions.left(claim.target, reason, is_person=Addressee(claim.target).is_person)
            case Step.END_SUBSCRIPTION:
                await subscriptions.lost(claim.target, reason)
            case Step.PAUSE_SUBSCRIPTION:
                await subscriptions.pause(claim.target, reason)
            case Step.DOUBT_MESSAGE:
                await self._doubts.judge(claim)
            case Step.STOP_PLATFORM if not self._is_stopping:
                self._is_stopping, self._refusal = True, error

    def _may_not_repeat(self, claim: Claim, stored: StoredRendering) -> bool:
        """Return whether a message of unknown outcome stays unsent; an added one always does without a finder."""
        is_added = self._finder is None and changing.is_addition(claim, stored)
        return self._holds_back if stored.revision is None else is_added

    def _needs_no_request(self, claim: Claim, stored: StoredRendering) -> bool:
        """Return whether a change is none at this place, or one that may not be repeated."""
        is_held = retry.is_in_doubt(claim) and self._may_not_repeat(claim, stored)
        return stored.revision is not None and (is_held or changing.change_at(claim, stored) is None)

    def _route(self, claim: Claim) -> Target:
        """Return the target whose limits hold for the message."""
        return claim.target if claim.corrects is None or self._editor is None else self._editor.route(claim.target)

    def _give_back(self, claim: Claim) -> None:
        self._outbox.settle(retry.give_back(claim, self._when_free(claim)))

    def _advance(self, claim: Claim, stored: StoredRendering, message_id: str | None) -> Outcome:
        if stored.revision is not None:
            return changing.advance(claim, stored, self._when_free, message_id)
        messages = len(stored.rendering.messages)
        due = self._clock() if claim.position + 1 == messages else self._when_free(claim)
        return retry.advance(claim, due, messages=messages, message_id=message_id, has_upload=stored.has_upload)

    def _when_free(self, claim: Claim) -> dt.datetime:
        seconds = self._pacer.delay(self._route(claim))
        if claim.rendering_id in self._doubts:
            seconds = max(seconds, LOOK_EVERY)
        return self._clock() + dt.timedelta(seconds=seconds)

    def _is_too_late(self, stored: StoredRendering) -> bool:
        return self._clock() - stored.opened >= retry.GIVE_UP_AFTER

    def _on_recorded(self, outcomes: Sequence[Outcome]) -> None:
        # A message may be due again, or nothing may be left to send.
        if not self._in_flight or any(outcome.state is DeliveryState.PENDING for outcome in outcomes):
            self.wake()
        if any(outcome.publish or outcome.pin for outcome in outcomes):
            for job in self._follow_ups:
                job.wake()

    async def _finish(self) -> None:
        """Close the broadcasts that have nothing left to send, unless an outcome is still missing."""
        if self._in_flight or not self._outbox.is_settled:
            return
        self._window = min(SMALLEST_WINDOW, self._widest)
        if await self._ledger.finish():
            self._finished()
            self._stored_renderings.clear()
            self._doubts.clear()
            for ended in await self._ledger.subscriptions.end_paused(self._clock() - LONGEST_PAUSE):
                await self._tell(PausedTooLong(ended.target, ended.reason))

    async def _wind_down(self) -> None:
        self._is_stopping = True
        # Sends in flight get their time also if the claimed messages cannot be given back.
        with contextlib.suppress(LedgerError):
            await self._outbox.give_back()
        if self._in_flight:
            await asyncio.wait(self._in_flight, timeout=DRAIN)
        # With the question after the token, for which no message waits any more.
        late = [*self._in_flight, *filter(None, [self._asking])]
        for task in late:
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)
        try:
            await self._outbox.give_back()
        except LedgerError as error:
            log.error("%s: what was just sent could not be recorded: %s", self._platform.name, error)  # noqa: TRY400 - said in full
        # The next start finishes the others.
        with contextlib.suppress(LedgerError):
            await self._finish()
