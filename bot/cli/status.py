"""`recap status` and `recap healthy`: the state of the bot, the last pushes, and the next ones."""

import datetime as dt
from typing import TYPE_CHECKING, Any

import typer

from bot.cli import console
from bot.cli.console import ConfigOption, Exit, JsonOption, in_words, out
from bot.cli.wording import AdminCommand
from bot.delivery.cards import state_of, under_way
from bot.delivery.reasons import explain, explain_left_out
from bot.model.i18n import gettext as _
from bot.model.i18n import gettext_noop, spoken
from bot.storage.health import troubles_of
from bot.storage.lock import DeliveryLock
from bot.storage.records import Broadcast, BroadcastState, DeliveryState

if TYPE_CHECKING:
    from bot.runtime.app import App

cli = typer.Typer()

_STATES = {
    BroadcastState.OPEN: gettext_noop("under way"),
    BroadcastState.DONE: gettext_noop("done"),
    BroadcastState.STOPPED: gettext_noop("stopped"),
}

SHOWN_BROADCASTS = 10
SHOWN_NOTICES = 5
SHOWN_FAILURES = 20
"""Targets that the text shows for one broadcast; `--json` has all."""


@cli.command(cls=AdminCommand)
def status(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Tell whether the bot runs, what was pushed, and what is next."""
    settings = console.read_settings(config)
    facts = console.look(settings, _facts)
    if as_json:
        console.print_json(facts)
    else:
        _print_facts(facts, settings.show.timezone)


@cli.command(cls=AdminCommand)
def healthy(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Tell a health check by the exit code whether the bot works, and what is wrong if it does not."""
    settings = console.read_settings(config)
    path = settings.storage.path
    troubles = console.look(settings, _troubles_here) if path is None else troubles_of(path)
    if as_json:
        console.print_json({"healthy": not troubles, "troubles": troubles})
    else:
        typer.echo("\n".join(troubles or [_("The bot is healthy.")]))
    if troubles:
        raise typer.Exit(Exit.FAILED)


async def _troubles_here(app: "App") -> list[str]:
    return [] if app.ledger.processes is None else await app.ledger.processes.troubles_here()


async def _facts(app: "App") -> dict[str, Any]:
    """Return the broadcasts with their outcomes, notices, next runs, and whether the bot runs, ready for JSON."""
    from bot.cli import processes

    path = app.config.storage.path
    shown = await processes.shown(app)
    runs = {schedule.name: app.services.timetable.next_run(schedule.name) for schedule in app.config.schedules}
    return {
        "running": any(each["lives"] for each in shown) if path is None else DeliveryLock(path).is_held(),
        "troubles": await processes.troubles(app) if path is None else troubles_of(path),
        "processes": shown,
        "broadcasts": [await _push_facts(app, push) for push in await app.ledger.broadcasts(SHOWN_BROADCASTS)],
        "changes": [
            {**change._asdict(), "until": change.until.isoformat(), "meaning": under_way(change, spoken())}
            for change in await app.services.corrector.under_way()
        ],
        "publishing": await app.ledger.publications.waiting(),
        "unreached": [spoken().retell(line) for line in await app.ledger.heartbeat.unreached()],
        "notices": await _notice_facts(app),
        "next_runs": {name: run and run.isoformat() for name, run in runs.items()},
        "held": [
            {
                "schedule": push.schedule,
                "episode": push.episode,
                "withheld_by": seen.withheld_by,
                "meaning": state_of(push, seen, spoken()),
            }
            for push, seen in await app.services.rehearser.planned_all()
            if seen.hold(push.permit) is not None
        ],
    }


async def _notice_facts(app: "App") -> list[dict[str, Any]]:
    latest = await app.ledger.notices.latest(SHOWN_NOTICES)
    fates = await app.ledger.notices.fates(latest)
    return [
        {
            "made": notice.created.isoformat(),
            "text": notice.text,
            "state": str(notice.state),
            "told": [str(target) for target in fates[notice.id].reached],
            "waiting": [str(target) for target in fates[notice.id].waiting],
            "missed": [
                {"target": str(target), "reason": spoken().retell(reason)} for target, reason in fates[notice.id].missed
            ],
        }
        for notice in latest
    ]


async def _push_facts(app: "App", push: Broadcast) -> dict[str, Any]:
    outcome = await app.ledger.notices.outcome(push)
    failures, states = await app.ledger.failures(push.id), await app.ledger.tally(push.id)
    retell = spoken().retell
    return {
        "episode": push.episode,
        "title": push.title,
        "schedule": push.key,
        "due": push.due.isoformat(),
        "finished": push.finished and push.finished.isoformat(),
        "seconds": round(outcome.took.total_seconds()),
        "state": str(push.state),
        "recalled": await app.ledger.corrections.is_recalled(push),
        "reason": retell(push.reason),
        "deliveries": {str(state): count for state, count in states.items()},
        "results": {
            **{str(state): states[state] for state in (DeliveryState.PENDING, DeliveryState.SENDING)},
            **outcome.results,
        },
        "sent": {str(platform): count for platform, count in outcome.served.items()},
        "ended": outcome.ended,
        "subscribed": outcome.subscribed,
        "left_out": {str(why): count for why, count in outcome.left_out.items()},
        "unaccounted": outcome.unaccounted,
        "left_out_meaning": explain_left_out(outcome, spoken()),
        "unserved": [
            {
                "platform": str(each.platform),
                "code": each.code,
                "count": each.count,
                "unknown": each.unknown,
                "meaning": explain([each], spoken())[0],
            }
            for each in outcome.unserved
        ],
        "failures": [
            {"target": str(failure.target), "code": failure.code, "reason": retell(failure.reason)}
            for failure in failures
        ],
    }


def _print_facts(facts: dict[str, Any], zone: dt.tzinfo) -> None:
    """Print the facts for people, with times in the zone."""
    from bot.cli import processes

    def local(moment: str) -> str:
        return spoken().day(dt.datetime.fromisoformat(moment).astimezone(zone))

    state = facts["troubles"] or [_("The bot is running and healthy.")]
    for line in [*state, *processes.lines(facts["processes"], local)]:
        out().print(line, soft_wrap=True)
    for line in facts["unreached"]:
        out().print(_("Out of reach: {line}").format(line=line), soft_wrap=True)
    rows = []
    for push in facts["broadcasts"]:
        state, deliveries = _STATES[push["state"]], console.counted(push["results"]) or _("none")
        rows.append(push | {"due": local(push["due"]), "state": _(state), "deliveries": deliveries})
    if rows:
        columns = {
            _("Episode"): "episode",
            _("Schedule"): "schedule",
            _("Due"): "due",
            _("State"): "state",
            _("Deliveries"): "deliveries",
        }
        console.print_table(columns, rows)
    else:
        out().print(_("Nothing has been pushed yet."))
    for push in facts["broadcasts"]:
        _print_troubles(push)
    for change in facts["changes"]:
        out().print(change["meaning"], soft_wrap=True)
    if facts["publishing"]:
        out().print(_("Messages still to be published to followers: {count}").format(count=facts["publishing"]))
    for notice in facts["notices"]:
        _print_notice(notice, local(notice["made"]))
    _print_next(facts, zone)


def _print_next(facts: dict[str, Any], zone: dt.tzinfo) -> None:
    for name, run in facts["next_runs"].items():
        when = dt.datetime.fromisoformat(run).astimezone(zone) if run else None
        out().print(_("Next push on schedule {schedule}: {when}").format(schedule=name, when=in_words(when)))
    for push in facts["held"]:
        name = _("Episode {number} on {schedule}").format(number=push["episode"], schedule=push["schedule"])
        out().print(_("{name}: {text}").format(name=name, text=push["meaning"]), soft_wrap=True)


def _print_notice(notice: dict[str, Any], made: str) -> None:
    first, *rest = notice["text"].splitlines()
    out().print(f"{made}  {first}")
    for line in [*rest, _reached(notice)]:
        out().print(f"    {line}", soft_wrap=True)


def _reached(notice: dict[str, Any]) -> str:
    """Return the line that says whom a notice has reached."""
    told, waiting, missed = notice["told"], notice["waiting"], notice["missed"]
    if not (told or waiting or missed):
        return _("→ told to nobody: no admin is in the config")
    said = [_("told to {admins}").format(admins=", ".join(told)) if told else _("told to nobody yet")]
    if waiting:
        said.append(_("on its way to {admins}").format(admins=", ".join(waiting)))
    elif not told:
        said = [_("told to nobody")]
    said += [_("not to {target} ({reason})").format(**each) for each in missed]
    return f"→ {'; '.join(said)}"


def _print_troubles(push: dict[str, Any]) -> None:
    name = _("Episode {number} on {schedule}").format(number=push["episode"], schedule=push["schedule"])
    labelled = _("{name}: {text}")
    if push["reason"]:
        out().print(_("{name} was stopped: {reason}").format(name=name, reason=push["reason"]), soft_wrap=True)
    elif push["recalled"]:
        out().print(_("{name} was recalled afterwards.").format(name=name), soft_wrap=True)
    for unserved in push["unserved"]:
        out().print(labelled.format(name=name, text=unserved["meaning"]), soft_wrap=True)
    for line in push["left_out_meaning"]:
        out().print(labelled.format(name=name, text=line), soft_wrap=True)
    for failure in push["failures"][:SHOWN_FAILURES]:
        out().print(f"    {labelled.format(name=failure['target'], text=failure['reason'])}", soft_wrap=True)
    if len(push["failures"]) > SHOWN_FAILURES:
        more = _("and {count} more: `recap status --json` has all of them")
        out().print("    " + more.format(count=len(push["failures"]) - SHOWN_FAILURES))
