"""A recap as one unit: whose message is next while a push runs, over the real libraries and the stand-ins."""

from __future__ import annotations

import asyncio
import itertools
from collections import defaultdict
from typing import TYPE_CHECKING

from sqlalchemy import update

from bot.delivery import retry
from bot.model.document import Document, Heading, Layout, Section, Span
from bot.model.rendering import Message, Rendering
from bot.platforms.base import NotSentError
from bot.sandbox.shared.faults import BAD_GATEWAY, Fault, Match, Reply
from bot.sandbox.telegram import model as telegram_model
from bot.storage.records import Notice
from bot.storage.tables import renderings
from tests.delivery.ledger_kit import TELEGRAM, Clock, due, push, rendering, subscribe, telegram
from tests.delivery.side import SEND, finished

if TYPE_CHECKING:
    from bot.sandbox.shared.faults import Call
    from bot.storage.ledger import Ledger
    from tests.delivery.side import Side

RATE = 10
AUDIENCE = 4
"""Seconds that the first parts of all take."""
TOGETHER = 2.5
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
    people, (alone, admin) = either.add(AUDIENCE * RATE), either.add(2)
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

    At one message in thirty seconds, the repeats of twenty chats alone would be more than the rate.
    """
    broken, well = [telegram(chat) for chat in range(20)], [telegram(chat) for chat in range(20, 27)]
    await subscribe(ledger, *broken, *well)
    await push(ledger)
    served = set()
    for _ in itertools.repeat(None, 170):
        clock.advance(seconds=30)
        for claim in await ledger.claim(TELEGRAM, 1):
            if claim.target in well:
                served.add(claim.target)
                await ledger.record([retry.advance(claim, clock(), messages=1, message_id="1")])
            else:
                pause = retry.backoff(claim.attempts, luck=0.5)
                await ledger.record([retry.postpone(claim, clock() + pause, NotSentError("no connection"))])
    assert served == set(well)


async def test_a_refused_picture_costs_that_message_its_form_and_repeats_nothing(
    telegram_side: Side, real_ledger: Ledger
) -> None:
    """Two of four rich messages are refused: each is replaced in its place, and only the very first one rings."""
    side, (place,) = telegram_side, telegram_side.add(1)
    sections = tuple(Section((Heading((Span(f"Sujet {number}"),)),)) for number in range(1, 5))
    document = Document("Le récap", sections, layout=Layout.SEGMENTS, more="Trois sujets suivent.")
    refused = Reply(400, {"ok": False, "error_code": 400, "description": "Bad Request: WEBPAGE_CURL_FAILED"})

    def has_no_picture(call: Call) -> bool:
        return any(said in str(call.body) for said in ("Sujet 1", "Sujet 3"))

    side.standin.faults.add(Fault(refused, Match(route="sendRichMessage", where=has_no_picture), times=2))
    broadcast = await real_ledger.create_single(
        episode=1207, title="", target=side.target(place), rendering=side.platform.render(document, rich=True)
    )
    assert broadcast is not None
    assert await side.deliver(real_ledger, broadcast.id) == {"sent": 1}
    assert isinstance(place, telegram_model.Chat)
    got = [(message.rich or message.text, message.disable_notification) for message in place.messages]
    assert got == [
        ("Sujet 1\n\nTrois sujets suivent.", False),
        ("<h3>Sujet 2</h3>", True),
        ("Sujet 3", True),
        ("<h3>Sujet 4</h3>", True),
    ]


async def test_a_rendering_of_0_1_0_begins_its_fallback(ledger: Ledger) -> None:
    """There the fallback is that of the whole."""
    await ledger.create_single(episode=1, title="", target=telegram(1), rendering=rendering("A", "B"))
    await ledger.create_single(episode=1, title="", target=telegram(2), rendering=rendering("a", "b", "c"))
    rich, plain = await due(ledger)
    instead = update(renderings).where(renderings.c.id == rich.rendering_id).values(fallback_id=plain.rendering_id)
    await ledger._database.change(instead)
    (claim, *_) = await ledger.claim(TELEGRAM, 1)
    stored = await ledger.stored(claim.rendering_id)
    assert [message.fallback for message in stored.rendering.messages] == [rendering("a", "b", "c").messages] * 2
    await ledger.record([retry.advance(claim, ledger._clock(), messages=2, message_id="7")])
    await ledger.claim(TELEGRAM, 1)
    await ledger.fall_back(claim.id)
    fallen, _other = await due(ledger)
    assert (fallen.id, fallen.rendering_id) == (rich.id, plain.rendering_id)
    assert (fallen.position, fallen.message_ids) == (0, ())
