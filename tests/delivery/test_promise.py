"""The promise of delivery, point by point: a test of each that bears its name.

Each point is proved in full elsewhere; what is here shows it whole, on both platforms, in a few lines.
"""

from __future__ import annotations

import asyncio
import datetime as dt
from typing import TYPE_CHECKING

from bot.sandbox.shared.faults import Fault, Hook, Match
from bot.storage.records import DeliveryState
from bot.storage.tables import deliveries
from tests.delivery.ledger_kit import opened, push, rendering, subscribe, telegram
from tests.delivery.side import SEND, finished, now

if TYPE_CHECKING:
    from pathlib import Path

    from bot.sandbox.shared.faults import Call
    from bot.storage.ledger import Ledger
    from tests.delivery.side import Side


async def test_promise_1_a_broadcast_exists_once(real_ledger: Ledger, tmp_path: Path) -> None:
    """A second firing, a second process and a restart add nothing."""
    await subscribe(real_ledger, telegram(1))
    await push(real_ledger)
    async with opened(tmp_path) as other_process:
        choices = await other_process.choices("monday")
        firing = {"episode": 1207, "title": "", "schedule": "monday", "due": real_ledger._clock()}
        renderings = dict.fromkeys(choices, rendering("Bonjour"))
        again = await other_process.create_broadcast(renderings=renderings, **firing)  # type: ignore[arg-type]  # as named
    assert again is None
    assert len(await real_ledger.broadcasts(10)) == 1


async def test_promise_2_every_message_is_in_the_ledger_before_and_after(either: Side, real_ledger: Ledger) -> None:
    """While the platform has it the ledger says `sending`; afterwards `sent`, with the platform's id."""
    (place,) = either.add(1)
    await either.subscribe(real_ledger, place)
    broadcast = await either.open(real_ledger, "Bonjour")
    during: list[int] = []

    async def look(_call: Call) -> None:
        during.append((await real_ledger.tally(broadcast))[DeliveryState.SENDING])

    either.standin.faults.add(Fault(Hook(look), Match(route=SEND[either.name])))
    assert await either.deliver(real_ledger, broadcast) == {"sent": 1}
    assert during == [1]
    (row,) = await real_ledger._database.read(lambda connection: connection.execute(deliveries.select()).all())
    assert (row.state, len(row.message_ids)) == (DeliveryState.SENT, 1)
    assert either.received(place) == ["Bonjour"]


async def test_promise_3_whoever_dies_goes_on_where_it_was(either: Side, real_ledger: Ledger) -> None:
    """A process that was killed with messages claimed: the next one sends to everybody. In full: tests/endurance."""
    places = either.add(5)
    await either.subscribe(real_ledger, *places)
    broadcast = await either.open(real_ledger, "Bonjour")
    assert len(await real_ledger.claim(either.name, 2)) == 2
    assert await either.deliver(real_ledger, broadcast) == {"sent": 5}
    assert [either.received(place) for place in places] == [["Bonjour"]] * 5


async def test_promise_4_one_broken_target_never_holds_up_the_others(either: Side, real_ledger: Ledger) -> None:
    """One place never answers; all others are served meanwhile. In full: test_faults and test_error_tables."""
    broken, *well = either.add(9)
    await either.subscribe(real_ledger, broken, *well)
    broadcast = await either.open(real_ledger, "Bonjour")
    released = asyncio.Event()

    async def wait(_call: Call) -> None:
        await released.wait()

    either.standin.faults.add(Fault(Hook(wait), Match(route=SEND[either.name], chat=broken.id)))
    async with either.delivering(real_ledger):
        await either.standin.wait_for(lambda: all(either.received(place) for place in well))
        assert not either.received(broken)
        released.set()
        assert await finished(real_ledger, broadcast) == {"sent": 9}


async def test_promise_5_within_the_limits_and_answers_first(either: Side, real_ledger: Ledger) -> None:
    """In no second more than the rate; an answer in the middle of a push is next. In full: tests/endurance."""
    either.rate = 20
    places, (person,) = either.add(30), either.add(1)
    await either.subscribe(real_ledger, *places)
    broadcast = await either.open(real_ledger, "Bonjour")
    async with either.delivering(real_ledger) as pacer:
        await either.standin.wait_for(lambda: len(either.standin.traffic.sends) >= 5)
        before = len(either.standin.traffic.sends)
        (await pacer.answer(either.target(person))).leave()
        assert len(either.standin.traffic.sends) <= before + 2
        assert await finished(real_ledger, broadcast) == {"sent": 30}
    assert either.standin.traffic.peak(0.9) <= either.rate


async def test_promise_6_stopping_finishes_and_records_what_is_in_flight(either: Side, real_ledger: Ledger) -> None:
    """Nothing new is sent, nothing is left in doubt. As a process, with signals: tests/test_process.py."""
    either.rate = 20
    await either.subscribe(real_ledger, *either.add(30))
    broadcast = await either.open(real_ledger, "Bonjour")
    async with either.delivering(real_ledger):
        await either.standin.wait_for(lambda: len(either.standin.traffic.sends) >= 5)
    states = await real_ledger.tally(broadcast)
    assert states[DeliveryState.SENDING] == states[DeliveryState.UNKNOWN] == 0
    assert states[DeliveryState.SENT] == len(either.standin.traffic.sends)
    assert states[DeliveryState.PENDING] == 30 - states[DeliveryState.SENT]


async def test_promise_7_the_end_is_told_once(either: Side, real_ledger: Ledger) -> None:
    """When nothing is left, the reports hear of it once. In words: tests/test_report.py."""
    await either.subscribe(real_ledger, *either.add(3))
    await either.deliver(real_ledger, await either.open(real_ledger, "Bonjour"))
    assert either.finished == 1
    assert [push.episode for push in await real_ledger.notices.unreported(now() - dt.timedelta(hours=1))] == [1207]
    assert await real_ledger.finish() == []
