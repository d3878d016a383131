"""The clock of the ledger, and the process that goes by it."""

import datetime as dt
import os
import time
from collections.abc import Callable
from pathlib import Path

_SINCE_BOOT: int | None = getattr(time, "CLOCK_BOOTTIME", None)
"""The system's clock that goes on while the machine sleeps. Linux alone has one by this name."""


def utc_now() -> dt.datetime:
    """Return the time by the machine's clock, which somebody may set."""
    return dt.datetime.now(dt.UTC)


def _since_boot() -> dt.timedelta:
    seconds = time.monotonic() if _SINCE_BOOT is None else time.clock_gettime(_SINCE_BOOT)
    return dt.timedelta(seconds=seconds)


def _boot() -> str:
    """Return a word for this run of the machine; "" where the system has none."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return ""


class SteadyClock:
    """A clock that is the machine's at first and then goes on evenly, while somebody sets the machine's.

    By this clock deliveries wait and grow old, so that a wrong clock neither holds up a push nor ends it. `wall` is the
    machine's clock, by which schedules go. `elapsed` counts the time since a moment that `boot` names.
    """

    def __init__(
        self,
        wall: Callable[[], dt.datetime] = utc_now,
        elapsed: Callable[[], dt.timedelta] = _since_boot,
        boot: str | None = None,
    ) -> None:
        self.wall = wall
        self.elapsed = elapsed
        self.boot = _boot() if boot is None else boot
        self.set(wall())

    @classmethod
    def by(cls, clock: Callable[[], dt.datetime]) -> "SteadyClock":
        """Return the clock if it is a steady one, else one that takes every change of the clock for time that passes.

        Tests turn their clocks by hand.
        """
        began = clock()
        return clock if isinstance(clock, SteadyClock) else cls(clock, lambda: clock() - began, boot="")

    def __call__(self) -> dt.datetime:
        """Return the time."""
        # In one piece, because the thread that writes to the database may set the clock meanwhile.
        began, at = self._anchor
        return began + (self.elapsed() - at)

    def set(self, now: dt.datetime) -> None:
        """Go on from this time."""
        self._anchor = now, self.elapsed()

    @property
    def slip(self) -> dt.timedelta:
        """The time by which the machine's clock is ahead of this one."""
        return self.wall() - self()


def this_process() -> str:
    """Return a word that no other process of this machine has, nor had."""
    return f"{_boot()} {os.getpid()} {_started(os.getpid())}"


def is_other_process(word: str) -> bool:
    """Return whether the word is that of another process that lives on this machine; False where nobody can tell."""
    boot, pid, started = [*word.split(" "), "", "", ""][:3]
    return bool(started) and boot == _boot() and pid != str(os.getpid()) and _started(int(pid)) == started


def _started(pid: int) -> str:
    """Return when the process started, in ticks since the boot; "" without such a process."""
    try:
        # The name of the program, in brackets, may hold spaces.
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()[19]
    except (OSError, IndexError):
        return ""
