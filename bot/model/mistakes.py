"""The mistakes of one file, gathered while it is read, so that all of them are told in one go."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.model.problems import InvalidInputError, Problem

if TYPE_CHECKING:
    from pathlib import Path


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
