"""The benchmark runs, end to end; its figures are nobody's here."""

from __future__ import annotations

import inspect
import json
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from bench import readme
from bench.__main__ import PAGE, SCENARIOS
from bench.contenders import metrics
from bench.result import Bar, Result, Spread
from bench.server import Plan, peak
from bot.delivery.outbox import Outbox
from bot.storage.database import Database

ROOT = Path(__file__).parent.parent


PUBLISHED = PAGE.read_text(encoding="utf-8")
SENDING, OTHER = ("discord",), ("slow", "archive")


@dataclass(frozen=True)
class Run:
    """What a run of the benchmark left behind."""

    results: dict[str, dict[str, list[list[str]]]]
    folder: Path


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Run]:
    """By scenario: the benchmark run as a developer does, only smaller, and in two halves at once."""
    halves = [(names, tmp_path_factory.mktemp("bench")) for names in (SENDING, OTHER)]
    smaller = ("--quick", "--plain", "--no-aiogram", "--rounds", "1")
    began = [
        subprocess.Popen(  # noqa: S603 - the commands above
            [sys.executable, "-m", "bench", *names, *smaller, "--out", str(out)],
            cwd=ROOT,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
        for names, out in halves
    ]
    said = [process.communicate()[1] for process in began]
    assert said == [b"", b""]
    found: dict[str, Run] = {}
    for names, out in halves:
        written = json.loads((out / "results.json").read_text(encoding="utf-8"))
        found |= {name: Run(written["results"], out) for name in names}
    return found


@pytest.mark.parametrize(("scenario", "contenders"), [("discord", 3)])
def test_everybody_is_measured_side_by_side(runs: dict[str, Run], scenario: str, contenders: int) -> None:
    """A row of figures, one of ratios and a bar for each; nothing failed on the way."""
    found = runs[scenario].results[scenario]
    assert len(found["rows"]) == len(found["ratios"]) == len(found["bars"]) == contenders
    picture = ET.fromstring((runs[scenario].folder / f"{scenario}.svg").read_text(encoding="utf-8"))  # noqa: S314 - our own
    assert len([each for each in picture.iter() if each.tag.endswith("rect")]) == contenders


@pytest.mark.parametrize("scenario", OTHER)
def test_every_other_scenario_finds_what_it_is_to_find(runs: dict[str, Run], scenario: str) -> None:
    """The pace, the archive: a row of figures and a demand for each, at the smallest size."""
    found = runs[scenario].results[scenario]
    assert found["rows"]
    assert found["checks"]


@pytest.mark.parametrize(("scenario", "contenders"), [("discord", 3), ("slow", 0)])
def test_a_run_writes_its_sections_of_the_page(runs: dict[str, Run], scenario: str, contenders: int) -> None:
    """A line for each contender and each demand; the sections of other scenarios stay as they are published."""
    text = (runs[scenario].folder / "README.md").read_text(encoding="utf-8")
    demands = len(runs[scenario].results[scenario]["checks"])
    heads = 4 if contenders else 2
    assert sum(line.startswith("|") for line in _section(text, scenario)) == contenders + demands + heads
    assert _section(text, "people") == _section(PUBLISHED, "people")


def test_the_published_page_has_a_section_for_every_scenario() -> None:
    """So that a run of any of them can be published."""
    assert re.findall(r"<!-- end of (\w+) -->", PUBLISHED) == list(SCENARIOS)


def test_the_places_for_metrics_can_be_taken_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing that the metrics listen at is left on the path, so that its cost can be compared with them."""
    for owner, name in ((Database, "_run"), (Outbox, "_taking_outcomes")):
        monkeypatch.setattr(owner, name, getattr(owner, name))
    assert "observers" in Database._run.__code__.co_names
    metrics.take_out()
    assert "observers" not in Database._run.__code__.co_names
    assert "observer" not in inspect.unwrap(Outbox._taking_outcomes).__code__.co_names


def test_what_was_missed_stands_out() -> None:
    """The bot's own lines are bold, and so is a figure beyond its bound."""
    result = Result("Telegram", (), ratios=[("Monday Recap", "1.9×", "0.5×", "2×"), ("the floor", "1×", "1×", "1×")])
    result.demand("whole path", 1.9, 1.8, unit="×")
    result.demand("refused", 0, 0, digits=0)
    empty = "Before\n<!-- telegram -->\n<!-- end of telegram -->\nAfter\n"
    assert readme.page(empty, {"telegram": result}, own="Monday") == (
        "Before\n<!-- telegram -->\n## Telegram\n\n"
        "|  | processor time | messages/s | peak memory |\n| --- | --- | --- | --- |\n"
        "| **Monday Recap** | 1.9× | 0.5× | 2× |\n| the floor | 1× | 1× | 1× |\n\n"
        "| demanded | found | at most |\n| --- | --- | --- |\n"
        "| whole path | **1.90×, missed** | 1.80× |\n| refused | 0 | 0 |\n<!-- end of telegram -->\nAfter\n"
    )
    with pytest.raises(ValueError, match="no section for discord"):
        readme.page(empty, {"discord": result}, own="Monday")


def test_a_spread_is_the_median_between_its_quartiles() -> None:
    """Of one value alone, that value."""
    assert Spread.of([5.0, 1.0, 2.0, 4.0, 3.0]) == Spread(3.0, 2.0, 4.0)
    assert Spread.of([7.0]).text(1, "×") == "7.0×"
    assert Spread.of([5.0, 1.0, 2.0, 4.0, 3.0]).text(0, "×") == "3× (2–4)"


def test_a_demand_holds_up_to_its_bound() -> None:
    """And not beyond it."""
    result = Result("", ())
    for found in (1.8, 1.81):
        result.demand("cost", found, 1.8)
    assert [check.holds for check in result.checks] == [True, False]
    assert Bar("", Spread(1.0, 1.0, 1.0)).label == ""


def test_the_stand_in_keeps_a_rate_and_a_pause() -> None:
    """What comes too fast or during a pause is refused, counted and remembered."""
    plan = Plan(limit=2)
    assert [plan.admit(at) for at in (0.0, 0.5, 0.9, 1.0)] == [True, True, False, False]
    assert (peak(plan.arrivals), plan.refused) == (3, 2)
    plan = Plan(flood_at=2, retry_after=2)
    assert [plan.admit(at) for at in (0.0, 1.0, 1.5, 3.0)] == [True, False, False, True]
    assert plan.in_pause == [0.5]


def _section(text: str, scenario: str) -> list[str]:
    return text.partition(f"<!-- {scenario} -->")[2].partition(f"<!-- end of {scenario} -->")[0].splitlines()
