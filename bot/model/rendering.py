"""Documents as one platform's messages."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

JsonObject: TypeAlias = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Message:
    """One message as the platform's API takes it.

    `body` is the JSON of the send request without address and nonce: it is stored, compared and sent unchanged.
    `used` and `limit` are the length of its text and the platform's maximum, in the platform's own unit. `fallback`
    holds plainer messages with the same content, for a platform that refuses the kind of this one.
    """

    body: JsonObject
    used: int
    limit: int
    fallback: tuple[Message, ...] = ()


@dataclass(frozen=True, slots=True)
class Rendering:
    """A document as one platform's messages, in the order in which they are sent.

    `title` names the post where the platform wants a name (a Discord forum).
    """

    title: str
    messages: tuple[Message, ...]
