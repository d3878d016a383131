"""What somebody at the page can do: write, press, choose, let the bot in or out, move the clock.

Each action says what came of it at once; all else shows in what is streamed to the page.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Annotated, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from bot.model.i18n import Language
from bot.sandbox.demo.world import Who
from bot.sandbox.telegram.model import ChatType, Status
from bot.sandbox.telegram.text import TEXT_MAX

if TYPE_CHECKING:
    from bot.sandbox.demo.world import Stage
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
        world = stage.world
        place = world.telegram_place(self.place)
        user = world.telegram_people[self.who]
        match place.chat.type:
            case ChatType.CHANNEL:
                if not place.chat.member(user).status.manages:
                    raise ValueError("only administrators post in a channel")
                world.telegram.post(place.chat, self.text)
            case ChatType.PRIVATE:
                world.telegram.say(place.chat, place.chat.person, self.text)
            case ChatType.GROUP | ChatType.SUPERGROUP:
                world.telegram.say(place.chat, user, self.text, thread=place.thread)
        return {}


class Inquire(_Action):
    """Ask the bot on Telegram in the line where one writes, as in `@recap_bot tiktok`."""

    do: Literal["inquire"]
    who: Who
    query: Annotated[str, Field(max_length=INLINE_QUERY_MAX)]

    async def act(self, stage: Stage) -> Json:
        """The number of the inquiry, and the results that it has."""
        telegram = stage.world.telegram
        inquiry = telegram.inquire(stage.world.telegram_people[self.who], self.query)
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
        telegram = stage.world.telegram
        place = stage.world.telegram_place(self.place)
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
        world = stage.world
        key, _, number = self.message.rpartition("/")
        if key.startswith("telegram"):
            message = world.telegram_message(world.telegram_place(key), int(number))
            user = message.chat.user or world.telegram_people[self.who]
            press = world.telegram.press(message, self.button, user)
            answer = await world.telegram.wait_for(lambda: press.answer, PATIENCE) or {}
            return {"notice": answer["text"], "alert": answer["show_alert"]}
        target = world.discord_message(world.discord_place(key), int(number))
        return await _answered(await world.discord.press(target, self.button, world.discord_people[self.who]))


class Select(_Action):
    """Choose from a menu on Discord."""

    do: Literal["select"]
    message: str
    who: Who
    menu: str
    values: list[str]

    async def act(self, stage: Stage) -> Json:
        """Choose."""
        world = stage.world
        key, _, number = self.message.rpartition("/")
        message = world.discord_message(world.discord_place(key), int(number))
        user = world.discord_people[self.who]
        return await _answered(await world.discord.select(message, self.menu, user, self.values))


class Slash(_Action):
    """Send a slash command on Discord."""

    do: Literal["slash"]
    place: str
    who: Who
    command: str
    options: Options = {}

    async def act(self, stage: Stage) -> Json:
        """Send it."""
        world = stage.world
        channel = world.discord_place(self.place).channel
        user = world.discord_people[self.who]
        return await _answered(await world.discord.slash(user, channel, self.command, **self.options))


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
        world = stage.world
        channel = world.discord_place(self.place).channel
        user = world.discord_people[self.who]
        others = {name: value for name, value in self.options.items() if name != self.option}
        asked = await world.discord.autocomplete(user, channel, self.command, self.option, self.typed, **others)
        return {"choices": await asked.suggestions(PATIENCE)}


class Presence(_Action):
    """Let the bot in or put it out: block it in private, remove it from a group, a channel or the whole server."""

    do: Literal["presence"]
    place: str
    present: bool

    async def act(self, stage: Stage) -> Json:
        """By the hand of the one who manages the place."""
        world = stage.world
        if self.place.startswith("telegram"):
            chat = world.telegram_place(self.place).chat
            joined = Status.ADMINISTRATOR if chat.type is ChatType.CHANNEL else Status.MEMBER
            by = world.telegram_people[Who.ADMIN]
            world.telegram.set_member(chat, world.telegram.bot, joined if self.present else Status.KICKED, by=by)
            return {}
        guild = world.discord_place(self.place).channel.guild
        if guild is None:
            raise ValueError("nobody can put the bot out of a private conversation")
        if self.present:
            world.discord.restore_guild(guild)
        else:
            world.discord.remove_guild(guild)
        return {}


class Speak(_Action):
    """Set the language of everybody's apps."""

    do: Literal["speak"]
    language: Language

    async def act(self, stage: Stage) -> Json:
        """Set it."""
        stage.world.speak(self.language)
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
