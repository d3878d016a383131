"""`recap send`: push an episode by hand, to everybody, to one target, or again to those that the last push failed."""

import asyncio
import enum
import time
from collections import Counter
from typing import TYPE_CHECKING, Annotated

import typer

from bot.cli import console
from bot.cli.console import ConfigOption, Exit, NumberArgument, out
from bot.delivery.report import explain
from bot.model.document import Layout
from bot.model.episode import Episode, Status
from bot.model.i18n import Language, words
from bot.model.problems import ExpectedError
from bot.model.subscription import Target
from bot.platforms.registry import PLATFORMS
from bot.storage.lock import DeliveryLock
from bot.storage.records import Broadcast, BroadcastState, DeliveryState, to_one

if TYPE_CHECKING:
    from bot.runtime.app import App

cli = typer.Typer()

REFRESH = 0.1
"""Seconds between two readings of the ledger while the progress bar is shown."""
LOOK_FOR_BOT_AFTER = 2.0
"""Seconds without progress after which the command checks whether the bot that delivers still runs."""
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


@cli.command()
def send(
    number: NumberArgument = None,
    to: Annotated[str | None, typer.Option(metavar="PLATFORM:CHAT[:THREAD]", help="Only to this target.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be sent, and send nothing.")] = False,
    again: Annotated[bool, typer.Option("--again", help="Send even though it was sent before.")] = False,
    only: Annotated[Only | None, typer.Option(help="Send again, only to those whom the last push failed.")] = None,
    config: ConfigOption = None,
) -> None:
    """Push an episode now, to everybody or to one target."""
    if only is not None and (to or again or dry_run):
        raise typer.BadParameter("--only failed stands alone: it says to whom, and that it is again")
    settings, archive = console.read(config)
    console.need_platform(settings)
    target = console.parse_target(to) if to else None
    episode = console.find_episode(archive, number, published=number is None)

    async def act(app: "App") -> bool:
        if episode.status is Status.DRAFT:
            draft = f"episode {episode.number} is a draft"
            raise ExpectedError(f"{draft}: take `status: draft` out of {episode.path} first")
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
        console.need_switched_on(app.config, target)
        opened = [await app.services.broadcaster.open_single(episode, target, layout=Layout.DIGEST, again=again)]
    else:
        await app.declare()
        counts = []
        for schedule in app.config.schedules:
            counts.append(await app.ledger.subscriptions.count(schedule.name, app.config.platforms))
            await _tell_left_out(app, schedule.name)
        if not any(counts):
            # Because a push to nobody counts as one, it is refused; else new subscribers would not get it on Monday.
            where = " or ".join(app.config.platforms)
            raise ExpectedError(f"nobody has subscribed yet on {where}; --to sends it to a target all the same")
        broadcaster, now = app.services.broadcaster, app.clock()
        opened = [await broadcaster.open(episode, each.name, due=now, again=again) for each in app.config.schedules]
    broadcasts = [broadcast for broadcast in opened if broadcast is not None]
    if broadcasts:
        return await _deliver(app, broadcasts)
    told = f"sent to {target} before; add --again to send it once more"
    if target is None:
        told = "pushed before; add --again to push it once more to everybody, "
        told += "or --only failed to push it to those who did not get it"
    raise NotSentAgainError(f"episode {episode.number} was {told}")


async def push_to_failed(app: "App", episode: Episode) -> bool:
    """Push the episode again to the targets that its last push on each schedule failed.

    Returns:
        True if nobody is left out that wanted it now.

    Raises:
        ExpectedError: the episode was never pushed, or is being pushed.
    """
    schedules = [schedule.name for schedule in app.config.schedules]
    pushes = [push for name in schedules if (push := await app.ledger.broadcast_of(episode.number, name)) is not None]
    if not pushes:
        raise ExpectedError(f"episode {episode.number} was never pushed: `recap send {episode.number}` does")
    if any(push.state is BroadcastState.OPEN for push in pushes):
        raise ExpectedError(f"episode {episode.number} is still being pushed: try again when `recap status` says done")
    opened = []
    for push in pushes:
        before = await app.ledger.notices.outcome(push)
        failed, unknown, again = before.failed, before.unknown, 0
        if retried := await app.services.broadcaster.open_for_failed(push, episode, due=app.clock()):
            opened.append(retried)
            again = sum((await app.ledger.tally(retried.id)).values())
        out().print(f"Schedule {push.key}: {failed} failed, {again} tried again.")
        if failed > again:
            out().print(f"  {failed - again} left out: they have left or unsubscribed, or are on holiday.")
        if unknown:
            ways = "--to sends it to one of them, --again to all."
            out().print(f"  {unknown} of unknown outcome left out: they may have it. {ways}")
    return await _deliver(app, opened) if opened else True


async def rehearse(app: "App", episode: Episode, target: Target | None, *, again: bool) -> None:
    """Print the deliveries that `push` would make, and send nothing.

    Raises:
        typer.BadParameter: the target's platform is switched off.
    """
    if target is not None:
        console.need_switched_on(app.config, target)
        before = None if again else await app.ledger.broadcast_of(episode.number, to_one(target))
        fate = "would go to" if before is None else "was sent already to"
        out().print(f"Episode {episode.number} {fate} {target}.")
        return
    await app.declare()
    for schedule in app.config.schedules:
        if not again and await app.ledger.broadcast_of(episode.number, schedule.name) is not None:
            out().print(f"Schedule {schedule.name}: episode {episode.number} was pushed already.")
            continue
        count = await app.ledger.subscriptions.count(schedule.name, app.config.platforms)
        out().print(f"Schedule {schedule.name}: episode {episode.number} would go to {count} subscriptions.")
        takes = await app.services.broadcaster.takes(episode, schedule.name)
        begin = app.clock().astimezone(schedule.timezone)
        out().print(f"    {console.length_of_push(takes, begin)}", soft_wrap=True)
        await _tell_left_out(app, schedule.name)


async def _tell_left_out(app: "App", schedule: str) -> None:
    """Print the number of subscriptions that the push leaves out because their platform is switched off."""
    for platform in PLATFORMS:
        if platform in app.config.platforms:
            continue
        if count := await app.ledger.subscriptions.count(schedule, [platform]):
            left_out = f"Schedule {schedule}: {count} on {platform} left out, because it is switched off"
            out().print(f"{left_out}: {console.how_to_switch_on(platform)}.", soft_wrap=True)


async def _deliver(app: "App", broadcasts: list[Broadcast]) -> bool:
    """Deliver the broadcasts, or watch the bot that runs deliver them.

    Returns:
        True if nobody is left without that wanted it.
    """
    from bot.runtime.app import AlreadyRunningError

    try:
        async with app.delivering(listen=False):
            await _watch(app, broadcasts)
            await _report(app)
    except AlreadyRunningError:
        out().print("The running bot delivers.")
        await _watch(app, broadcasts, bot=DeliveryLock(app.config.storage.path))
    counts = await _counts(app, broadcasts)
    results: Counter[str] = Counter({state: counts[state] for state in (DeliveryState.PENDING, DeliveryState.SENDING)})
    outcomes = [await app.ledger.notices.outcome(broadcast) for broadcast in broadcasts]
    for outcome in outcomes:
        results.update(outcome.results)
    out().print(", ".join(f"{count} {result}" for result, count in results.items() if count) or "nobody to send to")
    for line in explain((each for outcome in outcomes for each in outcome.unserved), words(Language.ENGLISH)):
        out().print(line, soft_wrap=True)
    failures = [each for broadcast in broadcasts for each in await app.ledger.failures(broadcast.id)]
    for failure in failures:
        out().print(f"{failure.target}: {failure.reason}")
    for connection in app.connections.values():
        if connection.refusal is not None:
            until = "what waits there is sent when the bot runs with a valid one within a day"
            out().print(f"{connection.refusal}: {until}.")
    return not (failures or results[DeliveryState.PENDING] or results[DeliveryState.SENDING])


async def _watch(app: "App", broadcasts: list[Broadcast], *, bot: DeliveryLock | None = None) -> None:
    """Show the progress until nothing is left to send but on platforms that refuse the token.

    With `bot`, the lock of another process that delivers, the command stops watching when nothing moves.
    """
    from rich.progress import Progress

    done, moved = -1, time.monotonic()
    with Progress(console=out()) as progress:
        bar = progress.add_task("Sending", total=None)
        while True:
            counts = await _counts(app, broadcasts)
            before, done = done, sum(counts[state] for state in _FINAL)
            progress.update(bar, total=sum(counts.values()), completed=done)
            left = await app.ledger.unfinished([broadcast.id for broadcast in broadcasts])
            if not any(count for name, count in left.items() if app.connections[name].refusal is None):
                return
            if done > before:
                moved = time.monotonic()
            elif bot is not None and (why := _why_not_to_wait(bot, time.monotonic() - moved)):
                progress.console.print(why)
                return
            await asyncio.sleep(REFRESH)


def _why_not_to_wait(bot: DeliveryLock, quiet: float) -> str:
    """Return the reason to stop watching after so many seconds in which no delivery ended; "" to watch on."""
    if quiet > LOOK_FOR_BOT_AFTER and not bot.is_held():
        return "The bot has stopped. What is left is sent when it runs again: `recap run`."
    if quiet > PATIENCE:
        return "Nothing has moved for a while. The bot goes on with what is left; `recap status` shows how far it is."
    return ""


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
