"""PostgreSQL for tests alone: a server and its copy, a way to it that can be frozen, and PgBouncer in between."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import socket
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy.engine import make_url

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

PROGRAMS = max(Path("/usr/lib/postgresql").glob("*/bin"), default=None)
"""The programs of the newest server on this machine."""
PGBOUNCER = shutil.which("pgbouncer", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
"""The pooler, as Debian installs it; None without it."""
FEW = 4
"""Connections of the pooler to the server: fewer than the processes have, so that they take turns on them."""

# PostgreSQL and PgBouncer refuse to run as root.
_AS_POSTGRES = ("runuser", "--user", "postgres", "--") if os.getuid() == 0 else ()


class Server:
    """A PostgreSQL server on loopback, whose files are in the folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.port = free_port()
        self.url = f"postgresql://recap@127.0.0.1:{self.port}/postgres"

    async def make(self) -> None:
        """Make the server's files, and start it."""
        own(self._folder)
        await self._do("initdb", "--pgdata", "data", "--username", "recap", "--auth", "trust", "--encoding", "UTF8")
        await self.start()

    async def copy(self, url: str) -> None:
        """Begin as a standby that follows the server at the address."""
        own(self._folder)
        await self._do("pg_basebackup", "--pgdata", "data", "--checkpoint", "fast", "--write-recovery-conf", "-d", url)
        await self.start()

    async def start(self) -> None:
        """Start it, and wait until it answers."""
        options = f"-c listen_addresses=127.0.0.1 -c port={self.port} -c unix_socket_directories="
        await self._control("start", "--wait", "--log", "log", "--options", options)

    async def promote(self) -> None:
        """Take over from the server that it followed."""
        await self._control("promote", "--wait")

    async def stop(self, mode: str = "fast") -> None:
        """Stop it, connections or not; `immediate` is as if its power was cut."""
        await self._control("stop", "--mode", mode)

    async def _control(self, what: str, *arguments: str) -> None:
        await self._do("pg_ctl", what, "--pgdata", "data", "--silent", *arguments)

    async def _do(self, program: str, *arguments: str) -> None:
        assert PROGRAMS is not None
        started = await asyncio.create_subprocess_exec(
            *_AS_POSTGRES, str(PROGRAMS / program), *arguments, cwd=self._folder, stdout=asyncio.subprocess.DEVNULL
        )
        if await started.wait():
            log = self._folder / "log"
            raise RuntimeError(f"{program} fails: {log.read_text('utf-8')[-2000:] if log.exists() else ''}")


class Link:
    """The way to a server, which can be frozen: nothing passes, and nobody is told."""

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


@contextlib.asynccontextmanager
async def pooled(url: str, folder: Path) -> AsyncIterator[str]:
    """PgBouncer in transaction mode in front of a database; yields the address behind which it is."""
    assert PGBOUNCER is not None
    behind, port = make_url(url), free_port()
    own(folder)
    (folder / "pgbouncer.ini").write_text(
        f"[databases]\n{behind.database} = host={behind.host} port={behind.port} user={behind.username}\n"
        f"[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\nauth_type = any\n"
        f"pool_mode = transaction\ndefault_pool_size = {FEW}\n",
        encoding="utf-8",
    )
    with (folder / "log").open("wb") as log:
        pooler = await asyncio.create_subprocess_exec(
            *_AS_POSTGRES, PGBOUNCER, str(folder / "pgbouncer.ini"), stdout=log, stderr=log
        )
    try:
        yield behind.set(port=port).render_as_string(hide_password=False)
    finally:
        # Its parent, which is another user's, passes the signal on.
        pooler.terminate()
        await pooler.wait()


def own(folder: Path) -> None:
    """Make the folder, for the user as whom the servers run."""
    folder.mkdir(exist_ok=True, mode=0o755)
    if _AS_POSTGRES:
        shutil.chown(folder, "postgres")
        folder.parent.chmod(0o755)


def free_port() -> int:
    """Return a port on loopback that nothing listens on."""
    with socket.socket() as made:
        made.bind(("127.0.0.1", 0))
        port: int = made.getsockname()[1]
        return port
