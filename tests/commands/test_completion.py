"""What Discord suggests while somebody types: the likeliest first, and always something sensible."""

from __future__ import annotations

import asyncio
import datetime as dt
from typing import TYPE_CHECKING, cast
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.commands import Argument, CommandContext, Throttle, suggest
from bot.content.archive import Archive
from bot.runtime.clock import Timetable
from tests.delivery.ledger_kit import MONDAY

if TYPE_CHECKING:
    from pathlib import Path

    from bot.model.subscription import Subscriptions

EPISODES = {
    1: ("Twitch s’en va", "twitch", "tiktok"),
    12: ("Les podcasts à l’été", "podcasts", "tiktok", "cinéma"),
    120: ("Netflix et Œdipe", "netflix", "série tv", "tiktok"),
    121: ("Le retour de TikTok", "tiktok", "netflix"),
}


@pytest.fixture(scope="module")
def context(tmp_path_factory: pytest.TempPathFactory) -> CommandContext:
    """Four episodes, the last of which is tomorrow's."""
    return make(tmp_path_factory.mktemp("content"))


def make(folder: Path) -> CommandContext:
    """The context of a show with these episodes; nobody subscribes while typing."""
    for place, (number, (title, *topics)) in enumerate(EPISODES.items()):
        date = MONDAY.date() + dt.timedelta(days=1 - (len(EPISODES) - 1 - place) * 7)
        segments = "".join(f"## Sujet {topic}\n\n#{topic.replace(' ', '-')}\n\nMot{number}.\n\n" for topic in topics)
        text = f"---\nnumber: {number}\ntitle: {title}\ndate: {date}\n---\n\n{segments}"
        (folder / f"{number}.md").write_text(text, encoding="utf-8")
    archive = Archive.load(folder, {"tiktok": ("bytedance", "dance")})
    assert not archive.problems
    return CommandContext(
        show="Le récap",
        archive=lambda: archive,
        subscriptions=cast("Subscriptions", None),
        schedules=["monday"],
        agenda=Timetable([], lambda: MONDAY),
        clock=lambda: MONDAY.astimezone(ZoneInfo("Europe/Paris")),
        throttle=Throttle(lambda: 0.0),
        changing=asyncio.Lock(),
    )


def values(context: CommandContext, argument: Argument, typed: str) -> list[str]:
    """What would be typed by each suggestion."""
    return [value for _shown, value in suggest(context, argument, typed)]


@pytest.mark.parametrize(
    ("typed", "first"),
    [
        ("", ["tiktok", "netflix", "série-tv"]),
        ("t", ["tiktok", "twitch", "netflix"]),
        ("Cinema", ["cinéma"]),
        ("#SÉRIE t", ["série-tv"]),
        ("dance", ["tiktok"]),
        ("byted", ["tiktok"]),
        ("netflux", ["netflix"]),
    ],
)
def test_topics_by_how_well_they_fit(context: CommandContext, typed: str, first: list[str]) -> None:
    """The exact, what begins so, what holds it; the frequent and the recent first; at last what is near."""
    assert values(context, Argument.TOPIC, typed)[: len(first)] == first


@pytest.mark.parametrize(
    ("typed", "first"),
    [
        ("tik", "tiktok"),
        ("tik to", "tiktok"),
        ("netflix tik to", "netflix tiktok"),
        ("netflix, twi", "netflix twitch"),
        ("tiktok ", "tiktok netflix"),
        ("tiktok t", "tiktok twitch"),
        ("netflix serie", "netflix série-tv"),
    ],
)
def test_only_the_last_of_several_topics_is_completed(context: CommandContext, typed: str, first: str) -> None:
    """However many words it has; those that were chosen are not offered again."""
    assert values(context, Argument.TOPICS, typed)[0] == first


@pytest.mark.parametrize(
    ("typed", "numbers"),
    [
        ("", ["120", "12", "1"]),
        ("12", ["12", "120"]),
        ("#12", ["12", "120"]),
        ("oedi", ["120"]),
        ("ete podcasts", ["12"]),
        ("twitch", ["1"]),
        ("mot120", ["120"]),
        ("netflux", ["120"]),
    ],
)
def test_episodes_by_number_title_and_subjects(context: CommandContext, typed: str, numbers: list[str]) -> None:
    """A number, the beginning of one, words of the title or of a subject, or nearly so; never what is not yet out."""
    assert values(context, Argument.EPISODE, typed) == numbers


@given(typed=st.text(max_size=40), argument=st.sampled_from(Argument))
def test_whatever_is_typed_something_can_be_suggested(context: CommandContext, typed: str, argument: Argument) -> None:
    """Nothing that people type is too odd; each suggestion shows something and stands for something."""
    assert all(shown and value for shown, value in suggest(context, argument, typed))


def test_a_topic_that_is_chosen_is_not_suggested_for_another(context: CommandContext) -> None:
    """Not for a similar spelling either."""
    assert values(context, Argument.TOPICS, "netflx") == ["netflix"]
    assert values(context, Argument.TOPICS, "netflix netflx") == []
