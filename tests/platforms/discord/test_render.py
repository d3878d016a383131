"""A document becomes Discord messages that say all of it and keep within every limit of the platform."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from discord import ui
from hypothesis import assume, given, settings
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
    plain,
)
from bot.platforms.discord.render import render
from bot.sandbox.discord.messages import Pings, pings
from tests import documents
from tests.platforms.discord.saying import assert_all_is_said, components
from tests.platforms.discord.view import layout_view

if TYPE_CHECKING:
    from bot.model.rendering import Message

V2 = 1 << 15
SILENT = 1 << 12
LINE = {"type": 14, "divider": True, "spacing": 1}
URL = "https://a.example/"


def shown(*blocks: Block) -> list[Message]:
    """The messages of one section."""
    return list(render(Document("Le récap", (Section(blocks),))).messages)


def texts(message: Message) -> list[str]:
    """The text displays of a message."""
    return [component["content"] for component in components(message) if component["type"] == 10]


def types(message: Message) -> list[int]:
    """The types of the components in the message's container."""
    return [component["type"] for component in components(message)]


def paragraph(text: str, url: str | None = None) -> Paragraph:
    """A paragraph in one style."""
    return Paragraph((Span(text, url=url),))


def sentences(length: int) -> str:
    """Text of that many characters, ended by a full stop."""
    return ("Une phrase qui dit quelque chose. " * length)[: length - 1] + "."


def recap(*, sections: int, buttons: tuple[Button, ...] = (), layout: Layout = Layout.DIGEST) -> Document:
    """A recap of sections with a heading, a picture and a source each, which take four components with the line."""
    section = Section(
        (Heading((Span("Titre"),)), Picture(URL, "Une image"), Note((Span("Source", url=URL),))),
        preview=URL,
    )
    return Document("Le récap", (section,) * sections, buttons, layout)


def assume_some_messages(document: Document) -> None:
    """Leave out documents of far more than ten messages, which show nothing that ten do not."""
    assume(sum(len(documents.text_of(leaf)) for leaf in documents.leaves(document)) < 40_000)


@settings(max_examples=documents.LARGE)
@given(documents.documents())
def test_everything_is_said(document: Document) -> None:
    """However long a document is and wherever it is cut, all its words and links are there once and in order."""
    assume_some_messages(document)
    assert_all_is_said(document, render(document).messages)


@settings(max_examples=documents.LARGE)
@given(documents.documents(), st.booleans())
def test_every_message_is_within_the_limits(document: Document, silent: bool) -> None:
    """Text and components are as few as Discord takes, as its own library counts, and nobody is ever pinged."""
    assume_some_messages(document)
    for index, message in enumerate(render(document, silent=silent).messages):
        assert set(message.body) == {"flags", "components", "allowed_mentions"}
        assert message.body["flags"] == (V2 if index == 0 and not silent else V2 | SILENT)
        assert message.body["allowed_mentions"] == {"parse": []}
        view = layout_view(message.body["components"])
        assert view.content_length() == message.used <= message.limit == 4_000
        assert sum(1 for _ in view.walk_children()) <= 40
        for component in components(message):
            assert component["type"] != 10 or component["content"].strip()
            assert component["type"] != 12 or 1 <= len(component["items"]) <= 10
            assert component["type"] != 1 or 1 <= len(component["components"]) <= 5


@settings(max_examples=documents.LARGE)
@given(documents.documents())
def test_discord_py_sends_the_same_components(document: Document) -> None:
    """The view that discord.py is given makes the very components of the body again."""
    assume_some_messages(document)
    for message in render(document).messages:
        view = layout_view(message.body["components"])
        assert _sent(view) == message.body["components"]


def _sent(view: ui.LayoutView) -> Any:  # noqa: ANN401 - any JSON
    """What discord.py sends of the view, without the keys that say what holds anyway."""
    return _without_defaults([item.to_component_dict() for item in view.children])


def _without_defaults(value: Any) -> Any:  # noqa: ANN401 - any JSON
    if isinstance(value, dict):
        kept = {key: _without_defaults(inner) for key, inner in value.items()}
        return {key: inner for key, inner in kept.items() if key not in {"spoiler", "disabled"} and inner is not None}
    return [_without_defaults(inner) for inner in value] if isinstance(value, list) else value


def test_a_view_takes_no_unknown_component() -> None:
    """A component that is never rendered is a mistake, not something to leave out."""
    with pytest.raises(KeyError):
        layout_view([{"type": 13}])


def test_a_recap() -> None:
    """An episode is one container: text and pictures of each section, lines between them, buttons at the end."""
    document = Document(
        title="Netflix Moments, Telegram au milliard",
        sections=(
            Section((Heading((Span("Netflix Moments"),), level=1), Note((Span("Le récap · épisode 1207"),)))),
            Section(
                (
                    Heading((Span("1. Netflix laisse partager ses scènes"),)),
                    Paragraph((Span("Une fonction "), Span("attendue", Style.BOLD), Span(" depuis longtemps."))),
                    Picture("https://a.example/netflix.jpg", "Un téléphone"),
                    Note((Span("Source : "), Span("Tudum", url="https://b.example/tudum"))),
                ),
                preview="https://a.example/netflix.jpg",
            ),
        ),
        buttons=(LinkButton("🎧 Écouter", "https://a.example/1207.mp3"), CommandButton("Tout", "episode", "1207")),
    )
    rendering = render(document)
    (message,) = rendering.messages
    assert rendering.title == "Netflix Moments, Telegram au milliard"
    assert message.used == 175
    assert message.body == {
        "flags": V2,
        "allowed_mentions": {"parse": []},
        "components": [
            {
                "type": 17,
                "accent_color": 0x3E7BFA,
                "components": [
                    {"type": 10, "content": "## Netflix Moments\n-# Le récap · épisode 1207"},
                    LINE,
                    {
                        "type": 10,
                        "content": "### 1\\. Netflix laisse partager ses scènes\n"
                        "Une fonction **attendue** depuis longtemps.",
                    },
                    {
                        "type": 12,
                        "items": [{"media": {"url": "https://a.example/netflix.jpg"}, "description": "Un téléphone"}],
                    },
                    {"type": 10, "content": "-# Source : [Tudum](https://b.example/tudum)"},
                    {
                        "type": 1,
                        "components": [
                            {"type": 2, "style": 5, "label": "🎧 Écouter", "url": "https://a.example/1207.mp3"},
                            {"type": 2, "style": 2, "label": "Tout", "custom_id": "recap:episode 1207"},
                        ],
                    },
                ],
            }
        ],
    }
    assert json.loads(json.dumps(message.body)) == message.body


def test_a_message_for_each_section() -> None:
    """In the layout of segments every section begins a message, and only the first rings."""
    messages = render(recap(sections=3, layout=Layout.SEGMENTS)).messages
    assert [types(message) for message in messages] == [[10, 12, 10]] * 3
    assert [message.body["flags"] for message in messages] == [V2, V2 | SILENT, V2 | SILENT]


def test_a_silent_push_does_not_ring() -> None:
    """Not even the first message of a silent push rings."""
    (message,) = render(recap(sections=1), silent=True).messages
    assert message.body["flags"] == V2 | SILENT


def test_a_digest_is_cut_between_sections() -> None:
    """A section that no longer fits begins the next message, whole, even where some of it would have fitted."""
    first, second = Section((paragraph(sentences(2_500)),)), Section((paragraph(sentences(2_000)),))
    messages = render(Document("Le récap", (first, second, first))).messages
    assert [message.used for message in messages] == [2_500, 2_000, 2_500]
    assert [message.body["flags"] for message in messages] == [V2, V2 | SILENT, V2 | SILENT]


def test_a_long_section_is_cut_between_blocks() -> None:
    """Blocks stay whole where that is possible, and a heading stays with its text."""
    first, second = shown(paragraph(sentences(3_000)), Heading((Span("Suite"),)), paragraph(sentences(3_000)))
    assert first.used == 3_000
    assert texts(second) == ["### Suite\n" + sentences(3_000)]


def test_a_long_text_takes_a_time_that_grows_with_its_length(monkeypatch: pytest.MonkeyPatch) -> None:
    """To find a cut, no more than twice a message is looked at, however much text follows."""
    looked_at: list[int] = []

    def noted(blocks: tuple[Block, ...]) -> str:
        looked_at.append(len(blocks))
        return plain(blocks)

    monkeypatch.setattr("bot.model.document.plain", noted)
    paragraphs = tuple(Paragraph((Span(f"Le mot {number}."),)) for number in range(2_000))
    messages = shown(*paragraphs)
    longest = max(text.count("\n\n") + 1 for message in messages for text in texts(message))
    assert len(messages) > 5
    assert max(looked_at) <= 2 * longest + 1


def test_a_long_paragraph_is_cut_after_a_sentence() -> None:
    """What is longer than a message fills what is left under its heading and goes on after a sentence."""
    first, second = shown(Heading((Span("Titre"),)), paragraph(sentences(6_000)))
    assert texts(first)[0].startswith("### Titre\nUne phrase")
    assert 3_900 < first.used <= 4_000
    assert texts(first)[0].endswith("quelque chose.")
    assert texts(second)[0].startswith("Une phrase")


@pytest.mark.parametrize(
    "block_of",
    [
        lambda text: Quote((paragraph(text),)),
        lambda text: Listing(((paragraph(text),),)),
        lambda text: Quote((Listing(((paragraph("Un"),), (paragraph(text),))),)),
        lambda text: Note((Span(text),)),
        lambda text: CodeBlock(text),  # noqa: PLW0108 - the same shape as the others
        lambda text: Quote((Picture(URL, text),)),
    ],
)
def test_every_block_can_be_cut(block_of: Any) -> None:  # noqa: ANN401 - a function from text to a block
    """Quotes, lists, small print and code are cut like paragraphs, and remain what they are."""
    document = Document("Le récap", (Section((block_of(sentences(9_000)),)),))
    messages = render(document).messages
    assert len(messages) == 3
    assert_all_is_said(document, messages)


def test_a_link_that_is_cut_fits() -> None:
    """A link too long for a message is cut too, even where its beginning is longer in Discord's markdown than more."""
    span = Span("x" * 1_700 + " * " + "a_" * 800 + "a b" + "b" * 1_000, url=URL)
    document = Document("Le récap", (Section((Paragraph((span,)),)),))
    messages = render(document).messages
    assert all(message.used <= 4_000 for message in messages)
    assert_all_is_said(document, messages)


def test_the_numbers_of_a_list_go_on() -> None:
    """A numbered list is cut between items and goes on with the next number."""
    items = tuple((paragraph(sentences(1_500)),) for _ in range(4))
    first, second = shown(Listing(items, start=9))
    assert [text[:4] for text in texts(first)[0].split("\n")] == ["9. U", "10. "]
    assert [text[:4] for text in texts(second)[0].split("\n")] == ["11. ", "12. "]


def test_a_digest_is_cut_at_forty_components() -> None:
    """Nested components count: nine sections with a picture and five buttons make forty-one, so two messages."""
    buttons = tuple(LinkButton(str(number), URL) for number in range(5))
    assert len(render(recap(sections=8, buttons=buttons[:4])).messages) == 1
    messages = render(recap(sections=9, buttons=buttons)).messages
    assert [types(message)[-1] for message in messages] == [10, 1]
    assert types(messages[1]) == [10, 12, 10, 1]


def test_buttons_stand_five_in_a_row() -> None:
    """Up to 25 buttons stand in rows of five."""
    buttons = tuple(CommandButton(f"Épisode {number}", "episode", str(number)) for number in range(12))
    (message,) = render(Document("Le récap", (), buttons)).messages
    assert [len(row["components"]) for row in components(message)] == [5, 5, 2]


def test_what_no_button_can_be_is_text() -> None:
    """A button over the limits is said in words instead, with its link or the command to type."""
    long = URL + "x" * 512
    buttons: tuple[Button, ...] = (
        LinkButton("Adresse longue", long),
        LinkButton("Autre adresse", "ftp://a.example"),
        CommandButton("Argument long", "search", "é" * 27),
        *(LinkButton(str(number), URL) for number in range(26)),
    )
    (message,) = render(Document("Le récap", (), buttons)).messages
    assert texts(message) == [
        f"[Adresse longue]({long})\n\nAutre adresse\n\nArgument long `/search {'é' * 27}`\n\n[25]({URL})"
    ]
    assert len([component for component in components(message) if component["type"] == 1]) == 5


def test_a_button_carries_sixty_four_bytes() -> None:
    """Not characters: what fits is a button, one byte more is not."""
    fits = CommandButton("Oui", "search", "é" * 25 + "x")
    (message,) = render(Document("Le récap", (), (fits,))).messages
    (button,) = components(message)[0]["components"]
    assert len(button["custom_id"].encode()) == 64


def test_two_buttons_never_do_the_same() -> None:
    """Discord refuses a message with the same custom id twice, so the second such button is left out."""
    buttons = (CommandButton("Un", "topic", "tiktok"), CommandButton("Deux", "topic", "tiktok"))
    (message,) = render(Document("Le récap", (), buttons)).messages
    assert components(message)[0]["components"] == [
        {"type": 2, "style": 2, "label": "Un", "custom_id": "recap:topic tiktok"}
    ]


def test_a_command_without_argument_is_its_name() -> None:
    """The custom id ends with the command when there is nothing more to say."""
    (message,) = render(Document("Le récap", (), (CommandButton("Sujets", "topics"),))).messages
    assert components(message)[0]["components"][0]["custom_id"] == "recap:topics"


def test_long_labels_and_titles_end_with_an_ellipsis() -> None:
    """A label of more than 80 characters and a title of more than 100 are cut between words."""
    rendering = render(Document("mot " * 40 + "\nfin", (), (LinkButton("mot " * 40, URL),)))
    (button,) = components(rendering.messages[0])[0]["components"]
    assert button["label"] == "mot " * 19 + "mot…"
    assert rendering.title == "mot " * 24 + "mot…"


def test_ten_pictures_make_a_gallery() -> None:
    """Pictures in a row share a gallery, up to ten."""
    (message,) = shown(*[Picture(URL, "")] * 12)
    assert [component["items"] for component in components(message)] == [
        [{"media": {"url": URL}}] * 10,
        [{"media": {"url": URL}}] * 2,
    ]


def test_what_no_gallery_takes_is_a_link() -> None:
    """A picture whose address Discord does not take, or which stands in a list or quote, is its words with a link."""
    long = URL + "x" * 2_048
    (message,) = shown(Picture(long, "Longue"), Picture("ftp://a.example", "Fichier"), Quote((Picture(URL, "Citée"),)))
    assert texts(message) == [f"[Longue]({long})\n\nFichier\n\n> [Citée]({URL})"]


def test_long_descriptions_are_cut() -> None:
    """A description of more than 1024 characters ends with an ellipsis."""
    (message,) = shown(Picture(URL, "mot " * 300))
    description = components(message)[0]["items"][0]["description"]
    assert description == "mot " * 255 + "mot…"
    assert len(description) <= 1_024


def test_nothing_to_say_is_no_message() -> None:
    """Sections without anything to see make no messages, and no empty containers."""
    assert render(Document("Le récap", (Section(()), Section((paragraph(" \n"),))))).messages == ()


def test_a_view_waits_for_nobody() -> None:
    """The view never times out: presses are answered by their custom id, even after a restart."""
    view = layout_view(render(recap(sections=1)).messages[0].body["components"])
    assert isinstance(view, ui.LayoutView)
    assert view.timeout is None


HOSTILE = "@everyone @here <@1> <@!1> <@&42> <@&7> ``<@&7>`` \\<@&7>"


@pytest.mark.parametrize("layout", Layout)
def test_the_mentioned_role_alone_is_pinged_and_once(layout: Layout) -> None:
    """Whatever stands in titles, texts, code, links, lists, pictures and buttons, and in however many messages."""
    span, code = Span(HOSTILE), Span(HOSTILE, Style.CODE)
    link = Span(HOSTILE, url="https://example.org/<@&7>")
    pictures = (Picture("https://example.org/a.jpg", HOSTILE), Picture(f"https://example.org/{'a' * 2_100}", HOSTILE))
    quote = Quote((Listing(((Note((span,)),),)),))
    blocks = (Paragraph((span, code, link)), CodeBlock(HOSTILE), quote, *pictures)
    heading = Heading((span,))
    folded = Section((Fold(heading, blocks, (span,)),))
    sections = tuple(Section((heading, *blocks, Paragraph((Span("Texte. " * 300),)))) for _ in range(3))
    buttons = tuple(LinkButton(HOSTILE, f"https://example.org/{'a' * size}") for size in (1, 600))
    document = Document(HOSTILE, (*sections, folded), buttons, layout, more=HOSTILE, mention="role:7")
    messages = render(document).messages
    said = ["\n".join(texts(message)) for message in messages]
    found = [pings(text, message.body["allowed_mentions"]) for text, message in zip(said, messages, strict=True)]
    assert found == [Pings(roles=frozenset({7})), *[Pings()] * (len(messages) - 1)]
    assert len(messages) > 1
    # Even if all mentions were allowed, none but the first would be one.
    assert [mention.roles for mention in (pings(text, None) for text in said)] == [each.roles for each in found]
    assert "".join(said).count("<@&7>") == 1


@pytest.mark.parametrize("length", [3994, 3995, 3996, 4000])
def test_a_mention_leaves_a_full_first_message_within_the_limits(length: int) -> None:
    """The role takes the room of some words, and stands in the first message."""
    document = Document("T", (Section((paragraph("a" * length),)),), mention="role:7")
    first, *others = render(document).messages
    assert texts(first)[0] == "<@&7>"
    assert first.used <= first.limit
    assert len(others) == (length + len("<@&7>") > 4000)
