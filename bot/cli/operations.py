"""What the admin does by hand: push now, look at what happened, look whether everything is reachable."""

from __future__ import annotations

import asyncio
import datetime as dt
from typing import TYPE_CHECKING, Any

from rich.progress import Progress
from rich.table import Table

from bot.app import AlreadyRunningError
from bot.cli.console import in_words
from bot.delivery.records import DeliveryState
from bot.document import Layout
from bot.episode import Status
from bot.platforms.base import SendError
from bot.problems import ExpectedError

if TYPE_CHECKING:
    from rich.console import Console

    from bot.app import App
    from bot.delivery.records import Broadcast
    from bot.episode import Episode
    from bot.subscription import Target

REFRESH = 0.1
"""Seconds between two looks at the ledger while the progress bar is shown."""
SHOWN_BROADCASTS = 10

_FINAL = (DeliveryState.SENT, DeliveryState.FAILED, DeliveryState.UNKNOWN)


class NotSentAgainError(ExpectedError):
    """The episode was pushed before; only `--again` pushes it once more."""


async def push(app: App, episode: Episode, target: Target | None, *, again: bool, console: Console) -> bool:
    """Push the episode to one target or to every subscription; whether all of it arrived.

    When the bot runs, it delivers, at its own pace, and this only watches.

    Raises:
        ExpectedError: the episode is a draft, was pushed before, or there is nobody to push it to.
    """
    _refuse_draft(episode)
    broadcasts = await _open(app, episode, target, again=again)
    try:
        async with app.delivering(listen=False):
            await _watch(app, broadcasts, console)
    except AlreadyRunningError:
        console.print("The running bot delivers.")
        await _watch(app, broadcasts, console)
    counts = await _counts(app, broadcasts)
    console.print(", ".join(f"{count} {state}" for state, count in counts.items() if count) or "nobody to send to")
    for broadcast in broadcasts:
        for failure in await app.ledger.failures(broadcast.id):
            console.print(f"{failure.target}: {failure.reason}")
    return not counts[DeliveryState.FAILED] and not counts[DeliveryState.UNKNOWN]


async def rehearse(app: App, episode: Episode, target: Target | None, console: Console) -> bool:
    """Say what `push` would send, and send nothing."""
    _refuse_draft(episode)
    if target is not None:
        console.print(f"Episode {episode.number} would go to {target}.")
        return True
    for schedule in app.config.schedules:
        if await app.ledger.broadcast_of(episode.number, schedule.name) is not None:
            console.print(f"Schedule {schedule.name}: episode {episode.number} was pushed already.")
            continue
        count = await app.ledger.subscriptions.count(schedule.name)
        console.print(f"Schedule {schedule.name}: episode {episode.number} would go to {count} subscriptions.")
    return True


async def facts(app: App) -> dict[str, Any]:
    """Broadcasts with their counts and failures, and the next runs, ready for JSON."""
    broadcasts = []
    for broadcast in await app.ledger.broadcasts(SHOWN_BROADCASTS):
        counts = await _counts(app, [broadcast])
        failures = await app.ledger.failures(broadcast.id)
        broadcasts.append(
            {
                "episode": broadcast.episode,
                "title": broadcast.title,
                "schedule": broadcast.schedule,
                "due": broadcast.due.isoformat(),
                "state": str(broadcast.state),
                "reason": broadcast.reason,
                "deliveries": {str(state): count for state, count in counts.items()},
                "failures": [
                    {"target": str(failure.target), "code": failure.code, "reason": failure.reason}
                    for failure in failures
                ],
            }
        )
    runs = {schedule.name: app.plan.timetable.next_run(schedule.name) for schedule in app.config.schedules}
    return {
        "broadcasts": broadcasts,
        "next_runs": {name: run and run.isoformat() for name, run in runs.items()},
    }


async def subscriptions(app: App) -> list[dict[str, Any]]:
    """Every subscription, ready for JSON."""
    return [
        {
            "target": str(subscription.target),
            "schedule": subscription.schedule,
            "topics": list(subscription.choices.topics),
            "layout": str(subscription.choices.layout),
            "silent": subscription.choices.silent,
            "publish": subscription.choices.publish,
            "origin": str(subscription.origin),
            "state": str(subscription.state),
            "reason": subscription.reason,
        }
        for subscription in await app.ledger.subscriptions.all()
    ]


def print_facts(known: dict[str, Any], zone: dt.tzinfo, console: Console) -> None:
    """What `facts` found, as a table, with times in the zone."""
    table = Table("Episode", "Schedule", "Due", "State", *map(str, DeliveryState))
    for broadcast in known["broadcasts"]:
        due = dt.datetime.fromisoformat(broadcast["due"]).astimezone(zone)
        counts = (str(broadcast["deliveries"][state]) for state in DeliveryState)
        table.add_row(
            str(broadcast["episode"]), broadcast["schedule"], f"{due:%Y-%m-%d %H:%M}", broadcast["state"], *counts
        )
    console.print(table if known["broadcasts"] else "Nothing has been pushed yet.")
    for broadcast in known["broadcasts"]:
        if broadcast["reason"]:
            console.print(f"Episode {broadcast['episode']} was stopped: {broadcast['reason']}")
        for failure in broadcast["failures"]:
            console.print(f"Episode {broadcast['episode']}, {failure['target']}: {failure['reason']}")
    for name, run in known["next_runs"].items():
        when = dt.datetime.fromisoformat(run).astimezone(zone) if run else None
        console.print(f"Next push on schedule {name}: {in_words(when)}")


async def refusals(app: App) -> list[str]:
    """One sentence for every token that is refused and every declared channel that the bot cannot write to."""
    found = []
    for name, station in app.stations.items():
        try:
            await station.platform.connect()
        except SendError as error:
            found.append(f"{name}: {error}")
            continue
        for subscription in app.config.subscriptions():
            if subscription.target.platform is name:
                try:
                    await station.platform.inspect(subscription.target)
                except SendError as error:
                    found.append(f"{subscription.target}: {error}")
        await station.platform.close()
    return found


def _refuse_draft(episode: Episode) -> None:
    if episode.status is Status.DRAFT:
        raise ExpectedError(f"episode {episode.number} is a draft: take `status: draft` out of {episode.path} first")


async def _open(app: App, episode: Episode, target: Target | None, *, again: bool) -> list[Broadcast]:
    now = app.clock()
    if target is not None:
        if target.platform not in app.stations:
            raise ExpectedError(f"{target.platform} is switched off: the config has no [{target.platform}] section")
        opened = [await app.plan.broadcaster.open_single(episode, target, layout=Layout.DIGEST, again=again)]
    else:
        await app.declare()
        opened = [
            await app.plan.broadcaster.open(episode, schedule.name, due=now, again=again)
            for schedule in app.config.schedules
        ]
    broadcasts = [broadcast for broadcast in opened if broadcast is not None]
    if not broadcasts:
        raise NotSentAgainError(f"episode {episode.number} was pushed before; add --again to push it once more")
    return broadcasts


async def _watch(app: App, broadcasts: list[Broadcast], console: Console) -> None:
    with Progress(console=console) as progress:
        bar = progress.add_task("Sending", total=None)
        while True:
            counts = await _counts(app, broadcasts)
            done = sum(counts[state] for state in _FINAL)
            progress.update(bar, total=sum(counts.values()), completed=done)
            if done == sum(counts.values()):
                return
            await asyncio.sleep(REFRESH)


async def _counts(app: App, broadcasts: list[Broadcast]) -> dict[DeliveryState, int]:
    counts = dict.fromkeys(DeliveryState, 0)
    for broadcast in broadcasts:
        for state, count in (await app.ledger.tally(broadcast.id)).items():
            counts[state] += count
    return counts
