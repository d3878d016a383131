"""A bad Monday on Discord, measured: a push right after a start, through an outage and a global pause.

    python -m tests.endurance.storm --forums 200 --channels 400 --outage 30

Discord answers with errors for so long, has carried out some of the requests all the same, and then asks once for a
pause of everything. The stand-in counts every request that Discord counts; time is the real one.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
import time
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path

from bot.model.rendering import Message, Rendering
from bot.model.subscription import Subscription, Target
from bot.platforms.discord import NAME
from bot.sandbox.discord.server import DiscordStandIn
from bot.sandbox.discord.world import Forum
from bot.sandbox.shared.faults import BAD_GATEWAY, Fault, Match, Reply
from bot.sandbox.shared.traffic import most
from tests.delivery.side import COMPONENTS, finished, ledger_in, now
from tests.running import as_process, noting_lag
from tests.world import CONTENT

RATE = 45
"""Requests a second, as a config has it."""
PAUSE = 3.0
"""Seconds of the pause that Discord asks for."""
AWAY = Reply(503, {"message": "503: Service Unavailable", "code": 0})
OPEN_POST = "POST /channels/{channel_id}/threads"
SEND = "POST /channels/{channel_id}/messages"
FREE = ("POST /interactions/", "/webhooks/")
"""Parts of the routes that Discord does not count."""


@dataclass(frozen=True)
class Figures:
    """What was measured: the most requests that certainly left in one second, and the answers that ask for a pause.

    `missing` and `doubled` are messages, `in_pauses` requests that left into a pause which was known.
    """

    requests: int
    seconds: float
    peak: int
    refusals: int
    in_pauses: int
    missing: int
    doubled: int

    def __str__(self) -> str:
        return (
            f"{self.requests} requests in {self.seconds:.0f} s; at most {self.peak} in any second; "
            f"{self.refusals} answered with 429, {self.in_pauses} sent into a pause; "
            f"{self.missing} messages missing, {self.doubled} doubled"
        )

    def broken(self, slack: int = 0) -> list[str]:
        """The bounds that do not hold. `slack` are requests that a busy machine lets arrive together."""
        bounds = {
            "more requests in a second than the rate": self.peak > RATE + slack,
            "more than one 429 for one cause": self.refusals > 1 + slack,
            "requests into a pause": self.in_pauses > slack,
            "messages missing": self.missing > 0,
            "messages doubled": self.doubled > 0,
        }
        return [name for name, is_broken in bounds.items() if is_broken]


async def measure(forums: int, channels: int, outage: float) -> Figures:
    """Push two messages to so many forums and channels, as soon as the bot has begun, in a process of its own."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        async with DiscordStandIn() as standin, ledger_in(folder) as ledger, noting_lag() as lag:
            guild = standin.add_guild("Auditeurs")
            boards = [standin.add_forum(guild, f"forum-{number}") for number in range(forums)]
            texts = [standin.add_text(guild, f"salon-{number}") for number in range(channels)]
            for place in (*boards, *texts):
                await ledger.subscriptions.save(Subscription(Target(NAME, str(place.id)), "monday"))
            bodies = ({"flags": COMPONENTS, "components": [{"type": 10, "content": text}]} for text in ("Un", "Deux"))
            rendering = Rendering("Le récap", tuple(Message(body, 9, 4000) for body in bodies))
            choices = dict.fromkeys(await ledger.choices("monday"), rendering)
            config = folder / "config.toml"
            config.write_text(_config(standin, folder), encoding="utf-8")
            async with as_process(config):
                await standin.wait_for(lambda: standin.gateway.connected, 60)
                began = time.monotonic()
                broadcast = await ledger.create_broadcast(
                    episode=1, title="", schedule="monday", due=now(), renderings=choices
                )
                assert broadcast is not None
                _break(standin, until=began + outage)
                pausing = asyncio.get_running_loop().call_later(outage + 1.0, standin.limits.silence, PAUSE)
                await finished(ledger, broadcast.id, within=600)
                pausing.cancel()
        counted = [each for each in standin.traffic.requests if not any(part in each.route for part in FREE)]
        made = [(board, len(_messages(board))) for board in boards] + [(text, len(text.messages)) for text in texts]
        posts = sum(len(board.threads) - 1 for board in boards if board.threads)
        return Figures(
            requests=len(counted),
            seconds=counted[-1].at - began,
            peak=most([each.at for each in counted], lag.second),
            refusals=sum(each.answered == HTTPStatus.TOO_MANY_REQUESTS for each in counted),
            in_pauses=sum(
                any(wait.start + 0.1 < each.at < wait.end for wait in standin.traffic.waits) for each in counted
            ),
            missing=sum(max(0, 2 - count) for _place, count in made),
            doubled=posts + sum(max(0, count - 2) for _place, count in made),
        )


def _break(standin: DiscordStandIn, until: float) -> None:
    """Answer with errors until then; some of the requests have their effect."""

    def is_on(_call: object) -> bool:
        return time.monotonic() < until

    for route in (OPEN_POST, SEND):
        for number in range(10):
            standin.faults.add(Fault(BAD_GATEWAY, Match(route, where=is_on), skip=3 * number, after=True))
    standin.faults.add(Fault(AWAY, Match(where=is_on), times=None))


def _config(standin: DiscordStandIn, folder: Path) -> str:
    return f"""
[content]
folder = "{CONTENT}"
[storage]
url = "sqlite:///{folder / "recap.db"}"
[discord]
token = "{standin.token}"
api_url = "{standin.api_url}"
gateway_url = "{standin.gateway_url}"
rate = {RATE}
"""


def _messages(board: Forum) -> list[object]:
    return [message for thread in board.threads for message in thread.messages]


if __name__ == "__main__":
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--forums", type=int, default=200)
    options.add_argument("--channels", type=int, default=400)
    options.add_argument("--outage", type=float, default=30.0)
    chosen = options.parse_args()
    figures = asyncio.run(measure(chosen.forums, chosen.channels, chosen.outage))
    print(figures)  # noqa: T201 - a script
    sys.exit("; ".join(figures.broken()) or 0)
