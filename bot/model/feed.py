"""The feed of the podcast, as far as the bot has read it, and the facts about it."""

import dataclasses
import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from pydantic import AwareDatetime, BaseModel

from bot.model.facts import Fact
from bot.model.problems import Problem

MAX_FEED = 20_000_000
"""Bytes of a feed: twice a thousand episodes with all their notes."""


class FeedItem(BaseModel, frozen=True):
    """An episode of the feed, neither trailer nor bonus. `key` tells it from all others of the feed.

    `day` is that of its publication in the show's zone. `notes` tells one text of the notes from another. `chapters`
    are seconds of the recording and the titles of what begins there; `chapters_page` is where a host tells them apart
    from the feed.
    """

    key: str
    title: str
    number: int | None = None
    day: dt.date | None = None
    audio: str = ""
    page: str = ""
    notes: str = ""
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


@dataclass(frozen=True, slots=True)
class Drafted(Fact):
    """A draft that the bot has made of the item with that key, with the warnings about it.

    With `is_offered`, a schedule waits for an approval, which lets the draft out.
    """

    KEY = "drafted {fact.item}"
    item: str
    episode: int
    title: str
    path: Path
    warnings: Sequence[Problem] = ()
    is_offered: bool = False


@dataclass(frozen=True, slots=True)
class NotDrafted(Fact):
    """An item with that key, of which no draft could be made."""

    KEY = "not-drafted {fact.item}"
    item: str
    title: str
    reason: str


@dataclass(frozen=True, slots=True)
class NotesChanged(Fact):
    """New notes in the feed for an episode that nobody has got yet, of whose older ones the bot has made the file."""

    KEY = "notes-changed {fact.episode} {day}"
    episode: int
    path: Path


@dataclass(frozen=True, slots=True)
class NotWritten(Fact):
    """A file of an episode that the bot was to write and cannot."""

    KEY = "not-written {fact.path} {day}"
    path: Path
    reason: str


@dataclass(frozen=True, slots=True)
class FeedAway(Fact):
    """A feed that cannot be used since its last good answer; None if it never gave one.

    Because an address may hold a secret, `host` names the feed, and `name` tells it from others in the key.
    """

    KEY = "feed-away {fact.name} {fact.since}"
    name: str
    host: str
    reason: str
    since: dt.date | None = None


@dataclass(frozen=True, slots=True)
class FeedMoved(Fact):
    """A feed that has moved for good to an address on `host`; `name` tells the move from others in the key.

    Because an address may hold a secret, the log has none, and nobody one with a query or the name of an account.
    """

    KEY = "feed-moved {fact.name}"
    name: str
    host: str
    address: str = field(default="", repr=False)

    @property
    def in_log(self) -> Self:
        """The fact without the address."""
        return dataclasses.replace(self, address="")
