"""What somebody at the page can do: write, press, choose, let the bot in or out, move the clock."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from bot.i18n import Language
from bot.sandbox.page.town import Who
from bot.sandbox.telegram.model import ChatType, Status
from bot.sandbox.telegram.text import TEXT_MAX

if TYPE_CHECKING:
    from bot.sandbox.discord.interactions import Interaction
    from bot.sandbox.page.stage import Stage
    from bot.sandbox.telegram.model import Json

PATIENCE = 3.0
"""Seconds for which an answer is waited: Discord's own deadline."""

Options: TypeAlias = "dict[str, str | bool | int | float]"


class _Action(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Say(_Action):
    """Write something on Telegram; in a channel it is a post."""

    do: Literal["say"]
    place: str
    who: Who
    text: Annotated[str, Field(min_length=1, max_length=TEXT_MAX)]


class Press(_Action):
    """Press a button: on Telegram by its label, on Discord by its custom id."""

    do: Literal["press"]
    message: str
    who: Who
    button: str


class Select(_Action):
    """Choose from a menu on Discord."""

    do: Literal["select"]
    message: str
    who: Who
    menu: str
    values: list[str]


class Slash(_Action):
    """Send a slash command on Discord."""

    do: Literal["slash"]
    place: str
    who: Who
    command: str
    options: Options = {}


class Complete(_Action):
    """Type in an option on Discord that the bot completes."""

    do: Literal["complete"]
    place: str
    who: Who
    command: str
    option: str
    typed: str
    options: Options = {}


class Presence(_Action):
    """Let the bot in or put it out: block it in private, remove it from a group, a channel or the whole server."""

    do: Literal["presence"]
    place: str
    present: bool


class Speak(_Action):
    """Set the language of everybody's apps."""

    do: Literal["speak"]
    language: Language


class Advance(_Action):
    """Let it be the hour of the next push."""

    do: Literal["advance"]


class Restart(_Action):
    """Begin again."""

    do: Literal["restart"]


Action: TypeAlias = Annotated[
    Say | Press | Select | Slash | Complete | Presence | Speak | Advance | Restart, Field(discriminator="do")
]
ACTION: TypeAdapter[Action] = TypeAdapter(Action)


async def act(stage: Stage, action: Action) -> Json:
    """Do it, and say what came of it at once; all else shows in what is sent to the page.

    Raises:
        LookupError: there is no such place, message, button or command here.
        ValueError: the platform's app would not let them.
        TimeoutError: the bot did not come or answer in time.
    """
    match action:
        case Say():
            _say(stage, action)
        case Press():
            return await _press(stage, action)
        case Select():
            return await _select(stage, action)
        case Slash():
            return await _slash(stage, action)
        case Complete():
            return await _complete(stage, action)
        case Presence():
            _set_presence(stage, action)
        case Speak():
            stage.town.speak(action.language)
            stage.changes.notify()
        case Advance():
            return {"episode": await stage.next_push()}
        case Restart():
            await stage.restart()
    return {}


def _say(stage: Stage, action: Say) -> None:
    town = stage.town
    place = town.telegram_place(action.place)
    user = town.telegram_people[action.who]
    match place.chat.type:
        case ChatType.CHANNEL:
            if not place.chat.member(user).status.manages:
                raise ValueError("only administrators post in a channel")
            town.telegram.post(place.chat, action.text)
        case ChatType.PRIVATE:
            town.telegram.say(place.chat, place.chat.person, action.text)
        case ChatType.GROUP | ChatType.SUPERGROUP:
            town.telegram.say(place.chat, user, action.text, thread=place.thread)


async def _press(stage: Stage, action: Press) -> Json:
    town = stage.town
    key, _, number = action.message.rpartition("/")
    if key.startswith("telegram"):
        message = town.telegram_message(town.telegram_place(key), int(number))
        user = message.chat.user or town.telegram_people[action.who]
        press = town.telegram.press(message, action.button, user)
        answer = await town.telegram.wait_for(lambda: press.answer, PATIENCE) or {}
        return {"notice": answer["text"], "alert": answer["show_alert"]}
    target = town.discord_message(town.discord_place(key), int(number))
    return await _answered(await town.discord.press(target, action.button, town.discord_people[action.who]))


async def _select(stage: Stage, action: Select) -> Json:
    town = stage.town
    key, _, number = action.message.rpartition("/")
    message = town.discord_message(town.discord_place(key), int(number))
    user = town.discord_people[action.who]
    return await _answered(await town.discord.select(message, action.menu, user, action.values))


async def _slash(stage: Stage, action: Slash) -> Json:
    town = stage.town
    channel = town.discord_place(action.place).channel
    user = town.discord_people[action.who]
    return await _answered(await town.discord.slash(user, channel, action.command, **action.options))


async def _answered(interaction: Interaction) -> Json:
    await interaction.answered(PATIENCE)
    return {}


async def _complete(stage: Stage, action: Complete) -> Json:
    town = stage.town
    channel = town.discord_place(action.place).channel
    user = town.discord_people[action.who]
    others = {name: value for name, value in action.options.items() if name != action.option}
    asked = await town.discord.autocomplete(user, channel, action.command, action.option, action.typed, **others)
    return {"choices": await asked.suggestions(PATIENCE)}


def _set_presence(stage: Stage, action: Presence) -> None:
    town = stage.town
    if action.place.startswith("telegram"):
        chat = town.telegram_place(action.place).chat
        by = town.telegram_people[Who.ADMIN]
        joined = Status.ADMINISTRATOR if chat.type is ChatType.CHANNEL else Status.MEMBER
        town.telegram.set_member(chat, town.telegram.bot, joined if action.present else Status.KICKED, by=by)
        return
    guild = town.discord_place(action.place).channel.guild
    if guild is None:
        raise ValueError("nobody can put the bot out of a private conversation")
    if action.present:
        town.discord.restore_guild(guild)
    else:
        town.discord.remove_guild(guild)
