"""Notices to the admins: told once, kept, delivered like everything else, and never in the way of a push."""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
import logging
import re
from typing import TYPE_CHECKING

from sqlalchemy import select

from bot.delivery.admins import AdminNotifier
from bot.delivery.report import describe
from bot.model.facts import Missed, NeedsRestart, PausedTooLong, PlatformStopped, Pushed, Unserved
from bot.model.i18n import Language, words
from bot.model.subscription import PlatformName, Target
from bot.platforms.base import NotSentError
from bot.platforms.discord.render import render as render_for_discord
from bot.platforms.registry import PLATFORMS
from bot.platforms.telegram.render import render as render_for_telegram
from bot.storage.notices import LedgerNotices
from bot.storage.records import BroadcastKind, BroadcastState, DeliveryState
from bot.storage.tables import renderings
from tests.delivery.ledger_kit import (
    DISCORD,
    MONDAY,
    TELEGRAM,
    Clock,
    by_chat,
    due,
    everything,
    failed,
    opened,
    push,
    pushed_to,
    sent,
    telegram,
    unwritable,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    import pytest

    from bot.model.rendering import Rendering
    from bot.storage.ledger import Ledger

ADA, GRACE = telegram(99), Target(DISCORD, "@77")
FRENCH = words(Language.FRENCH)


class Renderer:
    """A platform that only renders, with the real renderer."""

    def __init__(self, name: PlatformName, render: Callable[..., Rendering]) -> None:
        self.name = name
        self.render = render
        self.titles: dict[str, str] = {}

    async def name_of(self, target: Target) -> str:
        """The name of the place."""
        if target.chat not in self.titles:
            raise NotSentError("no connection")
        return self.titles[target.chat]


def notifier(
    ledger: Ledger, *admins: Target, on_new: Callable[[], None] = lambda: None, titles: Mapping[str, str] | None = None
) -> AdminNotifier:
    """A notifier who tells these admins; Telegram tells the titles of some chats."""
    telegram_renderer = Renderer(TELEGRAM, render_for_telegram)
    telegram_renderer.titles.update(titles or {})
    return AdminNotifier(
        ledger=ledger,
        platforms={
            TELEGRAM: telegram_renderer,  # type: ignore[dict-item] # it only renders
            DISCORD: Renderer(DISCORD, render_for_discord),  # type: ignore[dict-item] # likewise
        },
        admins={platform: [each for each in admins if each.platform is platform] for platform in PLATFORMS},
        words=FRENCH,
        zone=dt.UTC,
        clock=ledger._clock,
        on_new=on_new,
    )


ONE, TWO = (NeedsRestart(version, ["storage.url"]) for version in ("one", "two"))
TEXT = describe(ONE, FRENCH).text


async def told(ledger: Ledger) -> list[str]:
    """What the admins were told, the oldest first."""
    return [each.text for each in reversed(await ledger.notices.latest(99))]


async def waiting(ledger: Ledger) -> list[Target]:
    """The targets for whom something is due."""
    return [each.target for name in PLATFORMS for each in await due(ledger, name)]


async def test_an_admin_who_got_the_last_notice_has_missed_none(ledger: Ledger) -> None:
    """One that did not come before is mended; one after it is missed."""
    outcomes = []
    for fact, is_missed in ((ONE, True), (TWO, False), (Missed("monday", MONDAY, 1207), True)):
        await notifier(ledger, ADA).tell(fact)
        (delivery,) = await due(ledger)
        await ledger.record([failed(delivery, "gone", "blocked") if is_missed else sent(delivery, "1")])
        outcomes.append(await ledger.notices.missed([ADA, GRACE]))
    assert outcomes == [{ADA: "blocked"}, {}, {ADA: "blocked"}]


async def test_every_admin_on_every_platform_is_told(ledger: Ledger) -> None:
    """Through the ledger, like any delivery; the same person declared twice is told once."""
    await notifier(ledger, ADA, ADA, GRACE).tell(ONE)
    assert await waiting(ledger) == [ADA, GRACE]
    (delivery,) = await due(ledger)
    (message,) = (await ledger.stored(delivery.rendering_id)).rendering.messages
    assert message.body["text"].splitlines() == [TEXT.splitlines()[0], "", TEXT.splitlines()[1]]


async def test_a_fact_is_told_once_by_every_notifier_that_sees_it(
    ledger: Ledger, caplog: pytest.LogCaptureFixture
) -> None:
    """Seen again by the same bot, after a reload, or after a restart: one notice, one line, and one wake-up."""
    news: list[str] = []
    first, second = (notifier(ledger, ADA, on_new=lambda: news.append("new")) for _ in range(2))
    for teller, fact in ((first, ONE), (first, ONE), (second, ONE), (second, TWO), (first, TWO)):
        await teller.tell(fact)
    assert await told(ledger) == [TEXT, TEXT]
    assert len(await waiting(ledger)) == len(caplog.messages) == len(news) == 2
    assert await ledger.notices.has_been_sent("restart one") == MONDAY
    assert await ledger.notices.has_been_sent("restart three") is None


async def test_a_fact_of_every_day_is_told_again_on_the_next(tmp_path: Path) -> None:
    """By the day in the show's time zone."""
    clock = Clock()
    async with opened(tmp_path, clock) as ledger:
        for _day in range(2):
            for _time in range(2):
                await notifier(ledger).tell(PlatformStopped(TELEGRAM))
            clock.advance(days=1)
        assert len(await told(ledger)) == 2


async def test_without_admins_it_is_in_the_log_and_in_the_ledger(
    ledger: Ledger, caplog: pytest.LogCaptureFixture
) -> None:
    """`recap status` shows it; nobody is written to."""
    with caplog.at_level(logging.WARNING):
        await notifier(ledger).tell(ONE)
    assert caplog.messages == await told(ledger) == [TEXT]
    assert await waiting(ledger) == []


async def test_that_a_platform_has_stopped_is_told_on_the_others(
    ledger: Ledger, caplog: pytest.LogCaptureFixture
) -> None:
    """It could not be told there. A bot that is started again with the same token says so to the log alone."""
    for _start in range(2):
        await notifier(ledger, ADA, GRACE).tell(PlatformStopped(TELEGRAM))
    assert await waiting(ledger) == [GRACE]
    assert [record.levelname for record in caplog.records] == ["WARNING", "ERROR"]
    assert caplog.messages == await told(ledger) * 2


async def test_a_database_that_cannot_be_written_leaves_it_to_the_log(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Telling never fails, and what could not be told is told the next time."""
    async with opened(tmp_path) as ledger:
        teller = notifier(ledger, ADA)
        with caplog.at_level(logging.WARNING), unwritable(ledger):
            await teller.tell(ONE)
        assert f"{TEXT} (the admins cannot be told: " in caplog.text
        assert await told(ledger) == []
        await teller.tell(ONE)
        assert await told(ledger) == [TEXT]


async def test_a_bug_in_telling_reaches_nobody_who_tells(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A worker that reports a fact goes on; the log has the fact, and the traceback of the bug."""

    async def fail(*_key: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(LedgerNotices, "has_been_sent", fail)
    await notifier(ledger, ADA).tell(ONE)
    assert "NeedsRestart" in caplog.text
    assert "ZeroDivisionError" in caplog.text


async def test_a_push_that_ended_is_reported_once_and_no_report_on_reports(ledger: Ledger) -> None:
    """Also when the process that saw the end died before it told: what is owed stands in the ledger."""
    (delivery,) = await pushed_to(ledger, telegram(1))
    await notifier(ledger, ADA).report(MONDAY)
    assert await ledger.notices.latest(9) == []
    await ledger.record([sent(delivery, "41")])
    await ledger.finish()
    for _ in range(2):
        await notifier(ledger, ADA).report(MONDAY)
    (report,) = await ledger.notices.latest(9)
    assert report.text.startswith("Épisode 1207\N{NO-BREAK SPACE}: envoyé\n1\N{NO-BREAK SPACE}abonné") or (
        "Épisode 1207" in report.text
    )
    (delivery,) = await due(ledger)
    await ledger.record([sent(delivery, "42")])
    assert [each.kind for each in await ledger.finish()] == [BroadcastKind.NOTICE]
    await notifier(ledger, ADA).report(MONDAY)
    assert len(await ledger.notices.latest(9)) == 1


async def test_a_push_that_was_stopped_is_reported_when_nothing_of_it_is_on_its_way(ledger: Ledger) -> None:
    """A message in flight may still arrive: the report waits for it."""
    await pushed_to(ledger, *map(telegram, range(1, 6)))
    *refusing, last = await ledger.claim(TELEGRAM, 4)
    await ledger.record([failed(each, "content", "too long") for each in refusing])
    assert await ledger.stop_if_refused(last.rendering_id, 0)
    assert await ledger.finish() == []
    await ledger.record([sent(last, "41")])
    assert await ledger.finish()
    await notifier(ledger).report(MONDAY)
    assert len(await ledger.notices.latest(9)) == 1


async def test_old_pushes_and_those_to_one_target_are_not_reported(ledger: Ledger, clock: Clock) -> None:
    """Who sends to one target by hand sees the result at once; what ended last week is no news."""
    (delivery,) = await pushed_to(ledger, telegram(1))
    await ledger.record([sent(delivery, "41")])
    await ledger.finish()
    clock.advance(days=3)
    await notifier(ledger).report(clock() - (clock() - MONDAY) / 2)
    assert await ledger.notices.latest(9) == []


async def test_a_report_counts_what_became_of_everybody(ledger: Ledger, clock: Clock) -> None:
    """By platform and reason, with the time it took, and some targets of each failure."""
    ok, gone, lost = by_chat(await pushed_to(ledger, telegram(1), telegram(2), telegram(3)))
    unknown = sent(lost, None)
    clock.advance(seconds=75)
    await ledger.record([sent(ok, "41"), failed(gone, "gone", "blocked")])
    await ledger.record([type(unknown)(lost.id, DeliveryState.UNKNOWN, 1, (None,), lost.due, 0)])
    await ledger.finish()
    (broadcast,) = await ledger.broadcasts(1)
    assert broadcast.state is BroadcastState.DONE
    assert await ledger.notices.outcome(broadcast) == Pushed(
        broadcast=broadcast.id,
        episode=1207,
        schedule="monday",
        took=clock() - MONDAY,
        served={TELEGRAM: 1},
        unserved=(
            Unserved(TELEGRAM, "gone", "blocked", 1, targets=(telegram(2),)),
            Unserved(TELEGRAM, "", "", 1, unknown=True, targets=(telegram(3),)),
        ),
        subscribed=3,
    )


async def test_notices_are_no_pushes(ledger: Ledger) -> None:
    """They neither count as one for their episode nor push old episodes out of the ledger; they grow old with them."""
    for episode in (1206, 1207, 1208):
        await notifier(ledger, ADA).tell(Missed("monday", MONDAY, episode))
        await push(ledger, episode=episode)
    assert await ledger.broadcast_of(1206, "monday") is not None
    assert [each.episode for each in await ledger.broadcasts(9)] == [1208, 1207, 1206]
    for delivery in await due(ledger):
        await ledger.record([sent(delivery, "1")])
    await ledger.finish()
    await ledger.prune(keep_episodes=2)
    kept = {each.episode: await ledger.tally(each.id) for each in await ledger.notices.latest(9)}
    assert {episode: tally[DeliveryState.SENT] for episode, tally in kept.items()} == {1208: 1, 1207: 0, 1206: 0}


async def test_who_is_forgotten_is_not_named_any_more(ledger: Ledger) -> None:
    """Neither to the admins who were told of them, nor to those who are about to be; a longer number is another's."""
    teller = notifier(ledger, ADA, GRACE)
    for chat in ("-1001234567", "-1007654321", "-10012345678"):
        await teller.tell(PausedTooLong(telegram(chat, thread=7), "no rights"))
    for chat in ("-1001234567", "-1007654321"):
        await ledger.subscriptions.forget(telegram(chat))
    assert set(re.findall(r"-100\d+", await everything(ledger))) == {"-10012345678"}
    assert [each.target for each in await due(ledger)] == [ADA] * 3
    assert [text.count("telegram:•••••••••••:7") for text in await told(ledger)] == [2, 2, 0]


async def written(ledger: Ledger) -> list[str]:
    """The messages to the admins, as they are stored."""
    query = select(renderings.c.messages).order_by(renderings.c.id)
    stored = await ledger._database.read(lambda connection: [*connection.scalars(query)])
    return [json.dumps(messages, ensure_ascii=False) for messages in stored]


async def test_a_place_has_its_name_in_the_message_to_the_admins_alone(ledger: Ledger) -> None:
    """The platform tells the name when the notice is made; the log and the status have the number."""
    titles = {"-1001234567": 'Les « amis » \N{GRINNING FACE} de "Théo"\n\\o/'}
    teller = dataclasses.replace(notifier(ledger, titles=titles), admins={TELEGRAM: [ADA], DISCORD: [GRACE]})
    await teller.tell(PausedTooLong(telegram(-1001234567), "no rights"))
    (status,) = await told(ledger)
    assert "amis" not in status
    for message in await written(ledger):
        assert "Les ' amis ' \N{GRINNING FACE} de 'Théo' 'o/" in message


async def test_a_place_that_no_platform_names_has_its_number(ledger: Ledger) -> None:
    """The notice comes all the same."""
    await notifier(ledger, ADA).tell(PausedTooLong(telegram(-5), "no rights"))
    (message,) = await written(ledger)
    assert "telegram:-5 n’a pas laissé" in message


async def test_the_name_goes_with_the_number_when_a_chat_is_forgotten(ledger: Ledger) -> None:
    """Dots stand in its place, as many as Telegram counts, so that what is bold begins where it did."""
    titles = {"-1001234567": "Les amis \N{GRINNING FACE}", "-10012": "Le club"}
    teller = dataclasses.replace(notifier(ledger, titles=titles), admins={TELEGRAM: [ADA], DISCORD: [GRACE]})
    for chat in titles:
        await teller.tell(PausedTooLong(telegram(chat), "no rights"))
    before = await written(ledger)
    await ledger.subscriptions.forget(telegram("-1001234567"))
    after = await written(ledger)
    assert ["amis" in message for message in before] == [True, True, False, False]
    assert not any("amis" in message or "1234567" in message for message in after)
    assert after[2:] == before[2:]
    assert [len(each.encode("utf-16-le")) for each in after] == [len(each.encode("utf-16-le")) for each in before]
