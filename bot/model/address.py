"""Addresses on the web, as episode files may hold them."""

import base64
import ipaddress
import re
from collections.abc import Iterator
from urllib.parse import parse_qs, parse_qsl, quote, urlencode, urlsplit, urlunsplit

import idna

from bot.model.i18n import gettext as _
from bot.model.i18n import gettext_noop
from bot.model.problems import BadValueError

_ADDRESS = re.compile(r"(?P<scheme>[a-z][a-z0-9+.-]*):(?://(?P<site>[^/?#]*))?", re.IGNORECASE | re.ASCII)
_SITE = re.compile(
    r"(?:(?:[a-z0-9._~!$&'()*+,;=:-]|%[0-9a-f]{2})*@)?"
    r"(?P<host>\[(?P<ipv6>[0-9a-f:.]+)\]|[a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63})*)(?::(?P<port>[0-9]{1,5}))?",
    re.IGNORECASE | re.ASCII,
)
"""A name and host and port, where all readers find the same. Of `a%2eb`, `a\\b` and `a@b@c` each makes its own host."""
_LAST_STOP = re.compile(r"\.(?=:[0-9]*\Z|\Z)")
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*", re.IGNORECASE | re.ASCII)
_LONGEST_HOST = 253
"""Characters of a name in the DNS (RFC 1035)."""
PORTS = range(1, 1 << 16)
_BARE = re.compile(r"https?://[^\s<>«»“”]+", re.IGNORECASE)
_CLOSING_MARKS = ".,;:!?…'’\"*~"
"""Marks that end a sentence or a pair rather than an address."""
_PAIRS = {")": "(", "]": "["}
FILE_NAME = re.compile(
    r"\.(?:mp[34]|m4a|ogg|opus|wav|flac|mov|jpe?g|png|gif|webp|svg|heic|pdf|docx?|html?|txt|md|xml|rss)$", re.IGNORECASE
)
"""A name that a file has on a computer, and no site on the web."""
_COPY = gettext_noop("Copy the whole address from the browser, as in https://example.org/page")
_FILE_CURE = gettext_noop(
    "Put the file on the web, and write the address that opens it there, as in https://example.org/file"
)
_MAIL_CURE = gettext_noop(
    "Write the address of a page; an e-mail address stands in the text as it is, without < > and brackets"
)
_UNPRINTABLE = re.compile(r"[\s\x00-\x1f\x7f]")
# Because RFC 3986 allows no characters but these, letters and digits, the others are percent-encoded.
_PORTABLE = "-._~:/?#[]@!$&'()*+,;=%"
_TRACKING = re.compile(
    r"utm_.*|fbclid|gclid|dclid|msclkid|mc_[ce]id|igshid|igsh|mkt_tok|_hsenc|_hsmi|vero_id|ck_subscriber_id",
    re.IGNORECASE,
)
_MAIL_TOOLS = ("list-manage.com", "campaign-archive.com", "mailchi.mp", "sendibt.com", "createsend.com")
"""Hosts of mail tools, where the parameter `e` is the person whom the mail was sent to."""
_WRAPPING = {"url", "q", "u", "target", "redirect", "to", "dest", "uddg"}
"""Parameters in which redirecting pages hold the address."""
_REDIRECTS = re.compile(
    r"(?:^|\.)(?:google\.[a-z.]{2,6}/url|facebook\.com/l\.php|instagram\.com/|safelinks\.protection\.outlook\.com/|"
    r"youtube\.com/redirect|slack-redir\.net/link|t\.umblr\.com/redirect|out\.reddit\.com/|duckduckgo\.com/l/|"
    r"linkedin\.com/redir/|medium\.com/r/|urldefense\.(?:proofpoint\.)?com/|vk\.com/away|(?:click|clicks|track|"
    r"tracking|links?|email|mail|lm?|redirect|trk|r)\.[\w.-]+/)"
)
_IN_BASE64 = re.compile(r"(?:[/=.]|=a1)(aHR0c[\w-]{8,}|eyJ[\w-]{8,})")
"""An address, or values in JSON that hold one, as letters write them into their links."""
_INSIDE = re.compile(r"(?:^|\"(?:e|u|url|href)\\*\":\s*\\*\")(https?://[^\s\"\\<>]+)")
"""The address there; `iss` and others in a signed claim are no pages."""
_IN_UNDERSCORES = re.compile(r"/__(https?:/.+?)__;")
_NESTED = 4
"""Redirects within redirects that are followed."""
_PLAYERS = re.compile(r"(?:(?:www|m|music)\.)?youtube\.com|youtu\.be|open\.spotify\.com")
"""Hosts of players that begin at the second that the query says."""


def is_player(url: str) -> bool:
    """Return whether the address is one of a player that can begin anywhere in a recording."""
    return _PLAYERS.fullmatch(urlsplit(url).hostname or "") is not None


def at_second(url: str, second: int) -> str:
    """Return the address that plays a recording from that second on.

    A file gets the second as a fragment, by W3C's Media Fragments.
    """
    parts = urlsplit(url)
    if not is_player(url):
        return parts._replace(fragment=f"t={second}").geturl()
    kept = [each for each in parts.query.split("&") if each and each.partition("=")[0] not in {"t", "start"}]
    return parts._replace(query="&".join([*kept, f"t={second}"]), fragment="").geturl()


def web_address(text: str) -> str:
    """Return the address as every platform takes it: http or https, with a host, in ASCII.

    Each reader of addresses finds the same host and port in the result: platforms, libraries, and `urlsplit`.

    Raises:
        BadValueError: no reader could open the address.
    """
    if not text:
        raise BadValueError(_("the address is empty"), cure=_("Write one that begins with https://"))
    if _UNPRINTABLE.search(text):
        raise _with_space(text)
    found = _ADDRESS.match(text)
    if found is None:
        raise _without_scheme(text)
    if found["scheme"].lower() not in {"http", "https"}:
        is_mail = found["scheme"].lower() == "mailto"
        cure = _(_MAIL_CURE) if is_mail else _("Write one that begins with https:// or http://")
        raise BadValueError(_("the address '{text}' is not of the web").format(text=text), cure=cure)
    if not found["site"]:
        raise BadValueError(
            _("the address '{text}' names no site").format(text=text), cure=_("Write it as in https://example.org/page")
        )
    rest = quote(text[found.end() :], safe=_PORTABLE, errors="surrogatepass")
    return f"{found['scheme']}://{_site(found['site'], text)}{rest}"


def is_address(text: str) -> bool:
    """Return whether `web_address` takes the text."""
    try:
        return bool(web_address(text))
    except BadValueError:
        return False


def _with_space(text: str) -> BadValueError:
    message = _("the address '{text}' holds a space").format(text=text)
    if is_address(_UNPRINTABLE.sub("", text)):
        return BadValueError(message, cure=_("Remove the space, or write %20 for it"))
    _at, address = next(bare_addresses(text), (0, text))
    # Because the text itself has just been refused, only a part of it is tried; else this would never end.
    if address != text and is_address(address):
        return BadValueError(
            message, cure=_("Write {address} alone").format(address=address), instead=address, otherwise=_(_COPY)
        )
    return BadValueError(message, cure=_(_COPY))


def _without_scheme(text: str) -> BadValueError:
    message = _("the address '{text}' does not begin with https://").format(text=text)
    _at, inside = next(bare_addresses(text), (0, ""))
    if is_address(inside):
        return BadValueError(
            message, cure=_("Write {inside} alone").format(inside=inside), instead=inside, otherwise=_(_COPY)
        )
    site, slash, _rest = text.lstrip("/").partition("/")
    if FILE_NAME.search(site if not slash else text) and ("." not in site.strip(".") or not slash):
        return BadValueError(
            _("'{text}' is a file of yours, not an address of the web").format(text=text), cure=_(_FILE_CURE)
        )
    if "@" in site:
        return BadValueError(message, cure=_(_MAIL_CURE))
    whole = f"https://{text.lstrip('/')}"
    if not is_address(whole):
        return BadValueError(message, cure=_(_COPY))
    return BadValueError(message, cure=_("Write {whole}").format(whole=whole), instead=whole, otherwise=_(_COPY))


def site(address: str) -> str:
    """Return the name of the site that a `web_address` leads to: its host without `www.`."""
    return (urlsplit(address).hostname or "").removeprefix("www.")


def bare_addresses(text: str) -> Iterator[tuple[int, str]]:
    """Yield the addresses in running text, good or not, each with the index at which it begins."""
    # Because nearly no text holds an address, this faster look comes first.
    if "://" in text:
        brackets = before = 0
        for match in _BARE.finditer(text):
            address = match[0]
            end, unopened = len(address), {last: address.count(last) - address.count(_PAIRS[last]) for last in _PAIRS}
            # Because some addresses end in ']', it ends one only where the text around has opened it.
            brackets += text.count("[", before, match.start()) - text.count("]", before, match.start())
            unopened["]"], before = min(unopened["]"], brackets), match.end()
            while (last := address[end - 1]) in _CLOSING_MARKS or unopened.get(last, 0) > 0:
                end -= 1
                if last in unopened:
                    unopened[last] -= 1
            yield match.start(), address[:end]


def _site(written: str, address: str) -> str:
    """Return the host and port of the address in ASCII, as they were written if they were.

    Raises:
        BadValueError: there is no such host or port.
    """

    def malformed(why: str) -> BadValueError:
        return BadValueError(
            _("the address '{address}' is malformed ({why})").format(address=address, why=why),
            cure=_("Copy it again from the browser"),
        )

    found = _SITE.fullmatch(_in_ascii(written))
    if found is None or len(found["host"]) > _LONGEST_HOST:
        raise malformed(_("'{written}' is no site").format(written=written))
    if found["port"] and int(found["port"]) not in PORTS:
        raise malformed(_("there is no port {port}").format(port=found["port"]))
    host = found["ipv6"] or found["host"].lower()
    try:
        # Because some read 127.1, 0177.0.0.1 and 0x7f.1 as numbers of a machine and others as names, they are neither.
        if found["ipv6"] or ("." in host and _NUMBER.fullmatch(host.rpartition(".")[2])):
            ipaddress.ip_address(host)
    except ValueError:
        raise malformed(_("'{host}' is the number of no machine").format(host=host)) from None
    if "." not in host and ":" not in host:
        # Because Telegram drops such links without an error, they are refused; else the reader would miss them.
        raise BadValueError(
            _("the address '{address}' leads nowhere on the web: '{host}' is not the full name of a site").format(
                address=address, host=host
            ),
            cure=_(_COPY),
        )
    return found[0]


def _in_ascii(written: str) -> str:
    """Return a host as browsers read it (UTS 46), `é。fr` as `xn--9ca.fr`; an empty text for one that is none."""
    if len(written) > 2 * _LONGEST_HOST:
        # Because the time below is not linear, no site is longer than a name and a host.
        return ""
    if not written.isascii():
        try:
            labels = idna.uts46_remap(written, std3_rules=False, transitional=False).split(".")
        except idna.IDNAError:
            return ""
        written = ".".join(label if label.isascii() else f"xn--{label.encode('punycode').decode()}" for label in labels)
    # The full stop of the DNS itself, as in `example.org.`, is no part of a site's name.
    return _LAST_STOP.sub("", written)


def clean_address(text: str) -> str | None:
    """Return the address behind redirects, without its personal parameters; None for an invalid address."""
    try:
        address = web_address(text)
        for _redirect in range(_NESTED):
            wrapped = _wrapped(address)
            if not wrapped:
                break
            address = web_address(wrapped)
        parts = urlsplit(address)
        query = parse_qsl(parts.query, keep_blank_values=True)
    except ValueError:
        return None
    is_mail = (parts.hostname or "").endswith(_MAIL_TOOLS)
    kept = [(key, value) for key, value in query if not (_TRACKING.fullmatch(key) or (is_mail and key == "e"))]
    return address if len(kept) == len(query) else urlunsplit(parts._replace(query=urlencode(kept)))


def _wrapped(address: str) -> str:
    """Return the address inside of one that only leads there; empty if there is none."""
    parts = urlsplit(address)
    found = []
    if encoded := _IN_BASE64.search(f"{parts.path}?{parts.query}"):
        told = base64.urlsafe_b64decode(encoded[1] + "=" * (-len(encoded[1]) % 4)).decode(errors="replace")
        found = [inside[1] for inside in _INSIDE.finditer(told.replace("\\/", "/"))]
    if _REDIRECTS.search(f"{parts.hostname}{parts.path}"):
        found += [inside[1] for inside in _IN_UNDERSCORES.finditer(parts.path)]
        found += [value for key, values in parse_qs(parts.query).items() if key in _WRAPPING for value in values]
    return next((each for each in found if each.startswith(("https://", "http://")) and is_address(each)), "")
