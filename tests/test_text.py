"""Words as people type them and as the bot compares them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.model.text import fold, fold_words, normalise_topic, slugify


@pytest.mark.parametrize(
    ("typed", "folded"),
    [
        ("Été", "ete"),
        ("Cœur", "coeur"),
        ("NAÏVE", "naive"),
        ("Straße", "strasse"),
        ("Łódź", "lodz"),
        ("e\N{COMBINING ACUTE ACCENT}te\N{COMBINING ACUTE ACCENT}", "ete"),
        ("10\N{NO-BREAK SPACE}000", "10 000"),
    ],
)
def test_folding_removes_case_accents_and_ligatures(typed: str, folded: str) -> None:
    """What looks alike to a French reader is the same text to a comparison, however it is encoded."""
    assert fold(typed) == folded


def test_words_are_parted_by_apostrophes_punctuation_and_underscores() -> None:
    """An elided article is a word of its own, and no punctuation sticks to a word."""
    assert fold_words("L’Amour_ouf, « déjà » vu\N{NARROW NO-BREAK SPACE}!") == ["l", "amour", "ouf", "deja", "vu"]


@pytest.mark.parametrize("typed", ["TikTok", "tik tok", "#TIKTOK", "tik-tok", "Tik\N{NO-BREAK SPACE}Tok"])
def test_a_topic_has_one_spelling(typed: str) -> None:
    """Case, spaces, hyphens and the hash sign do not make another topic."""
    assert normalise_topic(typed) == "tiktok"


@pytest.mark.parametrize(
    ("title", "slug"),
    [
        ("Netflix laisse partager ses scènes", "netflix-laisse-partager-ses-scenes"),
        ("L’Europe & TikTok : 2 ans après !", "l-europe-tiktok-2-ans-apres"),
        ("🎉", ""),
    ],
)
def test_a_slug_is_made_of_the_words_of_a_title(title: str, slug: str) -> None:
    """Folded words with hyphens between them; nothing when there is no word."""
    assert slugify(title) == slug


@given(st.text())
def test_slugs_and_topics_stay_what_they_are(text: str) -> None:
    """What has been made a slug or a topic once can be made one again without changing."""
    assert slugify(slugify(text)) == slugify(text)
    assert normalise_topic(normalise_topic(text)) == normalise_topic(text)


def test_fancy_letters_are_letters() -> None:
    """The mathematical letters that people write names with are folded like any other."""
    assert normalise_topic("\N{MATHEMATICAL BOLD CAPITAL T}ikTok") == "tiktok"


@given(st.lists(st.text(alphabet="abcé œZ-'’", min_size=1)))
def test_words_do_not_depend_on_the_spaces_around_them(texts: list[str]) -> None:
    """A text has the words of its pieces, in order."""
    assert fold_words(" ".join(texts)) == [word for text in texts for word in fold_words(text)]
