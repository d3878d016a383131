"""What Telegram is sent for a document, as people see it."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest

from bot.model.document import (
    Block,
    CodeBlock,
    CommandButton,
    Document,
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
from bot.platforms.telegram.render import render
from tests.platforms.telegram.reader import marked

if TYPE_CHECKING:
    from bot.model.rendering import JsonObject

NO_BREAK = "\N{NO-BREAK SPACE}"
LINK = "https://a.example"


def p(text: str, style: Style = Style.PLAIN, url: str | None = None) -> Paragraph:
    """A paragraph of one span."""
    return Paragraph((Span(text, style, url),))


def h(text: str) -> Heading:
    """A section's heading."""
    return Heading((Span(text),))


def section(*blocks: Block, preview: str | None = None) -> Section:
    """A section of these blocks."""
    return Section(blocks, preview)


def document(*sections: Section, layout: Layout = Layout.DIGEST) -> Document:
    """A document of these sections."""
    return Document("Le récap", sections, layout=layout)


def bodies(of: Document) -> list[JsonObject]:
    """The messages as JSON would carry them."""
    return [json.loads(json.dumps(message.body)) for message in render(of).messages]


def sent(*blocks: Block) -> list[str]:
    """The texts of the messages for one section."""
    return [body["text"] for body in bodies(document(section(*blocks)))]


class TestLooks:
    """One message, as people see it."""

    def test_a_small_episode(self) -> None:
        """Blank lines between blocks, bold titles, links on their words, tight lists, quotations."""
        opening = section(Heading((Span("Le récap du lundi"),), level=1), Note((Span("épisode 1207"),)))
        subject = section(
            h("1. Netflix"),
            Paragraph(
                (Span("Des "), Span("scènes", Style.BOLD | Style.ITALIC), Span(" à "), Span("partager", url=LINK))
            ),
            Listing(((p("un"),), (p("deux"), Listing(((p("trois"),),), start=3)))),
            Quote((p("Ça change tout."), p("Vraiment."))),
            CodeBlock("if a:\n\tb()"),
            Picture("https://a.example/1.jpg", "Une scène"),
            Note((Span("Source : "), Span("Tudum", Style.STRIKE, LINK))),
        )
        [body] = bodies(document(opening, subject))
        assert body["text"] == (
            "Le récap du lundi\n"
            "\n"
            "épisode 1207\n"
            "\n"
            "1. Netflix\n"
            "\n"
            "Des scènes à partager\n"
            "\n"
            "• un\n"
            "• deux\n"
            "   3. trois\n"
            "\n"
            "Ça change tout.\n"
            "\n"
            "Vraiment.\n"
            "\n"
            "if a:\n"
            "    b()\n"
            "\n"
            "🖼 Une scène\n"
            "\n"
            "Source : Tudum"
        ).replace("• ", f"•{NO_BREAK}").replace("   3. ", f"{NO_BREAK * 3}3.{NO_BREAK}")
        assert marked(body) == [
            ("bold", "Le récap du lundi"),
            ("bold", "1. Netflix"),
            ("bold", "scènes"),
            ("italic", "scènes"),
            (LINK, "partager"),
            ("blockquote", "Ça change tout.\n\nVraiment."),
            ("pre", "if a:\n    b()"),
            ("https://a.example/1.jpg", "🖼 Une scène"),
            (LINK, "Tudum"),
            ("strikethrough", "Tudum"),
        ]

    def test_offsets_count_utf16_units(self) -> None:
        """An emoji before a word moves its entity by two units and counts as two."""
        [message] = render(document(section(Paragraph((Span("💩 "), Span("mot", Style.BOLD)))))).messages
        assert message.body["entities"] == [{"type": "bold", "offset": 3, "length": 3}]
        assert (message.used, message.limit) == (6, 4096)

    def test_entities_cover_words_not_the_space_around_them(self) -> None:
        """Space inside a style or a link at its edge is left out of the entity, and space alone has none."""
        spans = (Span("un"), Span(" deux ", Style.BOLD), Span(" ", Style.ITALIC), Span(" trois\n", url=LINK))
        [body] = bodies(document(section(Paragraph(spans))))
        assert body["text"] == "un deux   trois"
        assert marked(body) == [("bold", "deux"), (LINK, "trois")]

    def test_code_takes_no_other_style_and_a_link_no_code(self) -> None:
        """What Telegram would drop is not sent: bold in code, code in a link."""
        spans = (Span("a", Style.CODE | Style.BOLD), Span("b", Style.CODE | Style.BOLD, LINK))
        [body] = bodies(document(section(Paragraph(spans))))
        assert marked(body) == [("code", "a"), (LINK, "b"), ("bold", "b")]

    def test_neighbours_that_look_the_same_are_one(self) -> None:
        """Fragments of one style or one link do not spend an entity each; the outer entity comes first."""
        spans = (Span("a", Style.BOLD), Span("b", Style.BOLD), Span("c", Style.ITALIC, LINK), Span("d", url=LINK))
        [body] = bodies(document(section(Quote((Paragraph(spans),)))))
        assert marked(body) == [("blockquote", "abcd"), ("bold", "ab"), (LINK, "cd"), ("italic", "c")]

    def test_a_quotation_in_a_quotation_is_part_of_it(self) -> None:
        """Telegram loses the inner quotation, so one is sent around both; two side by side stay two."""
        inner = Quote((p("b"),))
        [body] = bodies(document(section(Quote((p("a"), inner)), inner)))
        assert marked(body) == [("blockquote", "a\n\nb"), ("blockquote", "b")]

    def test_code_in_a_list_stands_below_its_marker(self) -> None:
        """Code is never indented or marked itself, and its marker never ends a message."""
        [body] = bodies(document(section(Listing(((CodeBlock("x"), p("après")),), start=2))))
        assert body["text"] == f"2.\nx\n{NO_BREAK * 3}après"
        assert marked(body) == [("pre", "x")]
        [body] = bodies(document(section(Listing(((p("avant"), CodeBlock("x")),)))))
        assert body["text"] == f"•{NO_BREAK}avant\nx"
        assert marked(body) == [("pre", "x")]
        assert sent(p("a" * 4090), Listing(((CodeBlock("x" * 9),),))) == ["a" * 4090, "•\nxxxxxxxxx"]

    def test_what_tdlib_strips_is_not_sent(self) -> None:
        """Control characters become spaces, line separators line feeds; a ring is saved by composing its letter."""
        text = "a\x00b\tc\u2028d\u202ee\r\nf a\u030a x\u030ay\u0333\ud800z"
        assert sent(p(text)) == ["a b c\nde\nf å xyz"]

    def test_invisible_text_is_no_message(self) -> None:
        """Blocks without anything to see are left out, and with nothing else a document can't be sent."""
        blank = f" {NO_BREAK}\u200b\u2800\ufffc\U000e0020\ufeff"
        assert sent(p(blank), p("a"), CodeBlock(" \n"), Listing(((p(blank),),)), Quote(())) == ["a"]
        assert len(sent(p("\u200b" * 5000 + "a"))) == 1
        with pytest.raises(ValueError, match="'Le récap' has no text"):
            render(document(section(p(blank))))
        with pytest.raises(ValueError, match="'Le récap' has no text"):
            render(document())

    def test_emoji_are_left_alone(self) -> None:
        """Joiners and selectors inside emoji are format characters, but not noise."""
        family = "👨\u200d👩\u200d👧 🖼\ufe0f"
        assert sent(p(family)) == [family]


class TestCuts:
    """Where one message ends and the next begins."""

    def test_sections_stay_whole(self) -> None:
        """A section that does not fit any more begins the next message."""
        one, two, three = (section(h(name), *[p("mot " * 130)] * 3) for name in ("A", "B", "C"))
        assert [re.findall("[A-Z]", body["text"]) for body in bodies(document(one, two, three))] == [["A", "B"], ["C"]]

    def test_a_section_that_is_too_long_is_cut_between_blocks(self) -> None:
        """Its beginning goes on in the message there is, so that there are as few as fit."""
        long = section(h("B"), *(p(f"{name}{'x' * 1500}") for name in "cdef"))
        texts = [body["text"] for body in bodies(document(section(p("A")), long))]
        assert [re.findall(r"[ABcdef]", text) for text in texts] == [["A", "B", "c", "d"], ["e", "f"]]

    def test_a_block_that_is_too_long_is_cut_between_sentences(self) -> None:
        """Sentences of a paragraph longer than a message stay whole."""
        sentence = "Une phrase sans fin, ou presque. "
        first, second = sent(p("A"), p(sentence * 200))
        assert first.endswith("presque.")
        assert second.startswith("Une phrase")
        assert len(first) > 4000
        assert sent(p("A"), p("mot " * 1100))[0] == "A"

    def test_a_word_or_a_link_that_a_message_can_hold_is_never_cut(self) -> None:
        """Not even to keep a heading with its text."""
        assert sent(h("Titre"), p("b" * 4095)) == ["Titre", "b" * 4095]

    def test_a_heading_stays_with_its_text(self) -> None:
        """No message ends with a heading, between whole blocks and before a block that must be cut."""
        assert [text[-2:] for text in sent(p("a" * 4000), h("Titre"), p("b" * 90))] == ["aa", "bb"]
        assert [text[:5] for text in sent(p("a" * 3000), h("Titre"), p("b" * 1090))] == ["aaaaa", "Titre"]
        assert sent(h("Titre"), p("mot " * 1030))[0].startswith("Titre\n\nmot mot")

    def test_a_heading_alone_is_not_left_behind_by_the_next_section(self) -> None:
        """A section of nothing but a heading goes with the section after it."""
        assert [
            text[:5]
            for text in (
                body["text"]
                for body in bodies(
                    document(
                        section(p("a" * 3000)),
                        section(h("Titre")),
                        section(p("b" * 2000)),
                    )
                )
            )
        ] == ["aaaaa", "Titre"]

    def test_a_link_is_whole_or_repeated(self) -> None:
        """A link's text is in one message; one longer than a message leads to its address from every piece."""
        before, after = bodies(document(section(Paragraph((Span("mot " * 1022), Span("le lien entier", url=LINK))))))
        assert marked(before) == []
        assert marked(after) == [(LINK, "le lien entier")]
        pieces = bodies(document(section(p("mot " * 2000, url=LINK))))
        assert [address for body in pieces for address, _ in marked(body)] == [LINK, LINK]

    def test_entities_beyond_a_hundred_go_to_the_next_message(self) -> None:
        """Telegram drops them silently, so the message is cut before."""
        spans = tuple(Span(f"{number} ", Style.BOLD, f"{LINK}/{number}") for number in range(120))
        first, second, third = bodies(document(section(Paragraph(spans))))
        assert [len(body["entities"]) for body in (first, second, third)] == [100, 100, 40]

    def test_hashtags_count_as_entities(self) -> None:
        """Telegram makes entities of hashtags and the like itself, out of the same hundred."""
        first, second = bodies(
            document(section(p("#sujet " * 90), Paragraph((Span("mot", Style.BOLD), Span(", ")) * 20)))
        )
        assert "mot" not in first["text"]
        assert len(second["entities"]) == 20

    def test_indentation_survives_a_cut_only_in_code(self) -> None:
        """A message begins with a word, unless it begins with a line of code."""
        code = CodeBlock("\n".join(["    x" * 100] * 16))
        assert all(text.startswith("    x") for text in sent(code))
        item = Listing(((p("a"), Listing(((p("b" * 2500),), (p("c" * 2500),)))),))
        assert [text[0] for text in sent(item)] == ["•", "•"]


class TestRest:
    """What goes with the text."""

    def test_only_the_first_message_rings(self) -> None:
        """In both layouts; a silent rendering never rings."""
        sections = (section(p("a" * 3000)), section(p("b" * 3000)))
        for layout in Layout:
            two = document(*sections, layout=layout)
            assert [body["disable_notification"] for body in bodies(two)] == [False, True]
            assert [message.body["disable_notification"] for message in render(two, silent=True).messages] == [True] * 2

    def test_each_section_can_begin_a_message(self) -> None:
        """In the layout of segments, sections share no message."""
        short = (section(p("a")), section(p("b")))
        assert [body["text"] for body in bodies(document(*short, layout=Layout.SEGMENTS))] == ["a", "b"]
        assert [body["text"] for body in bodies(document(*short))] == ["a\n\nb"]

    def test_the_preview_is_that_of_the_first_section_that_has_one(self) -> None:
        """Among the sections that begin in the message; a section's later pieces show none."""
        one, two = section(p("a")), section(p("Mot. " * 1000), preview=LINK)
        first, second = bodies(document(one, two))
        assert first["link_preview_options"] == {"url": LINK, "prefer_large_media": True}
        assert second["link_preview_options"] == {"is_disabled": True}

    def test_buttons_stand_below_the_last_message(self) -> None:
        """Three short ones share a row, two longer ones too, a long one is alone."""
        labels = ["TikTok", "Netflix", "Threads", "Telegram", "Les 3 autres", "Toute la page de l'épisode", "Fin"]
        buttons = tuple(CommandButton(label, "topic", label) for label in labels)
        sections = (section(p("a")), section(p("b")))
        first, last = bodies(Document("", sections, buttons, Layout.SEGMENTS))
        assert "reply_markup" not in first
        rows = last["reply_markup"]["inline_keyboard"]
        assert [[button["text"] for button in row] for row in rows] == [
            labels[:3],
            labels[3:5],
            labels[5:6],
            labels[6:],
        ]

    def test_a_button_opens_an_address_or_carries_a_command(self) -> None:
        """A command comes back as it would be typed."""
        buttons = (LinkButton("Page", LINK), CommandButton("A", "latest"), CommandButton("B", "topic", "été 2"))
        [body] = bodies(Document("", (section(p("a")),), buttons))
        assert body["reply_markup"]["inline_keyboard"] == [
            [
                {"text": "Page", "url": LINK},
                {"text": "A", "callback_data": "latest"},
                {"text": "B", "callback_data": "topic été 2"},
            ]
        ]

    def test_a_button_that_says_too_much_is_refused(self) -> None:
        """64 bytes, not characters, fit; the error names the button and its size."""
        fits = CommandButton("Sujet", "topic", "é" * 29)
        assert render(Document("", (section(p("a")),), (fits,))).messages
        too_long = CommandButton("Sujet", "topic", "é" * 30)
        with pytest.raises(ValueError, match=r"'Sujet' carries .* 66 bytes: Telegram takes 64"):
            render(Document("", (section(p("a")),), (too_long,)))
