"""Documents as nobody would write them, for the tests of what renders them."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias, TypeVar

from hypothesis import strategies as st

from bot.model.document import (
    Block,
    Button,
    CodeBlock,
    CommandButton,
    Document,
    Fold,
    Heading,
    Layout,
    LinkButton,
    Listing,
    Note,
    Paragraph,
    Picture,
    Quote,
    Section,
    Span,
    Style,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

Leaf: TypeAlias = Heading | Paragraph | Note | CodeBlock | Picture
"""A block that holds text, not blocks."""

FAMILY = "\N{MAN}\N{ZERO WIDTH JOINER}\N{WOMAN}\N{ZERO WIDTH JOINER}\N{GIRL}"
FRANCE = "\N{REGIONAL INDICATOR SYMBOL LETTER F}\N{REGIONAL INDICATOR SYMBOL LETTER R}"

MARKUP = (
    "**gras** __souligné__ *i* _i_ ~~barré~~ ||caché|| `code` ``` > citation",
    "# titre\n-# note\n- liste\n+ liste\n1. un\n>>> tout",
    "<b>gras</b> <a href='x'>lien</a> &amp; &lt; <br>",
    "[texte](https://a.example) <https://b.example> https://c.example/?a=b_c_d&e=*f*",
    "@everyone @here <@123> <@!123> <@&123> <#123> </latest:123> @recap_bot #tiktok $AAPL /latest",
    ":smile: <:recap:123> <t:0:R> \\ \\* \\\\ | ( ) [ ] { } ! = ~",
)
"""What means something to one platform or the other."""

ODDITIES = (
    "«\N{NO-BREAK SPACE}Où\N{NARROW NO-BREAK SPACE}?\N{NO-BREAK SPACE}» l\N{RIGHT SINGLE QUOTATION MARK}œuvre",
    FAMILY,
    FRANCE,
    "e\N{COMBINING ACUTE ACCENT}" * 3,
    "e" + "\N{COMBINING ACUTE ACCENT}" * 40,
    "\N{MATHEMATICAL SCRIPT CAPITAL X}\N{PILE OF POO}",
    "\N{HEBREW LETTER ALEF}\N{HEBREW LETTER BET} \N{ARABIC LETTER BEH} \N{RIGHT-TO-LEFT OVERRIDE}abc",
    "\N{ZERO WIDTH SPACE}",
    "\N{LEFT-TO-RIGHT MARK}\N{RIGHT-TO-LEFT MARK}",
    "\t\r\n \v\f\x00\x1b\x1c\x7f\x85\N{LINE SEPARATOR}\N{PARAGRAPH SEPARATOR}",
    "\N{BRAILLE PATTERN BLANK}\N{HANGUL FILLER}\N{OBJECT REPLACEMENT CHARACTER}\N{TAG SPACE}",
    "a\N{COMBINING RING ABOVE} a\N{COMBINING DOUBLE LOW LINE} a\N{COMBINING DOUBLE OVERLINE}",
)
"""What is easily counted, cut or trimmed wrongly."""


Thing = TypeVar("Thing")


def mostly(usual: st.SearchStrategy[Thing], rare: st.SearchStrategy[Thing]) -> st.SearchStrategy[Thing]:
    """One time in eight the rare one."""
    return st.integers(0, 7).flatmap(lambda dice: rare if dice == 7 else usual)


def _repeated(text: str, length: int) -> str:
    return (text * (length // len(text) + 1))[:length]


def urls() -> st.SearchStrategy[str]:
    """Addresses, short and as long as a platform takes."""
    return st.builds(
        "https://{}.example/{}".format, st.sampled_from("ab"), st.sampled_from(["", "?a=b_c&d=(e)", "f" * 400])
    )


def short_texts() -> st.SearchStrategy[str]:
    """A few words of any characters, not empty."""
    return st.one_of(
        st.text(min_size=1, max_size=60),
        st.sampled_from(MARKUP + ODDITIES),
        st.sampled_from(("un", "Une phrase. ", "Encore une\N{NARROW NO-BREAK SPACE}! ", "deux lignes\net la fin", " ")),
    )


def texts() -> st.SearchStrategy[str]:
    """Text of any characters, now and then longer than a message, up to three messages."""
    lengths = st.sampled_from((900, 900, 900, 3_900, 3_900, 4_096, 12_500))
    long = st.builds(_repeated, short_texts(), lengths)
    return mostly(short_texts(), long)


def spans(of: st.SearchStrategy[str]) -> st.SearchStrategy[Span]:
    """Text in any mix of styles, linked or not."""
    styles = st.sets(st.sampled_from(list(Style))).map(lambda chosen: Style(sum(style.value for style in chosen)))
    return st.builds(Span, of, st.just(Style.PLAIN) | styles, st.none() | urls())


def runs(of: st.SearchStrategy[str]) -> st.SearchStrategy[tuple[Span, ...]]:
    """A few spans side by side; now and then very many."""
    few = st.lists(spans(of), min_size=1, max_size=4).map(tuple)
    many = st.builds(lambda span, times: (span, Span(" et ")) * times, spans(short_texts()), st.integers(30, 50))
    return mostly(few, many)


def blocks(of: st.SearchStrategy[str]) -> st.SearchStrategy[Block]:
    """Any block, with lists and quotes in one another."""
    leaves: st.SearchStrategy[Block] = st.one_of(
        st.builds(Heading, runs(of), st.sampled_from((1, 2))),
        st.builds(Paragraph, runs(of)),
        st.builds(Paragraph, runs(of)),
        st.builds(Note, runs(of)),
        st.builds(CodeBlock, of),
        st.builds(Picture, urls(), of),
    )
    return st.recursive(leaves, _nested, max_leaves=6)


def _nested(children: st.SearchStrategy[Block]) -> st.SearchStrategy[Block]:
    some = st.lists(children, min_size=1, max_size=3).map(tuple)
    items = st.lists(some, min_size=1, max_size=4).map(tuple)
    return st.builds(Quote, some) | st.builds(Listing, items, st.none() | st.integers(1, 99))


def buttons() -> st.SearchStrategy[Button]:
    """Buttons within every platform's limits."""
    labels = st.text(st.characters(categories=["L"]), min_size=1, max_size=30)
    return st.one_of(
        st.builds(LinkButton, labels, urls()),
        st.builds(CommandButton, labels, st.sampled_from(("topic", "latest")), st.sampled_from(("", "tiktok", "été"))),
    )


def sections(of: st.SearchStrategy[str], most_blocks: int = 4) -> st.SearchStrategy[Section]:
    """A section of any blocks, with a preview or without."""
    return st.builds(Section, st.lists(blocks(of), min_size=1, max_size=most_blocks).map(tuple), st.none() | urls())


LARGE = 8
"""Examples where one is a whole document, which takes as long to draw as twenty small ones."""


def documents() -> st.SearchStrategy[Document]:
    """Documents of up to 40 sections. At least one character of each is a letter, so each can be sent."""
    opening = Section((Heading((Span("Le récap"),), level=1),))
    few = st.lists(sections(texts()), max_size=3)
    many = st.builds(lambda section, times: [section] * times, sections(short_texts(), 2), st.integers(10, 39))
    return st.builds(
        Document,
        title=st.just("Le récap"),
        sections=mostly(few, many).map(lambda more: (opening, *more)),
        buttons=st.lists(buttons(), max_size=6).map(tuple),
        layout=st.sampled_from(Layout),
    )


def leaves(document: Document) -> Iterator[Leaf]:
    """The blocks that hold text, in reading order."""
    for section in document.sections:
        yield from _leaves(section.blocks)


def _leaves(nest: Sequence[Block]) -> Iterator[Leaf]:
    for block in nest:
        match block:
            case Listing(items):
                for item in items:
                    yield from _leaves(item)
            case Quote(quoted):
                yield from _leaves(quoted)
            case Fold(title, folded):
                yield from _leaves((title, *folded))
            case _:
                yield block


def text_of(leaf: Leaf) -> str:
    """The text of a block as the document has it."""
    match leaf:
        case CodeBlock(text):
            return text
        case Picture(_, alt):
            return alt
        case _:
            return "".join(span.text for span in leaf.spans)
