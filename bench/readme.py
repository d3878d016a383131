"""The README's tables, as Markdown: ratios, and what was demanded with what was found, missed or not."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from bench.result import Result

RATIOS = ("processor time", "messages/s", "peak memory")
DEMANDS = ("what is demanded", "found", "at most")


def tables(results: Mapping[str, Result], *, own: str) -> str:
    """The tables of a run. Rows whose labels begin with `own` are the bot's, and stand out; so does what was missed."""
    parts = [
        _table(
            (result.title, *RATIOS),
            [(_marked(row[0], is_bold=row[0].startswith(own)), *row[1:]) for row in result.ratios],
        )
        for result in results.values()
        if result.ratios
    ]
    checks = [check for result in results.values() for check in result.checks]
    demands = [
        (check.demand, check.found if check.holds else f"**{check.found}, missed**", check.bound) for check in checks
    ]
    return "\n\n".join([*parts, _table(DEMANDS, demands)]) + "\n"


def _marked(text: str, *, is_bold: bool) -> str:
    return f"**{text}**" if is_bold else text


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (head, ["---"] * len(head), *rows))
