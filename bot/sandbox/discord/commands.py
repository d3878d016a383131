"""The API's methods for slash commands, and Discord's rules for them, from its documentation.

Localised names and descriptions are under the same rules as the ones they translate.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.sandbox.discord.errors import (
    MISSING_ACCESS,
    NOT_YOUR_APPLICATION,
    TOO_MANY_COMMANDS,
    UNKNOWN_COMMAND,
    UNKNOWN_GUILD,
    ApiError,
    FormErrors,
)
from bot.sandbox.discord.installs import Install
from bot.sandbox.discord.rest import Ask, Route

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bot.sandbox.discord.errors import Path
    from bot.sandbox.discord.world import Json, World

MAX_COMMANDS = 100
"""Slash commands of one application, and as many again in each server."""
MAX_BULK = 130
"""Commands that one request may replace all others with."""
MAX_COMMAND_SIZE = 8000
"""Characters over all names, descriptions and choices of one command, each in its longest language."""
MAX_NAME = 32
MAX_DESCRIPTION = 100
MAX_OPTIONS = 25
MAX_CHOICES = 25
MAX_CHOICE_NAME = 100
MAX_CHOICE_VALUE = 100
SLASH = 1
STRING, INTEGER, NUMBER = 3, 4, 10
OPTION_TYPES = range(1, 12)
_MARKED_SCRIPTS = (("\u0900", "\u097f"), ("\u0e00", "\u0e7f"))
"""Devanagari and Thai, whose signs are neither letters nor digits but may stand in names."""


class Commands:
    """The commands of the application: those for everywhere under None, those of a server under its id."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._known: dict[int | None, list[Json]] = {None: []}

    def routes(self) -> list[Route]:
        """The methods."""
        routes = []
        for scope in ("", "/guilds/{guild_id}"):
            commands = "/applications/{application_id}" + scope + "/commands"
            command = commands + "/{command_id}"
            routes += [
                Route("GET", commands, self._list),
                Route("PUT", commands, self._replace),
                Route("POST", commands, self._create, status=201),
                Route("GET", command, self._get),
                Route("PATCH", command, self._edit),
                Route("DELETE", command, self._delete),
            ]
        return routes

    def offered(self, guild_id: int | None) -> list[Json]:
        """The commands that people are offered in a server, or in private with None; a server's own come first."""
        own = self._known.get(guild_id, []) if guild_id is not None else []
        names = {command["name"] for command in own}
        return [*own, *(command for command in self._known[None] if command["name"] not in names)]

    def _list(self, ask: Ask) -> list[Json]:
        return [_told(ask, command) for command in self._scope(ask)]

    def _get(self, ask: Ask) -> Json:
        return _told(ask, self._one(ask))

    def _replace(self, ask: Ask) -> list[Json]:
        known = self._scope(ask)
        errors = FormErrors()
        forms = [errors.mapping((index,), form) for index, form in enumerate(errors.items((), ask.body, high=MAX_BULK))]
        names: set[object] = set()
        for index, form in enumerate(forms):
            check_command(errors, (index,), form)
            if form.get("name") in names:
                errors.add((index,), "APPLICATION_COMMANDS_DUPLICATE_NAME", "Application command names must be unique")
            names.add(form.get("name"))
        errors.raise_if_any()
        if len(forms) > MAX_COMMANDS:
            raise ApiError(TOO_MANY_COMMANDS)
        known[:] = [self._command(ask, form, known) for form in forms]
        return known

    def _create(self, ask: Ask) -> Json:
        known = self._scope(ask)
        return self._put(ask, known, ask.form)

    def _edit(self, ask: Ask) -> Json:
        command = self._one(ask)
        return self._put(ask, self._scope(ask), command | ask.form, before=command)

    def _put(self, ask: Ask, known: list[Json], form: Json, before: Json | None = None) -> Json:
        errors = FormErrors()
        check_command(errors, (), form)
        errors.raise_if_any()
        command = self._command(ask, form, known if before is None else [before])
        others = [other for other in known if other["id"] != command["id"]]
        if len(others) >= MAX_COMMANDS:
            raise ApiError(TOO_MANY_COMMANDS)
        known[:] = [*others, command]
        return command

    def _delete(self, ask: Ask) -> None:
        self._scope(ask).remove(self._one(ask))

    def _one(self, ask: Ask) -> Json:
        for command in self._scope(ask):
            if command["id"] == ask.path["command_id"]:
                return command
        raise ApiError(UNKNOWN_COMMAND)

    def _scope(self, ask: Ask) -> list[Json]:
        if ask.id("application_id") != self._world.application_id:
            raise ApiError(NOT_YOUR_APPLICATION)
        if "guild_id" not in ask.path:
            return self._known[None]
        guild = self._world.guilds.get(ask.id("guild_id"))
        if guild is None:
            raise ApiError(UNKNOWN_GUILD)
        if not guild.bot_is_in:
            raise ApiError(MISSING_ACCESS)
        return self._known.setdefault(guild.id, [])

    def _command(self, ask: Ask, form: Json, known: list[Json]) -> Json:
        """The command as Discord keeps it; one of the same name keeps its id."""
        same = next((old for old in known if old["name"] == form["name"] or old["id"] == form.get("id")), None)
        needed = form.get("default_member_permissions")
        command = {
            "type": SLASH,
            "options": [],
            "nsfw": False,
            "contexts": None,
            **form,
            "default_member_permissions": None if needed is None else str(needed),
            "integration_types": form.get("integration_types") or [Install.GUILD],
            "id": same["id"] if same else str(self._world.ids.next()),
            "application_id": str(self._world.application_id),
            "version": str(self._world.ids.next()),
        }
        return command | {"guild_id": ask.path["guild_id"]} if "guild_id" in ask.path else command


def _told(ask: Ask, named: Json) -> Json:
    """The command or option as it is read back: its translations only when they are asked for."""
    with_them = ask.query.get("with_localizations") in {"1", "true"}
    told = {key: value for key, value in named.items() if with_them or not key.endswith("_localizations")}
    if "options" in told:
        told["options"] = [_told(ask, option) for option in told["options"] or ()]
    return told


def check_command(errors: FormErrors, path: Path, command: Json) -> None:
    """Note everything that is wrong with one command."""
    _check_named(errors, path, command)
    _check_options(errors, (*path, "options"), command.get("options"))
    size = sum(len(text) for text in _counted(command))
    if size > MAX_COMMAND_SIZE:
        errors.add(path, "APPLICATION_COMMAND_TOO_LARGE", f"Command exceeds maximum size ({MAX_COMMAND_SIZE})")


def _check_named(errors: FormErrors, path: Path, named: Json) -> None:
    for text_path, text in _translations(errors, path, named, "name", MAX_NAME):
        if text and not _is_name(text):
            errors.add(text_path, "APPLICATION_COMMAND_INVALID_NAME", "Command name is invalid")
    _translations(errors, path, named, "description", MAX_DESCRIPTION)


def _translations(errors: FormErrors, path: Path, named: Json, key: str, high: int) -> list[tuple[Path, str]]:
    """The text under the key and its translations, with their paths; their lengths are checked."""
    localised = named.get(f"{key}_localizations") or {}
    paths: list[Path] = [(*path, key), *((*path, f"{key}_localizations", locale) for locale in localised)]
    values = [named.get(key), *localised.values()]
    return [
        (text_path, errors.text(text_path, value, low=1, high=high))
        for text_path, value in zip(paths, values, strict=True)
    ]


def _is_name(text: str) -> bool:
    """Letters, digits, `-`, `_` and `'`, and no capital where the script has small letters."""
    return text == text.lower() and all(
        character.isalnum() or character in "-_'" or any(low <= character <= high for low, high in _MARKED_SCRIPTS)
        for character in text
    )


def _check_options(errors: FormErrors, path: Path, value: object) -> None:
    names: set[object] = set()
    optional_seen = False
    for index, item in enumerate(errors.items(path, value, high=MAX_OPTIONS)):
        option = errors.mapping((*path, index), item)
        _check_named(errors, (*path, index), option)
        _check_choices(errors, (*path, index), option)
        if option.get("type") not in OPTION_TYPES:
            errors.choices((*path, index, "type"), list(OPTION_TYPES))
        if option.get("required") and optional_seen:
            errors.add(
                (*path, index),
                "APPLICATION_COMMAND_OPTIONS_REQUIRED_INVALID",
                "Required options must be placed before non-required options",
            )
        optional_seen = optional_seen or not option.get("required")
        if option.get("name") in names:
            errors.add((*path, index), "APPLICATION_COMMAND_OPTIONS_NAME_ALREADY_EXISTS", "Option name already exists")
        names.add(option.get("name"))


def _check_choices(errors: FormErrors, path: Path, option: Json) -> None:
    choices = option.get("choices")
    if choices and option.get("autocomplete"):
        errors.add(
            (*path, "autocomplete"),
            "APPLICATION_COMMAND_OPTIONS_AUTOCOMPLETE_CHOICES_EXCLUSIVE",
            "Autocomplete and choices cannot both be used",
        )
    check_choices(errors, (*path, "choices"), choices)


def check_choices(errors: FormErrors, path: Path, value: object) -> list[Json]:
    """Note everything that is wrong with a list of choices, those of an autocompletion included."""
    choices = []
    for index, item in enumerate(errors.items(path, value, high=MAX_CHOICES)):
        choice = errors.mapping((*path, index), item)
        _translations(errors, (*path, index), choice, "name", MAX_CHOICE_NAME)
        if not isinstance(choice.get("value"), int | float):
            errors.text((*path, index, "value"), choice.get("value"), low=1, high=MAX_CHOICE_VALUE)
        choices.append(choice)
    return choices


def _counted(named: Json) -> Iterator[str]:
    """What counts towards the size of a command: of each text the longest of its languages."""
    for key in ("name", "description"):
        texts = [named.get(key), *(named.get(f"{key}_localizations") or {}).values()]
        yield max((text for text in texts if isinstance(text, str)), key=len, default="")
    if isinstance(named.get("value"), str):
        yield named["value"]
    for inner in (*(named.get("options") or ()), *(named.get("choices") or ())):
        yield from _counted(inner)
