"""The connections of the bot: one to each platform of the config whose token is known, built, started and closed."""

import asyncio
import contextlib
import functools
from collections.abc import Callable, Iterator, Mapping
from typing import Protocol, cast

from bot.config import Config
from bot.delivery.pacing import Pacer
from bot.delivery.sending import PacedSender
from bot.delivery.worker import Worker
from bot.model.facts import Ability, Tell
from bot.model.subscription import PlatformName
from bot.platforms.abilities import Editor, Finder, Pinner, Publisher
from bot.platforms.base import Account, Feature, UnauthorisedError
from bot.platforms.registry import PLATFORMS
from bot.runtime.connection import Connection
from bot.runtime.roles import Role
from bot.runtime.services import Services
from bot.runtime.supervision import Supervisor
from bot.storage.ledger import Ledger

CONNECT_WITHIN = 5.0
"""Seconds that a platform gets to connect before the bot begins without it."""


class AfterRefusal(Protocol):
    """A hearer of a platform's refusal of the token, and of its end."""

    async def __call__(self, platform: PlatformName, *, is_over: bool) -> None:
        """Take note that the platform refuses the token, or that it takes the token again."""


class Connections(Mapping[PlatformName, Connection]):
    """The connection to each platform, which outlives every reload.

    Because the services want the accounts and the connections want the services, the accounts are there first, and
    `connect` makes the connections.
    """

    def __init__(self, config: Config, ledger: Ledger) -> None:
        self._ledger = ledger
        self._connections: dict[PlatformName, Connection] = {}
        self.accounts: dict[PlatformName, Account] = {
            name: PLATFORMS[name].load()[0](section, config.network)
            for name, section in config.platforms.items()
            # Without a token, a command that sends nothing still reads the ledger.
            if section.token.get_secret_value()
        }
        self.pacers = {name: Pacer(section.rate, PLATFORMS[name].limits) for name, section in config.platforms.items()}
        for name, pacer in self.pacers.items():
            pacer.lease = ledger.leases.first(name)
        self.roles = {name: Role(name, ledger.leases) for name in self.accounts}

    def __getitem__(self, platform: PlatformName) -> Connection:
        return self._connections[platform]

    def __iter__(self) -> Iterator[PlatformName]:
        return iter(self._connections)

    def __len__(self) -> int:
        return len(self._connections)

    @property
    def refusal(self) -> UnauthorisedError | None:
        """The words of every platform if each refuses its token, and none has taken it since the start."""
        refusals = [str(each.refusal) for each in self.values() if each.refusal and not each.was_accepted]
        return UnauthorisedError(", ".join(refusals)) if refusals and len(refusals) == len(self) else None

    def connect(
        self,
        services: Callable[[], Services],
        *,
        tell: Tell,
        note: Callable[[PlatformName, Ability, str], None],
        finished: Callable[[], object],
        after_refusal: AfterRefusal,
    ) -> None:
        """Make the connections.

        `services` returns those that hold now, `note` hears which abilities work, and `finished` is called when a
        broadcast has nothing left to send.
        """
        for name, account in self.accounts.items():
            row, pacer = PLATFORMS[name], self.pacers[name]
            account.pace, account.tell, account.on_ability = pacer, tell, functools.partial(note, name)
            _, make_handlers = row.load()
            language = services().config.show.language
            handlers = make_handlers(account, services().context, PacedSender(pacer), language)
            handlers.register()
            self._connections[name] = Connection(
                platform=account,
                pacer=pacer,
                role=self.roles[name],
                make_worker=functools.partial(self._worker, account, services, finished, tell),
                remember=functools.partial(self._remember, name),
                handlers=handlers,
                on_refusal=functools.partial(after_refusal, name),
                tell=tell,
            )

    def use(self, services: Services) -> None:
        """Answer commands with these services from now on."""
        for connection in self.values():
            connection.handlers.use(services.context, services.config.show.language)

    def wake(self) -> None:
        """Tell the workers that something may be due."""
        for connection in self.values():
            connection.worker.wake()

    async def start(self, supervisor: Supervisor, *, listen: bool) -> None:
        """Deliver from now on, with `listen` also answer commands; return when each platform has been tried."""
        for role in self.roles.values() if self._ledger.is_shared else ():
            supervisor.start(f"{role.name} lease", role.keep)
        for name, connection in self.items():
            supervisor.start(f"{name} delivery", connection.deliver)
            if listen:
                supervisor.start(f"{name} commands", connection.listen)
        # The bot begins without a platform that needs longer.
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(CONNECT_WITHIN):
                await asyncio.gather(*(connection.tried.wait() for connection in self.values()))

    async def restart_changed(self, supervisor: Supervisor, before: Config, now: Config) -> None:
        """Start again the workers and the menus of commands whose part of the config has changed."""
        if now.show.language != before.show.language:
            for name in (name for name in self if PLATFORMS[name].has_menu_of_show):
                await supervisor.restart(f"{name} commands")
        for name, connection in self.items():
            rate = now.platforms[name].rate
            if rate != before.platforms[name].rate:
                connection.pacer.change_rate(rate)
            elif now.delivery == before.delivery:
                continue
            await supervisor.restart(f"{name} delivery")

    async def close(self, supervisor: Supervisor) -> None:
        """Finish what is in flight, and close each connection that is still open."""
        await asyncio.gather(*(self._close(each, supervisor) for each in self.values() if not each.is_closed))

    async def _close(self, connection: Connection, supervisor: Supervisor) -> None:
        # Because a reload may start one of both again while the other stops, both stop at once.
        services = f"{connection.name} delivery", f"{connection.name} commands"
        await connection.close(lambda: supervisor.stop(*services))

    def _worker(
        self, account: Account, services: Callable[[], Services], finished: Callable[[], object], tell: Tell
    ) -> Worker:
        features, pacer = PLATFORMS[account.name].features, self.pacers[account.name]
        return Worker(
            platform=account,
            ledger=self._ledger,
            pacer=pacer,
            clock=self._ledger.clock,
            hold=services().config.delivery.on_unknown == "hold",
            editor=cast("Editor", account) if Feature.EDIT in features else None,
            finder=cast("Finder", account) if Feature.FIND in features else None,
            publisher=cast("Publisher", account) if Feature.PUBLISH in features else None,
            pinner=cast("Pinner", account) if Feature.PIN in features else None,
            finished=finished,
            tell=tell,
            identify=account.identify,
            has_rival=lambda: account.has_rival,
            lease=pacer.lease,
        )

    async def _remember(self, platform: PlatformName) -> None:
        self.pacers[platform].remember(await self._ledger.lately(platform))
