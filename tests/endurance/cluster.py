"""The cluster test: kills, stops and cuts off processes that share a PostgreSQL, and counts who got what.

python -m tests.endurance.cluster --targets 300 --kills 20
python -m tests.endurance.cluster stop restart cut freeze starts migrate

It starts a PostgreSQL of its own, with the newest of Debian's programs.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import itertools
import os
import re
import shutil
import signal
import socket
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
from alembic import command
from sqlalchemy.engine import make_url

from bot.storage.database import Database
from bot.storage.migrations import config
from tests.endurance.crash import PATIENCE, DemoWorld, repeats, town

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterator

PROGRAMS = max(Path("/usr/lib/postgresql").glob("*/bin"), default=None)
"""The programs of the newest server on this machine."""
PEOPLE_BEFORE = 100_000
"""Deliveries of the schema before, which two processes migrate at once."""
BEFORE = """
INSERT INTO broadcasts SELECT 1, 1206, '', 'monday', 0, now(), now(), 'done', '', now(), 'push', null;
INSERT INTO renderings SELECT 1, 1, 'telegram', '', '', '[]', null;
INSERT INTO deliveries SELECT n, 1, null, 'telegram', n::text, 0, 1, 'sent', 1, '["1"]', 0, now(), '', '', false, now()
FROM generate_series(1, %s) n;
"""


class Server:
    """A PostgreSQL server of this test alone, on loopback."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._port = _free_port()
        # PostgreSQL refuses to run as root.
        self._as = ["runuser", "--user", "postgres", "--"] if os.getuid() == 0 else []
        self.url = f"postgresql://recap@127.0.0.1:{self._port}/postgres"

    async def make(self) -> None:
        """Make the server's files, and start it."""
        if self._as:
            shutil.chown(self._folder, "postgres")
            self._folder.parent.chmod(0o755)
        await self._do("initdb", "--pgdata", "data", "--username", "recap", "--auth", "trust", "--encoding", "UTF8")
        await self.start()

    async def start(self) -> None:
        """Start it, and wait until it answers."""
        options = f"-c listen_addresses=127.0.0.1 -c port={self._port} -c unix_socket_directories="
        await self._do(
            "pg_ctl", "start", "--pgdata", "data", "--wait", "--silent", "--log", "log", "--options", options
        )

    async def stop(self) -> None:
        """Stop it at once, connections or not."""
        await self._do("pg_ctl", "stop", "--pgdata", "data", "--mode", "fast", "--silent")

    async def _do(self, program: str, *arguments: str) -> None:
        assert PROGRAMS is not None
        started = await asyncio.create_subprocess_exec(
            *self._as, str(PROGRAMS / program), *arguments, cwd=self._folder, stdout=asyncio.subprocess.DEVNULL
        )
        if await started.wait():
            raise RuntimeError(f"{program} fails: {(self._folder / 'log').read_text('utf-8')[-2000:]}")


class Link:
    """The way of one process to the server, which can be frozen: nothing passes, and nobody is told."""

    def __init__(self, url: str) -> None:
        self._server = make_url(url)
        self._passing = asyncio.Event()
        self._passing.set()
        self._ends: list[asyncio.StreamWriter] = []
        self.url = ""

    @contextlib.asynccontextmanager
    async def open(self) -> AsyncIterator[Link]:
        """Listen on loopback."""
        async with await asyncio.start_server(self._connect, "127.0.0.1", 0) as listener:
            port = listener.sockets[0].getsockname()[1]
            self.url = self._server.set(port=port).render_as_string(hide_password=False)
            yield self
        for each in self._ends:
            each.close()

    @contextlib.contextmanager
    def frozen(self) -> Iterator[None]:
        """Let nothing pass for a while."""
        self._passing.clear()
        try:
            yield
        finally:
            self._passing.set()

    async def _connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection(self._server.host, self._server.port)
        self._ends += writer, back
        with contextlib.closing(writer), contextlib.closing(back):
            await asyncio.wait(
                [asyncio.create_task(self._pass(reader, back)), asyncio.create_task(self._pass(there, writer))],
                return_when=asyncio.FIRST_COMPLETED,
            )

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            while some := await reader.read(65536):
                await self._passing.wait()
                writer.write(some)
                await writer.drain()


@dataclass
class Figures:
    """What came of it. `in_doubt` counts Telegram's messages on their way when a process died or stood still."""

    kind: str
    missing: int = 0
    telegram_twice: int = 0
    in_doubt: int = 0
    discord_twice: int = 0
    pushes: int = 0
    unfinished: int = 0
    peak: int = 0
    longest_gap: float = 0.0
    times: int = 0

    def __str__(self) -> str:
        return ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in vars(self).items())

    def is_right(self, rate: int) -> bool:
        """Return whether the promise holds."""
        broken = (self.missing, self.discord_twice, self.unfinished, self.pushes - 1, max(0, self.peak - rate))
        return not any(broken) and self.telegram_twice <= self.in_doubt


@dataclass
class Cluster:
    """Two machines, each with one `recap run`, over one database."""

    place: DemoWorld
    url: str
    program: str
    urls: list[str] = field(default_factory=list)
    running: list[asyncio.subprocess.Process] = field(default_factory=list)

    async def begin(self, url: str | None = None) -> asyncio.subprocess.Process:
        """Start a process, which reaches the database at its own address."""
        with (self.place.folder / "log").open("ab") as log:
            started = await asyncio.create_subprocess_exec(
                sys.executable, "-m", self.program, "run", "--config", str(self.place.config),
                env=os.environ | {"RECAP_STORAGE__URL": url or self.url}, stdout=log, stderr=log,
            )  # fmt: skip
        self.running.append(started)
        return started

    def ask(self, query: str) -> list[tuple[object, ...]]:
        """Return the rows of a question to the database itself; none while it cannot be asked."""
        try:
            with psycopg.connect(self.url, connect_timeout=3) as connection:
                return connection.execute(query).fetchall()  # type: ignore[arg-type, unused-ignore] # constants
        except psycopg.Error:
            return []

    def leader(self, role: str = "telegram") -> int | None:
        """Return the number of the process that works on the platform now."""
        rows = self.ask(f"SELECT process FROM leases WHERE name = '{role}' AND holder <> '' AND expires > now()")  # noqa: S608 - a constant
        found = re.search(r"\((\d+)\)$", str(rows[0][0])) if rows else None
        return int(found[1]) if found else None

    async def led(self) -> int:
        """Wait until a process works on Telegram, and return its number."""
        await self.until(lambda: self.leader() is not None)
        return self.leader() or await self.led()

    def in_doubt(self) -> int:
        """Return how many messages to Telegram are on their way."""
        rows = self.ask("SELECT count(*) FROM deliveries WHERE state = 'sending' AND platform = 'telegram'")
        return int(str(rows[0][0])) if rows else 0

    def is_over(self) -> bool:
        """Return whether the one push is over."""
        rows = self.ask("SELECT DISTINCT state FROM broadcasts WHERE kind = 'push'")
        return [state for (state,) in rows] == ["done"]

    async def until(self, condition: Callable[[], bool], within: float = PATIENCE) -> None:
        """Wait until the condition holds."""
        try:
            async with asyncio.timeout(within):
                # On a thread, because a question to the database must not hold up the platforms' stand-ins.
                while not await asyncio.to_thread(condition):  # noqa: ASYNC110 - nothing announces it
                    await asyncio.sleep(0.2)
        except TimeoutError:
            raise RuntimeError((self.place.folder / "log").read_text(encoding="utf-8")[-5000:]) from None

    async def sends(self, more: int) -> None:
        """Wait until so many more messages have arrived, or the push is over."""
        before = len(self.place.telegram.traffic.sends)
        await self.until(lambda: len(self.place.telegram.traffic.sends) >= before + more or self.is_over())

    def count(self, figures: Figures) -> Figures:
        """Return the figures with what everybody got."""
        got, had = self.place.got()
        figures.missing = got[0] + had[0]
        figures.telegram_twice = repeats(got)
        figures.discord_twice = repeats(had)
        figures.pushes = len(self.ask("SELECT id FROM broadcasts WHERE kind = 'push'"))
        figures.unfinished = len(self.ask("SELECT id FROM deliveries WHERE state IN ('pending', 'sending')"))
        traffics = self.place.telegram.traffic, self.place.discord.traffic
        figures.peak = max(traffic.peak(1.0) for traffic in traffics)
        moments = [send.at for send in self.place.telegram.traffic.sends]
        gaps = [later - earlier for earlier, later in itertools.pairwise(moments)]
        figures.longest_gap = round(max(gaps, default=0.0), 1)
        return figures


@contextlib.asynccontextmanager
async def cluster(url: str, targets: int, rate: int, program: str = "bot") -> AsyncIterator[Cluster]:
    """Two processes over the database, which is empty, and as many targets on each platform."""
    async with town(targets, hold=False) as place:
        settings = place.config.read_text(encoding="utf-8")
        place.config.write_text(
            re.sub(r"(\[(?:telegram|discord)\])", rf"\1\nrate = {rate}", settings), encoding="utf-8"
        )
        made = Cluster(place, url, program)
        try:
            yield made
        finally:
            for process in made.running:
                if process.returncode is None:
                    process.send_signal(signal.SIGCONT)
                    process.kill()
                await process.wait()


async def kill(made: Cluster, times: int, *, replaced: bool = True) -> Figures:
    """Kill the process that works on Telegram, so often in one push; another one starts in its place each time."""
    figures = Figures("kill")
    await asyncio.gather(made.begin(), made.begin())
    for _time in range(times):
        await made.sends(3)
        if made.is_over():
            break
        os.kill(await made.led(), signal.SIGKILL)
        figures.in_doubt += made.in_doubt()
        figures.times += 1
        if replaced:
            await made.begin()
    await made.until(made.is_over)
    return made.count(figures)


async def stop(made: Cluster, seconds: float) -> Figures:
    """Stop the process that works on Telegram for a while, and wake it."""
    figures = Figures("stop", times=1)
    await asyncio.gather(made.begin(), made.begin())
    await made.sends(3)
    os.kill(leader := await made.led(), signal.SIGSTOP)
    figures.in_doubt = made.in_doubt()
    await asyncio.sleep(seconds)
    os.kill(leader, signal.SIGCONT)
    await made.until(made.is_over)
    return made.count(figures)


async def restart(made: Cluster, server: Server, away: float) -> Figures:
    """Stop the server in mid-push for a while."""
    figures = Figures(f"restart after {away:.0f} s", times=1)
    await asyncio.gather(made.begin(), made.begin())
    await made.sends(3)
    figures.in_doubt = made.in_doubt()
    await server.stop()
    await asyncio.sleep(away)
    await server.start()
    await made.until(made.is_over)
    return made.count(figures)


async def cut(made: Cluster) -> Figures:
    """End every connection in mid-push."""
    figures = Figures("cut", times=1)
    await asyncio.gather(made.begin(), made.begin())
    await made.sends(3)
    made.ask("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND datname <> ''")
    await made.until(made.is_over)
    return made.count(figures)


async def freeze(made: Cluster, seconds: float) -> Figures:
    """Freeze the way of the process that works on Telegram to the server, while another one stands by."""
    figures = Figures("freeze", times=1)
    async with Link(made.url).open() as link:
        await made.begin(link.url)
        await made.led()
        await made.begin()
        await made.sends(3)
        with link.frozen():
            figures.in_doubt = made.in_doubt()
            await asyncio.sleep(seconds)
        await made.until(made.is_over)
    return made.count(figures)


async def starts(made: Cluster) -> Figures:
    """Start two processes at once on an empty database, and let them push."""
    await asyncio.gather(made.begin(), made.begin())
    await made.until(made.is_over)
    await made.until(lambda: len(made.ask("SELECT id FROM processes")) == len(made.running))
    return made.count(Figures("starts", times=1))


async def migrate(made: Cluster) -> Figures:
    """Start two processes at once on a database of 0.1.0's schema with many deliveries."""
    database = Database(make_url(made.url))
    await database.write(lambda connection: command.upgrade(config(connection), "0003"))
    await database.write(lambda connection: connection.exec_driver_sql(BEFORE % PEOPLE_BEFORE))
    await database.close()
    began = time.monotonic()
    figures = await starts_after(made)
    figures.longest_gap = round(time.monotonic() - began, 1)
    return figures


async def starts_after(made: Cluster) -> Figures:
    """The same as `starts`, beside the push of last week."""
    await asyncio.gather(made.begin(), made.begin())
    await made.until(
        lambda: made.ask("SELECT state FROM broadcasts WHERE kind = 'push' AND episode = 1207") == [("done",)]
    )
    figures = made.count(Figures("migrate", times=1))
    figures.pushes -= 1
    return figures


def _free_port() -> int:
    with socket.socket() as made:
        made.bind(("127.0.0.1", 0))
        port: int = made.getsockname()[1]
        return port


async def main(given: argparse.Namespace) -> bool:
    """Run the kinds that were asked for; True if the promise held in all."""
    is_right = True
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "server").mkdir()
        server = Server(Path(folder) / "server")
        await server.make()
        kinds: dict[str, list[Callable[[Cluster], Awaitable[Figures]]]] = {
            "kill": [lambda made: kill(made, given.kills)],
            "stop": [lambda made: stop(made, given.seconds)],
            "restart": [lambda made, away=away: restart(made, server, away) for away in (5.0, 90.0)],  # type: ignore[misc] # a default
            "cut": [cut],
            "freeze": [lambda made: freeze(made, given.frozen)],
            "starts": [starts] * given.starts,
            "migrate": [migrate],
        }
        try:
            for number, scenario in enumerate(each for kind in given.kinds or kinds for each in kinds[kind]):
                with psycopg.connect(server.url, autocommit=True) as connection:
                    connection.execute(f"CREATE DATABASE recap{number}")  # type: ignore[arg-type, unused-ignore] # a number
                url = make_url(server.url).set(database=f"recap{number}").render_as_string(hide_password=False)
                program = "tests.endurance.quick" if given.quick else "bot"
                async with cluster(url, given.targets, given.rate, program) as made:
                    figures = await scenario(made)
                print(figures, flush=True)  # noqa: T201 - a script
                is_right &= figures.is_right(given.rate)
        finally:
            await server.stop()
    return is_right


if __name__ == "__main__":
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("kinds", nargs="*", metavar="KIND", help="kill, stop, restart, cut, freeze, starts, migrate")
    options.add_argument("--targets", type=int, default=300, help="on each platform")
    options.add_argument("--rate", type=int, default=10, help="messages a second on each platform")
    options.add_argument("--kills", type=int, default=20)
    options.add_argument("--seconds", type=float, default=60.0, help="for which a process is stopped")
    options.add_argument("--frozen", type=float, default=45.0, help="seconds for which its connection is frozen")
    options.add_argument("--starts", type=int, default=50, help="times that two processes start at once")
    options.add_argument("--quick", action="store_true", help="with leases of three seconds")
    raise SystemExit(not asyncio.run(main(options.parse_args())))
