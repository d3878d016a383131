"""The mistakes in the files of the team, each with its place and its cure."""

from __future__ import annotations

import errno
import os
import socket
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from bot.model.i18n import gettext as _
from bot.model.i18n import gettext_noop

_TRIALS = 100_000
"""Characters that the trials of one file's cures may read: of an episode of the usual length, twenty trials."""
_NAMED = 8
"""Lines that one message names."""


def named_lines(lines: Sequence[int]) -> str:
    """Return the numbers of lines for a sentence, as in `lines 3, 5 and 7`; of many only the first."""
    if len(lines) > _NAMED:
        named = ", ".join(map(str, lines[:_NAMED]))
        return _("lines {numbers} and {more} more").format(numbers=named, more=len(lines) - _NAMED)
    *others, last = lines
    return (
        _("lines {numbers} and {last}").format(numbers=", ".join(map(str, others)), last=last)
        if others
        else _("line {number}").format(number=last)
    )


class Change(NamedTuple):
    """A cure in literal words, which the program can try: in each line (from 1) of `edits`, the old text becomes new.

    `reveals` says that the mistake hides others, so that the change may bring mistakes of other lines to light.
    """

    cure: str
    edits: tuple[tuple[int, str, str], ...]
    reveals: bool = False

    def applied(self, text: str) -> str | None:
        """Return the text with the change; None if a line does not hold the old text."""
        lines = text.split("\n")
        for at, old, new in self.edits:
            if at > len(lines) or not old or old not in lines[at - 1]:
                return None
            lines[at - 1] = lines[at - 1].replace(old, new, 1)
        return "\n".join(lines)


OF_THE_SYSTEM = {
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
    gettext_noop("Cannot assign requested address"),
    gettext_noop("Connection refused"),
    gettext_noop("Connection reset by peer"),
    gettext_noop("Connection timed out"),
    gettext_noop("Network is unreachable"),
    gettext_noop("No route to host"),
}
"""The system's own words for the troubles that people have most often. Of others, it has the name."""


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
    # Because the lines of a config may hold a token, no repr shows them.
    change: Change | None = field(default=None, repr=False)
    """The cure as it was tried: applied to the file, it ends the mistake. None if the cure has no literal words."""

    def __str__(self) -> str:
        place = f"{self.path}" if self.line is None else f"{self.path}:{self.line}"
        subject = "" if self.key is None else f"{self.key}: "
        stop = "" if self.cure.endswith("?") else "."
        return f"{place}: {subject}{self.message}. {self.cure}{stop}"


def reason_of(error: BaseException, otherwise: str = "") -> str:
    """Return the system's reason behind an error in the language of the team; `otherwise` if none is behind it."""
    cause: BaseException | None = error
    while cause is not None:
        # aiohttp keeps the system's error beside its own.
        by_system = getattr(cause, "os_error", cause)
        kind = type(by_system)
        if kind.__name__ == "SSLCertVerificationError":
            return _("its certificate is not one that this machine trusts")
        if isinstance(by_system, socket.gaierror):
            return _("its name cannot be looked up")
        # Those of the encryption have numbers of their own, and say little to people. Because libraries put words of
        # their own into `strerror`, even an address with a token, those of the number count; without one, only ours.
        is_said = kind is OSError or (kind.__module__ != "ssl" and getattr(by_system, "errno", None))
        if is_said and isinstance(by_system, OSError) and by_system.strerror:
            said = os.strerror(by_system.errno) if by_system.errno else by_system.strerror
            code = errno.errorcode.get(by_system.errno or 0)
            return _(said) if said in OF_THE_SYSTEM or not code else _("the system says {code}").format(code=code)
        cause = cause.__cause__ or cause.__context__
    return otherwise or str(error)


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
    """A value that cannot be used. The text of the error says why, `cure` the value to write instead.

    `instead` is the value itself if the cure has it in literal words, and `otherwise` a cure without them.
    """

    def __init__(self, message: str, *, cure: str, instead: str = "", otherwise: str = "") -> None:
        super().__init__(message)
        self.cure = cure
        self.instead = instead
        self._otherwise = otherwise or cure

    def cures(self, line: int, written: str) -> tuple[Change | str, ...]:
        """Return the cures of the value that stands in a line of a file, the best first."""
        if not self.instead:
            return (self.cure,)
        return Change(self.cure, ((line, written, self.instead),)), self._otherwise


class Mistake(NamedTuple):
    """A mistake at a line of a file, and its cures, the best first. The last one has no literal words."""

    line: int
    message: str
    cures: tuple[Change | str, ...]


class Mistakes:
    """The mistakes in the file at `path`, collected so that a reader can go on after each."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.found: list[Mistake] = []
        """The mistakes so far, whose cures are not tried."""

    def __bool__(self) -> bool:
        """Return whether there are any."""
        return bool(self.found)

    def add(self, line: int, message: str, *cures: Change | str) -> None:
        """Add a mistake at a line, counted from 1, with its cures, the best first."""
        self.found.append(Mistake(line, message, cures))

    def tried(self, text: str, read: Callable[[str], Mistakes]) -> tuple[Problem, ...]:
        """Return the mistakes in the order of the lines, each with its best true cure.

        A literal cure is true if the text, changed as the cure says and read again, has lost this mistake and has no
        new one. The text is the file's, as the reader sees it.
        """
        before, left = Counter(each.message for each in self.found), _TRIALS
        problems = []
        for mistake in sorted(self.found, key=lambda each: each.line):
            for cure in mistake.cures:
                if isinstance(cure, str):
                    problems.append(Problem(self._path, mistake.message, cure, mistake.line))
                    break
                left -= len(text)
                changed = cure.applied(text) if left >= 0 else None
                if changed is None:
                    continue
                after = read(changed).found
                counts = Counter(each.message for each in after)
                worse = [each for each in after if counts[each.message] > before[each.message]]
                is_gone = counts[mistake.message] < before[mistake.message]
                if cure.reveals:
                    worse = [each for each in after if each.line in {line for line, _old, _new in cure.edits}]
                    is_gone = (mistake.line, mistake.message) not in {(each.line, each.message) for each in after}
                if is_gone and not worse:
                    problems.append(Problem(self._path, mistake.message, cure.cure, mistake.line, change=cure))
                    break
        return tuple(problems)
