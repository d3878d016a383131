"""The crowd in a shorter form."""

from __future__ import annotations

from tests.endurance.askers import measure


async def test_a_crowd_takes_neither_the_push_nor_the_memory() -> None:
    """The push keeps a fifth, few wait long, the line is answered to its end, and everybody is heard afterwards."""
    figures = await measure(askers=60, seconds=2.0, burst=50, crowd=1100, rate=200)
    # Because the machine is busy with other tests, these are wide; `tests/delivery/test_pacing.py` holds them exactly.
    assert figures.broken(slack=200, p99=1.0, fifth=0.1) == [], figures
