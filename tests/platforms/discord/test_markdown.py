"""What is written for Discord shows as it was meant: styles where they belong, and content that is only content."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.model.document import (
    Block,
    CodeBlock,
    Document,
    Heading,
    Listing,
    Note,
    Paragraph,
    Picture,
    Quote,
    Section,
    Span,
    Style,
)
from bot.platforms.discord.markdown import MAX_ADDRESS, escape, is_blank, web_address, write
from bot.platforms.discord.render import render
from tests.platforms.discord.saying import assert_all_is_said

URL = "https://a.example/"
APART = "\N{ZERO WIDTH SPACE}"
BOLD, ITALIC, STRIKE, CODE = Style.BOLD, Style.ITALIC, Style.STRIKE, Style.CODE
TWO_IN_ONE = (Paragraph((Span("a\nb"),)), Listing(((Heading((Span("c"),)),),)))

MEANINGFUL = (
    *"*_~`|\\#>-+1.: @[]()<!\nab/é",
    *("**", "__", "~~", "||", "```", "1. ", "- ", "# ", "-# ", "> ", "](https://c.example)", "\N{NO-BREAK SPACE}"),
    *("@everyone", "@here", "<@12>", "<@&12>", "<#12>", "</latest:12>", "<t:12:R>", "<:recap:12>", ":smile:"),
    *("https:", "//", "https://c.example", "🎧", "1\N{VARIATION SELECTOR-16}\N{COMBINING ENCLOSING KEYCAP}"),
    *("\N{ZERO WIDTH SPACE}", "\N{ZERO WIDTH JOINER}", "¯\\_(ツ)_/¯"),
)


def spans() -> st.SearchStrategy[tuple[Span, ...]]:
    """Text made of nothing but what means something to Discord, in any styles, linked or not."""
    texts = st.lists(st.sampled_from(MEANINGFUL), min_size=1, max_size=9).map("".join)
    styles = st.sets(st.sampled_from((BOLD, ITALIC, STRIKE, CODE))).map(
        lambda some: Style(sum(it.value for it in some))
    )
    urls = st.sampled_from((None, None, URL, "https://b.example/x_(y)_*z*~~|[q]?a=1&b=é d"))
    return st.lists(st.builds(Span, texts, styles, urls), min_size=1, max_size=5).map(tuple)


def blocks() -> st.SearchStrategy[Block]:
    """Such text in any block."""
    leaves: st.SearchStrategy[Block] = st.one_of(
        st.builds(Heading, spans(), st.sampled_from((1, 2))),
        st.builds(Paragraph, spans()),
        st.builds(Note, spans()),
        st.builds(CodeBlock, st.lists(st.sampled_from(MEANINGFUL), max_size=9).map("".join)),
    )
    return st.recursive(leaves, _nested, max_leaves=5)


def _nested(inner: st.SearchStrategy[Block]) -> st.SearchStrategy[Block]:
    some = st.lists(inner, min_size=1, max_size=3).map(tuple)
    items = st.lists(some, min_size=1, max_size=3).map(tuple)
    return st.builds(Quote, some) | st.builds(Listing, items, st.none() | st.integers(1, 99))


@given(st.lists(blocks(), min_size=1, max_size=3))
def test_content_is_never_markup(some: list[Block]) -> None:
    """Whatever the words, they are shown literally, in the styles and with the links of the document and no others."""
    document = Document("Le récap", (Section(tuple(some)),))
    assert_all_is_said(document, render(document).messages)


@pytest.mark.parametrize(
    ("text", "markdown"),
    [
        ("une_phrase *sans* ~~rien~~ ||caché||", r"une\_phrase \*sans\* \~\~rien\~\~ \|\|caché\|\|"),
        ("`code` \\ ```bloc```", r"\`code\` \\ \`\`\`bloc\`\`\`"),
        ("[texte](https://c.example)", r"\[texte\]\(https\://c.example)"),
        ("# titre\n-# note\n> citation", "\\# titre\n\\-# note\n\\> citation"),
        ("- point\n  + point\n 12. point", "\\- point\n  \\+ point\n 12\\. point"),
        ("au milieu # rien > - + 1. rien", "au milieu # rien > - + 1. rien"),
        ("<@1> <@!1> <@&1> <#1> </a:1>", r"\<@␣1> \<@␣!1> \<@␣&1> \<#1> \</a\:1>".replace("␣", "\u200b")),
        ("<t:0:R> <:a:1> <https://c.example>", r"\<t\:0\:R> \<\:a\:1> \<https\://c.example>"),
        ("@everyone et @here, mais pas @recap", r"\@everyone et \@here, mais pas @recap"),
        (":smile: mais : rien", r"\:smile: mais : rien"),
        ("https://c.example/a_b", r"https\://c.example/a\_b"),
        ("¯\\_(ツ)_/¯", r"¯\\\_(ツ)\_/¯"),
    ],
)
def test_a_backslash_makes_markup_plain(text: str, markdown: str) -> None:
    """Every mark is escaped, but those of a line's start only there."""
    assert escape(text) == markdown


@pytest.mark.parametrize(
    ("spans", "markdown"),
    [
        ((Span("gras", BOLD), Span(" et "), Span("italique", ITALIC)), "**gras** et *italique*"),
        ((Span("tout", BOLD | ITALIC | STRIKE),), "***~~tout~~***"),
        ((Span("a ", BOLD), Span("b", BOLD | ITALIC), Span(" c", BOLD)), "**a *b* c**"),
        ((Span("a ", ITALIC), Span("b", BOLD | ITALIC)), "*a* ***b***"),
        ((Span("a", BOLD), Span("b", BOLD)), "**ab**"),
        ((Span("a", BOLD), Span("b", ITALIC)), f"**a**{APART}*b*"),
        ((Span(" a\n", BOLD), Span("b")), "**a**\nb"),
        ((Span("a\n\nb", STRIKE),), "~~a~~\n\n~~b~~"),
        ((Span("a"), Span("  ", BOLD), Span("b")), "a  b"),
        ((Span("~", STRIKE),), f"~~\\~{APART}~~"),
        ((Span("*", BOLD),), r"**\***"),
        ((Span("x = 1", CODE),), "`x = 1`"),
        ((Span("x", CODE | BOLD), Span("y", CODE)), "`xy`"),
        ((Span("`x`", CODE),), "`` `x` ``"),
        ((Span("a``b", CODE),), f"``a`{APART}`b``"),
        ((Span("a\nb", CODE),), "`a`\n`b`"),
        ((Span("a](b)", CODE),), f"`a]{APART}(b)`"),
    ],
)
def test_styles(spans: tuple[Span, ...], markdown: str) -> None:
    """Marks touch the words, nest, never run together, and end with their line."""
    assert write([Paragraph(spans)]) == markdown


@pytest.mark.parametrize(
    ("span", "markdown"),
    [
        (Span("Le Monde", url=URL), f"[Le Monde]({URL})"),
        (Span(" Le Monde ", BOLD, URL), f"**[Le Monde]({URL})**"),
        (Span("Titre | Le Monde (abonnés)", url=URL), f"[Titre | Le Monde (abonnés)]({URL})"),
        (Span("20\u202f000 euros\u00a0!", url=URL), f"[20 000 euros !]({URL})"),
        (Span("🎧 Écouter", url=URL), f"🎧 [Écouter]({URL})"),
        (Span("Le *vrai* visage de TikTok", url=URL), rf"Le \*vrai\* [visage de TikTok]({URL})"),
        (Span("un_nom et un_autre_", url=URL), rf"[un_nom et un_autre]({URL})\_"),
        (Span("deux\nlignes", url=URL), f"deux\n[lignes]({URL})"),
        (Span("https://b.example, dit-il", url=URL), rf"https\:[//b.example, dit-il]({URL})"),
        (Span("***", url=URL), rf"\*\*\* <{URL}>"),
        (Span(URL, url=URL), f"<{URL}>"),
        (Span("x", CODE, URL), f"[x]({URL})"),
        (Span("écrire", url="mailto:a@b.example"), "écrire"),
        (Span("long", url=URL + "x" * MAX_ADDRESS), "long"),
    ],
)
def test_links(span: Span, markdown: str) -> None:
    """A link is on the longest stretch that Discord takes for a label; the rest of its words stands beside it."""
    assert write([Paragraph((span,))]) == markdown


def test_neighbours_with_one_address_are_one_link() -> None:
    """Spans that look alike as links, as code does in one, share a label."""
    assert write([Paragraph((Span("la fonction ", url=URL), Span("x", CODE, URL)))]) == f"[la fonction x]({URL})"


def test_addresses_hold_no_markup() -> None:
    """What could end a link or be taken for markup is percent-encoded, what is encoded already stays."""
    assert web_address("https://a.example/(b)_[c]*~~|é%20 d") == "https://a.example/%28b%29_%5Bc%5D%2A%7E%7E%7Cé%20%20d"
    assert web_address("ftp://a.example") is None


@pytest.mark.parametrize(
    ("block", "markdown"),
    [
        (Heading((Span("Le récap"),), level=1), "## Le récap"),
        (Heading((Span("Une\nactualité"),)), "### Une\n### actualité"),
        (Heading((Span("C#"),)), f"### C#{APART}"),
        (Heading((Span("Un "), Span("détail", ITALIC)), level=3), "**Un *détail***"),
        (Note((Span("Source\u00a0: "), Span("Le Monde", url=URL))), f"-# Source\u00a0: [Le Monde]({URL})"),
        (Note((Span("deux\nlignes"),)), "-# deux\n-# lignes"),
        (Quote((Paragraph((Span("a\nb"),)), Quote((Paragraph((Span("c"),)),)))), "> a\n> b\n> \n> c"),
        (CodeBlock("\nx = 1\n```\n"), f"```\nx = 1\n``{APART}`\n```"),
        (Picture(URL, "Un chat"), f"[Un chat]({URL})"),
        (Picture(URL, ""), f"<{URL}>"),
        (
            Listing((TWO_IN_ONE, (Paragraph((Span("d"),)),)), start=9),
            "9. a\n   b\n   - **c**\n10. d",
        ),
        (Listing(((Paragraph((Span(" "),)),), (CodeBlock("x"),))), "- ```\n  x\n  ```"),
        (Paragraph((Span("\N{ZERO WIDTH SPACE} \n"),)), ""),
        (Paragraph((Span("a\r\nb\x0bc\x00\u2028d"),)), "a\nb\nc\nd"),
    ],
)
def test_blocks(block: Block, markdown: str) -> None:
    """Each block has its mark on every line, and an empty one leaves nothing."""
    assert write([block]) == markdown


def test_blocks_are_apart() -> None:
    """A blank line separates blocks; a heading stands right above its text."""
    some: list[Block] = [Heading((Span("A"),)), Note((Span("b"),)), Paragraph((Span(" "),)), Paragraph((Span("c"),))]
    assert write(some) == "### A\n-# b\n\nc"


def test_blank_text_shows_nothing() -> None:
    """Spaces, controls and invisible characters are nothing to see; an accent is."""
    assert is_blank(" \N{NO-BREAK SPACE}\n\x07\N{ZERO WIDTH JOINER}\N{SOFT HYPHEN}")
    assert not is_blank("\N{COMBINING ACUTE ACCENT}")
