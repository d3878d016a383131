"""`recap rehearse`, `approve`, `withhold` and `release`: a push is seen and decided on before it goes out."""

import getpass
import itertools
import math
import os
from typing import TYPE_CHECKING, Annotated

import typer

from bot.cli import console
from bot.cli.console import ConfigOption, Exit, out
from bot.cli.send import deliver
from bot.cli.wording import AdminCommand
from bot.config import Config
from bot.delivery.reasons import labelled
from bot.delivery.report import describe
from bot.delivery.trial import try_out
from bot.model.i18n import gettext as _
from bot.model.i18n import gettext_noop, spoken
from bot.model.problems import ExpectedError
from bot.model.rehearsal import Instruction, Planned, Ruling
from bot.model.subscription import Target
from bot.platforms.base import SendError
from bot.platforms.registry import admins_of

if TYPE_CHECKING:
    from bot.delivery.rehearsal import Recipients
    from bot.model.episode import Episode
    from bot.runtime.app import App

cli = typer.Typer()

EpisodeArgument = Annotated[
    int | None, typer.Argument(metavar="N", help=gettext_noop("The episode; that of the next push if left out."))
]


@cli.command(cls=AdminCommand)
def rehearse(
    number: EpisodeArgument = None,
    to: Annotated[
        str | None,
        typer.Option(
            metavar=gettext_noop("PLATFORM:CHAT[:THREAD]"), help=gettext_noop("Only to this chat, not to the admins.")
        ),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help=gettext_noop("Do not ask before writing to others."))] = False,
    config: ConfigOption = None,
) -> None:
    """Show the next push to the team now, and try whether the platforms take every kind of message."""
    settings = console.read_settings(config, tokens="needed")
    console.need_platform(settings)
    target = console.parse_target(to) if to else None
    if target is not None:
        console.need_switched_on(settings, target.platform)
        asked = _("{target} is neither an admin nor in [[staff]]: everybody there will see this. Go on?")
        if target not in _team(settings) and not yes and not console.confirms(asked.format(target=target)):
            raise ExpectedError(_("nothing was sent; --yes says yes beforehand"))

    async def act(app: "App") -> bool:
        return await show(app, number, target)

    if not console.with_app(settings, act):
        raise typer.Exit(Exit.FAILED)


@cli.command(cls=AdminCommand)
def approve(number: EpisodeArgument = None, config: ConfigOption = None) -> None:
    """Let the next push go out as its text is now."""
    _decide(Instruction.APPROVE, number, config)


@cli.command(cls=AdminCommand)
def withhold(number: EpisodeArgument = None, config: ConfigOption = None) -> None:
    """Keep the next push back until somebody lets it out."""
    _decide(Instruction.WITHHOLD, number, config)


@cli.command(cls=AdminCommand)
def release(number: EpisodeArgument = None, config: ConfigOption = None) -> None:
    """Take a withholding back."""
    _decide(Instruction.RELEASE, number, config)


def _team(settings: Config) -> set[Target]:
    return {*itertools.chain(*admins_of(settings).values()), *(each.target for each in settings.staff)}


async def show(app: "App", number: int | None, target: Target | None) -> bool:
    """Show an episode to the team or to one chat, after a message of each kind has been tried there.

    Returns:
        True if every message was taken.

    Raises:
        ExpectedError: there is no episode, or nobody to see it.
    """
    rehearser = app.services.rehearser
    to = rehearser.recipients if target is None else {target.platform: [target]}
    if not any(to.values()):
        nobody = _("nobody would see it: write admins or a chat of [[staff]] into the config, or name one with --to")
        raise ExpectedError(nobody)
    await app.declare()
    push, episode = await _push_of(app, number)
    works = await _try(app, to)
    opened = await rehearser.rehearse(push, episode, to)

    async def tell_card() -> None:
        if target is None or target in _team(app.config):
            seen = await app.ledger.rehearsals.of("", episode.number)
            await rehearser.tell_card(push, episode, seen, to)

    return await deliver(app, [opened] if opened else [], then=tell_card) and works


async def _push_of(app: "App", number: int | None) -> "tuple[Planned, Episode]":
    """Return the next push, or that of the episode with this number, with the episode."""
    found = [each for schedule in app.config.schedules if (each := await app.services.rehearser.planned(schedule))]
    due = [(push, episode) for push, episode in found if number in {None, push.episode}]
    if due:
        return min(due, key=lambda each: each[0].occurrence.timestamp() if each[0].occurrence else math.inf)
    episode = console.find_episode(app.archive, number)
    return app.services.rehearser.plan(episode), episode


async def _try(app: "App", to: "Recipients") -> bool:
    """Try each kind of message in these chats, print what the platform took, and return whether it took all."""
    works = True
    for name, targets in to.items():
        platform = app.connections[name].platform
        try:
            await platform.connect()
        except SendError as error:
            out().print(labelled(name, str(error), spoken()), soft_wrap=True)
            works = False
            continue
        sender = app.services.notifier.senders[name]
        for target in targets:
            async for kind, refusal in try_out(platform, sender, target, spoken()):
                result = refusal or _("sent, edited and deleted")
                told = labelled(str(target), labelled(kind, result, spoken()), spoken())
                out().print(told, soft_wrap=True)
                works = works and not refusal
    return works


def _user() -> str:
    """Return the name of the account; its number where it has no name, as in a container."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return str(os.getuid())


def _decide(instruction: Instruction, number: int | None, config: ConfigOption) -> None:
    settings = console.read_settings(config)
    console.need_platform(settings)

    async def act(app: "App") -> bool:
        push, _episode = await _push_of(app, number)
        if push.occurrence is None and number is None:
            raise ExpectedError(_("no push is to come that has an episode: name the episode by its number"))
        # An episode that is not due yet can be decided on where it may be due.
        schedules = [push.schedule] if push.occurrence else [each.name for each in app.config.schedules]
        taken = []
        for schedule in schedules:
            who = _("{user} in a terminal").format(user=_user())
            fact = await app.services.rehearser.decide(instruction, schedule, push.episode, who)
            if fact is not None:
                out().print(describe(fact, spoken()).text, soft_wrap=True)
            taken.append(fact is not None and fact.ruling is Ruling.TAKEN)
        return all(taken)

    if not console.with_app(settings, act):
        raise typer.Exit(Exit.FAILED)
