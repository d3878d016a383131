"""The lock by which one process at a time delivers from a ledger. The operating system frees it when that one dies."""

import os
from pathlib import Path

from filelock import FileLock, Timeout

from bot.model.i18n import gettext as _
from bot.model.problems import reason_of
from bot.storage.records import LedgerError

PATIENCE = 0.3
"""Seconds to wait, because a health check holds the lock for a moment."""


class DeliveryLock:
    """The right to deliver from the ledger in `database`, held by one process."""

    def __init__(self, database: Path) -> None:
        self._file = database.with_name(f"{database.name}.lock")
        self._lock = FileLock(self._file, mode=0o600)
        self._locked: tuple[int, int] | None = None

    def acquire(self) -> bool:
        """Take the lock; return False if another process has it.

        Raises:
            LedgerError: the lock's file cannot be written.
        """
        try:
            self._lock.acquire(timeout=PATIENCE, poll_interval=PATIENCE / 10)
        except Timeout:
            return False
        except OSError as error:
            raise LedgerError(
                _("{path} cannot be written ({reason})").format(path=self._lock.lock_file, reason=reason_of(error)),
                _("check that the user that runs recap may write to this folder, and that the disk is not full"),
            ) from error
        self._locked = identity(self._file)
        return True

    def keep(self) -> bool:
        """Take the lock again if its file was deleted; return False if another process was quicker.

        Raises:
            LedgerError: the lock's file cannot be written.
        """
        if identity(self._file) == self._locked:
            return True
        # The lock on the file without a name is of no use; it is not given up before the new one is held.
        before, self._lock = self._lock, FileLock(self._file, mode=0o600)
        if self.acquire():
            before.release()
            return True
        self._lock = before
        return False

    def is_held(self) -> bool:
        """Return whether a process holds the lock now."""
        try:
            if not self.acquire():
                return True
        except LedgerError:
            return False
        self.release()
        return False

    def release(self) -> None:
        """Release the lock, if this process holds it."""
        self._lock.release()


def identity(path: Path) -> tuple[int, int] | None:
    """Return the device and the inode of the file; None without one."""
    try:
        status = os.stat(path)  # noqa: PTH116 - on the path of every message, and `Path.stat` takes three times as long
    except OSError:
        return None
    return status.st_dev, status.st_ino
