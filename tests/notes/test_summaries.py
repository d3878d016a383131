"""The summary of a subject: whole sentences of the notes, as many as a summary has, each with what it leans on."""

from __future__ import annotations

import pytest

from bot.model.document import plain
from bot.notes.language import leans, sentences
from tests.notes.drafting import of_text


def test_a_sentence_that_announces_does_not_stop_there() -> None:
    """The one that leans on it comes with it, though the summary is long enough."""
    facts = [
        "Netflix ouvre un studio de 400 places à Madrid, près de la gare d’Atocha, pour ses séries espagnoles.",
        (
            "Netflix tournera 12 séries par an à Madrid à partir de janvier 2027, disent 3 acteurs et 4 régisseurs, "
            "qui ont parlé au quotidien El Norte et à deux autres."
        ),
        "La cantine de Netflix ne plaît pas à tout le monde à Madrid.",
        "La plateforme prend la place de 20 jardins.",
    ]
    _text, episode = of_text(f"Épisode 3\n\nNetflix ouvre un studio à Madrid\n{chr(10).join(facts)}\n")
    assert sentences(plain(episode.segments[0].summary).replace("\n\n", " ")) == facts


def test_a_summary_is_as_long_as_a_summary() -> None:
    """300 to 900 characters when there is enough to say."""
    fact = "La chaîne numéro {} a gagné {} abonnés à Paris, à Lyon et à Marseille au mois de mars."
    body = "\n".join(fact.format(number, number * 1000) for number in range(1, 60))
    _text, episode = of_text(f"Épisode 3\n\nYouTube compte ses chaînes\n{body}\n")
    assert 300 <= len(plain(episode.segments[0].summary)) <= 900


def test_a_sentence_that_leans_on_another_only_follows_that_one() -> None:
    """And when there is enough without it, it is left out."""
    facts = [
        "Netflix ouvre un studio de 400 places à Madrid, près de la gare d’Atocha, pour ses séries espagnoles.",
        "Cela coûte cher.",
        "Le studio de Netflix tournera 12 séries par an à partir de janvier 2027, d’après le quotidien El Norte.",
        "Elle en est ravie.",
        "La mairie de Madrid donne à Netflix un terrain de 30 000 mètres carrés pour une durée de cinquante ans.",
    ]
    _text, episode = of_text(f"Épisode 3\n\nNetflix ouvre un studio\n{chr(10).join(facts)}\n")
    told = sentences(plain(episode.segments[0].summary).replace("\n\n", " "))
    assert told == facts[::2]
    assert not any(map(leans, told))


@pytest.mark.parametrize(
    "sentence",
    [
        "Elle est arrivée hier.",
        "Cette option est nouvelle.",
        "En effet, le prix monte.",
        "La plateforme compte dix bureaux.",
        "À Paris, cet outil est déjà là.",
        "However, nobody came.",
        "This feature costs 3 euros.",
        "In Paris, these phones are free.",
        "Le prix a pourtant doublé.",
    ],
)
def test_sentences_that_lean_on_what_was_said_before(sentence: str) -> None:
    """By a pronoun, a connective or a pointing word."""
    assert leans(sentence)


@pytest.mark.parametrize(
    "sentence",
    [
        "Cette semaine, Netflix ouvre un studio.",
        "Netflix a fermé ce lundi son bureau de Lyon.",
        "Alors que TikTok attend, Meta avance.",
        "This week, Netflix opens a studio.",
        "Selon Netflix, 80 % des clients restent.",
    ],
)
def test_sentences_that_stand_alone(sentence: str) -> None:
    """Time may be pointed at."""
    assert not leans(sentence)
