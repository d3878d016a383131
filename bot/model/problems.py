"""The mistakes in the files of the team, each with its place and its cure."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from bot.model.i18n import gettext, gettext_noop

_OF_THE_SYSTEM = (
    gettext_noop("No such file or directory"),
    gettext_noop("Permission denied"),
    gettext_noop("Is a directory"),
    gettext_noop("Not a directory"),
    gettext_noop("File name too long"),
    gettext_noop("No space left on device"),
    gettext_noop("Read-only file system"),
    gettext_noop("Too many levels of symbolic links"),
    gettext_noop("Input/output error"),
    gettext_noop("Address already in use"),
)
"""The system's own words for the mistakes that people make most often. It says others in its own language."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One mistake in one file, at a `line` (from 1) or at a dotted `key`; without both, in the file as a whole.

    `message` names the mistake, `cure` the mending, each without its full stop; a question keeps its mark.
    """

    path: Path
    message: str
    cure: str
    line: int | None = None
    key: str | None = None

    def __str__(self) -> str:
        place = f"{self.path}" if self.line is None else f"{self.path}:{self.line}"
        subject = "" if self.key is None else f"{self.key}: "
        stop = "" if self.cure.endswith("?") else "."
        return f"{place}: {subject}{self.message}. {self.cure}{stop}"


def reason_of(error: OSError) -> str:
    """Return the system's reason in the language of the team, as far as it is known there."""
    return gettext(error.strerror or str(error))


class ExpectedError(Exception):
    """A failure that the admin can understand: the text names it and its cure."""


class StorageError(ExpectedError):
    """A storage that cannot be used: nothing was saved."""


class InvalidInputError(Exception):
    """Text of the team that cannot be used. `problems` holds every reason, not only the first."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(map(str, self.problems)))


class BadValueError(ValueError):
    """A value that cannot be used. The text of the error says why, `cure` the value to write instead."""

    def __init__(self, message: str, *, cure: str) -> None:
        super().__init__(message)
        self.cure = cure


class Mistakes:
    """The mistakes in the file at `path`, collected so that a reader can go on after each."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._found: list[Problem] = []

    @property
    def problems(self) -> tuple[Problem, ...]:
        """The mistakes so far, in the order of the lines."""
        return tuple(sorted(self._found, key=lambda problem: problem.line or 0))

    def add(self, line: int, message: str, cure: str) -> None:
        """Add a mistake at a line, counted from 1."""
        self._found.append(Problem(self._path, message, cure, line))
