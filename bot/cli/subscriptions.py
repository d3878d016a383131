"""`recap subscriptions`: list, add, remove, export and import them."""

import dataclasses
import json
from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    PlainSerializer,
    PlainValidator,
    TypeAdapter,
    ValidationError,
)
from pydantic_core import ErrorDetails, PydanticCustomError

from bot.cli import console
from bot.cli.console import ConfigOption, Exit, JsonOption, LayoutOption, err, out
from bot.model.document import Layout
from bot.model.problems import InvalidInputError, Problem
from bot.model.subscription import Choices, Origin, Subscription, SubscriptionState, Target
from bot.model.text import normalise_topic
from bot.platforms.base import Feature
from bot.platforms.registry import PLATFORMS, titles

if TYPE_CHECKING:
    from bot.runtime.app import App

cli = typer.Typer()
subscriptions = typer.Typer(help="List, add, remove, export and import subscriptions.", no_args_is_help=True)
cli.add_typer(subscriptions, name="subscriptions")

TargetArgument = Annotated[str, typer.Argument(metavar="PLATFORM:CHAT[:THREAD]")]

_CURES = {
    "missing": "Write it, as `recap subscriptions export` does",
    "extra_forbidden": "Take it out",
    "json_invalid": "Take a file that `recap subscriptions export` has written",
    "list_type": "Take a file that `recap subscriptions export` has written",
}


@subscriptions.command("list")
def list_subscriptions(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """List every subscription."""
    rows = console.look(console.read_settings(config), _facts)
    if as_json:
        console.print_json(rows)
    elif rows:
        columns = {name.title(): name for name in ("target", "schedule", "topics", "layout", "origin", "state")}
        shown = [row | {"topics": " ".join(row["topics"]) or "all"} for row in rows]
        console.print_table({**columns, "Why": "reason"}, shown)
    else:
        out().print("Nobody has subscribed yet: people write /subscribe, `recap subscriptions add` does it for them.")


@subscriptions.command("add")
def add_subscription(
    target: TargetArgument,
    topic: Annotated[list[str] | None, typer.Option(help="Only this topic; repeatable.")] = None,
    layout: LayoutOption = Layout.DIGEST,
    schedule: Annotated[str | None, typer.Option(help="The schedule's name; the first if left out.")] = None,
    silent: Annotated[bool, typer.Option("--silent", help="Without a sound.")] = False,
    rich: Annotated[bool, typer.Option("--rich", help="Telegram: rich messages, which some apps show badly.")] = False,
    publish: Annotated[bool, typer.Option("--publish", help="Discord: pass on to the channels that follow.")] = False,
    config: ConfigOption = None,
) -> None:
    """Subscribe a target, or change how it is subscribed."""
    settings, archive = console.read(config)
    names = [known.name for known in settings.schedules]
    if schedule is not None and schedule not in names:
        raise typer.BadParameter(f"there is no schedule {schedule}: choose one of {', '.join(names)}")
    topics = tuple(sorted(console.find_topic(archive, name) for name in topic or ()))
    choices = Choices(topics=topics, layout=layout, silent=silent, publish=publish, rich=rich)
    place = console.parse_target(target)
    features = PLATFORMS[place.platform].features
    if rich and Feature.RICH not in features:
        raise typer.BadParameter(f"rich messages are {titles(Feature.RICH)}'s: leave --rich out")
    if publish and Feature.PUBLISH not in features:
        where = titles(Feature.PUBLISH)
        raise typer.BadParameter(f"only {where}'s announcement channels have followers: leave --publish out")
    console.need_switched_on(settings, place)
    subscription = Subscription(place, schedule or names[0], choices)
    console.with_app(settings, lambda app: app.ledger.subscriptions.save(subscription))
    out().print(f"Subscribed: {subscription.target} on schedule {subscription.schedule}.")


@subscriptions.command("remove")
def remove_subscription(target: TargetArgument, config: ConfigOption = None) -> None:
    """End the subscription of a target."""
    wanted, settings = console.parse_target(target), console.read_settings(config)
    if not console.with_app(settings, lambda app: app.ledger.subscriptions.end(wanted, "removed by the admin")):
        err().print(f"{wanted} is not subscribed.")
        raise typer.Exit(Exit.FAILED)
    out().print(f"Removed: {wanted}.")


@subscriptions.command("export")
def export_subscriptions(
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="The file to write; standard output if left out.")
    ] = None,
    config: ConfigOption = None,
) -> None:
    """Write the subscriptions to a file, all but those that have ended."""
    console.write(output, console.look(console.read_settings(config), _written))


@subscriptions.command("import")
def import_subscriptions(
    file: Annotated[Path, typer.Argument(help="What `recap subscriptions export` wrote; - for standard input.")],
    config: ConfigOption = None,
) -> None:
    """Subscribe everybody in a file; who is subscribed already gets the choices in the file."""
    settings = console.read_settings(config)
    found = _read(file, [schedule.name for schedule in settings.schedules])
    console.with_app(settings, lambda app: app.ledger.subscriptions.save_all(found))
    out().print(f"Subscribed: {len(found)}.")


async def _facts(app: "App") -> list[dict[str, Any]]:
    """Return every subscription, ready for JSON."""
    return [
        {
            "target": str(each.target),
            "schedule": each.schedule,
            **dataclasses.asdict(each.choices),
            "paused_until": each.paused_until and each.paused_until.isoformat(),
            "origin": str(each.origin),
            "state": str(each.state),
            "reason": each.reason,
        }
        for each in await app.ledger.subscriptions.all()
    ]


def _read_target(value: object) -> Target:
    try:
        return Target.parse(str(value), PLATFORMS)
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
    paused_until: AwareDatetime | None = None
    origin: Origin = Origin.COMMAND

    @property
    def subscription(self) -> Subscription:
        """Return the subscription, active: the next push shows whether its platform still refuses the target."""
        choices = Choices(**self.model_dump(include={field.name for field in dataclasses.fields(Choices)}))
        return Subscription(self.target, self.schedule, choices, self.origin, paused_until=self.paused_until)


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
    cure = f"Write one of {', '.join(schedules)}"
    strange = [
        Problem(path, f"there is no schedule {row.schedule}", cure, key=f"{number}.schedule")
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
    cure = _CURES.get(error["type"], "Write what `recap subscriptions export` would")
    message = error["msg"][:1].lower() + error["msg"][1:]
    return Problem(path, message, cure, key=".".join([number, *map(str, rest)]) or None)
