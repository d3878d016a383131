"""Notes of many hands, programs and formats: the subjects, their links, and where everything else has gone."""

from __future__ import annotations

import datetime as dt
import functools
import re
from pathlib import Path
from typing import TypedDict

import pytest
import yaml
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from bot.content.parser import parse_episode
from bot.model.document import plain
from bot.model.episode import Episode
from bot.model.i18n import Language
from bot.model.problems import InvalidInputError
from bot.model.text import fold_words
from bot.notes.draft import draft
from bot.notes.feed import notes_from_feed
from bot.notes.model import Notes
from bot.notes.reading import read_notes
from tests.notes.drafting import DEFAULTS, HERE, PARIS

HANDS = HERE / "hands"


class Hand(TypedDict, total=False):
    """A row of `hands/expected.yaml`."""

    number: int
    date: str
    left_out: list[str]
    subjects: list[dict[str, list[str]]]


EXPECTED: dict[str, Hand] = yaml.load((HANDS / "expected.yaml").read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)


def _drafted(data: bytes, name: str) -> tuple[Notes, str, Episode]:
    path = Path(name)
    notes = notes_from_feed(data, path, None, PARIS) if path.suffix == ".xml" else read_notes(data, path)
    text = draft(notes, path, language=Language.FRENCH, known=(), defaults=DEFAULTS)
    return notes, text, parse_episode(text, path)


@functools.cache
def _hand(name: str) -> tuple[Notes, str, Episode]:
    return _drafted((HANDS / name).read_bytes(), name)


def _flat(text: str) -> str:
    return " ".join(fold_words(text))


def _told(episode: Episode) -> list[str]:
    return [plain(episode.intro), *(f"{each.title} {plain(each.summary)}" for each in episode.segments)]


def each_subject_has_its_title_and_its_links(name: str) -> None:
    """In the order of the notes, and with the number and the date that the notes say."""
    expected = EXPECTED[name]
    _notes, _text, episode = _hand(name)
    found = [(_flat(each.title), sorted(source.url for source in each.sources)) for each in episode.segments]
    assert found == [(_flat(title), sorted(links)) for row in expected["subjects"] for title, links in row.items()]
    date = dt.date.fromisoformat(expected["date"]) if "date" in expected else DEFAULTS.date
    assert (episode.number, episode.date) == (expected.get("number", DEFAULTS.number), date)


def _simply_split(text: str) -> list[str]:
    """The first line of each block, where blank lines and headings alone begin one."""
    text = re.sub(r"(?m)<h[1-6][^>]*>|^#+ ", "\n\n", re.sub(r"</?(?:p|div|li|br)\b[^>]*>", "\n\n", text))
    blocks = (re.sub(r"<[^>]*>", "", block).strip() for block in re.split(r"\n\s*\n", text))
    return [_flat(block.partition("\n")[0]) for block in blocks if block]


def no_notes_are_cut_worse_than_at_blank_lines_and_headings(name: str) -> None:
    """Cleverness finds as many of the subjects as none at all."""
    data = (HANDS / name).read_bytes()
    wanted = {_flat(title) for row in EXPECTED[name]["subjects"] for title in row}
    _notes, _text, episode = _hand(name)
    found = wanted & {_flat(segment.title) for segment in episode.segments}
    assert len(found) >= len(wanted & set(_simply_split(data.decode(errors="replace"))))


def what_is_no_subject_stands_in_none(name: str) -> None:
    """Ads, calls, greetings, chores, and the lines of programs."""
    _notes, _text, episode = _hand(name)
    told = _flat(" ".join(_told(episode)))
    assert [words for words in EXPECTED[name].get("left_out", []) if _flat(words) in told] == []


def _assert_honest(notes: Notes, text: str, episode: Episode) -> None:
    """Assert that every sentence stands in the notes, and that every link of the notes has a place."""
    raw = _flat(" ".join((notes.title, *(line.text for line in notes.lines))))
    for segment in episode.segments:
        for sentence in re.split(r"[.!?…]\s", plain(segment.summary)):
            assert _flat(sentence) in raw
    words = set(raw.split())
    assert {word for told in _told(episode) for word in fold_words(told)} <= words
    addresses = {link.url for line in notes.lines for link in line.links}
    assert {url for url in addresses if url not in text} == set()


def nothing_is_invented_and_no_link_is_lost(name: str) -> None:
    """A sentence of the draft stands in the notes, and a link of the notes in the draft."""
    _assert_honest(*_hand(name))


def remarks_are_few(name: str) -> None:
    """One for a segment and three for the episode, at most."""
    _notes, text, episode = _hand(name)
    head, *segments = re.split(r"(?m)^## ", text)
    assert head.count("<!--") <= 3
    assert len(segments) == len(episode.segments)
    assert all(segment.count("<!--") <= 1 for segment in segments)


_QUOTED = re.compile(r"« ((?:(?! »).)*) » \((?:ligne|lignes) (\d+)")


def no_remark_is_untrue(name: str) -> None:
    """What the notes do not say, they do not say, and each line that is quoted stands where the remark says."""
    expected = EXPECTED[name]
    notes, text, _episode = _hand(name)
    text = re.sub("[\\N{NO-BREAK SPACE}\\N{NARROW NO-BREAK SPACE}]", " ", text)
    assert ("le numéro, que les notes ne donnent pas" in text) == ("number" not in expected)
    assert ("la date, que les notes ne donnent pas" in text) == ("date" not in expected)
    linked = [bool(links) for row in expected["subjects"] for links in row.values()]
    segments = re.split(r"(?m)^## ", text)[1:]
    assert not any("il manque la source" in segment for segment, has in zip(segments, linked, strict=True) if has)
    lines = notes.source.split("\n")
    for quote, number in _QUOTED.findall(text):
        first = _flat(quote).split()[:3]
        assert first == [] or first[0] in _flat(lines[int(number) - 1]).split()


# Because a draft takes far longer than what is asked of it, each is made in one test.
@pytest.mark.parametrize("name", EXPECTED)
def test_a_draft_is_right(name: str) -> None:
    """In all that a team looks for."""
    each_subject_has_its_title_and_its_links(name)
    what_is_no_subject_stands_in_none(name)
    no_notes_are_cut_worse_than_at_blank_lines_and_headings(name)
    nothing_is_invented_and_no_link_is_lost(name)
    remarks_are_few(name)
    no_remark_is_untrue(name)


def test_remarks_are_worth_their_place() -> None:
    """Three for a draft in the mean of every fifth."""
    counts = [_hand(name)[1].count("À vérifier") for name in list(EXPECTED)[::5]]
    assert sum(counts) <= 3 * len(counts)


_TEXTS = [
    (HANDS / name).read_text(encoding="utf-8") for name in EXPECTED if name.endswith(".txt") and "1252" not in name
]
_LINES = sorted({line for text in _TEXTS for line in text.splitlines()})


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.sampled_from(_LINES), min_size=1, max_size=30))
@example(
    ["Cette semaine, l’épisode est soutenu par Torréa, le VPN des cafés, sur https://a.example/vpn", "LA MATINALE"]
)
def test_whatever_the_notes_nothing_is_invented_and_no_link_is_lost(lines: list[str]) -> None:
    """Notes shuffled from the lines of all the others."""
    try:
        found = _drafted("\n".join(lines).encode(), "notes.txt")
    except InvalidInputError:
        return
    _assert_honest(*found)
