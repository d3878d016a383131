"""What the process keeps in memory for as long as it lives."""

from __future__ import annotations

import gc


def settle_in() -> None:
    """Have the garbage collector leave alone what is there by now, nearly all of which stays.

    It would look through all of it again and again during a push, each time for longer than a message takes.
    """
    gc.collect()
    gc.freeze()
