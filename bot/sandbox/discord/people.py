"""Discord's app as people use it: installations and contexts of the bot, and the commands and buttons on offer."""

from __future__ import annotations

import enum
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from bot.sandbox.discord.messages import Attachment, walk
from bot.sandbox.discord.rules import BUTTON
from bot.sandbox.discord.world import Channel, DirectChannel, GroupConversation, Message, Permission, User

if TYPE_CHECKING:
    from bot.sandbox.shared.webserver import Json

CHANNEL, ATTACHMENT = 7, 11
"""Discord's numbers of an option that is a channel, and of one that is a file."""
_TYPES: dict[int, type] = {3: str, 4: int, 5: bool, CHANNEL: Channel, ATTACHMENT: Attachment}
"""Types of the values that the app takes, by Discord's number of the option's type."""


class Install(enum.IntEnum):
    """Kinds of installation, with Discord's numbers."""

    GUILD = 0
    USER = 1


class Context(enum.IntEnum):
    """Contexts of a command, with Discord's numbers."""

    GUILD = 0
    BOT_DM = 1
    PRIVATE_CHANNEL = 2


class NotOfferedError(LookupError):
    """Action that Discord's app would not offer to the person; the text says why."""


def context_of(channel: Channel) -> Context:
    """Return the context of a command in the channel."""
    if channel.guild is not None:
        return Context.GUILD
    return Context.BOT_DM if isinstance(channel, DirectChannel) else Context.PRIVATE_CHANNEL


def owners(user: User, channel: Channel) -> dict[Install, int]:
    """Return the installations through which the person can use the bot in the channel, each with its owner.

    The owner is the id of the server, 0 in the private conversation with the bot, or the id of the person.
    """
    found: dict[Install, int] = {}
    if channel.guild is not None and channel.guild.bot_is_in:
        found[Install.GUILD] = channel.guild.id
    elif isinstance(channel, DirectChannel):
        found[Install.GUILD] = 0
    if user.has_app:
        found[Install.USER] = user.id
    return found


def check_is_there(user: User, channel: Channel) -> None:
    """Check that the person is in the channel.

    Raises:
        NotOfferedError: the person is not.
    """
    if channel.guild is not None and user not in channel.guild.members:
        raise NotOfferedError(f"{user.name} is not in the server {channel.guild.name}: add_member lets them in")
    if isinstance(channel, GroupConversation) and user not in channel.recipients:
        raise NotOfferedError(f"{user.name} is not in the conversation {channel.name}")


def offered_to(commands: Iterable[Json], user: User, channel: Channel) -> list[Json]:
    """Return the commands that the app offers to the person in the channel."""
    return [command for command in commands if not _refusal(command, user, channel)]


def command_data(
    commands: Iterable[Json], name: str, user: User, channel: Channel, options: Mapping[str, object]
) -> Json:
    """Return the `data` of a slash command's event.

    Raises:
        NotOfferedError: the app does not offer the person this command here, or not with these options.
    """
    command = _command(commands, name, user, channel)
    given = _given(command, options)
    for option in command["options"]:
        if option["name"] in options:
            _check_value(name, option, options[option["name"]])
        elif option.get("required"):
            raise NotOfferedError(f"/{name} cannot be sent without its option {option['name']}")
    named = [value for value in options.values() if isinstance(value, Channel)]
    resolved = {"channels": {str(each.id): _resolved(each, user) for each in named}} if named else {}
    if files := [value for value in options.values() if isinstance(value, Attachment)]:
        resolved["attachments"] = {str(each.id): each.wire() for each in files}
    return _data(command, given) | ({"resolved": resolved} if resolved else {})


def _resolved(channel: Channel, user: User) -> Json:
    """Return a channel that a command names, with the rights of the person and of the bot there."""
    allowed = channel.guild.members[user].effective if channel.guild else Permission(0)
    rights = {"permissions": str(int(allowed)), "app_permissions": str(int(channel.bot_permissions))}
    return channel.wire() | rights


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
    """Return the `data` of an autocompletion's event; `typed` is the beginning of the option's value.

    Raises:
        NotOfferedError: the app does not offer the person this command here, or does not complete the option.
    """
    command = _command(commands, name, user, channel)
    given = _given(command, {**options, option: typed})
    if not any(known["name"] == option and known.get("autocomplete") for known in command["options"]):
        raise NotOfferedError(f"/{name} completes no option {option}")
    given[-1]["focused"] = True
    return _data(command, given)


def press_data(message: Message, custom_id: str) -> Json:
    """Return the `data` of a pressed button's event.

    Raises:
        NotOfferedError: the message has no such button, the button is disabled, or the message was deleted.
    """
    if message.deleted:
        raise NotOfferedError("the message was deleted")
    found = {
        component["custom_id"]: component
        for component in walk(message.components)
        if component["type"] == BUTTON and component.get("custom_id")
    }
    if custom_id not in found:
        raise NotOfferedError(f"the message has no button {custom_id}: it has {', '.join(found) or 'none'}")
    button = found[custom_id]
    if button.get("disabled"):
        raise NotOfferedError(f"the button {custom_id} is disabled")
    return {"custom_id": custom_id, "component_type": BUTTON, "id": button.get("id", 0)}


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
    """Return why the app does not offer the command in the channel; empty if the app offers it."""
    name = command["name"]
    if context_of(channel) not in (command["contexts"] or Context):
        return f"/{name} is not offered in such a channel"
    if not owners(user, channel).keys() & set(command["integration_types"]):
        return f"neither this place nor {user.name} has the app with /{name} installed"
    if channel.guild is not None:
        needed = Permission(int(command["default_member_permissions"] or 0))
        if needed not in channel.guild.members[user].effective:
            return f"/{name} is only offered to members with the permission {needed!r}"
    return ""


def _given(command: Json, options: Mapping[str, object]) -> list[Json]:
    """Return the options as they stand in the event."""
    types = {option["name"]: option["type"] for option in command["options"]}
    for name in options:
        if name not in types:
            raise NotOfferedError(f"/{command['name']} has no option {name}: it has {', '.join(types) or 'none'}")
    return [
        {
            "name": name,
            "type": types[name],
            "value": str(value.id) if isinstance(value, Channel | Attachment) else value,
        }
        for name, value in options.items()
    ]


def _check_value(command: str, option: Json, value: object) -> None:
    expected = _TYPES.get(option["type"])
    if expected is None or not isinstance(value, expected) or (isinstance(value, bool) and expected is not bool):
        raise NotOfferedError(f"/{command} takes no {value!r} for its option {option['name']}")
    choices = [choice["value"] for choice in option.get("choices") or ()]
    if choices and value not in choices:
        raise NotOfferedError(f"/{command} offers {choices} for its option {option['name']}")
    if isinstance(value, Channel) and value.type not in option.get("channel_types", (value.type,)):
        raise NotOfferedError(f"/{command} takes no such channel as #{value.name} for its option {option['name']}")


def _data(command: Json, options: list[Json]) -> Json:
    return {"id": command["id"], "name": command["name"], "type": command["type"], "options": options}
