"""A small town for tests: both platforms' stand-ins with every kind of chat, and the config of a bot that serves it."""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from bot.platforms.registry import load
from bot.sandbox.discord.server import DiscordStandIn
from bot.sandbox.discord.world import Permission
from bot.sandbox.telegram.server import TelegramStandIn

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence

    from bot.config import Config
    from bot.sandbox.discord import world as discord_world
    from bot.sandbox.shared.webserver import Json
    from bot.sandbox.telegram import model as telegram_model
    from bot.sandbox.telegram.model import Menu

CONTENT = Path(__file__).parent.parent / "content"
PARIS = ZoneInfo("Europe/Paris")
MONDAY = dt.datetime(2024, 11, 4, 8, 0, tzinfo=PARIS)
"""The hour of episode 1207."""

FORUM_TOPIC = 7


@dataclass
class DemoWorld:
    """Who lives there. `places` are all chats and channels that the config declares, by a name of their own."""

    telegram: TelegramStandIn
    discord: DiscordStandIn
    private: telegram_model.Chat
    group: telegram_model.Chat
    forum: telegram_model.Chat
    channel: telegram_model.Chat
    guild: discord_world.Guild
    text: discord_world.Channel
    news: discord_world.Channel
    thread: discord_world.Thread
    board: discord_world.Forum
    reader: discord_world.User
    manager: discord_world.User

    def config_text(
        self, folder: Path, *, content: Path = CONTENT, admin: telegram_model.Chat | None = None, more: str = ""
    ) -> str:
        """The `config.toml` of a bot with a Telegram private chat, group, forum topic and channel, and so on.

        Its admins, if it has any, are this one on Telegram and the manager on Discord.
        """
        on_telegram, on_discord = (f"admins = [{admin.id}]", f"admins = [{self.manager.id}]") if admin else ("", "")
        return f"""
[content]
folder = "{content}"

[storage]
url = "sqlite:///{folder / "recap.db"}"

[telegram]
token = "{self.telegram.token}"
api_url = "{self.telegram.url}"
{on_telegram}

[discord]
token = "{self.discord.token}"
api_url = "{self.discord.api_url}"
gateway_url = "{self.discord.gateway_url}"
{on_discord}

[[channels]]
schedule = "monday"
platform = "telegram"
chat = {self.private.id}

[[channels]]
schedule = "monday"
platform = "telegram"
chat = {self.group.id}
layout = "segments"

[[channels]]
schedule = "monday"
platform = "telegram"
chat = {self.forum.id}
thread = {FORUM_TOPIC}

[[channels]]
schedule = "monday"
platform = "telegram"
chat = "@{self.channel.username}"

[[channels]]
schedule = "monday"
platform = "discord"
chat = {self.text.id}

[[channels]]
schedule = "monday"
platform = "discord"
chat = {self.news.id}
publish = true

[[channels]]
schedule = "monday"
platform = "discord"
chat = {self.thread.id}
layout = "segments"

[[channels]]
schedule = "monday"
platform = "discord"
chat = {self.board.id}
{more}
"""

    def config(
        self, folder: Path, *, content: Path = CONTENT, admin: telegram_model.Chat | None = None, more: str = ""
    ) -> Config:
        """That config, loaded from a file in the folder as the program does it."""
        path = folder / "config.toml"
        path.write_text(self.config_text(folder, content=content, admin=admin, more=more), encoding="utf-8")
        return load(path, {})

    def pushed(self) -> dict[str, list[str]]:
        """What every declared place received from the bot, each message as one text with its links' addresses."""
        telegram = {"private": self.private, "group": self.group, "forum": self.forum, "channel": self.channel}
        discord = {"text": self.text, "news": self.news, "thread": self.thread}
        posts = [message for thread in self.board.threads for message in thread.messages]
        return {
            **{name: [read_telegram(each) for each in chat.messages if each.by_bot] for name, chat in telegram.items()},
            **{name: [read_discord(each.components) for each in chat.messages] for name, chat in discord.items()},
            "board": [read_discord(each.components) for each in posts],
        }

    async def until(self, condition: Callable[[], bool], within: float = 30.0) -> None:
        """Wait until the condition holds; it is looked at whenever anything changes on either platform.

        Raises:
            TimeoutError: it did not hold within so many seconds.
        """
        looks = [
            asyncio.create_task(self.telegram.wait_for(condition, within)),
            asyncio.create_task(self.discord.wait_for(condition, within)),
        ]
        done, late = await asyncio.wait(looks, return_when=asyncio.FIRST_COMPLETED)
        for look in late:
            look.cancel()
        await asyncio.gather(*late, return_exceptions=True)
        for look in done:
            look.result()


def read_telegram(message: telegram_model.Message) -> str:
    """A Telegram message as one text, with the addresses of its links and buttons."""
    addresses = [entity["url"] for entity in message.entities if "url" in entity]
    buttons = [f"{button['text']} {button.get('url', '')}" for button in message.buttons]
    return "\n".join([message.text, *addresses, *buttons])


def read_discord(components: Iterable[object]) -> str:
    """A Discord message as one text, with everything that its components say or link to."""
    return "\n".join(_texts(list(components)))


def _texts(value: object) -> list[str]:
    match value:
        case str():
            return [value]
        case dict():
            return [text for each in value.values() for text in _texts(each)]
        case list() | tuple():
            return [text for each in value for text in _texts(each)]
        case _:
            return []


@contextlib.asynccontextmanager
async def town(*, is_new: bool = False) -> AsyncIterator[DemoWorld]:
    """The town, its stand-ins started.

    Its platforms know the menus of the bot, as they do at any start but the first; unless the town `is_new` to the bot.
    To tell them all takes a third of a start.
    """
    async with TelegramStandIn() as telegram, DiscordStandIn() as discord:
        if not is_new:
            _MENUS.recall(telegram, discord)
        guild = discord.add_guild("Auditeurs")
        reader, manager = discord.add_user("lectrice"), discord.add_user("gérante")
        discord.add_member(guild, reader)
        discord.add_member(guild, manager, Permission.MANAGE_GUILD | Permission.VIEW_CHANNEL)
        text = discord.add_text(guild, "général")
        yield DemoWorld(
            telegram=telegram,
            discord=discord,
            private=telegram.add_private(name="Ada"),
            group=telegram.add_group("La bande", admins=[telegram.add_user("Grace")]),
            forum=telegram.add_supergroup("Forum", topics={FORUM_TOPIC: "Récap"}),
            channel=telegram.add_channel("Le récap", username="recap_channel"),
            guild=guild,
            text=text,
            news=discord.add_announcement(guild, "annonces"),
            thread=discord.add_thread(text, "le fil", reader),
            board=discord.add_forum(guild, "forum", ["récap"], tag_required=True),
            reader=reader,
            manager=manager,
        )
        if not is_new:
            _MENUS.keep(telegram, discord)


@dataclass
class _Menus:
    """The menus that a bot has told, as both platforms keep them."""

    on_telegram: Sequence[Menu] = ()
    about: Mapping[tuple[str, str], str] = field(default_factory=dict)
    on_discord: Sequence[Json] = ()

    def keep(self, telegram: TelegramStandIn, discord: DiscordStandIn) -> None:
        """Keep those of a town whose bot had the time to tell more."""
        self.on_telegram = max(self.on_telegram, telegram.menus, key=len)
        self.about = max(self.about, telegram.about, key=len)
        self.on_discord = max(self.on_discord, discord._commands.registered, key=len)

    def recall(self, telegram: TelegramStandIn, discord: DiscordStandIn) -> None:
        """Let both platforms know the menus."""
        telegram.menus, telegram.about = [*self.on_telegram], {**self.about}
        discord._commands.registered = [*self.on_discord]


_MENUS = _Menus()
"""The menus of the bots in this process."""
