"""Where settings come from, and what a place is called there.

There are two sources: one TOML file, and the `RECAP_` variables of the environment, which override it.
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from pydantic_settings import EnvSettingsSource

from bot.model.problems import InvalidInputError, Problem

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pydantic import BaseModel
    from pydantic.fields import FieldInfo

    from bot.config import Sections

Place: TypeAlias = tuple[str | int, ...]
"""Where a value stands: the section, the number of the entry in a list (from 0), the key."""

PREFIX = "RECAP_"
DELIMITER = "__"

TOKEN_KEYS = frozenset({"token", "token_file"})
"""Two ways to give one thing. The one in the environment replaces the one in the file."""

_ENVIRONMENT = Path("environment")
_TOML_PLACE = re.compile(r" \(at (?:line (?P<line>\d+), column (?P<column>\d+)|end of document)\)$")
_HEADER = re.compile(r"\s*\[")


class Fault(NamedTuple):
    """A mistake, before it is known which source it comes from."""

    place: Place
    reason: str
    cure: str


class _Variables(EnvSettingsSource):
    """Given variables in the place of the process's, read as the types of the settings ask for."""

    def __init__(self, settings: type[BaseModel], variables: Mapping[str, str]) -> None:
        super().__init__(settings, env_prefix=PREFIX, env_nested_delimiter=DELIMITER)  # type: ignore[arg-type] # any model has the fields that it asks for
        self.env_vars = variables

    def decode_complex_value(self, field_name: str, field: FieldInfo, value: str) -> Any:  # noqa: ANN401 - JSON
        """Return the JSON in the value, or the value itself, to be refused together with all other mistakes."""
        try:
            return super().decode_complex_value(field_name, field, value)
        except ValueError:
            return value


@dataclass(frozen=True, slots=True)
class Sources:
    """The file and the variables as they were found. Nothing here may be shown: tokens are among it.

    `table` is the file's content and `text` its text, both empty without a file; the names of `variables` are in
    lower case.
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
            if isinstance(written, dict) and isinstance(given, dict):
                replaced = TOKEN_KEYS if TOKEN_KEYS & given.keys() else frozenset()
                kept = {key: value for key, value in written.items() if key not in replaced}
                values[section] = {**kept, **given}
            else:
                values[section] = given
        return values

    def name(self, place: Place) -> str:
        """Return the place as it is called where its value comes from: a dotted key or a variable."""
        return self._variable(place) or dotted(place)

    def problem(self, fault: Fault) -> Problem:
        """Return the fault as a problem, at the line of the file or the variable that it comes from."""
        place, reason, cure = fault
        variable = self._variable(place)
        if variable or self.path is None:
            return Problem(_ENVIRONMENT, reason, cure, key=variable or dotted(place))
        return Problem(self.path, reason, cure, line=_line_of(place, self.text), key=dotted(place))

    def _variable(self, place: Place) -> str | None:
        for length in range(len(place), 0, -1):
            name = variable_name(place[:length])
            if name.lower() in self.variables:
                return name + "".join(
                    f"[{part + 1}]" if isinstance(part, int) else f".{part}" for part in place[length:]
                )
        whole = variable_name(place)
        deeper = (name.upper() for name in self.variables if name.startswith(f"{whole}{DELIMITER}".lower()))
        if variable := next(deeper, None):
            return variable
        # A key that is missing from a section that only the environment makes is missing from the environment.
        return None if place[0] in self.table else whole


def fill_in_tokens(values: dict[str, Any], folder: Path, sections: Sections) -> list[Fault]:
    """Put into each platform's section the token that its `token_file` holds; an empty token counts as none."""
    faults = []
    for platform, kind in sections.items():
        cure = kind.token_cure
        section = values.get(platform)
        if not isinstance(section, dict):
            continue
        given = {key: section[key] for key in sorted(TOKEN_KEYS & section.keys()) if section[key] != ""}
        values[platform] = section = {key: section[key] for key in section if key not in TOKEN_KEYS} | given
        if not given:
            elsewhere = f"or put it into {variable_name((platform, 'token'))}"
            switch_off = f"to leave {kind.title} out, put a # before every line of its section"
            faults.append(Fault((platform, "token"), "the token is missing", f"{cure}, {elsewhere}; {switch_off}"))
        elif given.keys() == TOKEN_KEYS:
            faults.append(Fault((platform, "token_file"), "the token is given twice", "Keep token or token_file"))
        elif "token_file" in given:
            try:
                section["token"] = _token_in(folder, given["token_file"])
                section["token_file"] = folder / given["token_file"]
            except _TokenFileError as error:
                faults.append(
                    Fault((platform, "token_file"), str(error), f"{cure} into a file and the file's path here")
                )
    return faults


class _TokenFileError(Exception):
    """A file without a token."""


def _token_in(folder: Path, file: object) -> str:
    if not isinstance(file, str):
        raise _TokenFileError("this must be text")
    try:
        token = (folder / file).read_text("utf-8").strip()
    except OSError as error:
        raise _TokenFileError(f"the file cannot be read ({error.strerror})") from error
    except ValueError as error:
        raise _TokenFileError("the file is not UTF-8 text") from error
    if not token:
        raise _TokenFileError("the file is empty")
    return token


def variable_name(place: Place) -> str:
    """Return the variable that overrides the place."""
    return (PREFIX + DELIMITER.join(map(str, place))).upper()


def dotted(place: Place) -> str:
    """Return the place as people read it, entries of lists counted from 1: `schedules[1].cron` is the first one's."""
    return "".join(f"[{part + 1}]" if isinstance(part, int) else f".{part}" for part in place).removeprefix(".")


def read(path: Path | None, environ: Mapping[str, str]) -> Sources:
    """Read the file, if there is one to read, and pick the bot's variables; empty variables count as not given.

    Raises:
        InvalidInputError: the file cannot be read as TOML.
    """
    text = "" if path is None else _text_of(path)
    variables = {name.lower(): value for name, value in environ.items() if name.upper().startswith(PREFIX) and value}
    return Sources(path, text, {} if path is None else _table_of(path, text), variables)


def _text_of(path: Path) -> str:
    problem = None
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        cure = "Copy config.example.toml to config.toml, or say with --config where the file is"
        problem = Problem(path, "there is no such file", cure)
    except IsADirectoryError:
        problem = Problem(path, "this is a folder", "Say with --config which file in it to read")
    except OSError as error:
        cure = "See that the file may be read by the account that the bot runs under"
        problem = Problem(path, f"the file cannot be read ({error.strerror})", cure)
    else:
        try:
            # Windows editors begin UTF-8 files with a mark that TOML does not know.
            return content.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            line = content.count(b"\n", 0, error.start) + 1
            problem = Problem(path, "the text is not UTF-8", "Save the file as UTF-8 in your editor", line=line)
    raise InvalidInputError([problem])


def _table_of(path: Path, text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except ValueError as error:
        reason = str(error)
    place = _TOML_PLACE.search(reason)
    line, column = (place["line"], place["column"]) if place else (None, None)
    message = "this is not TOML" + (f" from column {column} on" if column else "")
    cure = (
        "Write text between quotation marks, true and false and numbers without them, lists in [square brackets] "
        "and each key once; config.example.toml shows every line"
    )
    reason = _TOML_PLACE.sub("", reason)
    number = int(line) if line else text.rstrip().count("\n") + 1
    raise InvalidInputError([Problem(path, f"{message}: {reason[:1].lower()}{reason[1:]}", cure, line=number)])


def _line_of(place: Place, text: str) -> int | None:
    """Return the line of the key, or of its section's header where the key is missing or cannot be found."""
    lines = text.split("\n")
    match place:
        case (str(table), int(index), *rest):
            headers = _matches(lines, rf"\s*\[\[\s*{re.escape(table)}\s*\]\]")[index:]
        case (str(table), *rest):
            headers = _matches(lines, rf"\s*\[{{1,2}}\s*{re.escape(table)}\s*\]|\s*{re.escape(table)}\s*=")
        case _:
            return None
    if not headers:
        return None
    header = headers[0]
    end = next((number for number in range(header + 1, len(lines)) if _HEADER.match(lines[number])), len(lines))
    keys = _matches(lines[header + 1 : end], rf"""\s*["']?{re.escape(str(rest[0]))}["']?\s*=""") if rest else []
    return header + 1 + (keys[0] + 1 if keys else 0)


def _matches(lines: list[str], pattern: str) -> list[int]:
    return [number for number, line in enumerate(lines) if re.match(pattern, line)]
