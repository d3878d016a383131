"""The processes that share a ledger, as `recap status` and `recap healthy` show them."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from bot.model.i18n import gettext as _
from bot.model.i18n import spoken
from bot.storage.leases import CLOCK
from bot.storage.processes import Process

if TYPE_CHECKING:
    from bot.runtime.app import App


async def shown(app: "App") -> list[dict[str, Any]]:
    """Return the processes with their roles, and with what each has otherwise than the one that opens the pushes."""
    found, holders = await _found(app)
    leader = next((each for each in found if each.name == holders.get(CLOCK)), None)
    return [
        {
            "name": each.name,
            "version": each.version,
            "started": each.started.isoformat(),
            "seen": each.beat.isoformat(),
            "lives": each.lives,
            "roles": sorted(role for role, name in holders.items() if name == each.name),
            "troubles": list(each.troubles),
            "compared_with": leader and leader.name,
            "other_config": leader is not None and each.versions.config != leader.versions.config,
            "other_files": [] if leader is None else _different(each.versions.content, leader.versions.content),
        }
        for each in found
    ]


async def troubles(app: "App") -> list[str]:
    """Return a sentence for each trouble of the processes, and for each role that none of them has."""
    found, holders = await _found(app)
    if not any(each.lives for each in found):
        return [_("The bot is not running: `recap run` starts it.")]
    told = [
        _("{name}: {text}").format(name=each.name, text=text) for each in found if each.lives for text in each.troubles
    ]
    if CLOCK not in holders:
        told.append(_("No process looks at the clock, and no push begins."))
    nobody = _("No process works on {platform}: nothing is sent or received there.")
    return told + [nobody.format(platform=name) for name in app.config.platforms if name not in holders]


def lines(processes: Sequence[Mapping[str, Any]], local: Callable[[str], str]) -> Iterator[str]:
    """Yield the lines that people read about the processes; `local` writes a moment in the show's zone."""
    for each in processes:
        name = each["name"]
        if not each["lives"]:
            yield _("{name} has shown no sign of life since {moment}.").format(name=name, moment=local(each["seen"]))
            continue
        if roles := [_("pushes") if role == CLOCK else role for role in each["roles"]]:
            yield _("{name} works on: {roles}.").format(name=name, roles=spoken().listed(roles))
        else:
            yield _("{name} stands by.").format(name=name)
        other = each["compared_with"]
        if each["other_config"]:
            yield _("{name} has another config than {other}.").format(name=name, other=other)
        for file in each["other_files"]:
            yield _("{name} has another {file} than {other}.").format(name=name, file=file, other=other)


async def _found(app: "App") -> tuple[list[Process], dict[str, str]]:
    ledger = app.ledger
    return [] if ledger.processes is None else await ledger.processes.all(), await ledger.leases.holders()


def _different(files: Mapping[str, str], others: Mapping[str, str]) -> list[str]:
    return sorted(name for name in files.keys() | others.keys() if files.get(name) != others.get(name))
