"""What a scenario found: figures with their spread, and what was demanded of them."""

from __future__ import annotations

import statistics
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True)
class Spread:
    """The median of some measurements and the quartiles around it."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, values: list[float]) -> Spread:
        """The spread of the values; of one alone it is nothing."""
        if len(values) == 1:
            return cls(values[0], values[0], values[0])
        low, median, high = statistics.quantiles(values, n=4, method="inclusive")
        return cls(median, low, high)

    def text(self, digits: int = 0, unit: str = "") -> str:
        """As it stands in a table."""
        if self.low == self.high:
            return f"{self.median:,.{digits}f}{unit}"
        return f"{self.median:,.{digits}f}{unit} ({self.low:,.{digits}f}–{self.high:,.{digits}f})"


@dataclass(frozen=True)
class Bar:
    """One bar of a plot."""

    label: str
    spread: Spread


@dataclass(frozen=True)
class Check:
    """What is demanded, what was found, and how much that may be."""

    demand: str
    found: str
    bound: str
    holds: bool


@dataclass
class Result:
    """One scenario's findings: a table, what was demanded, what a plot shows.

    `ratios` are rows with a label, processor time, messages a second and peak memory, the floor's being 1.
    """

    title: str
    columns: tuple[str, ...]
    rows: list[tuple[str, ...]] = field(default_factory=list)
    checks: list[Check] = field(default_factory=list)
    bars: list[Bar] = field(default_factory=list)
    ratios: list[tuple[str, ...]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    raw: list[dict[str, Any]] = field(default_factory=list)

    def demand(self, demand: str, found: float, bound: float, *, digits: int = 2, unit: str = "") -> None:
        """Note that `found` is to be at most `bound`."""
        self.checks.append(
            Check(demand, f"{found:,.{digits}f}{unit}", f"{bound:,.{digits}f}{unit}", holds=found <= bound)
        )

    def as_json(self) -> dict[str, Any]:
        """Everything, for other programs."""
        return asdict(self)
