"""Messages of the stand-in: what they show, whom they alert, and their JSON."""

from __future__ import annotations

import enum
import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from bot.sandbox.discord.snowflakes import wire_time

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from bot.sandbox.discord.snowflakes import Snowflakes
    from bot.sandbox.discord.world import Channel, Json, User

TEXT_DISPLAY = 10
"""Discord's number of the component that is text."""
UPLOAD = "attachment://"
"""Begins the address by which a component shows a file uploaded with its message."""


class Flag(enum.IntFlag):
    """Discord's message flags, those that matter here."""

    PUBLISHED = 1 << 0
    SUPPRESS_EMBEDS = 1 << 2
    HAS_THREAD = 1 << 5
    EPHEMERAL = 1 << 6
    LOADING = 1 << 7
    SUPPRESS_NOTIFICATIONS = 1 << 12
    COMPONENTS_V2 = 1 << 15


NO_FLAGS = Flag(0)


@dataclass(frozen=True, slots=True)
class Pings:
    """Whom a text alerts."""

    everyone: bool = False
    users: frozenset[int] = frozenset()
    roles: frozenset[int] = frozenset()

    def __bool__(self) -> bool:
        return self.everyone or bool(self.users) or bool(self.roles)

    def __or__(self, other: Pings) -> Pings:
        return Pings(self.everyone or other.everyone, self.users | other.users, self.roles | other.roles)


_EVERYONE = re.compile(r"@(?:everyone|here)")
_USER = re.compile(r"<@!?(\d+)>")
_ROLE = re.compile(r"<@&(\d+)>")


def pings(text: str, allowed: Mapping[str, Any] | None) -> Pings:
    """Whom the text alerts under the request's `allowed_mentions`; without it, everybody they name.

    It errs on the side of alarm: a mention inside a code span counts, and so does one of somebody who is not there or
    whom the bot has no right to alert.
    """
    users = frozenset(map(int, _USER.findall(text)))
    roles = frozenset(map(int, _ROLE.findall(text)))
    everyone = _EVERYONE.search(text) is not None
    if allowed is None:
        return Pings(everyone, users, roles)
    parse = allowed.get("parse") or ()
    return Pings(
        everyone and "everyone" in parse,
        users if "users" in parse else users & _ids(allowed.get("users")),
        roles if "roles" in parse else roles & _ids(allowed.get("roles")),
    )


def _ids(listed: Iterable[str | int] | None) -> frozenset[int]:
    return frozenset(map(int, listed or ()))


@dataclass(frozen=True, slots=True)
class Upload:
    """A file that came with a request."""

    filename: str
    data: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Attachment:
    """An uploaded file."""

    id: int
    filename: str
    data: bytes = field(repr=False)

    @property
    def url(self) -> str:
        """Where the real Discord would offer it."""
        return f"https://cdn.discordapp.com/attachments/{self.id}/{self.filename}"

    def wire(self) -> Json:
        """The attachment object."""
        size = len(self.data)
        return {"id": str(self.id), "filename": self.filename, "size": size, "url": self.url, "proxy_url": self.url}


def attach(ids: Snowflakes, files: Iterable[Upload]) -> list[Attachment]:
    """The files as a message's."""
    return [Attachment(ids.next(), file.filename, file.data) for file in files]


@dataclass(frozen=True, slots=True)
class Content:
    """What a message shows: all that an edit may change."""

    text: str = ""
    embeds: tuple[Json, ...] = ()
    components: tuple[Json, ...] = ()
    attachments: tuple[Attachment, ...] = ()
    flags: Flag = NO_FLAGS

    @property
    def said(self) -> str:
        """Everything it says: the plain text and all text displays, a line feed between them."""
        return "\n".join([*([self.text] if self.text else []), *texts(self.components)])


@dataclass(slots=True, eq=False)
class Message:
    """A message. `request` is the place in the request log of the request that made it, `edits` what it showed before.

    `pings` is everybody whom its text, and that of every edit, would have alerted. `interaction` is the id of what it
    answers, and `asked` what Discord tells about that.
    """

    id: int
    channel: Channel
    author: User
    shown: Content
    pings: Pings
    sent_at: dt.datetime
    request: int
    nonce: str | int | None = None
    interaction: int | None = None
    asked: Json | None = field(default=None, repr=False)
    edits: list[Content] = field(default_factory=list, repr=False)
    edited_at: dt.datetime | None = None
    deleted: bool = False

    @property
    def content(self) -> str:
        """The plain text."""
        return self.shown.text

    @property
    def components(self) -> tuple[Json, ...]:
        """The components as they were sent."""
        return self.shown.components

    @property
    def flags(self) -> Flag:
        """The flags."""
        return self.shown.flags

    @property
    def published(self) -> bool:
        """Whether it was passed on to the channels that follow."""
        return Flag.PUBLISHED in self.flags

    @property
    def ephemeral(self) -> bool:
        """Whether only the person who asked can see it."""
        return Flag.EPHEMERAL in self.flags

    @property
    def text(self) -> str:
        """Everything it says."""
        return self.shown.said

    def fulfil(self, shown: Content, allowed_mentions: Json | None) -> None:
        """Show what a deferral promised."""
        self.shown = shown
        self.pings |= pings(shown.said, allowed_mentions)

    def revise(self, shown: Content, allowed_mentions: Json | None, now: dt.datetime) -> None:
        """Show something else from now on."""
        self.edits.append(self.shown)
        self.edited_at = now
        self.fulfil(shown, allowed_mentions)

    def mark(self, flag: Flag) -> None:
        """Set a flag."""
        self.shown = replace(self.shown, flags=self.flags | flag)

    def wire(self) -> Json:
        """The message object."""
        wire: Json = {
            "id": str(self.id),
            "type": 0,
            "channel_id": str(self.channel.id),
            "author": self.author.wire(),
            "content": self.content,
            "timestamp": wire_time(self.sent_at),
            "edited_timestamp": wire_time(self.edited_at) if self.edited_at else None,
            "tts": False,
            "mention_everyone": self.pings.everyone,
            "mentions": [],
            "mention_roles": [str(role) for role in sorted(self.pings.roles)],
            "attachments": [attachment.wire() for attachment in self.shown.attachments],
            "embeds": list(self.shown.embeds),
            "components": _Delivery(self.shown.attachments).deliver(self.components),
            "pinned": False,
            "flags": int(self.flags),
        }
        if self.asked is not None:
            wire["interaction_metadata"] = self.asked
        return wire if self.nonce is None else wire | {"nonce": self.nonce}


def texts(components: Iterable[Json]) -> list[str]:
    """The contents of all text displays, in reading order."""
    return [component["content"] for component in walk(components) if component["type"] == TEXT_DISPLAY]


def walk(components: Iterable[Json]) -> Iterator[Json]:
    """All components, those inside others included, in reading order."""
    for component in components:
        yield component
        yield from walk(component.get("components", ()))
        if "accessory" in component:
            yield from walk((component["accessory"],))


class _Delivery:
    """Gives components back as Discord does: numbered, and with the address of every upload in its place."""

    def __init__(self, attachments: Sequence[Attachment]) -> None:
        self._urls = {f"{UPLOAD}{attachment.filename}": attachment.url for attachment in attachments}
        self._number = 0

    def deliver(self, components: Iterable[Json]) -> list[Json]:
        return [self._component(component) for component in components]

    def _component(self, component: Json) -> Json:
        self._number += 1
        delivered = {"id": self._number, **component}
        for key in ("media", "file"):
            if key in component:
                delivered[key] = self._media(component[key])
        if "items" in component:
            delivered["items"] = [item | {"media": self._media(item["media"])} for item in component["items"]]
        if "accessory" in component:
            delivered["accessory"] = self._component(component["accessory"])
        if "components" in component:
            delivered["components"] = self.deliver(component["components"])
        return delivered

    def _media(self, media: Json) -> Json:
        url = self._urls.get(media["url"], media["url"])
        return {"proxy_url": url, "loading_state": 2, "width": 0, "height": 0} | media | {"url": url}
