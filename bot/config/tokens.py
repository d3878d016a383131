"""The secrets of a configuration, from its values and from files of their own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar, Literal, Protocol, TypeAlias

from bot.config.sources import ADDRESS_KEYS, TOKEN_KEYS, Fault, variable_name
from bot.model.i18n import gettext as _
from bot.model.problems import reason_of
from bot.model.subscription import PlatformName

Tokens: TypeAlias = Literal["needed", "optional", "ignored"]
"""The part that the tokens play for a command: all that sends nothing works without them."""


class _Section(Protocol):
    title: ClassVar[str]
    token_cure: ClassVar[str]


def fill_in_tokens(
    values: dict[str, Any], folder: Path, sections: Mapping[PlatformName, type[_Section]], tokens: Tokens = "optional"
) -> tuple[list[Fault], list[Fault]]:
    """Put the token of each platform's `token_file` into the platform's section; an empty token is none.

    Returns:
        The mistakes, and the tokens that are missing. Unless they are needed, the sections have an empty one.
    """
    faults, missing = [], []
    for platform, kind in sections.items():
        section = values.get(platform)
        if not isinstance(section, dict):
            continue
        given = {key: section[key] for key in sorted(TOKEN_KEYS & section.keys()) if section[key] != ""}
        if tokens == "ignored":
            given = {}
        values[platform] = section = {key: section[key] for key in section if key not in TOKEN_KEYS} | given
        if not given:
            cure = _(
                "{cure}, or put it into {variable}; to leave {platform} out, put a # before every line of its section"
            ).format(cure=_(kind.token_cure), variable=variable_name((platform, "token")), platform=kind.title)
            missing.append(Fault((platform, "token"), _("the token is missing"), cure))
        elif given.keys() == TOKEN_KEYS:
            faults.append(Fault((platform, "token_file"), _("the token is given twice"), _("Keep token or token_file")))
        elif "token_file" in given:
            section["token"], wrong = _secret_in(folder, given["token_file"])
            if wrong:
                cure = _("{cure} into a file and the file's path here").format(cure=_(kind.token_cure))
                missing.append(Fault((platform, "token_file"), wrong, cure))
                del section["token_file"]
            else:
                section["token_file"] = folder / given["token_file"]
        if tokens != "needed":
            section.setdefault("token", "")
    return faults, missing


def fill_in_address(values: dict[str, Any], folder: Path) -> Iterator[Fault]:
    """Put the address of the storage's `url_file` into its section, and yield the mistake if that is not possible."""
    section = values.get("storage")
    if not isinstance(section, dict) or "url_file" not in section:
        return
    if section.keys() >= ADDRESS_KEYS:
        yield Fault(("storage", "url_file"), _("the address is given twice"), _("Keep url or url_file"))
        return
    url, wrong = _secret_in(folder, section["url_file"])
    if wrong:
        cure = _("Write the address of the database into a file and the file's path here")
        yield Fault(("storage", "url_file"), wrong, cure)
    values["storage"] = {"url": url, "url_file": folder / section["url_file"]} if not wrong else {}


def _secret_in(folder: Path, file: object) -> tuple[str, str]:
    """Return the secret in the file, and the reason if it holds none."""
    if not isinstance(file, str):
        return "", _("this must be text")
    try:
        secret = (folder / file).read_text("utf-8-sig").strip()
    except OSError as error:
        return "", _("the file cannot be read ({reason})").format(reason=reason_of(error))
    except ValueError:
        return "", _("the file is not UTF-8 text")
    return secret, "" if secret else _("the file is empty")
