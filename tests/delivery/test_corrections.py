"""Corrections and recalls: what is changed at each place, in any order of faults, ends and further corrections."""

from __future__ import annotations

import asyncio
import datetime as dt
import tempfile
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.delivery.pacing import Pacer
from bot.delivery.worker import Worker
from bot.model.codes import Code
from bot.model.correction import Text
from bot.model.rendering import Message
from bot.model.subscription import NO_CHOICES, Choices, SubscriptionState
from bot.platforms.abilities import Editor
from bot.platforms.base import (
    NotSentError,
    Platform,
    RefusedError,
    RenderingRefusedError,
    SendError,
    TargetClosedError,
    TargetMovedError,
    UnknownOutcomeError,
)
from bot.storage.corrections import Wanted
from bot.storage.records import Choice, DeliveryRank, Outcome
from tests.delivery.ledger_kit import (
    FAILED,
    MONDAY,
    SENDING,
    SENT,
    TELEGRAM,
    UNKNOWN,
    Clock,
    everything,
    opened,
    push,
    rendering,
    sent,
    subscribe,
    tally,
    telegram,
    until_written,
    with_fallbacks,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence

    from bot.model.document import Document
    from bot.model.rendering import Rendering
    from bot.model.subscription import Target
    from bot.platforms.base import Post
    from bot.storage.ledger import Ledger
    from bot.storage.records import Broadcast, Claim

CHOICE = Choice(TELEGRAM)
LINE = Message({"text": "retiré"}, 6, 4096)


@pytest.fixture
async def on_file(tmp_path: Path, clock: Clock) -> AsyncIterator[Ledger]:
    """A ledger in SQLite, for all that is alike in both databases."""
    async with opened(tmp_path, clock) as made:
        yield made


class Board(Platform, Editor):
    """A platform that shows what stands in each chat. A chat's next faults hit before or after a request's effect."""

    name = TELEGRAM

    def __init__(self) -> None:
        self.shown: dict[str, dict[str, str]] = defaultdict(dict)
        self.faults: dict[str, list[tuple[SendError, bool]]] = defaultdict(list)
        self.requests: list[str] = []
        self.keeps: set[str] = set()
        self.number = 0

    def render(self, document: Document, *, silent: bool = False, rich: bool = False) -> Rendering:
        """Nothing is rendered here."""
        raise NotImplementedError

    async def inspect(self, target: object, choices: Choices = NO_CHOICES) -> Sequence[str]:
        """Nothing is looked at here."""
        raise NotImplementedError

    async def send(self, post: Post) -> str:
        """Show the message."""
        self.number += 1
        new = str(self.number)
        self._do(post.target, "send", lambda: self.shown[post.target.chat].update({new: post.message.body["text"]}))
        return new

    async def edit(self, target: Target, message_id: str, message: Message, **_how: object) -> bool:
        """Show the message in place of another."""
        there = message_id in self.shown[target.chat]
        change = {message_id: message.body["text"]} if there else {}
        self._do(target, "edit", lambda: self.shown[target.chat].update(change))
        return there

    async def delete(self, target: Target, message_id: str, **_how: object) -> bool:
        """Show the message no more, unless the platform keeps it."""
        if message_id in self.keeps:
            return False
        self._do(target, "delete", lambda: self.shown[target.chat].pop(message_id, None))
        return True

    def _do(self, target: Target, what: str, change: Callable[[], object]) -> None:
        self.requests.append(what)
        error, has_effect = self.faults[target.chat].pop(0) if self.faults[target.chat] else (None, True)
        if has_effect:
            change()
        if error is not None:
            raise error

    def texts(self, chat: int = 1) -> list[str]:
        """What people see there, from top to bottom."""
        return list(self.shown[str(chat)].values())


def worker_of(ledger: Ledger, board: Board, clock: Clock, *, hold: bool = False) -> Worker:
    """The worker of that platform."""
    return Worker(platform=board, ledger=ledger, pacer=Pacer(10_000), clock=clock, hold=hold, editor=board)


async def works(ledger: Ledger, board: Board, clock: Clock, *, hold: bool = False) -> None:
    """Work as a new process until nothing is left; the clock goes on where the worker waits."""
    worker = worker_of(ledger, board, clock, hold=hold)
    task = asyncio.create_task(worker.run())

    async def is_done() -> bool:
        if not worker._in_flight:
            clock.advance(seconds=2)
            worker.wake()
        return not await ledger.is_anything_open()

    await until_written(ledger, is_done, every=0.01)
    await worker.stop()
    await task


def wanted(*texts: str, digest: str = "", rich: Rendering | None = None) -> Wanted:
    """A correction to messages with these texts."""
    after = rich or rendering(*texts)
    text = Text(digest or " ".join(texts), {"title": " ".join(texts)})
    return Wanted({(CHOICE, False): after}, {TELEGRAM: LINE}, text)


async def correct(ledger: Ledger, broadcast: Broadcast, *texts: str) -> Broadcast | None:
    """Open the correction."""
    return await ledger.corrections.correct(broadcast, wanted(*texts))


async def pushed(ledger: Ledger, board: Board, clock: Clock, *texts: str, chats: int = 1) -> Broadcast:
    """Push to so many chats, and wait until all have it."""
    await subscribe(ledger, *map(telegram, range(1, chats + 1)))
    broadcast = await push(ledger, *texts)
    await works(ledger, board, clock)
    board.requests.clear()
    return broadcast


TEXTS = st.lists(st.sampled_from("abcd"), min_size=1, max_size=3)
FAULTS = st.sampled_from([
    (NotSentError("no connection"), False),
    (UnknownOutcomeError("no answer"), False),
    (UnknownOutcomeError("no answer"), True),
])  # fmt: skip


@settings(max_examples=6, deadline=None)
@given(TEXTS, st.lists(st.tuples(TEXTS, st.lists(FAULTS, max_size=3)), min_size=1, max_size=3))
def test_any_corrections_with_any_faults_end_as_the_last_text(
    first: list[str], changes: list[tuple[list[str], list[tuple[SendError, bool]]]]
) -> None:
    """No message stands twice. One that is added and may have arrived is not repeated, and may be missing."""

    async def run() -> None:
        clock, board = Clock(), Board()
        with tempfile.TemporaryDirectory() as folder:
            async with opened(Path(folder), clock) as ledger:
                broadcast = await pushed(ledger, board, clock, *first)
                for texts, faults in changes:
                    has_doubt = any(isinstance(error, UnknownOutcomeError) for error, _has_effect in faults)
                    may_miss = has_doubt and len(texts) > len(board.texts())
                    board.faults["1"] = list(faults)
                    await correct(ledger, broadcast, *texts)
                    await works(ledger, board, clock)
                    board.faults.clear()
                    if may_miss:
                        assert len(board.texts()) <= len(texts)
                        return
                    assert board.texts() == texts

    asyncio.run(run())


async def test_what_is_right_is_left_alone(on_file: Ledger, clock: Clock) -> None:
    """Only the messages that differ cost a request, and a correction that changes nothing is none."""
    ledger = on_file
    board = Board()
    broadcast = await pushed(ledger, board, clock, "a", "b", "c")
    await correct(ledger, broadcast, "a", "B", "c")
    await works(ledger, board, clock)
    assert (board.texts(), board.requests) == (["a", "B", "c"], ["edit"])
    assert await correct(ledger, broadcast, "a", "B", "c") is None
    await correct(ledger, broadcast, "a", "B", "c", "d")
    await works(ledger, board, clock)
    await correct(ledger, broadcast, "a", "B")
    await works(ledger, board, clock)
    assert (board.texts(), board.requests) == (["a", "B"], ["edit", "send", "delete", "delete"])


async def test_a_deleted_message_is_no_failure(on_file: Ledger, clock: Clock) -> None:
    """People may delete what they got; the rest of it is corrected."""
    ledger = on_file
    board = Board()
    broadcast = await pushed(ledger, board, clock, "a", "b")
    del board.shown["1"]["1"]
    correction = await correct(ledger, broadcast, "A", "B")
    await works(ledger, board, clock)
    assert correction is not None
    assert (board.texts(), await tally(ledger, correction.id)) == (["B"], {SENT: 1})


@pytest.mark.parametrize(
    "error", [TargetClosedError("no right"), TargetMovedError("moved", chat="9"), RefusedError("no")]
)
async def test_a_place_that_refuses_keeps_its_subscription(on_file: Ledger, clock: Clock, error: SendError) -> None:
    """Its text stays as it was, the reason is told, and a later correction changes all of it, once."""
    ledger = on_file
    board = Board()
    broadcast = await pushed(ledger, board, clock, "a", "b")
    board.faults["1"] = [(error, False)]
    correction = await correct(ledger, broadcast, "A", "B")
    await works(ledger, board, clock)
    assert correction is not None
    (failure,) = await ledger.failures(correction.id)
    assert (board.texts(), failure.reason) == (["a", "b"], str(error))
    assert [each.state for each in await ledger.subscriptions.all()] == [SubscriptionState.ACTIVE]
    await correct(ledger, broadcast, "a", "B")
    await works(ledger, board, clock)
    assert (board.texts(), board.requests) == (["a", "B"], ["edit"] * 3)
    assert await correct(ledger, broadcast, "a", "B") is None


async def test_what_was_to_go_and_stayed_is_taken_away_later(on_file: Ledger, clock: Clock) -> None:
    """A choice that is to have nothing any more is not taken for done where the platform refused."""
    ledger = on_file
    board = Board()
    broadcast = await pushed(ledger, board, clock, "a")
    for refusals in (1, 0):
        board.faults["1"] = [(RefusedError("no"), False)] * refusals
        assert await correct(ledger, broadcast) is not None
        await works(ledger, board, clock)
    assert (board.texts(), await correct(ledger, broadcast)) == ([], None)


async def test_a_refused_kind_of_message_is_edited_into_its_fallback(on_file: Ledger, clock: Clock) -> None:
    """As a push sends the plainer messages, a correction edits and adds them."""
    ledger = on_file
    board = Board()
    broadcast = await pushed(ledger, board, clock, "a")
    board.faults["1"] = [(RenderingRefusedError("no such kind"), False)]
    rich = with_fallbacks(rendering("rich"), rendering("A", "B"))
    await ledger.corrections.correct(broadcast, wanted(rich=rich))
    await works(ledger, board, clock)
    assert board.texts() == ["A", "B"]


async def test_a_correction_waits_for_the_push(ledger: Ledger, clock: Clock) -> None:
    """One that has not begun sends the new text; one that has is corrected when its messages have arrived."""
    await subscribe(ledger, telegram(1), telegram(2))
    broadcast = await push(ledger, "a", "b")
    (begun,) = await ledger.claim(TELEGRAM, 1)
    await correct(ledger, broadcast, "A", "B")
    (other,) = await ledger.claim(TELEGRAM, 9)
    stored = await ledger.stored(other.rendering_id)
    assert [each.body["text"] for each in stored.rendering.messages] == ["A", "B"]
    assert other.target != begun.target
    clock.advance(seconds=5)
    assert await ledger.claim(TELEGRAM, 9) == []
    assert await ledger.next_due(TELEGRAM) > clock.now  # type: ignore[operator] # the change is there
    clock.advance(seconds=5)
    await ledger.record([sent(begun, "7", "8")])
    (change,) = await ledger.claim(TELEGRAM, 9)
    assert (change.corrects, change.message_ids, change.is_whole) == (begun.id, ("7", "8"), True)


async def test_what_never_arrived_is_not_added_by_a_correction(on_file: Ledger, clock: Clock) -> None:
    """A chat that got the first message alone has that one corrected; the rest is for another push."""
    ledger = on_file
    board = Board()
    await subscribe(ledger, telegram(1))
    broadcast = await push(ledger, "a", "b")
    (first,) = await ledger.claim(TELEGRAM, 1)
    board.shown["1"]["1"] = "a"
    await ledger.record([failed_after(first, "1")])
    await ledger.finish()
    await correct(ledger, broadcast, "A", "B", "C")
    await works(ledger, board, clock)
    assert (board.texts(), board.requests) == (["A"], ["edit"])


def failed_after(claim: Claim, message_id: str) -> Outcome:
    """The second message of the delivery was refused."""
    return Outcome(claim.id, FAILED, 1, (message_id,), MONDAY, 1, Code.CLOSED, "no right")


async def test_chats_that_have_left_are_corrected_and_forgotten_ones_are_not(ledger: Ledger, clock: Clock) -> None:
    """Who unsubscribes keeps the message, and may read the right one; who is forgotten is nowhere any more."""
    board = Board()
    broadcast = await pushed(ledger, board, clock, "a", chats=3)
    await ledger.subscriptions.end(telegram(1), "unsubscribed")
    await ledger.subscriptions.forget(telegram(2))
    await correct(ledger, broadcast, "A")
    await works(ledger, board, clock)
    assert [board.texts(chat) for chat in (1, 2, 3)] == [["A"], ["a"], ["A"]]


async def test_a_second_correction_takes_the_place_of_the_first(ledger: Ledger, clock: Clock) -> None:
    """The first ends, the same one is no second, and a message on its way is waited for."""
    board = Board()
    broadcast = await pushed(ledger, board, clock, "a", chats=2)
    first = await correct(ledger, broadcast, "A")
    assert first is not None
    assert await correct(ledger, broadcast, "A") is None
    (on_its_way,) = await ledger.claim(TELEGRAM, 1)
    second = await correct(ledger, broadcast, "AA")
    assert second is not None
    (other,) = await ledger.claim(TELEGRAM, 9)
    assert (other.broadcast_id, other.target == on_its_way.target) == (second.id, False)
    assert await tally(ledger, first.id) == {SENDING: 1, FAILED: 1}
    await works(ledger, board, clock)
    assert [board.texts(chat) for chat in (1, 2)] == [["AA"], ["AA"]]


async def test_a_place_that_refused_is_corrected_beside_those_that_did_not(ledger: Ledger, clock: Clock) -> None:
    """Nobody knows what stands there, so that all of it is changed; elsewhere only what differs."""
    board = Board()
    broadcast = await pushed(ledger, board, clock, "a", "b", chats=3)
    board.faults["2"] = [(RefusedError("no"), False)]
    for texts, requests in ((["A", "B"], 5), (["A", "C"], 4), (["a", "b"], 6)):
        board.requests.clear()
        await correct(ledger, broadcast, *texts)
        await works(ledger, board, clock)
        assert board.requests == ["edit"] * requests
    assert [board.texts(chat) for chat in (1, 2, 3)] == [texts] * 3


async def test_corrections_go_behind_all_that_is_new(on_file: Ledger, clock: Clock) -> None:
    """A push is waited for by people, and a correction by nobody; one that has begun goes on first."""
    ledger = on_file
    board = Board()
    broadcast = await pushed(ledger, board, clock, "a", "b")
    await correct(ledger, broadcast, "A", "B")
    await push(ledger, "new", episode=1208)
    assert [each.corrects is None for each in await ledger.claim(TELEGRAM, 9)] == [True, False]
    assert DeliveryRank.LAST < DeliveryRank.CHANGE_BEGUN < DeliveryRank.CHANGE


async def test_a_recall_stops_the_push_and_takes_back_what_has_arrived(ledger: Ledger, clock: Clock) -> None:
    """Where the platform keeps a message, one line stands in its place; a second recall has nothing to do."""
    board = Board()
    broadcast = await pushed(ledger, board, clock, "a", "b", chats=2)
    await subscribe(ledger, telegram(3))
    again = await push(ledger, "a", "b", again=True)
    board.keeps = {"1"}
    for each in (broadcast, again):
        assert await ledger.corrections.recall(each, {TELEGRAM: LINE}) is not None or each is again
    await works(ledger, board, clock)
    kept = [chat for chat in "12" if "1" in board.shown[chat]]
    assert [board.texts(int(chat)) for chat in kept] == [["retiré"]]
    assert sum(len(board.texts(chat)) for chat in (1, 2, 3)) == 1
    assert await tally(ledger, again.id) == {FAILED: 3}
    outcome = await ledger.notices.outcome(again)
    assert (outcome.failed, outcome.results["not wanted any more"]) == (0, 3)
    assert await ledger.corrections.recall(broadcast, {TELEGRAM: LINE}) is None
    assert [each.broadcast.id for each in await ledger.corrections.sent(MONDAY)] == [again.id]


async def test_an_old_message_is_replaced_without_asking_whether_it_can_be_deleted(
    on_file: Ledger, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A platform that deletes for two days only is not asked for a week-old message."""
    ledger = on_file
    board = Board()
    monkeypatch.setattr(Board, "deletes_within", dt.timedelta(hours=48))
    broadcast = await pushed(ledger, board, clock, "a", "b")
    clock.advance(days=7)
    await correct(ledger, broadcast, "a")
    await works(ledger, board, clock)
    assert (board.texts(), board.requests) == (["a", "retiré"], ["edit"])


@pytest.mark.parametrize("hold", [False, True])
async def test_a_process_that_dies_repeats_its_change(on_file: Ledger, clock: Clock, *, hold: bool) -> None:
    """Whatever becomes of messages in doubt: an edit may be made twice, and an added message may not."""
    ledger = on_file
    board = Board()
    broadcast = await pushed(ledger, board, clock, "a")
    await correct(ledger, broadcast, "A")
    await ledger.claim(TELEGRAM, 9)
    await works(ledger, board, clock, hold=hold)
    assert (board.texts(), board.requests) == (["A"], ["edit"])
    correction = await correct(ledger, broadcast, "A", "B")
    await ledger.claim(TELEGRAM, 9)
    await works(ledger, board, clock, hold=hold)
    assert correction is not None
    assert (board.requests, await tally(ledger, correction.id)) == (["edit"], {UNKNOWN: 1})


async def test_as_long_as_it_can_be_corrected_the_ledger_knows_what_was_sent(ledger: Ledger, clock: Clock) -> None:
    """Afterwards it is deleted, with the correction's own traces."""
    board = Board()
    broadcast = await pushed(ledger, board, clock, "a")
    correction = await correct(ledger, broadcast, "A")
    await works(ledger, board, clock)
    assert correction is not None
    clock.advance(days=50)
    await ledger.prune(keep_episodes=0, correctable=dt.timedelta(days=56))
    assert await tally(ledger, broadcast.id) == {SENT: 1}
    clock.advance(days=7)
    await ledger.prune(keep_episodes=0, correctable=dt.timedelta(days=56))
    assert (await tally(ledger, broadcast.id), await tally(ledger, correction.id)) == ({}, {})
    assert (await everything(ledger, "choices", "texts", "renderings")).strip() == ""


async def test_a_correction_does_not_follow_a_chat_to_its_new_number(on_file: Ledger, clock: Clock) -> None:
    """The messages stay in the old chat; in the new one the same numbers are those of other messages."""
    board, ledger = Board(), on_file
    broadcast = await pushed(ledger, board, clock, "a")
    await correct(ledger, broadcast, "A")
    await ledger.subscriptions.move(telegram(1), "9")
    assert [claim.target for claim in await ledger.claim(TELEGRAM, 9)] == [telegram(1)]
