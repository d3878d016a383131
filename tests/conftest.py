"""What holds for every test."""

import functools
import gc
import logging
import os
import warnings
from collections.abc import Iterator
from typing import Any

import hypothesis
import pytest
from hypothesis import strategies as st
from hypothesis.errors import HypothesisSideeffectWarning
from sqlalchemy import Connection, Engine
from sqlalchemy.engine.default import DefaultDialect
from sqlalchemy.util import LRUCache

from bot.cli import console
from bot.content import folder, parser
from bot.storage.tables import metadata

# The tests read English, in processes of their own too; those about languages choose one.
os.environ["RECAP_LANG"] = "en"

# How long an example takes says more about what else the machine does than about the program. Because the suite is to
# take less than ten minutes on two cores, fewer examples are tried than hypothesis would. Where many depend on the
# answer, it is the same each time; a developer's run looks further.
hypothesis.settings.register_profile("ours", deadline=None, max_examples=12, derandomize="CI" in os.environ)
hypothesis.settings.load_profile("ours")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """`-n auto` is three workers a core: tests wait half of their time for a clock that platforms set."""
    return 3 * (os.cpu_count() or 1)


def pytest_configure() -> None:
    """Let hypothesis learn which characters there are before there are workers, each of which would else learn it.

    That takes over a second, and is kept in a file.
    """
    with warnings.catch_warnings():
        # It warns of what makes a start slow, and here a slow start makes a fast run.
        warnings.simplefilter("ignore", HypothesisSideeffectWarning)
        st.characters(codec="utf-8").validate()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the tests that take minutes, which the whole run would else wait for at its end."""
    items.sort(key=lambda item: "endurance" not in item.nodeid)


def pytest_collection_finish() -> None:
    """Take what was imported and collected out of the garbage collector's sight.

    Else each of its looks goes over thousands of tests, which costs a sixth of the suite's time.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000)


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--golden` writes the files of `tests/commands/golden` anew."""
    parser.addoption("--golden", action="store_true", help="write the transcripts of what the bot says anew")


@pytest.fixture(autouse=True, scope="session")
def _done_once() -> Iterator[None]:
    """Do once what hundreds of tests begin with, each at the cost of a small test.

    That is to read an episode file of the same text, to write SQLite's tables as statements, and to compile a query.
    SQLAlchemy keeps compiled queries by engine and dialect; here engines share them, and dialects of a kind are equal.
    """
    create_all, made = metadata.create_all, list[str]()

    def create(connection: Connection) -> None:
        for statement in made if connection.dialect.name == "sqlite" else ():
            connection.exec_driver_sql(statement)
        if not made or connection.dialect.name != "sqlite":
            create_all(connection)
        if not made and connection.dialect.name == "sqlite":
            ours = "SELECT sql FROM sqlite_master WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite_%'"
            made.extend(connection.exec_driver_sql(ours).scalars())

    init, compiled = Engine.__init__, LRUCache[Any, Any](5000)

    def with_shared(engine: Engine, *arguments: Any, **options: Any) -> None:  # noqa: ANN401 - the library's own
        init(engine, *arguments, **options)
        engine._compiled_cache = compiled

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(folder, "parse_episode", functools.lru_cache(maxsize=64)(parser.parse_episode))
        patch.setattr(metadata, "create_all", create)
        patch.setattr(Engine, "__init__", with_shared)
        patch.setattr(DefaultDialect, "__hash__", lambda dialect: hash(type(dialect)))
        patch.setattr(DefaultDialect, "__eq__", lambda dialect, other: type(dialect) is type(other))
        yield


@pytest.fixture(autouse=True)
def own_logs() -> Iterator[None]:
    """What a command does to the logs and consoles of its process ends with its test."""
    loggers = (logging.getLogger(), logging.getLogger("bot"))
    before = [(logger.level, logger.handlers[:]) for logger in loggers]
    yield
    for logger, (level, handlers) in zip(loggers, before, strict=True):
        logger.setLevel(level)
        logger.handlers[:] = handlers
    # A console keeps the width that it was made for.
    console.out.cache_clear()
