"""Addresses on the web, as episode files may hold them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import SplitResult, urlsplit

from markdown_it.common.normalize_url import normalizeLink

from bot.model.problems import BadValueError

if TYPE_CHECKING:
    from collections.abc import Iterator

_SCHEMES = frozenset({"http", "https"})
_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*:", re.IGNORECASE)
_BARE = re.compile(r"https?://[^\s<>«»“”]+", re.IGNORECASE)
# Marks that end a sentence or a pair rather than an address.
_CLOSING_MARKS = ".,;:!?…'’\"*_~"
_UNPRINTABLE = re.compile(r"[\s\x00-\x1f\x7f]")
# RFC 3986: whatever else an address holds travels percent-encoded.
_PORTABLE = re.compile(r"[A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;=%]*")


def web_address(text: str) -> str:
    """The address as it can be given to any platform: http or https, with a host, in ASCII.

    Raises:
        BadValueError: no reader could open it.
    """
    if not text:
        raise BadValueError("the address is empty", cure="Write one that begins with https://")
    if _UNPRINTABLE.search(text):
        raise BadValueError(f"the address '{text}' holds a space", cure="Remove the space, or write %20 for it")
    parts = _split(text)
    if parts.scheme not in _SCHEMES:
        raise _bad_scheme(text)
    host = parts.hostname or ""
    if not host:
        raise BadValueError(f"the address '{text}' names no site", cure="Write it as in https://example.org/page")
    if "." not in host.strip(".") and ":" not in host:
        # Telegram drops such links without a word.
        raise BadValueError(
            f"the address '{text}' leads nowhere on the web: '{host}' is not the full name of a site",
            cure="Copy the whole address from the browser, as in https://example.org/page",
        )
    return text if _PORTABLE.fullmatch(text) else normalizeLink(text)


def site(address: str) -> str:
    """The name of the site that an address leads to: its host without `www.`."""
    return (_split(address).hostname or "").removeprefix("www.")


def bare_addresses(text: str) -> Iterator[tuple[int, str]]:
    """The addresses that stand in running text, each with where it begins; not all of them need be good ones."""
    # Nearly no text holds one, and this is faster to see.
    if "://" in text:
        for match in _BARE.finditer(text):
            yield match.start(), _without_closing_marks(match[0])


def _without_closing_marks(address: str) -> str:
    while address[-1] in _CLOSING_MARKS or (address[-1] == ")" and address.count("(") < address.count(")")):
        address = address[:-1]
    return address


def _split(text: str) -> SplitResult:
    try:
        parts = urlsplit(text)
        # Reading the port is what checks it.
        _ = parts.port
    except ValueError as error:
        raise BadValueError(
            f"the address '{text}' is malformed ({error})", cure="Copy it again from the browser"
        ) from error
    return parts


def _bad_scheme(text: str) -> BadValueError:
    if _SCHEME.match(text):
        return BadValueError(
            f"the address '{text}' is not of the web", cure="Write one that begins with https:// or http://"
        )
    return BadValueError(f"the address '{text}' does not begin with https://", cure=f"Write https://{text}")
