"""The content folder: the episode files, and the newest good version of each."""

from __future__ import annotations

import contextlib
import dataclasses
import datetime as dt
import functools
import gc
import itertools
import os
import re
import stat
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from bot.content.parser import parse_episode
from bot.content.search import SegmentWords
from bot.model.episode import Episode
from bot.model.i18n import gettext as _
from bot.model.plaintext import decoded
from bot.model.problems import InvalidInputError, Problem, reason_of

_SUFFIX = ".md"
_LEFT_OUT = ("_", ".")
_README = f"readme{_SUFFIX}"
_WRONG_SUFFIX = re.compile(r"(?:\.md)?\.(?:markdown|mdown|mdwn|mkdn?)(?:\.te?xt)?$|\.md\.te?xt$", re.IGNORECASE)
"""The names that editors give instead of `.md`: TextEdit and Notepad put `.txt` behind it."""
# The names of copies, in French and English, by the programs that make them.
_COPY = re.compile(
    # Finder, Explorer and desktops of Linux: `1207 copie`, `1207 - Copie (2)`, `1207 (autre copie)`. Dropbox,
    # Nextcloud, Seafile, Syncthing, Synology, Resilio: a word of conflict, with a date, a machine or a name.
    r".*(?:\bcop(?:y|ie)\b|conflict|conflit|konflikt|duplicat).*"
    # iCloud, Google Drive, browsers, and people: `1207 2`, `1207 (1)`, `1207-v2`, `1207~`.
    r"|[ _.-]+[(v]?[0-9]{1,2}\)?|[(v][0-9]{1,2}\)?|~[0-9]*"
    # OneDrive: the name of the machine, as in `1207-DESKTOP-8Q2`.
    r"|(?-i:-[A-Z0-9]+(?:-[A-Z0-9]+)+)",
    re.IGNORECASE,
)
_COPY_OF = re.compile(r"(?:cop(?:y|ie)(?: \([0-9]+\))? (?:de|of) )+", re.IGNORECASE)
_NUMBER_LINE = re.compile(r"^[ \t]*[\"']?number[\"']?[^\S\n]*:[^\S\n]*[\"']?0*([0-9]{0,9})", re.MULTILINE)
_DRAFT_LINE = re.compile(r"^status[^\S\n]*:[^\S\n]*[\"']?draft\b", re.MULTILINE)


@dataclass(frozen=True)
class Version:
    """A file as it was last read. `episode` is its newest good version; None if there has never been one."""

    stamp: tuple[int, int] | None
    """The time of the last change, in nanoseconds, and the size in bytes; the same for an unchanged file."""
    episode: Episode | None
    problems: tuple[Problem, ...] = ()
    number: int | None = None
    """The number that the text claims, also in a file with mistakes."""
    number_line: int = 1
    is_unfinished: bool = False
    """True if somebody is still writing the file: it calls itself a draft and has always had mistakes."""

    @property
    def modified(self) -> dt.datetime | None:
        """The time of the last change; None if unknown."""
        return dt.datetime.fromtimestamp(self.stamp[0] / 1e9, dt.UTC) if self.stamp else None

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
        # Because parts compare twice as fast as paths, of which a folder may have thousands, they give the order.
        ordered = sorted(versions.items(), key=lambda item: item[0].parts)
        return cls(dict(ordered), tuple(problems), tuple(misnamed))


def write_new(file: Path, text: str) -> None:
    """Write a file that is not there yet, whole or not at all.

    Raises:
        FileExistsError: it is there.
        OSError: it cannot be written.
    """
    new = file.open("xb")
    try:
        with new:
            new.write(text.encode())
    except OSError:
        # Because half of it would stand in the way of the next try, nothing stays.
        file.unlink()
        raise


def write_draft(folder: Path, path: Path, text: str, *, replace: bool) -> Path | None:
    """Write an episode file into the folder; with `replace`, in the place of another text, which is kept beside it.

    Returns:
        The file that keeps the other text; None if there was none.

    Raises:
        FileExistsError: there is another text, and it is not to be replaced.
        OSError: the file cannot be written.
    """
    file = folder / path
    try:
        write_new(file, text)
    except FileExistsError:
        before = file.read_bytes()
        if before == text.encode():
            return None
        if not replace:
            raise
        kept = _keep_beside(file, before)
        replace_text(file, text.encode())
        return kept
    return None


def replace_text(file: Path, data: bytes) -> None:
    """Put other data into a file. Because a reader must never see half of them, they are written beside it first.

    Raises:
        OSError: the file cannot be written.
    """
    beside = file.with_name(f".{file.name}.new")
    try:
        beside.write_bytes(data)
        beside.chmod(stat.S_IMODE(file.stat().st_mode))
        beside.replace(file)
    finally:
        beside.unlink(missing_ok=True)


def _keep_beside(file: Path, data: bytes) -> Path:
    """Write the data to a file beside the other, under a name that is free and that is no episode's."""
    for count in itertools.count(1):
        kept = file.with_name(f"_{file.stem}-{count}{file.suffix}")
        with contextlib.suppress(FileExistsError), kept.open("xb") as copy:
            copy.write(data)
            return kept
    raise AssertionError


def original_of(path: Path, others: Iterable[Path]) -> Path | None:
    """Return the file beside this one of which its name says that it is a copy; None if it is no copy of them."""
    for other in sorted(others, key=lambda each: len(each.stem)):
        begin, name, end = path.stem.partition(other.stem)
        is_beside = name and path.parent == other.parent and path.stem != other.stem
        if is_beside and ((_COPY_OF.fullmatch(begin) and not end) or (not begin and _COPY.fullmatch(end))):
            return other
    return None


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
    message, cure = (
        _("the folder cannot be read ({reason})").format(reason=reason_of(error)),
        _("Let the user that runs the bot read it"),
    )
    if isinstance(error, FileNotFoundError):
        message, cure = (
            _("there is no such folder"),
            _("Create it, or name another one in the config, at content.folder"),
        )
    elif isinstance(error, NotADirectoryError):
        message, cure = _("this is not a folder"), _("Name the folder that holds the episode files, at content.folder")
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
        cure = _("Let the user that runs the bot read it, or move it out of the folder")
        return _failed(
            previous,
            None,
            Problem(file, _("the file cannot be read ({reason})").format(reason=reason_of(error)), cure),
        )
    text = data.decode(errors="replace")
    claim = _NUMBER_LINE.search(text)
    number = int(claim[1]) if claim and claim[1] else None
    number_line = text.count("\n", 0, claim.start()) + 1 if claim else 1
    try:
        episode = parse_episode(decoded(data, path), path)
    except InvalidInputError as error:
        problems = (dataclasses.replace(problem, path=folder / problem.path) for problem in error.problems)
        failed = _failed(previous, stamp, *problems)
        is_unfinished = failed.episode is None and _DRAFT_LINE.search(text) is not None
        return dataclasses.replace(failed, is_unfinished=is_unfinished, number=number, number_line=number_line)
    return Version(stamp, episode, number=episode.number, number_line=number_line)


def _failed(previous: Version | None, stamp: tuple[int, int] | None, *problems: Problem) -> Version:
    return dataclasses.replace(previous or Version(None, None), stamp=stamp, problems=problems, is_unfinished=False)
