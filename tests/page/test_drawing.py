"""How messages are drawn, in a real browser: all that they say, as they say it, and nothing that they say is markup."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
import pytest_asyncio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from playwright.async_api import expect

from bot.content.archive import Archive
from bot.model.document import Style
from bot.model.i18n import Language
from bot.platforms.discord.markdown import write
from bot.platforms.telegram.render import render as render_for_telegram
from bot.sandbox.demo import files
from bot.sandbox.telegram.rich import tree
from tests.documents import documents
from tests.page.browser import Watched
from tests.platforms.discord.reader import read
from tests.platforms.discord.test_markdown import blocks
from tests.platforms.telegram.reader import marked
from tests.world import CONTENT

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from playwright.async_api import Browser
    from playwright.async_api import Page as Tab

    from bot.model.document import Block, Document
    from bot.sandbox.demo.demo import Demo
    from bot.sandbox.demo.server import Page

pytestmark = pytest.mark.asyncio(loop_scope="session")

QUICK = settings(suppress_health_check=[HealthCheck.too_slow])

HOSTILE = (
    "<script>window.caught = 1</script>",
    "<img src=x onerror='window.caught = 2'>",
    "</div></article><iframe src='javascript:window.caught = 3'></iframe>",
    "&lt;b&gt;&#60;svg onload=window.caught=4&#62;",
    "[click](javascript:window.caught=5)",
    '[click](https://a.example/"onmouseover="window.caught=6)',
    "<javascript:window.caught=7>",
    "${window.caught = 8} {{script}} \N{RIGHT-TO-LEFT OVERRIDE}\x00",
)

READ = """(element) => {
  const seen = [];
  const walk = document.createTreeWalker(element, NodeFilter.SHOW_TEXT);
  while (walk.nextNode()) {
    let style = 0, linked = false;
    for (let at = walk.currentNode.parentElement; at !== element; at = at.parentElement) {
      style |= { STRONG: 1, EM: 2, S: 4, CODE: 8 }[at.nodeName] ?? 0;
      linked ||= at.nodeName === "A";
    }
    for (const character of walk.currentNode.data) {
      seen.push([character, style, linked]);
    }
  }
  return seen;
}"""
"""What is to be seen in an element, character by character."""

AUDIT = """(element) => [...element.querySelectorAll("*")].map((at) => [
  at.nodeName.toLowerCase(), at.getAttributeNames(), at.href instanceof Object ? "" : at.href ?? "",
])"""
"""Every element inside, with the names of its attributes and where it leads."""

ALLOWED = {
    *("a", "article", "blockquote", "button", "code", "div", "em", "figcaption", "figure", "h1", "h2", "h3", "hr"),
    *("li", "ol", "p", "path", "pre", "s", "small", "span", "strong", "svg", "time", "u", "ul"),
}


class Drawn(NamedTuple):
    """One visible character in the browser."""

    text: str
    style: Style
    linked: bool


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def board(chrome: Browser) -> AsyncIterator[Tab]:
    """An empty page with the scripts that draw."""
    watched, tab = Watched(), await chrome.new_page()
    watched.watch(tab)
    await tab.set_content('<html lang="fr"><body></body></html>')
    for name in files.DRAWING:
        asset = files.asset(name)
        assert asset is not None
        await tab.add_script_tag(content=asset.data.decode())
    yield tab
    watched.check()
    await tab.close()


async def draw(board: Tab, platform: str, body: dict[str, Any]) -> None:
    """Draw a message, alone on the page."""
    message = {"key": "k", "author": HOSTILE[0], "by_bot": True, "body": body, "silent": True, "asked": None}
    function = {"telegram": "drawTelegram", "discord": "drawDiscord"}[platform]
    await board.evaluate(
        f"([message]) => document.body.replaceChildren({function}(message, {{ press: () => 0, command: () => 0 }}))",
        [message],
    )


def without_spaces(text: str) -> str:
    """What is left when all that one does not see is taken out."""
    return "".join(text.split())


@QUICK
@given(st.lists(blocks(), min_size=1, max_size=3))
async def test_discords_markdown_is_read_as_discord_reads_it(board: Tab, written: list[Block]) -> None:
    """The page's reader and the tests' own see the same characters in the same styles, links where links are."""
    text = write(written)
    await draw(board, "discord", {"content": text})
    drawn = await board.locator(".dc-body > .dc-text").evaluate(READ) if text else []
    seen = [Drawn(part, Style(style), linked) for part, style, linked in drawn if not part.isspace()]
    expected = [
        Drawn(character, each.style, each.url is not None)
        for each in read(text)
        for character in each.text
        if not character.isspace()
    ]
    assert [each for each in seen if each.text != "\N{ZERO WIDTH SPACE}"] == [
        each for each in expected if each.text != "\N{ZERO WIDTH SPACE}"
    ]


@settings(QUICK, max_examples=12)
@given(documents())
async def test_telegrams_entities_are_drawn_where_they_are(board: Tab, document: Document) -> None:
    """The whole text in its order, each link with its words."""
    for message in render_for_telegram(document).messages:
        body = dict(message.body)
        await draw(board, "telegram", body)
        text = board.locator(".tg-text")
        assert without_spaces(await text.evaluate("(at) => at.textContent")) == without_spaces(body["text"])
        bold = await text.locator("strong").evaluate_all("(all) => all.map((at) => at.textContent)")
        expected = [words for kind, words in marked(body) if kind == "bold"]
        assert without_spaces("".join(bold)) == without_spaces("".join(expected))


@QUICK
@given(
    st.lists(st.sampled_from(HOSTILE) | st.text(max_size=8) | st.sampled_from("*_~`|[]()<>#-\n\\"), max_size=8).map(
        "".join
    ),
    st.sampled_from(("text_link", "pre", "bold", "spoiler", "nonsense")),
)
async def test_nothing_that_is_said_becomes_markup(board: Tab, said: str, kind: str) -> None:
    """Elements are those that the page builds, attributes those it sets, links lead to the web or nowhere."""
    button = {"type": 2, "style": 5, "label": said[:80] or "x", "url": said}
    entity = {"type": kind, "offset": 0, "length": len(said.encode("utf-16-le")) // 2, "url": said}
    gallery = {"type": 12, "items": [{"media": {"url": said}, "description": said}]}
    for platform, body in (
        ("discord", {"content": said}),
        ("discord", {"components": [{"type": 17, "components": [{"type": 10, "content": said}, gallery, button]}]}),
        ("telegram", {"text": said, "entities": [entity], "link_preview_options": {"url": said}}),
        ("telegram", {"text": said, "reply_markup": {"inline_keyboard": [[{"text": said or "x", "url": said}]]}}),
    ):
        await draw(board, platform, body)
        for name, attributes, address in await board.locator("body").evaluate(AUDIT):
            assert name in ALLOWED
            assert not any(each.startswith("on") or each in {"style", "src", "srcdoc"} for each in attributes)
            assert address == "" or address.startswith(("http://", "https://"))
    assert await board.evaluate("window.caught") is None


@QUICK
@given(st.lists(st.sampled_from(HOSTILE) | st.text(max_size=6) | st.sampled_from(("<p>", "</p>", "<b>")), max_size=8))
async def test_a_rich_message_is_drawn_from_a_tree(board: Tab, parts: list[str]) -> None:
    """Whatever its HTML holds, even what the platform would have refused: known elements, and links to the web."""
    await draw(board, "telegram", {"rich": tree("".join(parts))})
    for name, attributes, address in await board.locator("body").evaluate(AUDIT):
        assert name in ALLOWED
        assert not any(each.startswith("on") or each in {"style", "src", "srcdoc"} for each in attributes)
        assert address == "" or address.startswith(("http://", "https://"))
    assert await board.evaluate("window.caught") is None


async def test_hostile_people_and_content_stay_words(chrome: Browser, fresh: tuple[Demo, Page], content: Path) -> None:
    """In the whole demo: typed in a chat, as the title of a subject, as a topic asked for on Discord."""
    _, page = fresh
    episode = (content / "1207.md").read_text(encoding="utf-8")
    watched, tab = Watched(), await chrome.new_page(locale="fr-FR")
    watched.watch(tab)
    try:
        (content / "1208.md").write_text(
            episode.replace("number: 1207", "number: 1208")
            .replace("date: 2024-11-04", "date: 2024-11-03")
            .replace("## Netflix Moments", f"## {HOSTILE[1].replace('<', chr(92) + '<')}"),
            encoding="utf-8",
        )
        await tab.goto(page.url)
        await expect(tab.locator("#backstage")).to_contain_text("4 épisode")
        for text in (*HOSTILE[:4], f"/topic {HOSTILE[0]}", "/latest"):
            await tab.fill("#tg-field", text)
            await tab.press("#tg-field", "Enter")
        await expect(tab.locator("#telegram-log")).to_contain_text("<img src=x onerror=")
        await expect(tab.locator("#telegram-log .tg-own").nth(1)).to_contain_text(HOSTILE[0])
        assert await tab.evaluate("window.caught") is None
        assert await tab.locator("main img, main iframe, main script, main [onerror]").count() == 0
    finally:
        (content / "1208.md").unlink()
        await tab.close()
    watched.check()


async def test_a_preview_file_shows_the_same_and_asks_nobody(chrome: Browser, tmp_path: Path) -> None:
    """From the disk: every subject, the lengths, and not one request but for itself."""
    episode = Archive.load(CONTENT).get(1207)
    assert episode is not None
    content = {
        "title": HOSTILE[0],
        "subtitle": HOSTILE[1],
        "platforms": [
            {
                "platform": "discord",
                "name": "Discord",
                "messages": [
                    {"key": "1", "author": "x", "by_bot": True, "used": 12, "limit": 4000, "silent": False}
                    | {"body": {"content": json.dumps(HOSTILE)}}
                ],
            }
        ],
    }
    path = tmp_path / "page.html"
    path.write_text(files.preview(HOSTILE[2], Language.FRENCH, content), encoding="utf-8")
    watched, tab = Watched(), await chrome.new_page()
    watched.watch(tab)
    await tab.goto(path.as_uri())
    await expect(tab.locator("h1")).to_have_text(HOSTILE[0])
    await expect(tab.locator(".measure")).to_contain_text("12 sur")
    assert await tab.title() == HOSTILE[2]
    assert await tab.evaluate("window.caught") is None
    assert watched.requests == [path.as_uri()]
    assert watched.complaints == []
    await tab.close()


async def test_a_quotation_that_folds_can_be_folded_out(board: Tab) -> None:
    """By the keyboard too: the style sheet shows all of it as long as it has the focus."""
    quote = {"type": "expandable_blockquote", "offset": 6, "length": 5}
    await draw(board, "telegram", {"text": "Titre\nTexte", "entities": [quote]})
    fold = board.locator(".tg-fold")
    assert await fold.text_content() == "Texte"
    await fold.focus()
    assert await fold.evaluate("(element) => element === document.activeElement")
