"""What the admin's commands have in common: their options, and what they tell the shell."""

import enum
from pathlib import Path
from typing import Annotated

import typer

from bot.model.document import Layout


class Exit(enum.IntEnum):
    """What the shell is told."""

    DONE = 0
    FAILED = 1
    BAD_INPUT = 2


ConfigOption = Annotated[
    Path | None,
    typer.Option("--config", "-c", envvar="RECAP_CONFIG", help="The config file; config.toml where there is one."),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON for programs instead of text for people.")]
LayoutOption = Annotated[Layout, typer.Option(help="One digest, or a message per segment.")]
NumberArgument = Annotated[int | None, typer.Argument(metavar="[N]", help="The episode; the newest if left out.")]
TargetArgument = Annotated[str, typer.Argument(metavar="PLATFORM:CHAT[:THREAD]")]
