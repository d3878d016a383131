"""One block: one contender sends some messages in a process of its own, and what that took is printed as JSON.

Nothing here needs the bot, so that contenders with other dependencies can run in an environment of their own.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import json
import resource
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator


@dataclass
class Block:
    """What a contender is to do, and what it took.

    `url` is the stand-in's, `material` the messages to send (see `bench.material`), `options` what the scenario says
    besides. Whatever a contender puts into `found` is reported as it is.
    """

    url: str
    material: dict[str, Any]
    folder: Path
    messages: int
    warm_up: int
    in_flight: int
    options: dict[str, Any]
    found: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def read(cls, text: str) -> Self:
        """The block that the JSON describes."""
        given = json.loads(text)
        material = json.loads(Path(given.pop("material")).read_text(encoding="utf-8"))
        return cls(material=material, folder=Path(given.pop("folder")), **given)

    @contextlib.contextmanager
    def measured(self, messages: int) -> Iterator[None]:
        """Measure what sending so many messages takes: the processor's time of all threads, and the clock's."""
        self.found["messages"] = messages
        began, used, used_here = time.monotonic(), time.process_time(), time.thread_time()
        yield
        self.found["cpu"] = time.process_time() - used
        self.found["cpu_of_loop"] = time.thread_time() - used_here
        self.found["seconds"] = time.monotonic() - began

    async def warms(self, send: Callable[[int], Awaitable[object]]) -> None:
        """Call `send` with a number for each message of the warm-up."""
        await _all(range(self.warm_up), self.in_flight, send)

    async def sends(self, send: Callable[[int], Awaitable[object]]) -> None:
        """Call `send` with a number for each message, `in_flight` at once; only what comes after warming up counts."""
        await self.warms(send)
        with self.measured(self.messages):
            await _all(range(self.warm_up, self.warm_up + self.messages), self.in_flight, send)


async def _all(numbers: range, in_flight: int, send: Callable[[int], Awaitable[object]]) -> None:
    left = iter(numbers)

    async def worker() -> None:
        for number in left:
            await send(number)

    async with asyncio.TaskGroup() as group:
        for _ in range(in_flight):
            group.create_task(worker())


def main() -> None:
    """Run the contender that the command line names and describes."""
    name, described = sys.argv[1:]
    block = Block.read(described)
    asyncio.run(importlib.import_module(f"bench.contenders.{name}").main(block))
    # In kibibytes on Linux.
    block.found["memory"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    sys.stdout.write(json.dumps(block.found) + "\n")


if __name__ == "__main__":
    main()
