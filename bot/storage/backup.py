"""The backups of an SQLite ledger: made while the bot runs, and put back while none does."""

import contextlib
import datetime as dt
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from sqlalchemy import URL, Connection, create_engine, inspect, update
from sqlalchemy.exc import DBAPIError

from bot.model.codes import Code
from bot.model.i18n import gettext as _
from bot.model.i18n import gettext_noop
from bot.model.problems import ExpectedError, reason_of
from bot.storage import migrations, opening
from bot.storage.clock import is_other_process
from bot.storage.database import Database, plain_errors
from bot.storage.lock import DeliveryLock
from bot.storage.place import Place
from bot.storage.records import NEVER, BroadcastKind, DeliveryState, Gap, LedgerError, Notice
from bot.storage.sqlite import PATIENCE, copy_whole, discard, is_made
from bot.storage.tables import IS_UNFINISHED, deliveries, heartbeat

UNSURE = gettext_noop("the database was restored from a backup in which this was under way")
"""The reason of a delivery that was unfinished in a backup."""

_ANOTHER = gettext_noop("name a file that `recap backup` has written")
_TABLES = {"alembic_version", "broadcasts", "deliveries", "subscriptions"}
"""Tables that the database of every version has."""


class BackupError(ExpectedError):
    """The error of a file that is no backup, or cannot become one."""


class Backup(NamedTuple):
    """The contents of a backup.

    Until `until` it knows what was pushed. `subscriptions` have not ended, and `unfinished` deliveries are under way.
    """

    until: dt.datetime
    subscriptions: int
    unfinished: int


def save(database: Path, path: Path) -> Backup:
    """Copy the database, which others may be using, into a new file for its owner alone.

    Returns:
        The contents of the copy, which was read in full.

    Raises:
        BackupError: the file is there already, or cannot be written.
        LedgerError: the database is missing, damaged or in use.
    """
    if not is_made(_url(database)):
        missing = _("there is no database at {path}").format(path=database.absolute())
        raise LedgerError(missing, _("is this the right folder?"))
    unready = path.parent / f"{path.name}.unready"
    try:
        # Also a look whether the system takes a name that is so much longer.
        discard(unready)
        # The name is taken first, so that a file which comes meanwhile is not replaced at the end.
        path.touch(0o600, exist_ok=False)
    except FileExistsError as error:
        told = _("{path} exists already: name another file, or move that one away first")
        raise BackupError(told.format(path=path)) from error
    except OSError as error:
        told = _("{path} cannot be written ({reason}): name a file in another folder")
        raise BackupError(told.format(path=path, reason=reason_of(error))) from error
    try:
        with plain_errors(_url(database)), contextlib.closing(_opened(database, "rw")) as source:
            source.execute("PRAGMA schema_version")
            with plain_errors(_url(path)):
                copy_whole(source, unready)
        with _readable(unready, database, gettext_noop("stop the bot and restore a backup")) as connection:
            found = _contents(connection)
        unready.replace(path)
    except BaseException:
        for each in (unready, path):
            each.unlink(missing_ok=True)
        raise
    return found


def read(path: Path) -> Backup:
    """Return the contents of a backup, and change nothing.

    Raises:
        BackupError: the file cannot be read, is not whole, or no database of this program.
        LedgerError: a newer version of the program made it.
    """
    try:
        path.open("rb").close()
    except OSError as error:
        told = _("{path} cannot be read ({reason})").format(path=path, reason=reason_of(error))
        raise BackupError(_with(told, _ANOTHER)) from error
    with _readable(path, path) as connection:
        migrations.are_due(connection)
        return _contents(connection)


def is_rescued(path: Path, database: Path) -> bool:
    """Return whether the file is the newest copy that a bot keeps of a database which was replaced under it.

    Because no bot delivers beside such a copy, that copy knows all that was pushed.
    """
    return any(copy.samefile(path) for copy in Place(database).copies()[-1:])


async def restore(path: Path, database: Path, gap: Gap | None, key: str, notice: Notice) -> list[Path]:
    """Put a backup that `read` has read into the place of the database, and keep all that was there.

    With a gap, the restored ledger knows that, by the key and the notice, and sends nothing that was under way in the
    backup. A file without one, a rescued copy, becomes the database itself.

    Returns:
        The names of the kept files.

    Raises:
        BackupError: the file is the database itself.
        LedgerError: a bot delivers from the database, or the backup cannot be put there.
    """
    place, own = Place(database), database.with_name(f"{database.name}.restoring")
    with bots_kept_out(database) as is_alone:
        if not is_alone:
            raise LedgerError(_("a bot delivers from {path}").format(path=database), _("stop the bot first"))
        if place.is_at(path):
            raise BackupError(_with(_("{path} is the database itself").format(path=path), _ANOTHER))
        try:
            if gap is None:
                return place.replace(path)
            with plain_errors(_url(own)), contextlib.closing(_opened(path)) as source:
                copy_whole(source, own)
            async with await Database.open(f"sqlite:///{own.as_posix()}") as restored:
                await restored.write(_mark, gap, key, notice)
            return place.replace(own)
        except OSError as error:
            told = _("{path} cannot be replaced ({reason})").format(path=database, reason=reason_of(error))
            raise LedgerError(told, _("make room, check the rights")) from error
        finally:
            discard(own)


def _mark(connection: Connection, gap: Gap, key: str, notice: Notice) -> None:
    unsure = {"state": DeliveryState.UNKNOWN, "code": Code.RESTORED, "reason": UNSURE}
    connection.execute(update(deliveries).where(IS_UNFINISHED).values(unsure))
    # The process that delivered when the backup was made may go on elsewhere, from the database that this is a copy of.
    connection.execute(update(heartbeat).values(process=""))
    opening.open_broadcast(
        connection,
        lambda *_nobody: None,
        BroadcastKind.NOTICE,
        episode=notice.episode,
        title=notice.document.title,
        key=key,
        now=gap.until,
        due=gap.since,
        text=notice.text,
    )


@contextlib.contextmanager
def bots_kept_out(database: Path) -> Iterator[bool]:
    """Let no bot begin to deliver from the database in the context; yield False if one does already.

    Raises:
        LedgerError: the lock's file cannot be written.
    """
    lock = DeliveryLock(database)
    try:
        yield lock.acquire() and not _is_delivered_from(database)
    finally:
        lock.release()


def _is_delivered_from(database: Path) -> bool:
    """Return whether the heartbeat is that of a process that lives, where somebody has deleted the lock of the bot."""
    try:
        # The last connection that may write puts what stands beside the file into it when it closes.
        with contextlib.closing(_opened(database, "rw")) as connection:
            row = connection.execute("SELECT process FROM heartbeat").fetchone()
    except sqlite3.Error:
        # A missing or damaged database, or one of 0.1.0.
        return False
    return row is not None and is_other_process(row[0])


def _contents(connection: Connection) -> Backup:
    def first(statement: str) -> object:
        return connection.exec_driver_sql(statement).scalar()

    has_heart = "heartbeat" in inspect(connection).get_table_names()
    moments = [
        first("SELECT max(created) FROM broadcasts"),
        first("SELECT max(updated) FROM subscriptions"),
        first("SELECT wall FROM heartbeat") if has_heart else None,
    ]
    known = [dt.datetime.fromisoformat(str(each)).replace(tzinfo=dt.UTC) for each in moments if each is not None]
    return Backup(
        until=max(known, default=NEVER),
        subscriptions=int(str(first("SELECT count(*) FROM subscriptions WHERE state <> 'ended'"))),
        unfinished=int(str(first("SELECT count(*) FROM deliveries WHERE state IN ('pending', 'sending')"))),
    )


@contextlib.contextmanager
def _readable(path: Path, name: Path, cure: str = _ANOTHER) -> Iterator[Connection]:
    """Yield a connection to a file that is whole and the program's; errors call it by the name, and tell the cure.

    Raises:
        BackupError: it is neither.
    """
    engine = create_engine(_url(name), creator=lambda: _opened(path))
    try:
        with engine.connect() as connection:
            if connection.exec_driver_sql("PRAGMA integrity_check(1)").scalar() != "ok":
                raise BackupError(_with(_("{path} is damaged").format(path=name), cure))
            if not set(inspect(connection).get_table_names()) >= _TABLES:
                raise BackupError(_with(_("{path} is no database of this program").format(path=name), cure))
            yield connection
    except (DBAPIError, sqlite3.Error) as error:
        raise BackupError(_with(_("{path} is damaged, or no database").format(path=name), cure)) from error
    finally:
        engine.dispose()


def _with(message: str, cure: str) -> str:
    """Return both as one sentence; the cure is translated here."""
    return _("{name}: {text}").format(name=message, text=_(cure))


def _opened(path: Path, mode: str = "ro") -> sqlite3.Connection:
    """Return a connection to a file that is there: to the database with "rw", among others; to a backup with "ro".

    A backup to which nobody writes needs no files beside it, so that it may lie where nothing can be written.
    """
    is_still = mode == "ro" and not path.with_name(f"{path.name}-wal").exists()
    query = f"mode={mode}&immutable=1" if is_still else f"mode={mode}"
    return sqlite3.connect(f"{path.absolute().as_uri()}?{query}", PATIENCE, uri=True)


def _url(path: Path) -> URL:
    return URL.create("sqlite", database=str(path))
