"""The ledger in any order of events, against a plain model of it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, rule, run_state_machine_as_test

from bot.storage.ledger import Ledger
from bot.storage.outcomes import CONFIRMED_BY, IN_FRONT
from bot.storage.records import BroadcastState, Choice, DeliveryRank, DeliveryState, Outcome
from bot.storage.tables import metadata
from tests.delivery.ledger_kit import (
    DISCORD,
    FAILED,
    MONDAY,
    PENDING,
    SENDING,
    SENT,
    TELEGRAM,
    UNKNOWN,
    Clock,
    due,
    rendering,
    subscription,
    telegram,
)

if TYPE_CHECKING:
    from sqlalchemy import Connection

MESSAGES = ("a", "b")


class AnyOrder(RuleBasedStateMachine):
    """The ledger against a plain model of it, whatever happens in whatever order.

    The model of a delivery is its state and its position, its rank and its attempts; each push has two messages.
    """

    claimed = Bundle("claimed")

    def __init__(self, url: str) -> None:
        super().__init__()
        self.url = url
        self.runner = asyncio.Runner()
        self.ledger = self.open()
        # Migrating an empty database takes longer than all that a run of the machine does with it.
        self.do(self.ledger._database.write(self.empty))
        self.lives = 1
        self.model: dict[int, tuple[DeliveryState, int]] = {}
        self.stopped: dict[int, bool] = {}
        self.refused: set[int] = set()
        self.of: dict[int, int] = {}
        self.renderings: dict[int, int] = {}
        self.rank: dict[int, DeliveryRank] = {}
        self.attempts: dict[int, int] = {}
        for chat in range(1, 6):
            self.do(self.ledger.subscriptions.save(subscription(telegram(chat))))

    def open(self) -> Ledger:
        """Open the ledger."""
        ledger: Ledger = self.do(Ledger.open(self.url, Clock()))
        return ledger

    def empty(self, connection: Connection) -> None:
        """Delete what the run before has left."""
        for table in reversed(metadata.sorted_tables):
            connection.execute(table.delete())

    def do(self, call: Any) -> Any:  # noqa: ANN401 - each call returns what it returns
        """Wait for a call of the ledger."""
        return self.runner.run(call)

    def teardown(self) -> None:
        """Leave nothing behind."""
        self.do(self.ledger.close())
        self.runner.close()

    @rule(episode=st.integers(1, 3), again=st.booleans())
    def push(self, episode: int, *, again: bool) -> None:
        """Open a broadcast, unless the episode was pushed before."""
        known = self.do(self.ledger.broadcast_of(episode, "monday"))
        made = self.do(
            self.ledger.create_broadcast(
                episode=episode,
                title="",
                schedule="monday",
                due=MONDAY,
                renderings={Choice(TELEGRAM): rendering(*MESSAGES)},
                again=again,
            )
        )
        assert (made is None) == (known is not None and not again)
        if made is not None:
            assert len(self.begin(made.id, DeliveryRank.LAST)) == 5

    @rule(episode=st.integers(4, 9))
    def push_to_one(self, episode: int) -> None:
        """Open a broadcast to one target, which goes first."""
        alone = {"title": "", "target": telegram(9), "rendering": rendering(*MESSAGES), "again": True}
        made = self.do(self.ledger.create_single(episode=episode, **alone))  # type: ignore[arg-type]  # as named
        assert len(self.begin(made.id, DeliveryRank.FIRST)) == 1

    def begin(self, broadcast_id: int, rank: DeliveryRank) -> list[Any]:
        """Take a new broadcast into the model, and return its deliveries."""
        fresh = [each for each in self.due() if each.broadcast_id == broadcast_id]
        self.stopped[broadcast_id] = False
        for each in fresh:
            self.model[each.id], self.of[each.id] = (PENDING, 0), broadcast_id
            self.renderings[each.id] = each.rendering_id
            self.rank[each.id], self.attempts[each.id] = rank, 0
        return fresh

    def go_on(self, each: int, attempts: int) -> None:
        """Take into the model how often the next message of a delivery was tried, and with that its rank."""
        self.attempts[each] = attempts
        if self.rank[each] is not DeliveryRank.FIRST:
            begun = DeliveryRank.BEGUN if self.model[each][1] else DeliveryRank.AGAIN
            self.rank[each] = DeliveryRank.LAST if attempts > IN_FRONT else begun

    def due(self) -> Any:  # noqa: ANN401 - as above
        """Everything that may be sent."""
        return self.do(due(self.ledger, TELEGRAM, limit=10_000))

    @rule(target=claimed, limit=st.integers(1, 4))
    def claim(self, limit: int) -> Any:  # noqa: ANN401 - a bundle's value
        """Claim some: those that are pending, and those that come first."""
        pending = [each for each, (state, _position) in self.model.items() if state is PENDING]
        given = self.do(self.ledger.claim(TELEGRAM, limit))
        assert [each.id for each in given] == sorted(pending, key=lambda each: (self.rank[each], each))[:limit]
        self.model |= {each.id: (SENDING, self.model[each.id][1]) for each in given}
        for each in given:
            self.attempts[each.id] += 1
            assert each.attempts == self.attempts[each.id]
        return self.lives, given

    @rule(
        claim=consumes(claimed), state=st.sampled_from([PENDING, SENT, FAILED]), attempts=st.integers(0, IN_FRONT + 1)
    )
    def record(self, claim: Any, state: DeliveryState, attempts: int) -> None:  # noqa: ANN401 - as above
        """Record an outcome of what was claimed; a process that has died records nothing."""
        life, deliveries = claim
        outcomes = []
        for each in deliveries if life == self.lives else ():
            # One message on when it is to go on, and no further than the last.
            position = min(each.position + 1, len(MESSAGES) - 1) if state is PENDING else each.position
            # Every failure here is the message's, as the platform says.
            code = "content" if state is FAILED else ""
            outcomes.append(Outcome(each.id, state, position, ("1",) * position, MONDAY, attempts, code, "refused"))
            self.refused |= {each.id} if state is FAILED else set()
            becomes = FAILED if state is PENDING and self.stopped[self.of[each.id]] else state
            self.model[each.id] = (becomes, position)
            self.go_on(each.id, attempts)
        self.do(self.ledger.record(outcomes))

    @rule(hold=st.booleans())
    def crash(self, *, hold: bool) -> None:
        """Close in the middle of everything, open again and recover."""
        self.do(self.ledger.close())
        self.ledger = self.open()
        self.lives += 1
        left = [each for each, (state, _position) in self.model.items() if state is SENDING]
        assert self.do(self.ledger.recover(DISCORD, hold=hold)) == 0
        assert self.do(self.ledger.recover(TELEGRAM, hold=hold)) == len(left)
        for each in left:
            position = self.model[each][1] + hold
            state = PENDING if position < len(MESSAGES) else UNKNOWN
            self.model[each] = (FAILED if state is PENDING and self.stopped[self.of[each]] else state, position)
            self.go_on(each, 0 if hold else self.attempts[each])

    @rule(data=st.data(), position=st.integers(0, 1))
    def doubt(self, data: st.DataObject, position: int) -> None:
        """A message that three chats refused and none took is stopped, once: what is pending with it fails."""
        if self.of:
            delivery = data.draw(st.sampled_from(sorted(self.of)))
            broadcast, rendering_id = self.of[delivery], self.renderings[delivery]
            alike = {each for each in self.of if self.of[each] == broadcast}
            refusals = [each for each in alike & self.refused if self.model[each][1] == position]
            is_taken = any(self.model[each][1] > position for each in alike)
            is_refused = len(refusals) >= CONFIRMED_BY and not is_taken
            pending = [each for each in alike if self.model[each][0] is PENDING]
            assert self.do(self.ledger.is_refused(rendering_id, position)) is is_refused
            stopped = self.do(self.ledger.stop_if_refused(rendering_id, position))
            assert (stopped is not None) is (is_refused and not self.stopped[broadcast])
            if stopped is not None:
                left = sum(self.model[each][0] in {PENDING, SENDING} for each in alike)
                assert (stopped.broadcast.id, stopped.reason, stopped.left_out) == (broadcast, "refused", left)
                self.stopped[broadcast] = True
                self.model |= {each: (FAILED, self.model[each][1]) for each in pending}

    @rule()
    def finish(self) -> None:
        """Exactly the open broadcasts of which nothing is left are finished."""
        open_ones = {each.id for each in self.do(self.ledger.broadcasts(1000)) if each.state is BroadcastState.OPEN}
        busy = {self.of[each] for each, (state, _position) in self.model.items() if state in {PENDING, SENDING}}
        assert {each.id for each in self.do(self.ledger.finish())} == open_ones - busy

    @invariant()
    def the_ledger_agrees(self) -> None:
        """States are counted as the model has them; what is due is what is pending, where it is to go on."""
        for broadcast in self.stopped:
            states = [self.model[each][0] for each, of in self.of.items() if of == broadcast]
            assert self.do(self.ledger.tally(broadcast)) == {state: states.count(state) for state in DeliveryState}
        pending = {each: position for each, (state, position) in self.model.items() if state is PENDING}
        assert {each.id: each.position for each in self.due()} == pending


def test_any_order(url: str) -> None:
    """The ledger and the model agree after each step of every run."""
    # A server answers more slowly than a file, and holds the same statements.
    runs = 8 if url.startswith("sqlite") else 3
    run_state_machine_as_test(
        lambda: AnyOrder(url),  # type: ignore[arg-type] # called, whatever it is
        settings=settings(max_examples=runs, stateful_step_count=20),
    )
