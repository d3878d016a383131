"""The registry of the platforms. Outside of the platforms' own folders, no other file names one."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic_core import PydanticCustomError

from bot import config
from bot.config import Config
from bot.config.tokens import Tokens
from bot.model.i18n import spoken
from bot.model.subscription import PlatformName, Target
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


def read_target(text: str, *, is_new: bool = True) -> Target:
    """Return the target that somebody wrote. Because version 0.1.0 took any, only one that `is_new` has to be possible.

    Raises:
        ValueError: there is no such target; the message says why, or shows examples.
    """
    target = Target.parse(text, PLATFORMS)
    if not is_new:
        return target
    section = PLATFORMS[target.platform].section
    try:
        section.read_chat(target.chat.lower())
        if target.thread:
            section.check_choice("thread", target.thread)
    except PydanticCustomError as error:
        raise ValueError("{reason}. {cure}".format_map(error.context or {})) from None
    return target


def admins_of(settings: Config) -> dict[PlatformName, list[Target]]:
    """Return the private chats of the admins on each platform that is switched on."""
    return {
        name: [Target(name, PLATFORMS[name].private_chat(each)) for each in section.admins]
        for name, section in settings.platforms.items()
    }


def having(feature: Feature) -> list[PlatformName]:
    """Return the names of the platforms that have the feature."""
    return [name for name, row in PLATFORMS.items() if feature in row.features]


def titles(feature: Feature) -> str:
    """Return the titles of the platforms that have the feature, as a sentence names them."""
    return spoken().listed([PLATFORMS[name].title for name in having(feature)])


def renderers() -> dict[str, Renderer]:
    """Return the renderer of each platform, under the platform's title."""
    return {row.title: row.render for row in PLATFORMS.values()}
