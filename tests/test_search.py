"""The index of words, which finds what reading everything would find."""

from __future__ import annotations

from hypothesis import example, given
from hypothesis import strategies as st

from bot.content.search import SegmentWords, WordIndex, is_match, wanted

LETTERS = st.text("abc", min_size=1, max_size=4)
SPACED = st.lists(LETTERS, max_size=4).map(" ".join)


def score(segment: SegmentWords, word: str) -> float:
    """Return how much a word counts in a segment on the topic `cab`, by reading all words of the segment."""
    fields = ((8, segment.title.split()), (6, ["cab"]), (2, segment.text.split()))
    scores = {
        each: (1 if each == word else 0.5) * sum(weight for weight, found in fields if each in found)
        for _weight, words in fields
        for each in words
        if is_match(each, word)
    }
    return scores.get(word) or max(scores.values(), default=0)


SEGMENTS = st.lists(st.builds(SegmentWords, SPACED, SPACED), max_size=6)


@given(SEGMENTS, SEGMENTS, st.lists(LETTERS, max_size=3))
@example([SegmentWords("cab cabb", "cab")], [], ["cab"])
@example([SegmentWords("aaab", "aaac aaab")], [], ["aaa"])
@example([SegmentWords("a", "b")] * 2, [SegmentWords("b", "a")], ["a", "b"])
def test_the_index_finds_what_reading_everything_finds(
    segments: list[SegmentWords], others: list[SegmentWords], typed: list[str]
) -> None:
    """A segment with all the words, by the sum of their weights; a word that is only begun counts half."""
    searched = wanted(" ".join(typed))
    scores = {place: [score(segment, word) for word in searched] for place, segment in enumerate(segments)}
    expected = {place: sum(found) for place, found in scores.items() if searched and all(found)}
    assert WordIndex((segment, ("cab",)) for segment in segments).find(searched) == expected
    # The same of segments that stood elsewhere before, among others that are gone.
    former = WordIndex((segment, ("cab",)) for segment in (*others, *reversed(segments[1:])))
    before = former.find(searched)
    assert WordIndex(((segment, ("cab",)) for segment in segments), former).find(searched) == expected
    assert former.find(searched) == before
