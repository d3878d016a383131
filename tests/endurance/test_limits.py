"""The limits in a shorter form: a push of some seconds, with people asking things all the while."""

from __future__ import annotations

from tests.endurance.limits import measure

BUSY = 5
"""Messages that left apart and arrive together when the machine, busy with other tests, stands still in between.

Two of one chat may as well, and an answer may take its time. How many leave is held exactly in
`tests/delivery/test_pacing.py`; the script counts arrivals on a machine of its own.
"""


async def test_a_push_attains_its_rate_and_never_passes_it() -> None:
    """In no sliding second more than the rate, answers included; one message a second to one chat, few to a group."""
    figures = await measure(targets=150, rate=30, answers=10)
    assert figures.peak <= 30 + BUSY, figures
    assert figures.chat_peak <= 2, figures
    assert figures.group_peak <= 20, figures
    assert figures.attained >= 0.7, figures
    assert figures.p99 < 1.0, figures
