"""The feed in the ledger: a restart and another process know what the first one has read."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

from bot.model.feed import NO_FEED, FeedItem, FeedVisit, KnownFeed
from tests.world import MONDAY

if TYPE_CHECKING:
    from bot.storage.ledger import Ledger

ITEM = FeedItem(
    key="a", title="L’été", number=1207, day=dt.date(2024, 11, 4), audio="https://x.example/a.mp3",
    chapters=((0, "Début"), (754, "Netflix")),
)  # fmt: skip


async def test_the_feed_is_known_after_a_restart(ledger: Ledger) -> None:
    """Nothing is known at first; what was kept comes back whole, and as the same object while nothing is new."""
    assert await ledger.feed.known(NO_FEED) is NO_FEED
    assert await ledger.feed.visit() == FeedVisit()
    visit = FeedVisit(url="https://x.example/feed", asked=MONDAY, good=MONDAY, etag='"1"', failures=2)
    known = KnownFeed(version=1, items=(ITEM,), drafts={"a": "1207.md"})
    await ledger.feed.note(visit)
    await ledger.feed.keep(known)
    again = await ledger.feed.known(NO_FEED)
    assert again == known
    assert await ledger.feed.known(again) is again
    assert await ledger.feed.visit() == visit


async def test_a_request_changes_nothing_that_is_known(ledger: Ledger) -> None:
    """And the other way round: each of both is written without the other."""
    await ledger.feed.keep(KnownFeed(version=3, items=(ITEM,)))
    await ledger.feed.note(FeedVisit(failures=1))
    await ledger.feed.keep(KnownFeed(version=4))
    assert await ledger.feed.known(NO_FEED) == KnownFeed(version=4)
    assert (await ledger.feed.visit()).failures == 1
