"""What is read as show notes, from a file or a feed, and what is refused."""

from __future__ import annotations

import dataclasses
import datetime as dt
import html
import json
from pathlib import Path

import pytest

from bot.content.parser import parse_episode
from bot.content.rss import chapters_in
from bot.model.document import plain
from bot.model.i18n import Language
from bot.model.problems import InvalidInputError
from bot.notes.draft import draft
from bot.notes.feed import notes_from_feed
from bot.notes.reading import read_notes
from tests.notes.drafting import DEFAULTS, HERE, PARIS


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "no words"),
        (b"\n \n", "no words"),
        (b"\x89PNG\r\n\x1a\n\x00\x00", "not a text file"),
        (b"12 34 %%%", "no words"),
        (b"a" * 10_000_000, "longer than 100,000 characters"),
        (("é" * 5_000_000).encode()[:-1], "longer than 100,000 characters"),
        (b"a" * 100_001, "longer than 100,000 characters"),
        (b"<script>alert(1)</script>", "no words"),
        (b"%PDF-1.4\n%\xe2\xe3", "this is a PDF"),
        (b"PK\x03\x04\x14\x00", "an office program or an archive"),
        (b'<?xml version="1.0"?>\n<rss version="2.0">', "this is a feed"),
        (b"---\ntitle: Un titre\nnumber: 3\n---\n\n## Un\n\nTexte.\n", "an episode file already"),
        (b'{"episode": 3}', "data for programs"),
        (b"numero;sujet;lien\n3;TikTok;https://a.fr\n", "rows of a table"),
    ],
)
def test_what_cannot_be_understood_is_refused_with_a_cure(data: bytes, reason: str) -> None:
    """Never a wrong file in silence."""
    with pytest.raises(InvalidInputError, match=reason) as caught:
        read_notes(data, Path("notes.txt"))
    assert all(problem.cure for problem in caught.value.problems)


def test_notes_in_utf_16_are_read() -> None:
    """What Windows calls Unicode says so by its first bytes."""
    text = (HERE / "single.txt").read_text(encoding="utf-8")
    assert read_notes(text.encode("utf-16"), Path("notes.txt")) == read_notes(text.encode(), Path("notes.txt"))


@pytest.mark.parametrize(
    ("data", "number", "reason"),
    [
        (b"no feed", None, "no episode in this feed"),
        (b"", None, "no episode in this feed"),
        ((HERE / "feed.xml").read_bytes(), 99, "no episode 99"),
        (b" " * 20_000_001, None, "too large"),
    ],
)
def test_feeds_that_do_not_help(data: bytes, number: int | None, reason: str) -> None:
    """No feed, or not the episode that was asked for, which is told with what there is."""
    with pytest.raises(InvalidInputError, match=reason):
        notes_from_feed(data, Path("feed.xml"), number, PARIS)


def test_an_episode_of_a_feed_is_found_by_the_number_in_its_title() -> None:
    """Where the feed does not state it."""
    notes = notes_from_feed((HERE / "feed.xml").read_bytes(), Path("feed.xml"), 13, PARIS)
    assert (notes.number, notes.title) == (13, "Épisode 13 : Uber chante")


@pytest.mark.parametrize("newest", range(3))
def test_the_newest_of_a_feed_is_the_one_of_the_latest_date(newest: int) -> None:
    """Wherever the item stands: some hosts list the oldest first, or pin an old one on top."""
    days = [1 + (place - newest) % 3 for place in range(3, 0, -1)]
    latest = max(days)
    items = "".join(
        f"<item><title>Épisode {day}</title><description>Netflix change de prix ce mois-ci.</description>"
        f"<pubDate>{dt.date(2025, 5, day):%a, %d %b %Y} 05:00:00 GMT</pubDate></item>"
        for day in days
    )
    feed = f"<rss><channel>{items}</channel></rss>".encode()
    assert notes_from_feed(feed, Path("feed.xml"), None, PARIS).title == f"Épisode {latest}"


def test_a_number_that_is_known_is_changed_by_no_title() -> None:
    """The feed states the one, and the title tells of another episode, or of a season."""
    notes = read_notes("Uber chante\n\nUber chante à Metz depuis mardi.\n".encode(), path := Path("notes.txt"))
    notes = dataclasses.replace(notes, title="Épisode 12 : Uber chante", number=1207)
    assert parse_episode(draft(notes, path, language=Language.FRENCH, known=(), defaults=DEFAULTS), path).number == 1207


def test_notes_of_a_feed_in_plain_text_keep_their_lines() -> None:
    """Few hosts write them so, and HTML knows no line ends."""
    teaser = "Au programme :\n- Reddit danse\n- Zoom dort\n\n"
    text = f"{teaser}Reddit danse\nReddit danse à L&amp;rsquo;Isle.\n\nZoom dort\nZoom dort à Metz."
    feed = f"<rss><channel><item><title>Épisode 70</title><description>{text}</description></item></channel></rss>"
    path = Path("feed.xml")
    notes = notes_from_feed(feed.encode(), path, None, PARIS)
    drafted = draft(notes, path, language=Language.FRENCH, known=(), defaults=DEFAULTS)
    first, second = parse_episode(drafted, path).segments
    assert (first.title, plain(first.summary)) == ("Reddit danse", "Reddit danse à L’Isle.")
    assert second.title == "Zoom dort"


def test_an_episode_of_a_feed_without_notes_is_refused_by_the_name_of_the_feed() -> None:
    """Not by that of a file that nobody has."""
    feed = b"<rss><channel><item><title>Un titre</title></item></channel></rss>"
    with pytest.raises(InvalidInputError, match=r"feed\.xml: there are no words in these notes"):
        notes_from_feed(feed, Path("feed.xml"), None, PARIS)


def _item(title: str, day: int, *more: str) -> str:
    """An item of a feed, published on a day of May."""
    date = f"<pubDate>{dt.date(2025, 5, day):%a, %d %b %Y} 05:00:00 GMT</pubDate>"
    text = "<description>Netflix change de prix ce mois-ci dans dix pays.</description>"
    return f"<item><title>{title}</title>{text}{date}{''.join(more)}</item>"


def _feed(*items: str) -> bytes:
    spaces = 'xmlns:itunes="http://www.itunes.com/dtds/podcast-1.0.dtd" '
    spaces += 'xmlns:podcast="https://podcastindex.org/namespace/1.0"'
    return f"<rss {spaces}><channel>{''.join(items)}</channel></rss>".encode()


def test_a_trailer_is_not_the_newest_episode() -> None:
    """The draft says that it was left aside."""
    kind = "<itunes:episodeType>trailer</itunes:episodeType>"
    path = Path("feed.xml")
    notes = notes_from_feed(_feed(_item("Épisode 3", 1), _item("Bientôt", 2, kind)), path, None, PARIS)
    text = draft(notes, path, language=Language.FRENCH, known=(), defaults=DEFAULTS)
    assert parse_episode(text, path).number == 3
    assert "Bientôt" in text.partition("-->")[0]


def test_of_two_seasons_the_newest_episode_of_a_number_is_meant() -> None:
    """Because each may count from 1; the season stands in the title, or beside it."""
    feed = _feed(_item("S01E04 Un", 1), _item("S02E04 Deux", 20), _item("S02E05 Trois", 27))
    assert notes_from_feed(feed, Path("feed.xml"), 4, PARIS).title == "S02E04 Deux"


def test_a_title_that_a_host_escaped_twice_is_read() -> None:
    """As people would write it."""
    feed = _feed(_item("Épisode 3 : le pain &amp;amp; l’eau", 1))
    assert notes_from_feed(feed, Path("feed.xml"), None, PARIS).title == "Épisode 3 : le pain & l’eau"


def test_chapters_of_podcasting_2_are_the_times_of_the_subjects() -> None:
    """They are found at their address, and aligned with the text."""
    text = html.escape("<h3>Netflix change</h3><p>Les prix montent.</p><h3>Zoom dort</h3><p>Zoom dort à Metz.</p>")
    page = '<podcast:chapters url="https://a.example/3.json" type="application/json+chapters"/>'
    feed = _feed(f"<item><title>Épisode 3</title><description>{text}</description>{page}</item>")
    path = Path("feed.xml")
    notes = notes_from_feed(feed, path, None, PARIS)
    assert notes.chapters_page == "https://a.example/3.json"
    told = ((0, "Intro"), (84.5, "Netflix change"), (754, "Zoom"))
    data = json.dumps({"chapters": [{"startTime": start, "title": title} for start, title in told]}).encode()
    notes = dataclasses.replace(notes, chapters=chapters_in(data))
    drafted = draft(notes, path, language=Language.FRENCH, known=(), defaults=DEFAULTS)
    segments = parse_episode(drafted, path).segments
    assert [(each.title, each.begins) for each in segments] == [("Netflix change", 84), ("Zoom dort", 754)]


@pytest.mark.parametrize("data", [b"", b"[]", b'{"chapters": 3}', b'{"chapters": [{"title": "a"}]}', b"\xff"])
def test_data_without_chapters_have_none(data: bytes) -> None:
    """Whatever stands at their address."""
    assert chapters_in(data) == ()


def test_a_head_of_another_program_gives_its_facts() -> None:
    """In YAML, TOML or JSON."""
    body = "\n## Un\n\nNetflix change de prix.\n\n## Deux\n\nZoom dort à Metz.\n"
    heads = (
        '---\nlayout: post\nnumber: 311\ntitle: "Ep. 311: The Jury"\ndate: 2025-03-10 06:00:00 +0200\n---\n',
        '+++\ntitle = "Ep. 311: The Jury"\ndate = 2025-03-10T06:00:00Z\n+++\n',
        '{\n"title": "Ep. 311: The Jury",\n"date": "2025-03-10"\n}\n',
    )
    for head in heads:
        path = Path("notes.md")
        notes = read_notes((head + body).encode(), path)
        text = draft(notes, path, language=Language.FRENCH, known=(), defaults=DEFAULTS)
        episode = parse_episode(text, path)
        assert (episode.number, episode.date, episode.title) == (311, dt.date(2025, 3, 10), "The Jury")
