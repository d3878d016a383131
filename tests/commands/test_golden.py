"""Every answer that the bot can give, to be read through: one file per platform and language in `golden/`.

`python -m pytest tests/commands/test_golden.py --golden` writes them anew. Read what changed before it goes in.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import re
from functools import partial
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from babel.messages.extract import extract_from_file
from babel.messages.pofile import read_po

from bot.commands import Obstacle, Request, busy, for_you_alone, no_voice, outdated, slow_down, sorry
from bot.commands.request import unsaved
from bot.commands.rhythm import in_words
from bot.commands.subscribing import not_allowed, not_possible
from bot.config.cron import Days, normalise_cron
from bot.model.document import plain
from bot.model.i18n import Language, words
from bot.model.subscription import PlatformName, Target
from bot.platforms.registry import PLATFORMS
from bot.sandbox.telegram.model import Status
from tests.conversation import (
    DiscordPerson,
    Person,
    Reply,
    Talk,
    TelegramPerson,
    read_discord,
    read_labels,
    talking,
)
from tests.world import MONDAY, town

if TYPE_CHECKING:
    import time_machine

GOLDEN = Path(__file__).parent / "golden"
CONTENT = GOLDEN / "content"

MORE = """
[topics]
vinyle = ["disque"]

[[schedules]]
name = "monday"
cron = "0 8 * * mon"

[[schedules]]
name = "evening"
cron = "30 18 * * tue"
"""

KEYWORDS = {"_": None, "gettext": None, "gettext_noop": None, "ngettext": (1, 2)}
TOO_OLD = "This message is too old for its buttons: type /{command} again."
NEVER_SHOWN = {"Begin", "The rest follows at once."}
"""Telegram sends `/start` by itself; no episode here is too long for one message."""


class Transcript:
    """A conversation as one reads it: what somebody says or presses, and what they see then."""

    def __init__(self, language: Language) -> None:
        self.lines: list[str] = []
        self.words = words(language)

    def chapter(self, title: str) -> None:
        """Begin another part."""
        self.lines += ["", "", f"═══ {title} ═══"]

    async def says(self, person: Person, text: str, **options: object) -> Reply:
        """Somebody types something."""
        reply = await (person.says(text, **options) if isinstance(person, DiscordPerson) else person.says(text))
        self._note(text, reply)
        return reply

    async def presses(self, person: Person, message: str) -> Reply:
        """Somebody presses the button with that message of the catalogue, or that very label."""
        label = self.words.gettext(message)
        reply = await person.presses(label)
        self._note(f"[{label}]", reply)
        return reply

    def counted(self, singular: str, plural: str, count: int) -> str:
        """A message of the catalogue that counts something."""
        return self.words.ngettext(singular, plural, count).format(count=count)

    def see(self, text: str) -> None:
        """Somebody sees this."""
        self.lines += ["", *text.splitlines()]

    def _note(self, act: str, reply: Reply) -> None:
        self.lines += ["", "", f"▷ {act}"]
        if reply.toast:
            self.lines += ["", f"({reply.toast})"]
        for text in reply.texts:
            self.see(text)
        if reply.buttons:
            self.lines += ["", " ".join(f"[{label}]" for label in reply.buttons)]

    @property
    def text(self) -> str:
        """All of it."""
        return "\n".join(self.lines).strip() + "\n"


async def reading(script: Transcript, reader: Person) -> None:
    """Episodes, topics, searches."""
    script.chapter("/latest, /episode")
    await script.says(reader, "/latest")
    for typed in ("41", "7", "lundi", "cuisine"):
        await script.says(reader, f"/episode {typed}")
    script.chapter("/topic, /topics")
    for typed in ("Tik Tok", "tiktak", "zzzz", "disque"):
        await script.says(reader, f"/topic {typed}")
    await script.says(reader, "/topics")
    script.chapter("/search")
    await script.says(reader, "/search cuisine")
    await script.presses(reader, "1")
    await script.says(reader, "/search le journal de tiktok")
    for typed in ("tiktak", "zzzz", "zzzz qqqq"):
        await script.says(reader, f"/search {typed}")


async def subscribing(script: Transcript, person: Person) -> None:
    """From the first wish to the way out."""
    script.chapter("/subscribe, /settings, /unsubscribe")
    await script.says(person, "/settings")
    await script.says(person, "/subscribe tiktok zzzz")
    await script.says(person, "/subscribe tiktok cuisine")
    await script.says(person, "/subscribe")
    await script.says(person, "/settings")
    await script.presses(person, "Topics")
    await script.presses(person, "#voyage")
    await script.presses(person, "Done")
    await script.presses(person, "One message per subject")
    await script.presses(person, "Without sound")
    await script.presses(person, "Pause")
    await script.presses(person, script.counted("{count} week", "{count} weeks", 2))
    await script.presses(person, "Resume now")
    await script.presses(person, "Time")
    await script.presses(person, "Done")
    if isinstance(person, TelegramPerson):
        await script.presses(person, "Rich messages")
        await script.presses(person, "Simple messages")
        await script.presses(person, "Audio in the chat")
        await script.presses(person, "Audio as a link")
    await script.presses(person, "With sound")
    await script.presses(person, "Titles first")
    await script.presses(person, "All in one go")
    await script.presses(person, "Unsubscribe")
    await script.says(person, "/subscribe")
    await script.says(person, "/unsubscribe")
    await script.says(person, "/unsubscribe")


async def publishing(script: Transcript, person: Person) -> None:
    """In a channel that others can follow."""
    script.chapter("In an announcement channel")
    await script.says(person, "/subscribe")
    await script.says(person, "/settings")
    await script.presses(person, "Publish")
    await script.presses(person, "Keep from followers")


async def forgetting(script: Transcript, person: Person) -> None:
    """What is kept, and that it can be deleted."""
    script.chapter("/help, /privacy")
    await script.says(person, "/help")
    await script.says(person, "/privacy")
    await script.presses(person, "Delete it all")
    await script.presses(person, "No, keep it")
    await script.presses(person, "Delete it all")
    await script.presses(person, "Yes, delete it all")


async def telegram_alone(script: Transcript, talk: Talk, anna: TelegramPerson) -> None:
    """Empty arguments, links, groups, old buttons, inline mode."""
    telegram = talk.town.telegram
    script.chapter("/start")
    await script.says(anna, "/start")
    await script.says(anna, "/start 42-tiktok-recettes")
    for command in ("topic", "episode", "search"):
        await script.says(anna, f"/{command}")
    script.chapter("In a group")
    language = anna.chat.person.language_code
    grace, member = telegram.add_user("Grace", language), telegram.add_user("Max", language)
    club = telegram.add_supergroup("Le club", admins=[grace], bot=Status.LEFT)
    person = talk.on_telegram(club, member)
    telegram.set_member(club, telegram.bot, Status.MEMBER, by=grace)
    await person.settled()
    script.see(person.seen()[-1].text)
    await script.says(person, "/subscribe")
    await script.presses(person, "Subscribe this group")
    script.chapter("In a channel, and as a guest")
    channel = telegram.add_channel("La radio", bot=Status.LEFT)
    telegram.set_member(channel, telegram.bot, Status.ADMINISTRATOR, by=anna.chat.person)
    await anna.settled()
    script.see(anna.seen()[-1].text)
    elsewhere = telegram.add_supergroup("Ailleurs", bot=Status.LEFT)
    for number, typed in enumerate(("voyage", "zzzz"), start=1):
        telegram.call(elsewhere, anna.chat.person, f"@recap_bot {typed}")
        await telegram.wait_for(lambda: len(elsewhere.messages) == number)  # noqa: B023 - awaited here
        answer = elsewhere.messages[-1]
        script.lines += ["", "", f"▷ @recap_bot {typed}"]
        labels = " ".join(f"[{button['text']}]" for button in answer.buttons)
        script.see(f"{answer.text}\n{labels}")
    script.chapter("What the bot is")
    for name in ("description", "short_description"):
        script.see(telegram.about[name, ""])
    script.chapter("A button of another version, somebody in a hurry")
    await anna.says("/topics")
    message = anna.seen()[-1]
    message.reply_markup = {"inline_keyboard": [[{"text": "?", "callback_data": "quiz 3"}]]}
    script.see(f"({(await anna.presses_on(message, '?')).toast})")
    script.see(slow_down(words(Language(language))).toast)
    script.chapter("What is too old, and what goes wrong")
    script.see(f"({words(Language(language)).gettext(TOO_OLD).format(command='settings')})")
    script.see(no_voice(words(Language(language)), "Le club").document.title)
    asked = Request("", Target(PlatformName("telegram"), "1"), Language(language))
    script.see(sorry(words(Language(language))).toast)
    script.see(busy(words(Language(language))).toast)
    script.see(unsaved(words(Language(language))).toast)
    refusal = not_allowed(dataclasses.replace(asked, may_manage=None))
    assert refusal is not None
    script.see(refusal.toast)


async def inline(script: Transcript, talk: Talk) -> None:
    """What somebody is offered who types the bot's name in any chat."""
    script.chapter("@recap_bot")
    telegram = talk.town.telegram
    for typed in ("voyage", "zzzz"):
        inquiry = telegram.inquire(telegram.add_user("Anna"), typed)
        await telegram.wait_for(partial(getattr, inquiry, "answer"))
        answer: dict[str, Any] = inquiry.answer or {}
        script.lines += ["", "", f"▷ @recap_bot {typed}"]
        for result in answer["results"]:
            buttons = [button["text"] for row in result["reply_markup"]["inline_keyboard"] for button in row]
            script.see(f"{result['title']}\n{result['description']}\n{' '.join(f'[{label}]' for label in buttons)}")
        if answer["button"]:
            script.see(f"[{answer['button']['text']}]")


def rhythms(script: Transcript, language: Language) -> None:
    """The days of any schedule, as `/help` says them."""
    script.chapter("The days of a schedule")
    for cron in (
        "0 8 * * *",
        "0 8 * * mon",
        "30 7 * * mon,thu",
        "0 8 1,15 * *",
        "0 18 1-7 * fri",
        "0 18 8-14 * fri",
        "0 18 15-21 * fri",
        "0 18 22-28 * fri",
        "0 8 13 * fri",
        "0 8 * 1-6,9-12 tue",
    ):
        script.see(f"{cron}: {in_words(Days.of(normalise_cron(cron)), words(language))}")
    script.see(words(language).gettext("every week"))


async def talking_freely(script: Transcript, person: Person) -> None:
    """Words as people write them."""
    script.chapter("Words without a command")
    for typed in ("bonjour", "merci beaucoup", "au revoir", "stop"):
        await script.says(person, typed)


async def beginning(script: Transcript, person: Person) -> None:
    """The first weeks."""
    script.chapter("Before the first episode")
    await script.says(person, "/latest")
    await script.says(person, "/topics")


async def pushed(script: Transcript, talk: Talk, clock: time_machine.Traveller, person: TelegramPerson) -> None:
    """A Monday."""
    said = len(person.seen())
    script.chapter("On Monday, for #tiktok")
    clock.move_to(MONDAY + dt.timedelta(minutes=1))
    await talk.app.tick()
    await talk.town.telegram.wait_for(lambda: len(person.seen()) > said, 10)
    message = person.seen()[-1]
    script.see(message.text)
    script.see(" ".join(f"[{button['text']}]" for button in message.buttons))
    await script.presses(person, script.counted("The other subject", "The {count} other subjects", 1))


async def pushed_on_discord(
    script: Transcript, talk: Talk, clock: time_machine.Traveller, person: DiscordPerson
) -> None:
    """The same there, in a message per subject."""
    await person.says("/subscribe tiktok")
    await person.says("/settings")
    await person.presses(script.words.gettext("One message per subject"))
    said = len(person.channel.messages)
    script.chapter("On Monday, for #tiktok")
    clock.move_to(MONDAY + dt.timedelta(minutes=1))
    await talk.app.tick()
    await talk.town.discord.wait_for(lambda: len(person.channel.messages) > said + 1, 10)
    for message in person.channel.messages[said:]:
        script.see(read_discord(message.components))
    script.see(" ".join(f"[{label}]" for label in read_labels(person.channel.messages[-1].components)))
    await script.presses(person, script.counted("The other subject", "The {count} other subjects", 1))
    await script.presses(person, "Receive it in private")


async def many(script: Transcript, person: Person) -> None:
    """Answers of several pages."""
    script.chapter("Pages")
    await script.says(person, "/topic tiktok")
    await script.presses(person, "Older ▶")
    await script.presses(person, "◀ Newer")
    await script.says(person, "/search sujet")
    await script.presses(person, "More ▶")
    await script.presses(person, "◀ Back")
    await script.says(person, "/search anticonstitutionnellement extraordinairement incontestablement")


def made_empty(folder: Path) -> Path:
    """A content folder without an episode."""
    empty = folder / "empty"
    empty.mkdir()
    return empty


def write_many(folder: Path) -> Path:
    """A content folder with one episode of many subjects."""
    folder.mkdir()
    typed = "Anticonstitutionnellement, extraordinairement, incontestablement"
    subjects = "".join(f"## Sujet {n}\n\n#tiktok\n\n{typed}.\n\n" for n in range(1, 8))
    (folder / "1.md").write_text(f"---\nnumber: 1\ntitle: Un\ndate: 2024-11-04\n---\n\n{subjects}", "utf-8")
    return folder


async def telegram_transcript(folder: Path, clock: time_machine.Traveller, language: Language) -> str:
    """All of it on Telegram."""
    script = Transcript(language)
    show = f'[show]\nlanguage = "{language}"\n{MORE}'
    async with town() as place:
        anna_at = place.telegram.add_private(name="Anna", language=language)
        async with talking(place, folder, content=made_empty(folder), more=show) as talk:
            await beginning(script, talk.on_telegram(anna_at))
        async with talking(place, folder, content=CONTENT, more=show) as talk:
            anna = talk.on_telegram(anna_at)
            await reading(script, anna)
            await subscribing(script, anna)
            await forgetting(script, anna)
            await telegram_alone(script, talk, anna)
            await talking_freely(script, anna)
            await inline(script, talk)
        async with talking(place, folder, content=write_many(folder / "many"), more=show) as talk:
            await many(script, talk.on_telegram(anna_at))
        clock.move_to(MONDAY - dt.timedelta(minutes=5))
        async with talking(place, folder, content=CONTENT, more=show) as talk:
            eve = talk.on_telegram(place.telegram.add_private(name="Eve", language=language))
            await eve.says("/subscribe tiktok")
            await pushed(script, talk, clock, eve)
    rhythms(script, language)
    return script.text


async def discord_transcript(folder: Path, clock: time_machine.Traveller, language: Language) -> str:
    """All of it on Discord."""
    script = Transcript(language)
    show = f'[show]\nlanguage = "{language}"\n{MORE}'
    async with town() as place:
        # One that the config does not declare.
        room = place.discord.add_text(place.guild, "salon")
        news = place.discord.add_announcement(place.guild, "nouvelles")
        place.manager.locale = place.reader.locale = "fr" if language is Language.FRENCH else "en-GB"
        async with talking(place, folder, content=made_empty(folder), more=show) as talk:
            await beginning(script, talk.on_discord(room))
        async with talking(place, folder, content=CONTENT, more=show) as talk:
            manager, reader = talk.on_discord(room, place.manager), talk.on_discord(room)
            await reading(script, reader)
            await subscribing(script, manager)
            await forgetting(script, manager)
            await publishing(script, talk.on_discord(news, place.manager))
            script.chapter("To somebody who is no admin")
            await script.says(reader, "/subscribe")
            await script.says(reader, "/privacy")
        async with talking(place, folder, content=write_many(folder / "many"), more=show) as talk:
            await many(script, talk.on_discord(room))
    clock.move_to(MONDAY - dt.timedelta(minutes=5))
    # In another town: Discord's ids are times, and those of the first one are later than this.
    async with town() as place:
        room = place.discord.add_text(place.guild, "salon")
        place.manager.locale = "fr" if language is Language.FRENCH else "en-GB"
        (folder / "monday").mkdir()
        async with talking(place, folder / "monday", content=CONTENT, more=show) as talk:
            await pushed_on_discord(script, talk, clock, talk.on_discord(room, place.manager))
            other = place.discord.add_text(place.guild, "nouvelles")
            script.chapter("/subscribe channel:#nouvelles")
            reply = await talk.on_discord(room, place.manager).says("/subscribe", channel=other)
            for text in (*reply.texts, " ".join(f"[{label}]" for label in reply.buttons)):
                script.see(text)
    script.chapter("Where pushes cannot come, and answers cannot be shared")
    for obstacle in Obstacle:
        target = Target(PlatformName("discord"), "1")
        asked = Request("", target, language, obstacle=obstacle, private_chat="https://discord.com/users/1")
        answer = not_allowed(asked) or not_possible(asked)
        assert answer is not None
        script.see(" ".join([answer.document.title, *(f"[{button.label}]" for button in answer.document.buttons)]))
        script.see(plain(for_you_alone(answer, asked).document.sections[0].blocks))
    script.chapter("A button of another version, somebody in a hurry, and what goes wrong")
    for answer in (outdated(words(language)), slow_down(words(language)), sorry(words(language))):
        script.see(answer.document.title)
    return script.text


@pytest.mark.parametrize("language", Language)
async def test_what_is_said_on_telegram(
    tmp_path: Path, clock: time_machine.Traveller, request: pytest.FixtureRequest, language: Language
) -> None:
    """Nothing changes by accident."""
    compare(f"telegram.{language}.txt", await telegram_transcript(tmp_path, clock, language), request.config)


@pytest.mark.parametrize("language", Language)
async def test_what_is_said_on_discord(
    tmp_path: Path, clock: time_machine.Traveller, request: pytest.FixtureRequest, language: Language
) -> None:
    """Nothing changes by accident."""
    compare(f"discord.{language}.txt", await discord_transcript(tmp_path, clock, language), request.config)


def compare(name: str, text: str, config: pytest.Config) -> None:
    """Hold the transcript against the file, or write it there."""
    file = GOLDEN / name
    if config.getoption("--golden"):
        file.write_text(text, encoding="utf-8")
    assert text == file.read_text("utf-8")


@pytest.mark.parametrize("language", Language)
def test_every_sentence_is_in_a_transcript(language: Language) -> None:
    """What the commands can say can be read through."""
    text = "\n".join((GOLDEN / f"{name}.{language}.txt").read_text("utf-8") for name in (*PLATFORMS, "admin"))
    missing = [message for message in messages(language) if not is_said(message, text)]
    assert missing == []


def messages(language: Language) -> list[tuple[str, ...]]:
    """The translations, each in all its forms, of what the commands say."""
    package = Path(str(resources.files("bot")))
    files = [file for folder in ("commands", "platforms/telegram") for file in (package / folder).glob("*.py")]
    found = set()
    for file in [*files, package / "content" / "formatter.py", package / "model" / "i18n.py"]:
        # A file with this import speaks to the team (tests/golden).
        if "import gettext as _" not in file.read_text(encoding="utf-8"):
            rows = extract_from_file("python", file, keywords=KEYWORDS)
            found |= {row[1] if isinstance(row[1], str) else row[1][0] for row in rows}
    with (package / "model" / "locales" / language / "LC_MESSAGES" / "recap.po").open("rb") as source:
        catalogue = read_po(source)
    entries = [entry for entry in (catalogue.get(each) for each in sorted(found - NEVER_SHOWN)) if entry is not None]
    return [entry.string if isinstance(entry.string, tuple) else (str(entry.string),) for entry in entries]


def is_said(forms: tuple[str, ...], text: str) -> bool:
    """Whether one of the forms stands in the text, with anything for its placeholders."""
    patterns = (re.sub(r"\\\{\w+\\\}", ".+", re.escape(form)) for form in forms)
    return any(re.search(pattern, text) for pattern in patterns)
