"""What Discord's own app does for a person: it offers commands and components, and refuses what it would not offer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.sandbox.discord.components import BUTTON, SELECTS, STRING_SELECT
from bot.sandbox.discord.installs import Context, context_of, owners
from bot.sandbox.discord.messages import walk
from bot.sandbox.discord.world import GroupConversation, Permission

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from bot.sandbox.discord.messages import Message
    from bot.sandbox.discord.world import Channel, Json, User

_STRING, _INTEGER, _BOOLEAN, _NUMBER = 3, 4, 5, 10
_TYPES: dict[int, type | tuple[type, ...]] = {_STRING: str, _INTEGER: int, _BOOLEAN: bool, _NUMBER: (int, float)}
_BOUNDS = {str: ("min_length", "max_length"), int: ("min_value", "max_value"), float: ("min_value", "max_value")}
_EVERYWHERE = tuple(Context)


class NotOfferedError(LookupError):
    """Discord's app would not let the person do this; the text says why."""


def check_is_there(user: User, channel: Channel) -> None:
    """Look whether the person can be in the channel.

    Raises:
        NotOfferedError: they cannot.
    """
    if channel.guild is not None and user not in channel.guild.members:
        raise NotOfferedError(f"{user.name} is not in the server {channel.guild.name}: add_member lets them in")
    if isinstance(channel, GroupConversation) and user not in channel.recipients:
        raise NotOfferedError(f"{user.name} is not in the conversation {channel.name}")


def offered_to(commands: Iterable[Json], user: User, channel: Channel) -> list[Json]:
    """Those of the commands that the person finds in the channel."""
    return [command for command in commands if not _refusal(command, user, channel)]


def command_data(
    commands: Iterable[Json], name: str, user: User, channel: Channel, options: Mapping[str, object]
) -> Json:
    """What the event of a slash command holds under `data`.

    Raises:
        NotOfferedError: the person is not offered this command here, or not with these options.
    """
    command = _command(commands, name, user, channel)
    given = _given(command, options)
    for option in command["options"]:
        if option["name"] in options:
            _check_value(name, option, options[option["name"]])
        elif option.get("required"):
            raise NotOfferedError(f"/{name} cannot be sent without its option {option['name']}")
    return _data(command, given)


def autocomplete_data(
    commands: Iterable[Json],
    name: str,
    user: User,
    channel: Channel,
    options: Mapping[str, object],
    *,
    option: str,
    typed: str,
) -> Json:
    """What the event of an autocompletion holds under `data`: so much was `typed` of an option.

    Raises:
        NotOfferedError: the person is not offered this command here, or the option completes nothing.
    """
    command = _command(commands, name, user, channel)
    given = _given(command, {**options, option: typed})
    if not any(known["name"] == option and known.get("autocomplete") for known in command["options"]):
        raise NotOfferedError(f"/{name} completes no option {option}")
    given[-1]["focused"] = True
    return _data(command, given)


def press_data(message: Message, custom_id: str) -> Json:
    """What the event of a pressed button holds under `data`.

    Raises:
        NotOfferedError: the message has no such button that can be pressed.
    """
    button = _component(message, custom_id, (BUTTON,))
    return {"custom_id": custom_id, "component_type": BUTTON, "id": button.get("id", 0)}


def select_data(message: Message, custom_id: str, values: list[str]) -> Json:
    """What the event of a used menu holds under `data`.

    Raises:
        NotOfferedError: the message has no such menu, or it does not take these values.
    """
    menu = _component(message, custom_id, SELECTS)
    low, high = menu.get("min_values", 1), menu.get("max_values", 1)
    if not low <= len(values) <= high:
        raise NotOfferedError(f"the menu {custom_id} takes {low} to {high} values")
    offered = [option["value"] for option in menu.get("options", ())]
    if menu["type"] == STRING_SELECT and not set(values) <= set(offered):
        raise NotOfferedError(f"the menu {custom_id} offers {', '.join(offered)}")
    return {"custom_id": custom_id, "component_type": menu["type"], "id": menu.get("id", 0), "values": values}


def _command(commands: Iterable[Json], name: str, user: User, channel: Channel) -> Json:
    offered = {command["name"]: command for command in commands}
    command = offered.get(name)
    if command is None:
        raise NotOfferedError(f"there is no command /{name}: the bot registered {', '.join(offered) or 'none'}")
    refusal = _refusal(command, user, channel)
    if refusal:
        raise NotOfferedError(refusal)
    return command


def _refusal(command: Json, user: User, channel: Channel) -> str:
    """Why the person does not find the command in the channel; empty when they do."""
    name = command["name"]
    if context_of(channel) not in (command["contexts"] or _EVERYWHERE):
        return f"/{name} is not offered in such a channel"
    if not owners(user, channel).keys() & set(command["integration_types"]):
        return f"neither this place nor {user.name} has the app with /{name} installed"
    if channel.guild is not None:
        needed = Permission(int(command["default_member_permissions"] or 0))
        if needed not in channel.guild.members[user].effective:
            return f"/{name} is only offered to members with the permission {needed!r}"
    return ""


def _given(command: Json, options: Mapping[str, object]) -> list[Json]:
    """The options as the event names them."""
    types = {option["name"]: option["type"] for option in command["options"]}
    for name in options:
        if name not in types:
            raise NotOfferedError(f"/{command['name']} has no option {name}: it has {', '.join(types) or 'none'}")
    return [{"name": name, "type": types[name], "value": value} for name, value in options.items()]


def _check_value(command: str, option: Json, value: object) -> None:
    expected = _TYPES.get(option["type"])
    if expected is None or not isinstance(value, expected) or (isinstance(value, bool) and expected is not bool):
        raise NotOfferedError(f"/{command} takes no {value!r} for its option {option['name']}")
    choices = [choice["value"] for choice in option.get("choices") or ()]
    if choices and value not in choices:
        raise NotOfferedError(f"/{command} offers {choices} for its option {option['name']}")
    size = len(value) if isinstance(value, str) else value
    low, high = (option.get(bound) for bound in _BOUNDS.get(type(value), ("", "")))
    if (low is not None and size < low) or (high is not None and size > high):
        raise NotOfferedError(f"/{command} takes {low} to {high} for its option {option['name']}")


def _data(command: Json, options: list[Json]) -> Json:
    data = {"id": command["id"], "name": command["name"], "type": command["type"], "options": options}
    return data | {"guild_id": command["guild_id"]} if "guild_id" in command else data


def _component(message: Message, custom_id: str, types: tuple[int, ...]) -> Json:
    if message.deleted:
        raise NotOfferedError("the message was deleted")
    found = {
        component["custom_id"]: component
        for component in walk(message.components)
        if component["type"] in types and component.get("custom_id")
    }
    if custom_id not in found:
        raise NotOfferedError(f"the message has no component {custom_id}: it has {', '.join(found) or 'none'}")
    if found[custom_id].get("disabled"):
        raise NotOfferedError(f"the component {custom_id} is switched off")
    return found[custom_id]
