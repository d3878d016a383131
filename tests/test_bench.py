"""The benchmark runs, end to end; its figures are nobody's here."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from bench.result import Bar, Result, Spread
from bench.server import Plan, peak

ROOT = Path(__file__).parent.parent


def run(*arguments: str, out: Path) -> dict[str, dict[str, list[list[str]]]]:
    """Run the benchmark as a developer does, only smaller; what it wrote."""
    command = [sys.executable, "-m", "bench", *arguments, "--quick", "--plain", "--no-aiogram", "--rounds", "1"]
    done = subprocess.run(  # noqa: S603 - the command above
        [*command, "--out", str(out)], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert not done.stderr
    written = json.loads((out / "results.json").read_text(encoding="utf-8"))
    results: dict[str, dict[str, list[list[str]]]] = written["results"]
    return results


@pytest.mark.parametrize(("scenario", "contenders"), [("telegram", 6), ("discord", 3)])
def test_everybody_is_measured_side_by_side(tmp_path: Path, scenario: str, contenders: int) -> None:
    """A row of figures and a bar for each; nothing failed on the way."""
    found = run(scenario, out=tmp_path)[scenario]
    assert len(found["rows"]) == len(found["bars"]) == contenders
    picture = ET.fromstring((tmp_path / f"{scenario}.svg").read_text(encoding="utf-8"))  # noqa: S314 - our own
    assert len([each for each in picture.iter() if each.tag.endswith("rect")]) == contenders


def test_every_other_scenario_finds_what_it_is_to_find(tmp_path: Path) -> None:
    """The pace, the pause, the start: a row of figures and a demand for each, at the smallest size."""
    found = run("slow", "flood", "archive", "start", out=tmp_path)
    assert all(result["rows"] and result["checks"] for result in found.values())
    assert len(found) == 4


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
