"""The two sources of settings: a TOML file, and the `RECAP_` variables of the environment, which override the file."""

import dataclasses
import itertools
import json
import os
import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple, Self, TypeAlias

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_settings import EnvSettingsSource

from bot.config.hidden import shown
from bot.config.toml import table_of
from bot.model.i18n import gettext as _
from bot.model.plaintext import decoded
from bot.model.problems import Change, InvalidInputError, Problem, reason_of

KeyPath: TypeAlias = tuple[str | int, ...]
"""The place of a value: the section, the number of the entry in a list (from 0), the key."""

PREFIX = "RECAP_"
DELIMITER = "__"

TOKEN_KEYS = frozenset({"token", "token_file"})
"""Two ways to give one token. The one in the environment replaces either in the file."""
ADDRESS_KEYS = frozenset({"url", "url_file"})
"""The same for the address of the database, which may hold a password."""


class Fault(NamedTuple):
    """A mistake in a value, without the source of the value.

    Of a cure in literal words, `instead` is the value that the cure names, or `change` what it does to the file;
    `otherwise` is a cure without them.
    """

    place: KeyPath
    reason: str
    cure: str
    otherwise: str = ""
    instead: object = None
    change: Change | None = None


class _Variables(EnvSettingsSource):
    """The given variables instead of the process's, read as the settings' types ask for."""

    def __init__(self, settings: type[BaseModel], variables: Mapping[str, str]) -> None:
        super().__init__(settings, env_prefix=PREFIX, env_nested_delimiter=DELIMITER)  # type: ignore[arg-type] # any model has the fields that it asks for
        self.env_vars = variables

    def decode_complex_value(self, field_name: str, field: FieldInfo, value: str) -> Any:  # noqa: ANN401 - JSON
        """Return the JSON in the value, or the value itself, which the settings refuse with all other mistakes."""
        try:
            return super().decode_complex_value(field_name, field, value)
        except (ValueError, RecursionError):
            return value


@dataclass(frozen=True, slots=True)
class Sources:
    """The file and the variables as the bot found them. Because tokens are among them, no message may show them.

    `table` and `text` are the file's content and text, empty without a file. Names of `variables` are in lower case.
    """

    path: Path | None
    text: str = field(repr=False)
    table: Mapping[str, Any] = field(repr=False)
    variables: Mapping[str, str] = field(repr=False)

    @property
    def folder(self) -> Path:
        """Return the folder that relative paths start from: the file's, or the working folder without a file."""
        return Path() if self.path is None else self.path.parent

    def merged(self, settings: type[BaseModel]) -> dict[str, Any]:
        """Return the file's values overridden by the environment's, key by key."""
        values = dict(self.table)
        for section, given in _Variables(settings, self.variables)().items():
            written = values.get(section)
            values[section] = given
            if isinstance(written, dict) and isinstance(given, dict):
                replaced = {key for ways in (TOKEN_KEYS, ADDRESS_KEYS) if ways & given.keys() for key in ways}
                values[section] = {key: written[key] for key in written if key not in replaced} | given
        return values

    def problem(self, fault: Fault) -> Problem:
        """Return the mistake at the line of the file, or with the variable, that the value comes from."""
        place = fault.place
        variable = self.variable(place)
        if variable or self.path is None:
            section, delimiter, keys = (variable or dotted(place)).partition(DELIMITER)
            return Problem(Path("environment"), fault.reason, fault.cure, key=shown(section) + delimiter + shown(keys))
        return Problem(self.path, fault.reason, fault.cure, self.line(place), dotted(place), fault.change)

    def changed(self, fault: Fault) -> Self | None:
        """Return the sources after the cure of a fault; None if the cure cannot be done."""
        if fault.change is not None:
            text = fault.change.applied(self.text) or ""
            try:
                return dataclasses.replace(self, text=text, table=tomllib.loads(text))
            except ValueError:
                return None
        section, *rest = fault.place
        if rest and isinstance(index := rest[0], int):
            # Because no variable reaches into a list, its entry is changed in the file.
            entries = self.table.get(str(section))
            if not (isinstance(entries, list) and len(entries) > index and isinstance(entries[index], dict)):
                return None
            entry = entries[index] | {str(rest[1]): fault.instead}
            table = {**self.table, str(section): [*entries[:index], entry, *entries[index + 1 :]]}
            return dataclasses.replace(self, table=table)
        value = fault.instead if isinstance(fault.instead, str) else json.dumps(fault.instead)
        variables = {**self.variables, variable_name(fault.place[:2]).lower(): value}
        return dataclasses.replace(self, variables=variables)

    def says(self, section: str) -> bool:
        """Return whether the file or a variable says anything of a section."""
        whole = variable_name((section,)).lower()
        return section in self.table or any(
            f"{name}{DELIMITER}".startswith(whole + DELIMITER) for name in self.variables
        )

    def line(self, place: KeyPath) -> int | None:
        """Return the line of the key in the file, or of its section's header if the file has no such key."""
        lines = self.text.split("\n")
        table, *rest = place
        name = re.escape(str(table))
        if rest and isinstance(index := rest[0], int):
            headers = _matches(lines, rf"\s*\[\[\s*{name}\s*\]\]")[index:]
            del rest[0]
        else:
            headers = _matches(lines, rf"\s*\[{{1,2}}\s*{name}\s*\]|\s*{name}\s*=")
        if not headers:
            return None
        header = headers[0]
        below = itertools.takewhile(lambda line: not re.match(r"\s*\[", line), lines[header + 1 :])
        keys = _matches(below, rf"""\s*["']?{re.escape(str(rest[0]))}["']?\s*=""") if rest else []
        return header + 1 + (keys[0] + 1 if keys else 0)

    def variable(self, place: KeyPath) -> str | None:
        """Return the variable that gives the value of the place, with the way to it inside the variable's JSON."""
        for length in range(len(place), 0, -1):
            name = variable_name(place[:length])
            if name.lower() in self.variables:
                return name + _way(place[length:])
        whole = variable_name(place)
        deeper = (name.upper() for name in self.variables if name.startswith(f"{whole}{DELIMITER}".lower()))
        # Because only the environment makes a section that the file does not have, a missing key is missing there.
        return next(deeper, None if place[0] in self.table else whole)


def variable_name(place: KeyPath) -> str:
    """Return the variable that overrides the place."""
    return (PREFIX + DELIMITER.join(map(str, place))).upper()


def dotted(place: KeyPath) -> str:
    """Return the place as people read it, entries counted from 1: `schedules[1].cron` is the first schedule's."""
    return _way(place).removeprefix(".")


def _way(place: KeyPath) -> str:
    return "".join(f"[{part + 1}]" if isinstance(part, int) else f".{shown(part)}" for part in place)


def read(path: Path | None, environ: Mapping[str, str] | None = None) -> Sources:
    """Read the file, if a path is given, and pick the bot's variables; empty variables count as not given.

    Without an `environ`, that of the process counts.

    Raises:
        InvalidInputError: the file cannot be read as TOML.
    """
    text = "" if path is None else _text_of(path)
    given = os.environ if environ is None else environ
    variables = {name.lower(): value for name, value in given.items() if name.upper().startswith(PREFIX) and value}
    return Sources(path, text, {} if path is None else table_of(path, text), variables)


def _text_of(path: Path) -> str:
    try:
        # Because a line of Windows is TOML only with all its end, no line keeps a part of that.
        return decoded(path.read_bytes(), path).replace("\r\n", "\n")
    except FileNotFoundError:
        reason = _("there is no such file")
        cure = _("Copy config.example.toml to config.toml, or say with --config where the file is")
    except IsADirectoryError:
        reason, cure = _("this is a folder"), _("Say with --config which file in it to read")
    except OSError as error:
        reason = _("the file cannot be read ({reason})").format(reason=reason_of(error))
        cure = _("See that the file may be read by the account that the bot runs under")
    raise InvalidInputError([Problem(path, reason, cure)])


def _matches(lines: Iterable[str], pattern: str) -> list[int]:
    return [number for number, line in enumerate(lines) if re.match(pattern, line)]
