"""What the admin looks at: what happened, and whether everything can be reached."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

from rich.table import Table

from bot.cli.console import in_words, print_table
from bot.delivery.report import explain
from bot.model.i18n import Language, words
from bot.platforms.base import (
    NotSentError,
    SendError,
    TargetGoneError,
    TargetNotFoundError,
    UnauthorisedError,
    UnknownOutcomeError,
)
from bot.storage.lock import DeliveryLock
from bot.storage.records import DeliveryState

if TYPE_CHECKING:
    from rich.console import Console

    from bot.model.facts import Pushed
    from bot.runtime.app import App
    from bot.storage.records import Broadcast

SHOWN_BROADCASTS = 10
SHOWN_NOTICES = 5
SHOWN_FAILURES = 20
"""Targets that a table shows for one broadcast; `--json` has all."""


async def facts(app: App) -> dict[str, Any]:
    """Broadcasts with what became of them, notices, next runs, and whether the bot runs, ready for JSON."""
    pushes = await app.ledger.broadcasts(SHOWN_BROADCASTS)
    runs = {schedule.name: app.services.timetable.next_run(schedule.name) for schedule in app.config.schedules}
    return {
        "running": DeliveryLock(app.config.storage.path).is_held(),
        "broadcasts": [await _push_facts(app, push) for push in pushes],
        "notices": [
            {"told": notice.created.isoformat(), "text": notice.text, "state": str(notice.state)}
            for notice in await app.ledger.notices.latest(SHOWN_NOTICES)
        ],
        "next_runs": {name: run and run.isoformat() for name, run in runs.items()},
    }


async def _push_facts(app: App, push: Broadcast) -> dict[str, Any]:
    outcome = await app.ledger.notices.outcome(push)
    counts = await app.ledger.tally(push.id)
    failures = await app.ledger.failures(push.id)
    return {
        "episode": push.episode,
        "title": push.title,
        "schedule": push.schedule,
        "due": push.due.isoformat(),
        "finished": push.finished and push.finished.isoformat(),
        "seconds": round(outcome.took.total_seconds()),
        "state": str(push.state),
        "reason": push.reason,
        "deliveries": {str(state): count for state, count in counts.items()},
        "sent": {str(platform): count for platform, count in outcome.served.items()},
        "ended": outcome.ended,
        "unserved": _unserved_facts(outcome),
        "failures": [
            {"target": str(failure.target), "code": failure.code, "reason": failure.reason} for failure in failures
        ],
    }


def _unserved_facts(outcome: Pushed) -> list[dict[str, Any]]:
    """Who did not get a push, by reason, with the sentence of the report."""
    english = words(Language.ENGLISH)
    return [
        {
            "platform": str(each.platform),
            "code": each.code,
            "count": each.count,
            "unknown": each.unknown,
            "meaning": explain([each], english)[0],
        }
        for each in outcome.unserved
    ]


def print_facts(known: dict[str, Any], zone: dt.tzinfo, console: Console) -> None:
    """What `facts` found, as a table, with times in the zone."""

    def local(moment: str) -> str:
        return f"{dt.datetime.fromisoformat(moment).astimezone(zone):%Y-%m-%d %H:%M}"

    console.print("The bot is running." if known["running"] else "The bot is not running: `recap run` starts it.")
    table = Table("Episode", "Schedule", "Due", "State", "Deliveries")
    for push in known["broadcasts"]:
        counts = ", ".join(f"{count} {state}" for state in DeliveryState if (count := push["deliveries"][state]))
        table.add_row(str(push["episode"]), push["schedule"], local(push["due"]), push["state"], counts or "none")
    if known["broadcasts"]:
        print_table(table, console)
    else:
        console.print("Nothing has been pushed yet.")
    for push in known["broadcasts"]:
        _print_troubles(push, console)
    for notice in known["notices"]:
        first, *rest = notice["text"].splitlines()
        console.print(f"{local(notice['told'])}  {first}")
        for line in rest:
            console.print(f"    {line}", soft_wrap=True)
    for name, run in known["next_runs"].items():
        when = dt.datetime.fromisoformat(run).astimezone(zone) if run else None
        console.print(f"Next push on schedule {name}: {in_words(when)}")


def _print_troubles(push: dict[str, Any], console: Console) -> None:
    name = f"Episode {push['episode']} on {push['schedule']}"
    if push["reason"]:
        console.print(f"{name} was stopped: {push['reason']}", soft_wrap=True)
    for unserved in push["unserved"]:
        console.print(f"{name}: {unserved['meaning']}", soft_wrap=True)
    for failure in push["failures"][:SHOWN_FAILURES]:
        console.print(f"    {failure['target']}: {failure['reason']}", soft_wrap=True)
    if len(push["failures"]) > SHOWN_FAILURES:
        console.print(f"    and {len(push['failures']) - SHOWN_FAILURES} more: `recap status --json` has all of them")


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
            "rich": subscription.choices.rich,
            "paused_until": subscription.paused_until and subscription.paused_until.isoformat(),
            "origin": str(subscription.origin),
            "state": str(subscription.state),
            "reason": subscription.reason,
        }
        for subscription in await app.ledger.subscriptions.all()
    ]


async def refusals(app: App) -> list[str]:
    """One sentence for every token that is refused and every declared channel that the bot cannot write to."""
    found = []
    for name, connection in app.connections.items():
        declared = [each for each in app.config.subscriptions() if each.target.platform == name]
        try:
            await connection.platform.connect()
            for subscription in declared:
                try:
                    await connection.platform.inspect(subscription.target, publish=subscription.choices.publish)
                except SendError as error:
                    found.append(f"{subscription.target}: {_with_cure(error)}")
        except SendError as error:
            found.append(f"{name}: {_with_cure(error)}")
        finally:
            await connection.platform.close()
    return found


def _with_cure(error: SendError) -> str:
    match error:
        case UnauthorisedError():
            return f"{error}. Copy the whole token again from where you made the bot."
        case TargetNotFoundError():
            return f"{error}. Correct it in the config, and make the bot a member there."
        case TargetGoneError():
            return f"{error}. Make the bot a member there."
        case NotSentError() | UnknownOutcomeError():
            return f"{error}. See whether this machine is online, then try again."
        case _:
            # Of missing rights the platforms say themselves which.
            return f"{error}."
