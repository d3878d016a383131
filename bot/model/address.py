"""Addresses on the web, as episode files may hold them."""

import re
from collections.abc import Iterator
from urllib.parse import SplitResult, urlsplit

from markdown_it.common.normalize_url import normalizeLink

from bot.model.problems import BadValueError

_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*:", re.IGNORECASE)
_BARE = re.compile(r"https?://[^\s<>«»“”]+", re.IGNORECASE)
_CLOSING_MARKS = ".,;:!?…'’\"*_~"
"""Marks that end a sentence or a pair rather than an address."""
_UNPRINTABLE = re.compile(r"[\s\x00-\x1f\x7f]")
# Because RFC 3986 allows no other characters, the others are percent-encoded.
_PORTABLE = re.compile(r"[A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;=%]*")


def web_address(text: str) -> str:
    """Return the address as every platform takes it: http or https, with a host, in ASCII.

    Raises:
        BadValueError: no reader could open the address.
    """
    if not text:
        raise BadValueError("the address is empty", cure="Write one that begins with https://")
    if _UNPRINTABLE.search(text):
        raise BadValueError(f"the address '{text}' holds a space", cure="Remove the space, or write %20 for it")
    parts = _split(text)
    if parts.scheme not in {"http", "https"}:
        if _SCHEME.match(text):
            cure = "Write one that begins with https:// or http://"
            raise BadValueError(f"the address '{text}' is not of the web", cure=cure)
        raise BadValueError(f"the address '{text}' does not begin with https://", cure=f"Write https://{text}")
    host = parts.hostname or ""
    if not host:
        raise BadValueError(f"the address '{text}' names no site", cure="Write it as in https://example.org/page")
    if "." not in host.strip(".") and ":" not in host:
        # Because Telegram drops such links without an error, they are refused; else the reader would miss them.
        raise BadValueError(
            f"the address '{text}' leads nowhere on the web: '{host}' is not the full name of a site",
            cure="Copy the whole address from the browser, as in https://example.org/page",
        )
    return text if _PORTABLE.fullmatch(text) else normalizeLink(text)


def site(address: str) -> str:
    """Return the name of the site that an address leads to: its host without `www.`."""
    return (_split(address).hostname or "").removeprefix("www.")


def bare_addresses(text: str) -> Iterator[tuple[int, str]]:
    """Yield the addresses in running text, good or not, each with the index at which it begins."""
    # Because nearly no text holds an address, this faster look comes first.
    if "://" in text:
        for match in _BARE.finditer(text):
            address = match[0]
            while address[-1] in _CLOSING_MARKS or (address[-1] == ")" and address.count("(") < address.count(")")):
                address = address[:-1]
            yield match.start(), address


def _split(text: str) -> SplitResult:
    try:
        parts = urlsplit(text)
        # Because the library checks a port only when it is read, read it.
        _ = parts.port
    except ValueError as error:
        cure = "Copy it again from the browser"
        raise BadValueError(f"the address '{text}' is malformed ({error})", cure=cure) from error
    return parts
