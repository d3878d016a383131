"""One process at a time delivers from a ledger; the operating system gives the lock back when that process dies."""

from __future__ import annotations

from typing import TYPE_CHECKING

from filelock import FileLock, Timeout

if TYPE_CHECKING:
    from pathlib import Path


class DeliveryLock:
    """The right to deliver from the ledger in `database`, held by one process."""

    def __init__(self, database: Path) -> None:
        self._lock = FileLock(database.with_name(f"{database.name}.lock"))

    def acquire(self) -> bool:
        """Take the lock without waiting; False when another process has it."""
        try:
            self._lock.acquire(blocking=False)
        except Timeout:
            return False
        return True

    def release(self) -> None:
        """Give the lock back; harmless when it is not held."""
        self._lock.release()
