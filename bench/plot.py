"""Bars as an SVG picture, for a README: light and dark, without a library."""

from __future__ import annotations

import math
from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bench.result import Bar

WIDTH, ROW, LABELS, RIGHT, TOP = 760, 30, 290, 70, 44
STYLE = (
    "text{font:13px system-ui,sans-serif;fill:#1f2328}.title{font-weight:600}.bar{fill:#4a7dbd}.bot{fill:#d9582b}"
    ".spread{stroke:#1f2328}@media(prefers-color-scheme:dark){text{fill:#e6edf3}.spread{stroke:#e6edf3}}"
)


def bars(title: str, rows: Sequence[Bar], *, own: str) -> str:
    """Horizontal bars from 1 on, on a logarithmic scale, with their quartiles; the bot's labels begin with `own`."""
    most = max(2.0, *(row.spread.high for row in rows))
    room = WIDTH - LABELS - RIGHT

    def at(value: float) -> float:
        # A bar of the length 0 could not be seen.
        return LABELS + 4 + (room - 4) * math.log(max(value, 1.0)) / math.log(most)

    drawn = [f'<text class="title" x="8" y="24">{escape(title)}</text>']
    for index, row in enumerate(rows):
        y, spread = TOP + index * ROW, row.spread
        kind = "bot" if row.label.startswith(own) else "bar"
        drawn += [
            f'<text x="{LABELS - 8}" y="{y + 15}" text-anchor="end">{escape(row.label)}</text>',
            f'<rect class="{kind}" x="{LABELS}" y="{y}" width="{at(spread.median) - LABELS:.1f}" height="20" rx="2"/>',
            f'<path class="spread" d="M{at(spread.low):.1f} {y + 10}H{at(spread.high):.1f}"/>',
            f'<text x="{at(spread.high) + 8:.1f}" y="{y + 15}">{spread.median:.2f}×</text>',
        ]
    height = TOP + len(rows) * ROW + 6
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img" '
        f'aria-label="{escape(title, quote=True)}"><style>{STYLE}</style>{"".join(drawn)}</svg>\n'
    )
