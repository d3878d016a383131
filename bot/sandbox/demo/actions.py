"""Actions of the page: write, press, share, let the bot in or out, move the clock.

Each action returns its immediate result; the page's stream shows all other effects.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Annotated, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from bot.model.i18n import Language
from bot.model.i18n import gettext as _
from bot.sandbox.demo.world import Person, find_message
from bot.sandbox.discord import world as discord_world
from bot.sandbox.discord.interactions import Interaction
from bot.sandbox.shared.webserver import Json
from bot.sandbox.telegram import model as telegram_model
from bot.sandbox.telegram.model import ChatType, Status
from bot.sandbox.telegram.text import TEXT_MAX

if TYPE_CHECKING:
    from bot.sandbox.demo.demo import Demo

PATIENCE = 3.0
"""Seconds to wait for an answer: Discord's own deadline."""
INLINE_QUERY_MAX = 256
"""Characters of an inline query: https://core.telegram.org/bots/api#inlinequery"""

Options: TypeAlias = "dict[str, str | bool | int | float]"


class _Action(BaseModel, ABC):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    language: Language = Language.FRENCH
    """Language of the page, and of the demo in which the people act."""

    @abstractmethod
    async def act(self, demo: Demo) -> Json:
        """Carry the action out, and return its result.

        Raises:
            LookupError: the place, message, button or command does not exist.
            ValueError: the platform's app does not allow the action.
            TimeoutError: the bot did not answer in time.
        """


class Say(_Action):
    """Message on Telegram, or post in a channel."""

    do: Literal["say"]
    place: str
    who: Person
    text: Annotated[str, Field(min_length=1, max_length=TEXT_MAX)]

    async def act(self, demo: Demo) -> Json:
        """Write the message."""
        world = demo.world
        place = world.telegram_place(self.place)
        user = world.telegram_people[self.who]
        match place.chat.type:
            case ChatType.CHANNEL:
                if not place.chat.member(user).status.manages:
                    raise ValueError(_("only administrators post in a channel"))
                world.telegram.post(place.chat, self.text)
            case ChatType.PRIVATE:
                world.telegram.say(place.chat, place.chat.person, self.text)
            case ChatType.GROUP | ChatType.SUPERGROUP:
                world.telegram.say(place.chat, user, self.text, thread=place.thread)
        return {}


class Inquire(_Action):
    """Inline query on Telegram, as in `@recap_bot tiktok`."""

    do: Literal["inquire"]
    who: Person
    query: Annotated[str, Field(max_length=INLINE_QUERY_MAX)]

    async def act(self, demo: Demo) -> Json:
        """Return the id of the inquiry, and its results."""
        telegram = demo.world.telegram
        inquiry = telegram.inquire(demo.world.telegram_people[self.who], self.query)
        answer = await telegram.wait_for(lambda: inquiry.answer, PATIENCE) or {}
        keys = ("id", "title", "description")
        results = [{key: found.get(key) for key in keys} for found in answer["results"]]
        return {"inquiry": inquiry.id, "results": results}


class Share(_Action):
    """One result of an inquiry, sent to a chat."""

    do: Literal["share"]
    place: str
    inquiry: str
    result: str

    async def act(self, demo: Demo) -> Json:
        """Send the result."""
        telegram = demo.world.telegram
        place = demo.world.telegram_place(self.place)
        telegram.choose(telegram.inquiries[self.inquiry], self.result, place.chat, thread=place.thread)
        return {}


class Press(_Action):
    """Press of a button, by its label on Telegram and by its custom id on Discord."""

    do: Literal["press"]
    message: str
    who: Person
    button: str

    async def act(self, demo: Demo) -> Json:
        """Press the button, and return Telegram's notice above the chat and whether the notice is an alert."""
        world = demo.world
        key, _slash, number = self.message.rpartition("/")
        if key.startswith("telegram"):
            message = find_message(world.telegram_place(key).messages, int(number))
            user = message.chat.user or world.telegram_people[self.who]
            press = world.telegram.press(message, self.button, user)
            answer = await world.telegram.wait_for(lambda: press.answer, PATIENCE) or {}
            return {"notice": answer["text"], "alert": answer["show_alert"]}
        target = find_message(world.discord_messages(world.discord_place(key)), int(number))
        return await _answered(await world.discord.press(target, self.button, world.discord_people[self.who]))


class Slash(_Action):
    """Slash command on Discord."""

    do: Literal["slash"]
    place: str
    who: Person
    command: str
    options: Options = {}

    async def act(self, demo: Demo) -> Json:
        """Send the command."""
        world = demo.world
        channel = world.discord_place(self.place).channel
        user = world.discord_people[self.who]
        return await _answered(await world.discord.slash(user, channel, self.command, **self.options))


class Complete(_Action):
    """Beginning of an option on Discord that the bot completes."""

    do: Literal["complete"]
    place: str
    who: Person
    command: str
    option: str
    typed: str
    options: Options = {}

    async def act(self, demo: Demo) -> Json:
        """Return the bot's suggestions."""
        world = demo.world
        channel = world.discord_place(self.place).channel
        user = world.discord_people[self.who]
        others = {name: value for name, value in self.options.items() if name != self.option}
        asked = await world.discord.autocomplete(user, channel, self.command, self.option, self.typed, **others)
        return {"choices": await asked.suggestions(PATIENCE)}


class Reveal(_Action):
    """Request of the bot that made a message, as the platform got it."""

    do: Literal["reveal"]
    message: str

    async def act(self, demo: Demo) -> Json:
        """Return the method and the body of the request."""
        world = demo.world
        key, _slash, number = self.message.rpartition("/")
        found: telegram_model.Message | discord_world.Message
        if key.startswith("telegram"):
            found, traffic = find_message(world.telegram_place(key).messages, int(number)), world.telegram.traffic
        else:
            shown = world.discord_messages(world.discord_place(key))
            found, traffic = find_message(shown, int(number)), world.discord.traffic
        if found.request is None:
            raise ValueError(_("no request made the message"))
        request = traffic.requests[found.request]
        return {"method": request.route, "body": dict(request.body)}


class Presence(_Action):
    """Presence of the bot in a private chat (or blocked), a group, a channel or a whole server."""

    do: Literal["presence"]
    place: str
    present: bool

    async def act(self, demo: Demo) -> Json:
        """Change the presence as the admin."""
        world = demo.world
        if self.place.startswith("telegram"):
            chat = world.telegram_place(self.place).chat
            joined = Status.ADMINISTRATOR if chat.type is ChatType.CHANNEL else Status.MEMBER
            by = world.telegram_people[Person.ADMIN]
            world.telegram.set_member(chat, world.telegram.bot, joined if self.present else Status.KICKED, by=by)
            return {}
        guild = world.discord_place(self.place).channel.guild
        if guild is None:
            raise ValueError(_("the bot cannot be removed from a private conversation"))
        if self.present:
            world.discord.restore_guild(guild)
        else:
            world.discord.remove_guild(guild)
        return {}


class Advance(_Action):
    """Move of the clock to the next push."""

    do: Literal["advance"]

    async def act(self, demo: Demo) -> Json:
        """Move the clock, and return the number of the pushed episode, or null."""
        return {"episode": await demo.next_push()}


class Restart(_Action):
    """Restart of the demo."""

    do: Literal["restart"]

    async def act(self, demo: Demo) -> Json:
        """Restart."""
        await demo.restart()
        return {}


Action: TypeAlias = Annotated[
    Say | Inquire | Share | Press | Slash | Complete | Reveal | Presence | Advance | Restart,
    Field(discriminator="do"),
]
ACTION: TypeAdapter[Action] = TypeAdapter(Action)


async def _answered(interaction: Interaction) -> Json:
    await interaction.answered(PATIENCE)
    return {}
