"""The team's configuration: `config.toml` and the environment, read once and checked as a whole.

`config.example.toml` shows every key. Nothing is read when this module is imported; `load` reads.
"""

from __future__ import annotations

import datetime as dt
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field, ValidationError, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from bot.config.cron import MONDAY_AT_EIGHT
from bot.config.problems import contradictions, refusal, strangers, translated
from bot.config.sources import DELIMITER, PREFIX, TOKEN_KEYS, Fault, Place, fill_in_tokens, read
from bot.config.values import (
    LARGEST_ID,
    SQLITE,
    CronLine,
    DiscordToken,
    Duration,
    Id,
    Number,
    ScheduleName,
    SocketAddress,
    SqliteUrl,
    TelegramToken,
    Text,
    Topic,
    WebAddress,
    Zone,
)
from bot.model.document import Layout
from bot.model.i18n import Language
from bot.model.problems import InvalidInputError
from bot.model.subscription import Choices, Origin, PlatformName, Subscription, Target

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from pydantic_core import ErrorDetails

    from bot.model.problems import Problem

DEFAULT_SCHEDULE = "monday"
"""The name of the schedule there is when the team declares none: Mondays at eight in the show's time zone."""

TELEGRAM_FREE_RATE = 30
"""Messages a second over all chats that Telegram takes from a bot for nothing."""
TELEGRAM_RATE_LIMIT = 1000
"""Messages a second: Telegram's ceiling with paid broadcasts."""
DISCORD_RATE_LIMIT = 50
"""Requests a second over all that Discord allows a bot."""

# Telegram calls the general topic of a forum 1 and refuses messages addressed to it by that number.
_GENERAL_TOPIC = 1

_TELEGRAM_NAME = re.compile(r"@[a-z]\w{3,31}", re.ASCII)
_NUMBER = re.compile(r"-?\d{1,19}", re.ASCII)


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class Show(_Section):
    """The podcast."""

    name: Text = "Le récap du lundi"
    language: Language = Language.FRENCH
    timezone: Zone = Field(default_factory=lambda: ZoneInfo("Europe/Paris"))


class ContentFolder(_Section):
    """Where the episode files are."""

    folder: Path = Path("content")


class Storage(_Section):
    """Where the ledger is: `sqlite:///` and a path."""

    url: SqliteUrl = f"{SQLITE}recap.db"

    @property
    def path(self) -> Path:
        """The ledger's file."""
        return Path(self.url.removeprefix(SQLITE))


class Telegram(_Section):
    """The Telegram bot. `rate` is in messages a second, over all chats.

    With `allow_paid_broadcast`, Telegram takes a fee in Stars for each pushed message above the free rate.
    """

    token: TelegramToken = Field(examples=["123456789:AAE…"])
    token_file: Path | None = Field(default=None, examples=["telegram-token"])
    api_url: WebAddress = "https://api.telegram.org"
    allow_paid_broadcast: bool = False
    rate: Number = Field(default=TELEGRAM_FREE_RATE, ge=1, le=TELEGRAM_RATE_LIMIT)
    admins: tuple[Id, ...] = Field(default=(), examples=[[123456789]])

    @field_validator("rate")
    @classmethod
    def _free_unless_paid_for(cls, rate: int, info: ValidationInfo) -> int:
        # Missing when it is wrong itself, which is told by itself.
        if rate > TELEGRAM_FREE_RATE and info.data.get("allow_paid_broadcast") is False:
            raise refusal(
                f"Telegram takes at most {TELEGRAM_FREE_RATE} messages a second from a bot that does not pay for more",
                f"Write rate = {TELEGRAM_FREE_RATE}, or add allow_paid_broadcast = true",
            )
        return rate


class Discord(_Section):
    """The Discord bot. `rate` is in messages a second, over all channels."""

    token: DiscordToken = Field(examples=["MTIzNDU2…"])
    token_file: Path | None = Field(default=None, examples=["discord-token"])
    api_url: WebAddress = "https://discord.com/api/v10"
    gateway_url: SocketAddress = "wss://gateway.discord.gg"
    rate: Number = Field(default=45, ge=1, le=DISCORD_RATE_LIMIT)
    admins: tuple[Id, ...] = Field(default=(), examples=[[1234567890]])


class Schedule(_Section):
    """When episodes are pushed.

    A push that is late by more than `max_lateness` is reported and not sent; an episode older than `max_age` is
    never pushed.
    """

    name: ScheduleName = Field(examples=[DEFAULT_SCHEDULE])
    cron: CronLine = Field(examples=[MONDAY_AT_EIGHT])
    timezone: Zone
    max_lateness: Duration = dt.timedelta(hours=6)
    max_age: Duration = dt.timedelta(days=6)

    @property
    def zone(self) -> ZoneInfo:
        """The time zone that the cron line is meant in."""
        return self.timezone


class Channel(_Section):
    """A subscription that the admin declares. `thread` and `rich` are Telegram's alone, `publish` is Discord's."""

    platform: PlatformName = Field(examples=["telegram"])
    chat: str = Field(examples=["@example"])
    thread: Id | None = Field(default=None, examples=[7])
    topics: tuple[Topic, ...] = Field(default=(), examples=[["tiktok"]])
    layout: Layout = Layout.DIGEST
    schedule: str = Field(examples=[DEFAULT_SCHEDULE])
    silent: bool = False
    rich: bool = False
    publish: bool = False

    @field_validator("chat", mode="before")
    @classmethod
    def _known_to_the_platform(cls, value: object, info: ValidationInfo) -> str:
        # None when the platform itself is wrong, which is told by itself.
        platform = info.data.get("platform")
        text = str(value).strip().lower() if isinstance(value, str | int) else ""
        if platform is not PlatformName.DISCORD and _TELEGRAM_NAME.fullmatch(text):
            return text
        number = int(text) if _NUMBER.fullmatch(text) else 0
        if 0 < number <= LARGEST_ID or (platform is not PlatformName.DISCORD and -LARGEST_ID <= number < 0):
            return str(number)
        if platform is PlatformName.DISCORD:
            raise refusal("this is no Discord channel", "Write the channel's number, as in 1234567890")
        raise refusal("this is no Telegram chat", 'Write "@name" for a public chat or its number, as in -1001234567890')

    @field_validator("thread")
    @classmethod
    def _a_forum_topic(cls, thread: int | None, info: ValidationInfo) -> int | None:
        if info.data.get("platform") is PlatformName.DISCORD:
            raise refusal(
                "threads are Telegram's; on Discord a thread is a channel of its own",
                "Take this line out, and write the thread's number as chat",
            )
        if thread == _GENERAL_TOPIC:
            raise refusal("1 is the general topic, which has no number for bots", "Take this line out")
        return thread

    @field_validator("rich")
    @classmethod
    def _where_there_are_two_kinds(cls, rich: bool, info: ValidationInfo) -> bool:
        if rich and info.data.get("platform") is PlatformName.DISCORD:
            raise refusal("rich messages are Telegram's; Discord has one kind of message", "Take this line out")
        return rich

    @field_validator("publish")
    @classmethod
    def _where_followers_are(cls, publish: bool, info: ValidationInfo) -> bool:
        if publish and info.data.get("platform") is PlatformName.TELEGRAM:
            raise refusal("only Discord's announcement channels have followers to publish to", "Take this line out")
        return publish

    @property
    def target(self) -> Target:
        """The place the push goes to."""
        return Target(self.platform, self.chat, self.thread or 0)


class Delivery(_Section):
    """How pushes are delivered."""

    on_unknown: Literal["resend", "hold"] = "resend"
    """What happens to a message of which nobody can tell whether it arrived."""


class Config(BaseSettings):
    """Everything the team decides. `load` makes it; a platform without a section is switched off."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_nested_delimiter=DELIMITER, frozen=True, extra="forbid", hide_input_in_errors=True
    )

    show: Show = Field(default_factory=Show)
    content: ContentFolder = Field(default_factory=ContentFolder)
    storage: Storage = Field(default_factory=Storage)
    topics: dict[Topic, tuple[Topic, ...]] = Field(default_factory=dict, examples=[["tik tok"]])
    telegram: Telegram | None = None
    discord: Discord | None = None
    schedules: tuple[Schedule, ...]
    channels: tuple[Channel, ...] = ()
    delivery: Delivery = Field(default_factory=Delivery)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003 - the signature is the library's
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - likewise
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - likewise
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - likewise
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Only what `load` hands over counts: it has merged the sources, and knows which value came from which."""
        return (init_settings,)

    @field_validator("schedules", mode="before")
    @classmethod
    def _in_the_shows_zone(cls, entries: object, info: ValidationInfo) -> object:
        if not isinstance(entries, list):
            return entries
        show: Show = info.data.get("show") or Show()
        return [{"timezone": show.timezone, **entry} if isinstance(entry, dict) else entry for entry in entries]

    @property
    def platforms(self) -> tuple[PlatformName, ...]:
        """Those that are switched on."""
        return tuple(name for name in PlatformName if getattr(self, name) is not None)

    @property
    def aliases(self) -> dict[str, str]:
        """The topic that each alias stands for, both in their one spelling."""
        return {alias: topic for topic, aliases in self.topics.items() for alias in aliases if alias != topic}

    def subscriptions(self) -> list[Subscription]:
        """The subscriptions that the admin declares, aliases of topics resolved."""
        return [
            Subscription(
                target=channel.target,
                schedule=channel.schedule,
                choices=Choices(
                    topics=tuple(dict.fromkeys(self.aliases.get(topic, topic) for topic in channel.topics)),
                    layout=channel.layout,
                    silent=channel.silent,
                    publish=channel.publish,
                    rich=channel.rich,
                ),
                origin=Origin.CONFIG,
            )
            for channel in self.channels
        ]


def load(path: Path | None, environ: Mapping[str, str] | None = None) -> Config:
    """Read the file, override it by the environment, and check the whole.

    Without a `path` there is no file: only the environment and the defaults. Without an `environ` it is the
    process's. Relative paths, wherever they are written, start from the file's folder, or from the working folder
    when there is no file.

    Raises:
        InvalidInputError: the configuration cannot be used, for all the reasons there are.
    """
    sources = read(path, os.environ if environ is None else environ)
    values = sources.merged(Config)
    _complete(values)
    faults = [*strangers(sources, Config), *fill_in_tokens(values, sources.folder), *contradictions(values)]
    config, errors = _validated(values)
    told = {fault.place for fault in faults}
    faults += [fault for fault in translated(errors, Config, sources) if not _is_told(fault, told)]
    if config is None or faults:
        problems = [sources.problem(fault) for fault in faults]
        raise InvalidInputError(sorted(problems, key=lambda problem: (str(problem.path), problem.line or 0)))
    return _anchored(config, sources.folder)


def located(path: Path | None, faults: Iterable[Fault], environ: Mapping[str, str] | None = None) -> list[Problem]:
    """What only the archive shows about a configuration that `load` has read, at the lines where it stands."""
    sources = read(path, os.environ if environ is None else environ)
    return [sources.problem(fault) for fault in faults]


def _complete(values: dict[str, Any]) -> None:
    """Add the schedule of a team that declares none, and to each channel the only schedule there is."""
    schedules = values.setdefault("schedules", [{"name": DEFAULT_SCHEDULE, "cron": MONDAY_AT_EIGHT}])
    channels = values.get("channels")
    if not isinstance(channels, list) or not isinstance(schedules, list) or len(schedules) > 1:
        return
    name = schedules[0].get("name") if schedules and isinstance(schedules[0], dict) else None
    only = {"schedule": name if isinstance(name, str) else DEFAULT_SCHEDULE}
    values["channels"] = [only | channel if isinstance(channel, dict) else channel for channel in channels]


def _validated(values: dict[str, Any]) -> tuple[Config | None, list[ErrorDetails]]:
    # Other keys are told as strangers; some would be orders to pydantic-settings.
    known = {key: value for key, value in values.items() if key in Config.model_fields}
    try:
        return Config(**known), []
    except ValidationError as error:
        return None, error.errors(include_url=False)


def _is_told(fault: Fault, told: set[Place]) -> bool:
    # One mistake about a token is enough for its section: what follows from it is no news.
    section, key = fault.place[0], fault.place[-1]
    return fault.place in told or (key in TOKEN_KEYS and any((section, other) in told for other in TOKEN_KEYS))


def _anchored(config: Config, folder: Path) -> Config:
    content = {"folder": folder / config.content.folder}
    storage = {"url": f"{SQLITE}{(folder / config.storage.path).as_posix()}"}
    return config.model_copy(
        update={
            "content": config.content.model_copy(update=content),
            "storage": config.storage.model_copy(update=storage),
        }
    )
