"""The summary of a subject: whole sentences of the notes, as many as a summary has."""

from __future__ import annotations

from bot.model.document import plain
from bot.model.text import sentences
from tests.notes.drafting import of_text


def test_a_summary_is_as_long_as_a_summary() -> None:
    """300 to 900 characters when there is enough to say."""
    fact = "La chaîne numéro {} a gagné {} abonnés à Paris, à Lyon et à Marseille au mois de mars."
    body = "\n".join(fact.format(number, number * 1000) for number in range(1, 60))
    _text, episode = of_text(f"Épisode 3\n\nYouTube compte ses chaînes\n{body}\n")
    assert 300 <= len(plain(episode.segments[0].summary)) <= 900


def test_a_summary_is_the_beginning_of_its_subject() -> None:
    """Whole sentences without a gap, so that none leans on one that was left out; a title in between is none."""
    fact = "La chaîne numéro {} a gagné des abonnés à Paris, et elle en est ravie depuis le mois de mars."
    facts = [fact.format(number) for number in range(12)]
    body = "\n".join([*facts[:3], "La suite de l’histoire", *facts[3:]])
    _text, episode = of_text(f"Épisode 3\n\n## YouTube compte ses chaînes\n\n{body}\n")
    told = sentences(plain(episode.segments[0].summary).replace("\n\n", " "))
    assert 3 < len(told) < len(facts)
    assert told == facts[: len(told)]
