"""What subscribers get on Monday, by what they chose, and what they can do from there."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import pytest

from bot.sandbox.shared.faults import Fault, Match, Reply
from tests.conversation import talking
from tests.world import town

if TYPE_CHECKING:
    from pathlib import Path

    import time_machine


async def test_a_push_of_some_topics_leads_to_the_other_subjects(clock: time_machine.Traveller, tmp_path: Path) -> None:
    """The subjects keep their numbers; the button shows just those that were left out."""
    clock.shift(dt.timedelta(days=-2))
    async with town() as place, talking(place, tmp_path) as talk:
        eve = talk.on_telegram()
        await eve.says("/subscribe tiktok")
        said = len(eve.seen())
        clock.shift(dt.timedelta(days=1, minutes=1))
        await talk.app.tick()
        await place.telegram.wait_for(lambda: len(eve.seen()) > said, 10)
        push = eve.seen()[-1].text.replace("\N{NO-BREAK SPACE}", " ")
        assert "Vos thèmes : 3 sujets sur 5." in push
        assert "3. TikTok et Spotify" in push
        assert "1. Netflix" not in push
        others = await eve.presses("Les 2 autres sujets")
        assert not others.replaced
        assert "1. Netflix" in others.text
        assert "2. Telegram" in others.text
        assert "3. TikTok et Spotify" not in others.text
        assert "3. TikTok et Spotify" in (await eve.presses("Tout l’épisode 1207")).text


@pytest.mark.parametrize("is_refused", [False, True])
async def test_rich_messages_fall_back_to_classic_ones(
    clock: time_machine.Traveller, tmp_path: Path, *, is_refused: bool
) -> None:
    """Who chose them gets one rich message; where Telegram refuses it, the same as everybody else."""
    clock.shift(dt.timedelta(days=-2))
    async with town() as place, talking(place, tmp_path) as talk:
        eve = talk.on_telegram()
        await eve.says("/subscribe")
        await eve.says("/settings")
        await eve.presses("Messages enrichis")
        said = len(eve.seen())
        if is_refused:
            refusal = Reply(
                400, {"ok": False, "error_code": 400, "description": "Bad Request: RICH_MESSAGE_URL_INVALID"}
            )
            place.telegram.faults.add(Fault(refusal, Match("sendRichMessage"), times=None))
        clock.shift(dt.timedelta(days=1, minutes=1))
        await talk.app.tick()
        await place.telegram.wait_for(lambda: any("5. TikTok" in message.text for message in eve.seen()[said:]), 10)
        pushed = eve.seen()[said:]
        assert [bool(message.rich) for message in pushed] == ([False] * len(pushed) if is_refused else [True])
