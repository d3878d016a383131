"""The layout "brief": the titles to scan, and each summary folds out below its title."""

from __future__ import annotations

import itertools
import textwrap
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.content.archive import Archive
from bot.content.formatter import Formatter
from bot.model.document import (
    CodeBlock,
    Document,
    Fold,
    Heading,
    Layout,
    Listing,
    Paragraph,
    Picture,
    Quote,
    Section,
    Span,
    Style,
)
from bot.model.i18n import Language, words
from bot.model.split import first_sentence, text_of
from bot.platforms.discord.render import render as on_discord
from bot.platforms.telegram.render import TEXT_LIMIT, render
from bot.platforms.telegram.rich import render_rich
from tests.conversation import read_discord
from tests.documents import FAMILY
from tests.platforms.discord.view import layout_view
from tests.platforms.telegram.reader import marked, units
from tests.platforms.telegram.test_render_properties import read, seen
from tests.world import CONTENT

if TYPE_CHECKING:
    from bot.model.document import Block
    from bot.model.rendering import JsonObject

FOLDED = "expandable_blockquote"
SHOWN_FOLDED = 3
"""Lines that Telegram's apps show of a quotation before it is folded out."""
WIDTH = 36
"""Characters of a line on a phone."""

# The documents are large on purpose.
few = settings(max_examples=6, suppress_health_check=list(HealthCheck))


def brief(number: int = 1207) -> Document:
    """An episode of the archive in this layout."""
    episode = Archive.load(CONTENT).get(number)
    assert episode is not None
    document = Formatter("Le récap du lundi", words(Language.FRENCH)).episode(episode, layout=Layout.BRIEF)
    assert document is not None
    return document


def folding(*folded: Block, title: str = "Un titre") -> Document:
    """A document with the blocks below one title."""
    fold = Fold(Heading((Span(title),)), folded, (Span("Une phrase."),))
    return Document("Titre", (Section((fold,)),), layout=Layout.BRIEF)


def lines_of(text: str) -> list[str]:
    """The lines of a text on a phone."""
    return [line for paragraph in text.split("\n") for line in textwrap.wrap(paragraph, WIDTH) or [""]]


def lines_before_folding_out(body: JsonObject) -> int:
    """The lines that a phone shows of a message as it comes."""
    text, quotes = units(body["text"]), [each for each in body["entities"] if each["type"] == FOLDED]
    count = len(lines_of(body["text"]))
    for quote in quotes:
        quoted = text[2 * quote["offset"] :][: 2 * quote["length"]].decode("utf-16-le")
        count -= max(0, len(lines_of(quoted)) - SHOWN_FOLDED)
    return count


def test_1207_is_fifty_lines_at_most_on_a_phone() -> None:
    """Before anything is folded out: a digest has some 170. Nothing takes the room of a preview."""
    messages = render(brief()).messages
    assert sum(lines_before_folding_out(message.body) for message in messages) <= 50
    assert len(messages) == 2
    assert all(message.body["link_preview_options"] == {"is_disabled": True} for message in messages)
    lines = [
        line for message in on_discord(brief()).messages for line in lines_of(read_discord(message.body["components"]))
    ]
    assert len(lines) <= 50


def test_a_summary_folds_out_right_below_its_title() -> None:
    """With its picture and its sources."""
    (first, _second) = render(brief()).messages
    quote = next(text for kind, text in marked(first.body) if kind == FOLDED)
    assert f"1. Netflix Moments\N{NO-BREAK SPACE}: vos scènes cultes prennent le large\n{quote}" in first.body["text"]
    assert quote.startswith("Une réplique qui tue")
    assert quote.endswith("Netflix Tudum")


def test_on_discord_a_title_has_one_sentence() -> None:
    """Because nothing folds there, the rest is behind the buttons."""
    (message,) = on_discord(brief()).messages
    text = read_discord(message.body["components"])
    assert "### 4. « L’Amour ouf », du grand écran à TikTok\nIl n’a fallu que" in text.replace(
        "\N{NO-BREAK SPACE}", " "
    )
    assert "Gilles Lellouche" not in text


def test_a_rich_message_has_details_below_a_summary() -> None:
    """Telegram's rich messages fold in their own way."""
    html = render_rich(folding(Paragraph((Span("Long."),)))).messages[0].body["rich_message"]["html"]
    assert html == "<details><summary>Un titre</summary><p>Long.</p></details>"


def test_a_quotation_in_a_summary_is_in_italics() -> None:
    """Because Telegram nests none."""
    quote = Quote((Paragraph((Span("Ça "), Span("change", Style.BOLD))), CodeBlock("code")))
    (message,) = render(folding(Paragraph((Span("Il dit"),)), quote)).messages
    assert marked(message.body) == [
        ("bold", "Un titre"),
        (FOLDED, "Il dit\n\nÇa change\n\ncode"),
        ("italic", "Ça"),
        ("bold", "change"),
        ("italic", "change"),
        ("pre", "code"),
    ]


@pytest.mark.parametrize(
    ("summary", "teaser"),
    [
        ((Paragraph((Span("Un. "), Span("Deux."))),), (Span("Un."),)),
        ((Paragraph((Span("Mme J. "), Span("Rowling", Style.BOLD), Span(" écrit ! Oui."))),), None),
        ((CodeBlock("x"), Listing(((Paragraph((Span("Point"),)),),))), (Span("Point"),)),
        ((Paragraph((Span("mot " * 100),)),), (Span(" ".join(["mot"] * 45)), Span("…"))),
        ((Picture("https://a.example/b.jpg", "Une image"),), ()),
    ],
)
def test_the_sentence_for_a_summary_is_its_first(summary: tuple[Block, ...], teaser: tuple[Span, ...] | None) -> None:
    """Of the first text, as it is styled; shortened between words; none of a summary without text."""
    episode = Archive.load(CONTENT).get(1207)
    assert episode is not None
    subject = episode.segments[0].model_copy(update={"summary": summary})
    made = episode.model_copy(update={"segments": (subject,)})
    document = Formatter("Le récap", words(Language.FRENCH)).episode(made, layout=Layout.BRIEF)
    assert document is not None
    (fold,) = document.sections[1].blocks
    assert isinstance(fold, Fold)
    assert fold.teaser == (
        teaser if teaser is not None else (Span("Mme J. "), Span("Rowling", Style.BOLD), Span(" écrit !"))
    )


@given(st.lists(st.builds(Span, st.sampled_from(("Un mot", " et", ". ", "! ", "\n", "M. Z", "12.5 ", "… «")))))
def test_a_first_sentence_is_the_beginning_of_the_text(spans: list[Span]) -> None:
    """Not empty for a text that has words at its beginning, and the same when it is taken again."""
    sentence = first_sentence(tuple(spans))
    assert text_of(tuple(spans)).startswith(text_of(sentence))
    assert first_sentence(sentence) == sentence
    assert not text_of(tuple(spans))[:1].strip() or text_of(sentence)


TITLES = ("Netflix et le streaming", "Le titre #deux de @trois", "É" * (TEXT_LIMIT // 4))


@st.composite
def folds(draw: st.DrawFn) -> Document:
    """Titles with folds of any length below them."""
    words = st.sampled_from(("Une phrase. ", "mot", "Un #mot de @quelqu_un\n", FAMILY, "é "))
    text = st.builds(lambda piece, length: (piece * length)[:length], words, st.sampled_from((30, 900, 5_000)))
    paragraph = st.builds(lambda words: Paragraph((Span(words, Style.BOLD), Span(words))), text)
    quote, listing = (
        paragraph.map(lambda each: Quote((each,))),
        paragraph.map(lambda each: Listing(((each,), (each,)))),
    )
    nests = st.lists(paragraph | quote | listing | st.builds(CodeBlock, text), min_size=1, max_size=2).map(tuple)
    titled = draw(st.lists(st.tuples(st.sampled_from(TITLES), nests), min_size=1, max_size=3))
    sections = [Section((Fold(Heading((Span(title),)), nest, (Span("Une phrase."),)),)) for title, nest in titled]
    return Document("Titre", tuple(sections), layout=Layout.BRIEF)


@few
@given(folds())
def test_every_part_opens_with_a_title_and_says_all(document: Document) -> None:
    """Where a summary goes on in another message, its title stands above it again. Each platform takes all as it is."""
    oracle = pytest.importorskip("tests.platforms.telegram.tdlib", reason="TDLib's parser is not installed")
    said = ""
    sections = [read(section.blocks) for section in document.sections]
    wanted, ends = "".join(sections), [*itertools.accumulate(map(len, sections))]
    for message in render(document).messages:
        assert len(units(message.body["text"])) // 2 == message.used <= message.limit == TEXT_LIMIT
        oracle.check(message.body)
        title = next(each for each in TITLES if message.body["text"].startswith(each))
        text = seen(message.body["text"])
        is_again = not wanted.startswith(said + text)
        assert not (is_again and len(said) in ends)
        said += text.removeprefix(seen(title)) if is_again else text
        assert wanted.startswith(said)
    assert said == wanted
    for message in on_discord(document).messages:
        view = layout_view(message.body["components"])
        assert view.content_length() == message.used <= message.limit
    assert all(message.used <= message.limit for message in render_rich(document).messages)
