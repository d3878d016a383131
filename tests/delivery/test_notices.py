"""Notices to the admins: told once, kept, delivered like everything else, and never in the way of a push."""

from __future__ import annotations

import logging
import re
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

from bot.delivery.admins import AdminNotifier
from bot.delivery.report import Reporter
from bot.model.document import Document, Paragraph, Section, Span
from bot.model.i18n import Language, words
from bot.model.subscription import PlatformName, Target
from bot.platforms.discord.render import render as render_for_discord
from bot.platforms.registry import PLATFORMS
from bot.platforms.telegram.render import render as render_for_telegram
from bot.storage.ledger import BroadcastState, DeliveryState, Ledger
from bot.storage.records import BroadcastKind, Notice, Pushed, Unserved
from tests.delivery.ledger_kit import (
    DISCORD,
    MONDAY,
    TELEGRAM,
    Clock,
    due,
    failed,
    opened,
    push,
    pushed_to,
    sent,
    telegram,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import pytest

    from bot.model.rendering import Rendering

ADA, GRACE = telegram(99), Target(DISCORD, "@77")
REPORTER = Reporter(words(Language.FRENCH))


class Renderer:
    """A platform that only renders, with the real renderer."""

    def __init__(self, name: PlatformName, render: Callable[..., Rendering]) -> None:
        self.name = name
        self.render = render


def notifier(ledger: Ledger, *admins: Target) -> AdminNotifier:
    """A notifier who tells these admins."""
    return AdminNotifier(
        ledger=ledger,
        platforms={
            TELEGRAM: Renderer(TELEGRAM, render_for_telegram),  # type: ignore[dict-item] # it only renders
            DISCORD: Renderer(DISCORD, render_for_discord),  # type: ignore[dict-item] # likewise
        },
        admins={platform: [each for each in admins if each.platform is platform] for platform in PLATFORMS},
        reporter=REPORTER,
    )


def notice(key: str, text: str = "Le fichier est cassé") -> Notice:
    """Something to tell."""
    return Notice(key, Document(title=text, sections=(Section((Paragraph((Span(text),)),)),)))


async def waiting(ledger: Ledger) -> list[Target]:
    """The targets for whom something is due."""
    return [each.target for name in PLATFORMS for each in await due(ledger, name)]


async def test_every_admin_on_every_platform_is_told(ledger: Ledger) -> None:
    """Through the ledger, like any delivery; the same person declared twice is told once."""
    assert await notifier(ledger, ADA, ADA, GRACE).tell(notice("one"))
    assert await waiting(ledger) == [ADA, GRACE]
    (delivery,) = await due(ledger)
    (message,) = (await ledger.stored(delivery.rendering_id)).rendering.messages
    assert message.body["text"] == "Le fichier est cassé"


async def test_a_notice_is_told_once_whoever_sees_it_again(ledger: Ledger) -> None:
    """Seen again by the same bot, or by one that was started anew: one notice."""
    first = notifier(ledger, ADA)
    assert [await first.tell(notice("one")), await first.tell(notice("one"))] == [True, False]
    assert await notifier(ledger, ADA).tell(notice("one")) is False
    assert await notifier(ledger, ADA).tell(notice("two")) is True
    assert len(await waiting(ledger)) == 2
    assert await ledger.notices.has_been_sent("one") == MONDAY
    assert await ledger.notices.has_been_sent("three") is None


async def test_without_admins_it_is_in_the_log_and_in_the_ledger(
    ledger: Ledger, caplog: pytest.LogCaptureFixture
) -> None:
    """`recap status` shows it; nobody is written to."""
    with caplog.at_level(logging.WARNING):
        await notifier(ledger).tell(notice("one"))
    assert caplog.messages == ["Le fichier est cassé"]
    assert [each.text for each in await ledger.notices.latest(9)] == ["Le fichier est cassé"]
    assert await waiting(ledger) == []


async def test_who_cannot_be_reached_is_not_told_so_there(ledger: Ledger) -> None:
    """That Telegram has stopped is told on Discord."""
    await notifier(ledger, ADA, GRACE).tell(notice("one"), but=TELEGRAM)
    assert await waiting(ledger) == [GRACE]


async def test_a_database_that_cannot_be_written_leaves_it_to_the_log(
    ledger: Ledger, caplog: pytest.LogCaptureFixture
) -> None:
    """Telling never fails, and what could not be told is told the next time."""
    teller = notifier(ledger, ADA)
    async with ledger._database.reading() as connection:
        await connection.exec_driver_sql("PRAGMA query_only = ON")
    with caplog.at_level(logging.WARNING):
        assert await teller.tell(notice("one")) is False
    assert "Le fichier est cassé (the admins cannot be told: " in caplog.text
    async with ledger._database.reading() as connection:
        await connection.exec_driver_sql("PRAGMA query_only = OFF")
    assert await teller.tell(notice("one")) is True


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
    (told,) = await due(ledger)
    await ledger.record([sent(told, "42")])
    assert [each.kind for each in await ledger.finish()] == [BroadcastKind.NOTICE]
    await notifier(ledger, ADA).report(MONDAY)
    assert len(await ledger.notices.latest(9)) == 1


async def test_a_push_that_was_stopped_is_reported_when_nothing_of_it_is_on_its_way(ledger: Ledger) -> None:
    """A message in flight may still arrive: the report waits for it."""
    first, second = await pushed_to(ledger, telegram(1), telegram(2))
    await ledger.claim(TELEGRAM, 2)
    await ledger.record([failed(first, "content", "too long")])
    await ledger.stop(first.broadcast_id, "too long")
    await notifier(ledger).report(MONDAY)
    assert await ledger.notices.latest(9) == []
    await ledger.record([sent(second, "41")])
    await notifier(ledger).report(MONDAY)
    assert len(await ledger.notices.latest(9)) == 1


async def test_old_pushes_and_those_to_one_target_are_not_reported(tmp_path: Path) -> None:
    """Who sends to one target by hand sees the result at once; what ended last week is no news."""
    clock = Clock()
    async with opened(tmp_path, clock) as ledger:
        (delivery,) = await pushed_to(ledger, telegram(1))
        await ledger.record([sent(delivery, "41")])
        await ledger.finish()
        clock.advance(days=3)
        await notifier(ledger).report(clock() - (clock() - MONDAY) / 2)
        assert await ledger.notices.latest(9) == []


async def test_a_report_counts_what_became_of_everybody(tmp_path: Path) -> None:
    """By platform and reason, with the time it took, and some targets of each failure."""
    clock = Clock()
    async with opened(tmp_path, clock) as ledger:
        ok, gone, lost = await pushed_to(ledger, telegram(1), telegram(2), telegram(3))
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
        )


async def test_notices_are_no_pushes(ledger: Ledger) -> None:
    """They neither count as one for their episode nor push old episodes out of the ledger; they grow old with them."""
    for episode in (1206, 1207, 1208):
        await notifier(ledger, ADA).tell(Notice(f"missed {episode}", notice("x").document, episode=episode))
        await push(ledger, episode=episode)
    assert await ledger.broadcast_of(1206, "monday") is not None
    assert [each.episode for each in await ledger.broadcasts(9)] == [1208, 1207, 1206]
    for told in await due(ledger):
        await ledger.record([sent(told, "1")])
    await ledger.finish()
    await ledger.prune(keep_episodes=2)
    kept = {each.episode: await ledger.tally(each.id) for each in await ledger.notices.latest(9)}
    assert {episode: tally[DeliveryState.SENT] for episode, tally in kept.items()} == {1208: 1, 1207: 0, 1206: 0}


async def test_who_is_forgotten_is_not_named_any_more(ledger: Ledger, tmp_path: Path) -> None:
    """Neither to the admins who were told of them, nor to those who are about to be; a longer number is another's."""
    teller = notifier(ledger, ADA, GRACE)
    for chat in ("-1001234567", "-1007654321", "-10012345678"):
        await teller.tell(REPORTER.paused_too_long(telegram(chat, thread=7), "no rights", MONDAY.date()))
    for chat in ("-1001234567", "-1007654321"):
        await ledger.subscriptions.forget(telegram(chat))
    with closing(sqlite3.connect(tmp_path / "recap.db")) as database:
        kept = "\n".join(database.iterdump())
    assert set(re.findall(r"-100\d+", kept)) == {"-10012345678"}
    assert [each.target for each in await due(ledger)] == [ADA] * 3
    told = [each.text or "" for each in await ledger.notices.latest(3)]
    assert [text.count("telegram:•••••••••••:7") for text in told] == [0, 2, 2]
