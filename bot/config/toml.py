"""The text of a config that is no TOML: where, and the change of its lines that would make it TOML."""

import re
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from bot.config.hidden import shown
from bot.model.i18n import gettext as _
from bot.model.i18n import gettext_noop
from bot.model.plaintext import hiding_cause
from bot.model.problems import Change, InvalidInputError, Mistakes, named_lines

LISTS = frozenset({"channels", "schedules", "staff"})
"""The sections that may stand there several times, each time between two pairs of brackets."""

_PLACE = re.compile(r" \(at (?:line (?P<line>\d+), column (?P<column>\d+)|end of document)\)$")
_UNENDED = re.compile("""Expected "'+"$""")
"""The reason for a string between simple quotation marks that does not end."""
_HEADER = re.compile(r"\s*+(?P<off>#*+)\s*+\[{1,2}\s*+(?P<name>[\w.-]+)\s*+\]{0,2}\s*+(?:#.*)?")
_SWITCHED_OFF = re.compile(r"(?P<off>\s*#[#\s]*)(?P<header>\[{1,2}\s*\w+\s*\]{1,2})\s*$")
_KEY = re.compile(r"\s*(?P<key>[\w-]+)\s*=")
_HARD_SPACES = re.compile(r"[\u00a0\u202f\u2009]")
_BEFORE_VALUE = re.compile(r"[^\"'#=]*=?[^\"'#\S]*")
_TYPED_QUOTES = re.compile(r"[“”„\u2018]|«[ \u00a0\u202f]?|[ \u00a0\u202f]?»|’(?=[ \t]{0,9}(?:[,\]#]|$))")
_COMMENT = re.compile(r"(^|\s)//")
_NAME = re.compile(r"^\s*+([^\"'=#\[\]]*[^\"'=#\[\]\s])\s*=")
_CASES = {"true": "true", "false": "false", "yes": "true", "no": "false", "oui": "true", "non": "false"}


def table_of(path: Path, text: str) -> dict[str, Any]:
    """Return the content of a config.

    Raises:
        InvalidInputError: the text is no TOML.
    """
    mistakes = _mistakes(text, path)
    if mistakes.found:
        raise InvalidInputError(mistakes.tried(text, lambda changed: _mistakes(changed, path)))
    return tomllib.loads(text)


def commented_header(text: str, line: int) -> tuple[str, Change] | None:
    """Return the header above a line that a `#` switches off, and the change that switches it on; None if none is.

    The keys below such a header would belong to the section before.
    """
    lines = text.split("\n")
    for at in range(line - 1, 0, -1):
        if off := _SWITCHED_OFF.fullmatch(lines[at - 1]):
            header = off["header"]
            cure = _("Take away the # before {header} on line {at} too").format(header=header, at=at)
            return header, Change(cure, ((at, lines[at - 1], header),), reveals=True)
        if _HEADER.fullmatch(lines[at - 1]):
            break
    return None


def _mistakes(text: str, path: Path) -> Mistakes:
    """Return the first mistake in the text, as a list with at most one."""
    mistakes = Mistakes(path)
    if cause := hiding_cause(text, path):
        mistakes.add(*cause)
        return mistakes
    try:
        tomllib.loads(text)
    except RecursionError:
        mistakes.add(text.rstrip().count("\n") + 1, _message("", _TOO_DEEP), _(_GENERAL))
    except ValueError as error:
        reason = str(error)
        place = _PLACE.search(reason)
        line, column = place.groups() if place else (None, None)
        number = int(line) if line else text.rstrip().count("\n") + 1
        lines = text.split("\n")
        if reason.startswith("Cannot "):
            # All of these say that something stands there again.
            message, changes = _told_again(lines, number)
            mistakes.add(number, message, *changes, _("Keep one of the two, with all its lines"))
        else:
            mistakes.add(number, _message(column, _PLACE.sub("", reason)), *_changes(lines, number), _(_GENERAL))
    return mistakes


_GENERAL = gettext_noop(
    "Write text between quotation marks, true and false and numbers without them, lists in [square brackets] "
    "and each key once; config.example.toml shows every line"
)

_TOO_DEEP = gettext_noop("Brackets stand in brackets too often")
_NO_END = gettext_noop("Unterminated string")
_REASONS = (
    _TOO_DEEP,
    gettext_noop("Invalid statement"),
    gettext_noop("Invalid value"),
    gettext_noop("Invalid initial character for a key part"),
    gettext_noop("Invalid date or datetime"),
    gettext_noop("Expected newline or end of document after a statement"),
    gettext_noop("Expected '=' after a key in a key/value pair"),
    gettext_noop("Expected ']' at the end of a table declaration"),
    gettext_noop("Expected ']]' at the end of an array declaration"),
    gettext_noop("Unclosed array"),
    gettext_noop("Unclosed inline table"),
    _NO_END,
    gettext_noop("Unescaped '\\' in a string"),
    gettext_noop("Invalid hex value"),
    gettext_noop("Escaped character is not a Unicode scalar value"),
    gettext_noop("Duplicate inline table key"),
    gettext_noop("Found invalid character"),
    gettext_noop("Illegal character"),
)
"""The beginnings of the reasons that Python's own reader of TOML gives, so far as a message says them."""


def _message(column: str | None, reason: str) -> str:
    place = _(" from column {column} on").format(column=column) if column else ""
    message = _("this is not TOML{place}").format(place=place)
    # Because some go on with a character or a key, the beginning tells. Any other one would be said in English.
    reason = _UNENDED.sub(_NO_END, reason)
    known = next((each for each in _REASONS if reason.startswith(each)), "")
    said = _(known)[:1].lower() + _(known)[1:] + shown(reason.removeprefix(known))
    return _("{name}: {text}").format(name=message, text=said) if known else message


def _told_again(lines: list[str], number: int) -> tuple[str, list[Change]]:
    """Return the message about a line that says something again, and the change that separates the two, if any."""
    header = _HEADER.fullmatch(lines[number - 1])
    if header is None:
        key = _KEY.match(lines[number - 1])
        off = commented_header("\n".join(lines), number)
        name = _("the key {key}").format(key=shown(key["key"])) if key else _("this key")
        return _("{name} stands twice in its section").format(name=name), [off[1]] if off else []
    name = header["name"]
    found = [(at, _HEADER.fullmatch(line)) for at, line in enumerate(lines, start=1)]
    same = [at for at, each in found if each and each["name"] == name and not each["off"]]
    message = _("the section [{name}] stands here again, after line {same}").format(name=shown(name), same=same[0])
    if name not in LISTS:
        return message, []
    edits = tuple((at, lines[at - 1], f"[[{name}]]") for at in same)
    return message, [
        Change(
            _("Write [[{name}]], with two brackets, on {same}").format(name=name, same=named_lines(same)),
            edits,
            reveals=True,
        )
    ]


def _changes(lines: list[str], number: int) -> Iterator[Change]:
    """Yield the changes that may make a line TOML, and all lines with the same slip."""
    for cure, mended in _MENDS:
        edits = [(at, line, mended(line)) for at, line in enumerate(lines, 1) if line.strip() and not _is_fine(line)]
        edits = [(at, line, new) for at, line, new in edits if new != line and _is_fine(new)]
        if number in [at for at, _line, _new in edits]:
            more = [at for at, _line, _new in edits if at != number]
            also = _(", and on {more} too").format(more=named_lines(more)) if more else ""
            yield Change(f"{_(cure)}{also}", tuple(edits), reveals=True)


def _is_fine(line: str) -> bool:
    """Return whether a line is TOML, alone or in a list of several lines."""
    for text in (line, f"x = [\n{line}\n]"):
        try:
            tomllib.loads(text)
        except (ValueError, RecursionError):
            continue
        return True
    return False


def _simple_spaces(line: str) -> str:
    begin = _BEFORE_VALUE.match(line)
    end = begin.end() if begin else 0
    return _HARD_SPACES.sub(" ", line[:end]) + line[end:]


def _straight(line: str) -> str:
    key, equals, value = _simple_spaces(line).rpartition("=")
    return key + equals + _TYPED_QUOTES.sub('"', value)


def _on_value(mend: Callable[[str], str]) -> Callable[[str], str]:
    """Return the mending of a line whose value is mended so."""

    def mended(line: str) -> str:
        key, equals, value = line.partition("=")
        return f"{key}= {mend(value.strip())}" if equals and value.strip() else line

    return mended


def _quoted_list(value: str) -> str:
    if not (value.startswith("[") and value.endswith("]")):
        return value
    return "[" + ", ".join(f'"{each.strip()}"' for each in value[1:-1].split(",") if each.strip()) + "]"


_MENDS: tuple[tuple[str, Callable[[str], str]], ...] = (
    (gettext_noop("Write a simple space in place of the no-break space"), _simple_spaces),
    (gettext_noop('Write straight quotation marks (") in place of the typed ones'), _straight),
    (gettext_noop("Write = in place of the colon"), lambda line: line.replace(":", " =", 1)),
    (gettext_noop("Write one = in place of two"), lambda line: line.replace("==", "=", 1)),
    (gettext_noop("Begin a comment with # in place of //"), lambda line: _COMMENT.sub(r"\1#", line, count=1)),
    (
        gettext_noop('Put a quotation mark (") before and after the name'),
        lambda line: _NAME.sub(r'"\1" =', line, count=1),
    ),
    (gettext_noop("Take away the comma or semicolon at its end"), lambda line: line.rstrip(" ,;")),
    (gettext_noop("Write true or false, in small letters"), _on_value(lambda value: _CASES.get(value.lower(), value))),
    (gettext_noop("Write / in place of each backslash"), lambda line: line.replace("\\", "/")),
    (gettext_noop('End the value with a quotation mark (")'), _on_value(lambda value: f'{value}"')),
    (gettext_noop("End the value with a quotation mark (')"), _on_value(lambda value: f"{value}'")),
    (
        gettext_noop(
            "Write ' at both ends of the value in place of the outer quotation marks, because there are more inside"
        ),
        _on_value(lambda value: f"'{value[1:-1]}'" if value[:1] == value[-1:] == '"' else value),
    ),
    (gettext_noop("End the list with ]"), _on_value(lambda value: f"{value}]")),
    (gettext_noop('Put a quotation mark (") before and after each of its words'), _on_value(_quoted_list)),
    (gettext_noop('Put a quotation mark (") before and after the value'), _on_value(lambda value: f'"{value}"')),
    (gettext_noop("End the header with ]"), lambda line: f"{line.rstrip(' ]')}]"),
    (gettext_noop("End the header with ]]"), lambda line: f"{line.rstrip(' ]')}]]"),
)
