"""`recap` with leases of three seconds, for tests that wait until one has run out."""

from __future__ import annotations

import functools
from unittest import mock

from bot.cli import main
from bot.storage import ledger
from bot.storage.leases import LeaseTimes, SharedLeases

QUICK = LeaseTimes(lasts=3.0, led=2.0, renew_every=0.4, look_every=0.2)

if __name__ == "__main__":
    with mock.patch.object(ledger, "SharedLeases", functools.partial(SharedLeases, times=QUICK)):
        main()
