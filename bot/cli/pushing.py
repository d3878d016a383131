"""Pushing by hand: to everybody, to one target, or again to those whom the last push did not reach."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

import typer
from rich.progress import Progress

from bot.model.document import Layout
from bot.model.episode import Status
from bot.model.problems import ExpectedError
from bot.platforms.registry import PLATFORMS
from bot.runtime.app import AlreadyRunningError
from bot.storage.lock import DeliveryLock
from bot.storage.records import BroadcastState, DeliveryState, to_one

if TYPE_CHECKING:
    from rich.console import Console

    from bot.config import Config
    from bot.model.episode import Episode
    from bot.model.subscription import PlatformName, Target
    from bot.runtime.app import App
    from bot.storage.records import Broadcast

REFRESH = 0.1
"""Seconds between two looks at the ledger while the progress bar is shown."""
LOOK_FOR_BOT_AFTER = 2.0
"""Seconds without progress after which it is looked whether the bot that delivers still runs."""
PATIENCE = 120.0
"""Seconds without progress after which the bot is left to itself: it may wait long for a platform, or have given up."""
REPORTED_WITHIN = 10.0
"""Seconds that the report to the admins gets to be delivered before the command ends; the bot sends it later else."""

_FINAL = (DeliveryState.SENT, DeliveryState.FAILED, DeliveryState.UNKNOWN)


class NotSentAgainError(ExpectedError):
    """The episode was pushed before; only `--again` pushes it once more."""


async def push(app: App, episode: Episode, target: Target | None, *, again: bool, console: Console) -> bool:
    """Push the episode to one target or to every subscription; whether all of it arrived.

    Raises:
        ExpectedError: the episode is a draft, was pushed before, or there is nobody to push it to.
        typer.BadParameter: the target's platform is switched off.
    """
    _refuse_draft(episode)
    return await _deliver(app, await _open(app, episode, target, again=again, console=console), console)


async def push_to_failed(app: App, episode: Episode, console: Console) -> bool:
    """Push the episode again to those whom its last push on each schedule did not reach; whether it did now.

    Raises:
        ExpectedError: the episode is a draft, was never pushed, or is being pushed.
    """
    _refuse_draft(episode)
    pushes = [
        push
        for schedule in app.config.schedules
        if (push := await app.ledger.broadcast_of(episode.number, schedule.name)) is not None
    ]
    if not pushes:
        raise ExpectedError(f"episode {episode.number} was never pushed: `recap send {episode.number}` does")
    if any(push.state is BroadcastState.OPEN for push in pushes):
        raise ExpectedError(f"episode {episode.number} is still being pushed: try again when `recap status` says done")
    opened = []
    for push in pushes:
        before = await app.ledger.tally(push.id)
        retried = await app.services.broadcaster.open_for_failed(push, episode, due=app.clock())
        served = await app.ledger.tally(retried.id) if retried is not None else {}
        _explain(push, before, sum(served.values()), console)
        if retried is not None:
            opened.append(retried)
    return await _deliver(app, opened, console) if opened else True


async def rehearse(app: App, episode: Episode, target: Target | None, *, again: bool, console: Console) -> bool:
    """Say what `push` would send, and send nothing."""
    _refuse_draft(episode)
    if target is not None:
        refuse_switched_off(app.config, target)
        before = None if again else await app.ledger.broadcast_of(episode.number, to_one(target))
        fate = "would go to" if before is None else "was sent already to"
        console.print(f"Episode {episode.number} {fate} {target}.")
        return True
    await app.declare()
    for schedule in app.config.schedules:
        if not again and await app.ledger.broadcast_of(episode.number, schedule.name) is not None:
            console.print(f"Schedule {schedule.name}: episode {episode.number} was pushed already.")
            continue
        count = await app.ledger.subscriptions.count(schedule.name, app.config.platforms)
        console.print(f"Schedule {schedule.name}: episode {episode.number} would go to {count} subscriptions.")
        await _tell_left_out(app, schedule.name, console)
    return True


def refuse_switched_off(config: Config, target: Target) -> None:
    """Make sure that the target's platform is switched on.

    Raises:
        typer.BadParameter: it is not; the text says how to switch it on.
    """
    if target.platform not in config.platforms:
        raise typer.BadParameter(f"{target.platform} is switched off: {_how_to_switch_on(target.platform)}")


def _how_to_switch_on(platform: PlatformName) -> str:
    return f"add a [{platform}] section with its token to the config, or set RECAP_{platform.upper()}__TOKEN"


async def _tell_left_out(app: App, schedule: str, console: Console) -> None:
    """Say how many subscriptions wait for a platform that is switched off."""
    for platform in PLATFORMS:
        if platform in app.config.platforms:
            continue
        if count := await app.ledger.subscriptions.count(schedule, [platform]):
            left_out = f"Schedule {schedule}: {count} on {platform} left out, because it is switched off"
            console.print(f"{left_out}: {_how_to_switch_on(platform)}.", soft_wrap=True)


def _refuse_draft(episode: Episode) -> None:
    if episode.status is Status.DRAFT:
        raise ExpectedError(f"episode {episode.number} is a draft: take `status: draft` out of {episode.path} first")


async def _open(app: App, episode: Episode, target: Target | None, *, again: bool, console: Console) -> list[Broadcast]:
    now = app.clock()
    if target is not None:
        refuse_switched_off(app.config, target)
        opened = [await app.services.broadcaster.open_single(episode, target, layout=Layout.DIGEST, again=again)]
    else:
        await app.declare()
        counts = []
        for schedule in app.config.schedules:
            counts.append(await app.ledger.subscriptions.count(schedule.name, app.config.platforms))
            await _tell_left_out(app, schedule.name, console)
        if not any(counts):
            # Pushed to nobody, it would count as pushed: who subscribes before Monday would not get it.
            where = " or ".join(app.config.platforms)
            raise ExpectedError(f"nobody has subscribed yet on {where}; --to sends it to a target all the same")
        opened = [
            await app.services.broadcaster.open(episode, schedule.name, due=now, again=again)
            for schedule in app.config.schedules
        ]
    broadcasts = [broadcast for broadcast in opened if broadcast is not None]
    if not broadcasts and target is not None:
        raise NotSentAgainError(
            f"episode {episode.number} was sent to {target} before; add --again to send it once more"
        )
    if not broadcasts:
        raise NotSentAgainError(
            f"episode {episode.number} was pushed before; add --again to push it once more to everybody, "
            "or --only failed to push it to those who did not get it"
        )
    return broadcasts


def _explain(push: Broadcast, before: dict[DeliveryState, int], retried: int, console: Console) -> None:
    failed, unknown = before[DeliveryState.FAILED], before[DeliveryState.UNKNOWN]
    console.print(f"Schedule {push.schedule}: {failed} failed, {retried} tried again.")
    if failed > retried:
        console.print(f"  {failed - retried} left out: they have left or unsubscribed, or are on holiday.")
    if unknown:
        console.print(
            f"  {unknown} of unknown outcome left out: they may have it. --to sends it to one of them, --again to all."
        )


async def _deliver(app: App, broadcasts: list[Broadcast], console: Console) -> bool:
    """See the broadcasts delivered, by this process or by the bot that runs, at its own pace."""
    try:
        async with app.delivering(listen=False):
            await _watch(app, broadcasts, console)
            await _report(app)
    except AlreadyRunningError:
        console.print("The running bot delivers.")
        await _watch(app, broadcasts, console, bot=DeliveryLock(app.config.storage.path))
    counts = await _counts(app, broadcasts)
    console.print(", ".join(f"{count} {state}" for state, count in counts.items() if count) or "nobody to send to")
    for broadcast in broadcasts:
        for failure in await app.ledger.failures(broadcast.id):
            console.print(f"{failure.target}: {failure.reason}")
    for connection in app.connections.values():
        if connection.refusal is not None:
            console.print(
                f"{connection.refusal}: what waits there is sent when the bot runs with a valid one within a day."
            )
    return counts[DeliveryState.SENT] == sum(counts.values())


async def _watch(app: App, broadcasts: list[Broadcast], console: Console, *, bot: DeliveryLock | None = None) -> None:
    """Show the progress until nothing is left to send, but for platforms that refuse the token.

    Where another process delivers, which holds the lock `bot`, it is not waited for without end.
    """
    ids = [broadcast.id for broadcast in broadcasts]
    done, moved = -1, time.monotonic()
    with Progress(console=console) as progress:
        bar = progress.add_task("Sending", total=None)
        while True:
            counts = await _counts(app, broadcasts)
            before, done = done, sum(counts[state] for state in _FINAL)
            progress.update(bar, total=sum(counts.values()), completed=done)
            left = await app.ledger.unfinished(ids)
            if not any(count for name, count in left.items() if app.connections[name].refusal is None):
                return
            if done > before:
                moved = time.monotonic()
            elif bot is not None and (why := _why_not_to_wait(bot, time.monotonic() - moved)):
                progress.console.print(why)
                return
            await asyncio.sleep(REFRESH)


def _why_not_to_wait(bot: DeliveryLock, quiet: float) -> str:
    """What to say instead of waiting on, after so many seconds in which nothing ended; nothing while all is well."""
    if quiet > LOOK_FOR_BOT_AFTER and not bot.is_held():
        return "The bot has stopped. What is left is sent when it runs again: `recap run`."
    if quiet > PATIENCE:
        return "Nothing has moved for a while. The bot goes on with what is left; `recap status` shows how far it is."
    return ""


async def _report(app: App) -> None:
    """Tell the admins, and see them told, as the bot would that runs all the time."""
    until = time.monotonic() + REPORTED_WITHIN
    while time.monotonic() < until:
        await app.report()
        if not await app.ledger.is_anything_open():
            return
        await asyncio.sleep(REFRESH)


async def _counts(app: App, broadcasts: list[Broadcast]) -> dict[DeliveryState, int]:
    counts = dict.fromkeys(DeliveryState, 0)
    for broadcast in broadcasts:
        for state, count in (await app.ledger.tally(broadcast.id)).items():
            counts[state] += count
    return counts
