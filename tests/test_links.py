"""Links: what an episode's file may hold is what both platforms take, in words, pictures, previews and buttons."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bot.content.formatter import Formatter
from bot.content.parser import parse_episode
from bot.model.i18n import Language, words
from bot.model.problems import InvalidInputError
from bot.platforms.discord.render import render as render_for_discord
from bot.platforms.telegram.render import render as render_for_telegram
from bot.platforms.telegram.rich import render_rich
from bot.sandbox.discord.rules import SETTABLE_BY_BOT, compose
from bot.sandbox.telegram.rich import rich_text
from bot.sandbox.telegram.rules import Arguments, link_preview, markup
from bot.sandbox.telegram.text import formatted

if TYPE_CHECKING:
    from bot.model.document import Document

tdlib = pytest.importorskip("tests.platforms.telegram.tdlib", reason="TDLib's parser is not installed")

EPISODE = """---
number: 1
title: Un
date: 2024-11-04
audio: {quoted}
page: {quoted}
---

Une phrase.

## Un

Un [mot](<{url}>) ici.

![Une image](<{url}>)

Sources :
- [Une source](<{url}>)
"""
MALFORMED = ("https://example.org:/x", "https://a.b:0/x", "https://[::1]x/", "https://example.org%/x")
SITES = st.builds(
    "{}{}{}{}".format,
    st.sampled_from(["", "u@", "u:p@", "u%41@", "u%zz@", "%@", "@", "a@b@"]),
    st.sampled_from(["example.org", "é.fr", "a..b", "[::1]", "[::1]x", "1.2.3.4", "a%41.b", "a.b.", "①.fr", "a_b.c"]),
    st.sampled_from(["", ":", ":0", ":80", ":65536", ":x", ":+1", "\\", "|"]),
    st.sampled_from(["", "/", "/x%", "?a=[b]", "#é", "/(a)_'b'*~", '/"', "/|^`{}"]),
)


def document(url: str) -> Document:
    """An episode with the address in every place in which a file can have one.

    Raises:
        InvalidInputError: `recap check` refuses the file.
    """
    episode = parse_episode(EPISODE.format(url=url, quoted=json.dumps(url)), Path("1.md"))
    made = Formatter("Le récap", words(Language.FRENCH)).episode(episode)
    assert made is not None
    return made


@pytest.mark.parametrize("url", MALFORMED)
def test_a_link_that_a_platform_would_refuse_is_a_mistake_in_the_file(url: str) -> None:
    """In each of its five places, with the line."""
    with pytest.raises(InvalidInputError) as refused:
        document(url)
    assert [problem.line for problem in refused.value.problems] == [5, 6, 13, 15, 18]


@given(SITES | st.text("ab.-_:/?#[]@%!~+0149fé", max_size=20))
@example("user:p%c3%a9@example.org/")
def test_what_check_accepts_the_platforms_accept(site: str) -> None:
    """TDLib, on which Telegram runs, and the rules of both stand-ins refuse no message of it."""
    try:
        shown = document(f"https://{site}")
    except InvalidInputError:
        return
    classic = render_for_telegram(shown, username="recap_bot")
    for message in classic.messages:
        tdlib.mended(message.body)
        formatted(message.body["text"], message.body["entities"])
        arguments = Arguments(message.body, 1)
        link_preview(arguments)
        markup(arguments)
    for message in render_rich(shown).messages:
        rich_text(Arguments(message.body, 1))
    for message in render_for_discord(shown).messages:
        compose(message.body, settable=SETTABLE_BY_BOT)
