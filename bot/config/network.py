"""The way to the network: straight, or through a proxy that the config or the environment names."""

import ipaddress
import ssl
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

from bot.model.i18n import gettext as _
from bot.model.problems import ExpectedError, Problem, reason_of

CERTIFICATES = "SSL_CERT_FILE"
"""The variable in which OpenSSL finds the name of a file of certificates."""

_PLAIN = {"ws": "http", "wss": "https"}
"""The scheme in which a proxy is named for that of a socket."""


class ProxyError(ExpectedError):
    """A proxy named in the environment that the bot cannot use."""


def proxy_for(url: str, configured: str = "") -> str | None:
    """Return the proxy for the address, the config's before the environment's; None for a direct connection.

    Hosts in NO_PROXY and this machine are reached directly.

    Raises:
        ProxyError: the proxy does not speak HTTP.
    """
    address = urlsplit(url)
    found = urllib.request.getproxies()
    proxy = configured or found.get(_PLAIN.get(address.scheme, address.scheme)) or found.get("all")
    host = address.hostname or ""
    with_port = host if address.port is None else f"{host}:{address.port}"
    if not proxy or is_loopback(host) or urllib.request.proxy_bypass(with_port):
        return None
    kind, separator, _rest = proxy.partition("://")
    if separator and kind not in {"http", "https"}:
        raise ProxyError(_("the bot cannot use a {kind} proxy: name one that speaks HTTP").format(kind=kind))
    return proxy if separator else f"http://{proxy}"


def proxies_of_environment() -> list[str]:
    """Return the addresses of proxies in the environment that have a password."""
    return [proxy for proxy in urllib.request.getproxies().values() if "@" in proxy]


def certificate_problems(environ: Mapping[str, str]) -> list[Problem]:
    """Return the mistake in the variable that names certificates of one's own.

    OpenSSL says nothing of it and trusts nobody, so that each platform would seem to be a stranger.
    """
    if not (name := environ.get(CERTIFICATES)):
        return []
    try:
        ssl.create_default_context(cafile=name)
    except OSError as error:
        reason = _("it holds no certificate") if isinstance(error, ssl.SSLError) else reason_of(error)
        told = _("the certificates in {path} cannot be read ({reason})").format(path=name, reason=reason)
        cure = _("Name a file of certificates in PEM, or take the variable away")
        return [Problem(Path("environment"), told, cure, key=CERTIFICATES)]
    return []


def is_loopback(host: str) -> bool:
    """Return whether the host is `localhost` or an address of loopback."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
