"""Every regular expression of the program, on text that is made to be slow for it.

The text repeats what a repetition of the expression takes, between what may come before and a sign that may not come
after. An expression that reads a repeated piece in two ways doubles its time with each; one that begins anew at every
place takes the square of the length.
"""

from __future__ import annotations

import ast
import contextlib
import functools
import importlib
import itertools
import pkgutil
import random
import re
import signal
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple, TypeAlias

import pytest

import bot
from bot.content.office import _OTHER_FILES
from bot.platforms.telegram.errors import _MEANINGS

Tree: TypeAlias = Sequence[tuple[Any, Any]]

# The library's parser of expressions, and the names of their parts, are undocumented.
parser: Any = importlib.import_module("re._parser")
parts: Any = importlib.import_module("re._constants")

PATIENCE = 0.25
"""Seconds of the processor for one text: a slow machine takes a tenth for the longest, and many for its square."""
LONG = 8_000
SHORT = 28
"""Repetitions that take minutes if each doubles the time."""
SHORT_TEXTS, LONG_TEXTS = 10, 2
"""Texts that are tried for each repetition in an expression."""
LETTERS = "aé Z7_.,:;-'\"#*\n\t()[]<>/|!?@&=+~`\\\u00a0•…’🎉\ufe0f\u20e3xs1"
ENDS = ("", "\x00", "x")

MADE: Mapping[str, Sequence[str]] = {
    "re.match(pattern, line)": [
        r"\s*\[\[\s*show\s*\]\]",
        r"\s*\[{1,2}\s*show\s*\]|\s*show\s*=",
        r"\s*[\"']?a[\"']?\s*=",
    ],
    "re.match(pattern, beginning)": [pattern for pattern, _what, _cure in _OTHER_FILES],
    "re.sub(f'{backticks}(?=`)|\\\\](?=\\\\()', f'\\\\g<0>{_APART}', code)": [r"```(?=`)|\](?=\()"],
    "re.search(f'{sign}([^{re.escape(signs[0])}]+){sign}', self._lines[self._line])": [
        r"\*\*([^\*]+)\*\*",
        r"_([^_]+)_",
    ],
    "re.fullmatch('(.+)'.join(map(re.escape, parts)), text)": [r"the\ file\ (.+)\ is\ like\ (.+)"],
    "re.search(words, error.message, re.IGNORECASE)": list(_MEANINGS.values()),
}
"""The expressions of calls whose expression is no constant."""


class Use(NamedTuple):
    """An expression with a method that the program calls on it."""

    pattern: re.Pattern[Any]
    method: str


def _modules() -> Iterator[ModuleType]:
    for found in pkgutil.walk_packages(bot.__path__, "bot."):
        if found.name not in {"bot.__main__", "bot.storage.migrations.env"}:
            yield importlib.import_module(found.name)


def _kept_in(value: object) -> Iterator[re.Pattern[Any]]:
    if isinstance(value, re.Pattern):
        yield value
    elif isinstance(value, tuple | list | frozenset):
        yield from itertools.chain.from_iterable(map(_kept_in, value))
    elif isinstance(value, dict):
        yield from itertools.chain.from_iterable(map(_kept_in, value.values()))


def _method(names: set[str]) -> str:
    # A search begins at every place, so it is the hardest use.
    return "match" if names <= {"match"} else "fullmatch" if names <= {"fullmatch"} else "finditer"


def _all_uses() -> Iterator[tuple[str, Use]]:  # noqa: C901 - one case for each way to write an expression
    """Yield every expression of the program with its place and its hardest use."""
    # The methods that the program calls on each expression that has a name.
    calls: dict[re.Pattern[Any], set[str]] = {}
    for module in _modules():
        tree = ast.parse(Path(str(module.__file__)).read_text())
        for node in ast.walk(tree):
            match node:
                case ast.Attribute(value=ast.Name(id=name), attr=method):
                    if isinstance(pattern := vars(module).get(name), re.Pattern) and method != "pattern":
                        calls.setdefault(pattern, set()).add(method)
                case ast.Call(func=ast.Attribute(value=ast.Name(id="re"), attr=method), args=[written, *_]):
                    if method not in {"compile", "escape"}:
                        for text in MADE.get(ast.unparse(node)) or [ast.literal_eval(written)]:
                            yield f"{module.__name__}:{node.lineno}", Use(re.compile(text), _method({method}))
    for module in _modules():
        for name, value in vars(module).items():
            for pattern in _kept_in(value):
                yield f"{module.__name__}.{name}", Use(pattern, _method(calls.get(pattern, {"search"})))


def _sample(tree: Tree, chance: random.Random) -> str:
    """Return a text that the expression takes, at least nearly."""
    return "".join(_piece(kind, value, chance) for kind, value in tree)


def _piece(kind: object, value: Any, chance: random.Random) -> str:  # noqa: ANN401 - whatever the parser gives
    if kind is parts.LITERAL:
        return chr(value)
    if kind is parts.NOT_LITERAL:
        return chance.choice(LETTERS.replace(chr(value), ""))
    if kind is parts.ANY:
        return chance.choice(LETTERS.replace("\n", ""))
    if kind is parts.IN:
        return chance.choice(_letters(tuple(value)))
    if kind is parts.BRANCH:
        return _sample(chance.choice(value[1]), chance)
    if kind is parts.SUBPATTERN:
        return _sample(value[3], chance)
    if kind is parts.ATOMIC_GROUP:
        return _sample(value, chance)
    if kind in REPEATS:
        least, most, repeated = value
        return "".join(_sample(repeated, chance) for _ in range(min(least + chance.randrange(3), int(most), 5)))
    return ""


REPEATS = {parts.MAX_REPEAT, parts.MIN_REPEAT, parts.POSSESSIVE_REPEAT}
_CATEGORIES: Mapping[object, Callable[[str], bool]] = {
    parts.CATEGORY_DIGIT: str.isdigit,
    parts.CATEGORY_NOT_DIGIT: lambda letter: not letter.isdigit(),
    parts.CATEGORY_SPACE: str.isspace,
    parts.CATEGORY_NOT_SPACE: lambda letter: not letter.isspace(),
    parts.CATEGORY_WORD: lambda letter: letter.isalnum() or letter == "_",
    parts.CATEGORY_NOT_WORD: lambda letter: not letter.isalnum() and letter != "_",
}
_Item: TypeAlias = tuple[object, Any]


@functools.cache
def _letters(items: tuple[_Item, ...]) -> str:
    """Return letters of a class in square brackets."""
    named = {chr(value) for kind, value in items if kind is parts.LITERAL}
    named |= {chr(edge) for kind, value in items if kind is parts.RANGE for edge in value}
    negated = items[0][0] is parts.NEGATE
    return "".join(
        letter for letter in sorted({*LETTERS, *named}) if any(_has(item, letter) for item in items) != negated
    )


def _has(item: _Item, letter: str) -> bool:
    kind, value = item
    if kind is parts.LITERAL:
        return bool(ord(letter) == value)
    if kind is parts.RANGE:
        return bool(value[0] <= ord(letter) <= value[1])
    return kind is parts.CATEGORY and bool(_CATEGORIES[value](letter))


def _repetitions(tree: Tree, before: Tree = ()) -> Iterator[tuple[Tree, Tree]]:
    """Yield what each long repetition in the expression repeats, after what comes before it."""
    for at, (kind, value) in enumerate(tree):
        left = [*before, *list(tree)[:at]]
        inner: list[Tree] = []
        if kind in REPEATS:
            inner = [value[2]]
            if value[1] > SHORT:
                yield left, value[2]
        elif kind is parts.BRANCH:
            inner = value[1]
        elif kind is parts.SUBPATTERN:
            inner = [value[3]]
        elif kind is parts.ATOMIC_GROUP:
            inner = [value]
        elif kind in {parts.ASSERT, parts.ASSERT_NOT}:
            inner = [value[1]]
        for each in inner:
            yield from _repetitions(each, left)


def _hostile(pattern: re.Pattern[Any]) -> Iterator[str]:
    """Yield texts that are made to be slow for the expression."""
    source = pattern.pattern if isinstance(pattern.pattern, str) else pattern.pattern.decode("latin-1")
    chance = random.Random(source)  # noqa: S311 - guards nothing
    flags = pattern.flags if isinstance(pattern.pattern, str) else pattern.flags | re.ASCII
    for before, repeated in _repetitions(parser.parse(source, flags)):
        for number in range(SHORT_TEXTS):
            piece = _sample(repeated, chance) or "a"
            for end in ENDS:
                yield _sample(before, chance) + piece * SHORT + end
                if number < LONG_TEXTS and end != "\x00":
                    yield _sample(before, chance) + piece * (LONG // len(piece)) + end


def test_each_expression_is_fast_on_text_made_to_be_slow_for_it() -> None:
    """In a time that grows with the length alone."""
    # One test for all, because to find them costs more than to try them.
    uses = {use: where for where, use in _all_uses()}
    with _limited() as begin:
        for use, where in uses.items():
            for text in _hostile(use.pattern):
                given = text if isinstance(use.pattern.pattern, str) else text.encode(errors="replace")
                begin(where)
                found = getattr(use.pattern, use.method)(given)
                if use.method == "finditer":
                    list(found)


@contextlib.contextmanager
def _limited() -> Iterator[Callable[[str], None]]:
    """Begin anew the time after which the test fails for an expression, even inside the expression."""
    at = ""

    def fail(*_signal: object) -> None:
        pytest.fail(f"too slow: {at}")

    def begin(where: str) -> None:
        nonlocal at
        at = where
        signal.setitimer(signal.ITIMER_VIRTUAL, PATIENCE)

    before = signal.signal(signal.SIGVTALRM, fail)
    try:
        yield begin
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)
