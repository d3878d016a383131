"""The pieces of a notice to the admins. Pure."""

from collections.abc import Sequence

from bot.model.document import Block, Button, Note, Paragraph, Span, titled
from bot.model.problems import Problem
from bot.storage.records import Notice

LONGEST_LIST = 5
"""Mistakes shown in one notice; `recap check` shows all."""


def as_notice(
    title: str, *blocks: Block, episode: int = 0, alarming: bool = True, buttons: tuple[Button, ...] = ()
) -> Notice:
    """Return the notice with this title above the blocks, about this episode."""
    return Notice(titled(title, blocks, buttons), episode, alarming)


def paragraph(text: str, **values: object) -> Paragraph:
    """Return the sentence, with its values, as a paragraph."""
    return Paragraph((Span(text.format(**values)),))


def small_print(text: str, **values: object) -> Note:
    """Return the sentence, with its values, as small print."""
    return Note((Span(text.format(**values)),))


def first_problems(problems: Sequence[Problem]) -> list[str]:
    """Return the first of the problems as lines, and a sign if there are more."""
    lines = [str(problem) for problem in problems[:LONGEST_LIST]]
    return [*lines, "…"] if len(problems) > LONGEST_LIST else lines
