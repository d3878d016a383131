"""`recap stats`: the figures of the last year, in a terminal, for programs, or as a page."""

import datetime as dt
import html as markup
import itertools
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import typer

from bot.cli import console
from bot.cli.console import ConfigOption, HtmlOption, JsonOption, out
from bot.cli.wording import AdminCommand
from bot.delivery.charts import charts, name_of, svg
from bot.model.figures import WEEK, Figures, Group
from bot.model.i18n import gettext as _
from bot.model.i18n import spoken

cli = typer.Typer()

SHOWN = 12
"""Rows of a table in the terminal and on the page; `--json` has all."""
SIZE = (60, 10)
"""Columns and lines of the plot in a terminal."""
MARKS = "ox+*"
"""Marks that tell the lines of the plot from each other where there are no colours."""


@cli.command(cls=AdminCommand)
def stats(
    html: HtmlOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show the figures of the last year: subscriptions, pushes, topics and commands, and nothing about a person."""
    console.need_page(html)
    settings = console.read_settings(config)
    figures = console.look(settings, lambda app: app.ledger.figures.all())
    zone = settings.show.timezone
    if html is not None:
        console.write(html, page(settings.show.name, figures, zone), replace=True)
    elif as_json:
        console.print_json(for_json(figures))
    else:
        _print(figures, zone)


def for_json(figures: Figures) -> dict[str, Any]:
    """Return the figures for programs."""

    def grouped(counts: Mapping[Group, int]) -> dict[str, dict[str, int]]:
        found: dict[str, dict[str, int]] = {}
        for group, count in sorted(counts.items()):
            found.setdefault(group.platform, {})[group.kind] = count
        return found

    return {
        "until": figures.until.isoformat(),
        "weeks": [
            {
                "monday": week.monday.isoformat(),
                **{name: grouped(getattr(week, name)) for name in ("subscriptions", "joined", "left")},
            }
            for week in figures.weeks
        ],
        "pushes": [
            {
                "episode": push.episode,
                "schedule": push.schedule,
                "began": push.began.isoformat(),
                "seconds": None if push.took is None else round(push.took.total_seconds()),
                "results": push.results,
                "left_out": push.left_out,
            }
            for push in figures.pushes
        ],
        "topics": [
            {"topic": topic, "followers": figures.followers.get(topic, 0), "asked": figures.asked.get(topic, 0)}
            for topic in figures.topics
        ],
        "commands": [
            {"day": day.isoformat(), "commands": dict(counts)} for day, counts in sorted(figures.commands.items())
        ],
    }


class Table(NamedTuple):
    """A table for people, with the newest or the first rows alone."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[object]]


def tables(figures: Figures, zone: dt.tzinfo) -> Iterator[Table]:
    """Yield the tables that have rows."""
    words = spoken()
    now = figures.weeks[-1].subscriptions
    weeks = [
        (words.day(week.monday), *(sum(each.values()) for each in (week.subscriptions, week.joined, week.left)))
        for week in figures.weeks[-SHOWN:][::-1]
    ]
    pushes = [
        (
            push.episode,
            push.schedule,
            words.day(push.began.astimezone(zone)),
            "" if push.took is None else words.duration(push.took),
            "" if push.results is None else console.counted(push.results) or _("none"),
        )
        for push in figures.pushes[-SHOWN:][::-1]
    ]
    topics = [
        (f"#{each}", figures.followers.get(each, 0), figures.asked.get(each, 0)) for each in figures.topics[:SHOWN]
    ]
    days = [
        (words.day(day), sum(counts.values()), ", ".join(f"/{name} {count}" for name, count in counts.most_common()))
        for day, counts in ((day, Counter(figures.commands[day])) for day in sorted(figures.commands)[-SHOWN:][::-1])
    ]
    places = [(name_of(each, words), now[each]) for each in sorted(now)]
    found = (
        Table(_("Subscriptions"), (_("Where"), _("Number")), places),
        Table(_("Weeks"), (_("Week of"), _("Subscriptions"), _("Joined"), _("Left")), weeks),
        Table(_("Pushes"), (_("Episode"), _("Schedule"), _("Began"), _("Length"), _("Deliveries")), pushes),
        Table(_("Topics"), (_("Topic"), _("Followers"), _("Asked for")), topics),
        Table(_("Commands by day"), (_("Day"), _("Number"), _("Commands")), days),
    )
    return (each for each in found if each.rows)


def _retention() -> str:
    return _("Days end at midnight UTC. Sums are kept for two years; none holds a chat.")


def _print(figures: Figures, zone: dt.tzinfo) -> None:
    if len(figures.weeks) > 1:
        out().print(_plot(figures), soft_wrap=True)
    for title, columns, rows in tables(figures, zone):
        out().print(title, style="bold")
        console.print_table({each: each for each in columns}, [dict(zip(columns, row, strict=True)) for row in rows])
    out().print(_retention(), soft_wrap=True)


def _plot(figures: Figures) -> Any:  # noqa: ANN401 - a text of rich
    """Return the subscriptions by week, as the library for plots in terminals draws them."""
    import plotille
    from rich.text import Text

    drawn, words = plotille.Figure(), spoken()
    drawn.width, drawn.height = SIZE
    drawn.with_colors = out().is_terminal
    drawn.x_label, drawn.y_label = _("Weeks"), _("Subscriptions")
    drawn.register_label_formatter(float, lambda value, chars, **_more: f"{value:{chars}.0f}")
    drawn.register_label_formatter(dt.datetime, lambda value, chars, **_more: f"{words.short_day(value):{chars}}")
    weeks = [dt.datetime.combine(week.monday, dt.time()) for week in figures.weeks]
    groups = sorted({group for week in figures.weeks for group in week.subscriptions})
    lines = {name_of(group, words): [week.subscriptions.get(group, 0) for week in figures.weeks] for group in groups}
    # The library draws nothing at the ends of its axes, and writes a number at each line, which is to be a whole one.
    drawn.set_x_limits(weeks[0], weeks[-1] + WEEK)
    drawn.set_y_limits(0, drawn.height * (max(map(max, lines.values()), default=0) // drawn.height + 1))
    for mark, (name, counts) in zip(itertools.cycle(MARKS), lines.items()):
        drawn.plot(weeks, counts, label=name, marker=None if drawn.with_colors else mark)
    plot, _english, legend = drawn.show(legend=True).partition("Legend:\n-------\n")
    return Text.from_ansi(plot + legend)


_PAGE = """<!doctype html>
<html lang="{language}">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>{title}</title>
<style>
:root {{ color-scheme: light dark }}
body {{ margin: 0 auto; max-width: 70rem; padding: 1rem; background: Canvas; color: CanvasText;
  font: 1rem/1.5 system-ui, sans-serif }}
main {{ display: grid; gap: 2rem; grid-template-columns: repeat(auto-fit, minmax(min(100%, 24rem), 1fr)) }}
figure {{ margin: 0 }}
svg {{ width: 100%; height: auto }}
table {{ border-collapse: collapse; width: 100%; font-size: .9rem; font-variant-numeric: tabular-nums;
  overflow-wrap: anywhere }}
th, td {{ border-bottom: 1px solid #8888; padding: .3rem .6rem .3rem 0; text-align: start }}
h2 {{ font-size: 1.1rem }}
</style>
<h1>{title}</h1>
<main>
{parts}
</main>
<p>{end}</p>
</html>
"""


def page(show: str, figures: Figures, zone: dt.tzinfo) -> str:
    """Return the figures as a page that asks nothing of anybody.

    Raises:
        ChartError: the library for charts is missing.
    """
    words = spoken()
    title = _("{show}: figures up to {day}").format(show=show, day=words.date(figures.until))
    drawn = [
        f'<figure role="img" aria-label="{markup.escape(name)}"><h2>{markup.escape(name)}</h2>{svg(chart)}</figure>'
        for name, chart in charts(figures, words).items()
    ]
    return _PAGE.format(
        language=words.language,
        title=markup.escape(title),
        parts="\n".join([*drawn, *map(_as_html, tables(figures, zone))]),
        end=markup.escape(_retention()),
    )


def _as_html(table: Table) -> str:
    def row(cells: Sequence[object], tag: str) -> str:
        return f"<tr>{''.join(f'<{tag}>{markup.escape(str(each))}</{tag}>' for each in cells)}</tr>"

    rows = "\n".join([row(table.columns, "th"), *(row(each, "td") for each in table.rows)])
    return f"<section><h2>{markup.escape(table.title)}</h2>\n<table>\n{rows}\n</table></section>"
