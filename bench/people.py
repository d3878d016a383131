"""Very many subscriptions, made in no time: `python -m bench.people DATABASE NUMBER`."""

from __future__ import annotations

import contextlib
import sqlite3
import sys
from pathlib import Path


def multiply(path: Path, people: int) -> None:
    """Make of the one subscription that many, each of a chat of its own."""
    with contextlib.closing(sqlite3.connect(path)) as connection, connection:
        names = [row[1] for row in connection.execute("PRAGMA table_info(subscriptions)") if row[1] != "id"]
        values = ["CAST(number AS TEXT)" if name == "chat" else f'"{name}"' for name in names]
        columns = ", ".join(f'"{name}"' for name in names)
        connection.execute(
            f"WITH RECURSIVE numbers(number) AS (SELECT 2 UNION ALL SELECT number + 1 FROM numbers WHERE number < ?)"  # noqa: S608 - the names are the table's own
            f" INSERT INTO subscriptions ({columns}) SELECT {', '.join(values)} FROM subscriptions, numbers",
            (people,),
        )


if __name__ == "__main__":
    multiply(Path(sys.argv[1]), int(sys.argv[2]))
