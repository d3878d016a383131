"""Guard of the page against requests of other web sites.

Scripts of any site may send requests to 127.0.0.1 from a visitor's browser, and a site may point its own name there
(DNS rebinding). Against the first, only the page itself may send actions; against the second, the page answers only to
addresses and to `localhost`.
"""

import ipaddress
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from urllib.parse import urlsplit

from aiohttp import web
from aiohttp.typedefs import Middleware

from bot.config.network import is_loopback
from bot.model.i18n import gettext as _
from bot.model.i18n import speaking
from bot.sandbox.demo.files import preferred_language

HEADERS = {
    # Because the page shows pictures as words, the policy allows no `blob:`, `data:` or other host.
    "Content-Security-Policy": (
        "default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; object-src 'none'"
    ),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}
"""Headers of every answer."""

_OWN_SITES = {"same-origin", "none"}
"""Values of `Sec-Fetch-Site` in requests by the page itself and by the address bar."""


def guard(*, loopback: bool) -> Middleware:
    """Return a middleware that refuses requests of other sites; with `loopback`, also those to another host."""

    @web.middleware
    async def check(
        request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        with speaking(lambda: preferred_language(request.headers.get("Accept-Language", ""))):
            if not _is_ours(request.host, loopback=loopback):
                raise _refusal(_("This page answers to its address and to localhost, and to no other name."))
            # Because links from anywhere may open the page, `/` is free; only the page may ask for all other paths.
            if request.path != "/" and not _is_from_the_page(request):
                raise _refusal(_("Only the page itself may ask for this."))
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
