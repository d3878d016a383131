"""Finding segments to share, while somebody types in a chat where the bot is not."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.commands.episodes import LINK
from bot.model.text import normalise_topic

if TYPE_CHECKING:
    from bot.commands.request import CommandContext
    from bot.model.episode import Episode, Segment


def to_share(context: CommandContext, typed: str) -> list[tuple[Episode, Segment]]:
    """The segments that somebody may want to share who typed this, the likeliest first.

    Nothing stands for the newest episode, `1207` for that one, `1207-netflix` for a segment of it; anything else is a
    topic, or words to search.
    """
    archive, today = context.archive(), context.today
    reference = LINK.fullmatch(typed.strip())
    if reference or not normalise_topic(typed):
        number = int(reference["number"]) if reference else None
        published = archive.published(today)
        episode = next((each for each in published if number in {None, each.number}), None)
        wanted = reference and reference["segment"]
        if episode is None:
            return []
        return [(episode, each) for each in episode.segments if wanted in {None, each.slug, str(each.number)}]
    topic = archive.resolve_topic(typed)
    return (archive.topic(topic, today) if topic else []) or archive.search(typed, today)
