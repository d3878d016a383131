"""Methods of the API for slash commands, and Discord's rules for them, from its documentation.

The rules of names and descriptions hold for their translations too.
"""

from collections.abc import Iterator

from bot.sandbox.discord.errors import TOO_MANY_COMMANDS, ApiError, FormErrors, Path
from bot.sandbox.discord.people import Install
from bot.sandbox.discord.rest import Ask, Route
from bot.sandbox.discord.world import World
from bot.sandbox.shared.webserver import Json

MAX_COMMANDS = 100
"""Slash commands of one application."""
MAX_BULK = 130
"""Commands in one request."""
MAX_COMMAND_SIZE = 8000
"""Characters over all names, descriptions and choices of one command, each in its longest language."""
MAX_NAME = 32
MAX_DESCRIPTION = 100
MAX_OPTIONS = 25
MAX_CHOICES = 25
MAX_CHOICE_NAME = 100
MAX_CHOICE_VALUE = 100
SLASH = 1
OPTION_TYPES = range(1, 12)


class Commands:
    """Commands of the application, for every server and private conversation."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.registered: list[Json] = []

    def routes(self) -> list[Route]:
        """Return the methods."""
        path = "/applications/{application_id}/commands"
        return [Route("GET", path, self._list), Route("PUT", path, self._replace)]

    def _list(self, ask: Ask) -> list[Json]:
        return [_read_back(ask, command) for command in self.registered]

    def _replace(self, ask: Ask) -> list[Json]:
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
        self.registered = [self._command(form) for form in forms]
        return self.registered

    def _command(self, form: Json) -> Json:
        """Return the command as Discord keeps it, with the id of a command of the same name."""
        same = next((old for old in self.registered if old["name"] == form["name"]), None)
        needed = form.get("default_member_permissions")
        return {
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


def _read_back(ask: Ask, named: Json) -> Json:
    """Return the command or option as the API gives it back, with translations only on request."""
    with_them = ask.query.get("with_localizations") in {"1", "true"}
    wire = {key: value for key, value in named.items() if with_them or not key.endswith("_localizations")}
    if "options" in wire:
        wire["options"] = [_read_back(ask, option) for option in wire["options"] or ()]
    return wire


def check_command(errors: FormErrors, path: Path, command: Json) -> None:
    """Add every error of one command."""
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
    """Return the text under the key and its translations, with their paths; add an error for each wrong length."""
    localised = named.get(f"{key}_localizations") or {}
    paths: list[Path] = [(*path, key), *((*path, f"{key}_localizations", locale) for locale in localised)]
    values = [named.get(key), *localised.values()]
    return [
        (text_path, errors.text(text_path, value, low=1, high=high))
        for text_path, value in zip(paths, values, strict=True)
    ]


def _is_name(text: str) -> bool:
    """Return whether the text has only letters, digits, `-`, `_` and `'`, and no capital that has a small letter."""
    return text == text.lower() and all(character.isalnum() or character in "-_'" for character in text)


def _check_options(errors: FormErrors, path: Path, value: object) -> None:
    names: set[object] = set()
    optional_seen = False
    for index, item in enumerate(errors.items(path, value, high=MAX_OPTIONS)):
        option = errors.mapping((*path, index), item)
        _check_named(errors, (*path, index), option)
        check_choices(errors, (*path, index, "choices"), option.get("choices"))
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


def check_choices(errors: FormErrors, path: Path, value: object) -> list[Json]:
    """Return the choices of an option or of an autocompletion, and add every error."""
    choices = []
    for index, item in enumerate(errors.items(path, value, high=MAX_CHOICES)):
        choice = errors.mapping((*path, index), item)
        _translations(errors, (*path, index), choice, "name", MAX_CHOICE_NAME)
        if not isinstance(choice.get("value"), int | float):
            errors.text((*path, index, "value"), choice.get("value"), low=1, high=MAX_CHOICE_VALUE)
        choices.append(choice)
    return choices


def _counted(named: Json) -> Iterator[str]:
    """Yield the texts that count towards the size of a command: each text in its longest language."""
    for key in ("name", "description"):
        texts = [named.get(key), *(named.get(f"{key}_localizations") or {}).values()]
        yield max((text for text in texts if isinstance(text, str)), key=len, default="")
    if isinstance(named.get("value"), str):
        yield named["value"]
    for inner in (*(named.get("options") or ()), *(named.get("choices") or ())):
        yield from _counted(inner)
