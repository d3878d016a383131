"""Content of messages: flags, mentions, components, and how Discord gives components back."""

from __future__ import annotations

import enum
import itertools
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bot.sandbox.shared.webserver import Json

TEXT_DISPLAY = 10
"""Discord's number of the component that is text."""


class Flag(enum.IntFlag):
    """Message flags with Discord's bits."""

    NONE = 0
    PUBLISHED = 1 << 0
    SUPPRESS_EMBEDS = 1 << 2
    EPHEMERAL = 1 << 6
    LOADING = 1 << 7
    SUPPRESS_NOTIFICATIONS = 1 << 12
    COMPONENTS_V2 = 1 << 15


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file of a message or of a command's option, at its address."""

    id: int
    name: str
    data: bytes = field(repr=False)
    url: str

    def wire(self) -> Json:
        """Return the attachment object."""
        wire = {"id": str(self.id), "filename": self.name, "size": len(self.data)}
        return wire | {"url": self.url, "proxy_url": self.url}


@dataclass(frozen=True, slots=True)
class Pings:
    """People and roles that a text alerts."""

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
    """Return the people and roles that the text alerts under the request's `allowed_mentions`; None allows all.

    Mentions inside code spans count, and so do mentions of people that are absent or that the bot may not alert.
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
class Content:
    """Content of a message that an edit may change."""

    text: str = ""
    components: tuple[Json, ...] = ()
    flags: Flag = Flag.NONE

    @property
    def said(self) -> str:
        """The plain text and all text displays, with a line feed between them."""
        return "\n".join([*([self.text] if self.text else []), *texts(self.components)])


def texts(components: Iterable[Json]) -> list[str]:
    """Return the contents of all text displays, in reading order."""
    return [component["content"] for component in walk(components) if component["type"] == TEXT_DISPLAY]


def walk(components: Iterable[Json]) -> Iterator[Json]:
    """Yield all components in reading order, including those inside others."""
    for component in components:
        yield component
        yield from walk(component.get("components", ()))


def delivered(components: Iterable[Json], numbers: Iterator[int] | None = None) -> list[Json]:
    """Return the components as Discord gives them back: numbered in reading order, media with address and size."""
    numbers = numbers or itertools.count(1)
    found = []
    for component in components:
        wire = {"id": next(numbers), **component}
        if "items" in component:
            wire["items"] = [item | {"media": _loaded(item["media"])} for item in component["items"]]
        if "components" in component:
            wire["components"] = delivered(component["components"], numbers)
        found.append(wire)
    return found


def _loaded(media: Json) -> Json:
    return {"proxy_url": media["url"], "loading_state": 2, "width": 0, "height": 0} | media
