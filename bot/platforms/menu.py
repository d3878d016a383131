"""The offer of the menu of commands to a platform, again and again until it is taken."""

import asyncio
import itertools
import logging
from collections.abc import Awaitable, Callable

from bot.model.facts import Ability
from bot.platforms.base import OnAbility, SendError

log = logging.getLogger(__name__)

MENU_DELAYS = (5.0, 30.0, 120.0, 600.0)
"""Seconds after which a refused menu of commands is offered again; the last one from then on."""


async def offer_menu(step: Callable[[], Awaitable[None]], on_ability: OnAbility) -> None:
    """Have the platform take the menu of commands by the step, again and again until it does.

    The commands work without their menu, and Discord keeps the one that it has.
    """
    for delay in itertools.chain(MENU_DELAYS, itertools.repeat(MENU_DELAYS[-1])):
        wait = delay
        try:
            await step()
        except SendError as error:
            log.warning("The menu of commands is not accepted: %s; next try in %g s", error, delay)
            on_ability(Ability.MENU, str(error))
            wait = max(wait, error.retry_after)
        except Exception as error:
            log.exception("The menu of commands is not accepted; next try in %g s", delay)
            on_ability(Ability.MENU, type(error).__name__)
        else:
            on_ability(Ability.MENU, "")
            return
        await asyncio.sleep(wait)
