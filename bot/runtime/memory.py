"""What the process keeps in memory for as long as it lives."""

from __future__ import annotations

import gc

YOUNG = 10_000
"""Objects made since the collector last looked among the young ones. By itself it looks after every 700 or 2,000, once
in a hundred messages or so, and finds nothing: what a message leaves behind is freed without it."""


def settle_in() -> None:
    """Have the garbage collector leave alone what is there by now, nearly all of which stays, and look less often.

    It would look through all of it again and again during a push, each time for longer than a message takes.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG, *gc.get_threshold()[1:])
