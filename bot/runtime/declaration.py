"""The declaration: the subscriptions follow the channels that the config declares, however many processes there are."""

import dataclasses
import datetime as dt
import hashlib
import logging
from collections.abc import Callable, Mapping

from bot.config import Config
from bot.content.archive import Archive
from bot.delivery.pacing import Pacer
from bot.delivery.reach import looks_on
from bot.model.subscription import PlatformName, Subscription, SubscriptionState, Target
from bot.platforms.base import Account, FloodError, SendError, TargetGoneError, TargetNotFoundError
from bot.platforms.registry import PLATFORMS
from bot.runtime.roles import Role
from bot.runtime.watch import Stamp
from bot.storage.leases import Lease
from bot.storage.ledger import Ledger
from bot.storage.records import Authority, Versions

log = logging.getLogger(__name__)

COMPARED = 10
"""Episodes, the newest ones, whose files are compared between processes: older ones are hardly changed any more."""


def versions_of(config: Config, archive: Archive, stamp: Stamp | None) -> Versions:
    """Return the versions of a process with this config, whose file has the stamp, and with these episodes."""
    # Without the tokens, which the text leaves out, and without all that is each machine's own.
    said = config.model_dump_json(exclude={"storage", "content", "network", "metrics"})
    dated = None if stamp is None else dt.datetime.fromtimestamp(stamp.changed / 1e9, dt.UTC)
    newest = {each.path.as_posix(): _digest(each.model_dump_json()) for each in archive.episodes[:COMPARED]}
    return Versions(_digest(said), dated, newest)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


class Declaration:
    """The work of bringing the subscriptions in line with the channels of the config.

    `config` returns the config that holds now; `role` is that of the clock, whose process declares.
    """

    def __init__(
        self,
        ledger: Ledger,
        role: Role,
        accounts: Mapping[PlatformName, Account],
        pacers: Mapping[PlatformName, Pacer],
        config: Callable[[], Config],
    ) -> None:
        self._ledger = ledger
        self._role = role
        self._accounts = accounts
        self._pacers = pacers
        self._config = config
        self.is_done = False
        """Whether nothing is left to declare of the config that holds now."""
        self._declared_under: Lease | None = None
        self._authority = Authority.ALL
        self._unknown: set[Target] = set()

    @property
    def has_declared(self) -> bool:
        """Whether this process has declared its channels since it has the role, or has left that to another one.

        A process that has taken the role anew may be on a server that has forgotten what it declared.
        """
        return self._declared_under is self._role.lease

    @property
    def is_due(self) -> bool:
        """Whether this process has something left to declare."""
        return self._role.is_held() and not self.is_done

    async def declare(self) -> None:
        """Bring the subscriptions in line with the channels that the config declares.

        A chat that is declared by its name is subscribed by its number, so that no chat is subscribed under both. Where
        a chat cannot be looked up now, the platform's subscriptions stay as they are, and the next look tries again.

        Raises:
            LedgerError: the database cannot be used.
        """
        # Because this holds until all is done, a database in trouble gets the channels at one of the next looks.
        self.is_done, lease = False, self._role.lease
        before, self._authority = self._authority, await self._ledger.heartbeat.authority()
        if self._authority is Authority.NONE:
            if before is not Authority.NONE:
                log.warning("A newer config was declared by another process: the channels of this one are not declared")
            self.is_done, self._declared_under = True, lease
            return
        if self._authority is Authority.ADD and before is not Authority.ADD:
            log.warning("Another process has another config: no subscription ends before both say the same")
        await self._declare()
        self._declared_under = lease

    async def _declare(self) -> None:
        declared: list[Subscription] = []
        wanted = self._config().subscriptions()
        unknown = set()
        # Because a name cannot be looked up without a token, a bot that has one declares its chat, by its number.
        unsure = {each.target.platform for each in wanted if each.target.platform not in self._accounts}
        if unsure:
            unsure &= {each.target.platform for each in await self._ledger.subscriptions.all()}
        for subscription in wanted:
            target = subscription.target
            pacer, looks = self._pacers.get(target.platform), looks_on(target.platform)
            if target.chat.startswith("@") and pacer is not None and pacer.delay(looks):
                # Because the platform has asked for a pause, a name is looked up when that is over.
                unsure.add(target.platform)
                continue
            try:
                if (account := self._accounts.get(target.platform)) is not None:
                    target = await account.resolve(target)
            except (TargetNotFoundError, TargetGoneError) as error:
                # Each push tries it, so that its report names it.
                level = logging.INFO if subscription.target in self._unknown else logging.WARNING
                log.log(level, "%s is declared and cannot be reached: %s", subscription.target, error)
                unknown.add(subscription.target)
                paused = dataclasses.replace(subscription, state=SubscriptionState.PAUSED, reason=str(error))
                declared.append(paused)
            except SendError as error:
                log.info("%s cannot be looked up now: %s", subscription.target, error)
                unsure.add(subscription.target.platform)
                if isinstance(error, FloodError) and pacer is not None:
                    pacer.note_flood(error, looks)
            else:
                declared.append(dataclasses.replace(subscription, target=target))
        certain = [subscription for subscription in declared if subscription.target.platform not in unsure]
        if self._authority is Authority.ADD:
            unsure |= set(PLATFORMS)
        # Without the role, a command declares, which an admin gives by hand.
        ledger = self._ledger.under(self._role.lease) if self._role.is_held() else self._ledger
        await ledger.subscriptions.declare(certain, unsure)
        await self._ledger.heartbeat.note_declared()
        self.is_done, self._unknown = not unsure, unknown
