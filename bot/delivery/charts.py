"""The charts of the figures. Because few look at them, matplotlib is an extra, and loaded when a chart is drawn."""

from __future__ import annotations

import asyncio
import base64
import datetime as dt
import hashlib
import io
import logging
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from bot.model.document import Attachment
from bot.model.figures import Figures, Group, Kind
from bot.model.i18n import gettext as _
from bot.model.i18n import gettext_noop
from bot.model.problems import ExpectedError, StorageError

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from bot.model.i18n import Words

log = logging.getLogger(__name__)

INK, PAPER = "#1b1f24", "#ffffff"
"""The colours of text and background in a picture. On a page, text has the colour of the page's."""
COLOURS = ("#2f7fd6", "#d9603b", "#2f9e6e", "#a06bd6", "#c28f12")
"""Colours that stand out from a light page as from a dark one, by 3 to 1."""
MOST_TOPICS = 10
MOST_PUSHES = 26
"""Pushes in one chart: half a year of Mondays."""
MOST_DAYS = 60
SIZE = (4.6, 2.9)
"""Inches of a chart, at which its words can be read on a phone."""

NO_LIBRARY = gettext_noop("charts need matplotlib, which is not installed here")
GET_LIBRARY = gettext_noop('Run `pip install -c constraints.txt ".[stats]"` in the clone')

_NUMBERED_ID = re.compile(r' id="[\w.]+_\d+"')
"""A name that each chart gives its parts, and that a page must not have twice."""


class Chart(NamedTuple):
    """The numbers at each place, in one part or in several, which stand in a legend.

    They are lines over time, lying bars for names, and standing bars elsewhere.
    """

    places: Sequence[dt.date] | Sequence[str]
    parts: Mapping[str, Sequence[float]]
    form: Literal["lines", "bars", "lying"] = "bars"
    width: float = 0.8


class ChartError(ExpectedError):
    """The error of a program without the library for charts."""


def name_of(group: Group, words: Words) -> str:
    """Return the name of a kind of place on a platform."""
    private, shared = words.gettext("{platform}, in private"), words.gettext("{platform}, in groups and channels")
    return (private if group.kind is Kind.PRIVATE else shared).format(platform=group.platform.title())


def charts(figures: Figures, words: Words) -> dict[str, Chart]:
    """Return the charts by their titles. A chart without anything to show is left out."""
    _ = words.gettext
    mondays = [week.monday for week in figures.weeks]
    groups = sorted({group for week in figures.weeks for group in week.subscriptions})
    lines = {name_of(group, words): [week.subscriptions.get(group, 0) for week in figures.weeks] for group in groups}
    moves = {
        _("joined"): [sum(week.joined.values()) for week in figures.weeks],
        _("left"): [-sum(week.left.values()) for week in figures.weeks],
    }
    pushes = [(push, push.results) for push in figures.pushes if push.results is not None][-MOST_PUSHES:]
    numbers = [str(push.episode) for push, _results in pushes]
    kinds = {
        _("arrived"): ("sent", "sent later"),
        _("failed"): ("failed",),
        _("in doubt"): ("unknown",),
        _("not wanted any more"): ("not wanted any more",),
    }
    results = {
        name: [sum(counts.get(each, 0) for each in of_it) for _push, counts in pushes] for name, of_it in kinds.items()
    }
    minutes = [(push.took or dt.timedelta()) / dt.timedelta(minutes=1) for push, _results in pushes]
    topics = figures.topics[:MOST_TOPICS][::-1]
    interest = {
        _("followers"): [figures.followers.get(topic, 0) for topic in topics],
        _("asked for"): [figures.asked.get(topic, 0) for topic in topics],
    }
    days = [figures.until - dt.timedelta(days=ago) for ago in range(MOST_DAYS)][::-1]
    found = {
        _("Subscriptions"): Chart(mondays, lines, "lines"),
        _("Joined and left, by week"): Chart(mondays, moves, width=5),
        _("Deliveries by push"): Chart(numbers, {name: counts for name, counts in results.items() if any(counts)}),
        _("Minutes that a push took"): Chart(numbers, {"": minutes}),
        _("Topics"): Chart(topics, interest, "lying"),
        _("Commands by day"): Chart(days, {"": [sum(figures.commands.get(day, {}).values()) for day in days]}),
    }
    return {title: chart for title, chart in found.items() if any(map(any, chart.parts.values()))}


def svg(chart: Chart) -> str:
    """Return a chart as an element of a page, with the page's font and colour.

    Raises:
        ChartError: the library for charts is missing.
    """
    image = _image("svg", {"": chart}, columns=1).decode().replace(INK, "currentColor")
    return _NUMBERED_ID.sub("", image[image.index("<svg") :])


async def drawn(figures: Callable[[], Awaitable[Figures]], words: Words) -> Attachment | None:
    """Return all charts as a picture to send; None, which the log explains, if there is none to be had."""
    try:
        found = await figures()
        made = await asyncio.to_thread(picture, found, words)
    except (ChartError, StorageError) as error:
        log.warning("The report comes without its picture: %s", error)
        return None
    key = hashlib.sha256(made).hexdigest()
    day = words.gettext("The figures up to {day}").format(day=words.date(found.until))
    return Attachment(f"data:image/png;base64,{base64.b64encode(made).decode()}", key, day)


def picture(figures: Figures, words: Words) -> bytes:
    """Return all charts as one picture in PNG.

    Raises:
        ChartError: the library for charts is missing.
    """
    return _image("png", charts(figures, words), columns=2)


def _image(form: str, drawn: Mapping[str, Chart], *, columns: int) -> bytes:
    try:
        import matplotlib as mpl  # noqa: PLC0415 - an extra, and large
        from matplotlib.figure import Figure  # noqa: PLC0415 - likewise
    except ImportError as error:
        raise ChartError(f"{_(NO_LIBRARY)}. {_(GET_LIBRARY)}.") from error
    ink = ("text.color", "axes.labelcolor", "axes.edgecolor", "xtick.color", "ytick.color")
    # Because two pages of the same figures are the same, no element has a name by chance.
    style: dict[Any, Any] = {**dict.fromkeys(ink, INK), "font.size": 9, "svg.fonttype": "none", "svg.hashsalt": "recap"}
    rows = -(-len(drawn) // columns)
    with mpl.rc_context(style):
        size = (SIZE[0] * columns, SIZE[1] * rows)
        figure = Figure(figsize=size, layout="constrained", facecolor=PAPER if form == "png" else "none")
        for number, (title, chart) in enumerate(drawn.items(), start=1):
            axes = figure.add_subplot(rows, columns, number, facecolor="none")
            axes.set_prop_cycle(color=COLOURS)
            axes.spines[["top", "right"]].set_visible(False)
            _draw(axes, chart)
            several = len(chart.parts) > 1
            axes.set_title(title, loc="left", y=1.2 if several else None)
            if several:
                axes.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=2, frameon=False, fontsize=8)
        # Without the description of the file, which names addresses.
        nothing = dict.fromkeys(("Creator", "Date", "Format", "Type")) if form == "svg" else None
        figure.savefig(buffer := io.BytesIO(), format=form, dpi=150, metadata=nothing)
        return buffer.getvalue()


def _draw(axes: Axes, chart: Chart) -> None:
    """Draw the parts of bars above each other, or beside each other where bars lie; parts below zero hang down."""
    is_lying = chart.form == "lying"
    draw: Callable[..., object] = axes.barh if is_lying else axes.bar
    ends = [0.0] * len(chart.places)
    for name, numbers in chart.parts.items():
        if chart.form == "lines":
            axes.plot([*chart.places], [*numbers], label=name, marker="o" if len(numbers) == 1 else "")
            axes.set_ylim(bottom=0)
            continue
        begins = [0.0 if number < 0 else end for number, end in zip(numbers, ends, strict=True)]
        draw([*chart.places], [*numbers], chart.width, begins, label=name)
        ends = [end + max(0.0, number) for number, end in zip(numbers, ends, strict=True)]
    axes.locator_params("x" if is_lying else "y", integer=True)
    if not is_lying:
        axes.tick_params("x", rotation=90 if isinstance(chart.places[0], str) else 30)
