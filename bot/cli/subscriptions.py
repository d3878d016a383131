"""`recap subscriptions`: list, add, remove, export and import them."""

import dataclasses
import json
from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer
from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    PlainSerializer,
    PlainValidator,
    StringConstraints,
    TypeAdapter,
    ValidationError,
    ValidationInfo,
)
from pydantic_core import ErrorDetails, PydanticCustomError

from bot.cli import console
from bot.cli.console import ConfigOption, Exit, JsonOption, LayoutOption, err, out
from bot.cli.wording import AdminCommand, AdminGroup
from bot.model.document import Layout
from bot.model.i18n import gettext as _
from bot.model.i18n import gettext_noop, spoken
from bot.model.problems import InvalidInputError, Problem
from bot.model.subscription import AudioAs, Choices, Origin, Subscription, SubscriptionState, Target
from bot.model.text import normalise_topic
from bot.platforms.base import Feature
from bot.platforms.registry import PLATFORMS, read_target, titles

if TYPE_CHECKING:
    from bot.runtime.app import App

cli = typer.Typer()
subscriptions = typer.Typer(cls=AdminGroup, no_args_is_help=True)
cli.add_typer(subscriptions, name="subscriptions")

TargetArgument = Annotated[str, typer.Argument(metavar=gettext_noop("PLATFORM:CHAT[:THREAD]"))]

_EXPORTED = gettext_noop("Take a file that `recap subscriptions export` has written")
_MISTAKES = {
    "missing": (gettext_noop("this is missing"), gettext_noop("Write it, as `recap subscriptions export` does")),
    "extra_forbidden": (gettext_noop("there is no such key"), gettext_noop("Take it out")),
    "json_invalid": (gettext_noop("this is no JSON"), _EXPORTED),
    "list_type": (gettext_noop("this is no list of subscriptions"), _EXPORTED),
    "model_type": (gettext_noop("this is no subscription"), _EXPORTED),
}
_USELESS = (gettext_noop("this value cannot be used"), gettext_noop("Write what `recap subscriptions export` would"))


_ORIGINS = {Origin.CONFIG: gettext_noop("config"), Origin.COMMAND: gettext_noop("command")}
_STATES = {
    SubscriptionState.ACTIVE: gettext_noop("active"),
    SubscriptionState.PAUSED: gettext_noop("paused"),
    SubscriptionState.ENDED: gettext_noop("ended"),
}


@subscriptions.command("list", cls=AdminCommand, help=gettext_noop("List every subscription."))
def list_subscriptions(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """List every subscription."""
    rows = console.look(console.read_settings(config), _facts)
    if as_json:
        console.print_json(rows)
    elif rows:
        columns = {
            _("Target"): "target",
            _("Schedule"): "schedule",
            _("Topics"): "topics",
            _("Layout"): "layout",
            _("Origin"): "origin",
            _("State"): "state",
            _("Why"): "reason",
        }
        shown = []
        for row in rows:
            topics = " ".join(row["topics"]) or _("all")
            origin, state, reason = _ORIGINS[row["origin"]], _STATES[row["state"]], row["reason"]
            shown.append(
                row | {"topics": topics, "origin": _(origin), "state": _(state), "reason": spoken().retell(reason)}
            )
        console.print_table(columns, shown)
    else:
        told = _("Nobody has subscribed yet: people write /subscribe, `recap subscriptions add` does it for them.")
        out().print(told)


@subscriptions.command(
    "add", cls=AdminCommand, help=gettext_noop("Subscribe a target, or change how it is subscribed.")
)
def add_subscription(
    target: TargetArgument,
    topic: Annotated[
        list[str] | None,
        typer.Option(metavar=gettext_noop("TOPIC"), help=gettext_noop("Only this topic; repeatable.")),
    ] = None,
    layout: LayoutOption = Layout.DIGEST,
    schedule: Annotated[
        str | None,
        typer.Option(metavar=gettext_noop("NAME"), help=gettext_noop("The schedule's name; the first if left out.")),
    ] = None,
    silent: Annotated[bool, typer.Option("--silent", help=gettext_noop("Without a sound."))] = False,
    rich: Annotated[
        bool, typer.Option("--rich", help=gettext_noop("Telegram: rich messages, which some apps show badly."))
    ] = False,
    publish: Annotated[
        bool, typer.Option("--publish", help=gettext_noop("Discord: pass on to the channels that follow."))
    ] = False,
    audio: Annotated[
        Literal["link", "file"] | None,
        typer.Option(help=gettext_noop("The audio or a link; else as the schedule says.")),
    ] = None,
    pin: Annotated[bool, typer.Option("--pin", help=gettext_noop("Pin the newest recap."))] = False,
    config: ConfigOption = None,
) -> None:
    """Subscribe a target, or change how it is subscribed."""
    settings, archive = console.read(config)
    names = [known.name for known in settings.schedules]
    if schedule is not None and schedule not in names:
        told = _("there is no schedule {name}: choose one of {names}")
        raise typer.BadParameter(told.format(name=schedule, names=", ".join(names)))
    topics = tuple(sorted(console.find_topic(archive, name) for name in topic or ()))
    choices = Choices(topics, layout, silent, publish, rich, AudioAs(audio or AudioAs.AS_SCHEDULED), pin=pin)
    place = console.parse_target(target)
    features = PLATFORMS[place.platform].features
    if rich and Feature.RICH not in features:
        told = _("only {platforms} has rich messages: leave --rich out")
        raise typer.BadParameter(told.format(platforms=titles(Feature.RICH)))
    if publish and Feature.PUBLISH not in features:
        told = _("only announcement channels of {platforms} have followers: leave --publish out")
        raise typer.BadParameter(told.format(platforms=titles(Feature.PUBLISH)))
    console.need_switched_on(settings, place.platform)
    is_private = PLATFORMS[place.platform].section.is_private(place.chat)
    subscription = Subscription(place, schedule or names[0], choices, is_private=is_private)
    console.with_app(settings, lambda app: app.ledger.subscriptions.save(subscription))
    told = _("Subscribed: {target} on schedule {schedule}.")
    out().print(told.format(target=subscription.target, schedule=subscription.schedule))


@subscriptions.command("remove", cls=AdminCommand, help=gettext_noop("End the subscription of a target."))
def remove_subscription(target: TargetArgument, config: ConfigOption = None) -> None:
    """End the subscription of a target."""
    wanted, settings = console.parse_target(target, is_new=False), console.read_settings(config)
    if not console.with_app(
        settings, lambda app: app.ledger.subscriptions.end(wanted, gettext_noop("removed by the admin"))
    ):
        err().print(_("{target} is not subscribed.").format(target=wanted))
        raise typer.Exit(Exit.FAILED)
    out().print(_("Removed: {target}.").format(target=wanted))


@subscriptions.command(
    "export", cls=AdminCommand, help=gettext_noop("Write the subscriptions to a file, all but those that have ended.")
)
def export_subscriptions(
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", metavar=gettext_noop("FILE"), help=gettext_noop("The file to write; else it is printed.")
        ),
    ] = None,
    config: ConfigOption = None,
) -> None:
    """Write the subscriptions to a file, all but those that have ended."""
    console.write(output, console.look(console.read_settings(config), _written))


@subscriptions.command(
    "import",
    cls=AdminCommand,
    help=gettext_noop("Subscribe everybody in a file; who is subscribed already gets the choices in the file."),
)
def import_subscriptions(
    file: Annotated[
        Path,
        typer.Argument(
            metavar=gettext_noop("FILE"),
            help=gettext_noop("A file that `recap subscriptions export` wrote; - reads what is piped in."),
        ),
    ],
    config: ConfigOption = None,
) -> None:
    """Subscribe everybody in a file; who is subscribed already gets the choices in the file."""
    settings = console.read_settings(config)
    found = _read(file, [schedule.name for schedule in settings.schedules])
    console.with_app(settings, lambda app: app.ledger.subscriptions.save_all(found))
    out().print(_("Subscribed: {count}.").format(count=len(found)))


async def _facts(app: "App") -> list[dict[str, Any]]:
    """Return every subscription, ready for JSON."""
    return [
        {
            "target": str(each.target),
            "schedule": each.schedule,
            **dataclasses.asdict(each.choices),
            "paused_until": each.paused_until and each.paused_until.isoformat(),
            "is_private": each.is_private,
            "origin": str(each.origin),
            "state": str(each.state),
            "reason": each.reason,
        }
        for each in await app.ledger.subscriptions.all()
    ]


def _read_target(value: object, info: ValidationInfo) -> Target:
    try:
        # Only a file is read as JSON; the ledger's own targets are there already.
        return read_target(str(value), is_new=info.mode == "json")
    except ValueError as error:
        raise PydanticCustomError("target", "{reason}", {"reason": str(error)}) from None


def _normalised(topics: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(sorted({name for topic in topics if (name := normalise_topic(topic))}))


class _Row(BaseModel):
    """A subscription in the file: target, schedule, and every choice."""

    model_config = ConfigDict(extra="forbid")

    target: Annotated[Target, PlainValidator(_read_target), PlainSerializer(str)]
    schedule: str
    topics: Annotated[tuple[str, ...], AfterValidator(_normalised)] = ()
    layout: Layout = Layout.DIGEST
    silent: bool = False
    publish: bool = False
    rich: bool = False
    audio: AudioAs = AudioAs.AS_SCHEDULED
    mention: Annotated[str, StringConstraints(pattern=r"^(role:[1-9][0-9]{0,18})?$")] = ""
    pin: bool = False
    paused_until: AwareDatetime | None = None
    is_private: bool = False
    origin: Origin = Origin.COMMAND

    @property
    def subscription(self) -> Subscription:
        """Return the subscription, active: the next push shows whether its platform still refuses the target."""
        choices = Choices(**self.model_dump(include={field.name for field in dataclasses.fields(Choices)}))
        # Because a file of version 0.1.0 does not say which chats are private, their numbers tell.
        is_private = self.is_private or PLATFORMS[self.target.platform].section.is_private(self.target.chat)
        until = self.paused_until
        return Subscription(self.target, self.schedule, choices, self.origin, paused_until=until, is_private=is_private)


_Rows = TypeAdapter(list[_Row])


async def _written(app: "App") -> str:
    """Return the subscriptions as JSON for a file, without those that have ended."""
    lasting = [row for row in await _facts(app) if row["state"] != SubscriptionState.ENDED]
    rows = _Rows.validate_python([{key: row[key] for key in _Row.model_fields} for row in lasting])
    return json.dumps(_Rows.dump_python(rows, mode="json"), ensure_ascii=False, indent=2) + "\n"


def _read(path: Path, schedules: Collection[str]) -> list[Subscription]:
    """Return the subscriptions in a file or in standard input.

    Raises:
        InvalidInputError: the file cannot be read, or a row of it cannot be used.
    """
    try:
        rows = _Rows.validate_json(console.read_input(path))
    except ValidationError as error:
        raise InvalidInputError(_problem(path, each) for each in error.errors(include_url=False)) from None
    told, cure = _("there is no schedule {name}"), _("Write one of {names}").format(names=", ".join(schedules))
    strange = [
        Problem(path, told.format(name=row.schedule), cure, key=f"{number}.schedule")
        for number, row in enumerate(rows, start=1)
        if row.schedule not in schedules
    ]
    if strange:
        raise InvalidInputError(strange)
    return [row.subscription for row in rows]


def _problem(path: Path, error: ErrorDetails) -> Problem:
    """Return the mistake in one value. Its key counts the subscriptions from 1, as people do."""
    first, *rest = error["loc"] or ("",)
    number = str(first + 1) if isinstance(first, int) else first
    message, cure = map(_, _MISTAKES.get(error["type"], _USELESS))
    if error["type"] == "target":
        message = error["msg"]
    elif error["type"] == "enum":
        cure = _("Write one of {names}").format(names=error["ctx"]["expected"])
    return Problem(path, message, cure, key=".".join([number, *map(str, rest)]) or None)
