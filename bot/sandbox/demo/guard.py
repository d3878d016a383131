"""Who may use the page: a page on loopback that runs actions must not be driven by any web site.

Every site's scripts may send requests to 127.0.0.1 from the browser of somebody who looks at it, and a name that a
site owns may be made to point there (DNS rebinding). Against the first, a request that does something has to come from
the page itself; against the second, the page answers to addresses and to `localhost` only, never to another name.
"""

from __future__ import annotations

import ipaddress
from http import HTTPStatus
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from aiohttp import web

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from aiohttp.typedefs import Middleware

HEADERS = {
    # `blob:`, `data:` and other hosts stay out: what the page shows of pictures are words.
    "Content-Security-Policy": (
        "default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; object-src 'none'"
    ),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}
"""What every answer carries."""

_OWN_SITES = {"same-origin", "none"}
"""What browsers say in `Sec-Fetch-Site` of requests by the page itself and by the person at the address bar."""


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches what listens on the host: an address of loopback, or `localhost`."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def guard(*, loopback: bool) -> Middleware:
    """Refuse what did not come from the page; with `loopback`, also what was not sent to this machine itself."""

    @web.middleware
    async def check(
        request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        if not _is_ours(request.host, loopback=loopback):
            raise _refusal("This page answers to its address and to localhost, and to no other name.")
        # The page itself may be opened from anywhere, with a link; all the rest only the page may ask for.
        if request.path != "/" and not _is_from_the_page(request):
            raise _refusal("Only the page itself may ask for this.")
        response = await handler(request)
        if not response.prepared:
            response.headers.update(HEADERS)
        return response

    return check


def _is_ours(authority: str, *, loopback: bool) -> bool:
    try:
        host = urlsplit(f"//{authority}").hostname or ""
        return is_loopback(host) or (not loopback and bool(ipaddress.ip_address(host)))
    except ValueError:
        return False


def _is_from_the_page(request: web.Request) -> bool:
    origin = request.headers.get("Origin")
    site = request.headers.get("Sec-Fetch-Site", "same-origin")
    return site in _OWN_SITES and (origin is None or origin == f"http://{request.host}")


def _refusal(text: str) -> web.HTTPException:
    return web.HTTPForbidden(text=text, headers=HEADERS, reason=HTTPStatus.FORBIDDEN.phrase)
