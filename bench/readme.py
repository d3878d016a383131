"""The page of the benchmark's figures: a section for each scenario, which a run of that scenario writes anew."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from bench.result import Result

RATIOS = ("processor time", "messages/s", "peak memory")
DEMANDS = ("demanded", "found", "at most")


def page(text: str, results: Mapping[str, Result], *, own: str) -> str:
    """Return the page with the sections of these scenarios replaced.

    Rows whose labels begin with `own` are the bot's and stand in bold, and so does a demand that was missed.

    Raises:
        ValueError: The page has no section for one of the scenarios.
    """
    for name, result in results.items():
        begin, end = f"<!-- {name} -->\n", f"<!-- end of {name} -->"
        before, _, rest = text.partition(begin)
        _, closed, after = rest.partition(end)
        if not closed:
            raise ValueError(f"the page has no section for {name}")
        text = f"{before}{begin}{_section(result, own)}\n{end}{after}"
    return text


def _section(result: Result, own: str) -> str:
    parts = [f"## {result.title}"]
    if result.ratios:
        rows = [(_bold(row[0], when=row[0].startswith(own)), *row[1:]) for row in result.ratios]
        parts.append(_table(("", *RATIOS), rows))
    demands = [
        (check.demand, check.found if check.holds else _bold(f"{check.found}, missed", when=True), check.bound)
        for check in result.checks
    ]
    return "\n\n".join([*parts, _table(DEMANDS, demands)])


def _bold(text: str, *, when: bool) -> str:
    return f"**{text}**" if when else text


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (head, ["---"] * len(head), *rows))
