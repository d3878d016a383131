"""The cluster test: kills, stops and cuts off processes that share a PostgreSQL, and counts who got what.

python -m tests.endurance.cluster stop restart cut freeze failover
python -m tests.endurance.cluster kill --kills 20 --targets 1500

It starts PostgreSQL servers of its own, with the newest of Debian's programs, and PgBouncer where that is installed.
"""

from __future__ import annotations

import argparse
import asyncio
import functools
import math
import os
import random
import signal
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import psycopg
from alembic import command
from sqlalchemy.engine import make_url

from bot.delivery import retry
from bot.model.codes import Code
from bot.platforms.base import NotSentError
from bot.storage.database import Database
from bot.storage.migrations import config
from tests.delivery.ledger_kit import (
    MONDAY,
    PENDING,
    SENDING,
    TELEGRAM,
    failed,
    opened,
    push,
    subscribe,
    tally,
    telegram,
)
from tests.delivery.test_turns import ENDS
from tests.endurance.machines import TAKEN_OVER, Cluster, Figures, cluster
from tests.endurance.servers import PGBOUNCER, Link, Server, pooled

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

Scenario: TypeAlias = "Callable[[Cluster], Awaitable[Figures]]"

PEOPLE_BEFORE = 100_000
"""Deliveries of the schema before, which two processes migrate at once."""
BEFORE = """
INSERT INTO broadcasts SELECT 1, 1206, '', 'monday', 0, now(), now(), 'done', '', now(), 'push', null;
INSERT INTO renderings SELECT 1, 1, 'telegram', '', '', '[]', null;
INSERT INTO deliveries SELECT n, 1, null, 'telegram', n::text, 0, 1, 'sent', 1, '["1"]', 0, now(), '', '', false, now()
FROM generate_series(1, {people}) n;
SELECT setval('broadcasts_id_seq', 1), setval('renderings_id_seq', 1), setval('deliveries_id_seq', {people})
"""
AT_START = 20
"""Targets on each platform where what counts is the start."""
FORGOTTEN = 3.0
"""Seconds that a standby is behind."""
BEHIND = 0.5
"""Seconds within which a standby has seen everything."""
CLOCKS_APART = 300.0
"""Seconds between the clocks of two machines."""
INSTANT = 0.004
"""Seconds within which two transactions begin that are to meet: about as many as each takes."""
PEOPLE = [telegram(number) for number in range(1, 5)]
STANDS_BY = "; this one stands by"
"""The end of a line in the log of a process that has lost a role."""
ROLLED_OUT = 3600.0
"""Seconds between the configs of two machines."""


async def kill(made: Cluster, times: int, *, kind: str = "kill", replaced: bool = True) -> Figures:
    """Kill the process that works on Telegram, so often in one push; another one starts in its place each time."""
    figures = Figures(kind, times=0)
    await asyncio.gather(made.begin(), made.begin())
    for _time in range(times):
        await made.sends(3)
        if made.is_over():
            break
        if replaced:
            # Because a process that only begins cannot take over.
            await made.ready()
        await made.kill(await made.led())
        figures.in_doubt += made.in_doubt()
        figures.times += 1
        if replaced:
            await made.begin()
    return await made.over(figures)


async def stop(made: Cluster, seconds: float) -> Figures:
    """Stop the process that works on Telegram for a while, and wake it."""
    figures = Figures("stop")
    await asyncio.gather(made.begin(), made.begin())
    await made.sends(3)
    os.kill(leader := await made.led(), signal.SIGSTOP)
    figures.in_doubt, roles = made.in_doubt(), made.roles(leader)
    await asyncio.sleep(seconds)
    await made.over(figures)
    sent = made.place.sends()
    os.kill(leader, signal.SIGCONT)
    await made.logged(STANDS_BY, roles)
    figures.late = made.place.sends() - sent
    return figures


async def restart(made: Cluster, server: Server, away: float) -> Figures:
    """Stop the server in mid-push for a while, in which somebody asks something."""
    figures, stand_in = Figures(f"restart after {away:.0f} s"), made.place.telegram
    curious = stand_in.add_private(name="Curieuse")
    await asyncio.gather(made.begin(), made.begin())
    await made.sends(3)
    figures.in_doubt = made.in_doubt() - made.sent()
    await server.stop()
    await asyncio.sleep(away)
    # The outcomes of those that went out since the look are nowhere, if another process goes on.
    figures.in_doubt += made.sent()
    stand_in.say(curious, curious.person, "/help")
    await server.start()
    await made.until(lambda: any(message.by_bot for message in curious.messages))
    return await made.over(figures)


async def cut(made: Cluster) -> Figures:
    """End every connection in mid-push."""
    figures = Figures("cut")
    await asyncio.gather(made.begin(), made.begin())
    await made.sends(3)
    figures.in_doubt = made.in_doubt()
    made.ask("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND datname <> ''")
    return await made.over(figures)


async def freeze(made: Cluster, seconds: float) -> Figures:
    """Freeze the way of the process that works on Telegram to the server, while another one stands by."""
    figures = Figures("freeze")
    async with Link(made.url).open() as link:
        frozen = await made.begin(link.url)
        await made.led()
        await made.begin()
        await made.sends(3)
        with link.frozen():
            figures.in_doubt, roles = made.in_doubt(), made.roles(frozen)
            await asyncio.sleep(seconds)
        await made.logged(STANDS_BY, roles)
        return await made.over(figures)


async def failover(made: Cluster, first: Server, folder: Path, *, of_all: bool) -> Figures:
    """Let a standby take over that has not seen the last seconds; with `of_all`, from before channels and push."""
    second, place = Server(folder), made.place
    figures = Figures("failover from before the push" if of_all else "failover")
    declared, episode = place.config.read_text(encoding="utf-8"), place.folder / "content" / "1207.md"
    if of_all:
        place.config.write_text(declared.partition("[[channels]]")[0], encoding="utf-8")
        episode = episode.rename(place.folder / episode.name)
    async with Link(first.url).open() as link:
        await second.copy(link.url)
        hosts = "&".join(f"host=127.0.0.1:{server.port}" for server in (first, second))
        made.way = f"postgresql://recap@/{make_url(made.url).database}?{hosts}&target_session_attrs=read-write"
        await asyncio.gather(made.begin(), made.begin())
        await made.led("clock")
        await (made.led() if of_all else made.sends(3))
        figures.in_doubt = made.in_doubt() - made.sent()
        # A standby is a little behind anyway.
        await asyncio.sleep(BEHIND)
        with link.frozen():
            began = time.monotonic()
            if of_all:
                place.config.write_text(declared, encoding="utf-8")
                await made.until(lambda: made.subscribed() == len(place.chats) + len(place.channels))
                episode.rename(place.folder / "content" / episode.name)
                await made.sends(3)
            await asyncio.sleep(FORGOTTEN - (time.monotonic() - began))
            await first.stop("immediate")
            await second.promote()
            figures.in_doubt += made.sent()
        made.url = make_url(made.url).set(port=second.port).render_as_string(hide_password=False)
        try:
            return await made.over(figures)
        finally:
            await second.stop()
            await first.start()


async def clocks(made: Cluster, *, ahead: tuple[float, float]) -> Figures:
    """Kill the first of two machines in mid-push, of which one has a wrong clock."""
    figures = Figures("clocks {:+.0f} s and {:+.0f} s".format(*ahead))
    await made.begin(ahead=ahead[0])
    await made.led()
    await made.begin(ahead=ahead[1])
    await made.sends(3)
    await made.kill(await made.led())
    figures.in_doubt = made.in_doubt()
    return await made.over(figures)


async def pooler(made: Cluster, folder: Path, kills: int) -> Figures:
    """Kill processes that reach the server by way of PgBouncer."""
    async with pooled(made.url, folder / "pooler") as made.way:
        return await kill(made, kills, kind="pgbouncer")


async def rollout(made: Cluster) -> Figures:
    """Let two machines take turns, of which one has a config an hour newer that leaves out and adds channels."""
    figures, place = Figures("rollout"), made.place
    head, *channels = place.config.read_text(encoding="utf-8").split("\n[[channels]]")
    old, new = place.folder / "old.toml", place.folder / "new.toml"
    for file, declared in ((old, channels[:-10]), (new, channels[10:])):
        file.write_text("\n[[channels]]".join([head, *declared]), encoding="utf-8")
    os.utime(old, (time.time() - ROLLED_OUT,) * 2)
    episode = place.folder / "content" / "1207.md"
    hidden = episode.rename(place.folder / episode.name)
    first = await made.begin(config=old)
    await made.until(lambda: made.subscribed() == len(channels) - 10)
    second = await made.begin(config=new)
    for _turn in range(3):
        # The older of the two processes works, until it dies and begins anew as the younger one.
        await made.kill(first)
        await made.led("clock")
        await made.until(lambda: made.subscribed() == len(channels))
        first, second = second, await made.begin(config=old)
        old, new = new, old
    hidden.rename(episode)
    figures.times = len(made.running)
    return await made.over(figures)


async def copied(made: Cluster) -> Figures:
    """Kill a process on SQLite in mid-push, copy its ledger to the server, and let two processes go on there."""
    figures, file = Figures("copy"), f"sqlite:///{made.place.folder / 'recap.db'}"
    alone = await made.begin(file)
    await made.sends(3)
    await made.kill(alone)
    on_their_way = "SELECT platform, count(*) FROM deliveries WHERE state = 'sending' GROUP BY platform"
    figures.in_doubt = made.place.rows(on_their_way).get("telegram", 0)
    copying = await asyncio.create_subprocess_exec(sys.executable, "-m", "bot", "storage", "copy", file, made.url)
    assert await copying.wait() == 0
    await made.begin(file)
    assert await made.running[-1].wait() == 1, "the old file still starts a bot"
    await asyncio.gather(made.begin(), made.begin())
    return await made.over(figures)


async def starts(made: Cluster) -> Figures:
    """Start two processes at once on an empty database, and let them push."""
    await asyncio.gather(made.begin(), made.begin())
    figures = await made.over(Figures("starts"))
    await made.until(lambda: made.number("SELECT count(*) FROM processes") == len(made.running))
    return figures


async def migrate(made: Cluster) -> Figures:
    """Start two processes at once on a database of 0.1.0's schema with many deliveries."""
    database = Database(make_url(made.url))
    await database.write(lambda connection: command.upgrade(config(connection), "0003"))
    await database.write(lambda connection: connection.exec_driver_sql(BEFORE.format(people=PEOPLE_BEFORE)))
    await database.close()
    figures = await starts(made)
    figures.kind = "migrate"
    return figures


async def ends(made: Cluster, times: int, end: str) -> Figures:
    """End deliveries from one process in the very instant in which another one records their retries."""
    figures, luck = Figures(f"end by {end}", times=times), random.Random(1207)  # noqa: S311 - for instants
    async with opened(made.url) as recording, opened(made.url) as ending:
        for episode in range(times):
            await subscribe(recording, *PEOPLE)
            pushed = await push(recording, episode=episode)
            claim, *others = await recording.claim(TELEGRAM, len(PEOPLE))
            # Three chats that refuse a message are what stops it.
            await recording.record([failed(other, Code.CONTENT, "can't parse entities") for other in others])
            retried = retry.postpone(claim, MONDAY, NotSentError("no connection"))
            await asyncio.gather(
                _after(luck.uniform(0, INSTANT), recording.record([retried])),
                _after(luck.uniform(0, INSTANT), ENDS[end](ending, claim)),
            )
            states = await tally(recording, pushed.id)
            late = await recording.claim(TELEGRAM, len(PEOPLE))
            figures.unfinished += states.get(PENDING, 0) + states.get(SENDING, 0) + len(late)
            await recording.finish()
    return figures


async def _after(seconds: float, act: Awaitable[object]) -> None:
    await asyncio.sleep(seconds)
    await act


async def main(given: argparse.Namespace) -> bool:
    """Run the kinds that were asked for; True if the promise held in all."""
    is_right = True
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        server = Server(folder / "server")
        await server.make()
        kinds = _kinds(given, server, folder)
        try:
            chosen = [(kind, scenario) for kind in given.kinds or kinds for scenario in kinds[kind]]
            for number, (kind, scenario) in enumerate(chosen):
                with psycopg.connect(server.url, autocommit=True) as connection:
                    connection.execute(f"CREATE DATABASE recap{number}")  # type: ignore[arg-type, unused-ignore] # a number
                url = make_url(server.url).set(database=f"recap{number}").render_as_string(hide_password=False)
                hold = kind == "hold"
                targets = min(given.targets, AT_START) if kind == "starts" else given.targets
                async with cluster(url, targets, given.rate, quick=given.quick, hold=hold) as made:
                    figures = await scenario(made)
                within = TAKEN_OVER if kind in {"kill", "hold", "stop", "pooler"} else math.inf
                holds = figures.is_right(given.rate, hold=hold, within=within)
                print(figures, "" if holds else "BROKEN", flush=True)  # noqa: T201 - a script
                is_right &= holds
        finally:
            await server.stop()
    return is_right


def _kinds(given: argparse.Namespace, server: Server, folder: Path) -> dict[str, list[Scenario]]:
    partial = functools.partial
    poolers: list[Scenario] = [partial(pooler, folder=folder, kills=given.kills)] if PGBOUNCER else []
    if not PGBOUNCER:
        print("pgbouncer is not installed: its scenario is left out")  # noqa: T201 - a script
    return {
        "kill": [partial(kill, times=given.kills)],
        "hold": [partial(kill, times=given.kills, kind="kill with hold")],
        "stop": [partial(stop, seconds=given.seconds)],
        "restart": [partial(restart, server=server, away=away) for away in (5.0, 90.0)],
        "cut": [cut],
        "freeze": [partial(freeze, seconds=given.frozen)],
        "failover": [
            partial(failover, first=server, folder=folder / f"standby-{of_all:d}", of_all=of_all)
            for of_all in (False, True)
        ],
        "clocks": [partial(clocks, ahead=ahead) for ahead in ((0.0, CLOCKS_APART), (CLOCKS_APART, 0.0))],
        "pooler": poolers,
        "rollout": [rollout],
        "copy": [copied],
        "starts": [starts] * given.starts,
        "migrate": [migrate],
        "ends": [partial(ends, times=given.ends, end=end) for end in ENDS],
    }


if __name__ == "__main__":
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument(
        "kinds",
        nargs="*",
        metavar="KIND",
        help="kill, hold, stop, restart, cut, freeze, failover, clocks, pooler, rollout, copy, starts, migrate, ends",
    )
    options.add_argument("--targets", type=int, default=300, help="on each platform")
    options.add_argument("--rate", type=int, default=10, help="messages a second on each platform")
    options.add_argument("--kills", type=int, default=20)
    options.add_argument("--seconds", type=float, default=60.0, help="for which a process is stopped")
    options.add_argument("--frozen", type=float, default=45.0, help="seconds for which its connection is frozen")
    options.add_argument("--starts", type=int, default=50, help="times that two processes start at once")
    options.add_argument("--ends", type=int, default=500, help="times that a delivery ends as its retry is recorded")
    options.add_argument("--quick", action="store_true", help="with leases of three seconds")
    raise SystemExit(not asyncio.run(main(options.parse_args())))
