"""Documents as one platform's messages."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

JsonObject: TypeAlias = Mapping[str, Any]

STANDING = ""
"""The key of a file of which only that is known, that it stands in a chat."""

KEPT = 256
"""Messages remembered at once: more than the distinct messages of any push, and a bound on memory."""


@dataclass(frozen=True, slots=True)
class Upload:
    """A file that a message brings, from a path or an address. The platform gets the file of each `key` once."""

    source: str
    key: str
    is_picture: bool = False
    """Whether the file is a picture in PNG that the address itself holds; else it is a recording."""

    @property
    def held(self) -> bytes:
        """The picture that the address holds."""
        return base64.b64decode(self.source.partition(",")[2])


@dataclass(frozen=True, slots=True)
class Message:
    """One message as the platform's API takes it.

    `body` is the JSON of the send request without address and nonce: it is stored, compared and sent unchanged.
    `used` and `limit` are the length of its text and the platform's maximum, in the platform's own unit. `fallback`
    holds plainer messages with the same content, for a platform that refuses the kind of this one.

    A message with an `upload` is the first of its rendering, and the others are replies to it. It is never sent again
    when nobody knows whether it arrived. Its fallback stands for the whole rendering.
    """

    body: JsonObject
    used: int
    limit: int
    fallback: tuple[Message, ...] = ()
    upload: Upload | None = None


@dataclass(frozen=True, slots=True)
class Rendering:
    """A document as one platform's messages, in the order in which they are sent.

    `title` names the post where the platform wants a name (a Discord forum).
    """

    title: str
    messages: tuple[Message, ...]


class FieldsCache:
    """The fields of the last `KEPT` messages in JSON, made of each body once.

    The key is the identity of a message, which stays the same through a push, because a comparison reads all of it.
    """

    def __init__(self, fields: Callable[[JsonObject], JsonObject] = lambda body: body) -> None:
        self._fields = fields
        # Because the cache keeps the message too, no other object can get its identity.
        self._made: dict[int, tuple[Message, bytes]] = {}

    def __call__(self, message: Message) -> bytes:
        """Return the fields of the message."""
        if id(message) not in self._made:
            self._made[id(message)] = message, as_json(self._fields(message.body))
            if len(self._made) > KEPT:
                del self._made[next(iter(self._made))]
        return self._made[id(message)][1]


def joined(ids: JsonObject, fields: bytes) -> bytes:
    """Return the ids and the JSON object `fields` as one JSON object. Neither is empty."""
    return b"%b,%b" % (json.dumps(ids)[:-1].encode(), fields[1:])


def as_json(body: JsonObject) -> bytes:
    """Return the body as the platforms' APIs take it."""
    return json.dumps(body, separators=(",", ":")).encode()
