"""Discord's gateway: sessions over WebSockets with identify, resume, replay, compression and close codes.

The protocol is that of version 10, with one shard: op 10 hello, 2 identify, 6 resume, 1 and 11 heartbeat, 0 events, 9
invalid session.
"""

import asyncio
import contextlib
import enum
import json
import secrets
import zlib
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from typing import TypeAlias

from aiohttp import WSCloseCode, WSMsgType, web

from bot.sandbox.shared.changes import Changes
from bot.sandbox.shared.webserver import Json

HEARTBEAT_SECONDS = 41.25
"""Heartbeat of the real gateway."""
PRIVILEGED_INTENTS = 1 << 1 | 1 << 8 | 1 << 15
"""Members, presences, message contents: the gateway closes with 4014 unless Discord granted the application these."""
ONE_SHARD = [0, 1]
"""Number of the only shard, and the number of shards."""


class Op(enum.IntEnum):
    """Gateway opcodes."""

    EVENT = 0
    HEARTBEAT = 1
    IDENTIFY = 2
    RESUME = 6
    INVALID_SESSION = 9
    HELLO = 10
    HEARTBEAT_ACK = 11


class Close(enum.IntEnum):
    """Close codes."""

    DECODE_ERROR = 4002
    AUTHENTICATION_FAILED = 4004
    DISALLOWED_INTENTS = 4014


Encoder: TypeAlias = "Callable[[str], str | bytes]"
"""Compression of one connection: returns a message as it is sent."""


def _plain() -> Encoder:
    return lambda text: text


def _zlib_stream() -> Encoder:
    """Return an encoder with one zlib stream for the whole connection, flushed after every message."""
    stream = zlib.compressobj()
    return lambda text: stream.compress(text.encode()) + stream.flush(zlib.Z_SYNC_FLUSH)


_ZSTD_HEADER = (0xFD2FB528).to_bytes(4, "little") + bytes([0, 13 << 3])
_ZSTD_BLOCK = 128 * 1024


def _zstd_stream() -> Encoder:
    """Return an encoder with one zstd frame of raw blocks (RFC 8878), which need no compressor."""
    begin = [_ZSTD_HEADER]

    def encode(text: str) -> bytes:
        data = text.encode()
        blocks = [data[start : start + _ZSTD_BLOCK] for start in range(0, len(data), _ZSTD_BLOCK)]
        written = [(len(block) << 3).to_bytes(3, "little") + block for block in blocks]
        return b"".join([begin.pop() if begin else b"", *written])

    return encode


_ENCODERS: dict[str, Callable[[], Encoder]] = {"zlib-stream": _zlib_stream, "zstd-stream": _zstd_stream}


class Connection:
    """One WebSocket with a queue of messages to send."""

    def __init__(self, request: web.Request, socket: web.WebSocketResponse, encode: Encoder) -> None:
        self._request = request
        self.socket = socket
        self._encode = encode
        self._queue: asyncio.Queue[str] = asyncio.Queue()
        self.session: Session | None = None

    def send(self, payload: str) -> None:
        """Put a message in the queue."""
        self._queue.put_nowait(payload)

    def send_op(self, op: Op, data: object = None) -> None:
        """Put an operation in the queue."""
        self.send(json.dumps({"op": op, "d": data, "s": None, "t": None}))

    async def write(self) -> None:
        """Send the messages of the queue until cancelled or disconnected."""
        with contextlib.suppress(ConnectionResetError):
            while True:
                message = self._encode(await self._queue.get())
                await (self.socket.send_str(message) if isinstance(message, str) else self.socket.send_bytes(message))

    async def close(self, code: int, reason: str = "") -> None:
        """Close with a code."""
        await self.socket.close(code=code, message=reason.encode())

    def cut(self) -> None:
        """Abort the connection without a close frame."""
        if self._request.transport is not None:
            self._request.transport.abort()


@dataclass(eq=False)
class Session:
    """Session of one identified client, which outlives the connection so that the client can resume."""

    id: str
    connection: Connection | None = None
    sent: list[str] = field(default_factory=list, repr=False)

    def event(self, name: str, data: Json) -> None:
        """Send an event now, or on resume if the client is disconnected."""
        payload = json.dumps({"op": Op.EVENT, "t": name, "s": len(self.sent) + 1, "d": data})
        self.sent.append(payload)
        if self.connection is not None:
            self.connection.send(payload)

    def attach(self, connection: Connection) -> None:
        """Use the connection from now on."""
        self.connection, connection.session = connection, self


class Gateway:
    """All sessions and connections. `identified` and `resumed` count the clients' successes, `connected` all attempts.

    `welcome` returns the events for a client that has identified: READY, without the gateway's fields, and the servers.
    """

    def __init__(self, welcome: Callable[[], Iterable[tuple[str, Json]]], token: str, changes: Changes) -> None:
        self._welcome = welcome
        self._token = token
        self._changes = changes
        self._connections: set[Connection] = set()
        self.sessions: dict[str, Session] = {}
        self.connected = 0
        self.identified = 0
        self.resumed = 0
        self.url = ""
        self.refused_with: web.Response | None = None
        """The answer to clients that want to connect; None lets them."""
        self.hangs_up: Callable[[Connection], Awaitable[None]] | None = None
        """Ends each connection before HELLO, as a gateway in trouble does."""
        self.spoil: Callable[[str, Json], Json] = lambda _name, data: data
        """Changes the events that greet a client."""

    @property
    def online(self) -> bool:
        """Whether a client is identified and connected."""
        return any(session.connection is not None for session in self.sessions.values())

    def event(self, name: str, data: Json) -> None:
        """Send an event to every session."""
        for session in self.sessions.values():
            session.event(name, data)

    async def drop(self, code: int | None) -> None:
        """End every connection with the close code, or without a close frame if None."""
        connections = list(self._connections)
        if code is None:
            for connection in connections:
                connection.cut()
        else:
            await asyncio.gather(*(connection.close(code) for connection in connections))

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """Serve one client until the connection ends."""
        if self.refused_with is not None:
            self.connected += 1
            self._changes.notify()
            return self.refused_with
        socket = web.WebSocketResponse(max_msg_size=0, compress=False)
        await socket.prepare(request)
        connection = Connection(request, socket, _ENCODERS.get(request.query.get("compress", ""), _plain)())
        self._connections.add(connection)
        self.connected += 1
        self._changes.notify()
        writer = asyncio.create_task(connection.write())
        try:
            if self.hangs_up is not None:
                await self.hangs_up(connection)
                return socket
            connection.send_op(Op.HELLO, {"heartbeat_interval": int(HEARTBEAT_SECONDS * 1000)})
            code = await self._listen(connection)
            if code in {WSCloseCode.OK, WSCloseCode.GOING_AWAY} and connection.session is not None:
                # Because the client closed in order, it never resumes.
                self.sessions.pop(connection.session.id, None)
        finally:
            # Because a lost connection cancels the wait below, this comes first; else the session would keep it.
            self._connections.discard(connection)
            session = connection.session
            if session is not None and session.connection is connection:
                session.connection = None
            self._changes.notify()
            writer.cancel()
            await asyncio.wait({writer})
        return socket

    async def _listen(self, connection: Connection) -> int | None:
        """Act on the client's messages until the connection ends.

        Returns:
            The client's close code, or None without a close frame.
        """
        while True:
            message = await connection.socket.receive()
            if message.type is WSMsgType.CLOSE:
                code: int = message.data
                return code
            if message.type is not WSMsgType.TEXT:
                return None
            try:
                payload = json.loads(message.data)
                refusal = self._received(connection, payload["op"], payload["d"])
            except (KeyError, TypeError, json.JSONDecodeError):
                refusal = Close.DECODE_ERROR
            if refusal is not None:
                await connection.close(refusal, refusal.name.replace("_", " ").capitalize())

    def _received(self, connection: Connection, op: int, data: Json) -> Close | None:
        match op:
            case Op.HEARTBEAT:
                connection.send_op(Op.HEARTBEAT_ACK)
            case Op.IDENTIFY | Op.RESUME if data["token"] != self._token:
                return Close.AUTHENTICATION_FAILED
            case Op.IDENTIFY:
                return self._identify(connection, data)
            case Op.RESUME:
                self._resume(connection, data)
        return None

    def _identify(self, connection: Connection, data: Json) -> Close | None:
        if data["intents"] & PRIVILEGED_INTENTS:
            return Close.DISALLOWED_INTENTS
        session = Session(secrets.token_hex(16))
        session.attach(connection)
        self.sessions[session.id] = session
        self.identified += 1
        own = {"v": 10, "session_id": session.id, "resume_gateway_url": self.url, "shard": ONE_SHARD}
        for name, event in self._welcome():
            session.event(name, self.spoil(name, event | own if name == "READY" else event))
        self._changes.notify()
        return None

    def _resume(self, connection: Connection, data: Json) -> None:
        session = self.sessions.get(data["session_id"])
        if session is None:
            connection.send_op(Op.INVALID_SESSION, data=False)
            return
        session.attach(connection)
        for payload in session.sent[data["seq"] :]:
            connection.send(payload)
        session.event("RESUMED", {"_trace": []})
        self.resumed += 1
        self._changes.notify()
