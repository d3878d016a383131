"""Suggestions for a half-typed argument, the likeliest first.

An exact match comes first, then a beginning, then a match inside a word, the frequent and the recent before the rest; a
similar spelling comes last. People may submit any text all the same: the command answers it.
"""

from __future__ import annotations

import datetime as dt
import functools
import re
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING

from bot.commands.episodes import episodes_near, episodes_with
from bot.commands.request import CommandContext
from bot.commands.table import Argument
from bot.commands.topics import TOPIC_WORDS, parse_topics
from bot.model.text import normalise_topic

if TYPE_CHECKING:
    from bot.content.archive import Archive

NEAR_TOPICS = 5
"""Topics with a similar spelling, after those that fit."""

_BETWEEN = re.compile(r"[\s,;]+")
_EXACT, _BEGINNING, _INSIDE = range(3)


def suggest(context: CommandContext, argument: Argument, typed: str) -> list[tuple[str, str]]:
    """Return the suggestions for a half-typed argument: pairs of the text to show and the text to type."""
    match argument:
        case Argument.EPISODE:
            episodes = episodes_with(context, typed) or episodes_near(context, typed)
            return [(f"{each.number} – {each.title}", str(each.number)) for each in episodes]
        case Argument.TOPICS:
            return [(text, text) for text in _several_topics(context, typed)]
        case Argument.TOPIC:
            return [(topic, topic) for topic in _topics(context, typed)]
        case _:
            return []


def _several_topics(context: CommandContext, typed: str) -> list[str]:
    """Complete the last of several topics, which may have more than one word."""
    archive, pieces = context.archive(), _BETWEEN.split(typed.lstrip(" ,;"))
    last = len(pieces) - 1
    for first in range(max(0, len(pieces) - TOPIC_WORDS), last):
        piece = normalise_topic(" ".join(pieces[first:]))
        if pieces[last] and any(spelling.startswith(piece) for spelling in archive.spellings):
            last = first
            break
    chosen, before = parse_topics(archive, " ".join(pieces[:last]))[0], " ".join(pieces[:last])
    return [f"{before} {topic}".lstrip() for topic in _topics(context, " ".join(pieces[last:]), without=chosen)]


def _topics(context: CommandContext, typed: str, without: Collection[str] = ()) -> list[str]:
    archive, key = context.archive(), normalise_topic(typed)
    places = _places(archive, context.today)
    fits: dict[str, int] = {}
    for spelling, topic in archive.spellings.items():
        if topic in places and topic not in without and key in spelling:
            fit = _EXACT if spelling == key else _BEGINNING if spelling.startswith(key) else _INSIDE
            fits[topic] = min(fit, fits.get(topic, fit))
    fitting = sorted(fits, key=lambda topic: (fits[topic], places[topic]))
    near = archive.nearest_topics(typed, NEAR_TOPICS) if key else []
    found = [*fitting, *(topic for topic in near if topic in places and topic not in {*fits, *without})]
    return [archive.hashtag(topic)[1:] for topic in found]


# Two, because a reload makes a second archive beside the one in use.
@functools.lru_cache(maxsize=2)
def _places(archive: Archive, today: dt.date) -> Mapping[str, int]:
    """Return the rank of each topic: the frequent first, of equally frequent ones the latest."""
    counts = archive.topics(today)
    newest: dict[str, int] = {}
    for episode in archive.published(today):
        for segment in episode.segments:
            for topic in segment.topics:
                newest.setdefault(topic, len(newest))
    ordered = sorted(counts, key=lambda topic: (-counts[topic], newest[topic]))
    return {topic: place for place, topic in enumerate(ordered)}
