"""Conversations with the running bot, as people have them: say something, press something, read what comes back.

Somebody on either platform is a `Person`, so that a test reads the same for both:

    reply = await anna.says("/topic tik tok")
    assert "Spotify" in reply.text
    reply = await anna.presses("Plus anciens ▶")
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol
from unittest import mock

from bot.commands import ADMIN, COMMANDS, Argument
from bot.model.subscription import PlatformName
from bot.model.text import NARROW_NO_BREAK_SPACE, NO_BREAK_SPACE
from bot.platforms.discord.client import DiscordPlatform
from bot.platforms.telegram.client import TelegramPlatform
from bot.runtime.app import App, opened
from bot.sandbox.telegram import model as telegram_model
from tests.running import at_work
from tests.waiting import PATIENCE, until
from tests.world import CONTENT

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterable
    from pathlib import Path

    from bot.sandbox.discord import world as discord_world
    from tests.world import DemoWorld


@dataclass(frozen=True)
class Reply:
    """What the bot answered.

    `texts` are its messages as people read them, with links as `[words](address)`; `replaced` says that the first
    stands where the message with the button stood. `toast` is what shows over the chat for a moment. `is_private`:
    nobody else can see it. `files` came along, each with its name.
    """

    texts: tuple[str, ...]
    buttons: tuple[str, ...] = ()
    toast: str = ""
    replaced: bool = False
    is_private: bool = False
    files: tuple[tuple[str, bytes], ...] = ()

    @property
    def text(self) -> str:
        """Everything it says, with common spaces for those that do not break."""
        return "\n\n".join(self.texts).replace(NO_BREAK_SPACE, " ").replace(NARROW_NO_BREAK_SPACE, " ")


class Person(Protocol):
    """Somebody who talks with the bot in one place."""

    async def says(self, text: str) -> Reply:
        """Type a command with what follows it, as in `/topic tik tok`."""

    async def presses(self, label: str) -> Reply:
        """Press the button with that label, below the newest message of the bot that has one."""

    async def sends(self, name: str, data: bytes) -> Reply:
        """Send the bot a file."""


@dataclass
class TelegramPerson:
    """Somebody in a chat on Telegram. `sender` is who writes: an anonymous admin is the chat itself."""

    app: App
    town: DemoWorld
    chat: telegram_model.Chat
    sender: telegram_model.User | telegram_model.Chat
    thread: int | None = None

    async def says(self, text: str) -> Reply:
        """Write in the chat; in a channel, post."""
        telegram = self.town.telegram
        if self.sender is self.chat and self.chat.type == "channel":
            return await self._reply(lambda: telegram.post(self.chat, text))
        return await self._reply(lambda: telegram.say(self.chat, self.sender, text, thread=self.thread))

    async def sends(self, name: str, data: bytes) -> Reply:
        """Send a file."""
        assert isinstance(self.sender, telegram_model.User)
        sender = self.sender
        return await self._reply(lambda: self.town.telegram.send_file(self.chat, sender, name, data))

    async def presses(self, label: str) -> Reply:
        """Press a button."""
        message = next(
            message for message in reversed(self.seen()) if label in {button["text"] for button in message.buttons}
        )
        return await self.presses_on(message, label)

    async def presses_on(self, message: telegram_model.Message, label: str) -> Reply:
        """Press a button of that very message."""
        user = None if self.chat.type == "private" else self.sender
        if user is not None and user is self.chat:
            raise ValueError("An anonymous admin presses buttons under their own name: give the user")
        return await self._reply(lambda: self.town.telegram.press(message, label, user))  # type: ignore[arg-type]

    def seen(self) -> list[telegram_model.Message]:
        """The bot's messages in this chat and topic."""
        return [each for each in self.chat.messages if not each.deleted and each.thread == self.thread]

    async def _reply(self, act: Callable[[], object]) -> Reply:
        before = {message.id: (message.text, message.reply_markup) for message in self.seen()}
        done = act()
        await self.settled()
        new = [message for message in self.seen() if message.id not in before]
        changed = [
            message
            for message in self.seen()
            if message.id in before and before[message.id] != (message.text, message.reply_markup)
        ]
        answers = [*changed, *new]
        answer = getattr(done, "answer", None) or {}
        return Reply(
            texts=tuple(map(read_telegram, answers)),
            buttons=tuple(button["text"] for message in answers for button in message.buttons),
            toast=answer.get("text", ""),
            replaced=bool(changed),
            is_private=self.chat.type == "private",
            files=tuple(
                (each.document["file_name"], self.town.telegram.contents[each.document["file_id"]])
                for each in answers
                if each.document
            ),
        )

    async def settled(self) -> None:
        """Wait until the bot has taken every update and has nothing under way."""
        platform = self.app.connections[PlatformName("telegram")].platform
        assert isinstance(platform, TelegramPlatform)
        updates = self.town.telegram.updates

        # The poll that confirms the last update comes after all of them have been taken.
        await until(lambda: not updates.pending and not platform.polling.underway)


def read_telegram(message: telegram_model.Message) -> str:
    """A Telegram message as people read it, with links as `[words](address)`."""
    units = message.text.encode("utf-16-le")
    pieces, end = [], 0
    for entity in sorted(message.entities, key=lambda entity: int(entity["offset"])):
        if entity["type"] == "text_link":
            start, stop = 2 * entity["offset"], 2 * (entity["offset"] + entity["length"])
            words = units[start:stop].decode("utf-16-le")
            pieces += [units[end:start].decode("utf-16-le"), f"[{words}]({entity['url']})"]
            end = stop
    return "".join([*pieces, units[end:].decode("utf-16-le")])


_OPTIONS = {Argument.TOPIC: "name", Argument.TOPICS: "topics", Argument.EPISODE: "number", Argument.WORDS: "words"}


@dataclass
class DiscordPerson:
    """Somebody in a channel on Discord."""

    app: App
    town: DemoWorld
    channel: discord_world.Channel
    user: discord_world.User
    _last: discord_world.Message | None = None

    async def says(self, text: str, **options: object) -> Reply:
        """Send a slash command; what follows it goes into its option, further ones by name."""
        name, _, rest = text.removeprefix("/").partition(" ")
        command = next(command for command in (*COMMANDS, ADMIN) if name in {command.name, *command.french})
        if rest:
            options["number" if command is ADMIN else _OPTIONS[command.argument]] = rest
        interaction = await self.town.discord.slash(self.user, self.channel, name, **options)
        return await self._reply(interaction)

    async def sends(self, name: str, data: bytes) -> Reply:
        """Send a file, which comes as an option of the admins' command."""
        return await self.says("/admin", file=self.town.discord.world.keep_file(name, data))

    async def presses(self, label: str) -> Reply:
        """Press a button below the last answer that has it, or else below the channel's newest message with it."""
        answers = [] if self._last is None else [self._last]
        seen = reversed([*self.channel.messages, *answers])
        return await self.presses_on(next(each for each in seen if label in read_labels(each.components)), label)

    async def presses_on(self, message: discord_world.Message, label: str) -> Reply:
        """Press a button of that very message."""
        custom_id = next(item["custom_id"] for item in _parts(message.components) if item.get("label") == label)
        return await self._reply(await self.town.discord.press(message, custom_id, self.user))

    async def _reply(self, interaction: Any) -> Reply:  # noqa: ANN401 - the stand-in's interaction
        await interaction.answered(PATIENCE)
        await self.settled()
        self._last = interaction.messages[-1]
        return Reply(
            texts=tuple(read_discord(message.components) for message in interaction.messages),
            buttons=read_labels(interaction.messages[-1].components),
            replaced=interaction.source is not None and interaction.original is interaction.source,
            is_private=interaction.ephemeral,
            files=tuple((file.name, file.data) for message in interaction.messages for file in message.files),
        )

    async def settled(self) -> None:
        """Wait until the bot has nothing under way."""
        platform = self.app.connections[PlatformName("discord")].platform
        assert isinstance(platform, DiscordPlatform)
        await until(lambda: not platform.underway.tasks)


def read_discord(components: Iterable[dict[str, Any]]) -> str:
    """A Discord message as people read it, in its markdown."""
    return "\n".join(item["content"] for item in _parts(components) if "content" in item).replace("\\", "")


def read_labels(components: Iterable[dict[str, Any]]) -> tuple[str, ...]:
    """What stands on the buttons of a Discord message."""
    return tuple(item["label"] for item in _parts(components) if "label" in item)


def _parts(components: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Components and those inside them, in order."""
    return [part for each in components for part in (each, *_parts(each.get("components", ())))]


@dataclass
class Talk:
    """The running bot and the ways to talk with it."""

    app: App
    town: DemoWorld

    def on_telegram(
        self,
        chat: telegram_model.Chat | None = None,
        sender: telegram_model.User | telegram_model.Chat | None = None,
        *,
        thread: int | None = None,
    ) -> TelegramPerson:
        """Somebody in a chat: a private one of their own, unless it is said which."""
        chat = chat or self.town.telegram.add_private(name="Anna")
        return TelegramPerson(self.app, self.town, chat, sender or chat.user or chat, thread)

    def on_discord(
        self, channel: discord_world.Channel | None = None, user: discord_world.User | None = None
    ) -> DiscordPerson:
        """Somebody in a channel: a reader in the text channel, unless it is said who and where."""
        return DiscordPerson(self.app, self.town, channel or self.town.text, user or self.town.reader)


@contextlib.asynccontextmanager
async def talking(
    town: DemoWorld,
    folder: Path,
    *,
    content: Path = CONTENT,
    admin: telegram_model.Chat | None = None,
    more: str = "",
) -> AsyncIterator[Talk]:
    """The whole bot as `recap run` runs it, ready to answer, but for its patience: tests talk fast.

    A minute goes by for its throttle whenever somebody asks something, and no chat has a pace of its own.
    """
    config = town.config(folder, content=content, admin=admin, more=more)
    unhurried = mock.patch.multiple("bot.platforms.telegram.row", PRIVATE=(), GROUP=())
    async with opened(config) as app:
        app.throttle.clock = itertools.count(step=60).__next__
        async with at_work(app):
            await _ready(app)
            await town.telegram.wait_for(lambda: town.telegram.updates.polled, PATIENCE)
            with unhurried:
                yield Talk(app, town)


async def _ready(app: App) -> None:
    """Wait until this very bot hears both platforms, and has subscribed the channels of the config."""
    async with asyncio.timeout(PATIENCE):
        while any(standing.failing for standing in await app.readiness.known()):  # noqa: ASYNC110 - it announces nothing
            await asyncio.sleep(0.01)
        await until(lambda: app.declaration.is_done or "clock" in app.supervisor._tasks)
        if not app.declaration.is_done:
            # Where a platform asked for a pause, the look a minute later does it.
            await app.tick()
