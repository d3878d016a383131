"""The episodes that somebody may mean who did not write just the number."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rapidfuzz import fuzz, process

from bot.model.text import fold, fold_words

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bot.commands.request import CommandContext
    from bot.model.episode import Episode

NEAR_TITLE = 70.0
"""How alike, out of 100, a title must be to what was typed to be taken for a misspelling of it."""
MOST_NEAR = 10
"""Episodes with such a title, at most."""


def episodes_with(context: CommandContext, typed: str) -> list[Episode]:
    """Those whose number begins so, whose title holds the words, or one of whose subjects does; the best first."""
    archive = context.archive()
    published = archive.published(context.today)
    number = typed.strip().lstrip("#")
    found = [each for each in published if str(each.number) == number]
    found += (each for each in published if str(each.number).startswith(number))
    pieces = fold_words(typed)
    if pieces and not number.isdecimal():
        found += (each for each in published if _begin(pieces, fold_words(each.title)))
        found += (episode for episode, _segment in archive.search(typed, context.today))
    return _once(found)


def episodes_near(context: CommandContext, typed: str) -> list[Episode]:
    """Those with a title like it, the likest first."""
    published = context.archive().published(context.today)
    titles = {index: fold(each.title) for index, each in enumerate(published)}
    near = process.extract(fold(typed), titles, scorer=fuzz.partial_ratio, score_cutoff=NEAR_TITLE, limit=MOST_NEAR)
    return [published[index] for _title, _score, index in near]


def _begin(typed: list[str], title: list[str]) -> bool:
    """Whether each of the words that were typed begins one of the title."""
    return all(any(word.startswith(piece) for word in title) for piece in typed)


def _once(episodes: Iterable[Episode]) -> list[Episode]:
    return list({episode.number: episode for episode in episodes}.values())
