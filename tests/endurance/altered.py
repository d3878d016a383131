"""`recap` with what tests change by the environment: leases of three seconds, and a wall clock that is wrong."""

from __future__ import annotations

import datetime as dt
import functools
import os
from unittest import mock

from bot.cli import main
from bot.runtime import app
from bot.storage import ledger
from bot.storage.clock import SteadyClock, utc_now
from bot.storage.leases import Leases, LeaseTimes, SharedLeases

QUICK, AHEAD = "ALTERED_QUICK", "ALTERED_AHEAD"
"""The variables: the first for quick leases, the second with the seconds that the machine's clock is ahead."""


def run() -> None:
    """Run the command line."""
    quick = LeaseTimes(lasts=3.0, led=2.0, renew_every=0.4, look_every=0.2)
    leases = functools.partial(SharedLeases, times=quick if os.environ.get(QUICK) else Leases.times)
    ahead = dt.timedelta(seconds=float(os.environ.get(AHEAD, "0")))
    clock = functools.partial(SteadyClock, lambda: utc_now() + ahead)
    with mock.patch.object(ledger, "SharedLeases", leases), mock.patch.object(app, "SteadyClock", clock):
        main()


if __name__ == "__main__":
    run()
