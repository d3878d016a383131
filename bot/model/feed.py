"""The feed of the podcast, as far as the bot has read it."""

import datetime as dt
from collections.abc import Mapping

from pydantic import AwareDatetime, BaseModel


class FeedItem(BaseModel, frozen=True):
    """An episode of the feed, neither trailer nor bonus. `key` tells it from all others of the feed.

    `day` is that of its publication in the show's zone. `chapters` are seconds of the recording and the titles of what
    begins there; `chapters_page` is where a host tells them apart from the feed.
    """

    key: str
    title: str
    number: int | None = None
    day: dt.date | None = None
    audio: str = ""
    page: str = ""
    chapters: tuple[tuple[int, str], ...] = ()
    chapters_page: str = ""


class KnownFeed(BaseModel, frozen=True):
    """The newest good answer of the feed, and the drafts that the bot has made of it. `version` counts the changes.

    `drafts` are files below the content folder, each by the key of its item.
    """

    version: int = 0
    items: tuple[FeedItem, ...] = ()
    drafts: Mapping[str, str] = {}


NO_FEED = KnownFeed()
"""That which is known of the feed of a team that has named none, or before its first good answer."""


class FeedVisit(BaseModel, frozen=True):
    """The last request to the feed at `url`, at the moment `asked` by the ledger's clock.

    `etag` and `modified` are the server's words for its newest good answer, which came at the moment `good`. Nothing is
    asked before `rests_until`, because the server wants that. `failures` counts the bad answers since the good one.
    """

    url: str = ""
    asked: AwareDatetime | None = None
    good: AwareDatetime | None = None
    rests_until: AwareDatetime | None = None
    etag: str = ""
    modified: str = ""
    failures: int = 0
