"""A push to very many people without a platform: what a claim takes at its beginning and at its end."""

from __future__ import annotations

import statistics
import time
from typing import TYPE_CHECKING

from bench.pipeline import leased, open_broadcast, subscribed
from bot.model.subscription import PlatformName
from bot.storage.records import DeliveryState, Outcome

if TYPE_CHECKING:
    from bench.block import Block

TELEGRAM = PlatformName("telegram")
AT_ONCE = 200
"""Messages that are claimed at a time, as many as the bot claims at most."""


async def main(block: Block) -> None:
    """Claim and record the whole push, and compare the first tenth of the claims with the last."""
    async with subscribed(block, TELEGRAM, block.messages) as ledger:
        await open_broadcast(block, ledger, TELEGRAM)
        ledger_of_worker = ledger.under(await leased(ledger, TELEGRAM))
        seconds, outcomes = [], list[Outcome]()
        with block.measured(block.messages):
            while True:
                began = time.monotonic()
                claims = await ledger_of_worker.claim(TELEGRAM, AT_ONCE, outcomes)
                if not claims:
                    break
                seconds.append(time.monotonic() - began)
                now = ledger.clock()
                outcomes = [Outcome(each.id, DeliveryState.SENT, 1, ("1",), now, 0) for each in claims]
        tenth = len(seconds) // 10
        block.found["first"] = statistics.median(seconds[1 : tenth + 1])
        block.found["last"] = statistics.median(seconds[-tenth:])
