"""The processes of a run: the stand-in on one core, a block at a time on the other."""

from __future__ import annotations

import contextlib
import json
import os
import ssl
import subprocess
import sys
import tempfile
import urllib.request
import venv
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from bench import material

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parent.parent
AIOGRAM = "aiogram==3.31.0"
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "monday-recap"
"""Holds an environment with aiogram, which wants other versions of what the bot stands on than the bot itself."""


def cores() -> tuple[int, ...]:
    """The cores that may be used; none where the system cannot pin a process to one."""
    return tuple(sorted(os.sched_getaffinity(0))) if hasattr(os, "sched_getaffinity") else ()


@dataclass(frozen=True)
class StandIn:
    """The running stand-in. It has the last core to itself, blocks the first, where there is more than one."""

    url: str
    material: Path
    environment: dict[str, str]
    context: ssl.SSLContext | None

    def services(self, **services: float) -> None:
        """Answer like this from now on, and forget what came before."""
        self._control("plan", services)

    def report(self) -> dict[str, Any]:
        """What came since the plan was made."""
        return self._control("report", {})

    def block(
        self,
        contender: str,
        *,
        messages: int,
        warm_up: int = 0,
        in_flight: int = 32,
        python: str = "",
        **options: object,
    ) -> dict[str, Any]:
        """Run one block in a process of its own; what it found."""
        with tempfile.TemporaryDirectory() as folder:
            described = {
                "url": self.url,
                "material": str(self.material),
                "folder": folder,
                "messages": messages,
                "warm_up": warm_up,
                "in_flight": in_flight,
                "options": options,
            }
            done = subprocess.run(  # noqa: S603 - every command is this file's own
                [*_pinned(0), python or sys.executable, "-m", "bench.block", contender, json.dumps(described)],
                cwd=ROOT,
                env=self.environment,
                stdout=subprocess.PIPE,
                check=True,
            )
        found: dict[str, Any] = json.loads(done.stdout)
        return found

    def _control(self, what: str, values: dict[str, float]) -> dict[str, Any]:
        with urllib.request.urlopen(f"{self.url}/control/{what}?{urlencode(values)}", context=self.context) as answer:  # noqa: S310 - the loopback interface
            said: dict[str, Any] = json.load(answer)
        return said


def _pinned(core: int) -> list[str]:
    """How a command begins that is to keep to one core."""
    available = cores()
    if len(available) < 2:  # noqa: PLR2004 - one for each side
        return []
    return [sys.executable, "-m", "bench.pinned", str(available[core])]


@contextlib.contextmanager
def stand_in(*, plain: bool) -> Iterator[StandIn]:
    """The stand-in, over TLS as the platforms are unless `plain`."""
    with tempfile.TemporaryDirectory() as name, contextlib.ExitStack() as stack:
        folder = Path(name)
        messages = folder / "material.json"
        material.write(messages)
        environment, context, certificate = dict(os.environ), None, ""
        if not plain:
            import trustme  # noqa: PLC0415 - an extra that a `plain` run does without

            authority = trustme.CA()
            authority.cert_pem.write_to_path(folder / "authority.pem")
            certificate = str(folder / "server.pem")
            authority.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(certificate)
            environment["SSL_CERT_FILE"] = str(folder / "authority.pem")
            context = ssl.create_default_context(cafile=folder / "authority.pem")
        server = stack.enter_context(
            subprocess.Popen(  # noqa: S603 - every command is this file's own
                [*_pinned(-1), sys.executable, "-m", "bench.server", str(messages), certificate],
                cwd=ROOT,
                stdout=subprocess.PIPE,
                text=True,
            )
        )
        stack.callback(server.kill)
        if server.stdout is None or not (port := server.stdout.readline().strip()):
            raise SystemExit("the stand-in did not start")
        scheme = "http" if plain else "https"
        yield StandIn(f"{scheme}://127.0.0.1:{port}", messages, environment, context)


def aiogram_python() -> str:
    """The interpreter of an environment with aiogram, made at the first call."""
    folder = CACHE / AIOGRAM.replace("==", "-")
    python, made = folder / "bin" / "python", folder / "made"
    if not made.exists():
        venv.create(folder, with_pip=True, clear=True)
        done = subprocess.run([python, "-m", "pip", "install", "--quiet", AIOGRAM], check=False)  # noqa: S603 - every command is this file's own
        if done.returncode:
            raise SystemExit(f"{AIOGRAM} could not be installed: run again with --no-aiogram")
        made.touch()
    return str(python)
