"""`python -m bench`: measures the bot beside what else there is, on this machine, in one run.

Needs `pip install -e '.[bench]'`, and for aiogram the network once. The figures of one run can be compared with each
other; those of two runs on a busy machine cannot.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

from bench import plot, readme
from bench.processes import cores, stand_in
from bench.scenarios import pace, scale, throughput, waiting

if TYPE_CHECKING:
    from collections.abc import Callable

    from bench.processes import StandIn
    from bench.result import Result

    Scenario = Callable[[StandIn, argparse.Namespace], Result]

QUICK, FULL = 100, 5_000
"""Messages in a block."""
OWN = "Monday Recap"
"""What the labels of the bot's own rows begin with."""
PAGE = Path(__file__).with_name("README.md")
"""The page with the figures that are published."""
WIDE = 160
"""Columns that the tables take where nobody looks at them directly."""

SCENARIOS: dict[str, Scenario] = {
    "telegram": lambda place, given: throughput.telegram(
        place, messages=QUICK if given.quick else FULL, rounds=given.rounds, aiogram=given.aiogram
    ),
    "discord": lambda place, given: throughput.discord(
        place, messages=QUICK if given.quick else FULL // 2, rounds=given.rounds
    ),
    "metrics": lambda place, given: throughput.metrics(
        place, messages=QUICK if given.quick else FULL * 2, rounds=given.rounds
    ),
    "fast": lambda place, given: pace.fast(place, seconds=1 if given.quick else 60),
    "slow": lambda place, given: pace.slow(place, seconds=1 if given.quick else 60),
    "flood": lambda place, given: pace.flood(
        place, seconds=1 if given.quick else 10, retry_after=1 if given.quick else 2
    ),
    "people": lambda place, given: scale.people(
        place,
        [1_000, 5_000] if given.quick else [1_000, 10_000, 100_000, 1_000_000],
        sample=QUICK if given.quick else 1_000,
        drained=5_000 if given.quick else 100_000,
        server=given.server,
    ),
    "correction": lambda place, given: scale.correction(
        place, messages=QUICK if given.quick else 100_000, rounds=given.rounds
    ),
    "channels": lambda place, given: scale.channels(place, [300, 600] if given.quick else [2_500, 15_000]),
    "archive": lambda place, given: waiting.archive(
        place, episodes=30 if given.quick else 1_200, times=1 if given.quick else 50
    ),
    "start": lambda place, given: waiting.start(place, times=1 if given.quick else 5),
}


def main() -> int:
    """Run the scenarios that were asked for; 1 when something demanded does not hold."""
    given = _arguments()
    console = Console()
    if not console.is_terminal:
        console.width = WIDE
    if len(cores()) < 2:  # noqa: PLR2004 - one for each side
        console.print("One core for both sides: the stand-in takes time from what is measured.", style="yellow")
    given.out.mkdir(parents=True, exist_ok=True)
    results = {}
    with stand_in(plain=given.plain) as place:
        for name in given.scenarios or SCENARIOS:
            results[name] = SCENARIOS[name](place, given)
            _show(console, results[name])
            if results[name].bars:
                picture = plot.bars(f"{results[name].title}: CPU a message", results[name].bars, own=OWN)
                (given.out / f"{name}.svg").write_text(picture, encoding="utf-8")
    machine = {"python": platform.python_version(), "machine": platform.machine(), "cores": os.cpu_count()}
    found = {"machine": machine, "results": {name: result.as_json() for name, result in results.items()}}
    (given.out / "results.json").write_text(json.dumps(found, ensure_ascii=False, indent=1), encoding="utf-8")
    page = given.page or given.out / PAGE.name
    known = page if page.exists() else PAGE
    page.write_text(readme.page(known.read_text(encoding="utf-8"), results, own=OWN), encoding="utf-8")
    console.print(f"Written: {given.out / 'results.json'} and {page}")
    return 0 if all(check.holds for result in results.values() for check in result.checks) else 1


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument(
        "scenarios", nargs="*", metavar="SCENARIO", help=f"any of: {', '.join(SCENARIOS)} (default: all)"
    )
    parser.add_argument("--rounds", type=int, default=5, help="blocks of each contender (default: 5)")
    parser.add_argument("--quick", action="store_true", help="see that it works, in a minute; the figures mean little")
    parser.add_argument("--plain", action="store_true", help="without TLS, which the platforms have")
    parser.add_argument("--no-aiogram", dest="aiogram", action="store_false", help="leave aiogram out")
    parser.add_argument(
        "--server",
        default=os.environ.get("RECAP_TEST_POSTGRES", ""),
        help="a PostgreSQL server for the scenario people (default: the one that RECAP_TEST_POSTGRES names)",
    )
    parser.add_argument("--out", type=Path, default=Path("bench/results"), help="folder for JSON, page and plots")
    parser.add_argument("--page", type=Path, help="the page to write the tables into (default: a copy in that folder)")
    given = parser.parse_args()
    unknown = [name for name in given.scenarios if name not in SCENARIOS]
    if unknown:
        parser.error(f"unknown scenario {', '.join(unknown)}; there are {', '.join(SCENARIOS)}")
    return given


def _show(console: Console, result: Result) -> None:
    table = Table(title=result.title, title_justify="left")
    for index, column in enumerate(result.columns):
        table.add_column(column, justify="right" if index else "left")
    for row in result.rows:
        table.add_row(*row)
    console.print(table)
    for note in result.notes:
        console.print(f"  {note}", style="dim")
    for check in result.checks:
        mark, style = ("✓", "green") if check.holds else ("✗", "red")
        console.print(f"  {mark} {check.demand}: {check.found}, at most {check.bound}", style=style)


if __name__ == "__main__":
    raise SystemExit(main())
