"""The bot's whole path around a sender that sends nothing: with metrics, without, or with no place for them at all."""

# ruff: noqa: SLF001 - the places to take out are private ones
from __future__ import annotations

import datetime as dt
import inspect
import textwrap
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from bench.pipeline import Around, push
from bot.delivery import outbox
from bot.model.subscription import PlatformName
from bot.storage.database import Database

if TYPE_CHECKING:
    from bench.block import Block
    from bot.delivery.worker import Worker
    from bot.storage.ledger import Ledger

TELEGRAM = PlatformName("telegram")
SEAM = """\
        if (observer := self._pacer.observer) is not None:
            observer.recorded(outcomes)
"""
"""The lines of the outbox that the metrics alone need."""


async def main(block: Block) -> None:
    """Push to nobody, with metrics "on", "off", or "out" of the program."""
    metrics = block.options["metrics"]
    if metrics == "out":
        take_out()
    await push(block, Around(TELEGRAM), begin=listen if metrics == "on" else None)


def take_out() -> None:
    """Leave the metrics no place to listen at, in this process."""
    Database._run = Database._in_turn  # type: ignore[method-assign]
    source = textwrap.dedent(inspect.getsource(outbox.Outbox._taking_outcomes))
    if SEAM not in source:
        raise SystemExit("the outbox tells the metrics of its outcomes in other lines than these")
    names = dict(vars(outbox))
    exec(source.replace(SEAM, ""), names)  # noqa: S102 - the program's own source
    outbox.Outbox._taking_outcomes = names["_taking_outcomes"]  # type: ignore[method-assign]


def listen(ledger: Ledger, worker: Worker) -> None:
    """Count as a bot with metrics does."""
    from bot.runtime.monitor import Exporter  # noqa: PLC0415 - a library that a bot without metrics does not load

    nothing: Any = SimpleNamespace(standings=())
    connection: Any = SimpleNamespace(pacer=worker._pacer)
    Exporter(ledger, {TELEGRAM: connection}, nothing, lambda: dt.datetime.now(dt.UTC))
