"""A server on the loopback interface that reads requests and answers with the bytes that a test wants, or with none."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterator

    from bot.platforms.telegram.request import ApiSender

    Answer = Callable[[asyncio.StreamWriter], Awaitable[None]]

HOST = "127.0.0.1"
TOKEN = "123:secret"
PATH = f"/bot{TOKEN}"


@dataclass
class Received:
    """One request as it came over the wire."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def values(self) -> dict[str, Any]:
        """The parameters of the method."""
        values: dict[str, Any] = json.loads(self.body)
        return values


@dataclass
class Wire:
    """What came in, on how many connections, and what is to be answered."""

    port: int = 0
    scheme: str = "http"
    answer: Answer | None = None
    received: list[Received] = field(default_factory=list)
    connections: int = 0
    arrived: asyncio.Event = field(default_factory=asyncio.Event)
    open: set[asyncio.Task[None]] = field(default_factory=set)

    @property
    def url(self) -> str:
        """The address of the API, token included."""
        return f"{self.scheme}://{HOST}:{self.port}{PATH}"

    def connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one more connection."""
        self.connections += 1
        task = asyncio.create_task(self._serve(reader, writer))
        self.open.add(task)
        task.add_done_callback(self.open.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while not writer.is_closing():
                self.received.append(await _read(reader))
                self.arrived.set()
                if self.answer is not None:
                    await self.answer(writer)
                    await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            return
        finally:
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()


async def _read(reader: asyncio.StreamReader) -> Received:
    first, *lines = (await reader.readuntil(b"\r\n\r\n")).decode().strip().split("\r\n")
    headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}
    body = await reader.readexactly(int(headers.get("content-length", 0)))
    method, path, _version = first.split()
    return Received(method, path, headers, body)


def answering(status: str, body: bytes, *headers: str) -> Answer:
    """A whole answer."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers]

    async def answer(writer: asyncio.StreamWriter) -> None:
        writer.write("\r\n".join([*lines, "", ""]).encode() + body)

    return answer


def saying(*parts: bytes, pause: float = 0.0) -> Answer:
    """These bytes, with a pause after each part, and then the end of the connection."""

    async def answer(writer: asyncio.StreamWriter) -> None:
        for part in parts:
            writer.write(part)
            await writer.drain()
            await asyncio.sleep(pause)
        writer.close()

    return answer


async def resetting(writer: asyncio.StreamWriter) -> None:
    """No answer: the connection is cut."""
    taken: socket.socket = writer.get_extra_info("socket")
    # Closed with nothing left to wait for, a socket resets its connection.
    taken.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    writer.close()


async def waiting(_writer: asyncio.StreamWriter) -> None:
    """No answer, for as long as the connection lasts."""
    await asyncio.Event().wait()


@contextlib.asynccontextmanager
async def listening(answer: Answer | None = None, encrypted: ssl.SSLContext | None = None) -> AsyncIterator[Wire]:
    """A server that gives this answer to everything."""
    wire = Wire(scheme="https" if encrypted else "http", answer=answer)
    server = await asyncio.start_server(wire.connected, HOST, 0, ssl=encrypted)
    wire.port = server.sockets[0].getsockname()[1]
    try:
        yield wire
    finally:
        server.close()
        for task in wire.open:
            task.cancel()
        await asyncio.gather(*wire.open, return_exceptions=True)


@contextlib.asynccontextmanager
async def closing(sender: ApiSender) -> AsyncIterator[ApiSender]:
    """The sender, closed when the context is left."""
    try:
        yield sender
    finally:
        await sender.close()


@contextlib.contextmanager
def unaccepting() -> Iterator[int]:
    """A port on which connecting takes for ever, because its queue is full."""
    with socket.socket() as full, contextlib.ExitStack() as stack:
        full.bind((HOST, 0))
        full.listen(0)
        for _ in range(3):
            waiter = stack.enter_context(socket.socket())
            waiter.settimeout(0)
            waiter.connect_ex(full.getsockname())
        yield full.getsockname()[1]


@contextlib.contextmanager
def unreading() -> Iterator[int]:
    """A port that takes connections and never reads from them."""
    with socket.socket() as deaf:
        deaf.bind((HOST, 0))
        deaf.listen(8)
        yield deaf.getsockname()[1]


def closed_port() -> int:
    """A port on which nobody listens."""
    with socket.socket() as taken:
        taken.bind((HOST, 0))
        port: int = taken.getsockname()[1]
    return port
