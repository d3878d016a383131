"""Mistakes in what the team writes, told so that they can be mended: where, what, and how."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Problem:
    """One mistake in one file, at a `line` (from 1) or at a dotted `key`; neither when it is the file as a whole.

    `message` says what is wrong, `cure` what to write instead; both are sentences without the final full stop, or a
    cure is a question with its mark.
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


class ExpectedError(Exception):
    """Something went wrong that the admin can understand: its text says what, and how to mend it."""


class InvalidInputError(Exception):
    """What the team wrote cannot be used. `problems` holds every reason, not only the first."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(map(str, self.problems)))


class BadValueError(ValueError):
    """A value cannot be used. The text of the error says why, `cure` what to write instead."""

    def __init__(self, message: str, *, cure: str) -> None:
        super().__init__(message)
        self.cure = cure


class Mistakes:
    """What is wrong in the file at `path`. Reading goes on after a mistake, to find the next one."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._found: list[Problem] = []

    @property
    def problems(self) -> tuple[Problem, ...]:
        """What was found so far, in the order of the lines."""
        return tuple(sorted(self._found, key=lambda problem: problem.line or 0))

    def add(self, line: int, message: str, cure: str) -> None:
        """Note a mistake at a line, counted from 1."""
        self._found.append(Problem(self._path, message, cure, line))

    def check(self) -> None:
        """Go on only if nothing was found.

        Raises:
            InvalidInputError: with every mistake.
        """
        if self._found:
            raise InvalidInputError(self.problems)
