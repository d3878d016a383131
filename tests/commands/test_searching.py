"""Searching the archive, as people do it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING
from unittest import mock

from hypothesis import given
from hypothesis import strategies as st

from bot.commands import CommandContext, Request, press
from bot.commands.search import SNIPPET, search, snippet
from bot.commands.topics import topic
from bot.content.archive import Archive
from bot.content.search import is_match, wanted
from bot.model.document import CommandButton, Style
from bot.model.i18n import Language
from bot.model.subscription import PlatformName, Target
from bot.model.text import fold_words
from bot.platforms.telegram.keyboard import CALLBACK_LIMIT
from tests.conversation import talking
from tests.world import CONTENT, MONDAY, town

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conversation import Talk, TelegramPerson


async def test_a_search_shows_the_matched_words_where_they_stand(anna: TelegramPerson) -> None:
    """All words must be there, whatever their accents and case; they are bold in what is shown of the summary."""
    reply = await anna.says("/search EUROPE tiktok")
    assert reply.text.startswith("Recherche : « EUROPE tiktok »")
    assert "Épisode 1207 · lundi 4 novembre 2024" in reply.text
    (message,) = anna.seen()
    bold = [message.text[each["offset"] :][: each["length"]] for each in message.entities if each["type"] == "bold"]
    assert "TikTok" in bold


async def test_a_hit_is_read_by_its_button(anna: TelegramPerson) -> None:
    """The button with a hit's number opens that subject."""
    reply = await anna.says("/search milliard")
    assert "1. Telegram" in reply.text
    whole = await anna.presses("1")
    assert not whole.replaced
    assert "frères Durov" in whole.text
    assert "Tout l’épisode 1207" in whole.buttons


async def test_the_pages_of_a_search_are_turned_in_place(anna: TelegramPerson) -> None:
    """The numbers go on from page to page."""
    first = await anna.says("/search les")
    assert first.buttons == ("1", "2", "3", "4", "5", "Suite ▶")
    second = await anna.presses("Suite ▶")
    assert second.replaced
    assert "6. " in second.text
    assert (await anna.presses("◀ Retour")).buttons == first.buttons
    last = first
    while "Suite ▶" in last.buttons:
        last = await anna.presses("Suite ▶")
    assert "◀ Retour" in last.buttons
    assert int(last.buttons[0]) > 5


def test_little_words_are_neither_asked_for_nor_shown_as_found() -> None:
    """They stand in every sentence, unless there is nothing else to look for."""
    assert wanted("Le journal de l’IA, and the TikTok") == ("journal", "ia", "tiktok")
    assert wanted("à la") == ("a", "la")
    spans = snippet("Le journal de bord de TikTok", wanted("le journal de tiktok"))
    assert [span.text for span in spans if Style.BOLD in span.style] == ["journal", "TikTok"]


async def test_a_search_too_long_for_a_button_says_so(tmp_path: Path) -> None:
    """The best hits are shown, with the way to see them all; no page leads to another search."""
    content = tmp_path / "content"
    content.mkdir()
    # Of the second, the letters would be few enough, and their bytes are not.
    texts = "anticonstitutionnellement extraordinairement incontestablement", "непротиворечивость самоопределение"
    subjects = "".join(f"## Sujet {number}\n\n{' '.join(texts)}.\n\n" for number in range(1, 8))
    (content / "1.md").write_text(f"---\nnumber: 1\ntitle: Un\ndate: 2024-11-04\n---\n\n{subjects}", "utf-8")
    async with town() as place, talking(place, tmp_path, content=content) as talk:
        anna = talk.on_telegram()
        for typed in texts:
            long = await anna.says(f"/search {typed}")
            assert "7 sujets · voici les meilleurs ; avec moins de mots" in long.text
            assert long.buttons == ("1", "2", "3", "4", "5")
            assert "Suite ▶" in (await anna.says(f"/search {typed.split(maxsplit=1)[0]}")).buttons


async def test_a_search_in_vain_offers_what_is_near(anna: TelegramPerson) -> None:
    """A topic that looks like it, or fewer words."""
    near = await anna.says("/search tiktak")
    assert near.text.startswith("Je n’ai rien trouvé avec « tiktak »")
    assert "#tiktok" in near.buttons
    assert "moins de mots" in (await anna.says("/search zzzz qqqq")).text
    assert "Quels mots" in (await anna.says("/search")).text


async def test_a_search_on_discord(talk: Talk) -> None:
    """The same answer, and its pages."""
    bob = talk.on_discord()
    assert "Recherche : « milliard »" in (await bob.says("/search milliard")).text


@given(st.text(max_size=2000), st.lists(st.text(min_size=1, max_size=8), max_size=4))
def test_a_snippet_is_a_piece_of_the_text_with_the_words_in_bold(text: str, typed: list[str]) -> None:
    """Nothing is lost or made up but the marks of what was left out; bold is what was searched for."""
    searched = wanted(" ".join(typed))
    spans = snippet(text, searched)
    shown = "".join(span.text for span in spans if span.text not in {"… ", " …"})
    assert " ".join(shown.split()) in " ".join(text.split())
    assert len(shown) <= max(2 * SNIPPET, max(map(len, text.split(" "))) + 2 * SNIPPET)
    for span in spans:
        folded = fold_words(span.text)
        if Style.BOLD in span.style:
            assert any(is_match(word, each) for word in folded for each in searched)


def test_a_snippet_shows_where_most_of_the_words_stand() -> None:
    """Not the beginning, when the words come later; with some words before them, and marks where text was left out."""
    text = "Rien ici. " * 60 + "Enfin le milliard d’utilisateurs de Telegram. " + "Et après. " * 60
    spans = snippet(text, wanted("telegram milliard"))
    assert (spans[0].text, spans[-1].text) == ("… ", " …")
    assert [span.text for span in spans if Style.BOLD in span.style] == ["milliard", "Telegram"]


ARCHIVE = Archive.load(CONTENT)
WORDS = st.sampled_from(sorted({word for episode in ARCHIVE.episodes for word in fold_words(episode.title)}))


@given(st.one_of(st.text(max_size=300), st.lists(WORDS, max_size=30).map(" ".join)), st.none() | st.integers(0, 9999))
async def test_whatever_is_searched_the_buttons_can_carry(typed: str, page: int | None) -> None:
    """No answer has a button that says more than Telegram's 64 bytes; rendering would refuse it."""
    nothing = mock.Mock()
    context = CommandContext(
        show="Le récap",
        archive=lambda: ARCHIVE,
        subscriptions=nothing,
        schedules=(),
        agenda=nothing,
        clock=lambda: MONDAY,
        throttle=nothing,
        changing=asyncio.Lock(),
    )
    target = Target(PlatformName("telegram"), "1")
    for command in (search, topic):
        answer = await command(context, Request(typed, target, Language.FRENCH, page=page))
        for button in answer.document.buttons:
            assert isinstance(button, CommandButton)
            assert len(button.data.encode()) <= CALLBACK_LIMIT
            pressed = press(button.data)
            assert pressed is not None
            assert (pressed.argument, pressed.page) == (button.argument, button.page)
