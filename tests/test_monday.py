"""Monday, end to end: the real program, the real libraries and a real database, against both platforms' stand-ins."""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import functools
from typing import TYPE_CHECKING

import pytest
import time_machine

from bot.content.archive import Archive
from bot.delivery.report import describe
from bot.model.facts import Restored
from bot.model.i18n import Language, words
from bot.runtime.app import AlreadyRunningError, App, opened
from bot.storage import backup
from bot.storage.records import Gap
from tests.running import at_work
from tests.waiting import until
from tests.world import CONTENT, MONDAY, DemoWorld, read_discord, read_telegram, town

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

    from bot.sandbox.discord.interactions import Interaction
    from bot.sandbox.telegram import model as telegram_model

EPISODE = Archive.load(CONTENT).get(1207)
assert EPISODE is not None
TITLES = [segment.title for segment in EPISODE.segments]
SOURCES = [source.url for segment in EPISODE.segments for source in segment.sources]


@pytest.fixture
async def place() -> AsyncIterator[DemoWorld]:
    """Both platforms with every kind of chat."""
    async with town() as made:
        yield made


@pytest.fixture
def clock() -> Iterator[time_machine.Traveller]:
    """The machine's clock, a moment before eight in Paris, going on from there."""
    with time_machine.travel(MONDAY - dt.timedelta(seconds=2), tick=True) as coordinates:
        yield coordinates


@contextlib.asynccontextmanager
async def running(place: DemoWorld, folder: Path, more: str = "") -> AsyncIterator[App]:
    """The whole bot, as `recap run` runs it, until the context is left."""
    async with opened(place.config(folder, more=more)) as app, at_work(app):
        yield app


async def everyone_has_it(place: DemoWorld, times: int = 1) -> None:
    """Wait until the last subject has come everywhere so many times."""
    await place.until(
        lambda: all(sum(TITLES[-1] in flat(text) for text in texts) == times for texts in place.pushed().values())
    )


def flat(text: str) -> str:
    """The text without Discord's escapes."""
    return text.replace("\\", "")


async def test_on_monday_at_eight_everyone_gets_the_episode_once(
    place: DemoWorld, clock: time_machine.Traveller, tmp_path: Path
) -> None:
    """Private chat, group, forum topic, channel; text, announcement, thread, forum: each subject and each source."""
    async with running(place, tmp_path) as app:
        await everyone_has_it(place)
        for name, texts in place.pushed().items():
            whole = flat("\n".join(texts))
            places = [whole.find(title) for title in TITLES]
            assert -1 not in places, name
            assert places == sorted(places), name
            assert [url for url in SOURCES if url not in whole] == [], name
            assert all(whole.count(title) == 1 for title in TITLES), name
        before = place.pushed()

        await app.tick()
        clock.shift(dt.timedelta(hours=1))
        await app.tick()
        async with running_again_is_refused(place, tmp_path):
            pass
    async with running(place, tmp_path) as app:
        await place.telegram.wait_for(lambda: place.telegram.traffic.sends)
        await app.tick()
    assert place.pushed() == before


@contextlib.asynccontextmanager
async def running_again_is_refused(place: DemoWorld, folder: Path) -> AsyncIterator[None]:
    """A second process on the same database does not start."""
    async with opened(place.config(folder)) as second:
        with pytest.raises(AlreadyRunningError):
            await second.run(asyncio.Event())
    yield


@pytest.mark.usefixtures("clock")
async def test_the_push_is_quiet_where_it_should_be(place: DemoWorld, tmp_path: Path) -> None:
    """Only the first message of a push rings; the announcement is published; nobody is ever pinged."""
    async with running(place, tmp_path):
        await everyone_has_it(place)
        await place.discord.wait_for(lambda: all(message.published for message in place.news.messages))
    for chat in (place.private, place.group, place.forum, place.channel):
        assert [message.disable_notification for message in chat.messages] == [
            False,
            *[True] * (len(chat.messages) - 1),
        ]
    assert len(place.group.messages) == 1 + len(TITLES)
    assert {message.thread for message in place.forum.messages} == {7}
    assert [thread.name for thread in place.board.threads] == [EPISODE.title if EPISODE else ""]
    everything = [*place.text.messages, *place.news.messages, *place.thread.messages]
    assert not any(message.pings.everyone or message.pings.users or message.pings.roles for message in everything)


@pytest.mark.usefixtures("clock")
async def test_a_bot_that_starts_late_catches_up_and_one_that_is_too_late_does_not(
    place: DemoWorld, clock: time_machine.Traveller, tmp_path: Path
) -> None:
    """Started at nine, the push of eight still comes; a week later it would be old news."""
    clock.shift(dt.timedelta(hours=1))
    async with running(place, tmp_path):
        await everyone_has_it(place)
    before = place.pushed()
    clock.shift(dt.timedelta(days=7))
    async with running(place, tmp_path) as app:
        await app.tick()
    assert place.pushed() == before


async def test_latest_is_the_same_on_both_platforms(
    place: DemoWorld, clock: time_machine.Traveller, tmp_path: Path
) -> None:
    """`/latest` typed on either platform shows every subject of the newest episode; on Discord only to the asker."""
    clock.shift(dt.timedelta(days=1))
    async with running(place, tmp_path):
        ada = place.private
        asked = place.telegram.say(ada, ada.person, "/latest")
        await place.telegram.wait_for(lambda: TITLES[-1] in answer_to(ada, asked))
        assert [title for title in TITLES if title not in answer_to(ada, asked)] == []

        latest = await place.discord.slash(place.reader, place.text, "latest")
        await place.discord.wait_for(lambda: TITLES[-1] in reply_to(latest))
        assert [title for title in TITLES if title not in reply_to(latest)] == []
        assert latest.ephemeral


async def test_discord_suggests_topics_and_episodes_while_people_type(
    place: DemoWorld, clock: time_machine.Traveller, tmp_path: Path
) -> None:
    """The best first: what begins like it, then what contains it, then what is merely near."""
    clock.shift(dt.timedelta(days=1))
    async with running(place, tmp_path):
        await place.discord.wait_for(lambda: place.discord.gateway.sessions)
        topics = await place.discord.autocomplete(place.reader, place.text, "topic", "name", "Tik")
        assert (await topics.suggestions())[0]["value"] == "tiktok"
        near = await place.discord.autocomplete(place.reader, place.text, "topic", "name", "netflux")
        assert (await near.suggestions())[0]["value"] == "netflix"
        several = await place.discord.autocomplete(place.reader, place.text, "subscribe", "topics", "tiktok net")
        assert (await several.suggestions())[0]["value"] == "tiktok netflix"
        episodes = await place.discord.autocomplete(place.reader, place.text, "episode", "number", "")
        assert [choice["value"] for choice in await episodes.suggestions()] == ["1207", "1206", "1205"]


async def test_a_start_without_telegram_ends_nobodys_subscription(
    place: DemoWorld, clock: time_machine.Traveller, tmp_path: Path
) -> None:
    """A channel declared by its name cannot be looked up while Telegram is away; it keeps the subscription it has."""
    clock.shift(dt.timedelta(days=1))
    async with running(place, tmp_path) as app:
        await app.declare()
        before = await app.ledger.subscriptions.all()
    await place.telegram.stop()
    async with running(place, tmp_path) as app:
        await app.declare()
        assert await app.ledger.subscriptions.all() == before


async def test_a_subscription_lasts_from_the_command_to_the_way_out(
    place: DemoWorld, clock: time_machine.Traveller, tmp_path: Path
) -> None:
    """Who subscribes to one topic gets that topic on Monday; who unsubscribes gets nothing."""
    clock.shift(dt.timedelta(days=-1))
    eve, bob = place.telegram.add_private(name="Eve"), place.telegram.add_private(name="Bob")
    async with running(place, tmp_path) as app:
        for chat, command in ((eve, "/subscribe tiktok"), (bob, "/subscribe"), (bob, "/unsubscribe")):
            asked = place.telegram.say(chat, chat.person, command)
            await place.telegram.wait_for(functools.partial(answers_to, chat, asked))
        assert "lundi 4 novembre 2024 à 08:00" in eve.messages[-1].text
        silence = len(bob.messages)
        clock.shift(dt.timedelta(days=1, minutes=1))
        await app.tick()
        await everyone_has_it(place)
        await place.telegram.wait_for(lambda: TITLES[4] in eve.messages[-1].text)
        assert TITLES[1] not in eve.messages[-1].text
        assert len(bob.messages) == silence


def answers_to(chat: telegram_model.Chat, asked: telegram_model.Message) -> list[telegram_model.Message]:
    """The bot's messages since somebody asked."""
    return [message for message in chat.messages if message.by_bot and message.id > asked.id]


def answer_to(chat: telegram_model.Chat, asked: telegram_model.Message) -> str:
    """The same as one text."""
    return "\n".join(map(read_telegram, answers_to(chat, asked)))


def reply_to(interaction: Interaction) -> str:
    """What an interaction was answered, as one text."""
    return flat("\n".join(read_discord(message.components) for message in interaction.messages))


@pytest.mark.usefixtures("clock")
async def test_the_admins_get_one_report_after_the_push(place: DemoWorld, tmp_path: Path) -> None:
    """On both platforms, in French, once: who has it, who does not and why, and what to do."""
    boss = place.telegram.add_private(name="La cheffe")
    # Because a deleted group causes no update, only the push finds out; else either could come first.
    place.telegram.delete(place.group)
    async with opened(place.config(tmp_path, admin=boss)) as app, at_work(app):

        def reports() -> list[str]:
            telegram = [message.text for message in boss.messages if "1207" in message.text]
            discord = [flat(read_discord(each.components)) for each in place.discord.direct(place.manager).messages]
            return [*telegram, *(text for text in discord if "1207" in text)]

        await place.until(lambda: len(reports()) == 2)
    for report in reports():
        said = report.replace("\N{NO-BREAK SPACE}", " ")
        assert "7 abonnés sur 8 l’ont reçu" in said
        assert "Telegram : 1 de la configuration est injoignable (403 Forbidden: the group chat was deleted)" in said
        assert "recap send 1207 --only failed" in said


async def test_a_restored_bot_pushes_monday_to_nobody_again(
    place: DemoWorld, clock: time_machine.Traveller, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A backup from before eight, put back after the push: the admins hear of the episode, and `recap send` has it."""
    database, copy = tmp_path / "recap.db", tmp_path / "copy.db"
    clock.shift(dt.timedelta(minutes=-10))
    async with running(place, tmp_path) as app:
        await place.telegram.wait_for(lambda: place.telegram.updates.polled, 30)
        # The bot may hear people before it has declared its channels.
        await app.declare()
        subscribed = await app.ledger.subscriptions.count("monday")
        backup.save(database, copy)
    clock.shift(dt.timedelta(minutes=10))
    async with running(place, tmp_path):
        await everyone_has_it(place)
    before = place.pushed()
    found, now = backup.read(copy), dt.datetime.now(dt.UTC)
    assert (found.subscriptions, found.unfinished) == (subscribed, 0)
    fact = Restored(found.until, now, found.unfinished)
    notice = describe(fact, words(Language.FRENCH))
    await backup.restore(copy, database, Gap(found.until, now), fact.key_on(now.date()), notice)
    async with running(place, tmp_path) as app:
        await until(lambda: "L’épisode 1207 n’est pas renvoyé" in caplog.text)
        await app.tick()
        assert await app.ledger.broadcasts(5) == []
    assert place.pushed() == before
