"""What an episode file becomes."""

from __future__ import annotations

import datetime as dt
import gc
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.content.parser import parse_episode
from bot.content.richtext import RichText, _InlineReader
from bot.model.document import Block, CodeBlock, Heading, Listing, Paragraph, Picture, Quote, Span, Style, plain
from bot.model.episode import Episode, Segment, Source, Status
from bot.model.problems import Mistakes

PATH = Path("1207.md")
HEAD = "---\nnumber: 1207\ntitle: Un titre\ndate: 2024-11-04\n---\n"

WHOLE = """\
---
number: 1207
title: Netflix Moments, Telegram au milliard, TikTok et l'Europe
date: 2024-11-04
audio: https://example.org/1207.mp3        # optional
page: https://example.org/1207             # optional
status: draft
---

One or two sentences that present the episode.

## Netflix laisse partager ses scènes {#netflix}

#netflix #streaming

The summary.

![What the picture shows](https://example.org/picture.jpg)

Sources :
- [Netflix Tudum](https://www.netflix.com/tudum/articles/netflix-moments)
- https://www.example.org/other

## Telegram au milliard

Another summary.
"""


def paragraph(*spans: Span | str) -> Paragraph:
    """A paragraph of spans; text is a plain one."""
    return Paragraph(tuple(Span(span) if isinstance(span, str) else span for span in spans))


def segment(markdown: str, title: str = "Un sujet") -> Segment:
    """The only segment of an episode, from what stands below its title."""
    [only] = parse_episode(f"{HEAD}\n## {title}\n\n{markdown}\n", PATH).segments
    return only


def summary(markdown: str) -> tuple[Block, ...]:
    """The summary of such a segment."""
    return segment(markdown).summary


def test_a_whole_file_becomes_an_episode() -> None:
    """Every element of the format arrives in its place."""
    assert parse_episode(WHOLE, PATH) == Episode(
        number=1207,
        title="Netflix Moments, Telegram au milliard, TikTok et l'Europe",
        date=dt.date(2024, 11, 4),
        intro=(paragraph("One or two sentences that present the episode."),),
        audio="https://example.org/1207.mp3",
        page="https://example.org/1207",
        status=Status.DRAFT,
        segments=(
            Segment(
                number=1,
                slug="netflix",
                title="Netflix laisse partager ses scènes",
                topics=("netflix", "streaming"),
                hashtags=("netflix", "streaming"),
                summary=(paragraph("The summary."),),
                sources=(
                    Source(title="Netflix Tudum", url="https://www.netflix.com/tudum/articles/netflix-moments"),
                    Source(title="example.org", url="https://www.example.org/other"),
                ),
                image=Picture("https://example.org/picture.jpg", "What the picture shows"),
            ),
            Segment(
                number=2,
                slug="telegram-au-milliard",
                title="Telegram au milliard",
                summary=(paragraph("Another summary."),),
            ),
        ),
        path=PATH,
    )


@pytest.mark.parametrize(
    "encoded",
    [
        pytest.param("\ufeff" + WHOLE, id="byte order mark"),
        pytest.param(WHOLE.replace("\n", "\r\n"), id="Windows line ends"),
        pytest.param(WHOLE.replace("\n", "\r"), id="old Mac line ends"),
        pytest.param(WHOLE.replace("è", "e\N{COMBINING GRAVE ACCENT}"), id="decomposed accents"),
        pytest.param("\n" + WHOLE, id="blank first line"),
        pytest.param(WHOLE.replace("## ", "##\N{NO-BREAK SPACE}"), id="no-break space after ##"),
        pytest.param(WHOLE.replace("\n\n", "\n\N{NO-BREAK SPACE}\n"), id="blank lines that are not empty"),
        pytest.param(WHOLE.replace("\n\n#netflix", "\n#netflix"), id="topics right under the title"),
        pytest.param(WHOLE.replace("streaming\n\n", "streaming\n"), id="topics right above the text"),
        pytest.param(WHOLE.replace("#netflix #", "#netflix, #Netflix #"), id="topics with comma, case and twice"),
        pytest.param(WHOLE.replace("summary.\n\n!", "summary.\n!"), id="image right below the text"),
        pytest.param(WHOLE.replace("jpg)\n\n", "jpg)\n"), id="sources right below the image"),
        pytest.param(WHOLE.replace("Sources :\n", "sources:\n\n"), id="blank line above the sources"),
        pytest.param(WHOLE.replace("Sources :", "Source\N{NO-BREAK SPACE}:"), id="no-break space before the colon"),
        pytest.param(WHOLE.replace("Sources :", "**SOURCES\N{NARROW NO-BREAK SPACE}:**"), id="bold sources"),
        pytest.param(WHOLE.replace("- https://www.example.org/other", "- <https://www.example.org/other>"), id="<url>"),
        pytest.param(WHOLE.replace("draft", "Draft"), id="status in capitals"),
        pytest.param(WHOLE.replace("number: 1207", 'number: "1207"'), id="quoted number"),
    ],
)
def test_harmless_differences_make_no_difference(encoded: str) -> None:
    """However an editor or a person writes it, the same file is the same episode."""
    assert parse_episode(encoded, PATH) == parse_episode(WHOLE, PATH)


def test_optional_keys_may_be_left_out_or_empty() -> None:
    """Without audio, page and status, or with a template's empty ones, an episode is ready and has no links."""
    for head in (
        HEAD,
        HEAD.replace("---\n", "audio:\npage: \nstatus:\n---\n").removeprefix("audio:\npage: \nstatus:\n"),
    ):
        episode = parse_episode(f"{head}\n## A\n\nText.\n", PATH)
        assert (episode.audio, episode.page, episode.status) == (None, None, Status.READY)
        assert episode.intro == ()


@pytest.mark.parametrize(
    ("markdown", "expected"),
    [
        ("**gras**, *italique*", [Span("gras", Style.BOLD), Span(", "), Span("italique", Style.ITALIC)]),
        ("***les deux*** ~~non~~", [Span("les deux", Style.BOLD | Style.ITALIC), Span(" "), Span("non", Style.STRIKE)]),
        ("**a *b* c**", [Span("a ", Style.BOLD), Span("b", Style.BOLD | Style.ITALIC), Span(" c", Style.BOLD)]),
        ("le `code *tel quel*`", [Span("le "), Span("code *tel quel*", Style.CODE)]),
        ("un [lien](https://a.fr/x)", [Span("un "), Span("lien", url="https://a.fr/x")]),
        ("un [**lien**][1]\n\n[1]: https://a.fr", [Span("un "), Span("lien", Style.BOLD, "https://a.fr")]),
        ("[_https://a.fr_](https://b.fr)", [Span("https://a.fr", Style.ITALIC, "https://b.fr")]),
        ("deux\nlignes", ["deux lignes"]),
        ("deux  \nlignes\\\nou trois", ["deux\nlignes\nou trois"]),
        (r"2 \* 3 \< 7 &amp; 1_000_000", ["2 * 3 < 7 & 1_000_000"]),
        ("    quatre espaces", ["quatre espaces"]),
        ("avant <!-- à vérifier -->", ["avant"]),
        ("a\N{LINE SEPARATOR}b", ["a b"]),
    ],
)
def test_inline_markdown_becomes_flat_spans(markdown: str, expected: list[Span | str]) -> None:
    """Styles nest into flags, a soft line end is a space, a hard one a line feed, and signs can be escaped."""
    assert summary(markdown) == (paragraph(*expected),)


def test_typography_is_kept() -> None:
    """No-break spaces, guillemets, apostrophes and ligatures come out as they were typed."""
    text = "«\N{NO-BREAK SPACE}L’œuvre\N{NO-BREAK SPACE}»\N{NARROW NO-BREAK SPACE}: 10\N{NARROW NO-BREAK SPACE}000 vues"
    assert summary(f"{text}\n**{text}**")[0] == paragraph(f"{text} ", Span(text, Style.BOLD))
    assert segment("Texte.", title=text).title == text


@pytest.mark.parametrize(
    ("markdown", "address"),
    [
        ("voir https://a.fr/b.", "https://a.fr/b"),
        ("(https://a.fr/b)", "https://a.fr/b"),
        ("https://a.fr/b_(c)", "https://a.fr/b_(c)"),
        ("«\N{NO-BREAK SPACE}https://a.fr/b_c_d\N{NO-BREAK SPACE}»", "https://a.fr/b_c_d"),
        ("<https://a.fr/b>", "https://a.fr/b"),
    ],
)
def test_a_bare_address_in_the_text_is_a_link(markdown: str, address: str) -> None:
    """The punctuation around an address stays outside of the link."""
    [block] = summary(markdown)
    assert isinstance(block, Paragraph)
    assert [span for span in block.spans if span.url] == [Span(address, url=address)]
    assert plain((block,)) == markdown.strip("<>")


def test_a_line_that_looks_blank_is_blank() -> None:
    """A stray no-break space between two paragraphs, which nobody sees, does not make them one."""
    assert summary("un\n\N{NO-BREAK SPACE}\ndeux") == (paragraph("un"), paragraph("deux"))


def test_what_is_no_address_stays_text() -> None:
    """The beginning of an address alone, or one that only the author's machine knows, is no link."""
    assert summary("http:// et http://localhost:80 et `https://a.fr`") == (
        paragraph("http:// et http://localhost:80 et ", Span("https://a.fr", Style.CODE)),
    )


def test_addresses_become_ascii() -> None:
    """An address with accents is encoded, as every platform takes it; one that is encoded stays as it is."""
    [block] = summary("[a](https://fr.wikipedia.org/wiki/Été) [b](https://a.fr/%C3%A9?q=1&b=[2]) [c](https://a.fr/b|c)")
    assert isinstance(block, Paragraph)
    assert [span.url for span in block.spans if span.url] == [
        "https://fr.wikipedia.org/wiki/%C3%89t%C3%A9",
        "https://a.fr/%C3%A9?q=1&b=[2]",
        "https://a.fr/b%7Cc",
    ]


def test_blocks_keep_their_order_and_nesting() -> None:
    """Lists, quotes, titles and code become blocks; rules, comments and what is empty say nothing."""
    markdown = """\
Avant.
- un
  - deux

    > trois
- quatre

***

3. cinq
4. six

> sept
>
> huit

### neuf

-

>

<!-- un commentaire

sur plusieurs lignes -->

```python
dix = 10

onze = 11
```
"""
    assert summary(markdown) == (
        paragraph("Avant."),
        Listing(
            (
                (paragraph("un"), Listing(((paragraph("deux"), Quote((paragraph("trois"),))),))),
                (paragraph("quatre"),),
            )
        ),
        Listing(((paragraph("cinq"),), (paragraph("six"),)), start=3),
        Quote((paragraph("sept"), paragraph("huit"))),
        Heading((Span("neuf"),), level=3),
        CodeBlock("dix = 10\n\nonze = 11"),
    )


def test_text_below_the_sources_belongs_to_the_summary() -> None:
    """Nothing is lost when the sources do not stand last, or stand in two lists."""
    found = segment("Avant.\nSources :\n- https://a.fr\n\nAprès.\n\nSource :\n- https://b.fr")
    assert found.summary == (paragraph("Avant."), paragraph("Après."))
    assert [source.title for source in found.sources] == ["a.fr", "b.fr"]


def test_a_sentence_may_begin_with_a_hashtag() -> None:
    """Only a line of nothing but hashtags gives topics, and in the middle of a text it is text."""
    episode = parse_episode(f"{HEAD}\n#MeToo\nrevient.\n\n## A\n\nTexte.\n", PATH)
    assert episode.intro == (paragraph("#MeToo revient."),)
    found = segment("#MeToo revient.\n\n#metoo\n\nEncore\n#MeToo\n\n#MeToo\ngagne.")
    assert found.topics == ("metoo",)
    assert found.summary == (paragraph("#MeToo revient."), paragraph("Encore #MeToo"), paragraph("#MeToo gagne."))


@pytest.mark.parametrize("line", ["#a #b", "#a, #b", "#a; #b.", "#a / #b", "#a | #b", "#a - #b", "#a · #b :"])
def test_signs_that_part_hashtags_belong_to_none(line: str) -> None:
    """However a team parts them."""
    found = segment(f"{line}\n\nTexte.")
    assert found.hashtags == ("a", "b")
    assert found.summary == (paragraph("Texte."),)


@pytest.mark.parametrize(
    ("title", "slug", "shown"),
    [
        ("L’Amour ouf : 2 millions", "l-amour-ouf-2-millions", "L’Amour ouf : 2 millions"),
        ("*Moments*, par `Netflix` {#moments_2}", "moments_2", "Moments, par Netflix"),
        ("Netflix 日本 ##", "netflix", "Netflix 日本"),
    ],
)
def test_a_title_is_plain_text_and_names_its_segment(title: str, slug: str, shown: str) -> None:
    """The name for links is the written one, or made of the title's Latin letters and digits."""
    found = segment("Texte.", title=title)
    assert (found.slug, found.title) == (slug, shown)


def test_a_title_in_yaml_may_be_quoted_folded_or_a_number() -> None:
    """The title is text whatever YAML would make of it."""
    for written, title in (
        ('"Apple : la suite"', "Apple : la suite"),
        ("|\n  deux\n  lignes", "deux lignes"),
        ("1984", "1984"),
    ):
        head = HEAD.replace("Un titre", written)
        assert parse_episode(f"{head}\n## A\n\nText.\n", PATH).title == title


_WORDS = st.lists(st.text(alphabet="bcdéèœçÀ10’", min_size=1, max_size=8), min_size=1, max_size=6).map(" ".join)
_INLINES = st.sampled_from(["{}", "**{}**", "*{}*", "`{}`", "[{}](https://a.fr/x)", "[**{}**](<https://a.fr/y>)"])
_BLOCKS = st.sampled_from(["{}", "- {}", "> {}", "1. {}", "### {}", "> - {}", "```\n{}\n```"])
_WRITTEN = st.lists(st.tuples(_BLOCKS, _INLINES, _WORDS), min_size=1, max_size=5)


def written(blocks: list[tuple[str, str, str]]) -> str:
    """The blocks as Markdown; code holds its words without styles."""
    return "\n\n".join(block.format(words if "`" in block else style.format(words)) for block, style, words in blocks)


@given(intro=_WRITTEN, segments=st.lists(st.tuples(_WORDS, _WRITTEN), min_size=1, max_size=3))
def test_every_word_arrives_in_order(
    intro: list[tuple[str, str, str]], segments: list[tuple[str, list[tuple[str, str, str]]]]
) -> None:
    """Whatever is written between the marks is in the episode, once and in its place."""
    text = "\n\n".join(
        [HEAD, written(intro)]
        + [f"## {title} {{#s{number}}}\n\n{written(blocks)}" for number, (title, blocks) in enumerate(segments)]
    )
    episode = parse_episode(text, PATH)
    assert plain(episode.intro).split() == [word for block in intro for word in block[2].split()]
    for found, (title, blocks) in zip(episode.segments, segments, strict=True):
        assert found.title == title
        assert plain(found.summary).split() == [word for block in blocks for word in block[2].split()]


def test_reading_an_episode_leaves_no_cyclic_garbage() -> None:
    """Because the collector rests while a folder is read, cycles would keep every file's tokens in memory till then."""
    parse_episode(WHOLE, PATH)
    gc.collect()
    enabled = gc.isenabled()
    gc.disable()
    try:
        parse_episode(WHOLE, PATH)
        assert gc.collect() == 0
    finally:
        if enabled:
            gc.enable()


LABELS = st.text(st.sampled_from("aé1 !#\"'()_*~`\\[]<>&;\n:/.@\u00a0"), max_size=8)
ADDRESSES = st.builds("{}{}".format, st.sampled_from(["https://e.fr/", "", "mailto:a@b.fr", "<"]), LABELS)


@given(LABELS, ADDRESSES)
def test_text_that_is_only_a_link_is_read_as_the_parser_reads_it(label: str, address: str) -> None:
    """The spans and the mistakes are the same, whether or not the inline parser reads it."""
    content = f"[{label}]({address})"
    found = []
    for parses in (False, True):
        mistakes = Mistakes(PATH)
        rich_text = RichText(content, mistakes, mistakes)
        reader = _InlineReader(1, rich_text.lines, mistakes, mistakes)
        spans = reader.read(rich_text.inline(content)) if parses else rich_text.spans(content, 1)
        found.append((spans, mistakes.found))
    assert found[0] == found[1]


def test_the_inline_parser_reads_no_source_that_is_only_a_link(monkeypatch: pytest.MonkeyPatch) -> None:
    """Because every segment has such sources, the parser would take a tenth of the time of a large archive for them."""
    monkeypatch.setattr(RichText, "inline", lambda *_given: pytest.fail("parsed"))
    source = "[L'été « vu » par Meta](https://e.fr/a_b?c=d#e)"
    assert segment(f"Un texte.\n\nSources :\n- {source}").sources == (
        Source(title="L'été « vu » par Meta", url="https://e.fr/a_b?c=d#e"),
    )
