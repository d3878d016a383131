"""A server on the loopback interface that reads requests and answers with whatever bytes a test wants, or with none.

And the parameters that requests to it are made with, as python-telegram-bot gathers them.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
from dataclasses import dataclass, field
from email import message_from_bytes
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from telegram.request import RequestData
from telegram.request._requestparameter import RequestParameter

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterator

    Answer = Callable[[asyncio.StreamWriter], Awaitable[None]]

HOST = "127.0.0.1"
TOKEN = "123:secret"
PATH = f"/bot{TOKEN}/getMe"


@dataclass
class Received:
    """One request as it came over the wire."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def values(self) -> dict[str, Any]:
        """The parameters, as a form or a JSON object says them, and as they are themselves behind the text."""
        if "multipart" in self.headers.get("content-type", ""):
            return {name: content for name, (content, _file) in self.parts.items()}
        if "json" in self.headers.get("content-type", ""):
            given = json.loads(self.body)
        else:
            given = dict(parse_qsl(self.body.decode()))
        return {name: _meant(value) for name, value in given.items()}

    @property
    def parts(self) -> dict[str, tuple[Any, str | None]]:
        """The parts of a multipart body by name: their content and the name of the file."""
        head = f"Content-Type: {self.headers['content-type']}\r\n\r\n".encode()
        whole = message_from_bytes(head + self.body)
        found: dict[str, tuple[Any, str | None]] = {}
        for part in whole.get_payload():
            assert not isinstance(part, str)
            name = str(part.get_param("name", header="content-disposition"))
            content = part.get_payload(decode=True)
            assert isinstance(content, bytes)
            file = part.get_filename()
            found[name] = (content if file else _meant(content.decode()), file)
        return found


def parameters(**values: object) -> RequestData:
    """What a method of the Bot API is called with."""
    return RequestData([RequestParameter.from_input(name, value) for name, value in values.items()])


def _meant(value: object) -> object:
    try:
        return json.loads(value) if isinstance(value, str) else value
    except ValueError:
        return value


@dataclass
class Wire:
    """What came in, on how many connections, and what is to be answered."""

    port: int = 0
    answer: Answer | None = None
    received: list[Received] = field(default_factory=list)
    connections: int = 0
    arrived: asyncio.Event = field(default_factory=asyncio.Event)
    open: set[asyncio.Task[None]] = field(default_factory=set)

    @property
    def url(self) -> str:
        """The address of one method of the API."""
        return f"http://{HOST}:{self.port}{PATH}"

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
    if headers.get("transfer-encoding") == "chunked":
        while size := int(await reader.readline(), 16):
            body += await reader.readexactly(size)
            await reader.readline()
        await reader.readline()
    method, path, _version = first.split()
    return Received(method, path, headers, body)


def answering(status: str, body: bytes, *headers: str) -> Answer:
    """A whole answer."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers]

    async def answer(writer: asyncio.StreamWriter) -> None:
        writer.write("\r\n".join([*lines, "", ""]).encode() + body)

    return answer


OK = answering("200 OK", b'{"ok":true,"result":{"id":7}}')
"""Answers as if the method had done what it does."""


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
async def listening(answer: Answer | None = None) -> AsyncIterator[Wire]:
    """A server that gives this answer to everything."""
    wire = Wire(answer=answer)
    server = await asyncio.start_server(wire.connected, HOST, 0)
    wire.port = server.sockets[0].getsockname()[1]
    try:
        yield wire
    finally:
        server.close()
        for task in wire.open:
            task.cancel()
        await asyncio.gather(*wire.open, return_exceptions=True)


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
