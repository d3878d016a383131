"""`recap check`: the mistakes and warnings, the next pushes, dead links, and refusals of the platforms."""

import asyncio
import datetime as dt
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import urlsplit

import typer

from bot.cli import console
from bot.cli.console import ConfigOption, Exit, JsonOption, err, in_words, out
from bot.cli.wording import AdminCommand
from bot.config import Config, Network, Schedule, located, missing_tokens
from bot.config.exposure import exposed_metrics, exposed_secrets
from bot.config.sources import Fault
from bot.content.archive import Archive
from bot.content.audio import SMALLER, too_large
from bot.content.review import links, review
from bot.delivery.broadcast import DueEpisode
from bot.delivery.charts import GET_LIBRARY, NO_LIBRARY
from bot.delivery.reach import addressees, find_out
from bot.delivery.reasons import labelled, out_of_reach
from bot.model.episode import Episode, Status
from bot.model.facts import Unreached
from bot.model.i18n import gettext as _
from bot.model.i18n import gettext_noop, ngettext, spoken
from bot.model.problems import Problem
from bot.model.subscription import PlatformName
from bot.platforms import base
from bot.platforms.registry import PLATFORMS, renderers
from bot.runtime.clock import Timetable
from bot.storage import database
from bot.storage.records import LedgerError

if TYPE_CHECKING:
    from bot.content.links import LinkAnswer
    from bot.runtime.app import App

cli = typer.Typer()


@cli.command(cls=AdminCommand)
def check(
    config: ConfigOption = None,
    online: Annotated[
        bool, typer.Option("--online", help=gettext_noop("Also try the tokens and look up every channel."))
    ] = False,
    links: Annotated[
        bool, typer.Option("--links", help=gettext_noop("Also ask for every link: is it dead, has it moved?"))
    ] = False,
    strict: Annotated[bool, typer.Option("--strict", help=gettext_noop("Warnings fail too: exit code 1."))] = False,
    as_json: JsonOption = False,
) -> None:
    """Check the config and the content, and list the next pushes."""
    settings, archive = console.read(config, tokens="needed" if online else "optional")
    path = console.config_path(config)
    unusable, is_current, of_storage = _storage(settings, path)
    problems = [*unusable, *archive.problems]
    dead, moved, unsure = _look_up_links(settings, archive) if links else ([], [], [])
    of_settings = located(path, [*_vain_choices(settings, archive), *_missing_library(settings)])
    of_episodes = review(archive, settings.content.folder, settings.show.language, renderers())
    of_files = [*missing_tokens(path, settings), *exposed_secrets(path, settings), *exposed_metrics(path, settings)]
    warnings = [*of_storage, *of_files, *of_settings, *of_episodes]
    answers, refusals = console.with_app(settings, _asked) if online and not unusable else ([], [])
    timetable = Timetable(settings.schedules, console.now)
    pushes = {schedule.name: _next_push(schedule, timetable, archive) for schedule in settings.schedules}
    lengths = console.with_app(settings, partial(_lengths, pushes=pushes)) if is_current else {}
    if as_json:
        console.print_json(
            {
                "episodes": len(archive.episodes),
                "problems": console.for_json(problems),
                "warnings": console.for_json([*warnings, *moved]),
                "dead_links": console.for_json(dead),
                "unchecked_links": console.for_json(unsure),
                "answers": answers,
                "refusals": refusals,
                "next_runs": {name: push and push.run.isoformat() for name, push in pushes.items()},
                "next_episodes": {name: push and push.for_json() for name, push in pushes.items()},
                "next_seconds": {name: takes.total_seconds() for name, takes in lengths.items()},
            }
        )
    else:
        console.tell([*problems, *dead])
        console.tell_warnings([*moved, *unsure, *warnings])
        for refusal in refusals:
            err().print(refusal, soft_wrap=True)
        for answer in answers:
            out().print(answer, soft_wrap=True)
        out().print(_("Episodes in order: {count}").format(count=len(archive.episodes)))
        for name, push in pushes.items():
            told = _("Next push on schedule {schedule}: {when}")
            out().print(told.format(schedule=name, when=in_words(push.run if push else None)))
            if push is not None:
                out().print("\n".join(f"    {line}" for line in (str(push), *push.others.values())), soft_wrap=True)
            if push is not None and name in lengths:
                out().print(f"    {console.length_of_push(lengths[name], push.run)}", soft_wrap=True)
    if problems:
        raise typer.Exit(Exit.BAD_INPUT)
    if refusals or dead or (strict and (warnings or moved)):
        raise typer.Exit(Exit.FAILED)


def _storage(settings: Config, config: Path | None) -> tuple[list[Problem], bool, list[Problem]]:
    """Return the reason why `recap run` could not open the database, whether it is up to date, and warnings about it.

    Nothing is made or changed.
    """
    told = partial(console.storage_problem, config, settings.storage.path)
    try:
        is_current, warnings = database.check(settings.storage.url.get_secret_value())
    except LedgerError as error:
        return [told(error)], False, []
    return [], is_current, list(map(told, warnings))


async def _lengths(app: "App", *, pushes: Mapping[str, "NextPush | None"]) -> dict[str, dt.timedelta]:
    """Return how long each push takes that has an episode, to the subscriptions of now."""
    return {
        name: (await app.services.broadcaster.reach(push.due.episode, name))[1]
        for name, push in pushes.items()
        if push is not None and push.due.episode is not None
    }


def _vain_choices(settings: Config, archive: Archive) -> Iterator[Fault]:
    """Yield the choices of declared channels that do nothing: mentions without a sound, and topics that no episode has.

    Such a topic is misspelt, or still to come.
    """
    for number, channel in enumerate(settings.channels):
        if channel.mention and channel.silent:
            told = _("this mention rings for nobody, because the messages come without a sound")
            yield Fault(("channels", number, "mention"), told, _("Take mention or silent out"))
        for index, topic in enumerate(channel.topics):
            if archive.resolve_topic(topic) is None:
                near = [f'"{each}"' for each in archive.nearest_topics(topic)]
                cure = _("Leave it if the first subject on it is about to come")
                if near:
                    cure = _("Write {words}, or leave it if the first subject on it is about to come")
                    cure = cure.format(words=spoken().either(near))
                yield Fault(
                    ("channels", number, "topics", index),
                    _("no episode has the topic '{topic}', so it brings this channel nothing").format(topic=topic),
                    cure,
                )


def _missing_library(settings: Config) -> Iterator[Fault]:
    """Yield the library that the picture of the reports needs and that is not installed here."""
    if settings.reports.picture and find_spec("matplotlib") is None:
        yield Fault(("reports", "picture"), _(NO_LIBRARY), _(GET_LIBRARY))


@dataclass(frozen=True, slots=True)
class NextPush:
    """The next occurrence of a schedule, and the episode that the archive has for it now."""

    run: dt.datetime
    due: DueEpisode
    before: dt.datetime | None
    """The occurrence before, if the same episode was due then: the episode has gone out, unless it came too late."""
    others: Mapping[int, str]
    """Sentences on the other episodes that were not due before, by their numbers: when they go, or why not."""

    def __str__(self) -> str:
        episode = self.due.episode
        if episode is None:
            return _("no episode for it yet: {reason}").format(reason=self.reason)
        told = _("episode {number}, {title}")
        if self.before:
            told = _("episode {number}, {title}, unless it has gone out since {before}")
        return told.format(number=episode.number, title=episode.title, before=in_words(self.before))

    @property
    def reason(self) -> str | None:
        """The reason why the archive has no episode for the occurrence; None if it has one."""
        due, date = self.due, spoken().date
        if due.episode is not None:
            return None
        if due.newest is None:
            return _("there is none that people may see")
        newest = _("the newest is episode {number} of {date}, and max_age lets none out from before {oldest}")
        return newest.format(number=due.newest.number, date=date(due.newest.date), oldest=date(due.oldest))

    def for_json(self) -> dict[str, Any]:
        """Return the episode for programs."""
        episode = self.due.episode
        return {
            "number": episode and episode.number,
            "title": episode and episode.title,
            "reason": self.reason,
            "due_before": self.before and self.before.isoformat(),
            "others": [{"number": number, "meaning": told} for number, told in self.others.items()],
        }


def _next_push(schedule: Schedule, timetable: Timetable, archive: Archive) -> NextPush | None:
    """Return the next push on the schedule; None if it has no occurrence left."""
    run = timetable.next_run(schedule.name)
    if run is None:
        return None
    due = DueEpisode.at(run, schedule, archive)
    last = timetable.last_run(schedule.name)
    is_repeated = last is not None and DueEpisode.at(last, schedule, archive).episode is due.episode is not None
    since = last.date() if last else due.oldest
    others = {
        each.number: _fate(each, schedule, timetable, archive)
        for each in reversed(archive.episodes)
        if each.date > since and each is not due.newest
    }
    return NextPush(run, due, last if is_repeated else None, others)


def _fate(episode: Episode, schedule: Schedule, timetable: Timetable, archive: Archive) -> str:
    """Return when the schedule would push the episode, or why never."""
    number = episode.number
    if episode.status is Status.DRAFT:
        return _("episode {number} is a draft").format(number=number)
    day = dt.datetime.combine(episode.date, dt.time(), schedule.timezone)
    run = timetable.next_run(schedule.name, day - dt.timedelta.resolution)
    newest = DueEpisode.at(run, schedule, archive).episode if run else None
    if newest is episode:
        return _("episode {number} goes on {when}").format(number=number, when=in_words(run))
    if newest is None:
        told = _("episode {number} is dated {date}, and no push comes within max_age of it")
        return told.format(number=number, date=spoken().date(episode.date))
    told = _("episode {number} does not go, because episode {newer} is newer: `recap send {number}` pushes it")
    return told.format(number=number, newer=newest.number)


def _look_up_links(settings: Config, archive: Archive) -> tuple[list[Problem], list[Problem], list[Problem]]:
    """Return the links of the episodes that are dead, those to change, and those that stay unknown.

    One that has moved for good is to be changed, and so is a recording that is too large for the chats that want it.
    """
    from bot.content.links import dead_link

    places = links(archive, settings.content.folder)
    answers = asyncio.run(_ask([url for url, _path, _line in places], settings.network))
    brought: set[str | None] = set()
    ways = {*(schedule.audio for schedule in settings.schedules), *(channel.audio for channel in settings.channels)}
    if "file" in ways:
        brought = {episode.audio for episode in archive.episodes if episode.audio_file is None}
    dead, moved, unsure = [], [], []
    for url, path, line in places:
        answer = answers[url]
        if answer.is_dead:
            dead.append(dead_link(url, answer, path, line))
        elif answer.is_unsure:
            reason = answer.failure or _("the site answers {status} to a program").format(status=answer.status)
            told = _("the link {url} could not be checked ({reason})").format(url=url, reason=reason)
            unsure.append(Problem(path, told, _("Open it in a browser to see whether it is there"), line))
        elif answer.moved:
            told = _("the link {url} has moved").format(url=url)
            moved.append(Problem(path, told, _("Write {address}").format(address=answer.moved), line))
        if url in brought and (told := too_large(answer.size)):
            moved.append(Problem(path, told, _(SMALLER), line))
    return dead, moved, unsure


async def _ask(addresses: list[str], network: Network) -> "dict[str, LinkAnswer]":
    from rich.progress import Progress

    from bot.content.links import Web, ask_all

    with Progress(console=err(), transient=True) as progress:
        bar = progress.add_task(_("Asking for the links"), total=len(set(addresses)))
        async with Web(network=network) as web:
            return await ask_all(web, addresses, lambda: progress.advance(bar))


async def _asked(app: "App") -> tuple[list[str], list[str]]:
    """Return a sentence on all that works on each platform, and one for each token, channel and admin that does not."""
    works: list[str] = []
    refused: list[str] = []
    for name, connection in app.connections.items():
        try:
            await connection.platform.connect()
            reached = Counter(await _reach(app.config, connection.platform, refused))
            channels = ngettext("{count} channel", "{count} channels", reached[False]).format(count=reached[False])
            admins = ngettext("{count} admin", "{count} admins", reached[True]).format(count=reached[True])
            answers = _("{platform}: @{account} answers, {channels} and {admins} can be reached").format(
                platform=PLATFORMS[name].title,
                account=connection.platform.username,
                channels=channels,
                admins=admins,
            )
            works.append(answers)
        except base.SendError as error:
            refused.append(labelled(name, _with_cure(error, _proxy_of(app.config, name)), spoken()))
        finally:
            await connection.platform.close()
    return works, refused


async def _reach(settings: Config, platform: base.Platform, refused: list[str]) -> list[bool]:
    """Return for each place that can be reached whether it is an admin's; add a sentence for each other one."""
    reached = []
    for place in addressees(settings, platform.name):
        try:
            found = await find_out(platform, place)
        except base.SendError as error:
            cure = _with_cure(error, _proxy_of(settings, platform.name))
            refused.append(labelled(str(place.target), cure, spoken()))
            continue
        if isinstance(found, Unreached):
            refused.append(out_of_reach(found, spoken()))
        else:
            reached.append(place.is_admin)
            refused += [labelled(str(place.target), f"{sentence}.", spoken()) for sentence in found]
    return reached


def _proxy_of(settings: Config, platform: PlatformName) -> str | None:
    """Return the machine and port of the proxy before the platform, without its password; None without a proxy."""
    proxy = settings.network.proxy_for(settings.platforms[platform].api_url)
    return proxy and urlsplit(proxy).netloc.rpartition("@")[2]


def _with_cure(error: base.SendError, proxy: str | None) -> str:
    match error:
        case base.UnauthorisedError():
            return _("{error}. Copy the whole token again from where you made the bot.").format(error=error)
        case base.ForeignAnswerError():
            return _(
                "{error}. See that api_url is the address of the platform itself, with no page of a network before it."
            ).format(error=error)
        case base.NotSentError() | base.UnknownOutcomeError() if proxy:
            told = _("{error}. See whether the proxy {proxy} works and lets this machine through, then try again.")
            return told.format(error=error, proxy=proxy)
        case base.NotSentError() | base.UnknownOutcomeError():
            return _("{error}. See whether this machine is online, then try again.").format(error=error)
    # The texts of the platforms name the missing right themselves.
    return f"{error}."
