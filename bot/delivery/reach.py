"""The reach of the bot: the admins and the channels that the config declares, each tried without a message."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from bot.model.facts import Unreached
from bot.model.subscription import NO_CHOICES, Choices, PlatformName, Target
from bot.platforms.base import RefusedError, SendError, TargetClosedError, TargetGoneError, TargetNotFoundError
from bot.platforms.registry import PLATFORMS, admins_of

if TYPE_CHECKING:
    from bot.config import Config
    from bot.platforms.base import Platform

_VERDICTS = (RefusedError, TargetClosedError, TargetGoneError, TargetNotFoundError)
"""Errors that say of a chat that no message comes there. After every other one, nobody knows."""


def looks_on(platform: PlatformName) -> Target:
    """Return the route of all looks at chats, whose pauses hold up no message."""
    return Target(platform, "/look")


class Addressee(NamedTuple):
    """A chat to which the config wants the bot to write, with its choices."""

    target: Target
    is_admin: bool = False
    choices: Choices = NO_CHOICES

    @property
    def is_person(self) -> bool:
        """Whether the number is one of a person's private chat."""
        number = self.target.chat.lstrip("@")
        return number.isdecimal() and PLATFORMS[self.target.platform].private_chat(int(number)) == self.target.chat

    def unreached(self, code: str, reason: str) -> Unreached:
        """Return the fact that no message comes to the place."""
        return Unreached(self.target, code, reason, is_admin=self.is_admin, is_person=self.is_person)


def addressees(config: Config, platform: PlatformName) -> list[Addressee]:
    """Return the admins, the declared channels and the team's chats on a platform, each once."""
    admins = [Addressee(each, is_admin=True) for each in admins_of(config)[platform]]
    declared = (each for each in config.subscriptions() if each.target.platform == platform)
    channels = [Addressee(each.target, choices=each.choices) for each in declared]
    staff = [Addressee(each.target) for each in config.staff if each.platform == platform]
    return list(dict.fromkeys([*admins, *channels, *staff]))


async def find_out(platform: Platform, place: Addressee) -> Unreached | Sequence[str]:
    """Return why no message comes to the place; if one would, the sentences on choices that cannot be kept there.

    Raises:
        SendError: nobody knows.
    """
    try:
        return await platform.inspect(place.target, place.choices)
    except SendError as error:
        if isinstance(error, _VERDICTS):
            return place.unreached(error.code, str(error))
        raise
