"""Whatever bytes a file holds, its reader gives what they say or sentences, and soon."""

from __future__ import annotations

import contextlib
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.content.archive import Archive
from bot.content.parser import parse_episode
from bot.content.review import review
from bot.model.i18n import Language
from bot.model.problems import InvalidInputError, Problem
from bot.notes.feed import notes_from_feed
from bot.notes.reading import read_notes
from bot.platforms.registry import load, renderers
from tests.notes.drafting import HERE, PARIS

ROOT = Path(__file__).parent.parent
PATIENCE = 4.0
"""Seconds of the processor for one file, on a slow machine."""

PIECES = [
    *(
        piece.encode()
        for piece in ("", "\n", "\n\n", "#", "# ", "---\n", "```", "](", "https://", "<b>", "- ", "> ", ": ")
    ),
    *(
        piece.encode()
        for piece in ("[", "]", "{", "}", '"', "'", "=", "\\", "&a ", "*a", "<<: ", "!!int ", "é", "\u202e")
    ),
    *(b"\0", b"\xff\xfe", b"\xed\xa0\x80", b"\xc3", b"\r", b"2024-13-45", b"9" * 5000, b"1e999", b"&#0;", b"http://["),
    *(
        b"[" * 1500,
        b'{"a":' * 1500,
        b"{a=" * 1500,
        b"> " * 1500,
        b"*a **b " * 700,
        b"- " * 700,
        b"<div>" * 700,
        b"](" * 700,
    ),
    *(
        b"[[schedules]]\n",
        b"[telegram]\n",
        b"## ",
        b"Sources :\n",
        b"<item>",
        b"<![CDATA[",
        b"=?utf-8?q?=00?=",
        b"\\u0000",
    ),
]
"""What may come into a good file."""


def read_config(data: bytes, folder: Path) -> Sequence[Problem]:
    """Load a config, and a variable that holds the same."""
    (path := folder / "config.toml").write_bytes(data)
    value = data[:3000].decode("utf-8", "replace").replace("\0", "")
    environ = {"RECAP_TOPICS": value} if data[:1] in {b"[", b"{"} else {}
    load(path, environ)
    return ()


def read_episode(data: bytes, folder: Path) -> Sequence[Problem]:
    """Load a folder with the episode, and look it through as `recap check` does, on both platforms."""
    (folder / "1207.md").write_bytes(data)
    archive = Archive.load(folder, {})
    return [*archive.problems, *review(archive, folder, Language.FRENCH, renderers())]


def read_feed(data: bytes, _folder: Path) -> Sequence[Problem]:
    """Read a feed."""
    notes_from_feed(data, Path("feed.xml"), None, PARIS)
    return ()


def read_raw(data: bytes, _folder: Path) -> Sequence[Problem]:
    """Read notes of whatever format."""
    read_notes(data, Path("notes.html" if data[:1] == b"<" else "notes.md"))
    return ()


EXAMPLE = (ROOT / "config.example.toml").read_bytes()
NOTES = [path for path in (*HERE.iterdir(), *(HERE / "hands").iterdir()) if path.suffix not in {"", ".py", ".yaml"}]
READERS: dict[str, tuple[Callable[[bytes, Path], Sequence[Problem]], Sequence[bytes]]] = {
    "config": (read_config, [EXAMPLE, EXAMPLE.replace(b"\n#", b"\n"), b'[telegram]\ntoken = "123456:AAHdqTcvCH"\n']),
    "episode": (read_episode, [path.read_bytes() for path in sorted((ROOT / "content").glob("1*.md"))]),
    "notes": (read_raw, [path.read_bytes() for path in sorted(NOTES)]),
    "feed": (read_feed, [(HERE / "feed.xml").read_bytes()]),
}


@st.composite
def damaged(draw: st.DrawFn, seeds: Sequence[bytes]) -> bytes:
    """A good file with pieces taken out, doubled, reversed, or replaced by what may be hostile."""
    data = bytearray(draw(st.sampled_from(seeds)))
    for _ in range(draw(st.integers(1, 5))):
        start = draw(st.integers(0, len(data)))
        end = min(len(data), start + draw(st.sampled_from((0, 1, 5, 30))))
        piece = bytes(data[start:end])
        data[start:end] = draw(st.sampled_from([*PIECES, piece * 2, piece[::-1]]) | st.binary(max_size=4))
    return bytes(data)


@pytest.mark.parametrize("kind", READERS)
@settings(suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_any_bytes_are_read_or_refused_in_sentences(kind: str, data: st.DataObject) -> None:
    """A mistake names the file and fits on a screen; nothing else than mistakes comes out."""
    read, seeds = READERS[kind]
    content = data.draw(damaged(seeds) | st.binary(max_size=40) | st.sampled_from(PIECES))
    with tempfile.TemporaryDirectory() as folder:
        begin = time.process_time()
        try:
            told = read(content, Path(folder))
        except InvalidInputError as error:
            told = error.problems
            assert told
        assert time.process_time() - begin < PATIENCE
    for problem in told:
        assert problem.message
        assert problem.cure
        assert "Traceback" not in str(problem)


HEAD = "---\nnumber: 1207\ntitle: Un titre\ndate: 2024-11-04\n---\n\n## Un sujet\n\n"
DEEP = {
    "quotes": "> " * 5000 + "a",
    "lists": "- " * 5000 + "a",
    "lists of lines": "".join("  " * depth + "- a\n" for depth in range(200)),
    "brackets": "[" * 5000 + "a" + "]" * 5000,
    "links": "[a](" * 5000,
    "images": "![" * 2000 + "a" + "](https://example.org/a)" * 2000,
    "divisions": "<div>" * 5000,
    "stars": "*a **b " * 5000,
    "signs": "*a _b " * 4000 + "_ *" * 4000,
    "addresses": "https://example.org/" + "*a" * 10_000,
}


@pytest.mark.parametrize("name", DEEP)
def test_marks_in_marks_are_read_in_a_time_that_grows_with_their_length(name: str) -> None:
    """However deep they stand in each other."""
    begin = time.process_time()
    with contextlib.suppress(InvalidInputError):
        parse_episode(f"{HEAD}{DEEP[name]}\n", Path("1207.md"))
    assert time.process_time() - begin < PATIENCE
