"""What somebody at the page can do: write, press, choose, let the bot in or out, move the clock.

Each action says what came of it at once; all else shows in what is streamed to the page.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Annotated, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from bot.model.i18n import Language
from bot.sandbox.demo.town import Who
from bot.sandbox.telegram.model import ChatType, Status
from bot.sandbox.telegram.text import TEXT_MAX

if TYPE_CHECKING:
    from bot.sandbox.demo.stage import Stage
    from bot.sandbox.discord.interactions import Interaction
    from bot.sandbox.telegram.model import Json

PATIENCE = 3.0
"""Seconds for which an answer is waited: Discord's own deadline."""
INLINE_QUERY_MAX = 256
"""Characters of an inline query: https://core.telegram.org/bots/api#inlinequery"""

Options: TypeAlias = "dict[str, str | bool | int | float]"


class _Action(BaseModel, ABC):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    @abstractmethod
    async def act(self, stage: Stage) -> Json:
        """Do it.

        Raises:
            LookupError: there is no such place, message, button or command here.
            ValueError: the platform's app would not let them.
            TimeoutError: the bot did not come or answer in time.
        """


class Say(_Action):
    """Write something on Telegram; in a channel it is a post."""

    do: Literal["say"]
    place: str
    who: Who
    text: Annotated[str, Field(min_length=1, max_length=TEXT_MAX)]

    async def act(self, stage: Stage) -> Json:
        """Write it."""
        town = stage.town
        place = town.telegram_place(self.place)
        user = town.telegram_people[self.who]
        match place.chat.type:
            case ChatType.CHANNEL:
                if not place.chat.member(user).status.manages:
                    raise ValueError("only administrators post in a channel")
                town.telegram.post(place.chat, self.text)
            case ChatType.PRIVATE:
                town.telegram.say(place.chat, place.chat.person, self.text)
            case ChatType.GROUP | ChatType.SUPERGROUP:
                town.telegram.say(place.chat, user, self.text, thread=place.thread)
        return {}


class Inquire(_Action):
    """Ask the bot on Telegram in the line where one writes, as in `@recap_bot tiktok`."""

    do: Literal["inquire"]
    who: Who
    query: Annotated[str, Field(max_length=INLINE_QUERY_MAX)]

    async def act(self, stage: Stage) -> Json:
        """The number of the inquiry, and the results that it has."""
        telegram = stage.town.telegram
        inquiry = telegram.inquire(stage.town.telegram_people[self.who], self.query)
        answer = await telegram.wait_for(lambda: inquiry.answer, PATIENCE) or {}
        keys = ("id", "title", "description")
        results = [{key: found.get(key) for key in keys} for found in answer["results"]]
        return {"inquiry": inquiry.id, "results": results}


class Share(_Action):
    """Send one of the results of an inquiry."""

    do: Literal["share"]
    place: str
    inquiry: str
    result: str

    async def act(self, stage: Stage) -> Json:
        """Send it."""
        telegram = stage.town.telegram
        place = stage.town.telegram_place(self.place)
        telegram.choose(telegram.inquiries[self.inquiry], self.result, place.chat, thread=place.thread)
        return {}


class Press(_Action):
    """Press a button: on Telegram by its label, on Discord by its custom id."""

    do: Literal["press"]
    message: str
    who: Who
    button: str

    async def act(self, stage: Stage) -> Json:
        """On Telegram, what the bot shows above the chat, and whether one has to close it."""
        town = stage.town
        key, _, number = self.message.rpartition("/")
        if key.startswith("telegram"):
            message = town.telegram_message(town.telegram_place(key), int(number))
            user = message.chat.user or town.telegram_people[self.who]
            press = town.telegram.press(message, self.button, user)
            answer = await town.telegram.wait_for(lambda: press.answer, PATIENCE) or {}
            return {"notice": answer["text"], "alert": answer["show_alert"]}
        target = town.discord_message(town.discord_place(key), int(number))
        return await _answered(await town.discord.press(target, self.button, town.discord_people[self.who]))


class Select(_Action):
    """Choose from a menu on Discord."""

    do: Literal["select"]
    message: str
    who: Who
    menu: str
    values: list[str]

    async def act(self, stage: Stage) -> Json:
        """Choose."""
        town = stage.town
        key, _, number = self.message.rpartition("/")
        message = town.discord_message(town.discord_place(key), int(number))
        user = town.discord_people[self.who]
        return await _answered(await town.discord.select(message, self.menu, user, self.values))


class Slash(_Action):
    """Send a slash command on Discord."""

    do: Literal["slash"]
    place: str
    who: Who
    command: str
    options: Options = {}

    async def act(self, stage: Stage) -> Json:
        """Send it."""
        town = stage.town
        channel = town.discord_place(self.place).channel
        user = town.discord_people[self.who]
        return await _answered(await town.discord.slash(user, channel, self.command, **self.options))


class Complete(_Action):
    """Type in an option on Discord that the bot completes."""

    do: Literal["complete"]
    place: str
    who: Who
    command: str
    option: str
    typed: str
    options: Options = {}

    async def act(self, stage: Stage) -> Json:
        """What the bot suggests."""
        town = stage.town
        channel = town.discord_place(self.place).channel
        user = town.discord_people[self.who]
        others = {name: value for name, value in self.options.items() if name != self.option}
        asked = await town.discord.autocomplete(user, channel, self.command, self.option, self.typed, **others)
        return {"choices": await asked.suggestions(PATIENCE)}


class Presence(_Action):
    """Let the bot in or put it out: block it in private, remove it from a group, a channel or the whole server."""

    do: Literal["presence"]
    place: str
    present: bool

    async def act(self, stage: Stage) -> Json:
        """By the hand of the one who manages the place."""
        town = stage.town
        if self.place.startswith("telegram"):
            chat = town.telegram_place(self.place).chat
            joined = Status.ADMINISTRATOR if chat.type is ChatType.CHANNEL else Status.MEMBER
            by = town.telegram_people[Who.ADMIN]
            town.telegram.set_member(chat, town.telegram.bot, joined if self.present else Status.KICKED, by=by)
            return {}
        guild = town.discord_place(self.place).channel.guild
        if guild is None:
            raise ValueError("nobody can put the bot out of a private conversation")
        if self.present:
            town.discord.restore_guild(guild)
        else:
            town.discord.remove_guild(guild)
        return {}


class Speak(_Action):
    """Set the language of everybody's apps."""

    do: Literal["speak"]
    language: Language

    async def act(self, stage: Stage) -> Json:
        """Set it."""
        stage.town.speak(self.language)
        stage.changes.notify()
        return {}


class Advance(_Action):
    """Let it be the hour of the next push."""

    do: Literal["advance"]

    async def act(self, stage: Stage) -> Json:
        """The number of the episode that is pushed, null for none."""
        return {"episode": await stage.next_push()}


class Restart(_Action):
    """Begin again."""

    do: Literal["restart"]

    async def act(self, stage: Stage) -> Json:
        """Begin."""
        await stage.restart()
        return {}


Action: TypeAlias = Annotated[
    Say | Inquire | Share | Press | Select | Slash | Complete | Presence | Speak | Advance | Restart,
    Field(discriminator="do"),
]
ACTION: TypeAdapter[Action] = TypeAdapter(Action)


async def _answered(interaction: Interaction) -> Json:
    await interaction.answered(PATIENCE)
    return {}
