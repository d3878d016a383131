"""The commands on subscriptions."""

# typer reads the annotations at run time, and `recap --help` must not wait for libraries that only a command needs:
# what is heavy is imported inside the commands.
# ruff: noqa: PLC0415

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bot.cli import console
from bot.cli.options import ConfigOption, Exit, JsonOption, LayoutOption, TargetArgument
from bot.model.document import Layout

if TYPE_CHECKING:
    from bot.runtime.app import App

cli = typer.Typer(help="List, add, remove, export and import subscriptions.", no_args_is_help=True)


@cli.command("list")
def list_subscriptions(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """List every subscription."""
    from rich.table import Table

    from bot.cli import operations

    rows = console.look(console.read_settings(config), operations.subscriptions)
    if as_json:
        console.print_json(rows)
        return
    if not rows:
        console.out.print(
            "Nobody has subscribed yet: people write /subscribe, `recap subscriptions add` does it for them."
        )
        return
    table = Table("Target", "Schedule", "Topics", "Layout", "Origin", "State", "Why")
    for row in rows:
        topics = " ".join(row["topics"]) or "all"
        table.add_row(row["target"], row["schedule"], topics, row["layout"], row["origin"], row["state"], row["reason"])
    console.print_table(table)


@cli.command("add")
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
    from bot.cli import pushing
    from bot.model.subscription import Choices, Subscription
    from bot.platforms.base import Feature
    from bot.platforms.registry import PLATFORMS, titles

    settings = console.read_settings(config)
    names = [known.name for known in settings.schedules]
    if schedule is not None and schedule not in names:
        raise typer.BadParameter(f"there is no schedule {schedule}: choose one of {', '.join(names)}")
    archive = console.load_archive(settings)
    topics = tuple(sorted(console.find_topic(archive, name) for name in topic or ()))
    choices = Choices(topics=topics, layout=layout, silent=silent, publish=publish, rich=rich)
    place = console.parse_target(target)
    features = PLATFORMS[place.platform].features
    if rich and Feature.RICH not in features:
        raise typer.BadParameter(f"rich messages are {titles(Feature.RICH)}'s: leave --rich out")
    if publish and Feature.PUBLISH not in features:
        where = titles(Feature.PUBLISH)
        raise typer.BadParameter(f"only {where}'s announcement channels have followers: leave --publish out")
    pushing.refuse_switched_off(settings, place)
    subscription = Subscription(place, schedule or names[0], choices)

    async def save(app: "App") -> None:
        await app.ledger.subscriptions.save(subscription)

    console.with_app(settings, save)
    console.out.print(f"Subscribed: {subscription.target} on schedule {subscription.schedule}.")


@cli.command("remove")
def remove_subscription(target: TargetArgument, config: ConfigOption = None) -> None:
    """End the subscription of a target."""
    wanted = console.parse_target(target)

    async def end(app: "App") -> bool:
        return await app.ledger.subscriptions.end(wanted, "removed by the admin")

    if not console.with_app(console.read_settings(config), end):
        console.err.print(f"{wanted} is not subscribed.")
        raise typer.Exit(Exit.FAILED)
    console.out.print(f"Removed: {wanted}.")


@cli.command("export")
def export_subscriptions(
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="The file to write; standard output if left out.")
    ] = None,
    config: ConfigOption = None,
) -> None:
    """Write the subscriptions to a file, all but those that have ended."""
    from bot.cli import transfer

    async def written(app: "App") -> str:
        return transfer.written(await app.ledger.subscriptions.all())

    text = console.look(console.read_settings(config), written)
    if output is None:
        typer.echo(text, nl=False)
    else:
        console.write_new(output, text)
        console.err.print(f"Written: {output}.", soft_wrap=True)


@cli.command("import")
def import_subscriptions(
    file: Annotated[Path, typer.Argument(help="What `recap subscriptions export` wrote; - for standard input.")],
    config: ConfigOption = None,
) -> None:
    """Subscribe everybody in a file; who is subscribed already gets the choices in the file."""
    from bot.cli import transfer

    settings = console.read_settings(config)
    subscriptions = transfer.read(file, [schedule.name for schedule in settings.schedules])

    async def save(app: "App") -> None:
        await app.ledger.subscriptions.save_all(subscriptions)

    console.with_app(settings, save)
    console.out.print(f"Subscribed: {len(subscriptions)}.")
