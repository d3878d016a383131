"""The commands for those who write the episodes: is it right, what is there, what will it look like."""

# typer reads the annotations at run time, and `recap --help` must not wait for libraries that only a command needs:
# what is heavy is imported inside the commands.
# ruff: noqa: PLC0415

import datetime as dt
from pathlib import Path
from typing import Annotated

import typer

from bot.cli import console
from bot.cli.options import ConfigOption, Exit, JsonOption, LayoutOption, NumberArgument
from bot.model.document import Layout

cli = typer.Typer()


@cli.command()
def check(
    config: ConfigOption = None,
    online: Annotated[bool, typer.Option("--online", help="Also try the tokens and look up every channel.")] = False,
    links: Annotated[bool, typer.Option("--links", help="Also ask for every link: is it dead, has it moved?")] = False,
    strict: Annotated[bool, typer.Option("--strict", help="Warnings fail too: exit code 1.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Check the config and the content, and list the next pushes."""
    from bot.cli import checking, operations
    from bot.runtime.app import utc_now

    settings = console.read_settings(config)
    archive = console.load_archive(settings)
    storage = checking.storage(settings, console.config_path(config))
    problems = [*storage, *archive.problems]
    warnings = checking.warnings(settings, archive, console.config_path(config))
    pushes = checking.next_pushes(settings, archive, utc_now)
    refusals = console.with_app(settings, operations.refusals) if online and not storage else []
    dead, moved = checking.look_up_links(settings, archive) if links else ([], [])
    if as_json:
        console.print_json(
            {
                "episodes": len(archive.episodes),
                "problems": checking.for_json(problems),
                "warnings": checking.for_json([*warnings, *moved]),
                "dead_links": checking.for_json(dead),
                "refusals": refusals,
                "next_runs": {name: push and push.run.isoformat() for name, push in pushes.items()},
                "next_episodes": {name: push and push.for_json() for name, push in pushes.items()},
            }
        )
    else:
        console.tell(problems)
        console.tell(dead)
        checking.tell_warnings([*moved, *warnings])
        for refusal in refusals:
            console.err.print(refusal, soft_wrap=True)
        console.out.print(f"Episodes in order: {len(archive.episodes)}")
        for name, push in pushes.items():
            console.out.print(f"Next push on schedule {name}: {console.in_words(push.run if push else None)}")
            if push is not None:
                console.out.print(f"    {push}", soft_wrap=True)
    if problems:
        raise typer.Exit(Exit.BAD_INPUT)
    if refusals or dead or (strict and (warnings or moved)):
        raise typer.Exit(Exit.FAILED)


@cli.command("import")
def import_notes(
    notes: Annotated[Path | None, typer.Argument(help="Text, Markdown or HTML; '-' reads what is piped in.")] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="The file to write; else it is printed.")
    ] = None,
    date: Annotated[dt.datetime | None, typer.Option(formats=["%Y-%m-%d"], help="The date of the episode.")] = None,
    rss: Annotated[
        str | None, typer.Option(metavar="FEED", help="Take the notes from this feed: address or file.")
    ] = None,
    episode: Annotated[int | None, typer.Option(help="With --rss: the number; the newest if left out.")] = None,
    config: ConfigOption = None,
) -> None:
    """Make a draft episode file of raw show notes."""
    from bot.cli import drafting

    if (notes is None) == (rss is None):
        raise typer.BadParameter("give either a file of notes ('-' for what is piped in) or --rss FEED")
    if episode is not None and rss is None:
        raise typer.BadParameter("--episode says which one of a feed: give --rss FEED too")
    settings = console.read_settings(config)
    archive = console.load_archive(settings)
    found = drafting.notes_of(notes) if notes else drafting.notes_of_feed(rss or "", episode, settings.show.timezone)
    text = drafting.imported(found, settings, archive, date.date() if date else None)
    drafting.write(text, output)


@cli.command()
def new(
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="The file; in the content folder, named by its number.")
    ] = None,
    date: Annotated[dt.datetime | None, typer.Option(formats=["%Y-%m-%d"], help="The date of the episode.")] = None,
    config: ConfigOption = None,
) -> None:
    """Begin the file of the next Monday's episode."""
    from bot.cli import drafting

    settings = console.read_settings(config)
    drafting.begin(output, settings, console.load_archive(settings), date.date() if date else None)


@cli.command()
def schema() -> None:
    """Print the JSON Schema of the front matter, for editors."""
    from bot.content.frontmatter import json_schema

    console.print_json(json_schema())


@cli.command("list")
def list_episodes(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """List the episodes of the archive, the newest first."""
    archive = console.load_archive(console.read_settings(config))
    console.tell(archive.problems)
    if as_json:
        keys = {"number", "title", "date", "status", "segments"}
        parts = {"slug", "title", "topics", "sources"}
        include = dict.fromkeys(keys, True) | {"segments": {"__all__": parts}}
        console.print_json([episode.model_dump(mode="json", include=include) for episode in archive.episodes])
    elif archive.episodes:
        from rich.table import Table

        table = Table("N", "Date", "Title", "Subjects", "Status")
        for episode in archive.episodes:
            subjects = ", ".join(segment.slug for segment in episode.segments)
            table.add_row(str(episode.number), episode.date.isoformat(), episode.title, subjects, episode.status)
        console.print_table(table)
    elif not archive.problems:
        console.out.print("There is no episode yet: `recap new` begins one, `recap import` makes one of show notes.")
    if archive.problems and not archive.episodes:
        raise typer.Exit(Exit.BAD_INPUT)


@cli.command()
def preview(
    number: NumberArgument = None,
    platform: Annotated[str, typer.Option(metavar="<telegram|discord|all>", help="Whose messages to show.")] = "all",
    topic: Annotated[list[str] | None, typer.Option(help="As a subscriber of this topic sees it; repeatable.")] = None,
    layout: LayoutOption = Layout.DIGEST,
    html: Annotated[
        Path | None, typer.Option("--html", metavar="FILE", help="Write it as a page of its own, to send to somebody.")
    ] = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show exactly what would be sent."""
    from bot.cli import preview as screen
    from bot.platforms.registry import PLATFORMS

    if platform not in {*PLATFORMS, "all"}:
        known = ", ".join(map(repr, [*PLATFORMS, "all"]))
        raise typer.BadParameter(f"'{platform}' is not one of {known}.", param_hint="'--platform'")
    if html is not None:
        console.need_page_name(html)
    settings = console.read_settings(config)
    archive = console.load_archive(settings)
    episode = console.find_episode(archive, number)
    topics = [console.find_topic(archive, name) for name in topic or ()]
    platforms = [name for name in PLATFORMS if platform in {"all", name}]
    renderings = screen.renderings(settings.show, episode, topics, layout, platforms)
    if not renderings:
        raise typer.BadParameter(f"episode {episode.number} has no subject on {', '.join(topics)}")
    if html is not None:
        console.write_page(html, screen.page(settings.show, episode, topics, renderings))
        console.err.print(f"Written: {html}.", soft_wrap=True)
        return
    if as_json:
        console.print_json({name: [message.body for message in each.messages] for name, each in renderings.items()})
        return
    for name, rendering in renderings.items():
        for panel in screen.panels(name, rendering):
            console.out.print(panel)
