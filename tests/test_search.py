"""The index of words: as good as reading everything, and as good after changes as if made anew."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from bot.content.folder import SegmentWords, Version
from bot.content.search import WordIndex, is_match, wanted

LETTERS = st.text("abc", min_size=1, max_size=4)


@dataclasses.dataclass(frozen=True, eq=False)
class File(Version):
    """A file of which only the words matter."""

    segments: tuple[SegmentWords, ...] = ()

    @property
    def words(self) -> tuple[SegmentWords, ...]:
        """The words of each segment."""
        return self.segments


SPACED = st.lists(LETTERS, max_size=4).map(lambda found: f" {' '.join(found)} ")
FILES = st.builds(
    lambda segments: File(None, None, segments=tuple(segments)),
    st.lists(st.builds(SegmentWords, SPACED, SPACED), max_size=3),
)
FOLDERS = st.dictionaries(st.sampled_from([Path(name) for name in ("a.md", "b.md", "c.md", "d.md")]), FILES)


def topics(version: Version) -> list[frozenset[str]]:
    """Every segment is on one topic."""
    return [frozenset({"cab"}) for _segment in version.words]


@given(FOLDERS, FOLDERS, FOLDERS, st.lists(LETTERS, min_size=1, max_size=3))
def test_the_index_finds_what_reading_everything_finds(
    first: dict[Path, File], second: dict[Path, File], third: dict[Path, File], typed: list[str]
) -> None:
    """Whatever changed before: files that came, went and changed leave no trace but what they say now."""
    searched = wanted(" ".join(typed))
    old = WordIndex().updated(first, topics)
    before = old.find(searched)
    index = old.updated({**first, **second}, topics).updated(third, topics)
    found = index.find(searched)
    assert found == WordIndex().updated(third, topics).find(searched)
    assert found.keys() == {
        (path, number)
        for path, file in third.items()
        for number, segment in enumerate(file.words)
        if all(
            any(is_match(word, each) for word in [*segment.title.split(), *segment.text.split(), "cab"])
            for each in searched
        )
    }
    assert old.find(searched) == before


def test_nothing_is_read_again_when_nothing_changed() -> None:
    """The index of the same versions is the very same."""
    files = {Path("a.md"): File(None, None, segments=(SegmentWords(" un ", " deux "),))}
    index = WordIndex().updated(files, topics)
    assert index.updated(dict(files), topics) is index
