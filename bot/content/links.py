"""Requests to addresses that others wrote: only on the public internet, in limited time, of limited size.

The author of a link or of a feed must not reach hosts that only this machine can reach (request forgery). Because names
and spellings can hide where an address leads, the address of the machine is judged, when the connection to it is made.
"""

import asyncio
import contextlib
import ipaddress
import re
import socket
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from types import MappingProxyType
from typing import IO, Any, Self, TypeAlias
from urllib.parse import urljoin, urlsplit

import aiohttp

from bot.config import BY_ENVIRONMENT, Network
from bot.config.network import ProxyError
from bot.model.address import site, web_address
from bot.model.i18n import gettext as _
from bot.model.problems import Problem, reason_of

IpAddress: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address

TIMEOUT = 10.0
"""Seconds for one request, from looking up its host to the end of its answer."""
AT_ONCE = 8
"""Requests under way at a time, few enough for a line at home."""
MAX_REDIRECTIONS = 8
USER_AGENT = "Mozilla/5.0 (compatible; MondayRecap/1.0; link check)"
"""The name begins as browsers' names do, because many sites answer no other client."""

_PERMANENT = frozenset({301, 308})
_REDIRECTIONS = _PERMANENT | {302, 303, 307}
# Because some servers know no HEAD, or refuse it to all but browsers, these answers to a HEAD need a GET.
_ASK_AGAIN = range(400, 600)
_GONE = frozenset({404, 410})
# 999 is LinkedIn's own; 429 comes for the number of requests. Some sites say with a server error that they refuse one.
_REFUSALS = frozenset({401, 403, 429, 999})
_BUSY_FOR_PROGRAMS = re.compile(
    r"(?:.+\.)?(?:amazon|amzn|ebay|imdb|facebook|instagram|tiktok)\.[a-z.]{2,6}|(?:.+\.)?x\.com"
)
_GUARDS = re.compile(r"cloudflare|akamai|datadome|ddos-guard|imperva|sucuri", re.IGNORECASE)
"""Programs in front of sites that refuse robots, by the names in which they answer."""
_CHUNK = 1 << 16
_NO_HEADERS: Mapping[str, str] = MappingProxyType({})
# Mapped (RFC 4291), compatible (the same, long out of use), NAT64 (RFC 6052) and 6to4 (RFC 3056), each with the number
# of bits below the IPv4 address. Because a gateway may lead back into the own network, that address is judged.
_CARRIERS = tuple(
    (ipaddress.ip_network(network), bits_below)
    for network, bits_below in (("::ffff:0:0/96", 0), ("::/96", 0), ("64:ff9b::/96", 0), ("2002::/16", 80))
)


class WebError(Exception):
    """An address that could not be requested; the text says why."""


class NoWayError(WebError):
    """A proxy that let no request through."""


@dataclass(frozen=True, slots=True)
class LinkAnswer:
    """The answer to a request: the status, the new address of a page that moved for good, or the failure."""

    status: int = 0
    moved: str = ""
    failure: str = ""

    is_unsure: bool = False
    """True if a reader can perhaps open the page: the site answers so to programs, or the proxy lets none through."""
    size: int = field(default=0, compare=False)
    """The bytes of the content, as far as the server tells; the same answer may tell it or not."""

    @property
    def is_dead(self) -> bool:
        """True if no reader can open the page."""
        is_error = bool(self.failure) or self.status in _GONE or self.status >= 500  # noqa: PLR2004
        return is_error and not self.is_unsure


@dataclass(frozen=True, slots=True)
class WebAnswer:
    """An answer in full. `moved` is the new address of a page that moved for good; empty if it did not."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    moved: str


def check_status(status: int) -> None:
    """Refuse an answer without a page.

    Raises:
        WebError: the status says so.
    """
    if status != HTTPStatus.OK:
        raise WebError(_("the server answers {status}").format(status=status))


def is_public(address: IpAddress) -> bool:
    """Return whether the address is on the internet, not on this machine or the network around it."""
    for network, bits_below in _CARRIERS:
        if address in network:
            address = ipaddress.IPv4Address(int(address) >> bits_below & 0xFFFFFFFF)
    return address.is_global and not address.is_multicast


class Web:
    """A session for such requests, used as an asynchronous context manager.

    The team itself may name an `own` address, whose host and port may be anywhere.
    """

    def __init__(
        self,
        may_visit: Callable[[IpAddress], bool] = is_public,
        timeout: float = TIMEOUT,
        network: Network = BY_ENVIRONMENT,
        own: str = "",
    ) -> None:
        self._may_visit = may_visit
        self._timeout = aiohttp.ClientTimeout(total=timeout)
        self._network = network
        self._own = urlsplit(own)[:2] if own else None

    async def __aenter__(self) -> Self:
        self._session = self._opened(aiohttp.TCPConnector(socket_factory=self._socket, use_dns_cache=False))
        self._unjudged = self._opened(aiohttp.TCPConnector())
        return self

    async def __aexit__(self, *_exception: object) -> None:
        await self._session.close()
        await self._unjudged.close()

    def _opened(self, connector: aiohttp.TCPConnector) -> aiohttp.ClientSession:
        jar = aiohttp.DummyCookieJar()
        headers = {"User-Agent": USER_AGENT}
        return aiohttp.ClientSession(connector=connector, timeout=self._timeout, headers=headers, cookie_jar=jar)

    async def fetch(self, address: str, limit: int) -> bytes:
        """Return the content at the address, at most `limit` bytes and one more. Redirections are followed.

        Raises:
            WebError: the address could not be requested, or the server refused.
        """
        page = await self.get(address, limit)
        check_status(page.status)
        return page.body

    async def get(self, address: str, limit: int, headers: Mapping[str, str] = _NO_HEADERS) -> WebAnswer:
        """Return the answer at the address, of its content at most `limit` bytes and one more, as `fetch` does.

        Raises:
            WebError: the address could not be requested.
        """
        response, moved = await self._follow("GET", address, headers)
        async with response:
            body = bytearray()
            try:
                # The text of a refusal is for people, and may be endless.
                while response.status == HTTPStatus.OK and len(body) <= limit:
                    if not (chunk := await response.content.read(_CHUNK)):
                        break
                    body += chunk
            except (aiohttp.ClientError, TimeoutError) as error:
                raise WebError(_reason(error)) from error
            return WebAnswer(response.status, response.headers, bytes(body[: limit + 1]), moved)

    async def save(self, address: str, file: IO[bytes], check: Callable[[int], None]) -> None:
        """Write the content at the address to a file. `check` hears of its size, at first and as it grows.

        Raises:
            WebError: the address could not be requested, the server refused, or the content is not whole.
        """
        response, _moved = await self._follow("GET", address)
        async with response:
            check_status(response.status)
            check(response.content_length or 0)
            try:
                async for chunk in response.content.iter_chunked(_CHUNK):
                    await asyncio.to_thread(file.write, chunk)
                    check(file.tell())
            except (aiohttp.ClientError, TimeoutError) as error:
                raise WebError(_reason(error)) from error
        file.seek(0)

    async def ask(self, address: str) -> LinkAnswer:
        """Return whether a page is at the address. Nothing is raised: a failure is an answer."""
        try:
            response, moved = await self._follow("HEAD", address)
            response.release()
            if response.status in _ASK_AGAIN:
                response, moved = await self._follow("GET", address)
                response.close()
        except WebError as error:
            return LinkAnswer(failure=str(error), is_unsure=isinstance(error, NoWayError))
        size = response.content_length or 0
        return LinkAnswer(response.status, moved, is_unsure=_refuses_programs(response), size=size)

    async def _follow(
        self, method: str, address: str, headers: Mapping[str, str] = _NO_HEADERS
    ) -> tuple[aiohttp.ClientResponse, str]:
        """Send the request, and follow its redirections.

        Returns:
            The last response, and the address that the page has moved to for good, or an empty text.

        Raises:
            WebError: the address, or one on the way, could not be requested.
        """
        moved, still_permanent = "", True
        try:
            address = web_address(address)
            for _hop in range(MAX_REDIRECTIONS):
                response = await self._request(method, address, headers)
                target = response.headers.get("Location", "")
                if response.status not in _REDIRECTIONS or not target:
                    return response, moved
                response.release()
                try:
                    address = web_address(urljoin(address, target))
                except ValueError:
                    # Without the address, because that may hold a secret.
                    raise WebError(_("it redirects to an address that nobody can open")) from None
                still_permanent = still_permanent and response.status in _PERMANENT
                moved = address if still_permanent else moved
        except ProxyError as error:
            raise NoWayError(str(error)) from error
        except aiohttp.ClientHttpProxyError as error:
            # The library's text has the address of the proxy, password included.
            raise NoWayError(_("the proxy answers {status}").format(status=error.status)) from None
        except aiohttp.ClientProxyConnectionError as error:
            raise NoWayError(_("no connection to the proxy")) from error
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise WebError(_reason(error)) from error
        raise WebError(_("it redirects in circles"))

    async def _request(self, method: str, address: str, headers: Mapping[str, str]) -> aiohttp.ClientResponse:
        proxy, parts = self._network.proxy_for(address), urlsplit(address)
        is_own = parts[:2] == self._own
        if proxy is None:
            session = self._unjudged if is_own else self._session
            return await session.request(method, address, headers=headers, allow_redirects=False)
        # Because the proxy makes the connection, the host is judged before. A name that only the proxy knows is its own
        # to judge.
        with contextlib.suppress(socket.gaierror):
            for found in () if is_own else await asyncio.get_running_loop().getaddrinfo(parts.hostname, parts.port):
                self._judge(str(found[4][0]))
        response = await self._unjudged.request(method, address, headers=headers, allow_redirects=False, proxy=proxy)
        if response.status == HTTPStatus.PROXY_AUTHENTICATION_REQUIRED:
            response.close()
            raise NoWayError(_("the proxy answers {status}").format(status=response.status))
        return response

    def _socket(self, found: tuple[Any, ...]) -> socket.socket:
        """Return a socket for one of a host's addresses, as `socket.getaddrinfo` gives it.

        Raises:
            OSError: the address must not be visited.
        """
        family, kind, protocol, _name, (host, *_port) = found
        self._judge(host)
        return socket.socket(family, kind, protocol)

    def _judge(self, host: str) -> None:
        """Raise an error if the address must not be visited.

        Raises:
            OSError: it must not.
        """
        if not self._may_visit(ipaddress.ip_address(host.partition("%")[0])):
            raise OSError(None, _("{host} is not on the public internet").format(host=host))


async def ask_all(
    web: Web, addresses: Iterable[str], progress: Callable[[], None] = lambda: None
) -> dict[str, LinkAnswer]:
    """Request each address, at most one per site at a time, and call `progress` after each answer."""
    room = asyncio.Semaphore(AT_ONCE)
    sites: dict[str, asyncio.Lock] = {}

    async def ask(address: str) -> tuple[str, LinkAnswer]:
        async with sites.setdefault(site(address), asyncio.Lock()), room:
            answer = await web.ask(address)
        progress()
        return address, answer

    return dict(await asyncio.gather(*map(ask, dict.fromkeys(addresses))))


def dead_link(url: str, answer: LinkAnswer, path: Path, line: int) -> Problem:
    """Return the mistake that the link at that place is dead."""
    reason = answer.failure or _("the server answers {status}").format(status=answer.status)
    told = _("the link {url} is dead ({reason})").format(url=url, reason=reason)
    return Problem(path, told, _("Link to a page that is there"), line)


def _refuses_programs(response: aiohttp.ClientResponse) -> bool:
    if response.status != HTTPStatus.SERVICE_UNAVAILABLE:
        return response.status in _REFUSALS
    is_guarded = _GUARDS.search(response.headers.get("Server", "")) is not None
    return is_guarded or _BUSY_FOR_PROGRAMS.fullmatch(response.url.host or "") is not None


def _reason(error: BaseException) -> str:
    match error:
        case asyncio.TimeoutError():
            return _("no answer in time")
        case aiohttp.ClientConnectorError():
            return reason_of(error, _("no connection"))
        case aiohttp.ClientError():
            # The library's own texts are English, and some name the address with the secrets in it.
            return reason_of(error, _("the answer cannot be read"))
    return reason_of(error)
