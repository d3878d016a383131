"""The kinds of value that a configuration holds, each with its own words for a value that is none of the kind."""

import datetime as dt
import re
import zoneinfo
from typing import Annotated, Literal, TypeAlias
from urllib.parse import SplitResult, unquote, urlsplit
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, StringConstraints
from pydantic_core import PydanticKnownError

from bot.config.cron import normalise_cron
from bot.config.problems import SCHEDULE_NAME, nearest, refusal
from bot.model.address import PORTS, web_address
from bot.model.i18n import gettext as _
from bot.model.i18n import spoken
from bot.model.problems import BadValueError
from bot.model.text import LONGEST_TOPIC, normalise_topic

LARGEST_ID = 2**63 - 1
"""Both platforms' ids are signed 64-bit numbers."""

SQLITE = "sqlite:///"
POSTGRESQL = re.compile(r"postgres(?:ql)?(?:\+psycopg)?://")
"""The beginnings of an address that mean the same: hosts of databases give either, SQLAlchemy's manual a third."""

# A longer duration could take a date minus the duration out of the calendar.
_LONGEST_DURATION = dt.timedelta(days=3650)

TOKEN_WITH_ID = re.compile(r"(?<!\d)\d{5,}:[A-Za-z0-9_-]{30,}", re.ASCII)
"""A bot's id, a colon and a secret. People copy such a token together with the address around it."""
PRINTABLE = re.compile(r"[!-~]+")
_LISTEN = re.compile(r"(?:[\w-]{1,63}(?:\.[\w-]{1,63})*\.?|\[[0-9a-fA-F:.]{2,45}\]):(?P<port>\d{1,5})", re.ASCII)
_DIGIT = re.compile(r"\d")
_NUMBER = re.compile(r"-?\d{1,19}", re.ASCII)
_DURATION = re.compile(r"(?P<count>\d{1,6})\s*(?P<unit>[mhd])", re.ASCII)
_UNITS = {"m": "minutes", "h": "hours", "d": "days"}


def number_in(text: str) -> int:
    """Return the number that the text is; 0 for any other text, and for a number that no platform has as an id."""
    number = int(text) if _NUMBER.fullmatch(text) else 0
    return number if abs(number) <= LARGEST_ID else 0


def _number(value: object) -> object:
    # Because pydantic reads true as 1, a bool is refused here.
    if isinstance(value, bool):
        raise PydanticKnownError("int_type")
    return value


def _zone(value: object) -> object:
    if isinstance(value, ZoneInfo):
        return value
    if not isinstance(value, str):
        raise refusal(_("this must be text"), _('Write a region and a city, as in "Europe/Paris"'))
    try:
        return ZoneInfo(value)
    except (ValueError, OSError, zoneinfo.ZoneInfoNotFoundError):
        # Because "UTC+1" has no summer time, and "Etc/GMT+1" is west of London, no zone without a city is meant.
        cities = [
            zone for zone in sorted(zoneinfo.available_timezones()) if "/" in zone and not zone.startswith("Etc/")
        ]
        meant = None if _DIGIT.search(value) else nearest(value, cities)
    cure = _('Write a region and a city, as in "Europe/Paris"')
    if meant:
        cure = _('Write a region and a city, perhaps "{meant}"').format(meant=meant)
    raise refusal(_("there is no such time zone"), cure)


def _duration(value: object) -> object:
    if isinstance(value, dt.timedelta):
        return value
    match = _DURATION.fullmatch(value.strip()) if isinstance(value, str) else None
    duration = dt.timedelta(**{_UNITS[match["unit"]]: int(match["count"])}) if match else dt.timedelta()
    if not dt.timedelta() < duration <= _LONGEST_DURATION:
        raise refusal(
            _("this must be a number with its unit, more than nothing and at most {days} days").format(
                days=_LONGEST_DURATION.days
            ),
            _('Write minutes as in "90m", hours as in "6h" or days as in "6d"'),
        )
    return duration


def _lead(value: object) -> object:
    is_none = (isinstance(value, str) and not value.strip()) or value == dt.timedelta()
    return dt.timedelta() if is_none else _duration(value)


def _topic(value: str) -> str:
    topic = normalise_topic(value)
    if not topic:
        raise refusal(_("a topic needs a letter or a digit"), _('Write words, as in "tiktok"'))
    if len(topic.encode()) > LONGEST_TOPIC:
        raise refusal(
            _("this is too long for a button"),
            _("Write at most {count} letters without accents").format(count=LONGEST_TOPIC),
        )
    return topic


def _written_topic(value: str) -> str:
    _topic(value)
    return value.strip().removeprefix("#")


def _schedule_name(value: str) -> str:
    if not SCHEDULE_NAME.fullmatch(value):
        raise refusal(_("a name has small letters, digits and hyphens only"), _('Write a name such as "weekly-recap"'))
    return value


def _cron_line(value: str) -> str:
    try:
        return normalise_cron(value)
    except BadValueError as error:
        raise refusal(str(error), error.cure) from None


def _ledger_url(secret: SecretStr) -> SecretStr:
    url = secret.get_secret_value()
    if beginning := POSTGRESQL.match(url):
        return _server_url(f"postgresql://{url[beginning.end() :]}")
    cure = _("Write {example}").format(example=f'"{SQLITE}recap.db"')
    path = url.removeprefix(SQLITE)
    if url.startswith(("postgres", "mysql", "mariadb")):
        raise refusal(_("the ledger can only be on SQLite or PostgreSQL"), cure)
    if path == url or not path.strip("/"):
        raise refusal(
            _("this is no address of an SQLite file, which is {sqlite} and a path").format(sqlite=SQLITE), cure
        )
    if path == ":memory:":
        raise refusal(_("a ledger in memory forgets who got the recap when the bot stops"), cure)
    if "?" in path:
        raise refusal(_("the path must not hold a question mark"), cure)
    return secret


def _parts(address: str) -> SplitResult | None:
    """Return the parts of an address; None for a malformed one."""
    try:
        parts = urlsplit(address)
        # Because urlsplit checks the port only when somebody reads it, the port is read here.
        _port = parts.port
    except ValueError:
        return None
    return parts


def _server_url(url: str) -> SecretStr:
    parts = _parts(url)
    name = unquote(parts.path.removeprefix("/")) if parts else ""
    # Because a password that is not written in the way of addresses would be taken for a part that messages show, each
    # part must be whole.
    if not name or "/" in name or url.count("@") > 1 or "#" in url or not PRINTABLE.fullmatch(url):
        cure = _(
            "Write {example}, where @ : / ? # % in a password are %40 %3A %2F %3F %23 %25; "
            "several servers stand behind it, as in {several}"
        ).format(example='"postgresql://recap:password@host/database"', several="?host=one:5432&host=two:5432")
        raise refusal(_("this is no address of a PostgreSQL database"), cure)
    return SecretStr(url)


def shaped(shape: re.Pattern[str], message: str, cure: str) -> AfterValidator:
    """Return the check of a secret, without the spaces around it, against the shape that all such secrets have."""

    def check(secret: SecretStr) -> SecretStr:
        text = secret.get_secret_value().strip()
        # An empty one is missing rather than wrong, and `load` says so where it is needed.
        if text and not shape.fullmatch(text):
            raise refusal(_(message), _(cure))
        return SecretStr(text)

    return AfterValidator(check)


def _address(*schemes: str) -> AfterValidator:
    def check(value: str) -> str:
        parts = _parts(value)
        if parts is None or parts.scheme not in schemes or not parts.hostname or not PRINTABLE.fullmatch(value):
            beginnings = spoken().either(f"{scheme}://" for scheme in schemes)
            cure = _("Write an address that begins with {beginnings}").format(beginnings=beginnings)
            raise refusal(_("this is no address of the right kind"), cure)
        # Because messages and logs show addresses, secrets have a key of their own.
        if "@" in parts.netloc or parts.query or parts.fragment or TOKEN_WITH_ID.search(parts.path):
            raise refusal(_("an address must hold neither a token nor a password"))
        return value.rstrip("/")

    return AfterValidator(check)


def _feed_address(value: str) -> str:
    if not value.strip():
        return ""
    try:
        address = web_address(value.strip())
    except BadValueError as error:
        raise refusal(str(error), error.cure) from None
    # Because messages and logs name the host, which stands behind them, a name and a password have no place there.
    if "@" in urlsplit(address).netloc:
        raise refusal(_("an address must hold neither a token nor a password"))
    return address


def _proxy(secret: SecretStr) -> SecretStr:
    text = secret.get_secret_value().strip()
    parts = _parts(text)
    is_http = parts is not None and parts.scheme in {"http", "https"} and parts.path in {"", "/"}
    if text and not (is_http and parts and parts.hostname and parts.port != 0 and PRINTABLE.fullmatch(text)):
        cure = _("Write its address, as in {example}").format(example='"http://proxy.example.org:3128"')
        raise refusal(_("this is no proxy that speaks HTTP"), cure)
    return SecretStr(text.rstrip("/"))


def _listen(value: str) -> str:
    text = value.strip()
    parts = _LISTEN.fullmatch(text)
    if text and (parts is None or int(parts["port"]) not in PORTS):
        cure = _("Write an address of this machine and a port, as in {example}").format(example='"127.0.0.1:9464"')
        raise refusal(_("this is no address to listen at"), cure)
    return text


def address_and_port(text: str) -> tuple[str, int]:
    """Return the two parts of a `ListenAddress`."""
    host, _colon, port = text.rpartition(":")
    return host.strip("[]"), int(port)


AudioForm: TypeAlias = Literal["link", "file"]

Text: TypeAlias = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]

Number: TypeAlias = Annotated[int, BeforeValidator(_number)]

Id: TypeAlias = Annotated[Number, Field(ge=1, le=LARGEST_ID)]

Zone: TypeAlias = Annotated[ZoneInfo, BeforeValidator(_zone)]

Duration: TypeAlias = Annotated[dt.timedelta, BeforeValidator(_duration)]
"""A number of minutes, hours or days: `90m`, `6h`, `6d`."""

Lead: TypeAlias = Annotated[dt.timedelta, BeforeValidator(_lead)]
"""A duration before an event, or an empty text for none."""

Topic: TypeAlias = Annotated[str, AfterValidator(_topic)]
"""A topic in its one spelling."""

WrittenTopic: TypeAlias = Annotated[str, AfterValidator(_written_topic)]
"""A topic as the team writes it, which is how people see it."""

# Because tables and reports show the name, it is short.
ScheduleName: TypeAlias = Annotated[str, Field(max_length=32), AfterValidator(_schedule_name)]

CronLine: TypeAlias = Annotated[str, AfterValidator(_cron_line)]

# Because the address of a server may hold a password, no message shows it.
LedgerUrl: TypeAlias = Annotated[SecretStr, AfterValidator(_ledger_url)]
"""The address of an SQLite file, or of a PostgreSQL database in its one spelling."""

# Because a proxy may ask for a name and a password, which stand in its address, no message shows it.
ProxyAddress: TypeAlias = Annotated[SecretStr, AfterValidator(_proxy)]

ListenAddress: TypeAlias = Annotated[str, AfterValidator(_listen)]
"""An address of this machine and a port, or an empty text for none."""

WebAddress: TypeAlias = Annotated[str, _address("https", "http")]
"""An address without a final slash."""

FeedAddress: TypeAlias = Annotated[str, AfterValidator(_feed_address)]
"""The address of a feed; empty for none."""

SocketAddress: TypeAlias = Annotated[str, _address("wss", "ws")]
"""An address without a final slash."""
