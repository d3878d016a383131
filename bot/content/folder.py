"""The content folder: the episode files, and the newest good version of each."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import gc
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from bot.content.parser import parse_episode
from bot.content.search import SegmentWords
from bot.model.episode import Episode
from bot.model.problems import InvalidInputError, Problem

_SUFFIX = ".md"
_LEFT_OUT = ("_", ".")
_README = f"readme{_SUFFIX}"
_WRONG_SUFFIX = re.compile(r"(?:\.md)?\.(?:markdown|mdown|mdwn|mkdn?)(?:\.te?xt)?$|\.md\.te?xt$", re.IGNORECASE)
"""The names that editors give instead of `.md`: TextEdit and Notepad put `.txt` behind it."""
_NUMBER_LINE = re.compile(r"^[ \t]*[\"']?number[\"']?[ \t]*:", re.MULTILINE)
_DRAFT_LINE = re.compile(r"^status[ \t]*:[ \t]*[\"']?draft\b", re.MULTILINE)


@dataclass(frozen=True)
class Version:
    """A file as it was last read. `episode` is its newest good version; None if there has never been one."""

    stamp: tuple[int, int] | None
    """The time of the last change, in nanoseconds, and the size in bytes; the same for an unchanged file."""
    episode: Episode | None
    problems: tuple[Problem, ...] = ()
    number_line: int = 1
    is_unfinished: bool = False
    """True if somebody is still writing the file: it calls itself a draft and has always had mistakes."""

    @functools.cached_property
    def words(self) -> tuple[SegmentWords, ...]:
        """The words of each segment, made by the first search and kept as long as the file stays the same."""
        return tuple(map(SegmentWords.of, self.episode.segments if self.episode else ()))


@dataclass(frozen=True)
class Folder:
    """Every episode file of a folder, by its path in the folder and in that order, and the folder's own problems."""

    versions: Mapping[Path, Version] = dataclasses.field(default_factory=dict)
    problems: tuple[Problem, ...] = ()
    misnamed: tuple[Path, ...] = ()
    """Files that are passed over, and whose names show that they were meant as episodes."""

    @classmethod
    def read(cls, folder: Path, previous: Folder) -> Folder:
        """Read the files that changed since `previous`. Nothing is raised: mistakes and errors become problems."""
        problems: list[Problem] = []
        files = list(_files(folder, problems))
        paths = [path for path in files if path.name.lower().endswith(_SUFFIX)]
        # Because a folder may be out of reach for a moment, its episodes are kept.
        versions = dict(previous.versions) if problems else {}
        with _uncollected():
            versions |= {path: _version(folder, path, previous.versions.get(path)) for path in paths}
        misnamed = sorted(path for path in files if _WRONG_SUFFIX.search(path.name))
        return cls(dict(sorted(versions.items())), tuple(problems), tuple(misnamed))


def right_name(path: Path) -> Path:
    """Return the path under which a misnamed file would count as an episode."""
    return path.with_name(_WRONG_SUFFIX.sub(_SUFFIX, path.name))


@contextlib.contextmanager
def _uncollected() -> Iterator[None]:
    """Hold the search for cyclic garbage, which takes a fifth of the time of reading many files and finds nothing."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def _files(folder: Path, problems: list[Problem]) -> Iterator[Path]:
    """Yield the paths in the folder of the files below it, without hidden files, files of notes and READMEs."""
    for parent, folders, names in os.walk(folder, onerror=lambda error: problems.append(_unreadable_folder(error))):
        folders[:] = [name for name in folders if not name.startswith(_LEFT_OUT)]
        relative = Path(parent).relative_to(folder)
        for name in names:
            if not name.startswith(_LEFT_OUT) and _WRONG_SUFFIX.sub(_SUFFIX, name.lower()) != _README:
                yield relative / name


def _unreadable_folder(error: OSError) -> Problem:
    path = Path(error.filename)
    message, cure = f"the folder cannot be read ({error.strerror})", "Let the user that runs the bot read it"
    if isinstance(error, FileNotFoundError):
        message, cure = "there is no such folder", "Create it, or name another one in the config, at content.folder"
    elif isinstance(error, NotADirectoryError):
        message, cure = "this is not a folder", "Name the folder that holds the episode files, at content.folder"
    return Problem(path, message, cure)


def _version(folder: Path, path: Path, previous: Version | None) -> Version:
    file = folder / path
    try:
        status = file.stat()
        stamp = (status.st_mtime_ns, status.st_size)
        if previous is not None and previous.stamp == stamp:
            return previous
        data = file.read_bytes()
    except OSError as error:
        cure = "Let the user that runs the bot read it, or move it out of the folder"
        return _failed(previous, None, Problem(file, f"the file cannot be read ({error.strerror})", cure))
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        return _failed(previous, stamp, Problem(file, "this is not UTF-8 text", "Save the file again as UTF-8", line))
    try:
        episode = parse_episode(text, path)
    except InvalidInputError as error:
        problems = (dataclasses.replace(problem, path=folder / problem.path) for problem in error.problems)
        failed = _failed(previous, stamp, *problems)
        is_unfinished = failed.episode is None and _DRAFT_LINE.search(text) is not None
        return dataclasses.replace(failed, is_unfinished=is_unfinished)
    number = _NUMBER_LINE.search(text)
    return Version(stamp, episode, number_line=text.count("\n", 0, number.start()) + 1 if number else 1)


def _failed(previous: Version | None, stamp: tuple[int, int] | None, *problems: Problem) -> Version:
    return dataclasses.replace(previous or Version(None, None), stamp=stamp, problems=problems, is_unfinished=False)
