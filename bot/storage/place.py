"""The place of an SQLite file: whether the open file is still there, and where a copy of it is kept if not.

Because closing any descriptor of the file takes SQLite's locks off it, nothing here opens the file.
"""

import contextlib
import datetime as dt
import os
from collections.abc import Iterator
from pathlib import Path

from bot.model.i18n import gettext as _
from bot.model.problems import reason_of
from bot.storage.lock import DeliveryLock, identity
from bot.storage.records import LedgerError

SIDES = ("-wal", "-shm", "")
"""The ends of the names of a database: of the two files that SQLite keeps beside it, and of the file itself."""

_RESCUED, _REPLACED = ".rescued-", ".replaced-"


class DisplacedError(LedgerError):
    """The error of a file that is not in its place any more; the database is open and has no name."""


class Place:
    """The place of the file at `path` and of the two files that SQLite keeps beside it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._beside = [path.with_name(f"{path.name}{end}") for end in SIDES if end]
        self._open: dict[Path, tuple[int, int] | None] = {}
        self._copy: Path | None = None

    def note(self) -> None:
        """Take the file that is there first for the one that is open, and the newest ones beside it."""
        is_open = self._open.get(self.path) or identity(self.path)
        self._open = {path: identity(path) for path in self._beside} | {self.path: is_open}

    def has_copy(self) -> bool:
        """Return whether a copy of the open file is kept."""
        return self._copy is not None and self._copy.exists()

    def move_in(self) -> None:
        """Put the copy into the place, as the file that is open from now on.

        Raises:
            FileExistsError: another file has just come.
        """
        _link(self.copy_to(), self.path)
        self.clear_beside()
        self._open = {self.path: identity(self.path)}

    def check(self) -> None:
        """Raise an error if the file that was noted is not in its place.

        Raises:
            DisplacedError: another file or none is there.
        """
        there = identity(self.path)
        if not self._open or there == self._open[self.path]:
            return
        kept = (
            _("what the bot knew is in {copy}").format(copy=self._copy)
            if self._copy
            else _("the bot keeps what it knows")
        )
        if there is None:
            raise DisplacedError(
                _("{path} was deleted or moved away while the bot runs").format(path=self.path),
                _("move it back, or leave it to the bot, which puts its copy there within a minute; {kept}").format(
                    kept=kept
                ),
            )
        raise DisplacedError(
            _("{path} was replaced by another file while the bot runs").format(path=self.path), self._choice(kept)
        )

    def is_empty(self) -> bool:
        """Return whether no file is there."""
        return identity(self.path) is None

    def is_at(self, path: Path) -> bool:
        """Return whether the file at the path is the one that is there."""
        return not self.is_empty() and identity(path) == identity(self.path)

    def copy_to(self) -> Path:
        """Return the path of the copy that is kept while the file is not in its place."""
        if self._copy is None:
            self._copy = self.path.with_name(f"{self.path.name}{_RESCUED}{_stamp()}")
        return self._copy

    def clear_beside(self) -> None:
        """Take the names of the open files beside the database away.

        Else SQLite would write what stands in them into another database that comes into this place.
        """
        for path in self._beside:
            if identity(path) is not None and identity(path) == self._open.get(path):
                path.unlink()

    def drop_copy(self) -> None:
        """Delete the copy, because the database is in its place again."""
        if self._copy is not None:
            self._copy.unlink(missing_ok=True)
            self._copy = None

    def adopt(self) -> None:
        """Put the newest copy into an empty place, because a bot that was stopped meanwhile could not.

        Raises:
            LedgerError: the bot runs, and will do so itself; or the system refuses.
        """
        if not self.is_empty() or not (copies := self.copies()):
            return
        if DeliveryLock(self.path).is_held():
            cure = _("the bot puts it back within a minute; try again then")
            raise LedgerError(_("{path} is gone while the bot runs").format(path=self.path), cure)
        with self.putting_back():
            for path in self._beside:
                path.unlink(missing_ok=True)
            copies[-1].rename(self.path)

    @contextlib.contextmanager
    def putting_back(self) -> Iterator[None]:
        """Raise an error of the system, by which no copy comes into the place, as `LedgerError`."""
        try:
            yield
        except OSError as error:
            raise LedgerError(
                _("{path} cannot be put back ({reason})").format(path=self.path, reason=reason_of(error)),
                _("make room, check the rights"),
            ) from error

    def replace(self, by: Path) -> list[Path]:
        """Put a whole database into the place; return the names under which the one that was there, and copies, stay.

        Whenever the process dies, a whole database is in the place.
        """
        others = [copy for copy in self.copies() if identity(copy) != identity(by)]
        kept = [copy.rename(copy.with_name(copy.name.replace(_RESCUED, _REPLACED))) for copy in others]
        owner = (self.path.parent if self.is_empty() else self.path).stat()
        with contextlib.suppress(PermissionError):
            # Because root may do this for the account that the bot runs under.
            os.chown(by, owner.st_uid, owner.st_gid)
        if not self.is_empty():
            kept.append(self.path.with_name(f"{self.path.name}{_REPLACED}{_stamp()}"))
            for end in ("-wal", ""):
                with contextlib.suppress(FileNotFoundError):
                    _link(self.path.with_name(f"{self.path.name}{end}"), kept[-1].with_name(f"{kept[-1].name}{end}"))
        # Else SQLite would write what stands in them into the new database.
        for path in self._beside:
            path.unlink(missing_ok=True)
        by.replace(self.path)
        return kept

    def copies(self) -> list[Path]:
        """Return the copies that are there, the oldest first."""
        return sorted(self.path.parent.glob(f"{self.path.name}{_RESCUED}*"))

    def check_copies(self) -> None:
        """Raise an error if a copy awaits a decision.

        Raises:
            LedgerError: there is a copy, and nobody but the admin knows which of the two files is to be used.
        """
        if copies := self.copies():
            message = _("{path} was replaced while the bot ran, and {name} holds what the bot knew then").format(
                path=self.path, name=copies[-1].name
            )
            raise LedgerError(message, self._choice(_("both are there")))

    def _choice(self, kept: str) -> str:
        choice = _(
            "stop the bot; either put the {name}… file back with `recap restore`, which loses nothing, or "
            "delete it to use the new file; then start the bot ({kept})"
        )
        return choice.format(name=f"{self.path.name}{_RESCUED}", kept=kept)


def _stamp() -> str:
    return f"{dt.datetime.now(dt.UTC):%Y%m%d-%H%M%S-%f}"


def _link(path: Path, name: Path) -> None:
    """Give the file a second name; or, on a disk that knows no second names, another one.

    Raises:
        FileNotFoundError: there is no file.
        FileExistsError: another file has that name. Unlike a rename, this replaces none.
    """
    try:
        os.link(path, name)
    except (FileNotFoundError, FileExistsError):
        raise
    except OSError:
        path.rename(name)
