"""The health of a bot, as another process sees it in the heartbeat, without loading what runs a ledger."""

import datetime as dt
import json
import sqlite3
from contextlib import closing
from pathlib import Path

from bot.model.i18n import gettext as _
from bot.model.i18n import spoken
from bot.model.problems import reason_of
from bot.storage.clock import SteadyClock
from bot.storage.lock import DeliveryLock

BEAT_EVERY = 30.0
"""Seconds between two heartbeats, each of which is a write of the ledger."""
LATE = 3 * BEAT_EVERY
"""Seconds without a heartbeat after which a bot that runs does not work: a busy disk may delay one."""

_BEAT = "SELECT process, wall, boot, uptime, troubles FROM heartbeat"


def troubles_of(database: Path) -> list[str]:
    """Return a sentence for each trouble of the bot that delivers from the database; none if it is healthy."""
    try:
        if not database.exists():
            return [_("There is no database at {database}.").format(database=database)]
        if not DeliveryLock(database).is_held():
            return [_("The bot is not running: `recap run` starts it.")]
        with closing(sqlite3.connect(f"{database.absolute().as_uri()}?mode=ro", uri=True)) as connection:
            row = connection.execute(_BEAT).fetchone()
    except (OSError, sqlite3.Error) as error:
        # By its code, because SQLite's sentences are English.
        reason = getattr(error, "sqlite_errorname", reason_of(error))
        return [_("The database cannot be read ({error}).").format(error=reason)]
    if row is None or not row[0]:
        return [_("The bot has not begun to deliver.")]
    _process, wall, boot, uptime, troubles = row
    clock = SteadyClock()
    ago = clock.elapsed().total_seconds() - uptime
    if boot != clock.boot or ago < 0:
        ago = (clock.wall() - dt.datetime.fromisoformat(wall).replace(tzinfo=dt.UTC)).total_seconds()
    if ago > LATE:
        return [
            _("The bot has written nothing for {ago:.0f} s: it stands still, or the database takes no writes.").format(
                ago=ago
            )
        ]
    return [spoken().retell(trouble) for trouble in json.loads(troubles)]
