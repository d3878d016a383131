"""Answers on Discord: in time, seen by those whom they are for, and a sentence whatever goes wrong."""

from __future__ import annotations

import asyncio
import dataclasses
import logging
from typing import TYPE_CHECKING, Any

import discord
import pytest

from bot.commands import answered
from bot.model.problems import ExpectedError
from bot.platforms.discord import handlers
from bot.platforms.discord.places import request_of
from bot.sandbox.discord.interactions import Callback
from bot.sandbox.shared.faults import Fault, Flood, Match, Reply
from tests.platforms.discord.answering import Scene, answering, text_of
from tests.waiting import PATIENCE, Unending, until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

CALLBACK = "POST /interactions/{interaction_id}/{interaction_token}/callback"
FOLLOW_UP = "POST /webhooks/{application_id}/{interaction_token}"


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[Scene]:
    """The bot on Discord."""
    async with answering(tmp_path) as made:
        yield made


@pytest.fixture
async def slow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Scene]:
    """The same, which comes to no answer before it has asked Discord for more time."""
    async with answering(tmp_path, patience=0.01) as made:

        def signs() -> int:
            return sum(request.route == CALLBACK and request.processed is not None for request in made.requests)

        async def think_long(*arguments: Any, **options: Any) -> Any:  # noqa: ANN401 - as the method has them
            before = signs()
            await made.discord.wait_for(lambda: signs() > before)
            return await answered(*arguments, **options)

        monkeypatch.setattr(handlers, "answered", think_long)
        yield made


async def logged(caplog: pytest.LogCaptureFixture, words: str) -> None:
    """Wait until the log says so."""
    await until(lambda: words in caplog.text)


# Who sees an answer


async def test_an_answer_is_for_the_one_who_asked(scene: Scene) -> None:
    """Nobody else in the channel sees it, whatever number of messages it is."""
    interaction = await scene.says("latest")
    await interaction.reply(2)
    assert {message.ephemeral for message in interaction.messages} == {True}
    assert scene.text.messages == []


async def test_who_manages_messages_can_share_an_answer(scene: Scene) -> None:
    """Then all of it stands in the channel."""
    interaction = await scene.says("latest", by=scene.manager, share=True)
    await interaction.reply(2)
    assert scene.text.messages == interaction.messages


@pytest.mark.parametrize("command", ["help", "privacy", "subscribe", "settings"])
async def test_what_is_about_the_bot_or_the_channel_can_be_shared_too(scene: Scene, command: str) -> None:
    """The others may want to know what the bot can do, and what comes here."""
    await (await scene.says("subscribe", by=scene.manager)).reply()
    assert not (await (await scene.says(command, by=scene.manager, share=True)).reply()).ephemeral


async def test_others_are_told_why_their_answer_is_not_shared(scene: Scene) -> None:
    """They get it all the same."""
    interaction = await scene.says("topic", name="tiktok", share=True)
    reply = await interaction.reply()
    assert text_of(reply).startswith("-# Seules les personnes qui gèrent les messages peuvent partager une réponse ici")
    assert "#tiktok" in text_of(reply)
    assert reply.ephemeral


async def test_in_private_anybody_shares(scene: Scene) -> None:
    """There the answer stays when the app is closed."""
    interaction = await scene.says("topic", scene.discord.direct(scene.reader), name="tiktok", share=True)
    reply = await interaction.reply()
    assert not reply.ephemeral
    assert "partager" not in text_of(reply)


async def test_what_is_of_use_to_one_alone_is_not_shared(scene: Scene) -> None:
    """A misspelt topic is nothing to show to a whole channel."""
    interaction = await scene.says("topic", by=scene.manager, name="tiktak", share=True)
    assert (await interaction.reply()).ephemeral


async def test_nobody_is_ever_pinged(scene: Scene) -> None:
    """Neither by an answer, nor by its change, its further messages or what somebody typed: every request says so."""
    await everything_is_said_quietly(scene)


async def test_nobody_is_pinged_by_a_slow_answer(slow: Scene) -> None:
    """It takes other requests, which say so too."""
    await everything_is_said_quietly(slow)


async def everything_is_said_quietly(scene: Scene) -> None:
    """All ways to answer are used, and none lets a text alert anybody."""
    await (await scene.says("topic", name="@everyone <@1>")).reply()
    await (await scene.says("latest", by=scene.manager, share=True)).reply(2)
    first = await (await scene.says("topic", by=scene.manager, name="tiktok", share=True)).reply()
    await scene.presses(first, "Plus anciens ▶", by=scene.manager)
    await scene.discord.wait_for(lambda: "page 2" in text_of(first))
    forms = [form for made in scene.requests for form in (made.body, made.body.get("data") or {})]
    said = [form for form in forms if "components" in form]
    assert len(said) >= 5
    assert [form for form in said if form.get("allowed_mentions", {}).get("parse") != []] == []


# In time


async def test_a_quick_answer_is_not_announced(scene: Scene) -> None:
    """It comes at once."""
    interaction = await scene.says("topics")
    await interaction.reply()
    assert interaction.callback is Callback.MESSAGE


@pytest.mark.parametrize("shared", [True, False])
async def test_a_slow_answer_is_announced_and_comes(slow: Scene, *, shared: bool) -> None:
    """Discord shows that the bot thinks, to those who will see the answer; then all of it comes there."""
    interaction = await slow.says("latest", by=slow.manager, share=shared)
    await interaction.reply(2)
    assert interaction.callback is Callback.DEFERRED_MESSAGE
    assert {message.ephemeral for message in interaction.messages} == {not shared}
    assert (slow.text.messages == interaction.messages) is shared


async def test_a_slow_page_still_takes_the_place_of_the_one_before(slow: Scene) -> None:
    """The message stays as it is until the next page is there."""
    first = await (await slow.says("topic", name="tiktok")).reply()
    turned = await slow.presses(first, "Plus anciens ▶")
    await slow.discord.wait_for(lambda: "page 2" in text_of(first))
    assert (turned.callback, turned.followups) == (Callback.DEFERRED_UPDATE, [])


async def test_a_slow_answer_to_a_press_is_a_message_of_its_own(slow: Scene) -> None:
    """The message with the button stays as it was."""
    first = await (await slow.says("topics")).reply()
    before = text_of(first)
    pressed = await slow.presses(first, "#tiktok")
    await slow.discord.wait_for(lambda: pressed.followups)
    assert (text_of(first), pressed.followups[0].ephemeral) == (before, True)


async def test_the_desk_may_take_longer_than_discord_waits(scene: Scene, tmp_path: Path) -> None:
    """Discord's three seconds pass while the bot waits for its turn; the answer comes all the same."""
    del scene
    async with answering(tmp_path, patience=0.05) as hurried:
        async with hurried.context.changing:
            interaction = await hurried.says("subscribe", by=hurried.manager)
            await interaction.answered()
            hurried.clock.move(seconds=60)
        assert "Abonnement enregistré" in text_of(await interaction.reply())


async def test_a_question_beyond_the_end_of_the_line_is_acknowledged_at_once(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a word to the person alone, as a first answer, which Discord does not count; a repeated one with none."""
    monkeypatch.setattr("bot.delivery.sending.LONGEST_LINE", 1)
    async with scene.context.changing:
        first, again = [await scene.says("subscribe", by=scene.manager) for _ in range(2)]
        turned_away = await scene.says("latest")
        assert "Trop de monde" in text_of(await turned_away.reply())
        await scene.discord.wait_for(lambda: again.callback)
    assert turned_away.ephemeral
    assert "Abonnement enregistré" in text_of(await first.reply())
    await scene.platform.underway.finish(PATIENCE)
    assert again.messages == []


async def test_an_answer_that_comes_too_late_is_logged_in_a_sentence(
    scene: Scene, caplog: pytest.LogCaptureFixture
) -> None:
    """Nobody can be told any more, and it is no bug: no traceback."""
    caplog.set_level(logging.INFO)
    async with scene.context.changing:
        interaction = await scene.says("subscribe", by=scene.manager)
        await asyncio.sleep(0)
        scene.clock.move(seconds=4)
    await logged(caplog, "No answer in")
    assert interaction.callback is None
    assert "Traceback" not in caplog.text


async def test_the_bot_leaves_when_it_has_answered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was asked before the bot is stopped is answered; it does not hang up in the middle of a word."""
    monkeypatch.setattr("bot.platforms.discord.client.LAST_ANSWERS", PATIENCE)
    async with answering(tmp_path, patience=0.01) as scene:
        async with scene.context.changing:
            interaction = await scene.says("subscribe", by=scene.manager)
            await interaction.answered()
            leaving = asyncio.create_task(scene.platform.close())
            await asyncio.sleep(0)
        assert "Abonnement enregistré" in text_of(await interaction.reply())
        await leaving


async def test_discords_pauses_are_waited(scene: Scene) -> None:
    """Asked to wait, the bot waits, and the answer is whole."""
    for route in (CALLBACK, FOLLOW_UP):
        scene.discord.faults.add(Fault(Flood(0.1), Match(route)))
    interaction = await scene.says("latest")
    await interaction.reply(2)
    assert scene.discord.faults.pending == ()


# When something goes wrong


def broken(scene: Scene, error: Exception) -> None:
    """From now on every command fails."""

    def fail() -> None:
        raise error

    scene.handlers._context = dataclasses.replace(scene.context, archive=fail)  # type: ignore[arg-type]


async def test_a_bug_gives_the_person_a_sentence_and_the_log_a_traceback(
    scene: Scene, caplog: pytest.LogCaptureFixture
) -> None:
    """What was typed is not in the log."""
    broken(scene, ZeroDivisionError())
    reply = await (await scene.says("topic", name="mon secret")).reply()
    assert text_of(reply).startswith("Désolé")
    assert reply.ephemeral
    assert "ZeroDivisionError" in caplog.text
    assert "mon secret" not in caplog.text


async def test_what_can_be_expected_to_fail_needs_no_traceback(scene: Scene, caplog: pytest.LogCaptureFixture) -> None:
    """A database that is full, for example: the log says it in a sentence."""
    broken(scene, ExpectedError("the disk is full"))
    assert text_of(await (await scene.says("topics")).reply()).startswith("Désolé")
    assert "the disk is full" in caplog.text
    assert "Traceback" not in caplog.text


async def test_an_answer_that_discord_refuses_is_followed_by_one_it_takes(
    scene: Scene, caplog: pytest.LogCaptureFixture
) -> None:
    """The person is not left with an app that did not react; the log says what Discord found wrong."""
    refusal = {
        "message": "Invalid Form Body",
        "code": 50035,
        "errors": {"data": {"_errors": [{"code": "X", "message": "too odd"}]}},
    }
    scene.discord.faults.add(Fault(Reply(400, refusal), Match(CALLBACK)))
    assert text_of(await (await scene.says("topics")).reply()).startswith("Désolé")
    assert "too odd" in caplog.text


async def test_an_excuse_for_a_shared_answer_stands_where_the_answer_was_announced(slow: Scene) -> None:
    """All people in the channel saw that the bot thinks and the first message: they see as well that no more comes."""
    refusal = {"message": "Invalid Form Body", "code": 50035}
    slow.discord.faults.add(Fault(Reply(400, refusal), Match(FOLLOW_UP)))
    interaction = await slow.says("latest", by=slow.manager, share=True)
    excuse = await interaction.reply(2)
    assert text_of(excuse).startswith("Désolé")
    assert not excuse.ephemeral
    assert slow.text.messages == interaction.messages


async def test_a_command_of_another_version_gets_an_answer(scene: Scene) -> None:
    """Somebody's app still offers it, or an option of it that is no more."""
    await (await scene.says("help")).reply()
    application = scene.platform.client.application_id
    route = discord.http.Route("PUT", "/applications/{application_id}/commands", application_id=application)
    await scene.platform.client.http.request(route, json=[{"name": "old", "description": "x", "type": 1}])
    reply = await (await scene.says("old")).reply()
    assert "autre version" in text_of(reply)
    assert reply.ephemeral


async def test_a_handler_that_fails_is_no_command_of_another_version(
    scene: Scene, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The cause is in the log, and the person gets an excuse."""
    failures = [ZeroDivisionError("the cause")]

    def fail_once(*arguments: Any, **options: Any) -> Any:  # noqa: ANN401 - as the original takes and returns them
        if failures:
            raise failures.pop()
        return request_of(*arguments, **options)

    monkeypatch.setattr(handlers, "request_of", fail_once)
    reply = await (await scene.says("help")).reply()
    assert "autre version" not in text_of(reply)
    assert text_of(reply).startswith("Désolé")
    assert "ZeroDivisionError: the cause" in caplog.text


async def test_an_answer_in_a_private_chat_stays(scene: Scene) -> None:
    """Nobody else reads there; an excuse stays, too."""
    private = scene.discord.direct(scene.reader)
    assert not (await (await scene.says("topics", private)).reply()).ephemeral
    scene.discord.faults.add(Fault(Reply(403, {"message": "Blocked by AutoMod", "code": 200000}), Match(CALLBACK)))
    excuse = await (await scene.says("topics", private)).reply()
    assert text_of(excuse).startswith("Désolé")
    assert not excuse.ephemeral


async def test_an_answer_that_is_cut_off_ends_before_its_handler(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """The bot closes its connections when no handler runs any more; nothing may go on behind them."""
    answering = Unending("answer")
    monkeypatch.setattr(handlers, "answered", answering)
    await scene.says("topics")
    await answering.began.wait()
    await scene.platform.underway.finish(within=0.0)
    assert answering.ended == ["answer"]


# While people type


async def test_no_more_is_suggested_than_discord_takes(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """The likeliest ones, without those that are too long to be submitted; a long text to show is cut."""
    likeliest = [("é" * 101, str(number)) for number in range(20)]
    found = [*likeliest, *((f"long {number}", "é" * 101) for number in range(20)), *likeliest]
    monkeypatch.setattr(handlers, "suggest", lambda *_asked: found)
    typing = await scene.discord.autocomplete(scene.reader, scene.text, "topic", "name", "é")
    choices = await typing.suggestions()
    assert [each["value"] for each in choices] == [str(number) for number in (*range(20), *range(5))]
    assert {len(each["name"]) for each in choices} == {100}


async def test_a_failure_while_somebody_types_is_for_the_log(scene: Scene, caplog: pytest.LogCaptureFixture) -> None:
    """They get no suggestions, and may submit what they typed."""
    broken(scene, ZeroDivisionError())
    await scene.discord.autocomplete(scene.reader, scene.text, "topic", "name", "tik")
    await logged(caplog, "no suggestions")


async def test_suggestions_that_come_too_late_are_no_news(scene: Scene, caplog: pytest.LogCaptureFixture) -> None:
    """People type faster than Discord asks."""
    caplog.set_level(logging.DEBUG, "bot")
    gone = Reply(404, {"message": "Unknown interaction", "code": 10062})
    scene.discord.faults.add(Fault(gone, Match(CALLBACK)))
    await scene.discord.autocomplete(scene.reader, scene.text, "topic", "name", "tik")
    await logged(caplog, "came to nothing")
    assert "Traceback" not in caplog.text
