"""The words of an episode, part by part, as the team compares two versions of it."""

import functools
import hashlib

from bot.model.correction import Text
from bot.model.document import plain
from bot.model.episode import Episode


# Because the minute's look asks for the same episodes until they change.
@functools.lru_cache(maxsize=64)
def text_of(episode: Episode) -> Text:
    """Return the text of an episode. A version that knows more keys gives a file without them the same digest."""
    whole = episode.model_dump_json(exclude={"path", "status"}, exclude_defaults=True)
    return Text(hashlib.sha256(whole.encode()).hexdigest(), parts_of(episode))


def parts_of(episode: Episode) -> dict[str, str]:
    """Return the words of an episode by the name of each part, as the cards compare them."""
    parts = {
        "title": episode.title,
        "date": str(episode.date),
        "intro": plain(episode.intro),
        "audio": episode.audio or "",
        "page": episode.page or "",
    }
    for segment in episode.segments:
        image = f"{segment.image.alt} {segment.image.url}" if segment.image else ""
        sources = (f"{source.title} {source.url}" for source in segment.sources)
        lines = (segment.title, segment.text, " ".join(segment.hashtags), image, *sources)
        parts[f"#{segment.slug}"] = "\n".join(filter(None, lines))
    return {name: text for name, text in parts.items() if text}
