"""The facts about a recap that arrives and lacks something which was chosen."""

from dataclasses import dataclass

from bot.model.facts import AboutPlace, Fact
from bot.model.subscription import PlatformName


class NotPinned(AboutPlace):
    """A recap that arrived and could not be pinned. The one before stays pinned."""

    KEY = "not-pinned {fact.target} {day}"


class NotAsChosen(AboutPlace):
    """A declared channel where the bot lacks a right for one of the channel's choices. Pushes come all the same."""

    KEY = "not-as-chosen {fact.target} {fact.reason} {day}"


@dataclass(frozen=True, slots=True)
class AudioGivenUp(Fact):
    """A recording that a platform cannot get, so that the recap comes with the link to it."""

    KEY = "audio {fact.broadcast} {fact.platform}"
    broadcast: int
    platform: PlatformName
    reason: str
