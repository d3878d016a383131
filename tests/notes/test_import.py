"""Show notes in the shapes that teams write them in, and the draft that comes of each."""

from __future__ import annotations

import datetime as dt
import html
import re

import pytest

from bot.model.document import plain
from bot.model.episode import Status
from bot.model.i18n import Language
from bot.model.text import fold_words, sentences
from tests.notes.drafting import HERE, imported, invented, of_text
from tests.notes.expected import EXPECTED, Expected

FILES = pytest.mark.parametrize("name", EXPECTED)


@FILES
def test_the_subjects_come_out_in_order_with_their_topics_sources_and_images(name: str) -> None:
    """Whatever shape the notes have, as a draft that loads."""
    number, date, subjects = EXPECTED[name]
    _text, episode = imported(name)
    assert (episode.number, episode.date, episode.status) == (number, date, Status.DRAFT)
    assert [
        Expected(
            segment.title,
            segment.topics,
            tuple(source.url for source in segment.sources),
            segment.image.url if segment.image else "",
        )
        for segment in episode.segments
    ] == subjects


@FILES
def test_no_word_is_invented(name: str) -> None:
    """Title, introduction, headings, summaries, descriptions and titles of sources are words of the notes."""
    _text, episode = imported(name)
    assert invented(episode, (HERE / name).read_text(encoding="utf-8")) == set()


@FILES
def test_every_sentence_of_a_summary_stands_in_the_notes(name: str) -> None:
    """Whole, and in the order of the notes."""
    _text, episode = imported(name)
    raw = html.unescape((HERE / name).read_text(encoding="utf-8"))
    notes = " ".join(fold_words(re.sub(r"\]\(\S+\)|</?[a-z][^<>]*>", " ", raw)))
    for segment in episode.segments:
        position = 0
        for sentence in sentences(plain(segment.summary).replace("\n\n", " ")):
            found = notes.find(" ".join(fold_words(sentence)))
            assert found >= position
            position = found


def test_the_points_to_look_at_are_said_in_the_shows_language() -> None:
    """As comments, which the episode does not hold."""
    text, episode = imported("english.txt")
    assert "<!-- À vérifier : la date, que les notes ne donnent pas" in text.replace("\N{NO-BREAK SPACE}", " ")
    text, episode = imported("english.txt", Language.ENGLISH)
    assert "<!-- To check: the date, which the notes do not say" in text
    assert "To check" not in plain((*episode.intro, *(block for each in episode.segments for block in each.summary)))


@pytest.mark.parametrize("name", ["feed.xml", "french-news.txt"])
def test_a_date_that_is_asked_for_is_the_date(name: str) -> None:
    """Whatever the notes say, or do not say: the person who imports them knows when the episode goes out."""
    date = dt.date(2031, 6, 2)
    text, episode = imported(name, date=date)
    assert episode.date == date
    assert "la date, que les notes" not in text


def test_notes_keep_the_typography_of_their_language() -> None:
    """English notes in a French show get no French spaces, and a remark; French ones in it none."""
    notes = "Episode 3: Twitch\n\nTwitch changes\nTwitch is clear: it’s the end of the free channels, and that’s it!\n"
    text, episode = of_text(notes)
    assert "clear: it’s the end of the free channels, and that’s it!" in plain(episode.segments[0].summary)
    assert "la langue des notes, qui n’est pas celle du podcast" in text
    assert "la langue des notes" not in imported("french-news.txt")[0]


def test_a_word_keeps_the_capitals_inside_it() -> None:
    """Of a title in capitals, though the word stands at the beginning of its sentences only."""
    _text, episode = of_text(
        "Épisode 3\n\nTIKTOK EN FRANCE\nTikTok ouvre en France.\n\nDEEZER EN BELGIQUE\nDeezer ferme.\n"
    )
    assert [segment.title for segment in episode.segments] == ["TikTok en France", "Deezer en Belgique"]


def test_one_paragraph_is_an_episode_of_one_subject() -> None:
    """Titled with its first fact, however it begins."""
    told = "Dans cet épisode, nous revenons sur Vine. Vine a été lancé en 2013. Twitter a fermé Vine en 2017."
    _text, episode = of_text(told)
    assert [segment.title for segment in episode.segments] == ["Vine a été lancé en 2013"]


def test_a_subject_begins_with_its_title_rather_than_below_it() -> None:
    """Though the teaser's words stand in a sentence further down."""
    text = (
        "Épisode 3 : Reddit ouvre un musée, Deezer avec Vinted\n\n"
        "Reddit ouvre un musée\nReddit ouvre un musée à Dijon.\nVinted y vend des vestes.\nVinted y chante.\n"
        "Les vestes qui chantent de Vinted\nÀ Rouen, une veste peut chanter.\nDeezer chante avec Vinted.\n"
    )
    _text, episode = of_text(text)
    assert "Rouen" in plain(episode.segments[1].summary)


def test_topics_of_the_archive_come_before_others() -> None:
    """And a topic that the team writes as a hashtag is one."""
    text = (
        "Épisode 3\n\nSnapchat et la messagerie\nSnapchat ajoute une messagerie. La messagerie de Snapchat a un son.\n"
    )
    _text, episode = of_text(text, known=("messagerie",))
    assert episode.segments[0].topics == ("messagerie", "snapchat")


def test_a_list_at_the_top_that_is_told_again_below_announces_the_subjects() -> None:
    """Without a line that says so."""
    text = (
        "🎙 Le récap, épisode 65\n👉 Facebook retire un onglet\n👉 Snapchat fête 15 ans\n\n"
        "👉 Facebook retire un onglet : la décision prend effet en avril à Sydney.\n"
        "👉 Snapchat fête 15 ans : le gâteau pèse 443 kilos à Lyon.\n"
    )
    _text, episode = of_text(text)
    assert [(segment.title, "kilos" in plain(segment.summary)) for segment in episode.segments] == [
        ("Facebook retire un onglet", False),
        ("Snapchat fête 15 ans", True),
    ]


def test_a_title_without_end_makes_no_name_without_end() -> None:
    """Names for links are cut between words."""
    _text, episode = of_text(f"Épisode 3 : {'un long titre ' * 50}\n\nOn change encore de nom à Paris.\n")
    assert (len(episode.title), episode.segments[0].slug) == (200, "un-long-titre-un-long-titre-un-long")


def test_boxes_to_tick_are_no_words() -> None:
    """As in lists of things to do."""
    _text, episode = of_text("Épisode 3\n- [x] Meta range\n- [ ] Zoom dort\n")
    assert [segment.title for segment in episode.segments] == ["Meta range", "Zoom dort"]


def test_an_address_loses_what_tells_who_follows_it() -> None:
    """And stays as it was written otherwise."""
    text = (
        "Épisode 3\n\nMeta change\nMeta change de nom à Paris et à Lyon.\nhttps://a.fr/b?utm_source=x&c=%20d&fbclid=1\n"
    )
    _text, episode = of_text(text)
    assert [source.url for source in episode.segments[0].sources] == ["https://a.fr/b?c=+d"]


@pytest.mark.parametrize("text", ["1. {#netflix}", "Ep 45{#netflix}", "- {#netflix}\n- Meta ferme."])
def test_a_mark_for_links_is_no_title_and_its_words_are(text: str) -> None:
    """Where nothing else is left to make one of."""
    _text, episode = of_text(text)
    assert "netflix" in episode.segments[0].title
