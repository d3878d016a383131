"""What somebody who is still typing may mean."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.commands.table import Argument
from bot.text import fold, normalise_topic

if TYPE_CHECKING:
    from bot.commands.desk import Desk


def suggest(desk: Desk, argument: Argument, typed: str) -> list[tuple[str, str]]:
    """What somebody who has typed so far may mean, best first: pairs of what to show and what to type."""
    archive = desk.archive()
    typed = typed.strip()
    if argument is Argument.EPISODE:
        return [
            (f"{episode.number} – {episode.title}", str(episode.number))
            for episode in archive.published(desk.today)
            if fold(typed) in fold(f"{episode.number} {episode.title}")
        ]
    # Only the last of several topics is still being typed.
    before, _, last = typed.rpartition(" ")
    counts = archive.topics(desk.today)
    key = normalise_topic(last)
    fitting = sorted(
        (topic for topic in counts if key in topic),
        key=lambda topic: (not topic.startswith(key), -counts[topic], topic),
    )
    nearest = fitting or archive.nearest_topics(last)
    prefix = f"{before} " if before and argument is Argument.TOPICS else ""
    return [(f"{prefix}{topic}", f"{prefix}{topic}") for topic in nearest]
