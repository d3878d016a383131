"""Logs on standard error: a line for each record, as text or as JSON, with every secret taken out."""

from __future__ import annotations

import datetime as dt
import json
import logging
import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pydantic import SecretStr

REDACTED = "[secret]"

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
"""Characters that end a line somewhere, or that a terminal obeys: what others write must not look like a record."""


class RedactingFormatter(logging.Formatter):
    """A formatter that takes the secrets out of every line and traceback, of any library and level."""

    def __init__(self, secrets: Iterable[SecretStr], *, as_json: bool = False) -> None:
        super().__init__("%(asctime)s %(levelname)-8s %(name)s: %(message)s", datefmt="%Y-%m-%d %H:%M:%S%z")
        self._secrets = tuple(filter(None, (secret.get_secret_value() for secret in secrets)))
        self._as_json = as_json

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as one line."""
        if not self._as_json:
            return _CONTROL.sub(_escaped, self._redacted(super().format(record)))
        fields = {
            "time": dt.datetime.fromtimestamp(record.created, dt.UTC).astimezone().isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            fields["traceback"] = self.formatException(record.exc_info)
        # Because JSON spells some characters in another way, the secrets are taken out before.
        return json.dumps({name: self._redacted(text) for name, text in fields.items()})

    def _redacted(self, text: str) -> str:
        for secret in self._secrets:
            text = text.replace(secret, REDACTED)
        return text


def _escaped(found: re.Match[str]) -> str:
    return found[0].encode("unicode_escape").decode("ascii")


def set_up(level: str, secrets: Iterable[SecretStr], *, as_json: bool = False) -> None:
    """Send the program's logs to standard error from now on.

    At INFO and above, libraries are logged from WARNING on, because their connections are of no use to the admin.
    """
    handler = logging.StreamHandler()
    handler.setFormatter(RedactingFormatter(secrets, as_json=as_json))
    libraries = level if level == "DEBUG" else "WARNING"
    logging.basicConfig(level=libraries, handlers=[handler], force=True)
    logging.getLogger("bot").setLevel(level)
