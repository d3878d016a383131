"""The team's configuration: `config.toml` and the environment, read once and checked as a whole.

`config.example.toml` shows every key. The import of this module reads nothing; `load` reads.
"""

from __future__ import annotations

import datetime as dt
import functools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self, TypeAlias, cast
from urllib.parse import parse_qs, unquote, urlsplit
from zoneinfo import ZoneInfo

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    ValidationInfo,
    create_model,
    field_validator,
)
from pydantic_core import ErrorDetails, PydanticKnownError

from bot.config.cron import MONDAY_AT_EIGHT
from bot.config.network import proxies_of_environment, proxy_for
from bot.config.problems import contradictions, strangers, switched_off, translated
from bot.config.sources import TOKEN_KEYS, Fault, Sources, read
from bot.config.tokens import Tokens, fill_in_address, fill_in_tokens
from bot.config.values import (
    SQLITE,
    AudioForm,
    CronLine,
    Duration,
    FeedAddress,
    Id,
    Lead,
    LedgerUrl,
    ListenAddress,
    ProxyAddress,
    ScheduleName,
    Text,
    Topic,
    WrittenTopic,
    Zone,
    address_and_port,
)
from bot.model.document import Layout
from bot.model.i18n import Language, spoken
from bot.model.i18n import gettext as _
from bot.model.problems import InvalidInputError, Problem
from bot.model.subscription import AudioAs, Choices, Origin, PlatformName, Subscription, Target
from bot.model.text import canonical

LAST_REHEARSAL = dt.timedelta(hours=1)
"""The time before a push at which it is rehearsed at the latest if it waits for an approval: that of the reminder."""
DEFAULT_SCHEDULE = "monday"
"""The name of the schedule of a team that declares none: Mondays at eight in the show's time zone."""

_TRIALS = 50
"""The mistakes of one config whose cures are tried; more have one cause that is told by then."""


class ConfigSection(BaseModel):
    """A table of the config."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True, defer_build=True)


class Show(ConfigSection):
    """The podcast."""

    name: Text = "Le récap du lundi"
    language: Language = Language.FRENCH
    timezone: Zone = Field(default_factory=lambda: ZoneInfo("Europe/Paris"))


class ContentFolder(ConfigSection):
    """The place of the episode files."""

    folder: Path = Path("content")


class Storage(ConfigSection):
    """The place of the ledger: `sqlite:///` and a path, or the address of a PostgreSQL database."""

    url: LedgerUrl = Field(default=SecretStr(f"{SQLITE}recap.db"), examples=[f"{SQLITE}recap.db"])
    url_file: Path | None = Field(default=None, examples=["storage-url"])

    @property
    def path(self) -> Path | None:
        """Return the ledger's file; None for a PostgreSQL database."""
        url = self.url.get_secret_value()
        return Path(url.removeprefix(SQLITE)) if url.startswith(SQLITE) else None

    @property
    def secrets(self) -> list[SecretStr]:
        """The password of a PostgreSQL database, as it is written and as it is meant."""
        parts = urlsplit(self.url.get_secret_value()) if self.path is None else None
        written = [parts.password or "", *parse_qs(parts.query).get("password", [])] if parts else []
        return [SecretStr(text) for word in written if word for text in {word, unquote(word)}]


class Network(ConfigSection):
    """The way to the platforms, to links and to feeds."""

    proxy: ProxyAddress = Field(default=SecretStr(""), examples=["http://proxy.example.org:3128"])

    def proxy_for(self, url: str) -> str | None:
        """Return the proxy for the address, as `bot.config.network` does."""
        return proxy_for(url, self.proxy.get_secret_value())

    @property
    def secrets(self) -> list[SecretStr]:
        """The addresses of proxies, which may hold a password: errors of the libraries show them."""
        return [self.proxy, *map(SecretStr, proxies_of_environment())]


BY_ENVIRONMENT = Network()
"""The network of a config that says nothing about it."""


class PlatformSection(ConfigSection):
    """The table of one platform. The platform declares its keys and the channels that are possible on it."""

    title: ClassVar[str]
    """The platform's name as people write it."""
    token_cure: ClassVar[str]
    """A sentence that tells the team where to find the token."""

    if TYPE_CHECKING:
        # Each platform declares these keys itself, because messages list all its keys in the order of declaration.
        token: SecretStr
        token_file: Path | None
        api_url: str
        rate: int
        admins: tuple[int, ...]

    @classmethod
    def read_chat(cls, text: str) -> str:
        """Return the one spelling of a chat that somebody wrote; the text comes in small letters.

        Raises:
            PydanticCustomError: the platform has no such chat.
        """
        raise NotImplementedError

    @classmethod
    def is_private(cls, chat: str) -> bool:  # noqa: ARG003 - most platforms have one kind of number for all chats
        """Return whether the spelling of a chat shows that it is one person's."""
        return False

    @classmethod
    def check_choice(cls, key: str, value: object) -> None:
        """Refuse a key of a channel, or a value of it, that this platform does not have.

        Raises:
            PydanticCustomError: the platform does not have the key, or not with this value.
        """

    def fixed_keys(self, running: Self) -> list[str]:
        """Return the keys whose values differ from those of the running bot and need a restart."""
        fixed = (key for key in type(self).model_fields if key not in {"rate", "admins"})
        return [key for key in fixed if getattr(self, key) != getattr(running, key)]


Sections: TypeAlias = Mapping[PlatformName, type[PlatformSection]]
"""The section of each platform, under the platform's name."""


class Schedule(ConfigSection):
    """A time at which episodes are pushed.

    A push that is late by more than `max_lateness` is reported and not sent. No episode older than `max_age` is pushed.
    The team sees each push so long before as `rehearsal` says. With `approval`, one of the admins has to let it out.
    """

    name: ScheduleName = Field(examples=[DEFAULT_SCHEDULE])
    cron: CronLine = Field(examples=[MONDAY_AT_EIGHT])
    timezone: Zone
    max_lateness: Duration = dt.timedelta(hours=6)
    max_age: Duration = dt.timedelta(days=6)
    audio: AudioForm = "link"
    rehearsal: Lead = Field(default=dt.timedelta(), examples=["14h"])
    approval: Literal["none", "one"] = "none"

    @property
    def lead(self) -> dt.timedelta:
        """The time before each push at which the team sees it; zero for never.

        Because nobody can approve an unseen recap, a schedule that waits for an approval has a rehearsal.
        """
        return self.rehearsal or (LAST_REHEARSAL if self.approval == "one" else dt.timedelta())


class DeclaredChat(ConfigSection):
    """A chat that the admin names. `thread` is Telegram's alone."""

    platform: PlatformName = Field(examples=["telegram"])
    chat: str = Field(examples=["@example"])
    thread: Id | None = Field(default=None, examples=[7])

    @field_validator("platform", mode="before")
    @classmethod
    def _known(cls, value: object, info: ValidationInfo) -> object:
        if info.context is not None and value not in list(info.context):
            raise PydanticKnownError("enum", {"expected": spoken().either(map(repr, info.context))})
        return value

    @field_validator("chat", mode="before")
    @classmethod
    def _spelt(cls, value: object, info: ValidationInfo) -> object:
        text = str(value).strip().lower() if isinstance(value, str | int) else ""
        section = _section_of(info)
        return text if section is None else section.read_chat(text)

    @field_validator("thread")
    @classmethod
    def _threaded(cls, value: object, info: ValidationInfo) -> object:
        return _possible(value, info)

    @property
    def target(self) -> Target:
        """Return the place as a target."""
        return Target(self.platform, self.chat, self.thread or 0)


class Staff(DeclaredChat):
    """A chat of the team, which sees each rehearsal too."""


class Channel(DeclaredChat):
    """A subscription that the admin declares. `rich` is Telegram's alone, `publish` and `mention` are Discord's."""

    topics: tuple[Topic, ...] = Field(default=(), examples=[["tiktok"]])
    layout: Layout = Layout.DIGEST
    schedule: str = Field(examples=[DEFAULT_SCHEDULE])
    silent: bool = False
    rich: bool = False
    audio: AudioForm = "link"
    pin: bool = False
    publish: bool = False
    mention: str = ""

    @field_validator("rich", "publish", "mention")
    @classmethod
    def _offered(cls, value: object, info: ValidationInfo) -> object:
        return _possible(value, info)


class FeedSource(ConfigSection):
    """The podcast's feed, which gives drafts, and to episodes what their files lack."""

    url: FeedAddress = Field(default="", examples=["https://example.org/feed.xml"])


class DeliveryRules(ConfigSection):
    """The delivery of pushes."""

    on_unknown: Literal["resend", "hold"] = "resend"
    """The fate of a message of which nobody can tell whether it arrived."""
    correctable: Duration = dt.timedelta(days=56)
    """The time for which what is sent can be corrected and recalled; so long the ledger knows where it went."""


class Reports(ConfigSection):
    """The reports of pushes to the admins."""

    picture: bool = False


class Metrics(ConfigSection):
    """The metrics for Prometheus and the health checks, which nothing serves without an address."""

    listen: ListenAddress = Field(default="", examples=["127.0.0.1:9464"])

    @property
    def address(self) -> tuple[str, int] | None:
        """Return the host and the port to listen at; None for none."""
        return address_and_port(self.listen) if self.listen else None


def _section_of(info: ValidationInfo) -> type[PlatformSection] | None:
    """Return the section of a channel's platform; None for a wrong platform, which has an error of its own."""
    return (info.context or {}).get(info.data.get("platform"))


def _possible(value: object, info: ValidationInfo) -> object:
    if (section := _section_of(info)) is not None:
        section.check_choice(str(info.field_name), value)
    return value


class _General(ConfigSection):
    """The sections that people write first."""

    show: Show = Field(default_factory=Show)
    content: ContentFolder = Field(default_factory=ContentFolder)
    storage: Storage = Field(default_factory=Storage)
    topics: dict[WrittenTopic, tuple[Topic, ...]] = Field(default_factory=dict, examples=[["tik tok"]])


class Config(_General):
    """All decisions of the team, as `load` reads them. A platform without a section is switched off."""

    sections: ClassVar[Sections] = {}

    schedules: tuple[Schedule, ...]
    channels: tuple[Channel, ...] = ()
    staff: tuple[Staff, ...] = ()
    feed: FeedSource = Field(default_factory=FeedSource)
    delivery: DeliveryRules = Field(default_factory=DeliveryRules)
    network: Network = BY_ENVIRONMENT
    metrics: Metrics = Field(default_factory=Metrics)
    reports: Reports = Field(default_factory=Reports)

    @field_validator("schedules", mode="before")
    @classmethod
    def _in_the_shows_zone(cls, entries: object, info: ValidationInfo) -> object:
        show: Show = info.data.get("show") or Show()
        return _with_defaults(entries, {"timezone": show.timezone})

    @property
    def platforms(self) -> dict[PlatformName, PlatformSection]:
        """Return the sections of the platforms that are switched on."""
        return {name: section for name in self.sections if (section := getattr(self, name)) is not None}

    def subscriptions(self) -> list[Subscription]:
        """Return the subscriptions that the admin declares, aliases of topics resolved."""
        found, names = [], canonical(self.topics)
        for channel in self.channels:
            topics = tuple(dict.fromkeys(names.get(topic, topic) for topic in channel.topics))
            choices = Choices(
                **{name: getattr(channel, name) for name in ("layout", "silent", "publish", "rich", "mention", "pin")},
                topics=topics,
                audio=AudioAs(channel.audio) if "audio" in channel.model_fields_set else AudioAs.AS_SCHEDULED,
            )
            is_private = self.sections[channel.platform].is_private(channel.chat)
            found.append(Subscription(channel.target, channel.schedule, choices, Origin.CONFIG, is_private=is_private))
        return found

    def live(self, running: Config) -> tuple[Config, list[str]]:
        """Return this config as far as it can hold without a restart, and the keys that need one."""
        fixed_keys = {"storage": "url", "network": "proxy", "metrics": "listen"}
        update: dict[str, object] = {name: getattr(running, name) for name in fixed_keys}
        keys = [f"{name}.{key}" for name, key in fixed_keys.items() if getattr(self, name) != getattr(running, name)]
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
    # Because messages list the sections in the order of the example, a class between the two holds the platforms.
    fields: dict[str, Any] = {name: (section | None, None) for name, section in sections}
    middle: Any = create_model("_Platforms", __base__=_General, **fields)
    made = cast("type[Config]", create_model("Config", __base__=(Config, middle)))
    made.sections = dict(sections)
    return made


def load(
    path: Path | None, sections: Sections, environ: Mapping[str, str] | None = None, tokens: Tokens = "needed"
) -> Config:
    """Read the file, override it by the environment, and check the whole.

    Without a `path`, the environment and the defaults alone count. Without an `environ`, that of the process counts.
    Relative paths start from the file's folder, or without a file from the working folder.

    Raises:
        InvalidInputError: the configuration cannot be used, for all the reasons.
    """
    return _usable(read(path, environ), sections, tokens)


def _usable(sources: Sources, sections: Sections, tokens: Tokens = "needed") -> Config:
    """Return the config of the sources.

    Raises:
        InvalidInputError: the configuration cannot be used, for all the reasons.
    """
    settings = _config_with(*sections.items())
    judge = functools.partial(_judged, settings=settings, sections=sections, tokens=tokens)
    config, faults = judge(sources)
    if config is None or faults:
        problems = [sources.problem(fault) for fault in _with_true_cures(faults, sources, judge)]
        raise InvalidInputError(sorted(problems, key=lambda problem: (str(problem.path), problem.line or 0)))
    content = config.content.model_copy(update={"folder": sources.folder / config.content.folder})
    storage = config.storage
    if storage.path is not None:
        url = SecretStr(f"{SQLITE}{(sources.folder / storage.path).as_posix()}")
        storage = storage.model_copy(update={"url": url})
    return config.model_copy(update={"content": content, "storage": storage})


def _judged(
    sources: Sources, *, settings: type[Config], sections: Sections, tokens: Tokens
) -> tuple[Config | None, list[Fault]]:
    """Return the config of the sources, if it can be made, and everything that is wrong with it."""
    values = sources.merged(settings)
    _complete(values)
    wrong, missing = fill_in_tokens(values, sources.folder, sections, tokens)
    faults = [*strangers(sources, settings), *wrong, *fill_in_address(values, sources.folder), *contradictions(values)]
    if tokens == "needed":
        faults += [*missing, *switched_off(values, sections)]
    config: Config | None = None
    errors: list[ErrorDetails] = []
    try:
        # Because `strangers` tells the other keys, the model does not see them; else each would be told twice.
        known = {key: value for key, value in values.items() if key in settings.model_fields}
        config = settings.model_validate(known, context=sections)
    except ValidationError as error:
        errors = error.errors(include_url=False)
    told = {fault.place for fault in faults}
    # Because one mistake about a token is enough for its section, the errors that follow from it are left out.
    told |= {(place[0], key) for place in told if place[-1] in TOKEN_KEYS for key in TOKEN_KEYS}
    return config, faults + [fault for fault in translated(errors, settings, sources) if fault.place not in told]


def _with_true_cures(
    faults: Sequence[Fault], sources: Sources, judge: Callable[[Sources], tuple[Config | None, list[Fault]]]
) -> Iterator[Fault]:
    """Yield the faults; a literal cure that would leave its fault, or make another one, says less."""
    known = {(fault.place, fault.reason) for fault in faults}
    for number, fault in enumerate(faults):
        if fault.instead is None and fault.change is None:
            yield fault
            continue
        changed = sources.changed(fault) if number < _TRIALS else None
        after = {(each.place, each.reason) for each in judge(changed)[1]} if changed else known
        # Because the keys below a header that is switched on again have mistakes of their own, those may come to light.
        worse = set() if fault.change else after - known
        is_true = (fault.place, fault.reason) not in after and not worse
        yield fault if is_true else fault._replace(cure=fault.otherwise, change=None)


def reread(path: Path, running: Config) -> tuple[Config, list[str]]:
    """Read the file again, and return the config that holds from now on and the keys that need a restart.

    Raises:
        InvalidInputError: the file cannot be used, or is empty. An editor that could not write leaves an empty file,
            which would end every declared subscription.
    """
    sources = read(path)
    if not sources.text.strip():
        cure = _("Write the settings again, or restore the file from a backup")
        raise InvalidInputError([Problem(path, _("the file is empty"), cure)])
    return _usable(sources, running.sections).live(running)


def missing_tokens(path: Path | None, config: Config) -> list[Problem]:
    """Return the tokens that a configuration of `load` lacks, and the declared channels that have none, as warnings."""
    sources = read(path)
    values = sources.merged(type(config))
    _, missing = fill_in_tokens(values, sources.folder, config.sections)
    return [sources.problem(fault) for fault in (*missing, *switched_off(values, config.sections))]


def located(path: Path | None, faults: Iterable[Fault]) -> list[Problem]:
    """Return mistakes that only the archive shows in a configuration of `load`, at the lines where they stand."""
    sources = read(path)
    return [sources.problem(fault) for fault in faults]


def is_default(path: Path | None, section: str) -> bool:
    """Return whether neither the file nor the environment says anything of a section."""
    return not read(path).says(section)


def _complete(values: dict[str, Any]) -> None:
    """Add the schedule of a team that declares none, and to each channel the only schedule there is."""
    schedules = values.setdefault("schedules", [{"name": DEFAULT_SCHEDULE, "cron": MONDAY_AT_EIGHT}])
    if "channels" in values and isinstance(schedules, list) and len(schedules) <= 1:
        name = schedules[0].get("name") if schedules and isinstance(schedules[0], dict) else None
        only = {"schedule": name if isinstance(name, str) else DEFAULT_SCHEDULE}
        values["channels"] = _with_defaults(values["channels"], only)


def _with_defaults(entries: object, defaults: dict[str, Any]) -> object:
    """Return the entries of a list with values for the keys that they leave out; anything else as it is."""
    if not isinstance(entries, list):
        return entries
    return [defaults | entry if isinstance(entry, dict) else entry for entry in entries]
