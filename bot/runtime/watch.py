"""Watchers of files, which tell of a possible change wherever a file is and however it is replaced."""

from __future__ import annotations

import asyncio
import stat
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import watchfiles

LOOK_AT_FILE_EVERY = 2.0
"""Seconds between looks at a single file."""
LOOK_EVERY = 5.0
"""Seconds between looks whether the folder is still, or now, the watched one."""
SETTLE = 0.3
"""Seconds without a change after which a file is read, because an editor may write it in pieces."""


@dataclass(frozen=True, slots=True)
class Stamp:
    """One version of a file, told from any other without reading it. A link that is swapped is another version."""

    inode: int
    changed: int
    size: int

    @classmethod
    def of(cls, path: Path) -> Stamp | None:
        """Return the stamp of the file as it is now; None when no file can be seen."""
        try:
            status = path.stat()
        except OSError:
            return None
        return cls(status.st_ino, status.st_mtime_ns, status.st_size)

    @classmethod
    async def settled(cls, path: Path) -> Stamp | None:
        """Return the stamp of the file as soon as it stays the same."""
        stamp = cls.of(path)
        while True:
            await asyncio.sleep(SETTLE)
            before, stamp = stamp, cls.of(path)
            if stamp == before:
                return stamp

    def __str__(self) -> str:
        return f"{self.changed}-{self.size}"


async def watch_file(path: Path, changed: Callable[[], Awaitable[None]]) -> None:
    """Call `changed` after each change of the file, until cancelled.

    Because a look costs nothing and sees a change on every mount, the watcher looks instead of being told.
    """
    now = Stamp.of(path)
    while True:
        await asyncio.sleep(LOOK_AT_FILE_EVERY)
        seen, now = now, Stamp.of(path)
        if now != seen:
            await changed()


async def watch_folder(folder: Callable[[], Path], changed: Callable[[], Awaitable[None]]) -> None:
    """Call `changed` after each change of a text in the folder or below, until cancelled.

    The folder may not exist yet, may be replaced by another of the same name, and `folder` may name another later.
    """
    while True:
        path = folder()
        identity = _identity(path)
        if identity is None:
            await asyncio.sleep(LOOK_EVERY)
            if _identity(path) is not None:
                await changed()
            continue
        watching = watchfiles.awatch(
            path,
            watch_filter=_matters,
            rust_timeout=int(LOOK_EVERY * 1000),
            yield_on_timeout=True,
            ignore_permission_denied=True,
        )
        async for changes in watching:
            is_other = folder() != path or _identity(path) != identity
            if changes or is_other:
                await changed()
            if is_other:
                break


def _matters(_change: watchfiles.Change, path: str) -> bool:
    # Because a database in the same folder is written all the time, only texts count, and folders, without a suffix.
    return Path(path).suffix.lower() in {".md", ""}


def _identity(folder: Path) -> tuple[int, int] | None:
    """Return the device and the inode of the folder, which a replaced folder has not; None without a folder."""
    try:
        status = folder.stat()
    except OSError:
        return None
    return (status.st_dev, status.st_ino) if stat.S_ISDIR(status.st_mode) else None
