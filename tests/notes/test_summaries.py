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


def test_a_line_with_its_link_is_no_title_between_texts() -> None:
    """It tells the news that the others explain; the address leaves no mark behind, nor a second full stop."""
    more = "Le prix dépend de tous les employés, et non des seules personnes qui s’en servent chaque jour au bureau."
    notes = f"""# Épisode 3

## Langages

Oracle change une licence [l’article](https://a.example/licence)

- {more}
- {more.replace("prix", "tarif")}
- {more.replace("prix", "coût")}
- Un autre article : https://b.example/tarif.
"""
    _text, episode = of_text(notes)
    summary = plain(episode.segments[0].summary)
    assert summary.startswith("Oracle change une licence")
    assert summary.endswith("Un autre article.")


def test_links_tell_a_subject_without_a_text() -> None:
    """Their words, once each; a title that ends as a sentence gets no second full stop."""
    notes = "# Épisode 3\n\n## {}\n\n{}\n\n## Sécurité\n\nUne faille de plus.\n"
    links = "[Ocre 4.1 est sorti hier](https://a.example/1)\n[Tamis perd trois fondateurs…](https://a.example/2)"
    _text, episode = of_text(notes.format("Langages", links))
    assert plain(episode.segments[0].summary) == "Ocre 4.1 est sorti hier. Tamis perd trois fondateurs…"
    _text, episode = of_text(notes.format("La course reprend.", "https://a.example/1"))
    assert plain(episode.segments[0].summary) == "La course reprend."
