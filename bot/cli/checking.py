"""What `recap check` finds besides mistakes: warnings, what the next pushes carry, and links that lead nowhere."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rich.progress import Progress

from bot.cli.console import err, in_words
from bot.config import located
from bot.config.sources import Fault
from bot.content.links import Web, ask_all
from bot.content.review import links, review
from bot.delivery.broadcast import DueEpisode
from bot.model.episode import Status
from bot.model.problems import Problem
from bot.platforms.registry import renderers
from bot.runtime.clock import Timetable
from bot.storage import database
from bot.storage.records import LedgerError

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from pathlib import Path

    from bot.config import Config, Schedule
    from bot.content.archive import Archive
    from bot.content.links import Answer


SHOWN = 40
"""Warnings that a person reads; an old archive has hundreds that nobody will mend."""


def warnings(settings: Config, archive: Archive, config: Path | None) -> list[Problem]:
    """What will look bad, and what will reach nobody; `config` is the file that the settings were read from."""
    topics = located(config, _unknown_topics(settings, archive))
    return [*topics, *review(archive, settings.content.folder, settings.show.language, renderers())]


def storage(settings: Config, config: Path | None) -> list[Problem]:
    """Why the bot could not open its database, as it would say itself; nothing is made or changed."""
    try:
        database.check(settings.storage.url)
    except LedgerError as error:
        wrong, _, cure = str(error).removeprefix("storage.url: ").rpartition(": ")
        return located(config, [Fault(("storage", "url"), wrong, f"{cure[:1].upper()}{cure[1:]}")])
    return []


def _unknown_topics(settings: Config, archive: Archive) -> Iterator[Fault]:
    """The topics of declared channels on which there is nothing yet: misspelt, or about to come up."""
    for number, channel in enumerate(settings.channels):
        for index, topic in enumerate(channel.topics):
            if archive.resolve_topic(topic) is None:
                near = " or ".join(f'"{each}"' for each in archive.nearest_topics(topic))
                cure = "leave it if the first subject on it is about to come"
                yield Fault(
                    ("channels", number, "topics", index),
                    f"no episode has the topic '{topic}', so it brings this channel nothing",
                    f"Write {near}, or {cure}" if near else cure.capitalize(),
                )


@dataclass(frozen=True, slots=True)
class NextPush:
    """The next occurrence of a schedule, and the episode that would go out if it were that time now."""

    run: dt.datetime
    due: DueEpisode
    before: dt.datetime | None
    """The occurrence before, if the same episode was due then: it has gone out, unless it came too late."""

    def __str__(self) -> str:
        episode = self.due.episode
        if episode is None:
            return f"no episode for it yet: {self.reason}"
        unless = f", unless it has gone out since {in_words(self.before)}" if self.before else ""
        return f"episode {episode.number}, {episode.title}{unless}"

    @property
    def reason(self) -> str | None:
        """Why there is no episode for it; None when there is one."""
        due = self.due
        if due.episode is not None:
            return None
        reasons = ["there is none that people may see"]
        if due.newest is not None:
            newest = f"the newest is episode {due.newest.number} of {due.newest.date}"
            reasons = [f"{newest}, and max_age lets none out from before {due.oldest}"]
        for held in due.held_back:
            why = "is a draft" if held.status is Status.DRAFT else f"is dated {held.date}"
            reasons.append(f"episode {held.number} {why}")
        return "; ".join(reasons)

    def for_json(self) -> dict[str, Any]:
        """The same for programs."""
        episode = self.due.episode
        return {
            "number": episode and episode.number,
            "title": episode and episode.title,
            "reason": self.reason,
            "due_before": self.before and self.before.isoformat(),
        }


def next_pushes(settings: Config, archive: Archive, clock: Callable[[], dt.datetime]) -> dict[str, NextPush | None]:
    """What comes next on each schedule; None for one that never comes."""
    timetable = Timetable(settings.schedules, clock)
    return {schedule.name: _next_push(schedule, timetable, archive) for schedule in settings.schedules}


def _next_push(schedule: Schedule, timetable: Timetable, archive: Archive) -> NextPush | None:
    run = timetable.next_run(schedule.name)
    if run is None:
        return None
    due = DueEpisode.at(run, schedule, archive)
    last = timetable.last_run(schedule.name)
    is_repeated = last is not None and DueEpisode.at(last, schedule, archive).episode is due.episode is not None
    return NextPush(run, due, last if is_repeated else None)


def look_up_links(
    settings: Config, archive: Archive, web: Callable[[], Web] = Web
) -> tuple[list[Problem], list[Problem]]:
    """Ask for every link of the episodes: those that are dead, and those that have moved for good."""
    places = links(archive, settings.content.folder)
    answers = asyncio.run(_asked([url for url, _path, _line in places], web))
    dead, moved = [], []
    for url, path, line in places:
        answer = answers[url]
        if answer.is_dead:
            reason = answer.failure or f"the server answers {answer.status}"
            dead.append(Problem(path, f"the link {url} is dead ({reason})", "Link to a page that is there", line))
        elif answer.moved:
            moved.append(Problem(path, f"the link {url} has moved", f"Write {answer.moved}", line))
    return dead, moved


async def _asked(addresses: list[str], make: Callable[[], Web]) -> dict[str, Answer]:
    with Progress(console=err, transient=True) as progress:
        bar = progress.add_task("Asking for the links", total=len(set(addresses)))
        async with make() as web:
            return await ask_all(web, addresses, lambda: progress.advance(bar))


def for_json(problems: Iterable[Problem]) -> list[dict[str, Any]]:
    """The problems for programs."""
    return [
        {"file": str(each.path), "line": each.line, "key": each.key, "message": each.message, "cure": each.cure}
        for each in problems
    ]


def tell_warnings(found: Sequence[Problem]) -> None:
    """Show the warnings, a line each, on standard error; of many only the first, which are on the newest episodes."""
    for warning in found[:SHOWN]:
        err.print(f"warning: {warning}", style="yellow", soft_wrap=True)
    if len(found) > SHOWN:
        err.print(f"And {len(found) - SHOWN} more warnings, on older episodes; --json gives them all.", soft_wrap=True)
