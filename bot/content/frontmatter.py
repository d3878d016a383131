"""The head of an episode file: a few lines of YAML between two lines `---`."""

import datetime as dt
import functools
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import PurePosixPath
from typing import Any, NamedTuple

import yaml

from bot.model.address import bare_addresses, web_address
from bot.model.episode import Episode, Status
from bot.model.i18n import gettext as _
from bot.model.i18n import gettext_noop, spoken
from bot.model.problems import BadValueError, Change, Mistakes, named_lines
from bot.model.text import fold, likest

EXAMPLE = gettext_noop(
    "a line '---', then for example 'number: 1207', 'title: A title' and 'date: 2024-11-04', then a line '---'"
)

MAX_LENGTH = 4_000
"""Characters, ten times what six short values need. Deep nesting in a longer text would overflow libyaml's stack."""
_NEAR_ENOUGH = 60
"""The likeness, from 0 to 100, that finds `title` in `titre` and `status` in `statut`."""

_EMPTY = "tag:yaml.org,2002:null"
# Because the smallest integer of the databases holds nine digits, no number has more.
_NUMBER = re.compile(r"0*[1-9][0-9]{0,8}")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_YEAR_FIRST = re.compile(r"([0-9]{4})[-/.]([0-9]{1,2})[-/.]([0-9]{1,2})(?![0-9])")
_DRAFT = re.compile(r"\s*(?:draft|brouillon)\s*:\s*(?:true|yes|oui|vrai|1)\s*", re.IGNORECASE)
_QUOTED_EXAMPLE = 'title: "TikTok : la suite"'
_BREAKS = re.compile(r"(?<![ \t])[ \t]*\n[ \t\n]*")

# Because libyaml is ten times as fast, it is used where PyYAML comes with it.
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def key_of(line: str) -> str:
    """Return the known key that a line of a front matter begins with; empty if there is none."""
    found = _KEY_LINE.match(line)
    return found[1] if found else ""


def as_draft(text: str) -> str:
    """Return the text of a good episode file with the status of a draft."""
    first, *lines = text.replace("\r\n", "\n").replace("\r", "\n").lstrip().split("\n")
    end = next((at for at, line in enumerate(lines) if line.rstrip() == "---"), 0)
    head = [line for line in lines[:end] if key_of(line) != "status"]
    return "\n".join([first, *head, "status: draft", *lines[end:]])


def read_front_matter(text: str, first_line: int, mistakes: Mistakes) -> Mapping[str, Any]:
    """Return the values of the front matter by key; errors go to `mistakes`.

    `text` is the text between the two lines `---`, and begins at the line `first_line` of the file.
    """
    root = _compose(_SLIP.sub(r"\1: ", text), first_line, mistakes)
    if root is None:
        return {}
    values: dict[str, Any] = {}
    first_lines: dict[str, int] = {}
    misspelt: set[str] = set()
    lines = text.split("\n")
    keys = [node.value if isinstance(node, yaml.ScalarNode) else "?" for node, _node in root.value]
    known = _READERS.keys() & keys
    ends = [*(key_node.start_mark.line for key_node, _node in root.value[1:]), len(lines)]
    for key, (key_node, node), end in zip(keys, root.value, ends, strict=True):
        line = first_line + key_node.start_mark.line
        if key not in _READERS:
            near = likest(fold(key), [each for each in _READERS if each not in known], _NEAR_ENOUGH)
            misspelt.add(near)
            stranger = _Stranger(key, line, first_line + end - 1, lines[line - first_line])
            mistakes.add(line, _("the key '{key}' is unknown").format(key=key), *stranger.cures(near))
        elif key in first_lines:
            message = _("the key '{key}' stands here again, after line {first_lines}").format(
                key=key, first_lines=first_lines[key]
            )
            mistakes.add(line, message, _("Keep one of the two"))
        else:
            first_lines[key] = line
            _read_value(key, node, (line, lines[line - first_line]), values, mistakes)
    for key in _REQUIRED:
        # Because a misspelt key is a mistake already, a second one would only look like more work.
        if key not in first_lines and key not in misspelt:
            mistakes.add(
                max(first_line - 1, 1),
                _("the front matter has no {key}").format(key=key),
                _("Add a line such as '{required}'").format(required=_(_REQUIRED[key])),
            )
    return values


class _Stranger(NamedTuple):
    """An unknown key, with the first and last line of it and its value."""

    key: str
    line: int
    last: int
    written: str

    def cures(self, near: str) -> Iterator[Change | str]:
        """Yield the cures, with the known key that is near and missing; an empty one if none is."""
        remove = (
            _("remove the line")
            if self.last <= self.line
            else _("remove lines {line} to {last}").format(line=self.line, last=self.last)
        )
        if _DRAFT.fullmatch(self.written):
            edit = (self.line, self.written, f"status: {Status.DRAFT}")
            yield Change(_("Write 'status: {draft}'").format(draft=Status.DRAFT), (edit,))
        if near:
            edit = (self.line, self.key, near)
            yield Change(
                _("Write '{near}', if that is what it means, or {remove}").format(near=near, remove=remove), (edit,)
            )
        if near in _REQUIRED:
            yield _("Write it as in '{required}', if that is what it means, or {remove}").format(
                required=_(_REQUIRED[near]), remove=remove
            )
        yield _("{capitalize}; the keys are {readers}").format(
            capitalize=remove.capitalize(), readers=", ".join(_READERS)
        )


def json_schema() -> dict[str, Any]:
    """Return the JSON Schema of the front matter, for editors that check it while somebody types."""
    model = Episode.model_json_schema()
    properties: dict[str, dict[str, Any]] = {}
    for key in _READERS:
        schema = {name: value for name, value in model["properties"][key].items() if name != "title"}
        if key == "status":
            schema = {"enum": [str(status) for status in Status], "default": schema["default"]}
        if _READERS[key] is web_address:
            schema["format"] = "uri"
        properties[key] = schema | {"description": _(_DESCRIPTIONS[key])}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": _("Front matter of an episode of Monday Recap"),
        "type": "object",
        "properties": properties,
        "required": list(_REQUIRED),
        "additionalProperties": False,
    }


def _compose(text: str, first_line: int, mistakes: Mistakes) -> yaml.MappingNode | None:
    fence, in_full = max(first_line - 1, 1), _("Write {example}").format(example=_(EXAMPLE))
    if len(text) > MAX_LENGTH:
        message = _("the front matter is longer than {max_length} characters").format(max_length=MAX_LENGTH)
        mistakes.add(fence, message, _("Close it with a line '---' right after its last key"))
        return None
    try:
        root = yaml.compose(text, Loader=_LOADER)
    except yaml.YAMLError as error:
        # YAML's own words are English, and say little to people.
        message = _("the front matter is not valid YAML")
        first = _line(getattr(error, "problem_mark", None), text, first_line)
        lines = dict(enumerate(text.split("\n"), first_line))
        for line, written in lines.items():
            if (key := key_of(written)) and not _is_valid(written):
                value = written.partition(":")[2]
                values = [quoted(value.strip()), *(url for _at, url in bare_addresses(value))]
                mistakes.add(
                    line,
                    _("the value of '{key}' is not valid YAML as it stands").format(key=key),
                    *(
                        Change(_("Write {mended}").format(mended=mended), ((line, written, mended),), reveals=True)
                        for mended in (f"{key}: {each}" for each in values)
                    ),
                    _("Put the value between quotation marks if it holds ': ' or begins with a sign, as in ")
                    + _QUOTED_EXAMPLE,
                )
                return None
        shifted = [(at, line, line.lstrip()) for at, line in lines.items() if key_of(line) and line[0].isspace()]
        cures: list[Change | str] = [in_full]
        if shifted:
            cure = _("Begin {lines} without a space").format(lines=named_lines([at for at, *_edit in shifted]))
            cures = [Change(cure, tuple(shifted), reveals=True), *cures]
        mistakes.add(first, message, *cures)
        return None
    if isinstance(root, yaml.MappingNode):
        return root
    if root is None:
        mistakes.add(fence, _("the front matter is empty"), in_full)
    else:
        line = _line(root.start_mark, text, first_line)
        mistakes.add(line, _("the front matter is not a list of 'key: value' lines"), in_full)
    return None


def _is_valid(line: str) -> bool:
    try:
        return isinstance(yaml.compose(line, Loader=_LOADER), yaml.MappingNode)
    except yaml.YAMLError:
        return False


def quoted(value: str) -> str:
    """Return the value between quotation marks, without one that stands alone at its beginning."""
    mark, inner = value[:1], value[1:-1]
    if mark in {'"', "'"} and mark:
        first = inner.find(mark)
        # Of `"Netflix" et "TikTok"` the first two marks are a pair; else the outer ones are.
        is_pair = first >= 0 and not inner[first + 1 : first + 2].isalnum() and not inner[:first].endswith((" ", "("))
        if value.count(mark) == 1:
            value = value[1:]
        elif value.endswith(mark) and not is_pair:
            value = inner
    if '"' in value or "\\" in value:
        return "'" + value.replace("'", "''") + "'"
    return f'"{value}"'


def _line(mark: yaml.Mark | None, text: str, first_line: int) -> int:
    """Return the line of a mark, which may stand below the text if something is missing at its end."""
    return first_line + (min(mark.line, text.count("\n")) if mark else 0)


def _read_value(key: str, node: yaml.Node, place: tuple[int, str], values: dict[str, Any], mistakes: Mistakes) -> None:
    """Read the value of a key, which stands at a place: the line's number and text."""
    line, written = place
    if not isinstance(node, yaml.ScalarNode):
        mistakes.add(line, _("'{key}' holds several values").format(key=key), _("Write one behind the colon"))
        return
    text = "" if node.tag == _EMPTY else node.value.strip()
    if not text:
        # Because a template has optional lines, those may stay empty.
        if key in _REQUIRED:
            behind = written.partition(":")[2].strip()
            mended = f"{key}: {behind.strip('# ')}" if key == "number" else f"{key}: {quoted(behind)}"
            change = Change(
                _("Write {mended}, because YAML leaves out all that follows a '#'").format(mended=mended),
                ((line, written, mended),),
            )
            mistakes.add(
                line,
                _("'{key}' is empty").format(key=key),
                change,
                _("Write it as in '{required}'").format(required=_(_REQUIRED[key])),
            )
        return
    try:
        values[key] = _READERS[key](text)
    except BadValueError as error:
        mistakes.add(line, _("'{key}': {reason}").format(key=key, reason=error), *error.cures(line, text))


def _number(text: str) -> int:
    if not _NUMBER.fullmatch(text):
        digits = re.findall(r"[0-9]+", text)
        instead = digits[0] if len(digits) == 1 and text.endswith(digits[0]) and "-" not in text else ""
        raise BadValueError(
            _("'{text}' is not a whole number above 0").format(text=text),
            cure=_("Write it as in 'number: {value}'").format(value=instead or 1207),
            instead=instead,
            otherwise=_("Write it as in 'number: 1207'"),
        )
    return int(text)


def _date(text: str) -> dt.date:
    if not _DATE.fullmatch(text):
        year_first = _YEAR_FIRST.match(text)
        instead = "{}-{:0>2}-{:0>2}".format(*year_first.groups()) if year_first else ""
        example = _("Write year, month and day, as in 'date: {}'")
        raise BadValueError(
            _("'{text}' is not a date").format(text=text),
            cure=example.format(instead or "2024-11-04"),
            instead=instead,
            otherwise=example.format("2024-11-04"),
        )
    try:
        return dt.date.fromisoformat(text)
    except ValueError as error:
        raise BadValueError(
            _("there is no day '{text}'").format(text=text),
            cure=_("Look at the calendar once more"),
        ) from error


def _file_below(text: str) -> str:
    path = PurePosixPath(text)
    if path.is_absolute() or ".." in path.parts or "\\" in text or "://" in text:
        raise BadValueError(
            _("'{text}' is no file below the content folder").format(text=text),
            cure=_("Write its path from there, as in 'audio_file: audio/1207.mp3'; an address stands behind 'audio:'"),
        )
    return text


def _status(text: str) -> Status:
    try:
        return Status(text.casefold())
    except ValueError as error:
        allowed = spoken().either(f"'status: {status}'" for status in Status)
        raise BadValueError(
            _("'{text}' is no status").format(text=text),
            cure=_("Write {allowed}, or remove the line").format(allowed=allowed),
        ) from error


_READERS: Mapping[str, Callable[[str], Any]] = {
    "number": _number,
    "title": functools.partial(_BREAKS.sub, " "),
    "date": _date,
    "audio": web_address,
    "audio_file": _file_below,
    "page": web_address,
    "status": _status,
}
_REQUIRED: Mapping[str, str] = {
    "number": "number: 1207",
    "title": gettext_noop("title: A title"),
    "date": "date: 2024-11-04",
}
_DESCRIPTIONS: Mapping[str, str] = {
    "number": gettext_noop("The number of the episode, which no other one has."),
    "title": gettext_noop("Its title, which a phone shows whole up to about 65 characters."),
    "date": gettext_noop(
        "Its day, as in 2024-11-04. It is pushed at the first hour of the schedule that is not before."
    ),
    "audio": gettext_noop("Where it can be listened to. Optional."),
    "audio_file": gettext_noop(
        "The recording, a file below the content folder, for chats that get the audio itself. A picture of the same "
        "name that ends in .jpg is its cover. Optional."
    ),
    "page": gettext_noop("Its page on the web. Optional."),
    "status": gettext_noop("A draft is never sent; take the line out, or write ready, when it may be."),
}
_KEY_LINE = re.compile(rf"[ \t]*[\"']?({'|'.join(_READERS)})[\"']?[ \t\u00a0\u202f]*:")
# Because French keyboards type a no-break space before ':', and none may follow it, these slips are read as meant.
_SLIP = re.compile(rf"^\t*({'|'.join(_READERS)})[ \t\u00a0\u202f]*:(?!//)[ \t\u00a0\u202f]*", re.MULTILINE)
