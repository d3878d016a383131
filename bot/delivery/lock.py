"""One process at a time delivers from a ledger; the operating system gives the lock back when that process dies."""

from __future__ import annotations

from pathlib import Path

from filelock import FileLock, Timeout
from sqlalchemy.engine import make_url


class DeliveryLock:
    """The right to deliver from the ledger at `url`, held by one process."""

    def __init__(self, url: str) -> None:
        database = make_url(url).database or ":memory:"
        self._lock = None if database == ":memory:" else FileLock(Path(f"{database}.lock"))

    def acquire(self) -> bool:
        """Take the lock without waiting; False when another process has it."""
        if self._lock is None:
            return True
        try:
            self._lock.acquire(blocking=False)
        except Timeout:
            return False
        return True

    def release(self) -> None:
        """Give the lock back; harmless when it is not held."""
        if self._lock is not None:
            self._lock.release()
