"""Where the commands' output goes: terminals that know few signs, full disks, closed pipes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.world import CONTENT

FULL = Path("/dev/full")


def recap(
    arguments: str, stdout: int = subprocess.PIPE, environment: dict[str, str] | None = None
) -> subprocess.CompletedProcess[bytes]:
    """The command as a process of its own, beside the real episodes."""
    return subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-m", "bot", *arguments.split()],
        cwd=CONTENT.parent,
        env=os.environ | (environment or {}),
        stdout=stdout,
        stderr=subprocess.PIPE,
        check=False,
    )


@pytest.mark.parametrize(
    ("environment", "said"),
    [
        ({"PYTHONIOENCODING": "latin-1"}, "\xa0: dis-moi ce que tu écoutes".encode("latin-1")),
        (
            {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
            b"Instagram et Spotify : dis-moi ce que tu ecoutes",
        ),
    ],
    ids=["latin-1", "no locale"],
)
def test_what_a_terminal_cannot_show_is_replaced(environment: dict[str, str], said: bytes) -> None:
    """By letters without accents and plain marks, or else by question marks; nothing ends in an error."""
    shown = recap("preview 1206", environment=environment)
    assert (shown.returncode, shown.stderr) == (0, b"")
    assert b"of 4096 characters" in shown.stdout
    assert said in shown.stdout
    assert b"?" in shown.stdout


def test_json_is_the_same_in_every_encoding() -> None:
    """Programs get every sign: escaped, where the encoding does not have it."""
    everywhere, here = (
        json.loads(recap("list --json", environment={"PYTHONIOENCODING": name}).stdout.decode(name))
        for name in ("utf-8", "ascii")
    )
    assert here == everywhere


@pytest.mark.skipif(not FULL.exists(), reason="only Linux has a file that is always full")
@pytest.mark.parametrize("arguments", ["list", "preview --json"])
def test_output_that_cannot_be_written_is_told(arguments: str) -> None:
    """In one sentence, with the reason; the shell learns that it failed."""
    with FULL.open("wb") as full:
        failed = recap(arguments, stdout=full.fileno())
    assert failed.returncode == 1
    assert failed.stderr.decode().splitlines() == [
        "Error: the output could not be written (No space left on device): write it elsewhere"
    ]


@pytest.mark.parametrize("arguments", ["list", "preview --json"])
def test_a_closed_pipe_is_nothing_to_talk_about(arguments: str) -> None:
    """Whoever reads the beginning only, as `head` does, sees no error."""
    reader, writer = os.pipe()
    os.close(reader)
    failed = recap(arguments, stdout=writer)
    os.close(writer)
    assert failed.stderr == b""
