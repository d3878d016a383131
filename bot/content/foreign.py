"""The head of another program's file: YAML, TOML or JSON, as Hugo, Jekyll and Astro write it."""

import contextlib
import json
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from bot.model.address import web_address
from bot.model.dates import date_in
from bot.model.i18n import gettext as _
from bot.model.plaintext import clean
from bot.model.problems import BadValueError, InvalidInputError, Problem
from bot.model.text import fold

_HEAD = re.compile(
    r"\s*+(?:---[ \t]*+\n(?P<yaml>.*?)\n(?:---|\.\.\.)[ \t]*+(?:\n|\Z)|"
    r"\+\+\+[ \t]*+\n(?P<toml>.*?)\n\+\+\+[ \t]*+(?:\n|\Z)|(?P<json>\{[ \t]*+\n.*?\n\})[ \t]*+(?:\n[ \t]*+\n|\Z))",
    re.DOTALL,
)
_OF_PAGE = re.compile(
    r"<(?:meta\b[^>]{0,200}published_time[^>]{0,99}\bcontent|time\b[^>]{0,200}\bdatetime)\s*=\s*[\"'](\d{4}-\d\d-\d\d)"
)
"""The day on which a page says for programs that it was published."""
_COMPONENT = re.compile(
    r"^<(?!Sponsor|Ad\b|Pub)[A-Z]\w*\s[^<>\n]*\btitle=\"(?P<title>[^\"<>\n]+)\"[^<>\n]*>$", re.MULTILINE
)
_OWN_KEYS = frozenset({"number", "title", "date", "audio", "page", "status"})
_DATE_KEYS = re.compile(r"(?:pub\w*|release\w*|air\w*)?[_-]?date(?:time)?|published(?:[_-]?at)?")
_LONGEST_NUMBER = 6


class EpisodeFileError(InvalidInputError):
    """A file that needs no draft, because it is an episode file already."""


def foreign_head(text: str, path: Path) -> tuple[dict[str, Any], str]:
    """Return the facts in the head of another program's file, and the text below the head."""
    match = _HEAD.match(text)
    if match is None:
        page = _OF_PAGE.search(text)
        return {"date": date_in(page[1])} if page else {}, text
    values: object = None
    with contextlib.suppress(ValueError, yaml.YAMLError, RecursionError):
        if match["toml"] is not None:
            values = tomllib.loads(match["toml"])
        else:
            # This loader makes texts alone, and merges no keys, because each merge of merged keys doubles the time.
            head = match["yaml"]
            values = json.loads(match["json"]) if head is None else yaml.load(head, yaml.BaseLoader)  # noqa: S506 - a safe one
    if not isinstance(values, Mapping) or not all(isinstance(key, str) for key in values):
        return {}, text
    nested = values.get("params")
    keys = {key.lower(): value for each in (nested, values) if isinstance(each, Mapping) for key, value in each.items()}
    if match["yaml"] is not None and {"number", "title"} <= keys.keys() <= _OWN_KEYS:
        cure = _("Put it into the content folder; 'recap check' looks at it")
        raise EpisodeFileError([Problem(path, _("this is an episode file already"), cure)])

    def first(names: str) -> str:
        values = (keys.get(name) for name in names.split())
        told = (clean(str(value)).strip() for value in values if isinstance(value, int | str))
        return next((each for each in told if each.lower() not in {"", "null", "~"}), "")

    number = first("number episode episodenumber episode_number numero num issue")
    found: dict[str, Any] = {"title": " ".join(first("title titre name").split())}
    found["number"] = int(number) or None if number.isdecimal() and len(number) <= _LONGEST_NUMBER else None
    dates = (date_in(fold(str(keys[key]))) for key in sorted(keys) if _DATE_KEYS.fullmatch(key))
    found["date"] = next(filter(None, dates), None)
    with contextlib.suppress(BadValueError):
        found["audio"] = web_address(first("audio mp3 audio_url audiourl enclosure file"))
    # A component that has a title stands around its text, as MDX writes it.
    return found, _COMPONENT.sub(r"\n## \g<title>\n", text[match.end() :])
