"""Logs for people, on standard error, with every secret taken out."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pydantic import SecretStr

REDACTED = "[secret]"


class RedactingFormatter(logging.Formatter):
    """A formatter that takes the secrets out of every line and traceback, of any library and level."""

    def __init__(self, secrets: Iterable[SecretStr]) -> None:
        super().__init__("%(asctime)s %(levelname)-8s %(name)s: %(message)s", datefmt="%Y-%m-%d %H:%M:%S")
        self._secrets = tuple(secrets)

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as one text."""
        text = super().format(record)
        for secret in self._secrets:
            if value := secret.get_secret_value():
                text = text.replace(value, REDACTED)
        return text


def set_up(level: str, secrets: Iterable[SecretStr]) -> None:
    """Send the program's logs to standard error from now on.

    At INFO and above, libraries are logged from WARNING on, because their connections are of no use to the admin.
    """
    handler = logging.StreamHandler()
    handler.setFormatter(RedactingFormatter(secrets))
    libraries = level if level == "DEBUG" else "WARNING"
    logging.basicConfig(level=libraries, handlers=[handler], force=True)
    logging.getLogger("bot").setLevel(level)
