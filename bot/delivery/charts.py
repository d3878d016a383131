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
from typing import TYPE_CHECKING, Any, TypeAlias

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

Draw: TypeAlias = "Callable[[Axes], None]"


class ChartError(ExpectedError):
    """The error of a program without the library for charts."""


def name_of(group: Group, words: Words) -> str:
    """Return the name of a kind of place on a platform."""
    private, shared = words.gettext("{platform}, in private"), words.gettext("{platform}, in groups and channels")
    return (private if group.kind is Kind.PRIVATE else shared).format(platform=group.platform.title())


def charts(figures: Figures, words: Words) -> dict[str, Draw]:
    """Return the functions that draw the charts, by their titles. A chart without anything to show is left out."""
    _ = words.gettext
    weeks = [week.monday for week in figures.weeks]
    groups = sorted({group for week in figures.weeks for group in week.subscriptions})
    lines = {name_of(group, words): [week.subscriptions.get(group, 0) for week in figures.weeks] for group in groups}
    joined, left = ([sum(getattr(week, each).values()) for week in figures.weeks] for each in ("joined", "left"))
    pushes = [push for push in figures.pushes if push.results is not None][-MOST_PUSHES:]
    kinds = {
        _("arrived"): ("sent", "sent later"),
        _("failed"): ("failed",),
        _("in doubt"): ("unknown",),
        _("not wanted any more"): ("not wanted any more",),
    }
    results = {
        name: [sum((push.results or {}).get(each, 0) for each in of_it) for push in pushes]
        for name, of_it in kinds.items()
        if any((push.results or {}).get(each) for push in pushes for each in of_it)
    }
    numbers = [str(push.episode) for push in pushes]
    minutes = [(push.took or dt.timedelta()) / dt.timedelta(minutes=1) for push in pushes]
    topics = figures.topics[:MOST_TOPICS][::-1]
    days = [figures.until - dt.timedelta(days=ago) for ago in range(MOST_DAYS)][::-1]
    asked = [sum(figures.commands.get(day, {}).values()) for day in days]
    found: dict[str, tuple[bool, Draw]] = {
        _("Subscriptions"): (bool(groups), lambda axes: _lines(axes, weeks, lines)),
        _("Joined and left, by week"): (
            any(joined + left),
            lambda axes: _bars(axes, weeks, {_("joined"): joined, _("left"): [-count for count in left]}, width=5),
        ),
        _("Deliveries by push"): (bool(results), lambda axes: _bars(axes, numbers, results)),
        _("Minutes that a push took"): (bool(pushes), lambda axes: _bars(axes, numbers, {"": minutes})),
        _("Topics"): (
            bool(topics),
            lambda axes: _pairs(
                axes,
                topics,
                {
                    _("followers"): [figures.followers.get(topic, 0) for topic in topics],
                    _("asked for"): [figures.asked.get(topic, 0) for topic in topics],
                },
            ),
        ),
        _("Commands by day"): (any(asked), lambda axes: _bars(axes, days, {"": asked})),
    }
    return {title: draw for title, (is_there, draw) in found.items() if is_there}


def svg(draw: Draw) -> str:
    """Return a chart as an element of a page, with the page's font and colour.

    Raises:
        ChartError: the library for charts is missing.
    """
    buffer = io.StringIO()
    _save(buffer, "svg", {"": draw}, columns=1)
    image = _NUMBERED_ID.sub("", buffer.getvalue().replace(INK, "currentColor"))
    return image[image.index("<svg") :]


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
    buffer = io.BytesIO()
    _save(buffer, "png", charts(figures, words), columns=2)
    return buffer.getvalue()


def _save(buffer: io.StringIO | io.BytesIO, form: str, drawn: Mapping[str, Draw], *, columns: int) -> None:
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
        for number, (title, draw) in enumerate(drawn.items(), start=1):
            axes = figure.add_subplot(rows, columns, number, facecolor="none")
            axes.set_prop_cycle(color=COLOURS)
            axes.spines[["top", "right"]].set_visible(False)
            draw(axes)
            several = len(axes.get_legend_handles_labels()[1]) > 1
            axes.set_title(title, loc="left", y=1.2 if several else None)
            if several:
                axes.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=2, frameon=False, fontsize=8)
        # Without the description of the file, which names addresses.
        nothing = dict.fromkeys(("Creator", "Date", "Format", "Type")) if form == "svg" else None
        figure.savefig(buffer, format=form, dpi=150, metadata=nothing)


def _lines(axes: Axes, weeks: Sequence[dt.date], lines: Mapping[str, Sequence[int]]) -> None:
    for name, counts in lines.items():
        # Its own annotations leave out the dates that it takes.
        axes.plot([*weeks], [*counts], label=name, marker="o" if len(weeks) == 1 else "")  # type: ignore[arg-type]
    axes.set_ylim(bottom=0)
    axes.locator_params("y", integer=True)
    axes.tick_params("x", rotation=30)


def _bars(
    axes: Axes, places: Sequence[dt.date] | Sequence[str], parts: Mapping[str, Sequence[float]], width: float = 0.8
) -> None:
    """Draw a bar at each place, of parts above each other; parts below zero hang down."""
    heights = [0.0] * len(places)
    for name, counts in parts.items():
        bottom = [0.0 if count < 0 else height for count, height in zip(counts, heights, strict=True)]
        axes.bar([*places], [*counts], width, bottom, label=name)
        heights = [height + max(0.0, count) for count, height in zip(counts, heights, strict=True)]
    axes.locator_params("y", integer=True)
    axes.tick_params("x", rotation=90 if isinstance(places[0], str) else 30)


def _pairs(axes: Axes, names: Sequence[str], parts: Mapping[str, Sequence[int]]) -> None:
    """Draw a lying bar for each name, of parts beside each other."""
    left = [0] * len(names)
    for name, counts in parts.items():
        axes.barh([*names], [*counts], left=left, label=name)
        left = [before + count for before, count in zip(left, counts, strict=True)]
    axes.locator_params("x", integer=True)
