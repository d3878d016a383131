"""The warnings about settings by which others see or change what is the team's own."""

import os
import shlex
from pathlib import Path

from bot.config import Config, located
from bot.config.network import is_loopback
from bot.config.sources import Fault, read
from bot.model.i18n import gettext as _
from bot.model.problems import Problem

CONTAINER_SECRETS = Path("/run/secrets")
"""The folder of the secrets that Docker gives a container, where all accounts may read them and none can hide them."""


def exposed_secrets(path: Path | None, config: Config) -> list[Problem]:
    """Return a warning of each file that holds a secret and that other accounts may read or change."""
    table = {} if path is None else read(path, {}).table
    written = {"storage": "url"} if config.storage.secrets else {}
    written |= dict.fromkeys(config.sections, "token")
    is_written = any(isinstance(table.get(name), dict) and table[name].get(key) for name, key in written.items())
    files = [path] if path is not None and is_written else []
    named = [config.storage.url_file, *(section.token_file for section in config.platforms.values())]
    files += [file for file in named if file is not None]
    found = []
    for file in dict.fromkeys(files):
        status, name, user = file.stat(), shlex.quote(str(file)), os.geteuid()
        # Because a group may be the bot's only way to the file of another owner, that group is meant to read it.
        is_shared = status.st_uid != user != 0
        by_all, by_group = status.st_mode & 0o006, 0 if status.st_uid != user else status.st_mode & 0o060
        if (by_all or by_group) and CONTAINER_SECRETS not in file.resolve().parents:
            told = _("this file holds a secret, and its group may read or change it")
            if by_all:
                told = _("this file holds a secret, and every account of this machine may read or change it")
            cure = (
                _("Run as root `chgrp {group} {name} && chmod 640 {name}`").format(group=os.getegid(), name=name)
                if is_shared
                else _("Run {command}").format(command=f"`chmod 600 {name}`")
            )
            found.append(Problem(file, told, cure))
    return found


def exposed_metrics(path: Path | None, config: Config) -> list[Problem]:
    """Return a warning if other machines may read the metrics."""
    if config.metrics.address is None or is_loopback(config.metrics.address[0]):
        return []
    told = _("other machines may read the metrics: figures about the show, and none about a person")
    cure = _("Write {example}, or let only the machines through that shall read them").format(
        example='"127.0.0.1:9464"'
    )
    return located(path, [Fault(("metrics", "listen"), told, cure)])
