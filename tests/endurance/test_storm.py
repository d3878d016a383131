"""The bad Monday in a shorter form."""

from __future__ import annotations

from tests.endurance.storm import measure
from tests.endurance.test_limits import BUSY


async def test_a_bad_monday_ends_with_every_message_once() -> None:
    """In no sliding second more requests than the rate, one refusal for one cause, nothing twice and nobody without."""
    figures = await measure(forums=15, channels=15, outage=2.0)
    assert figures.broken(slack=BUSY) == [], figures
