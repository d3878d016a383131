"""The house is as CONTRIBUTING.md draws it, and its English keeps the five rules that a test can hold."""

from __future__ import annotations

import ast
import functools
import io
import re
import tokenize
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
BOT = ROOT / "bot"
GUIDE = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
SOURCES = {path: path.read_text(encoding="utf-8") for path in sorted(BOT.rglob("*.py"))}
RIDDLE = re.compile(r"(?:Who|Whoever|What|Whatever)\b")
LONGEST_FILE = 500
LONGEST_README = 220


def test_the_root_holds_the_rooms_alone() -> None:
    """The package, its entry and eleven folders: each is a row of the table of rooms."""
    found = {path.name for path in BOT.iterdir() if path.name != "__pycache__"}
    assert {name for name in found if name.endswith(".py")} == {"__init__.py", "__main__.py"}
    rooms = set(re.findall(r"^\| `(\w+)` \| ", _chapter("The house"), re.MULTILINE))
    assert {name for name in found if "." not in name} == rooms
    assert len(rooms) == 11


def test_every_word_of_the_glossary_names_a_class() -> None:
    """The glossary explains the code's own words; each is defined once."""
    words = re.findall(r"^\| `(\w+)` \| ", _chapter("Glossary"), re.MULTILINE)
    assert len(words) == len(set(words)) >= 20
    assert [word for word in words if len(_definitions().get(word, ())) != 1] == []


def test_no_two_classes_of_different_meaning_share_a_name() -> None:
    """The two platforms mirror each other; apart from them, a name means one thing."""
    shared = {
        name: files
        for name, files in _definitions().items()
        if name[0].isupper() and len(files) > 1 and not all("/platforms/" in file for file in files)
    }
    assert shared == {}


def test_the_way_of_the_data_names_what_there_is() -> None:
    """Each arrow is a class or function of the code, and so is each capitalised thing between two arrows."""
    drawn = re.search(r"```\n(.*?)```", _chapter("The way of the data"), re.DOTALL)
    assert drawn is not None
    named = set(re.findall(r"--(\w+)-->", drawn[1])) | set(re.findall(r"\b[A-Z][a-z]+(?:[A-Z][a-z]+)*\b", drawn[1]))
    assert [name for name in sorted(named) if name not in _definitions()] == []


@pytest.mark.parametrize("platform", ["telegram", "discord"])
def test_the_checklist_for_a_platform_names_files_that_the_platforms_have(platform: str) -> None:
    """Whoever follows the checklist can look each file up where a platform has it already."""
    paths = re.findall(r"`([\w/.]+[/.]\w*)`", _chapter("Adding a platform").replace("NAME", platform))
    assert len(paths) >= 10
    assert [path for path in paths if not (ROOT / path).exists()] == []


def test_every_path_in_the_guide_exists() -> None:
    """The paths that the five answers and the table of rooms name."""
    paths = re.findall(r"`((?:bot|tests|content|bench)/[\w/.]*)`", GUIDE)
    assert len(paths) >= 10
    assert [path for path in paths if "NAME" not in path and not (ROOT / path).exists()] == []


def test_no_docstring_or_comment_is_a_riddle() -> None:
    """None begins with Who, Whoever, What or Whatever: a sentence names the thing that it is about."""
    found = [
        f"{path.relative_to(ROOT)}:{line}: {text[:60]}"
        for path in SOURCES
        # Because a released migration is never edited, its comments stay as they are.
        if "versions" not in path.parts
        for line, text in [*_docstrings(path), *_comments(path)]
        if RIDDLE.match(text)
    ]
    assert found == []


def test_no_file_is_longer_than_one_idea() -> None:
    """At most 500 lines; and the README has at most 220."""
    assert [str(path) for path, text in SOURCES.items() if len(text.splitlines()) > LONGEST_FILE] == []
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= LONGEST_README


def test_no_file_is_imported_by_what_it_imports() -> None:
    """There is no circle between files, imports for the type checker included."""
    arrows = {_module(path): _imported(path) for path in SOURCES}
    left = dict(arrows)
    while free := [name for name, needs in left.items() if not needs & left.keys()]:
        for name in free:
            del left[name]
    assert left == {}


def _chapter(title: str) -> str:
    return GUIDE.partition(f"\n## {title}\n")[2].partition("\n## ")[0]


@functools.cache
def _definitions() -> dict[str, list[str]]:
    """Return the classes and functions of the program by name, with the files that define them."""
    found: dict[str, list[str]] = {}
    for path in SOURCES:
        if BOT / "sandbox" in path.parents:
            continue
        for node in _tree(path).body:
            if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
                found.setdefault(node.name, []).append(str(path))
    return found


@functools.cache
def _tree(path: Path) -> ast.Module:
    # Only when a test asks, because each process of a run collects this file.
    return ast.parse(SOURCES[path])


def _docstrings(path: Path) -> list[tuple[int, str]]:
    """Return every string that stands alone, with its line: of modules, classes, functions and constants."""
    return [
        (node.lineno, node.value.value.lstrip())
        for node in ast.walk(_tree(path))
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
    ]


def _comments(path: Path) -> list[tuple[int, str]]:
    """Return every comment that begins a line or follows code, with its line; the rest of a long one is left out."""
    tokens = tokenize.generate_tokens(io.StringIO(SOURCES[path]).readline)
    found = [(token.start[0], token.string.lstrip("# ")) for token in tokens if token.type == tokenize.COMMENT]
    lines = {line for line, _text in found}
    return [(line, text) for line, text in found if line - 1 not in lines]


def _module(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@functools.cache
def _modules() -> frozenset[str]:
    return frozenset(map(_module, SOURCES))


def _imported(path: Path) -> set[str]:
    """Return the files of the program that this one imports by name."""
    found: set[str] = set()
    for node in ast.walk(_tree(path)):
        if isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                name = f"{node.module}.{alias.name}"
                found.add(name if name in _modules() else node.module)
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
    return (found & _modules()) - {_module(path)}
