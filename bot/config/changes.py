"""Which changes of the config a running bot can follow."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.config import load
from bot.model.problems import InvalidInputError, Problem

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from bot.config import Config, Discord, Telegram

_PAID = "allow_paid_broadcast"
_CONNECTION = ("token", "token_file", "api_url", "gateway_url", _PAID)
"""What a connection was made with."""


def reread(path: Path, running: Config, environ: Mapping[str, str] | None = None) -> tuple[Config, list[str]]:
    """Read the file again while a config is running: what holds from now on, and the keys that need a restart.

    Raises:
        InvalidInputError: the file cannot be used. An empty one is not: it would end every declared subscription, and
            is what an editor leaves that could not write.
    """
    wanted = load(path, environ)
    if not path.read_bytes().strip():
        raise InvalidInputError(
            [Problem(path, "the file is empty", "Write the settings again, or restore the file from a backup")]
        )
    return live(wanted=wanted, running=running)


def live(*, running: Config, wanted: Config) -> tuple[Config, list[str]]:
    """The wanted config as far as it can hold without a restart, and the keys that need one."""
    update: dict[str, object] = {}
    keys = []
    if wanted.storage != running.storage:
        keys.append("storage.url")
        update["storage"] = running.storage
    for name in ("telegram", "discord"):
        section, changed = _live_section(getattr(running, name), getattr(wanted, name))
        update[name] = section
        keys += [f"{name}.{key}" if key else name for key in changed]
    return wanted.model_copy(update=update), keys


def _live_section(
    running: Telegram | Discord | None, wanted: Telegram | Discord | None
) -> tuple[Telegram | Discord | None, list[str]]:
    if running is None or wanted is None:
        return running, [""] if running is not wanted else []
    changed = [key for key in _CONNECTION if getattr(running, key, None) != getattr(wanted, key, None)]
    if _PAID in changed and running.rate != wanted.rate:
        # A rate that is only allowed with it, or without it, waits for it.
        changed.append("rate")
    return wanted.model_copy(update={key: getattr(running, key) for key in changed}), changed
