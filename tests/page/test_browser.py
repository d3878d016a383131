"""The demo as people use it, in a real browser.

Each test also fails on any word in the console and on any request that leaves this machine.
"""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING

import pytest
from playwright.async_api import Locator, expect

from bot.content.archive import Archive
from bot.sandbox.demo.server import Page, listening
from tests.page.browser import CUT, FAINT, PATIENCE
from tests.world import CONTENT

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.async_api import Browser
    from playwright.async_api import Page as Tab

    from bot.sandbox.demo.demo import Demo


pytestmark = pytest.mark.asyncio(loop_scope="session")

EPISODE = Archive.load(CONTENT).get(1207)
assert EPISODE is not None
SUBJECTS = EPISODE.segments
SOON = 3.0
"""Seconds for an edit to show: less than one, and the rest for a busy machine and for the browser's own looks."""


def telegram(tab: Tab) -> Locator:
    """What is to be read on the phone."""
    return tab.locator("#telegram-log")


def discord(tab: Tab) -> Locator:
    """What is to be read in the window."""
    return tab.locator("#discord-log")


async def say(tab: Tab, text: str) -> None:
    """Type on the phone and send."""
    await tab.fill("#tg-field", text)
    await tab.press("#tg-field", "Enter")


async def go(tab: Tab, place: str) -> None:
    """Open a chat or channel."""
    await tab.click(f"#tab-{place}")


async def test_monday_comes_to_both_sides(opened: Tab) -> None:
    """The button, then the five subjects in order with each of their sources; the bell says that one message rang."""
    await expect(opened.locator("#monday")).to_have_text("C’est lundi, 08:00")
    await expect(opened.locator("#clock-day")).to_have_text("dimanche 3 novembre 2024")
    await opened.click("#monday")
    for log in (telegram(opened), discord(opened)):
        await expect(log).to_contain_text(SUBJECTS[-1].title)
        text = await log.inner_text()
        places = [text.find(subject.title) for subject in SUBJECTS]
        assert -1 not in places
        assert places == sorted(places)
        links = await log.locator("a").evaluate_all("links => links.map(link => link.href)")
        assert [source.url for subject in SUBJECTS for source in subject.sources if source.url not in links] == []
        relations = await log.locator("a").evaluate_all("links => links.map(link => link.rel + link.target)")
        assert set(relations) == {"noopener noreferrer_blank"}
    await expect(opened.locator("#clock-day")).to_have_text("lundi 4 novembre 2024")
    await expect(discord(opened).get_by_label("Message avec notification sonore")).to_have_count(1)
    await expect(discord(opened).get_by_label("Message silencieux")).to_have_count(1)


async def test_what_somebody_asks_for_comes_into_view(opened: Tab) -> None:
    """However long the push is that came a moment before."""
    await opened.click("#monday")
    await expect(telegram(opened)).to_contain_text(SUBJECTS[-1].title)
    await say(opened, "/topics")
    await expect(telegram(opened).locator(".tg-own").last).to_be_in_viewport()


async def test_a_topic_is_asked_for_on_both_sides(opened: Tab) -> None:
    """Typed on the phone; on Discord chosen from what the bot suggests, and answered for one person's eyes."""
    await say(opened, "/topic tiktok")
    await expect(telegram(opened).locator("article").last).to_contain_text("#tiktok")
    await go(opened, "discord-general")
    await opened.click("#dc-field")
    await opened.keyboard.type("/topic tik")
    suggestion = opened.get_by_role("option", name="tiktok", exact=True)
    await suggestion.wait_for()
    await opened.keyboard.press("Enter")
    await expect(opened.get_by_label("/topic, option nom")).to_have_value("tiktok")
    await opened.keyboard.press("Enter")
    answer = discord(opened).locator("article").last
    await expect(answer).to_contain_text("#tiktok")
    await expect(answer).to_contain_text("Camille a utilisé /topic")
    await expect(answer).to_contain_text("Visible par vous seulement")
    await answer.get_by_text("Requête brute").click()
    await expect(answer.locator(".raw pre")).to_contain_text('"components"')
    await expect(answer.locator(".raw pre")).to_be_in_viewport()
    await opened.get_by_role("button", name="Sacha").click()
    await expect(discord(opened).locator("article")).to_have_count(0)


async def test_a_group_subscribes_to_one_topic(opened: Tab) -> None:
    """Sacha may not, Camille may; on Monday the group gets that topic's subjects and no other."""
    await go(opened, "telegram-group")
    await opened.get_by_role("button", name="Sacha").click()
    await say(opened, "/subscribe netflix")
    await expect(telegram(opened).locator("article")).to_have_count(2)
    pill = opened.locator("#telegram .pill")
    await expect(pill).to_have_text("Pas abonné")
    await opened.get_by_role("button", name="Camille").click()
    await say(opened, "/subscribe netflix")
    await expect(pill).to_have_text(re.compile("Abonné.*#netflix"))
    await opened.click("#monday")
    await expect(telegram(opened)).to_contain_text(SUBJECTS[0].title)
    await expect(telegram(opened)).not_to_contain_text(SUBJECTS[-1].title)
    await opened.click("#telegram .place-deeds button:first-child")
    await expect(pill).to_have_text("Pas abonné")


async def test_commands_are_offered_as_the_apps_offer_them(opened: Tab) -> None:
    """A slash lists them with their descriptions; the arrows choose, Enter takes."""
    await opened.click("#tg-menu")
    options = opened.locator("#tg-commands [role=option]")
    await expect(options.first).to_contain_text("Le dernier épisode")
    await opened.keyboard.press("ArrowDown")
    second = await options.nth(1).locator("span").inner_text()
    await expect(options.nth(1)).to_have_attribute("aria-selected", "true")
    await opened.keyboard.press("Enter")
    await expect(telegram(opened).locator(".tg-own").last).to_contain_text(second)
    await opened.click("#dc-field")
    await opened.keyboard.type("/")
    await expect(opened.locator("#dc-commands [role=option]").first).to_contain_text("Le dernier épisode")
    await opened.keyboard.press("Escape")
    await opened.keyboard.type("bonjour")
    await opened.keyboard.press("Enter")
    await expect(opened.locator("#toasts")).to_contain_text("Le bot ne lit pas les messages")


async def test_buttons_do_what_they_say(opened: Tab) -> None:
    """On the phone the button below the confirmation; in the window one of the buttons below the topics."""
    await telegram(opened).get_by_role("button", name="Lire le dernier épisode").click()
    await expect(telegram(opened)).to_contain_text("épisode 1206")
    await go(opened, "discord-direct")
    await opened.click("#dc-field")
    await opened.keyboard.type("/topics")
    await opened.keyboard.press("Enter")
    await opened.keyboard.press("Enter")
    button = discord(opened).locator("article").filter(has_text="/topics").locator("button").first
    await button.click()
    await expect(discord(opened)).to_contain_text("Épisode 1206")


async def test_what_is_shared_leads_back_to_the_bot(opened: Tab) -> None:
    """A subject is shared with the group; its link opens the bot in private on that very subject."""
    await opened.click("#monday")
    await expect(telegram(opened)).to_contain_text(SUBJECTS[-1].title)
    await say(opened, "/start 1207-netflix")
    await telegram(opened).locator("button[title*='/share/url']").first.click()
    await expect(opened.locator("#telegram h2")).to_have_text("Les auditeurs")
    await telegram(opened).locator("button[title*='start=1207-netflix']").last.click()
    await expect(opened.locator("#telegram h2")).to_have_text("Recap")
    await expect(telegram(opened).locator(".tg-own").last).to_contain_text("/start 1207-netflix")


async def test_the_bot_is_asked_by_its_name_anywhere(opened: Tab) -> None:
    """In the group: the results while one types, and the chosen one sent by the person, by way of the bot."""
    await go(opened, "telegram-group")
    await opened.click("#tg-field")
    await opened.keyboard.type("@recap_bot spotify")
    option = opened.locator("#tg-commands [role=option]").first
    await option.wait_for()
    title = await option.locator("span").inner_text()
    await opened.keyboard.press("Enter")
    sent = telegram(opened).locator("article.tg-own").last
    await expect(sent).to_contain_text("Camille via @recap_bot")
    await expect(sent).to_contain_text(title)


async def test_settings_change_in_place_and_rich_messages_look_rich(opened: Tab) -> None:
    """The message is edited, not sent again; the focus stays where it was; the push then has real headings."""
    await say(opened, "/settings")
    button = opened.get_by_role("button", name="Messages enrichis")
    await button.wait_for()
    before = await telegram(opened).locator("article").count()
    await button.focus()
    await opened.keyboard.press("Enter")
    settings = telegram(opened).locator("article").last
    await expect(settings).to_contain_text("modifié")
    await expect(settings.locator("button:focus")).to_have_count(1)
    await settings.get_by_text("Requête brute").click()
    await expect(settings.locator(".raw pre")).to_contain_text(
        re.compile('^editMessageText.*"reply_markup"', re.DOTALL)
    )
    await expect(telegram(opened).locator("article")).to_have_count(before)
    await opened.click("#monday")
    await expect(telegram(opened).get_by_role("heading", name=SUBJECTS[-1].title)).to_have_count(1)


async def test_the_admin_gets_the_report(opened: Tab) -> None:
    """In private on Discord, when the push is over."""
    await opened.click("#monday")
    await go(opened, "discord-direct")
    await expect(discord(opened).get_by_role("heading", name=re.compile("Épisode 1207.*envoyé"))).to_have_count(1)


async def test_it_works_with_the_keyboard_alone(opened: Tab) -> None:
    """Every control can be reached and shows that it was; tabs move with the arrows; each has a name."""
    seen: list[str] = []
    for _ in range(40):
        await opened.keyboard.press("Tab")
        outline, name = await opened.evaluate(
            """() => {
              const at = document.activeElement, style = getComputedStyle(at);
              const field = at.closest(".dc-composer:focus-within");
              return [field ? getComputedStyle(field).outlineStyle : style.outlineStyle,
                      at.id || at.getAttribute("aria-label") || at.innerText];
            }"""
        )
        assert outline != "none", name
        seen.append(name)
        if name == "dc-field":
            break
    assert {
        "monday",
        "restart",
        "theme",
        "tab-telegram-private",
        "tg-field",
        "tab-discord-announcements",
        "dc-field",
    } <= {*seen}
    await opened.focus("#tab-telegram-private")
    await opened.keyboard.press("ArrowRight")
    await expect(opened.locator("#tab-telegram-group")).to_be_focused()
    await expect(opened.locator("#telegram h2")).to_have_text("Les auditeurs")
    await opened.focus("#monday")
    await opened.keyboard.press("Enter")
    await expect(discord(opened)).to_contain_text(SUBJECTS[0].title)
    nameless = await opened.evaluate(
        """() => [...document.querySelectorAll("button, input, select, [role=tab], [role=log]")].filter(at =>
             !(at.innerText || at.getAttribute("aria-label") || at.labels?.length)).map(at => at.outerHTML)"""
    )
    assert nameless == []


async def test_each_tab_has_its_own_language_and_theme(opened: Tab) -> None:
    """The page's words, its people, and the colours, kept over a reload; the other tab keeps its own."""
    other = await opened.context.new_page()
    await other.goto(opened.url)
    await expect(other.locator("#restart")).to_have_text("Recommencer")
    await opened.get_by_role("button", name="EN", exact=True).click()
    await expect(opened.locator("#monday")).to_have_text(re.compile("It’s Monday, 8:00"))
    await expect(telegram(opened).locator("article").last).to_contain_text("Subscribed!")
    await expect(opened.locator("#tab-telegram-group")).to_contain_text("The listeners")
    await say(opened, "/help")
    await expect(telegram(opened).locator("article").last).to_contain_text("The latest episode")
    await say(other, "/help")
    await expect(telegram(other).locator("article").last).to_contain_text("Le dernier épisode")
    before = await opened.evaluate("getComputedStyle(document.body).backgroundColor")
    await opened.click("#theme")
    after = await opened.evaluate("getComputedStyle(document.body).backgroundColor")
    assert before != after
    for tab, words in ((other, "Recommencer"), (opened, "Start over")):
        await tab.reload()
        await expect(tab.locator("#restart")).to_have_text(words)
    assert await opened.evaluate("getComputedStyle(document.body).backgroundColor") == after


async def test_a_stopped_demo_looks_stopped_and_swallows_nothing(chrome: Browser, fresh: tuple[Demo, Page]) -> None:
    """The words that were typed stay where they are, and go out when the demo is there again."""
    demos = fresh[1]._demos
    async with await chrome.new_context(locale="fr-FR") as context:
        context.set_default_timeout(PATIENCE)
        tab = await context.new_page()
        with listening("127.0.0.1", 0) as listener:
            async with Page(demos, listener) as page:
                await tab.goto(page.url)
                await tab.click("#tab-discord-general")
                await tab.fill("#dc-field", "/topic tiktok")
                await expect(tab.locator("#tg-field")).to_be_visible()
        await expect(tab.locator("#stopped")).to_contain_text("La démo est arrêtée")
        await expect(tab.locator("#stopped")).to_be_in_viewport()
        await say(tab, "/topics")
        await tab.press("[data-option=name]", "Enter")
        await expect(tab.locator("#tg-field")).to_have_value("/topics")
        await expect(tab.locator("[data-option=name]")).to_have_value("tiktok")
        with listening("127.0.0.1", page.port) as listener:
            async with Page(demos, listener):
                await expect(tab.locator("#stopped")).to_be_hidden()
                await tab.press("#tg-field", "Enter")
                await expect(telegram(tab).locator(".tg-own").last).to_contain_text("/topics")
                await tab.press("[data-option=name]", "Enter")
                await expect(discord(tab).locator("article").last).to_contain_text("#tiktok")


@pytest.mark.parametrize("width", [320, 390])
async def test_it_is_readable_on_a_phone(opened: Tab, width: int) -> None:
    """One device at a time; nothing is wider than the screen, scrolls sideways or is cut, in either language."""
    await opened.set_viewport_size({"width": width, "height": 640})
    await expect(opened.locator("#discord")).to_be_hidden()
    for language, words in (("fr", "Tous les"), ("en", "All the")):
        await opened.get_by_role("button", name=language.upper(), exact=True).click()
        await opened.click("#monday")
        await opened.get_by_role("tab", name="Telegram").click()
        await say(opened, "/help")
        await expect(telegram(opened)).to_contain_text(words)
        assert await opened.evaluate(CUT) == []
        await opened.get_by_role("tab", name="Discord").click()
        await expect(opened.locator("#telegram")).to_be_hidden()
        await go(opened, "discord-general")
        await opened.fill("#dc-field", "/topic ")
        await expect(opened.locator("[data-option=name]")).to_be_visible()
        assert await opened.evaluate(CUT) == []
        await go(opened, "discord-announcements")
        await expect(discord(opened)).to_contain_text(SUBJECTS[-1].title)
        assert await opened.evaluate(CUT) == []


async def test_a_message_that_comes_while_a_button_is_down_costs_no_click(opened: Tab) -> None:
    """The page waits for the release before it draws: the button that was pressed is the one that is let go."""
    await opened.locator("#tab-discord-general").hover()
    await opened.mouse.down()
    known = await opened.evaluate("page.messages.size")
    await opened.evaluate("void write('/topics')")
    await opened.wait_for_function("known => page.messages.size > known + 1", arg=known)
    await opened.mouse.up()
    await expect(opened.locator("#tab-discord-general")).to_have_attribute("aria-selected", "true")
    await expect(telegram(opened).locator("article").last).to_contain_text("#tiktok")


async def test_every_text_stands_out_from_its_ground(opened: Tab, content: Path) -> None:
    """By a contrast of 4.5 at least, in both themes, by night and by day."""
    await opened.emulate_media(reduced_motion="reduce")
    file = content / "1206.md"
    good = file.read_text(encoding="utf-8")
    await say(opened, "/settings")
    await go(opened, "discord-direct")
    await opened.fill("#dc-field", "/help ")
    await opened.keyboard.press("Enter")
    await expect(discord(opened)).to_contain_text("/search")
    try:
        file.write_text(good.replace("number: 1206", "number: x"), encoding="utf-8")
        await expect(opened.locator("#mistakes")).to_be_visible()
        for _ in range(2):
            assert await opened.evaluate(FAINT) == []
            await opened.click("#theme")
        await opened.click("#monday")
        await go(opened, "discord-announcements")
        await opened.fill("#dc-field", "/topic ")
        for log in (telegram(opened), discord(opened)):
            await expect(log).to_contain_text(SUBJECTS[-1].title)
        await opened.evaluate("stopped(true)")
        for _ in range(2):
            assert await opened.evaluate(FAINT) == []
            await opened.click("#theme")
    finally:
        file.write_text(good, encoding="utf-8")


async def test_what_an_editor_changes_shows_at_once(opened: Tab, content: Path) -> None:
    """A mistake stands in view until it is mended; what was answered from the file is drawn again, on both sides."""
    file = content / "1206.md"
    good = file.read_text(encoding="utf-8")
    await say(opened, "1206")
    await go(opened, "discord-general")
    await opened.fill("#dc-field", "/latest ")
    await opened.keyboard.press("Enter")
    for log in (telegram(opened), discord(opened)):
        await expect(log.get_by_text("Spotify dans Instagram")).to_have_count(1)
        # An answer is drawn again when all of it is there.
        await expect(log.get_by_text("Halloween\N{NO-BREAK SPACE}: trois jours")).not_to_have_count(0)
    try:
        file.write_text(good.replace("number: 1206", "number: x"), encoding="utf-8")
        await expect(opened.locator("#mistakes")).to_contain_text("1206.md:2")
        await expect(opened.locator("#mistakes")).to_be_in_viewport(ratio=1)
        file.write_text(good.replace("title: Spotify", "title: Deezer"), encoding="utf-8")
        saved = time.monotonic()
        await expect(opened.locator("#mistakes")).to_be_hidden()
        for log in (telegram(opened), discord(opened)):
            await expect(log.get_by_text("Deezer dans Instagram")).to_have_count(1)
        assert time.monotonic() - saved < SOON
        answer = telegram(opened).locator("article", has_text="Deezer dans Instagram")
        await answer.get_by_text("Requête brute").click()
        await expect(answer.locator(".raw pre")).to_contain_text("Deezer dans Instagram")
    finally:
        file.write_text(good, encoding="utf-8")


async def test_starting_over_empties_the_page(opened: Tab) -> None:
    """And the evening is back."""
    await opened.click("#monday")
    await expect(discord(opened)).to_contain_text(SUBJECTS[-1].title)
    await opened.click("#restart")
    await expect(discord(opened).locator("article")).to_have_count(0)
    await expect(opened.locator("#clock-day")).to_have_text("dimanche 3 novembre 2024")


async def test_the_bot_is_put_out_and_comes_back(opened: Tab) -> None:
    """Blocked on the phone: nothing can be written there until it is unblocked."""
    await opened.get_by_role("button", name="Bloquer le bot").click()
    await expect(opened.locator("#telegram .away")).to_have_text(re.compile("Vous avez bloqué le bot"))
    await expect(opened.locator("#tg-field")).to_be_hidden()
    await opened.get_by_role("button", name="Débloquer le bot").click()
    await expect(opened.locator("#tg-field")).to_be_visible()
    await opened.get_by_role("button", name="Retirer le bot du serveur").click()
    await expect(opened.locator("#discord .away")).to_have_text("Le bot n’est plus là.")
