"""`recap send`: push an episode by hand, to everybody, to one target, or again to those that the last push failed."""

import asyncio
import datetime as dt
import enum
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bot.cli import console
from bot.cli.console import ConfigOption, Exit, NumberArgument, out
from bot.cli.wording import AdminCommand
from bot.delivery.cards import unchanged
from bot.delivery.reasons import explain, labelled
from bot.model.document import Layout
from bot.model.episode import Episode, Status
from bot.model.facts import Ability
from bot.model.i18n import gettext as _
from bot.model.i18n import gettext_noop, ngettext, spoken
from bot.model.problems import ExpectedError
from bot.model.rehearsal import Hold
from bot.model.subscription import PlatformName, Target
from bot.platforms.registry import PLATFORMS
from bot.storage.lock import DeliveryLock
from bot.storage.records import CHANGES, Broadcast, BroadcastState, DeliveryState, to_one

if TYPE_CHECKING:
    from bot.runtime.app import App

cli = typer.Typer()

REFRESH = 0.1
"""Seconds between two readings of the ledger while the progress bar is shown."""
LOOK_FOR_BOT_AFTER = 2.0
"""Seconds without progress after which the command checks whether the bot that delivers still runs."""
SAY_AFTER = 5.0
"""Seconds without progress after which the command says what it waits for."""
PATIENCE = 120.0
"""Seconds without progress after which the command ends: the bot may wait hours for a platform, or have given up."""
REPORTED_WITHIN = 10.0
"""Seconds that the report to the admins gets before the command ends; later the bot sends it."""

_FINAL = (DeliveryState.SENT, DeliveryState.FAILED, DeliveryState.UNKNOWN)


class Only(enum.StrEnum):
    """A part of the targets of a push."""

    FAILED = "failed"


class NotSentAgainError(ExpectedError):
    """An episode that was pushed before. Only `--again` pushes it once more."""


@cli.command(cls=AdminCommand)
def send(
    number: NumberArgument = None,
    to: Annotated[
        str | None,
        typer.Option(metavar=gettext_noop("PLATFORM:CHAT[:THREAD]"), help=gettext_noop("Only to this target.")),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help=gettext_noop("Say what would be sent, and send nothing."))
    ] = False,
    again: Annotated[bool, typer.Option("--again", help=gettext_noop("Send even though it was sent before."))] = False,
    only: Annotated[
        Only | None, typer.Option(help=gettext_noop("Send again, only to those whom the last push failed."))
    ] = None,
    config: ConfigOption = None,
) -> None:
    """Push an episode now, to everybody or to one target."""
    if only is not None and (to or again or dry_run):
        raise typer.BadParameter(_("--only failed stands alone: it says to whom, and that it is again"))
    settings, archive = console.read(config, tokens="optional" if dry_run else "needed")
    if not dry_run:
        console.need_platform(settings)
    target = console.parse_target(to) if to else None
    # Because a first episode waits for its day, a look at it needs no number.
    waits = dry_run and archive.latest(console.now().date()) is None
    episode = console.find_episode(archive, number, published=number is None and not waits)

    async def act(app: "App") -> bool:
        if episode.status is Status.DRAFT:
            draft = _("episode {number} is a draft: take `status: draft` out of {path} first")
            raise ExpectedError(draft.format(number=episode.number, path=episode.path))
        if only is Only.FAILED:
            return await push_to_failed(app, episode)
        if dry_run:
            await rehearse(app, episode, target, again=again)
            return True
        return await push(app, episode, target, again=again)

    use = console.look if dry_run else console.with_app
    if not use(settings, act):
        raise typer.Exit(Exit.FAILED)


async def push(app: "App", episode: Episode, target: Target | None, *, again: bool) -> bool:
    """Push the episode to one target or to every subscription.

    Returns:
        True if nobody is left without that wanted it.

    Raises:
        ExpectedError: the episode was pushed before, or nobody has subscribed.
        typer.BadParameter: the target's platform is switched off.
    """
    if target is not None:
        console.need_switched_on(app.config, target.platform)
        is_private = PLATFORMS[target.platform].section.is_private(target.chat)
        broadcast = await app.services.broadcaster.open_single(
            episode, target, layout=Layout.DIGEST, again=again, is_private=is_private
        )
        opened = [broadcast]
    else:
        await app.declare()
        counts = []
        for schedule in app.config.schedules:
            counts.append(await app.ledger.subscriptions.count(schedule.name, app.config.platforms))
            await _tell_left_out(app, schedule.name)
        if not any(counts):
            # Because a push to nobody counts as one, it is refused; else new subscribers would not get it on Monday.
            where = spoken().either(app.config.platforms)
            nobody = _("nobody has subscribed yet on {platforms}; --to sends it to a target all the same")
            raise ExpectedError(nobody.format(platforms=where))
        await _check_let_out(app, episode)
        broadcaster, now = app.services.broadcaster, app.clock()
        opened = [await broadcaster.open(episode, each.name, due=now, again=again) for each in app.config.schedules]
    broadcasts = [broadcast for broadcast in opened if broadcast is not None]
    if not broadcasts:
        # Because what waits is sent all the same, `--again` would double it.
        keys = [to_one(target)] if target else [schedule.name for schedule in app.config.schedules]
        before = [await app.ledger.broadcast_of(episode.number, key) for key in keys]
        broadcasts = [each for each in before if each is not None and each.state is BroadcastState.OPEN]
        if broadcasts:
            out().print(_("Episode {number} is under way already: it goes on.").format(number=episode.number))
    if broadcasts:
        return await deliver(app, broadcasts)
    told = _("episode {number} was sent to {target} before; add --again to send it once more")
    if target is None:
        told = _(
            "episode {number} was pushed before; add --again to push it once more to everybody, "
            "or --only failed to push it to those who did not get it"
        )
    raise NotSentAgainError(told.format(number=episode.number, target=target))


async def push_to_failed(app: "App", episode: Episode) -> bool:
    """Push the episode again to the targets that its last push on each schedule failed.

    Returns:
        True if nobody is left out that wanted it now.

    Raises:
        ExpectedError: the episode was never pushed, is being pushed, or was recalled.
    """
    schedules = [schedule.name for schedule in app.config.schedules]
    pushes = [push for name in schedules if (push := await app.ledger.broadcast_of(episode.number, name)) is not None]
    if not pushes:
        never = _("episode {number} was never pushed: `recap send {number}` does")
        raise ExpectedError(never.format(number=episode.number))
    if any(push.state is BroadcastState.OPEN for push in pushes):
        still = _("episode {number} is still being pushed: try again when `recap status` says done")
        raise ExpectedError(still.format(number=episode.number))
    if any([await app.ledger.corrections.is_recalled(push) for push in pushes]):
        recalled = _("episode {number} was recalled: `recap send {number} --again` sends it anew, to everybody")
        raise ExpectedError(recalled.format(number=episode.number))
    await _check_let_out(app, episode)
    opened = []
    for push in pushes:
        before = await app.ledger.notices.outcome(push)
        failed, unknown, again = before.failed, before.unknown, 0
        if retried := await app.services.broadcaster.open_for_failed(push, episode, due=app.clock()):
            opened.append(retried)
            again = sum((await app.ledger.tally(retried.id)).values())
        told = _("Schedule {schedule}: {failed} failed, {again} tried again.")
        out().print(told.format(schedule=push.key, failed=failed, again=again))
        if left := failed - again:
            gone = ngettext(
                "{count} left out: it has left or unsubscribed, or is on holiday.",
                "{count} left out: they have left or unsubscribed, or are on holiday.",
                left,
            )
            out().print("  " + gone.format(count=left))
        if unknown:
            doubtful = ngettext(
                "{count} of unknown outcome left out: it may have it. --to sends it there, --again to all.",
                "{count} of unknown outcome left out: they may have it. --to sends it to one of them, --again to all.",
                unknown,
            )
            out().print("  " + doubtful.format(count=unknown))
    return await deliver(app, opened) if opened else True


async def rehearse(app: "App", episode: Episode, target: Target | None, *, again: bool) -> None:
    """Print the deliveries that `push` would make, and send nothing.

    Raises:
        typer.BadParameter: the target's platform is switched off.
    """
    if target is not None:
        console.need_switched_on(app.config, target.platform)
        before = None if again else await app.ledger.broadcast_of(episode.number, to_one(target))
        fate = _("Episode {number} would go to {target}.")
        if before is not None and before.state is not BroadcastState.OPEN:
            fate = _("Episode {number} was sent already to {target}.")
        out().print(fate.format(number=episode.number, target=target))
        return
    await app.declare()
    for schedule in app.config.schedules:
        before = None if again else await app.ledger.broadcast_of(episode.number, schedule.name)
        if before is not None:
            fate = _("Schedule {schedule}: episode {number} was pushed already.")
            if before.state is BroadcastState.OPEN:
                fate = _("Schedule {schedule}: episode {number} is under way already: it goes on.")
            out().print(fate.format(schedule=schedule.name, number=episode.number))
            continue
        count, takes = await app.services.broadcaster.reach(episode, schedule.name)
        would = ngettext(
            "Schedule {schedule}: episode {number} would go to {count} subscription.",
            "Schedule {schedule}: episode {number} would go to {count} subscriptions.",
            count,
        )
        out().print(would.format(schedule=schedule.name, number=episode.number, count=count))
        begin = app.clock().astimezone(schedule.timezone)
        out().print(f"    {console.length_of_push(takes, begin)}", soft_wrap=True)
        await _tell_left_out(app, schedule.name)


async def _check_let_out(app: "App", episode: Episode) -> None:
    """Raise an error if the episode, as it is now, may not go out on one of the schedules.

    Raises:
        ExpectedError: it is withheld there, or waits for an approval.
    """
    told = {
        Hold.WITHHELD: _("episode {number} is withheld on schedule {schedule}: `recap release {number}` first"),
        Hold.UNAPPROVED: _(
            "episode {number}, as it is now, is not approved on schedule {schedule}: `recap approve {number}` first"
        ),
    }
    for schedule in app.config.schedules:
        if (hold := await app.services.broadcaster.hold(episode, schedule.name)) is not None:
            raise ExpectedError(told[hold].format(number=episode.number, schedule=schedule.name))


async def _tell_left_out(app: "App", schedule: str) -> None:
    """Print the number of subscriptions that the push leaves out because their platform is switched off."""
    for platform in PLATFORMS:
        if platform in app.config.platforms:
            continue
        if count := await app.ledger.subscriptions.count(schedule, [platform]):
            left_out = _("Schedule {schedule}: {count} on {platform} left out, because it is switched off: {cure}.")
            cure = console.how_to_switch_on(platform)
            told = left_out.format(schedule=schedule, count=count, platform=platform, cure=cure)
            out().print(told, soft_wrap=True)


async def _nothing() -> None:
    """Do nothing."""


async def deliver(app: "App", broadcasts: list[Broadcast], then: Callable[[], Awaitable[None]] = _nothing) -> bool:
    """Deliver the broadcasts, or watch the bot that runs deliver them; `then` has more for the admins.

    Returns:
        True if nobody is left without that wanted it.
    """
    from bot.runtime.app import AlreadyRunningError

    try:
        async with app.delivering(listen=False):
            await _watch(app, broadcasts)
            await then()
            await _report(app)
    except AlreadyRunningError:
        out().print(_("The running bot delivers."))
        await _watch(app, broadcasts, bot=DeliveryLock(app.config.storage.path or Path("recap")))
        await then()
    counts = await _counts(app, broadcasts)
    results: Counter[str] = Counter({state: counts[state] for state in (DeliveryState.PENDING, DeliveryState.SENDING)})
    outcomes = [await app.ledger.notices.outcome(broadcast) for broadcast in broadcasts]
    for outcome in outcomes:
        results.update(outcome.results)
    told, reasons = console.counted(results) or _("nobody to send to"), explain
    if any(broadcast.kind in CHANGES for broadcast in broadcasts):
        changed = results.pop(DeliveryState.SENT, 0)
        places = ngettext("{count} place changed", "{count} places changed", changed).format(count=changed)
        told, reasons = ", ".join(filter(None, [places, console.counted(results)])), unchanged
    out().print(told)
    for line in reasons([each for outcome in outcomes for each in outcome.unserved], spoken()):
        out().print(line, soft_wrap=True)
    failures = [each for broadcast in broadcasts for each in await app.ledger.failures(broadcast.id)]
    for failure in failures:
        out().print(labelled(str(failure.target), spoken().retell(failure.reason), spoken()))
    for connection in app.connections.values():
        if connection.refusal is not None:
            until = _("{refusal}: what waits there is sent when the bot runs with a valid one within a day.")
            out().print(until.format(refusal=connection.refusal))
    return not (failures or results[DeliveryState.PENDING] or results[DeliveryState.SENDING])


async def _watch(app: "App", broadcasts: list[Broadcast], *, bot: DeliveryLock | None = None) -> None:
    """Show the progress until nothing is left to send but on platforms that refuse the token, or nothing moves.

    `bot` is the lock of another process that delivers.
    """
    from rich.progress import Progress

    done, moved, is_told = -1, time.monotonic(), False
    with Progress(console=out()) as progress:
        is_change = any(broadcast.kind in CHANGES for broadcast in broadcasts)
        bar = progress.add_task(_("Changing") if is_change else _("Sending"), total=None)
        while True:
            counts = await _counts(app, broadcasts)
            before, done = done, sum(counts[state] for state in _FINAL)
            progress.update(bar, total=sum(counts.values()), completed=done)
            left = await app.ledger.unfinished([broadcast.id for broadcast in broadcasts])
            if not any(count for name, count in left.items() if app.connections[name].refusal is None):
                return
            if done > before:
                moved = time.monotonic()
            quiet = time.monotonic() - moved
            if bot is None and quiet > SAY_AFTER and not is_told:
                is_told = True
                for line in [
                    *_obstacles(app, left),
                    _("Waiting. After Ctrl-C, what is left is sent when the bot runs."),
                ]:
                    progress.console.print(line, soft_wrap=True)
            if is_told and any(each.pacer.pause() for each in app.connections.values()):
                # Because a pause that a platform asks for is no standstill, it is waited for.
                moved = time.monotonic()
            elif why := _why_not_to_wait(bot, quiet):
                progress.console.print(why, soft_wrap=True)
                return
            await asyncio.sleep(REFRESH)


def _obstacles(app: "App", left: Mapping[PlatformName, int]) -> Iterator[str]:
    """Yield why nothing moves on each platform where something is left, as far as that is known."""
    for standing in app.readiness.standings:
        name, reason = standing.platform, standing.reasons.get(Ability.CONNECTED)
        if left.get(name) and reason:
            yield labelled(name, f"{reason}.", spoken())
        if left.get(name) and (pause := app.connections[name].pacer.pause()):
            time_left = spoken().duration(dt.timedelta(seconds=pause))
            yield labelled(name, _("it asks for a pause, of which {time} is left.").format(time=time_left), spoken())


def _why_not_to_wait(bot: DeliveryLock | None, quiet: float) -> str:
    """Return the reason to stop watching after so many seconds in which no delivery ended; "" to watch on."""
    if bot is not None and quiet > LOOK_FOR_BOT_AFTER and not bot.is_held():
        return _("The bot has stopped. What is left is sent when it runs again: `recap run`.")
    if quiet <= PATIENCE:
        return ""
    if bot is None:
        return _("Nothing has moved for a while. What is left is sent when the bot runs: `recap run`.")
    return _("Nothing has moved for a while. The bot goes on with what is left; `recap status` shows how far it is.")


async def _report(app: "App") -> None:
    """Send the report to the admins, because perhaps no bot runs that would send it."""
    until = time.monotonic() + REPORTED_WITHIN
    while time.monotonic() < until:
        await app.report()
        if not await app.ledger.is_anything_open():
            return
        await asyncio.sleep(REFRESH)


async def _counts(app: "App", broadcasts: list[Broadcast]) -> dict[DeliveryState, int]:
    counts = Counter(dict.fromkeys(DeliveryState, 0))
    for broadcast in broadcasts:
        counts.update(await app.ledger.tally(broadcast.id))
    return counts
