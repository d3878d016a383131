"""`recap stats`: the figures in a terminal, for programs, and as a page."""

from __future__ import annotations

import asyncio
import builtins
import dataclasses
import datetime as dt
import json
import re
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest
from typer.testing import CliRunner

from bot import cli
from bot.cli import check, stats
from bot.delivery import charts
from bot.model.figures import WEEKS, Counted, Figures, Group, Kind, PushFigures, Sum, Week
from bot.model.i18n import Language, spoken, words
from bot.storage.ledger import Ledger
from tests.delivery.ledger_kit import MONDAY, TELEGRAM, Clock, due, failed, push, sent, subscription, telegram

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def runner(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> CliRunner:
    """The command line in a folder with a ledger of two weeks."""
    monkeypatch.chdir(tmp_path)

    async def fill() -> None:
        clock = Clock()
        # The command tells the weeks up to today.
        clock.now = dt.datetime.now(dt.UTC) - dt.timedelta(days=7)
        async with await Ledger.open("sqlite:///recap.db", clock) as ledger:
            for chat in (1, 2):
                await ledger.subscriptions.save(subscription(telegram(chat), "tiktok"))
            await push(ledger)
            one, other = await due(ledger)
            clock.advance(seconds=75)
            await ledger.record([sent(one, "1"), failed(other, "refused", "no")])
            await ledger.finish()
            await ledger.subscriptions.end(telegram(2), "unsubscribed")
            ledger.figures.count(Sum(Counted.ASKED, TELEGRAM, "topic"))
            ledger.figures.count(Sum(Counted.TOPIC, TELEGRAM, "tiktok"))
            await ledger.figures.save()

    asyncio.run(fill())
    return CliRunner(env={"RECAP_LANG": "fr"})


def test_programs_get_every_figure(runner: CliRunner) -> None:
    """Weeks by platform and kind of place, pushes with results and length, topics, and commands by day."""
    told = json.loads(runner.invoke(cli.cli, ["stats", "--json"]).stdout)
    before, now = told["weeks"]
    assert before["joined"] == {"telegram": {"shared": 2}}
    assert before["left"] == {"telegram": {"shared": 1}}
    assert before["subscriptions"] == now["subscriptions"] == {"telegram": {"shared": 1}}
    (pushed,) = told["pushes"]
    assert (pushed["episode"], pushed["schedule"], pushed["seconds"]) == (1207, "monday", 75)
    # The one that failed has unsubscribed since.
    assert (pushed["results"]["sent"], sum(pushed["results"].values())) == (1, 2)
    assert told["topics"] == [{"topic": "tiktok", "followers": 1, "asked": 1}]
    assert [each["commands"] for each in told["commands"]] == [{"topic": 1}]


def test_people_get_a_plot_and_tables(runner: CliRunner) -> None:
    """In the reader's language, with the retention in a sentence."""
    said = runner.invoke(cli.cli, ["stats"]).stdout
    for expected in (
        "Telegram, groupes et canaux",
        "⣀",
        "#tiktok",
        "/topic 1",
        "1 min 15 s",
        "Abonnements",
        "deux ans",
    ):
        assert expected in said.replace("\N{NO-BREAK SPACE}", " ")
    # Each line of the plot has a whole number of its own, and below them stand days.
    assert re.findall(r"^ +(\d+) \|", said, re.MULTILINE) == [str(number) for number in range(10, -1, -1)]
    today = dt.datetime.now(dt.UTC).date()
    assert words(Language.FRENCH).short_day(today + dt.timedelta(days=7 - today.weekday())) in said
    assert "⠤o⠤ Telegram" in said
    assert "Legend" not in said


def test_nothing_yet_is_told_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a database, and on a page."""
    monkeypatch.chdir(tmp_path)
    runner = CliRunner(env={"RECAP_LANG": "en"})
    assert "two years" in runner.invoke(cli.cli, ["stats"]).stdout
    assert runner.invoke(cli.cli, ["stats", "--html", "page.html"]).exit_code == 0
    assert "<h1>" in (tmp_path / "page.html").read_text("utf-8")
    assert not (tmp_path / "recap.db").exists()


def test_a_page_is_a_file_of_its_own_and_the_same_each_time(runner: CliRunner, tmp_path: Path) -> None:
    """No address but those of the format itself, nothing that runs, no id twice."""
    assert runner.invoke(cli.cli, ["stats", "--html", "page.html"]).exit_code == 0
    page = (tmp_path / "page.html").read_text("utf-8")
    assert '<html lang="fr">' in page
    assert {each for each in re.findall(r"https?://[^\"' >]+", page) if "www.w3.org" not in each} == set()
    assert "<script" not in page
    assert page.count("<svg") == 6
    draw = charts.charts(a_year(), words(Language.FRENCH))["Abonnements"]
    assert charts.svg(draw) == charts.svg(draw)


def test_a_page_needs_the_name_of_one_and_its_library(
    runner: CliRunner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each refusal has its cure, and writes nothing."""
    refused = runner.invoke(cli.cli, ["stats", "--html", "1207.md"])
    assert refused.exit_code == 2
    real = builtins.__import__

    def missing(name: str, *rest: Any, **more: Any) -> Any:  # noqa: ANN401 - of any library
        if name.startswith("matplotlib"):
            raise ImportError(name)
        return real(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", missing)
    failure = runner.invoke(cli.cli, ["stats", "--html", "page.html"]).exception
    assert isinstance(failure, charts.ChartError)
    assert '".[stats]"' in str(failure)
    assert list(tmp_path.glob("*.html")) == []


def test_a_missing_library_is_warned_of_where_the_config_wants_its_picture(
    runner: CliRunner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before the first report would come without it, with the cure."""
    (tmp_path / "content").mkdir()
    (tmp_path / "config.toml").write_text("[reports]\npicture = true\n", encoding="utf-8")
    assert "matplotlib" not in runner.invoke(cli.cli, ["check"]).stderr
    monkeypatch.setattr(check, "find_spec", lambda _name: None)
    said = runner.invoke(cli.cli, ["check"]).stderr
    assert "config.toml:2: reports.picture" in said
    assert 'Lancez `pip install -c constraints.txt ".[stats]"` dans le clone' in said


def a_year() -> Figures:
    """The figures of a show after a year, with a name that is markup."""
    groups = [Group(TELEGRAM, Kind.PRIVATE), Group(TELEGRAM, Kind.SHARED)]
    monday = MONDAY.date()
    weeks = [
        Week(
            monday + dt.timedelta(weeks=number),
            dict.fromkeys(groups, 10 + number),
            {groups[0]: 3},
            {groups[1]: 2},
        )
        for number in range(WEEKS)
    ]
    results = {"sent": 3000, "sent later": 2, "failed": 20, "unknown": 1, "not wanted any more": 7}
    pushes = [
        PushFigures(
            1207 + number, "<b>monday</b>", MONDAY + dt.timedelta(weeks=number), dt.timedelta(seconds=100), results, 5
        )
        for number in range(WEEKS)
    ]
    until = weeks[-1].monday
    days = {until - dt.timedelta(days=ago): {"latest": 5, "topic": 9} for ago in range(60)}
    return Figures(until, weeks, pushes, {"tiktok": 40, "meta": 9}, {"tiktok": 90, "x": 3}, days)


def test_a_push_began_on_the_day_of_the_show() -> None:
    """Late on Sunday in UTC, it is Monday in Paris."""
    figures = a_year()
    began = figures.pushes[-1].began.replace(hour=23)
    late = dataclasses.replace(figures, pushes=[dataclasses.replace(figures.pushes[-1], began=began)])
    (pushes,) = (table for table in stats.tables(late, ZoneInfo("Europe/Paris")) if table.title == "Pushes")
    assert pushes.rows[0][2] == spoken().day(began.astimezone(ZoneInfo("Europe/Paris")))


def test_all_charts_are_one_picture() -> None:
    """Small enough for every platform, in PNG."""
    made = charts.picture(a_year(), words(Language.FRENCH))
    assert made.startswith(b"\x89PNG")
    assert 20_000 < len(made) < 1_000_000
