"""The Bot API's rules for texts and entities: refusals, clean-up, and the commands that the server finds.

The rules are those of TDLib, on which the Bot API server is built; the tests compare both. The stand-in does not find
links, names and hashtags in the bot's texts, does not split entities that overlap, and does not complete addresses.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from bot.sandbox.telegram.errors import bad_request

if TYPE_CHECKING:
    from bot.sandbox.shared.webserver import Json

TEXT_MAX = 4096
"""Code points of a text after trimming."""
RAW_TEXT_MAX_BYTES = 1 << 15
"""Bytes of a text before trimming."""
ENTITIES_MAX = 100
"""Entities of a message; the server drops all further ones."""
_OFFSET_MAX = 1_000_000
_BEYOND_BMP = 0xFFFF
"""Last character of one UTF-16 unit; further characters take two."""

_GIVEN = frozenset(
    {"bold", "italic", "strikethrough", "code", "pre", "text_link", "blockquote", "expandable_blockquote"}
)
"""Types of entity that the bot sends; the stand-in knows no others in requests."""
_FOUND = frozenset({"mention", "hashtag", "cashtag", "bot_command", "url", "email", "phone_number", "bank_card_number"})
"""Types that the server finds itself and ignores in requests."""

_CONTROL = re.compile(r"[\x00-\x09\x0b\x0c\x0e-\x1f]")
_DROPPED = frozenset("\r\N{COMBINING RING ABOVE}\N{COMBINING DOUBLE LOW LINE}\N{COMBINING DOUBLE OVERLINE}") | {
    chr(code) for code in range(0x2028, 0x202F)
}
"""Characters that the server drops: line separators, changes of direction, marks that draw through other lines."""
_PLAIN = re.compile(rf"[^\x00-\x09\x0b-\x1f\U00010000-\U0010ffff{''.join(_DROPPED)}]*")
"""Texts that need no clean-up and in which every character is one unit: nearly all texts."""
_TRIMMED = " \n"
_INVISIBLE = re.compile("[\\s\u180e\u200b-\u200f\u2800\ufeff\ufffc\U000e0080-\U000e00ff]*")

_NOT_BEFORE_COMMAND = r"(?<![\w/<>])"
_NOT_AFTER_COMMAND = r"(?![\w/<>])"
_COMMAND = re.compile(
    rf"{_NOT_BEFORE_COMMAND}/[a-zA-Z0-9_]{{1,64}}(?![a-zA-Z0-9_])(?:@[a-zA-Z0-9_]{{3,32}}(?![a-zA-Z0-9_])|(?!@))"
    rf"{_NOT_AFTER_COMMAND}"
)

_SCHEME = re.compile(r"[^:/?#@\[\]]*")
_TO_PATH = re.compile(r"[/?#]")
_PORT = re.compile(r"[1-9][0-9]{0,4}")
_HOST = re.compile(r"(?:[a-z0-9._!$,~*'();&+=-]|%[0-9a-f]{2}|[^\x00-\x7f])*", re.IGNORECASE | re.ASCII)
_USERINFO = re.compile(r"(?:[a-z0-9._!$,~*'();&+=:-]|%[0-9a-f]{2}|[^\x00-\x7f])*", re.IGNORECASE | re.ASCII)
_LINK_SCHEMES = frozenset({"http", "https"})
_APP_SCHEMES = frozenset({"tg", "ton", "tonsite"})


def utf16(text: str) -> int:
    """Return the length of a text in the unit of entities."""
    return len(text.encode("utf-16-le")) // 2


def bot_commands(text: str) -> list[Json]:
    """Return the commands in a text, as entities."""
    return [
        {"type": "bot_command", "offset": utf16(text[: match.start()]), "length": utf16(match[0])}
        for match in _COMMAND.finditer(text)
    ]


def is_link(url: str) -> bool:
    """Return whether Telegram takes the address for a link: an app's address, or one on the web by TDLib's own parser.

    The steps are those of HttpUrl.cpp, parse_url, and of LinkManager.cpp, check_link_impl.
    """
    scheme, separator, rest = url.partition("://")
    if not separator or not _SCHEME.fullmatch(scheme):
        scheme, rest = "http", url
    if scheme.lower() in _APP_SCHEMES:
        return True
    site = _TO_PATH.split(rest, maxsplit=1)[0]
    colon = max(map(site.rfind, ":]@"))
    if colon > 0 and site[colon] == ":":
        site, port = site[:colon], site[colon + 1 :].lstrip("0")
        if not _PORT.fullmatch(port) or int(port) >= 1 << 16:
            return False
    userinfo, _at, host = site.rpartition("@")
    is_ipv6 = len(host) > 1 and host[0] == "[" and host[-1] == "]"
    if is_ipv6 and not _is_ipv6(host[1:-1]):
        return False
    is_named = "." in host and host != "." and _HOST.fullmatch(host) is not None
    has_user = is_ipv6 or _USERINFO.fullmatch(userinfo) is not None
    return scheme.lower() in _LINK_SCHEMES and has_user and (is_ipv6 or is_named)


def _is_ipv6(text: str) -> bool:
    try:
        ipaddress.IPv6Address(text)
    except ValueError:
        return False
    return "%" not in text


def formatted(text: str, entities: object) -> tuple[str, tuple[Json, ...]]:
    """Return the text and its entities as the server stores them.

    Raises:
        ApiError: the server refuses them.
    """
    if not text:
        raise bad_request("Message text is empty")
    try:
        size = len(text.encode())
    except UnicodeEncodeError:
        raise bad_request("Strings must be encoded in UTF-8") from None
    if size > RAW_TEXT_MAX_BYTES:
        raise bad_request("Text is too long")
    clean, mended = _trim(*_clean(text, _parse(entities)))
    if _INVISIBLE.fullmatch(clean):
        raise bad_request("Text must be non-empty")
    if len(clean) > TEXT_MAX:
        raise bad_request("Message is too long")
    return clean, tuple(mended[:ENTITIES_MAX])


def _parse(entities: object) -> list[Json]:
    if not isinstance(entities, list):
        return []
    parsed = [_parse_entity(entity) for entity in entities]
    given = [entity for entity in parsed if entity["type"] in _GIVEN]
    for entity in given:
        for key in ("offset", "length"):
            if not 0 <= entity[key] <= _OFFSET_MAX:
                raise bad_request(f"Receive an entity with incorrect {key} {entity[key]}")
    with_length = [entity for entity in given if entity["length"]]
    return sorted(with_length, key=lambda entity: (entity["offset"], -entity["length"]))


def _parse_entity(entity: object) -> Json:
    if not isinstance(entity, dict):
        raise bad_request("Can't parse MessageEntity: expected an Object")
    for key in ("offset", "length"):
        if not isinstance(entity.get(key), int):
            raise bad_request(f'Can\'t parse MessageEntity: Field "{key}" must be of type Number')
    kind = entity.get("type")
    if kind not in _GIVEN | _FOUND:
        raise bad_request("Can't parse MessageEntity: Unsupported type specified")
    if kind == "text_link":
        url = entity.get("url")
        if not isinstance(url, str):
            raise bad_request("Can't parse MessageEntity: Can't find field \"url\"")
        if not is_link(url):
            raise bad_request(f"Entity URL '{url}' is invalid: Wrong HTTP URL")
    return entity


def _clean(text: str, entities: Iterable[Json]) -> tuple[str, list[Json]]:
    """Drop or replace the characters that Telegram does not keep, and move the entities accordingly."""
    if _PLAIN.fullmatch(text):
        return text, [_moved(entity, range(len(text) + 1), text, len(text)) for entity in entities]
    places: dict[int, int] = {}
    at = kept = 0
    for character in text:
        places[at] = kept
        width = 1 + (ord(character) > _BEYOND_BMP)
        at += width
        kept += width if character not in _DROPPED else 0
    places[at] = kept
    clean = _CONTROL.sub(" ", "".join(character for character in text if character not in _DROPPED))
    return clean, [_moved(entity, places, text, at) for entity in entities]


def _moved(entity: Json, places: Mapping[int, int] | range, text: str, total: int) -> Json:
    begin, end = entity["offset"], entity["offset"] + entity["length"]
    if begin > total:
        raise bad_request(f"Entity begins after the end of the text at UTF-16 offset {begin}")
    if begin not in places:
        raise bad_request(f"Entity begins in a middle of a UTF-16 symbol at byte offset {_bytes_after(text, begin)}")
    beginning = f"Entity beginning at UTF-16 offset {begin} ends"
    if end > total:
        raise bad_request(f"{beginning} after the end of the text at UTF-16 offset {end}")
    if end not in places:
        raise bad_request(f"{beginning} in a middle of a UTF-16 symbol at byte offset {_bytes_after(text, end)}")
    return entity | {"offset": places[begin], "length": places[end] - places[begin]}


def _bytes_after(text: str, middle: int) -> int:
    """Return the UTF-8 offset of the end of the surrogate pair around the UTF-16 offset `middle`."""
    return len(text.encode("utf-16-le")[: 2 * middle + 2].decode("utf-16-le").encode())


def _trim(text: str, entities: Iterable[Json]) -> tuple[str, list[Json]]:
    """Drop the blanks at the end, and the blanks at the beginning without an entity."""
    text = text.rstrip(_TRIMMED)
    end = utf16(text)
    kept = [
        entity | {"length": min(entity["length"], end - entity["offset"])}
        for entity in entities
        if entity["offset"] < end and entity["length"]
    ]
    blanks = len(text) - len(text.lstrip(_TRIMMED))
    skipped = min([blanks, *(entity["offset"] for entity in kept)])
    return text[skipped:], [entity | {"offset": entity["offset"] - skipped} for entity in kept]
