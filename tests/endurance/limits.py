"""The limits, measured: a push at the full rate, with people asking things all the while.

    python -m tests.endurance.limits --targets 3000 --rate 30 --answers 200

The stand-in measures what arrives, in every sliding second and minute; time is the real one.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bot.delivery.sending import PacedSender
from bot.model.rendering import Message
from bot.model.subscription import PlatformName
from bot.platforms.base import Post, SendRequest
from bot.sandbox.telegram.server import TelegramStandIn
from tests.delivery.side import finished, ledger_in, side

if TYPE_CHECKING:
    from bot.delivery.pacing import Pacer
    from bot.storage.ledger import Ledger
    from tests.delivery.side import Place, Side


PUSHED = "Bonjour"


@dataclass(frozen=True)
class Figures:
    """What was measured.

    `attained` is the share of the rate, from the first pushed message to the last. The peaks are the most messages in
    any sliding second, of all chats and of one, and in any sliding minute of a group.
    `p99` is how many seconds an answer takes, from the question to the platform's own answer.
    """

    messages: int
    attained: float
    peak: int
    chat_peak: int
    group_peak: int
    answers: int
    p99: float

    def __str__(self) -> str:
        return (
            f"{self.messages} messages at {self.attained:.1%} of the rate; at most {self.peak} in any second, "
            f"{self.chat_peak} in any second of one chat, {self.group_peak} in any minute of one group; "
            f"{self.answers} answers meanwhile, p99 {self.p99 * 1000:.0f} ms"
        )


async def measure(targets: int, rate: int, answers: int) -> Figures:
    """Push to so many private chats, and to a group that gets more than it may have at once."""
    async with side(PlatformName("telegram")) as out:
        assert isinstance(out.standin, TelegramStandIn)
        out.rate = rate
        with tempfile.TemporaryDirectory() as folder:
            async with ledger_in(Path(folder)) as ledger:
                await out.subscribe(ledger, *out.add(targets))
                waits = await _push(out, ledger, answers)
        traffic = out.standin.traffic
        arrivals = [send.at for send in traffic.sends]
        pushed = [send.at for send in traffic.sends if send.body["text"] == PUSHED]
        meanwhile = [at for at in arrivals if pushed[0] <= at <= pushed[-1]]
        by_second, by_minute = traffic.peak_by_chat(1.0), traffic.peak_by_chat(60.0)
        return Figures(
            messages=len(arrivals),
            attained=(len(meanwhile) - 1) / (meanwhile[-1] - meanwhile[0]) / rate,
            peak=traffic.peak(1.0),
            chat_peak=max(by_second.values()),
            group_peak=max((peak for chat, peak in by_minute.items() if chat.startswith("-")), default=0),
            answers=len(waits),
            p99=sorted(waits)[int(len(waits) * 0.99) - 1] if waits else 0.0,
        )


async def _push(out: Side, ledger: Ledger, answers: int) -> list[float]:
    assert isinstance(out.standin, TelegramStandIn)
    # People who are no subscribers, so that their chats' own limits are not what is measured.
    people: list[Place] = [out.standin.add_private(name=f"Q{number}") for number in range(answers)]
    group = out.standin.add_group("La bande")
    seconds = len(await ledger.subscriptions.all()) / out.rate
    async with out.delivering(ledger) as pacer:
        broadcast = await out.open(ledger, PUSHED)
        burst = [asyncio.create_task(_answer(out, pacer, group)) for _ in range(min(25, answers))]
        waits = await asyncio.gather(
            *(_ask(out, pacer, person, (number + 0.5) * seconds / answers) for number, person in enumerate(people))
        )
        await finished(ledger, broadcast, within=seconds * 3 + 30)
        for task in burst:
            task.cancel()
        await asyncio.gather(*burst, return_exceptions=True)
    return waits


async def _ask(out: Side, pacer: Pacer, person: Place, after: float) -> float:
    await asyncio.sleep(after)
    asked = time.monotonic()
    await _answer(out, pacer, person)
    return time.monotonic() - asked


async def _answer(out: Side, pacer: Pacer, place: Place) -> None:
    post = Post(out.target(place), "", Message({"text": "Voilà"}, 5, 4096), nonce="answer")
    answer = SendRequest(post.target, lambda leave: out.platform.send(post._replace(leave=leave)), leaves=True)
    await PacedSender(pacer).send(answer)


if __name__ == "__main__":
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--targets", type=int, default=3000)
    options.add_argument("--rate", type=int, default=30)
    options.add_argument("--answers", type=int, default=200)
    chosen = options.parse_args()
    print(asyncio.run(measure(chosen.targets, chosen.rate, chosen.answers)))  # noqa: T201 - a script
