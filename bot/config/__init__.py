"""The team's configuration: `config.toml` and the environment, read once and checked as a whole.

`config.example.toml` shows every key. Nothing is read when this module is imported; `load` reads.
"""

from __future__ import annotations

import datetime as dt
import functools
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal, TypeAlias, cast
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field, ValidationError, ValidationInfo, create_model, field_validator
from pydantic_core import PydanticKnownError

from bot.config.cron import MONDAY_AT_EIGHT
from bot.config.problems import contradictions, strangers, translated
from bot.config.sources import TOKEN_KEYS, Fault, Place, fill_in_tokens, read
from bot.config.values import SQLITE, CronLine, Duration, Id, ScheduleName, SqliteUrl, Text, Topic, Zone
from bot.model.document import Layout
from bot.model.i18n import Language
from bot.model.problems import InvalidInputError, Problem
from bot.model.subscription import Choices, Origin, PlatformName, Subscription, Target

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Self

    from pydantic import SecretStr
    from pydantic_core import ErrorDetails

DEFAULT_SCHEDULE = "monday"
"""The name of the schedule there is when the team declares none: Mondays at eight in the show's time zone."""


class Section(BaseModel):
    """A table of the config."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class Show(Section):
    """The podcast."""

    name: Text = "Le récap du lundi"
    language: Language = Language.FRENCH
    timezone: Zone = Field(default_factory=lambda: ZoneInfo("Europe/Paris"))


class ContentFolder(Section):
    """The folder of the episode files."""

    folder: Path = Path("content")


class Storage(Section):
    """The place of the ledger: `sqlite:///` and a path."""

    url: SqliteUrl = f"{SQLITE}recap.db"

    @property
    def path(self) -> Path:
        """Return the ledger's file."""
        return Path(self.url.removeprefix(SQLITE))


class PlatformSection(Section):
    """The table of one platform. The platform declares its keys, and says what a channel there can be."""

    title: ClassVar[str]
    """The platform's name as people write it."""
    token_cure: ClassVar[str]
    """Where the team finds the token."""

    if TYPE_CHECKING:
        # Each platform declares these keys itself, because messages list all its keys in the order of declaration.
        token: SecretStr
        token_file: Path | None
        rate: int
        admins: tuple[int, ...]

    @classmethod
    def read_chat(cls, text: str) -> str:
        """Return the chat that somebody wrote in small letters, in its one spelling.

        Raises:
            PydanticCustomError: the platform has no such chat.
        """
        raise NotImplementedError

    @classmethod
    def check_choice(cls, key: str, value: object) -> None:
        """Refuse what a channel cannot have on this platform.

        Raises:
            PydanticCustomError: the platform has no such thing as the key of the channel, or not with this value.
        """

    def fixed_keys(self, running: Self) -> list[str]:
        """Return the keys whose values differ from those of the running bot and need a restart."""
        fixed = [key for key in type(self).model_fields if key not in {"rate", "admins"}]
        return [key for key in fixed if getattr(self, key) != getattr(running, key)]


Sections: TypeAlias = Mapping[PlatformName, type[PlatformSection]]
"""The section of each platform there is, under the platform's name."""


class Schedule(Section):
    """The times at which episodes are pushed.

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
        """Return the time zone of the cron line."""
        return self.timezone


class Channel(Section):
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

    @field_validator("platform", mode="before")
    @classmethod
    def _one_that_there_is(cls, value: object, info: ValidationInfo) -> object:
        if info.context is not None and value not in list(info.context):
            *others, last = map(repr, info.context)
            raise PydanticKnownError("enum", {"expected": f"{', '.join(others)} or {last}" if others else last})
        return value

    @field_validator("chat", mode="before")
    @classmethod
    def _known_to_the_platform(cls, value: object, info: ValidationInfo) -> object:
        text = str(value).strip().lower() if isinstance(value, str | int) else ""
        section = _section_of(info)
        return text if section is None else section.read_chat(text)

    @field_validator("thread", "rich", "publish")
    @classmethod
    def _possible_there(cls, value: object, info: ValidationInfo) -> object:
        if (section := _section_of(info)) is not None:
            section.check_choice(str(info.field_name), value)
        return value

    @property
    def target(self) -> Target:
        """Return the place that the push goes to."""
        return Target(self.platform, self.chat, self.thread or 0)


class Delivery(Section):
    """The rules of delivery."""

    on_unknown: Literal["resend", "hold"] = "resend"
    """The fate of a message that may have arrived or not."""


def _section_of(info: ValidationInfo) -> type[PlatformSection] | None:
    """Return the section of a channel's platform; None where the platform itself is wrong, which is told by itself."""
    return (info.context or {}).get(info.data.get("platform"))


class _General(Section):
    """The sections that stand before those of the platforms in the example."""

    show: Show = Field(default_factory=Show)
    content: ContentFolder = Field(default_factory=ContentFolder)
    storage: Storage = Field(default_factory=Storage)
    topics: dict[Topic, tuple[Topic, ...]] = Field(default_factory=dict, examples=[["tik tok"]])


class Config(_General):
    """Everything the team decides. `load` makes it; a platform without a section is switched off."""

    sections: ClassVar[Sections] = {}

    schedules: tuple[Schedule, ...]
    channels: tuple[Channel, ...] = ()
    delivery: Delivery = Field(default_factory=Delivery)

    @classmethod
    def of(cls, sections: Sections) -> type[Config]:
        """Return the config that has these sections of platforms, under their names."""
        return _config_with(*sections.items())

    @field_validator("schedules", mode="before")
    @classmethod
    def _in_the_shows_zone(cls, entries: object, info: ValidationInfo) -> object:
        if not isinstance(entries, list):
            return entries
        show: Show = info.data.get("show") or Show()
        return [{"timezone": show.timezone, **entry} if isinstance(entry, dict) else entry for entry in entries]

    @property
    def platforms(self) -> dict[PlatformName, PlatformSection]:
        """Return the sections of the platforms that are switched on."""
        return {name: section for name in self.sections if (section := getattr(self, name)) is not None}

    @property
    def aliases(self) -> dict[str, str]:
        """Return the topic that each alias stands for, both in their one spelling."""
        return {alias: topic for topic, aliases in self.topics.items() for alias in aliases if alias != topic}

    def subscriptions(self) -> list[Subscription]:
        """Return the subscriptions that the admin declares, with topics for their aliases."""
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

    def live(self, running: Config) -> tuple[Config, list[str]]:
        """Return this config as far as it can hold without a restart, and the keys that need one."""
        update: dict[str, object] = {}
        keys = []
        if self.storage != running.storage:
            keys.append("storage.url")
            update["storage"] = running.storage
        for name in self.sections:
            ours, theirs = self.platforms.get(name), running.platforms.get(name)
            if ours is None or theirs is None:
                update[name] = theirs
                keys += [name] if ours is not theirs else []
            else:
                fixed = ours.fixed_keys(theirs)
                update[name] = ours.model_copy(update={key: getattr(theirs, key) for key in fixed})
                keys += [f"{name}.{key}" for key in fixed]
        return self.model_copy(update=update), keys


@functools.cache
def _config_with(*sections: tuple[PlatformName, type[PlatformSection]]) -> type[Config]:
    # Because messages list the sections in the order of the example, the platforms' stand in a class between the two.
    fields: dict[str, Any] = {name: (section | None, None) for name, section in sections}
    middle: Any = create_model("_Platforms", __base__=_General, **fields)
    made = cast("type[Config]", create_model("Config", __base__=(Config, middle)))
    made.sections = dict(sections)
    return made


def load(path: Path | None, sections: Sections, environ: Mapping[str, str] | None = None) -> Config:
    """Read the file, override it by the environment, and check the whole.

    Without a `path` there is no file: only the environment and the defaults. Without an `environ` it is the
    process's. Relative paths, wherever they are written, start from the file's folder, or from the working folder
    when there is no file. `sections` are those of the platforms there are.

    Raises:
        InvalidInputError: the configuration cannot be used, for all the reasons there are.
    """
    settings = Config.of(sections)
    sources = read(path, os.environ if environ is None else environ)
    values = sources.merged(settings)
    _complete(values)
    faults = [
        *strangers(sources, settings),
        *fill_in_tokens(values, sources.folder, sections),
        *contradictions(values, sections),
    ]
    config, errors = _validated(settings, values)
    told = {fault.place for fault in faults}
    faults += [fault for fault in translated(errors, settings, sources) if not _is_told(fault, told)]
    if config is None or faults:
        problems = [sources.problem(fault) for fault in faults]
        raise InvalidInputError(sorted(problems, key=lambda problem: (str(problem.path), problem.line or 0)))
    return _anchored(config, sources.folder)


def reread(path: Path, running: Config, environ: Mapping[str, str] | None = None) -> tuple[Config, list[str]]:
    """Read the file again, and return what holds from now on beside a running config, and the keys that need a restart.

    An empty file is refused: an editor leaves one when the disk is full, and it would end every declared subscription.

    Raises:
        InvalidInputError: the file cannot be used.
    """
    wanted = load(path, running.sections, environ)
    if not path.read_bytes().strip():
        raise InvalidInputError(
            [Problem(path, "the file is empty", "Write the settings again, or restore the file from a backup")]
        )
    return wanted.live(running)


def located(path: Path | None, faults: Iterable[Fault], environ: Mapping[str, str] | None = None) -> list[Problem]:
    """Return faults of a config that `load` has read, such as only the archive shows, at the lines where they stand."""
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


def _validated(settings: type[Config], values: dict[str, Any]) -> tuple[Config | None, list[ErrorDetails]]:
    # Other keys are told as strangers.
    known = {key: value for key, value in values.items() if key in settings.model_fields}
    try:
        return settings.model_validate(known, context=settings.sections), []
    except ValidationError as error:
        return None, error.errors(include_url=False)


def _is_told(fault: Fault, told: set[Place]) -> bool:
    # Of one mistake in a token the others of its section follow, so that one is told.
    section, key = fault.place[0], fault.place[-1]
    return fault.place in told or (key in TOKEN_KEYS and any((section, other) in told for other in TOKEN_KEYS))


def _anchored(config: Config, folder: Path) -> Config:
    content = config.content.model_copy(update={"folder": folder / config.content.folder})
    url = f"{SQLITE}{(folder / config.storage.path).as_posix()}"
    return config.model_copy(update={"content": content, "storage": config.storage.model_copy(update={"url": url})})
