"""The log: one line for each record, in text or in JSON, without a secret, whatever stands in the record."""

from __future__ import annotations

import datetime as dt
import json
import logging
import time
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from bot.runtime.logs import REDACTED, RedactingFormatter

if TYPE_CHECKING:
    from collections.abc import Iterator

SECRETS = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=20, max_size=30)
FOREIGN = st.text() | st.text("a\n\r\x0b\x1b\x85\u2028")


def record(message: str, error: str = "") -> logging.LogRecord:
    """A record of the bot, with the traceback of an error if there is one."""
    reason = (ValueError, ValueError(error), None) if error else None
    return logging.LogRecord("bot.test", logging.WARNING, __file__, 1, "%s", (message,), reason)


@given(before=FOREIGN, after=FOREIGN, error=FOREIGN, secret=SECRETS)
def test_a_record_is_one_line_without_the_secret(before: str, after: str, error: str, secret: str) -> None:
    """Whatever people and platforms write, and where a secret stands in it; JSON gives the words back as they were."""
    made = record(before + secret + after, error and f"{secret} {error}")
    secrets = [SecretStr(secret), SecretStr("")]
    line, in_json = (RedactingFormatter(secrets, as_json=as_json).format(made) for as_json in (False, True))
    fields = json.loads(in_json)
    for text in (line, in_json):
        assert len(text.splitlines()) == 1
        assert "\x1b" not in text
    for text in (line, " ".join(fields.values())):
        assert secret not in text
        assert REDACTED in text
    assert fields["message"] == (before + secret + after).replace(secret, REDACTED)
    assert ("traceback" in fields) is bool(error)


@pytest.fixture
def in_paris(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A machine in France."""
    monkeypatch.setenv("TZ", "Europe/Paris")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.usefixtures("in_paris")
def test_times_have_their_zone() -> None:
    """A log that is read elsewhere, or in the hour that autumn repeats, says when it was."""
    made = record("Ready")
    made.created = dt.datetime(2024, 10, 27, 0, 30, tzinfo=dt.UTC).timestamp()
    assert RedactingFormatter([]).format(made) == "2024-10-27 02:30:00+0200 WARNING  bot.test: Ready"
    assert json.loads(RedactingFormatter([], as_json=True).format(made)) == {
        "time": "2024-10-27T02:30:00.000+02:00",
        "level": "WARNING",
        "logger": "bot.test",
        "message": "Ready",
    }
    made.created += 3600
    assert RedactingFormatter([]).format(made).startswith("2024-10-27 02:30:00+0100 ")
