"""Discord's gateway: sessions over WebSockets with identify, resume, replay, compression and close codes.

The protocol is that of version 10: op 10 hello, 2 identify, 6 resume, 1 and 11 heartbeat, 0 events, 7 reconnect, 9
invalid session.
"""

from __future__ import annotations

import asyncio
import contextlib
import enum
import json
import secrets
import zlib
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from aiohttp import WSCloseCode, WSMsgType, web

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from bot.sandbox.discord.world import Json
    from bot.sandbox.shared.changes import Changes

HEARTBEAT_SECONDS = 41.25
"""What the real gateway asks for."""
REPLAYABLE = 1000
"""Events that a session keeps for a client that comes back."""
PRIVILEGED_INTENTS = 1 << 1 | 1 << 8 | 1 << 15
"""Members, presences, message contents: an application that was not granted them is sent away with 4014."""
GUILDS_INTENT = 1 << 0
_SHARD_SHIFT = 22
"""A server belongs to the shard that the time in its id says."""
_NUMBER_AND_COUNT = 2
"""What a shard is: its own number, and how many there are."""


class Op(enum.IntEnum):
    """Gateway opcodes."""

    EVENT = 0
    HEARTBEAT = 1
    IDENTIFY = 2
    PRESENCE = 3
    VOICE_STATE = 4
    RESUME = 6
    RECONNECT = 7
    REQUEST_MEMBERS = 8
    INVALID_SESSION = 9
    HELLO = 10
    HEARTBEAT_ACK = 11


class Close(enum.IntEnum):
    """Close codes, those that stop a client for good among them."""

    UNKNOWN_OPCODE = 4001
    DECODE_ERROR = 4002
    NOT_AUTHENTICATED = 4003
    AUTHENTICATION_FAILED = 4004
    ALREADY_AUTHENTICATED = 4005
    INVALID_SEQ = 4007
    INVALID_SHARD = 4010
    INVALID_INTENTS = 4013
    DISALLOWED_INTENTS = 4014


class Encoder(Protocol):
    """How the messages of one connection are compressed."""

    def encode(self, text: str) -> str | bytes:
        """One message as it goes over the wire."""


class _Plain:
    def encode(self, text: str) -> str:
        return text


class _ZlibStream:
    """One zlib stream for the whole connection, flushed after every message."""

    def __init__(self) -> None:
        self._stream = zlib.compressobj()

    def encode(self, text: str) -> bytes:
        return self._stream.compress(text.encode()) + self._stream.flush(zlib.Z_SYNC_FLUSH)


class _ZstdStream:
    """One zstd frame for the whole connection, made of raw blocks: valid, and no compressor is needed for it."""

    _HEADER = (0xFD2FB528).to_bytes(4, "little") + bytes([0, 13 << 3])
    _BLOCK = 128 * 1024

    def __init__(self) -> None:
        self._begin = self._HEADER

    def encode(self, text: str) -> bytes:
        data = text.encode()
        blocks = [data[start : start + self._BLOCK] for start in range(0, len(data), self._BLOCK)]
        begin, self._begin = self._begin, b""
        return begin + b"".join((len(block) << 3).to_bytes(3, "little") + block for block in blocks)


_ENCODERS: dict[str, Callable[[], Encoder]] = {"": _Plain, "zlib-stream": _ZlibStream, "zstd-stream": _ZstdStream}


class Connection:
    """One WebSocket; what is sent goes out in order, without making the sender wait."""

    def __init__(self, request: web.Request, socket: web.WebSocketResponse, encoder: Encoder) -> None:
        self._request = request
        self.socket = socket
        self._encoder = encoder
        self._queue: asyncio.Queue[str] = asyncio.Queue()

    def send(self, payload: str) -> None:
        """Put a message in the queue."""
        self._queue.put_nowait(payload)

    def send_op(self, op: Op, data: object = None) -> None:
        """Put an operation in the queue."""
        self.send(json.dumps({"op": op, "d": data, "s": None, "t": None}))

    async def write(self) -> None:
        """Send what is in the queue, until cancelled or the client is gone."""
        with contextlib.suppress(ConnectionResetError):
            while True:
                message = self._encoder.encode(await self._queue.get())
                await (self.socket.send_str(message) if isinstance(message, str) else self.socket.send_bytes(message))

    async def close(self, code: int, reason: str = "") -> None:
        """Close with a code."""
        await self.socket.close(code=code, message=reason.encode())

    def cut(self) -> None:
        """Lose the connection, without a goodbye."""
        if self._request.transport is not None:
            self._request.transport.abort()


@dataclass(eq=False)
class Session:
    """What the gateway remembers of one identified client; it outlives the connection, so that it can be resumed."""

    id: str
    shard: tuple[int, int] | None
    intents: int
    connection: Connection | None
    sequence: int = 0
    sent: deque[tuple[int, str]] = field(default_factory=lambda: deque(maxlen=REPLAYABLE), repr=False)

    def event(self, name: str, data: Json) -> None:
        """Send an event, now or when the client is back."""
        self.sequence += 1
        payload = json.dumps({"op": Op.EVENT, "t": name, "s": self.sequence, "d": data})
        self.sent.append((self.sequence, payload))
        if self.connection is not None:
            self.connection.send(payload)

    def sees(self, guild_id: int | None) -> bool:
        """Whether events of the server, or private ones with None, are this session's."""
        number, count = self.shard or (0, 1)
        return (0 if guild_id is None else guild_id >> _SHARD_SHIFT) % count == number

    def can_replay(self, after: int) -> bool:
        """Whether nothing since that event is forgotten."""
        oldest = self.sent[0][0] if self.sent else self.sequence + 1
        return oldest - 1 <= after


class Welcome(Protocol):
    """What a client is told when it has identified."""

    def ready(self, session: Session) -> Json:
        """The data of READY, without what the gateway itself knows."""

    def after_ready(self, session: Session) -> Iterable[tuple[str, Json]]:
        """The events that follow READY."""


class Gateway:
    """All sessions and connections. `identified` and `resumed` count what clients did."""

    def __init__(self, welcome: Welcome, token: str, changes: Changes, heartbeat: float) -> None:
        self._welcome = welcome
        self._token = token
        self._changes = changes
        self._heartbeat = heartbeat
        self._connections: set[Connection] = set()
        self.sessions: dict[str, Session] = {}
        self.identified = 0
        self.resumed = 0
        self.url = ""

    @property
    def online(self) -> bool:
        """Whether a client is identified and connected."""
        return any(session.connection is not None for session in self.sessions.values())

    def reaches(self, guild_id: int | None) -> bool:
        """Whether such a client hears of the server, or of private things with None."""
        return any(session.connection is not None and session.sees(guild_id) for session in self.sessions.values())

    def event(self, name: str, data: Json, guild_id: int | None, *, needs: int = GUILDS_INTENT) -> None:
        """Tell every session that the event concerns and that asked for such events."""
        for session in self.sessions.values():
            if session.sees(guild_id) and session.intents & needs == needs:
                session.event(name, data)

    def forget_sessions(self) -> None:
        """Make every session impossible to resume."""
        self.sessions.clear()

    async def drop(self, code: int | None) -> None:
        """End every connection with the close code, or without a goodbye."""
        connections = list(self._connections)
        if code is None:
            for connection in connections:
                connection.cut()
        else:
            await asyncio.gather(*(connection.close(code) for connection in connections))

    def tell(self, op: Op, data: object = None) -> None:
        """Send an operation to every client."""
        for connection in self._connections:
            connection.send_op(op, data)

    async def serve(self, request: web.Request) -> web.WebSocketResponse:
        """Be the gateway for one client until it leaves."""
        socket = web.WebSocketResponse(max_msg_size=0, compress=False)
        await socket.prepare(request)
        connection = Connection(request, socket, _ENCODERS.get(request.query.get("compress", ""), _Plain)())
        self._connections.add(connection)
        writer = asyncio.create_task(connection.write())
        try:
            connection.send_op(Op.HELLO, {"heartbeat_interval": int(self._heartbeat * 1000)})
            farewell = await self._listen(connection)
            if farewell in {WSCloseCode.OK, WSCloseCode.GOING_AWAY}:
                self._forget(connection)
        finally:
            # First, because the wait below is cut short when the connection goes meanwhile.
            self._left(connection)
            writer.cancel()
            await asyncio.wait({writer})
        return socket

    async def _listen(self, connection: Connection) -> int | None:
        """Act on what the client sends until it is gone; the close code, if it said goodbye with one."""
        while True:
            message = await connection.socket.receive()
            if message.type is WSMsgType.CLOSE:
                code: int = message.data
                return code
            if message.type is not WSMsgType.TEXT:
                return None
            try:
                payload = json.loads(message.data)
                refusal = self._received(connection, Op(payload["op"]), payload["d"])
            except (KeyError, TypeError, json.JSONDecodeError):
                refusal = Close.DECODE_ERROR
            except ValueError:
                refusal = Close.UNKNOWN_OPCODE
            if refusal is not None:
                await connection.close(refusal, refusal.name.replace("_", " ").capitalize())

    def _forget(self, connection: Connection) -> None:
        """Drop the session of a client that closed in an orderly way: it has no use for it any more."""
        session = self._session_of(connection)
        if session is not None:
            del self.sessions[session.id]

    def _left(self, connection: Connection) -> None:
        self._connections.discard(connection)
        session = self._session_of(connection)
        if session is not None:
            session.connection = None
        self._changes.notify()

    def _session_of(self, connection: Connection) -> Session | None:
        return next((session for session in self.sessions.values() if session.connection is connection), None)

    def _received(self, connection: Connection, op: Op, data: object) -> Close | None:
        form: Json = data if isinstance(data, dict) else {}
        match op:
            case Op.HEARTBEAT:
                connection.send_op(Op.HEARTBEAT_ACK)
            case Op.IDENTIFY | Op.RESUME if self._session_of(connection) is not None:
                return Close.ALREADY_AUTHENTICATED
            case Op.IDENTIFY | Op.RESUME if form["token"] != self._token:
                return Close.AUTHENTICATION_FAILED
            case Op.IDENTIFY:
                return self._identify(connection, form)
            case Op.RESUME:
                return self._resume(connection, form)
            case Op.PRESENCE | Op.VOICE_STATE | Op.REQUEST_MEMBERS if self._session_of(connection) is None:
                return Close.NOT_AUTHENTICATED
            case Op.PRESENCE | Op.VOICE_STATE | Op.REQUEST_MEMBERS:
                pass
            case _:
                return Close.UNKNOWN_OPCODE
        return None

    def _identify(self, connection: Connection, data: Json) -> Close | None:
        intents = data.get("intents")
        shard = tuple(data["shard"]) if "shard" in data else None
        if not isinstance(intents, int):
            return Close.INVALID_INTENTS
        if intents & PRIVILEGED_INTENTS:
            return Close.DISALLOWED_INTENTS
        if shard is not None and not (len(shard) == _NUMBER_AND_COUNT and 0 <= shard[0] < shard[1]):
            return Close.INVALID_SHARD
        session = Session(secrets.token_hex(16), shard, intents, connection)
        self.sessions[session.id] = session
        self.identified += 1
        ready = {"v": 10, "session_id": session.id, "resume_gateway_url": self.url} | self._welcome.ready(session)
        session.event("READY", ready if shard is None else ready | {"shard": list(shard)})
        for name, event in self._welcome.after_ready(session):
            session.event(name, event)
        self._changes.notify()
        return None

    def _resume(self, connection: Connection, data: Json) -> Close | None:
        session, seen = self.sessions.get(data["session_id"]), data["seq"]
        if session is None or not session.can_replay(seen):
            connection.send_op(Op.INVALID_SESSION, data=False)
            return None
        if seen > session.sequence:
            return Close.INVALID_SEQ
        session.connection = connection
        for number, payload in session.sent:
            if number > seen:
                connection.send(payload)
        session.event("RESUMED", {"_trace": []})
        self.resumed += 1
        self._changes.notify()
        return None
