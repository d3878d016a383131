"""The first of several messages says that others follow, whatever the document and on both platforms."""

from __future__ import annotations

import dataclasses
import html
import json
import re

import pytest
from hypothesis import HealthCheck, given, settings

from bot.model.document import Document, Layout, Paragraph, Section, Span
from bot.model.rendering import Message, Rendering
from bot.platforms.base import Renderer
from bot.platforms.discord import render as discord
from bot.platforms.telegram.render import render
from bot.platforms.telegram.rich import RICH_MESSAGE, render_rich
from tests.documents import LARGE, documents
from tests.world import read_discord

MORE = "QQQ la suite QQQ"
arbitrary = settings(max_examples=LARGE, suppress_health_check=list(HealthCheck))


def text_of(message: Message) -> str:
    """The words of a message of any kind."""
    if RICH_MESSAGE in message.body:
        return html.unescape(re.sub(r"<[^>]*>", " ", message.body[RICH_MESSAGE]["html"]))
    return str(message.body["text"]) if "text" in message.body else read_discord(message.body["components"])


def letters(rendering: Rendering) -> str:
    """The letters of all messages."""
    return "".join(filter(str.isalpha, "".join(map(text_of, rendering.messages))))


def check(before: Rendering, after: Rendering) -> None:
    """Check what the small print changes: nothing below a single message, else the end of the first."""
    if len(before.messages) == 1:
        assert after == before
        return
    first, *others = map(text_of, after.messages)
    assert first.strip().removeprefix("-# ").endswith(MORE)
    assert others
    assert not any(MORE in text for text in others)
    assert letters(after).replace("QQQlasuiteQQQ", "") == letters(before)
    for message in after.messages:
        assert message.used <= message.limit
    json.dumps([message.body for message in after.messages])


@arbitrary
@given(documents())
def test_classic_messages_say_that_others_follow(document: Document) -> None:
    """Within the limits, with nothing lost."""
    continued = render(dataclasses.replace(document, more=MORE))
    check(render(document), continued)
    assert all(len(message.body["entities"]) <= 100 for message in continued.messages)


@arbitrary
@given(documents())
def test_rich_messages_say_that_others_follow(document: Document) -> None:
    """And so do the classic ones that replace the first, and none that replace another."""
    continued = render_rich(dataclasses.replace(document, more=MORE))
    check(render_rich(document), continued)
    if len(continued.messages) > 1 and RICH_MESSAGE in continued.messages[0].body:
        first, *others = ("".join(map(text_of, message.fallback)) for message in continued.messages)
        assert first.endswith(MORE)
        assert not any(MORE in text for text in others)


@arbitrary
@given(documents())
def test_messages_of_discord_say_that_others_follow(document: Document) -> None:
    """Within 4,000 characters and 40 components."""
    continued = discord.render(dataclasses.replace(document, more=MORE))
    check(discord.render(document), continued)
    for message in continued.messages:
        assert discord.component_count(message.body["components"]) <= discord.MAX_COMPONENTS


@pytest.mark.parametrize("length", [3_900, 3_980, 3_999, 4_000, 4_090, 4_096, 4_100, 8_000])
@pytest.mark.parametrize("renderer", [render, discord.render])
def test_a_full_first_message_makes_room(length: int, renderer: Renderer) -> None:
    """One paragraph that fills a message to the last character gives a word or two to the next."""
    document = Document("", (Section((Paragraph((Span("mot " * (length // 4)),)),)),), more=MORE)
    rendering = renderer(document)
    first, *others = map(text_of, rendering.messages)
    assert first.endswith(MORE) == bool(others)
    assert sum(text_of(message).count("mot") for message in rendering.messages) == length // 4


def test_each_message_of_the_layout_of_segments_has_its_own_fallback() -> None:
    """The classic form of the same section, silent where the rich one is; the buttons below the last alone."""
    sections = tuple(Section((Paragraph((Span(f"Sujet {number}"),)),)) for number in range(3))
    document = Document("", sections, layout=Layout.SEGMENTS)
    rich, classic = render_rich(document), render(document)
    assert [message.fallback for message in rich.messages] == [(message,) for message in classic.messages]
