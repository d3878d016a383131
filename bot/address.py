"""Addresses on the web, as episode files may hold them."""

from __future__ import annotations

import re
from urllib.parse import SplitResult, urlsplit

from markdown_it.common.normalize_url import normalizeLink

from bot.mistakes import BadValueError

_SCHEMES = frozenset({"http", "https"})
_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*:", re.IGNORECASE)
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
