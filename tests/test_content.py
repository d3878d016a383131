"""The episodes in `content/`, as both platforms would get them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bot.content.archive import Archive
from bot.content.formatter import Formatter
from bot.model.document import Layout, plain
from bot.model.i18n import Language, words
from bot.platforms.discord.render import render as render_for_discord
from bot.platforms.telegram.render import render as render_for_telegram
from tests.world import CONTENT

if TYPE_CHECKING:
    from bot.model.episode import Episode
    from bot.model.rendering import Rendering

ARCHIVE = Archive.load(CONTENT)

EPISODES = pytest.mark.parametrize("episode", ARCHIVE.episodes, ids=lambda episode: str(episode.number))
LAYOUTS = pytest.mark.parametrize("layout", Layout)


def rendered(episode: Episode, layout: Layout, platform: str) -> Rendering:
    """The episode's messages."""
    document = Formatter("Le récap du lundi", words(Language.FRENCH)).episode(episode, layout=layout)
    assert document is not None
    return (render_for_telegram if platform == "telegram" else render_for_discord)(document)


def test_every_episode_is_in_order() -> None:
    """Nothing to mend, and an archive to look into."""
    assert ARCHIVE.problems == ()
    assert len(ARCHIVE.episodes) >= 3


@EPISODES
def test_every_summary_has_the_length_of_a_summary(episode: Episode) -> None:
    """300 to 900 characters: enough to know, short enough to read on a phone."""
    lengths = {segment.slug: len(plain(segment.summary)) for segment in episode.segments}
    assert {slug: length for slug, length in lengths.items() if not 300 <= length <= 900} == {}


@EPISODES
@LAYOUTS
def test_telegram_understands_every_episode_as_it_is_meant(episode: Episode, layout: Layout) -> None:
    """TDLib's own checks find the same text with the same entities, within the limits."""
    oracle = pytest.importorskip("tests.platforms.telegram.tdlib", reason="TDLib's parser is not installed")
    for message in rendered(episode, layout, "telegram").messages:
        oracle.check(message.body)
        assert 0 < message.used <= message.limit


@EPISODES
@LAYOUTS
def test_discord_takes_every_episode(episode: Episode, layout: Layout) -> None:
    """At most 40 components, nested ones counted, and 4,000 characters in each message."""
    for message in rendered(episode, layout, "discord").messages:
        assert count(message.body["components"]) <= 40
        assert characters(message.body["components"]) <= 4000


def count(components: list[dict[str, object]]) -> int:
    """All components, those inside others included."""
    nested = [component.get("components") for component in components]
    return len(components) + sum(count(inner) for inner in nested if isinstance(inner, list))


def characters(components: list[dict[str, object]]) -> int:
    """The characters of all text displays."""
    own = sum(len(str(component.get("content", ""))) for component in components)
    nested = [component.get("components") for component in components]
    return own + sum(characters(inner) for inner in nested if isinstance(inner, list))
