"""What holds for every test."""

import os

import hypothesis
import pytest

# How long an example takes says more about what else the machine does than about the program.
hypothesis.settings.register_profile("untimed", deadline=None)
hypothesis.settings.load_profile("untimed")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """`-n auto` is one worker more than there are cores: many tests wait for a clock that the platforms set."""
    return (os.cpu_count() or 1) + 1


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--golden` writes the files of `tests/commands/golden` anew."""
    parser.addoption("--golden", action="store_true", help="write the transcripts of what the bot says anew")
