"""The clock and the content: what is pushed when, and what the admins hear, whatever the clock and the editors do."""

from __future__ import annotations

import contextlib
import datetime as dt
import os
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import pytest

from bot.cli.episodes import template
from bot.content.upcoming import Defaults
from bot.model.facts import Welcome
from bot.platforms.registry import load
from bot.runtime.app import App, opened
from bot.storage.records import DeliveryState

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

PARIS = ZoneInfo("Europe/Paris")
MONDAY = dt.datetime(2024, 11, 4, 8, 0, tzinfo=PARIS)
SETTINGS = """
[telegram]
token = "123456789:AAEloopbackloopbackloopbackloopback"
admins = [99]

[[channels]]
platform = "telegram"
chat = 1
"""


class Week:
    """A bot that nobody connects: its clock is turned by hand, its content written by an editor of the team."""

    def __init__(self, app: App, folder: Path, clock: list[dt.datetime]) -> None:
        self.app = app
        self.folder = folder
        self._clock = clock

    async def at(self, moment: dt.datetime) -> None:
        """Let it be that moment, and let the bot look."""
        self._clock[0] = moment
        await self.app.tick()

    def write(self, number: int, date: dt.date, *, draft: bool = False, title: str = "Un sujet") -> None:
        """Save an episode's file, as an editor does now."""
        status = "status: draft\n" if draft else ""
        self.save(number, f"---\nnumber: {number}\ntitle: {title}\ndate: {date}\n{status}---\n\n## Un\n\nDu texte.\n")

    def save(self, number: int, text: str, *, at: dt.datetime | None = None) -> None:
        """Save whatever text as the episode's file, now or at a moment that comes."""
        self._clock[0] = at or self._clock[0]
        path = self.folder / "content" / f"{number}.md"
        path.write_text(text, encoding="utf-8")
        now = self._clock[0].timestamp()
        os.utime(path, (now, now))

    async def pushes(self) -> list[tuple[int, str]]:
        """The episodes pushed so far and their schedules, the oldest first."""
        return [(each.episode, each.key) for each in reversed(await self.app.ledger.broadcasts(99))]

    async def told(self) -> list[str]:
        """The titles of what the admins were told after the welcome, the oldest first."""
        notices = [each.title.replace("\N{NO-BREAK SPACE}", " ") for each in await self.app.ledger.notices.latest(99)]
        return [title for title in reversed(notices) if title != "Tout est prêt"]


@contextlib.asynccontextmanager
async def week(folder: Path, more: str = "", *, first_started: dt.datetime | None = None) -> AsyncIterator[Week]:
    """A bot in the folder, which first ran on the Friday before unless told."""
    (folder / "content").mkdir(exist_ok=True)
    file = folder / "config.toml"
    file.write_text(SETTINGS + more, encoding="utf-8")
    clock = [first_started or MONDAY - dt.timedelta(days=3)]
    async with opened(load(file, {}), lambda: clock[0]) as app:
        await app.services.notifier.tell(Welcome(None))
        await app.declare()
        yield Week(app, folder, clock)


def after(**time: float) -> dt.datetime:
    """So long after eight on Monday."""
    return MONDAY + dt.timedelta(**time)


@pytest.mark.parametrize(("hours", "is_pushed"), [(0, True), (1, True), (6, True), (6.1, False), (60, False)])
async def test_a_bot_that_was_off_or_asleep_makes_up_for_it_while_that_is_welcome(
    tmp_path: Path, hours: float, *, is_pushed: bool
) -> None:
    """Within `max_lateness` it pushes; past it, it wakes nobody and tells the admins, once."""
    async with week(tmp_path) as bot:
        bot.write(1207, MONDAY.date())
        await bot.at(after(days=-1))
        assert await bot.pushes() == []
        for _ in range(2):
            await bot.at(after(hours=hours))
        assert await bot.pushes() == ([(1207, "monday")] if is_pushed else [])
        assert await bot.told() == ([] if is_pushed else ["Épisode 1207 : pas envoyé"])


async def test_what_was_missed_before_the_first_start_is_no_news(tmp_path: Path) -> None:
    """Installed on a Wednesday: nobody is told of the Monday before."""
    async with week(tmp_path, first_started=after(days=2)) as bot:
        bot.write(1207, MONDAY.date())
        await bot.at(after(days=2, minutes=1))
        assert (await bot.pushes(), await bot.told()) == ([], [])


async def test_a_clock_that_jumps_pushes_nothing_twice_and_nothing_wrong(tmp_path: Path) -> None:
    """Set back an hour after the push, set on a year and back again: one push, and the next Monday comes as ever."""
    async with week(tmp_path) as bot:
        bot.write(1207, MONDAY.date())
        for moment in (after(), after(hours=-1), after(), after(days=365), after(days=-30), after(minutes=2)):
            await bot.at(moment)
        assert await bot.pushes() == [(1207, "monday")]
        bot.write(1208, after(days=7).date())
        await bot.at(after(days=7))
        assert await bot.pushes() == [(1207, "monday"), (1208, "monday")]


NIGHT = '[[schedules]]\nname = "night"\ncron = "30 2 * * sun"\n'


@pytest.mark.parametrize("night", [dt.date(2025, 3, 30), dt.date(2024, 10, 27)])
async def test_the_nights_of_the_clock_change_push_once(tmp_path: Path, night: dt.date) -> None:
    """02:30 that spring skips comes at 03:30; 02:30 that autumn repeats is the same one."""
    start = dt.datetime.combine(night, dt.time(), PARIS).astimezone(dt.UTC)
    async with week(tmp_path, NIGHT, first_started=start - dt.timedelta(days=1)) as bot:
        bot.write(1, night)
        for minutes in range(0, 5 * 60, 10):
            await bot.at(start + dt.timedelta(minutes=minutes))
        assert await bot.pushes() == [(1, "night")]
        (push,) = await bot.app.ledger.broadcasts(1)
        assert push.due.astimezone(PARIS).strftime("%H:%M") == ("03:30" if night.month == 3 else "02:30")


async def test_the_hour_that_autumn_repeats_alarms_nobody_twice(tmp_path: Path) -> None:
    """Without an episode in that night, the admins hear of it once."""
    start = dt.datetime(2024, 10, 27, tzinfo=PARIS).astimezone(dt.UTC)
    async with week(tmp_path, NIGHT, first_started=start - dt.timedelta(days=1)) as bot:
        for minutes in range(0, 5 * 60, 10):
            await bot.at(start + dt.timedelta(minutes=minutes))
        assert await bot.told() == ["Pas encore d’épisode"]


async def test_a_target_on_two_schedules_gets_the_episode_on_each(tmp_path: Path) -> None:
    """Whoever declares a chat on Monday and again on Thursday means both: once on each, never twice on one."""
    more = """schedule = "monday"

[[channels]]
platform = "telegram"
chat = 1
schedule = "thursday"

[[schedules]]
name = "monday"
cron = "0 8 * * mon"

[[schedules]]
name = "thursday"
cron = "0 18 * * thu"
"""
    async with week(tmp_path, more) as bot:
        bot.write(1207, MONDAY.date())
        for hours in range(0, 6 * 24, 2):
            await bot.at(after(hours=hours))
        assert await bot.pushes() == [(1207, "monday"), (1207, "thursday")]
        for push in await bot.app.ledger.broadcasts(2):
            assert (await bot.app.ledger.tally(push.id))[DeliveryState.PENDING] == 1


async def test_an_episode_that_appears_late_is_sent_on_arrival(tmp_path: Path) -> None:
    """The admins are reminded after a quarter of an hour, and the file that comes at 08:40 goes out at 08:40."""
    async with week(tmp_path) as bot:
        bot.write(1206, after(days=-7).date())
        for minutes in (0, 14):
            await bot.at(after(minutes=minutes))
            assert await bot.told() == []
        for minutes in (15, 30):
            await bot.at(after(minutes=minutes))
            assert await bot.told() == ["Pas encore d’épisode"]
        bot.write(1207, MONDAY.date())
        await bot.at(after(minutes=40))
        assert await bot.pushes() == [(1207, "monday")]
        await bot.at(after(hours=12))
        assert await bot.told() == ["Pas encore d’épisode"]


async def test_a_missing_episode_is_told_while_it_can_still_be_sent(tmp_path: Path) -> None:
    """Where a push may be ten minutes late, the admins hear of it after five: the file that they save then goes out."""
    hurried = '[[schedules]]\nname = "monday"\ncron = "0 8 * * mon"\nmax_lateness = "10m"\n'
    async with week(tmp_path, hurried) as bot:
        await bot.at(after(minutes=4))
        assert await bot.told() == []
        await bot.at(after(minutes=5))
        assert await bot.told() == ["Pas encore d’épisode"]
        bot.write(1207, MONDAY.date())
        await bot.at(after(minutes=10))
        assert await bot.pushes() == [(1207, "monday")]


async def test_an_episode_that_appears_too_late_is_not_sent_unasked(tmp_path: Path) -> None:
    """At three in the afternoon the push of eight is over: the admins hear how to send it all the same."""
    async with week(tmp_path) as bot:
        await bot.at(after(hours=1))
        bot.write(1207, MONDAY.date())
        await bot.at(after(hours=7))
        assert await bot.pushes() == []
        assert await bot.told() == ["Pas encore d’épisode", "Épisode 1207 : pas envoyé"]


async def test_every_monday_without_an_episode_is_told_once(tmp_path: Path) -> None:
    """Last week's episode is neither pushed again nor taken for this week's."""
    async with week(tmp_path) as bot:
        bot.write(1207, MONDAY.date())
        for hours in range(0, 15 * 24, 1):
            await bot.at(after(hours=hours))
        assert await bot.pushes() == [(1207, "monday")]
        assert await bot.told() == ["Pas encore d’épisode"] * 2


async def test_a_schedule_that_looks_every_day_complains_of_no_day_without_one(tmp_path: Path) -> None:
    """Pushing within a day whatever is new is a way to use it; only a week without anything is told."""
    daily = '[[schedules]]\nname = "daily"\ncron = "0 8 * * *"\n'
    async with week(tmp_path, daily) as bot:
        bot.write(1207, MONDAY.date())
        for hours in range(0, 7 * 24, 1):
            await bot.at(after(hours=hours))
        assert (await bot.pushes(), await bot.told()) == ([(1207, "daily")], [])


async def test_a_draft_is_pushed_when_it_is_one_no_more(tmp_path: Path) -> None:
    """And until then the reminder names it."""
    async with week(tmp_path) as bot:
        bot.write(1207, MONDAY.date(), draft=True)
        await bot.at(after(minutes=20))
        assert await bot.pushes() == []
        (notice, _welcome) = await bot.app.ledger.notices.latest(9)
        assert "L’épisode 1207 est encore un brouillon" in notice.text
        bot.write(1207, MONDAY.date())
        await bot.at(after(minutes=21))
        assert await bot.pushes() == [(1207, "monday")]


async def test_a_file_broken_at_the_last_minute_is_sent_as_it_last_was(tmp_path: Path) -> None:
    """The last good version goes out, and the admins hear at once that their last change did not."""
    async with week(tmp_path) as bot:
        bot.write(1207, MONDAY.date(), title="Le bon titre")
        await bot.at(after(hours=-1))
        bot.save(1207, "---\nnumber: 1207\n", at=after(minutes=-2))
        await bot.at(after(minutes=-2))
        assert await bot.told() == []
        await bot.at(after())
        (push,) = await bot.app.ledger.broadcasts(9)
        assert push.title == "Le bon titre"
        assert await bot.told() == ["Une erreur dans 1207.md"]
        (notice, _welcome) = await bot.app.ledger.notices.latest(9)
        assert "Sa dernière bonne version reste en vigueur" in notice.text


async def test_a_draft_that_is_still_being_written_alarms_nobody(tmp_path: Path) -> None:
    """What `recap new` begins has mistakes until it is filled in; once it is no draft, it is a broken file."""
    async with week(tmp_path) as bot:
        unfinished = template(bot.app.config, Defaults(1208, MONDAY.date()))
        bot.save(1208, unfinished, at=after(hours=24))
        await bot.at(after(hours=25))
        assert await bot.told() == []
        bot.save(1208, unfinished.replace("status: draft\n", ""), at=after(hours=25))
        await bot.at(after(hours=26))
        assert await bot.told() == ["Une erreur dans 1208.md"]


async def test_a_good_file_that_becomes_a_broken_draft_is_told(tmp_path: Path) -> None:
    """For the version that is no draft goes on counting."""
    async with week(tmp_path) as bot:
        bot.write(1207, MONDAY.date())
        await bot.at(after(hours=-1))
        bot.save(1207, "---\nnumber: 1207\nstatus: draft\n---\n", at=after(hours=-1))
        await bot.at(after(minutes=-1))
        assert await bot.told() == ["Une erreur dans 1207.md"]


async def test_a_broken_file_is_told_once_for_each_version_when_nobody_is_writing_it(tmp_path: Path) -> None:
    """Not while an editor saves every minute; ten minutes later, once, and again only if it was changed since."""
    async with week(tmp_path) as bot:
        for minute in (0, 5, 14):
            bot.save(1207, f"---\nnumber: {minute}\n", at=after(hours=24, minutes=minute))
            await bot.at(after(hours=24, minutes=minute))
            assert await bot.told() == []
        for minute in (25, 26, 27):
            await bot.at(after(hours=24, minutes=minute))
        assert await bot.told() == ["Une erreur dans 1207.md"]
        bot.save(1207, "---\nnumber: x\n")
        await bot.at(after(hours=25))
        assert await bot.told() == ["Une erreur dans 1207.md"] * 2


async def test_a_broken_file_from_a_machine_whose_clock_is_ahead_is_told(tmp_path: Path) -> None:
    """It seems to be saved tomorrow: the admins need not wait until then to hear of its mistake."""
    async with week(tmp_path) as bot:
        bot.save(1207, "---\nnumber: x\n", at=after(hours=48))
        await bot.at(after(hours=24))
        assert await bot.told() == ["Une erreur dans 1207.md"]
