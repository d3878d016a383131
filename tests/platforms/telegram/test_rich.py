"""Documents as Telegram rich messages: all that they say, within the limits, and nothing that could be misread."""

from __future__ import annotations

import html
import re
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from telegram.error import BadRequest, InvalidToken

from bot.model.document import (
    CommandButton,
    Document,
    Heading,
    Layout,
    Listing,
    Note,
    Paragraph,
    Picture,
    Quote,
    Section,
    Span,
    Style,
)
from bot.model.subscription import PlatformName, Target
from bot.platforms.base import Post, RenderingRefusedError, TargetClosedError
from bot.platforms.telegram.errors import translate_rich
from bot.platforms.telegram.render import render
from bot.platforms.telegram.rich import LENGTH_LIMIT, RICH_MESSAGE, render_rich
from bot.sandbox.telegram.errors import ApiError
from bot.sandbox.telegram.rich import rich_text
from bot.sandbox.telegram.rules import Arguments
from bot.sandbox.telegram.server import TelegramStandIn
from tests.clients import connected, telegram_client
from tests.documents import LARGE, documents

if TYPE_CHECKING:
    from bot.model.document import Block
    from bot.model.rendering import Rendering

LINK = "https://example.org/?a=1&b=2"


def rich(document: Document, *, silent: bool = False) -> Rendering:
    """The rich rendering."""
    return render_rich(document, silent=silent)


def written(*blocks: Block) -> str:
    """The HTML of the one message that these blocks make."""
    (message,) = rich(Document("Titre", (Section(blocks),))).messages
    found: str = message.body[RICH_MESSAGE]["html"]
    return found


def test_everything_is_what_it_is() -> None:
    """Headings, small print, pictures, lists and quotations have tags of their own."""
    assert written(
        Heading((Span("Le récap"),), level=1),
        Paragraph((Span("Un "), Span("mot", Style.BOLD | Style.ITALIC), Span("\nà la ligne"))),
        Listing(((Paragraph((Span("un"),)),), (Paragraph((Span("deux"),)),)), start=3),
        Quote((Paragraph((Span("Bref."),)),)),
        Picture("https://example.org/p.jpg?a=1&b=2", 'Un "visuel"'),
        Note((Span("Source"), Span("ici", url=LINK))),
    ) == (
        "<h2>Le récap</h2>"
        "<p>Un <i><b>mot</b></i><br>à la ligne</p>"
        '<ol start="3"><li><p>un</p></li><li><p>deux</p></li></ol>'
        "<blockquote><p>Bref.</p></blockquote>"
        '<figure><img src="https://example.org/p.jpg?a=1&amp;b=2">'
        "<figcaption>Un &quot;visuel&quot;</figcaption></figure>"
        '<footer>Source<a href="https://example.org/?a=1&amp;b=2">ici</a></footer>'
    )


def test_markup_in_a_text_is_text() -> None:
    """Whatever stands in an episode never becomes a tag."""
    assert written(Paragraph((Span('<b>"a" & b</b>'),))) == "<p>&lt;b&gt;&quot;a&quot; &amp; b&lt;/b&gt;</p>"


def test_telegram_is_not_to_find_anything_by_itself() -> None:
    """What it finds can make it refuse the whole message."""
    (message,) = rich(Document("", (Section((Paragraph((Span("#tiktok @ada"),)),)),))).messages
    assert message.body[RICH_MESSAGE]["skip_entity_detection"] is True


def test_a_digest_is_one_message_and_only_the_first_of_several_rings() -> None:
    """A message per section where that was chosen; the buttons below the last."""
    sections = tuple(Section((Paragraph((Span(f"Sujet {number}"),)),)) for number in range(3))
    button = (CommandButton("Tout", "latest"),)
    assert len(rich(Document("", sections, button)).messages) == 1
    apart = rich(Document("", sections, button, Layout.SEGMENTS)).messages
    assert [message.body["disable_notification"] for message in apart] == [False, True, True]
    assert ["reply_markup" in message.body for message in apart] == [False, False, True]
    assert rich(Document("", sections), silent=True).messages[0].body["disable_notification"]


def test_what_no_rich_message_holds_is_sent_as_classic_ones() -> None:
    """One paragraph that is longer than a whole rich message."""
    document = Document("", (Section((Paragraph((Span("mot " * LENGTH_LIMIT),)),)),))
    assert rich(document) == render(document)


def test_long_documents_are_cut_between_sections_and_then_blocks() -> None:
    """Nothing is lost, and each message is within the limits."""
    paragraph = Paragraph((Span("mot " * 2000),))
    document = Document("", tuple(Section((paragraph,) * 5) for _ in range(4)))
    messages = rich(document).messages
    assert len(messages) == 4 * 2
    assert "".join(message.body[RICH_MESSAGE]["html"] for message in messages).count("<p>") == 20


@settings(max_examples=LARGE)
@given(documents())
def test_the_server_takes_it_and_all_is_said(document: Document) -> None:
    """Every message is well-formed and within the limits; its letters are those of the classic messages."""
    try:
        classic = render(document)
    except ValueError:
        return
    rendering = render_rich(document, username="recap_bot")
    texts = []
    for message in rendering.messages:
        assert message.used <= message.limit
        if RICH_MESSAGE not in message.body:
            return
        texts.append(rich_text(Arguments(message.body, 0))[1])
    said = letters("".join(message.body["text"] for message in classic.messages))
    instead = [each for message in rendering.messages for each in message.fallback]
    assert letters("".join(texts)) == letters("".join(each.body["text"] for each in instead)) == said
    assert [each.body["disable_notification"] for each in instead] == [False, *[True] * (len(instead) - 1)]
    assert [each for each in instead if "reply_markup" in each.body] == instead[-1:] * bool(document.buttons)


def letters(text: str) -> str:
    """The letters alone: digits stand in the numbers of lists, and spaces and signs differ."""
    return "".join(character for character in html.unescape(text) if character.isalpha())


@pytest.mark.parametrize(
    "wrong",
    ["<p>", "<p>a</h2>", "<script>a</script>", "<p>&eacute;</p>", '<p><a href="javascript:x">a</a></p>', "", "<p></p>"],
)
def test_the_stand_in_refuses_what_the_real_one_would(wrong: str) -> None:
    """Tags that do not match, others than those it knows, addresses of no web page, nothing at all."""
    with pytest.raises(ApiError, match=re.compile("RICH_MESSAGE_.*INVALID")):
        rich_text(Arguments({RICH_MESSAGE: {"html": wrong}}, 0))


async def test_a_rich_message_is_sent_and_refused_as_such() -> None:
    """A refusal is one of this kind of message: the chat is not to blame, and gets a classic one."""
    document = Document("", (Section((Heading((Span("Le récap"),), level=1),)),))
    async with TelegramStandIn() as standin:
        chat = standin.add_private()
        target = Target(PlatformName("telegram"), str(chat.id))
        async with connected(telegram_client(standin)) as platform:
            rendering = platform.render(document, rich=True)
            await platform.send(Post(target, "", rendering.messages[0], nonce=""))
            assert chat.messages[0].rich == "<h2>Le récap</h2>"
            broken = rendering.messages[0].__class__({RICH_MESSAGE: {"html": "<p>"}}, 3, LENGTH_LIMIT)
            with pytest.raises(RenderingRefusedError):
                await platform.send(Post(target, "", broken, nonce=""))


def test_which_refusals_are_about_the_kind_of_message() -> None:
    """A server that does not know it, and a chat without pictures; a closed topic is closed to every message."""
    for error in (
        InvalidToken("Not Found"),
        BadRequest("RICH_MESSAGE_URL_INVALID"),
        BadRequest("not enough rights to send photos to the chat"),
    ):
        assert isinstance(translate_rich(error), RenderingRefusedError)
    assert isinstance(translate_rich(BadRequest("TOPIC_CLOSED")), TargetClosedError)
