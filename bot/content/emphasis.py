"""Emphasis that is not closed: the signs of bold, italic or strike that a chat would show as they stand."""

from __future__ import annotations

import itertools
import re
from typing import TYPE_CHECKING, NamedTuple

from bot.content.richtext import USUAL, RichText, markdown
from bot.model.problems import Mistakes

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from markdown_it.rules_inline import StateInline
    from markdown_it.rules_inline.state_inline import Delimiter
    from markdown_it.token import Token

    from bot.model.document import Spans

# A backslash may have taken one of two signs that look like a pair.
_SIGNS = re.compile(r"[*_\\]|~~")
_LEFT_OVER = "left over"
"""Where the parser's environment holds what was found."""
_CENSORED = 3
"""Stars from which they stand for letters, as in `p***n`."""
# In an address, and in a name such as @_lea, a sign is a letter like any other.
_IN_A_NAME = re.compile(r"(?:://\S*|@)$")
_BREAKS = frozenset({"softbreak", "hardbreak"})


class _LeftOver(NamedTuple):
    """Signs without a partner, `below` so many lines under the first of their paragraph."""

    below: int
    signs: str
    opens: bool


def may_be_unclosed(text: str) -> bool:
    """Whether there are signs in a text besides those that can only be read in one way, which spares most texts."""
    return _SIGNS.search(USUAL.sub("", text)) is not None


class EmphasisReader(RichText):
    """Reads the Markdown of one file for nothing but this; what it finds goes to `unclosed`."""

    def __init__(self, text: str, path: Path) -> None:
        super().__init__(text, Mistakes(path))
        self.unclosed = Mistakes(path)

    def spans(self, content: str, line: int) -> Spans:
        """The text as it is read anywhere else, looked at on the way."""
        if may_be_unclosed(content):
            found: list[_LeftOver] = []
            _INLINES.parseInline(content, self._environment | {_LEFT_OVER: found})
            for below, signs, opens in dict.fromkeys(found):
                what, where = ("not closed", "after its last") if opens else ("opened nowhere", "before its first")
                escaped = "".join(f"\\{sign}" for sign in signs)
                self.unclosed.add(
                    line + below,
                    f"'{signs}' is {what} and would be shown as it stands",
                    f"Write '{signs}' right {where} word too, in the same paragraph; '{escaped}' is the sign itself",
                )
        return super().spans(content, line)


def _note(state: StateInline) -> None:
    """Put into the environment which signs the parser has found no partner for: a rule of the parser."""
    inner = (meta["delimiters"] for meta in state.tokens_meta if meta and "delimiters" in meta)
    for delimiters in (state.delimiters, *inner):
        for run in _runs(delimiters):
            if _is_meant(run, state.tokens):
                below = sum(token.type in _BREAKS for token in state.tokens[: run[0].token])
                signs = "".join(state.tokens[each.token].content for each in run)
                state.env[_LEFT_OVER].append(_LeftOver(below, signs, run[0].open))


def _runs(delimiters: Sequence[Delimiter]) -> Iterator[list[Delimiter]]:
    """The signs without a partner, those together that stand side by side."""
    closing = {each.end for each in delimiters}
    alone = (each for at, each in enumerate(delimiters) if each.end < 0 and at not in closing)
    for _key, run in itertools.groupby(enumerate(alone), lambda item: (item[1].marker, item[1].token - item[0])):
        yield [each for _at, each in run]


def _is_meant(run: Sequence[Delimiter], tokens: Sequence[Token]) -> bool:
    """Whether somebody meant emphasis: no footnote*, étudiant*es, p***n, snake_case, name_, @_name, 3 * 4, ^_^."""
    first, token = run[0], tokens[run[0].token]
    if not (first.open or first.close):
        return False
    if 0 < len(run) < first.length:
        # The others of its run have a partner, as in *this**.
        return True
    before = "".join(each.content for each in tokens[: first.token] if each.type == "text")
    if _IN_A_NAME.search(before):
        return False
    is_pair = token.content == "~~" or 1 < len(run) < _CENSORED
    return is_pair or not first.close


_INLINES = markdown()
_INLINES.inline.ruler2.after("balance_pairs", "unclosed", _note)
