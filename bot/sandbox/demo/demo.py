"""Demo: the real program on stand-ins of both platforms, with a clock that moves ahead on demand."""

import asyncio
import contextlib
import dataclasses
import datetime as dt
import logging
import shutil
import tempfile
import time
from collections.abc import AsyncIterator, Collection
from pathlib import Path
from typing import Self

from bot.config import Channel, Config, ContentFolder, Storage
from bot.content.archive import Archive
from bot.delivery.rehearsal import warnings
from bot.model.episode import Episode
from bot.model.i18n import Language, speaking
from bot.model.problems import Problem
from bot.model.subscription import Subscription, Target
from bot.platforms.discord.section import Discord
from bot.platforms.telegram.section import Telegram
from bot.runtime.app import App, opened
from bot.runtime.clock import Timetable
from bot.sandbox.demo.redraw import redraw
from bot.sandbox.demo.world import DemoWorld, Person
from bot.sandbox.discord.server import DiscordStandIn
from bot.sandbox.shared.changes import Changes
from bot.sandbox.shared.webserver import Json
from bot.sandbox.telegram.server import TELEGRAM_LIMITS, TelegramStandIn

_GATEWAY = logging.getLogger("discord.gateway")

EVE = dt.timedelta(hours=12)
"""Time from the demo's beginning to its first push: from Sunday, 8 p.m., to Monday, 8 a.m."""
START_WITHIN = 20.0
"""Seconds for the bot to start, also on a slow machine."""


class DemoClock:
    """Clock that starts at a moment and can be moved ahead, never back."""

    def __init__(self, start: dt.datetime) -> None:
        self._at_start = start.astimezone(dt.UTC)
        self._started = time.monotonic()

    def __call__(self) -> dt.datetime:
        """Return the time, in UTC."""
        return self._at_start + dt.timedelta(seconds=time.monotonic() - self._started)

    def move_to(self, moment: dt.datetime) -> None:
        """Move the clock to a later moment.

        Raises:
            ValueError: the moment is in the past.
        """
        if moment < self():
            raise ValueError(f"{moment.isoformat()} is over.")
        self._at_start += moment - self()


class Demo:
    """Bot of a config on stand-ins with a temporary database, running while used as an async context manager.

    Tokens, database and channels of the config are replaced, and so is the show's language, which is that of the
    `world`; content, schedules and all other settings stay. Flood limits are those of the real Telegram. `changes`
    notifies of every change in the world or of the bot. `steady` is held while the demo restarts, and by readers of
    several values that belong together.
    """

    _drawn: Archive
    """Content from which the answers in the world are drawn."""

    def __init__(self, settings: Config, language: Language) -> None:
        self.changes = Changes()
        self.steady = asyncio.Lock()
        self._settings = settings.model_copy(update={"show": settings.show.model_copy(update={"language": language})})
        self._session = 0
        self._looking: set[asyncio.Task[None]] = set()
        self._told: tuple[Archive | None, list[str]] = (None, [])
        self._stack = contextlib.AsyncExitStack()

    async def __aenter__(self) -> Self:
        self._gateway_level = _GATEWAY.level
        # Because the stand-in answers a heartbeat before discord.py has noted when it left, discord.py may measure from
        # the one before, and warn that it is 41 seconds behind. No wait here says anything of a network.
        _GATEWAY.setLevel(logging.ERROR)
        await self._begin()
        return self

    async def __aexit__(self, *_error: object) -> None:
        await self._stack.aclose()
        _GATEWAY.setLevel(self._gateway_level)

    @property
    def world(self) -> DemoWorld:
        """The world of the bot; a `restart` replaces it."""
        return self._world

    async def redraw(self) -> None:
        """Bring the answers that stand in the world in line with changed content. `steady` is held."""
        before = self._drawn
        if before is not self._app.archive:
            self._drawn = self._app.archive
            renders = {name: each.platform.render for name, each in self._app.connections.items()}
            await redraw(self._world, self._app.services.context, before, renders)

    def facts(self) -> Json:
        """Return the show, its time, its next push and its content."""
        archive, show = self._app.archive, self._settings.show
        newest = archive.latest()
        run = self._app.services.next_push()
        return {
            "session": self._session,
            "show": show.name,
            "telegram_bot": self._telegram.bot.username,
            "zone": str(show.timezone),
            "now": self._clock().isoformat(),
            "next_push": run and run.isoformat(),
            "episode": newest and {"number": newest.number, "title": newest.title},
            "content": {
                "folder": str(self._settings.content.folder),
                "episodes": len(archive.episodes),
            },
        }

    async def problems(self) -> list[str]:
        """Return the mistakes in the content."""
        archive = self._app.archive
        told, sentences = self._told
        if archive is not told:
            with speaking(lambda: self._settings.show.language):
                problems = await asyncio.to_thread(archive.problems_again) if archive.problems else ()
            sentences = [str(problem) for problem in problems]
            self._told = archive, sentences
        return sentences

    async def subscriptions(self, target: Target) -> list[Subscription]:
        """Return the target's subscriptions that have not ended."""
        return await self._app.ledger.subscriptions.of(target)

    async def next_push(self) -> int | None:
        """Move the clock to the next push, and return the number of the pushed episode, or None."""
        run = self._app.services.next_push()
        if run is None:
            return None
        before = {broadcast.id for broadcast in await self._app.ledger.broadcasts(limit=100)}
        self._clock.move_to(run)
        with speaking(lambda: self._settings.show.language):
            await self._app.tick()
        self.changes.notify()
        opened_now = [each for each in await self._app.ledger.broadcasts(limit=100) if each.id not in before]
        return opened_now[0].episode if opened_now else None

    def _on_reload(self) -> None:
        """Let the page know, and look at once whether a pushed episode has changed: nobody waits for a minute here."""
        self.changes.notify()
        looking = asyncio.create_task(self._app.services.corrector.look())
        self._looking.add(looking)
        looking.add_done_callback(self._looking.discard)

    async def restart(self) -> None:
        """Restart with a new world, a new database and the clock at its beginning."""
        async with self.steady:
            await self._stack.aclose()
            await self._begin()
        self.changes.notify()

    async def _begin(self) -> None:
        settings = self._settings
        # Because a page may restart the demo, the bot would speak to its team in the language of that page.
        with speaking(lambda: settings.show.language):
            await self._start(settings)
        self._session += 1

    async def _remarks(self, episode: Episode) -> list[Problem]:
        return await warnings(episode, self._app.archive, self._app.config)

    async def _start(self, settings: Config) -> None:
        async with contextlib.AsyncExitStack() as stack:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="recap-demo-")))
            self._clock = DemoClock(_eve(settings))
            self._telegram = TelegramStandIn(clock=self._clock, flood_limits=TELEGRAM_LIMITS)
            discord = DiscordStandIn(clock=self._clock)
            for platform in (self._telegram, discord):
                await stack.enter_async_context(platform)
            self._world = DemoWorld(self._telegram, discord, settings.show.name, settings.show.language)
            config = _on_stand_ins(settings, self._world, folder)
            if settings.feed.url:
                # Because the demo writes drafts and presses make them ready, the show's own folder stays as it is.
                content = ContentFolder(folder=folder / "content")
                with contextlib.suppress(FileNotFoundError):
                    await asyncio.to_thread(shutil.copytree, settings.content.folder, content.folder)
                config = config.model_copy(update={"content": content})
            self._app = await stack.enter_async_context(opened(config, self._clock))
            self._app.reloaded = self._on_reload
            # Because a demo asks nothing of the web, its cards say nothing about links.
            self._app.services = dataclasses.replace(
                self._app.services,
                rehearser=dataclasses.replace(self._app.services.rehearser, remarks=self._remarks),
            )
            self._drawn = self._app.archive
            await stack.enter_async_context(_running(self._app))
            await _ready(self._world)
            for platform in (self._telegram, discord):
                stack.enter_context(platform.changes.heard_by(self.changes.notify))
            self._stack = stack.pop_all()


class Demos:
    """Demos of a config, one in each language: visitors of several languages may come at once.

    A demo begins when the first visitor of its language comes, and goes on until the end of the context.
    """

    def __init__(self, settings: Config) -> None:
        self._settings = settings
        self._begun: dict[Language, Demo] = {}
        self._beginning = asyncio.Lock()
        self._stack = contextlib.AsyncExitStack()

    async def __aenter__(self) -> Self:
        await self.of(self._settings.show.language)
        return self

    async def __aexit__(self, *_error: object) -> None:
        await self._stack.aclose()

    @property
    def begun(self) -> Collection[Demo]:
        """The demos so far."""
        return self._begun.values()

    async def of(self, language: Language) -> Demo:
        """Return the demo in the language."""
        async with self._beginning:
            if language not in self._begun:
                self._begun[language] = await self._stack.enter_async_context(Demo(self._settings, language))
        return self._begun[language]


@contextlib.asynccontextmanager
async def _running(app: App) -> AsyncIterator[None]:
    stop = asyncio.Event()
    task = asyncio.create_task(app.run(stop), name="the bot")
    try:
        yield
    finally:
        stop.set()
        await task


async def _ready(world: DemoWorld) -> None:
    """Wait until the bot listens, then subscribe the person on the phone."""
    await world.telegram.wait_for(lambda: world.telegram.updates.polled, START_WITHIN)
    channel, user = world.discord_place("discord-general").channel, world.discord_people[Person.ADMIN]
    await world.discord.wait_for(lambda: world.discord.offered(user, channel), START_WITHIN)
    place = world.telegram_place("telegram-private")
    world.telegram.say(place.chat, place.chat.person, "/subscribe")
    await world.telegram.wait_for(lambda: place.chat.messages, START_WITHIN)


def _on_stand_ins(settings: Config, world: DemoWorld, folder: Path) -> Config:
    """Return the config with the world's stand-ins as platforms, and a few subscribed places."""
    telegram, discord = world.telegram, world.discord
    # Because the demo begins on the evening before, each push is shown to the admin at once.
    schedules = tuple(each if each.lead else each.model_copy(update={"rehearsal": EVE}) for each in settings.schedules)
    schedule = schedules[0].name
    subscribed = {"telegram-channel": False, "discord-announcements": True, "discord-forum": False}
    return settings.model_copy(
        update={
            "storage": Storage(url=f"sqlite:///{(folder / 'recap.db').as_posix()}"),
            "schedules": schedules,
            # Because Camille is an admin, the page shows rehearsals, reports, corrections and the panel too.
            "telegram": Telegram(
                token=telegram.token,
                api_url=telegram.url,
                admins=(world.telegram_people[Person.ADMIN].id,),
            ),
            "discord": Discord(
                token=discord.token,
                api_url=discord.api_url,
                gateway_url=discord.gateway_url,
                admins=(world.discord_people[Person.ADMIN].id,),
            ),
            "channels": tuple(
                Channel(platform=target.platform, chat=target.chat, schedule=schedule, publish=publish)
                for key, publish in subscribed.items()
                for target in (world.places[key].target,)
            ),
        }
    )


def _eve(settings: Config) -> dt.datetime:
    """Return the evening before the newest episode's push; now, without an episode."""
    newest = Archive.load(settings.content.folder, settings.topics).latest()
    if newest is None:
        return dt.datetime.now(dt.UTC)
    midnight = dt.datetime.combine(newest.date, dt.time(), settings.show.timezone)
    timetable = Timetable(settings.schedules, lambda: midnight - dt.timedelta(seconds=1))
    runs = [timetable.next_run(schedule.name) for schedule in settings.schedules]
    return min((run for run in runs if run is not None), default=midnight) - EVE
