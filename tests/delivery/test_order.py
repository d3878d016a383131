"""A recap as one unit: whose message is next while a push runs, over the real libraries and the stand-ins."""

from __future__ import annotations

import asyncio
import itertools
from collections import defaultdict
from typing import TYPE_CHECKING

from bot.delivery import retry
from bot.model.document import Document, Heading, Section, Span
from bot.model.rendering import Message, Rendering
from bot.platforms.base import NotSentError
from bot.sandbox.shared.faults import BAD_GATEWAY, Fault, Match
from bot.storage.records import Notice
from tests.delivery.ledger_kit import TELEGRAM, Clock, push, subscribe, telegram
from tests.delivery.side import SEND, finished

if TYPE_CHECKING:
    from bot.storage.ledger import Ledger
    from tests.delivery.side import Side

RATE = 20
TOGETHER = 5.0
"""Seconds within which the parts of a recap come after each other."""
AT_ONCE = 2.0
"""Seconds in which a message for one alone passes a push that runs."""


def arrivals(side: Side) -> dict[str, list[float]]:
    """When each chat got its messages."""
    got = defaultdict(list)
    for send in side.standin.traffic.sends:
        if send.processed == 200:
            got[send.chat].append(send.at)
    return got


async def test_the_parts_of_a_recap_come_together(either: Side, real_ledger: Ledger) -> None:
    """Whatever the size of the audience, and where a first part is refused for the moment; what is for one passes."""
    either.rate = RATE
    people, (alone, admin) = either.add(6 * RATE), either.add(2)
    await either.subscribe(real_ledger, *people)
    for place in people[::10]:
        either.standin.faults.add(Fault(BAD_GATEWAY, Match(route=SEND[either.name], chat=place.id)))
    broadcast = await either.open(real_ledger, "un", "deux")
    async with either.delivering(real_ledger):
        await either.standin.wait_for(lambda: len(arrivals(either)) >= RATE, within=30)
        asked = asyncio.get_running_loop().time()
        body = either._body("À toi")
        only = Rendering("", (Message(body, 5, 4000),))
        await real_ledger.create_single(episode=9, title="", target=either.target(alone), rendering=only)
        notice = Notice(Document("", (Section((Heading((Span("Attention"),)),)),)))
        assert await real_ledger.notices.add("attention", notice, [(only, [either.target(admin)])])
        await either.standin.wait_for(lambda: bool(arrivals(either)[str(alone.id)]), within=30)
        await either.standin.wait_for(lambda: bool(arrivals(either)[str(admin.id)]), within=30)
        assert asyncio.get_running_loop().time() - asked < AT_ONCE
        assert await finished(real_ledger, broadcast, within=90) == {"sent": len(people)}
    got = arrivals(either)
    for place in people:
        first, second = got[str(place.id)]
        assert second - first < TOGETHER
        assert either.received(place) == ["un", "deux"]


async def test_chats_that_always_fail_do_not_take_the_whole_rate(ledger: Ledger, clock: Clock) -> None:
    """A message that failed often waits behind the others, however many such messages there are.

    At one message in ten seconds, the repeats of sixty chats alone would be more than the rate.
    """
    broken, well = [telegram(chat) for chat in range(60)], [telegram(chat) for chat in range(60, 80)]
    await subscribe(ledger, *broken, *well)
    await push(ledger)
    served = set()
    for _ in itertools.repeat(None, 500):
        clock.advance(seconds=10)
        for claim in await ledger.claim(TELEGRAM, 1):
            if claim.target in well:
                served.add(claim.target)
                await ledger.record([retry.advance(claim, clock(), messages=1, message_id="1")])
            else:
                pause = retry.backoff(claim.attempts, luck=0.5)
                await ledger.record([retry.postpone(claim, clock() + pause, NotSentError("no connection"))])
    assert served == set(well)
