"""Very many subscriptions, made in no time: `python -m bench.people DATABASE NUMBER`."""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING

from bot.storage.database import Database
from bot.storage.tables import subscriptions

if TYPE_CHECKING:
    from sqlalchemy import Connection


async def multiply(url: str, people: int) -> None:
    """Make of the one subscription that many, each of a chat of its own."""
    names = [column.name for column in subscriptions.columns if column.name != "id"]
    values = ["CAST(number AS TEXT)" if name == "chat" else name for name in names]

    def step(connection: Connection) -> None:
        connection.exec_driver_sql(
            "WITH RECURSIVE numbers(number) AS"  # noqa: S608 - the names are the table's own
            f" (SELECT 2 UNION ALL SELECT number + 1 FROM numbers WHERE number < {people})"
            f" INSERT INTO subscriptions ({', '.join(names)}) SELECT {', '.join(values)} FROM subscriptions, numbers"
        )

    database = await Database.open(url)
    try:
        await database.write(step)
    finally:
        await database.close()


if __name__ == "__main__":
    asyncio.run(multiply(sys.argv[1], int(sys.argv[2])))
