"""The registry of the platforms. Outside of the platforms' own folders, no other file names one."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bot import config
from bot.config import Config
from bot.config.tokens import Tokens
from bot.model.i18n import spoken
from bot.model.subscription import PlatformName
from bot.platforms.base import Feature, PlatformRow, Renderer
from bot.platforms.discord.row import ROW as DISCORD
from bot.platforms.telegram.row import ROW as TELEGRAM

PLATFORMS: dict[PlatformName, PlatformRow[Any, Any]] = {row.name: row for row in (TELEGRAM, DISCORD)}
"""The row of each platform, in the order in which people read the platforms."""


def load(path: Path | None, environ: Mapping[str, str] | None = None, tokens: Tokens = "needed") -> Config:
    """Read the config with a section for each platform, as `bot.config.load` does.

    Raises:
        InvalidInputError: the config cannot be used.
    """
    return config.load(path, {name: row.section for name, row in PLATFORMS.items()}, environ, tokens)


def having(feature: Feature) -> list[PlatformName]:
    """Return the names of the platforms that have the feature."""
    return [name for name, row in PLATFORMS.items() if feature in row.features]


def titles(feature: Feature) -> str:
    """Return the titles of the platforms that have the feature, as a sentence names them."""
    return spoken().listed([PLATFORMS[name].title for name in having(feature)])


def renderers() -> dict[str, Renderer]:
    """Return the renderer of each platform, under the platform's title."""
    return {row.title: row.render for row in PLATFORMS.values()}
