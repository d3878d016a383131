"""Long text is cut where a reader would pause, and nothing of it is lost."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bot.model.document import Span, Spans, Style
from bot.model.split import Break, Fits, cut, most, part, text_of

FAMILY = "\N{MAN}\N{ZERO WIDTH JOINER}\N{WOMAN}\N{ZERO WIDTH JOINER}\N{GIRL}"
FRANCE = "\N{REGIONAL INDICATOR SYMBOL LETTER F}\N{REGIONAL INDICATOR SYMBOL LETTER R}"
WAVE = "\N{WAVING HAND SIGN}\N{EMOJI MODIFIER FITZPATRICK TYPE-4}"
E_ACUTE = "e\N{COMBINING ACUTE ACCENT}"
HAN = "\N{HANGUL CHOSEONG HIEUH}\N{HANGUL JUNGSEONG A}\N{HANGUL JONGSEONG NIEUN}"

LETTERS = ["a", "b", ".", "!", " ", "\n", "\u00a0", "»", "\N{PILE OF POO}", *FAMILY, *FRANCE, *E_ACUTE, *WAVE]
TEXTS = st.text(st.sampled_from(LETTERS), max_size=80)
SPANS = st.lists(
    st.builds(Span, TEXTS, st.sampled_from([Style.PLAIN, Style.BOLD]), st.sampled_from([None, "https://a.example"])),
    max_size=6,
).map(tuple)


def within(budget: int) -> Fits:
    """A platform that counts characters."""
    return lambda spans: len(text_of(spans)) <= budget


def cut_text(text: str, budget: int, worst: Break = Break.INSIDE) -> tuple[str, str]:
    """Cut plain text counted in characters."""
    head, tail = cut((Span(text),), within(budget), worst=worst)
    return text_of(head), text_of(tail)


def test_what_fits_is_not_cut() -> None:
    """A run that fits comes back whole, with nothing left."""
    spans = (Span("Tout "), Span("tient", Style.BOLD))
    assert cut(spans, within(10)) == (spans, ())


@pytest.mark.parametrize(
    ("text", "budget", "head", "tail"),
    [
        ("Une phrase.\nUne autre. Encore une.", 22, "Une phrase.", "Une autre. Encore une."),
        ("Une phrase. Une autre phrase.", 22, "Une phrase.", "Une autre phrase."),
        ("C'est vrai\u202f? Oui, bien sûr.", 18, "C'est vrai\u202f?", "Oui, bien sûr."),
        ("«\u00a0C'est vrai.\u00a0» Il le dit.", 20, "«\u00a0C'est vrai.\u00a0»", "Il le dit."),
        ("Il dit (enfin\u00a0!) la vérité", 21, "Il dit (enfin\u00a0!) la", "vérité"),
        ("Voici M. Dupont et des amis", 15, "Voici M. Dupont", "et des amis"),
        ("un deux trois", 9, "un deux", "trois"),
        ("un deux trois", 7, "un deux", "trois"),
        ("presque 10\u202f000 euros", 14, "presque 10\u202f000", "euros"),
        ("presque 10\u202f000 euros", 12, "presque", "10\u202f000 euros"),
        ("incompressible", 4, "inco", "mpressible"),
    ],
)
def test_the_cut_is_where_a_reader_pauses(text: str, budget: int, head: str, tail: str) -> None:
    """A line's end comes before a sentence's, that before a word's; no-break spaces and initials hold."""
    assert cut_text(text, budget) == (head, tail)


def test_a_better_place_is_not_worth_half_the_room() -> None:
    """A line's end near the start is passed over for a word's end that fills the message."""
    assert cut_text("Oui.\nun deux trois quatre cinq six", 25) == ("Oui.\nun deux trois quatre", "cinq six")


def test_the_caller_can_refuse_bad_places() -> None:
    """Nothing is cut off when the best place is worse than the worst one allowed."""
    assert cut_text("un deux trois", 9, Break.SENTENCE) == ("", "un deux trois")
    assert cut_text("incompressible", 9, Break.WORD) == ("", "incompressible")
    assert cut_text("Un. Deux trois quatre", 16, Break.SENTENCE) == ("Un.", "Deux trois quatre")


def test_indentation_after_a_line_feed_stays() -> None:
    """The space at the cut is dropped, but a line of code keeps its indentation."""
    assert cut_text("if a:\n\n    return b", 12) == ("if a:", "    return b")


def test_a_link_is_one_word() -> None:
    """A link moves to the tail as a whole, however it is styled, and is cut only when it is too long alone."""
    url = "https://a.example"
    link = (Span("le lien ", url=url), Span("en gras", Style.BOLD, url))
    spans = (Span("Voir "), *link, Span(" ici"))
    assert cut(spans, within(16)) == ((Span("Voir"),), (*link, Span(" ici")))
    assert cut(link, within(11)) == ((link[0], Span("en", Style.BOLD, url)), (Span("gras", Style.BOLD, url),))


def test_neighbouring_links_are_two() -> None:
    """Two addresses are two links: the space between them is a place to cut."""
    one, two = Span("un lien ", url="https://a.example"), Span("un autre", url="https://b.example")
    assert cut((one, two), within(10)) == ((Span("un lien", url=one.url),), (two,))


@pytest.mark.parametrize("cluster", [FAMILY, FRANCE, WAVE, E_ACUTE, HAN])
def test_what_people_see_as_one_character_stays_one(cluster: str) -> None:
    """A word that is too long is cut between grapheme clusters, not within one."""
    word = f"a{cluster * 4}"
    for budget in range(1 + len(cluster), len(word)):
        head, tail = cut_text(word, budget)
        assert head + tail == word
        assert (len(head) - 1) % len(cluster) == 0


def test_a_cluster_without_end_is_cut_all_the_same() -> None:
    """Even one letter under a thousand accents goes out, since every message has a limit."""
    zalgo = "e" + "\N{COMBINING ACUTE ACCENT}" * 1000
    assert cut_text(zalgo, 100) == (zalgo[:100], zalgo[100:])


def test_nothing_fits() -> None:
    """Without room for a character the head is empty."""
    assert cut_text("un deux", 0) == ("", "un deux")


def test_any_limit_can_rule() -> None:
    """The platform says what fits: here two spans at most, whatever their length."""
    spans = (Span("un "), Span("deux", Style.BOLD), Span(" trois"))
    assert cut(spans, lambda head: len(head) <= 2) == ((Span("un "), Span("deux", Style.BOLD)), (Span("trois"),))


def test_a_part_keeps_the_styles() -> None:
    """Part of a run is what a slice of its text would be, in the same styles and without empty spans."""
    spans = (Span("un"), Span("deux", Style.BOLD), Span("trois", url="https://a.example"))
    assert part(spans, 2, 7) == (Span("deux", Style.BOLD), Span("t", url="https://a.example"))


@example((Span("un"),), 1, 1)
@given(SPANS, st.integers(0, 80), st.integers(0, 80))
def test_any_part_is_that_of_the_text(spans: Spans, start: int, stop: int) -> None:
    """No span of it is empty."""
    found = part(spans, start, stop)
    assert text_of(found) == text_of(spans)[start:stop]
    assert all(span.text for span in found)


@given(st.integers(0, 200), st.integers(0, 200))
def test_the_search_tries_little_more_than_what_fits(length: int, room: int) -> None:
    """It finds as many as fit; else each message of a long text would cost as much as all of the text."""
    tried = [0]

    def fits(count: int) -> bool:
        tried.append(count)
        return count <= room

    assert most(length, fits) == min(length, room)
    assert max(tried) <= max(1, 2 * room)


@given(SPANS, st.integers(1, 60))
def test_pieces_are_the_whole_text(spans: Spans, budget: int) -> None:
    """Cut until nothing is left: every piece fits, and all characters but spaces are there once and in order."""
    pieces: list[Spans] = []
    tail = spans
    while tail:
        head, tail = cut(tail, within(budget))
        assert head or not tail
        assert within(budget)(head)
        pieces.append(head)
    assert _marks(tuple(span for piece in pieces for span in piece)) == _marks(spans)


@given(SPANS, st.integers(1, 60), st.sampled_from([Break.LINE, Break.SENTENCE, Break.WORD]))
def test_words_and_links_stay_whole(spans: Spans, budget: int, worst: Break) -> None:
    """Where the inside of words and links is forbidden, a cut is at a space, and one address is not on both sides."""
    head, tail = cut(spans, within(budget), worst=worst)
    if head and tail and text_of(tail).strip():
        assert text_of(head) + text_of(tail) != text_of(spans)
        cut_at = len(text_of(head))
        before, after = part(spans, cut_at - 1, cut_at)[0], part(spans, cut_at, cut_at + 1)[0]
        within_one_link = before.url is not None and before.url == after.url == tail[0].url
        assert not within_one_link or after.text.isspace()


def _marks(spans: Spans) -> list[tuple[str, Style, str | None]]:
    """Every visible character with its style and address."""
    return [(mark, span.style, span.url) for span in spans for mark in span.text if not mark.isspace()]
