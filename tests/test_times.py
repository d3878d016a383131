"""The time at which a subject begins in the recording: written, read, shown as a link, drafted from notes."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.content.formatter import Formatter
from bot.content.parser import parse_episode
from bot.model.address import at_second
from bot.model.document import Block, Document, Heading, Note, Paragraph, Span
from bot.model.episode import Episode, Segment, seconds_in, time_of
from bot.model.i18n import Language, words
from bot.model.text import NO_BREAK_SPACE
from bot.platforms.discord.markdown import write as in_markdown
from tests.notes.drafting import of_text
from tests.test_cures import episode, problems
from tests.test_review import said
from tests.test_review import write as write_episode

AUDIO = "https://example.org/1207.mp3"
PLAY = f"▶{NO_BREAK_SPACE}"


def segment(mark: str) -> Segment:
    """The segment whose title ends with the mark."""
    return parse_episode(episode(f"## Un {mark}\n\nTexte."), Path("1207.md")).segments[0]


def shown(audio: str | None, page: str | None = None, *, begins: int = 754) -> Document:
    """The recap of an episode whose only subject begins then."""
    subject = Segment(number=1, slug="un", title="Un", summary=(Paragraph((Span("Texte."),)),), begins=begins)
    made = Episode(
        number=1207,
        title="Titre",
        date=dt.date(2024, 11, 4),
        audio=audio,
        page=page,
        segments=(subject,),
        path=Path("1207.md"),
    )
    document = Formatter("Le récap", words(Language.FRENCH)).episode(made)
    assert document is not None
    return document


def title(document: Document) -> Block:
    """The title of the first subject."""
    return document.sections[1].blocks[0]


@pytest.mark.parametrize(
    ("mark", "slug", "begins"),
    [
        ("{#netflix at=12:34}", "netflix", 754),
        ("{#netflix at=1:02:03}", "netflix", 3723),
        ("{#netflix  at=75:10 }", "netflix", 4510),
        ("{#netflix at=0:00}", "netflix", 0),
        ("{#at=12:34}", "un", 754),
        ("{#netflix}", "netflix", None),
        ("{# netflix }", "netflix", None),
        ("", "un", None),
    ],
)
def test_the_time_stands_behind_the_name_for_links(mark: str, slug: str, begins: int | None) -> None:
    """A file of 0.1.0, which has no times, means the same."""
    found = segment(mark)
    assert (found.title, found.slug, found.begins) == ("Un", slug, begins)


def test_a_time_without_a_name_for_links_stays_a_part_of_the_title(tmp_path: Path) -> None:
    """So it was in 0.1.0. Because nobody means that, `check` says where the time goes."""
    assert segment("{at=12:34}").title == "Un {at=12:34}"
    write_episode(tmp_path, "## Un {at=12:34}\n\n#tiktok\n\nTexte.")
    assert said(tmp_path) == ["8: the title shows '{at=12:34}' to everybody"]


@pytest.mark.parametrize(
    ("mark", "cure"),
    [
        ("{#un at=12h34}", "Write {#un at=12:34}"),
        ("{#un at=12.34}", "Write {#un at=12:34}"),
        ("{#un AT = 12:34}", "Write {#un at=12:34}"),
        ("{#un at='1:02:03'}", "Write {#un at=1:02:03}"),
        ("{#un 12:34}", "Write {#un at=12:34}"),
        ("{#un t=12:34}", "Write {#un at=12:34}"),
        ("{#un} {at=12:34}", "Write '## Un {#un at=12:34}'"),
        ("{#un at=12:3}", "Write minutes and seconds"),
        ("{#un at=12:60}", "Write minutes and seconds"),
        ("{#un at=1:60:00}", "Write minutes and seconds"),
        ("{#un at=754}", "Write minutes and seconds"),
        ("{#un at=}", "Write minutes and seconds"),
        ("{#un at=١٢:٣٤}", "Write minutes and seconds"),
        ("{#Un deux at=12:34}", "Write {#un-deux at=12:34}"),
    ],
)
def test_a_mistake_in_a_time_is_told_with_its_line_and_cure(mark: str, cure: str) -> None:
    """A time is never guessed. A cure in literal words ends the mistake."""
    text = episode(f"## Un {mark}\n\nTexte.")
    (problem,) = problems(text)
    assert (problem.line, problem.cure[: len(cure)]) == (7, cure)
    if problem.change:
        changed = problem.change.applied(text)
        assert changed is not None
        assert problems(changed) == ()


@given(st.integers(0, 100 * 3600 - 1))
def test_every_time_is_read_as_it_is_written(seconds: int) -> None:
    """From zero to ninety-nine hours."""
    assert seconds_in(time_of(seconds)) == seconds


@pytest.mark.parametrize(
    ("audio", "page", "address"),
    [
        (AUDIO, None, f"{AUDIO}#t=754"),
        (f"{AUDIO}?a=b#c", None, f"{AUDIO}?a=b#t=754"),
        ("https://youtu.be/abc?t=3", None, "https://youtu.be/abc?t=754"),
        ("https://m.youtube.com/watch?v=a&start=1", None, "https://m.youtube.com/watch?v=a&t=754"),
        ("https://open.spotify.com/episode/1", None, "https://open.spotify.com/episode/1?t=754"),
        (None, "https://www.youtube.com/watch?v=a", "https://www.youtube.com/watch?v=a&t=754"),
        (None, "https://youtube.com.example.org/a", None),
        (None, None, None),
    ],
)
def test_a_time_is_a_link_into_the_recording(audio: str | None, page: str | None, address: str | None) -> None:
    """Into the audio file, or a player that is known to begin anywhere; without either it is text."""
    assert title(shown(audio, page)) == Heading((Span("1. Un"), Span(" "), Span(f"{PLAY}12:34", url=address)))


def test_a_subject_by_itself_says_when_it_begins() -> None:
    """Behind its episode and date."""
    made = parse_episode(
        episode("## Un {#un at=12:34}\n\nTexte.").replace("date:", f"audio: {AUDIO}\ndate:"), Path("1207.md")
    )
    document = Formatter("Le récap", words(Language.FRENCH)).segment(made, made.segments[0])
    time = Span(f"{PLAY}12:34", url=at_second(AUDIO, 754))
    assert document.sections[0].blocks[1] == Note((Span("Épisode 1207 · lundi 4 novembre 2024"), Span(" · "), time))


def test_a_time_beyond_an_hour_is_one_link_on_discord() -> None:
    """Although two colons with letters between them would be an emoji by name."""
    assert in_markdown([title(shown(AUDIO, begins=3723))]).endswith(f"[1:02:03]({AUDIO}#t=3723)")


def test_times_that_cannot_be_right_are_told(tmp_path: Path) -> None:
    """A subject before the one above it, and times of an episode without a recording."""
    write_episode(tmp_path, "## Un {#un at=12:34}\n\n#a\n\nTexte.\n\n## Deux {#deux at=3:00}\n\n#a\n\nAutre.")
    assert said(tmp_path)[1:] == [
        "8: the times lead nowhere, because the episode has no audio",
        "14: the subject begins at 3:00, before the one above, which begins at 12:34",
    ]


CHAPTERS = (
    "Épisode 1300\n\nChapitres\n{}\n\nNetflix lance Moments\n\nNetflix laisse partager une scène avec ses amis, par un "
    "lien qui y mène tout droit.\n\nTelegram au milliard\n\nTelegram compte un milliard de personnes qui se parlent "
    "chaque mois.\n"
)


def test_chapters_of_the_notes_give_the_draft_its_times() -> None:
    """They stand where an episode file has them."""
    text, made = of_text(CHAPTERS.format("00:30 Netflix lance Moments\n1:02:03 Telegram au milliard"))
    assert "## Netflix lance Moments {#netflix at=0:30}" in text
    assert [each.begins for each in made.segments] == [30, 3723]


def test_times_in_no_order_are_no_times_of_a_recording() -> None:
    """They stay in a remark, for a person to look at."""
    text, made = of_text(CHAPTERS.format("12:30 Netflix lance Moments\n00:15 Telegram au milliard"))
    assert [each.begins for each in made.segments] == [None, None]
    assert "<!-- 12:30 " in text
