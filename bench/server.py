"""A stand-in for both platforms that does as little as it can: no world, no rules, one answer for every send.

The sandbox's stand-ins keep and check everything, and would be the bottleneck. This one is a process of its own, on a
core of its own; `bench` measures it alone to show that it is not. It can take its time, keep a rate and ask for a
pause, and it reports when what came.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import ssl
import sys
import time
from array import array
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, parse_qsl, urlsplit

HOST = "127.0.0.1"
HEAD_END = b"\r\n\r\n"
LENGTH = b"content-length:"
ME = {
    "telegram": {"id": 1234567, "is_bot": True, "first_name": "Récap", "username": "recap_bot"},
    "discord": {"id": "1234567", "username": "recap", "discriminator": "0", "avatar": None, "bot": True},
}
APPLICATION = {
    "id": "1234567",
    "name": "Récap",
    "description": "",
    "icon": None,
    "bot_public": True,
    "bot_require_code_grant": False,
    "verify_key": "",
    "flags": 0,
    "owner": ME["discord"],
    "team": None,
}


@dataclass
class Plan:
    """How sends are answered.

    After `delay` seconds; the send number `flood_at`, and what comes past `limit` in a sliding second, with a request
    to pause for `retry_after` seconds.
    """

    delay: float = 0.0
    limit: float = 0
    flood_at: float = 0
    retry_after: float = 2
    arrivals: array[float] = field(default_factory=lambda: array("d"))
    refused: int = 0
    in_pause: list[float] = field(default_factory=list)
    pause_began: float = 0.0
    pause_ends: float = 0.0
    cpu_began: float = 0.0
    cpu_ended: float = 0.0

    def admit(self, now: float) -> bool:
        """Whether a send that arrives now may pass."""
        self.cpu_ended = time.process_time()
        if not self.arrivals:
            self.cpu_began = self.cpu_ended
        self.arrivals.append(now)
        if now < self.pause_ends:
            self.in_pause.append(now - self.pause_began)
        elif self.flood_at and len(self.arrivals) == self.flood_at:
            self.pause_began, self.pause_ends = now, now + self.retry_after
        elif not self.limit or len(self.arrivals) <= self.limit or now - self.arrivals[-1 - int(self.limit)] >= 1:
            return True
        self.refused += 1
        return False

    def report(self) -> dict[str, Any]:
        """What came, and how fast."""
        seconds = self.arrivals[-1] - self.arrivals[0] if self.arrivals else 0.0
        return {
            "sends": len(self.arrivals),
            "seconds": seconds,
            "peak": peak(self.arrivals),
            "refused": self.refused,
            "in_pause": self.in_pause,
            "busy": (self.cpu_ended - self.cpu_began) / seconds if seconds else 0.0,
        }


def peak(times: array[float]) -> int:
    """The most of the times that lie within any second."""
    first = most = 0
    for last, at in enumerate(times):
        while at - times[first] >= 1:
            first += 1
        most = max(most, last - first + 1)
    return most


class State:
    """What all connections share."""

    def __init__(self, material: dict[str, Any]) -> None:
        self.plan = Plan()
        self.answers = {name: each["answer"] for name, each in material.items()}
        self.ids = itertools.count(1)


class Connection(asyncio.Protocol):
    """One connection, over which requests come one after the other."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._received = b""
        self._loop = asyncio.get_running_loop()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Remember where answers go."""
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - what asyncio promises for servers
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Answer every request that is complete."""
        self._received += data
        while (end := self._received.find(HEAD_END)) >= 0:
            head = self._received[:end]
            lowered = head.lower()
            at = lowered.find(LENGTH)
            body_end = end + len(HEAD_END)
            if at >= 0:
                body_end += int(lowered[at + len(LENGTH) :].split(b"\r\n", 1)[0])
            if len(self._received) < body_end:
                return
            self._received = self._received[body_end:]
            self._answer(head)

    def _answer(self, head: bytes) -> None:
        path = head.split(b" ", 2)[1].decode()
        if path.startswith("/bot"):
            self._answer_telegram(path.rpartition("/")[2].lower())
        elif path.startswith("/channels/") and path.endswith("/messages"):
            self._answer_discord(path.split("/")[2])
        elif path.startswith("/control/"):
            self._control(urlsplit(path))
        elif path.startswith("/oauth2"):
            self._write(200, json.dumps(APPLICATION))
        else:
            self._write(200, json.dumps(ME["discord"]))

    def _answer_telegram(self, method: str) -> None:
        plan = self._state.plan
        if not method.startswith("send"):
            self._write(200, json.dumps({"ok": True, "result": ME["telegram"] if method == "getme" else True}))
            return
        if not plan.admit(time.monotonic()):
            refusal = {
                "error_code": 429,
                "description": "Too Many Requests",
                "parameters": {"retry_after": int(plan.retry_after)},
            }
            self._write(429, json.dumps({"ok": False, **refusal}))
            return
        self._later(self._state.answers["telegram"] % next(self._state.ids))

    def _answer_discord(self, channel: str) -> None:
        self._state.plan.admit(time.monotonic())
        bucket = (
            f"X-RateLimit-Bucket: sends\r\nX-RateLimit-Limit: 5\r\nX-RateLimit-Remaining: 4\r\n"
            f"X-RateLimit-Reset-After: 1.0\r\nX-RateLimit-Reset: {time.time() + 1:.3f}\r\nVia: {channel}\r\n"
        )
        self._later(self._state.answers["discord"] % next(self._state.ids), bucket)

    def _later(self, body: str, headers: str = "") -> None:
        if self._state.plan.delay:
            self._loop.call_later(self._state.plan.delay, self._write, 200, body, headers)
        else:
            self._write(200, body, headers)

    def _control(self, url: SplitResult) -> None:
        if url.path.endswith("/plan"):
            self._state.plan = Plan(**{name: float(value) for name, value in parse_qsl(url.query)})  # type: ignore[arg-type]  # what `StandIn.plan` passes
        self._write(200, json.dumps(self._state.plan.report()))

    def _write(self, status: int, body: str, headers: str = "") -> None:
        encoded = body.encode()
        self._transport.write(
            f"HTTP/1.1 {status} X\r\nContent-Type: application/json\r\n{headers}"
            f"Content-Length: {len(encoded)}\r\n\r\n".encode()
            + encoded
        )


async def serve(state: State, certificate: str) -> None:
    """Serve until killed; the port is printed when there is one."""
    context = None
    if certificate:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(certificate)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Connection(state), HOST, 0, ssl=context, backlog=1024)
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await server.serve_forever()


if __name__ == "__main__":
    path, pem = sys.argv[1:]
    asyncio.run(serve(State(json.loads(Path(path).read_text(encoding="utf-8"))), pem))
