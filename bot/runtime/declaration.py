"""Declaring: the subscriptions that the config names, each under its chat's number."""

from __future__ import annotations

import dataclasses
import logging
from typing import TYPE_CHECKING

from bot.model.subscription import PlatformName
from bot.platforms.base import SendError, TargetGoneError, TargetNotFoundError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable

    from bot.model.subscription import Subscription, Target
    from bot.storage.subscriptions import LedgerSubscriptions

log = logging.getLogger(__name__)


async def declare(
    wanted: Iterable[Subscription],
    resolved: Callable[[Target], Awaitable[Target]],
    subscriptions: LedgerSubscriptions,
) -> bool:
    """Bring the subscriptions in line with those that the config declares; whether all could be looked up.

    A name is `resolved` to its chat's number, so that one chat cannot be subscribed under two names. Where one cannot
    be looked up now, the platform's subscriptions stay as they are.

    Raises:
        LedgerError: the database cannot be used.
    """
    declared, platforms = [], set(PlatformName)
    for subscription in wanted:
        try:
            target = await resolved(subscription.target)
        except (TargetNotFoundError, TargetGoneError) as error:
            log.warning("%s is declared and cannot be reached: %s", subscription.target, error)
        except SendError as error:
            log.info("%s cannot be looked up now: %s", subscription.target, error)
            platforms.discard(subscription.target.platform)
        else:
            declared.append(dataclasses.replace(subscription, target=target))
    certain = [subscription for subscription in declared if subscription.target.platform in platforms]
    await subscriptions.declare(certain, platforms)
    return platforms == set(PlatformName)
