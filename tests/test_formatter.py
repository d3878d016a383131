"""The core formatter: what a push says, and in which order."""

from __future__ import annotations

import datetime as dt
import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.content.formatter import Formatter
from bot.model.document import (
    Button,
    CommandButton,
    Document,
    Heading,
    Layout,
    LinkButton,
    Note,
    Paragraph,
    Picture,
    ShareButton,
    Span,
    plain,
)
from bot.model.episode import Episode, Segment, Source
from bot.model.i18n import Language, words
from bot.platforms.discord import render as discord
from bot.platforms.telegram import render as telegram

PICTURE = Picture("https://example.org/picture.jpg", "Une photo")


def segment(number: int, *topics: str, picture: Picture | None = None) -> Segment:
    """A segment with one source of its own."""
    return Segment(
        number=number,
        slug=f"sujet-{number}",
        title=f"Sujet {number}",
        topics=topics,
        summary=(Paragraph((Span(f"Résumé {number}."),)),),
        sources=(Source(title=f"Source {number}", url=f"https://example.org/{number}"),),
        image=picture,
    )


EPISODE = Episode(
    number=1207,
    title="Netflix, TikTok et le reste",
    date=dt.date(2024, 11, 4),
    intro=(Paragraph((Span("Bonjour."),)),),
    audio="https://example.org/1207.mp3",
    page="https://example.org/1207",
    segments=(segment(1, "netflix"), segment(2, "tiktok", "musique", picture=PICTURE), segment(3, "tiktok")),
    path=Path("1207.md"),
)
FORMATTER = Formatter("Le récap du lundi", words(Language.FRENCH))


def recap(*topics: str, layout: Layout = Layout.DIGEST) -> Document:
    """The episode's document; the test needs one."""
    document = FORMATTER.episode(EPISODE, topics=topics, layout=layout)
    assert document is not None
    return document


def headings(document: Document) -> list[str]:
    """The titles in the document, in order."""
    return [plain((block,)) for section in document.sections for block in section.blocks if isinstance(block, Heading)]


def test_a_recap_opens_with_the_episode_and_goes_through_its_segments() -> None:
    """Title, show, number, date and intro first; then every segment under its number and title."""
    document = recap()
    assert headings(document) == ["Netflix, TikTok et le reste", "1. Sujet 1", "2. Sujet 2", "3. Sujet 3"]
    opening = plain(document.sections[0].blocks)
    assert "Le récap du lundi · épisode 1207 · lundi 4 novembre 2024" in opening
    assert opening.endswith("Bonjour.")


def test_a_segment_ends_with_its_sources_as_links() -> None:
    """The summary, then the picture, then every source with its address."""
    blocks = recap().sections[2].blocks
    assert blocks[-2] == PICTURE
    assert blocks[-1] == Note((Span("Source\u00a0: "), Span("Source 2", url="https://example.org/2")))


def test_chosen_topics_leave_only_their_segments_with_the_episodes_numbers() -> None:
    """Who asked for tiktok gets segments 2 and 3 by those numbers, and is told what else there is."""
    document = recap("tiktok")
    assert headings(document)[1:] == ["2. Sujet 2", "3. Sujet 3"]
    assert "Vos thèmes\u00a0: 2 sujets sur 3." in plain(document.sections[0].blocks)
    assert CommandButton("L’autre sujet", "rest", "1207-1") in document.buttons


def test_nothing_is_said_to_somebody_whose_topics_did_not_come_up() -> None:
    """No segment, no push."""
    assert FORMATTER.episode(EPISODE, topics=["mastodon"]) is None


def test_a_digest_previews_the_first_picture_and_nothing_else() -> None:
    """One preview is enough below one message; a picture is worth more than a source's page."""
    previews = [section.preview for section in recap().sections]
    assert previews == [None, None, PICTURE.url, None]


def test_without_a_picture_a_digest_previews_the_first_source() -> None:
    """The first source stands in for the picture."""
    assert [section.preview for section in recap("netflix").sections] == [None, "https://example.org/1"]


def test_in_the_layout_of_segments_each_message_has_a_preview_of_its_own() -> None:
    """A message per segment, with that segment's picture or first source."""
    document = recap(layout=Layout.SEGMENTS)
    assert document.layout is Layout.SEGMENTS
    assert [section.preview for section in document.sections] == [
        None,
        "https://example.org/1",
        PICTURE.url,
        "https://example.org/3",
    ]


def test_audio_and_page_are_buttons() -> None:
    """What the episode links to as a whole stands below it."""
    assert recap().buttons == (
        LinkButton("🎧 Écouter", "https://example.org/1207.mp3"),
        LinkButton("La page de l’épisode", "https://example.org/1207"),
    )


def test_a_segment_alone_leads_to_its_episode() -> None:
    """A segment shown by itself says where it comes from and offers the rest."""
    document = FORMATTER.segment(EPISODE, EPISODE.segments[0])
    assert "Épisode 1207 · lundi 4 novembre 2024" in plain(document.sections[0].blocks)
    assert document.buttons == (
        CommandButton("Tout l’épisode 1207", "episode", "1207"),
        ShareButton("Partager", "1207-sujet-1", "Sujet 1"),
    )


@pytest.mark.parametrize("count", [2, 5, 18, 40, 120])
def test_the_button_to_the_other_subjects_fits_whatever_their_number(count: int) -> None:
    """Their numbers as far as a button carries them; beyond that, the whole episode. Both platforms take the push."""
    others = tuple(segment(number, "musique") for number in range(2, count + 1))
    long = EPISODE.model_copy(update={"number": 123_456_789, "segments": (segment(1, "netflix"), *others)})
    document = FORMATTER.episode(long, topics=["netflix"])
    assert document is not None
    (button,) = (each for each in document.buttons if isinstance(each, CommandButton))
    numbers = "-".join(str(number) for number in range(2, count + 1))
    assert button.argument in {f"123456789-{numbers}", "123456789"}
    assert button.argument != "123456789" or count > 5
    for render in (telegram.render, discord.render):
        assert render(document).messages


def doors(document: Document | None) -> list[Button]:
    """The buttons below a document that there is."""
    assert document is not None
    return list(document.buttons)


def test_below_an_answer_stands_no_doorway() -> None:
    """Only a push has buttons to each subject, to the settings and out."""
    assert [button.label for button in recap("netflix").buttons] == [
        "🎧 Écouter",
        "La page de l’épisode",
        "Les 2 autres sujets",
    ]


def test_a_push_in_a_private_chat_leads_on() -> None:
    """To the recording, each of its subjects, the others, the settings, and out."""
    audio, page, *commands = doors(FORMATTER.episode(EPISODE, topics=["tiktok"], in_private=True))
    assert [button.label for button in (audio, page)] == ["🎧 Écouter", "La page de l’épisode"]
    assert commands == [
        CommandButton("2. Sujet 2", "segment", "1207-sujet-2", opens_row=True),
        CommandButton("3. Sujet 3", "segment", "1207-sujet-3"),
        CommandButton("L’autre sujet", "rest", "1207-1"),
        CommandButton("Réglages", "settings", opens_row=True),
        CommandButton("Arrêter", "unsubscribe"),
    ]


def test_a_push_elsewhere_answers_each_person_alone() -> None:
    """Nobody's settings and nobody's way out, but the way to a chat with the bot."""
    commands = doors(FORMATTER.episode(EPISODE, topics=["tiktok"], in_private=False))[2:]
    assert commands == [
        CommandButton("2. Sujet 2", "segment", "1207-sujet-2", opens_row=True, private_link="1207-sujet-2"),
        CommandButton("3. Sujet 3", "segment", "1207-sujet-3", private_link="1207-sujet-3"),
        CommandButton("L’autre sujet", "rest", "1207-1", private_link="1207-1"),
        CommandButton("Le recevoir en privé", "private", opens_row=True, private_link="start"),
    ]


@pytest.mark.parametrize(("count", "first"), [(15, "1. Sujet 1"), (16, "Tout l’épisode 1207")])
def test_very_many_subjects_share_one_button(count: int, first: str) -> None:
    """Because a platform shows so many buttons and no more, the whole episode then opens at once."""
    many = EPISODE.model_copy(update={"segments": tuple(segment(number, "a") for number in range(1, count + 1))})
    labels = [button.label for button in doors(FORMATTER.episode(many, in_private=False))[2:]]
    assert (labels[0], len(labels)) == (first, 16 if count == 15 else 2)


@given(
    st.lists(
        st.tuples(st.text(min_size=1, max_size=90), st.from_regex(r"[a-z0-9_-]{1,90}", fullmatch=True)),
        min_size=1,
        unique_by=lambda subject: subject[1],
    ),
    st.sampled_from((1, 1207, 123_456_789)),
    st.booleans(),
)
@settings(max_examples=20)
def test_every_button_is_within_the_limits(subjects: list[tuple[str, str]], number: int, in_private: bool) -> None:
    """However long titles and names are, and however many: both platforms take the buttons, and show them all."""
    segments = tuple(
        segment(at, "a").model_copy(update={"title": title, "slug": slug})
        for at, (title, slug) in enumerate(subjects, 1)
    )
    made = EPISODE.model_copy(update={"number": number, "segments": segments})
    document = FORMATTER.episode(made, layout=Layout.BRIEF, in_private=in_private)
    assert document is not None
    *_rest, last = telegram.render(document, username="recap_bot").messages
    shown = [button for row in last.body["reply_markup"]["inline_keyboard"] for button in row]
    assert len(shown) == len(document.buttons)
    assert all(len(each.get("callback_data", "").encode()) <= 64 for each in shown)
    assert all(
        re.fullmatch(r"https://t.me/recap_bot\?start=[\w-]{1,64}|https://example.*", each["url"])
        for each in shown
        if "url" in each
    )
    buttons, others = discord._buttons(document.buttons)
    assert not others
    assert sum(len(row["components"]) for row in buttons) == len(document.buttons)
