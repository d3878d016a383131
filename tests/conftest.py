"""What holds for every test."""

import os


def pytest_xdist_auto_num_workers() -> int:
    """`-n auto` is one worker more than there are cores: many tests wait for a clock that the platforms set."""
    return (os.cpu_count() or 1) + 1
